//! Datagrams that are no requests: no answer, one count each, nothing changed.

use crate::harness::Authority;
use crate::make::{Network, Payer, receipt_leaf, rejection_leaf, vote_leaf};
use quittance_engine::reject::Reject;
use quittance_net::frame::{
    FRAME_BYTES_MAX, Header, Info, Kind, OrderBody, PATH_LEVELS_MAX, RECIPIENT_PRIMARY, RejectionHead, U64, VOTES_MAX,
};

/// The longest payload of a UDP datagram over IPv4, bytes.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// A good frame of every kind, and of both sorts of rejection; with paths where the kind has them.
fn frames(authority: &Authority) -> Vec<(&'static str, Vec<u8>)> {
    let (network, payer) = (&authority.network, &authority.payers[0]);
    let body = body(authority);
    vec![
        ("order", network.order(payer, body)),
        ("certificate", network.certify(&body)),
        ("query", network.query(&payer.address, 1)),
    ]
    .into_iter()
    .chain(replies(network, payer, &body))
    .collect()
}

fn body(authority: &Authority) -> OrderBody {
    authority.payers[0].pays(&authority.payers[1].address, 5, 0)
}

/// What authority 1 might have sent.
fn replies(network: &Network, payer: &Payer, body: &OrderBody) -> Vec<(&'static str, Vec<u8>)> {
    let digest = network.digest(body);
    let code = Reject::Busy as u8;
    let leaves = [vote_leaf(&digest), receipt_leaf(&digest), rejection_leaf(code, 9, &digest, &[0; 32])];
    let proofs = network.sign_leaves(1, &leaves);
    let header = |kind| network.header(kind, &payer.address);
    let reply = |kind, proof: &[u8]| [bytemuck::bytes_of(&header(kind)), &digest, proof].concat();
    let rejection = |proven| RejectionHead {
        header: header(Kind::Rejection),
        subject: digest,
        other: [0; 32],
        detail: U64::new(9),
        code,
        proven,
        padding: [0; 6],
    };
    let info: Info = bytemuck::Zeroable::zeroed();
    vec![
        ("vote", reply(Kind::Vote, &proofs[0])),
        ("receipt", reply(Kind::Receipt, &proofs[1])),
        ("rejection", bytemuck::bytes_of(&rejection(0)).to_vec()),
        ("proven rejection", [bytemuck::bytes_of(&rejection(1)), &proofs[2]].concat()),
        ("info", bytemuck::bytes_of(&Info { header: header(Kind::Info), ..info }).to_vec()),
    ]
}

/// Holds if each of these datagrams is met with silence and counted under this name, and changes nothing.
#[track_caller]
fn assert_silently_counted(authority: &Authority, name: &str, datagrams: &[Vec<u8>]) {
    let count = datagrams.len() as u64;
    authority.assert_only_counts(&[(name, count)], || authority.client().assert_silence(datagrams));
}

/// The frame with one byte changed.
fn with(frame: &[u8], place: usize, byte: u8) -> Vec<u8> {
    assert_ne!(frame[place], byte);
    let mut frame = frame.to_vec();
    frame[place] = byte;
    frame
}

#[test]
fn every_truncation_of_every_kind_is_met_with_silence() {
    let authority = Authority::usual();
    let header_bytes = size_of::<Header>();
    let (mut short, mut cut) = (Vec::new(), Vec::new());
    for (_, frame) in frames(&authority) {
        short.extend((1..header_bytes).map(|length| frame[..length].to_vec()));
        cut.extend((header_bytes..frame.len()).map(|length| frame[..length].to_vec()));
    }
    assert!(cut.len() > 1_000);
    assert_silently_counted(&authority, "malformed.short", &short);
    assert_silently_counted(&authority, "malformed.length", &cut);
    authority.finish();
}

#[test]
fn overlong_frames_of_every_kind_are_met_with_silence() {
    let authority = Authority::usual();
    let mut overlong = Vec::new();
    for (_, frame) in frames(&authority) {
        let lengths = [
            frame.len() + 1,
            frame.len() + 32,
            frame.len() + 72,
            FRAME_BYTES_MAX,
            FRAME_BYTES_MAX + 1,
            DATAGRAM_BYTES_MAX,
        ];
        for length in lengths {
            let mut longer = frame.clone();
            longer.resize(length, 0);
            overlong.push(longer);
        }
    }
    assert_silently_counted(&authority, "malformed.length", &overlong);
    authority.finish();
}

