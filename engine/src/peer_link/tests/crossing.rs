//! Credits across sessions that break at any byte: each arrives once.

use super::*;
use crate::credit::{Incoming, Outgoing};
use crate::journal::record::RecordNumber;
use std::collections::VecDeque;

const NONE: RecordNumber = RecordNumber(0);
const CREDIT_COUNT: u64 = 1_500;
const SOURCE: ShardIndex = ShardIndex(2);
const DESTINATION: ShardIndex = ShardIndex(0);

/// A generator of numbers: the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What may be wrong with whoever drives the sessions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// Credits are not handed over again when a session begins.
    NoResend,
    /// What an earlier session brought is thrown away as if it had never come, and acknowledged all the same.
    AcksTooMuch,
}

/// One shard that pays, one that is paid, and the processes between them, which do what their threads do.
struct World {
    random: Random,
    bug: Bug,
    source: Outgoing,
    /// The source's queue.
    queue: VecDeque<Credit>,
    destination: Incoming,
    /// The destination's queue.
    arrived: VecDeque<Credit>,
    applied: Vec<u64>,
    /// What the process of the destination knows to be applied: it lags behind.
    word: u64,
    acknowledged: u64,
    made: u64,
    sessions: (Session, Session),
    session_count: u8,
    broken: u32,
    resend: bool,
}

impl World {
    fn new(seed: u64, bug: Bug) -> Self {
        Self {
            random: Random(seed),
            bug,
            source: Outgoing::new(),
            queue: VecDeque::new(),
            destination: Incoming::default(),
            arrived: VecDeque::new(),
            applied: Vec::new(),
            word: 0,
            acknowledged: 0,
            made: 0,
            sessions: pair(0),
            session_count: 0,
            broken: 0,
            resend: false,
        }
    }

    /// Returns whether every credit arrived and was acknowledged, within bounds that any honest run keeps.
    fn run(mut self) -> Result<u32, String> {
        for _ in 0..400_000 {
            self.step()?;
            if self.made == CREDIT_COUNT && self.source.acknowledged_number() == CREDIT_COUNT {
                let expected: Vec<u64> = (1..=CREDIT_COUNT).collect();
                return if self.applied == expected { Ok(self.broken) } else { Err("not each once".to_owned()) };
            }
        }
        Err(format!("{} of {CREDIT_COUNT} were acknowledged", self.source.acknowledged_number()))
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.below(9) {
            0 if self.made < CREDIT_COUNT => {
                self.made += 1;
                self.source.add(NONE, credit(DESTINATION.0, self.made));
            }
            1 | 2 => self.source_turn(),
            // Now and then, so that a session may break before its credits are taken.
            3 if self.random.below(8) == 0 => self.destination_turn(),
            // The destination's record becomes durable.
            4 => self.word = self.destination.last_number(),
            5 => self.send(),
            6 | 7 => self.carry()?,
            _ if self.random.below(60) == 0 => {
                self.broken += 1;
                self.session_count = self.session_count.wrapping_add(1);
                self.sessions = pair(self.session_count);
            }
            _ => {}
        }
        Ok(())
    }

    fn source_turn(&mut self) {
        let ack = CreditAck { number: self.acknowledged, has_room: true };
        self.source.acknowledge(ack).unwrap();
        if core::mem::take(&mut self.resend) {
            self.source.resend();
        }
        for _ in 0..self.random.below(6) {
            let Some(credit) = self.source.peek(NONE).copied().filter(|_| self.queue.len() < 8) else { return };
            self.queue.push_back(credit);
            self.source.advance();
        }
    }

    fn destination_turn(&mut self) {
        for credit in self.arrived.drain(..) {
            if self.destination.is_next(credit.number) {
                self.destination.advance(NONE);
                self.applied.push(credit.number);
            }
        }
    }

    fn send(&mut self) {
        let (dials, listens) = &mut self.sessions;
        if dials.has_room()
            && let Some(credit) = self.queue.pop_front()
        {
            dials.send_credits(SOURCE, DESTINATION, &[credit]);
        }
        if listens.has_room() {
            listens.send_ack(SOURCE, DESTINATION, CreditAck { number: self.word, has_room: true });
        }
    }

    fn carry(&mut self) -> Result<(), String> {
        let bytes = usize::try_from(self.random.below(700)).unwrap();
        let ack = |number| CreditAck { number, has_room: true };
        let (dials, listens) = &mut self.sessions;
        let marks = PairMarks { made: 0, acknowledged: ack(0), applied: ack(self.word) };
        for said in carry(dials, listens, bytes, marks).map_err(|fault| fault.to_string())? {
            if let Said::Credits(_, _, credits) = said {
                match self.bug {
                    Bug::AcksTooMuch => self.word = credits.last().map_or(self.word, |credit| credit.number),
                    Bug::None | Bug::NoResend => {}
                }
                self.arrived.extend(credits);
            }
        }
        let (dials, listens) = &mut self.sessions;
        let marks = PairMarks { made: self.made, acknowledged: ack(self.acknowledged), applied: ack(0) };
        for said in carry(listens, dials, bytes, marks).map_err(|fault| fault.to_string())? {
            match said {
                Said::Ack(_, _, ack) => self.acknowledged = ack.number,
                Said::Up => {
                    self.acknowledged = self.sessions.0.acknowledged(SOURCE, DESTINATION).number;
                    if self.bug != Bug::NoResend {
                        self.queue.clear();
                        self.resend = true;
                    }
                }
                Said::Proved(_) | Said::Credits(..) => {}
            }
        }
        Ok(())
    }
}

impl World {
    /// As [`Self::run`], for a destination that loses its memory once.
    fn run_with_amnesia(mut self) -> Result<u32, String> {
        for _ in 0..5_000 {
            self.step()?;
        }
        self.destination = Incoming::default();
        self.arrived.clear();
        self.word = 0;
        self.sessions = pair(200);
        self.run()
    }
}

#[test]
fn every_credit_arrives_once_wherever_sessions_break() {
    let mut broken = 0;
    for seed in 0..12 {
        broken += World::new(seed, Bug::None).run().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    }
    assert!(broken > 100, "{broken} sessions broke");
}

#[test]
fn a_process_that_does_not_hand_over_again_is_found_out() {
    let caught = (0..4).filter(|seed| World::new(*seed, Bug::NoResend).run().is_err()).count();
    assert_eq!(caught, 4);
}

#[test]
fn a_process_that_acknowledges_what_is_not_applied_is_found_out() {
    let caught = (0..4).filter(|seed| World::new(*seed, Bug::AcksTooMuch).run().is_err()).count();
    assert!(caught > 0);
}

#[test]
fn a_destination_that_forgets_is_found_out_by_its_peer() {
    for seed in 0..4 {
        let fault = World::new(seed, Bug::None).run_with_amnesia().unwrap_err();
        assert!(fault.contains("had acknowledged"), "seed {seed}: {fault}");
    }
}
