//! The shard's end of the history: entries made, gathered and handed over; questions that wait to be answered from them.

use super::Shard;
use crate::arena::SlotIndex;
use crate::credit::Credit;
use crate::history::answer::{HistoryReply, HistoryRequest};
use crate::history::entry::{Content, CreditEntry, Entry, VOTE_BYTES_MAX, Votes};
use crate::history::{HISTORY_START, HistoryHead, place};
use crate::limits::{HISTORY_REQUESTS_MAX, Tables};
use crate::mutant::Mutant;
use crate::reject::Reject;
use crate::release::Withheld;
use crate::types::{Peer, ShardIndex};
use quittance_net::frame::{HISTORY_RECEIVED, HistoryQueryView, OrderBody};
use std::collections::VecDeque;

/// Entries made and not yet handed over, and questions on their way.
#[derive(Debug)]
pub(super) struct Historian {
    keeps: bool,
    open_bytes_max: usize,
    /// Where the next entry goes, or, behind the next segment's page, the first that does not fit there.
    end: u64,
    /// Entries to be handed over, in order.
    open: Vec<u8>,
    open_position: u64,
    /// Where in `open` another segment begins, and its position.
    split: Option<(usize, u64)>,
    /// Votes of staged certificates: [`VOTE_BYTES_MAX`] for each, by its key.
    staged_votes: Vec<u8>,
    requests: Withheld<HistoryRequest>,
    /// Questions handed out and not yet answered.
    asked_count: usize,
    replies: VecDeque<HistoryReply>,
}

impl Historian {
    /// Takes up to 28 MiB of memory with full tables if it keeps a history, most of it only under load.
    pub(super) fn new(keeps: bool, tables: &Tables) -> Self {
        let open_bytes = if keeps { tables.history_open_bytes + tables.history_open_bytes_reserved() } else { 0 };
        let requests_max = if keeps { HISTORY_REQUESTS_MAX } else { 0 };
        Self {
            keeps,
            open_bytes_max: tables.history_open_bytes,
            end: HISTORY_START,
            open: Vec::with_capacity(open_bytes),
            open_position: HISTORY_START,
            split: None,
            staged_votes: if keeps { vec![0; tables.staged_certificates * VOTE_BYTES_MAX] } else { Vec::new() },
            requests: Withheld::with_capacity(requests_max),
            asked_count: 0,
            replies: VecDeque::with_capacity(requests_max),
        }
    }

    /// Questions taken whose answers have not left.
    pub(super) fn open_count(&self) -> usize {
        self.requests.len() + self.asked_count + self.replies.len()
    }

    /// Whether the shard should wait for whoever takes entries before it makes more.
    pub(super) fn is_backed_up(&self) -> bool {
        self.open.len() >= self.open_bytes_max
    }

    /// Where the next entry goes at the earliest.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Goes on from here: everything before is on disk or will be made again.
    pub(super) fn resume(&mut self, end: u64) {
        assert!(self.open.is_empty(), "recovery comes first");
        self.end = end;
    }

    /// Makes an entry, and returns its position; 0 if no history is kept.
    fn enter(&mut self, sender_previous: u64, recipient_previous: u64, content: Content<'_>) -> u64 {
        if !self.keeps {
            return 0;
        }
        let bytes = content.entry_bytes();
        let position = place(self.end, bytes);
        if self.open.is_empty() {
            self.open_position = position;
        } else if position != self.end {
            assert!(self.split.is_none(), "what waits is shorter than a segment");
            self.split = Some((self.open.len(), position));
        }
        Entry { position, sender_previous, recipient_previous, content }.encode(&mut self.open);
        self.end = position + bytes as u64;
        position
    }

    /// Keeps a certificate's votes while its roots are checked.
    pub(super) fn stage(&mut self, key: u32, votes: &[u8]) {
        if self.keeps {
            self.staged_votes[key as usize * VOTE_BYTES_MAX..][..votes.len()].copy_from_slice(votes);
        }
    }

    /// Votes of all staged certificates, for as long as one of them is applied. To be given back.
    pub(super) fn take_staged(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.staged_votes)
    }

    /// Gives back what [`Self::take_staged`] took.
    pub(super) fn give_back_staged(&mut self, votes: Vec<u8>) {
        self.staged_votes = votes;
    }
}

/// The votes of the certificate staged under this key; nothing where no history is kept.
pub(super) fn staged_votes(all: &[u8], key: u32, length: usize) -> &[u8] {
    if all.is_empty() { all } else { &all[key as usize * VOTE_BYTES_MAX..][..length] }
}

impl Shard {
    /// Whether entries wait to be handed over.
    pub fn has_open_history(&self) -> bool {
        !self.history.open.is_empty()
    }

    /// How many bytes of entries wait to be handed over.
    pub fn open_history_bytes(&self) -> usize {
        self.history.open.len()
    }

    /// Whether a question could be taken, if no entries waited.
    pub fn has_history_request(&self) -> bool {
        self.history.requests.has_durable(self.journal.durable())
    }

