//! Every metric that is served, in one table: what it is called, what it says, and where it comes from.
//!
//! Names end in their unit, counters in `_total`. Counters begin at 0 with the process, or, where their text says so, with the
//! journal. Labels have few values, none of which a stranger chooses: shards, threads, codes and places.

mod journal;
mod process;
mod protocol;
mod transport;

use super::exposition::Lines;
use super::picture::Picture;
use crate::run::samples::ShardSample;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Display;

/// A metric with all its labels.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The names of its labels; `le` of histograms is not among them.
    pub(super) labels: &'static [&'static str],
    /// One line, for people.
    pub(super) help: &'static str,
    /// Adds its samples.
    pub(super) lines: fn(&Picture, &mut Lines<'_>),
}

/// What a family's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Values counted by range.
    Histogram,
}

/// All of them, in the order in which they are served.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    [protocol::FAMILIES, transport::FAMILIES, journal::FAMILIES, process::FAMILIES].into_iter().flatten()
}

const NONE: &[&str] = &[];
const SHARD: &[&str] = &["shard"];
const THREAD: &[&str] = &["thread"];

type Add = fn(&Picture, &mut Lines<'_>);

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str, lines: Add) -> Family {
    Family { name, kind: Kind::Counter, labels, help, lines }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str, lines: Add) -> Family {
    Family { name, kind: Kind::Gauge, labels, help, lines }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str, lines: Add) -> Family {
    Family { name, kind: Kind::Histogram, labels, help, lines }
}

/// One sample for each shard.
fn per_shard<T: Display>(picture: &Picture, lines: &mut Lines<'_>, value: impl Fn(&ShardSample) -> T) {
    for shard in picture.shards() {
        lines.value(&[&shard.report.index.to_string()], value(shard));
    }
}

/// One sample for each shard that has such a value.
fn per_shard_with<T: Display>(picture: &Picture, lines: &mut Lines<'_>, value: impl Fn(&ShardSample) -> Option<T>) {
    for shard in picture.shards() {
        if let Some(value) = value(shard) {
            lines.value(&[&shard.report.index.to_string()], value);
        }
    }
}

/// For each shard one sample for each of these names, which are the values of the second label.
fn per_shard_and<const COUNT: usize>(
    picture: &Picture,
    lines: &mut Lines<'_>,
    values: impl Fn(&ShardSample) -> [(&'static str, u64); COUNT],
) {
    for shard in picture.shards() {
        for (name, value) in values(shard) {
            lines.value(&[&shard.report.index.to_string(), name], value);
        }
    }
}

/// The same for counts whose names are those that `--json` prints.
fn per_shard_and_name<T: Serialize>(picture: &Picture, lines: &mut Lines<'_>, counts: impl Fn(&ShardSample) -> &T) {
    for shard in picture.shards() {
        let Ok(Value::Object(counts)) = serde_json::to_value(counts(shard)) else {
            unreachable!("counts are maps of names and numbers")
        };
        for (name, count) in counts {
            lines.value(&[&shard.report.index.to_string(), &name], count);
        }
    }
}
