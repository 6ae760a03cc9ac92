//! Senders' keys, decompressed once and kept, up to a bound that the operator sets.

use crate::arena::{Arena, SlotIndex};
use quittance_verify::PublicKey;

/// [`Slot::key_index`](crate::arena::Slot::key_index): the key is not in the cache.
pub const NOT_CACHED: u32 = u32::MAX;
/// [`Slot::key_index`](crate::arena::Slot::key_index): the address is no usable key; it can be paid and never pay.
const NO_KEY: u32 = u32::MAX - 1;

/// A bounded set of keys. When it is full, the first one not used since the hand last passed makes room (CLOCK).
#[derive(Debug)]
pub struct KeyCache {
    entries: Vec<Entry>,
    entry_count_max: usize,
    hand: usize,
}

#[derive(Debug)]
struct Entry {
    key: PublicKey,
    owner: SlotIndex,
    is_recent: bool,
}

impl KeyCache {
    /// Bytes that one key takes.
    pub const ENTRY_BYTES: usize = size_of::<Entry>();

    /// An empty cache of at least one entry. Its addresses are reserved now, so that it never moves: copying some hundred
    /// MiB would hold up a shard for tens of milliseconds. Systems that lend memory page by page give it as the cache fills.
    pub fn new(entry_count_max: usize) -> Self {
        let entry_count_max = entry_count_max.clamp(1, NO_KEY as usize);
        Self { entries: Vec::with_capacity(entry_count_max), entry_count_max, hand: 0 }
    }

    /// The key of an account: from the cache, else decompressed and checked now. `None` if its address is no usable key,
    /// which is found out once.
    pub fn key(&mut self, arena: &mut Arena, slot: SlotIndex) -> Option<&PublicKey> {
        let place = match arena.slot(slot).key_index {
            NO_KEY => return None,
            NOT_CACHED => self.insert(arena, slot)?,
            cached => cached as usize,
        };
        let entry = &mut self.entries[place];
        assert!(entry.owner == slot, "a slot and its cached key point at each other");
        entry.is_recent = true;
        Some(&entry.key)
    }

    fn insert(&mut self, arena: &mut Arena, slot: SlotIndex) -> Option<usize> {
        let Ok(key) = PublicKey::from_bytes(&arena.slot(slot).address) else {
            arena.slot_mut(slot).key_index = NO_KEY;
            return None;
        };
        let entry = Entry { key, owner: slot, is_recent: true };
        let place = if self.entries.len() < self.entry_count_max {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let place = self.evict(arena);
            self.entries[place] = entry;
            place
        };
        arena.slot_mut(slot).key_index = u32::try_from(place).expect("entry_count_max is below NO_KEY");
        Some(place)
    }

    /// Frees the next entry that was not used since the hand last passed. Ends within two rounds.
    fn evict(&mut self, arena: &mut Arena) -> usize {
        loop {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.entries.len();
            let entry = &mut self.entries[place];
            if !entry.is_recent {
                arena.slot_mut(entry.owner).key_index = NOT_CACHED;
                return place;
            }
            entry.is_recent = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_verify::SecretKey;

    fn arena(count: u8) -> Arena {
        let mut arena = Arena::new(256, [0; 16]);
        for seed in 0..count {
            arena.find_or_insert(&SecretKey::from_seed(&[seed; 32]).public_key_bytes()).unwrap();
        }
        arena
    }

    #[test]
    fn a_cache_smaller_than_the_accounts_still_gives_every_key() {
        let mut arena = arena(20);
        let mut cache = KeyCache::new(7);
        for round in 0..5 {
            for number in 0..20 {
                let slot = SlotIndex((number * 13 + round) % 20);
                let address = arena.slot(slot).address;
                assert_eq!(cache.key(&mut arena, slot).unwrap().as_bytes(), &address);
            }
        }
        assert_eq!(cache.entries.len(), 7);
        let cached = arena.slots().filter(|slot| slot.key_index != NOT_CACHED).count();
        assert_eq!(cached, 7);
    }

    #[test]
    fn a_key_in_use_outlives_one_that_is_not() {
        let mut arena = arena(5);
        let mut cache = KeyCache::new(3);
        for slot in [0, 1, 2, 3] {
            cache.key(&mut arena, SlotIndex(slot)).unwrap();
        }
        // The hand cleared every mark on its round; slot 1 is used again, slot 2 is not.
        cache.key(&mut arena, SlotIndex(1)).unwrap();
        cache.key(&mut arena, SlotIndex(4)).unwrap();
        assert_ne!(arena.slot(SlotIndex(1)).key_index, NOT_CACHED);
        assert_eq!(arena.slot(SlotIndex(2)).key_index, NOT_CACHED);
    }

    #[test]
    fn an_address_that_is_no_key_is_found_out_once() {
        let mut arena = Arena::new(4, [0; 16]);
        let slot = arena.find_or_insert(&[0xff; 32]).unwrap();
        let mut cache = KeyCache::new(4);
        assert!(cache.key(&mut arena, slot).is_none());
        assert_eq!(arena.slot(slot).key_index, NO_KEY);
        assert!(cache.key(&mut arena, slot).is_none());
    }
}
