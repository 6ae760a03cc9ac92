//! Which cores the authorities get, and which the generator.

use core_affinity::CoreId;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Serialize;

/// The division of the cores that this process may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cores {
    /// All of them.
    pub available: Vec<usize>,
    /// What the authorities share: all but the last, or the only one.
    pub authority: Vec<usize>,
    /// Where the load loop runs: the last.
    pub generator: usize,
}

impl Cores {
    /// Divides what this process may use. Call it before anything is pinned.
    pub fn divide() -> Self {
        let available = core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect();
        Self::of(available)
    }

    fn of(mut available: Vec<usize>) -> Self {
        available.sort_unstable();
        if available.is_empty() {
            available.push(0);
        }
        let (generator, others) = available.split_last().expect("there is at least one");
        let authority = if others.is_empty() { vec![*generator] } else { others.to_vec() };
        Self { generator: *generator, authority, available }
    }

    /// Whether the load loop has its core for itself.
    pub fn generator_owns_core(&self) -> bool {
        !self.authority.contains(&self.generator)
    }

    /// A core for each shard and each verifier of authority `index` of `count`: the authorities' cores in turn, each
    /// authority from where the one before ended.
    pub fn for_authority(&self, index: usize, shard_count: u16, verifier_count: u16) -> (Vec<usize>, Vec<usize>) {
        let per_authority = usize::from(shard_count) + usize::from(verifier_count);
        let start = index * per_authority;
        let core = |thread: usize| self.authority[(start + thread) % self.authority.len()];
        let shards = (0..usize::from(shard_count)).map(core).collect();
        let verifiers = (usize::from(shard_count)..per_authority).map(core).collect();
        (shards, verifiers)
    }

    /// Lets the calling thread, and what it starts from now on, run on all of the cores again. Where the kernel refuses that,
    /// children start on one core and pin their threads elsewhere themselves.
    pub fn unpin(&self) {
        let mut all = CpuSet::new();
        self.available.iter().filter(|core| **core < CpuSet::MAX_CPU).for_each(|core| all.set(*core));
        let _ = sched_setaffinity(None, &all);
    }

    /// Pins the calling thread to the generator's core. Returns whether that worked.
    pub fn pin_generator(&self) -> bool {
        core_affinity::set_for_current(CoreId { id: self.generator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_two_cores_the_authority_has_the_first_wholly_and_the_generator_the_last() {
        let cores = Cores::of(vec![1, 0]);
        assert_eq!((cores.generator, cores.generator_owns_core()), (1, true));
        assert_eq!(cores.for_authority(0, 2, 1), (vec![0, 0], vec![0]));
    }

    #[test]
    fn a_thread_that_was_pinned_can_be_let_go() {
        let cores = Cores::divide();
        let allowed = || core_affinity::get_core_ids().unwrap_or_default().len();
        std::thread::spawn(move || {
            let before = allowed();
            assert!(cores.pin_generator() && allowed() == 1);
            cores.unpin();
            assert_eq!(allowed(), before);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_single_core_is_shared() {
        let cores = Cores::of(vec![3]);
        assert_eq!(cores.for_authority(0, 1, 0), (vec![3], vec![]));
        assert!(!cores.generator_owns_core());
    }

    #[test]
    fn with_many_cores_threads_and_authorities_spread() {
        let cores = Cores::of((0..8).collect());
        assert_eq!(cores.for_authority(0, 2, 1), (vec![0, 1], vec![2]));
        assert_eq!(cores.for_authority(1, 2, 1), (vec![3, 4], vec![5]));
        assert_eq!(cores.for_authority(2, 2, 1), (vec![6, 0], vec![1]));
    }
}
