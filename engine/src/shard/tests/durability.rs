//! Durable mode: nothing leaves before it is written, and what was written is enough to go on.

use super::common::{FUNDS, Node, Payer, Random, Setup, World};
use crate::journal::record::RecordNumber;
use crate::journal::snapshot::{SNAPSHOT_CHUNK_SLOTS, ShardTail, SlotImage};
use crate::reject::Reject;
use crate::shard::{Pressure, ReplayError};
use crate::types::Digest;

const BLOCK_BYTES: usize = 4_000;

/// A shard with what its disk holds.
struct Durable {
    node: Node,
    payers: Vec<Payer>,
    /// Sealed blocks: the records, and the last one's number. All of them may be on disk or not.
    blocks: Vec<(Vec<u8>, RecordNumber)>,
}

fn setup() -> Setup {
    Setup { is_durable: true, ..Setup::default() }
}

impl Durable {
    fn new(payer_count: u32) -> Self {
        let (world, payers) = (World::of(4), Payer::many(payer_count));
        let mut node = Node::new(&world, setup());
        node.fund(&payers);
        Self { node, payers, blocks: Vec::new() }
    }

    /// Seals everything that is open.
    fn seal(&mut self) {
        let mut records = Vec::new();
        while let Some(sealed) = self.node.shard.seal(BLOCK_BYTES, &mut records) {
            assert!(sealed.count > 0 && records.len() <= BLOCK_BYTES);
            self.blocks.push((records.clone(), sealed.last));
        }
    }

    /// Seals, and all of it reaches the disk.
    fn sync(&mut self) {
        self.seal();
        self.node.shard.set_durable(self.node.shard.records_sealed());
    }

    fn ask(&mut self, datagram: &[u8]) {
        self.node.receive(datagram);
        let batch = self.node.take_batch();
        self.node.finish(batch);
    }

    /// What a restart finds when the first `count` blocks were on disk.
    fn restart(&self, count: usize) -> Node {
        let mut node = Node::new(&self.node.world, setup());
        node.fund(&self.payers);
        node.shard.begin_recovery(RecordNumber(0));
        for (records, _) in &self.blocks[..count] {
            node.shard.replay(records).unwrap();
        }
        node.shard.finish_recovery().unwrap();
        node
    }
}

#[test]
fn a_vote_a_receipt_and_an_answer_leave_when_their_record_is_durable() {
    let mut durable = Durable::new(2);
    let world = durable.node.world.clone();
    let body = durable.payers[0].body(&durable.payers[1].address, 5, 0);
    let order = world.order(&durable.payers[0], body);
    let query = world.query(&durable.payers[0].address, 1);
    for request in [&order, &world.certify(&body)] {
        durable.ask(request);
        durable.ask(&query);
        assert_eq!(durable.node.collect().len(), 0, "neither reply nor answer while the record is not on disk");
        durable.seal();
        assert_eq!(durable.node.collect().len(), 0, "nor while it is on its way there");
        durable.sync();
        assert_eq!(durable.node.collect().len(), 2);
        durable.ask(&query);
        assert_eq!(durable.node.collect().len(), 1, "what depends on nothing new leaves at once");
    }
}

#[test]
fn a_repeated_order_gets_no_vote_before_the_first_one_may_leave() {
    let mut durable = Durable::new(2);
    let body = durable.payers[0].body(&durable.payers[1].address, 5, 0);
    let order = durable.node.world.order(&durable.payers[0], body);
    durable.ask(&order);
    durable.seal();
    durable.ask(&order);
    assert_eq!(durable.node.shard.counters().votes_repeated, 1);
    assert_eq!(durable.node.collect().len(), 0);
    durable.sync();
    assert_eq!(durable.node.collect().len(), 2);
}

#[test]
fn after_a_restart_the_same_order_gets_its_vote_and_another_one_is_refused_by_its_name() {
    let mut durable = Durable::new(2);
    let world = durable.node.world.clone();
    let body = durable.payers[0].body(&durable.payers[1].address, 5, 0);
    let mut other = body;
    other.user_data[3] = 1;
    durable.ask(&world.order(&durable.payers[0], body));
    durable.sync();
    durable.node.collect();
    for _ in 0..2 {
        // Twice in a row: recovery itself changes nothing.
        let mut node = durable.restart(durable.blocks.len());
        let refusal = crate::reject::Refusal { other: world.digest(&body), ..Reject::Conflict.into() };
        node.receive(&world.order(&durable.payers[0], other));
        let batch = node.take_batch();
        node.finish(batch);
        node.collect()[0].1.assert_refused(refusal);
        node.ask(&world.order(&durable.payers[0], body)).vote_for(&world.digest(&body));
    }
    let mut forgetful = durable.restart(0);
    forgetful.receive(&world.order(&durable.payers[0], other));
    let batch = forgetful.take_batch();
    forgetful.finish(batch);
    assert_eq!(forgetful.shard.counters().votes, 1, "without its journal it votes again: what the journal is for");
}

