//! An authority with two shards and two copies of its journal, and power that goes at any moment.
//!
//! What is told to anyone is written down on the side of those who were told ([`outside`]): votes, receipts, answers, and
//! the credits and acknowledgements between the shards. Whenever the power goes, sectors that were not synced survive or
//! not as chance will have it, on each disk its own ([`disk`]); now and then one copy loses what it had already. Then the
//! authority comes back ([`recovery`]), perhaps to be cut off in that, too; and before it goes on:
//!
//! 1. No payment with a receipt is forgotten, and its certificate gets the same receipt.
//! 2. Each order that was voted for is the pending one or behind it; another order of its sequence number is refused by its
//!    name, and it gets its vote again. In a whole run no two orders of one sequence number get a vote.
//! 3. No unit of money is lost or made. At a run's end each account holds to the unit what the certificates say.
//! 4. The state is the one that the records that lasted make, replayed one by one from genesis; blocks that are read back
//!    are those that were sealed.
//! 5. No shard was told that credits are applied which the other one forgot, and no credit that left is forgotten.
//! 6. Every chain of every account's history is whole, from its newest end down to sequence 0, and the chains add up to what
//!    the account holds ([`chains`]).
//!
//! What is written when is for the library to decide ([`crate::keeper`]), and how it is read back; what the shell's threads
//! do about it is done here, one small step at a time and by chance ([`machine`]): write to both copies, sync both, let go;
//! snapshots in pieces, synced before they get their name; credits from outbox to outbox. The same seed is the same run,
//! byte for byte.
//!
//! Verdicts on signatures are given, not computed ([`VerifyBatch::decide`](crate::verify_batch::VerifyBatch::decide)):
//! every one is good, so payers need no keys and certificates no signing. What is signed is chosen here, nobody forges, and
//! the journal holds no signature; that verdicts are right is the business of other tests. Replies are signed as ever.
//!
//! Each [`Mutant`] does one thing wrong, in this procedure or by leaving out one of the keeper's rules, and must be caught.
//!
//! The long run, 5,000 power cuts and more:
//!
//! ```sh
//! cargo test --release -p quittance-engine --lib power_cut -- --ignored
//! ```

mod chains;
mod disk;
mod machine;
mod outside;
mod recovery;

use super::common::Random;
use crate::journal::snapshot::ShardTail;
use crate::shard::Shard;
use disk::{Disk, Name, SECTOR_BYTES};
use machine::{Around, History, Machine, Pace, Stop, config, shard_index};
use outside::{Ground, Outside, SHARD_COUNT};
use recovery::{REFUSED, Recovery, Seen, fund, superblock};

/// Power cuts in a run, and more where it goes in recoveries.
const LIFE_COUNT: usize = 10;

/// What an authority may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    /// What depends on a block leaves when the block is sealed.
    RepliesLeaveAtSeal,
    /// A block counts as durable when it is written.
    DurableBeforeSync,
    /// The second copy is written and never synced.
    OneCopySynced,
    /// A block is written before the one before it is durable.
    TwoBlocksUnderWay,
    /// A credit is handed over before the payment that made it is durable.
    CreditBeforeDurable,
    /// A credit is acknowledged when it is applied.
    AckBeforeDurable,
    /// A snapshot is completed while the journal lacks what it holds.
    SnapshotFootBeforeDurable,
    /// The ring goes on over what a snapshot made superfluous that was never synced.
    ReleaseBeforeSnapshotSync,
    /// Recovery mends the copies and does not sync them.
    RepairsNotSynced,
    /// Recovery does not wipe the place where the journal ends.
    NoWipe,
    /// Recovery goes on behind a block that is lost.
    Resync,
    /// Records that the snapshot's tail holds are replayed over it.
    TailWithoutGate,
    /// A ring that is nearly full goes on taking credits and acknowledgements, and keeps no room for what its snapshot waits
    /// for.
    FullRingTakesCredits,
    /// A snapshot counts before the history that it points to is synced.
    SnapshotBeforeHistory,
    /// Recovery makes no entries again.
    NoStubs,
    /// Entries that recovery makes again are not synced, and a snapshot counts on them.
    StubsNotSynced,
    /// The disks say that they have synced, and have not.
    DisksLie,
}

