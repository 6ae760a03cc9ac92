//! What both sides of a run agree on: network, committee, and who votes for real.

use quittance_engine::committee::Committee;
use quittance_engine::message::RootContext;
use quittance_engine::network::NetworkId;
use quittance_verify::PublicKey;

/// The terms of one run. Members `0..live_count` run as processes; those from `live_count` to
/// `live_count + simulated_count` have their votes signed ahead of time; the rest of the committee takes no part.
#[derive(Debug)]
pub struct Terms {
    /// The network.
    pub network: NetworkId,
    /// What stands before a root in its signed message.
    pub context: RootContext,
    /// The members' keys, by index.
    pub keys: Vec<PublicKey>,
    /// The members' weights, by index. 1 each where votes are simulated.
    pub weights: Vec<u64>,
    /// The weight of votes that makes a certificate: 2f + 1 where each weighs 1.
    pub quorum: u64,
    /// Authorities that run as processes.
    pub live_count: usize,
    /// Authorities whose votes were signed ahead.
    pub simulated_count: usize,
    /// The longest path of a vote that fits a certificate of this committee.
    pub path_levels_max: usize,
}

impl Terms {
    /// Derives the terms: with `all_live` every member runs, otherwise the first does and 2f votes are simulated.
    ///
    /// # Panics
    /// If votes are to be simulated in a committee whose members do not weigh 1 each.
    pub fn new(network: NetworkId, committee: &Committee, all_live: bool) -> Self {
        let quorum = committee.quorum();
        let weights: Vec<u64> = committee.members().iter().map(|member| member.weight).collect();
        assert!(all_live || weights.iter().all(|weight| *weight == 1), "simulated voters are counted, not weighed");
        let live_count = if all_live { weights.len() } else { 1 };
        let voter_count = || usize::try_from(quorum).expect("weights are 1 and members few");
        Self {
            network,
            context: RootContext { network, epoch: committee.epoch(), committee: committee.digest() },
            keys: committee.members().iter().map(|member| member.key).collect(),
            weights,
            quorum,
            live_count,
            simulated_count: if all_live { 0 } else { voter_count().saturating_sub(live_count) },
            path_levels_max: committee.path_levels_max(),
        }
    }

    /// The weight of votes that must come from running authorities.
    pub fn live_votes(&self) -> u64 {
        self.quorum - self.simulated_count as u64
    }

    /// The weight of receipts that settles a payment: a quorum's, or, with one running authority, its own.
    pub fn receipts(&self) -> u64 {
        self.quorum.min(self.weight(self.live_mask()))
    }

    /// What the authorities of a mask weigh together.
    pub fn weight(&self, mask: u32) -> u64 {
        let weights = self.weights.iter().enumerate().filter(|(authority, _)| mask >> authority & 1 == 1);
        weights.map(|(_, weight)| weight).sum()
    }

    /// The mask with a bit for each running authority.
    pub fn live_mask(&self) -> u32 {
        u32::MAX >> (u32::BITS as usize - self.live_count)
    }
}
