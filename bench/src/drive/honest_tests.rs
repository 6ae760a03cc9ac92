//! That the loop cannot fool its user: latencies beside the truth, and ledgers that add up, whatever the server does.
//!
//! Time is virtual, so the truth is known to the nanosecond.

use super::flight::Mutant;
use super::*;
use crate::accounting::{AuthorityCounts, Datagrams, Payments, Sides, SocketState};
use crate::fake::{FakeWorld, Fixture, Stall};
use crate::latency::Latency;
use crate::random::{Purpose, generator};
use quittance_engine::reject::Reject;

const S_NS: u64 = 1_000_000_000;
const MS_NS: u64 = 1_000_000;
const WINDOW: Pace = Pace::Window { count: 16 };

fn calm() -> Result<(), BenchError> {
    Ok(())
}

fn drive(driver: &mut Driver<'_>, pace: Pace, world: &mut FakeWorld<'_>, payments: u32) -> Tally {
    driver.phase(0..payments, pace, world, &mut calm).unwrap()
}

fn driver(fixture: &Fixture) -> Driver<'_> {
    Driver::new(&fixture.workload, &fixture.terms, &fixture.directory, fixture.settings(), [1; 32])
}

/// A driver that sleeps while it waits, and is patient enough for a stall.
fn patient(fixture: &Fixture) -> Driver<'_> {
    let settings = Settings { timeout_ns: S_NS, owns_core: false, ..fixture.settings() };
    Driver::new(&fixture.workload, &fixture.terms, &fixture.directory, settings, [1; 32])
}

/// Each travels half a millisecond there and back; the server stands still in the last 100 ms of every second.
fn stalling(fixture: &Fixture) -> (FakeWorld<'_>, Stall) {
    let stall = Stall { period_ns: S_NS, length_ns: 100 * MS_NS };
    let mut world = fixture.world();
    (world.travel_ns, world.stall) = (MS_NS / 2, Some(stall));
    (world, stall)
}

/// How long a payment takes that is due at `due_ns`: there, a stall perhaps, back; twice.
fn true_latency_ns(due_ns: u64, stall: Stall) -> u64 {
    let voted_ns = stall.taken_ns(due_ns) + MS_NS;
    stall.taken_ns(voted_ns) + MS_NS - due_ns
}

/// The value that so many of a thousand are no greater than.
fn true_quantile(sorted: &[u64], of_thousand: usize) -> u64 {
    sorted[(of_thousand * sorted.len()).div_ceil(1_000) - 1]
}

fn assert_close(latency: &Latency, truth: &[u64]) {
    for (quantile, of_thousand) in [(0.5, 500), (0.95, 950), (0.99, 990), (0.999, 999), (1.0, 1_000)] {
        let (told, exact) = (latency.histogram().value_at_quantile(quantile), true_quantile(truth, of_thousand));
        let error = told.abs_diff(exact) as f64 / exact as f64;
        assert!(error < 0.02, "at {quantile}: {told} for {exact}");
    }
}

#[test]
fn percentiles_from_the_schedule_are_the_truth_where_a_closed_loop_hides_nine_tenths_of_a_stall() {
    let fixture = Fixture::new(1, false, 500, 3_000);
    let (mut world, stall) = stalling(&fixture);
    let open = drive(&mut patient(&fixture), Pace::Schedule { rate_per_s: 1_000 }, &mut world, 3_000);
    let mut truth: Vec<u64> =
        (0..3_000).map(|payment| true_latency_ns(open.begun_ns + payment * MS_NS, stall)).collect();
    truth.sort_unstable();
    assert_eq!((open.settled, open.repeated()), (3_000, 0));
    assert_close(&open.spans.order_receipt, &truth);

    let (mut world, _) = stalling(&fixture);
    let closed = drive(&mut patient(&fixture), Pace::Window { count: 1 }, &mut world, 1_400);
    let told = closed.spans.order_receipt.histogram().value_at_quantile(0.99);
    let exact = true_quantile(&truth, 990);
    assert!(closed.elapsed_ns() > 2 * S_NS, "it went through the same stalls");
    assert!(told * 10 < exact, "{told} for {exact}");
}

#[test]
fn drawn_arrivals_are_kept_and_their_latencies_are_the_truth_too() {
    let fixture = Fixture::new(1, false, 500, 2_000);
    let (mut world, stall) = stalling(&fixture);
    let ramp = Ramp { from_per_s: 500, to_per_s: 1_500, duration_ns: 2 * S_NS };
    assert_eq!(ramp.payment_count(), 2_000);
    let times = ramp.times(2_000, Some(&mut generator(7, Purpose::Arrivals)));
    let tally = drive(&mut patient(&fixture), Pace::Times(times.clone()), &mut world, 2_000);
    let mut truth: Vec<u64> = times.iter().map(|due_ns| true_latency_ns(tally.begun_ns + due_ns, stall)).collect();
    truth.sort_unstable();
    assert_eq!((tally.settled, tally.held), (2_000, 0));
    assert_close(&tally.spans.order_receipt, &truth);
}

