//! Orders and queries that are refused: with the right code and detail, counted, and without consequence.

use crate::harness::{Authority, FUNDS, Setup, conflict_with};
use crate::make::{Network, Payer};
use quittance_engine::genesis::SUPPLY_MAX;
use quittance_engine::network::NetworkId;
use quittance_engine::reject::{Refusal, Reject};
use quittance_net::frame::{Order, OrderBody, U16, U64};
use std::time::{SystemTime, UNIX_EPOCH};

/// A request to one shard and what must come of it.
type Case = (Vec<u8>, Refusal);

/// The name under which a refusal is counted.
fn counter(code: Reject) -> String {
    format!("rejects.{}", serde_json::to_value(code).unwrap().as_str().unwrap())
}

/// Holds if each order is refused as it should be, unsigned, is counted once, and changes nothing.
#[track_caller]
fn assert_refused(authority: &Authority, cases: &[Case]) {
    for (order, expected) in cases {
        authority.assert_only_counts(&[("orders", 1), (&counter(expected.code), 1)], || {
            authority.client().ask(order).assert_refused(*expected);
        });
    }
}

/// A first order of payer 0 to payer 1.
fn order(authority: &Authority, change: impl FnOnce(&mut OrderBody)) -> Vec<u8> {
    let mut body = authority.payers[0].pays(&authority.payers[1].address, 5, 0);
    change(&mut body);
    authority.network.order(&authority.payers[0], body)
}

#[test]
fn a_request_for_another_network_is_refused() {
    let authority = Authority::usual();
    let body = authority.payers[0].pays(&authority.payers[1].address, 5, 0);
    let elsewhere = Network { id: NetworkId::of_genesis(b"another genesis"), ..authority.network.clone() };
    let order = elsewhere.order(&authority.payers[0], body);
    let counted = [("orders", 1), ("certificates", 1), ("rejects.wrong_network", 3)];
    authority.assert_only_counts(&counted, || {
        for request in [order, elsewhere.certify(&body), elsewhere.query(&body.sender, 1)] {
            authority.client().ask(&request).assert_refused(Reject::WrongNetwork);
        }
    });
    authority.finish();
}

/// The tag in the header is a filter only: signed bytes hold the network's whole id.
#[test]
fn an_order_signed_for_another_network_is_refused_whatever_its_header_says() {
    let authority = Authority::usual();
    let body = authority.payers[0].pays(&authority.payers[1].address, 5, 0);
    let elsewhere = Network { id: NetworkId::of_genesis(b"another genesis"), ..authority.network.clone() };
    let signature = elsewhere.signed(&authority.payers[0], body).signature;
    let order = Order { signature, ..authority.network.signed(&authority.payers[0], body) };
    assert_refused(&authority, &[(bytemuck::bytes_of(&order).to_vec(), Reject::BadSignature.into())]);
    authority.finish();
}

#[test]
fn a_request_to_the_wrong_shard_is_refused_with_the_right_one() {
    let authority = Authority::start(Setup { shards: 2, payer_count: 16, ..Setup::default() });
    let (here, there) = (authority.payers_on(0)[0], authority.payers_on(1)[0]);
    // The account's shard, the shard that the header names, the shard whose port it goes to.
    for (payer, named, port) in [(there, 1, 0), (there, 0, 0), (here, 1, 0), (here, 0, 1), (here, 1, 1), (there, 0, 1)]
    {
        let body = payer.pays(&here.address, 5, 0);
        let owner = authority.network.shard_of(&payer.address);
        let mut order = authority.network.signed(payer, body);
        order.header.shard = U16::new(named);
        let certificate = with_shard(authority.network.certify(&body), named);
        let query = with_shard(authority.network.query(&payer.address, 1), named);
        let counted = [("orders", 1), ("certificates", 1), ("rejects.wrong_shard", 3)];
        authority.assert_only_counts(&counted, || {
            for request in [bytemuck::bytes_of(&order), &certificate, &query] {
                let reply = authority.client_of(port).ask(request);
                reply.assert_refused(Reject::WrongShard.detail(owner.into()));
            }
        });
    }
    authority.finish();
}

