//! The datagrams of hostile sources, made from honest ones.

use super::mix::Trick;
use crate::random::{Draws, Purpose, generator};
use quittance_engine::types::Peer;
use quittance_net::frame::{FRAME_BYTES_MAX, Header, Info, Kind, Order, Proof, RejectionHead, ReplyHead, U16};
use quittance_wallet::directory::{Directory, Source};

/// Honest datagrams kept for later: some tens of milliseconds of a fast run, a quarter of a megabyte.
const KEPT_COUNT: usize = 256;
/// One of so many is kept, so that they go back a while.
const KEPT_EVERY: u32 = 16;

/// Makes one trick's next datagram at a time.
#[derive(Debug)]
pub(super) struct Forge {
    directory: Directory,
    draws: Draws,
    kept: Vec<Kept>,
    seen_count: u32,
    out: [u8; FRAME_BYTES_MAX],
}

/// An honest datagram, and where it went.
#[derive(Clone, Copy, Debug)]
struct Kept {
    to: Peer,
    length: usize,
    bytes: [u8; FRAME_BYTES_MAX],
}

impl Forge {
    pub(super) fn new(directory: Directory, run_seed: u64) -> Self {
        Self {
            directory,
            draws: generator(run_seed, Purpose::Hostile),
            kept: Vec::with_capacity(KEPT_COUNT),
            seen_count: 0,
            out: [0; FRAME_BYTES_MAX],
        }
    }

    /// Sees an honest datagram, and keeps some of them: the very first, then every so many, the oldest giving way.
    pub(super) fn keep(&mut self, to: Peer, datagram: &[u8]) {
        let seen_count = self.seen_count;
        self.seen_count = seen_count.wrapping_add(1);
        if !seen_count.is_multiple_of(KEPT_EVERY) {
            return;
        }
        let mut kept = Kept { to, length: datagram.len(), bytes: [0; FRAME_BYTES_MAX] };
        kept.bytes[..datagram.len()].copy_from_slice(datagram);
        let place = (seen_count / KEPT_EVERY) as usize % KEPT_COUNT;
        match self.kept.get_mut(place) {
            Some(oldest) => *oldest = kept,
            None => self.kept.push(kept),
        }
    }

    /// A trick's next datagram, beside an honest order that goes `to` there. It is good until the next one is made.
    pub(super) fn make(&mut self, trick: Trick, to: Peer, order: &Order) -> (Peer, &[u8]) {
        match trick {
            Trick::BadSignature => (to, self.with_bad_signature(order)),
            Trick::Garbage => (to, self.garbage(order)),
            Trick::Replay => self.replay(),
            Trick::WrongShard => self.at_wrong_shard(to, order),
        }
    }

    fn with_bad_signature(&mut self, order: &Order) -> &[u8] {
        let mut bad = *order;
        // A bit of S low enough that S stays below L: the signature looks in order, and the equation does not hold.
        bad.signature[40] ^= 1;
        self.put(bytemuck::bytes_of(&bad))
    }

    fn garbage(&mut self, order: &Order) -> &[u8] {
        match self.draws.below(3) {
            0 => self.noise(),
            1 => self.cut(order),
            _ => self.reply(order),
        }
    }

    /// Of any length that a frame can have.
    fn noise(&mut self) -> &[u8] {
        let length = 1 + self.below(FRAME_BYTES_MAX);
        self.draws.fill(&mut self.out[..length]);
        &self.out[..length]
    }

    fn cut(&mut self, order: &Order) -> &[u8] {
        let length = 1 + self.below(size_of::<Order>() - 1);
        self.put(&bytemuck::bytes_of(order)[..length])
    }

    /// Well formed, of this network, and nothing that an authority is sent.
    fn reply(&mut self, order: &Order) -> &[u8] {
        let header = |kind| Header { kind: kind as u8, ..order.header };
        let mut digest = [0; 32];
        self.draws.fill(&mut digest);
        let proof = Proof {
            root_signature: order.signature,
            leaf_index: U16::new(0),
            authority: 0,
            path_count: 0,
            padding: [0; 4],
        };
        match self.draws.below(4) {
            0 => self.put(bytemuck::bytes_of(&ReplyHead { header: header(Kind::Vote), digest, proof })),
            1 => self.put(bytemuck::bytes_of(&ReplyHead { header: header(Kind::Receipt), digest, proof })),
            2 => {
                let zeroed = <RejectionHead as bytemuck::Zeroable>::zeroed();
                self.put(bytemuck::bytes_of(&RejectionHead {
                    header: header(Kind::Rejection),
                    subject: digest,
                    code: 1,
                    ..zeroed
                }))
            }
            _ => {
                let zeroed = <Info as bytemuck::Zeroable>::zeroed();
                self.put(bytemuck::bytes_of(&Info { header: header(Kind::Info), account: digest, ..zeroed }))
            }
        }
    }

