//! One byte string per value, and no datagram that panics.

use proptest::prelude::*;
use proptest::sample::Index;

use super::shapes::{Purpose, Random, Shape, cases, samples, swept};
use crate::frame::{
    CertificateHead, FRAME_BYTES_MAX, Frame, HISTORY_ITEMS_MAX, HISTORY_QUERY_BYTES, Hash, Header, HistoryItem,
    HistoryPage, HistoryQuery, I128, Info, Kind, Malformed, Order, OrderBody, PATH_LEVELS_MAX, Proof, Query,
    RejectionHead, ReplyHead, U16, U64, VOTES_MAX, encode_page, page_bytes, parse,
};

/// Reads a datagram, visits everything in it, and writes it anew from the values found.
///
/// # Panics
/// If what it writes is not what it read.
fn assert_canonical(datagram: &[u8]) -> Result<(), Malformed> {
    let frame = parse(datagram)?;
    assert_eq!(encode(&frame), datagram, "{frame:?}");
    Ok(())
}

fn encode(frame: &Frame<'_>) -> Vec<u8> {
    match frame {
        Frame::Order(order) => self::order(Kind::Order, order),
        Frame::ChainedOrder(order) => self::order(Kind::ChainedOrder, order),
        Frame::Certificate(certificate) => {
            assert_eq!(certificate.votes().count(), usize::from(certificate.head.vote_count));
            let head = bytes_of(&CertificateHead {
                header: header(Kind::Certificate, &certificate.head.header),
                body: body(&certificate.head.body),
                epoch: U64::new(certificate.head.epoch.get()),
                vote_count: certificate.head.vote_count,
                padding: [0; 7],
            });
            certificate.votes().fold(head, |frame, vote| [frame, proven(vote.proof, vote.path)].concat())
        }
        Frame::Query(query) => bytes_of(&Query {
            header: header(Kind::Query, &query.header),
            account: query.account,
            nonce: U64::new(query.nonce.get()),
            padding: [0; 96],
        }),
        Frame::Vote(vote) => reply(Kind::Vote, vote.head, vote.path, vote.proof_bytes),
        Frame::Receipt(receipt) => reply(Kind::Receipt, receipt.head, receipt.path, receipt.proof_bytes),
        Frame::Rejection(rejection) => rejection.proof.map_or(rejection_head(rejection.head, 0), |(proof, path)| {
            [rejection_head(rejection.head, 1), proven(proof, path)].concat()
        }),
        Frame::Info(info) => bytes_of(&Info {
            header: header(Kind::Info, &info.header),
            account: info.account,
            nonce: U64::new(info.nonce.get()),
            balance: I128::new(info.balance.get()),
            next_sequence: U64::new(info.next_sequence.get()),
            pending: info.pending,
            last_confirmed: info.last_confirmed,
            padding: [0; 8],
        }),
        Frame::HistoryQuery(view) => {
            let query = view.head;
            let mut frame = bytes_of(&HistoryQuery {
                header: header(Kind::HistoryQuery, &query.header),
                account: query.account,
                nonce: U64::new(query.nonce.get()),
                from: U64::new(query.from.get()),
                stop: U64::new(query.stop.get()),
                sequence: U64::new(query.sequence.get()),
                what: query.what,
                padding: [0; 15],
            });
            frame.resize(view.byte_count, 0);
            frame
        }
        Frame::HistoryPage(view) => page(view.head, view.items),
    }
}

fn page(head: &HistoryPage, items: &[HistoryItem]) -> Vec<u8> {
    let head = HistoryPage {
        header: header(Kind::HistoryPage, &head.header),
        account: head.account,
        nonce: U64::new(head.nonce.get()),
        from: U64::new(head.from.get()),
        next: U64::new(head.next.get()),
        what: head.what,
        count: u8::try_from(items.len()).expect("a page holds at most HISTORY_ITEMS_MAX"),
        padding: [0; 6],
    };
    let item = |item: &HistoryItem| HistoryItem {
        position: U64::new(item.position.get()),
        counterparty: item.counterparty,
        sequence: U64::new(item.sequence.get()),
        amount: U64::new(item.amount.get()),
        shard: U16::new(item.shard.get()),
        flags: item.flags,
        padding: [0; 5],
    };
    let items: Vec<HistoryItem> = items.iter().map(item).collect();
    let mut frame = vec![0; page_bytes(items.len())];
    assert_eq!(encode_page(&head, &items, &mut frame[1..]), None, "too short by a byte");
    assert_eq!(encode_page(&head, &items, &mut frame), Some(page_bytes(items.len())));
    frame
}

