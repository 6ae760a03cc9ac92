//! A shard's steps: datagrams in, verdicts in, replies out.

use super::super::around::Around;
use super::super::network::{Packet, Place, payer_at, peer};
use super::super::trace::Event;
use super::Process;
use quittance_engine::shard::Outlet;
use quittance_engine::types::{Peer, ShardIndex};

/// Batches of one shard that are being checked at a time, as with verifier threads.
const CHECKING_MAX: usize = 2;

impl Process {
    /// Does something, if there is something to do. Returns whether there was.
    ///
    /// # Errors
    /// What it does wrong.
    pub fn act(&mut self, around: &mut Around) -> Result<bool, String> {
        let shard = around.chance.below(self.shard_count());
        match around.chance.below(18) {
            0..3 => Ok(self.check_signatures(shard, around)),
            3..5 => Ok(self.give(shard, around)),
            5..9 => self.commit_step(around),
            9..11 => self.reply(shard, around),
            11..14 => self.link_step(around),
            14 => Ok(self.snapshot_step(shard, around)),
            15 => Ok(self.file_step(around)),
            _ => self.history_step(shard, around),
        }
    }

    /// A datagram arrives at a shard's port. It is lost if nobody is there, or if the shard has no room.
    pub fn receive(&mut self, shard: u16, payer: usize, datagram: &[u8], around: &mut Around) {
        let now = self.now(around);
        let Some(run) = &mut self.run else { return };
        let running = &mut run.shards[self.shards.local(ShardIndex(shard))];
        if running.shard.room() == 0 {
            around.faults.busy += 1;
            return;
        }
        running.keeper.press(&mut running.shard);
        running.shard.receive(now, peer(payer), datagram);
    }

    /// What waited goes on; signatures go to be checked, or verdicts come back.
    fn check_signatures(&mut self, shard: usize, around: &mut Around) -> bool {
        let now = self.now(around);
        let Some(run) = &mut self.run else { return false };
        let running = &mut run.shards[shard];
        running.keeper.press(&mut running.shard);
        let has_judged = running.shard.judge_held(now);
        let may_take =
            running.checking.len() < CHECKING_MAX && (running.checking.is_empty() || around.chance.once_in(3));
        if may_take {
            let mut batch = running.spare.pop().unwrap_or_default();
            if running.shard.take_batch(&mut batch) {
                around.notary.judge(&mut batch);
                around.trace.event(Event::Verified, [self.index as u64, shard as u64, batch.len() as u64]);
                running.checking.push_back(batch);
                return true;
            }
            running.spare.push(batch);
        }
        let Some(mut batch) = running.checking.pop_front() else { return has_judged };
        running.shard.finish_batch(now, &mut batch);
        running.spare.push(batch);
        around.trace.event(Event::Verified, [self.index as u64, shard as u64, 0]);
        true
    }

    /// What may leave leaves, and is held against what the disks have.
    fn reply(&mut self, shard: usize, around: &mut Around) -> Result<bool, String> {
        let Some(run) = &mut self.run else { return Ok(false) };
        let running = &mut run.shards[shard];
        if !running.shard.has_replies() {
            return Ok(false);
        }
        around.trace.event(Event::Replied, [self.index as u64, shard as u64, 0]);
        let mut frames = Frames(Vec::new());
        running.shard.send_replies(&mut frames);
        let from = Place::Shard(self.index, self.shard_at(shard).0);
        for (peer, bytes) in frames.0 {
            around.book.reply_left(&around.ground, self.teller(shard), &bytes)?;
            around.send(Packet { from, to: Place::Payer(payer_at(&peer)), bytes });
        }
        Ok(true)
    }
}

/// Collects frames.
struct Frames(Vec<(Peer, Vec<u8>)>);

impl Outlet for Frames {
    fn frame(&mut self, peer: Peer, length: usize) -> &mut [u8] {
        self.0.push((peer, vec![0; length]));
        &mut self.0.last_mut().expect("it was pushed just now").1
    }
}
