//! Whether folders are the shares of one run: all of them, each once.

use super::MergeError;
use crate::limits::START_APART_MS_MAX;
use crate::output::Folder;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What every share must have said, and all the same.
const SAID: [&str; 2] = ["network_id", "version"];

/// What must be the same in all shares, said or not. Cores, sockets and transports of the generator are each machine's own, and so
/// are its accounts: they need not divide evenly, and some may take no part. With them goes the window that they allow.
const SETTINGS: [&str; 18] = [
    "mode",
    "transport",
    "backend",
    "committee",
    "quorum",
    "live",
    "simulated_voters",
    "simulated_batch",
    "shards",
    "verifiers",
    "window_asked",
    "hint",
    "bad_every",
    "quarantine_ms",
    "timeout_ms",
    "tries",
    "seed",
    "workload",
];

/// The folders by their shares' indices, if they belong together.
pub(super) fn in_order(folders: Vec<Folder>) -> Result<Vec<Folder>, MergeError> {
    let count = division(&folders)?;
    let folders = each_once(folders, count)?;
    let first = &folders[0];
    for folder in &folders {
        for name in SAID {
            if folder.result[name].is_null() {
                return Err(MergeError::Unsaid { name, path: folder.path.clone() });
            }
        }
        for name in SAID.into_iter().chain(SETTINGS) {
            same(name, &first.result[name], &folder.result[name], [first, folder])?;
        }
        same("load_shard.start_at", &start_at(first), &start_at(folder), [first, folder])?;
        same("phases", &phases(first), &phases(folder), [first, folder])?;
    }
    together(&folders)?;
    Ok(folders)
}

/// How many shares there should be.
fn division(folders: &[Folder]) -> Result<u64, MergeError> {
    let count = |folder: &Folder| {
        let shard = &folder.result["load_shard"];
        let (index, count) = (shard["index"].as_u64(), shard["count"].as_u64());
        let said = index.zip(count).filter(|(index, count)| index < count);
        said.map(|(_, count)| count).ok_or_else(|| MergeError::NoShard { path: folder.path.clone() })
    };
    let first = &folders[0];
    let expected = count(first)?;
    for folder in folders {
        let found = count(folder)?;
        if found != expected {
            let (first, path) = (first.path.clone(), folder.path.clone());
            return Err(MergeError::Division { first, expected, path, found });
        }
    }
    Ok(expected)
}

fn each_once(folders: Vec<Folder>, count: u64) -> Result<Vec<Folder>, MergeError> {
    let mut by_index: BTreeMap<u64, Folder> = BTreeMap::new();
    for folder in folders {
        let index = folder.result["load_shard"]["index"].as_u64().expect("every share has said its index");
        if let Some(one) = by_index.get(&index) {
            return Err(MergeError::Doubled { index, one: one.path.clone(), other: folder.path });
        }
        by_index.insert(index, folder);
    }
    if by_index.len() as u64 == count {
        return Ok(by_index.into_values().collect());
    }
    // A file may claim any number of shares: the text names the first few that are missing.
    let missing = (0..count).filter(|index| !by_index.contains_key(index)).take(16);
    let missing = missing.map(|index| index.to_string()).collect::<Vec<_>>().join(", ");
    Err(MergeError::Missing { count, missing })
}

fn same(name: &str, expected: &Value, found: &Value, [first, folder]: [&Folder; 2]) -> Result<(), MergeError> {
    if expected == found {
        return Ok(());
    }
    Err(MergeError::Other {
        name: name.to_owned(),
        first: first.path.clone(),
        expected: expected.to_string(),
        path: folder.path.clone(),
        found: found.to_string(),
    })
}

fn start_at(folder: &Folder) -> Value {
    folder.result["load_shard"]["start_at"].clone()
}

/// Names, and what counts: rates may differ, since a load that does not divide evenly has uneven shares.
fn phases(folder: &Folder) -> Value {
    let phase =
        |phase: &crate::recording::PhaseRecording| json!([phase.name, phase.is_measured, phase.rate_per_s.is_some()]);
    folder.recording.phases.iter().map(phase).collect()
}

/// Every phase began at all machines at about the same time.
fn together(folders: &[Folder]) -> Result<(), MergeError> {
    if let Some(folder) = folders.iter().find(|folder| folder.recording.begun_unix_us == 0) {
        return Err(MergeError::Unsaid { name: "time of beginning", path: folder.path.clone() });
    }
    for phase in 0..folders[0].recording.phases.len() {
        let begun_us = |folder: &&Folder| {
            folder.recording.begun_unix_us.saturating_add(folder.recording.phases[phase].begun_ns / 1_000)
        };
        let first = folders.iter().min_by_key(begun_us).expect("there are folders");
        let last = folders.iter().max_by_key(begun_us).expect("there are folders");
        let apart_ms = (begun_us(&last) - begun_us(&first)) / 1_000;
        if apart_ms > START_APART_MS_MAX {
            let (first, path) = (first.path.clone(), last.path.clone());
            return Err(MergeError::Apart { first, path, apart_ms, limit_ms: START_APART_MS_MAX });
        }
    }
    Ok(())
}
