//! An entry: one payment, or one credit that came from another shard, and its links.
//!
//! | Offset | Bytes | What |
//! |---|---|---|
//! | 0 | 4 | CRC-32 (IEEE) of all that follows in the entry |
//! | 4 | 1 | kind: 1 payment, 2 credit |
//! | 5 | 1 | flags |
//! | 6 | 2 | bytes of votes |
//! | 8 | 8 | its own position |
//! | 16 | 8 | position of the sender's payment before; 0 for none |
//! | 24 | 8 | position of the payment that the recipient received before; 0 for none |
//!
//! Then, of a payment, what follows the header in its certificate's frame, byte for byte, from the order to the votes: 144
//! bytes and the votes. Of a credit 96 bytes, see [`CreditEntry`]. Numbers are little-endian. Zeros fill an entry up to the
//! next multiple of [`ENTRY_ALIGN_BYTES`].

use super::ENTRY_ALIGN_BYTES;
use crate::credit::Credit;
use crate::types::{Address, Amount, Sequence, ShardIndex};
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::{
    CERTIFICATE_HEAD_BYTES, FRAME_BYTES_MAX, Header, OrderBody, RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY, U16, U64,
};

/// The votes are there. Without it the entry was made again from the journal.
pub const FLAG_HAS_VOTES: u8 = 1;
/// The recipient's account is on this shard, too: the entry is in its chain.
pub const FLAG_CREDITS_HERE: u8 = 2;

/// The most bytes of votes.
pub const VOTE_BYTES_MAX: usize = FRAME_BYTES_MAX - CERTIFICATE_HEAD_BYTES;

/// The longest entry: bytes.
pub const ENTRY_BYTES_MAX: usize = size_of::<HeadBytes>() + size_of::<PaymentBytes>() + VOTE_BYTES_MAX;
const _: () = assert!(ENTRY_BYTES_MAX.is_multiple_of(ENTRY_ALIGN_BYTES));

const KIND_PAYMENT: u8 = 1;
const KIND_CREDIT: u8 = 2;

/// 32 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct HeadBytes {
    crc: [u8; 4],
    kind: u8,
    flags: u8,
    vote_bytes: U16,
    position: U64,
    sender_previous: U64,
    recipient_previous: U64,
}

/// 144 bytes: as in a certificate's frame, behind the header.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct PaymentBytes {
    body: OrderBody,
    epoch: U64,
    vote_count: u8,
    padding: [u8; 7],
}

const _: () = assert!(size_of::<HeadBytes>() == 32);
const _: () = assert!(size_of::<PaymentBytes>() + size_of::<Header>() == CERTIFICATE_HEAD_BYTES);

/// A credit from another shard, 96 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct CreditEntry {
    /// Who paid.
    pub sender: Address,
    /// Who is paid.
    pub recipient: Address,
    /// The sender's sequence number.
    pub sequence: U64,
    /// How much.
    pub amount: U64,
    /// Position of the payment's own entry, in the history of the sender's shard; 0 if that keeps none.
    pub source_position: U64,
    /// The sender's shard.
    pub source: U16,
    /// Zero.
    pub padding: [u8; 6],
}

impl CreditEntry {
    /// What is to be remembered of a credit.
    pub fn new(source: ShardIndex, credit: &Credit) -> Self {
        Self {
            sender: credit.sender,
            recipient: credit.recipient,
            sequence: U64::new(credit.sequence.0),
            amount: U64::new(credit.amount.0),
            source_position: U64::new(credit.position),
            source: U16::new(source.0),
            padding: [0; 6],
        }
    }
}

/// The votes of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Votes<'a> {
    /// The epoch that they are of.
    pub epoch: u64,
    /// How many.
    pub count: u8,
    /// As they came in the frame.
    pub bytes: &'a [u8],
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A payment by an account of this shard.
    Payment {
        /// The order.
        body: &'a OrderBody,
        /// Whether the recipient's account is on this shard.
        credits_here: bool,
        /// Its certificate's votes, if they are kept.
        votes: Option<Votes<'a>>,
    },
    /// A payment by an account of another shard, to one of this.
    Credit(&'a CreditEntry),
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it is.
    pub position: u64,
    /// The sender's payment before; 0 for none.
    pub sender_previous: u64,
    /// The payment that the recipient received before; 0 for none.
    pub recipient_previous: u64,
    /// What it is about.
    pub content: Content<'a>,
}

