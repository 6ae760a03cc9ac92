//! What is the same all through a run: committee, network, accounts.

use super::signatures::Keys;
use super::swarm::Swarm;
use quittance_engine::committee::{Committee, Member, MemberEntry};
use quittance_engine::message::RootContext;
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Amount, ShardIndex};
use quittance_wallet::terms::Terms;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Accounts that a thief owns: one that he locked for ever is not the end of him.
pub const ACCOUNTS_PER_THIEF: usize = 3;
/// Accounts that only receive, and that no genesis file opens.
pub const SINK_COUNT: usize = 12;
/// What genesis gives to an account: so little that it matters whether payments are funded.
pub const OPENING: u64 = 1_000;
/// Where shard 0 of each authority listens.
const SHARD_PORT: u16 = 2_000;
/// The first key of an account; those before belong to the committee.
const FIRST_ACCOUNT_KEY: usize = 7;

/// See the module's docs.
#[derive(Debug)]
pub struct Ground {
    /// Network and committee, as signed.
    pub context: RootContext,
    /// The committee.
    pub committee: Arc<Committee>,
    /// The same for wallets, and where every shard is.
    pub wallet_terms: Terms,
    /// Shards by authority.
    pub shard_counts: Vec<u16>,
    /// Members that do not lie; they come first.
    pub honest_count: usize,
    /// Weight of one member that may lie and all others that may.
    pub fault_count: usize,
    /// First the payers', then the thieves', then sinks.
    pub accounts: Vec<Address>,
    /// How many of them have keys, and money at first.
    pub funded_count: usize,
    /// How many belong to honest payers.
    pub payer_count: usize,
    by_address: BTreeMap<Address, usize>,
}

impl Ground {
    /// The ground of a world with these rates.
    pub fn new(seed: u64, swarm: &Swarm, keys: &Keys) -> Self {
        let members = (0..swarm.member_count).map(|index| Member { key: keys.public(index), weight: 1 }).collect();
        let committee = Arc::new(Committee::new(1, members).expect("distinct keys of equal weight, 7 at most"));
        let entry = |index: usize| MemberEntry {
            key: keys.address(index),
            host: [10, 1, 0, u8::try_from(index).expect("7 members at most")].into(),
            hosts: Vec::new(),
            port: SHARD_PORT,
            shards: swarm.shard_counts[index],
            weight: 1,
        };
        let entries: Vec<MemberEntry> = (0..swarm.member_count).map(entry).collect();
        let network = NetworkId::of_genesis(&seed.to_le_bytes());
        let funded_count = swarm.payer_count + swarm.thief_count * ACCOUNTS_PER_THIEF;
        let owned = (0..funded_count).map(|account| keys.address(key_of(account)));
        let sinks = (0..SINK_COUNT).map(|sink| *blake3::hash(&[sink.to_le_bytes(), [9; 8]].concat()).as_bytes());
        let accounts: Vec<Address> = owned.chain(sinks).collect();
        Self {
            context: RootContext { network, epoch: committee.epoch(), committee: committee.digest() },
            wallet_terms: Terms::of(network, (*committee).clone(), &entries),
            shard_counts: swarm.shard_counts.clone(),
            honest_count: swarm.honest_count(),
            fault_count: swarm.fault_count(),
            by_address: accounts.iter().enumerate().map(|(index, address)| (*address, index)).collect(),
            accounts,
            funded_count,
            payer_count: swarm.payer_count,
            committee,
        }
    }

    /// The account with this address.
    pub fn account(&self, address: &Address) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    /// Which of an authority's shards has the account.
    pub fn shard_of(&self, authority: usize, address: &Address) -> ShardIndex {
        self.context.network.shard_of(address, self.shard_counts[authority])
    }

    /// What genesis opens on a shard.
    pub fn openings(&self, authority: usize, shard: ShardIndex) -> impl Iterator<Item = (Address, Amount)> {
        let is_here = move |address: &&Address| self.shard_of(authority, address) == shard;
        self.accounts[..self.funded_count].iter().filter(is_here).map(|address| (*address, Amount(OPENING)))
    }

    /// All money there is.
    pub fn supply(&self) -> i128 {
        i128::from(OPENING) * self.funded_count as i128
    }

    /// Votes that make a certificate.
    pub fn quorum(&self) -> usize {
        usize::try_from(self.committee.quorum()).expect("7 members of weight 1")
    }
}

/// The key that owns a funded account.
pub fn key_of(account: usize) -> usize {
    FIRST_ACCOUNT_KEY + account
}
