//! The hash that spreads packets over receive queues: what of a packet it takes, and which queue each of its slots leads
//! to.

use rustix::io::Errno;

use super::attributes::Attributes;
use super::{Ethtool, numbers};
use crate::nic_control::{NicError, NicValue};

/// The most slots of a table that is written. The largest that drivers have are some 4,096 (`ice`, `mlx5`); more would
/// not fit one attribute.
const SLOT_COUNT_MAX: usize = 8192;

/// The word before the number of queues that the slots go round.
const EQUAL: &str = "equal";

impl Ethtool {
    pub(super) fn hash_udp4(&self, nic: &str) -> Result<NicValue, NicError> {
        let answered = self.get(nic, numbers::RSS_GET)?;
        let flows = Attributes::new(&answered).nest(numbers::RSS_FLOW_HASH)?;
        // Kernels before 6.17 leave it out; so do drivers that cannot tell.
        let mask = flows.uint(numbers::FLOW_UDP4)?.ok_or(NicError::NotSupported)?;
        Ok(NicValue::Text(letters(mask)))
    }

    pub(super) fn set_hash_udp4(&self, nic: &str, letters: &str) -> Result<(), NicError> {
        let mask = mask(letters).ok_or(NicError::Io(Errno::INVAL))?;
        self.set(nic, numbers::RSS_SET, |attributes| {
            attributes.nest(numbers::RSS_FLOW_HASH, |flows| flows.u32(numbers::FLOW_UDP4, mask));
        })
    }

    pub(super) fn hash_table(&self, nic: &str) -> Result<NicValue, NicError> {
        Ok(NicValue::Text(described(&self.slots(nic)?)))
    }

    pub(super) fn set_hash_table(&self, nic: &str, table: &str) -> Result<(), NicError> {
        // A driver has as many slots as it has: how many says the table that is there.
        let slots = slots(table, self.slots(nic)?.len()).ok_or(NicError::Io(Errno::INVAL))?;
        let bytes: Vec<u8> = slots.into_iter().flat_map(u32::to_ne_bytes).collect();
        self.set(nic, numbers::RSS_SET, |attributes| attributes.bytes(numbers::RSS_TABLE, &bytes))
    }

    /// The queue of each slot; at least one, at most [`SLOT_COUNT_MAX`].
    fn slots(&self, nic: &str) -> Result<Vec<u32>, NicError> {
        let answered = self.get(nic, numbers::RSS_GET)?;
        let table = Attributes::new(&answered).find(numbers::RSS_TABLE)?.ok_or(NicError::NotSupported)?;
        let (slots, rest) = table.as_chunks::<4>();
        if !rest.is_empty() || slots.len() > SLOT_COUNT_MAX {
            return Err(NicError::Io(Errno::BADMSG));
        }
        if slots.is_empty() {
            return Err(NicError::NotSupported);
        }
        Ok(slots.iter().copied().map(u32::from_ne_bytes).collect())
    }
}

/// The letters of a mask, in ethtool's order. Bits without a letter are written as a number after `+`, so that two masks
/// never look alike.
fn letters(mask: u64) -> String {
    let set = |field: u32| mask & u64::from(field) != 0;
    let known: u64 = numbers::HASH_FIELDS.iter().map(|(_, field)| u64::from(*field)).sum();
    let mut letters: String =
        numbers::HASH_FIELDS.iter().filter(|(_, field)| set(*field)).map(|(letter, _)| *letter).collect();
    if mask & !known != 0 {
        letters += &format!("+{:#x}", mask & !known);
    }
    letters
}

/// The mask of these letters; `None` for a letter that is none, twice the same, or bits without a letter.
fn mask(letters: &str) -> Option<u32> {
    letters.chars().try_fold(0, |mask, letter| {
        let (_, field) = numbers::HASH_FIELDS.iter().find(|(known, _)| *known == letter)?;
        (mask & field == 0).then_some(mask | field)
    })
}

fn described(slots: &[u32]) -> String {
    let queue_count = slots.iter().max().map_or(0, |last| last.saturating_add(1));
    if goes_round(slots, queue_count) {
        return format!("{EQUAL} {queue_count}");
    }
    slots.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn goes_round(slots: &[u32], queue_count: u32) -> bool {
    (0..queue_count).cycle().zip(slots).all(|(queue, slot)| queue == *slot)
}

/// The queue of each of `slot_count` slots; `None` when the text says none, or not so many.
fn slots(table: &str, slot_count: usize) -> Option<Vec<u32>> {
    if let Some(queue_count) = table.strip_prefix(EQUAL) {
        let queue_count: u32 = queue_count.trim().parse().ok().filter(|count| *count > 0)?;
        return Some((0..queue_count).cycle().take(slot_count).collect());
    }
    let slots: Vec<u32> = table.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    (slots.len() == slot_count).then_some(slots)
}
