//! Verdicts on runs whose truth is known.

use super::*;
use crate::options::{Cli, Command};
use crate::random::{Draws, Purpose, generator};
use clap::Parser;
use serde_json::{Value, json};

/// A report with a rate and the processor time that goes with it.
fn report(settled_per_s: f64) -> Value {
    let us = 5e6 / settled_per_s;
    let latency = json!({"count": 40_000, "p50": us, "p90": us, "p99": 3.0 * us, "p99_9": 9.0 * us, "max": 20.0 * us});
    json!({
        "payments": 120_000, "settled": 120_000, "lost": 0, "rejected": 0, "settled_per_s": settled_per_s,
        "authority_cpu_ns_per_payment": 8.5e8 / settled_per_s, "accounts": 20_000,
        "latency_us": {"order_vote": latency, "certificate_receipt": latency, "order_receipt": latency},
        "phases": {"open_loop": {"rate_per_s": 40_000}},
    })
}

/// A machine in which runs scatter by 2 %, and which loses `drift` of its speed from run to run.
struct Machine {
    draws: Draws,
    speed: f64,
    drift: f64,
}

impl Machine {
    fn new(seed: u64, drift: f64) -> Self {
        Self { draws: generator(seed, Purpose::Plan), speed: 100_000.0, drift }
    }

    fn run(&mut self) -> f64 {
        self.speed *= 1.0 - self.drift;
        let noise: f64 = (0..12).map(|_| f64::from(self.draws.below(1_000)) / 1_000.0 - 0.5).sum();
        self.speed * (1.0 + 0.02 * noise)
    }
}

/// A side whose speed is a share of the machine's.
struct Share<'a> {
    machine: &'a core::cell::RefCell<Machine>,
    share: f64,
    turns: Vec<Turn>,
    lost_in_turn: Option<usize>,
}

impl<'a> Share<'a> {
    fn of(machine: &'a core::cell::RefCell<Machine>, share: f64) -> Self {
        Self { machine, share, turns: Vec::new(), lost_in_turn: None }
    }
}

impl Arm for Share<'_> {
    fn name(&self) -> &str {
        "a share"
    }

    fn measure(&mut self, turn: &Turn) -> Result<Measured, BenchError> {
        let is_lost = self.lost_in_turn == Some(self.turns.len());
        self.turns.push(*turn);
        let report = report(self.share * self.machine.borrow_mut().run());
        Ok(Measured { report, failures: is_lost.then(|| "7 payments were lost".to_owned()).into_iter().collect() })
    }
}

fn design(block: Option<Block>) -> Design {
    let gates = vec![Metric::SettledPerS, Metric::Cpu];
    Design { block, labels: ["A", "B"], names: ["a".into(), "b".into()], threshold: Threshold(0.03), gates }
}

/// A session on a machine, judged: B has this share of A's speed.
fn session(block: Block, block_count: usize, (seed, drift): (u64, f64), share: f64) -> Comparison {
    let machine = core::cell::RefCell::new(Machine::new(seed, drift));
    let (mut a, mut b) = (Share::of(&machine, 1.0), Share::of(&machine, share));
    let session = Session { block, block_count, seed: 1, rate_per_s: Some(40_000) };
    let runs = session.run([&mut a, &mut b], &Interrupt::default()).unwrap();
    Comparison::new("test".into(), design(Some(block)), runs)
}

fn metric<'a>(comparison: &'a Comparison, name: &str) -> &'a MetricComparison {
    comparison.metrics.iter().find(|metric| metric.metric == name).unwrap()
}

#[test]
fn a_against_itself_shows_no_difference() {
    for seed in 0..50 {
        let comparison = session(Block::Pair, 6, (seed, 0.0), 1.0);
        assert!(comparison.regressions.is_empty() && comparison.failures.is_empty(), "seed {seed}: {comparison:?}");
        assert!(comparison.metrics.iter().all(|one| one.verdict == Verdict::NoDifferenceSeen), "seed {seed}");
    }
}

#[test]
fn a_slower_side_is_a_regression_in_rate_and_cost_and_a_faster_one_is_better() {
    for seed in 0..50 {
        let slower = session(Block::Pair, 6, (seed, 0.0), 0.85);
        assert_eq!(slower.regressions, ["settled_per_s", "cpu"], "seed {seed}");
        assert!(slower.metrics.iter().all(|one| one.verdict == Verdict::Worse && one.conclusive), "seed {seed}");
        let faster = session(Block::Abba, 4, (seed, 0.0), 1.2);
        assert!(faster.regressions.is_empty(), "seed {seed}");
        assert!(faster.metrics.iter().all(|one| one.verdict == Verdict::Better), "seed {seed}: {faster:?}");
    }
}

