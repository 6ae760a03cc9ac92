//! A table of fixed capacity whose entries keep their place.

/// At most `capacity` entries of `T`, named by 32-bit keys that are used again after removal.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    /// An empty table. All memory is taken now.
    pub(crate) fn new(capacity: usize) -> Self {
        let count = u32::try_from(capacity).expect("every limit is below 2^32");
        Self { entries: (0..capacity).map(|_| None).collect(), free: (0..count).rev().collect() }
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether another entry fits.
    pub(crate) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Entries that still fit.
    pub(crate) fn room(&self) -> usize {
        self.free.len()
    }

    /// Adds an entry; `None` if the table is full.
    pub(crate) fn insert(&mut self, entry: T) -> Option<u32> {
        let key = self.free.pop()?;
        let place = &mut self.entries[key as usize];
        assert!(place.is_none(), "a free place holds nothing");
        *place = Some(entry);
        Some(key)
    }

    /// The entry.
    pub(crate) fn get(&self, key: u32) -> &T {
        self.entries[key as usize].as_ref().expect("keys are kept only as long as their entry")
    }

    /// The entry, to change it.
    pub(crate) fn get_mut(&mut self, key: u32) -> &mut T {
        self.entries[key as usize].as_mut().expect("keys are kept only as long as their entry")
    }

    /// Takes the entry out.
    pub(crate) fn remove(&mut self, key: u32) -> T {
        let entry = self.entries[key as usize].take().expect("an entry is removed once");
        self.free.push(key);
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_takes_no_more_until_something_leaves() {
        let mut slab = Slab::new(2);
        let one = slab.insert('a').unwrap();
        slab.insert('b').unwrap();
        assert_eq!(slab.insert('c'), None);
        assert_eq!(slab.remove(one), 'a');
        assert_eq!(slab.insert('c'), Some(one));
        assert_eq!((slab.len(), slab.has_room()), (2, false));
    }
}
