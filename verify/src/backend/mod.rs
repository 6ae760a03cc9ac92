//! The rooms in which signatures are checked, one per kind of machine, and the door that leads to one of them.
//!
//! Every room keeps the same rule (the crate's `rule` module) and gives the same verdicts; they differ in speed. Which one
//! works is chosen when a [`Verifier`] is made. A room offers what `Portable` offers: `new` from a seed, `verify`,
//! `verify_batch`, `counters`.

mod portable;

use core::fmt;
use core::str::FromStr;

use crate::key::{PublicKey, SIGNATURE_BYTES};
use portable::Portable;
use serde::Serialize;

/// A signature to check: did `key` sign `message`?
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The key that is said to have signed.
    pub key: &'a PublicKey,
    /// The bytes that are said to be signed.
    pub message: &'a [u8],
    /// R's encoding, then S.
    pub signature: &'a [u8; SIGNATURE_BYTES],
}

/// A kind of backend. All kinds give the same verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendKind {
    /// Runs everywhere: curve25519-dalek, which uses AVX2 where the machine has it.
    Portable,
}

impl BackendKind {
    /// Every kind this build knows, the fastest first.
    pub const ALL: &'static [Self] = &[Self::Portable];

    /// True if this machine can run it.
    #[must_use]
    pub fn available(self) -> bool {
        match self {
            Self::Portable => true,
        }
    }

    /// The fastest kind that this machine can run.
    #[must_use]
    pub fn best() -> Self {
        let available = Self::ALL.iter().copied().find(|kind| kind.available());
        available.expect("the portable backend runs everywhere")
    }

    /// The name by which operators choose it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// No backend has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signature backend is named `{name}`: choose `portable`")]
pub struct UnknownBackend {
    name: String,
}

impl FromStr for BackendKind {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let named = Self::ALL.iter().copied().find(|kind| kind.name() == name);
        named.ok_or_else(|| UnknownBackend { name: name.to_owned() })
    }
}

/// What a verifier has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Items judged, in whatever way.
    pub item_count: u64,
    /// Sums of several items that were computed.
    pub batch_count: u64,
    /// Sums that were not the identity: at least one of their items was bad.
    pub batch_failed_count: u64,
    /// Items whose own equation was computed: few at a time, or after their batch failed.
    pub item_alone_count: u64,
}

/// Judges signatures, alone or many at once, always by the same rule. One per thread; it reuses its scratch memory.
///
/// It takes about 700 KiB. After it is made it allocates nothing per signature, except what curve25519-dalek takes and frees inside each
/// multiscalar product (a few vectors per batch).
pub struct Verifier {
    backend: Backend,
}

/// One variant per kind. The branch on it is taken once per call, not per signature.
enum Backend {
    Portable(Portable),
}

impl Verifier {
    /// Makes a verifier whose random weights come from `seed`.
    ///
    /// The seed must be secret and fresh (32 bytes from the machine's random source): who can predict the weights can make
    /// bad signatures that pass together.
    ///
    /// # Panics
    /// If the machine cannot run `backend`: ask [`BackendKind::available`] first.
    #[must_use]
    pub fn new(backend: BackendKind, seed: [u8; 32]) -> Self {
        assert!(backend.available(), "this machine cannot run the {backend} backend: ask before choosing it");
        let backend = match backend {
            BackendKind::Portable => Backend::Portable(Portable::new(seed)),
        };
        Self { backend }
    }

    /// The kind that is at work.
    #[must_use]
    pub fn backend(&self) -> BackendKind {
        match &self.backend {
            Backend::Portable(_) => BackendKind::Portable,
        }
    }

    /// True if the rule accepts the item.
    pub fn verify(&mut self, item: Item<'_>) -> bool {
        match &mut self.backend {
            Backend::Portable(portable) => portable.verify(item),
        }
    }

    /// Judges every item: clears `verdicts` and appends one verdict per item, in order.
    ///
    /// A verdict does not depend on the other items: it is the one that [`Verifier::verify`] gives (up to the chance of
    /// 2^-128 per bad item that the weights leave). Any number of items may come; large batches are cut.
    pub fn verify_batch(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        match &mut self.backend {
            Backend::Portable(portable) => portable.verify_batch(items, verdicts),
        }
        assert_eq!(verdicts.len(), items.len(), "each item has its verdict");
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        match &self.backend {
            Backend::Portable(portable) => portable.counters(),
        }
    }
}

/// Shows no secret: the seed and the generator stay out.
impl fmt::Debug for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("Verifier");
        shown.field("backend", &self.backend()).field("counters", &self.counters()).finish_non_exhaustive()
    }
}

const fn moves_between_threads<T: Send>() {}
const _: () = moves_between_threads::<Verifier>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_the_name_it_prints() {
        for kind in BackendKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
        }
        assert!("Portable".parse::<BackendKind>().is_err());
        assert!(BackendKind::best().available());
    }
}