fn bytes_of(layout: &impl bytemuck::NoUninit) -> Vec<u8> {
    bytemuck::bytes_of(layout).to_vec()
}

fn header(kind: Kind, header: &Header) -> Header {
    Header::new(kind, header.shard.get(), header.network.get())
}

fn order(kind: Kind, order: &Order) -> Vec<u8> {
    bytes_of(&Order {
        header: header(kind, &order.header),
        body: body(&order.body),
        signature: order.signature,
        r_hint: order.r_hint,
    })
}

fn body(body: &OrderBody) -> OrderBody {
    OrderBody {
        sender: body.sender,
        recipient: body.recipient,
        user_data: body.user_data,
        amount: U64::new(body.amount.get()),
        sequence: U64::new(body.sequence.get()),
        expiry_ms: U64::new(body.expiry_ms.get()),
        recipient_kind: body.recipient_kind,
        padding: [0; 7],
    }
}

fn proof(proof: &Proof, path: &[Hash]) -> Proof {
    Proof {
        root_signature: proof.root_signature,
        leaf_index: U16::new(proof.leaf_index.get()),
        authority: proof.authority,
        path_count: u8::try_from(path.len()).expect("a path is at most PATH_LEVELS_MAX long"),
        padding: [0; 4],
    }
}

fn proven(found: &Proof, path: &[Hash]) -> Vec<u8> {
    [bytes_of(&proof(found, path)), path.concat()].concat()
}

fn reply(kind: Kind, head: &ReplyHead, path: &[Hash], proof_bytes: &[u8]) -> Vec<u8> {
    assert_eq!(proof_bytes, proven(&head.proof, path));
    let head = ReplyHead { header: header(kind, &head.header), digest: head.digest, proof: proof(&head.proof, path) };
    [bytes_of(&head), path.concat()].concat()
}

fn rejection_head(head: &RejectionHead, proven: u8) -> Vec<u8> {
    bytes_of(&RejectionHead {
        header: header(Kind::Rejection, &head.header),
        subject: head.subject,
        other: head.other,
        detail: U64::new(head.detail.get()),
        code: head.code,
        proven,
        padding: [0; 6],
    })
}

#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    /// Copies up to 32 bytes from one place to another.
    Copy(Index, Index),
}

impl Mutation {
    fn apply(&self, frame: &mut Vec<u8>) {
        if frame.is_empty() {
            return;
        }
        let length = frame.len();
        match self {
            Self::Set(at, byte) => frame[at.index(length)] = *byte,
            Self::Flip(at, bit) => frame[at.index(length)] ^= 1 << bit,
            Self::Cut(at) => frame.truncate(at.index(length)),
            Self::Append(bytes) => frame.extend_from_slice(bytes),
            Self::Copy(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                let count = (length - from.max(to)).min(32);
                frame.copy_within(from..from + count, to);
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        8 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        1 => any::<Index>().prop_map(Mutation::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..=64).prop_map(Mutation::Append),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Copy(from, to)),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let levels = || 0..=u8::try_from(PATH_LEVELS_MAX).unwrap();
    prop_oneof![
        prop_oneof![Just(Kind::Order), Just(Kind::ChainedOrder)].prop_map(Shape::Order),
        Just(Shape::Query),
        Just(Shape::Info),
        (0..=FRAME_BYTES_MAX - HISTORY_QUERY_BYTES).prop_map(Shape::HistoryQuery),
        (0..=u8::try_from(HISTORY_ITEMS_MAX).unwrap()).prop_map(Shape::HistoryPage),
        (prop_oneof![Just(Kind::Vote), Just(Kind::Receipt)], levels()).prop_map(|(kind, it)| Shape::Reply(kind, it)),
        prop::option::of(levels()).prop_map(Shape::Rejection),
        prop::collection::vec(levels(), 1..=VOTES_MAX).prop_map(Shape::fitting_certificate),
    ]
}

proptest! {
    // Failures print the input: there is nothing to keep in a file beside the source.
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 4_096 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_well_formed_frame_parses_and_encodes_to_itself(shape in shape(), seed in any::<u64>()) {
        let frame = shape.frame(&mut Random(seed));
        prop_assert!(frame.len() <= FRAME_BYTES_MAX);
        prop_assert_eq!(assert_canonical(&frame), Ok(()));
    }

    #[test]
    fn whatever_parses_encodes_to_the_same_bytes(
        shape in shape(),
        seed in any::<u64>(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let mut frame = shape.frame(&mut Random(seed));
        mutations.iter().for_each(|mutation| mutation.apply(&mut frame));
        // Refused or not: what is accepted must be canonical.
        let _ = assert_canonical(&frame);
    }
}

/// Says which datagram it was if reading it panics.
struct Culprit<'a>(usize, &'a [u8]);

impl Drop for Culprit<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("datagram {} of its seed: {:02x?}", self.0, self.1);
        }
    }
}

