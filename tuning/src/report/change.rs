//! What came of an `apply` or a `rollback`.

use serde::Serialize;

use crate::apply::{Applied, Outcome};
use crate::report::FORMAT_VERSION;
use crate::rollback::{Fate, Undone};

/// With more targets of one outcome than this, the text counts them.
const TARGETS_LISTED_MAX: usize = 4;

#[derive(Serialize)]
struct Run<'a, T> {
    format_version: u32,
    run: Option<u64>,
    changes: &'a [T],
}

/// Outcomes as one JSON object: `format_version`, `run` (its number in the history, null where nothing was to do), and
/// `changes`, an entry each with `knob`, `target`, `old`, `new`, `outcome` and `detail`.
#[must_use]
pub fn applied_json(run: Option<u64>, applied: &[Applied]) -> String {
    object(run, applied)
}

/// As [`applied_json`], each entry with `knob`, `target`, `before`, `outcome` and `detail`.
#[must_use]
pub fn undone_json(run: Option<u64>, undone: &[Undone]) -> String {
    object(run, undone)
}

fn object<T: Serialize>(run: Option<u64>, changes: &[T]) -> String {
    serde_json::to_string_pretty(&Run { format_version: FORMAT_VERSION, run, changes })
        .expect("the object has only text keys")
}

/// A line for each outcome, those of one knob with the same outcome together.
#[must_use]
pub fn applied_text(applied: &[Applied]) -> String {
    let lines = applied.iter().map(|applied| {
        let words = match &applied.outcome {
            Outcome::Changed => "changed".to_owned(),
            Outcome::AlreadySo => "was so already".to_owned(),
            Outcome::DidNotStick(kept) => format!("DID NOT STICK: the kernel took it and kept {kept}"),
            Outcome::Immovable(why) => format!("cannot be moved: {why}"),
            Outcome::NotPermitted(why) => format!("NOT PERMITTED: {why}"),
            Outcome::Gone => "GONE since the machine was looked at".to_owned(),
            Outcome::Failed(why) => format!("FAILED: {why}"),
        };
        let change = format!("{} -> {}", applied.old.as_deref().unwrap_or("-"), applied.new);
        (applied.knob.as_str(), applied.target.as_str(), change, words)
    });
    grouped(lines)
}

/// As [`applied_text`], of what was undone.
#[must_use]
pub fn undone_text(undone: &[Undone]) -> String {
    let lines = undone.iter().map(|undone| {
        let words = match &undone.fate {
            Fate::Restored => "restored".to_owned(),
            Fate::AlreadySo => "was back already".to_owned(),
            Fate::ChangedByOthers(found) => format!("LEFT: another has set it to {found} since"),
            Fate::DidNotStick(kept) => format!("DID NOT STICK: the kernel took it and kept {kept}"),
            Fate::Gone => "GONE: the setting or its device is no longer there".to_owned(),
            Fate::NotPermitted(why) => format!("NOT PERMITTED: {why}"),
            Fate::Failed(why) => format!("FAILED: {why}"),
        };
        (undone.knob.as_str(), undone.target.as_str(), format!("to {}", undone.before), words)
    });
    grouped(lines)
}

/// Knob, target, change, and what came of it.
type Line<'a> = (&'a str, &'a str, String, String);

/// The targets of the lines that say the same of one knob.
struct Group<'a> {
    knob: &'a str,
    change: String,
    words: String,
    targets: Vec<&'a str>,
}

fn grouped<'a>(lines: impl Iterator<Item = Line<'a>>) -> String {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (knob, target, change, words) in lines {
        let same = |group: &&mut Group<'a>| group.knob == knob && group.change == change && group.words == words;
        match groups.iter_mut().find(same) {
            Some(group) => group.targets.push(target),
            None => groups.push(Group { knob, change, words, targets: vec![target] }),
        }
    }
    let line = |Group { knob, change, words, targets }: &Group<'_>| {
        format!("  {knob:<28} {}: {change}: {words}\n", listed(targets))
    };
    groups.iter().map(line).collect()
}

fn listed(targets: &[&str]) -> String {
    if targets.len() <= TARGETS_LISTED_MAX {
        return targets.join(", ");
    }
    format!("{} and {} more", targets[..TARGETS_LISTED_MAX - 1].join(", "), targets.len() + 1 - TARGETS_LISTED_MAX)
}
