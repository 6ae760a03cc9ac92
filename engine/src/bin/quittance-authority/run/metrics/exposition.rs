//! The text format of Prometheus, version 0.0.4.
//!
//! A family is a line `# HELP name text`, a line `# TYPE name kind`, and then its samples, `name{label="value"} number`, all
//! of them together. Of a histogram there are the buckets, each with the largest value that it counts as `le` and everything
//! below it included, then `_sum` and `_count`.

use super::families::{self, Family, Kind};
use super::picture::Picture;
use quittance_engine::distribution::Distribution;
use std::fmt::{Display, Write};

/// What the text is, for those who ask over HTTP.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What one unit of a distribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Itself.
    One,
    /// Microseconds, told in seconds.
    Microsecond,
}

/// A family's lines, as they are written.
pub(super) struct Lines<'a> {
    family: &'a Family,
    text: &'a mut String,
}

/// Every family, in the order of the table.
pub(super) fn render(picture: &Picture) -> String {
    let mut text = String::new();
    for family in families::all() {
        family.append(picture, &mut text);
    }
    text
}

impl Family {
    /// Writes the family, all of it.
    fn append(&self, picture: &Picture, text: &mut String) {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        write(text, format_args!("# HELP {} {}\n# TYPE {} {kind}\n", self.name, self.help, self.name));
        (self.lines)(picture, &mut Lines { family: self, text });
    }
}

impl Lines<'_> {
    /// A sample, with the values of the family's labels.
    pub(super) fn value(&mut self, labels: &[&str], value: impl Display) {
        self.sample("", labels, None, value);
    }

    /// A histogram, with the values of the family's labels.
    pub(super) fn distribution(&mut self, labels: &[&str], distribution: &Distribution, unit: Unit) {
        for (bound, count) in distribution.cumulative() {
            self.sample("_bucket", labels, Some(&unit.show(bound)), count);
        }
        self.sample("_bucket", labels, Some("+Inf"), distribution.count());
        self.sample("_sum", labels, None, unit.show(distribution.sum()));
        self.sample("_count", labels, None, distribution.count());
    }

    fn sample(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>, value: impl Display) {
        let names = self.family.labels;
        assert_eq!(names.len(), labels.len(), "the table names the labels of {}", self.family.name);
        write(self.text, format_args!("{}{suffix}", self.family.name));
        let pairs = names.iter().copied().zip(labels.iter().copied()).chain(bound.map(|bound| ("le", bound)));
        let mut separator = '{';
        for (name, label) in pairs {
            write(self.text, format_args!("{separator}{name}=\"{}\"", escaped(label)));
            separator = ',';
        }
        let end = if separator == ',' { "}" } else { "" };
        write(self.text, format_args!("{end} {value}\n"));
    }
}

impl Unit {
    fn show(self, value: u64) -> String {
        match self {
            Self::One => value.to_string(),
            Self::Microsecond => seconds(u128::from(value) * 1_000),
        }
    }
}

/// So many nanoseconds, exact, in seconds.
pub(super) fn seconds(ns: u128) -> String {
    let (whole, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let text = format!("{whole}.{rest:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A label's value, as it stands between quotation marks.
fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_seconds() {
        let show = |us| Unit::Microsecond.show(us);
        assert_eq!([0, 50, 2_500, 1_000_000, 10_000_000].map(show), ["0", "0.00005", "0.0025", "1", "10"]);
        assert_eq!(seconds(1), "0.000000001");
    }

    #[test]
    fn a_label_cannot_end_its_line_or_its_quotation() {
        assert_eq!(escaped("a\\b\"c\nd"), r#"a\\b\"c\nd"#);
    }
}
