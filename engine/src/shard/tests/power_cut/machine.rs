//! An authority at work on a machine whose power may go: what the shell's threads do, one small step at a time.

use super::super::common::Random;
use super::disk::{Disk, Name, PowerCut};
use super::outside::{Outside, SHARD_COUNT, pairs};
use super::{Ground, Mutant};
use crate::credit::{Credit, CreditAck};
use crate::journal::block::{PAYLOAD_BYTES_MAX, set_copy};
use crate::journal::identity::Superblock;
use crate::journal::record::Record;
use crate::journal::ring::Placed;
use crate::journal::snapshot::Encoder;
use crate::journal::{BLOCK_BYTES_MAX, REGION_BYTES_MIN};
use crate::keeper::{Copied, Keeper, PROOF_DELAY_NS, Piece, Rule, Stage};
use crate::limits::Tables;
use crate::mutant::Planted;
use crate::shard::{Shard, ShardConfig};
use crate::types::ShardIndex;
use std::collections::VecDeque;

/// Rings turn, and cannot without snapshots.
pub(super) const REGION_BYTES: u64 = REGION_BYTES_MIN;

/// What lasts as long as the authority has power.
pub(super) struct Machine {
    pub(super) running: Vec<Running>,
    superblock: Superblock,
    mutant: Option<Mutant>,
    commit: VecDeque<CommitStep>,
    file_steps: VecDeque<FileStep>,
    /// By source and destination: credits under way, and the acknowledgement that lies ready.
    links: Vec<Vec<(VecDeque<Credit>, CreditAck)>>,
}

/// A shard at work.
pub(super) struct Running {
    pub(super) shard: Shard,
    shard_index: usize,
    pub(super) keeper: Keeper,
    /// From the ring's tail on.
    pub(super) blocks: Vec<Placed>,
    /// How often the ring came to its end and began anew.
    pub(super) turn_count: usize,
    /// The file of the snapshot under way, its encoder, and how much of it was given away.
    snapshot: Option<(Name, Encoder, usize)>,
    /// The snapshot is complete in both copies.
    is_synced: bool,
    /// Entries of the history that were handed over and are not written: positions and bytes.
    entries: VecDeque<(u64, Vec<u8>)>,
    history_written: u64,
    history_synced: u64,
    waiting: Vec<Block>,
    under_way: Vec<Block>,
    now_ns: u64,
    /// What was asked since the last block, and for the one that is not durable.
    asked: Vec<Vec<u8>>,
    pub(super) asked_before: Vec<Vec<u8>>,
    /// By destination: what a mutant handed over.
    handed_over: Vec<u64>,
}

#[derive(Clone)]
struct Block {
    bytes: Vec<u8>,
    placed: Placed,
}

/// What the thread that commits does next.
#[derive(Clone, Copy)]
enum CommitStep {
    Write { copy: usize, shard: usize, block: usize },
    Sync { copy: usize },
    Release,
    End,
}

/// What the thread that writes snapshots does next.
enum FileStep {
    Create { copy: usize, name: Name },
    Write { copy: usize, name: Name, offset: usize, bytes: Vec<u8> },
    Sync { copy: usize, name: Name },
    Rename { copy: usize, from: Name, to: Name },
    SyncDirectory { copy: usize },
    Done { shard: usize },
}

/// How the machine is used for a while.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Payers have many certificates to send.
    pub(super) is_heavy: bool,
    /// Copying a piece of a snapshot takes so many times as long as usual.
    pub(super) copy_rarity: usize,
    /// Of this shard no snapshot is made at all.
    pub(super) stuck_shard: Option<usize>,
}

impl Pace {
    fn copies(self, shard: usize, random: &mut Random) -> bool {
        self.stuck_shard != Some(shard) && random.once_in(self.copy_rarity)
    }
}

/// Every record that a shard ever sealed, in order.
pub(super) type History = Vec<Vec<Vec<u8>>>;

/// Whom and what a step touches besides the machine.
pub(super) struct Around<'a, 'b> {
    pub(super) disk: &'a mut Disk,
    pub(super) outside: &'a mut Outside<'b>,
    pub(super) history: &'a mut History,
    pub(super) random: &'a mut Random,
}

/// Why a step did not end well.
#[derive(Debug)]
pub(super) enum Stop {
    Power,
    Wrong(String),
}

impl From<PowerCut> for Stop {
    fn from(_: PowerCut) -> Self {
        Self::Power
    }
}

impl From<String> for Stop {
    fn from(wrong: String) -> Self {
        Self::Wrong(wrong)
    }
}

