//! One world: a seed from its beginning to the end, where nothing goes wrong any more and everything must come right.

use super::around::Around;
use super::authority::Authority;
use super::book::Book;
use super::chance::Chance;
use super::faults::Faults;
use super::ground::{ACCOUNTS_PER_THIEF, Ground, OPENING};
use super::liar::Liar;
use super::mutants::Planted;
use super::network::{Network, Place, code};
use super::payer::Payer;
use super::reader::Reader;
use super::signatures::{Keys, Notary};
use super::swarm::Swarm;
use super::thief::Thief;
use super::trace::{Event, Trace};
use quittance_net::frame::RECIPIENT_ACCOUNT;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many choices may come to nothing, one after the other, before time alone passes.
const IDLE_MAX: u32 = 200;
/// How much passes then, in a world at rest: nanoseconds.
const IDLE_NS: u64 = 10_000_000;
/// A world in which so many times as much time as steps has passed has nothing to do.
const TURNS_PER_STEP_MAX: u64 = 4;
/// Turns between two checks of all that is cheap to check.
const CHECK_EVERY: u64 = 64;
/// Turns between two trials of what a power cut would leave.
const CUT_EVERY: u64 = 4_096;
/// Turns in which a world must come to rest when nothing goes wrong any more. Most take some thousands.
const REST_TURNS_MAX: u64 = 400_000;
/// Turns between two looks whether it has.
const REST_EVERY: u64 = 256;

/// What a run is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Steps before nothing goes wrong any more.
    pub steps: u64,
    /// Ed25519 instead of the oracle.
    pub real_signatures: bool,
    /// A bug, if any.
    pub planted: Planted,
}

/// See the module's docs.
pub struct World {
    around: Around,
    authorities: Vec<Authority>,
    liars: Vec<Liar>,
    /// First each payer's wallet, then the second ones.
    payers: Vec<Payer>,
    thieves: Vec<Thief>,
    reader: Reader,
    /// Events so far.
    step: u64,
    /// The same, and times at which nothing happened but that time passed.
    turn: u64,
}

/// What came of a world.
#[derive(Debug)]
pub struct Ended {
    /// Steps that it took.
    pub steps: u64,
    /// What went wrong in it, on purpose.
    pub faults: Faults,
    /// Payments with a certificate.
    pub payments: u64,
    /// Of all that happened.
    pub trace: [u8; 32],
}

