use super::*;
use crate::audit::{Questions, audit};
use crate::fake::{FakeWorld, Fixture, Lie, Shun};
use crate::limits::{PASSING_REFUSAL_COUNT_MAX, WITHHELD_EVERY};
use crate::model::Model;
use crate::replies::Fault;

const WINDOW: Pace = Pace::Window { count: 16 };

fn driver(fixture: &Fixture) -> Driver<'_> {
    Driver::new(&fixture.workload, &fixture.terms, &fixture.directory, fixture.settings(), [1; 32])
}

fn count(fixture: &Fixture) -> u32 {
    fixture.workload.plan.payment_count()
}

fn calm() -> Result<(), BenchError> {
    Ok(())
}

/// Drives everything at a pace and checks that every payment ended in exactly one way.
fn drive(fixture: &Fixture, driver: &mut Driver<'_>, pace: Pace, world: &mut FakeWorld<'_>) -> Tally {
    let tally = driver.phase(0..count(fixture), pace, world, &mut calm).unwrap();
    assert_eq!(tally.ended(), u64::from(count(fixture)));
    let settled = driver.outcomes().iter().filter(|outcome| **outcome == Outcome::Settled).count();
    assert_eq!(tally.settled, settled as u64);
    tally
}

fn audit_all(fixture: &Fixture, driver: &Driver<'_>, world: &mut FakeWorld<'_>) -> Vec<crate::audit::Audit> {
    let model = Model::after(&fixture.workload.plan, driver.outcomes());
    let Fixture { accounts, terms, directory, .. } = fixture;
    let questions = Questions { addresses: accounts.addresses(), terms, directory, settings: fixture.settings() };
    (0..terms.live_count).map(|authority| audit(authority, &model, questions, world, &mut calm).unwrap()).collect()
}

#[test]
fn every_payment_settles_and_the_audit_agrees() {
    let fixture = Fixture::new(4, false, 40, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.order_retries, tally.in_flight_max), (100, 0, 16));
    assert_eq!(tally.spans.order_receipt.summary().count, 100);
    assert_eq!(driver.reply_counters().invalid(), 0);
    assert!(audit_all(&fixture, &driver, &mut world).iter().all(|audit| audit.ok));
}

#[test]
fn committees_of_one_and_of_seven_settle_too() {
    for committee in [1, 7] {
        let fixture = Fixture::new(committee, false, 20, 30);
        let (mut driver, mut world) = (driver(&fixture), fixture.world());
        assert_eq!(drive(&fixture, &mut driver, WINDOW, &mut world).settled, 30, "{committee}");
    }
}

#[test]
fn lost_datagrams_cost_retries_and_no_payment() {
    for loss_percent in [5, 20, 40] {
        let fixture = Fixture::new(4, false, 40, 100);
        let (mut driver, mut world) = (driver(&fixture), fixture.world());
        world.loss_percent = loss_percent;
        let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
        assert_eq!((tally.settled, tally.lost()), (100, 0), "{loss_percent} %");
        assert!(tally.order_retries + tally.certificate_retries > 0);
        world.loss_percent = 0;
        assert!(audit_all(&fixture, &driver, &mut world)[0].ok);
    }
}

#[test]
fn a_silent_server_loses_everything_in_bounded_time() {
    let fixture = Fixture::new(4, false, 40, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.silent = vec![0];
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.lost(), tally.settled, tally.gave_up), (100, 0, true));
    assert!(tally.lost_order > 0 && tally.unsent > 0);
    let settings = fixture.settings();
    let patience_ns = u64::from(settings.tries_max) * settings.timeout_ns;
    assert!(world.now_ns < 2 * patience_ns + 2 * WATCH_NS, "{}", world.now_ns);
    let audits = audit_all(&fixture, &driver, &mut world);
    assert_eq!((audits[0].ok, audits[0].unanswered), (false, 40));
}

