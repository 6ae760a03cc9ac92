use super::*;
use crate::committee::{Committee, Member};
use crate::credit::Credit;
use crate::journal::identity::Identity;
use crate::journal::snapshot::{SNAPSHOT_CHUNK_SLOTS, SlotImage};
use crate::journal::{BLOCK_BYTES_MAX, PAGE_BYTES, REGION_BYTES_MIN};
use crate::limits::Tables;
use crate::limits::account_reserve;
use crate::mutant::Planted;
use crate::network::NetworkId;
use crate::shard::ShardConfig;
use crate::shard_range::ShardRange;
use crate::types::{Address, Amount, Sequence};
use quittance_verify::SecretKey;
use std::sync::Arc;

/// A shard and its keeper, with a disk that does what it is told when it is told.
struct Desk {
    shard: Shard,
    keeper: Keeper,
    pages: Vec<u8>,
    now_ns: u64,
    credits: u64,
}

impl Desk {
    /// With one account.
    fn new() -> Self {
        Self::with_accounts(1)
    }

    fn with_accounts(account_count: usize) -> Self {
        let (secret, identity) = (SecretKey::from_seed(&[5; 32]), identity());
        let committee = Committee::new(3, vec![Member { key: secret.public_key(), weight: 1 }]).unwrap();
        let config = ShardConfig {
            network: identity.network,
            committee: Arc::new(committee),
            authority_index: 0,
            secret: Arc::new(secret),
            shard: ShardIndex(0),
            shard_count: identity.shard_count,
            account_count_max: account_reserve(identity.shard_count) + 4 * SNAPSHOT_CHUNK_SLOTS,
            cached_key_count_max: 1,
            quarantine_ms: 0,
            is_durable: true,
            keeps_history: false,
            hash_key: [1; 16],
            tables: Tables::FULL,
            planted: Planted::default(),
        };
        let genesis = Position::genesis(&identity, ShardIndex(0));
        let mut shard = Shard::new(config);
        addresses().take(account_count).for_each(|address| shard.fund(&address, Amount(1)).unwrap());
        let pages = vec![0; BLOCK_BYTES_MAX];
        Self { shard, keeper: resume(genesis, genesis).unwrap(), pages, now_ns: 1_000, credits: 0 }
    }

    /// The shard makes records.
    fn record(&mut self, count: u64) {
        let recipient = addresses().next().unwrap();
        for _ in 0..count {
            self.credits += 1;
            let credit = Credit {
                number: self.credits,
                recipient,
                amount: Amount(1),
                sender: [9; 32],
                sequence: Sequence(0),
                position: 0,
            };
            self.shard.receive_credit(ShardIndex(1), &credit);
        }
    }

    fn give(&mut self) -> Option<Placed> {
        self.keeper.give(self.now_ns, &mut self.shard, &mut self.pages)
    }

    fn sync(&mut self, placed: Placed) {
        self.keeper.durable(placed.block, placed.last_record, &mut self.shard);
    }

    /// A block with one record, durable.
    fn block(&mut self) -> Option<Placed> {
        self.record(1);
        let placed = self.give()?;
        self.sync(placed);
        Some(placed)
    }

    /// Blocks until so much of the ring is in use.
    fn fill(&mut self, percent: u64) {
        while self.keeper.used_percent() < percent {
            self.block().expect("there is room");
        }
    }

    fn step(&mut self) -> Option<Piece> {
        self.step_if(true)
    }

    fn step_if(&mut self, may_count: bool) -> Option<Piece> {
        self.keeper.snapshot_step(&self.shard, || Some(Vec::new()), |_| may_count)
    }

    /// A snapshot, up to where it waits for the journal.
    fn copy(&mut self) {
        while !matches!(self.keeper.stage(), Stage::Durable(_)) {
            self.step().expect("a piece at every step");
        }
    }
}