fn with_shard(mut frame: Vec<u8>, shard: u16) -> Vec<u8> {
    frame[6..8].copy_from_slice(&shard.to_le_bytes());
    frame
}

#[test]
fn unknown_accounts_can_neither_pay_nor_be_asked_for() {
    let authority = Authority::usual();
    let stranger = Payer::new(999);
    let order = authority.network.order(&stranger, stranger.pays(&authority.payers[0].address, 1, 0));
    assert_refused(&authority, &[(order, Reject::UnknownAccount.into())]);
    let query = authority.network.query(&stranger.address, 77);
    authority.assert_only_counts(&[("rejects.unknown_account", 1)], || {
        authority.client().ask(&query).assert_refused(Reject::UnknownAccount);
    });
    authority.finish();
}

#[test]
fn amounts_of_nothing_beyond_any_supply_and_beyond_the_balance_are_refused() {
    let authority = Authority::usual();
    let amount = |amount| order(&authority, |body| body.amount = U64::new(amount));
    assert_refused(
        &authority,
        &[
            (amount(0), Reject::ZeroAmount.into()),
            (amount(SUPPLY_MAX + 1), Reject::AmountTooLarge.into()),
            (amount(u64::MAX), Reject::AmountTooLarge.into()),
            (amount(SUPPLY_MAX), Reject::InsufficientFunds.detail(FUNDS)),
            (amount(FUNDS + 1), Reject::InsufficientFunds.detail(FUNDS)),
        ],
    );
    // The whole balance may be spent.
    authority.assert_counts(&[("orders", 1), ("votes", 1)], || authority.client().ask(&amount(FUNDS)).vote());
    authority.finish();
}

#[test]
fn a_sequence_number_behind_ahead_or_at_the_top_is_refused_with_the_next_one() {
    let authority = Authority::usual();
    let first = authority.payers[0].pays(&authority.payers[1].address, 5, 0);
    authority.client().ask(&authority.network.certify(&first)).assert_receipt();
    let sequence = |sequence| order(&authority, |body| body.sequence = U64::new(sequence));
    assert_refused(
        &authority,
        &[
            (sequence(0), Reject::SequenceBehind.detail(1)),
            (sequence(2), Reject::SequenceAhead.detail(1)),
            (sequence(u64::MAX - 1), Reject::SequenceAhead.detail(1)),
            (sequence(u64::MAX), Reject::SequenceExhausted.detail(1)),
        ],
    );
    authority.finish();
}

#[test]
fn a_second_order_for_a_sequence_number_is_refused_with_the_digest_of_the_first() {
    let authority = Authority::usual();
    let first = authority.payers[0].pays(&authority.payers[1].address, 5, 0);
    authority.client().ask(&authority.network.order(&authority.payers[0], first)).vote();
    let conflict = conflict_with(authority.network.digest(&first));
    let other_amount = order(&authority, |body| body.amount = U64::new(6));
    let other_recipient = order(&authority, |body| body.recipient = authority.payers[2].address);
    let other_words = order(&authority, |body| body.user_data[31] = 1);
    let cases = [other_amount, other_recipient, other_words].map(|order| (order, conflict));
    assert_refused(&authority, &cases);
    let pending = authority.client().account(&first.sender).pending;
    assert_eq!(pending, authority.network.digest(&first));
    authority.finish();
}

#[test]
fn an_expired_order_is_refused() {
    let authority = Authority::usual();
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let expiring = |at| order(&authority, |body| body.expiry_ms = U64::new(at));
    let cases = [0, 1, now - 60_000, now].map(|at| (expiring(at), Reject::Expired.into()));
    assert_refused(&authority, &cases);
    let an_hour_ms = 3_600_000;
    authority.client().ask(&expiring(now + an_hour_ms)).vote();
    authority.finish();
}

