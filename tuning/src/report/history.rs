//! What was changed, when, and what came of it.

use serde_json::json;

use crate::changes::{Act, Event, Record, lines};

const SECONDS_PER_DAY: u64 = 86_400;

/// The readable lines of the journal, as text; a damaged one is told in its place.
#[must_use]
pub fn history_text(journal: &[u8]) -> String {
    let line = |(index, (_, record)): (usize, (usize, Option<Record>))| match record {
        Some(record) => told(&record),
        None => format!("        line {} is torn or damaged\n", index + 1),
    };
    lines(journal).enumerate().map(line).collect()
}

/// The readable lines as a JSON object with `records`.
#[must_use]
pub fn history_json(journal: &[u8]) -> String {
    let records: Vec<Record> = lines(journal).filter_map(|(_, record)| record).collect();
    let damaged_count = lines(journal).filter(|(_, record)| record.is_none()).count();
    let object = json!({ "format_version": super::FORMAT_VERSION, "damaged_count": damaged_count, "records": records });
    serde_json::to_string_pretty(&object).expect("the object has only text keys")
}

fn told(record: &Record) -> String {
    let words = match &record.event {
        Event::Started { act, profile, netns, confirm_within_s, .. } => {
            let act = if *act == Act::Apply { "apply" } else { "rollback" };
            let profile = profile.map(|profile| format!(", profile {profile}")).unwrap_or_default();
            let netns = netns.as_ref().map(|name| format!(", namespace {name}")).unwrap_or_default();
            let within = confirm_within_s.map(|s| format!(", to be confirmed within {s} s")).unwrap_or_default();
            format!("{} run {}: {act}{profile}{netns}{within}", date(record.at_unix_s), record.sequence)
        }
        Event::Intent { knob, target, old, new, undoes_from, .. } => {
            let verb = if undoes_from.is_some() { "restores" } else { "sets" };
            format!("  {verb} {knob} of {target}: {old} -> {new}")
        }
        Event::Done { intent, read_back } => format!("    {intent}: done, reads {read_back}"),
        Event::Refused { intent, reason, .. } => format!("    {intent}: refused: {reason}"),
        Event::Settled { knob, target, found: Some(found), .. } => {
            format!("  leaves {knob} of {target}: another has set it to {found}")
        }
        Event::Settled { knob, target, found: None, .. } => format!("  {knob} of {target} was back already"),
        Event::Confirmed { run } => format!("{} run {run} confirmed", date(record.at_unix_s)),
        Event::Ended { run } => format!("{} run {run} ended", date(record.at_unix_s)),
    };
    format!("{:>6}  {words}\n", record.sequence)
}

/// The moment in UTC, `2026-01-31 12:34:56`.
fn date(unix_s: u64) -> String {
    let (mut year, mut days) = (1970, unix_s / SECONDS_PER_DAY);
    loop {
        let length = 365 + u64::from(is_leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let of_day = unix_s % SECONDS_PER_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn moments_are_written_as_dates() {
        for (unix_s, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_704_067_199, "2023-12-31 23:59:59"),
            (4_102_444_800, "2100-01-01 00:00:00"),
        ] {
            assert_eq!(date(unix_s), text);
        }
    }
}