impl Running {
    /// Goes on where recovery ended. A mutant's keeper leaves a rule out.
    pub(super) fn new(
        shard_index: usize,
        shard: Shard,
        mut keeper: Keeper,
        blocks: Vec<Placed>,
        mutant: Option<Mutant>,
    ) -> Self {
        keeper.leave_out(mutant.and_then(|mutant| match mutant {
            Mutant::TwoBlocksUnderWay => Some(Rule::OneUnderWay),
            Mutant::SnapshotFootBeforeDurable => Some(Rule::DurableFirst),
            Mutant::FullRingTakesCredits => Some(Rule::Reserve),
            _ => None,
        }));
        let history_end = shard.history_end();
        Self {
            shard,
            shard_index,
            entries: VecDeque::new(),
            history_written: history_end,
            history_synced: history_end,
            keeper,
            blocks,
            turn_count: 0,
            snapshot: None,
            is_synced: false,
            waiting: Vec::new(),
            under_way: Vec::new(),
            now_ns: 0,
            asked: Vec::new(),
            asked_before: Vec::new(),
            handed_over: vec![0; SHARD_COUNT],
        }
    }

    /// Seals what has gathered, or some of it; or, if there is nothing, makes the empty block that proves the one before:
    /// between two steps there is always time enough for that.
    fn give(&mut self, mutant: Option<Mutant>, history: &mut Vec<Vec<u8>>, random: &mut Random) {
        self.now_ns += PROOF_DELAY_NS;
        // The shell's pages come back when a commit has ended altogether.
        let under_way_max = if mutant == Some(Mutant::TwoBlocksUnderWay) { 2 } else { 1 };
        let is_idle = self.waiting.len() + self.under_way.len() < under_way_max;
        if !is_idle || self.keeper.due(self.now_ns, &self.shard).is_none() {
            return;
        }
        let bytes_max = if random.once_in(4) { 400 + random.below(8_000) } else { PAYLOAD_BYTES_MAX };
        history.truncate(usize::try_from(self.shard.records_sealed().0).unwrap());
        let mut bytes = vec![0xaa; BLOCK_BYTES_MAX];
        let placed = self.keeper.give_at_most(bytes_max, self.now_ns, &mut self.shard, &mut bytes).expect("it is due");
        bytes.truncate(placed.bytes);
        split(self.keeper.records(), history);
        self.turn_count += usize::from(self.keeper.position().offset == 0);
        self.blocks.push(placed);
        self.waiting.push(Block { bytes, placed });
        self.asked_before = core::mem::take(&mut self.asked);
        if mutant == Some(Mutant::RepliesLeaveAtSeal) {
            self.shard.set_durable(placed.last_record);
        }
    }

    /// The blocks under way are durable.
    fn release(&mut self) {
        for Block { placed, .. } in &self.under_way {
            self.keeper.durable(placed.block, placed.last_record, &mut self.shard);
        }
    }

    fn describe(&self) -> String {
        let stage = match self.keeper.stage() {
            Stage::None => "no snapshot".to_owned(),
            Stage::Accounts { .. } | Stage::Tail(_) => "a snapshot being copied".to_owned(),
            Stage::Durable(copied) => format!("a snapshot that waits for record {}", copied.last.0),
            Stage::Sync(_) => "a snapshot being synced".to_owned(),
        };
        let (made, durable) = (self.shard.records_made().0, self.shard.records_durable().0);
        format!("{} % of the ring, {made} records, {durable} durable, {stage}", self.keeper.used_percent())
    }

    /// Whether no snapshot is under way.
    pub(super) fn is_snapshot_idle(&self) -> bool {
        self.keeper.stage() == Stage::None
    }

    /// The thread that writes the history: takes what has gathered, writes a piece of it, or syncs it.
    fn history_step(&mut self, step: usize, disk: &mut Disk) -> Result<(), Stop> {
        let name = Name::History(self.shard_index);
        match step {
            0 => {
                let mut bytes = Vec::new();
                while let Some(position) = self.shard.seal_history(&mut bytes) {
                    self.entries.push_back((position, bytes.clone()));
                }
            }
            1 => {
                if let Some((position, bytes)) = self.entries.pop_front() {
                    disk.write(0, name, usize::try_from(position).unwrap(), &bytes)?;
                    self.history_written = position + bytes.len() as u64;
                }
            }
            _ => {
                disk.sync(0, name)?;
                self.history_synced = self.history_written;
            }
        }
        Ok(())
    }

