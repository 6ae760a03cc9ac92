//! An authority at work on a machine whose power may go: what the shell's threads do, one small step at a time.

use super::super::common::Random;
use super::disk::{Disk, Name, PowerCut};
use super::outside::{Outside, SHARD_COUNT, pairs};
use super::{Ground, Mutant};
use crate::credit::{Credit, CreditAck};
use crate::journal::block::{PAYLOAD_BYTES_MAX, block_bytes, set_copy};
use crate::journal::identity::Superblock;
use crate::journal::record::Record;
use crate::journal::ring::{Placed, Position, Ring};
use crate::journal::snapshot::{Encoder, SNAPSHOT_CHUNK_SLOTS, SnapshotHeader};
use crate::journal::{REGION_BYTES_MIN, RecordNumber};
use crate::shard::{Pressure, Sealed, Shard, ShardConfig};
use crate::types::ShardIndex;
use std::collections::VecDeque;

/// Rings turn, and cannot without snapshots.
pub(super) const REGION_BYTES: u64 = REGION_BYTES_MIN;

/// Shares of a ring's capacity, percent, as the shell has them.
const SNAPSHOT_PERCENT: u64 = 40;
const VOTES_STOP_PERCENT: u64 = 70;
const CONFIRMATIONS_STOP_PERCENT: u64 = 90;
/// From here on nothing is taken from other shards: what waits in their outboxes is not lost.
const CREDITS_STOP_PERCENT: u64 = 95;

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
    pub(super) ring: Ring,
    /// Of the last snapshot.
    pub(super) header: SnapshotHeader,
    /// From the ring's tail on.
    pub(super) blocks: Vec<Placed>,
    /// How often the ring came to its end and began anew.
    pub(super) turn_count: usize,
    /// The last block that the ring was told to be durable.
    pub(super) durable_block: u64,
    stage: Stage,
    encoder: Option<(Encoder, usize)>,
    waiting: Vec<Block>,
    under_way: Vec<Block>,
    is_unproved: bool,
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

/// How far a snapshot is.
#[derive(Clone, Copy)]
enum Stage {
    None,
    Accounts { cursor: usize, start: Position, lsn: RecordNumber },
    Tail { start: Position, lsn: RecordNumber },
    Durable { start: Position, lsn: RecordNumber },
    Sync { start: Position, is_done: bool },
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
    /// Goes on where recovery ended.
    pub(super) fn new(shard: Shard, ring: Ring, header: SnapshotHeader, blocks: Vec<Placed>) -> Self {
        let durable_block = ring.position().block - 1;
        Self {
            shard,
            ring,
            header,
            blocks,
            turn_count: 0,
            durable_block,
            stage: Stage::None,
            encoder: None,
            waiting: Vec::new(),
            under_way: Vec::new(),
            is_unproved: false,
            asked: Vec::new(),
            asked_before: Vec::new(),
            handed_over: vec![0; SHARD_COUNT],
        }
    }

    /// Seals what has gathered, or some of it; or, if there is nothing, makes the empty block that proves the one before.
    fn give(&mut self, mutant: Option<Mutant>, history: &mut Vec<Vec<u8>>, random: &mut Random) {
        let under_way_max = if mutant == Some(Mutant::TwoBlocksUnderWay) { 2 } else { 1 };
        let is_proof = !self.shard.has_open_records();
        let room = self.room(mutant);
        if room == 0 || self.waiting.len() + self.under_way.len() >= under_way_max || is_proof && !self.is_unproved {
            return;
        }
        let bytes_max = if random.once_in(4) { 400 + random.below(8_000) } else { PAYLOAD_BYTES_MAX };
        let bytes_max = bytes_max.min(room);
        let mut records = Vec::new();
        let none = Sealed { count: 0, last: self.shard.records_sealed() };
        let sealed = self.shard.seal(bytes_max, &mut records).unwrap_or(none);
        history.truncate(usize::try_from(sealed.last.0 - u64::from(sealed.count)).unwrap());
        split(&records, history);
        let mut bytes = vec![0xaa; block_bytes(records.len())];
        let placed = self.ring.encode(&records, sealed.count, &mut bytes).expect("the ring is not full");
        assert_eq!(placed.last_record, sealed.last, "ring and shard count alike");
        self.is_unproved = !is_proof;
        self.turn_count += usize::from(self.ring.position().offset == 0);
        self.blocks.push(placed);
        self.waiting.push(Block { bytes, placed });
        self.asked_before = core::mem::take(&mut self.asked);
        if mutant == Some(Mutant::RepliesLeaveAtSeal) {
            self.shard.set_durable(sealed.last);
        }
    }