fn identity() -> Identity {
    let authority_key = SecretKey::from_seed(&[5; 32]).public_key_bytes();
    Identity { network: NetworkId([9; 32]), authority_key, shard_count: 2 }
}

/// Accounts of shard 0.
fn addresses() -> impl Iterator<Item = Address> {
    let all = (0_u64..).map(|number| {
        let mut address = [8; 32];
        address[..8].copy_from_slice(&number.to_le_bytes());
        address
    });
    all.filter(|address| identity().network.shard_of(address, 2) == ShardIndex(0))
}

fn resume(tail: Position, head: Position) -> Result<Keeper, FullRing> {
    let (identity, region_bytes) = (identity(), REGION_BYTES_MIN);
    let shards = ShardRange::all(identity.shard_count);
    let superblock = Superblock { identity, shards, region_bytes, copy: 0, created: [4; 16] };
    let key = JournalKey::derive(&[5; 32], &superblock.created);
    Keeper::resume(&superblock, ShardIndex(0), key, (1, 3), (tail, head), 6)
}

#[test]
fn votes_stop_before_confirmations() {
    let pressures = [0, 39, 69, 70, 89, 90, 100, 140].map(pressure);
    let (none, votes, all) = (Pressure::None, Pressure::Votes, Pressure::Confirmations);
    assert_eq!(pressures, [none, none, none, votes, votes, all, all, all]);
}

#[test]
fn credits_of_other_shards_stop_last_and_before_the_limit() {
    let mut desk = Desk::new();
    while !desk.keeper.is_nearly_full() {
        assert!(desk.keeper.used_percent() < CREDITS_STOP_PERCENT);
        desk.block().unwrap();
    }
    assert_eq!(desk.keeper.position().offset, 46 * PAGE_BYTES as u64, "95 of 100, of 48 pages");
}

#[test]
fn a_block_is_made_only_when_the_one_before_is_durable() {
    let mut desk = Desk::new();
    desk.record(2);
    let first = desk.give().unwrap();
    assert_eq!((first.block, first.last_record, first.bytes), (1, RecordNumber(2), PAGE_BYTES));
    desk.record(1);
    assert!(desk.keeper.is_under_way() && desk.give().is_none());
    assert_eq!(desk.shard.records_durable(), RecordNumber(0), "what rests on it stays");
    desk.sync(first);
    assert_eq!(desk.shard.records_durable(), RecordNumber(2));
    assert_eq!(desk.give().map(|placed| (placed.block, placed.last_record)), Some((2, RecordNumber(3))));
}

#[test]
fn a_block_takes_no_more_than_it_is_allowed() {
    let mut desk = Desk::new();
    desk.record(9);
    let placed = desk.keeper.give_at_most(RECORD_BYTES_MAX, desk.now_ns, &mut desk.shard, &mut desk.pages).unwrap();
    assert!((1..9).contains(&placed.last_record.0) && desk.keeper.records().len() <= RECORD_BYTES_MAX);
    assert!(desk.shard.has_open_records());
}

#[test]
fn the_last_block_is_proved_after_the_delay_and_once() {
    let mut desk = Desk::new();
    desk.now_ns += PROOF_DELAY_NS;
    assert!(desk.give().is_none(), "there is nothing to prove");
    desk.block().unwrap();
    assert!(desk.keeper.is_unproved() && !desk.keeper.is_settled(&desk.shard));
    desk.now_ns += PROOF_DELAY_NS - 1;
    assert!(desk.give().is_none());
    desk.now_ns += 1;
    let proof = desk.give().expect("it is time");
    assert!((proof.block, proof.last_record, proof.bytes) == (2, RecordNumber(1), PAGE_BYTES));
    assert!(desk.keeper.records().is_empty() && !desk.keeper.is_unproved());
    assert!(!desk.keeper.is_settled(&desk.shard), "it is under way");
    desk.sync(proof);
    assert!(desk.keeper.is_settled(&desk.shard));
    desk.now_ns += 2 * PROOF_DELAY_NS;
    assert!(desk.give().is_none(), "a proof needs none");
}