    /// Carries the snapshot on by one piece, as the shell does.
    fn snapshot(&mut self, mutant: Option<Mutant>, steps: &mut VecDeque<FileStep>) -> bool {
        if core::mem::take(&mut self.is_synced) {
            let Stage::Sync(copied) = self.keeper.stage() else {
                unreachable!("a file is synced after its last piece")
            };
            self.keeper.snapshot_done();
            self.blocks.retain(|placed| placed.block >= copied.start.block);
            return true;
        }
        let synced = self.history_synced;
        // Whoever does not wait for the journal does not wait for the history, either: that takes longer.
        let waits = !matches!(mutant, Some(Mutant::SnapshotBeforeHistory | Mutant::SnapshotFootBeforeDurable));
        let may_count = |copied: &Copied| synced >= copied.history_end || !waits;
        let Some(piece) = self.keeper.snapshot_step(&self.shard, || Some(Vec::new()), may_count) else { return false };
        let mut bytes = Vec::new();
        if let Piece::Begin(header) = &piece {
            let name = Name::Unfinished(header.shard.shard.index(), header.number % 2);
            steps.extend((0..2).map(|copy| FileStep::Create { copy, name }));
            self.snapshot = Some((name, Encoder::new(header, &mut bytes), 0));
        }
        let (name, mut encoder, offset) = self.snapshot.take().expect("a snapshot begins with its head");
        let append =
            |bytes: Vec<u8>| (0..2).map(move |copy| FileStep::Write { copy, name, offset, bytes: bytes.clone() });
        match piece {
            Piece::Begin(_) => {}
            Piece::Chunk { lsn, slots } => encoder.chunk(lsn, &slots, &mut bytes),
            Piece::Tail { lsn, tail } => encoder.tail(lsn, &tail, &mut bytes),
            Piece::Finish => {
                encoder.finish(&mut bytes);
                steps.extend(append(bytes));
                finish_file(name, mutant, steps);
                return true;
            }
        }
        self.snapshot = Some((name, encoder, offset + bytes.len()));
        steps.extend(append(bytes));
        true
    }
}

/// What gives a snapshot's file its name.
fn finish_file(from: Name, mutant: Option<Mutant>, steps: &mut VecDeque<FileStep>) {
    let Name::Unfinished(shard, turn) = from else { unreachable!("a file gets its name once") };
    if mutant != Some(Mutant::ReleaseBeforeSnapshotSync) {
        steps.extend((0..2).map(|copy| FileStep::Sync { copy, name: from }));
    }
    for copy in 0..2 {
        steps.push_back(FileStep::Rename { copy, from, to: Name::Snapshot(shard, turn) });
        steps.push_back(FileStep::SyncDirectory { copy });
    }
    steps.push_back(FileStep::Done { shard });
}

impl Machine {
    pub(super) fn new(running: Vec<Running>, superblock: Superblock, mutant: Option<Mutant>) -> Self {
        let none = (VecDeque::new(), CreditAck { number: 0, has_room: true });
        let links = vec![vec![none; SHARD_COUNT]; SHARD_COUNT];
        Self { running, superblock, mutant, commit: VecDeque::new(), file_steps: VecDeque::new(), links }
    }

    /// One step of one of the threads, by chance.
    pub(super) fn step(&mut self, pace: Pace, around: &mut Around<'_, '_>) -> Result<(), Stop> {
        let shard = around.random.below(SHARD_COUNT);
        match around.random.below(16) {
            0 | 1 => {
                let burst = around.outside.burst(&self.shards(), pace.is_heavy, around.random);
                self.ask(burst.shard, burst.datagrams, around);
            }
            2 | 3 => self.give(shard, around),
            4..7 => self.commit_step(around)?,
            7 | 8 => around.outside.take_replies(&mut self.running[shard].shard)?,
            9..12 => self.link_step(around)?,
            12 if pace.copies(shard, around.random) => {
                _ = self.running[shard].snapshot(self.mutant, &mut self.file_steps)
            }
            12 => {}
            13 => {
                let step = *around.random.pick(&[0, 0, 1, 1, 1, 2, 2]);
                self.running[shard].history_step(step, around.disk)?;
            }
            _ => self.file_step(around.disk)?,
        }
        Ok(())
    }

    /// A shard is sent something, unless it has no room for it.
    pub(super) fn ask(&mut self, shard: usize, datagrams: Vec<Vec<u8>>, around: &mut Around<'_, '_>) {
        let running = &mut self.running[shard];
        if running.shard.room() >= datagrams.len() {
            running.keeper.press(&mut running.shard);
            around.outside.send(&mut running.shard, &datagrams);
            running.asked.extend(datagrams);
        }
    }

