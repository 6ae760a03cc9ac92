//! What no honest process says, and what nobody else may say in its name.

use super::super::frame::{BODY_BYTES_MAX, CREDITS_PER_FRAME_MAX, KIND_ACKS, KIND_CREDITS, KIND_MARKS};
use super::*;
use crate::limits::CREDITS_UNACKNOWLEDGED_MAX;

/// All bytes that the dialer sends in a session with credits and an acknowledgement, and the listener's first event for each.
fn transcript() -> Vec<u8> {
    let (mut dials, mut listens) = pair(1);
    let mut bytes = Vec::new();
    let collect = |dials: &mut Session, listens: &mut Session, bytes: &mut Vec<u8>| {
        while !dials.output().is_empty() || !listens.output().is_empty() {
            bytes.extend_from_slice(dials.output());
            carry(dials, listens, usize::MAX, nothing()).unwrap();
            carry(listens, dials, usize::MAX, nothing()).unwrap();
        }
    };
    collect(&mut dials, &mut listens, &mut bytes);
    dials.send_credits(ShardIndex(2), ShardIndex(0), &credits(0, 1..4));
    dials.send_ack(ShardIndex(1), ShardIndex(3), CreditAck { number: 0, has_room: true });
    collect(&mut dials, &mut listens, &mut bytes);
    bytes
}

/// What a listener with this nonce makes of bytes that come in pieces of this length.
fn heard(bytes: &[u8], nonce: u8, piece: usize) -> Result<Vec<Said>, LinkFault> {
    let (_, mut listens) = pair(nonce);
    let mut all = Vec::new();
    for piece in bytes.chunks(piece) {
        listens.receive(piece);
        all.extend(hear(&mut listens, nothing())?);
    }
    Ok(all)
}

#[test]
fn however_the_bytes_are_cut_they_say_the_same() {
    let bytes = transcript();
    let whole = heard(&bytes, 1, usize::MAX).unwrap();
    assert!(matches!(whole.as_slice(), [Said::Proved(_), Said::Up, Said::Credits(2, 0, _), Said::Ack(1, 3, _)]));
    for piece in [1, 2, 3, 7, 31, 32, 33, 100, 4_096] {
        assert_eq!(heard(&bytes, 1, piece).unwrap(), whole, "pieces of {piece}");
    }
}

#[test]
fn one_byte_changed_anywhere_ends_the_session_before_what_it_says_is_believed() {
    let bytes = transcript();
    let whole = heard(&bytes, 1, usize::MAX).unwrap();
    for place in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[place] ^= bit;
            let (_, mut listens) = pair(1);
            let mut said = Vec::new();
            let mut fault = None;
            for piece in changed.chunks(64) {
                listens.receive(piece);
                let event = loop {
                    match listens.next_event() {
                        Ok(Some(event)) => said.push(super::said(event)),
                        Ok(None) => break None,
                        Err(fault) => break Some(fault),
                    }
                    if matches!(said.last(), Some(Said::Proved(_))) {
                        listens.begin(|_, _| nothing());
                    }
                };
                if event.is_some() {
                    fault = event;
                    break;
                }
            }
            // A length that grew makes it wait for bytes that never come; anything else is noticed.
            assert!(fault.is_some() || said.len() < whole.len(), "byte {place}: {said:?}");
            assert!(whole.starts_with(&said), "byte {place}: {said:?}");
        }
    }
}

#[test]
fn an_old_session_played_again_proves_nothing() {
    assert_eq!(heard(&transcript(), 2, usize::MAX), Err(LinkFault::Key));
}

#[test]
fn frames_repeated_left_out_or_in_another_order_end_the_session() {
    let frames = |count: u64| -> (Session, Vec<Vec<u8>>) {
        let (mut dials, listens) = up();
        let frame = |number: u64| {
            dials.send_credits(ShardIndex(2), ShardIndex(0), &credits(0, number..number + 1));
            let bytes = dials.output().to_vec();
            dials.sent(bytes.len());
            bytes
        };
        (listens, (1..=count).map(frame).collect())
    };
    for order in [&[0, 0][..], &[1], &[1, 0], &[0, 2]] {
        let (mut listens, frames) = frames(3);
        let outcome: Result<Vec<_>, LinkFault> = order
            .iter()
            .map(|place| {
                listens.receive(&frames[*place]);
                hear(&mut listens, nothing())
            })
            .collect();
        assert_eq!(outcome, Err(LinkFault::Tag), "{order:?}");
    }
}

#[test]
fn what_is_sent_back_to_its_maker_is_refused() {
    // The dialer's own hello as an answer, with whatever tag.
    let (mut dials, _) = pair(1);
    let own = dials.output().to_vec();
    dials.receive(&[own.as_slice(), &[0; 32]].concat());
    assert_eq!(dials.next_event(), Err(LinkFault::Shards));
    // The listener's own answer as the dialer's proof: the roles' tags differ.
    let (mut dials, mut listens) = pair(1);
    carry(&mut dials, &mut listens, usize::MAX, nothing()).unwrap();
    let tag = listens.output()[listens.output().len() - 32..].to_vec();
    listens.receive(&tag);
    assert_eq!(listens.next_event(), Err(LinkFault::Key));
    // Its own frames: each direction has a key of its own.
    let (mut dials, _) = up();
    dials.send_credits(ShardIndex(2), ShardIndex(0), &credits(0, 1..2));
    let own = dials.output().to_vec();
    dials.receive(&own);
    assert_eq!(dials.next_event(), Err(LinkFault::Tag));
}

