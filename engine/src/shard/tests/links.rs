//! Payments between shards over links that lose, repeat and reorder.

use super::common::{Authority, FUNDS, Payer, Random, World};
use crate::credit::{Credit, CreditAck};
use crate::types::{Address, ShardIndex};
use quittance_net::frame::{OrderBody, RECIPIENT_PRIMARY};
use std::collections::BTreeMap;

const SHARDS: u16 = 3;
const PAYMENTS: usize = 400;

/// An authority, its payers, what is on the wires, and what every balance must come to.
struct Traffic {
    world: World,
    payers: Vec<Payer>,
    authority: Authority,
    random: Random,
    sequences: Vec<u64>,
    /// Certificates sent so far, to be repeated.
    sent: Vec<(usize, Vec<u8>)>,
    wire: Vec<(usize, usize, Credit)>,
    acks: Vec<(usize, usize, CreditAck)>,
    expected: BTreeMap<Address, i128>,
    redeemed: u128,
}

impl Traffic {
    fn new(seed: u64) -> Self {
        let world = World::of(4).with_shards(SHARDS);
        let payers: Vec<_> = (0..SHARDS).flat_map(|shard| world.payers_on(shard, 0, 4)).collect();
        let mut authority = Authority::new(&world, 64);
        payers.iter().for_each(|payer| authority.fund(payer, FUNDS));
        let expected = payers.iter().map(|payer| (payer.address, i128::from(FUNDS))).collect();
        let sequences = vec![0; payers.len()];
        let (random, sent, wire, acks) = (Random::new(seed), Vec::new(), Vec::new(), Vec::new());
        Self { world, payers, authority, random, sequences, sent, wire, acks, expected, redeemed: 0 }
    }

    fn next_payment(&mut self) -> (usize, OrderBody) {
        let payer = self.random.below(self.payers.len());
        // Some go to accounts that no one has opened.
        let recipient = match self.random.below(5) {
            0 => Payer::new(5_000 + u32::try_from(self.random.below(30)).unwrap()).address,
            _ => self.random.pick(&self.payers).address,
        };
        let amount = 1 + self.random.below(300) as u64;
        let mut body = self.payers[payer].body(&recipient, amount, self.sequences[payer]);
        if self.random.once_in(10) {
            body.recipient_kind = RECIPIENT_PRIMARY;
        }
        (payer, body)
    }

    /// A certified payment; balances may go below zero, as they do where credits come late.
    fn pay(&mut self) {
        let (payer, body) = self.next_payment();
        self.sequences[payer] += 1;
        let amount = i128::from(body.amount.get());
        *self.expected.get_mut(&body.sender).unwrap() -= amount;
        if body.recipient_kind == RECIPIENT_PRIMARY {
            self.redeemed += u128::from(body.amount.get());
        } else {
            *self.expected.entry(body.recipient).or_default() += amount;
        }
        let certificate = self.world.certify(&body);
        let digest = self.world.digest(&body);
        self.authority.node_of(&self.payers[payer]).ask(&certificate).receipt_for(&digest);
        self.sent.push((payer, certificate));
    }

    fn repeat_payment(&mut self) {
        if let Some(at) = self.sent.len().checked_sub(1) {
            let (payer, certificate) = &self.sent[self.random.below(at + 1)];
            self.authority.node_of(&self.payers[*payer]).ask(certificate);
        }
    }