/// What must never be, and when it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The step.
    pub step: u64,
    /// What.
    pub what: String,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, terms: &Terms, keys: &Rc<Keys>) -> Self {
        let mut chance = Chance::new(seed);
        let swarm = Swarm::draw(&mut chance);
        let ground = Ground::new(seed, &swarm, keys);
        let notary = Notary::new(seed, terms.real_signatures);
        let authority = |index: usize| {
            Authority::new(&ground, (index, swarm.splits[index]), &notary, keys, terms.planted.authority)
        };
        let authorities = (0..ground.honest_count).map(authority).collect();
        let liars = (ground.honest_count..).zip(&swarm.lies).map(|(index, lie)| Liar::new(index, *lie)).collect();
        let thief =
            |index: usize| Thief::new(ground.payer_count + index, ground.payer_count + index * ACCOUNTS_PER_THIEF);
        let thieves = (0..swarm.thief_count).map(thief).collect();
        let (payer_count, second_count) = (swarm.payer_count, swarm.second_count);
        let second_place = swarm.payer_count + swarm.thief_count;
        let around = Around {
            network: Network::new(swarm.member_count),
            book: Book::new(&ground),
            ground,
            swarm,
            chance,
            notary,
            keys: Rc::clone(keys),
            trace: Trace::default(),
            faults: Faults::default(),
            now_ns: 0,
            is_calm: false,
            is_audit: false,
            mail: vec![VecDeque::new(); payer_count],
            pages: Vec::new(),
        };
        let firsts = (0..payer_count).map(|account| (account, account));
        let seconds = (0..second_count).map(|account| (account, second_place + account));
        let payer = |(account, place)| Payer::new(&around, account, place, terms.planted.wallet);
        let payers = firsts.chain(seconds).map(payer).collect();
        let reader = Reader::new(second_place + second_count);
        Self { around, authorities, liars, payers, thieves, reader, step: 0, turn: 0 }
    }

    /// Lets the world run, and then come to rest.
    ///
    /// # Errors
    /// What must never be.
    pub fn run(&mut self, terms: &Terms) -> Result<Ended, Violation> {
        let outcome = self.live(terms.steps).and_then(|()| self.rest());
        match outcome {
            Err(what) => Err(Violation { step: self.step, what }),
            Ok(()) => Ok(Ended {
                steps: self.step,
                faults: self.around.faults.clone(),
                payments: self.around.book.certificates().len() as u64,
                trace: self.around.trace.digest(),
            }),
        }
    }

    /// The step that it is at.
    pub fn step(&self) -> u64 {
        self.step
    }

    fn live(&mut self, steps: u64) -> Result<(), String> {
        for index in 0..self.authorities.len() {
            self.authorities[index].start_all(&mut self.around)?;
        }
        while self.step < steps && self.turn / TURNS_PER_STEP_MAX < steps {
            self.take_turn()?;
            self.go_wrong()?;
        }
        Ok(())
    }

    /// One event, whichever comes next; or, if nobody has anything to do, time passes.
    fn take_turn(&mut self) -> Result<(), String> {
        self.turn += 1;
        self.around.now_ns += self.around.chance.below(2 * self.around.swarm.step_ns) as u64;
        let has_happened = self.try_to_choose()?;
        if self.around.is_calm && !has_happened {
            // Who still waits waits for time to pass.
            self.around.now_ns += IDLE_NS;
        }
        if self.turn.is_multiple_of(CHECK_EVERY) {
            let authority = self.around.chance.below(self.authorities.len());
            self.authorities[authority].check_supply(&self.around)?;
            self.authorities[authority].check_bounds()?;
        }
        if self.turn.is_multiple_of(CUT_EVERY) {
            let authority = self.around.chance.below(self.authorities.len());
            self.authorities[authority].try_power_cut(&mut self.around)?;
        }
        Ok(())
    }

    fn try_to_choose(&mut self) -> Result<bool, String> {
        for _ in 0..IDLE_MAX {
            if self.choose()? {
                self.step += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn choose(&mut self) -> Result<bool, String> {
        let around = &mut self.around;
        match around.chance.below(36) {
            0..9 => self.deliver(),
            9..15 => {
                let payer = around.chance.below(self.payers.len());
                self.payers[payer].act(self.turn, around)
            }
            15 if !around.is_audit && around.chance.once_in(4) => Ok(self.reader.act(around)),
            16 if !around.is_calm && !self.thieves.is_empty() && around.chance.once_in(3) => {
                let thief = around.chance.below(self.thieves.len());
                self.thieves[thief].act(around)
            }
            17 if !around.is_calm && around.chance.once_in(3) => {
                let liar = around.chance.below(self.liars.len());
                Ok(self.liars[liar].act(around))
            }
            15..18 => Ok(false),
            _ => {
                let authority = around.chance.below(self.authorities.len());
                self.authorities[authority].act(around)
            }
        }
    }

    fn deliver(&mut self) -> Result<bool, String> {
        let around = &mut self.around;
        let Some(packet) = around.network.arrive(&around.swarm, &mut around.chance, &mut around.faults) else {
            return Ok(false);
        };
        around.trace.event(Event::Delivered, [code(packet.from), code(packet.to), self.turn]);
        match (packet.from, packet.to) {
            (Place::Payer(payer), Place::Shard(authority, shard)) if authority < self.authorities.len() => {
                self.authorities[authority].receive(shard, payer, &packet.bytes, around);
            }
            (Place::Payer(payer), Place::Shard(authority, _)) => {
                self.liars[authority - self.authorities.len()].receive(payer, &packet.bytes, around);
            }
            (Place::Shard(authority, shard), Place::Payer(place)) => {
                self.reply((authority, shard), place, &packet.bytes)?;
            }
            (from, to) => unreachable!("nobody sends from {from:?} to {to:?}"),
        }
        Ok(true)
    }

    /// A reply arrives at a place.
    fn reply(&mut self, from: (usize, u16), place: usize, datagram: &[u8]) -> Result<(), String> {
        let around = &mut self.around;
        let thief = place.wrapping_sub(around.ground.payer_count);
        if let Some(thief) = self.thieves.get_mut(thief) {
            thief.receive(datagram, around);
            return Ok(());
        }
        match self.payers.iter_mut().find(|payer| payer.place() == place) {
            Some(payer) => payer.receive(from, datagram, around),
            None => self.reader.receive(from.0, datagram, around),
        }
    }

    /// What may go wrong between two steps.
    fn go_wrong(&mut self) -> Result<(), String> {
        let around = &mut self.around;
        let authority = around.chance.below(self.authorities.len());
        let (place, authority) = (authority, &mut self.authorities[authority]);
        let which = authority.draw(around);
        let process = authority.process(which);
        if !process.is_up() {
            if around.chance.happens(around.swarm.restart) {
                authority.start(which, around)?;
            }
        } else if around.chance.happens(around.swarm.kill) {
            around.faults.kills += 1;
            process.kill(around);
        } else if around.chance.happens(around.swarm.power_cut) {
            around.faults.power_cuts += 1;
            process.cut_power(around);
        } else if around.chance.happens(around.swarm.stall) {
            process.stall(around);
        }
        if around.chance.happens(around.swarm.damage) {
            authority.process(which).damage(around);
        }
        if around.chance.happens(around.swarm.clock_jump) {
            authority.process(which).jump_clock(around);
        }
        if around.chance.happens(around.swarm.partition) {
            around.faults.partitions += 1;
            let payers = around.chance.bits();
            around.network.partition(place, payers);
        }
        if around.chance.happens(around.swarm.heal) {
            around.network.heal(place);
        }
        Ok(())
    }

    /// Nothing goes wrong any more: payers finish, every certificate is carried everywhere, and all must agree.
    fn rest(&mut self) -> Result<(), String> {
        self.around.swarm.calm();
        self.around.is_calm = true;
        let end = self.turn + REST_TURNS_MAX;
        for (index, authority) in self.authorities.iter_mut().enumerate() {
            self.around.network.heal(index);
            // One that was stopped in a recovery before is down still.
            authority.start_all(&mut self.around)?;
        }
        self.come_to(end, Self::is_at_rest)?;
        self.around.is_audit = true;
        self.come_to(end, |world| world.payers.iter().all(Payer::has_audited))?;
        self.check_end()
    }

    /// Lets time pass until it is so.
    fn come_to(&mut self, end: u64, is_so: fn(&Self) -> bool) -> Result<(), String> {
        while !is_so(self) {
            if self.turn >= end {
                return Err(self.unrest());
            }
            self.carry_everything();
            for _ in 0..REST_EVERY {
                self.take_turn()?;
            }
        }
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        let is_settled = self.authorities.iter().all(Authority::is_settled);
        is_settled
            && self.payers.iter().all(|payer| payer.is_done(&self.around.book))
            && self.missing().next().is_none()
    }

    /// Who lacks which certificate: an authority, the account, and its next sequence number.
    fn missing(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let accounts = 0..self.around.ground.funded_count;
        let pairs = accounts.flat_map(|account| (0..self.authorities.len()).map(move |authority| (authority, account)));
        pairs.filter_map(|(authority, account)| {
            let next = self.next_sequence(authority, account)?;
            self.around.book.certificate_of((account, next)).map(|_| (authority, account, next))
        })
    }

    fn next_sequence(&self, authority: usize, account: usize) -> Option<u64> {
        let address = &self.around.ground.accounts[account];
        let shard = self.around.ground.shard_of(authority, address).index();
        let shards = self.authorities[authority].shards()?;
        Some(shards[shard].account(address).map_or(0, |slot| slot.next_sequence.0))
    }

    /// Somebody carries what is missing to where it is: some of it, so that it all fits the network.
    fn carry_everything(&mut self) {
        let missing: Vec<_> = self.missing().take(96).collect();
        for (authority, account, next) in missing {
            let certificate = self.around.book.certificate_of((account, next)).map(Rc::clone);
            let frame = certificate.expect("it was found just now").frame(&self.around.ground, authority);
            self.around.ask(self.reader.place(), authority, account, frame);
        }
    }

    fn unrest(&self) -> String {
        let authorities = self.authorities.iter().map(Authority::describe).collect::<Vec<_>>().join(" | ");
        let is_open = |payer: &&Payer| !payer.is_done(&self.around.book) || !payer.has_audited();
        let open: Vec<String> = self.payers.iter().filter(is_open).map(Payer::describe).collect();
        let payers = open.join("; ");
        let missing = self.missing().count();
        format!(
            "no rest in {REST_TURNS_MAX} turns: wallets that wait: {payers}; {missing} certificates are missing \
             somewhere; authorities: {authorities}"
        )
    }

    /// Every honest authority holds what the certificates say, to the unit, and nobody owes anything.
    fn check_end(&mut self) -> Result<(), String> {
        let ground = &self.around.ground;
        let mut balances: Vec<i128> = vec![0; ground.accounts.len()];
        let mut sequences: Vec<u64> = vec![0; ground.accounts.len()];
        balances[..ground.funded_count].fill(OPENING.into());
        for ((account, sequence), certificate) in self.around.book.certificates() {
            let (body, amount) = (&certificate.body, i128::from(certificate.body.amount.get()));
            balances[*account] -= amount;
            sequences[*account] = sequences[*account].max(sequence + 1);
            if body.recipient_kind == RECIPIENT_ACCOUNT {
                balances[ground.account(&body.recipient).expect("it was made in this world")] += amount;
            }
        }
        if let Some(account) = balances.iter().position(|balance| *balance < 0) {
            return Err(format!("account {account} has {} units when all is settled", balances[account]));
        }
        for (index, authority) in self.authorities.iter().enumerate() {
            let shards = authority.shards().ok_or("an authority is down")?;
            for (account, address) in ground.accounts.iter().enumerate() {
                let slot = shards[ground.shard_of(index, address).index()].account(address);
                let held = slot.map_or((0, 0), |slot| (slot.balance.0, slot.next_sequence.0));
                let (balance, next) = (balances[account], sequences[account]);
                if held != (balance, next) {
                    return Err(format!(
                        "authority {index} holds {held:?} for account {account}, and the certificates say {:?}",
                        (balance, next)
                    ));
                }
            }
            authority.check_supply(&self.around)?;
            authority.check_bounds()?;
        }
        for payer in &self.payers {
            let account = payer.account();
            payer.check_end((balances[account], sequences[account]), &self.around)?;
        }
        for index in 0..self.authorities.len() {
            self.authorities[index].try_power_cut(&mut self.around)?;
        }
        Ok(())
    }
}
