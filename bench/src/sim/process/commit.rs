//! Blocks and snapshots on their way to the disks.

use super::super::around::Around;
use super::super::disk::Name;
use super::super::trace::Event;
use super::{Process, Run, Running};
use quittance_engine::journal::BLOCK_BYTES_MAX;
use quittance_engine::journal::block::{PAYLOAD_BYTES_MAX, set_copy};
use quittance_engine::journal::record::RECORD_BYTES_MAX;
use quittance_engine::journal::ring::Placed;
use quittance_engine::journal::snapshot::Encoder;
use quittance_engine::keeper::{Copied, Piece};
use quittance_engine::mutant::Mutant;
use quittance_engine::types::ShardIndex;
use std::collections::VecDeque;
use std::rc::Rc;

/// A block on its way to the disks, as each copy has it.
#[derive(Debug)]
pub(super) struct Block {
    copies: [Rc<[u8]>; 2],
    placed: Placed,
}

/// What the thread that commits does next.
#[derive(Clone, Copy, Debug)]
pub(super) enum CommitStep {
    Write { copy: usize, shard: usize, block: usize },
    Sync { copy: usize },
    Release,
    End,
}

/// What the thread that writes snapshots does next.
#[derive(Debug)]
pub(super) enum FileStep {
    Create { copy: usize, name: Name },
    Write { copy: usize, name: Name, offset: usize, bytes: Rc<[u8]> },
    Sync { copy: usize, name: Name },
    Rename { copy: usize, from: Name, to: Name },
    SyncDirectory { copy: usize },
    Done { shard: ShardIndex },
}

impl Process {
    /// A shard seals what has gathered, or some of it, if a block is due.
    pub(super) fn give(&mut self, shard: usize, around: &mut Around) -> bool {
        let may_overlap = self.is(Mutant::TwoBlocksUnderWay) || self.is(Mutant::CompletionOutOfOrder);
        let Some(run) = &mut self.run else { return false };
        let running = &mut run.shards[shard];
        running.keeper.press(&mut running.shard);
        let count = running.waiting.len() + running.under_way.len();
        if count > usize::from(may_overlap) || running.keeper.due(around.now_ns, &running.shard).is_none() {
            return false;
        }
        let is_thin = around.swarm.are_blocks_thin || around.chance.once_in(4);
        let bytes_max = if is_thin { RECORD_BYTES_MAX + around.chance.below(400) } else { PAYLOAD_BYTES_MAX };
        let (now_ns, pages) = (around.now_ns, &mut around.pages);
        pages.resize(BLOCK_BYTES_MAX, 0);
        let placed = running.keeper.give_at_most(bytes_max, now_ns, &mut running.shard, pages);
        let placed = placed.expect("it is due");
        self.ledgers[shard].seal(placed.block, placed.last_record, running.keeper.records());
        let first: Rc<[u8]> = pages[..placed.bytes].into();
        set_copy(&mut pages[..placed.bytes], 1);
        let second: Rc<[u8]> = pages[..placed.bytes].into();
        around.faults.ring_turns += u64::from(running.keeper.position().offset == 0);
        // Its header says all there is to say about it.
        around.trace.event(Event::Block, [self.index as u64, shard as u64, placed.block]);
        around.trace.bytes(&first[..192]);
        running.waiting.push(Block { copies: [first, second], placed });
        true
    }

    /// The next step of the commit under way, or the first of a new one.
    pub(super) fn commit_step(&mut self, around: &mut Around) -> Result<bool, String> {
        let (is_early, is_one_copy) = (self.is(Mutant::DurableBeforeSync), self.is(Mutant::OneCopySynced));
        let is_backwards = self.is(Mutant::CompletionOutOfOrder);
        let Some(run) = &mut self.run else { return Ok(false) };
        if run.commit_stall > 0 {
            run.commit_stall -= 1;
            return Ok(false);
        }
        if run.commit.is_empty() {
            run.begin_commit(around, is_early, is_one_copy, is_backwards);
        }
        let Some(step) = run.commit.pop_front() else { return Ok(false) };
        match step {
            CommitStep::Write { copy, shard, block } => {
                let Block { copies, placed } = &run.shards[shard].under_way[block];
                let region = self.superblock.region_start(self.shards.iter().nth(shard).expect("one of its shards"));
                let offset = usize::try_from(region + placed.offset).expect("few regions");
                self.disk.write(copy, Name::Journal, offset, Rc::clone(&copies[copy])).expect("it has fuel");
                self.ledgers[shard].write(copy, placed.block);
            }
            CommitStep::Sync { copy } => self.sync_copy(copy, around),
            CommitStep::Release => run.shards.iter_mut().for_each(|running| running.release(is_backwards)),
            CommitStep::End => run.shards.iter_mut().for_each(|running| running.under_way.clear()),
        }
        around.trace.event(Event::Commit, [self.index as u64, 0, 0]);
        Ok(true)
    }

    /// A sync that fails ends the process.
    fn sync_copy(&mut self, copy: usize, around: &mut Around) {
        if around.chance.happens(around.swarm.sync_error) {
            around.faults.sync_errors += 1;
            self.disk.fail_sync(copy, Name::Journal, &mut around.chance);
            if !self.is(Mutant::SyncErrorIgnored) {
                self.kill(around);
            }
            return;
        }
        self.disk.sync(copy, Name::Journal).expect("it has fuel");
        for ledger in &mut self.ledgers {
            ledger.sync(copy, &around.ground, self.index);
        }
    }

