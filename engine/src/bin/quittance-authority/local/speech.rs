//! What the committee says, for people or, with `--json`, for programs: then every line is one object with `event` and, where
//! it is of one authority, `authority`. Added to the events of an authority are `message` (`text`, on standard error),
//! `ended` by itself (`how`, `going_on`, `quorum`), and `committee_ready` (`folder`, `committee`, `genesis`, `authorities`, `quorum`).

use super::child::{Child, Stream};
use super::folder::Folder;
use serde_json::{Value, json};
use std::io::Write;

/// See the module's docs.
pub(super) struct Speech {
    json: bool,
    verbose: bool,
}

impl Speech {
    pub(super) fn new(json: bool, verbose: bool) -> Self {
        Self { json, verbose }
    }

    pub(super) fn beginning(&self, folder: &Folder) {
        if !self.json {
            say(&format!("starting {} authorities of {}", folder.authority_count(), folder.path().display()));
        }
    }

    /// Passes a line on. Returns whether it says that the authority is ready.
    pub(super) fn line(&self, authority: usize, stream: Stream, line: &str) -> bool {
        let object = match stream {
            Stream::Output => serde_json::from_str(line).ok(),
            Stream::Errors => None,
        };
        let mut object: Value = object.unwrap_or_else(|| json!({ "event": "message", "text": line }));
        let is_ready = object["event"] == "ready";
        if self.json {
            object["authority"] = authority.into();
            say(&object.to_string());
            return is_ready;
        }
        match object["event"].as_str() {
            Some("ready") => say(&format!("authority {authority} | {}", ready(&object))),
            Some("counters") => say(&format!("authority {authority} | {}", counters(&object))),
            Some("finding") if !self.verbose => {}
            Some("finding") => {
                let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
                let [severity, what, why, remedy] = ["severity", "what", "why", "remedy"].map(text);
                complain(&format!("authority {authority} | {severity}: {what}: {why}; {remedy}"));
            }
            _ => complain(&format!("authority {authority} | {line}")),
        }
        is_ready
    }

    pub(super) fn all_ready(&self, folder: &Folder) {
        let [committee, genesis] = folder.public_files();
        if self.json {
            return say(&json!({
                "event": "committee_ready", "folder": folder.path(), "committee": committee, "genesis": genesis,
                "authorities": folder.authority_count(), "quorum": folder.quorum(),
            })
            .to_string());
        }
        say(&format!(
            "ready: {} authorities, {} of them settle a payment; Ctrl-C stops them\n\
             to pay: quittance-wallet --committee {} --genesis {} pay AMOUNT --from ADDRESS --to ADDRESS",
            folder.authority_count(),
            folder.quorum(),
            committee.display(),
            genesis.display()
        ));
    }

    /// An authority ended and nobody had asked it to.
    pub(super) fn fallen(&self, authority: usize, child: &Child, going_on: usize, quorum: usize) {
        let how = child.failure().unwrap_or_else(|| format!("authority {authority} ended"));
        if self.json {
            let ended = json!({
                "event": "ended", "authority": authority, "how": how, "going_on": going_on, "quorum": quorum,
            });
            return say(&ended.to_string());
        }
        let rest = if going_on >= quorum {
            format!("{going_on} go on, and settle payments")
        } else {
            format!(
                "{going_on} go on, too few to settle payments: {quorum} are needed; stop them (Ctrl-C) and start anew"
            )
        };
        complain(&format!("{how}; {rest}"));
    }
}

fn ready(object: &Value) -> String {
    let addresses: Vec<&str> =
        object["shards"].as_array().into_iter().flatten().filter_map(|shard| shard["address"].as_str()).collect();
    let mode = object["mode"].as_str().unwrap_or_default();
    let recovered: u64 =
        object["recovered"].as_array().into_iter().flatten().filter_map(|line| line["records"].as_u64()).sum();
    let again = if recovered > 0 { format!(", went on after {recovered} records") } else { String::new() };
    let metrics = object["metrics"].as_str().map(|address| format!(", metrics at http://{address}/metrics"));
    format!("ready at {}, {mode}{again}{}", addresses.join(" "), metrics.unwrap_or_default())
}

fn counters(object: &Value) -> String {
    let shards = object["shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |name: &str| -> u64 { shards.iter().filter_map(|shard| shard["protocol"][name].as_u64()).sum() };
    format!("{} orders, {} votes, {} payments applied", sum("orders"), sum("votes"), sum("confirmations"))
}

/// A reader that went away does not stop a committee.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
