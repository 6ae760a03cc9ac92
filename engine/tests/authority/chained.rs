//! Chained payments: certificates sent ahead of an order pay for it, and nothing else does.
//!
//! The authority under test never saw the orders that the certificates are of: the others voted for them.

use crate::harness::{Account, Authority, Client, Content, Reply, Setup};
use crate::make::{EPOCH, Network, Payer};
use quittance_engine::reject::Reject;
use quittance_net::frame::{Header, Kind, Order, OrderBody};

/// How many are paid one after the other with the same money.
const HOP_COUNT: u32 = 100;

/// How often a test looks whether a credit has come to another shard.
const LOOKS_MAX: usize = 10_000;

fn chained(network: &Network, payer: &Payer, body: OrderBody) -> Vec<u8> {
    let order = network.signed(payer, body);
    let header = Header { kind: Kind::ChainedOrder as u8, ..order.header };
    bytemuck::bytes_of(&Order { header, ..order }).to_vec()
}

fn start(shards: u16, is_durable: bool, openings: &[(&Payer, u64)]) -> Authority {
    let openings = openings.iter().map(|(payer, amount)| (payer.address, *amount)).collect();
    Authority::start(Setup { shards, payer_count: 0, openings, is_durable, ..Setup::default() })
}

fn clients(authority: &Authority) -> Vec<Client<'_>> {
    (0..authority.network.shard_count).map(|shard| authority.client_of(shard)).collect()
}

