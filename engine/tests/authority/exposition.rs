//! The text format of Prometheus, version 0.0.4, read strictly: what a collector would forgive is refused here. The command's own
//! unit tests read with it, too.

use std::collections::BTreeMap;

/// What one scrape told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Family>,
    /// What was read.
    text: String,
    /// Every sample's value, by name and labels as they were written.
    series: BTreeMap<String, String>,
}

/// A metric with all its labels.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// The family's, with the suffix that a histogram's samples have.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Exposition {
    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut exposition = Self { text: text.to_owned(), ..Self::default() };
        let text = text.strip_suffix('\n').ok_or("the last line has no end")?;
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let help = line.strip_prefix("# HELP ").ok_or(format!("a family begins with HELP, not with {line}"))?;
            let (name, help) = help.split_once(' ').ok_or(format!("no text: {line}"))?;
            let kind =
                lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name)?.strip_prefix(' '));
            let kind = kind.ok_or(format!("no TYPE behind the HELP of {name}"))?.to_owned();
            let mut family = Family { kind, help: help.to_owned(), samples: Vec::new() };
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (series, value) = line.rsplit_once(' ').ok_or(format!("no value: {line}"))?;
                family.samples.push(Sample::parse(series, value)?);
                if exposition.series.insert(series.to_owned(), value.to_owned()).is_some() {
                    return Err(format!("{series} occurs twice"));
                }
            }
            family.check(name)?;
            if exposition.families.insert(name.to_owned(), family).is_some() {
                return Err(format!("{name} occurs twice"));
            }
        }
        Ok(exposition)
    }

    /// What was read.
    pub(crate) fn text(&self) -> String {
        self.text.clone()
    }

    /// The count in this series, named as it is written: `name{label="value"}`.
    pub(crate) fn count(&self, series: &str) -> Option<u64> {
        self.series.get(series)?.parse().ok()
    }

    /// Every series with its value, as they are written.
    pub(crate) fn series(&self) -> impl Iterator<Item = (&str, &str)> {
        self.series.iter().map(|(series, value)| (series.as_str(), value.as_str()))
    }

    /// All samples of this name together, whatever their labels.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let samples = self.families.values().flat_map(|family| &family.samples);
        samples.filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }

    /// The values that a label has in a family.
    pub(crate) fn labels(&self, family: &str, label: &str) -> Vec<&str> {
        let samples = self.families.get(family).map(|family| family.samples.as_slice()).unwrap_or_default();
        let mut values: Vec<&str> =
            samples.iter().filter_map(|sample| Some(sample.labels.get(label)?.as_str())).collect();
        values.dedup();
        values
    }
}

impl Family {
    fn check(&self, name: &str) -> Result<(), String> {
        check_name(name)?;
        if self.help.is_empty() {
            return Err(format!("{name} says nothing of itself"));
        }
        let is_total = name.ends_with("_total");
        match self.kind.as_str() {
            "counter" if !is_total => Err(format!("{name} is a counter, and does not end so")),
            "gauge" if is_total => Err(format!("{name} ends like a counter, and is none")),
            "counter" | "gauge" => match self.samples.iter().find(|sample| sample.name != name || sample.value < 0.0) {
                Some(sample) => Err(format!("{sample:?} is no sample of {name}")),
                None => Ok(()),
            },
            "histogram" => self.check_histogram(name),
            other => Err(format!("{name} is {other}, and there is no such kind")),
        }
    }

