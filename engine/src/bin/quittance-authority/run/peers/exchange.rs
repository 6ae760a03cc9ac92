//! What one peer's shards owe ours and ours owe them, on its way between the links and a session.

use super::super::links::Links;
use crate::sync::Waker;
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::limits::CREDITS_UNACKNOWLEDGED_MAX;
use quittance_engine::peer_link::{CREDITS_PER_FRAME_MAX, CreditRun, Session};
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use std::collections::VecDeque;

/// All pairs of one of our shards and one of the peer's.
pub(super) struct Exchange {
    own: ShardRange,
    peer: ShardRange,
    /// By own shard, then by the peer's.
    pairs: Vec<Pair>,
    run: Vec<Credit>,
}

#[derive(Default)]
struct Pair {
    /// Credits of the peer's shard for which our shard's queue has no room: at most those that are not acknowledged, hence
    /// [`CREDITS_UNACKNOWLEDGED_MAX`].
    held: VecDeque<Credit>,
    /// A credit taken from our shard's queue that did not follow the one before.
    carried: Option<Credit>,
    /// What was last acknowledged to the peer in this session.
    told: Option<CreditAck>,
}

impl Exchange {
    pub(super) fn new(own: ShardRange, peer: ShardRange) -> Self {
        let count = usize::from(own.count()) * usize::from(peer.count());
        Self { own, peer, pairs: (0..count).map(|_| Pair::default()).collect(), run: Vec::new() }
    }

    /// A session has ended, or another one takes its place: what it brought and our shards have not taken comes again.
    pub(super) fn reset(&mut self) {
        self.pairs.fill_with(Pair::default);
    }

    /// The session is up: our shards hand over again what the peer has not acknowledged.
    pub(super) fn begin(&self, session: &Session, links: &Links, wakers: &[Waker]) {
        for (own, other) in self.places() {
            links.restart(own, other, session.acknowledged(own, other));
        }
        wakers.iter().for_each(Waker::wake);
    }

    /// Credits came.
    pub(super) fn take(&mut self, run: CreditRun<'_>, links: &Links, wakers: &[Waker]) {
        let (own, other) = (run.destination, run.source);
        let place = self.own.local(own) * usize::from(self.peer.count()) + self.peer.local(other);
        let applied = links.ack(own, other).number;
        let pair = &mut self.pairs[place];
        pair.held.extend(run.iter());
        // Those were brought by two sessions; without them what is held is bounded by what the peer may send.
        while pair.held.front().is_some_and(|credit| credit.number <= applied) {
            pair.held.pop_front();
        }
        assert!(pair.held.len() <= CREDITS_UNACKNOWLEDGED_MAX, "the session takes no credit beyond");
        self.pass_on(place, (own, other), links, wakers);
    }

    /// Gives our shards what is held for them. Returns whether something is still held.
    pub(super) fn pass_on_all(&mut self, links: &Links, wakers: &[Waker]) -> bool {
        let mut is_held = false;
        for (place, pair) in self.places().enumerate() {
            if !self.pairs[place].held.is_empty() {
                self.pass_on(place, pair, links, wakers);
                is_held |= !self.pairs[place].held.is_empty();
            }
        }
        is_held
    }

    fn pass_on(&mut self, place: usize, (own, other): (ShardIndex, ShardIndex), links: &Links, wakers: &[Waker]) {
        let held = &mut self.pairs[place].held;
        let before = held.len();
        while held.front().is_some_and(|credit| links.push(own, other, *credit)) {
            held.pop_front();
        }
        if held.len() < before {
            wakers[self.own.local(own)].wake();
        }
    }

    /// Sends what our shards owe the peer's, and acknowledges what they applied, as long as the session has room. Returns how
    /// many credits it took.
    pub(super) fn send(&mut self, session: &mut Session, links: &Links, wakers: &[Waker]) -> u64 {
        let mut count = 0;
        for (place, (own, other)) in self.places().enumerate() {
            let ack = links.ack(own, other);
            let pair = &mut self.pairs[place];
            if session.has_room() && pair.told != Some(ack) {
                session.send_ack(other, own, ack);
                pair.told = Some(ack);
            }
            while session.has_room() {
                pair.next_run(&mut self.run, || links.pop(own, other));
                if self.run.is_empty() {
                    break;
                }
                session.send_credits(own, other, &self.run);
                count += self.run.len() as u64;
                if links.has_waited(own, other) {
                    wakers[self.own.local(own)].wake();
                }
            }
        }
        count
    }

    fn places(&self) -> impl Iterator<Item = (ShardIndex, ShardIndex)> + use<> {
        let peer = self.peer;
        self.own.iter().flat_map(move |own| peer.iter().map(move |other| (own, other)))
    }
}

impl Pair {
    /// Credits that follow each other, as many as fit a frame.
    fn next_run(&mut self, run: &mut Vec<Credit>, mut pop: impl FnMut() -> Option<Credit>) {
        run.clear();
        while run.len() < CREDITS_PER_FRAME_MAX {
            let Some(credit) = self.carried.take().or_else(&mut pop) else { return };
            // Between two credits of one queue there may be the moment in which handing over began again.
            let follows = run.last().is_none_or(|last| last.number.checked_add(1) == Some(credit.number));
            if !follows {
                self.carried = Some(credit);
                return;
            }
            run.push(credit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_engine::types::{Amount, Sequence};

    fn credit(number: u64) -> Credit {
        let (recipient, sender) = ([0; 32], [1; 32]);
        Credit { number, recipient, amount: Amount(1), sender, sequence: Sequence(0), position: 0 }
    }

    #[test]
    fn runs_end_where_numbers_do_not_follow_and_nothing_is_left_out() {
        let mut pair = Pair::default();
        let mut queue: VecDeque<Credit> = [5, 6, 7, 3, 4, 4].map(credit).into_iter().collect();
        let mut runs = Vec::new();
        let mut run = Vec::new();
        loop {
            pair.next_run(&mut run, || queue.pop_front());
            if run.is_empty() {
                break;
            }
            runs.push(run.iter().map(|credit| credit.number).collect::<Vec<_>>());
        }
        assert_eq!(runs, [vec![5, 6, 7], vec![3, 4], vec![4]]);
        let mut queue = (0..).map(credit);
        pair.next_run(&mut run, || queue.next());
        assert_eq!(run.len(), CREDITS_PER_FRAME_MAX);
    }
}