/// Which of an account's two chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Payments that it made.
    Sent,
    /// Payments that it received.
    Received,
}

impl Content<'_> {
    /// The entry's length, zeros at its end included: bytes.
    pub fn entry_bytes(&self) -> usize {
        let content = match self {
            Self::Payment { votes, .. } => size_of::<PaymentBytes>() + votes.map_or(0, |votes| votes.bytes.len()),
            Self::Credit(_) => size_of::<CreditEntry>(),
        };
        (size_of::<HeadBytes>() + content).next_multiple_of(ENTRY_ALIGN_BYTES)
    }

    /// Whether the payment is in this chain of this account.
    fn is_in(&self, account: &Address, chain: Chain) -> bool {
        match (self, chain) {
            (Self::Payment { body, .. }, Chain::Sent) => body.sender == *account,
            (Self::Payment { body, credits_here, .. }, Chain::Received) => *credits_here && body.recipient == *account,
            (Self::Credit(credit), Chain::Received) => credit.recipient == *account,
            (Self::Credit(_), Chain::Sent) => false,
        }
    }

    /// The sender's sequence number.
    pub fn sequence(&self) -> Sequence {
        match self {
            Self::Payment { body, .. } => Sequence(body.sequence.get()),
            Self::Credit(credit) => Sequence(credit.sequence.get()),
        }
    }

    /// Units paid.
    pub fn amount(&self) -> Amount {
        match self {
            Self::Payment { body, .. } => Amount(body.amount.get()),
            Self::Credit(credit) => Amount(credit.amount.get()),
        }
    }
}

impl<'a> Entry<'a> {
    /// Appends the entry's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let (kind, flags, vote_bytes) = match self.content {
            Content::Payment { credits_here, votes, .. } => {
                let here = if credits_here { FLAG_CREDITS_HERE } else { 0 };
                let has_votes = if votes.is_some() { FLAG_HAS_VOTES } else { 0 };
                (KIND_PAYMENT, here | has_votes, votes.map_or(0, |votes| votes.bytes.len()))
            }
            Content::Credit(_) => (KIND_CREDIT, FLAG_CREDITS_HERE, 0),
        };
        let head = HeadBytes {
            crc: [0; 4],
            kind,
            flags,
            vote_bytes: U16::new(u16::try_from(vote_bytes).expect("votes fit a datagram")),
            position: U64::new(self.position),
            sender_previous: U64::new(self.sender_previous),
            recipient_previous: U64::new(self.recipient_previous),
        };
        out.extend_from_slice(bytemuck::bytes_of(&head));
        match self.content {
            Content::Payment { body, votes, .. } => {
                let Votes { epoch, count, bytes } = votes.unwrap_or(Votes { epoch: 0, count: 0, bytes: &[] });
                let payment = PaymentBytes { body: *body, epoch: U64::new(epoch), vote_count: count, padding: [0; 7] };
                out.extend_from_slice(bytemuck::bytes_of(&payment));
                out.extend_from_slice(bytes);
            }
            Content::Credit(credit) => out.extend_from_slice(bytemuck::bytes_of(credit)),
        }
        let crc = crc32fast::hash(&out[start + size_of_val(&head.crc)..]);
        out[start..][..size_of_val(&head.crc)].copy_from_slice(&crc.to_le_bytes());
        out.resize(start + self.content.entry_bytes(), 0);
    }

    /// Reads the entry at this position from the bytes there, which may go on behind it. `None`: there is no entry, or not
    /// all of it.
    pub fn decode(position: u64, bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = split::<HeadBytes>(bytes)?;
        let vote_bytes = usize::from(head.vote_bytes.get());
        let (sender_previous, recipient_previous) = (head.sender_previous.get(), head.recipient_previous.get());
        // Links go back: whoever follows them comes to an end.
        if head.position.get() != position || sender_previous >= position || recipient_previous >= position {
            return None;
        }
        let (content, content_bytes) = match head.kind {
            KIND_PAYMENT => payment(head, rest, vote_bytes)?,
            KIND_CREDIT => credit(head, rest, vote_bytes)?,
            _ => return None,
        };
        let covered = &bytes[size_of_val(&head.crc)..size_of::<HeadBytes>() + content_bytes];
        if crc32fast::hash(covered).to_le_bytes() != head.crc {
            return None;
        }
        Some(Self { position, sender_previous, recipient_previous, content })
    }

    /// The link to the entry before it in this chain of this account; `None` if it is not in that chain.
    pub fn previous(&self, account: &Address, chain: Chain) -> Option<u64> {
        let previous = match chain {
            Chain::Sent => self.sender_previous,
            Chain::Received => self.recipient_previous,
        };
        self.content.is_in(account, chain).then_some(previous)
    }

    /// Whether both are the entry of one payment, with or without its votes.
    pub fn is_same(&self, other: &Self) -> bool {
        let links = |entry: &Self| (entry.position, entry.sender_previous, entry.recipient_previous);
        let is_same_content = match (&self.content, &other.content) {
            (
                Content::Payment { body, credits_here, .. },
                Content::Payment { body: other_body, credits_here: other_here, .. },
            ) => body == other_body && credits_here == other_here,
            (Content::Credit(credit), Content::Credit(other)) => credit == other,
            _ => false,
        };
        links(self) == links(other) && is_same_content
    }
}

