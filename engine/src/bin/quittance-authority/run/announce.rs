//! What an authority says to its operator: at the start, on SIGUSR1, at the end.
//!
//! With `--json` every line of standard output is one object with a field `event`: `finding` (`severity`, `what`, `why`,
//! `remedy`), `ready` (`authority`, `mode`, `transport`, `backend`, `network`, `committee`, `quorum`, `epoch`, `shards` of
//! `index`, `port`, `core`, `hosted`, `shard_count`, `link`, `peers` of `shards`, `link`, `verifiers` of `index`, `core`, `data`, `direct`, `recovered`, `metrics`, `accounts`, `supply`), and `counters`
//! (`authority`, `shards`, `verifiers`, `journal`, `link`, each with what [`super::control`], `storage/committer.rs` and
//! [`super::peers`] list). Without it the same facts come as text, findings on standard
//! error.

use super::peers::LinkReport;
use super::threads::Reports;
use quittance_engine::shard_range::ShardRange;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Write as _, stderr, stdout};
use std::net::SocketAddr;

/// The operator's ear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announcer {
    pub(super) json: bool,
}

/// Something that the operator may want to change.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) severity: &'static str,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) remedy: String,
}

/// What runs where.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ready {
    pub(super) authority: u8,
    pub(super) mode: &'static str,
    pub(super) transport: String,
    pub(super) backend: String,
    /// The network's id, hexadecimal.
    pub(super) network: String,
    /// Members of the committee.
    pub(super) committee: usize,
    pub(super) quorum: u64,
    pub(super) epoch: u64,
    pub(super) shards: Vec<ShardLine>,
    /// The shards of this process, of so many.
    pub(super) hosted: ShardRange,
    pub(super) shard_count: u16,
    /// Where it listens for the authority's other processes, if there are any.
    pub(super) link: Option<SocketAddr>,
    pub(super) peers: Vec<PeerLine>,
    pub(super) verifiers: Vec<VerifierLine>,
    /// The core of the thread that writes the journal.
    pub(super) journal_core: Option<usize>,
    /// Where the journal is.
    pub(super) data: Vec<String>,
    /// Whether its writes pass by the page cache.
    pub(super) direct: Option<bool>,
    /// Whether it was made just now.
    pub(super) journal_is_new: Option<bool>,
    /// What was found there, by shard.
    pub(super) recovered: Vec<RecoveredLine>,
    /// Where metrics are served, if they are.
    pub(super) metrics: Option<SocketAddr>,
    pub(super) accounts: usize,
    /// As text: JSON readers may not keep so large a number exact.
    pub(super) supply: String,
}

/// One shard of [`Ready`].
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShardLine {
    pub(super) index: u16,
    pub(super) address: SocketAddr,
    pub(super) port: u16,
    pub(super) core: usize,
    /// Datagrams of 300 bytes that its receive buffer holds.
    pub(super) receive_buffer_datagrams: usize,
}

/// Another process of the authority.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct PeerLine {
    pub(super) shards: ShardRange,
    pub(super) link: SocketAddr,
}

/// What one shard found on disk.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct RecoveredLine {
    pub(super) index: u16,
    /// The snapshot it began with; 0: genesis.
    pub(super) snapshot: u64,
    /// What it replayed.
    pub(super) blocks: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Blocks of one copy that were written again from the other.
    pub(super) repaired_blocks: u64,
    /// Reading it all back.
    pub(super) took_ms: u64,
    /// Of that, replaying the journal.
    pub(super) replay_ms: u64,
}

/// One verifier of [`Ready`].
#[derive(Clone, Debug, Serialize)]
pub(super) struct VerifierLine {
    pub(super) index: u16,
    pub(super) core: usize,
}

impl Announcer {
    pub(super) fn finding(self, finding: &Finding) {
        if self.json {
            return print(&event("finding", finding));
        }
        let Finding { severity, what, why, remedy } = finding;
        // Nothing is left to do when even this cannot be written.
        let _ = writeln!(stderr(), "{severity}: {what}: {why}; {remedy}");
    }

    pub(super) fn ready(self, ready: &Ready) {
        print(&if self.json { event("ready", ready) } else { ready_text(ready) });
    }

    pub(super) fn counters(self, authority: u8, reports: &Reports) {
        let Reports { shards, verifiers, journal, link } = reports;
        let body = json!({
            "authority": authority, "shards": shards, "verifiers": verifiers, "journal": journal, "link": link
        });
        print(&if self.json { event("counters", &body) } else { counters_text(reports) });
    }
}

