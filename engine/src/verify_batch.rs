//! Signatures on their way to a verifier and verdicts on their way back. A batch is self-contained: it can be checked on
//! the shard's own thread or be sent to another core.

use crate::message::MESSAGE_BYTES_MAX;
use crate::types::Address;
use quittance_verify::{BackendKind, Item, KeyError, PublicKey, Verifier};

/// Fewer suspects than this wait for more.
const SUSPECTS_MIN: usize = 8;

/// So many batches may go without suspects that wait: some tens of milliseconds.
const SUSPECT_WAITS_MAX: u32 = 16;

/// What a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A staged order.
    Order(u32),
    /// A root that certificates wait for.
    Root(u32),
}

/// Who is said to have signed.
#[derive(Clone, Debug)]
pub(crate) enum Signer {
    /// Its key was made before.
    Known(PublicKey),
    /// An address whose key is made with the batch, which is cheaper than one by one.
    Met(Address),
    /// The key of an address that was met.
    Made(PublicKey),
    /// The address that was met is no usable key: every signature is bad.
    Unusable,
}

/// One signature to check.
#[derive(Clone, Debug)]
pub struct Job {
    ticket: Ticket,
    signer: Signer,
    signature: [u8; 64],
    hint: Option<[u8; 32]>,
    message: [u8; MESSAGE_BYTES_MAX],
    message_bytes: u8,
}

impl Job {
    /// Copies what the check needs. `hint`: the x coordinate of the signature's R, if it was sent.
    pub(crate) fn new(
        ticket: Ticket,
        signer: Signer,
        message: &[u8],
        signature: &[u8; 64],
        hint: Option<&[u8; 32]>,
    ) -> Self {
        let mut copy = [0; MESSAGE_BYTES_MAX];
        copy[..message.len()].copy_from_slice(message);
        let message_bytes = u8::try_from(message.len()).expect("MESSAGE_BYTES_MAX fits a byte");
        Self { ticket, signer, signature: *signature, hint: hint.copied(), message: copy, message_bytes }
    }

    /// Who is said to have signed what: for simulation, which judges without keys.
    pub fn claim(&self) -> Option<Claim<'_>> {
        let signer = match &self.signer {
            Signer::Known(key) | Signer::Made(key) => key.as_bytes(),
            Signer::Met(address) => address,
            Signer::Unusable => return None,
        };
        let message = &self.message[..usize::from(self.message_bytes)];
        Some(Claim { signer, message, signature: &self.signature })
    }

    /// `None` if there is no key that could have signed.
    fn item(&self) -> Option<Item<'_>> {
        let (Signer::Known(key) | Signer::Made(key)) = &self.signer else { return None };
        let message = &self.message[..usize::from(self.message_bytes)];
        Some(Item { key, message, signature: &self.signature, hint: self.hint.as_ref() })
    }
}

/// That someone signed something.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The signer's key.
    pub signer: &'a Address,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8; 64],
}

/// What came of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) ticket: Ticket,
    pub(crate) signer: &'a Signer,
    pub(crate) is_good: bool,
}

/// Jobs that are checked in one way and, once checked, their verdicts.
#[derive(Debug, Default)]
struct Lane {
    jobs: Vec<Job>,
    verdicts: Vec<bool>,
}

/// Memory for one check, used again by the next.
#[derive(Debug, Default)]
struct Scratch {
    addresses: Vec<Address>,
    keys: Vec<Result<PublicKey, KeyError>>,
    verdicts: Vec<bool>,
}