/// Each datagram goes to the shard of its payer, once; then all replies are awaited. In the order sent.
fn ask<'a>(clients: &mut [Client<'_>], requests: &[(u16, &'a [u8])]) -> Vec<(&'a [u8], Reply)> {
    requests.iter().for_each(|(shard, request)| clients[usize::from(*shard)].send(request));
    let mut replies: Vec<_> = clients.iter_mut().map(|client| client.collect().into_iter()).collect();
    let answer = |(shard, request): &(u16, &'a [u8])| (*request, replies[usize::from(*shard)].next().unwrap());
    requests.iter().map(answer).collect()
}

fn alice_bob_and_carol() -> [Payer; 3] {
    [500, 501, 502].map(Payer::new)
}

fn balances(authority: &Authority, people: &[Payer; 3]) -> [i128; 3] {
    let accounts = authority.accounts();
    people.each_ref().map(|person| accounts[&person.address].balance)
}

#[test]
fn bob_pays_carol_at_once_with_what_alice_pays_him() {
    for (shards, is_durable) in [(1, true), (1, false), (3, false)] {
        for is_order_first in [false, true] {
            let people = alice_bob_and_carol();
            let [alice, bob, carol] = &people;
            let authority = start(shards, is_durable, &[(alice, 15), (bob, 5), (carol, 5)]);
            let network = &authority.network;
            let (gift, spends) = (alice.pays(&bob.address, 10, 0), bob.pays(&carol.address, 10, 0));
            let (certificate, order) = (network.certify(&gift), chained(network, bob, spends));
            let shard = |payer: &Payer| network.shard_of(&payer.address);
            let mut burst = [(shard(alice), &certificate[..]), (shard(bob), &order[..])];
            if is_order_first {
                burst.reverse();
            }
            let mut clients = clients(&authority);
            for (request, reply) in ask(&mut clients, &burst) {
                if request == order { _ = reply.vote() } else { reply.assert_receipt() }
            }
            let settles = network.certify(&spends);
            ask(&mut clients, &[(shard(bob), &settles)])[0].1.assert_receipt();
            // The credit may be on its way to another shard still.
            assert!((0..LOOKS_MAX).any(|_| balances(&authority, &people) == [5, 5, 15]));
            drop(clients);
            let counts = authority.finish();
            let of = |name: &str| counts.get(&format!("protocol.{name}"));
            assert_eq!([of("orders"), of("certificates"), of("votes"), of("orders_held_repeated")], [1, 2, 1, 0]);
            assert_eq!(of("orders_held"), of("orders_held_funded"));
            assert!(!is_order_first || shards > 1 || of("orders_held") == 1, "{counts:?}");
        }
    }
}

/// Sends a certificate that is none ahead of Bob's order: both are refused, and everything is as before.
#[track_caller]
fn assert_funds_nothing(spoil: impl FnOnce(&Network, &OrderBody) -> Vec<u8>, code: Reject) {
    let people = alice_bob_and_carol();
    let [alice, bob, carol] = &people;
    let authority = start(1, false, &[(alice, 15), (bob, 5), (carol, 5)]);
    let (gift, spends) = (alice.pays(&bob.address, 10, 0), bob.pays(&carol.address, 10, 0));
    let (certificate, order) = (spoil(&authority.network, &gift), chained(&authority.network, bob, spends));
    let before = authority.accounts();
    let mut clients = clients(&authority);
    let replies = ask(&mut clients, &[(0, &certificate), (0, &order)]);
    assert_eq!(replies[0].1.refusal().0.code, code);
    replies[1].1.assert_refused(Reject::InsufficientFunds.detail(5));
    assert_eq!(authority.accounts(), before);
    // The good one does, after all that.
    let certificate = authority.network.certify(&gift);
    let replies = ask(&mut clients, &[(0, &certificate), (0, &order)]);
    replies[0].1.assert_receipt();
    replies[1].1.vote();
    drop(clients);
    let counts = authority.finish();
    assert_eq!((counts.get("protocol.orders_held_expired"), counts.get("protocol.votes")), (1, 1));
}

#[test]
fn a_forged_certificate_funds_nothing() {
    let forged = |network: &Network, gift: &OrderBody| {
        let mut votes = network.votes(&[1, 2, 3], gift);
        votes[2][9] ^= 1;
        network.certificate(gift, &votes)
    };
    assert_funds_nothing(forged, Reject::BadVote);
}

#[test]
fn a_certificate_of_another_epoch_funds_nothing() {
    let foreign = |network: &Network, gift: &OrderBody| {
        let secrets = network.secrets.iter().map(|secret| quittance_verify::SecretKey::from_seed(secret.seed()));
        Network::with_secrets(network.id, EPOCH + 1, secrets.collect(), 1).certify(gift)
    };
    assert_funds_nothing(foreign, Reject::WrongEpoch);
}

#[test]
fn an_altered_certificate_funds_nothing() {
    let altered = |network: &Network, gift: &OrderBody| {
        let votes = network.votes(&[1, 2, 3], gift);
        let more = OrderBody { amount: quittance_net::frame::U64::new(15), ..*gift };
        network.certificate(&more, &votes)
    };
    assert_funds_nothing(altered, Reject::BadVote);
}

/// Each hop is a certificate and an order in one burst, and the next hop begins when the vote is here. Nothing is sent twice,
/// so nothing was refused or lost on the way: one round trip each.
#[test]
fn a_chain_of_a_hundred_payments_ends_exact_with_no_datagram_sent_twice() {
    let payers: Vec<Payer> = (0..=HOP_COUNT).map(|number| Payer::new(600 + number)).collect();
    let authority = start(2, false, &[(&payers[0], 40)]);
    let network = &authority.network;
    let mut clients = clients(&authority);
    let mut ahead: Option<(u16, Vec<u8>)> = None;
    for pair in payers.windows(2) {
        let body = pair[0].pays(&pair[1].address, 40, 0);
        let (shard, order) = (network.shard_of(&pair[0].address), chained(network, &pair[0], body));
        let certificate = ahead.as_ref().map(|(shard, bytes)| (*shard, &bytes[..]));
        let burst: Vec<_> = certificate.into_iter().chain([(shard, &order[..])]).collect();
        let replies = ask(&mut clients, &burst);
        replies.last().unwrap().1.vote();
        replies[..replies.len() - 1].iter().for_each(|(_, reply)| reply.assert_receipt());
        ahead = Some((shard, network.certify(&body)));
    }
    let (shard, certificate) = ahead.unwrap();
    ask(&mut clients, &[(shard, &certificate)])[0].1.assert_receipt();
    let last = &payers[payers.len() - 1];
    let end = usize::from(network.shard_of(&last.address));
    let has_arrived = |_| {
        let query = clients[end].query(&last.address);
        matches!(clients[end].ask(&query).content, Content::Info { account, .. } if account == Account::funded(40))
    };
    assert!((0..LOOKS_MAX).any(has_arrived), "the last one has it all");
    for payer in &payers[..payers.len() - 1] {
        let client = &mut clients[usize::from(network.shard_of(&payer.address))];
        assert_eq!(client.account(&payer.address).balance, 0);
    }
    drop(clients);
    let counts = authority.finish();
    let of = |name: &str| counts.get(&format!("protocol.{name}"));
    let hops = u64::from(HOP_COUNT);
    assert_eq!([of("orders"), of("votes"), of("certificates"), of("confirmations")], [hops; 4], "{counts:?}");
    assert_eq!([of("orders_held_repeated"), of("orders_held_expired"), of("receipts_repeated")], [0; 3], "{counts:?}");
}