#[test]
fn empty_datagrams_are_counted_by_the_transport() {
    let authority = Authority::usual();
    assert_silently_counted(&authority, "empty", &vec![Vec::new(); 70]);
    authority.finish();
}

#[test]
fn unknown_kinds_and_versions_and_foreign_magic_are_met_with_silence() {
    let authority = Authority::usual();
    let (mut kinds, mut versions, mut magic) = (Vec::new(), Vec::new(), Vec::new());
    for (_, frame) in frames(&authority) {
        kinds.extend((0..=u8::MAX).filter(|kind| Kind::from_byte(*kind).is_none()).map(|kind| with(&frame, 5, kind)));
        versions.extend((0..=u8::MAX).filter(|version| *version != 1).map(|version| with(&frame, 4, version)));
        magic.extend((0..4).map(|place| with(&frame, place, frame[place] ^ 0x20)));
    }
    assert_silently_counted(&authority, "malformed.kind", &kinds);
    assert_silently_counted(&authority, "malformed.version", &versions);
    assert_silently_counted(&authority, "malformed.magic", &magic);
    authority.finish();
}

#[test]
fn no_byte_of_any_padding_may_be_other_than_zero() {
    let authority = Authority::usual();
    let mut padded = Vec::new();
    for (kind, frame) in frames(&authority) {
        let regions: &[(usize, usize)] = match kind {
            "order" => &[(137, 144)],
            // Each vote is a proof of 72 bytes, four of them padding at the end; then a path of one, two and two hashes.
            "certificate" => &[(137, 144), (153, 160), (228, 232), (332, 336), (468, 472)],
            "query" => &[(56, 152)],
            "vote" | "receipt" => &[(116, 120)],
            "rejection" => &[(90, 96)],
            "proven rejection" => &[(90, 96), (164, 168)],
            "info" => &[(144, 152)],
            other => panic!("{other} has its paddings listed here"),
        };
        for place in regions.iter().flat_map(|(start, end)| *start..*end) {
            padded.extend([with(&frame, place, 1), with(&frame, place, 0x80)]);
        }
    }
    assert_silently_counted(&authority, "malformed.padding", &padded);
    authority.finish();
}

#[test]
fn enumerated_and_counted_fields_out_of_range_are_met_with_silence() {
    let authority = Authority::usual();
    let above = |count: usize| u8::try_from(count + 1).unwrap();
    let mut out_of_range = Vec::new();
    for (kind, frame) in frames(&authority) {
        let fields = match kind {
            "order" => vec![(136, RECIPIENT_PRIMARY + 1), (136, 255)],
            "certificate" => vec![
                (136, RECIPIENT_PRIMARY + 1),
                (152, 0),
                (152, above(VOTES_MAX)),
                (152, 255),
                (227, above(PATH_LEVELS_MAX)),
            ],
            "vote" | "receipt" => vec![(115, above(PATH_LEVELS_MAX)), (115, 255)],
            "rejection" => vec![(89, 2), (89, 255)],
            "proven rejection" => vec![(89, 2), (163, above(PATH_LEVELS_MAX))],
            _ => vec![],
        };
        out_of_range.extend(fields.into_iter().map(|(place, byte)| with(&frame, place, byte)));
    }
    assert_silently_counted(&authority, "malformed.field", &out_of_range);
    authority.finish();
}

#[test]
fn counts_that_do_not_fit_the_length_are_met_with_silence() {
    let authority = Authority::usual();
    let mut certificate = authority.network.certify(&body(&authority));
    let mut wrong = vec![with(&certificate, 152, 1), with(&certificate, 152, 2), with(&certificate, 152, 4)];
    // A first vote without its path: what follows it is read as a vote, and is none.
    certificate.drain(232..264);
    wrong.push(certificate);
    let (_, vote) = &replies(&authority.network, &authority.payers[0], &body(&authority))[0];
    wrong.extend([with(vote, 115, 0), with(vote, 115, 1), with(vote, 115, 3)]);
    let before = authority.counts();
    authority.client().assert_silence(&wrong);
    let after = authority.counts();
    assert_eq!(after.sum("protocol.malformed.") - before.sum("protocol.malformed."), wrong.len() as u64);
    authority.finish();
}

#[test]
fn what_only_authorities_send_is_met_with_silence() {
    let authority = Authority::usual();
    let replies: Vec<_> = replies(&authority.network, &authority.payers[0], &body(&authority))
        .into_iter()
        .map(|(_, frame)| frame)
        .collect();
    assert_eq!(replies.len(), 5);
    assert_silently_counted(&authority, "not_requests", &replies);
    authority.finish();
}