#[test]
fn every_lie_is_counted_and_settles_nothing() {
    let lies = [
        (Lie::Garbage, Fault::Malformed),
        (Lie::Network, Fault::Network),
        (Lie::Source, Fault::Source),
        (Lie::Shard, Fault::Source),
        (Lie::Kind, Fault::Kind),
        (Lie::Digest, Fault::Digest),
        (Lie::ReceiptForVote, Fault::Unasked),
        (Lie::Authority, Fault::Authority),
        (Lie::Index, Fault::Path),
        (Lie::Path, Fault::Signature),
        (Lie::Signature, Fault::Signature),
        (Lie::Key, Fault::Signature),
        (Lie::VoteForReceipt, Fault::Signature),
    ];
    for (lie, fault) in lies {
        let fixture = Fixture::new(4, false, 40, 50);
        let (mut driver, mut world) = (driver(&fixture), fixture.world());
        world.lie = Some(lie);
        let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
        let counters = driver.reply_counters();
        assert_eq!((tally.settled, tally.lost()), (0, 50), "{lie:?}");
        assert_eq!(counters.faults[fault as usize], counters.invalid(), "{lie:?}: {counters:?}");
        assert!(counters.invalid() >= 16, "{lie:?}: {counters:?}");
    }
}

/// A committee of ten may use three levels; a vote with more would make a certificate that fits no datagram.
#[test]
fn a_path_too_long_for_the_committee_is_refused() {
    let fixture = Fixture::new(10, false, 40, 50);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.lie = Some(Lie::LongPath);
    assert_eq!(drive(&fixture, &mut driver, WINDOW, &mut world).settled, 0);
    assert!(driver.reply_counters().faults[Fault::Path as usize] >= 16);
}

#[test]
fn busy_is_tried_again_and_counted() {
    let fixture = Fixture::new(4, false, 40, 50);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.busy_count = 10;
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.rejected, tally.order_retries), (50, 0, 10));
    assert_eq!(tally.rejections_by_code.by_name()["busy"], 10);
}

/// One sender's orders are shunned while all other payments go on. Returns what became of 200 payments, five by each sender.
fn shunning(shun: Shun) -> Tally {
    let fixture = Fixture::new(4, false, 40, 200);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.shunned = Some((*fixture.accounts.address(fixture.workload.plan.sender(7)), shun));
    let tally = drive(&fixture, &mut driver, Pace::Schedule { rate_per_s: 100 }, &mut world);
    assert_eq!((tally.settled, tally.lost_order, tally.blocked, tally.gave_up), (195, 1, 4, false));
    tally
}

#[test]
fn an_order_without_an_answer_is_sent_as_often_as_allowed_and_not_once_more() {
    let tally = shunning(Shun::Silence);
    assert_eq!(tally.order_retries, 19, "20 sends are allowed");
}

/// Being busy is an answer and no loss; but for ever is too long.
#[test]
fn an_order_refused_for_the_moment_is_sent_a_bounded_number_of_times_more() {
    let tally = shunning(Shun::Busy);
    let sends = 20 + u64::from(PASSING_REFUSAL_COUNT_MAX);
    assert_eq!(tally.order_retries, sends - 1);
    assert_eq!(tally.rejections_by_code.by_name()["busy"], sends);
}

#[test]
fn a_rejected_payment_takes_its_senders_later_ones_with_it() {
    let fixture = Fixture::new(4, false, 10, 30);
    let mut world = fixture.world();
    // A first driver uses up sequence 0 of every account, so a second one, which starts over, is refused.
    driver(&fixture).phase(0..10, WINDOW, &mut world, &mut calm).unwrap();
    let mut second = driver(&fixture);
    let tally = drive(&fixture, &mut second, WINDOW, &mut world);
    assert_eq!((tally.rejected, tally.blocked, tally.settled), (10, 20, 0));
    assert_eq!(tally.rejected_by_code.by_name()["sequence_behind"], 10);
}

