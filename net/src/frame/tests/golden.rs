//! Frames written out by hand, byte by byte: what other implementations can be held against.

use super::shapes::Shape;
use crate::frame::{
    CertificateHead, Frame, HISTORY_CERTIFICATE, HISTORY_RECEIVED, Header, HistoryItem, HistoryPage, HistoryQuery,
    I128, ITEM_HAS_VOTES, ITEM_TO_PRIMARY, Info, Kind, Order, OrderBody, Proof, Query, RECIPIENT_ACCOUNT,
    RECIPIENT_PRIMARY, RejectionHead, ReplyHead, U16, U64, encode_certificate, encode_page, parse,
};

const ORDER: &str = include_str!("../golden/order.hex");
const CHAINED_ORDER: &str = include_str!("../golden/chained_order.hex");
const CERTIFICATE: &str = include_str!("../golden/certificate.hex");
const QUERY: &str = include_str!("../golden/query.hex");
const VOTE: &str = include_str!("../golden/vote.hex");
const RECEIPT: &str = include_str!("../golden/receipt.hex");
const REJECTION_UNPROVEN: &str = include_str!("../golden/rejection_unproven.hex");
const REJECTION_PROVEN: &str = include_str!("../golden/rejection_proven.hex");
const INFO: &str = include_str!("../golden/info.hex");
const HISTORY_QUERY: &str = include_str!("../golden/history_query.hex");
const HISTORY_PAGE: &str = include_str!("../golden/history_page.hex");

const AMOUNT: u64 = 0x8786_8584_8382_8180;
const SEQUENCE: u64 = 0x8f8e_8d8c_8b8a_8988;
const EXPIRY_MS: u64 = 0x9796_9594_9392_9190;
const EPOCH: u64 = 0x9f9e_9d9c_9b9a_9998;
const NONCE: u64 = 0xafae_adac_abaa_a9a8;
const NEXT_SEQUENCE: u64 = 0xb7b6_b5b4_b3b2_b1b0;
/// Two's complement: its bytes from the lowest are e0, e1, ... ef.
const BALANCE: i128 = -0x1011_1213_1415_1617_1819_1a1b_1c1d_1e20;

pub(super) fn samples() -> Vec<(Shape, Vec<u8>)> {
    vec![
        (Shape::Order(Kind::Order), bytes(ORDER)),
        (Shape::Order(Kind::ChainedOrder), bytes(CHAINED_ORDER)),
        (Shape::Certificate(vec![2, 1]), bytes(CERTIFICATE)),
        (Shape::Query, bytes(QUERY)),
        (Shape::Reply(Kind::Vote, 2), bytes(VOTE)),
        (Shape::Reply(Kind::Receipt, 0), bytes(RECEIPT)),
        (Shape::Rejection(None), bytes(REJECTION_UNPROVEN)),
        (Shape::Rejection(Some(1)), bytes(REJECTION_PROVEN)),
        (Shape::Info, bytes(INFO)),
        (Shape::HistoryQuery(8), bytes(HISTORY_QUERY)),
        (Shape::HistoryPage(2), bytes(HISTORY_PAGE)),
    ]
}