#[test]
fn a_full_journal_stops_votes_first_and_then_payments() {
    let mut durable = Durable::new(3);
    let world = durable.node.world.clone();
    let body = |payer: &Payer| payer.body(&[5; 32], 1, 0);
    let (order, certificate) = {
        let payers = &durable.payers;
        (world.order(&payers[0], body(&payers[0])), world.certify(&body(&payers[1])))
    };
    for (pressure, votes, confirmations, busy) in
        [(Pressure::Confirmations, 0, 0, 2), (Pressure::Votes, 0, 1, 3), (Pressure::None, 1, 1, 3)]
    {
        durable.node.shard.set_pressure(pressure);
        durable.ask(&order);
        durable.ask(&certificate);
        durable.sync();
        durable.node.collect();
        let counters = durable.node.shard.counters();
        assert_eq!((counters.votes, counters.confirmations), (votes, confirmations), "{pressure:?}");
        assert_eq!(counters.rejects.get(Reject::Busy), busy, "{pressure:?}");
    }
}

/// A snapshot as it comes to lie on disk, piece by piece.
#[derive(Default)]
struct Snapshot {
    /// Blocks that it makes superfluous, and the last record in them.
    block_count: usize,
    before: RecordNumber,
    cursor: usize,
    chunks: Vec<(RecordNumber, Vec<SlotImage>)>,
    tail: Option<(RecordNumber, ShardTail)>,
}

impl Snapshot {
    fn begin(durable: &Durable) -> Self {
        let before = durable.node.shard.records_sealed();
        Self { block_count: durable.blocks.len(), before, ..Self::default() }
    }

    /// One piece more; true when it was the last.
    fn step(&mut self, durable: &Durable) -> bool {
        let mut slots = Vec::new();
        let is_last = self.chunks.last().is_some_and(|(_, slots)| slots.len() < SNAPSHOT_CHUNK_SLOTS);
        if !is_last && let Some(lsn) = durable.node.shard.snapshot_chunk(&mut self.cursor, &mut slots) {
            self.chunks.push((lsn, slots));
            return false;
        }
        self.tail = Some(durable.node.shard.snapshot_tail());
        true
    }

    fn restart(&self, durable: &Durable, block_count: usize) -> Result<Node, ReplayError> {
        let mut node = Node::new(&durable.node.world, setup());
        node.shard.begin_recovery(self.before);
        for (lsn, slots) in &self.chunks {
            node.shard.restore_chunk(*lsn, slots)?;
        }
        let (lsn, tail) = self.tail.clone().expect("it is complete");
        node.shard.restore_tail(lsn, tail)?;
        for (records, _) in &durable.blocks[self.block_count..block_count] {
            node.shard.replay(records)?;
        }
        node.shard.finish_recovery()?;
        Ok(node)
    }
}

/// Orders and payments of every sort, among them new recipients and redemptions.
fn work(durable: &mut Durable, random: &mut Random, sequences: &mut [u64]) {
    let world = durable.node.world.clone();
    for _ in 0..random.below(12) {
        let index = random.below(durable.payers.len());
        let payer = &durable.payers[index];
        let recipient = match random.below(4) {
            0 => [u8::try_from(random.below(250)).unwrap() + 1; 32],
            _ => random.pick(&durable.payers).address,
        };
        let mut body = payer.body(&recipient, 1 + random.below(3) as u64, sequences[index]);
        if random.once_in(6) {
            body.recipient_kind = quittance_net::frame::RECIPIENT_PRIMARY;
        }
        if random.once_in(3) {
            let order = world.order(payer, body);
            durable.ask(&order);
        } else {
            durable.ask(&world.certify(&body));
            sequences[index] += 1;
        }
    }
    durable.node.collect_frames();
}

/// The state after each number of blocks, by replay from the very start.
fn oracle(durable: &Durable, block_count: usize) -> Digest {
    durable.restart(block_count).shard.state_digest()
}

