//! Questions about a history, answered from its entries: pages and certificates. No answer is longer than its question.

use super::entry::{Chain, Content, ENTRY_BYTES_MAX, Entry, Votes};
use super::is_place;
use crate::limits::HISTORY_WALK_MAX;
use crate::reject::{Refusal, Reject};
use crate::types::{Address, Peer};
use quittance_net::frame::{
    self, CERTIFICATE_HEAD_BYTES, CertificateHead, FRAME_BYTES_MAX, HISTORY_CERTIFICATE, HISTORY_ITEM_BYTES,
    HISTORY_ITEMS_MAX, HISTORY_PAGE_BYTES, HISTORY_RECEIVED, Header, HistoryItem, HistoryPage, ITEM_HAS_VOTES,
    ITEM_TO_PRIMARY, Kind, OrderBody, RECIPIENT_ACCOUNT, REJECTION_HEAD_BYTES, U16, U64,
};

/// A question that a shard passes on: all that is needed to answer it from entries alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Who asks.
    pub peer: Peer,
    /// The shard asked.
    pub shard: u16,
    /// As frames carry it.
    pub network_tag: u64,
    /// The account.
    pub account: Address,
    /// To be repeated.
    pub nonce: u64,
    /// [`HISTORY_CERTIFICATE`] or one of the others.
    pub what: u8,
    /// Where to begin; 0: there is nothing.
    pub from: u64,
    /// Whether the peer gave that position. Then it may be anything.
    pub is_from_peer: bool,
    /// Entries at this position and beyond were not made when the question came. What they would tell may not leave.
    pub end: u64,
    /// See [`HistoryQuery::stop`](frame::HistoryQuery::stop).
    pub stop: u64,
    /// See [`HistoryQuery::sequence`](frame::HistoryQuery::sequence).
    pub sequence: u64,
    /// The question's length: bytes.
    pub byte_count: usize,
}

/// Where entries are read.
pub trait Entries {
    /// Reads what is at this position and behind it, as much as is there, and returns how many bytes those are; 0 if the
    /// segment is not there.
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize;
}

/// A finished answer.
#[derive(Clone, Debug)]
pub struct HistoryReply {
    peer: Peer,
    refused: Option<Reject>,
    length: usize,
    bytes: [u8; FRAME_BYTES_MAX],
}

impl HistoryReply {
    /// Who gets it.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The frame.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The code, if it is a refusal.
    pub fn refused(&self) -> Option<Reject> {
        self.refused
    }
}

/// Answers: with a page, a certificate or a refusal.
pub fn answer(request: &HistoryRequest, entries: &mut impl Entries) -> HistoryReply {
    let mut bytes = [0; FRAME_BYTES_MAX];
    let made = match request.what {
        HISTORY_CERTIFICATE => certificate(request, entries, &mut bytes),
        _ => page(request, entries, &mut bytes),
    };
    let (length, refused) = match made {
        Ok(length) => (length, None),
        Err(refusal) => (refuse(request, &refusal, &mut bytes), Some(refusal.code)),
    };
    assert!(length <= request.byte_count, "an answer is not longer than its question");
    HistoryReply { peer: request.peer, refused, length, bytes }
}

/// Items from the chain, as many as the question has room for.
fn page(request: &HistoryRequest, entries: &mut impl Entries, out: &mut [u8]) -> Result<usize, Refusal> {
    let is_received = request.what == HISTORY_RECEIVED;
    let chain = if is_received { Chain::Received } else { Chain::Sent };
    let room = request.byte_count.saturating_sub(HISTORY_PAGE_BYTES) / HISTORY_ITEM_BYTES;
    let mut items = [<HistoryItem as bytemuck::Zeroable>::zeroed(); HISTORY_ITEMS_MAX];
    let (mut count, mut position) = (0, request.from);
    let mut buffer = [0; ENTRY_BYTES_MAX];
    while position != 0 && count < room.min(HISTORY_ITEMS_MAX) {
        if is_received && position <= request.stop {
            position = 0;
            break;
        }
        let (entry, previous) = match entry_at(request, chain, position, entries, &mut buffer) {
            Ok(found) => found,
            Err(refusal) if count == 0 => return Err(refusal),
            // What was found is worth having; the next question is refused.
            Err(_) => break,
        };
        if !is_received && entry.content.sequence().0 < request.stop {
            position = 0;
            break;
        }
        items[count] = item(request.shard, chain, &entry);
        (count, position) = (count + 1, previous);
    }
    Ok(encode_page(request, position, &items[..count], out))
}

