//! All shards of one authority, and the money on its way between them.

use super::{Node, Payer, Setup, World};
use crate::credit::{Credit, CreditAck};
use crate::limits::account_reserve;
use crate::types::{Amount, ShardIndex};
use std::collections::VecDeque;

/// Every shard of authority 0, and what the links owe.
pub(crate) struct Authority {
    pub(crate) nodes: Vec<Node>,
    /// Credits applied and not yet acknowledged, by source, then destination.
    unacknowledged: Vec<Vec<VecDeque<Credit>>>,
}

impl Authority {
    /// `spare_count` account slots per shard beyond the reserve.
    pub(crate) fn new(world: &World, spare_count: usize) -> Self {
        let account_count_max = account_reserve(world.shard_count) + spare_count;
        let node = |shard| Node::new(world, Setup { shard, account_count_max, ..Setup::default() });
        let nodes: Vec<_> = (0..world.shard_count).map(node).collect();
        let unacknowledged = vec![vec![VecDeque::new(); nodes.len()]; nodes.len()];
        Self { nodes, unacknowledged }
    }

    /// Opens an account on its shard.
    pub(crate) fn fund(&mut self, payer: &Payer, amount: u64) {
        let node = self.node_of(payer);
        node.shard.fund(&payer.address, Amount(amount)).unwrap();
    }

    /// The shard that holds this account.
    pub(crate) fn node_of(&mut self, payer: &Payer) -> &mut Node {
        let shard = usize::from(self.nodes[0].world.shard_of(&payer.address));
        &mut self.nodes[shard]
    }

    /// The next credit of a pair, taken out as its link takes it.
    pub(crate) fn hand_over(&mut self, source: usize, destination: usize) -> Option<Credit> {
        let (shard, index) = (&mut self.nodes[source].shard, shard_index(destination));
        let credit = *shard.peek_credit(index)?;
        shard.advance_credit(index);
        Some(credit)
    }

    /// A credit arrives.
    pub(crate) fn deliver(&mut self, source: usize, destination: usize, credit: &Credit) {
        let shard = &mut self.nodes[destination].shard;
        let before = shard.counters().credits_applied;
        shard.receive_credit(shard_index(source), credit);
        if shard.counters().credits_applied > before {
            self.unacknowledged[source][destination].push_back(*credit);
        }
    }

    /// What the destination tells the source now.
    pub(crate) fn ack(&mut self, source: usize, destination: usize) -> CreditAck {
        self.nodes[destination].shard.credit_ack(shard_index(source))
    }

    /// An acknowledgement arrives.
    pub(crate) fn acknowledge(&mut self, source: usize, destination: usize, ack: CreditAck) {
        self.nodes[source].shard.receive_ack(shard_index(destination), ack).unwrap();
        self.unacknowledged[source][destination].retain(|credit| credit.number > ack.number);
    }

    /// Everything under way arrives, in order.
    pub(crate) fn settle(&mut self) {
        for (source, destination) in self.pairs() {
            self.nodes[source].shard.resend_credits(shard_index(destination));
            while let Some(credit) = self.hand_over(source, destination) {
                self.deliver(source, destination, &credit);
            }
            let ack = self.ack(source, destination);
            self.acknowledge(source, destination, ack);
        }
    }

    /// Every source with every other shard.
    pub(crate) fn pairs(&self) -> Vec<(usize, usize)> {
        let count = self.nodes.len();
        let all = (0..count).flat_map(|source| (0..count).map(move |destination| (source, destination)));
        all.filter(|(source, destination)| source != destination).collect()
    }

    /// All the money: balances, redemptions, and credits debited and not applied.
    pub(crate) fn supply(&self) -> i128 {
        let held = |node: &Node| {
            let shard = &node.shard;
            node.balance_total() + i128::try_from(shard.redeemed() + shard.amount_under_way()).unwrap()
        };
        // A shard counts a credit as under way until it is acknowledged; the other has it already.
        let twice: i128 =
            self.unacknowledged.iter().flatten().flatten().map(|credit| i128::from(credit.amount.0)).sum();
        self.nodes.iter().map(held).sum::<i128>() - twice
    }
}

fn shard_index(shard: usize) -> ShardIndex {
    ShardIndex(u16::try_from(shard).unwrap())
}
