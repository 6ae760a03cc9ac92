//! The docs of the layouts, held against the layouts: offsets, lengths, and the table of kinds.

use core::mem::offset_of;
use std::sync::LazyLock;

use crate::frame::{
    CERTIFICATE_HEAD_BYTES, CertificateHead, FRAME_BYTES_MAX, HISTORY_ITEM_BYTES, HISTORY_ITEMS_MAX,
    HISTORY_PAGE_BYTES, HISTORY_QUERY_BYTES, Header, HistoryItem, HistoryPage, HistoryQuery, I128, INFO_BYTES, Info,
    Kind, Malformed, ORDER_BYTES, Order, OrderBody, PATH_LEVELS_MAX, PROOF_BYTES, Proof, QUERY_BYTES, Query,
    REJECTION_HEAD_BYTES, REPLY_HEAD_BYTES, RejectionHead, ReplyHead, U16, U64, VOTES_MAX, rejection_bytes,
};

/// A field as the compiler laid it out.
pub(super) struct Field {
    pub(super) layout: &'static str,
    pub(super) name: &'static str,
    pub(super) offset: usize,
    pub(super) bytes: usize,
}

macro_rules! fields {
    ($($layout:ident { $($name:ident),* })*) => {
        vec![$($(Field {
            layout: stringify!($layout),
            name: stringify!($name),
            offset: offset_of!($layout, $name),
            bytes: size_of_val(&<$layout as bytemuck::Zeroable>::zeroed().$name),
        }),*),*]
    };
}

/// Every field of every layout, in the order of the source.
pub(super) static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    fields! {
        Header { magic, version, kind, shard, network }
        OrderBody { sender, recipient, user_data, amount, sequence, expiry_ms, recipient_kind, padding }
        Order { header, body, signature, r_hint }
        CertificateHead { header, body, epoch, vote_count, padding }
        Proof { root_signature, leaf_index, authority, path_count, padding }
        ReplyHead { header, digest, proof }
        RejectionHead { header, subject, other, detail, code, proven, padding }
        Query { header, account, nonce, padding }
        Info { header, account, nonce, balance, next_sequence, pending, last_confirmed, padding }
        HistoryQuery { header, account, nonce, from, stop, sequence, what, padding }
        HistoryPage { header, account, nonce, from, next, what, count, padding }
        HistoryItem { position, counterparty, sequence, amount, shard, flags, padding }
    }
});

/// A public field as the source documents it.
struct Documented {
    layout: String,
    layout_bytes: usize,
    name: String,
    offset: usize,
}

/// Reads `layout.rs`: the first number in a structure's docs is its length, the one that starts a field's docs is the
/// field's offset.
fn documented() -> Vec<Documented> {
    let mut found = Vec::new();
    let (mut layout, mut layout_bytes) = (String::new(), 0);
    let mut docs: Option<&str> = None;
    for line in include_str!("../layout.rs").lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            docs.get_or_insert(text);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            layout = rest.trim_end_matches(" {").to_owned();
            layout_bytes = first_number(docs.take().expect("docs")).expect("a length");
        } else if let Some(rest) = line.strip_prefix("pub ").filter(|rest| rest.ends_with(',')) {
            let name = rest.split(':').next().expect("a name").to_owned();
            let text = docs.take().expect("docs");
            let offset = first_number(text).filter(|_| text.starts_with(|c: char| c.is_ascii_digit()));
            let offset = offset.unwrap_or_else(|| panic!("{layout}::{name} has no documented offset"));
            found.push(Documented { layout: layout.clone(), layout_bytes, name, offset });
        } else if !line.starts_with("#[") {
            docs = None;
        }
    }
    found
}

