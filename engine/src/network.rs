//! Which network, and which shard of an authority holds an account.

use crate::types::{Address, ShardIndex};
use core::hash::Hasher;
use quittance_net::frame::U64;
use siphasher::sip::SipHasher24;

/// A network's name: the digest of its genesis file. Every signed message contains it, so nothing signed for one network
/// means anything on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkId(pub [u8; 32]);

impl NetworkId {
    /// The id of the network that starts from this genesis file.
    pub fn of_genesis(file: &[u8]) -> Self {
        Self(blake3::derive_key("quittance 2026 network id: digest of the genesis file", file))
    }

    /// The first eight bytes, as frames carry them.
    pub fn tag(&self) -> u64 {
        let tag: &[u8; 8] = self.0.first_chunk().expect("32 bytes hold 8");
        u64::from_le_bytes(*tag)
    }

    /// The shard, of `shard_count`, that holds an account: SipHash-2-4 of the address under a key from the network id,
    /// scaled to the shard count. Payers compute it too, so the key is no secret: it only keeps networks apart.
    pub fn shard_of(&self, address: &Address, shard_count: u16) -> ShardIndex {
        let key: &[u8; 16] = self.0.last_chunk().expect("32 bytes hold 16");
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(address);
        let scaled = (u128::from(hasher.finish()) * u128::from(shard_count)) >> 64;
        ShardIndex(u16::try_from(scaled).expect("the product is below shard_count << 64"))
    }

    /// The tag as a frame's header holds it.
    pub fn tag_field(&self) -> U64 {
        U64::new(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_spread_evenly_over_shards() {
        let network = NetworkId::of_genesis(b"a network");
        let mut counts = [0_u32; 7];
        for account in 0..70_000_u32 {
            let mut address = [0; 32];
            address[..4].copy_from_slice(&account.to_le_bytes());
            counts[network.shard_of(&address, 7).index()] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_same_address_lies_elsewhere_on_another_network() {
        let (one, two) = (NetworkId::of_genesis(b"one"), NetworkId::of_genesis(b"two"));
        let moved =
            (0..=u8::MAX).filter(|byte| one.shard_of(&[*byte; 32], 16) != two.shard_of(&[*byte; 32], 16)).count();
        assert!(moved > 200, "{moved}");
        assert_ne!(one.tag(), two.tag());
    }

    #[test]
    fn one_shard_holds_everything() {
        assert_eq!(NetworkId([9; 32]).shard_of(&[255; 32], 1), ShardIndex(0));
    }
}
