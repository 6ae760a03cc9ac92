//! Roots whose signature is being checked, and the certificates that wait for them.
//!
//! Certificates of one batch share roots: each signature is checked once, however many wait. Two claims are the same only
//! if their signatures are too: else a forged copy sent first would take honest certificates down with it.

use crate::limits::{Tables, WAITERS_MAX};
use crate::slab::Slab;
use crate::tally::RootClaim;
use core::hash::BuildHasher;
use quittance_net::frame::VOTES_MAX;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;

const NONE: u32 = u32::MAX;
#[expect(clippy::cast_possible_truncation, reason = "WAITERS_MAX, a multiple of it, is known to fit 32 bits")]
const VOTES_PER_CERTIFICATE: u32 = VOTES_MAX as u32;

/// A claim under way and the head of its chain of waiters.
#[derive(Debug)]
struct Check {
    claim: RootClaim,
    first_waiter: u32,
}

/// All checks under way.
#[derive(Debug)]
pub(crate) struct RootChecks {
    checks: Slab<Check>,
    by_claim: HashMap<RootClaim, u32, Keyed>,
    /// For each (staged certificate, vote): the next waiter of the same check.
    next_waiter: Vec<u32>,
}

/// What a new waiter meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The check was under way already.
    Joined,
    /// The caller must have this check made.
    Started(u32),
}

impl RootChecks {
    /// No checks, in tables of this size. `hash_key` as for the arena.
    pub(crate) fn new(tables: &Tables, hash_key: [u8; 16]) -> Self {
        Self {
            checks: Slab::new(tables.root_checks),
            by_claim: HashMap::with_capacity_and_hasher(tables.root_checks, Keyed(hash_key)),
            next_waiter: vec![NONE; tables.staged_certificates * VOTES_MAX],
        }
    }

    /// How many checks can be started.
    pub(crate) fn room(&self) -> usize {
        self.checks.room()
    }

    /// Whether so many checks can be started.
    pub(crate) fn has_room_for(&self, count: usize) -> bool {
        count <= self.room()
    }

    /// Lets a staged certificate wait for the claim of one of its votes.
    pub(crate) fn wait(&mut self, claim: &RootClaim, certificate: u32, vote_index: usize) -> Waiting {
        let waiter = waiter(certificate, vote_index);
        assert!((waiter as usize) < self.next_waiter.len(), "a certificate is staged in a table of the same length");
        if let Some(key) = self.by_claim.get(claim) {
            let check = self.checks.get_mut(*key);
            self.next_waiter[waiter as usize] = check.first_waiter;
            check.first_waiter = waiter;
            return Waiting::Joined;
        }
        let check = Check { claim: *claim, first_waiter: waiter };
        let key = self.checks.insert(check).expect("the caller asked has_room_for first");
        self.next_waiter[waiter as usize] = NONE;
        self.by_claim.insert(*claim, key);
        Waiting::Started(key)
    }

    /// Ends a check. Returns its claim and the certificates that waited, first come first.
    pub(crate) fn finish(&mut self, key: u32, waiting: &mut Vec<u32>) -> RootClaim {
        let check = self.checks.remove(key);
        self.by_claim.remove(&check.claim).expect("every check is found by its claim");
        waiting.clear();
        let mut waiter = check.first_waiter;
        while waiter != NONE {
            waiting.push(waiter / VOTES_PER_CERTIFICATE);
            waiter = self.next_waiter[waiter as usize];
        }
        waiting.reverse();
        check.claim
    }
}

fn waiter(certificate: u32, vote_index: usize) -> u32 {
    assert!((certificate as usize) < WAITERS_MAX / VOTES_MAX && vote_index < VOTES_MAX);
    certificate * VOTES_PER_CERTIFICATE + u32::try_from(vote_index).expect("VOTES_MAX fits 32 bits")
}

/// SipHash-1-3 under a secret key.
#[derive(Debug)]
struct Keyed([u8; 16]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ROOT_CHECKS_MAX;

    fn claim(root: u8, signature: u8) -> RootClaim {
        RootClaim { authority: 1, root: [root; 32], signature: [signature; 64] }
    }

    #[test]
    fn one_check_serves_all_who_wait_in_their_order() {
        let mut checks = RootChecks::new(&Tables::FULL, [0; 16]);
        let mut waiting = Vec::new();
        let Waiting::Started(key) = checks.wait(&claim(1, 1), 5, 0) else { panic!("the first one starts it") };
        assert_eq!(checks.wait(&claim(1, 1), 3, 2), Waiting::Joined);
        assert_eq!(checks.wait(&claim(1, 1), 9, 1), Waiting::Joined);
        assert_eq!(checks.finish(key, &mut waiting), claim(1, 1));
        assert_eq!(waiting, [5, 3, 9]);
        assert!(matches!(checks.wait(&claim(1, 1), 5, 0), Waiting::Started(_)));
    }

    #[test]
    fn another_signature_for_the_same_root_is_a_check_of_its_own() {
        let mut checks = RootChecks::new(&Tables::FULL, [0; 16]);
        let Waiting::Started(one) = checks.wait(&claim(1, 1), 0, 0) else { panic!("new") };
        let Waiting::Started(two) = checks.wait(&claim(1, 2), 1, 0) else { panic!("new too") };
        assert_ne!(one, two);
        assert!(checks.has_room_for(ROOT_CHECKS_MAX - 2) && !checks.has_room_for(ROOT_CHECKS_MAX - 1));
    }
}