    pub(super) fn give(&mut self, shard: usize, around: &mut Around<'_, '_>) {
        self.running[shard].give(self.mutant, &mut around.history[shard], around.random);
    }

    /// The next step of the commit under way, or the first of a new one.
    pub(super) fn commit_step(&mut self, around: &mut Around<'_, '_>) -> Result<(), Stop> {
        if self.commit.is_empty() {
            self.begin_commit(around.random);
        }
        match self.commit.pop_front() {
            None => {}
            Some(CommitStep::Write { copy, shard, block }) => {
                let Block { mut bytes, placed } = self.running[shard].under_way[block].clone();
                set_copy(&mut bytes, u8::try_from(copy).unwrap());
                let offset = self.superblock.region_start(shard_index(shard)) + placed.offset;
                around.disk.write(copy, Name::Journal, usize::try_from(offset).unwrap(), &bytes)?;
            }
            Some(CommitStep::Sync { copy }) => around.disk.sync(copy, Name::Journal)?,
            Some(CommitStep::Release) => self.running.iter_mut().for_each(Running::release),
            Some(CommitStep::End) => self.running.iter_mut().for_each(|running| running.under_way.clear()),
        }
        Ok(())
    }

    /// All blocks that wait, to both copies in any order; then a sync of each; then they are durable.
    fn begin_commit(&mut self, random: &mut Random) {
        let mut writes = Vec::new();
        for (shard, running) in self.running.iter_mut().enumerate() {
            running.under_way = core::mem::take(&mut running.waiting);
            for block in 0..running.under_way.len() {
                writes.extend((0..2).map(|copy| CommitStep::Write { copy, shard, block }));
            }
        }
        if writes.is_empty() {
            return;
        }
        for index in (1..writes.len()).rev() {
            writes.swap(index, random.below(index + 1));
        }
        let first = random.below(2);
        let mut syncs = vec![CommitStep::Sync { copy: first }, CommitStep::Sync { copy: 1 - first }];
        match self.mutant {
            Some(Mutant::DurableBeforeSync) => syncs.insert(0, CommitStep::Release),
            Some(Mutant::OneCopySynced) => syncs = vec![CommitStep::Sync { copy: 0 }, CommitStep::Release],
            _ => syncs.push(CommitStep::Release),
        }
        self.commit = writes.into_iter().chain(syncs).chain([CommitStep::End]).collect();
    }

    /// One end of one link does something.
    fn link_step(&mut self, around: &mut Around<'_, '_>) -> Result<(), Stop> {
        let pairs: Vec<_> = pairs().collect();
        let (source, destination) = *around.random.pick(&pairs);
        match around.random.below(4) {
            0 => self.hand_over(source, destination, around.outside)?,
            1 => self.take_credits(source, destination),
            2 => self.give_ack(source, destination, around.outside),
            _ => self.take_ack(source, destination)?,
        }
        Ok(())
    }

    fn hand_over(&mut self, source: usize, destination: usize, outside: &mut Outside<'_>) -> Result<(), String> {
        let running = &mut self.running[source];
        let queue = &mut self.links[source][destination].0;
        if self.mutant == Some(Mutant::CreditBeforeDurable) {
            let last = &mut running.handed_over[destination];
            for credit in &running.shard.snapshot_tail().1.outgoing[destination].credits {
                if credit.number > *last {
                    *last = credit.number;
                    queue.push_back(*credit);
                    outside.credit_left(source, destination, *credit)?;
                }
            }
            return Ok(());
        }
        while let Some(credit) = running.shard.peek_credit(shard_index(destination)).copied() {
            running.shard.advance_credit(shard_index(destination));
            queue.push_back(credit);
            outside.credit_left(source, destination, credit)?;
        }
        Ok(())
    }

    fn take_credits(&mut self, source: usize, destination: usize) {
        if self.running[destination].keeper.is_nearly_full() {
            return;
        }
        for credit in self.links[source][destination].0.drain(..) {
            self.running[destination].shard.receive_credit(shard_index(source), &credit);
        }
    }

    fn give_ack(&mut self, source: usize, destination: usize, outside: &mut Outside<'_>) {
        let shard = &mut self.running[destination].shard;
        let mut ack = shard.credit_ack(shard_index(source));
        if self.mutant == Some(Mutant::AckBeforeDurable) {
            ack.number = shard.snapshot_tail().1.incoming[source];
        }
        outside.ack_left(source, destination, ack);
        self.links[source][destination].1 = ack;
    }