#[test]
fn whoever_is_of_another_authority_network_or_division_is_refused() {
    let listens = || Session::listen(key(), process("0-1"), [2; 32]);
    let own = process("2-3");
    let dial = |key: LinkKey, own: Process, peer: &str| Session::dial(key, own, peer.parse().unwrap(), [1; 32]);
    let other_key = LinkKey::derive(&[8; 32], &network());
    let cases = [
        (dial(other_key, own, "0-1"), LinkFault::Key),
        (dial(key(), Process { network: NetworkId([8; 32]), ..own }, "0-1"), LinkFault::Network),
        (dial(key(), Process { shard_count: 5, ..own }, "0-1"), LinkFault::Shards),
        (dial(key(), own, "0-2"), LinkFault::Shards),
        (dial(key(), process("1-3"), "0-1"), LinkFault::Shards),
        (dial(key(), process("2-9"), "0-1"), LinkFault::Shards),
    ];
    for (mut dials, expected) in cases {
        let fault = settle(&mut dials, &mut listens()).unwrap_err();
        assert!(fault == expected && fault.is_refusal(), "{fault:?} is not {expected:?}");
    }
    // A proof that is none, after a hello that is one.
    let (mut dials, mut listens) = pair(1);
    carry(&mut dials, &mut listens, usize::MAX, nothing()).unwrap();
    listens.receive(&[7; 32]);
    assert_eq!(listens.next_event(), Err(LinkFault::Key));
}

#[test]
fn garbage_and_other_versions_are_told_apart() {
    let (dials, _) = pair(1);
    let hello = dials.output().to_vec();
    let heard = |change: fn(&mut Vec<u8>)| {
        let mut bytes = hello.clone();
        change(&mut bytes);
        heard(&bytes, 1, usize::MAX).unwrap_err()
    };
    assert_eq!(heard(|bytes| bytes[0] = b'G'), LinkFault::NotAPeer);
    assert_eq!(heard(|bytes| bytes[8] = 9), LinkFault::Version { found: 9 });
}

fn marks(made: u64, acknowledged: u64, applied: u64) -> PairMarks {
    let ack = |number| CreditAck { number, has_room: true };
    PairMarks { made, acknowledged: ack(acknowledged), applied: ack(applied) }
}

/// What each end finds, with these marks of the listener's and of the dialer's.
fn found(listens_has: PairMarks, dials_has: PairMarks) -> [Result<Vec<Said>, LinkFault>; 2] {
    let (mut dials, mut listens) = pair(1);
    carry(&mut dials, &mut listens, usize::MAX, listens_has).unwrap();
    carry(&mut listens, &mut dials, usize::MAX, dials_has).unwrap();
    let at_listener = carry(&mut dials, &mut listens, usize::MAX, listens_has);
    [at_listener, carry(&mut listens, &mut dials, usize::MAX, dials_has)]
}

#[test]
fn marks_that_belong_together_begin_a_session() {
    // Of 10 credits made, 7 arrived and 5 were acknowledged; the other way nothing is under way.
    for outcome in found(marks(10, 5, 3), marks(3, 3, 7)) {
        assert_eq!(outcome.unwrap().last(), Some(&Said::Up));
    }
}

#[test]
fn either_end_proves_that_the_other_or_itself_has_forgotten() {
    let whole = marks(10, 5, 5);
    for (forgetful, forgotten, has, had) in
        [(marks(10, 5, 4), Forgotten::Applied, 4, 5), (marks(4, 4, 10), Forgotten::Made, 4, 5)]
    {
        for (is_listener, outcomes) in [(true, found(forgetful, whole)), (false, found(whole, forgetful))] {
            for (at_listener, outcome) in [true, false].into_iter().zip(outcomes) {
                let Err(LinkFault::Lost(loss)) = outcome else { panic!("{outcome:?}") };
                assert_eq!((loss.forgotten, loss.has, loss.had), (forgotten, has, had));
                assert_eq!(loss.is_peers, is_listener != at_listener, "{loss:?}");
                let forgetful_shards = if is_listener { [0, 1] } else { [2, 3] };
                let shard = if forgotten == Forgotten::Made { loss.source } else { loss.destination };
                assert!(forgetful_shards.contains(&shard.0), "{loss}");
            }
        }
    }
}

/// A listener that was sent this by a process with the key.
fn after(send: impl FnOnce(&mut Session)) -> Result<Vec<Said>, LinkFault> {
    let (mut dials, mut listens) = up();
    send(&mut dials);
    let mut all = Vec::new();
    while !dials.output().is_empty() {
        all.extend(carry(&mut dials, &mut listens, usize::MAX, nothing())?);
    }
    Ok(all)
}