    /// The most bytes of records that a block may have now. The mutant does not know that a snapshot waits.
    fn room(&self, mutant: Option<Mutant>) -> usize {
        let is_waited_for = matches!(self.stage, Stage::Durable { lsn, .. } if self.shard.records_durable() < lsn);
        self.ring.payload_room(is_waited_for && mutant != Some(Mutant::FullRingTakesCredits))
    }

    /// Whether other shards must wait.
    fn is_nearly_full(&self, mutant: Option<Mutant>) -> bool {
        self.used_percent() >= CREDITS_STOP_PERCENT && mutant != Some(Mutant::FullRingTakesCredits)
    }

    /// The blocks under way are durable.
    fn release(&mut self) {
        for Block { placed, .. } in &self.under_way {
            self.ring.durable(placed.block);
            self.durable_block = placed.block;
            self.shard.set_durable(placed.last_record);
        }
    }

    /// Says how full the ring is.
    fn press(&mut self) {
        self.shard.set_pressure(match self.used_percent() {
            CONFIRMATIONS_STOP_PERCENT.. => Pressure::Confirmations,
            VOTES_STOP_PERCENT.. => Pressure::Votes,
            _ => Pressure::None,
        });
    }

    fn used_percent(&self) -> u64 {
        self.ring.used_bytes() * 100 / self.ring.limit_bytes()
    }

    fn describe(&self) -> String {
        let stage = match self.stage {
            Stage::None => "no snapshot".to_owned(),
            Stage::Accounts { .. } => "a snapshot's accounts".to_owned(),
            Stage::Tail { .. } => "a snapshot's tail".to_owned(),
            Stage::Durable { lsn, .. } => format!("a snapshot that waits for record {}", lsn.0),
            Stage::Sync { .. } => "a snapshot being synced".to_owned(),
        };
        let (made, durable) = (self.shard.records_made().0, self.shard.records_durable().0);
        format!("{} % of the ring, {made} records, {durable} durable, {stage}", self.used_percent())
    }

    /// Whether no snapshot is under way.
    pub(super) fn is_snapshot_idle(&self) -> bool {
        matches!(self.stage, Stage::None)
    }

    /// Appends what the snapshot's encoder made to the file in every copy.
    fn append(&mut self, steps: &mut VecDeque<FileStep>, bytes: &[u8]) {
        let name = self.unfinished();
        let (_, written) = self.encoder.as_mut().expect("a snapshot is under way");
        steps.extend((0..2).map(|copy| FileStep::Write { copy, name, offset: *written, bytes: bytes.to_vec() }));
        *written += bytes.len();
    }

    fn unfinished(&self) -> Name {
        Name::Unfinished(self.header.shard.shard.index(), self.header.number % 2)
    }

