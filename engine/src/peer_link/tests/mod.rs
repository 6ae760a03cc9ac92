//! Sessions between two processes, over a wire that does as it is told.

mod crossing;
mod refusals;

use super::*;
use crate::credit::Credit;
use crate::types::{Address, Amount, Sequence};

/// Shards 0 and 1 here, 2 and 3 there.
const SHARD_COUNT: u16 = 4;

fn network() -> NetworkId {
    NetworkId([7; 32])
}

fn key() -> LinkKey {
    LinkKey::derive(&[9; 32], &network())
}

fn process(shards: &str) -> Process {
    Process { network: network(), shard_count: SHARD_COUNT, shards: shards.parse().unwrap() }
}

fn nothing() -> PairMarks {
    let ack = CreditAck { number: 0, has_room: true };
    PairMarks { made: 0, acknowledged: ack, applied: ack }
}

/// An account of this shard.
fn account(shard: u16) -> Address {
    let of_shard = |address: &Address| network().shard_of(address, SHARD_COUNT) == ShardIndex(shard);
    (0..=u8::MAX).map(|byte| [byte; 32]).find(of_shard).unwrap()
}

fn credits(destination: u16, numbers: Range<u64>) -> Vec<Credit> {
    numbers.map(|number| credit(destination, number)).collect()
}

/// A credit of its own for each number.
fn credit(destination: u16, number: u64) -> Credit {
    let (recipient, sender) = (account(destination), [9; 32]);
    Credit { number, recipient, amount: Amount(number), sender, sequence: Sequence(number + 7), position: 8 * number }
}

/// The one who dials runs shards 2 and 3, the one who listens 0 and 1.
fn pair(nonce: u8) -> (Session, Session) {
    let dials = Session::dial(key(), process("2-3"), process("0-1").shards, [nonce; 32]);
    (dials, Session::listen(key(), process("0-1"), [nonce ^ 0xff; 32]))
}

/// What an event says, without what it borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Proved(ShardRange),
    Up,
    Credits(u16, u16, Vec<Credit>),
    Ack(u16, u16, CreditAck),
}

fn said(event: Event<'_>) -> Said {
    match event {
        Event::Proved(shards) => Said::Proved(shards),
        Event::Up => Said::Up,
        Event::Credits(run) => Said::Credits(run.source.0, run.destination.0, run.iter().collect()),
        Event::Ack { source, destination, ack } => Said::Ack(source.0, destination.0, ack),
    }
}

/// Moves up to so many bytes and returns what they say. Begins with `marks` when the peer has proved who it is.
fn carry(from: &mut Session, to: &mut Session, bytes: usize, marks: PairMarks) -> Result<Vec<Said>, LinkFault> {
    let bytes = bytes.min(from.output().len()).min(to.input_room());
    to.receive(&from.output()[..bytes]);
    from.sent(bytes);
    hear(to, marks)
}

fn hear(session: &mut Session, marks: PairMarks) -> Result<Vec<Said>, LinkFault> {
    let mut all = Vec::new();
    while let Some(said) = session.next_event()?.map(said) {
        if matches!(said, Said::Proved(_)) {
            session.begin(|_, _| marks);
        }
        all.push(said);
    }
    Ok(all)
}

/// Carries everything both ways until nothing is left.
fn settle(one: &mut Session, other: &mut Session) -> Result<Vec<Said>, LinkFault> {
    let mut all = Vec::new();
    while !one.output().is_empty() || !other.output().is_empty() {
        all.extend(carry(one, other, usize::MAX, nothing())?);
        all.extend(carry(other, one, usize::MAX, nothing())?);
    }
    Ok(all)
}

/// A pair that is up.
fn up() -> (Session, Session) {
    let (mut dials, mut listens) = pair(1);
    settle(&mut dials, &mut listens).unwrap();
    assert!(dials.is_up() && listens.is_up());
    (dials, listens)
}

use core::ops::Range;

#[test]
fn two_processes_prove_who_they_are_and_exchange_credits_and_acknowledgements() {
    let (mut dials, mut listens) = pair(1);
    let events = settle(&mut dials, &mut listens).unwrap();
    assert!(
        events.contains(&Said::Proved(process("0-1").shards)) && events.contains(&Said::Proved(process("2-3").shards))
    );
    assert_eq!(events.iter().filter(|said| **said == Said::Up).count(), 2);
    let sent = credits(1, 1..4);
    dials.send_credits(ShardIndex(3), ShardIndex(1), &sent);
    let ack = CreditAck { number: 3, has_room: false };
    assert_eq!(settle(&mut dials, &mut listens).unwrap(), [Said::Credits(3, 1, sent)]);
    listens.send_ack(ShardIndex(3), ShardIndex(1), ack);
    assert_eq!(settle(&mut dials, &mut listens).unwrap(), [Said::Ack(3, 1, ack)]);
    assert_eq!(dials.acknowledged(ShardIndex(3), ShardIndex(1)), ack);
}

#[test]
fn the_marks_of_every_pair_reach_the_other_end_however_many_there_are() {
    let process = |shards: &str| Process { network: network(), shard_count: 200, shards: shards.parse().unwrap() };
    let mut dials = Session::dial(key(), process("70-199"), process("0-69").shards, [1; 32]);
    let mut listens = Session::listen(key(), process("0-69"), [2; 32]);
    // Each pair has numbers of its own.
    let number = |own: ShardIndex, other: ShardIndex| u64::from(own.0) * 1_000 + u64::from(other.0);
    let marks = |own, other| {
        let ack = |number| CreditAck { number, has_room: number % 3 == 0 };
        PairMarks {
            made: number(own, other),
            acknowledged: ack(number(own, other) / 2),
            applied: ack(number(other, own)),
        }
    };
    for _ in 0..6 {
        for (from, to) in [(0, 1), (1, 0)] {
            let (from, to) = if from < to { (&mut dials, &mut listens) } else { (&mut listens, &mut dials) };
            while !from.output().is_empty() {
                let bytes = from.output().len().min(to.input_room());
                to.receive(&from.output()[..bytes]);
                from.sent(bytes);
                while let Some(event) = to.next_event().unwrap() {
                    if matches!(event, Event::Proved(_)) {
                        to.begin(marks);
                    }
                }
            }
        }
    }
    assert!(dials.is_up() && listens.is_up());
    for own in process("70-199").shards.iter() {
        for other in process("0-69").shards.iter() {
            assert_eq!(dials.acknowledged(own, other), marks(other, own).applied);
            assert_eq!(listens.acknowledged(other, own), marks(own, other).applied);
        }
    }
}
