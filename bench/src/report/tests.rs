use super::*;
use crate::accounting::Payments;
use crate::cores::Cores;
use crate::cpu::Spent;
use crate::drive::Tally;
use crate::latency::{LatencySummary, Spans};
use crate::limits::IN_FLIGHT_MAX;
use crate::options::{Cli, RunOptions};
use crate::process::Ready;
use crate::terms::Terms;
use clap::Parser;
use quittance_engine::network::NetworkId;
use quittance_engine::reject::Reject;
use serde_json::Value;

fn options() -> RunOptions {
    Cli::parse_from(["quittance-bench"]).run
}

fn settings() -> SettingsReport {
    let options = options();
    let host = "127.0.0.1".parse().unwrap();
    let members = crate::setup::Members::new(1, host, &[9_000, 9_010, 9_020, 9_030], 1).unwrap();
    let terms = Terms::new(NetworkId([0; 32]), members.committee(), false);
    let ready = Ready {
        mode: "volatile".into(),
        transport: "io_uring".into(),
        backend: "portable".into(),
        recovered: Vec::new(),
    };
    let cores = Cores { available: vec![0, 1], authority: vec![0], generator: 1 };
    SettingsReport::new(&options, &terms, 64, cores, &ready)
}

/// 1,000 payments settled in half a second, 2,500 ns of authority time each, with the loop busy a fifth of the time.
fn measure(name: &str, lost: u64, lag_ns: u64) -> PhaseMeasure {
    let mut tally = Tally {
        scheduled: 1_000 + lost,
        settled: 1_000,
        lost_order: lost,
        first_sent_ns: Some(1_000),
        last_settled_ns: 500_001_000,
        busy_ns: 100_000_000,
        idle_ns: 400_000_000,
        ..Tally::default()
    };
    for _ in 0..1_000 {
        tally.lag.record(lag_ns);
        tally.spans.order_vote.record(30_000);
        tally.spans.certificate_receipt.record(50_000);
        tally.spans.order_receipt.record(90_000);
        tally.spans_from_send.order_receipt.record(70_000);
    }
    tally.rejections_by_code.add(Reject::Busy);
    let generator = Spent { cpu_ns: 500_000_000, waited_ns: 15_000_000 };
    let authority = Some(Spent { cpu_ns: 2_500_000, waited_ns: 0 });
    let rate_per_s = (name != SATURATED).then_some((5_000, 5_000));
    PhaseMeasure { name: name.to_owned(), is_measured: true, tally, rate_per_s, authority, generator }
}

fn measures(lost: u64, lag_ns: u64, ok: bool) -> Measures {
    let mut open_loop = measure(OPEN_LOOP, 0, lag_ns);
    // What must come from the saturated phase is different here, and so is what must not.
    open_loop.authority.as_mut().unwrap().cpu_ns *= 3;
    open_loop.tally.settled /= 2;
    open_loop.tally.scheduled /= 2;
    let mut saturated = measure(SATURATED, lost, 0);
    saturated.tally.spans = Spans::default();
    let payments = Payments::new(1_500 + lost, &[&saturated.tally, &open_loop.tally]);
    Measures {
        phases: vec![saturated, open_loop],
        volatile: None,
        disk: None,
        replies: ReplyCounters { faults: [0, 0, 3, 0, 0, 0, 0, 0, 4, 0], late: 5, overrun: 0 },
        audit: Audit { ok, accounts: 10, total: 1_000, expected_total: 1_000, ..Audit::default() },
        workload: WorkloadMeasure::default(),
        client_transport: "io_uring".into(),
        client: ClientCounters::default(),
        findings: vec!["a small buffer".into()],
        accounting: Accounting { payments, ..Accounting::default() },
    }
}

/// The phase at saturation of those measures, and the open loop.
const AT_SATURATION: usize = 0;
const OPEN: usize = 1;

fn authority() -> AuthorityReport {
    let finding =
        serde_json::json!({"severity": "warning", "what": "few cores", "why": "they are", "remedy": "add some"});
    let counters = serde_json::json!({"shards": [{"votes": 7}]});
    AuthorityReport { index: 0, findings: vec![finding], counters }
}

fn report(lost: u64, lag_ns: u64, ok: bool) -> Report {
    Report::new("quittance-bench --seed 1".into(), settings(), &measures(lost, lag_ns, ok), vec![authority()])
}