#[test]
fn a_signature_that_does_not_verify_is_refused() {
    let authority = Authority::usual();
    let (network, payers) = (&authority.network, &authority.payers);
    let body = payers[0].pays(&payers[1].address, 5, 0);
    let good = network.signed(&payers[0], body);
    let by_another = network.signed(&payers[1], body);
    let none = Order { signature: [0; 64], ..good };
    let mut cases = vec![bytemuck::bytes_of(&by_another).to_vec(), bytemuck::bytes_of(&none).to_vec()];
    for byte in [0, 31, 32, 62, 63] {
        let mut forged = good;
        forged.signature[byte] ^= 1;
        cases.push(bytemuck::bytes_of(&forged).to_vec());
    }
    // R's x, sent along, is checked like R.
    let mut hinted = good;
    hinted.r_hint = quittance_verify::hint(&good.signature).unwrap();
    hinted.r_hint[9] ^= 1;
    cases.push(bytemuck::bytes_of(&hinted).to_vec());
    // The signature is of other words than these.
    let mut changed = good;
    changed.body.user_data[0] = 1;
    cases.push(bytemuck::bytes_of(&changed).to_vec());
    let cases: Vec<Case> = cases.into_iter().map(|order| (order, Reject::BadSignature.into())).collect();
    assert_refused(&authority, &cases);
    authority.finish();
}

#[test]
fn one_forged_order_among_63_good_ones_of_a_burst_is_the_only_one_refused() {
    let authority = Authority::start(Setup { payer_count: 64, ..Setup::default() });
    for forged in [0, 31, 63] {
        let sequence = authority.client().account(&authority.payers[0].address).next_sequence;
        let bodies: Vec<OrderBody> =
            authority.payers.iter().map(|payer| payer.pays(&authority.payers[0].address, 1, sequence)).collect();
        let order = |(index, body): (usize, &OrderBody)| match index == forged {
            true => authority.network.forged_order(&authority.payers[index], *body),
            false => authority.network.order(&authority.payers[index], *body),
        };
        let orders: Vec<_> = bodies.iter().enumerate().map(order).collect();
        let counted = [("orders", 64), ("votes", 63), ("rejects.bad_signature", 1)];
        let replies = authority.assert_counts(&counted, || authority.client().ask_at_once(&orders));
        for (index, reply) in replies.iter().enumerate() {
            if index == forged { reply.assert_refused(Reject::BadSignature) } else { _ = reply.vote() }
        }
        let accounts = authority.accounts();
        assert_eq!(accounts[&bodies[forged].sender].pending, [0; 32]);
        let pending = accounts.values().filter(|account| account.pending != [0; 32]).count();
        assert_eq!(pending, 63);
        // Every payment goes through, so that the next round finds no order pending.
        let certificates: Vec<_> = bodies.iter().map(|body| authority.network.certify(body)).collect();
        authority.client().ask_all(&certificates).iter().for_each(|reply| reply.assert_receipt());
    }
    authority.finish();
}

#[test]
fn an_address_that_is_no_key_cannot_pay() {
    let not_on_the_curve = {
        let mut bytes = [0; 32];
        bytes[0] = 2;
        bytes
    };
    let small_order = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    let not_canonical = [0xff; 32];
    let addresses = [not_on_the_curve, small_order, not_canonical];
    let openings = addresses.map(|address| (address, FUNDS)).to_vec();
    let authority = Authority::start(Setup { openings, ..Setup::default() });
    for address in addresses {
        let body = OrderBody { sender: address, ..authority.payers[0].pays(&authority.payers[1].address, 5, 0) };
        let order = bytemuck::bytes_of(&authority.network.signed(&authority.payers[0], body)).to_vec();
        assert_refused(
            &authority,
            &[(order.clone(), Reject::BadSignature.into()), (order, Reject::BadSignature.into())],
        );
    }
    authority.finish();
}

/// New accounts have no place in a table that the genesis file fills; known ones go on being paid.
#[test]
fn a_payment_to_a_new_account_is_refused_when_the_table_is_full() {
    let authority = Authority::start(Setup::with_options(&["--accounts-max", "8"]));
    let body = authority.payers[0].pays(&Payer::new(999).address, 5, 0);
    assert_refused(&authority, &[(authority.network.order(&authority.payers[0], body), Reject::NoRoom.into())]);
    let counted = [("certificates", 1), ("rejects.no_room", 1)];
    authority.assert_only_counts(&counted, || {
        authority.client().ask(&authority.network.certify(&body)).assert_refused(Reject::NoRoom);
    });
    authority.client().ask(&order(&authority, |_| {})).vote();
    authority.finish();
}
