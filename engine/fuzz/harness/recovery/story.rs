//! A small journal, made by the engine's own shard and keeper: its ring turns, and snapshots replace what it held.

use super::disk::Disk;
use crate::harness::common::{FUNDS, START_MS, account, body, frames, judge, peer, worlds};
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::journal::block::{HEADER_BYTES, set_copy};
use quittance_engine::journal::identity::{Identity, JournalKey, Superblock};
use quittance_engine::journal::snapshot::{Encoder, ShardTail};
use quittance_engine::journal::{BLOCK_BYTES_MAX, PAGE_BYTES, REGION_BYTES_MIN, RecordNumber};
use quittance_engine::keeper::{Journal, Keeper, PROOF_DELAY_NS, Piece};
use quittance_engine::mutant::Planted;
use quittance_engine::shard::Shard;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::{Address, Amount, Digest, Sequence, ShardIndex, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

/// The shard whose journal it is.
pub(crate) const SHARD: ShardIndex = ShardIndex(0);
/// Shards of its authority.
pub(crate) const SHARD_COUNT: u16 = 2;
/// Accounts that pay.
const PAYER_COUNT: usize = 8;
/// After so many blocks the disk is kept as it is then, once with the next block in one copy only, and the last moment torn.
const MOMENT_BLOCKS: [u64; 5] = [2, 15, 40, 230, 420];
/// Disks that are kept.
pub(crate) const MOMENT_COUNT: usize = 2 * MOMENT_BLOCKS.len();

/// A disk as it was.
#[derive(Debug)]
pub(crate) struct Moment {
    /// What was on it.
    pub(crate) disk: Disk,
    /// The last block that both copies had for certain.
    pub(crate) durable: u64,
}

/// What happened.
#[derive(Debug)]
pub(crate) struct Story {
    /// Whose journal it is.
    pub(crate) journal: Journal,
    /// Disks on the way.
    pub(crate) moments: Vec<Moment>,
    /// By block: the state that its records, and all before them, make of genesis, one by one.
    pub(crate) states: Vec<(Digest, ShardTail)>,
    /// Every header as it was written, and the last block that it proves durable.
    headers: HashMap<Vec<u8>, u64>,
}

/// The story of a keeper and a shard with this bug; told once.
pub(crate) fn story(planted: Planted) -> &'static Story {
    static PLAIN: OnceLock<Story> = OnceLock::new();
    static BENT: Mutex<Vec<(Planted, &'static Story)>> = Mutex::new(Vec::new());
    if planted == Planted::NOTHING {
        return PLAIN.get_or_init(|| Teller::new(planted).tell());
    }
    let mut bent = BENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some((_, story)) = bent.iter().find(|(bug, _)| *bug == planted) {
        return story;
    }
    let story: &'static Story = Box::leak(Box::new(Teller::new(planted).tell()));
    bent.push((planted, story));
    story
}

/// Pays genesis out.
pub(crate) fn fund(shard: &mut Shard) {
    for payer in payers() {
        shard.fund(&payer, Amount(FUNDS)).expect("there is room");
    }
}

fn payers() -> Vec<Address> {
    let is_here = |address: &Address| worlds()[0].shard_of(address, SHARD_COUNT) == SHARD.0;
    (0..).map(account).filter(is_here).take(PAYER_COUNT).collect()
}

impl Story {
    /// The last block that a header on this disk proves durable: none of the engine's reading is asked.
    pub(crate) fn proven(&self, disk: &Disk) -> u64 {
        let pages = disk.regions.iter().flat_map(|region| region.chunks_exact(PAGE_BYTES));
        pages.filter_map(|page| self.headers.get(&page[..HEADER_BYTES])).copied().max().unwrap_or(0)
    }
}

struct Teller {
    shard: Shard,
    replica: Shard,
    keeper: Keeper,
    disk: Disk,
    payers: Vec<Address>,
    others: Vec<Address>,
    next: Vec<u64>,
    credited: u64,
    snapshot: Option<(u64, Encoder, Vec<u8>)>,
    now_ns: u64,
    story: Story,
}

impl Teller {
    fn new(planted: Planted) -> Self {
        let world = &worlds()[0];
        let identity = Identity { network: world.network, authority_key: world.member(0), shard_count: SHARD_COUNT };
        let superblock = Superblock {
            identity,
            shards: ShardRange::all(SHARD_COUNT),
            region_bytes: REGION_BYTES_MIN,
            copy: 0,
            created: [4; 16],
        };
        let key = JournalKey::derive(&[9; 32], &superblock.created);
        let genesis = quittance_engine::journal::ring::Position::genesis(&identity, SHARD);
        let keeper = Keeper::resume(&superblock, SHARD, key.clone(), (1, 1), (genesis, genesis), 0);
        let mut shard = Shard::new(world.config(SHARD.0, SHARD_COUNT, planted));
        let mut replica = Shard::new(world.config(SHARD.0, SHARD_COUNT, Planted::NOTHING));
        fund(&mut shard);
        fund(&mut replica);
        replica.begin_recovery(RecordNumber(0));
        let region = vec![0; usize::try_from(REGION_BYTES_MIN).expect("a megabyte")];
        let states = vec![(replica.state_digest(), replica.snapshot_tail().1)];
        let is_elsewhere = |address: &Address| world.shard_of(address, SHARD_COUNT) != SHARD.0;
        Self {
            shard,
            replica,
            keeper: keeper.expect("an empty ring has room").with(planted),
            disk: Disk { regions: [region.clone(), region], snapshots: Default::default() },
            payers: payers(),
            others: (100..).map(account).filter(is_elsewhere).take(3).collect(),
            next: vec![0; PAYER_COUNT],
            credited: 0,
            snapshot: None,
            now_ns: 0,
            story: Story {
                journal: Journal { superblock, key, copy_count: 2 },
                moments: Vec::new(),
                states,
                headers: HashMap::new(),
            },
        }
    }

    fn tell(mut self) -> Story {
        let mut turn = 0;
        while self.story.moments.len() < MOMENT_COUNT {
            self.act(turn);
            self.give();
            self.snapshot_step();
            turn += 1;
        }
        self.story
    }

    /// Something that makes records: votes, payments here and to the other shard, credits from there, acknowledgements.
    fn act(&mut self, turn: usize) {
        let world = &worlds()[0];
        let payer = turn / 2 % PAYER_COUNT;
        let here = self.payers[(payer + 1) % PAYER_COUNT];
        let recipient = if turn % 6 < 4 { here } else { self.others[turn % 3] };
        let order = body(self.payers[payer], recipient, 1 + turn as u64 % 3, self.next[payer]);
        let datagram = if turn.is_multiple_of(2) {
            bytemuck::bytes_of(&world.order(&order, SHARD.0)).to_vec()
        } else {
            self.next[payer] += 1;
            world.certify(&order, SHARD.0)
        };
        self.shard.receive(TimeMs(START_MS), peer(1), &datagram);
        let mut batch = VerifyBatch::default();
        while self.shard.take_batch(&mut batch) {
            judge(&mut batch);
            self.shard.finish_batch(TimeMs(START_MS), &mut batch);
        }
        if turn.is_multiple_of(5) {
            self.credited += 1;
            let (sender, sequence) = (self.others[0], Sequence(self.credited));
            let credit =
                Credit { number: self.credited, recipient: here, amount: Amount(2), sender, sequence, position: 0 };
            self.shard.receive_credit(ShardIndex(1), &credit);
        }
        while self.shard.peek_credit(ShardIndex(1)).is_some() {
            self.shard.advance_credit(ShardIndex(1));
        }
        let made = self.shard.credits_made(ShardIndex(1));
        if turn.is_multiple_of(7) && made > 0 && self.shard.records_made() == self.shard.records_durable() {
            let ack = CreditAck { number: made, has_room: true };
            self.shard.receive_ack(ShardIndex(1), ack).expect("it was handed over");
        }
    }

    /// A block, to both copies; sometimes the disk is kept while only one has it.
    fn give(&mut self) {
        self.now_ns += PROOF_DELAY_NS / 2;
        self.keeper.press(&mut self.shard);
        let mut pages = vec![0; BLOCK_BYTES_MAX];
        let Some(placed) = self.keeper.give(self.now_ns, &mut self.shard, &mut pages) else { return };
        let pages = &mut pages[..placed.bytes];
        let is_kept = MOMENT_BLOCKS.contains(&(placed.block - 1));
        self.replica.replay(self.keeper.records()).expect("what was sealed makes sense");
        self.story.states.push((self.replica.state_digest(), self.replica.snapshot_tail().1));
        let offset = usize::try_from(placed.offset).expect("a megabyte");
        if is_kept {
            self.keep(placed.block - 1);
        }
        for copy in [0, 1] {
            set_copy(pages, u8::try_from(copy).expect("two copies"));
            // One block is under way at a time: it proves those before it.
            self.story.headers.insert(pages[..HEADER_BYTES].to_vec(), placed.block - 1);
            self.disk.regions[copy][offset..][..pages.len()].copy_from_slice(pages);
            if is_kept && copy == 0 {
                self.keep(placed.block - 1);
            }
        }
        self.keeper.durable(placed.block, placed.last_record, &mut self.shard);
        frames(&mut self.shard);
    }

    fn keep(&mut self, durable: u64) {
        self.story.moments.push(Moment { disk: self.disk.clone(), durable });
    }

    fn snapshot_step(&mut self) {
        let Some(piece) = self.keeper.snapshot_step(&self.shard, || Some(Vec::new()), |_| true) else { return };
        let (number, mut encoder, mut bytes) = match (&piece, self.snapshot.take()) {
            (Piece::Begin(header), _) => {
                let mut bytes = Vec::new();
                (header.number, Encoder::new(header, &mut bytes), bytes)
            }
            (_, snapshot) => snapshot.expect("a snapshot begins with its head"),
        };
        match piece {
            Piece::Begin(_) => {}
            Piece::Chunk { lsn, slots } => encoder.chunk(lsn, &slots, &mut bytes),
            Piece::Tail { lsn, tail } => encoder.tail(lsn, &tail, &mut bytes),
            Piece::Finish => {
                encoder.finish(&mut bytes);
                let turn = usize::from(number % 2 == 1);
                self.disk.snapshots.iter_mut().for_each(|copy| copy[turn] = Some(bytes.clone()));
                self.keeper.snapshot_done();
                return;
            }
        }
        self.snapshot = Some((number, encoder, bytes));
    }
}