#[test]
fn the_json_form_has_the_fields_that_others_read() {
    let text = serde_json::to_string(&report(0, 1_000, true)).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["settled_per_s"], 2_000.0);
    assert_eq!(json["authority_cpu_ns_per_payment"], 2_500.0);
    assert_eq!((&json["payments"], &json["lost"], &json["rejected"]), (&1_500.into(), &0.into(), &0.into()));
    assert_eq!(json["audit"]["ok"], true);
    assert_eq!(json["audit"]["total"], 1_000);
    for span in ["order_vote", "certificate_receipt", "order_receipt"] {
        for value in ["p50", "p90", "p99", "p99_9", "max"] {
            assert!(json["latency_us"][span][value].as_f64().unwrap() > 0.0, "{span} {value}");
        }
    }
    assert!((json["latency_us"]["order_receipt"]["p50"].as_f64().unwrap() - 90.0).abs() < 0.2);
    assert!((json["generator"]["lag_us"]["p99_9"].as_f64().unwrap() - 1.0).abs() < 0.01);
    assert_eq!(json["generator"]["limited"], false);
    assert_eq!(
        (&json["mode"], &json["transport"], &json["backend"]),
        (&"volatile".into(), &"io_uring".into(), &"portable".into())
    );
    assert_eq!((&json["committee"], &json["accounts"]), (&4.into(), &100_000.into()));
    assert_eq!((&json["shards"], &json["verifiers"]), (&1.into(), &0.into()));
    assert_eq!(json["cores"]["generator"], 1);
    assert_eq!(json["simulated_batch"], 64);
    assert_eq!(json["authority"]["counters"]["shards"][0]["votes"], 7);
    assert_eq!(json["invalid_replies_by_fault"], serde_json::json!({"source": 3, "signature": 4}));
    assert_eq!(json["rejections_by_code"], serde_json::json!({"busy": 2}));
    assert!((json["latency_from_send_us"]["order_receipt"]["p50"].as_f64().unwrap() - 70.0).abs() < 0.2);
    assert_eq!((&json["valid"], &json["invalid_because"]), (&true.into(), &serde_json::json!([])));
    let names: Vec<_> = json["phase_list"].as_array().unwrap().iter().map(|phase| &phase["name"]).collect();
    assert_eq!(names, ["saturated", "open_loop"]);
    assert_eq!(json["phases"]["open_loop"]["rate_per_s"], 5_000);
    assert_eq!(
        (&json["accounting"]["payments"]["scheduled"], &json["accounting"]["payments"]["remainder"]),
        (&1_500.into(), &0.into())
    );
}

#[test]
fn losses_and_a_failed_audit_are_failures_and_say_so() {
    assert!(report(0, 0, true).failures().is_empty());
    let failures = report(3, 0, false).failures();
    assert!(failures[0].contains("3 of 1503 payments were lost"), "{failures:?}");
    assert!(failures[1].contains("the audit failed"), "{failures:?}");
}

/// The reason given when the measures are changed in one way.
fn reason(change: impl FnOnce(&mut Measures)) -> String {
    let mut measures = measures(0, 0, true);
    change(&mut measures);
    let generator = Report::new(String::new(), settings(), &measures, vec![authority()]).generator;
    assert!(generator.limited && generator.limited_because.len() == 1, "{generator:?}");
    generator.limited_because[0].clone()
}

#[test]
fn a_generator_that_limits_says_so_and_why() {
    assert!(!report(0, 0, true).generator.limited);
    let late = report(0, 2_000_000, true).generator;
    assert!(late.limited && late.limited_because[0].contains(" us late"), "{late:?}");
    assert!(late.limited_because[0].contains("3.0 % of the time"), "{late:?}");
    let busy = |tally: &mut Tally| (tally.busy_ns, tally.idle_ns) = (499_000_000, 1_000_000);
    assert!(reason(|measures| busy(&mut measures.phases[AT_SATURATION].tally)).contains("at saturation its loop"));
    assert!(reason(|measures| busy(&mut measures.phases[OPEN].tally)).contains("in the open loop its loop"));
    let shared = reason(|measures| measures.phases[AT_SATURATION].generator.cpu_ns = 400_000_000);
    assert!(shared.contains("80.0 %"), "{shared}");
}