/// One run.
struct Trial<'a> {
    ground: &'a Ground,
    mutant: Option<Mutant>,
    random: Random,
    disk: Disk,
    outside: Outside<'a>,
    history: History,
    /// Shards that replay the records that lasted, from genesis and one by one, and how many they have.
    oracles: Vec<(Shard, usize)>,
    boot_id: u64,
    seen: Seen,
}

/// What sort of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// Everything by chance.
    Usual,
    /// The power goes during every first commit, and payers ask the very same again.
    Stutter,
    /// Of one shard's snapshots nothing is copied for so long that its ring fills up.
    FullRing,
    /// As usual; but at the end a durable block is lost in both copies.
    LosesBoth,
}

/// Says what happened, or what was wrong.
fn run(ground: &Ground, seed: u64, mutant: Option<Mutant>, sort: Sort) -> Result<Seen, String> {
    let mut trial = Trial::new(ground, seed, mutant);
    let outcome = trial.run(sort);
    trial.seen.replies = trial.outside.replies_left;
    match outcome {
        Ok(()) => Ok(trial.seen),
        Err(Stop::Wrong(wrong)) => Err(wrong),
        Err(Stop::Power) => unreachable!("power goes when the trial says so"),
    }
}

impl<'a> Trial<'a> {
    fn new(ground: &'a Ground, seed: u64, mutant: Option<Mutant>) -> Self {
        let mut disk = Disk::new(usize::try_from(superblock(ground).file_bytes()).unwrap(), SHARD_COUNT);
        disk.lies = mutant == Some(Mutant::DisksLie);
        Self {
            ground,
            mutant,
            random: Random::new(seed),
            disk,
            outside: Outside::new(ground),
            history: vec![Vec::new(); SHARD_COUNT],
            oracles: (0..SHARD_COUNT).map(|shard| (oracle(ground, shard), 0)).collect(),
            boot_id: 0,
            seen: Seen::default(),
        }
    }

    fn run(&mut self, sort: Sort) -> Result<(), Stop> {
        let mut machine = self.recover()?;
        self.check(&mut machine)?;
        let mut asked = vec![Vec::new(); SHARD_COUNT];
        for _ in 0..LIFE_COUNT {
            asked =
                if sort == Sort::Stutter { self.stutter(&mut machine, asked)? } else { self.live(&mut machine, sort)? };
            self.end(&machine);
            machine = self.recover()?;
            self.check(&mut machine)?;
            if sort != Sort::Stutter {
                self.retry(&mut machine, &asked);
            }
        }
        self.live(&mut machine, sort)?;
        machine.settle(&mut self.around())?;
        self.check_settled(&machine)?;
        if sort == Sort::LosesBoth {
            return self.lose_both(&machine);
        }
        self.end(&machine);
        machine = self.recover()?;
        self.check(&mut machine)?;
        self.check_settled(&machine)
    }

    /// Asks the same as in the life before, or, if that was answered, something new; then a commit, or the beginning of one.
    fn stutter(&mut self, machine: &mut Machine, mut asked: Vec<Vec<Vec<u8>>>) -> Result<Vec<Vec<Vec<u8>>>, Stop> {
        for (shard, asked) in asked.iter_mut().enumerate() {
            machine.ask(shard, asked.clone(), &mut self.around());
            if !machine.running[shard].shard.has_open_records() {
                *asked = self.outside.certificates(&machine.shards(), shard, &mut self.random);
                machine.ask(shard, asked.clone(), &mut self.around());
            }
            machine.give(shard, &mut self.around());
        }
        // Mostly so many that the writes are done, and not both syncs.
        let step_count = if self.random.once_in(4) { self.random.below(9) } else { 3 + self.random.below(3) };
        for _ in 0..step_count {
            machine.commit_step(&mut self.around())?;
        }
        for running in &mut machine.running {
            self.outside.take_replies(&mut running.shard)?;
        }
        Ok(asked)
    }