#[test]
fn a_block_puts_off_the_proof_of_the_one_before() {
    let mut desk = Desk::new();
    desk.block().unwrap();
    desk.now_ns += PROOF_DELAY_NS - 1;
    desk.block().unwrap();
    desk.now_ns += PROOF_DELAY_NS - 1;
    assert!(desk.give().is_none());
    desk.now_ns += 1;
    assert!(desk.give().is_some());
}

#[test]
fn a_keeper_that_closes_proves_without_delay() {
    let mut desk = Desk::new();
    desk.record(1);
    desk.keeper.close();
    for _ in 0..2 {
        let placed = desk.give().unwrap();
        assert!(!desk.keeper.is_settled(&desk.shard));
        desk.sync(placed);
    }
    assert!(desk.keeper.is_settled(&desk.shard) && desk.give().is_none());
}

#[test]
fn a_snapshot_begins_when_the_ring_is_full_enough_and_frees_it() {
    let mut desk = Desk::new();
    while desk.keeper.used_percent() < SNAPSHOT_PERCENT {
        assert!(desk.step().is_none());
        desk.block().unwrap();
    }
    let start = desk.keeper.position();
    assert_eq!(start.offset, 20 * PAGE_BYTES as u64, "40 of 100, of 48 pages");
    let Some(Piece::Begin(header)) = desk.step() else { panic!("no head") };
    assert_eq!((header.number, header.start, desk.keeper.snapshot_number()), (7, start, 7));
    desk.block().unwrap();
    let Some(Piece::Chunk { lsn, slots }) = desk.step() else { panic!("no accounts") };
    assert_eq!((lsn, slots.len()), (desk.shard.records_made(), 1));
    desk.block().unwrap();
    let Some(Piece::Tail { lsn, tail }) = desk.step() else { panic!("no tail") };
    assert_eq!((lsn, tail.incoming[1]), (desk.shard.records_made(), desk.credits));
    assert_eq!(
        desk.keeper.stage(),
        Stage::Durable(Copied { start, last: lsn, history_end: crate::history::HISTORY_START })
    );
    assert!(matches!(desk.step(), Some(Piece::Finish)));
    let used = desk.keeper.used_percent();
    assert!(desk.step().is_none() && used > SNAPSHOT_PERCENT, "it is being synced, and frees nothing yet");
    desk.keeper.snapshot_done();
    assert_eq!(desk.keeper.ring.used_bytes(), 2 * PAGE_BYTES as u64, "what came after its start is kept");
    assert!(desk.step().is_none());
}

#[test]
fn accounts_are_copied_chunk_by_chunk_when_there_is_a_buffer() {
    for lengths in [[SNAPSHOT_CHUNK_SLOTS, 6], [SNAPSHOT_CHUNK_SLOTS; 2]] {
        let mut desk = Desk::with_accounts(lengths.iter().sum());
        desk.fill(SNAPSHOT_PERCENT);
        assert!(matches!(desk.step(), Some(Piece::Begin(_))));
        let mut copied: Vec<SlotImage> = Vec::new();
        for length in lengths {
            let before = desk.keeper.stage();
            assert!(desk.keeper.snapshot_step(&desk.shard, || None, |_| true).is_none(), "no buffer is free");
            assert_eq!(desk.keeper.stage(), before);
            let Some(Piece::Chunk { slots, .. }) = desk.step() else { panic!("no accounts") };
            assert_eq!(slots.len(), length);
            copied.extend(slots);
        }
        let tail = desk.keeper.snapshot_step(&desk.shard, || panic!("there are no more accounts"), |_| true);
        assert!(matches!(tail, Some(Piece::Tail { .. })));
        assert!(copied.iter().map(|slot| slot.address).eq(desk.shard.accounts().map(|slot| slot.address)));
    }
}

