//! An honest authority: one process, or two on machines of their own, with a wire between them (`wire.rs`).

use super::around::Around;
use super::process::{Process, TABLES};
use super::wire::Wire;
use super::{ground::Ground, signatures::Keys, signatures::Notary};
use quittance_engine::mutant::Planted;
use quittance_engine::shard::Shard;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;

/// See the module's docs.
pub struct Authority {
    index: usize,
    shard_count: usize,
    processes: Vec<Process>,
    /// If there are two.
    wire: Option<Wire>,
}

impl Authority {
    /// An authority that was never started. With `split` a second process runs the shards from that one on.
    pub fn new(
        ground: &Ground,
        (index, split): (usize, Option<u16>),
        notary: &Notary,
        keys: &Keys,
        planted: Planted,
    ) -> Self {
        let shard_count = ground.shard_counts[index];
        let first = split.unwrap_or(shard_count);
        let range = |from, to| ShardRange::new(ShardIndex(from), to - from);
        let ranges: Vec<ShardRange> = [range(0, first), range(first, shard_count)].into_iter().flatten().collect();
        let process = |shards: &ShardRange| {
            Process::new(ground, (index, *shards), notary.signer(keys, index), *keys.seed(index), planted)
        };
        let processes: Vec<Process> = ranges.iter().map(process).collect();
        let wire = split.map(|_| Wire::new(ground.context.network, shard_count, &ranges, keys.seed(index), planted));
        Self { index, shard_count: shard_count.into(), processes, wire }
    }

    /// One of its processes, drawn.
    pub fn draw(&self, around: &mut Around) -> usize {
        if self.processes.len() == 1 { 0 } else { around.chance.below(self.processes.len()) }
    }

    /// A process, for whatever may happen to it.
    pub fn process(&mut self, which: usize) -> &mut Process {
        &mut self.processes[which]
    }

    /// Whether all of it runs.
    pub fn is_up(&self) -> bool {
        self.processes.iter().all(Process::is_up)
    }

    /// Starts a process.
    ///
    /// # Errors
    /// What it does wrong.
    pub fn start(&mut self, which: usize, around: &mut Around) -> Result<(), String> {
        let (before, rest) = self.processes.split_at_mut(which);
        let (process, after) = rest.split_first_mut().expect("there is such a process");
        let others = shards_of(self.shard_count, before.iter().chain(&*after));
        process.start(around, &others)?;
        self.check_supply(around)
    }

    /// Starts what does not run.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_all(&mut self, around: &mut Around) -> Result<(), String> {
        for which in 0..self.processes.len() {
            if !self.processes[which].is_up() {
                self.start(which, around)?;
            }
        }
        Ok(())
    }

    /// Does something, if there is something to do. Returns whether there was.
    ///
    /// # Errors
    /// What it does wrong.
    pub fn act(&mut self, around: &mut Around) -> Result<bool, String> {
        if let Some(wire) = &mut self.wire
            && around.chance.once_in(4)
        {
            return wire.act(&mut self.processes, around).map_err(|wrong| format!("authority {}: {wrong}", self.index));
        }
        let which = self.draw(around);
        let process = &mut self.processes[which];
        if process.is_up() { process.act(around) } else { Ok(false) }
    }

    /// A datagram arrives at a shard's port.
    pub fn receive(&mut self, shard: u16, payer: usize, datagram: &[u8], around: &mut Around) {
        let process = self.processes.iter_mut().find(|process| process.has(ShardIndex(shard)));
        process.expect("every shard has its process").receive(shard, payer, datagram, around);
    }

    /// Its shards, if all run.
    pub fn shards(&self) -> Option<Vec<&Shard>> {
        shards_of(self.shard_count, &self.processes).into_iter().collect()
    }

    /// What recovery of each process would give back if its power went now; and whether one that had lost its disks would be
    /// found out by the other.
    ///
    /// # Errors
    /// Less than what was told, or nothing at all.
    pub fn try_power_cut(&mut self, around: &mut Around) -> Result<(), String> {
        for which in 0..self.processes.len() {
            let (before, rest) = self.processes.split_at(which);
            let (process, after) = rest.split_first().expect("there is such a process");
            let others = shards_of(self.shard_count, before.iter().chain(after));
            process.try_power_cut(around, &others)?;
        }
        match &mut self.wire {
            Some(wire) => wire.try_losses(&mut self.processes, around),
            None => Ok(()),
        }
        .map_err(|wrong| format!("authority {}: {wrong}", self.index))
    }

    /// No unit is lost or made: balances, what was paid out, and credits that are debited and not applied.
    ///
    /// # Errors
    /// Some is.
    pub fn check_supply(&self, around: &Around) -> Result<(), String> {
        let Some(shards) = self.shards() else { return Ok(()) };
        let tails: Vec<_> = shards.iter().map(|shard| shard.snapshot_tail().1).collect();
        let mut total: i128 = shards.iter().flat_map(|shard| shard.accounts()).map(|slot| slot.balance.0).sum();
        for (source, tail) in tails.iter().enumerate() {
            total += i128::try_from(tail.redeemed).expect("no more than there is");
            for (destination, outgoing) in tail.outgoing.iter().enumerate() {
                let applied = tails[destination].incoming[source];
                let under_way = outgoing.credits.iter().filter(|credit| credit.number > applied);
                total += under_way.map(|credit| i128::from(credit.amount.0)).sum::<i128>();
                if outgoing.credits.len() > TABLES.credits_unacknowledged {
                    return Err(format!("authority {}: an outbox holds {}", self.index, outgoing.credits.len()));
                }
            }
        }
        let supply = around.ground.supply();
        if total != supply {
            return Err(format!("authority {} has {total} units and should have {supply}", self.index));
        }
        Ok(())
    }

    /// Queues are within their bounds, and nobody broke the protocol's assumptions.
    ///
    /// # Errors
    /// One is not.
    pub fn check_bounds(&self) -> Result<(), String> {
        self.processes.iter().try_for_each(Process::check_bounds)
    }

    /// Whether nothing is open, under way, unproved or owed.
    pub fn is_settled(&self) -> bool {
        self.processes.iter().all(Process::is_settled)
    }

    /// What it waits for, in words.
    pub fn describe(&self) -> String {
        let wire = self.wire.as_ref().map(Wire::describe).unwrap_or_default();
        self.processes.iter().map(Process::describe).collect::<Vec<_>>().join(" + ") + &wire
    }
}

/// By index: the shards of these processes, where they run.
fn shards_of<'a>(count: usize, processes: impl IntoIterator<Item = &'a Process>) -> Vec<Option<&'a Shard>> {
    let mut all = vec![None; count];
    for process in processes {
        process.running().for_each(|(index, shard)| all[index.index()] = Some(shard));
    }
    all
}