/// A line of JSON.
fn event(name: &str, body: &impl Serialize) -> String {
    let mut object = json!({ "event": name });
    let Value::Object(fields) = serde_json::to_value(body).expect("plain structures are JSON") else {
        unreachable!("every body is a structure")
    };
    object.as_object_mut().expect("it was made as one").extend(fields);
    object.to_string()
}

/// A reader that went away does not stop an authority.
fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn ready_text(ready: &Ready) -> String {
    let Ready { authority, mode, transport, backend, network, committee, quorum, epoch, accounts, supply, .. } = ready;
    let promise = match ready.direct {
        None => ": a restart forgets every vote and payment".to_owned(),
        Some(true) => format!(" in {}", ready.data.join(" and ")),
        Some(false) => format!(" in {}, through the page cache", ready.data.join(" and ")),
    };
    let mut text = format!(
        "authority  {authority} of {committee}, epoch {epoch}, quorum {quorum}\n\
         network    {network}\n\
         accounts   {accounts} with {supply} units\n\
         mode       {mode}{promise}\n\
         transport  {transport}\n\
         backend    {backend}\n"
    );
    for ShardLine { index, address, core, receive_buffer_datagrams, .. } in &ready.shards {
        let buffered = receive_buffer_datagrams;
        let _ = writeln!(text, "shard {index:<4} {address} on core {core}, buffer for {buffered} datagrams");
    }
    if let Some(link) = &ready.link {
        let _ = writeln!(text, "link       {link}: shards {} of {}", ready.hosted, ready.shard_count);
    }
    for PeerLine { shards, link } in &ready.peers {
        let _ = writeln!(text, "peer       {link} runs shards {shards}");
    }
    if ready.verifiers.is_empty() {
        text += "verifiers  none: each shard verifies on its own thread\n";
    }
    for VerifierLine { index, core } in &ready.verifiers {
        let _ = writeln!(text, "verifier {index} on core {core}");
    }
    for RecoveredLine { index, snapshot, blocks, records, repaired_blocks, took_ms, .. } in &ready.recovered {
        let _ = writeln!(
            text,
            "shard {index:<4} recovered from snapshot {snapshot} and {records} records in {blocks} blocks in {took_ms} ms, \
             {repaired_blocks} blocks repaired"
        );
    }
    if let Some(metrics) = ready.metrics {
        let _ = writeln!(text, "metrics    http://{metrics}/metrics");
    }
    if let Some(core) = ready.journal_core {
        let _ = writeln!(text, "journal    on core {core}");
    }
    text + "ready"
}

/// One line per counter that is not zero, under the names that JSON uses.
fn counters_text(reports: &Reports) -> String {
    let Reports { shards, verifiers, journal, link } = reports;
    let mut text = String::from("counters (those above zero)\n");
    for shard in shards {
        append_nonzero(&mut text, &format!("shard {}", shard.index), &json!(shard));
    }
    for verifier in verifiers {
        append_nonzero(&mut text, &format!("verifier {}", verifier.index), &json!(verifier));
    }
    if let Some(journal) = journal {
        append_nonzero(&mut text, "journal", &json!(journal));
    }
    if let Some(LinkReport { refused_connections, peers, .. }) = link {
        append_nonzero(&mut text, "link.refused_connections", &json!(refused_connections));
        for peer in peers {
            append_nonzero(&mut text, &format!("link to shards {}", peer.shards), &json!(peer));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Fields that are part of a line's name, or say nothing that was counted.
const NAMES: [&str; 5] = ["index", "core", "shards", "link", "address"];

fn append_nonzero(text: &mut String, path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !NAMES.contains(&name.as_str())) {
                append_nonzero(text, &format!("{path}.{name}"), value);
            }
        }
        Value::String(amount) if amount == "0" => {}
        Value::Number(count) if count.as_u64() == Some(0) => {}
        Value::String(amount) => _ = writeln!(text, "{path:<50} {amount:>20}"),
        _ => _ = writeln!(text, "{path:<50} {value:>20}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_what_is_not_zero_under_the_names_of_json() {
        let mut text = String::new();
        let value =
            json!({ "index": 3, "orders": 0, "rejects": { "expired": 2, "busy": 0 }, "redeemed": "0", "due": "9" });
        append_nonzero(&mut text, "shard 3", &value);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [vec!["shard", "3.due", "9"], vec!["shard", "3.rejects.expired", "2"]]);
    }

    #[test]
    fn an_event_is_one_line_with_its_name() {
        let line = event("finding", &json!({ "what": "two\nlines" }));
        assert_eq!(line, r#"{"event":"finding","what":"two\nlines"}"#);
    }
}