/// The bytes of a written frame: pairs of hexadecimal digits, less comments.
fn bytes(text: &str) -> Vec<u8> {
    let digits: String = text.lines().map(|line| line.split('#').next().unwrap().trim()).collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// `first`, `first` + 1, and so on: no two bytes of a field can be exchanged unseen.
fn ramp<const N: usize>(first: u8) -> [u8; N] {
    core::array::from_fn(|index| first.wrapping_add(u8::try_from(index).unwrap()))
}

fn header(kind: Kind) -> Header {
    Header::new(kind, 0x0b0a, 0x1716_1514_1312_1110)
}

fn body(recipient_kind: u8) -> OrderBody {
    OrderBody {
        sender: ramp(0x20),
        recipient: ramp(0x40),
        user_data: ramp(0x60),
        amount: U64::new(AMOUNT),
        sequence: U64::new(SEQUENCE),
        expiry_ms: U64::new(EXPIRY_MS),
        recipient_kind,
        padding: [0; 7],
    }
}

fn proof(root_signature: u8, leaf_index: u16, authority: u8, path_count: u8) -> Proof {
    let leaf_index = U16::new(leaf_index);
    Proof { root_signature: ramp(root_signature), leaf_index, authority, path_count, padding: [0; 4] }
}

fn rejection(proven: u8) -> RejectionHead {
    RejectionHead {
        header: header(Kind::Rejection),
        subject: ramp(0x20),
        other: ramp(0x40),
        detail: U64::new(AMOUNT),
        code: 0x2a,
        proven,
        padding: [0; 6],
    }
}

/// A proof and its path, each level a ramp from the byte given.
fn proven(proof: &Proof, path: &[u8]) -> Vec<u8> {
    let path = path.iter().flat_map(|first| ramp::<32>(*first));
    bytemuck::bytes_of(proof).iter().copied().chain(path).collect()
}

#[track_caller]
fn assert_header(header: &Header, kind: Kind) {
    assert_eq!((header.magic, header.version, header.kind), (*b"QTNC", 1, kind as u8));
    assert_eq!((header.shard.get(), header.network.get()), (0x0b0a, 0x1716_1514_1312_1110));
}

#[track_caller]
fn assert_body(body: &OrderBody, recipient_kind: u8) {
    assert_eq!((body.sender, body.recipient, body.user_data), (ramp(0x20), ramp(0x40), ramp(0x60)));
    assert_eq!((body.amount.get(), body.sequence.get(), body.expiry_ms.get()), (AMOUNT, SEQUENCE, EXPIRY_MS));
    assert_eq!(body.recipient_kind, recipient_kind);
}

#[track_caller]
fn assert_proof(found: &Proof, path: &[[u8; 32]], root_signature: u8, leaf_index: u16, authority: u8, levels: &[u8]) {
    assert_eq!(found.root_signature, ramp(root_signature));
    assert_eq!((found.leaf_index.get(), found.authority), (leaf_index, authority));
    assert_eq!(usize::from(found.path_count), levels.len());
    assert_eq!(path, levels.iter().map(|first| ramp(*first)).collect::<Vec<_>>());
}

#[test]
fn an_order_is_these_bytes_and_back_chained_or_not() {
    for (kind, golden) in [(Kind::Order, bytes(ORDER)), (Kind::ChainedOrder, bytes(CHAINED_ORDER))] {
        let order = Order { header: header(kind), body: body(1), signature: ramp(0xc0), r_hint: ramp(0x11) };
        assert_eq!(bytemuck::bytes_of(&order), golden);
        match (kind, parse(&golden)) {
            (Kind::Order, Ok(Frame::Order(order))) | (Kind::ChainedOrder, Ok(Frame::ChainedOrder(order))) => {
                assert_order(order, kind);
            }
            (_, other) => panic!("{kind:?} is read as {other:?}"),
        }
    }
}

#[track_caller]
fn assert_order(order: &Order, kind: Kind) {
    assert_header(&order.header, kind);
    assert_body(&order.body, RECIPIENT_PRIMARY);
    assert_eq!((order.signature, order.r_hint), (ramp(0xc0), ramp(0x11)));
}

#[test]
fn a_certificate_is_these_bytes_and_back() {
    let head = CertificateHead {
        header: header(Kind::Certificate),
        body: body(0),
        epoch: U64::new(EPOCH),
        vote_count: 2,
        padding: [0; 7],
    };
    let votes = [proven(&proof(0x01, 0xa2a1, 3, 2), &[0x50, 0x70]), proven(&proof(0x41, 0xb2b1, 2, 1), &[0x90])];
    let golden = bytes(CERTIFICATE);
    let mut frame = vec![0; golden.len()];
    assert_eq!(encode_certificate(&head, &[&votes[0], &votes[1]], &mut frame), Some(golden.len()));
    assert_eq!(frame, golden);

    let Ok(Frame::Certificate(certificate)) = parse(&golden) else { panic!("no certificate") };
    assert_header(&certificate.head.header, Kind::Certificate);
    assert_body(&certificate.head.body, RECIPIENT_ACCOUNT);
    assert_eq!((certificate.head.epoch.get(), certificate.head.vote_count), (EPOCH, 2));
    let votes: Vec<_> = certificate.votes().collect();
    assert_eq!(votes.len(), 2);
    assert_proof(votes[0].proof, votes[0].path, 0x01, 0xa2a1, 3, &[0x50, 0x70]);
    assert_proof(votes[1].proof, votes[1].path, 0x41, 0xb2b1, 2, &[0x90]);
}

#[test]
fn a_query_is_these_bytes_and_back() {
    let query = Query { header: header(Kind::Query), account: ramp(0x20), nonce: U64::new(NONCE), padding: [0; 96] };
    let golden = bytes(QUERY);
    assert_eq!(bytemuck::bytes_of(&query), golden);

    let Ok(Frame::Query(query)) = parse(&golden) else { panic!("no query") };
    assert_header(&query.header, Kind::Query);
    assert_eq!((query.account, query.nonce.get()), (ramp(0x20), NONCE));
}

#[test]
fn a_vote_is_these_bytes_and_back() {
    let proof = proof(0xc0, 0xa2a1, 1, 2);
    let head = ReplyHead { header: header(Kind::Vote), digest: ramp(0x20), proof };
    let golden = bytes(VOTE);
    assert_eq!([bytemuck::bytes_of(&head), &ramp::<32>(0x50), &ramp::<32>(0x70)].concat(), golden);

    let Ok(Frame::Vote(vote)) = parse(&golden) else { panic!("no vote") };
    assert_header(&vote.head.header, Kind::Vote);
    assert_eq!(vote.head.digest, ramp(0x20));
    assert_proof(&vote.head.proof, vote.path, 0xc0, 0xa2a1, 1, &[0x50, 0x70]);
    assert_eq!(vote.proof_bytes, proven(&proof, &[0x50, 0x70]));
}

#[test]
fn a_receipt_is_these_bytes_and_back() {
    let proof = proof(0x80, 0xb2b1, 3, 0);
    let head = ReplyHead { header: header(Kind::Receipt), digest: ramp(0x60), proof };
    let golden = bytes(RECEIPT);
    assert_eq!(bytemuck::bytes_of(&head), golden);

    let Ok(Frame::Receipt(receipt)) = parse(&golden) else { panic!("no receipt") };
    assert_header(&receipt.head.header, Kind::Receipt);
    assert_eq!(receipt.head.digest, ramp(0x60));
    assert_proof(&receipt.head.proof, receipt.path, 0x80, 0xb2b1, 3, &[]);
    assert_eq!(receipt.proof_bytes, proven(&proof, &[]));
}

#[track_caller]
fn assert_rejection(head: &RejectionHead, proven: u8) {
    assert_header(&head.header, Kind::Rejection);
    assert_eq!((head.subject, head.other), (ramp(0x20), ramp(0x40)));
    assert_eq!((head.detail.get(), head.code, head.proven), (AMOUNT, 0x2a, proven));
}

#[test]
fn an_unproven_rejection_is_these_bytes_and_back() {
    let golden = bytes(REJECTION_UNPROVEN);
    assert_eq!(bytemuck::bytes_of(&rejection(0)), golden);

    let Ok(Frame::Rejection(rejection)) = parse(&golden) else { panic!("no rejection") };
    assert_rejection(rejection.head, 0);
    assert!(rejection.proof.is_none());
}

#[test]
fn a_proven_rejection_is_these_bytes_and_back() {
    let golden = bytes(REJECTION_PROVEN);
    let proven = proven(&proof(0xc0, 0xc2c1, 2, 1), &[0xe0]);
    assert_eq!([bytemuck::bytes_of(&rejection(1)), &proven].concat(), golden);

    let Ok(Frame::Rejection(rejection)) = parse(&golden) else { panic!("no rejection") };
    assert_rejection(rejection.head, 1);
    let (proof, path) = rejection.proof.expect("a proof");
    assert_proof(proof, path, 0xc0, 0xc2c1, 2, &[0xe0]);
}

#[test]
fn an_info_reply_is_these_bytes_and_back() {
    let info = Info {
        header: header(Kind::Info),
        account: ramp(0x20),
        nonce: U64::new(NONCE),
        balance: I128::new(BALANCE),
        next_sequence: U64::new(NEXT_SEQUENCE),
        pending: ramp(0x60),
        last_confirmed: ramp(0x90),
        padding: [0; 8],
    };
    let golden = bytes(INFO);
    assert_eq!(bytemuck::bytes_of(&info), golden);

    let Ok(Frame::Info(info)) = parse(&golden) else { panic!("no info reply") };
    assert_header(&info.header, Kind::Info);
    assert_eq!((info.account, info.nonce.get()), (ramp(0x20), NONCE));
    assert_eq!((info.balance.get(), info.next_sequence.get()), (BALANCE, NEXT_SEQUENCE));
    assert_eq!((info.pending, info.last_confirmed), (ramp(0x60), ramp(0x90)));
}

#[test]
fn a_history_query_is_these_bytes_and_back() {
    let query = HistoryQuery {
        header: header(Kind::HistoryQuery),
        account: ramp(0x20),
        nonce: U64::new(NONCE),
        from: U64::new(AMOUNT),
        stop: U64::new(EPOCH),
        sequence: U64::new(SEQUENCE),
        what: HISTORY_CERTIFICATE,
        padding: [0; 15],
    };
    let golden = bytes(HISTORY_QUERY);
    assert_eq!([bytemuck::bytes_of(&query), &[0; 8]].concat(), golden);

    let Ok(Frame::HistoryQuery(view)) = parse(&golden) else { panic!("no history query") };
    assert_header(&view.head.header, Kind::HistoryQuery);
    assert_eq!((view.head.account, view.head.nonce.get(), view.byte_count), (ramp(0x20), NONCE, 104));
    assert_eq!((view.head.from.get(), view.head.stop.get()), (AMOUNT, EPOCH));
    assert_eq!((view.head.sequence.get(), view.head.what), (SEQUENCE, 3));
}

#[test]
fn a_history_page_is_these_bytes_and_back() {
    let (first, second) = (0xb7b6_b5b4_b3b2_b1b0, 0xc7c6_c5c4_c3c2_c1c0);
    let item = |position, counterparty, sequence, amount, shard, flags| HistoryItem {
        position: U64::new(position),
        counterparty: ramp(counterparty),
        sequence: U64::new(sequence),
        amount: U64::new(amount),
        shard: U16::new(shard),
        flags,
        padding: [0; 5],
    };
    let items = [
        item(first, 0x40, SEQUENCE, AMOUNT, 0xa2a1, ITEM_HAS_VOTES),
        item(second, 0x60, EXPIRY_MS, first, 0xb2b1, ITEM_TO_PRIMARY),
    ];
    let page = HistoryPage {
        header: header(Kind::HistoryPage),
        account: ramp(0x20),
        nonce: U64::new(NONCE),
        from: U64::new(EPOCH),
        next: U64::new(AMOUNT),
        what: HISTORY_RECEIVED,
        count: 2,
        padding: [0; 6],
    };
    let golden = bytes(HISTORY_PAGE);
    let mut frame = vec![0; golden.len()];
    assert_eq!(encode_page(&page, &items, &mut frame), Some(golden.len()));
    assert_eq!(frame, golden);

    let Ok(Frame::HistoryPage(view)) = parse(&golden) else { panic!("no history page") };
    assert_header(&view.head.header, Kind::HistoryPage);
    assert_eq!((view.head.account, view.head.nonce.get(), view.head.what), (ramp(0x20), NONCE, 2));
    assert_eq!((view.head.from.get(), view.head.next.get()), (EPOCH, AMOUNT));
    assert_eq!(view.items, items);
}
