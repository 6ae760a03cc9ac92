//! Interval logs of HdrHistogram, format 1.3: comments, the start, a legend, and a line for each interval with its tag,
//! its beginning and length in seconds, its maximum in milliseconds, and its histogram in nanoseconds (V2, deflated, base64).

use super::OutputError;
use crate::latency::Latency;
use crate::recording::{INTERVAL_NS, Interval};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::path::Path;
use std::time::Duration;

/// The unit of the maxima, as the Java tools write them: nanoseconds in a millisecond.
const MAXIMUM_UNIT_NS: f64 = 1e6;

/// The most octets of one histogram before base64: every bucket of ours as the longest number of the encoding, twice over.
const HISTOGRAM_BYTES_MAX: usize = 1 << 20;

/// One line to write.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) tag: String,
    /// From the start of the first phase.
    pub(super) begun_ns: u64,
    pub(super) length_ns: u64,
    pub(super) samples: Samples<'a>,
}

/// Where a line's histogram comes from.
#[derive(Debug)]
pub(super) enum Samples<'a> {
    Whole(&'a Latency),
    Intervals(&'a [Interval]),
}

/// One line as it was read.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub(super) tag: String,
    /// From the start of the first phase, to the millisecond.
    pub(super) begun_ns: u64,
    pub(super) latency: Latency,
}

/// The lines of a timeline, `intervals_per_line` of its intervals in each. Where nothing was counted there is no line.
pub(super) fn lines<'a>(
    tag: &str,
    begun_ns: u64,
    timeline: &'a [Interval],
    intervals_per_line: usize,
) -> impl Iterator<Item = Line<'a>> {
    let length_ns = |intervals: usize| intervals as u64 * INTERVAL_NS;
    timeline.chunks(intervals_per_line).enumerate().filter(|(_, chunk)| count(chunk) > 0).map(move |(index, chunk)| {
        Line {
            tag: tag.to_owned(),
            begun_ns: begun_ns + length_ns(index * intervals_per_line),
            length_ns: length_ns(chunk.len()),
            samples: Samples::Intervals(chunk),
        }
    })
}

/// Samples of a timeline.
pub(super) fn count(timeline: &[Interval]) -> u64 {
    timeline.iter().flat_map(|interval| &interval.order_receipt).map(|(_, count)| count).sum()
}

/// Adds a timeline's samples.
pub(super) fn gather(timeline: &[Interval], latency: &mut Latency) {
    timeline.iter().flat_map(|interval| &interval.order_receipt).for_each(|(ns, count)| latency.record_n(*ns, *count));
}

/// The log's text: the lines in the order of time.
pub(super) fn text(comments: &[&str], begun_unix_us: u64, mut lines: Vec<Line<'_>>) -> Vec<u8> {
    lines.sort_by_key(|line| line.begun_ns);
    let mut text = heading(comments, begun_unix_us).into_bytes();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .with_max_value_divisor(MAXIMUM_UNIT_NS)
        .begin_log_with(&mut text, &mut serializer)
        .expect("memory takes what is written");
    let mut gathered = Latency::new();
    for line in lines {
        let latency = match line.samples {
            Samples::Whole(latency) => latency,
            Samples::Intervals(timeline) => {
                gathered.clear();
                gather(timeline, &mut gathered);
                &gathered
            }
        };
        let tag = Tag::new(&line.tag).expect("tags are made of letters, digits, dots, `-` and `_`");
        let (begun, length) = (Duration::from_nanos(line.begun_ns), Duration::from_nanos(line.length_ns));
        log.write_histogram(latency.histogram(), begun, length, Some(tag)).expect("our histograms fit the encoding");
    }
    text
}

fn heading(comments: &[&str], begun_unix_us: u64) -> String {
    let mut text = String::new();
    comments.iter().for_each(|comment| text.push_str(&format!("#[{comment}]\n")));
    text.push_str("#[Histogram log format version 1.3]\n");
    let (seconds, millis) = (begun_unix_us / 1_000_000, begun_unix_us / 1_000 % 1_000);
    for name in ["StartTime", "BaseTime"] {
        text.push_str(&format!("#[{name}: {seconds}.{millis:03} (seconds since epoch)]\n"));
    }
    text.push_str("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
    text
}

/// The lines of a log.
///
/// # Errors
/// [`OutputError::Damaged`], with `path` in it.
pub(super) fn read(path: &Path, text: &[u8]) -> Result<Vec<Read>, OutputError> {
    let mut deserializer = Deserializer::new();
    let mut lines = Vec::new();
    for entry in IntervalLogIterator::new(text) {
        let entry = entry.map_err(|error| OutputError::damaged(path, format!("{error:?}")))?;
        let LogEntry::Interval(line) = entry else { continue };
        let octets = STANDARD.decode(line.encoded_histogram());
        let octets =
            octets.map_err(|error| OutputError::damaged(path, format!("a histogram is no base64: {error}")))?;
        let latency = decode(&mut deserializer, &octets).map_err(|why| OutputError::damaged(path, why))?;
        let begun = line.start_timestamp().as_nanos();
        lines.push(Read {
            tag: line.tag().map_or(String::new(), |tag| tag.as_str().to_owned()),
            begun_ns: u64::try_from(begun).map_err(|_| OutputError::damaged(path, "a beginning out of range"))?,
            latency,
        });
    }
    Ok(lines)
}

fn decode(deserializer: &mut Deserializer, octets: &[u8]) -> Result<Latency, String> {
    if octets.len() > HISTOGRAM_BYTES_MAX {
        return Err(format!("a histogram of {} octets (at most {HISTOGRAM_BYTES_MAX})", octets.len()));
    }
    let histogram = deserializer.deserialize(&mut &*octets).map_err(|error| error.to_string())?;
    Latency::from_histogram(histogram).ok_or_else(|| "a histogram of another range or precision".to_owned())
}
