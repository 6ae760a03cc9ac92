//! Datagrams: whatever is read as a frame is written anew from the values found, and must be the same bytes.

use super::common::{Bug, Random};
use quittance_net::frame::{
    self, CertificateHead, FRAME_BYTES_MAX, Frame, Hash, Header, HistoryItem, HistoryPage, HistoryQuery, Info, Kind,
    Malformed, Order, Proof, Query, RejectionHead, ReplyHead, U16, U64, encode_certificate, encode_page,
};

/// Reads an input as a datagram, aligned and not.
///
/// # Panics
/// If a frame has two encodings, or reads differently elsewhere in memory.
pub(crate) fn check(input: &[u8], bug: Option<Bug>) {
    let written = rewrite(input, bug);
    if let Ok(written) = &written {
        assert!(written == input, "a frame has two encodings");
        assert!(written.len() <= FRAME_BYTES_MAX, "a frame fits a datagram");
    }
    let moved = [&[0xee], input].concat();
    assert!(rewrite(&moved[1..], bug) == written, "a frame reads alike wherever it lies");
    if let Some(shorter) = input.get(..input.len().saturating_sub(1)).filter(|_| written.is_ok()) {
        let is_query = matches!(frame::parse(shorter), Ok(Frame::HistoryQuery(_)));
        assert!(is_query || frame::parse(shorter).is_err(), "only a history query may be cut short");
    }
}

fn rewrite(input: &[u8], bug: Option<Bug>) -> Result<Vec<u8>, Malformed> {
    let mut bent;
    let mut datagram = input;
    if bug == Some(Bug::PaddingOverlooked) && input.len() == frame::QUERY_BYTES {
        bent = input.to_vec();
        bent[56..].fill(0);
        datagram = &bent;
    }
    frame::parse(datagram).map(|frame| write(&frame))
}

fn order_bytes(kind: Kind, order: &Order) -> Vec<u8> {
    let mut order = Order { header: header(kind, &order.header), ..*order };
    order.body.padding = [0; 7];
    bytes(&order)
}

/// Writes a frame from its values: nothing that must be zero is copied.
fn write(frame: &Frame<'_>) -> Vec<u8> {
    match frame {
        Frame::Order(order) => order_bytes(Kind::Order, order),
        Frame::ChainedOrder(order) => order_bytes(Kind::ChainedOrder, order),
        Frame::Certificate(view) => {
            let mut head =
                CertificateHead { header: header(Kind::Certificate, &view.head.header), padding: [0; 7], ..*view.head };
            head.body.padding = [0; 7];
            let votes: Vec<_> = view.votes().map(|vote| proven(vote.proof, vote.path)).collect();
            head.vote_count = u8::try_from(votes.len()).expect("VOTES_MAX fits");
            let votes: Vec<&[u8]> = votes.iter().map(Vec::as_slice).collect();
            let mut out = vec![0; FRAME_BYTES_MAX];
            let length = encode_certificate(&head, &votes, &mut out).expect("it came in a datagram");
            out.truncate(length);
            out
        }
        Frame::Query(query) => {
            bytes(&Query { header: header(Kind::Query, &query.header), padding: [0; 96], ..**query })
        }
        Frame::HistoryQuery(view) => {
            let head =
                HistoryQuery { header: header(Kind::HistoryQuery, &view.head.header), padding: [0; 15], ..*view.head };
            let mut out = bytes(&head);
            out.resize(view.byte_count, 0);
            out
        }
        Frame::Vote(view) => reply(Kind::Vote, view.head, view.path),
        Frame::Receipt(view) => reply(Kind::Receipt, view.head, view.path),
        Frame::Rejection(view) => {
            let head = RejectionHead {
                header: header(Kind::Rejection, &view.head.header),
                proven: view.proof.is_some().into(),
                padding: [0; 6],
                ..*view.head
            };
            let proof = view.proof.map(|(proof, path)| proven(proof, path));
            [bytes(&head), proof.unwrap_or_default()].concat()
        }
        Frame::Info(info) => bytes(&Info { header: header(Kind::Info, &info.header), padding: [0; 8], ..**info }),
        Frame::HistoryPage(view) => page(view.head, view.items),
    }
}

fn reply(kind: Kind, head: &ReplyHead, path: &[Hash]) -> Vec<u8> {
    let front = ReplyHead { header: header(kind, &head.header), ..*head };
    let front = bytes(&front);
    [&front[..front.len() - frame::PROOF_BYTES], &proven(&head.proof, path)].concat()
}

fn page(head: &HistoryPage, items: &[HistoryItem]) -> Vec<u8> {
    let count = u8::try_from(items.len()).expect("HISTORY_ITEMS_MAX fits");
    let head = HistoryPage { header: header(Kind::HistoryPage, &head.header), count, padding: [0; 6], ..*head };
    let items: Vec<_> = items.iter().map(|item| HistoryItem { padding: [0; 5], ..*item }).collect();
    let mut out = vec![0; frame::page_bytes(items.len())];
    assert_eq!(encode_page(&head, &items, &mut out), Some(out.len()));
    out
}

fn header(kind: Kind, header: &Header) -> Header {
    Header::new(kind, header.shard.get(), header.network.get())
}

fn proven(proof: &Proof, path: &[Hash]) -> Vec<u8> {
    let path_count = u8::try_from(path.len()).expect("PATH_LEVELS_MAX fits");
    [bytes(&Proof { path_count, padding: [0; 4], ..*proof }), bytemuck::cast_slice(path).to_vec()].concat()
}

fn bytes(layout: &impl bytemuck::NoUninit) -> Vec<u8> {
    bytemuck::bytes_of(layout).to_vec()
}

/// A frame of every kind, short and long.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for kind in Kind::ALL {
        for length in [16, 80, 96, 120, 152, 184, 232, 240, 448, 1_472] {
            let mut frame = bytes(&header(kind, &Header::new(kind, 1, 2)));
            frame.resize(length, 0);
            for (count_at, count) in [(0, 0), (72, 1), (73, 1), (152, 1), (152, 2), (89, 1), (115, 2)] {
                let mut frame = frame.clone();
                if count_at > 16 && count_at < length {
                    frame[count_at] = count;
                }
                if frame::parse(&frame).is_ok() && !seeds.contains(&frame) {
                    seeds.push(frame);
                }
            }
        }
    }
    seeds
}

/// A seed with changes, or bytes behind a good header.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let seeds = super::cached_seeds(super::FRAME);
    let mut frame = seeds[random.below(seeds.len())].clone();
    if random.below(8) == 0 {
        let length = random.below(FRAME_BYTES_MAX + 16);
        frame.truncate(16);
        frame.extend(random.bytes(length));
    }
    random.mutate(&mut frame);
    frame
}

const _: () = assert!(size_of::<U16>() == 2 && size_of::<U64>() == 8, "numbers have no padding");
