//! Where each shard of each running authority listens, and who a datagram's source is.

use quittance_engine::committee::MemberEntry;
use quittance_engine::types::{Peer, ShardIndex};

/// The shards' addresses, both ways.
#[derive(Debug)]
pub struct Directory {
    shard_count: u16,
    /// By authority, then by shard.
    addresses: Vec<Peer>,
    /// Sorted by address.
    sources: Vec<(Peer, Source)>,
}

/// Who sent a datagram, as far as its source address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The authority's index.
    pub authority: u8,
    /// The shard's index.
    pub shard: u16,
}

impl Directory {
    /// From the running authorities' entries in the committee file. All have so many shards.
    pub fn new(members: &[MemberEntry], shard_count: u16) -> Self {
        let mut addresses = Vec::new();
        let mut sources = Vec::new();
        for (authority, member) in (0..).zip(members) {
            for shard in 0..shard_count {
                let address = member.address_of(ShardIndex(shard));
                addresses.push(address);
                sources.push((address, Source { authority, shard }));
            }
        }
        sources.sort_unstable();
        Self { shard_count, addresses, sources }
    }

    /// Where a shard listens.
    pub fn address(&self, authority: usize, shard: u16) -> Peer {
        self.addresses[authority * usize::from(self.shard_count) + usize::from(shard)]
    }

    /// The shard that has this address.
    pub fn source(&self, peer: Peer) -> Option<Source> {
        let found = self.sources.binary_search_by(|(address, _)| address.cmp(&peer)).ok()?;
        Some(self.sources[found].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_found_by_its_address_and_strangers_are_not() {
        let first = |port| Peer::new("127.0.0.1".parse().unwrap(), port);
        let host = "127.0.0.1".parse().unwrap();
        let member = |port| MemberEntry { key: [0; 32], host, hosts: Vec::new(), port, shards: 3, weight: 1 };
        let directory = Directory::new(&[member(9_000), member(8_000)], 3);
        for (authority, base) in [(0, 9_000), (1, 8_000)] {
            for shard in 0..3 {
                let address = directory.address(usize::from(authority), shard);
                assert_eq!(address, first(base + shard));
                assert_eq!(directory.source(address), Some(Source { authority, shard }));
            }
        }
        assert_eq!(directory.source(first(9_003)), None);
        assert_eq!(directory.source(Peer::new("127.0.0.2".parse().unwrap(), 9_000)), None);
    }
}
