//! What a comparison found. Its JSON form is these structures, field by field.

use super::METRICS;
use super::notes;
use super::options::Threshold;
use super::session::{Block, Run, Runs, Side};
use crate::objective::{Metric, Unit, Unmeasured};
use crate::stats::{self, Interval};
use serde::Serialize;

/// Of comparisons in which nothing changed, the share whose gated intervals all hold the truth.
const CONFIDENCE: f64 = 0.95;

/// How runs were made and what is asked of them.
#[derive(Clone, Debug)]
pub struct Design {
    /// How they stand side by side; none if they do not.
    pub block: Option<Block>,
    /// The sides' short names: `A` and `B`, or `with` and `without`.
    pub labels: [&'static str; 2],
    /// What they are.
    pub names: [String; 2],
    /// The smallest change that matters.
    pub threshold: Threshold,
    /// Metrics whose change for the worse is a regression.
    pub gates: Vec<Metric>,
}

/// Two sides, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The command that repeats it.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// How intervals were made.
    pub method: Method,
    /// The side that is compared with.
    pub a: SideReport,
    /// The other one.
    pub b: SideReport,
    /// The smallest change that matters, as a share.
    pub threshold: f64,
    /// The rate of all open loops, if it was set.
    pub rate_per_s: Option<u64>,
    /// Every metric.
    pub metrics: Vec<MetricComparison>,
    /// Gated metrics that got worse.
    pub regressions: Vec<String>,
    /// Settings in which the sides differ, and what else one must know of the figures.
    pub notes: Vec<String>,
    /// Runs with warnings: the generator may have limited them, or something disturbed the authority. They count.
    pub warned_runs: usize,
    /// What went wrong, one sentence each.
    pub failures: Vec<String>,
}

/// How intervals were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Student's t on the logarithms of the ratios of pairs.
    Pairs,
    /// The same on blocks of ABBA.
    AbbaBlocks,
    /// Welch's t on the logarithms of both sides.
    Unpaired,
}

/// One side.
#[derive(Clone, Debug, Serialize)]
pub struct SideReport {
    /// `A` or `B`, `with` or `without`.
    pub label: &'static str,
    /// What it is.
    pub name: String,
    /// Its runs.
    pub runs: usize,
}

/// What became of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// The whole interval lies beyond the threshold on the good side.
    #[serde(rename = "better")]
    Better,
    /// The whole interval lies beyond the threshold on the bad side.
    #[serde(rename = "worse")]
    Worse,
    /// Neither.
    #[serde(rename = "no difference seen")]
    NoDifferenceSeen,
    /// A run does not tell it, or there are too few runs.
    #[serde(rename = "not measured")]
    NotMeasured,
}

impl Verdict {
    /// As JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifferenceSeen => "no difference seen",
            Self::NotMeasured => "not measured",
        }
    }
}

/// A metric on both sides.
#[derive(Clone, Debug, Serialize)]
pub struct MetricComparison {
    /// Its name.
    pub metric: String,
    /// What its figures are counted in: `us` or `per_s`.
    pub unit: &'static str,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// Whether a change for the worse is a regression.
    pub gated: bool,
    /// The figures of A.
    pub a: Figures,
    /// The figures of B.
    pub b: Figures,
    /// B over A; null if it was not measured.
    pub interval: Option<Interval>,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether the interval is narrow enough: a verdict of no difference then says that there is none that matters.
    pub conclusive: bool,
    /// Why it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
    /// For the table.
    #[serde(skip)]
    pub(super) shown_in: Unit,
}

/// A side's figures of one metric.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The middle one; null if there is none.
    pub median: Option<f64>,
    /// One for each run that tells it, in order of time.
    pub values: Vec<f64>,
}

impl Comparison {
    /// Judges runs.
    pub fn new(command: String, design: Design, runs: Runs) -> Self {
        let Design { block, labels, names, threshold: Threshold(threshold), gates } = design;
        let Runs { rate_per_s, runs, mut failures } = runs;
        let shown = METRICS.into_iter().filter(|metric| !gates.contains(metric));
        let confidence = 1.0 - (1.0 - CONFIDENCE) / gates.len().max(1) as f64;
        let judging = Judging { runs: &runs, is_paired: block.is_some(), threshold };
        let gated = gates.iter().map(|metric| judging.compare(*metric, true, confidence));
        let metrics: Vec<_> = gated.chain(shown.map(|metric| judging.compare(metric, false, CONFIDENCE))).collect();
        // A gate that cannot be judged must not be taken for one that was passed.
        let open = metrics.iter().filter(|metric| metric.gated && metric.verdict == Verdict::NotMeasured);
        let open = open.map(|metric| format!("{}: {}", metric.metric, metric.not_measured.as_deref().unwrap_or("?")));
        failures.extend(open);
        let worse = metrics.iter().filter(|metric| metric.gated && metric.verdict == Verdict::Worse);
        let side = |side: Side, name: String| SideReport {
            label: labels[side as usize],
            name,
            runs: runs.iter().filter(|run| run.side == side).count(),
        };
        let [a, b] = names;
        Self {
            command,
            version: env!("CARGO_PKG_VERSION"),
            method: match block {
                Some(Block::Pair) => Method::Pairs,
                Some(Block::Abba) => Method::AbbaBlocks,
                None => Method::Unpaired,
            },
            a: side(Side::A, a),
            b: side(Side::B, b),
            threshold,
            rate_per_s,
            regressions: worse.map(|metric| metric.metric.clone()).collect(),
            metrics,
            notes: notes::differences(&runs, labels),
            warned_runs: runs.iter().filter(|run| !notes::warnings(&run.report).is_empty()).count(),
            failures,
        }
    }
}