/// Reads that many datagrams; returns how many were frames.
fn frames_among(count: usize, mut datagram: impl FnMut(usize) -> Vec<u8>) -> usize {
    let is_frame = |index: &usize| {
        let datagram = datagram(*index);
        let _culprit = Culprit(*index, &datagram);
        assert_canonical(&datagram).is_ok()
    };
    (0..count).filter(is_frame).count()
}

#[test]
fn no_random_datagram_panics() {
    let mut random = Random(0xd1ce);
    let frames = frames_among(cases(20_000), |_| {
        let mut datagram = vec![0; random.below(FRAME_BYTES_MAX + 64)];
        random.fill(&mut datagram);
        datagram
    });
    assert_eq!(frames, 0, "so many random bytes look like frames");
}

#[test]
fn no_random_bytes_behind_a_good_header_panic() {
    let mut random = Random(0xcafe);
    let shapes: Vec<_> = Shape::all().into_iter().map(|shape| (shape.kind(), shape.purposes())).collect();
    let count = cases(40_000);
    let frames = frames_among(count, |index| {
        // Half of them of a length that the kind has and with padding that is zero, so that some are frames.
        let (kind, purposes) = &shapes[index % shapes.len()];
        let plausible = random.below(2) == 0;
        let mut datagram = vec![0; if plausible { purposes.len() } else { 16 + random.below(FRAME_BYTES_MAX) }];
        random.fill(&mut datagram);
        for (byte, _) in datagram.iter_mut().zip(purposes).filter(|(_, it)| plausible && **it == Purpose::Padding) {
            *byte = 0;
        }
        let header = Header::new(*kind, 1, 2);
        datagram[..16].copy_from_slice(bytemuck::bytes_of(&header));
        datagram
    });
    assert!((count / 400..count - count / 40).contains(&frames), "{frames} of them are frames: the test says little");
}

#[test]
fn no_mutation_of_a_frame_panics() {
    let mut random = Random(0xfeed);
    let samples = samples();
    let count = cases(40_000);
    let frames = frames_among(count, |index| {
        let mut datagram = samples[index % samples.len()].1.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(datagram.len());
            match random.below(8) {
                0 => datagram.truncate(at + 1),
                1 => datagram.extend_from_within(at..),
                2 => datagram[at] = 0xff,
                3 | 4 => datagram[at] = random.byte(),
                _ => datagram[at] ^= 1 << random.below(8),
            }
        }
        datagram
    });
    assert!((count / 40..count - count / 40).contains(&frames), "{frames} of them are frames: the test says little");
}

#[test]
fn a_frame_is_read_wherever_it_lies() {
    for (shape, frame) in samples() {
        let mut buffer = vec![0_u128; frame.len().div_ceil(16) + 1];
        let buffer: &mut [u8] = bytemuck::cast_slice_mut(&mut buffer);
        for offset in swept(0..16) {
            let datagram = &mut buffer[offset..offset + frame.len()];
            datagram.copy_from_slice(&frame);
            assert_eq!(assert_canonical(datagram), Ok(()), "{shape:?} at {offset}");
        }
    }
}