    /// Works for a while. Returns what was asked for the blocks that were under way.
    fn live(&mut self, machine: &mut Machine, sort: Sort) -> Result<Vec<Vec<Vec<u8>>>, Stop> {
        let is_slow = sort == Sort::FullRing;
        let copy_rarity = *self.random.pick(&[1, 1, 1, 20]);
        let is_heavy = !is_slow && self.random.once_in(6);
        let mut pace = Pace { is_heavy, copy_rarity, stuck_shard: None };
        let step_count = match self.random.below(4) {
            _ if is_slow => self.random.below(2_000),
            0 => self.random.below(30),
            1 => self.random.below(150),
            _ => self.random.below(900),
        };
        for step in 0..step_count {
            pace.stuck_shard = (is_slow && step < step_count / 4 * 3).then_some(0);
            machine.step(pace, &mut self.around())?;
        }
        Ok(machine.running.iter_mut().map(|running| core::mem::take(&mut running.asked_before)).collect())
    }

    /// Payers who got no answer ask the very same again, often before anyone else does.
    fn retry(&mut self, machine: &mut Machine, asked: &[Vec<Vec<u8>>]) {
        for (shard, datagrams) in asked.iter().enumerate() {
            if self.random.once_in(2) {
                machine.ask(shard, datagrams.clone(), &mut self.around());
                machine.give(shard, &mut self.around());
            }
        }
    }

    /// The power goes, or only the process; then a medium may lose what it had.
    fn end(&mut self, machine: &Machine) {
        self.seen.cuts += 1;
        self.seen.turns += machine.running.iter().map(|running| running.turn_count).sum::<usize>();
        if self.random.once_in(6) {
            return;
        }
        self.disk.cut(&mut self.random);
        if self.random.once_in(2) {
            self.damage_one_copy(machine);
        }
    }

    /// Sectors of one copy change: of blocks that the authority holds to be durable, and of the snapshot in use.
    fn damage_one_copy(&mut self, machine: &Machine) {
        let copy = self.random.below(2);
        for (index, running) in machine.running.iter().enumerate() {
            let durable = running.blocks.iter().filter(|placed| placed.block <= running.keeper.durable_block());
            let durable: Vec<_> = durable.collect();
            for _ in 0..self.random.below(3) {
                let Some(last) = durable.last() else { break };
                let placed = if self.random.once_in(2) { last } else { self.random.pick(&durable) };
                let sector = self.random.below(placed.bytes / SECTOR_BYTES) * SECTOR_BYTES;
                self.damage(copy, index, placed.offset, sector);
            }
            let name = Name::Snapshot(index, self.random.below(2) as u64);
            let length = self.disk.read(copy, name).map_or(0, <[u8]>::len);
            if length > 0 && self.random.once_in(3) && running.is_snapshot_idle() {
                let offset = self.random.below(length);
                self.disk.damage(copy, name, offset);
                self.seen.faults += 1;
            }
        }
    }

    fn damage(&mut self, copy: usize, shard: usize, offset: u64, sector: usize) {
        let start = superblock(self.ground).region_start(shard_index(shard)) + offset;
        self.disk.damage(copy, Name::Journal, usize::try_from(start).unwrap() + sector);
        self.seen.faults += 1;
    }

    /// Comes back, however often the power goes meanwhile.
    fn recover(&mut self) -> Result<Machine, Stop> {
        loop {
            self.disk.fuel = self.random.once_in(4).then(|| self.random.below(30));
            self.boot_id += 1;
            let recovery = Recovery {
                ground: self.ground,
                disk: &mut self.disk,
                history: &self.history,
                mutant: self.mutant,
                boot_id: self.boot_id,
                seen: &mut self.seen,
            };
            match recovery.recover() {
                Ok(running) => {
                    self.disk.fuel = None;
                    return Ok(Machine::new(running, superblock(self.ground), self.mutant));
                }
                Err(Stop::Power) => {
                    self.seen.cuts += 1;
                    self.seen.cuts_in_recovery += 1;
                    self.disk.cut(&mut self.random);
                }
                Err(wrong) => return Err(wrong),
            }
        }
    }

    /// What was found is what the records that lasted say, and enough for everyone who was told something.
    fn check(&mut self, machine: &mut Machine) -> Result<(), Stop> {
        for (index, running) in machine.running.iter().enumerate() {
            self.history[index].truncate(usize::try_from(running.shard.records_made().0).unwrap());
            self.check_oracle(index, &running.shard)?;
        }
        for (index, running) in machine.running.iter().enumerate() {
            chains::check(&self.disk, self.ground, index, &running.shard, &mut self.seen)?;
        }
        let mut shards: Vec<&mut Shard> = machine.running.iter_mut().map(|running| &mut running.shard).collect();
        self.outside.check(&mut shards)?;
        Ok(())
    }

