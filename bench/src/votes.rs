//! Votes of authorities that do not run: signed ahead with keys that the generator holds.

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::parallel;
use crate::progress::Progress;
use crate::terms::Terms;
use quittance_engine::message::vote_leaf;
use quittance_engine::types::Digest;
use quittance_net::frame::{Hash, Proof, U16};
use quittance_verify::{SecretKey, tree};

/// Votes in batches of neighbours in the order of sending, as an authority under load would make them.
///
/// A vote's leaf does not say who votes, so one tree per batch serves all voters; only the root's signatures differ. Kept
/// are a path per payment and a signature per batch and voter.
#[derive(Debug)]
pub struct SimulatedVotes {
    batch_count_max: usize,
    voter_first: u8,
    voter_count: usize,
    batches: Vec<Batch>,
}

#[derive(Clone, Debug)]
struct Batch {
    level_count: usize,
    /// Per payment of the batch, `level_count` hashes, bottom up.
    paths: Vec<Hash>,
    /// By voter.
    root_signatures: Vec<[u8; 64]>,
}

impl SimulatedVotes {
    /// Signs votes for all digests by `keys`, the members from `terms.live_count` on, in trees of `batch_count_max`.
    ///
    /// # Errors
    /// [`BenchError::Interrupted`].
    pub fn sign(
        digests: &[Digest],
        terms: &Terms,
        keys: &[SecretKey],
        batch_count_max: usize,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Self, BenchError> {
        assert_eq!(keys.len(), terms.simulated_count, "a key for each simulated voter");
        assert!(tree::levels(batch_count_max) <= terms.path_levels_max, "such paths fit no certificate");
        let empty = Batch { level_count: 0, paths: Vec::new(), root_signatures: Vec::new() };
        let batch_count = if keys.is_empty() { 0 } else { digests.len().div_ceil(batch_count_max) };
        let mut batches = vec![empty; batch_count];
        parallel::fill(&mut batches, progress, interrupt, |index, batch| {
            let start = index as usize * batch_count_max;
            let end = digests.len().min(start + batch_count_max);
            *batch = Batch::sign(&digests[start..end], terms, keys);
        })?;
        let voter_first = u8::try_from(terms.live_count).expect("committees are small");
        Ok(Self { batch_count_max, voter_first, voter_count: keys.len(), batches })
    }

    /// How many voters are simulated.
    pub fn voter_count(&self) -> usize {
        self.voter_count
    }

    /// Writes all simulated votes for a payment to the start of `out`, each a proof and its path. Returns their length.
    ///
    /// # Panics
    /// If `out` is too short: certificates of this committee have room for them.
    pub fn write(&self, payment: u32, out: &mut [u8]) -> usize {
        if self.voter_count == 0 {
            return 0;
        }
        let payment = payment as usize;
        let (batch, leaf) = (&self.batches[payment / self.batch_count_max], payment % self.batch_count_max);
        let path = &batch.paths[leaf * batch.level_count..][..batch.level_count];
        let mut end = 0;
        for (voter, root_signature) in (self.voter_first..).zip(&batch.root_signatures) {
            let proof = Proof {
                root_signature: *root_signature,
                leaf_index: U16::new(u16::try_from(leaf).expect("a tree's leaf index has 16 bits")),
                authority: voter,
                path_count: u8::try_from(batch.level_count).expect("a tree has at most 16 levels"),
                padding: [0; 4],
            };
            end = put(out, end, bytemuck::bytes_of(&proof));
            end = put(out, end, bytemuck::cast_slice(path));
        }
        end
    }
}

fn put(out: &mut [u8], start: usize, bytes: &[u8]) -> usize {
    out[start..start + bytes.len()].copy_from_slice(bytes);
    start + bytes.len()
}

impl Batch {
    fn sign(digests: &[Digest], terms: &Terms, keys: &[SecretKey]) -> Self {
        let leaves: Vec<Hash> = digests.iter().map(vote_leaf).collect();
        let mut tree = tree::Tree::with_capacity(leaves.len());
        let root = tree.build(&leaves);
        let level_count = tree.levels();
        let mut paths = vec![[0; 32]; leaves.len() * level_count];
        if level_count > 0 {
            paths.chunks_mut(level_count).enumerate().for_each(|(leaf, path)| tree.path(leaf, path));
        }
        let message = terms.context.message(&root);
        Self { level_count, paths, root_signatures: keys.iter().map(|key| key.sign(&message)).collect() }
    }
}