/// Every account's next payment is due long before its last one is settled.
#[test]
fn what_waits_for_the_server_is_in_the_latency_from_the_schedule_and_not_in_that_from_the_send() {
    let fixture = Fixture::new(1, false, 10, 100);
    let mut world = fixture.world();
    world.travel_ns = MS_NS / 2;
    let tally = drive(&mut patient(&fixture), Pace::Schedule { rate_per_s: 1_000_000 }, &mut world, 100);
    let (from_schedule, from_send) = (tally.spans.summary(), tally.spans_from_send.summary());
    assert_eq!((tally.settled, tally.held), (100, 90));
    // Ten rounds of two round trips of a millisecond each, one behind the other.
    assert!((from_schedule.order_receipt.max / 20_000.0 - 1.0).abs() < 0.02, "{from_schedule:?}");
    assert!((from_send.order_receipt.max / 2_000.0 - 1.0).abs() < 0.02, "{from_send:?}");
    for (span, exact_us) in [(from_send.order_vote, 1_000.0), (from_send.certificate_receipt, 1_000.0)] {
        assert!((span.p50 / exact_us - 1.0).abs() < 0.02, "{span:?}");
    }
}

#[test]
fn a_schedule_that_finds_no_room_counts_who_waited_and_calls_it_no_lag() {
    let fixture = Fixture::new(1, false, 200, 200);
    let (mut world, _) = stalling(&fixture);
    let settings = Settings { timeout_ns: S_NS, owns_core: false, ..fixture.settings() };
    let mut driver = Driver::with_slots(&fixture.workload, &fixture.terms, &fixture.directory, settings, [1; 32], 20);
    // In the stall, from 900 ms to 1 s, all 100 payments of the second half are due, and 20 find room.
    world.now_ns = 800 * MS_NS;
    let tally = drive(&mut driver, Pace::Schedule { rate_per_s: 1_000 }, &mut world, 200);
    assert_eq!((tally.settled, tally.in_flight_max), (200, 20));
    assert!((78..=84).contains(&tally.waited_for_room), "{}", tally.waited_for_room);
    assert_eq!(tally.lag.summary().count, 200 - tally.waited_for_room);
    assert!(tally.lag.summary().max < 100.0, "{:?}", tally.lag.summary());
    assert!(tally.spans.order_receipt.summary().max > 90_000.0, "but it is in the latency");
}

#[test]
fn intervals_of_the_timeline_add_up_to_the_tally_and_show_the_stall() {
    let fixture = Fixture::new(1, false, 500, 2_000);
    let (mut world, _) = stalling(&fixture);
    let tally = drive(&mut patient(&fixture), Pace::Schedule { rate_per_s: 1_000 }, &mut world, 2_000);
    let sum = |count: fn(&crate::recording::Interval) -> u64| tally.timeline.iter().map(count).sum::<u64>();
    assert_eq!((sum(|interval| interval.sent), sum(|interval| interval.settled)), (2_000, 2_000));
    let mut merged = Latency::new();
    let values = tally.timeline.iter().flat_map(|interval| &interval.order_receipt);
    values.for_each(|(ns, count)| (0..*count).for_each(|_| merged.record(*ns)));
    assert_eq!(merged.values(), tally.spans.order_receipt.values());
    // The stall fills the tenth interval but for its edges: nothing settles, and all that is sent stays in flight.
    let (before, still) = (&tally.timeline[8], &tally.timeline[9]);
    assert!(before.settled >= 98 && still.settled <= 2, "{} {}", before.settled, still.settled);
    assert!(still.sent >= 99 && still.in_flight >= 98, "{} {}", still.sent, still.in_flight);
    assert!(tally.timeline[10].settled >= 195 && (20..=21).contains(&tally.timeline.len()));
}

/// What both sides counted, as the ledgers take it.
fn datagrams(driver: &Driver<'_>, tally: &Tally, world: &FakeWorld<'_>) -> Datagrams {
    let (wire, replies) = (world.wire, driver.reply_counters());
    let packets_dropped = wire.dropped;
    let sides = Sides {
        pushed: wire.pushed,
        received: wire.delivered,
        received_in_phases: wire.delivered,
        used: tally.used_replies,
        late: replies.late + tally.late_replies,
        invalid: replies.invalid(),
        overrun: replies.overrun,
        their_sockets: SocketState { packets_dropped, ..SocketState::default() },
        ..Sides::default()
    };
    let received = wire.pushed - wire.dropped;
    // Those that a silent server takes are its own loss; any other answers each, however often the answer arrives.
    let counts =
        AuthorityCounts { received, replies_dropped: wire.ignored, sent: wire.sent, ..AuthorityCounts::default() };
    Datagrams::new(&sides, &counts)
}