/// The certificate, or, if it is further back than one walk goes, an empty page that says where to go on.
fn certificate(request: &HistoryRequest, entries: &mut impl Entries, out: &mut [u8]) -> Result<usize, Refusal> {
    let mut position = request.from;
    let mut buffer = [0; ENTRY_BYTES_MAX];
    for _ in 0..HISTORY_WALK_MAX {
        if position == 0 {
            return Err(Reject::NotHere.into());
        }
        let (entry, previous) = entry_at(request, Chain::Sent, position, entries, &mut buffer)?;
        match entry.content.sequence().0.cmp(&request.sequence) {
            core::cmp::Ordering::Greater => position = previous,
            core::cmp::Ordering::Less => return Err(Reject::NotHere.into()),
            core::cmp::Ordering::Equal => {
                let Content::Payment { body, votes: Some(votes), .. } = entry.content else {
                    return Err(Reject::NotHere.detail(position));
                };
                let length = CERTIFICATE_HEAD_BYTES + votes.bytes.len();
                if length <= request.byte_count {
                    return write_certificate(request, body, &votes, &mut out[..length])
                        .ok_or(Reject::NotHere.detail(position));
                }
                // Asked for with too few zeros: this is where it is.
                break;
            }
        }
    }
    Ok(encode_page(request, position, &[], out))
}

/// The entry and the link to the one before it. A position that the peer gave leads to a refusal unless it is that of an entry
/// of this account; one from a chain does so only where the chain is cut.
fn entry_at<'a>(
    request: &HistoryRequest,
    chain: Chain,
    position: u64,
    entries: &mut impl Entries,
    buffer: &'a mut [u8; ENTRY_BYTES_MAX],
) -> Result<(Entry<'a>, u64), Refusal> {
    let is_given = request.is_from_peer && position == request.from;
    if !is_place(position) || position >= request.end {
        return Err(Reject::BadPosition.detail(position));
    }
    let length = entries.read(position, buffer);
    if length == 0 {
        return Err(Reject::NotHere.detail(position));
    }
    let found = Entry::decode(position, &buffer[..length])
        .and_then(|entry| Some((entry, entry.previous(&request.account, chain)?)));
    let cause = if is_given { Reject::BadPosition } else { Reject::NotHere };
    found.ok_or(cause.detail(position))
}

fn item(shard: u16, chain: Chain, entry: &Entry<'_>) -> HistoryItem {
    let (position, counterparty, shard, flags) = match entry.content {
        Content::Payment { body, votes, .. } => {
            let counterparty = if chain == Chain::Sent { body.recipient } else { body.sender };
            let to_primary = if body.recipient_kind == RECIPIENT_ACCOUNT { 0 } else { ITEM_TO_PRIMARY };
            let has_votes = if votes.is_some() { ITEM_HAS_VOTES } else { 0 };
            (entry.position, counterparty, shard, to_primary | has_votes)
        }
        Content::Credit(credit) => {
            let position = credit.source_position.get();
            // The sender's shard knows for sure.
            let has_votes = if position == 0 { 0 } else { ITEM_HAS_VOTES };
            (position, credit.sender, credit.source.get(), has_votes)
        }
    };
    HistoryItem {
        position: U64::new(position),
        counterparty,
        sequence: U64::new(entry.content.sequence().0),
        amount: U64::new(entry.content.amount().0),
        shard: U16::new(shard),
        flags,
        padding: [0; 5],
    }
}

fn encode_page(request: &HistoryRequest, next: u64, items: &[HistoryItem], out: &mut [u8]) -> usize {
    let head = HistoryPage {
        header: Header::new(Kind::HistoryPage, request.shard, request.network_tag),
        account: request.account,
        nonce: U64::new(request.nonce),
        from: U64::new(request.from),
        next: U64::new(next),
        what: request.what,
        count: u8::try_from(items.len()).expect("HISTORY_ITEMS_MAX fits a byte"),
        padding: [0; 6],
    };
    frame::encode_page(&head, items, out).expect("the longest page fits a datagram")
}

/// `None`: what is on disk is no certificate.
fn write_certificate(request: &HistoryRequest, body: &OrderBody, votes: &Votes<'_>, out: &mut [u8]) -> Option<usize> {
    let head = CertificateHead {
        header: Header::new(Kind::Certificate, request.shard, request.network_tag),
        body: *body,
        epoch: U64::new(votes.epoch),
        vote_count: votes.count,
        padding: [0; 7],
    };
    let (out_head, out_votes) = out.split_at_mut(CERTIFICATE_HEAD_BYTES);
    out_head.copy_from_slice(bytemuck::bytes_of(&head));
    out_votes.copy_from_slice(votes.bytes);
    frame::parse(out).is_ok().then_some(out.len())
}

fn refuse(request: &HistoryRequest, refusal: &Refusal, out: &mut [u8]) -> usize {
    let head = crate::shard::rejection_head(request.shard, request.network_tag, &request.account, refusal);
    out[..REJECTION_HEAD_BYTES].copy_from_slice(bytemuck::bytes_of(&head));
    REJECTION_HEAD_BYTES
}
