//! Who checks signatures here: the backends of `quittance-verify`, and ed25519-dalek by itself.

use super::pool::Batch;
use core::fmt;
use ed25519_dalek::Verifier as _;
use quittance_verify::{BackendKind, Verifier};

/// Of the batches' random weights. Fixed, since nobody forges here.
const SEED: [u8; 32] = [0x33; 32];

/// A contender's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// One of our backends.
    Ours(BackendKind),
    /// ed25519-dalek's own checks.
    Dalek,
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(kind) => kind.fmt(out),
            Self::Dalek => out.pad("dalek"),
        }
    }
}

/// One who checks signatures, with what memory it keeps between calls.
pub struct Contender {
    judge: Judge,
    verdicts: Vec<bool>,
}

enum Judge {
    Ours(Verifier),
    Dalek,
    /// A planted bug: accepts whatever comes.
    #[cfg(test)]
    Believer,
    /// A planted bug: refuses whatever comes.
    #[cfg(test)]
    Denier,
}

impl Contender {
    /// Every backend that this machine can run, the fastest first, then ed25519-dalek.
    pub fn all() -> Vec<Self> {
        let kinds = BackendKind::ALL.iter().copied().filter(|kind| kind.available());
        let ours = kinds.map(|kind| Judge::Ours(Verifier::new(kind, SEED)));
        ours.chain([Judge::Dalek]).map(|judge| Self { judge, verdicts: Vec::new() }).collect()
    }

    /// What it is called.
    pub fn name(&self) -> Name {
        match &self.judge {
            Judge::Ours(verifier) => Name::Ours(verifier.backend()),
            _ => Name::Dalek,
        }
    }

    /// Whether every signature is good. One is checked by the call for one, more by the call for batches.
    pub fn accepts_all(&mut self, batch: Batch<'_>) -> bool {
        match &mut self.judge {
            Judge::Ours(verifier) => {
                if let [item] = batch.items {
                    return verifier.verify(*item);
                }
                verifier.verify_batch(batch.items, &mut self.verdicts);
                self.verdicts.iter().all(|verdict| *verdict)
            }
            Judge::Dalek => dalek_accepts_all(batch),
            #[cfg(test)]
            Judge::Believer => true,
            #[cfg(test)]
            Judge::Denier => false,
        }
    }

    /// Whether it finds that the signature at `bad_index` is bad, and no other; ed25519-dalek, whose batches have a single
    /// verdict, that not all are good.
    pub fn refuses_exactly(&mut self, batch: Batch<'_>, bad_index: usize) -> bool {
        let refuses = !self.accepts_all(batch);
        match &self.judge {
            Judge::Ours(_) if batch.items.len() > 1 => {
                let mut verdicts = self.verdicts.iter().enumerate();
                refuses && verdicts.all(|(index, verdict)| *verdict == (index != bad_index))
            }
            _ => refuses,
        }
    }
}

fn dalek_accepts_all(batch: Batch<'_>) -> bool {
    match (batch.messages, batch.dalek_signatures, batch.dalek_keys) {
        ([message], [signature], [key]) => key.verify(message, signature).is_ok(),
        (messages, signatures, keys) => ed25519_dalek::verify_batch(messages, signatures, keys).is_ok(),
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Contender({})", self.name())
    }
}

#[cfg(test)]
impl Contender {
    pub(super) fn believer() -> Self {
        Self { judge: Judge::Believer, verdicts: Vec::new() }
    }

    pub(super) fn denier() -> Self {
        Self { judge: Judge::Denier, verdicts: Vec::new() }
    }
}
