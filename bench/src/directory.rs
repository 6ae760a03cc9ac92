//! Where each shard of each running authority listens, and who a datagram's source is.

use quittance_engine::types::Peer;

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
    /// From the address of shard 0 of each running authority; shard i listens i ports above.
    pub fn new(first_shards: &[Peer], shard_count: u16) -> Self {
        let mut addresses = Vec::new();
        let mut sources = Vec::new();
        for (authority, first) in (0..).zip(first_shards) {
            for shard in 0..shard_count {
                let port = first.port().checked_add(shard).expect("ports were found free, so they exist");
                let address = Peer::new(first.ip(), port);
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
        let directory = Directory::new(&[first(9_000), first(8_000)], 3);
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
