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
    /// Votes that make a certificate: 2f + 1.
    pub quorum: usize,
    /// Authorities that run as processes.
    pub live_count: usize,
    /// Authorities whose votes were signed ahead.
    pub simulated_count: usize,
    /// Shards of each authority.
    pub shard_count: u16,
    /// The longest path of a vote that fits a certificate of this committee.
    pub path_levels_max: usize,
}

impl Terms {
    /// Derives the terms: with `all_live` every member runs, otherwise the first does and 2f votes are simulated.
    pub fn new(network: NetworkId, committee: &Committee, shard_count: u16, all_live: bool) -> Self {
        let quorum = usize::try_from(committee.quorum()).expect("weights are 1 and members few");
        let member_count = committee.members().len();
        let live_count = if all_live { member_count } else { 1 };
        Self {
            network,
            context: RootContext { network, epoch: committee.epoch(), committee: committee.digest() },
            keys: committee.members().iter().map(|member| member.key).collect(),
            quorum,
            live_count,
            simulated_count: quorum.saturating_sub(live_count),
            shard_count,
            path_levels_max: committee.path_levels_max(),
        }
    }

    /// Votes that must come from running authorities.
    pub fn live_votes(&self) -> usize {
        self.quorum - self.simulated_count
    }

    /// Receipts that settle a payment: a quorum's, or, with one running authority, its own.
    pub fn receipts(&self) -> usize {
        self.quorum.min(self.live_count)
    }

    /// The mask with a bit for each running authority.
    pub fn live_mask(&self) -> u32 {
        u32::MAX >> (u32::BITS as usize - self.live_count)
    }
}
