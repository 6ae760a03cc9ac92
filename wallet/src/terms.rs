//! What all who pay on a network agree on: the network, its committee, and where its shards listen.

use crate::directory::Directory;
use quittance_engine::committee::{Committee, CommitteeFile, CommitteeFileError, MemberEntry};
use quittance_engine::message::RootContext;
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Peer, ShardIndex};
use quittance_net::frame::{Header, Kind};

/// The terms of a network. Authorities may have different weights and different numbers of shards.
#[derive(Clone, Debug)]
pub struct Terms {
    context: RootContext,
    committee: Committee,
    directory: Directory,
    total_weight: u64,
}

impl Terms {
    /// From a committee file and the network that its members serve.
    ///
    /// # Errors
    /// What is wrong with the file: [`CommitteeFileError`].
    pub fn new(network: NetworkId, file: &CommitteeFile) -> Result<Self, CommitteeFileError> {
        Ok(Self::of(network, file.committee()?, &file.members))
    }

    /// From a committee that was made elsewhere, and its members' entries by index.
    ///
    /// # Panics
    /// If there are more or fewer entries than members.
    pub fn of(network: NetworkId, committee: Committee, members: &[MemberEntry]) -> Self {
        assert_eq!(committee.members().len(), members.len(), "an entry for each member");
        let context = RootContext { network, epoch: committee.epoch(), committee: committee.digest() };
        let total_weight = committee.members().iter().map(|member| member.weight).sum();
        Self { context, committee, directory: Directory::new(members), total_weight }
    }

    /// The network.
    pub fn network(&self) -> &NetworkId {
        &self.context.network
    }

    /// What stands before a root in its signed message.
    pub fn context(&self) -> &RootContext {
        &self.context
    }

    /// The committee.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }

    /// Where everyone listens.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How many authorities there are.
    pub fn authority_count(&self) -> usize {
        self.committee.members().len()
    }

    /// Every authority's index.
    pub fn authorities(&self) -> impl Iterator<Item = u8> + use<> {
        0..u8::try_from(self.authority_count()).expect("a quorum of the lightest fits one datagram: they are few")
    }

    /// An authority's weight.
    pub fn weight(&self, authority: u8) -> u64 {
        self.committee.members()[usize::from(authority)].weight
    }

    /// The weight that proves a payment.
    pub fn quorum(&self) -> u64 {
        self.committee.quorum()
    }

    /// All authorities' weight.
    pub fn total_weight(&self) -> u64 {
        self.total_weight
    }

    /// The least weight without which there is no quorum: more than the faulty have, so one of these is honest. f + 1 where
    /// the total is 3f + 1.
    pub fn blocking_weight(&self) -> u64 {
        self.total_weight - self.quorum() + 1
    }

    /// Which shard of an authority holds an account.
    pub fn shard_of(&self, authority: u8, account: &Address) -> ShardIndex {
        self.network().shard_of(account, self.directory.shard_count(authority.into()))
    }

    /// Where an authority is asked about an account.
    pub fn peer(&self, authority: u8, account: &Address) -> Peer {
        self.directory.address(authority.into(), self.shard_of(authority, account).0)
    }

    /// The header of a frame to an authority about an account.
    pub fn header(&self, kind: Kind, authority: u8, account: &Address) -> Header {
        Header::new(kind, self.shard_of(authority, account).0, self.network().tag())
    }
}
