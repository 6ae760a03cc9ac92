//! What a seed's world is like: every seed draws its own rates, and some of them are zero. A fault that is always there hides
//! what happens without it.

use super::chance::Chance;

/// The sort of lie that a faulty authority tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It votes for whatever it is sent, and says that it applied everything.
    VotesForAnything,
    /// It never answers.
    Silent,
    /// It votes for anything once, and sends again what it has sent or received before.
    Replays,
    /// It votes for two orders of a sequence number, and behaves in between.
    VotesTwice,
    /// It answers with votes, receipts, balances, histories and refusals that are none.
    Forges,
}

/// The rates of one seed: out of 65,536, per occasion.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// Members of the committee: 4 or 7.
    pub member_count: usize,
    /// Of these, the last ones lie, each in its way: f of them.
    pub lies: Vec<Lie>,
    /// Shards by authority.
    pub shard_counts: Vec<u16>,
    /// By authority: the first shard that a second process runs, if there is one.
    pub splits: Vec<Option<u16>>,
    /// Honest payers.
    pub payer_count: usize,
    /// Of these, how many have a second wallet with the same key.
    pub second_count: usize,
    /// How long a wallet waits before it asks again, at first: turns of the world.
    pub patience_turns: u64,
    /// How long payers wait before they think of something else: turns of the world at most.
    pub pause_turns: usize,
    /// Dishonest ones.
    pub thief_count: usize,
    /// A datagram is lost.
    pub lose: u32,
    /// A datagram comes twice.
    pub repeat: u32,
    /// Among how many of those under way the next to arrive is drawn: 1 keeps the order.
    pub disorder: usize,
    /// Of a link between shards: a credit or an acknowledgement is lost.
    pub link_lose: u32,
    /// It comes twice.
    pub link_repeat: u32,
    /// Among how many the next is drawn.
    pub link_disorder: usize,
    /// Per act on the wire between two processes: it breaks.
    pub wire_break: u32,
    /// Per act: a byte is changed on its way.
    pub wire_flip: u32,
    /// Per step: one authority and some payers cannot reach each other, until it ends.
    pub partition: u32,
    /// Per step: a partition ends.
    pub heal: u32,
    /// Per step: an authority's process is killed.
    pub kill: u32,
    /// Per step: its machine loses its power.
    pub power_cut: u32,
    /// Per step: an authority that is down starts.
    pub restart: u32,
    /// Per start: it is stopped on its way.
    pub stop_in_recovery: u32,
    /// Per sync: it fails.
    pub sync_error: u32,
    /// Per step: a sector that was kept is damaged in one copy.
    pub damage: u32,
    /// Per step: a clock jumps.
    pub clock_jump: u32,
    /// Per act of a payer: he crashes.
    pub payer_crash: u32,
    /// Per step: a committer, or who writes snapshots, stands still for a while.
    pub stall: u32,
    /// Blocks hold a record or two, so that rings turn soon.
    pub are_blocks_thin: bool,
    /// Mean time between two steps: nanoseconds.
    pub step_ns: usize,
}

const RARELY: u32 = 33;