    /// Holds a shard that has all records of the history against the oracle.
    fn check_oracle(&mut self, index: usize, shard: &Shard) -> Result<(), String> {
        let (records, (oracle, count)) = (&self.history[index], &mut self.oracles[index]);
        if records.len() < *count {
            (*oracle, *count) = (self::oracle(self.ground, index), 0);
        }
        for record in &records[*count..] {
            oracle.replay(record).map_err(|fault| format!("the oracle: shard {index}: {fault}"))?;
            oracle.take_stubs(&mut Vec::new());
        }
        *count = records.len();
        // A shard that was recovered leaves room behind the last entry that it knows.
        let rest = |shard: &Shard| ShardTail { history_end: 0, ..shard.snapshot_tail().1 };
        let is_same = oracle.state_digest() == shard.state_digest() && rest(oracle) == rest(shard);
        if is_same { Ok(()) } else { Err(format!("shard {index} is not what its {count} records make")) }
    }

    /// When everything has arrived.
    fn check_settled(&mut self, machine: &Machine) -> Result<(), Stop> {
        for (index, running) in machine.running.iter().enumerate() {
            self.check_oracle(index, &running.shard)?;
        }
        self.outside.check_supply(&machine.shards())?;
        self.outside.check_accounts(&machine.shards())?;
        Ok(())
    }

    /// A block that was durable, and that is still needed, is damaged in both copies.
    fn lose_both(&mut self, machine: &Machine) -> Result<(), Stop> {
        let index = self.random.below(SHARD_COUNT);
        let running = &machine.running[index];
        self.disk.cut(&mut self.random);
        // The last block proves the one before it, and nothing proves the last one.
        let Some((_, proved)) = running.blocks.split_last().filter(|(_, proved)| !proved.is_empty()) else {
            return Ok(());
        };
        let lost = *self.random.pick(proved);
        for copy in 0..2 {
            let sector = self.random.below(lost.bytes / SECTOR_BYTES) * SECTOR_BYTES;
            self.damage(copy, index, lost.offset, sector);
        }
        match self.recover() {
            Err(Stop::Wrong(why)) if why.starts_with(REFUSED) && why.contains(&format!("block {},", lost.block)) => {
                self.seen.refused += 1;
                Ok(())
            }
            Err(other) => Err(other),
            Ok(mut machine) => {
                self.check(&mut machine)?;
                Err(Stop::Wrong(format!("block {} is lost, and the authority starts", lost.block)))
            }
        }
    }

    fn around(&mut self) -> Around<'_, 'a> {
        Around {
            disk: &mut self.disk,
            outside: &mut self.outside,
            history: &mut self.history,
            random: &mut self.random,
        }
    }
}

/// A shard that replays from genesis.
fn oracle(ground: &Ground, shard: usize) -> Shard {
    let mut oracle = Shard::new(config(ground, shard));
    fund(ground, shard, &mut oracle);
    oracle.begin_recovery(crate::journal::RecordNumber(0));
    oracle
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.cuts_in_recovery += other.cuts_in_recovery;
        self.repairs += other.repairs;
        self.faults += other.faults;
        self.snapshots_used += other.snapshots_used;
        self.snapshots_refused += other.snapshots_refused;
        self.turns += other.turns;
        self.replies += other.replies;
        self.refused += other.refused;
        self.entries_with_votes += other.entries_with_votes;
        self.stubs += other.stubs;
    }
}

/// Runs without a mutant, none of which may go wrong.
fn run_all(seeds: core::ops::RangeInclusive<u64>, sort: Sort) -> Seen {
    let (ground, mut all) = (Ground::new(), Seen::default());
    for seed in seeds {
        let seen = run(&ground, seed, None, sort).unwrap_or_else(|wrong| panic!("{sort:?}, seed {seed}: {wrong}"));
        all.add(&seen);
    }
    all
}

