//! Timeouts of one length: what was armed first is due first, so a queue is all it takes.

const NONE: u32 = u32::MAX;

/// Slots that wait for a reply, in the order in which their time runs out. A list through two arrays: every operation takes
/// constant time, nothing is allocated after the start, and there are never more entries than slots.
#[derive(Debug)]
pub struct Timeouts {
    timeout_ns: u64,
    links: Vec<Link>,
    /// The slot that is due first, or `NONE`.
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    due_ns: u64,
    armed: bool,
}

impl Timeouts {
    /// For slots `0..slot_count`, none of them armed.
    pub fn new(slot_count: usize, timeout_ns: u64) -> Self {
        let link = Link { before: NONE, after: NONE, due_ns: 0, armed: false };
        Self { timeout_ns, links: vec![link; slot_count], first: NONE, last: NONE }
    }

    /// Starts a slot's timeout anew. `now_ns` never goes back.
    pub fn arm(&mut self, slot: u32, now_ns: u64) {
        self.disarm(slot);
        let due_ns = now_ns + self.timeout_ns;
        self.links[slot as usize] = Link { before: self.last, after: NONE, due_ns, armed: true };
        match self.last {
            NONE => self.first = slot,
            last => {
                assert!(self.links[last as usize].due_ns <= due_ns, "time went back");
                self.links[last as usize].after = slot;
            }
        }
        self.last = slot;
    }

    /// Takes a slot off the list, if it is on it.
    pub fn disarm(&mut self, slot: u32) {
        let Link { before, after, armed, .. } = self.links[slot as usize];
        if !armed {
            return;
        }
        self.links[slot as usize].armed = false;
        match before {
            NONE => self.first = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.links[after as usize].before = before,
        }
    }

    /// Takes off and returns a slot whose time has run out.
    pub fn expired(&mut self, now_ns: u64) -> Option<u32> {
        let slot = self.first;
        if slot == NONE || self.links[slot as usize].due_ns > now_ns {
            return None;
        }
        self.disarm(slot);
        Some(slot)
    }

    /// When the next timeout is due.
    pub fn next_due_ns(&self) -> Option<u64> {
        (self.first != NONE).then(|| self.links[self.first as usize].due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(timeouts: &mut Timeouts, now_ns: u64) -> Vec<u32> {
        std::iter::from_fn(|| timeouts.expired(now_ns)).collect()
    }

    #[test]
    fn slots_come_due_in_the_order_armed_and_not_before() {
        let mut timeouts = Timeouts::new(4, 100);
        [2, 0, 3].into_iter().zip([10, 11, 12]).for_each(|(slot, now)| timeouts.arm(slot, now));
        assert_eq!(timeouts.next_due_ns(), Some(110));
        assert!(drain(&mut timeouts, 109).is_empty());
        assert_eq!(drain(&mut timeouts, 111), [2, 0]);
        assert_eq!(drain(&mut timeouts, 1_000), [3]);
        assert_eq!(timeouts.next_due_ns(), None);
    }

    #[test]
    fn arming_again_moves_a_slot_to_the_end() {
        let mut timeouts = Timeouts::new(3, 100);
        (0..3).for_each(|slot| timeouts.arm(slot, 0));
        timeouts.arm(0, 50);
        timeouts.arm(1, 60);
        assert_eq!(drain(&mut timeouts, 100), [2]);
        assert_eq!(drain(&mut timeouts, 160), [0, 1]);
    }

    #[test]
    fn a_disarmed_slot_never_comes_due_from_any_place_in_the_list() {
        for gone in 0..4 {
            let mut timeouts = Timeouts::new(4, 100);
            (0..4).for_each(|slot| timeouts.arm(slot, u64::from(slot)));
            timeouts.disarm(gone);
            timeouts.disarm(gone);
            let rest: Vec<u32> = (0..4).filter(|slot| *slot != gone).collect();
            assert_eq!(drain(&mut timeouts, 1_000), rest);
            timeouts.arm(gone, 2_000);
            assert_eq!(drain(&mut timeouts, 2_100), [gone]);
        }
    }
}
