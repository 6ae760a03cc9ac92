//! Senders' keys, decompressed once and kept, up to a bound that the operator sets.

use crate::arena::{Arena, SlotIndex};
use quittance_verify::PublicKey;

/// [`Slot::key_index`](crate::arena::Slot::key_index): the key is not in the cache.
pub const NOT_CACHED: u32 = u32::MAX;
/// [`Slot::key_index`](crate::arena::Slot::key_index): the address is no usable key.
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

/// What a cache knows of an account's key.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// The key.
    Key(&'a PublicKey),
    /// Nothing: it has to be made from the address.
    Nothing,
    /// The address is no usable key; it can be paid and never pay.
    Unusable,
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

    /// What is known of an account's key.
    pub fn find(&mut self, arena: &Arena, slot: SlotIndex) -> Found<'_> {
        match arena.slot(slot).key_index {
            NO_KEY => Found::Unusable,
            NOT_CACHED => Found::Nothing,
            cached => {
                let entry = &mut self.entries[cached as usize];
                assert!(entry.owner == slot, "a slot and its cached key point at each other");
                entry.is_recent = true;
                Found::Key(&entry.key)
            }
        }
    }

    /// Keeps an account's key. A key that is here already stays.
    pub fn insert(&mut self, arena: &mut Arena, slot: SlotIndex, key: &PublicKey) {
        debug_assert_eq!(key.as_bytes(), &arena.slot(slot).address, "an account's address is its key");
        if arena.slot(slot).key_index != NOT_CACHED {
            return;
        }
        let entry = Entry { key: *key, owner: slot, is_recent: true };
        let place = if self.entries.len() < self.entry_count_max {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let place = self.evict(arena);
            self.entries[place] = entry;
            place
        };
        arena.slot_mut(slot).key_index = u32::try_from(place).expect("entry_count_max is below NO_KEY");
    }

    /// Keeps in mind that an account's address is no usable key, so that this is found out once.
    pub fn mark_unusable(&mut self, arena: &mut Arena, slot: SlotIndex) {
        let key_index = &mut arena.slot_mut(slot).key_index;
        debug_assert!(*key_index >= NO_KEY, "an address that has a key has it for good");
        *key_index = NO_KEY;
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

    /// As a shard does it: from the cache, else made and put there.
    fn key(cache: &mut KeyCache, arena: &mut Arena, slot: SlotIndex) -> PublicKey {
        if let Found::Key(key) = cache.find(arena, slot) {
            return *key;
        }
        let key = PublicKey::from_bytes(&arena.slot(slot).address).unwrap();
        cache.insert(arena, slot, &key);
        key
    }

    #[test]
    fn a_cache_smaller_than_the_accounts_still_gives_every_key() {
        let mut arena = arena(20);
        let mut cache = KeyCache::new(7);
        for round in 0..5 {
            for number in 0..20 {
                let slot = SlotIndex((number * 13 + round) % 20);
                let address = arena.slot(slot).address;
                assert_eq!(key(&mut cache, &mut arena, slot).as_bytes(), &address);
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
            key(&mut cache, &mut arena, SlotIndex(slot));
        }
        // The hand cleared every mark on its round; slot 1 is used again, slot 2 is not.
        key(&mut cache, &mut arena, SlotIndex(1));
        key(&mut cache, &mut arena, SlotIndex(4));
        assert_ne!(arena.slot(SlotIndex(1)).key_index, NOT_CACHED);
        assert_eq!(arena.slot(SlotIndex(2)).key_index, NOT_CACHED);
    }

    #[test]
    fn a_key_that_came_twice_takes_one_place() {
        let mut arena = arena(2);
        let mut cache = KeyCache::new(2);
        let first = key(&mut cache, &mut arena, SlotIndex(0));
        cache.insert(&mut arena, SlotIndex(0), &first);
        key(&mut cache, &mut arena, SlotIndex(1));
        assert_eq!(cache.entries.len(), 2);
        assert!(matches!(cache.find(&arena, SlotIndex(0)), Found::Key(_)));
    }

    #[test]
    fn an_address_that_is_no_key_is_found_out_once() {
        let mut arena = Arena::new(4, [0; 16]);
        let slot = arena.find_or_insert(&[0xff; 32]).unwrap();
        let mut cache = KeyCache::new(4);
        assert!(matches!(cache.find(&arena, slot), Found::Nothing));
        cache.mark_unusable(&mut arena, slot);
        assert!(matches!(cache.find(&arena, slot), Found::Unusable));
    }
}
