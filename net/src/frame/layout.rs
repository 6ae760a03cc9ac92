//! The fixed layouts. Every structure has alignment 1 and no implicit padding. Each field's docs begin with its offset,
//! each structure's name its length; tests hold both against the structures.

use super::{I128, Kind, MAGIC, Malformed, U16, U64, VERSION};
use bytemuck::{Pod, Zeroable};

/// A 32-byte hash, digest or address.
pub type Hash = [u8; 32];

/// [`OrderBody::recipient_kind`]: an account of this authority's committee.
pub const RECIPIENT_ACCOUNT: u8 = 0;
/// [`OrderBody::recipient_kind`]: an address on the primary ledger (a redemption).
pub const RECIPIENT_PRIMARY: u8 = 1;

/// The first 16 bytes of every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// 0: [`MAGIC`].
    pub magic: [u8; 4],
    /// 4: [`VERSION`].
    pub version: u8,
    /// 5: a [`Kind`].
    pub kind: u8,
    /// 6: the shard asked, or the shard that answers.
    pub shard: U16,
    /// 8: the first eight bytes of the network id. A filter, not a proof: signed bytes hold the whole id.
    pub network: U64,
}

impl Header {
    /// A header for a frame of this kind.
    pub const fn new(kind: Kind, shard: u16, network: u64) -> Self {
        Self { magic: MAGIC, version: VERSION, kind: kind as u8, shard: U16::new(shard), network: U64::new(network) }
    }
}

/// What a payer asks for; 128 bytes. The sender signs it (with a domain and the network id before it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct OrderBody {
    /// 0: the paying account: an Ed25519 public key.
    pub sender: Hash,
    /// 32: the account, or the address on the primary ledger, that is paid.
    pub recipient: Hash,
    /// 64: for the payer and the payee; no meaning here.
    pub user_data: Hash,
    /// 96: units paid; above zero.
    pub amount: U64,
    /// 104: the sender's next sequence number.
    pub sequence: U64,
    /// 112: no authority votes for it from this time on; milliseconds since 1970 UTC.
    pub expiry_ms: U64,
    /// 120: [`RECIPIENT_ACCOUNT`] or [`RECIPIENT_PRIMARY`].
    pub recipient_kind: u8,
    /// 121: zero.
    pub padding: [u8; 7],
}

/// An order as sent, chained or not; 240 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Order {
    /// 0
    pub header: Header,
    /// 16
    pub body: OrderBody,
    /// 144: the sender's Ed25519 signature.
    pub signature: [u8; 64],
    /// 208: the x coordinate of the signature's R, little-endian, which makes the check cheaper; zero if not sent. No honest
    /// signature has an R with x = 0.
    pub r_hint: Hash,
}

/// The start of a certificate; 160 bytes. `vote_count` votes follow, each a [`Proof`] and its path.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct CertificateHead {
    /// 0
    pub header: Header,
    /// 16
    pub body: OrderBody,
    /// 144: the epoch of the votes.
    pub epoch: U64,
    /// 152: votes that follow; 1 to [`VOTES_MAX`](super::VOTES_MAX).
    pub vote_count: u8,
    /// 153: zero.
    pub padding: [u8; 7],
}

/// Ties a reply to a root that an authority signed; 72 bytes. `path_count` hashes follow, bottom up.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Proof {
    /// 0: the authority's Ed25519 signature of the root.
    pub root_signature: [u8; 64],
    /// 64: the leaf's place in the tree, from 0.
    pub leaf_index: U16,
    /// 66: the authority's place in the committee file, from 0.
    pub authority: u8,
    /// 67: hashes that follow; at most [`PATH_LEVELS_MAX`](super::PATH_LEVELS_MAX).
    pub path_count: u8,
    /// 68: zero.
    pub padding: [u8; 4],
}

/// A vote or a receipt up to its path; 120 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct ReplyHead {
    /// 0
    pub header: Header,
    /// 16: digest of the order's signed bytes.
    pub digest: Hash,
    /// 48
    pub proof: Proof,
}

