//! Sources whose signatures failed lately: what they send is checked one by one.
//!
//! One bad signature makes a whole batch fail, and then every signature of that batch is checked by itself. A source that
//! sends one bad signature with each batch would so take away what batches gain, for everybody. In quarantine a source
//! delays nobody but itself: its signatures stay out of the batches of others until it has sent no bad one for a while.
//!
//! A source is an IP address, without the port: ports cost nothing. Of IPv6 only the first 64 bits count, since hosts are
//! given that many to choose from. Who forges another's address gets that one into quarantine; all that happens to it is that
//! its signatures cost the authority more.

use crate::types::{Peer, TimeMs};
use core::hash::Hasher;
use core::net::IpAddr;
use siphasher::sip::SipHasher13;

/// Slots of the table. Sources that share one share its fate, which costs time and nothing else; with a thousand bad sources
/// at once a quarter of all good ones would.
const SLOT_COUNT: usize = 4_096;

/// How long a source stays after its last bad signature where the operator says nothing else, milliseconds: long against a
/// batch, short for someone who mends his software.
pub const QUARANTINE_MS: u64 = 10_000;

/// The table: when the quarantine of whoever falls into a slot ends.
#[derive(Clone, Debug)]
pub struct Quarantine {
    ends: Vec<TimeMs>,
    duration_ms: u64,
    hash_key: [u8; 16],
}

impl Quarantine {
    /// Nobody is in quarantine. A source stays for `duration_ms` after its last bad signature; 0: nobody ever is. `hash_key`
    /// is secret, so that nobody can choose whose slot to share.
    pub fn new(duration_ms: u64, hash_key: [u8; 16]) -> Self {
        Self { ends: vec![TimeMs(0); SLOT_COUNT], duration_ms, hash_key }
    }

    /// Whether what this peer sends is to be checked one by one.
    pub fn holds(&self, now: TimeMs, peer: &Peer) -> bool {
        now < self.ends[self.slot(peer)]
    }

    /// A signature that this peer sent is bad. Returns whether its quarantine begins with this one.
    pub fn begin(&mut self, now: TimeMs, peer: &Peer) -> bool {
        let slot = self.slot(peer);
        let begins = self.duration_ms > 0 && now >= self.ends[slot];
        // A clock at the end of its range cannot be: whatever it says, this ends no later than that.
        self.ends[slot] = TimeMs(now.0.saturating_add(self.duration_ms));
        begins
    }

    fn slot(&self, peer: &Peer) -> usize {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        match peer.ip().to_canonical() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()[..8]),
        }
        usize::try_from(hasher.finish() % SLOT_COUNT as u64).expect("below SLOT_COUNT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        text.parse().unwrap()
    }

    #[test]
    fn a_quarantine_ends_a_while_after_the_last_bad_signature() {
        let (mut quarantine, source) = (Quarantine::new(QUARANTINE_MS, [1; 16]), peer("10.0.0.1:5"));
        assert!(!quarantine.holds(TimeMs(1_000), &source));
        assert!(quarantine.begin(TimeMs(1_000), &source));
        assert!(!quarantine.begin(TimeMs(3_000), &source), "it goes on");
        assert!(quarantine.holds(TimeMs(3_000 + QUARANTINE_MS - 1), &source));
        assert!(!quarantine.holds(TimeMs(3_000 + QUARANTINE_MS), &source));
        assert!(quarantine.begin(TimeMs(3_000 + QUARANTINE_MS), &source), "a new one");
    }

    #[test]
    fn without_a_duration_nobody_is_in_quarantine() {
        let (mut quarantine, source) = (Quarantine::new(0, [1; 16]), peer("10.0.0.1:5"));
        assert!(!quarantine.begin(TimeMs(7), &source));
        assert!(!quarantine.holds(TimeMs(7), &source));
    }

    #[test]
    fn another_port_is_the_same_source_and_another_address_is_not() {
        let mut quarantine = Quarantine::new(QUARANTINE_MS, [2; 16]);
        quarantine.begin(TimeMs(0), &peer("10.0.0.1:5"));
        quarantine.begin(TimeMs(0), &peer("[2001:db8::1]:5"));
        for same in ["10.0.0.1:6", "[::ffff:10.0.0.1]:7", "[2001:db8::2]:5"] {
            assert!(quarantine.holds(TimeMs(1), &peer(same)), "{same}");
        }
        for other in ["10.0.0.2:5", "[2001:db8:0:1::1]:5"] {
            assert!(!quarantine.holds(TimeMs(1), &peer(other)), "{other}");
        }
    }

    #[test]
    fn few_of_many_good_sources_share_the_slot_of_a_bad_one() {
        let mut quarantine = Quarantine::new(QUARANTINE_MS, [3; 16]);
        (0..40).for_each(|host| _ = quarantine.begin(TimeMs(0), &peer(&format!("10.0.0.{host}:5"))));
        let shared = (0..10_000_u32).filter(|host| {
            let ip = core::net::Ipv4Addr::from_bits(0x0b00_0000 + host);
            quarantine.holds(TimeMs(1), &Peer::from((ip, 5)))
        });
        let count = shared.count();
        assert!((20..300).contains(&count), "40 of 4,096 slots catch about 98 of 10,000: {count}");
    }
}
