//! Datagrams that mean harm: no panic, no change, no answer that they do not deserve.

use super::common::{AccountState, FUNDS, Node, Payer, Random, World};
use crate::types::Address;
use quittance_net::frame::{Malformed, OrderBody};
use std::collections::BTreeMap;

const BURST_COUNT: usize = 100;
const BURST: usize = 200;

/// What the hostile datagrams are made of: frames of every sort, none of which may change an account as it stands.
struct Ammunition {
    frames: Vec<Vec<u8>>,
}

impl Ammunition {
    fn new(world: &World, payers: &[Payer], node: &mut Node) -> Self {
        let mut frames = Vec::new();
        for payer in payers {
            let body = payer.body(&payers[0].address, 3, 0);
            let mut order = world.sign(payer, body);
            // Two bytes, so that no one change undoes it.
            order.signature[17] ^= 4;
            order.signature[50] ^= 1;
            frames.push(bytemuck::bytes_of(&order).to_vec());
            // Two good votes; the third is forged, so that no change elsewhere completes the quorum.
            let mut votes: Vec<_> = [1, 2, 3].map(|authority| world.votes_by(authority, &[body]).remove(0)).to_vec();
            votes[2][5] ^= 0x20;
            votes[2][41] ^= 1;
            frames.push(world.certificate(&body, &votes));
            frames.push(world.certificate(&body, &votes[..2]));
            frames.push(world.query(&payer.address, 1));
            frames.push(world.history_query(&payer.address, |_| ()));
        }
        // Replies, as a reflecting peer would send them.
        node.receive_all(&frames);
        let batch = node.take_batch();
        node.finish(batch);
        frames.extend(node.collect_frames().into_iter().map(|(_, frame)| frame));
        Self { frames }
    }

    fn pick(&self, random: &mut Random) -> Vec<u8> {
        let mut datagram = random.pick(&self.frames).clone();
        match random.below(8) {
            0 => {
                let length = random.below(1_473);
                return random.bytes(length);
            }
            1 => datagram.truncate(random.below(datagram.len() + 1)),
            2 => {
                let extra = random.below(64);
                datagram.extend(random.bytes(extra));
            }
            3 => {
                // A head of one frame and a tail of another.
                let other = random.pick(&self.frames);
                let cut = random.below(datagram.len().min(other.len()));
                datagram.truncate(cut);
                datagram.extend(&other[cut..]);
            }
            4 => {}
            _ => {
                for _ in 0..=random.below(4) {
                    let place = random.below(datagram.len());
                    datagram[place] = if random.once_in(2) { random.byte() } else { datagram[place] ^ 1 };
                }
            }
        }
        datagram
    }
}

/// Good requests, one per burst: the model of what they do.
fn good(
    world: &World,
    payers: &[Payer],
    turn: usize,
    accounts: &mut BTreeMap<Address, AccountState>,
) -> (Vec<u8>, OrderBody) {
    let payer = &payers[turn / 2];
    let recipient = &payers[(turn / 2 + 1) % payers.len()].address;
    let mut body = payer.body(recipient, 5, 0);
    // Not the bodies of the ammunition, whose votes are half known.
    body.user_data = [1; 32];
    let account = accounts.get_mut(&payer.address).unwrap();
    if turn.is_multiple_of(2) {
        account.pending = world.digest(&body);
        return (world.order(payer, body), body);
    }
    account.pending = [0; 32];
    account.last_confirmed = world.digest(&body);
    account.next_sequence = 1;
    account.balance -= 5;
    accounts.get_mut(recipient).unwrap().balance += 5;
    (world.certify(&body), body)
}

fn storm(seed: u64) {
    let mut random = Random::new(seed);
    let world = World::of(4);
    let payers = Payer::many(u32::try_from(BURST_COUNT).unwrap());
    let mut node = Node::funded(&world, &payers);
    let mut accounts = node.accounts();
    let ammunition = Ammunition::new(&world, &payers, &mut node);
    assert_eq!(node.accounts(), accounts);
    for turn in 0..BURST_COUNT {
        let mut burst: Vec<_> = (0..BURST).map(|_| ammunition.pick(&mut random)).collect();
        let (datagram, body) = good(&world, &payers, turn, &mut accounts);
        let place = random.below(BURST);
        burst.insert(place, datagram);
        let replies = node.step(&burst);
        let reply = replies[place].as_ref().expect("a good request is answered");
        if turn.is_multiple_of(2) {
            reply.vote_for(&world.digest(&body));
        } else {
            reply.receipt_for(&world.digest(&body));
        }
        assert!(node.accounts() == accounts, "an account changed: seed {seed}, burst {turn}");
        assert!(node.shard.room() > 0);
    }
    let counters = node.shard.counters();
    assert_eq!((counters.votes, counters.confirmations), (50, 50), "seed {seed}");
    assert_eq!(node.balance_total(), i128::from(FUNDS) * 100);
    // The storm reached every gate.
    assert!(Malformed::ALL.iter().all(|cause| counters.malformed.get(*cause) > 0), "{:?}", counters.malformed);
    assert!(counters.not_requests > 100, "{}", counters.not_requests);
    for code in crate::reject::Reject::ALL {
        let is_reached = counters.rejects.get(*code) > 0;
        assert!(is_reached || NOT_BY_STORM.contains(code), "{code:?} was never drawn: seed {seed}");
    }
}

/// Refusals that flipped bits hardly draw from this world.
const NOT_BY_STORM: [crate::reject::Reject; 9] = {
    use crate::reject::Reject::*;
    [SequenceExhausted, Conflict, InsufficientFunds, Expired, NoRoom, Busy, ZeroAmount, NotHere, BadPosition]
};

#[test]
fn twenty_thousand_hostile_datagrams_change_nothing_and_the_good_ones_among_them_work() {
    storm(0x51ed);
}

#[test]
fn datagrams_of_every_short_length_are_silently_counted() {
    let world = World::of(4);
    let payers = Payer::many(1);
    let mut node = Node::funded(&world, &payers);
    let order = world.order(&payers[0], payers[0].body(&[4; 32], 1, 0));
    let before = node.accounts();
    for length in 0..order.len() {
        assert!(node.step(&[&order[..length]])[0].is_none(), "{length} bytes");
    }
    let malformed = &node.shard.counters().malformed;
    assert_eq!((malformed.get(Malformed::Short), malformed.get(Malformed::Length)), (16, 224));
    assert_eq!(malformed.total(), 240);
    assert_eq!(node.accounts(), before);
}