#[test]
fn a_faulty_process_ends_its_session_and_nothing_else() {
    let (ours, theirs) = (ShardIndex(0), ShardIndex(2));
    let is_fault = |outcome: Result<Vec<Said>, LinkFault>| matches!(outcome, Err(LinkFault::Frame(_)));
    let send = |credits: Vec<Credit>| after(move |dials| dials.send_credits(theirs, ours, &credits));
    assert!(is_fault(send(credits(1, 1..2))), "an account of another shard");
    assert!(is_fault(send(credits(0, 0..1))), "there is no credit 0");
    let most = CREDITS_UNACKNOWLEDGED_MAX as u64;
    assert!(!is_fault(send(credits(0, most..most + 1))));
    assert!(is_fault(send(credits(0, most + 1..most + 2))), "more than may be unacknowledged");
    assert!(is_fault(after(|dials| {
        dials.send_ack(ours, theirs, CreditAck { number: 1, has_room: true });
    })));
    for kind in [KIND_MARKS, 0, 4, u16::MAX] {
        assert!(is_fault(after(|dials| dials.seal(kind, &[&[0; 32]]))), "kind {kind}");
    }
    for (kind, length) in [(KIND_CREDITS, 11), (KIND_CREDITS, 13), (KIND_ACKS, 0), (KIND_ACKS, 15), (KIND_ACKS, 32)] {
        assert!(is_fault(after(|dials| dials.seal(kind, &[&vec![0; length]]))), "{length} bytes of kind {kind}");
    }
}

#[test]
fn a_frame_longer_than_any_is_refused_before_it_is_waited_for() {
    let (_, mut listens) = up();
    let length = u32::try_from(BODY_BYTES_MAX + 1).unwrap().to_le_bytes();
    listens.receive(&[&[2, 0, 0, 0][..], &length].concat());
    assert!(matches!(listens.next_event(), Err(LinkFault::Frame(_))));
}

#[test]
fn neither_side_keeps_more_than_its_bounds() {
    let (mut dials, mut listens) = up();
    let mut number = 1;
    while dials.has_room() {
        let end = (number + CREDITS_PER_FRAME_MAX as u64).min(CREDITS_UNACKNOWLEDGED_MAX as u64 + 1);
        dials.send_credits(ShardIndex(2), ShardIndex(0), &credits(0, number..end));
        number = end;
        if number > CREDITS_UNACKNOWLEDGED_MAX as u64 {
            break;
        }
    }
    assert!(dials.output().len() < OUTPUT_BYTES_MAX + 2 * (BODY_BYTES_MAX + 64), "{}", dials.output().len());
    // A byte at a time: what is not a whole frame waits, and the rest is read at once.
    let mut taken = 0;
    while !dials.output().is_empty() {
        for said in carry(&mut dials, &mut listens, 10_000, nothing()).unwrap() {
            let Said::Credits(_, _, credits) = said else { panic!("only credits were sent") };
            taken += credits.len() as u64;
        }
        assert!(listens.input_room() > 0 && listens.input_room() <= INPUT_BYTES_MAX);
    }
    assert_eq!(taken, number - 1);
}

#[test]
fn what_an_earlier_session_brought_is_not_waited_for_again() {
    let (source, destination) = (ShardIndex(2), ShardIndex(0));
    let (mut dials, mut listens) = pair(1);
    // Five were made; none was known to be applied when the session began.
    while !dials.is_up() || !listens.is_up() {
        carry(&mut dials, &mut listens, usize::MAX, nothing()).unwrap();
        carry(&mut listens, &mut dials, usize::MAX, marks(5, 0, 0)).unwrap();
    }
    dials.send_credits(source, destination, &credits(0, 1..3));
    settle(&mut dials, &mut listens).unwrap();
    // All five, which the session before had brought, are applied meanwhile: the source goes on with the sixth.
    listens.send_ack(source, destination, CreditAck { number: 5, has_room: true });
    settle(&mut dials, &mut listens).unwrap();
    dials.send_credits(source, destination, &credits(0, 6..7));
    assert_eq!(settle(&mut dials, &mut listens).unwrap(), [Said::Credits(2, 0, credits(0, 6..7))]);
    dials.send_credits(source, destination, &credits(0, 4..5));
    assert_eq!(settle(&mut dials, &mut listens).unwrap(), [Said::Credits(2, 0, Vec::new())]);
    assert_eq!(listens.stale_count(), 1);
    dials.send_credits(source, destination, &credits(0, 6..9));
    assert_eq!(settle(&mut dials, &mut listens).unwrap(), [Said::Credits(2, 0, credits(0, 7..9))]);
}

#[test]
fn a_key_is_not_printed_and_differs_by_authority_and_network() {
    assert_eq!(format!("{:?}", key()), "LinkKey(..)");
    let tag =
        |seed: u8, network: u8| *LinkKey::derive(&[seed; 32], &NetworkId([network; 32])).keyed().finalize().as_bytes();
    assert!(tag(1, 1) != tag(1, 2) && tag(1, 1) != tag(2, 1));
}