fn first_number(text: &str) -> Option<usize> {
    text.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

#[test]
fn every_documented_offset_is_the_offset_of_its_field() {
    let fields = &*FIELDS;
    let documented = documented();
    let names: Vec<_> = documented.iter().map(|field| (field.layout.as_str(), field.name.as_str())).collect();
    assert_eq!(names, fields.iter().map(|field| (field.layout, field.name)).collect::<Vec<_>>());
    for (field, documented) in fields.iter().zip(&documented) {
        assert_eq!(documented.offset, field.offset, "{}::{}", field.layout, field.name);
    }
}

#[test]
fn every_layout_is_as_long_as_documented_and_has_no_gap() {
    for Documented { layout, layout_bytes, .. } in documented() {
        let mut end = 0;
        for field in FIELDS.iter().filter(|field| field.layout == layout) {
            assert_eq!(field.offset, end, "{layout}::{}", field.name);
            end += field.bytes;
        }
        assert_eq!(end, layout_bytes, "{layout}");
    }
}

#[test]
fn every_layout_can_lie_at_any_address() {
    const {
        assert!(align_of::<U16>() == 1 && align_of::<U64>() == 1 && align_of::<I128>() == 1);
        assert!(align_of::<Header>() == 1 && align_of::<OrderBody>() == 1 && align_of::<Order>() == 1);
        assert!(align_of::<CertificateHead>() == 1 && align_of::<Proof>() == 1 && align_of::<ReplyHead>() == 1);
        assert!(align_of::<HistoryQuery>() == 1 && align_of::<HistoryPage>() == 1 && align_of::<HistoryItem>() == 1);
        assert!(align_of::<RejectionHead>() == 1 && align_of::<Query>() == 1 && align_of::<Info>() == 1);
    }
}

#[test]
fn the_table_of_kinds_in_the_docs_is_true() {
    let level = size_of::<crate::frame::Hash>();
    let per_vote = format!("{PROOF_BYTES} + {level} per path level");
    let proven = rejection_bytes(Some(0));
    let rows = [
        (Kind::Order, format!("[`ORDER_BYTES`] = {ORDER_BYTES}")),
        (Kind::Certificate, format!("[`CERTIFICATE_HEAD_BYTES`] = {CERTIFICATE_HEAD_BYTES}, then per vote {per_vote}")),
        (Kind::Query, format!("[`QUERY_BYTES`] = {QUERY_BYTES}")),
        (
            Kind::HistoryQuery,
            format!(
                "[`HISTORY_QUERY_BYTES`] = {HISTORY_QUERY_BYTES}, then zeros up to any length that a datagram can have"
            ),
        ),
        (Kind::ChainedOrder, format!("[`ORDER_BYTES`] = {ORDER_BYTES}")),
        (Kind::Vote, format!("[`REPLY_HEAD_BYTES`] = {REPLY_HEAD_BYTES} + {level} per path level")),
        (Kind::Receipt, "as a vote".to_owned()),
        (
            Kind::Rejection,
            format!("[`REJECTION_HEAD_BYTES`] = {REJECTION_HEAD_BYTES}; proven ones {proven} + {level} per path level"),
        ),
        (Kind::Info, format!("[`INFO_BYTES`] = {INFO_BYTES}")),
        (Kind::HistoryPage, format!("[`HISTORY_PAGE_BYTES`] = {HISTORY_PAGE_BYTES} + {HISTORY_ITEM_BYTES} per item")),
    ];
    let table: Vec<&str> = include_str!("../mod.rs").lines().filter(|line| line.starts_with("//! | ")).collect();
    assert_eq!(table.len(), rows.len() + 1, "one row per kind and the title");
    for ((kind, length), row) in rows.into_iter().zip(&table[1..]) {
        let name = format!("{kind:?}").replace("yP", "y p").replace("yQ", "y q").replace("dO", "d o").to_lowercase();
        let start = format!("//! | {name} | `0x{:02x}` | {length} | ", kind as u8);
        assert!(row.starts_with(&start), "{row}\nshould be\n{start}");
    }
}

#[test]
fn kinds_and_their_bytes_belong_together_one_to_one() {
    let known = (0..=u8::MAX).filter_map(Kind::from_byte);
    assert_eq!(known.collect::<Vec<_>>(), Kind::ALL);
    for kind in Kind::ALL {
        assert_eq!(Kind::from_byte(kind as u8), Some(kind));
    }
}

#[test]
fn causes_are_numbered_by_their_place_in_the_list() {
    for (place, cause) in Malformed::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(cause as u8), place, "{cause:?}");
    }
}

#[test]
fn the_bounds_are_the_ones_that_the_protocol_states() {
    assert_eq!(FRAME_BYTES_MAX, 1_500 - 20 - 8);
    assert_eq!((PATH_LEVELS_MAX, VOTES_MAX, HISTORY_ITEMS_MAX), (6, 18, 21));
}