    /// One histogram after the other, each with its buckets in order, its sum and its count.
    fn check_histogram(&self, name: &str) -> Result<(), String> {
        let mut samples = self.samples.iter().peekable();
        while let Some(first) = samples.peek() {
            let mut labels = first.labels.clone();
            labels.remove("le");
            let (mut bound, mut count) = (f64::NEG_INFINITY, 0.0);
            let (bucket, sum, total) = (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
            while let Some(sample) = samples.next_if(|sample| sample.name == bucket) {
                let mut own = sample.labels.clone();
                let le = own.remove("le").ok_or(format!("{sample:?} has no le"))?;
                let le =
                    if le == "+Inf" { f64::INFINITY } else { le.parse().map_err(|_| format!("{le} is no bound"))? };
                if own != labels || le <= bound || sample.value < count {
                    return Err(format!("{sample:?} does not follow {bound} with {count}"));
                }
                (bound, count) = (le, sample.value);
            }
            let mut end = |name: &str| samples.next().filter(|sample| sample.name == name && sample.labels == labels);
            let sum = end(&sum).ok_or(format!("{name} {labels:?} has no sum"))?;
            let total = end(&total).ok_or(format!("{name} {labels:?} has no count"))?;
            if bound.is_finite() || total.value.total_cmp(&count).is_ne() || sum.value < 0.0 {
                return Err(format!("{name} {labels:?} ends with {count} up to {bound}, and counts {}", total.value));
            }
        }
        Ok(())
    }
}

impl Sample {
    fn parse(series: &str, value: &str) -> Result<Self, String> {
        let value: f64 = value.parse().map_err(|_| format!("{series} is {value}"))?;
        if !value.is_finite() {
            return Err(format!("{series} is {value}"));
        }
        let Some((name, labels)) = series.split_once('{') else {
            check_name(series)?;
            return Ok(Self { name: series.to_owned(), labels: BTreeMap::new(), value });
        };
        check_name(name)?;
        let labels = labels.strip_suffix('}').ok_or(format!("{series} does not end"))?;
        Ok(Self { name: name.to_owned(), labels: parse_labels(labels)?, value })
    }
}

fn parse_labels(mut text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, rest) = text.split_once("=\"").ok_or(format!("no label begins with {text}"))?;
        check_name(name)?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next().ok_or(format!("the label {name} does not end"))? {
                (end, '"') => break end,
                (_, '\\') => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                    other => return Err(format!("{other:?} is not escaped so")),
                },
                (_, character) => value.push(character),
            }
        };
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("the label {name} occurs twice"));
        }
        match rest[end + 1..].strip_prefix(',') {
            Some(next) => text = next,
            None if rest.len() == end + 1 => return Ok(labels),
            None => return Err(format!("{rest} goes on behind its end")),
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_good =
        |(place, byte): (usize, u8)| byte.is_ascii_lowercase() || byte == b'_' || place > 0 && byte.is_ascii_digit();
    if !name.is_empty() && name.bytes().enumerate().all(is_good) { Ok(()) } else { Err(format!("{name:?} is no name")) }
}

#[test]
fn what_a_collector_may_not_read_is_refused() {
    let good = "# HELP a_total So many.\n# TYPE a_total counter\na_total{shard=\"0\",name=\"x\\\"\\n\"} 1\na_total{shard=\"1\",name=\"\"} 2\n\
        # HELP h Sizes.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 5.5\nh_count 2\n";
    let read = Exposition::parse(good).unwrap();
    assert_eq!((read.count("a_total{shard=\"1\",name=\"\"}"), read.sum("a_total")), (Some(2), 3.0));
    assert_eq!(read.families["a_total"].samples[0].labels["name"], "x\"\n");
    for (from, to) in [
        ("h_count 2\n", "h_count 2"),
        ("h_count 2\n", "h_count 2\n\n"),
        ("h_count 2", "h_count 3"),
        ("h_count 2\n", ""),
        ("le=\"+Inf\"", "le=\"4\""),
        ("le=\"1\"} 1", "le=\"1\"} 3"),
        ("h_sum 5.5\n", ""),
        ("# TYPE a_total counter\n", ""),
        ("# TYPE a_total counter", "# TYPE b_total counter"),
        ("a_total counter", "a_total gauge"),
        ("# TYPE h histogram", "# TYPE h counter"),
        ("shard=\"1\",name=\"\"", "shard=\"0\",name=\"x\\\"\\n\""),
        ("name=\"\"", "shard=\"\""),
        ("name=\"\"", "na-me=\"\""),
        ("\"\"} 2", "\"\"} 2x"),
        ("\"\"} 2", "\"\"} -2"),
        ("\"\"} 2", "\"\"}"),
        ("# HELP h Sizes.", "# HELP a_total Sizes."),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(Exposition::parse(&good.replacen(from, to, 1)).is_err(), "{from} as {to}");
    }
}