/// A report whose reader named the rate.
fn strict(measures: &Measures) -> Report {
    let settings = SettingsReport { strict: true, ..settings() };
    Report::new(String::new(), settings, measures, vec![authority()])
}

#[test]
fn a_late_generator_spoils_a_run_whose_rate_was_named_and_only_limits_another() {
    let late = report(0, 2_000_000, true);
    assert!(late.valid && late.generator.limited && late.failures().is_empty());
    let late = strict(&measures(0, 2_000_000, true));
    assert!(!late.valid && late.invalid_because[0].contains(" us late"), "{:?}", late.invalid_because);
    assert!(table(&late).starts_with("INVALID"), "{}", table(&late));
    assert!(late.failures().is_empty(), "the payments are all right");
    assert!(strict(&measures(0, 900_000, true)).valid);
}

#[test]
fn lag_that_is_the_smaller_part_of_what_is_told_spoils_nothing() {
    let mut measures = measures(0, 2_000_000, true);
    let mut took = |ns| {
        let order_receipt = &mut measures.phases[OPEN].tally.spans.order_receipt;
        order_receipt.clear();
        order_receipt.record(ns);
        strict(&measures)
    };
    assert!(!took(3_900_000).valid);
    let report = took(4_200_000);
    assert!(report.valid && report.generator.limited, "{:?}", report.invalid_because);
}

#[test]
fn what_its_own_socket_refused_spoils_a_run_too() {
    let mut measures = measures(0, 0, true);
    measures.client = ClientCounters { datagrams_sent: 960, datagrams_unsent: 40, ..ClientCounters::default() };
    assert!(strict(&measures).valid);
    measures.client = ClientCounters { datagrams_sent: 940, datagrams_unsent: 60, ..ClientCounters::default() };
    assert!(strict(&measures).invalid_because[0].contains("refused 6.0 %"));
}

#[test]
fn a_late_warm_up_spoils_nothing() {
    let mut measures = measures(0, 0, true);
    let warm_up = PhaseMeasure { is_measured: false, ..measure("warm-up", 0, 9_000_000) };
    measures.phases.insert(0, warm_up);
    let report = strict(&measures);
    assert!(report.valid && !report.generator.limited, "{:?}", report.invalid_because);
    assert_eq!((report.phase_list.len(), report.settled_per_s), (3, 2_000.0));
    assert_eq!(report.latency_us.order_receipt.count, 1_000, "its latencies are in no figure");
}

#[test]
fn with_phases_of_the_users_the_figures_are_of_all_measured_ones_together() {
    let mut measures = measures(0, 0, true);
    let (mut one, mut two) = (measure("one", 0, 0), measure("two", 0, 0));
    two.tally.last_settled_ns = 1_500_001_000;
    two.rate_per_s = Some((5_000, 9_000));
    one.tally.spans.order_vote.record(5);
    let of_one = one.tally.spans.clone();
    let recording = two.recording(0);
    measures.phases = vec![one, two];
    let report = strict(&measures);
    assert!(report.phases.is_none());
    assert_eq!(report.settled_per_s, 1_000.0, "2,000 payments in 2 seconds");
    assert_eq!(report.authority_cpu_ns_per_payment, Some(2_500.0));
    assert_eq!(report.latency_us.order_vote.count, of_one.order_vote.summary().count + 1_000);
    assert_eq!((recording.name.as_str(), recording.rate_per_s), ("two", Some((5_000, 9_000))));
    assert!(table(&report).contains("two at 5,000/s to 9,000/s"), "{}", table(&report));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["phase_list"][1]["rate_end_per_s"], 9_000);
    assert!(json.get("phases").is_none() && json["phase_list"][0].get("rate_end_per_s").is_none());
}

#[test]
fn what_does_not_add_up_is_a_failure_and_says_where() {
    let mut measures = measures(0, 0, true);
    measures.accounting.payments.remainder = -2;
    let failures = strict(&measures).failures();
    assert!(failures.len() == 1 && failures[0].contains("payments -2"), "{failures:?}");
}

#[test]
fn an_authority_that_waited_for_its_core_was_disturbed() {
    assert!(report(0, 0, true).disturbances.is_empty());
    let mut measures = measures(0, 0, true);
    measures.phases[AT_SATURATION].authority.as_mut().unwrap().waited_ns = 300_000_000;
    let disturbances = Report::new(String::new(), settings(), &measures, vec![authority()]).disturbances;
    assert!(disturbances.len() == 1 && disturbances[0].contains("at saturation"), "{disturbances:?}");
    assert!(disturbances[0].contains("0.60 s of every second"), "{disturbances:?}");
}