/// A run of 100 payments by 40 accounts against a server that a test changes, with a planted bug perhaps.
fn ledgers(change: impl Fn(&mut FakeWorld<'_>), mutant: Option<Mutant>) -> (Payments, Datagrams) {
    let fixture = Fixture::new(4, false, 40, 100);
    let (mut driver, mut world) = (driver(&fixture), fixture.world());
    change(&mut world);
    driver.flight.mutant = mutant;
    let tally = drive(&mut driver, WINDOW, &mut world, 100);
    (Payments::new(100, &[&tally]), datagrams(&driver, &tally, &world))
}

fn silent(world: &mut FakeWorld<'_>) {
    world.silent = vec![0];
}

fn refusing(world: &mut FakeWorld<'_>) {
    world.refusal = Some(Reject::BadSignature);
}

fn repeating(world: &mut FakeWorld<'_>) {
    world.repeats = true;
}

#[test]
fn a_silent_server_is_accounted_for() {
    let (payments, datagrams) = ledgers(silent, None);
    assert_eq!((payments.scheduled, payments.settled, payments.rejected), (100, 0, 0));
    assert_eq!(payments.timed_out.count() + payments.never_sent.count(), 100);
    assert_eq!((payments.timed_out.awaiting_receipts, payments.unscheduled, payments.remainder), (0, 0, 0));
    let (requests, replies) = (datagrams.requests, datagrams.replies);
    // The window's 16, 20 times each; a few more were sent before the loop gave up.
    assert!(requests.pushed >= 320 && requests.replies_dropped == requests.pushed, "{requests:?}");
    assert_eq!((requests.remainder_on_the_way, requests.remainder, replies.received), (0, 0, 0));
}

#[test]
fn a_server_that_refuses_everything_is_accounted_for() {
    let (payments, datagrams) = ledgers(refusing, None);
    // Every account's first payment is refused, and its others are never sent.
    assert_eq!((payments.rejected, payments.never_sent.blocked, payments.remainder), (40, 60, 0));
    assert_eq!(payments.rejected_by_code["bad_signature"], 40);
    assert_eq!((datagrams.requests.pushed, datagrams.requests.replied, datagrams.replies.used), (40, 40, 40));
    assert_eq!((datagrams.requests.remainder, datagrams.replies.remainder), (0, 0));
}

#[test]
fn one_request_in_a_hundred_that_is_dropped_is_accounted_for() {
    let (payments, datagrams) = ledgers(|world| world.drop_every = Some(100), None);
    assert_eq!((payments.settled, payments.remainder), (100, 0));
    // 200 requests must arrive: of 202 the 100th and the 200th do not.
    let (requests, replies) = (datagrams.requests, datagrams.replies);
    assert_eq!((requests.pushed, requests.lost_in_receive_queue, requests.replied), (202, 2, 200));
    assert_eq!((requests.remainder_on_the_way, requests.remainder), (0, 0));
    assert_eq!((replies.used, replies.late, replies.remainder), (200, 0, 0));
    assert_eq!(datagrams.datagrams_lost_by_place.request_receive_queue, 2);
}

#[test]
fn answers_that_arrive_twice_are_accounted_for_and_show_as_that_many_too_many() {
    let (payments, datagrams) = ledgers(repeating, None);
    assert_eq!((payments.settled, payments.remainder), (100, 0));
    let (requests, replies) = (datagrams.requests, datagrams.replies);
    assert_eq!((requests.received, requests.replied, requests.remainder), (200, 400, -200));
    assert_eq!((replies.received, replies.used, replies.late), (400, 200, 200));
    assert_eq!((replies.remainder_on_the_way, replies.remainder), (0, 0));
}

#[test]
fn bugs_planted_in_the_counting_leave_a_remainder() {
    let payments = |change: fn(&mut FakeWorld<'_>), mutant| ledgers(change, Some(mutant)).0.remainder;
    assert!(payments(silent, Mutant::ForgetsTimeouts) > 0);
    assert_eq!(payments(refusing, Mutant::ForgetsBlocked), 60);
    assert_eq!(payments(refusing, Mutant::CountsRejectionsTwice), -40);
    assert_eq!(ledgers(repeating, Some(Mutant::ForgetsLateReplies)).1.replies.remainder, 200);
}
