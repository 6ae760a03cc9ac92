//! The accounts of one shard: an array of two-cache-line slots and an index that no one outside can flood.

use crate::history::HistoryHead;
use crate::types::{Address, Balance, Digest, Sequence};
use core::hash::Hasher;
use siphasher::sip::SipHasher13;

/// A slot's subscript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotIndex(pub u32);

impl SlotIndex {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// One account; 128 bytes, two cache lines. The first holds what admission reads, the second the digests.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Slot {
    /// The account.
    pub address: Address,
    /// Its balance here.
    pub balance: Balance,
    /// The sequence number that its next order must have.
    pub next_sequence: Sequence,
    /// Where its key is cached: see [`KeyCache`](crate::key_cache::KeyCache).
    pub key_index: u32,
    /// Keyed tag of the pending order's signature: tells a repeated order, known to be good, from a forged one.
    pub signature_tag: u32,
    /// The order voted for and not yet confirmed; zero if none.
    pub pending: Digest,
    /// The last confirmed order; zero if none.
    pub last_confirmed: Digest,
}

const _: () = assert!(size_of::<Slot>() == 128);

impl Slot {
    /// The order that has this authority's vote and no confirmation yet.
    pub fn pending(&self) -> Option<&Digest> {
        (self.pending != NO_ORDER).then_some(&self.pending)
    }
}

/// In place of a digest: no order. BLAKE3 gives it to no one.
pub const NO_ORDER: Digest = [0; 32];

/// All slots, and the index: open addressing, linear probing, at most half full, never a deletion.
#[derive(Debug)]
pub struct Arena {
    slots: Vec<Slot>,
    /// One for each slot; beside them, since most of what a shard does never looks at it.
    heads: Vec<HistoryHead>,
    slot_count_max: usize,
    /// High half: part of the address's hash. Low half: slot + 1. Zero: empty.
    index: Vec<u64>,
    hash_key: [u8; 16],
}

/// The table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Arena {
    /// An empty arena. `hash_key` is drawn per boot and kept secret, so that addresses cannot be chosen to collide.
    /// Memory: 144 bytes per slot, touched when used, and 16 to 32 bytes of index, touched at once.
    pub fn new(slot_count_max: usize, hash_key: [u8; 16]) -> Self {
        assert!(
            slot_count_max <= crate::limits::ACCOUNTS_PER_SHARD_MAX,
            "the shell checks its option against the limit"
        );
        let index_count = (slot_count_max.max(1) * 2).next_power_of_two();
        let (slots, heads) = (Vec::with_capacity(slot_count_max), Vec::with_capacity(slot_count_max));
        Self { slots, heads, slot_count_max, index: vec![0; index_count], hash_key }
    }

    /// Accounts held.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Slots not yet used.
    pub fn free_count(&self) -> usize {
        self.slot_count_max - self.slots.len()
    }

    /// The account's slot, if it is here.
    #[inline]
    pub fn find(&self, address: &Address) -> Option<SlotIndex> {
        let hash = self.hash(address);
        self.probe(hash, address).ok()
    }

    /// Brings into the cache what finding these accounts will touch, and changes nothing. Memory answers many questions in
    /// the time of one if none waits for the answer to another: so first all places in the index are read, then all slots.
    /// `scratch` is overwritten.
    pub fn warm<'a>(&self, addresses: impl Iterator<Item = &'a Address>, scratch: &mut Vec<u64>) {
        let mask = self.index.len() - 1;
        let place = |hash: u64| (hash & 0xffff_ffff) as usize & mask;
        scratch.clear();
        scratch.extend(addresses.map(|address| self.hash(address)));
        let entries = scratch.iter().fold(0, |seen, hash| seen ^ self.index[place(*hash)]);
        scratch.iter_mut().for_each(|hash| *hash = self.entry(*hash) & !TAG_MASK);
        let slot = |number: &u64| self.slots.get(usize::try_from(*number).ok()?.checked_sub(1)?);
        let slots = scratch.iter().filter_map(slot);
        let digests = slots.fold(0, |seen, slot| seen ^ slot.address[0] ^ slot.pending[0]);
        core::hint::black_box((entries, digests));
    }

    /// The account's slot, made with nothing in it if it was not here.
    ///
    /// # Errors
    /// [`Full`], and nothing changes.
    pub fn find_or_insert(&mut self, address: &Address) -> Result<SlotIndex, Full> {
        let hash = self.hash(address);
        let place = match self.probe(hash, address) {
            Ok(found) => return Ok(found),
            Err(place) => place,
        };
        if self.free_count() == 0 {
            return Err(Full);
        }
        let slot = u32::try_from(self.slots.len()).expect("ACCOUNTS_PER_SHARD_MAX fits 32 bits");
        self.index[place] = (hash & TAG_MASK) | u64::from(slot + 1);
        self.slots.push(Slot {
            address: *address,
            balance: Balance(0),
            next_sequence: Sequence(0),
            key_index: crate::key_cache::NOT_CACHED,
            signature_tag: 0,
            pending: NO_ORDER,
            last_confirmed: NO_ORDER,
        });
        self.heads.push(HistoryHead::default());
        Ok(SlotIndex(slot))
    }

    /// The slot.
    #[inline]
    pub fn slot(&self, slot: SlotIndex) -> &Slot {
        &self.slots[slot.index()]
    }

    /// The slot, to change it.
    #[inline]
    pub fn slot_mut(&mut self, slot: SlotIndex) -> &mut Slot {
        &mut self.slots[slot.index()]
    }

    /// The newest ends of the account's history.
    #[inline]
    pub fn head(&self, slot: SlotIndex) -> &HistoryHead {
        &self.heads[slot.index()]
    }

    /// The newest ends of the account's history, to change them.
    #[inline]
    pub fn head_mut(&mut self, slot: SlotIndex) -> &mut HistoryHead {
        &mut self.heads[slot.index()]
    }

    /// Every account with its history's ends, in the order of arrival.
    pub fn slots_and_heads(&self) -> impl Iterator<Item = (&Slot, &HistoryHead)> {
        self.slots.iter().zip(&self.heads)
    }

    /// Every account, in the order of arrival.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    fn hash(&self, address: &Address) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write(address);
        hasher.finish()
    }

    /// The first entry in the index that may be this hash's; 0 for none. Looks at no slot.
    fn entry(&self, hash: u64) -> u64 {
        let mask = self.index.len() - 1;
        let mut place = (hash & 0xffff_ffff) as usize & mask;
        while self.index[place] != 0 && (self.index[place] ^ hash) & TAG_MASK != 0 {
            place = (place + 1) & mask;
        }
        self.index[place]
    }

    /// The slot, or the index place where it would go.
    fn probe(&self, hash: u64, address: &Address) -> Result<SlotIndex, usize> {
        let mask = self.index.len() - 1;
        let mut place = (hash & 0xffff_ffff) as usize & mask;
        loop {
            let entry = self.index[place];
            if entry == 0 {
                return Err(place);
            }
            if entry & TAG_MASK == hash & TAG_MASK {
                let slot = SlotIndex((entry & !TAG_MASK) as u32 - 1);
                if self.slot(slot).address == *address {
                    return Ok(slot);
                }
            }
            place = (place + 1) & mask;
        }
    }
}