#[test]
fn a_window_wider_than_the_accounts_holds_payments_until_their_turn() {
    let fixture = Fixture::new(4, false, 10, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    let tally = drive(&fixture, &mut driver, Pace::Window { count: 64 }, &mut world);
    assert_eq!((tally.settled, tally.rejected), (100, 0));
    assert!(tally.held > 0 && tally.in_flight_max <= 10);
}

#[test]
fn an_open_loop_keeps_its_schedule_and_counts_from_it() {
    let fixture = Fixture::new(4, false, 100, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    let tally = drive(&fixture, &mut driver, Pace::Schedule { rate_per_s: 1_000 }, &mut world);
    assert_eq!((tally.settled, tally.lag.summary().count), (100, 100));
    let elapsed_ms = tally.elapsed_ns() / 1_000_000;
    assert!((99..=101).contains(&elapsed_ms), "100 payments, a millisecond apart: {elapsed_ms}");
    assert!(tally.lag.summary().max < 10.0, "{:?}", tally.lag.summary());
}

#[test]
fn a_loss_after_a_long_pause_is_repeated_and_not_given_up() {
    let fixture = Fixture::new(4, false, 100, 30);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.loss_percent = 30;
    // 200 ms apart, twice the time after which a stalled phase is given up.
    let tally = drive(&fixture, &mut driver, Pace::Schedule { rate_per_s: 5 }, &mut world);
    assert_eq!((tally.settled, tally.gave_up), (30, false));
    assert!(tally.order_retries > 0);
}

#[test]
fn a_server_that_stalls_shows_in_latencies_from_the_schedule() {
    let fixture = Fixture::new(4, false, 10, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    // Each account's next payment is due long before its last one can settle, so payments queue up behind each other.
    let tally = drive(&fixture, &mut driver, Pace::Schedule { rate_per_s: 100_000_000 }, &mut world);
    assert_eq!(tally.settled, 100);
    let spans = tally.spans.summary();
    assert!(spans.order_receipt.max > 5.0 * spans.certificate_receipt.max, "{spans:?}");
    assert_eq!(
        (tally.held, tally.lag.summary().count),
        (90, 10),
        "who waits for the server is not the generator's lag"
    );
}

#[test]
fn live_authorities_make_every_vote_and_all_of_them_end_up_equal() {
    let fixture = Fixture::new(4, true, 40, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.receipts_missing), (100, 0));
    let audits = audit_all(&fixture, &driver, &mut world);
    assert!(audits.len() == 4 && audits.iter().all(|audit| audit.ok), "{audits:?}");
}

#[test]
fn replies_that_arrive_twice_count_once() {
    let fixture = Fixture::new(4, true, 40, 60);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.repeats = true;
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.rejected, tally.receipts_missing), (60, 0, 0));
    assert_eq!((tally.order_retries, tally.certificate_retries), (0, 0));
    let counters = driver.reply_counters();
    // Three of eight votes make a certificate, and four of eight receipts are new; the rest says nothing new.
    assert_eq!((counters.late + tally.late_replies, counters.invalid()), (60 * (5 + 4), 0), "{counters:?}");
}

#[test]
fn live_authorities_settle_through_loss() {
    let fixture = Fixture::new(4, true, 40, 60);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.loss_percent = 20;
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.receipts_missing), (60, 0));
    world.loss_percent = 0;
    assert!(audit_all(&fixture, &driver, &mut world).iter().all(|audit| audit.ok));
}

#[test]
fn one_silent_authority_of_four_delays_and_loses_nothing() {
    let fixture = Fixture::new(4, true, 40, 60);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.silent = vec![2];
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.lost(), tally.receipts_missing), (60, 0, 60));
    let audits = audit_all(&fixture, &driver, &mut world);
    let answered: Vec<bool> = audits.iter().map(|audit| audit.ok).collect();
    assert_eq!(answered, [true, true, false, true]);
}

#[test]
fn an_authority_that_is_away_keeps_no_payer_waiting() {
    let fixture = Fixture::new(4, true, 5, 60);
    let longest_us = |silent| {
        let (mut driver, mut world) = (driver(&fixture), fixture.world());
        world.silent = silent;
        let tally = drive(&fixture, &mut driver, Pace::Schedule { rate_per_s: 1_000 }, &mut world);
        assert_eq!(tally.settled, 60);
        tally.spans.order_receipt.summary().max
    };
    // Its answers are waited for, for 100 ms, but not by the payer, who pays again after 5.
    let (with_all, without) = (longest_us(vec![]), longest_us(vec![2]));
    assert!(without < 2.0 * with_all, "{without} and {with_all} us of virtual time");
}

#[test]
fn two_silent_authorities_of_four_stop_everything() {
    let fixture = Fixture::new(4, true, 40, 60);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.silent = vec![1, 2];
    let tally = drive(&fixture, &mut driver, WINDOW, &mut world);
    assert_eq!((tally.settled, tally.lost(), tally.gave_up), (0, 60, true));
}

