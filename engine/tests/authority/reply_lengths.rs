//! How long replies are. That none is too long is checked of every reply that any test here receives; this shows that the
//! longest ones there are were among them.

use crate::harness::{Authority, Reply, Setup};
use crate::make::Payer;
use quittance_engine::reject::Reject;
use quittance_net::frame::{OrderBody, U64};

/// Replies of one signature at most, as a committee of four has it.
const BATCH_MAX: usize = 64;
const LEVELS_MAX: usize = 6;

fn authority() -> Authority {
    Authority::start(Setup { payer_count: 64, ..Setup::default() })
}

/// First payments of all payers to payer 0.
fn bodies(authority: &Authority) -> Vec<OrderBody> {
    authority.payers.iter().map(|payer| payer.pays(&authority.payers[0].address, 1, 0)).collect()
}

/// Holds if every reply has the length that its levels give it, and some have levels. Returns the most.
fn assert_lengths(replies: &[Reply], bytes_without_path: usize) -> usize {
    for reply in replies {
        assert_eq!(reply.length, bytes_without_path + 32 * reply.level_count);
    }
    let level_count = replies.iter().map(|reply| reply.level_count).max().unwrap();
    assert!((1..=LEVELS_MAX).contains(&level_count), "replies of one burst share a signature: {level_count} levels");
    level_count
}

#[test]
fn votes_and_receipts_grow_by_a_hash_per_level_and_share_signatures() {
    let authority = authority();
    let (network, bodies) = (&authority.network, bodies(&authority));
    assert_eq!(bodies.len(), BATCH_MAX);
    let orders: Vec<_> =
        authority.payers.iter().zip(&bodies).map(|(payer, body)| network.order(payer, *body)).collect();
    let certificates: Vec<_> = bodies.iter().map(|body| network.certify(body)).collect();
    let before = authority.counts();
    let votes = authority.client().ask_at_once(&orders);
    assert!(votes.iter().all(Reply::is_vote));
    assert_lengths(&votes, 120);
    let receipts = authority.client().ask_at_once(&certificates);
    receipts.iter().for_each(Reply::assert_receipt);
    assert_lengths(&receipts, 120);
    let signed = authority.counts().get("protocol.roots_signed") - before.get("protocol.roots_signed");
    assert!(signed < 64, "128 replies took {signed} signatures");
    authority.finish();
}

#[test]
fn a_reply_alone_has_no_path() {
    let authority = Authority::usual();
    let (network, payer) = (&authority.network, &authority.payers[0]);
    let body = payer.pays(&authority.payers[1].address, 5, 0);
    let vote = authority.client().ask(&network.order(payer, body));
    assert_eq!((vote.vote().len(), vote.length, vote.level_count), (72, 120, 0));
    let receipt = authority.client().ask(&network.certify(&body));
    receipt.assert_receipt();
    assert_eq!((receipt.length, receipt.level_count), (120, 0));
    authority.finish();
}

/// Two good orders for one sequence number, met in one burst: the second is refused after its signature was found good.
#[test]
fn signed_rejections_stay_within_one_and_a_half_orders() {
    let authority = authority();
    let network = &authority.network;
    let pair = |(payer, body): (&Payer, OrderBody)| {
        [body, OrderBody { amount: U64::new(2), ..body }].map(|body| network.order(payer, body))
    };
    let orders: Vec<_> = authority.payers.iter().zip(bodies(&authority)).take(32).flat_map(pair).collect();
    let replies = authority.client().ask_at_once(&orders);
    let proven: Vec<Reply> = replies.iter().filter(|reply| !reply.is_vote() && reply.is_proven()).cloned().collect();
    assert!(proven.iter().all(|reply| reply.refusal().0.code == Reject::Conflict));
    let level_count = assert_lengths(&proven, 168);
    assert!(168 + 32 * level_count <= 360);
    authority.finish();
}

#[test]
fn unsigned_replies_are_no_longer_than_the_shortest_request() {
    let authority = Authority::usual();
    let (network, payers) = (&authority.network, &authority.payers);
    let body = payers[0].pays(&payers[1].address, 0, 0);
    let mut client = authority.client();
    let stranger = network.query(&Payer::new(999).address, 1);
    for request in [network.order(&payers[0], body), network.certify(&body), stranger] {
        assert_eq!(client.ask(&request).length, 96);
    }
    let query = client.query(&payers[0].address);
    assert_eq!((query.len(), client.ask(&query).length), (152, 152));
    drop(client);
    authority.finish();
}
