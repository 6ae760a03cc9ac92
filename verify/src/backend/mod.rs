//! The rooms in which signatures are checked, one per kind of machine, and the door that leads to one of them.
//!
//! Every room keeps the same rule (the crate's `rule` module) and gives the same verdicts; they differ in speed. Which one
//! works is chosen when a [`Verifier`] is made. A room offers what `Portable` offers: `new` from a seed, `verify`,
//! `verify_batch`, `verify_each`, `counters`.

#[cfg(test)]
mod bent;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod ifma;
mod portable;

use core::fmt;
use core::str::FromStr;

use crate::key::{PublicKey, SIGNATURE_BYTES};
#[cfg(target_arch = "x86_64")]
use ifma::Ifma;
#[cfg(all(target_arch = "x86_64", feature = "parts"))]
pub use ifma::parts;
#[cfg(target_arch = "x86_64")]
pub(crate) use ifma::{BatchSigner, Features, KeyRow, nodes};
use portable::Portable;
use serde::Serialize;

/// Keys whose rows are computed at once.
pub(crate) const KEY_LANES: usize = 8;

/// What a key keeps for the vector backend: nothing where there is none.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRow;

#[cfg(not(target_arch = "x86_64"))]
impl KeyRow {
    pub(crate) fn of_eight(_: [&[u8; 32]; KEY_LANES]) -> [Self; KEY_LANES] {
        [Self; KEY_LANES]
    }

    pub(crate) fn is_point(&self) -> bool {
        unreachable!("no machine of this kind has the vector backend")
    }
}

/// A signature to check: did `key` sign `message`?
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The key that is said to have signed.
    pub key: &'a PublicKey,
    /// The bytes that are said to be signed.
    pub message: &'a [u8],
    /// R's encoding, then S.
    pub signature: &'a [u8; SIGNATURE_BYTES],
    /// R's x coordinate, little-endian, if the signer sent it along. It spares the vector backend a square root.
    ///
    /// It is checked, never trusted: an item whose hint is not exactly R's x is refused, by every backend.
    pub hint: Option<&'a [u8; 32]>,
}

/// A kind of backend. All kinds give the same verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendKind {
    /// Eight lanes of AVX-512 IFMA: for x86-64 machines that have it (Intel from Ice Lake, AMD from Zen 4).
    Ifma,
    /// Runs everywhere: curve25519-dalek, which uses AVX2 where the machine has it.
    Portable,
}

impl BackendKind {
    /// Every kind this build knows, the fastest first.
    pub const ALL: &'static [Self] = &[Self::Ifma, Self::Portable];

    /// True if this machine can run it, and the build does not hide it (`--cfg portable_only`).
    #[must_use]
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => ifma::is_supported(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Ifma => false,
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
            Self::Ifma => "ifma",
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
#[error("no signature backend is named `{name}`: choose `ifma` or `portable`")]
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
/// It takes about 700 KiB, with the vector backend 1 MiB. After it is made it allocates nothing per signature; the portable
/// backend's curve25519-dalek takes and frees a few vectors inside each multiscalar product.
pub struct Verifier {
    backend: Backend,
}

/// One variant per kind. The branch on it is taken once per call, not per signature.
enum Backend {
    #[cfg(target_arch = "x86_64")]
    Ifma(Box<Ifma>),
    Portable(Box<Portable>),
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
        let made = match backend {
            #[cfg(target_arch = "x86_64")]
            BackendKind::Ifma => Ifma::new(seed).map(|ifma| Backend::Ifma(Box::new(ifma))),
            #[cfg(not(target_arch = "x86_64"))]
            BackendKind::Ifma => None,
            BackendKind::Portable => Some(Backend::Portable(Box::new(Portable::new(seed)))),
        };
        let Some(made) = made else {
            panic!("this machine cannot run the {backend} backend: ask before choosing it");
        };
        Self { backend: made }
    }

    /// The kind that is at work.
    #[must_use]
    pub fn backend(&self) -> BackendKind {
        match &self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(_) => BackendKind::Ifma,
            Backend::Portable(_) => BackendKind::Portable,
        }
    }

    /// True if the rule accepts the item.
    pub fn verify(&mut self, item: Item<'_>) -> bool {
        match &mut self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(ifma) => ifma.verify(item),
            Backend::Portable(portable) => portable.verify(item),
        }
    }

    /// Judges every item: clears `verdicts` and appends one verdict per item, in order.
    ///
    /// A verdict does not depend on the other items: it is the one that [`Verifier::verify`] gives, up to the chance that the
    /// weights leave (2^-126 per bad item; on the portable backend 2^-128). Any number of items may come; large batches are
    /// cut.
    pub fn verify_batch(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        match &mut self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(ifma) => ifma.verify_batch(items, verdicts),
            Backend::Portable(portable) => portable.verify_batch(items, verdicts),
        }
        assert_eq!(verdicts.len(), items.len(), "each item has its verdict");
    }

    /// As [`Verifier::verify_batch`], but each signature's equation is computed by itself: slower, and at the same cost
    /// whether all are good or one is bad. For signatures from a source that is not trusted to send good ones.
    pub fn verify_each(&mut self, items: &[Item<'_>], verdicts: &mut Vec<bool>) {
        match &mut self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(ifma) => ifma.verify_each(items, verdicts),
            Backend::Portable(portable) => portable.verify_each(items, verdicts),
        }
        assert_eq!(verdicts.len(), items.len(), "each item has its verdict");
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        match &self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(ifma) => ifma.counters(),
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

    /// Whatever the machine has: the choice, the constructor and the way in all follow what `available` says.
    #[test]
    fn a_masked_build_has_the_portable_backend_only() {
        let available = BackendKind::Ifma.available();
        assert!(!(cfg!(portable_only) && available), "the mask hides it");
        assert_eq!(BackendKind::best(), if available { BackendKind::Ifma } else { BackendKind::Portable });
        let made = std::panic::catch_unwind(|| Verifier::new(BackendKind::Ifma, [1; 32]).backend());
        assert_eq!(made.ok(), available.then_some(BackendKind::Ifma));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(Features::detect().is_some(), available);
    }
}
