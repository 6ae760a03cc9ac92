//! `verify-journal`: a stopped authority's journal, read as its next start would read it, and left as it is.

use crate::fault::Fault;
use crate::options::VerifyJournalOptions;
use crate::run::{NetworkFiles, Opening, ShardSettings, shard_configs};
use crate::storage::{Damage, HistoryExtent, Inspection, ShardInspection, SnapshotLine};
use quittance_engine::address;
use quittance_engine::journal::identity::Identity;
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_engine::shard_range::ShardRange;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// What a journal is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// The authority would start, and there is nothing to mend but what any stop may leave.
    Sound,
    /// It would start, and mend what is damaged.
    Mendable,
    /// It would refuse to start.
    Lost,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    verdict: Verdict,
    /// Hexadecimal, like all keys and digests here.
    network: String,
    authority: String,
    data: Vec<PathBuf>,
    /// The shards that this journal is of, of so many.
    hosted: ShardRange,
    shard_count: u16,
    shards: Vec<ShardInspection>,
    /// Damage to whole files.
    damage: Vec<Damage>,
    /// BLAKE3 of these shards' digests, in order; none if a shard is lost.
    digest: Option<String>,
}

/// Reads the journal back and prints what it finds.
pub(crate) fn verify_journal(options: &VerifyJournalOptions) -> Result<ExitCode, Fault> {
    let files = NetworkFiles::read(&options.network)?;
    let identity = Identity {
        network: files.network,
        authority_key: files.secret.public_key_bytes(),
        shard_count: files.member.shards,
    };
    let inspection = Inspection::open(&options.data, &identity)?;
    // Of an authority with several processes each has a journal of its own.
    let hosted = inspection.superblock.shards;
    let mut shards = Vec::with_capacity(hosted.count().into());
    // One after the other: the memory of one shard is enough.
    for config in &configs(options, &files, hosted)? {
        let mut shard = Shard::new(config.clone());
        let fund = |shard: &mut Shard| fund(shard, &files.openings[config.shard.index()]);
        shards.push(inspection.shard(&files.secret, config, &mut shard, fund)?);
    }
    let report = Report {
        verdict: verdict(&inspection.damage, &shards),
        network: hex::encode(identity.network.0),
        authority: hex::encode(identity.authority_key),
        data: inspection.directories.clone(),
        hosted,
        shard_count: identity.shard_count,
        digest: digest(&shards),
        shards,
        damage: inspection.damage.clone(),
    };
    let text = match options.json {
        true => serde_json::to_string(&report).expect("plain structures are JSON"),
        false => text(&report),
    };
    // Whoever asked may have gone; the exit code says the most important.
    let _ = writeln!(stdout().lock(), "{}", text.trim_end());
    Ok(ExitCode::from(match report.verdict {
        Verdict::Sound => 0,
        Verdict::Mendable => 6,
        Verdict::Lost => 4,
    }))
}

/// Shards that read and serve nobody.
fn configs(
    options: &VerifyJournalOptions,
    files: &NetworkFiles,
    hosted: ShardRange,
) -> Result<Vec<ShardConfig>, Fault> {
    let accounts_max = options.accounts_max;
    // Nothing is written: no history is made.
    let settings =
        ShardSettings { accounts_max, key_cache_bytes: 0, quarantine_ms: 0, is_durable: true, keeps_history: false };
    shard_configs(&settings, files, hosted)
}

fn fund(shard: &mut Shard, openings: &[Opening]) -> Result<(), Fault> {
    openings.iter().try_for_each(|Opening { line, address, amount }| {
        shard.fund(address, *amount).map_err(|fault| Fault::Fund {
            line: *line,
            account: address::encode(address),
            fault,
        })
    })
}

