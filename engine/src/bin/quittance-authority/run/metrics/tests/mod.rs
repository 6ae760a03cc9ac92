//! The table of metrics against what is counted, against the format, and against what is written about them.
//!
//! `fixture.rs` an authority of which every number is another one; `written.rs` the list, the dashboard and the rules.

mod fixture;
#[allow(dead_code)] // The authority's own tests take from it what these leave.
#[path = "../../../../../../tests/authority/exposition.rs"]
mod strict;
mod written;

use super::exposition::render;
use super::families::{self, Kind};
use super::picture::Picture;
use super::{Gathered, REFRESH, Sources};
use crate::run::control::{Control, Followed, Order};
use crate::run::samples::ShardSample;
use fixture::{SHARD, about, picture};
use quittance_engine::types::ShardIndex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;
use strict::Exposition;

/// Which sample has what a shard's report calls so, but for refusals and causes, which have its own names.
const COUNTED: &[(&str, &str)] = &[
    ("accounts", "quittance_accounts{shard}"),
    ("redeemed", "quittance_redeemed_units_total{shard}"),
    ("under_way", "quittance_units_under_way{shard}"),
    ("unanswered", "quittance_unanswered_requests{shard}"),
    ("protocol.orders", "quittance_requests_total{shard,kind=\"order\"}"),
    ("protocol.certificates", "quittance_requests_total{shard,kind=\"certificate\"}"),
    ("protocol.queries", "quittance_requests_total{shard,kind=\"query\"}"),
    ("protocol.history_queries", "quittance_requests_total{shard,kind=\"history_query\"}"),
    ("protocol.votes", "quittance_votes_total{shard}"),
    ("protocol.votes_repeated", "quittance_repeated_replies_total{shard,kind=\"vote\"}"),
    ("protocol.orders_held", "quittance_orders_held_total{shard}"),
    ("protocol.orders_held_repeated", "quittance_orders_held_repeated_total{shard}"),
    ("protocol.orders_held_funded", "quittance_orders_held_ended_total{shard,how=\"funded\"}"),
    ("protocol.orders_held_expired", "quittance_orders_held_ended_total{shard,how=\"expired\"}"),
    ("protocol.orders_held_displaced", "quittance_orders_held_ended_total{shard,how=\"displaced\"}"),
    ("protocol.confirmations", "quittance_settled_total{shard}"),
    ("protocol.receipts_repeated", "quittance_repeated_replies_total{shard,kind=\"receipt\"}"),
    ("protocol.conflicting_certificates", "quittance_conflicting_certificates_total{shard}"),
    ("protocol.credits_sent", "quittance_credits_total{shard,what=\"sent\"}"),
    ("protocol.credits_applied", "quittance_credits_total{shard,what=\"applied\"}"),
    ("protocol.credits_repeated", "quittance_credits_total{shard,what=\"repeated\"}"),
    ("protocol.vote_roots_known", "quittance_vote_roots_total{shard,known=\"yes\"}"),
    ("protocol.vote_roots_unknown", "quittance_vote_roots_total{shard,known=\"no\"}"),
    ("protocol.roots_checked", "quittance_roots_checked_total{shard}"),
    ("protocol.quarantines", "quittance_quarantines_total{shard}"),
    ("protocol.signatures_quarantined", "quittance_quarantined_signatures_total{shard}"),
    ("protocol.roots_signed", "quittance_roots_signed_total{shard}"),
    ("protocol.replies_dropped", "quittance_dropped_total{shard,place=\"reply_queue\"}"),
    ("protocol.not_requests", "quittance_dropped_total{shard,place=\"not_request\"}"),
    ("transport.datagrams_received", "quittance_received_datagrams_total{shard}"),
    ("transport.packets_received", "quittance_received_packets_total{shard}"),
    ("transport.bytes_received", "quittance_received_bytes_total{shard}"),
    ("transport.datagrams_sent", "quittance_sent_datagrams_total{shard}"),
    ("transport.sends", "quittance_sends_total{shard}"),
    ("transport.bytes_sent", "quittance_sent_bytes_total{shard}"),
    ("transport.datagrams_dropped_by_kernel", "quittance_dropped_total{shard,place=\"socket\"}"),
    ("transport.empty_datagrams", "quittance_dropped_total{shard,place=\"empty\"}"),
    ("transport.datagrams_truncated", "quittance_dropped_total{shard,place=\"truncated\"}"),
    ("transport.packets_unreadable", "quittance_dropped_total{shard,place=\"unreadable\"}"),
    ("transport.datagrams_unsent", "quittance_dropped_total{shard,place=\"reply_socket\"}"),
    ("transport.receive_rearmed", "quittance_transport_faults_total{shard,what=\"receive_rearmed\"}"),
    (
        "transport.receive_buffers_exhausted",
        "quittance_transport_faults_total{shard,what=\"receive_buffers_exhausted\"}",
    ),
    ("transport.completions_overflown", "quittance_transport_faults_total{shard,what=\"completions_overflown\"}"),
    ("transport.receive_errors", "quittance_transport_faults_total{shard,what=\"receive_errors\"}"),
    ("transport.send_errors_by_peer", "quittance_transport_faults_total{shard,what=\"send_errors_by_peer\"}"),
    ("transport.send_errors_by_machine", "quittance_transport_faults_total{shard,what=\"send_errors_by_machine\"}"),
    ("transport.segmentation_refused", "quittance_transport_faults_total{shard,what=\"segmentation_refused\"}"),
    ("transport.segmentation_pauses", "quittance_transport_faults_total{shard,what=\"segmentation_pauses\"}"),
    ("transport.sleeps", "quittance_sleeps_total{shard}"),
    ("transport.wakes", "quittance_wakes_total{shard}"),
    ("verify.item_count", "quittance_signatures_checked_total{thread}"),
    ("verify.item_alone_count", "quittance_signatures_checked_alone_total{thread}"),
    ("verify.batch_count", "quittance_signature_sums_total{thread}"),
    ("verify.batch_failed_count", "quittance_signature_sums_failed_total{thread}"),
    ("journal.snapshots", "quittance_snapshot_number{shard}"),
    ("journal.records", "quittance_journal_records_total{shard}"),
    ("protocol.rejects.busy", "quittance_refused_total{shard,code=\"busy\"}"),
];