    fn take_ack(&mut self, source: usize, destination: usize) -> Result<(), String> {
        if self.running[source].keeper.is_nearly_full() {
            return Ok(());
        }
        let ack = self.links[source][destination].1;
        let taken = self.running[source].shard.receive_ack(shard_index(destination), ack);
        taken.map_err(|fault| fault.to_string())
    }

    fn file_step(&mut self, disk: &mut Disk) -> Result<(), Stop> {
        match self.file_steps.pop_front() {
            None => {}
            Some(FileStep::Create { copy, name }) => disk.create(copy, name)?,
            Some(FileStep::Write { copy, name, offset, bytes }) => disk.write(copy, name, offset, &bytes)?,
            Some(FileStep::Sync { copy, name }) => disk.sync(copy, name)?,
            Some(FileStep::Rename { copy, from, to }) => disk.rename(copy, from, to)?,
            Some(FileStep::SyncDirectory { copy }) => disk.sync_directory(copy)?,
            Some(FileStep::Done { shard }) => self.running[shard].is_synced = true,
        }
        Ok(())
    }

    /// Everything that is under way arrives, and everyone gets what he is owed.
    pub(super) fn settle(&mut self, around: &mut Around<'_, '_>) -> Result<(), Stop> {
        for _ in 0..SETTLE_ROUNDS_MAX {
            let missing = around.outside.missing(&self.shards(), around.random);
            let is_settled = missing.is_empty() && self.is_settled();
            if is_settled {
                return Ok(());
            }
            for burst in missing {
                self.ask(burst.shard, burst.datagrams, around);
            }
            for shard in 0..SHARD_COUNT {
                self.give(shard, around);
                around.outside.take_replies(&mut self.running[shard].shard)?;
                let running = &mut self.running[shard];
                running.history_step(0, around.disk)?;
                while !running.entries.is_empty() {
                    running.history_step(1, around.disk)?;
                }
                running.history_step(2, around.disk)?;
                while running.snapshot(self.mutant, &mut self.file_steps) {}
            }
            self.commit_step(around)?;
            while !self.commit.is_empty() {
                self.commit_step(around)?;
            }
            while !self.file_steps.is_empty() {
                self.file_step(around.disk)?;
            }
            for (source, destination) in pairs() {
                self.hand_over(source, destination, around.outside)?;
                self.take_credits(source, destination);
                self.give_ack(source, destination, around.outside);
                self.take_ack(source, destination)?;
            }
        }
        let states = self.running.iter().map(Running::describe).collect::<Vec<_>>();
        Err(Stop::Wrong(format!("nothing settles in {SETTLE_ROUNDS_MAX} rounds: {}", states.join("; "))))
    }

    /// Nothing is open, under way, unproved or owed.
    fn is_settled(&self) -> bool {
        self.running.iter().all(|running| {
            let is_written = !running.shard.has_open_records() && running.waiting.is_empty();
            let is_quiet = !running.keeper.is_unproved() && running.is_snapshot_idle();
            is_written && is_quiet && running.shard.amount_under_way() == 0
        })
    }

    pub(super) fn shards(&self) -> Vec<&Shard> {
        self.running.iter().map(|running| &running.shard).collect()
    }
}

/// Far more than anything takes.
const SETTLE_ROUNDS_MAX: usize = 500;

/// Appends the records one by one.
pub(super) fn split(mut records: &[u8], into: &mut Vec<Vec<u8>>) {
    while !records.is_empty() {
        let (record, rest) = records.split_at(Record::length(records).expect("a shard made them"));
        into.push(record.to_vec());
        records = rest;
    }
}

pub(super) fn shard_index(shard: usize) -> ShardIndex {
    ShardIndex(u16::try_from(shard).unwrap())
}

/// A shard of authority 0.
pub(super) fn config(ground: &Ground, shard: usize) -> ShardConfig {
    let world = &ground.world;
    ShardConfig {
        network: world.network,
        committee: world.committee.clone(),
        authority_index: 0,
        secret: world.secrets[0].clone(),
        shard: shard_index(shard),
        shard_count: world.shard_count,
        account_count_max: crate::limits::account_reserve(world.shard_count) + 2_048,
        cached_key_count_max: 16,
        quarantine_ms: 0,
        is_durable: true,
        keeps_history: true,
        hash_key: [0x5c; 16],
        tables: Tables::FULL,
        planted: Planted::default(),
    }
}