/// A machine that loses 2 % from run to run: whoever runs later looks slower, unless turns are taken in the right order.
#[test]
fn a_machine_that_slows_down_blames_neither_side() {
    for (block, count) in [(Block::Abba, 5), (Block::Pair, 8)] {
        let comparisons: Vec<_> = (0..20).map(|seed| session(block, count, (seed, 0.02), 1.0)).collect();
        assert!(comparisons.iter().all(|one| one.regressions.is_empty()), "{block:?}");
        let ratios = comparisons.iter().map(|one| metric(one, "settled_per_s").interval.unwrap().ratio);
        // Were it always A before B, this would be 0.98.
        let mean = ratios.sum::<f64>() / 20.0;
        assert!((0.99..1.01).contains(&mean), "{block:?}: {mean}");
    }
}

/// The planted mistake: all of A, then all of B, compared as heaps. The same machine then convicts an innocent B.
#[test]
fn one_side_after_the_other_on_such_a_machine_convicts_the_innocent() {
    let mut machine = Machine::new(3, 0.02);
    let sides = [Side::A; 10].into_iter().chain([Side::B; 10]);
    let runs = sides.enumerate().map(|(block_index, side)| Run { side, block_index, report: report(machine.run()) });
    let runs = Runs { runs: runs.collect(), ..Runs::default() };
    assert!(!Comparison::new("test".into(), design(None), runs).regressions.is_empty());
}

#[test]
fn orders_are_balanced_within_two_blocks() {
    assert_eq!(Block::Pair.order(0), [Side::A, Side::B]);
    assert_eq!(Block::Pair.order(1), [Side::B, Side::A]);
    assert_eq!(Block::Abba.order(0), [Side::A, Side::B, Side::B, Side::A]);
    assert_eq!(Block::Abba.order(1), Block::Abba.order(0));
}

#[test]
fn both_sides_of_a_block_have_one_seed_and_all_runs_the_slower_sides_rate() {
    let machine = core::cell::RefCell::new(Machine::new(1, 0.0));
    let (mut a, mut b) = (Share::of(&machine, 1.0), Share::of(&machine, 0.5));
    let session = Session { block: Block::Abba, block_count: 2, seed: 7, rate_per_s: None };
    let runs = session.run([&mut a, &mut b], &Interrupt::default()).unwrap();
    let rate = runs.rate_per_s.unwrap();
    assert!((20_000..30_000).contains(&rate), "half of about 50,000: {rate}");
    let counted = [7, 7, 8, 8].map(|seed| Turn { seed, rate_per_s: Some(rate) });
    let rehearsal = [Turn { seed: 7, rate_per_s: None }];
    assert_eq!((&a.turns[..1], &a.turns[1..]), (&rehearsal[..], &counted[..]));
    assert_eq!(a.turns, b.turns);
    assert_eq!(runs.runs.len(), 8, "runs that warm up do not count");
}

#[test]
fn a_run_that_loses_payments_ends_the_session_and_is_named() {
    let machine = core::cell::RefCell::new(Machine::new(1, 0.0));
    let (mut a, mut b) = (Share::of(&machine, 1.0), Share::of(&machine, 1.0));
    b.lost_in_turn = Some(1);
    let session = Session { block: Block::Pair, block_count: 6, seed: 1, rate_per_s: Some(9) };
    let runs = session.run([&mut a, &mut b], &Interrupt::default()).unwrap();
    assert_eq!(runs.runs.len(), 3);
    let comparison = Comparison::new("test".into(), design(Some(Block::Pair)), runs);
    assert_eq!(comparison.failures[0], "run 3 of 12 (a share): 7 payments were lost");
    b.lost_in_turn = Some(b.turns.len());
    let rehearsed = Session { rate_per_s: None, ..session }.run([&mut a, &mut b], &Interrupt::default()).unwrap();
    assert!(rehearsed.runs.is_empty() && rehearsed.failures.len() == 1, "{rehearsed:?}");
}

#[test]
fn an_interrupt_between_runs_ends_the_session() {
    let machine = core::cell::RefCell::new(Machine::new(1, 0.0));
    let interrupt = Interrupt::default();
    interrupt.raise();
    let session = Session { block: Block::Pair, block_count: 2, seed: 1, rate_per_s: None };
    let ended = session.run([&mut Share::of(&machine, 1.0), &mut Share::of(&machine, 1.0)], &interrupt);
    assert_eq!(ended.unwrap_err().exit_code(), 130);
}

/// Two runs of each side, as heaps.
fn heaps(a: [Value; 2], b: [Value; 2]) -> Comparison {
    let sides = a.into_iter().map(|report| (Side::A, report)).chain(b.into_iter().map(|report| (Side::B, report)));
    let runs = sides.enumerate().map(|(index, (side, report))| Run { side, block_index: index % 2, report });
    Comparison::new("test".into(), design(None), Runs { runs: runs.collect(), ..Runs::default() })
}