/// What a report has and no metric: what it is about, and a percentage of which the ratio says more.
const NOT_SERVED: &[&str] = &["index", "core", "journal.used_percent"];

/// Every number of a report, by its path.
fn leaves(path: &str, value: &Value, found: &mut BTreeMap<String, u64>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(&path, value, found);
            }
        }
        Value::String(amount) => _ = found.insert(path.to_owned(), amount.parse().unwrap()),
        other => _ = found.insert(path.to_owned(), other.as_u64().unwrap_or_else(|| panic!("{path} is {other}"))),
    }
}

/// The sample that has this count, as it is written.
fn series_of(path: &str) -> Option<String> {
    let named = COUNTED.iter().find(|(counted, _)| *counted == path).map(|(_, sample)| (*sample).to_owned());
    let of = |start: &str, family: &str, label: &str| {
        path.strip_prefix(start).map(|name| format!("{family}{{shard,{label}=\"{name}\"}}"))
    };
    let sample = named
        .or_else(|| of("protocol.rejects.", "quittance_refused_total", "code"))
        .or_else(|| of("protocol.malformed.", "quittance_malformed_total", "cause"))?;
    let (shard, thread) = (format!("{{shard=\"{SHARD}\""), format!("{{thread=\"shard-{SHARD}\""));
    Some(sample.replace("{shard", &shard).replace("{thread", &thread))
}

/// What is wrong with a text that should show this report.
fn fault(text: &str, report: &Value) -> Option<String> {
    let exposition = match Exposition::parse(text) {
        Ok(exposition) => exposition,
        Err(fault) => return Some(fault),
    };
    let (table, served): (BTreeSet<&str>, BTreeSet<&str>) =
        (families::all().map(|family| family.name).collect(), exposition.families.keys().map(String::as_str).collect());
    if table != served {
        return Some(format!("{:?} are not served", table.symmetric_difference(&served).collect::<Vec<_>>()));
    }
    let mut counts = BTreeMap::new();
    leaves("", report, &mut counts);
    counts.iter().filter(|(path, _)| !NOT_SERVED.contains(&path.as_str())).find_map(|(path, count)| {
        let Some(series) = series_of(path) else { return Some(format!("{path} is counted and nowhere served")) };
        let shown = exposition.count(&series);
        (shown != Some(*count)).then(|| format!("{path} is {count}, and {series} is {shown:?}"))
    })
}

fn report_of(picture: &Picture) -> Value {
    json!(picture.shards().next().unwrap().report)
}

#[test]
fn every_count_of_a_report_is_served_under_its_name() {
    let picture = picture();
    assert_eq!(fault(&render(&picture), &report_of(&picture)), None);
    let mut counts = BTreeMap::new();
    leaves("", &report_of(&picture), &mut counts);
    let told: Vec<&u64> = counts.values().filter(|count| **count > 0).collect();
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len(), "each is another number");
    for (path, _) in COUNTED.iter().copied() {
        assert!(counts.contains_key(path), "{path} is no longer counted");
    }
}