impl Swarm {
    /// The rates of a seed.
    pub fn draw(chance: &mut Chance) -> Self {
        let member_count = if chance.once_in(4) { 7 } else { 4 };
        let lie = |chance: &mut Chance| {
            *chance.pick(&[
                Lie::VotesForAnything,
                Lie::VotesForAnything,
                Lie::Silent,
                Lie::Replays,
                Lie::VotesTwice,
                Lie::Forges,
                Lie::Forges,
            ])
        };
        let lies = (0..(member_count - 1) / 3).map(|_| lie(chance)).collect();
        let shard_max = 1 + chance.below(3);
        let shard_count = |chance: &mut Chance| u16::try_from(1 + chance.below(shard_max)).expect("at most three");
        let mut rate = |usual: u32| match chance.below(4) {
            0 => 0,
            1 => usual / 4,
            2 => usual,
            _ => usual * 4,
        };
        let (lose, repeat, link_lose, link_repeat) = (rate(2_000), rate(2_000), rate(2_000), rate(2_000));
        let (partition, clock_jump, payer_crash, stall) = (rate(60), rate(40), rate(400), rate(60));
        let (kill, power_cut, sync_error, damage) = (rate(RARELY), rate(RARELY), rate(120), rate(200));
        let (stop_in_recovery, heal) = (rate(8_000), 200);
        let (wire_break, wire_flip) = (rate(160), rate(160));
        let shard_counts: Vec<u16> = (0..member_count).map(|_| shard_count(chance)).collect();
        let mut split = |count: &u16| {
            let is_split = *count > 1 && chance.once_in(2);
            is_split.then(|| 1 + u16::try_from(chance.below(usize::from(count - 1))).expect("at most three"))
        };
        Self {
            member_count,
            lies,
            splits: shard_counts.iter().map(&mut split).collect(),
            shard_counts,
            payer_count: 2 + chance.below(5),
            second_count: usize::from(chance.once_in(4)),
            patience_turns: *chance.pick(&[30, 100, 300]),
            pause_turns: *chance.pick(&[1, 1, 10, 60]),
            thief_count: chance.below(4),
            lose,
            repeat,
            disorder: *chance.pick(&[1, 4, 32, 1_000]),
            link_lose,
            link_repeat,
            link_disorder: *chance.pick(&[1, 1, 3, 100]),
            wire_break,
            wire_flip,
            partition,
            heal,
            kill,
            power_cut,
            restart: 650,
            stop_in_recovery,
            sync_error,
            damage,
            clock_jump,
            payer_crash,
            stall,
            are_blocks_thin: chance.once_in(2),
            step_ns: *chance.pick(&[20_000, 200_000, 2_000_000]),
        }
    }

    /// The same world, in which nothing goes wrong any more.
    pub fn calm(&mut self) {
        for rate in [
            &mut self.lose,
            &mut self.repeat,
            &mut self.link_lose,
            &mut self.link_repeat,
            &mut self.wire_break,
            &mut self.wire_flip,
            &mut self.partition,
            &mut self.kill,
            &mut self.power_cut,
            &mut self.stop_in_recovery,
            &mut self.sync_error,
            &mut self.damage,
            &mut self.clock_jump,
            &mut self.payer_crash,
            &mut self.stall,
        ] {
            *rate = 0;
        }
        (self.thief_count, self.restart, self.heal) = (0, 65_536, 65_536);
    }

    /// Members that may lie.
    pub fn fault_count(&self) -> usize {
        self.lies.len()
    }

    /// Members that do not; they come first.
    pub fn honest_count(&self) -> usize {
        self.member_count - self.lies.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_and_every_rate_is_zero_somewhere_and_not_elsewhere() {
        let swarms: Vec<Swarm> = (0..200).map(|seed| Swarm::draw(&mut Chance::new(seed))).collect();
        let rates: [fn(&Swarm) -> u32; 8] = [
            |swarm| swarm.lose,
            |swarm| swarm.link_lose,
            |swarm| swarm.kill,
            |swarm| swarm.power_cut,
            |swarm| swarm.sync_error,
            |swarm| swarm.damage,
            |swarm| swarm.partition,
            |swarm| swarm.clock_jump,
        ];
        for rate in rates {
            let zeros = swarms.iter().filter(|swarm| rate(swarm) == 0).count();
            assert!((20..100).contains(&zeros), "{zeros}");
        }
        assert!(swarms.iter().all(|swarm| swarm.fault_count() * 3 + 1 == swarm.member_count));
        assert!(
            swarms.iter().any(|swarm| swarm.member_count == 7) && swarms.iter().any(|swarm| swarm.thief_count == 0)
        );
        let mut calm = swarms[5].clone();
        calm.calm();
        assert!(rates.iter().all(|rate| rate(&calm) == 0));
    }
}