#[test]
fn a_change_below_the_threshold_is_none_and_one_at_the_threshold_is_not_claimed() {
    let verdicts = |share: f64| {
        let comparison = heaps([report(100_000.0), report(100_010.0)], [share, share].map(|share| report(share * 1e5)));
        ["settled_per_s", "cpu"].map(|name| metric(&comparison, name).verdict)
    };
    assert_eq!(verdicts(0.975), [Verdict::NoDifferenceSeen; 2]);
    assert_eq!(verdicts(1.02), [Verdict::NoDifferenceSeen; 2]);
    assert_eq!(verdicts(0.95), [Verdict::Worse; 2]);
    assert_eq!(verdicts(1.05), [Verdict::Better; 2]);
    // 0.971 is less, but the interval reaches to 0.9695 and no further than 0.9725: not wholly beyond.
    assert_eq!(verdicts(0.971)[0], Verdict::NoDifferenceSeen);
}

#[test]
fn an_interval_too_wide_to_tell_is_not_called_conclusive() {
    let wide = heaps([report(80_000.0), report(120_000.0)], [report(90_000.0), report(110_000.0)]);
    let one = metric(&wide, "settled_per_s");
    assert_eq!((one.verdict, one.conclusive), (Verdict::NoDifferenceSeen, false));
    assert!(table(&wide).contains("too wide to tell"));
    let narrow = heaps([report(100_000.0), report(100_001.0)], [report(100_002.0), report(100_000.0)]);
    assert!(narrow.metrics.iter().all(|one| one.conclusive), "{narrow:?}");
}

#[test]
fn gated_intervals_hold_together_and_the_others_by_themselves() {
    let comparison = heaps([report(1e5), report(1.1e5)], [report(1e5), report(1.1e5)]);
    let confidence = |name: &str| metric(&comparison, name).interval.unwrap().confidence;
    assert!((confidence("settled_per_s") - 0.975).abs() < 1e-12 && (confidence("cpu") - 0.975).abs() < 1e-12);
    assert!((confidence("order_receipt.p99") - 0.95).abs() < 1e-12);
    assert_eq!(comparison.metrics.len(), METRICS.len());
}

#[test]
fn a_gate_that_cannot_be_judged_is_a_failure_and_no_pass() {
    let mut without = report(1e5);
    without["authority_cpu_ns_per_payment"] = Value::Null;
    let comparison = heaps([report(1e5), report(1e5)], [report(1e5), without]);
    assert_eq!(metric(&comparison, "cpu").verdict, Verdict::NotMeasured);
    assert!(comparison.failures[0].starts_with("cpu: not measured"), "{:?}", comparison.failures);
    let mut few = report(1e5);
    few["latency_us"]["order_receipt"]["count"] = 1_000.into();
    let comparison = heaps([report(1e5), report(1e5)], [report(1e5), few]);
    assert!(comparison.failures.is_empty(), "latencies are only shown");
    assert!(metric(&comparison, "order_receipt.p99.9").not_measured.as_deref().unwrap().contains("too few samples"));
}

#[test]
fn settings_that_differ_and_loads_that_differ_are_told() {
    let mut other = report(1e5);
    other["accounts"] = 5.into();
    other["phases"]["open_loop"]["rate_per_s"] = 39_000.into();
    let mut limited = report(1e5);
    limited["generator"] = json!({"limited_because": ["its loop was busy"]});
    let comparison = heaps([report(1e5), limited], [other.clone(), other]);
    assert_eq!(comparison.notes[0], "accounts differs: A 20000; B 5");
    assert!(comparison.notes[1].contains("39,000 to 40,000") && comparison.notes.len() == 2, "{:?}", comparison.notes);
    assert_eq!(comparison.warned_runs, 1);
    assert!(heaps([report(1e5), report(1e5)], [report(1e5), report(1e5)]).notes.is_empty());
}

fn parse(arguments: &[&str]) -> Result<CompareOptions, clap::Error> {
    let cli = Cli::try_parse_from(["quittance-bench", "compare"].iter().chain(arguments))?;
    match cli.into_command() {
        Command::Compare(options) => Ok(options),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_takes_two_sides_and_the_options_of_a_run() {
    let options = parse(&["x.json,y.json", "new", "--threshold", "5", "--volatile"]).unwrap();
    assert_eq!((options.a.as_slice().len(), options.a.to_string().as_str()), (2, "x.json,y.json"));
    assert_eq!((options.threshold, options.pairs, options.run.volatile), (Threshold(0.05), 6, true));
    assert_eq!((options.run.payments, options.run.accounts), (120_000, 20_000));
    assert_eq!(options.gates(), [Metric::SettledPerS, Metric::Cpu]);
    let gated = parse(&["a", "b", "--gate", "cpu,order_receipt.p99.9,cpu", "--payments", "9"]).unwrap();
    let p99_9 = Metric::latency(Span::OrderReceipt, Statistic::P99_9);
    assert_eq!((gated.gates(), gated.run.payments), (vec![Metric::Cpu, p99_9], 9));
    for wrong in [&["a"][..], &["a,", "b"], &["a", "b", "--gate", "loss"], &["a", "b", "--threshold", "100"]] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(parse(&["a", "b", "--pairs", "1"]).is_err());
    let judged = parse(&["a", "b", "--slo", "loss=0"]).unwrap();
    assert_eq!(measured_base(&judged.run).unwrap_err().exit_code(), 2);
}
