//! What a datagram holds: fixed little-endian layouts, one frame per datagram, parsed in place.
//!
//! [`parse`] borrows from the datagram and copies nothing. It accepts exactly one byte string per value: the length is
//! the one that the kind demands, padding is zero, every enumerated byte is a known one. Anything else is
//! [`Malformed`], which callers count and answer with silence. No input makes it panic. Whether signatures hold and
//! whether values make sense (an amount of zero, a leaf index beyond its path, a rejection code nobody knows) is for
//! whoever reads the frame.
//!
//! | kind | value | bytes | sent by |
//! |---|---|---|---|
//! | order | `0x01` | [`ORDER_BYTES`] = 240 | payer |
//! | certificate | `0x02` | [`CERTIFICATE_HEAD_BYTES`] = 160, then per vote 72 + 32 per path level | anyone |
//! | query | `0x03` | [`QUERY_BYTES`] = 152 | anyone |
//! | history query | `0x04` | [`HISTORY_QUERY_BYTES`] = 96, then zeros up to any length that a datagram can have | anyone |
//! | chained order | `0x05` | [`ORDER_BYTES`] = 240 | payer |
//! | vote | `0x81` | [`REPLY_HEAD_BYTES`] = 120 + 32 per path level | authority |
//! | receipt | `0x82` | as a vote | authority |
//! | rejection | `0x83` | [`REJECTION_HEAD_BYTES`] = 96; proven ones 168 + 32 per path level | authority |
//! | info | `0x84` | [`INFO_BYTES`] = 152 | authority |
//! | history page | `0x85` | [`HISTORY_PAGE_BYTES`] = 80 + 64 per item | authority |
//!
//! Requests are at least as long as the unproven reply that they can draw, so the port amplifies nothing; a history query
//! is as long as its sender makes it, and so is what it gets: a page, or a certificate. A reply that
//! carries a proof goes only to a request whose signature was good, and stays within 1.5 times its length: this is what
//! bounds [`PATH_LEVELS_MAX`].
//!
//! `golden/` holds a frame of each kind, written out byte by byte with the offset and name of every field.
//!
//! Files: `mod.rs` kinds, bounds and [`parse`]; `layout.rs` the fixed layouts and their checks; `field.rs` numbers that
//! can lie anywhere; `reply.rs`, `certificate.rs` and `history.rs` what varies in length.

#![forbid(unsafe_code)]

mod certificate;
mod field;
mod history;
mod layout;
mod reply;

pub use certificate::{CertificateView, VoteView, VoteViews, certificate_bytes, encode_certificate};
pub use field::{I128, U16, U64};
pub use history::{HistoryPageView, HistoryQueryView, encode_page, page_bytes};
pub use layout::{
    CertificateHead, HISTORY_CERTIFICATE, HISTORY_RECEIVED, HISTORY_SENT, Hash, Header, HistoryItem, HistoryPage,
    HistoryQuery, ITEM_HAS_VOTES, ITEM_TO_PRIMARY, Info, Order, OrderBody, Proof, Query, RECIPIENT_ACCOUNT,
    RECIPIENT_PRIMARY, RejectionHead, ReplyHead,
};
pub use reply::{RejectionView, ReplyView, rejection_bytes, reply_bytes};

use layout::{Checked, check};

/// First bytes of every frame.
pub const MAGIC: [u8; 4] = *b"QTNC";
/// The layout's version. Frames of another version are not read.
pub const VERSION: u8 = 1;

/// Longest datagram of the protocol: an Ethernet frame of 1,500 bytes less IPv4 and UDP headers.
pub const FRAME_BYTES_MAX: usize = 1_472;
/// An order's length.
pub const ORDER_BYTES: usize = size_of::<Order>();
/// A certificate's length before its votes.
pub const CERTIFICATE_HEAD_BYTES: usize = size_of::<CertificateHead>();
/// A vote's or receipt's length before its path.
pub const REPLY_HEAD_BYTES: usize = size_of::<ReplyHead>();
/// A proof's length before its path.
pub const PROOF_BYTES: usize = size_of::<Proof>();
/// A rejection's length before its proof.
pub const REJECTION_HEAD_BYTES: usize = size_of::<RejectionHead>();
/// A query's length.
pub const QUERY_BYTES: usize = size_of::<Query>();
/// An info reply's length.
pub const INFO_BYTES: usize = size_of::<Info>();
/// A history query's length before its zeros.
pub const HISTORY_QUERY_BYTES: usize = size_of::<HistoryQuery>();
/// A history page's length before its items.
pub const HISTORY_PAGE_BYTES: usize = size_of::<HistoryPage>();
/// An item's length.
pub const HISTORY_ITEM_BYTES: usize = size_of::<HistoryItem>();

