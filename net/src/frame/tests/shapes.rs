//! Frames to test with: the written ones, and any shape filled with random bytes.

use super::layout::FIELDS;
use crate::frame::{
    CERTIFICATE_HEAD_BYTES, FRAME_BYTES_MAX, HISTORY_ITEMS_MAX, HISTORY_PAGE_BYTES, HISTORY_QUERY_BYTES, INFO_BYTES,
    Kind, MAGIC, ORDER_BYTES, PATH_LEVELS_MAX, PROOF_BYTES, QUERY_BYTES, REJECTION_HEAD_BYTES, REPLY_HEAD_BYTES,
    VERSION, VOTES_MAX,
};

/// Of so many things that tests sweep over Miri looks at one: all of them take it an hour.
const MIRI_EVERY: usize = 29;

/// What decides which byte of a frame is what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Chained or not.
    Order(Kind),
    /// Path levels of each vote.
    Certificate(Vec<u8>),
    Query,
    /// Zeros behind it.
    HistoryQuery(usize),
    /// Vote or receipt, and its path levels.
    Reply(Kind, u8),
    /// Path levels, if proven.
    Rejection(Option<u8>),
    Info,
    /// Items.
    HistoryPage(u8),
}

/// What a byte of a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The magic byte of this place.
    Magic(usize),
    Version,
    Kind,
    Padding,
    RecipientKind,
    VoteCount,
    PathCount,
    Proven,
    /// What is asked of a history.
    What,
    ItemCount,
    ItemFlags,
    /// Any value will do.
    Free,
}

impl Shape {
    /// One of each kind, and those with the fewest and the most votes and levels.
    pub(super) fn all() -> Vec<Self> {
        let most = u8::try_from(PATH_LEVELS_MAX).unwrap();
        let items_most = u8::try_from(HISTORY_ITEMS_MAX).unwrap();
        let mut shapes = vec![Self::Query, Self::Info, Self::Rejection(None)];
        shapes.extend([Kind::Order, Kind::ChainedOrder].map(Self::Order));
        shapes.extend([0, 1, FRAME_BYTES_MAX - HISTORY_QUERY_BYTES].map(Self::HistoryQuery));
        shapes.extend([0, 1, items_most].map(Self::HistoryPage));
        for levels in 0..=most {
            shapes.push(Self::Rejection(Some(levels)));
            shapes.extend([Kind::Vote, Kind::Receipt].map(|kind| Self::Reply(kind, levels)));
            shapes.push(Self::Certificate(vec![levels]));
        }
        shapes.push(Self::Certificate(vec![2, 0, 1]));
        shapes.push(Self::Certificate(vec![most; 3]));
        shapes.push(Self::Certificate(vec![0; VOTES_MAX]));
        shapes
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Certificate(_) => Kind::Certificate,
            Self::Query => Kind::Query,
            Self::HistoryQuery(_) => Kind::HistoryQuery,
            Self::Order(kind) | Self::Reply(kind, _) => *kind,
            Self::Rejection(_) => Kind::Rejection,
            Self::Info => Kind::Info,
            Self::HistoryPage(_) => Kind::HistoryPage,
        }
    }

    /// Bytes of the fixed part.
    pub(super) fn head_bytes(&self) -> usize {
        match self {
            Self::Order(_) => ORDER_BYTES,
            Self::Certificate(_) => CERTIFICATE_HEAD_BYTES,
            Self::Query => QUERY_BYTES,
            Self::HistoryQuery(_) => HISTORY_QUERY_BYTES,
            Self::Reply(..) => REPLY_HEAD_BYTES,
            Self::Rejection(_) => REJECTION_HEAD_BYTES,
            Self::Info => INFO_BYTES,
            Self::HistoryPage(_) => HISTORY_PAGE_BYTES,
        }
    }

    /// The purpose of every byte, from the compiler's own offsets.
    pub(super) fn purposes(&self) -> Vec<Purpose> {
        match self {
            Self::Order(_) => purposes("Order"),
            Self::Certificate(votes) => {
                let votes = votes.iter().flat_map(|levels| [purposes("Proof"), path(*levels)].concat());
                purposes("CertificateHead").into_iter().chain(votes).collect()
            }
            Self::Query => purposes("Query"),
            Self::HistoryQuery(zeros) => [purposes("HistoryQuery"), vec![Purpose::Padding; *zeros]].concat(),
            Self::Reply(_, levels) => [purposes("ReplyHead"), path(*levels)].concat(),
            Self::Rejection(None) => purposes("RejectionHead"),
            Self::Rejection(Some(levels)) => [purposes("RejectionHead"), purposes("Proof"), path(*levels)].concat(),
            Self::Info => purposes("Info"),
            Self::HistoryPage(items) => {
                [purposes("HistoryPage"), purposes("HistoryItem").repeat(usize::from(*items))].concat()
            }
        }
    }

    /// A well-formed frame of this shape whose free bytes are random.
    pub(super) fn frame(&self, random: &mut Random) -> Vec<u8> {
        let mut path_counts = self.path_counts().into_iter();
        let mut byte = |purpose| match purpose {
            Purpose::Magic(place) => MAGIC[place],
            Purpose::Version => VERSION,
            Purpose::Kind => self.kind() as u8,
            Purpose::Padding => 0,
            Purpose::RecipientKind => random.byte() & 1,
            Purpose::VoteCount => u8::try_from(self.path_counts().len()).unwrap(),
            Purpose::PathCount => path_counts.next().unwrap(),
            Purpose::Proven => u8::from(*self != Self::Rejection(None)),
            Purpose::What => 1 + random.byte() % 3,
            Purpose::ItemCount => self.item_count(),
            Purpose::ItemFlags => random.byte() & 3,
            Purpose::Free => random.byte(),
        };
        self.purposes().into_iter().map(&mut byte).collect()
    }

    /// Path levels of each proof.
    fn path_counts(&self) -> Vec<u8> {
        match self {
            Self::Certificate(votes) => votes.clone(),
            Self::Reply(_, levels) | Self::Rejection(Some(levels)) => vec![*levels],
            _ => Vec::new(),
        }
    }

    fn item_count(&self) -> u8 {
        if let Self::HistoryPage(items) = self { *items } else { 0 }
    }

    /// Whether zeros may stand behind it, in a datagram that is not too long.
    pub(super) fn takes_zeros(&self) -> bool {
        matches!(self, Self::HistoryQuery(_))
    }

    /// A certificate with as many of these votes as fit a frame.
    pub(super) fn fitting_certificate(mut votes: Vec<u8>) -> Self {
        let bytes = |votes: &[u8]| {
            CERTIFICATE_HEAD_BYTES + votes.iter().map(|levels| PROOF_BYTES + 32 * usize::from(*levels)).sum::<usize>()
        };
        while bytes(&votes) > FRAME_BYTES_MAX {
            votes.pop();
        }
        Self::Certificate(votes)
    }
}

