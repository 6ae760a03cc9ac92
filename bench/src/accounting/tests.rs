//! Ledgers that add up, and what a missing or doubled count leaves.

use super::*;
use crate::process::AuthorityReport;
use serde_json::{Value, json};

/// What both sides of a good run counted: 1,000 requests, of which our socket refused 10 and a full queue cost 40 in 2 packets.
fn sides() -> Sides {
    Sides {
        pushed: 900,
        unsent: 10,
        received_in_phases: 700,
        received: 760,
        used: 600,
        late: 70,
        invalid: 20,
        overrun: 10,
        intruder_pushed: 100,
        intruder_unsent: 0,
        intruder_received: 90,
        intruder_named: 90,
        our_sockets: SocketState { packets_dropped: 15, waiting_bytes: 0 },
        their_sockets: SocketState { packets_dropped: 2, waiting_bytes: 0 },
    }
}

fn counts() -> AuthorityCounts {
    AuthorityCounts {
        received: 949,
        undeliverable: 1,
        not_a_frame: 20,
        not_a_request: 10,
        repeated_while_held: 4,
        replies_dropped: 5,
        unanswered: 10,
        sent: 880,
        unsent: 20,
        ..AuthorityCounts::default()
    }
}

fn remainders(sides: &Sides, counts: &AuthorityCounts) -> Vec<(&'static str, i64)> {
    let datagrams = Some(Datagrams::new(sides, counts));
    Accounting { datagrams, ..Accounting::default() }.remainders()
}

#[test]
fn a_run_whose_losses_are_all_known_has_no_remainder() {
    assert_eq!(remainders(&sides(), &counts()), []);
    let Datagrams { requests, replies, datagrams_lost_by_place } = Datagrams::new(&sides(), &counts());
    assert_eq!((requests.pushed, requests.lost_in_receive_queue, requests.replied), (1_000, 40, 900));
    assert_eq!((replies.lost_in_receive_queue, replies.audit, replies.intruder), (30, 60, 90));
    let expected = LostByPlace {
        generator_socket: 10,
        request_receive_queue: 40,
        reply_queue: 5,
        reply_socket: 20,
        reply_receive_queue: 30,
        generator_overrun: 10,
    };
    assert_eq!(datagrams_lost_by_place, expected);
}

/// One counter after the other is off by one: each is missed.
#[test]
fn every_count_that_is_off_by_one_leaves_a_remainder() {
    let theirs: [fn(&mut AuthorityCounts) -> &mut u64; 7] = [
        |counts| &mut counts.received,
        |counts| &mut counts.not_a_frame,
        |counts| &mut counts.not_a_request,
        |counts| &mut counts.repeated_while_held,
        |counts| &mut counts.replies_dropped,
        |counts| &mut counts.unanswered,
        |counts| &mut counts.sent,
    ];
    for (index, field) in theirs.into_iter().enumerate() {
        let mut counts = counts();
        *field(&mut counts) += 1;
        assert_ne!(remainders(&sides(), &counts), [], "the authorities' count {index}");
    }
    let ours: [fn(&mut Sides) -> &mut u64; 6] = [
        |sides| &mut sides.used,
        |sides| &mut sides.late,
        |sides| &mut sides.invalid,
        |sides| &mut sides.overrun,
        |sides| &mut sides.intruder_named,
        |sides| &mut sides.intruder_received,
    ];
    for (index, field) in ours.into_iter().enumerate() {
        let mut sides = sides();
        *field(&mut sides) -= 1;
        assert_ne!(remainders(&sides, &counts()), [], "our count {index}");
    }
}

#[test]
fn a_gap_is_believed_only_as_far_as_the_kernels_drops_explain_it() {
    let requests = |packets_dropped: u64, missing: u64| {
        let sides = Sides {
            pushed: 1_000,
            their_sockets: SocketState { packets_dropped, waiting_bytes: 0 },
            ..Sides::default()
        };
        let received = 1_000 - missing;
        let requests =
            Datagrams::new(&sides, &AuthorityCounts { received, sent: received, ..AuthorityCounts::default() })
                .requests;
        (requests.lost_in_receive_queue, requests.remainder_on_the_way)
    };
    assert_eq!(requests(0, 0), (0, 0));
    assert_eq!(requests(0, 1), (0, 1), "nothing was dropped, and one is missing");
    assert_eq!(requests(2, 2), (2, 0));
    assert_eq!(requests(2, 128), (128, 0), "two packets of 64");
    assert_eq!(requests(2, 129), (128, 1));
    assert_eq!(requests(2, 1), (2, -1), "two were dropped, and only one is missing");
}

fn shard() -> Value {
    json!({
        "protocol": {
            "orders": 5, "certificates": 4, "queries": 3, "history_queries": 2, "not_requests": 1,
            "malformed": {"length": 6, "magic": 7}, "orders_held_repeated": 8, "replies_dropped": 9,
            "rejects": {"busy": 10, "expired": 11}, "votes": 12
        },
        "transport": {
            "datagrams_received": 100, "empty_datagrams": 1, "datagrams_truncated": 2, "packets_unreadable": 3,
            "datagrams_dropped_by_kernel": 4, "datagrams_sent": 90, "datagrams_unsent": 5
        },
        "unanswered": 2
    })
}

fn reports(counters: Value) -> [AuthorityReport; 2] {
    [0, 1].map(|index| AuthorityReport { index, findings: Vec::new(), counters: counters.clone() })
}

#[test]
fn counters_are_summed_over_all_shards_of_all_authorities() {
    let counts = AuthorityCounts::of(&reports(json!({"shards": [shard(), shard()]}))).unwrap();
    let expected = AuthorityCounts {
        received: 400,
        undeliverable: 24,
        dropped_by_kernel: 16,
        orders: 20,
        certificates: 16,
        queries: 12,
        history_queries: 8,
        not_a_frame: 52,
        not_a_request: 4,
        repeated_while_held: 32,
        replies_dropped: 36,
        unanswered: 8,
        sent: 360,
        unsent: 20,
        refused_as_busy: 40,
    };
    assert_eq!(counts, expected);
}

#[test]
fn a_counter_that_is_missing_makes_the_whole_unknown_and_says_whose() {
    let mut partial = shard();
    partial.as_object_mut().unwrap().remove("unanswered");
    for counters in [Value::Null, json!({"shards": [partial]})] {
        let because = AuthorityCounts::of(&reports(counters)).unwrap_err();
        assert!(because.contains("authority 0"), "{because}");
    }
}