/// The first seed with which a mutant is caught.
fn caught(ground: &Ground, mutant: Mutant, sort: Sort, seed_max: u64) -> Option<(u64, String)> {
    (1..=seed_max).find_map(|seed| run(ground, seed, Some(mutant), sort).err().map(|wrong| (seed, wrong)))
}

#[test]
fn nothing_that_left_is_forgotten_whenever_the_power_goes() {
    let seen = run_all(1..=30, Sort::Usual);
    println!("{seen:?}");
    assert!(seen.cuts >= 300 && seen.cuts_in_recovery >= 40, "too little happens: {seen:?}");
    assert!(seen.entries_with_votes >= 10_000 && seen.stubs >= 100, "too little happens: {seen:?}");
    assert!(seen.repairs >= 150 && seen.faults >= 150 && seen.snapshots_used >= 100, "too little happens: {seen:?}");
}

#[test]
fn nothing_that_left_is_forgotten_when_the_power_goes_in_commit_after_commit() {
    let seen = run_all(1..=10, Sort::Stutter);
    assert!(seen.cuts >= 100 && seen.repairs >= 50, "too little happens: {seen:?}");
}

#[test]
fn a_ring_that_fills_up_waits_for_its_snapshot_and_goes_on() {
    let seen = run_all(1..=5, Sort::FullRing);
    println!("{seen:?}");
}

#[test]
#[ignore = "a minute or two; its command is at the head of this file"]
fn nothing_that_left_is_forgotten_in_thousands_of_power_cuts() {
    let mut seen = run_all(1_000..=1_400, Sort::Usual);
    seen.add(&run_all(1_000..=1_100, Sort::Stutter));
    seen.add(&run_all(1_000..=1_050, Sort::FullRing));
    seen.add(&run_all(1_000..=1_100, Sort::LosesBoth));
    println!("{seen:?}");
    assert!(seen.cuts >= 5_000 && seen.refused > 50, "too little happens: {seen:?}");
}

#[test]
fn a_durable_block_damaged_in_both_copies_is_refused() {
    let seen = run_all(1..=12, Sort::LosesBoth);
    assert!(seen.refused >= 8, "too little happens: {seen:?}");
}

/// Each mutant, in which sort of run it shows, and within how many seeds.
const MUTANTS: &[(Mutant, Sort, u64)] = &[
    (Mutant::RepliesLeaveAtSeal, Sort::Usual, 5),
    (Mutant::DurableBeforeSync, Sort::Usual, 40),
    (Mutant::OneCopySynced, Sort::Usual, 20),
    (Mutant::TwoBlocksUnderWay, Sort::Usual, 20),
    (Mutant::CreditBeforeDurable, Sort::Usual, 5),
    (Mutant::AckBeforeDurable, Sort::Usual, 5),
    (Mutant::SnapshotFootBeforeDurable, Sort::Usual, 100),
    (Mutant::ReleaseBeforeSnapshotSync, Sort::Usual, 600),
    (Mutant::RepairsNotSynced, Sort::Usual, 60),
    (Mutant::NoWipe, Sort::Stutter, 100),
    (Mutant::Resync, Sort::LosesBoth, 10),
    (Mutant::TailWithoutGate, Sort::Usual, 10),
    (Mutant::FullRingTakesCredits, Sort::FullRing, 20),
    (Mutant::SnapshotBeforeHistory, Sort::Usual, 20),
    (Mutant::NoStubs, Sort::Usual, 5),
    (Mutant::StubsNotSynced, Sort::Usual, 200),
];

#[test]
fn every_mutant_is_caught_within_so_many_seeds() {
    let ground = Ground::new();
    for (mutant, sort, seed_max) in MUTANTS {
        let caught = caught(&ground, *mutant, *sort, *seed_max);
        let (seed, wrong) = caught.unwrap_or_else(|| panic!("{mutant:?} is not caught with {seed_max} seeds"));
        println!("{mutant:?}: seed {seed}: {wrong}");
    }
}

/// If this one passed, nothing above would mean anything.
#[test]
fn disks_that_only_say_that_they_have_synced_are_caught_with_every_seed() {
    let ground = Ground::new();
    for seed in 1..=20 {
        assert!(run(&ground, seed, Some(Mutant::DisksLie), Sort::Usual).is_err(), "seed {seed} went well");
    }
}