#[test]
fn a_family_left_out_and_a_wrong_number_are_noticed() {
    let picture = picture();
    let (text, report) = (render(&picture), report_of(&picture));
    for family in families::all() {
        let begin = text.find(&format!("# HELP {} ", family.name)).unwrap();
        let end = text[begin + 1..].find("# HELP ").map_or(text.len(), |end| begin + 1 + end);
        let without = format!("{}{}", &text[..begin], &text[end..]);
        assert!(fault(&without, &report).is_some(), "{} can be left out", family.name);
    }
    let mut counts = BTreeMap::new();
    leaves("", &report, &mut counts);
    for (path, count) in counts.iter().filter(|(path, _)| !NOT_SERVED.contains(&path.as_str())) {
        let line = format!("{} {count}\n", series_of(path).unwrap());
        let wrong = text.replace(&line, &line.replace(&format!(" {count}\n"), &format!(" {}\n", count + 1)));
        assert!(fault(&wrong, &report).is_some(), "{path} can be wrong");
    }
    // Two that changed places.
    let places = ["socket", "reply_socket"].map(|place| format!("place=\"{place}\""));
    let swapped = text.replace(&places[0], "place=\"\"").replace(&places[1], &places[0]);
    assert!(fault(&swapped.replace("place=\"\"", &places[1]), &report).is_some());
}

#[test]
fn what_no_report_has_is_served_too() {
    let text = render(&picture());
    let exposition = Exposition::parse(&text).unwrap();
    for line in fixture::FURTHER_LINES.iter().copied() {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing:\n{text}");
    }
    let dropped = format!("quittance_dropped_total{{shard=\"{SHARD}\",place=\"frame\"}}");
    let malformed: f64 = exposition.sum("quittance_malformed_total");
    assert_eq!(exposition.count(&dropped).map(|count| count.to_string()), Some(malformed.to_string()));
}

#[test]
fn an_authority_that_has_not_answered_is_no_fault() {
    let exposition = Exposition::parse(&render(&Picture::empty(about()))).unwrap();
    assert_eq!(exposition.sum("quittance_build_info"), 1.0);
    assert!(exposition.families["quittance_settled_total"].samples.is_empty());
    assert!(exposition.families["quittance_journal_flush_seconds"].samples.is_empty());
}

/// A process of shards 6 and 7, none of which is there.
fn sources() -> Sources {
    let control = Arc::new(Control::new("6-7".parse().unwrap(), 0));
    Sources { control, wakers: Arc::from([]), pool: None, journal: None }
}

#[test]
fn a_shard_that_does_not_answer_is_counted_and_keeps_nobody_waiting_for_ever() {
    let sources = sources();
    let control = Arc::clone(&sources.control);
    let mut picture = Picture::new(about(), sources);
    control.samples.put_shard(ShardIndex(SHARD), ShardSample { question: 1, ..fixture::shard() });
    picture.refresh();
    assert_eq!((picture.silent_threads, picture.shards().count()), (1, 1));
    // Now the other one is silent, too, and still shown.
    picture.refresh();
    assert_eq!((picture.silent_threads, picture.shards().count()), (2, 1));
    let text = render(&picture);
    assert!(text.contains("\nquittance_silent_threads 2\n"), "{text}");
    assert_eq!(Exposition::parse(&text).unwrap().labels("quittance_settled_total", "shard"), [SHARD.to_string()]);
}

#[test]
fn shards_are_asked_ten_times_a_second_however_many_readers_ask() {
    let sources = Sources { control: Arc::default(), ..sources() };
    let control = Arc::clone(&sources.control);
    let (begun, mut gathered) = (Instant::now(), Gathered::new(Picture::new(about(), sources)));
    let texts: BTreeSet<Arc<str>> = (0..200).map(|_| gathered.text()).collect();
    let question_max = 1 + begun.elapsed().as_millis() / REFRESH.as_millis();
    let Order::Tell(question) = control.order(&mut Followed::default()) else { panic!("nobody was asked") };
    assert!(u128::from(question) <= question_max && texts.len() <= usize::try_from(question).unwrap());
}

#[test]
fn the_table_is_consistent() {
    let mut names = BTreeSet::new();
    for family in families::all() {
        assert!(names.insert(family.name), "{} is there twice", family.name);
        assert!(family.name.starts_with("quittance_") || family.name.starts_with("process_"), "{}", family.name);
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
        assert!(family.help.ends_with('.') && !family.help.contains(['\n', '\\']), "{}", family.help);
        assert!(!family.labels.contains(&"le"), "{}", family.name);
    }
}