fn verdict(damage: &[Damage], shards: &[ShardInspection]) -> Verdict {
    let is_whole = damage.iter().chain(shards.iter().flat_map(|shard| &shard.damage)).all(|damage| damage.unfinished);
    match is_whole {
        _ if shards.iter().any(|shard| shard.lost.is_some()) => Verdict::Lost,
        true => Verdict::Sound,
        false => Verdict::Mendable,
    }
}

fn digest(shards: &[ShardInspection]) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    for shard in shards {
        hasher.update(&hex::decode(shard.digest.as_ref()?).expect("it was encoded here"));
    }
    Some(hex::encode(hasher.finalize().as_bytes()))
}

fn text(report: &Report) -> String {
    let Report { verdict, network, authority, data, hosted, shard_count, shards, damage, digest } = report;
    let data: Vec<String> = data.iter().map(|directory| directory.display().to_string()).collect();
    let mut text = format!("network    {network}\nauthority  {authority}\ndata       {}\n", data.join(", "));
    for shard in shards {
        append_shard(&mut text, shard);
    }
    damage.iter().for_each(|damage| append_damage(&mut text, damage));
    if let Some(digest) = digest {
        let _ = match *hosted == ShardRange::all(*shard_count) {
            true => writeln!(text, "digest     {digest} of all shards"),
            false => writeln!(text, "digest     {digest} of shards {hosted} of {shard_count}"),
        };
    }
    text += match verdict {
        Verdict::Sound => "sound: the authority would start",
        Verdict::Mendable => "damaged: the authority would start, and mend it from the other copy",
        Verdict::Lost => "lost: the authority would refuse to start",
    };
    text
}

fn append_shard(text: &mut String, shard: &ShardInspection) {
    let label = format!("shard {:<4}", shard.index);
    for SnapshotLine { path, number, record, fault, .. } in &shard.snapshots {
        let path = path.display();
        let _ = match (fault, number, record) {
            (None, Some(number), Some(record)) => {
                writeln!(text, "{label} {path}: snapshot {number}, up to record {record}")
            }
            (fault, _, _) => writeln!(text, "{label} {path}: {}", fault.as_deref().unwrap_or("of no use")),
        };
    }
    let ShardInspection { snapshot, blocks, first_block, last_block, first_record, last_record, .. } = shard;
    let start = if *snapshot == 0 { "genesis".to_owned() } else { format!("snapshot {snapshot}") };
    let _ = match blocks {
        0 => writeln!(text, "{label} from {start}, and no blocks after it"),
        _ => writeln!(
            text,
            "{label} from {start}, and {blocks} blocks, {first_block} to {last_block}, with records {first_record} to \
             {last_record}"
        ),
    };
    let ShardInspection { votes, confirmations, credits, acks, used_bytes, region_bytes, accounts, .. } = shard;
    let _ = writeln!(text, "{label} {votes} votes, {confirmations} confirmations, {credits} credits, {acks} acks");
    let HistoryExtent { segments, bytes } = shard.history;
    let _ = writeln!(text, "{label} history: {bytes} bytes in {segments} segments");
    if let Some(digest) = &shard.digest {
        let _ =
            writeln!(text, "{label} {used_bytes} of {region_bytes} bytes used; {accounts} accounts, digest {digest}");
    }
    shard.damage.iter().for_each(|damage| append_damage(text, damage));
    if shard.damage_unlisted > 0 {
        let _ = writeln!(text, "{label} and {} more", shard.damage_unlisted);
    }
    if let Some(lost) = &shard.lost {
        let _ = writeln!(text, "lost       {lost}");
    }
}

fn append_damage(text: &mut String, damage: &Damage) {
    let Damage { copy, shard, block, offset, what, unfinished } = damage;
    let word = if *unfinished { "unfinished" } else { "damage    " };
    let _ = write!(text, "{word} copy {copy}");
    for (name, number) in [("shard", shard.map(u64::from)), ("block", *block), ("at", *offset)] {
        if let Some(number) = number {
            let _ = write!(text, ", {name} {number}");
        }
    }
    let _ = writeln!(text, ": {what}");
}