    /// Carries the snapshot on by one piece, as the shell does.
    fn snapshot(&mut self, mutant: Option<Mutant>, steps: &mut VecDeque<FileStep>) -> bool {
        let mut bytes = Vec::new();
        match self.stage {
            Stage::None => {
                if self.used_percent() < SNAPSHOT_PERCENT {
                    return false;
                }
                let start = self.ring.position();
                self.header = SnapshotHeader { number: self.header.number + 1, start, ..self.header };
                let name = self.unfinished();
                steps.extend((0..2).map(|copy| FileStep::Create { copy, name }));
                self.encoder = Some((Encoder::new(&self.header, &mut bytes), 0));
                self.append(steps, &bytes);
                self.stage = Stage::Accounts { cursor: 0, start, lsn: start.record };
            }
            Stage::Accounts { mut cursor, start, lsn } => {
                let mut slots = Vec::new();
                let chunk_lsn = self.shard.snapshot_chunk(&mut cursor, &mut slots).expect("there are accounts");
                let (encoder, _) = self.encoder.as_mut().expect("a snapshot is under way");
                encoder.chunk(chunk_lsn, &slots, &mut bytes);
                self.append(steps, &bytes);
                let lsn = lsn.max(chunk_lsn);
                let is_last = slots.len() < SNAPSHOT_CHUNK_SLOTS;
                self.stage = if is_last { Stage::Tail { start, lsn } } else { Stage::Accounts { cursor, start, lsn } };
            }
            Stage::Tail { start, lsn } => {
                let (tail_lsn, tail) = self.shard.snapshot_tail();
                let (encoder, _) = self.encoder.as_mut().expect("a snapshot is under way");
                encoder.tail(tail_lsn, &tail, &mut bytes);
                self.append(steps, &bytes);
                self.stage = Stage::Durable { start, lsn: lsn.max(tail_lsn) };
            }
            Stage::Durable { start, lsn } => {
                if self.shard.records_durable() < lsn && mutant != Some(Mutant::SnapshotFootBeforeDurable) {
                    return false;
                }
                self.finish_snapshot(mutant, steps);
                self.stage = Stage::Sync { start, is_done: false };
            }
            Stage::Sync { start, is_done } => {
                if !is_done {
                    return false;
                }
                self.ring.release(start);
                self.blocks.retain(|placed| placed.block >= start.block);
                self.stage = Stage::None;
            }
        }
        true
    }

    /// The foot, and what gives the file its name.
    fn finish_snapshot(&mut self, mutant: Option<Mutant>, steps: &mut VecDeque<FileStep>) {
        let mut bytes = Vec::new();
        let (encoder, written) = self.encoder.take().expect("a snapshot is under way");
        encoder.finish(&mut bytes);
        let (shard, from) = (self.header.shard.shard.index(), self.unfinished());
        steps.extend((0..2).map(|copy| FileStep::Write { copy, name: from, offset: written, bytes: bytes.clone() }));
        if mutant != Some(Mutant::ReleaseBeforeSnapshotSync) {
            steps.extend((0..2).map(|copy| FileStep::Sync { copy, name: from }));
        }
        for copy in 0..2 {
            steps.push_back(FileStep::Rename { copy, from, to: Name::Snapshot(shard, self.header.number % 2) });
            steps.push_back(FileStep::SyncDirectory { copy });
        }
        steps.push_back(FileStep::Done { shard });
    }
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
            _ => self.file_step(around.disk)?,
        }
        Ok(())
    }

    /// A shard is sent something, unless it has no room for it.
    pub(super) fn ask(&mut self, shard: usize, datagrams: Vec<Vec<u8>>, around: &mut Around<'_, '_>) {
        let running = &mut self.running[shard];
        if running.shard.room() >= datagrams.len() {
            running.press();
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
        if self.running[destination].is_nearly_full(self.mutant) {
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
        if self.running[source].is_nearly_full(self.mutant) {
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
            Some(FileStep::Done { shard }) => {
                if let Stage::Sync { is_done, .. } = &mut self.running[shard].stage {
                    *is_done = true;
                }
            }
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
                while self.running[shard].snapshot(self.mutant, &mut self.file_steps) {}
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
            let is_quiet = !running.is_unproved && running.is_snapshot_idle();
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

/// A new shard of authority 0, with no account.
pub(super) fn new_shard(ground: &Ground, shard: usize) -> Shard {
    let world = &ground.world;
    Shard::new(ShardConfig {
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
        hash_key: [0x5c; 16],
    })
}