/// Whether a snapshot is finished although the journal lacks what it holds.
fn finishes_early(left_out: Option<Rule>) -> bool {
    let mut desk = Desk::new();
    desk.keeper.leave_out(left_out);
    desk.fill(SNAPSHOT_PERCENT);
    desk.record(1);
    desk.copy();
    if desk.keeper.snapshot_step(&desk.shard, || None, |_| true).is_some() {
        return true;
    }
    let ask_too_soon = |_: &Copied| panic!("the journal comes first");
    let placed = desk.give().unwrap();
    assert!(desk.keeper.snapshot_step(&desk.shard, || None, ask_too_soon).is_none(), "it is under way");
    desk.sync(placed);
    assert!(matches!(desk.step(), Some(Piece::Finish)));
    false
}

#[test]
fn a_snapshot_is_finished_only_when_the_journal_holds_what_it_holds() {
    assert!(!finishes_early(None));
    assert!(finishes_early(Some(Rule::DurableFirst)), "the test would not notice");
}

#[test]
fn a_snapshot_waits_as_long_as_its_caller_says_and_frees_nothing() {
    let mut desk = Desk::new();
    desk.fill(SNAPSHOT_PERCENT);
    desk.copy();
    let Stage::Durable(copied) = desk.keeper.stage() else { unreachable!() };
    let used = desk.keeper.used_percent();
    for _ in 0..3 {
        let mut asked = None;
        let piece = desk.keeper.snapshot_step(
            &desk.shard,
            || None,
            |what| {
                asked = Some(*what);
                false
            },
        );
        assert!(piece.is_none() && asked == Some(copied) && desk.keeper.stage() == Stage::Durable(copied));
        desk.block().unwrap();
    }
    assert!(desk.keeper.used_percent() > used);
    assert!(matches!(desk.step(), Some(Piece::Finish)));
    desk.keeper.snapshot_done();
    assert_eq!(desk.keeper.ring.used_bytes(), 3 * PAGE_BYTES as u64);
}

/// Whether a full ring takes the records that its snapshot waits for.
fn full_ring_goes_on(left_out: Option<Rule>) -> bool {
    let mut desk = Desk::new();
    desk.keeper.leave_out(left_out);
    while desk.block().is_some() {}
    assert!(desk.keeper.used_percent() > 100 && desk.shard.has_open_records());
    desk.copy();
    let Some(placed) = desk.give() else { return false };
    desk.sync(placed);
    desk.record(1);
    assert!(desk.give().is_none(), "what the snapshot does not wait for has no place in the reserve");
    assert!(desk.step_if(false).is_none() && desk.give().is_none(), "even if it waits for something else");
    assert!(matches!(desk.step(), Some(Piece::Finish)));
    assert!(desk.give().is_none());
    desk.keeper.snapshot_done();
    desk.give().is_some()
}

#[test]
fn a_full_ring_takes_what_its_snapshot_waits_for_and_nothing_else() {
    assert!(full_ring_goes_on(None));
    assert!(!full_ring_goes_on(Some(Rule::Reserve)), "the test would not notice");
}

#[test]
fn a_ring_full_to_its_last_page_is_not_taken_for_an_empty_one() {
    let desk = Desk::new();
    let tail = desk.keeper.position();
    let head = Position { block: 300, ..tail };
    assert_eq!(resume(tail, head).unwrap_err(), FullRing);
    let (tail, head) = (Position { offset: 4 * PAGE_BYTES as u64, ..tail }, head);
    assert_eq!(resume(tail, head).unwrap().durable_block(), 299);
}

#[test]
#[should_panic(expected = "after its last piece")]
fn a_snapshot_that_was_not_finished_is_not_done() {
    let mut desk = Desk::new();
    desk.fill(SNAPSHOT_PERCENT);
    desk.copy();
    desk.keeper.snapshot_done();
}
