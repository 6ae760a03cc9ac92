//! Figures of a run by name: unit, direction, and where they stand in a report's JSON.

use core::fmt;
use serde_json::Value;

/// Samples that must lie beyond a quantile before it is believed. With ten, the share beyond is known within a third or so
/// (a count of n scatters by its root).
pub const SAMPLES_BEYOND_MIN: u64 = 10;

/// A figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// How long a span took in the open loop.
    Latency {
        /// What of a payment.
        span: Span,
        /// Which of all payments.
        statistic: Statistic,
        /// From when on.
        since: Since,
    },
    /// Lost payments of the whole run.
    Loss,
    /// Lost payments of 100.
    LossPercent,
    /// Refused payments of the whole run.
    Rejected,
    /// Settled payments per second at saturation.
    SettledPerS,
    /// Processor time of the authorities per settled payment at saturation.
    Cpu,
}

/// A span of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// From the order to the vote that completes the certificate.
    OrderVote,
    /// From that vote to the receipt that settles.
    CertificateReceipt,
    /// From the order to that receipt.
    OrderReceipt,
}

/// A quantile, or the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The median.
    P50,
    /// 90 of 100 are no longer.
    P90,
    /// 99 of 100.
    P99,
    /// 999 of 1,000.
    P99_9,
    /// The longest.
    Max,
}

/// Where a latency starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// When the order was due.
    Schedule,
    /// When it was sent.
    Send,
}

/// What figures are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Us,
    /// Payments per second.
    PerS,
    /// Payments.
    Count,
    /// Of 100.
    Percent,
}

/// Why a report does not tell a figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasured {
    /// It is not there.
    #[error("not measured: the report has no {0}")]
    Absent(String),
    /// Nothing settled, so there is nothing to divide by.
    #[error("not measured: nothing settled at saturation")]
    NothingSettled,
    /// Too few lie beyond the quantile.
    #[error("too few samples: {samples}, and {statistic} takes {needed}")]
    TooFew {
        /// Latencies in the histogram.
        samples: u64,
        /// The quantile.
        statistic: &'static str,
        /// So many it takes.
        needed: u64,
    },
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OrderVote, Self::CertificateReceipt, Self::OrderReceipt];

    /// As reports and objectives have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderVote => "order_vote",
            Self::CertificateReceipt => "certificate_receipt",
            Self::OrderReceipt => "order_receipt",
        }
    }
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::P50, Self::P90, Self::P99, Self::P99_9, Self::Max];

    /// As objectives have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P99_9 => "p99.9",
            Self::Max => "max",
        }
    }

    /// As reports have it.
    const fn key(self) -> &'static str {
        match self {
            Self::P99_9 => "p99_9",
            other => other.name(),
        }
    }

    /// Samples that it takes before [`SAMPLES_BEYOND_MIN`] of them lie beyond it. The longest of one is the longest.
    pub const fn samples_needed(self) -> u64 {
        match self {
            Self::P50 => 2 * SAMPLES_BEYOND_MIN,
            Self::P90 => 10 * SAMPLES_BEYOND_MIN,
            Self::P99 => 100 * SAMPLES_BEYOND_MIN,
            Self::P99_9 => 1_000 * SAMPLES_BEYOND_MIN,
            Self::Max => 1,
        }
    }
}

impl Unit {
    /// As reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::PerS => "per_s",
            Self::Count => "count",
            Self::Percent => "percent",
        }
    }

    /// A figure for a person: with the unit that suits its size.
    pub fn shown(self, figure: f64) -> String {
        match self {
            Self::Us if figure >= 1_000_000.0 => format!("{:.3} s", figure / 1_000_000.0),
            Self::Us if figure >= 1_000.0 => format!("{:.3} ms", figure / 1_000.0),
            Self::Us => format!("{figure:.2} us"),
            Self::PerS => format!("{}/s", whole(figure)),
            Self::Count => whole(figure),
            Self::Percent => format!("{figure:.4} %"),
        }
    }
}

/// Rounded, with its thousands grouped.
fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    digits.parse().map_or(digits, crate::report::grouped)
}

impl Metric {
    /// The latency from the schedule.
    pub const fn latency(span: Span, statistic: Statistic) -> Self {
        Self::Latency { span, statistic, since: Since::Schedule }
    }

    /// What its figures are counted in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Latency { .. } | Self::Cpu => Unit::Us,
            Self::Loss | Self::Rejected => Unit::Count,
            Self::LossPercent => Unit::Percent,
            Self::SettledPerS => Unit::PerS,
        }
    }

    /// Whether more of it is better.
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::SettledPerS)
    }

    /// Whether two runs are compared by the ratio of their figures. Counts of what went wrong are zero in good runs.
    pub const fn has_ratio(self) -> bool {
        matches!(self, Self::Latency { .. } | Self::SettledPerS | Self::Cpu)
    }

    /// The figure that a report (`run --json`) has for it, in its [`Unit`].
    ///
    /// # Errors
    /// [`Unmeasured`].
    pub fn measure(self, report: &Value) -> Result<f64, Unmeasured> {
        match self {
            Self::Latency { span, statistic, since } => latency(report, span, statistic, since),
            Self::Loss => number(report, &["lost"]),
            Self::LossPercent => match number(report, &["payments"])? {
                payments if payments > 0.0 => Ok(number(report, &["lost"])? / payments * 100.0),
                _ => Err(Unmeasured::Absent("payments".to_owned())),
            },
            Self::Rejected => number(report, &["rejected"]),
            Self::SettledPerS => number(report, &["settled_per_s"]),
            // Reports have a zero where nothing settled; no payment costs nothing.
            Self::Cpu => match number(report, &["authority_cpu_ns_per_payment"])? {
                ns if ns > 0.0 => Ok(ns / 1_000.0),
                _ => Err(Unmeasured::NothingSettled),
            },
        }
    }
}

/// As objectives have it.
impl fmt::Display for Metric {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { span, statistic, since } => {
                let since = if *since == Since::Send { "@send" } else { "" };
                out.pad(&format!("{}.{}{since}", span.name(), statistic.name()))
            }
            Self::Loss => out.pad("loss"),
            Self::LossPercent => out.pad("loss%"),
            Self::Rejected => out.pad("rejected"),
            Self::SettledPerS => out.pad("settled_per_s"),
            Self::Cpu => out.pad("cpu"),
        }
    }
}

fn latency(report: &Value, span: Span, statistic: Statistic, since: Since) -> Result<f64, Unmeasured> {
    let table = match since {
        Since::Schedule => "latency_us",
        Since::Send => "latency_from_send_us",
    };
    let path = [table, span.name(), statistic.key()];
    let us = number(report, &path)?;
    let samples = report[table][span.name()]["count"].as_u64().ok_or_else(|| absent(&[table, span.name(), "count"]))?;
    let needed = statistic.samples_needed();
    if samples < needed {
        return Err(Unmeasured::TooFew { samples, statistic: statistic.name(), needed });
    }
    Ok(us)
}

fn number(report: &Value, path: &[&str]) -> Result<f64, Unmeasured> {
    let found = path.iter().fold(report, |value, key| &value[key]);
    found.as_f64().filter(|figure| figure.is_finite() && *figure >= 0.0).ok_or_else(|| absent(path))
}

fn absent(path: &[&str]) -> Unmeasured {
    Unmeasured::Absent(path.join("."))
}