const TAG_MASK: u64 = 0xffff_ffff_0000_0000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swept::cases;

    fn address(number: u32) -> Address {
        let mut address = [7; 32];
        address[..4].copy_from_slice(&number.to_le_bytes());
        address
    }

    #[test]
    fn warming_changes_nothing_whether_accounts_are_there_or_not() {
        let count = if cfg!(miri) { 10 } else { 100 };
        let mut arena = Arena::new(count as usize, [1; 16]);
        (0..count).for_each(|number| _ = arena.find_or_insert(&address(number)).unwrap());
        let (before, mut scratch) = (format!("{arena:?}"), vec![7; 3]);
        let asked: Vec<Address> = (count / 2..count * 3 / 2).map(address).collect();
        arena.warm(asked.iter(), &mut scratch);
        arena.warm([].iter(), &mut scratch);
        assert_eq!(format!("{arena:?}"), before);
    }

    #[test]
    fn every_account_is_found_again_up_to_the_last_slot() {
        let count = u32::try_from(10 * cases(300)).unwrap();
        let mut arena = Arena::new(count as usize, [1; 16]);
        for number in 0..count {
            assert_eq!(arena.find_or_insert(&address(number)), Ok(SlotIndex(number)));
            assert_eq!(arena.find_or_insert(&address(number)), Ok(SlotIndex(number)));
        }
        assert_eq!(arena.find_or_insert(&address(count)), Err(Full));
        assert_eq!((arena.len(), arena.free_count()), (count as usize, 0));
        for number in 0..count {
            assert_eq!(arena.find(&address(number)), Some(SlotIndex(number)));
        }
        assert_eq!(arena.find(&address(count)), None);
    }

    #[test]
    fn places_differ_from_boot_to_boot() {
        let arena = |key| Arena::new(1 << 16, [key; 16]);
        let (one, two) = (arena(1), arena(2));
        let same = (0..1_000).filter(|n| one.hash(&address(*n)) & 0xffff == two.hash(&address(*n)) & 0xffff).count();
        assert!(same < 10, "{same}");
    }

    #[test]
    fn an_arena_of_no_slots_is_full_and_empty() {
        let mut arena = Arena::new(0, [0; 16]);
        assert_eq!(arena.find_or_insert(&address(0)), Err(Full));
        assert!(arena.is_empty());
    }
}