    /// Any of those kept. The order that goes out just now was seen already, so there is one.
    fn replay(&mut self) -> (Peer, &[u8]) {
        let place = self.below(self.kept.len());
        let kept = &self.kept[place];
        (kept.to, &kept.bytes[..kept.length])
    }

    /// At the next shard of the same authority. If it has only one, the order itself names another.
    fn at_wrong_shard(&mut self, to: Peer, order: &Order) -> (Peer, &[u8]) {
        let Source { authority, shard } = self.directory.source(to).expect("honest orders go to shards");
        match self.directory.shard_count(authority.into()) {
            1 => {
                let header = Header { shard: U16::new(shard + 1), ..order.header };
                (to, self.put(bytemuck::bytes_of(&Order { header, ..*order })))
            }
            count => {
                let wrong = self.directory.address(authority.into(), (shard + 1) % count);
                (wrong, self.put(bytemuck::bytes_of(order)))
            }
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.draws.below(u32::try_from(bound).expect("lengths and counts are small")) as usize
    }

    fn put(&mut self, bytes: &[u8]) -> &[u8] {
        self.out[..bytes.len()].copy_from_slice(bytes);
        &self.out[..bytes.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fixture;
    use quittance_net::frame::{Frame, parse};

    /// So many datagrams of a trick, made beside the orders of a small run.
    fn forged(fixture: &Fixture, run_seed: u64, trick: Trick, count: u32) -> Vec<(Peer, Vec<u8>)> {
        let mut forge = Forge::new(fixture.directory.clone(), run_seed);
        let orders =
            (0..count).map(|index| fixture.workload.orders.frame(index % fixture.workload.plan.payment_count()));
        let make = |order: &Order| {
            let to = fixture.directory.address(0, order.header.shard.get());
            forge.keep(to, bytemuck::bytes_of(order));
            let (to, datagram) = forge.make(trick, to, order);
            (to, datagram.to_vec())
        };
        orders.map(make).collect()
    }

    #[test]
    fn the_seed_fixes_what_is_sent_and_another_seed_sends_other_things() {
        let fixture = Fixture::new(4, false, 20, 60);
        for trick in [Trick::Garbage, Trick::Replay] {
            let of = |seed| forged(&fixture, seed, trick, 200);
            assert_eq!(of(1), of(1));
            assert_ne!(of(1), of(2));
        }
    }

    #[test]
    fn garbage_is_noise_cut_frames_and_replies_and_never_a_request() {
        let fixture = Fixture::new(4, false, 20, 60);
        let all = forged(&fixture, 1, Trick::Garbage, 600);
        let mut kinds = [0; 5];
        for (_, datagram) in &all {
            let place = match parse(datagram) {
                Err(_) => 0,
                Ok(Frame::Vote(_)) => 1,
                Ok(Frame::Receipt(_)) => 2,
                Ok(Frame::Rejection(_)) => 3,
                Ok(Frame::Info(_)) => 4,
                Ok(request) => panic!("{request:?}"),
            };
            kinds[place] += 1;
        }
        // Two thirds are no frames, and each reply is a twelfth.
        assert!((350..450).contains(&kinds[0]) && kinds[1..].iter().all(|count| (25..80).contains(count)), "{kinds:?}");
        let lengths: std::collections::BTreeSet<usize> = all.iter().map(|(_, datagram)| datagram.len()).collect();
        assert!(lengths.len() > 200 && *lengths.last().unwrap() > 1_300, "{}", lengths.len());
    }

    #[test]
    fn replays_are_honest_datagrams_that_went_there() {
        let fixture = Fixture::new(4, false, 20, 60);
        for (to, datagram) in forged(&fixture, 1, Trick::Replay, 300) {
            let order: &Order = bytemuck::from_bytes(&datagram);
            assert_eq!(to, fixture.directory.address(0, order.header.shard.get()));
            let honest = (0..60).any(|payment| bytemuck::bytes_of(fixture.workload.orders.frame(payment)) == datagram);
            assert!(honest);
        }
    }

    #[test]
    fn an_order_at_the_wrong_shard_is_honest_but_for_that() {
        let fixture = Fixture::new(4, false, 20, 60);
        for (to, datagram) in forged(&fixture, 1, Trick::WrongShard, 60) {
            let order: &Order = bytemuck::from_bytes(&datagram);
            let right = fixture.terms.network.shard_of(&order.body.sender, 2).0;
            assert_eq!(to, fixture.directory.address(0, 1 - right));
        }
    }
}
