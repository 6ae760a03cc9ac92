//! The release rule as a type: what reveals state leaves only when that state is on disk.
//!
//! A vote that was sent and forgotten can be followed by a vote for another order, and then money is stolen. So whatever a
//! peer, or another shard, may learn from is put into a [`Withheld`] queue with the last record it depends on, and comes out
//! as a [`Durable`] when that record is. Nothing else makes a `Durable`, and the one place that signs takes nothing else.

use crate::journal::record::RecordNumber;
use std::collections::VecDeque;

/// Something that depends on durable records only, and so may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// What may leave.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// What may not leave yet, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Withheld<T> {
    queue: VecDeque<(RecordNumber, T)>,
}

impl<T> Withheld<T> {
    /// Nothing, with room for `capacity` values.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { queue: VecDeque::with_capacity(capacity) }
    }

    /// Values that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Withholds a value until `after` is durable.
    pub fn push(&mut self, after: RecordNumber, value: T) {
        let last = self.queue.back().map_or(after, |(last, _)| *last);
        assert!(last <= after, "records are numbered in the order in which they are made");
        self.queue.push_back((after, value));
    }

    /// Lets a value out before everything else, whatever it depends on: what this type is there to prevent.
    #[cfg(feature = "mutants")]
    pub(crate) fn leak(&mut self, value: T) {
        self.queue.push_front((RecordNumber::default(), value));
    }

    /// Whether [`Self::pop`] would give a value.
    pub fn has_durable(&self, durable: RecordNumber) -> bool {
        self.queue.front().is_some_and(|(after, _)| *after <= durable)
    }

    /// The first value, if it depends on nothing that comes after `durable`.
    pub fn pop(&mut self, durable: RecordNumber) -> Option<Durable<T>> {
        if !self.has_durable(durable) {
            return None;
        }
        self.queue.pop_front().map(|(_, value)| Durable(value))
    }
}

impl<T> Default for Withheld<T> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_leaves_with_its_record_and_not_before() {
        let mut withheld = Withheld::default();
        for (after, value) in [(0, 'a'), (2, 'b'), (2, 'c'), (5, 'd')] {
            withheld.push(RecordNumber(after), value);
        }
        let mut leave = |durable| {
            core::iter::from_fn(|| withheld.pop(RecordNumber(durable)).map(|value| *value.get())).collect::<String>()
        };
        assert_eq!([leave(0), leave(1), leave(2), leave(4), leave(9)], ["a", "", "bc", "", "d"].map(str::to_owned));
        assert!(withheld.is_empty());
    }

    #[test]
    #[should_panic(expected = "in the order in which they are made")]
    fn an_earlier_record_after_a_later_one_is_our_fault() {
        let mut withheld = Withheld::default();
        withheld.push(RecordNumber(2), ());
        withheld.push(RecordNumber(1), ());
    }
}