impl Lane {
    /// Makes missing keys, then has `check` judge every signature that has one; the others are bad.
    fn check(&mut self, backend: BackendKind, scratch: &mut Scratch, check: impl FnOnce(&[Item<'_>], &mut Vec<bool>)) {
        self.make_keys(backend, scratch);
        let items: Vec<Item<'_>> = self.jobs.iter().filter_map(Job::item).collect();
        check(&items, &mut scratch.verdicts);
        let mut verdicts = scratch.verdicts.iter().copied();
        let mut verdict = |job: &Job| job.item().is_some() && verdicts.next().expect("each item has its verdict");
        self.verdicts.clear();
        self.verdicts.extend(self.jobs.iter().map(&mut verdict));
    }

    fn make_keys(&mut self, backend: BackendKind, scratch: &mut Scratch) {
        scratch.addresses.clear();
        scratch.addresses.extend(self.jobs.iter().filter_map(|job| match &job.signer {
            Signer::Met(address) => Some(*address),
            _ => None,
        }));
        PublicKey::from_bytes_batch(backend, &scratch.addresses, &mut scratch.keys);
        let met = self.jobs.iter_mut().filter(|job| matches!(job.signer, Signer::Met(_)));
        for (job, key) in met.zip(&scratch.keys) {
            job.signer = key.map_or(Signer::Unusable, Signer::Made);
        }
    }

    fn outcomes(&self) -> impl Iterator<Item = Outcome<'_>> {
        assert_eq!(self.jobs.len(), self.verdicts.len(), "a batch comes back checked");
        self.jobs.iter().zip(&self.verdicts).map(|(job, is_good)| Outcome {
            ticket: job.ticket,
            signer: &job.signer,
            is_good: *is_good,
        })
    }

    fn clear(&mut self) {
        self.jobs.clear();
        self.verdicts.clear();
    }
}

/// Jobs and, once checked, their verdicts.
#[derive(Debug, Default)]
pub struct VerifyBatch {
    /// Checked together.
    trusted: Lane,
    /// From sources in quarantine: each is checked by itself, so that a bad one delays no other.
    suspect: Lane,
    /// How many batches went without the suspects that wait here.
    suspect_waits: u32,
    scratch: Scratch,
}

impl VerifyBatch {
    /// An empty batch with room for `job_count_max` jobs.
    pub fn with_capacity(job_count_max: usize) -> Self {
        let trusted = Lane { jobs: Vec::with_capacity(job_count_max), verdicts: Vec::with_capacity(job_count_max) };
        // The other lane is seldom needed: it grows when it is, up to the same bound, and stays.
        Self { trusted, ..Self::default() }
    }

    /// Jobs in it.
    pub fn len(&self) -> usize {
        self.trusted.jobs.len() + self.suspect.jobs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a job: to be checked with all others, or by itself because its source is in quarantine.
    pub(crate) fn push(&mut self, job: Job, is_suspect: bool) {
        let lane = if is_suspect { &mut self.suspect } else { &mut self.trusted };
        lane.jobs.push(job);
    }

    /// Moves what is to be checked now into `empty`.
    ///
    /// Suspects wait until eight have gathered, which the vector backend checks for the price of one, or until there is
    /// nothing else to check, but not for ever: it is they who wait, and others who have the time.
    pub(crate) fn take_into(&mut self, empty: &mut Self) {
        core::mem::swap(&mut self.trusted, &mut empty.trusted);
        let is_due = self.suspect.jobs.len() >= SUSPECTS_MIN || self.suspect_waits >= SUSPECT_WAITS_MAX;
        if is_due || empty.trusted.jobs.is_empty() {
            core::mem::swap(&mut self.suspect, &mut empty.suspect);
            self.suspect_waits = 0;
        } else {
            self.suspect_waits += u32::from(!self.suspect.jobs.is_empty());
        }
    }

    /// Checks every signature. Allocates once per lane in use, for the list of borrowed items.
    pub fn check(&mut self, verifier: &mut Verifier) {
        let (backend, scratch) = (verifier.backend(), &mut self.scratch);
        self.trusted.check(backend, scratch, |items, verdicts| verifier.verify_batch(items, verdicts));
        self.suspect.check(backend, scratch, |items, verdicts| verifier.verify_each(items, verdicts));
    }

    /// Puts verdicts in by other means than signatures: for simulation.
    pub fn decide(&mut self, mut verdict: impl FnMut(&Job) -> bool) {
        for lane in [&mut self.trusted, &mut self.suspect] {
            lane.verdicts.clear();
            lane.verdicts.extend(lane.jobs.iter().map(&mut verdict));
        }
    }

    /// What came of each job.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = Outcome<'_>> {
        self.trusted.outcomes().chain(self.suspect.outcomes())
    }

    /// Empties the batch for its next use.
    pub(crate) fn clear(&mut self) {
        self.trusted.clear();
        self.suspect.clear();
    }
}