/// A rejection up to its proof; 96 bytes. A [`Proof`] and its path follow if `proven` is 1.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct RejectionHead {
    /// 0
    pub header: Header,
    /// 16: digest of the refused order; for a query the account asked for.
    pub subject: Hash,
    /// 48: digest of the order that stands in the way, or zero.
    pub other: Hash,
    /// 80: what the code says about itself: a sequence number, a balance, or 0.
    pub detail: U64,
    /// 88: the code. Every value is read: a reader meets codes that are newer than it is.
    pub code: u8,
    /// 89: 1 if signed: only orders whose signature was good get that.
    pub proven: u8,
    /// 90: zero.
    pub padding: [u8; 6],
}

/// A question about one account; 152 bytes, so that the answer is not longer.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Query {
    /// 0
    pub header: Header,
    /// 16: the account.
    pub account: Hash,
    /// 48: repeated in the answer.
    pub nonce: U64,
    /// 56: zero.
    pub padding: [u8; 96],
}

/// What an authority holds of one account; 152 bytes. Not signed: a hint, where a certificate is a proof.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Info {
    /// 0
    pub header: Header,
    /// 16: the account.
    pub account: Hash,
    /// 48: the query's nonce.
    pub nonce: U64,
    /// 56: balance: negative while a certificate waits for the credit that funds it.
    pub balance: I128,
    /// 72: the sequence number that the next order must have.
    pub next_sequence: U64,
    /// 80: digest of the order voted for and not yet confirmed; zero if none.
    pub pending: Hash,
    /// 112: digest of the last confirmed order; zero if none.
    pub last_confirmed: Hash,
    /// 144: zero.
    pub padding: [u8; 8],
}

/// [`HistoryQuery::what`]: a page of payments that the account made.
pub const HISTORY_SENT: u8 = 1;
/// [`HistoryQuery::what`]: a page of payments that the account received.
pub const HISTORY_RECEIVED: u8 = 2;
/// [`HistoryQuery::what`]: the certificate of one payment that the account made.
pub const HISTORY_CERTIFICATE: u8 = 3;

/// [`HistoryItem::flags`]: the certificate is kept, as far as the authority that lists it knows.
pub const ITEM_HAS_VOTES: u8 = 1;
/// [`HistoryItem::flags`]: the payment went to an address on the primary ledger.
pub const ITEM_TO_PRIMARY: u8 = 2;

/// A question about an account's history up to the zeros that may follow; 96 bytes. The answer is never longer than the
/// question: who wants a long one asks with more zeros, up to [`FRAME_BYTES_MAX`](super::FRAME_BYTES_MAX) in all.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct HistoryQuery {
    /// 0
    pub header: Header,
    /// 16: the account.
    pub account: Hash,
    /// 48: repeated in a page.
    pub nonce: U64,
    /// 56: the position to begin at, as an earlier page's `next` or an item gave it; 0: the newest.
    pub from: U64,
    /// 64: where to stop. Payments made: the lowest sequence number wanted. Payments received: a position already known, such
    /// as an earlier page's `from`; it is not listed, nor what is older. 0: go on to the first.
    pub stop: U64,
    /// 72: the sequence number whose certificate is wanted.
    pub sequence: U64,
    /// 80: [`HISTORY_SENT`], [`HISTORY_RECEIVED`] or [`HISTORY_CERTIFICATE`].
    pub what: u8,
    /// 81: zero.
    pub padding: [u8; 15],
}

