//! Histories read page by page: what authorities say that an account paid and received. Hints, until certificates prove them.

use super::post::{Key, Purpose};
use super::shared::Turn;
use crate::proof::Fault;
use quittance_engine::types::Address;
use quittance_net::frame::HistoryItem;

/// A page that came.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) next: u64,
    pub(super) items: Vec<HistoryItem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open(Key),
    /// Read to its end, or to where everything is known.
    Read,
    Failed,
}

#[derive(Debug)]
struct Reading {
    authority: u8,
    pages: u32,
    state: State,
}

/// One account's payments of one sort, read at every authority at once.
#[derive(Debug)]
pub(super) struct Survey {
    account: Address,
    what: u8,
    page_count_max: u32,
    readings: Vec<Reading>,
}

impl Survey {
    /// Begins to read; at most so many pages at each authority.
    pub(super) fn begin(account: Address, what: u8, page_count_max: u32, turn: &mut Turn<'_>) -> Self {
        let authorities = turn.core.terms.authorities();
        let read = |authority| {
            let state = State::Open(turn.ask_page(authority, &account, what, 0));
            Reading { authority, pages: 0, state }
        };
        let readings = authorities.map(read).collect();
        Self { account, what, page_count_max, readings }
    }

    /// A page came. Returns whether it is of this survey and makes sense. `has_news`: whether it lists what was not known; one
    /// that does not ends the reading.
    pub(super) fn page(&mut self, key: &Key, next: u64, has_news: bool, turn: &mut Turn<'_>) -> bool {
        let (account, what, page_count_max) = (self.account, self.what, self.page_count_max);
        let found = self.readings.iter_mut().find(|reading| reading.state == State::Open(*key));
        let (Some(reading), Some(Purpose::Page { from, .. })) = (found, turn.core.post.purpose(key)) else {
            return false;
        };
        turn.drop_question(key);
        turn.has_progress = true;
        reading.pages += 1;
        let goes_back = next == 0 || from == 0 || next < from;
        reading.state = if !goes_back {
            // A chain leads back in time: this one would have no end.
            turn.fault(key.authority, Fault::Sense);
            State::Failed
        } else if next == 0 || !has_news {
            State::Read
        } else if reading.pages == page_count_max {
            State::Failed
        } else {
            State::Open(turn.ask_page(key.authority, &account, what, next))
        };
        goes_back
    }

    /// The question at this key was refused, or is not answered. Returns whether it is of this survey. `is_empty`: the authority
    /// does not know the account, so there is nothing to read.
    pub(super) fn missed(&mut self, key: &Key, is_empty: bool, turn: &mut Turn<'_>) -> bool {
        let found = self.readings.iter_mut().find(|reading| reading.state == State::Open(*key));
        let Some(reading) = found else { return false };
        turn.drop_question(key);
        reading.state = if is_empty { State::Read } else { State::Failed };
        true
    }

    /// Whether nothing is being read.
    pub(super) fn is_over(&self) -> bool {
        !self.readings.iter().any(|reading| matches!(reading.state, State::Open(_)))
    }

    /// Whether those that were read to the end weigh a quorum: then each payment that is final was among theirs.
    pub(super) fn is_complete(&self, turn: &Turn<'_>) -> bool {
        let read = self.readings.iter().filter(|reading| reading.state == State::Read);
        read.map(|reading| turn.weight(reading.authority)).sum::<u64>() >= turn.core.terms.quorum()
    }
}