/// The first of entries that follow one another without gaps, as [`Shard::take_stubs`](crate::shard::Shard::take_stubs) gives
/// them, and the rest of them; `None` if there are no more.
pub fn split_first(bytes: &[u8]) -> Option<(Entry<'_>, &[u8], &[u8])> {
    let (head, _) = split::<HeadBytes>(bytes)?;
    let entry = Entry::decode(head.position.get(), bytes).expect("only what was encoded whole is split");
    let (first, rest) = bytes.split_at(entry.content.entry_bytes());
    Some((entry, first, rest))
}

fn payment<'a>(head: &HeadBytes, rest: &'a [u8], vote_bytes: usize) -> Option<(Content<'a>, usize)> {
    let (payment, rest) = split::<PaymentBytes>(rest)?;
    let (has_votes, credits_here) = (head.flags & FLAG_HAS_VOTES != 0, head.flags & FLAG_CREDITS_HERE != 0);
    let is_right = head.flags & !(FLAG_HAS_VOTES | FLAG_CREDITS_HERE) == 0
        && payment.padding == [0; 7]
        && payment.body.padding == [0; 7]
        && matches!(payment.body.recipient_kind, RECIPIENT_ACCOUNT | RECIPIENT_PRIMARY)
        && vote_bytes <= VOTE_BYTES_MAX
        && has_votes == (payment.vote_count > 0)
        && (has_votes || vote_bytes == 0);
    if !is_right {
        return None;
    }
    let bytes = rest.get(..vote_bytes)?;
    let votes = has_votes.then_some(Votes { epoch: payment.epoch.get(), count: payment.vote_count, bytes });
    Some((Content::Payment { body: &payment.body, credits_here, votes }, size_of::<PaymentBytes>() + vote_bytes))
}

fn credit<'a>(head: &HeadBytes, rest: &'a [u8], vote_bytes: usize) -> Option<(Content<'a>, usize)> {
    let (credit, _) = split::<CreditEntry>(rest)?;
    let is_right = head.flags == FLAG_CREDITS_HERE && vote_bytes == 0 && credit.padding == [0; 6];
    is_right.then_some((Content::Credit(credit), size_of::<CreditEntry>()))
}

fn split<T: Pod>(bytes: &[u8]) -> Option<(&T, &[u8])> {
    let (layout, rest) = bytes.split_at_checked(size_of::<T>())?;
    Some((bytemuck::from_bytes(layout), rest))
}

#[cfg(test)]
mod tests;