    /// Carries a shard's snapshot on by one piece.
    pub(super) fn snapshot_step(&mut self, shard: usize, around: &mut Around) -> bool {
        let is_synced = !self.is(Mutant::ReleaseBeforeSnapshotSync);
        let is_careless = self.is(Mutant::SnapshotBeforeHistory);
        let Some(run) = &mut self.run else { return false };
        let done = run.shards[shard].snapshot_step(&mut run.files, is_synced, is_careless);
        if done {
            around.trace.event(Event::Snapshot, [self.index as u64, shard as u64, 0]);
        }
        done
    }

    /// One step of the thread that writes snapshots.
    pub(super) fn file_step(&mut self, around: &mut Around) -> bool {
        let Some(run) = &mut self.run else { return false };
        if run.file_stall > 0 {
            run.file_stall -= 1;
            return false;
        }
        let Some(step) = run.files.pop_front() else { return false };
        let disk = &mut self.disk;
        match step {
            FileStep::Create { copy, name } => disk.create(copy, name),
            FileStep::Write { copy, name, offset, bytes } => disk.write(copy, name, offset, bytes),
            FileStep::Sync { copy, name } => disk.sync(copy, name),
            FileStep::Rename { copy, from, to } => disk.rename(copy, from, to),
            FileStep::SyncDirectory { copy } => disk.sync_directory(copy),
            FileStep::Done { shard } => {
                run.shards[self.shards.local(shard)].is_synced = true;
                Ok(())
            }
        }
        .expect("it has fuel");
        around.trace.event(Event::Snapshot, [self.index as u64, 1 << 32, 0]);
        true
    }
}

impl Run {
    /// All blocks that wait, to both copies in any order; then a sync of each; then they are durable.
    fn begin_commit(&mut self, around: &mut Around, is_early: bool, is_one_copy: bool, is_backwards: bool) {
        let mut writes = Vec::new();
        let mut late = Vec::new();
        for (shard, running) in self.shards.iter_mut().enumerate() {
            running.under_way = core::mem::take(&mut running.waiting);
            for block in 0..running.under_way.len() {
                let is_late = is_backwards && block + 1 < running.under_way.len();
                let both = (0..2).map(|copy| CommitStep::Write { copy, shard, block });
                if is_late { late.extend(both) } else { writes.extend(both) }
            }
        }
        if writes.is_empty() {
            return;
        }
        around.chance.shuffle(&mut writes);
        let first = around.chance.below(2);
        let mut syncs = vec![CommitStep::Sync { copy: first }, CommitStep::Sync { copy: 1 - first }];
        if is_early {
            syncs.insert(0, CommitStep::Release);
        } else if is_one_copy {
            syncs = vec![CommitStep::Sync { copy: 0 }, CommitStep::Release];
        } else {
            syncs.push(CommitStep::Release);
        }
        self.commit.extend(writes);
        self.commit.extend(syncs);
        self.commit.extend(late);
        self.commit.push_back(CommitStep::End);
    }
}

impl Running {
    /// The blocks under way are durable.
    fn release(&mut self, is_backwards: bool) {
        let skipped = if is_backwards { self.under_way.len().saturating_sub(1) } else { 0 };
        for Block { placed, .. } in &self.under_way[skipped..] {
            self.keeper.durable(placed.block, placed.last_record, &mut self.shard);
        }
    }

    fn snapshot_step(&mut self, steps: &mut VecDeque<FileStep>, is_synced: bool, is_careless: bool) -> bool {
        if core::mem::take(&mut self.is_synced) {
            self.keeper.snapshot_done();
            return true;
        }
        let writing = &mut self.writing;
        let may_count = |copied: &Copied| is_careless || writing.holds(copied);
        let Some(piece) = self.keeper.snapshot_step(&self.shard, || Some(Vec::new()), may_count) else { return false };
        let mut bytes = Vec::new();
        if let Piece::Begin(header) = &piece {
            let name = Name::Unfinished(header.shard.shard.0, header.number % 2);
            steps.extend((0..2).map(|copy| FileStep::Create { copy, name }));
            self.snapshot = Some((name, Encoder::new(header, &mut bytes), 0));
        }
        let (name, mut encoder, offset) = self.snapshot.take().expect("a snapshot begins with its head");
        let append = |bytes: Vec<u8>| {
            let bytes: Rc<[u8]> = bytes.into();
            (0..2).map(move |copy| FileStep::Write { copy, name, offset, bytes: Rc::clone(&bytes) })
        };
        match piece {
            Piece::Begin(_) => {}
            Piece::Chunk { lsn, slots } => encoder.chunk(lsn, &slots, &mut bytes),
            Piece::Tail { lsn, tail } => encoder.tail(lsn, &tail, &mut bytes),
            Piece::Finish => {
                encoder.finish(&mut bytes);
                steps.extend(append(bytes));
                finish_file(name, is_synced, steps);
                return true;
            }
        }
        self.snapshot = Some((name, encoder, offset + bytes.len()));
        steps.extend(append(bytes));
        true
    }
}

/// What gives a snapshot's file its name.
fn finish_file(from: Name, is_synced: bool, steps: &mut VecDeque<FileStep>) {
    let Name::Unfinished(shard, turn) = from else { unreachable!("a file gets its name once") };
    if is_synced {
        steps.extend((0..2).map(|copy| FileStep::Sync { copy, name: from }));
    }
    for copy in 0..2 {
        steps.push_back(FileStep::Rename { copy, from, to: Name::Snapshot(shard, turn) });
        steps.push_back(FileStep::SyncDirectory { copy });
    }
    steps.push_back(FileStep::Done { shard: ShardIndex(shard) });
}
