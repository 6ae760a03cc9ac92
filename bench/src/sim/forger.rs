//! Answers that are none: what an authority that lies may send to a wallet.

use super::around::Around;
use core::mem::offset_of;
use quittance_engine::message::{order_digest, order_message, receipt_leaf, vote_leaf};
use quittance_engine::reject::Reject;
use quittance_engine::types::Digest;
use quittance_net::frame::{
    FRAME_BYTES_MAX, Frame, HISTORY_CERTIFICATE, Header, HistoryItem, HistoryPage, HistoryQuery, I128, ITEM_HAS_VOTES,
    Info, Kind, OrderBody, Proof, Query, RejectionHead, ReplyHead, U16, U64, encode_page,
};

const SIGNATURE_AT: usize = offset_of!(ReplyHead, proof) + offset_of!(Proof, root_signature);
/// Payments that a forged page lists at most.
const ITEM_COUNT_MAX: usize = 6;

/// What this authority answers to a request; `None` for nothing.
pub(super) fn forge(authority: usize, request: &Frame<'_>, around: &mut Around) -> Option<Vec<u8>> {
    around.faults.forged_answers += 1;
    match request {
        Frame::Order(order) | Frame::ChainedOrder(order) => {
            Some(forge_reply(authority, Kind::Vote, &order.body, around))
        }
        Frame::Certificate(view) => Some(forge_reply(authority, Kind::Receipt, &view.head.body, around)),
        Frame::Query(query) => Some(forge_info(query, around)),
        Frame::HistoryQuery(query) if around.chance.once_in(3) => Some(forge_refusal(query.head.account, around)),
        Frame::HistoryQuery(query) => forge_page(query.head, around),
        _ => None,
    }
}

/// Signed for something else, by somebody else, or by nobody; or a refusal for no reason.
fn forge_reply(authority: usize, kind: Kind, body: &OrderBody, around: &mut Around) -> Vec<u8> {
    let digest = order_digest(&order_message(&around.ground.context.network, body));
    let other: Digest = [around.chance.bits().to_le_bytes(); 4].concat().try_into().expect("32 bytes");
    let leaf = |digest: &Digest| if kind == Kind::Vote { vote_leaf(digest) } else { receipt_leaf(digest) };
    match around.chance.below(4) {
        0 => around.lone_reply(authority, kind, digest, leaf(&other)),
        1 => {
            let somebody = around.chance.below(authority);
            let reply = around.lone_reply(authority, kind, digest, leaf(&digest));
            named(reply, somebody)
        }
        2 => {
            let mut reply = around.lone_reply(authority, kind, digest, leaf(&digest));
            reply[SIGNATURE_AT + around.chance.below(64)] ^= 1;
            reply
        }
        _ => forge_refusal(digest, around),
    }
}

/// The same reply in another authority's name.
fn named(mut reply: Vec<u8>, authority: usize) -> Vec<u8> {
    const AUTHORITY_AT: usize = offset_of!(ReplyHead, proof) + offset_of!(Proof, authority);
    reply[AUTHORITY_AT] = u8::try_from(authority).expect("7 members at most");
    reply
}

fn forge_refusal(subject: Digest, around: &mut Around) -> Vec<u8> {
    let head = RejectionHead {
        header: header(Kind::Rejection, around),
        subject,
        other: [around.chance.bits().to_le_bytes(); 4].concat().try_into().expect("32 bytes"),
        detail: U64::new(around.chance.below(20) as u64),
        code: *around.chance.pick(Reject::ALL) as u8,
        proven: 0,
        padding: [0; 6],
    };
    bytemuck::bytes_of(&head).to_vec()
}

fn forge_info(query: &Query, around: &mut Around) -> Vec<u8> {
    let info = Info {
        header: header(Kind::Info, around),
        account: query.account,
        nonce: query.nonce,
        balance: I128::new(around.chance.below(10_000) as i128 - 2_000),
        next_sequence: U64::new(around.chance.below(40) as u64),
        pending: [u8::try_from(around.chance.below(2)).expect("a bit"); 32],
        last_confirmed: [0; 32],
        padding: [0; 8],
    };
    bytemuck::bytes_of(&info).to_vec()
}

/// Payments that nobody made, and the way to more of them.
fn forge_page(query: &HistoryQuery, around: &mut Around) -> Option<Vec<u8>> {
    let is_search = query.what == HISTORY_CERTIFICATE;
    let item = |around: &mut Around| HistoryItem {
        position: U64::new(8 * around.chance.below(4_000) as u64),
        counterparty: *around.chance.pick(&around.ground.accounts),
        sequence: U64::new(around.chance.below(40) as u64),
        amount: U64::new(1 + around.chance.below(500) as u64),
        shard: U16::new(0),
        flags: ITEM_HAS_VOTES,
        padding: [0; 5],
    };
    let count = if is_search { 0 } else { around.chance.below(ITEM_COUNT_MAX) };
    let items: Vec<HistoryItem> = (0..count).map(|_| item(around)).collect();
    let head = HistoryPage {
        header: header(Kind::HistoryPage, around),
        account: query.account,
        nonce: query.nonce,
        from: query.from,
        next: U64::new(8 * around.chance.below(40) as u64),
        what: query.what,
        count: u8::try_from(count).expect("a few"),
        padding: [0; 6],
    };
    let mut bytes = [0; FRAME_BYTES_MAX];
    let length = encode_page(&head, &items, &mut bytes)?;
    Some(bytes[..length].to_vec())
}

fn header(kind: Kind, around: &Around) -> Header {
    Header::new(kind, 0, around.ground.context.network.tag())
}
