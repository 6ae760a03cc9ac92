//! Where each shard of each authority listens, and who a datagram's source is.

use quittance_engine::committee::MemberEntry;
use quittance_engine::types::{Peer, ShardIndex};

/// The shards' addresses, both ways. Authorities may have different numbers of shards.
#[derive(Clone, Debug)]
pub struct Directory {
    /// By authority, then by shard.
    addresses: Vec<Vec<Peer>>,
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
    /// From the entries of a committee file, by index.
    pub fn new(members: &[MemberEntry]) -> Self {
        let shards =
            |member: &MemberEntry| (0..member.shards).map(|shard| member.address_of(ShardIndex(shard))).collect();
        let addresses: Vec<Vec<Peer>> = members.iter().map(shards).collect();
        let mut sources: Vec<(Peer, Source)> = (0..)
            .zip(&addresses)
            .flat_map(|(authority, shards)| {
                (0..).zip(shards).map(move |(shard, address)| (*address, Source { authority, shard }))
            })
            .collect();
        sources.sort_unstable();
        Self { addresses, sources }
    }

    /// How many shards an authority has.
    pub fn shard_count(&self, authority: usize) -> u16 {
        u16::try_from(self.addresses[authority].len()).expect("made from 16-bit counts")
    }

    /// Where a shard listens.
    pub fn address(&self, authority: usize, shard: u16) -> Peer {
        self.addresses[authority][usize::from(shard)]
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
        let host = "127.0.0.1".parse().unwrap();
        let at = |port| Peer::new(host, port);
        let member = |port, shards| MemberEntry { key: [0; 32], host, hosts: Vec::new(), port, shards, weight: 1 };
        let directory = Directory::new(&[member(9_000, 3), member(8_000, 1), member(8_500, 2)]);
        for (authority, base, shards) in [(0, 9_000, 3), (1, 8_000, 1), (2, 8_500, 2)] {
            assert_eq!(directory.shard_count(authority.into()), shards);
            for shard in 0..shards {
                let address = directory.address(authority.into(), shard);
                assert_eq!(address, at(base + shard));
                assert_eq!(directory.source(address), Some(Source { authority, shard }));
            }
        }
        assert_eq!(directory.source(at(9_003)), None);
        assert_eq!(directory.source(at(8_001)), None);
        assert_eq!(directory.source(Peer::new("127.0.0.2".parse().unwrap(), 9_000)), None);
    }
}