/// Most levels of a reply's path, so at most 64 replies under one signature. More would save each reply less than a
/// 64th of a signature, and cost every verifier a hash and every certificate 32 bytes per vote for each level; and a
/// proven rejection must not exceed 1.5 times an order's length.
pub const PATH_LEVELS_MAX: usize = 6;
/// Most votes that a certificate frame can hold: with empty paths.
pub const VOTES_MAX: usize = (FRAME_BYTES_MAX - CERTIFICATE_HEAD_BYTES) / PROOF_BYTES;
/// Most items that a history page can hold.
pub const HISTORY_ITEMS_MAX: usize = (FRAME_BYTES_MAX - HISTORY_PAGE_BYTES) / HISTORY_ITEM_BYTES;

const _: () = {
    assert!(ORDER_BYTES == 240 && CERTIFICATE_HEAD_BYTES == 160 && QUERY_BYTES == 152 && INFO_BYTES == 152);
    assert!(REPLY_HEAD_BYTES == 120 && PROOF_BYTES == 72 && REJECTION_HEAD_BYTES == 96);
    assert!(INFO_BYTES <= QUERY_BYTES);
    assert!(REJECTION_HEAD_BYTES <= QUERY_BYTES && REJECTION_HEAD_BYTES <= ORDER_BYTES);
    assert!(2 * rejection_bytes(Some(PATH_LEVELS_MAX)) <= 3 * ORDER_BYTES);
    assert!(2 * reply_bytes(PATH_LEVELS_MAX) <= 3 * ORDER_BYTES);
    assert!(VOTES_MAX <= u8::MAX as usize);
    assert!(HISTORY_ITEMS_MAX <= u8::MAX as usize);
    // The shortest history query is as long as a refusal, and longer than an empty page.
    assert!(HISTORY_QUERY_BYTES == 96 && HISTORY_PAGE_BYTES == 80 && HISTORY_ITEM_BYTES == 64);
    assert!(REJECTION_HEAD_BYTES <= HISTORY_QUERY_BYTES && HISTORY_PAGE_BYTES <= HISTORY_QUERY_BYTES);
};

/// What a frame is. The high bit marks what authorities send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A payment, signed by its sender.
    Order = 0x01,
    /// An order with a quorum's votes.
    Certificate = 0x02,
    /// A question about one account.
    Query = 0x03,
    /// A question about one account's history.
    HistoryQuery = 0x04,
    /// An order that certificates pay for which were sent ahead of it: if the money is not here yet, wait for it a little. Laid
    /// out as an order; what its sender signs is the same, so is its vote, and whoever carries it may choose the kind.
    ChainedOrder = 0x05,
    /// An authority's vote for an order.
    Vote = 0x81,
    /// An authority's word that it applied a certificate.
    Receipt = 0x82,
    /// A coded refusal.
    Rejection = 0x83,
    /// The answer to a query.
    Info = 0x84,
    /// The answer to a history query, unless that is a certificate.
    HistoryPage = 0x85,
}

impl Kind {
    /// Every kind, in the order of their values.
    pub const ALL: [Self; 10] = [
        Self::Order,
        Self::Certificate,
        Self::Query,
        Self::HistoryQuery,
        Self::ChainedOrder,
        Self::Vote,
        Self::Receipt,
        Self::Rejection,
        Self::Info,
        Self::HistoryPage,
    ];