/// What figures are judged by.
struct Judging<'a> {
    runs: &'a [Run],
    is_paired: bool,
    threshold: f64,
}

impl Judging<'_> {
    fn compare(&self, metric: Metric, gated: bool, confidence: f64) -> MetricComparison {
        let interval = self.interval(metric, confidence);
        let verdict = interval.as_ref().map_or(Verdict::NotMeasured, |interval| self.verdict(interval, metric));
        let within =
            |interval: &Interval| interval.low >= 1.0 - self.threshold && interval.high <= 1.0 + self.threshold;
        MetricComparison {
            metric: metric.to_string(),
            unit: metric.unit().name(),
            more_is_better: metric.more_is_better(),
            gated,
            a: Figures::new(self.told(Side::A, metric)),
            b: Figures::new(self.told(Side::B, metric)),
            verdict,
            conclusive: match verdict {
                Verdict::Better | Verdict::Worse => true,
                Verdict::NoDifferenceSeen => interval.as_ref().is_ok_and(within),
                Verdict::NotMeasured => false,
            },
            not_measured: interval.as_ref().err().cloned(),
            interval: interval.ok(),
            shown_in: metric.unit(),
        }
    }

    fn verdict(&self, interval: &Interval, metric: Metric) -> Verdict {
        let is_more = interval.low > 1.0 + self.threshold;
        let is_less = interval.high < 1.0 - self.threshold;
        match (is_more, is_less) {
            (false, false) => Verdict::NoDifferenceSeen,
            (more, _) if more == metric.more_is_better() => Verdict::Better,
            _ => Verdict::Worse,
        }
    }

    fn interval(&self, metric: Metric, confidence: f64) -> Result<Interval, String> {
        let [a, b] = [self.all(Side::A, metric)?, self.all(Side::B, metric)?];
        let interval = if self.is_paired {
            let log_ratios = self.blocks(metric).map(|[a, b]| stats::log_ratio(&a, &b)).collect::<Option<Vec<_>>>();
            log_ratios.and_then(|log_ratios| stats::paired(&log_ratios, confidence))
        } else {
            stats::unpaired(&a, &b, confidence)
        };
        interval.ok_or_else(|| "too few runs, or a figure of zero: an interval takes two of each side".to_owned())
    }

    /// The figures of the blocks of which both sides ran.
    fn blocks(&self, metric: Metric) -> impl Iterator<Item = [Vec<f64>; 2]> {
        let count = self.runs.iter().map(|run| run.block_index + 1).max().unwrap_or(0);
        let of_block = move |index| {
            let runs = self.runs.iter().filter(move |run| run.block_index == index);
            let told = |side| {
                runs.clone().filter(move |run| run.side == side).filter_map(|run| metric.measure(&run.report).ok())
            };
            [told(Side::A).collect::<Vec<f64>>(), told(Side::B).collect()]
        };
        (0..count).map(of_block).filter(|[a, b]| !a.is_empty() && !b.is_empty())
    }

    /// What every run of a side tells, or why one does not.
    fn all(&self, side: Side, metric: Metric) -> Result<Vec<f64>, String> {
        let told: Result<Vec<f64>, Unmeasured> = self.of(side).map(|run| metric.measure(&run.report)).collect();
        told.map_err(|reason| reason.to_string())
    }

    /// What the runs of a side tell.
    fn told(&self, side: Side, metric: Metric) -> Vec<f64> {
        self.of(side).filter_map(|run| metric.measure(&run.report).ok()).collect()
    }

    fn of(&self, side: Side) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.side == side)
    }
}

impl Figures {
    fn new(values: Vec<f64>) -> Self {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = |sorted: &[f64]| {
            let (lower, upper) = (sorted.get((sorted.len() - 1) / 2)?, sorted.get(sorted.len() / 2)?);
            Some(f64::midpoint(*lower, *upper))
        };
        Self { median: if sorted.is_empty() { None } else { middle(&sorted) }, values }
    }
}