    /// One thing that a link may do.
    fn disturb(&mut self) {
        let pairs = self.authority.pairs();
        let (source, destination) = *self.random.pick(&pairs);
        match self.random.below(5) {
            0 => {
                let credit = self.authority.hand_over(source, destination);
                self.wire.extend(credit.map(|credit| (source, destination, credit)));
            }
            1 if !self.wire.is_empty() => {
                let at = self.random.below(self.wire.len());
                let (source, destination, credit) = self.wire[at];
                if !self.random.once_in(3) {
                    self.wire.swap_remove(at);
                }
                if !self.random.once_in(4) {
                    self.authority.deliver(source, destination, &credit);
                }
            }
            2 => self.acks.push((source, destination, self.authority.ack(source, destination))),
            3 if !self.acks.is_empty() => {
                let at = self.random.below(self.acks.len());
                let (source, destination, ack) = self.acks[at];
                if !self.random.once_in(3) {
                    self.acks.swap_remove(at);
                }
                self.authority.acknowledge(source, destination, ack);
            }
            4 if self.random.once_in(10) => {
                let destination = ShardIndex(u16::try_from(destination).unwrap());
                self.authority.nodes[source].shard.resend_credits(destination);
            }
            _ => {}
        }
    }

    fn run(&mut self, seed: u64) {
        let supply = i128::from(FUNDS) * self.payers.len() as i128;
        for step in 0..PAYMENTS * 12 {
            match self.random.below(12) {
                0 => self.pay(),
                1 => self.repeat_payment(),
                _ => self.disturb(),
            }
            assert_eq!(self.authority.supply(), supply, "seed {seed}, step {step}");
        }
    }

    fn assert_settled(&mut self, seed: u64) {
        self.authority.settle();
        let mut accounts = BTreeMap::new();
        for node in &self.authority.nodes {
            accounts.extend(node.accounts().into_iter().map(|(address, account)| (address, account.balance)));
            assert_eq!(node.shard.amount_under_way(), 0, "seed {seed}");
        }
        assert_eq!(accounts, self.expected, "seed {seed}");
        let redeemed: u128 = self.authority.nodes.iter().map(|node| node.shard.redeemed()).sum();
        assert_eq!(redeemed, self.redeemed);
    }
}

#[test]
fn payments_between_shards_arrive_once_whatever_the_links_do() {
    for seed in 1..=3 {
        let mut traffic = Traffic::new(seed);
        traffic.run(seed);
        let repeated: u64 = traffic.authority.nodes.iter().map(|node| node.shard.counters().credits_repeated).sum();
        assert!(repeated > 50 && !traffic.wire.is_empty(), "the links were as bad as meant: {repeated}");
        traffic.assert_settled(seed);
    }
}

#[test]
fn a_payment_to_another_shard_is_credited_there_and_not_here() {
    let mut traffic = Traffic::new(1);
    let (world, payers) = (&traffic.world, &traffic.payers);
    let (payer, payee) = (&payers[0], &payers[4]);
    let body = payer.body(&payee.address, 70, 0);
    let authority = &mut traffic.authority;
    authority.nodes[0].ask(&world.order(payer, body)).vote_for(&world.digest(&body));
    authority.nodes[0].ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    assert_eq!(authority.nodes[0].shard.amount_under_way(), 70);
    assert_eq!(authority.nodes[0].account(&payer.address).balance, i128::from(FUNDS) - 70);
    assert!(authority.nodes[0].shard.account(&payee.address).is_none());
    assert!(authority.hand_over(0, 2).is_none());
    let credit = authority.hand_over(0, 1).unwrap();
    assert_eq!((credit.number, credit.recipient, credit.amount.0), (1, payee.address, 70));
    assert!(authority.hand_over(0, 1).is_none(), "handed over once");
    authority.deliver(0, 1, &credit);
    authority.deliver(0, 1, &credit);
    authority.deliver(0, 1, &Credit { number: 3, ..credit });
    assert_eq!(authority.nodes[1].account(&payee.address).balance, i128::from(FUNDS) + 70);
    let counters = authority.nodes[1].shard.counters();
    assert_eq!((counters.credits_applied, counters.credits_repeated), (1, 2));
    assert_eq!(authority.nodes[0].shard.amount_under_way(), 70, "until it is acknowledged");
    let ack = authority.ack(0, 1);
    authority.acknowledge(0, 1, ack);
    assert_eq!(authority.nodes[0].shard.amount_under_way(), 0);
}