    /// Moves entries that wait, the oldest first, into `into`, which it clears, and returns the position where they belong.
    /// They are in one segment; call it again for those of the next. `None` if there are none.
    ///
    /// `into` is exchanged for the shard's own buffer rather than copied to, where that can be: give one whose memory may
    /// stay.
    pub fn seal_history(&mut self, into: &mut Vec<u8>) -> Option<u64> {
        let history = &mut self.history;
        into.clear();
        if history.open.is_empty() {
            return None;
        }
        let position = history.open_position;
        if let Some((length, next)) = history.split.take() {
            into.extend_from_slice(&history.open[..length]);
            history.open.drain(..length);
            history.open_position = next;
        } else {
            core::mem::swap(&mut history.open, into);
        }
        Some(position)
    }

    /// Where the next entry of the history goes at the earliest: bytes.
    pub fn history_end(&self) -> u64 {
        self.history.end
    }

    /// Refuses what can be refused at once; the rest waits until all that the shard knows now is durable.
    pub(super) fn receive_history_query(&mut self, peer: Peer, query: &HistoryQueryView<'_>) {
        self.counters.history_queries += 1;
        let asked = query.head;
        if let Err(refusal) = self.check_address(&asked.header, &asked.account) {
            return self.refuse(peer, asked.account, refusal);
        }
        if !self.history.keeps {
            return self.refuse(peer, asked.account, Reject::NoHistory.into());
        }
        let Some(slot) = self.arena.find(&asked.account) else {
            return self.refuse(peer, asked.account, Reject::UnknownAccount.into());
        };
        if self.history.requests.len() + self.history.asked_count >= HISTORY_REQUESTS_MAX {
            return self.refuse(peer, asked.account, Reject::Busy.into());
        }
        let HistoryHead { sent, received } = *self.arena.head(slot);
        let newest = if asked.what == HISTORY_RECEIVED { received } else { sent };
        let is_from_peer = asked.from.get() != 0;
        let request = HistoryRequest {
            peer,
            shard: self.shard.0,
            network_tag: self.network_tag,
            account: asked.account,
            nonce: asked.nonce.get(),
            what: asked.what,
            from: if is_from_peer { asked.from.get() } else { newest },
            is_from_peer,
            end: self.history.end,
            stop: asked.stop.get(),
            sequence: asked.sequence.get(),
            byte_count: query.byte_count,
        };
        self.history.requests.push(self.journal.made(), request);
    }

    /// A question that may be answered now, with [`answer`](crate::history::answer::answer); then
    /// [`Self::finish_history`]. None as long as entries wait to be handed over: one of them could be asked for.
    pub fn take_history_request(&mut self) -> Option<HistoryRequest> {
        if self.has_open_history() {
            return None;
        }
        let request = self.history.requests.pop(self.journal.durable())?;
        self.history.asked_count += 1;
        Some(*request.get())
    }

    /// Takes a finished answer, to be sent with the other replies.
    ///
    /// # Panics
    /// If it answers no question that was taken.
    pub fn finish_history(&mut self, reply: HistoryReply) {
        let count = self.history.asked_count.checked_sub(1);
        self.history.asked_count = count.expect("a question is answered once");
        if let Some(code) = reply.refused() {
            self.counters.rejects.count(code);
        }
        self.history.replies.push_back(reply);
    }

    pub(super) fn pop_history_reply(&mut self) -> Option<HistoryReply> {
        self.history.replies.pop_front()
    }

    pub(super) fn has_history_replies(&self) -> bool {
        !self.history.replies.is_empty()
    }

    /// Enters a payment, in the chains of its sender and of its recipient, if that is here. Returns its position.
    pub(super) fn enter_payment(
        &mut self,
        sender: SlotIndex,
        recipient: Option<SlotIndex>,
        body: &OrderBody,
        votes: Option<Votes<'_>>,
    ) -> u64 {
        if !self.history.keeps {
            return 0;
        }
        let sender_previous = self.arena.head(sender).sent;
        let recipient_previous = recipient.map_or(0, |recipient| self.arena.head(recipient).received);
        let (sender_previous, recipient_previous) = match self.planted.is(Mutant::HistoryLinksExchanged) {
            true => (recipient_previous, sender_previous),
            false => (sender_previous, recipient_previous),
        };
        let content = Content::Payment { body, credits_here: recipient.is_some(), votes };
        let position = self.history.enter(sender_previous, recipient_previous, content);
        self.arena.head_mut(sender).sent = position;
        if let Some(recipient) = recipient {
            self.arena.head_mut(recipient).received = position;
        }
        position
    }

    /// Enters a credit of another shard in its recipient's chain. Returns its position.
    pub(super) fn enter_credit(&mut self, source: ShardIndex, recipient: SlotIndex, credit: &Credit) -> u64 {
        if !self.history.keeps {
            return 0;
        }
        let content = Content::Credit(&CreditEntry::new(source, credit));
        let position = self.history.enter(0, self.arena.head(recipient).received, content);
        self.arena.head_mut(recipient).received = position;
        position
    }

    /// Whether the shard keeps a history.
    pub fn keeps_history(&self) -> bool {
        self.history.keeps
    }
}