/// What a sweep looks at: everything. Under Miri, which is thousands of times slower, the first, the last, and every so many-th.
pub(super) fn swept<T>(all: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    let all: Vec<T> = all.into_iter().collect();
    let last = all.len().saturating_sub(1);
    let is_seen = move |index: usize| !cfg!(miri) || index.is_multiple_of(MIRI_EVERY) || index == last;
    all.into_iter().enumerate().filter(move |(index, _)| is_seen(*index)).map(|(_, item)| item)
}

/// So many random cases, or, under Miri, so many fewer.
pub(super) const fn cases(count: usize) -> usize {
    if cfg!(miri) { count.div_ceil(MIRI_EVERY * 40) } else { count }
}

/// One frame of every shape in [`Shape::all`], and what is written out in `golden/`.
pub(super) fn samples() -> Vec<(Shape, Vec<u8>)> {
    let mut random = Random(1);
    // Long frames take Miri most of its time: the written ones are of every kind.
    let shapes = if cfg!(miri) { Vec::new() } else { Shape::all() };
    let mut samples: Vec<_> = shapes.into_iter().map(|shape| (shape.clone(), shape.frame(&mut random))).collect();
    samples.extend(super::golden::samples());
    samples
}

fn path(levels: u8) -> Vec<Purpose> {
    vec![Purpose::Free; 32 * usize::from(levels)]
}

fn purposes(layout: &str) -> Vec<Purpose> {
    let mut purposes = Vec::new();
    for field in FIELDS.iter().filter(|field| field.layout == layout) {
        assert_eq!(field.offset, purposes.len());
        match field.name {
            "header" => purposes.extend(self::purposes("Header")),
            "body" => purposes.extend(self::purposes("OrderBody")),
            "proof" => purposes.extend(self::purposes("Proof")),
            "magic" => purposes.extend((0..field.bytes).map(Purpose::Magic)),
            name => purposes.extend(vec![purpose(name); field.bytes]),
        }
    }
    purposes
}

fn purpose(field: &str) -> Purpose {
    match field {
        "version" => Purpose::Version,
        "kind" => Purpose::Kind,
        "padding" => Purpose::Padding,
        "recipient_kind" => Purpose::RecipientKind,
        "vote_count" => Purpose::VoteCount,
        "path_count" => Purpose::PathCount,
        "proven" => Purpose::Proven,
        "what" => Purpose::What,
        "count" => Purpose::ItemCount,
        "flags" => Purpose::ItemFlags,
        _ => Purpose::Free,
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed, everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
    }
}
