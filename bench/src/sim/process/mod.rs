//! A process of an honest authority: the engine's own shards and keepers on a simulated machine, and in the shell's place what
//! its threads do, one small step at a time: take datagrams, have signatures checked, write blocks to both copies, sync both, let go,
//! write snapshots in pieces, carry credits between shards.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | the machine, its boots and its ends |
//! | `work.rs` | a shard's steps |
//! | `history.rs` | histories on their way to the disk, and answers from them |
//! | `commit.rs` | blocks and snapshots on their way to the disks |
//! | `links.rs` | credits between its shards, and what it lends the link to another process |
//! | `recovery.rs` | coming back |

mod commit;
mod history;
mod links;
mod recovery;
mod work;

use super::around::Around;
use super::book::Teller;
use super::disk::{Disk, Name, Stopped};
use super::ground::Ground;
use super::ledger::Ledger;
use super::trace::Event;
use commit::{Block, CommitStep, FileStep};
use history::{Historian, Kept, Segments, Writing};
use links::Link;
use quittance_engine::journal::REGION_BYTES_MIN;
use quittance_engine::journal::identity::{Identity, Superblock};
use quittance_engine::journal::snapshot::Encoder;
use quittance_engine::keeper::Keeper;
use quittance_engine::limits::Tables;
use quittance_engine::mutant::{Mutant, Planted};
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_engine::shard_range::ShardRange;
use quittance_engine::sign::Sign;
use quittance_engine::types::{Address, Amount, ShardIndex, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;
use recovery::Recovered;
use std::collections::VecDeque;
use std::sync::Arc;

/// As small as it may be: rings turn, and cannot without snapshots.
const REGION_BYTES: u64 = REGION_BYTES_MIN;

/// Small enough to start again in no time, and to be full now and then.
pub(super) const TABLES: Tables = Tables {
    jobs: 512,
    staged_orders: 512,
    staged_certificates: 128,
    root_checks: 512,
    roots_per_authority: 32,
    credits_unacknowledged: 12,
    held_orders: 10,
    history_open_bytes: 4 << 10,
};

/// Accounts that a shard has room for beyond its reserve: more than a world has.
const ACCOUNT_COUNT_MAX: usize = 128;

/// The time at which a world begins: milliseconds.
const START_MS: u64 = 1_700_000_000_000;

/// See the module's docs.
pub struct Process {
    index: usize,
    /// Which of the authority's shards it runs; whatever is kept by shard is kept by place among them.
    shards: ShardRange,
    config: ShardConfig,
    superblock: Superblock,
    seed: [u8; 32],
    /// By shard: what genesis opens.
    openings: Vec<Vec<(Address, Amount)>>,
    disk: Disk,
    /// By shard.
    ledgers: Vec<Ledger>,
    /// By shard.
    kept: Vec<Kept>,
    run: Option<Run>,
    boot: u64,
    clock_ms: u64,
    /// The copy in which sectors may be damaged until the next recovery: never both.
    weak_copy: usize,
}

/// What lasts as long as the process.
struct Run {
    shards: Vec<Running>,
    commit: VecDeque<CommitStep>,
    files: VecDeque<FileStep>,
    historian: Historian,
    /// By source and destination.
    links: Vec<Vec<Link>>,
    /// Steps for which the committer, who writes snapshots, or who writes histories, stands still.
    commit_stall: u32,
    file_stall: u32,
    history_stall: u32,
}

/// A shard at work.
struct Running {
    shard: Shard,
    keeper: Keeper,
    /// Batches that are being checked, the oldest first, and empty ones.
    checking: VecDeque<VerifyBatch>,
    spare: Vec<VerifyBatch>,
    waiting: Vec<Block>,
    under_way: Vec<Block>,
    /// The name of the snapshot's file, the encoder, and how much is in it.
    snapshot: Option<(Name, Encoder, usize)>,
    is_synced: bool,
    writing: Writing,
}

impl Process {
    /// A process of the authority with this index, never started, for these shards. `signer` signs for the authority, `seed` keys
    /// the process's journal.
    pub fn new(
        ground: &Ground,
        (index, shards): (usize, ShardRange),
        signer: Arc<dyn Sign>,
        seed: [u8; 32],
        planted: Planted,
    ) -> Self {
        let shard_count = ground.shard_counts[index];
        let identity = Identity {
            network: ground.context.network,
            authority_key: *ground.committee.members()[index].key.as_bytes(),
            shard_count,
        };
        let superblock = Superblock { identity, shards, region_bytes: REGION_BYTES, copy: 0, created: [4; 16] };
        let config = ShardConfig {
            network: ground.context.network,
            committee: Arc::clone(&ground.committee),
            authority_index: u8::try_from(index).expect("7 members at most"),
            secret: signer,
            shard: ShardIndex(0),
            shard_count,
            account_count_max: TABLES.account_reserve(shard_count) + ACCOUNT_COUNT_MAX,
            cached_key_count_max: 8,
            quarantine_ms: 1_000,
            is_durable: true,
            keeps_history: true,
            hash_key: [0x5c; 16],
            tables: TABLES,
            planted,
        };
        let journal_bytes = usize::try_from(superblock.file_bytes()).expect("a few regions");
        let count = usize::from(shards.count());
        let mut process = Self {
            index,
            shards,
            config,
            superblock,
            seed,
            openings: shards.iter().map(|shard| ground.openings(index, shard).collect()).collect(),
            disk: Disk::new(journal_bytes),
            ledgers: Vec::new(),
            kept: (0..count).map(|_| Kept::default()).collect(),
            run: None,
            boot: 0,
            clock_ms: START_MS,
            weak_copy: 0,
        };
        process.ledgers = (0..count).map(|place| process.ledger(place)).collect();
        process
    }

    /// Of a shard that replays without any bug.
    fn ledger(&self, shard: usize) -> Ledger {
        let mut replica = self.replica(shard);
        self.fund(shard, &mut replica);
        Ledger::new(self.config.shard_count, replica)
    }

    /// A shard like that at this place, without accounts, history or bugs.
    fn replica(&self, place: usize) -> Shard {
        let config = self.shard_config(place);
        Shard::new(ShardConfig { planted: Planted::default(), keeps_history: false, ..config })
    }

    /// Pays the genesis file's openings out.
    fn fund(&self, place: usize, shard: &mut Shard) {
        for (address, amount) in &self.openings[place] {
            shard.fund(address, *amount).expect("there is room, and each is there once");
        }
    }

    fn shard_config(&self, place: usize) -> ShardConfig {
        ShardConfig { shard: self.shard_at(place), ..self.config.clone() }
    }

    /// The shard at this place.
    fn shard_at(&self, place: usize) -> ShardIndex {
        self.shards.iter().nth(place).expect("one of its shards")
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.config.planted.is(mutant)
    }

    fn teller(&self, shard: usize) -> Teller<'_> {
        Teller { authority: self.index, ledger: &self.ledgers[shard] }
    }

    /// Whether its process runs.
    pub fn is_up(&self) -> bool {
        self.run.is_some()
    }

    /// How often it was started.
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// How many shards it has.
    pub fn shard_count(&self) -> usize {
        usize::from(self.shards.count())
    }

    /// Whether this shard is its own.
    pub fn has(&self, shard: ShardIndex) -> bool {
        self.shards.contains(shard)
    }

    /// Its shards, if it runs.
    pub fn running(&self) -> impl Iterator<Item = (ShardIndex, &Shard)> {
        let running = self.run.iter().flat_map(|run| &run.shards).map(|running| &running.shard);
        self.shards.iter().zip(running)
    }

    fn now(&self, around: &Around) -> TimeMs {
        TimeMs(self.clock_ms + around.now_ns / 1_000_000)
    }

    /// Its clock jumps: by up to a minute to and fro, now and then by a day.
    pub fn jump_clock(&mut self, around: &mut Around) {
        let day = 86_400_000;
        let by = if around.chance.once_in(4) { day } else { around.chance.below(60_000) as u64 };
        let is_forward = around.chance.once_in(2);
        self.clock_ms = if is_forward { self.clock_ms + by } else { self.clock_ms - by };
        around.faults.clock_jumps += 1;
        around.trace.event(Event::Fault, [1, self.index as u64, self.clock_ms]);
    }

    /// The process is killed: what it wrote stays.
    pub fn kill(&mut self, around: &mut Around) {
        around.trace.event(Event::Fault, [2, self.index as u64, 0]);
        self.end();
    }

    /// The power goes: what was not synced is lost, as chance has it.
    pub fn cut_power(&mut self, around: &mut Around) {
        around.trace.event(Event::Fault, [3, self.index as u64, 0]);
        self.end();
        around.faults.sectors_lost += self.disk.cut(&mut around.chance);
    }

    fn end(&mut self) {
        self.run = None;
        self.kept.iter_mut().for_each(Kept::forget_written);
    }

    /// One of its threads stands still for a while.
    pub fn stall(&mut self, around: &mut Around) {
        let steps = u32::try_from(around.chance.below(200)).expect("a small number");
        let thread = around.chance.below(3);
        if let Some(run) = &mut self.run {
            *[&mut run.commit_stall, &mut run.file_stall, &mut run.history_stall][thread] = steps;
            around.faults.stalls += 1;
            around.trace.event(Event::Fault, [4, self.index as u64, u64::from(steps)]);
        }
    }

    /// A sector that was kept is damaged: in one copy, so that the other still has it.
    pub fn damage(&mut self, around: &mut Around) {
        let copy = self.weak_copy;
        let place = around.chance.below(self.shard_count());
        let shard = self.shard_at(place);
        let (name, offset) = if around.chance.once_in(4) {
            let name = Name::Snapshot(shard.0, around.chance.bits() % 2);
            let length = self.disk.length(copy, name).unwrap_or(0);
            (name, around.chance.below(length.max(1)))
        } else {
            // Mostly close to where the journal ends, which is what recovery reads.
            let start = self.superblock.region_start(shard);
            let region = usize::try_from(REGION_BYTES).expect("a megabyte");
            let head = self.run.as_ref().map_or(region, |run| {
                usize::try_from(run.shards[place].keeper.position().offset).expect("within a region")
            });
            let back = around.chance.below(24 * 4_096);
            (Name::Journal, usize::try_from(start).expect("few regions") + (head + region - 1 - back) % region)
        };
        if self.disk.damage(copy, name, offset) {
            around.faults.sectors_damaged += 1;
            around.trace.event(Event::Fault, [5, self.index as u64, offset as u64]);
        }
    }

    /// Starts the process: it reads its journal, and is held to what it told, and to the authority's other shards, where they
    /// run. It may be stopped on its way.
    ///
    /// # Errors
    /// What it does wrong.
    pub fn start(&mut self, around: &mut Around, others: &[Option<&Shard>]) -> Result<(), String> {
        self.boot += 1;
        let is_stopped = around.chance.happens(around.swarm.stop_in_recovery);
        self.disk.fuel = is_stopped.then(|| u32::try_from(around.chance.below(14)).expect("a small number"));
        let mut disk = core::mem::replace(&mut self.disk, Disk::new(0));
        let recovered = recovery::recover(self, &mut disk, &mut around.faults);
        (self.disk, self.disk.fuel) = (disk, None);
        around.trace.event(Event::Recovered, [self.index as u64, self.boot, u64::from(recovered.is_ok())]);
        match recovered {
            Ok(recovered) => self.go_on(recovered, around, others),
            Err(Stop::Halted(Stopped)) => {
                around.faults.stops_in_recovery += 1;
                if around.chance.once_in(2) {
                    self.cut_power(around);
                }
                Ok(())
            }
            Err(Stop::Wrong(wrong)) => Err(format!("authority {}: {wrong}", self.index)),
        }
    }

    /// What was read back must be what its journal holds for certain, and more than it told anyone.
    fn go_on(
        &mut self,
        recovered: Vec<Recovered>,
        around: &mut Around,
        others: &[Option<&Shard>],
    ) -> Result<(), String> {
        let at = |wrong: String| format!("authority {}, after recovery: {wrong}", self.index);
        let is_synced = [0, 1].map(|copy| self.disk.is_synced(copy, Name::Journal));
        for (ledger, recovered) in self.ledgers.iter_mut().zip(&recovered) {
            let end = (recovered.keeper.position().block - 1, recovered.shard.records_durable());
            ledger.recover(end, is_synced, &recovered.shard, (&around.ground, self.index)).map_err(at)?;
        }
        let shards: Vec<&Shard> = recovered.iter().map(|recovered| &recovered.shard).collect();
        around.book.check_remembered(&around.ground, self.index, &self.among(&shards, others))?;
        for shard in &shards {
            around.trace.bytes(&shard.state_digest());
        }
        for (kept, shard) in self.kept.iter_mut().zip(&shards) {
            kept.recovered(shard.history_end());
        }
        if around.chance.once_in(4) {
            let mut disk = self.disk.clone();
            self.check_histories(&shards, &mut disk, &around.ground)?;
        }
        self.weak_copy = around.chance.below(2);
        let links = || (0..self.shard_count()).map(|_| Link::default()).collect();
        let links = (0..self.shard_count()).map(|_| links()).collect();
        let shards = recovered.into_iter().map(Running::new).collect();
        let (commit, files, historian) = (VecDeque::new(), VecDeque::new(), Historian::default());
        let (commit_stall, file_stall, history_stall) = (0, 0, 0);
        self.run = Some(Run { shards, commit, files, historian, links, commit_stall, file_stall, history_stall });
        Ok(())
    }

    /// All of the authority's shards: these in their places, and the others.
    fn among<'a>(&self, shards: &[&'a Shard], others: &[Option<&'a Shard>]) -> Vec<Option<&'a Shard>> {
        let mut all = others.to_vec();
        self.shards.iter().zip(shards).for_each(|(index, shard)| all[index.index()] = Some(shard));
        all
    }

    /// What recovery would give back if the power went now.
    ///
    /// # Errors
    /// Less than what was told, or nothing at all.
    pub fn try_power_cut(&self, around: &mut Around, others: &[Option<&Shard>]) -> Result<(), String> {
        let mut disk = self.disk.clone();
        disk.cut(&mut around.chance);
        let recovered = match recovery::recover(self, &mut disk, &mut Default::default()) {
            Ok(recovered) => recovered,
            Err(Stop::Wrong(wrong)) => return Err(format!("if power went now, authority {}: {wrong}", self.index)),
            Err(Stop::Halted(Stopped)) => unreachable!("nothing stops this one"),
        };
        let at = |wrong: String| format!("if power went now, {wrong}");
        for (place, recovered) in recovered.iter().enumerate() {
            let shard = &recovered.shard;
            self.ledgers[place].compare(shard.records_durable(), shard, self.replica(place)).map_err(at)?;
        }
        let shards: Vec<&Shard> = recovered.iter().map(|recovered| &recovered.shard).collect();
        around.book.check_remembered(&around.ground, self.index, &self.among(&shards, others)).map_err(at)?;
        self.check_histories(&shards, &mut disk, &around.ground).map_err(at)
    }

    /// What recovery gave back, with the histories that it left on the disk.
    fn check_histories(&self, shards: &[&Shard], disk: &mut Disk, ground: &Ground) -> Result<(), String> {
        for (index, (shard, kept)) in shards.iter().zip(&self.kept).enumerate() {
            let mut segments = Segments::open(disk, &self.superblock, self.shard_at(index));
            let checked = history::check(shard, &mut segments, kept, ground);
            checked.map_err(|wrong| format!("authority {}, shard {index}, histories: {wrong}", self.index))?;
        }
        Ok(())
    }

    /// Queues are within their bounds, and nobody broke the protocol's assumptions.
    ///
    /// # Errors
    /// One is not.
    pub fn check_bounds(&self) -> Result<(), String> {
        for (_, shard) in self.running() {
            let counters = shard.counters();
            let gone = counters.orders_held_funded + counters.orders_held_expired + counters.orders_held_displaced;
            if counters.orders_held - gone != shard.held_count() as u64 || shard.held_count() > TABLES.held_orders {
                return Err(format!("authority {}: {} orders are held", self.index, shard.held_count()));
            }
            let open_max = TABLES.history_open_bytes + TABLES.history_open_bytes_reserved();
            if shard.open_history_bytes() > open_max {
                return Err(format!(
                    "authority {}: {} bytes of a history wait",
                    self.index,
                    shard.open_history_bytes()
                ));
            }
            if counters.replies_dropped > 0 {
                return Err(format!("authority {}: {} replies were dropped", self.index, counters.replies_dropped));
            }
            if counters.conflicting_certificates > 0 {
                return Err(format!("authority {} was shown two certificates of one sequence number", self.index));
            }
        }
        Ok(())
    }

    /// Whether nothing is open, under way, unproved, owed or waiting.
    pub fn is_settled(&self) -> bool {
        self.run.as_ref().is_some_and(|run| {
            run.shards.iter().all(|running| {
                let is_written = running.keeper.is_settled(&running.shard) && running.waiting.is_empty();
                let has_answered = running.checking.is_empty() && running.shard.held_count() == 0;
                let is_written = is_written && !running.shard.has_open_history();
                is_written && has_answered && running.shard.amount_under_way() == 0
            })
        })
    }

    /// What it waits for, in words.
    pub fn describe(&self) -> String {
        let Some(run) = &self.run else { return "down".to_owned() };
        let describe = |running: &Running| {
            let (made, durable) = (running.shard.records_made().0, running.shard.records_durable().0);
            let (used, stage) = (running.keeper.used_percent(), running.keeper.stage());
            let owed = running.shard.amount_under_way();
            let held = running.shard.held_count();
            format!("{used} % of the ring, {made} records, {durable} durable, {owed} owed, {held} held, {stage:?}")
        };
        run.shards.iter().map(describe).collect::<Vec<_>>().join("; ")
    }
}

impl Running {
    fn new(recovered: Recovered) -> Self {
        Self {
            writing: Writing::new(&recovered.shard),
            shard: recovered.shard,
            keeper: recovered.keeper,
            checking: VecDeque::new(),
            spare: Vec::new(),
            waiting: Vec::new(),
            under_way: Vec::new(),
            snapshot: None,
            is_synced: false,
        }
    }
}

/// Why something did not end well.
#[derive(Debug)]
enum Stop {
    Halted(Stopped),
    Wrong(String),
}

impl From<Stopped> for Stop {
    fn from(stopped: Stopped) -> Self {
        Self::Halted(stopped)
    }
}
