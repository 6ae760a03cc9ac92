//! The same inputs give the same outputs, byte for byte.

use super::common::{Node, Payer, Random, World};
use crate::types::{Peer, TimeMs};

/// A mixed life of a shard: all that it sent, in order.
fn life(seed: u64) -> (Vec<(Peer, Vec<u8>)>, String) {
    let mut random = Random::new(seed);
    let world = World::of(4);
    let payers = Payer::many(20);
    let mut node = Node::funded(&world, &payers);
    let mut sent = Vec::new();
    for round in 0..30 {
        for _ in 0..20 {
            let (payer, recipient) = (random.pick(&payers), random.pick(&payers));
            let sequence = random.below(round / 4 + 2) as u64;
            let body = payer.body(&recipient.address, 1 + random.below(90) as u64, sequence);
            let mut datagram = match random.below(3) {
                0 => world.order(payer, body),
                1 => world.certify(&body),
                _ => world.query(&payer.address, sequence),
            };
            if random.once_in(5) {
                let place = random.below(datagram.len());
                datagram[place] ^= random.byte();
            }
            node.receive(&datagram);
        }
        let batch = node.take_batch();
        node.now = TimeMs(node.now.0 + 1);
        node.finish(batch);
        sent.extend(node.collect_frames());
    }
    (sent, format!("{:?} {:?}", node.accounts(), node.shard.counters()))
}

#[test]
fn equal_lives_leave_equal_bytes() {
    for seed in 1..4 {
        let (one, two) = (life(seed), life(seed));
        assert!(one.0.len() > 400, "{} replies, seed {seed}", one.0.len());
        assert!(one == two, "seed {seed}");
    }
    assert!(life(1) != life(2), "the seeds make a difference");
}