#[test]
fn a_fuzzy_snapshot_and_the_records_after_it_are_the_state_whenever_the_power_goes() {
    for seed in 1..6 {
        let mut random = Random::new(seed);
        // More accounts than two chunks hold, so that a snapshot takes several pieces between which payments go on.
        let mut durable = Durable::new(2_200);
        let mut sequences = vec![0; durable.payers.len()];
        for _ in 0..3 {
            work(&mut durable, &mut random, &mut sequences);
            durable.seal();
        }
        let mut snapshot = Snapshot::begin(&durable);
        loop {
            work(&mut durable, &mut random, &mut sequences);
            if random.once_in(2) {
                durable.seal();
            }
            if snapshot.step(&durable) {
                break;
            }
        }
        durable.sync();
        let complete = durable.blocks.len();
        for _ in 0..4 {
            work(&mut durable, &mut random, &mut sequences);
            durable.sync();
        }
        for block_count in complete..=durable.blocks.len() {
            let node = snapshot.restart(&durable, block_count).unwrap();
            assert_eq!(node.shard.state_digest(), oracle(&durable, block_count), "seed {seed}, {block_count} blocks");
            assert_eq!(node.shard.records_made(), durable.blocks[block_count - 1].1);
        }
        let end = durable.blocks.len();
        assert_eq!(durable.restart(end).shard.state_digest(), durable.node.shard.state_digest(), "seed {seed}");
        assert_ne!(oracle(&durable, complete), oracle(&durable, end), "the last records change something");
        // A snapshot that holds what the journal lost must not be believed.
        let (lsn, _) = snapshot.tail.as_ref().unwrap();
        let too_short = durable.blocks.iter().position(|(_, last)| last >= lsn).unwrap();
        if too_short > snapshot.block_count {
            let refused = snapshot.restart(&durable, too_short).map(|_| ());
            assert!(matches!(refused, Err(ReplayError::JournalTooShort { .. })), "seed {seed}: {refused:?}");
        }
    }
}

#[test]
fn every_account_survives_with_its_last_digits() {
    let mut durable = Durable::new(30);
    let mut random = Random::new(77);
    let mut sequences = vec![0; 30];
    for _ in 0..20 {
        work(&mut durable, &mut random, &mut sequences);
        durable.sync();
    }
    let mut node = durable.restart(durable.blocks.len());
    assert_eq!(node.accounts(), durable.node.accounts());
    assert_eq!(node.shard.redeemed(), durable.node.shard.redeemed());
    let redeemed = i128::try_from(node.shard.redeemed()).unwrap();
    assert_eq!(node.balance_total() + redeemed, 30 * i128::from(FUNDS));
    // It goes on with the next number.
    let (payer, sequence) = (&durable.payers[0], sequences[0]);
    let world = node.world.clone();
    node.receive(&world.certify(&payer.body(&[9; 32], 1, sequence)));
    let batch = node.take_batch();
    node.finish(batch);
    let before = node.shard.records_sealed();
    let mut records = Vec::new();
    let sealed = node.shard.seal(BLOCK_BYTES, &mut records).unwrap();
    assert_eq!((sealed.last.0, sealed.count), (before.0 + 1, 1));
}

#[test]
fn records_that_contradict_the_state_are_refused() {
    let mut durable = Durable::new(2);
    let world = durable.node.world.clone();
    let body = durable.payers[0].body(&durable.payers[1].address, 5, 0);
    durable.ask(&world.certify(&body));
    durable.sync();
    let records = durable.blocks[0].0.clone();
    let mut node = Node::new(&world, setup());
    node.fund(&durable.payers);
    node.shard.begin_recovery(RecordNumber(0));
    node.shard.replay(&records).unwrap();
    let again = node.shard.replay(&records);
    assert!(matches!(again, Err(ReplayError::Contradiction { number: RecordNumber(2), .. })), "{again:?}");
    let cut = node.shard.replay(&records[..records.len() - 1]);
    assert_eq!(cut, Err(ReplayError::BadRecord(RecordNumber(2))));
}

#[test]
#[should_panic(expected = "the journal has what was sealed")]
fn what_was_never_sealed_cannot_be_durable() {
    let mut durable = Durable::new(2);
    let body = durable.payers[0].body(&durable.payers[1].address, 5, 0);
    durable.ask(&durable.node.world.certify(&body));
    durable.node.shard.set_durable(RecordNumber(1));
}