/// Ticks of 10 ms say nothing about a phase of a few.
#[test]
fn a_short_phase_is_not_judged_by_processor_time() {
    let mut measures = measures(0, 0, true);
    measures.phases[AT_SATURATION].tally.last_settled_ns = 20_001_000;
    measures.phases[AT_SATURATION].generator.cpu_ns = 0;
    measures.phases[AT_SATURATION].authority.as_mut().unwrap().waited_ns = 300_000_000;
    let report = Report::new(String::new(), settings(), &measures, vec![authority()]);
    assert!(!report.generator.limited && report.disturbances.is_empty(), "{report:?}");
}

/// A rate beyond the authority fills every slot; the lag that follows is not the generator's slowness.
#[test]
fn an_open_loop_that_ran_full_is_told_apart_from_a_late_one() {
    let full = reason(|measures| {
        measures.phases[OPEN] = measure(OPEN_LOOP, 0, 2_000_000);
        measures.phases[OPEN].tally.in_flight_max = IN_FLIGHT_MAX;
    });
    assert!(full.contains("more than the authority takes"), "{full}");
}

#[test]
fn the_table_shows_what_a_person_needs() {
    let text = table(&report(3, 2_000_000, false));
    let needed = [
        "1 live, 2 simulated in batches of 64",
        "100,000",
        "2000",
        "90.0",
        "3 (orders 3, certificates 0",
        "source 3",
        "FAILED",
        "the generator may limit",
        "a small buffer",
        "authority: warning: few cores: they are; add some",
        "repeat with: quittance-bench --seed 1",
    ];
    for part in needed {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_volatile_run_has_neither_journal_nor_price_and_a_durable_one_has_both() {
    let json = serde_json::to_value(report(0, 0, true)).unwrap();
    assert!(json["journal"].is_null() && json["price"].is_null());
    let json = serde_json::to_value(durable(0)).unwrap();
    assert_eq!(json["journal"]["flush_us"]["p99"], 950);
    assert_eq!(json["journal"]["disk_flush_us"]["p50"], 400.0);
    assert_eq!(json["journal"]["in_memory"], false);
    assert_eq!(json["price"]["volatile_settled_per_s"], 4_000.0);
    assert_eq!(json["price"]["rate_share"], 0.5);
    assert_eq!(json["price"]["volatile_authority_cpu_ns_per_payment"], 2_000.0);
    assert_eq!(json["price"]["cpu_ns_added"], 500.0);
}

#[test]
fn payments_that_a_volatile_authority_did_not_settle_are_failures_too() {
    assert!(durable(0).failures().is_empty());
    let failures = durable(2).failures();
    assert!(failures.len() == 1 && failures[0].contains("2 payments"), "{failures:?}");
}

#[test]
fn the_table_shows_the_price_beside_the_disk() {
    let text = table(&durable(0));
    for part in ["50.0 %", "4000/s", "0.50 us/payment", "p50 700, p99 950, max 1,200", "p50 400", "16 KiB a block"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

/// A durable run at half the rate of the volatile one, in which so many payments did not settle.
fn durable(unsettled: u64) -> Report {
    let mut measures = measures(0, 0, true);
    let mut volatile = measure(SATURATED, unsettled, 0);
    volatile.tally.last_settled_ns = 250_001_000;
    volatile.authority.as_mut().unwrap().cpu_ns = 2_000_000;
    measures.volatile = Some(volatile);
    let flush_us = LatencySummary { count: 200, p50: 400.0, p99: 500.0, max: 600.0, ..LatencySummary::default() };
    measures.disk = Some(DiskMeasure { flush_us, in_memory: false });
    let quantiles = serde_json::json!({"p50": 700, "p99": 950, "max": 1_200});
    let journal = serde_json::json!({"commits": 9, "blocks": 10, "bytes": 163_840, "flush_us": quantiles});
    let counters = serde_json::json!({"journal": journal});
    let authority = AuthorityReport { index: 0, findings: Vec::new(), counters };
    Report::new(String::new(), settings(), &measures, vec![authority])
}