    /// The kind with this value, if there is one.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Why a datagram is no frame; listed in the order checked. Where parts follow one another (head, proofs, paths), each
/// is checked for length, padding and fields before the next is looked at, and bytes left over at the end come last.
/// Only certificates, history queries and pages longer than [`FRAME_BYTES_MAX`] are refused before their parts are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(u8)]
pub enum Malformed {
    /// Shorter than a header.
    #[error("shorter than a header")]
    Short,
    /// The first four bytes are not [`MAGIC`].
    #[error("foreign magic bytes")]
    Magic,
    /// Another version than [`VERSION`].
    #[error("unknown version")]
    Version,
    /// No such [`Kind`].
    #[error("unknown kind")]
    Kind,
    /// Not the length that the kind and its counts demand.
    #[error("wrong length for its kind")]
    Length,
    /// A padding byte is not zero.
    #[error("padding is not zero")]
    Padding,
    /// An enumerated or counted field is out of its range.
    #[error("field out of range")]
    Field,
}

impl Malformed {
    /// Every cause: for counters.
    pub const ALL: [Self; 7] =
        [Self::Short, Self::Magic, Self::Version, Self::Kind, Self::Length, Self::Padding, Self::Field];
}

/// A parsed frame, borrowed from its datagram.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// See [`Kind::Order`].
    Order(&'a Order),
    /// See [`Kind::Certificate`].
    Certificate(CertificateView<'a>),
    /// See [`Kind::Query`].
    Query(&'a Query),
    /// See [`Kind::HistoryQuery`].
    HistoryQuery(HistoryQueryView<'a>),
    /// See [`Kind::ChainedOrder`].
    ChainedOrder(&'a Order),
    /// See [`Kind::Vote`].
    Vote(ReplyView<'a>),
    /// See [`Kind::Receipt`].
    Receipt(ReplyView<'a>),
    /// See [`Kind::Rejection`].
    Rejection(RejectionView<'a>),
    /// See [`Kind::Info`].
    Info(&'a Info),
    /// See [`Kind::HistoryPage`].
    HistoryPage(HistoryPageView<'a>),
}

/// Reads one datagram in place.
///
/// # Errors
/// The first [`Malformed`] cause found.
pub fn parse(datagram: &[u8]) -> Result<Frame<'_>, Malformed> {
    let Some((header, _)) = datagram.split_first_chunk::<{ size_of::<Header>() }>() else {
        return Err(Malformed::Short);
    };
    let header: &Header = bytemuck::must_cast_ref(header);
    if header.magic != MAGIC {
        return Err(Malformed::Magic);
    }
    if header.version != VERSION {
        return Err(Malformed::Version);
    }
    match Kind::from_byte(header.kind).ok_or(Malformed::Kind)? {
        Kind::Order => exact::<Order>(datagram).map(Frame::Order),
        Kind::Certificate => certificate::parse(datagram).map(Frame::Certificate),
        Kind::Query => exact::<Query>(datagram).map(Frame::Query),
        Kind::HistoryQuery => history::parse_query(datagram).map(Frame::HistoryQuery),
        Kind::ChainedOrder => exact::<Order>(datagram).map(Frame::ChainedOrder),
        Kind::Vote => reply::parse_reply(datagram).map(Frame::Vote),
        Kind::Receipt => reply::parse_reply(datagram).map(Frame::Receipt),
        Kind::Rejection => reply::parse_rejection(datagram).map(Frame::Rejection),
        Kind::Info => exact::<Info>(datagram).map(Frame::Info),
        Kind::HistoryPage => history::parse_page(datagram).map(Frame::HistoryPage),
    }
}

/// Reads a frame of fixed length.
fn exact<T: bytemuck::AnyBitPattern + Checked>(datagram: &[u8]) -> Result<&T, Malformed> {
    let frame = bytemuck::try_from_bytes(datagram).map_err(|_| Malformed::Length)?;
    check(frame)
}

/// Splits a fixed part off the front.
fn head<T: bytemuck::AnyBitPattern + Checked>(bytes: &[u8]) -> Result<(&T, &[u8]), Malformed> {
    let (head, rest) = bytes.split_at_checked(size_of::<T>()).ok_or(Malformed::Length)?;
    Ok((exact(head)?, rest))
}

/// Splits a path of `level_count` hashes off the front: a count from a proof that was checked.
fn path(bytes: &[u8], level_count: u8) -> Result<(&[Hash], &[u8]), Malformed> {
    debug_assert!(usize::from(level_count) <= PATH_LEVELS_MAX);
    let (path, rest) = bytes.split_at_checked(usize::from(level_count) * size_of::<Hash>()).ok_or(Malformed::Length)?;
    Ok((bytemuck::cast_slice(path), rest))
}

#[cfg(test)]
mod tests;
