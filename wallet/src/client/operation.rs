//! What is under way: one thing that a client was asked to do, of whatever sort.

use super::deliver::Deliver;
use super::face::{Event, PageItem, Standing};
use super::inquire::Inquire;
use super::judge::Word;
use super::pay::Pay;
use super::post::Key;
use super::rebuild::Rebuild;
use super::shared::Turn;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Amount, Sequence};
use quittance_net::frame::{HistoryItem, ITEM_HAS_VOTES, ITEM_TO_PRIMARY};
use std::collections::BTreeSet;

/// See the module's docs.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) account: Address,
    pub(super) kind: Kind,
    pub(super) asked: BTreeSet<Key>,
    /// When it ends without success, unless something comes.
    pub(super) give_up_ns: u64,
    /// When it is to be looked after.
    pub(super) due_ns: u64,
}

/// The sorts.
#[derive(Debug)]
pub(super) enum Kind {
    Pay(Box<Pay>),
    Deliver(Box<Deliver>),
    Inquire(Inquire),
    Rebuild(Box<Rebuild>),
    Page(AskPage),
}

/// One page from one authority.
#[derive(Debug)]
pub(super) struct AskPage {
    pub(super) authority: u8,
    pub(super) refusal: Option<Refusal>,
}

impl Kind {
    /// Asks for all that is wanted now.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        match self {
            Self::Pay(pay) => pay.advance(turn),
            Self::Deliver(deliver) => deliver.advance(turn),
            Self::Inquire(inquire) => inquire.advance(turn),
            Self::Rebuild(rebuild) => rebuild.advance(turn),
            Self::Page(_) => {}
        }
    }

    /// An answer came to a question of this operation's.
    pub(super) fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) {
        match self {
            Self::Pay(pay) => pay.heard(key, word, turn),
            Self::Deliver(deliver) => deliver.heard(key, word, turn),
            Self::Inquire(inquire) => inquire.heard(key, word, turn),
            Self::Rebuild(rebuild) => rebuild.heard(key, word, turn),
            Self::Page(ask) => ask.heard(key, word, turn),
        }
    }

    /// The time is over.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>) {
        let is_settled = match self {
            Self::Inquire(inquire) => return inquire.finish(turn),
            Self::Rebuild(rebuild) => return rebuild.finish(turn),
            Self::Pay(pay) if pay.end_overtaken(turn) => return,
            Self::Pay(pay) => pay.is_settled(),
            Self::Deliver(deliver) => deliver.is_settled(),
            Self::Page(_) => false,
        };
        if !is_settled {
            let standings = self.standings(turn.core.terms.authority_count());
            turn.tell(Event::Waiting { operation: turn.operation, standings });
        }
        turn.has_ended = true;
    }

    /// When it is to be looked after at the latest, whatever comes.
    pub(super) fn due_ns(&self) -> Option<u64> {
        match self {
            Self::Pay(pay) => pay.due_ns(),
            Self::Deliver(deliver) => deliver.due_ns(),
            Self::Inquire(inquire) => inquire.due_ns(),
            Self::Rebuild(rebuild) => rebuild.due_ns(),
            Self::Page(_) => None,
        }
    }

    /// By authority.
    pub(super) fn standings(&self, authority_count: usize) -> Vec<Standing> {
        match self {
            Self::Pay(pay) => pay.standings(),
            Self::Deliver(deliver) => deliver.standings(),
            Self::Inquire(inquire) => inquire.standings(),
            Self::Rebuild(rebuild) => rebuild.standings(),
            Self::Page(ask) => {
                let mut standings = vec![Standing::Silent; authority_count];
                if let Some(refusal) = ask.refusal {
                    standings[usize::from(ask.authority)] = Standing::Refuses(refusal);
                }
                standings
            }
        }
    }

    /// Whether it is a payment that is not final: its account has one at a time.
    pub(super) fn is_paying(&self) -> bool {
        matches!(self, Self::Pay(pay) if !pay.is_settled())
    }
}

impl AskPage {
    fn heard(&mut self, key: &Key, word: &Word, turn: &mut Turn<'_>) {
        match word {
            Word::Page(page) => {
                turn.drop_question(key);
                let items = page.items.iter().map(item).collect();
                turn.tell(Event::Page { operation: turn.operation, items, next: page.next });
                turn.has_ended = true;
            }
            Word::Refused(refusal) if refusal.code == Reject::Busy => self.refusal = Some(*refusal),
            Word::Refused(refusal) => {
                self.refusal = Some(*refusal);
                Kind::Page(Self { ..*self }).give_up(turn);
            }
            Word::Silence => Kind::Page(Self { ..*self }).give_up(turn),
            _ => {}
        }
    }
}

fn item(item: &HistoryItem) -> PageItem {
    PageItem {
        counterparty: item.counterparty,
        sequence: Sequence(item.sequence.get()),
        amount: Amount(item.amount.get()),
        is_to_primary: item.flags & ITEM_TO_PRIMARY != 0,
        has_votes: item.flags & ITEM_HAS_VOTES != 0,
    }
}