/// A page of an account's history up to its items; 80 bytes. `count` items follow, newest first. Not signed: a hint, where a
/// certificate is a proof.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct HistoryPage {
    /// 0
    pub header: Header,
    /// 16: the account.
    pub account: Hash,
    /// 48: the query's nonce.
    pub nonce: U64,
    /// 56: the position at which this page began; 0 if there is nothing.
    pub from: U64,
    /// 64: the position at which the next page begins; 0: this was the last.
    pub next: U64,
    /// 72: as asked. A page for a certificate has no items: it says where to go on looking.
    pub what: u8,
    /// 73: items that follow; at most [`HISTORY_ITEMS_MAX`](super::HISTORY_ITEMS_MAX).
    pub count: u8,
    /// 74: zero.
    pub padding: [u8; 6],
}

/// A payment in a page; 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct HistoryItem {
    /// 0: where its certificate is, among what `shard` keeps: to ask for it with; 0 if it was never kept.
    pub position: U64,
    /// 8: who was paid, or who paid.
    pub counterparty: Hash,
    /// 40: the sender's sequence number.
    pub sequence: U64,
    /// 48: units.
    pub amount: U64,
    /// 56: the shard that has the certificate: the sender's.
    pub shard: U16,
    /// 58: [`ITEM_HAS_VOTES`], [`ITEM_TO_PRIMARY`].
    pub flags: u8,
    /// 59: zero.
    pub padding: [u8; 5],
}

/// A layout that knows which of its bytes must be zero and which are enumerated.
pub(super) trait Checked {
    /// Whether padding is zero.
    fn is_padding_zero(&self) -> bool;
    /// Whether enumerated and counted fields are in range.
    fn is_in_range(&self) -> bool {
        true
    }
}

/// Checks padding, then ranges.
pub(super) fn check<T: Checked>(frame: &T) -> Result<&T, Malformed> {
    if !frame.is_padding_zero() {
        return Err(Malformed::Padding);
    }
    if !frame.is_in_range() {
        return Err(Malformed::Field);
    }
    Ok(frame)
}

impl Checked for OrderBody {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 7]
    }
    fn is_in_range(&self) -> bool {
        matches!(self.recipient_kind, RECIPIENT_ACCOUNT | RECIPIENT_PRIMARY)
    }
}

impl Checked for Order {
    fn is_padding_zero(&self) -> bool {
        self.body.is_padding_zero()
    }
    fn is_in_range(&self) -> bool {
        self.body.is_in_range()
    }
}

impl Checked for CertificateHead {
    fn is_padding_zero(&self) -> bool {
        self.body.is_padding_zero() && self.padding == [0; 7]
    }
    fn is_in_range(&self) -> bool {
        self.body.is_in_range() && (1..=super::VOTES_MAX).contains(&usize::from(self.vote_count))
    }
}

impl Checked for Proof {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 4]
    }
    fn is_in_range(&self) -> bool {
        usize::from(self.path_count) <= super::PATH_LEVELS_MAX
    }
}

impl Checked for ReplyHead {
    fn is_padding_zero(&self) -> bool {
        self.proof.is_padding_zero()
    }
    fn is_in_range(&self) -> bool {
        self.proof.is_in_range()
    }
}

impl Checked for RejectionHead {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 6]
    }
    fn is_in_range(&self) -> bool {
        self.proven <= 1
    }
}

impl Checked for Query {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 96]
    }
}

impl Checked for Info {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 8]
    }
}

impl Checked for HistoryQuery {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 15]
    }
    fn is_in_range(&self) -> bool {
        is_history_kind(self.what)
    }
}

impl Checked for HistoryPage {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 6]
    }
    fn is_in_range(&self) -> bool {
        is_history_kind(self.what) && usize::from(self.count) <= super::HISTORY_ITEMS_MAX
    }
}

impl Checked for HistoryItem {
    fn is_padding_zero(&self) -> bool {
        self.padding == [0; 5]
    }
    fn is_in_range(&self) -> bool {
        self.flags & !(ITEM_HAS_VOTES | ITEM_TO_PRIMARY) == 0
    }
}

fn is_history_kind(what: u8) -> bool {
    matches!(what, HISTORY_SENT | HISTORY_RECEIVED | HISTORY_CERTIFICATE)
}
