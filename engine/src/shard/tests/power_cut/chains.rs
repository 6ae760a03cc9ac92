//! Every account's chains, as a client could read them: from the disk.

use super::disk::{Disk, Name};
use super::outside::Ground;
use super::recovery::Seen;
use crate::history::entry::{Chain, Content, Entry};
use crate::journal::snapshot::SlotImage;
use crate::shard::Shard;
use crate::types::Address;
use std::collections::BTreeMap;

/// Holds the chains of a shard that has just been read back against what its accounts hold.
pub(super) fn check(
    disk: &Disk,
    ground: &Ground,
    shard_index: usize,
    shard: &Shard,
    seen: &mut Seen,
) -> Result<(), String> {
    let file = disk.read(0, Name::History(shard_index)).expect("it is always there");
    let (mut cursor, mut slots) = (0, Vec::<SlotImage>::new());
    let opened: BTreeMap<&Address, u64> = ground.openings(shard_index).collect();
    while shard.snapshot_chunk(&mut cursor, &mut slots).is_some() {
        for slot in &slots {
            let wrong = |what: String| format!("shard {shard_index}, account {:02x?}: {what}", &slot.address[..4]);
            let sent = walk(file, &slot.address, slot.sent.get(), Chain::Sent, seen).map_err(wrong)?;
            let received = walk(file, &slot.address, slot.received.get(), Chain::Received, seen).map_err(wrong)?;
            let is_whole = sent.iter().rev().map(|(sequence, _)| *sequence).eq(0..slot.next_sequence.get());
            if !is_whole {
                return Err(wrong(format!("the chain has {} of {} payments", sent.len(), slot.next_sequence.get())));
            }
            let total = |entries: &[(u64, u64)]| entries.iter().map(|(_, amount)| i128::from(*amount)).sum::<i128>();
            let opening = opened.get(&slot.address).copied().unwrap_or(0);
            if i128::from(opening) + total(&received) - total(&sent) != slot.balance.get() {
                return Err(wrong("the chains do not add up to the balance".to_owned()));
            }
        }
    }
    Ok(())
}

/// Sequence numbers and amounts, newest first.
fn walk(
    file: &[u8],
    account: &Address,
    mut position: u64,
    chain: Chain,
    seen: &mut Seen,
) -> Result<Vec<(u64, u64)>, String> {
    let mut entries = Vec::new();
    while position > 0 {
        let bytes = usize::try_from(position).ok().and_then(|offset| file.get(offset..)).unwrap_or_default();
        let entry = Entry::decode(position, bytes).ok_or(format!("a {chain:?} chain is cut at {position}"))?;
        let previous = entry.previous(account, chain).ok_or(format!("the entry at {position} is another account's"))?;
        match entry.content {
            Content::Payment { votes: Some(_), .. } => seen.entries_with_votes += 1,
            Content::Payment { votes: None, .. } => seen.stubs += 1,
            Content::Credit(_) => {}
        }
        entries.push((entry.content.sequence().0, entry.content.amount().0));
        position = previous;
    }
    Ok(entries)
}