#[test]
fn what_the_watch_says_ends_the_phase() {
    let fixture = Fixture::new(4, false, 40, 50);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    world.silent = vec![0];
    let result = driver.phase(0..50, WINDOW, &mut world, &mut || Err(BenchError::Interrupted));
    assert!(matches!(result, Err(BenchError::Interrupted)));
}

fn withholding(fixture: &Fixture, withheld_max: usize) -> Driver<'_> {
    let settings = Settings { withheld_max, ..fixture.settings() };
    Driver::new(&fixture.workload, &fixture.terms, &fixture.directory, settings, [1; 32])
}

#[test]
fn certificates_are_kept_back_up_to_the_bound_and_settle_in_the_end() {
    let fixture = Fixture::new(4, false, 200, 200);
    let (mut driver, mut world) = (withholding(&fixture, 5), fixture.world());
    let mut phase = driver.begin(0..200, WINDOW, &mut world);
    while !driver.is_over(&phase) {
        driver.step(&mut phase, &mut world, &mut calm).unwrap();
        assert!(driver.withheld().len() <= 5);
    }
    let withheld = driver.withheld();
    assert!(withheld.len() == 5 && withheld.iter().all(|payment| payment.is_multiple_of(WITHHELD_EVERY)));
    assert_eq!((driver.tally().settled, driver.tally().order_retries), (195, 0));
    assert!(withheld.iter().all(|payment| driver.outcomes()[*payment as usize] == Outcome::InFlight));
    driver.resume(&mut phase, &mut world).unwrap();
    while !driver.is_over(&phase) {
        driver.step(&mut phase, &mut world, &mut calm).unwrap();
    }
    assert_eq!((driver.withheld().len(), driver.end().settled), (0, 200));
}

#[test]
fn a_certificate_is_not_kept_back_from_the_payment_behind_it() {
    let fixture = Fixture::new(4, false, 16, 160);
    let (mut driver, mut world) = (withholding(&fixture, 16), fixture.world());
    let mut phase = driver.begin(0..160, WINDOW, &mut world);
    while !driver.is_over(&phase) {
        driver.step(&mut phase, &mut world, &mut calm).unwrap();
    }
    // Of the last round, in which nobody has another payment.
    assert_eq!(driver.withheld().len(), 2);
    assert_eq!(driver.end().settled, 158);
}

/// The server is away for far longer than it takes to give a payment up, and what it said last is still on the wire.
#[test]
fn a_server_that_was_away_costs_no_payment_and_no_schedule() {
    let fixture = Fixture::new(4, false, 400, 400);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    let mut phase = driver.begin(0..400, Pace::Schedule { rate_per_s: 10_000 }, &mut world);
    while driver.tally().settled < 100 {
        driver.step(&mut phase, &mut world, &mut calm).unwrap();
    }
    world.silent = vec![0];
    driver.drain(&mut phase, &mut world).unwrap();
    let before_ns = world.now_ns();
    world.now_ns += 60_000_000_000;
    world.silent = Vec::new();
    driver.resume(&mut phase, &mut world).unwrap();
    while !driver.is_over(&phase) {
        driver.step(&mut phase, &mut world, &mut calm).unwrap();
    }
    let tally = driver.end();
    assert_eq!((tally.settled, tally.gave_up), (400, false));
    assert!(world.now_ns - before_ns < 60_100_000_000, "the schedule goes on where it was");
    assert!(tally.in_flight_max < 50, "and nothing of it piled up: {}", tally.in_flight_max);
    assert!(audit_all(&fixture, &driver, &mut world)[0].ok);
}

/// Eight accounts, so that each payment's turn comes while the one before is still without votes.
#[test]
fn a_certificate_is_not_kept_back_from_a_payment_that_waits_already() {
    let fixture = Fixture::new(4, false, 8, 80);
    let (mut driver, mut world) = (withholding(&fixture, 5), fixture.world());
    let mut phase = driver.begin(0..80, WINDOW, &mut world);
    let bound_ns = world.now_ns + 1_000_000_000;
    while !driver.is_over(&phase) {
        driver.step(&mut phase, &mut world, &mut calm).unwrap();
        assert!(world.now_ns < bound_ns, "some wait for ever: {:?}", driver.withheld());
    }
    assert_eq!(driver.tally().settled + driver.withheld().len() as u64, 80);
}
