//! Every refusal of an order, in the order of the codes, and that none of them changes anything.

use super::common::{FUNDS, Node, Payer, World};
use crate::genesis::SUPPLY_MAX;
use crate::reject::Reject;
use crate::types::Amount;
use quittance_net::frame::{Header, Kind, Order, OrderBody, U16, U64};

fn four() -> (World, Vec<Payer>, Node) {
    let world = World::of(4);
    let payers = Payer::many(4);
    let mut node = Node::funded(&world, &payers);
    // An account with a past, so that a change would show anywhere.
    let body = payers[0].body(&payers[1].address, 100, 0);
    node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    (world, payers, node)
}

/// The order with another header, which no signature covers.
fn with_header(order: &Order, change: impl Fn(&mut Header)) -> Vec<u8> {
    let mut order = *order;
    change(&mut order.header);
    bytemuck::bytes_of(&order).to_vec()
}

#[test]
fn an_order_for_another_network_is_refused() {
    let (world, payers, mut node) = four();
    let order = world.sign(&payers[0], payers[0].body(&payers[1].address, 1, 1));
    let foreign = with_header(&order, |header| header.network = U64::new(world.network.tag() ^ 1));
    node.assert_refuses(&foreign, Reject::WrongNetwork);
}

#[test]
fn an_order_signed_for_another_network_is_refused() {
    let (mut world, payers, mut node) = four();
    let tag = world.network.tag();
    world.network.0[31] ^= 1;
    assert_eq!(world.network.tag(), tag, "the header cannot tell; the signature can");
    let order = world.order(&payers[0], payers[0].body(&payers[1].address, 1, 1));
    node.assert_refuses(&order, Reject::BadSignature);
}

#[test]
fn an_order_for_another_shard_is_refused_with_that_shards_index() {
    let world = World::of(4).with_shards(3);
    let here = world.payers_on(0, 0, 2);
    let account_count_max = crate::limits::account_reserve(3) + 10;
    let mut node = Node::new(&world, super::common::Setup { account_count_max, ..Default::default() });
    node.fund(&here);
    for shard in [1, 2] {
        let stranger = world.payers_on(shard, 100, 1).remove(0);
        let order = world.sign(&stranger, stranger.body(&here[0].address, 1, 0));
        node.assert_refuses(bytemuck::bytes_of(&order), Reject::WrongShard.detail(shard.into()));
        let relabelled = with_header(&order, |header| header.shard = U16::new(0));
        node.assert_refuses(&relabelled, Reject::WrongShard.detail(shard.into()));
    }
    let order = world.sign(&here[0], here[0].body(&here[1].address, 1, 0));
    let mislabelled = with_header(&order, |header| header.shard = U16::new(1));
    node.assert_refuses(&mislabelled, Reject::WrongShard.detail(0));
}

#[test]
fn an_order_of_an_unknown_account_is_refused() {
    let (world, payers, mut node) = four();
    let stranger = Payer::new(999);
    node.assert_refuses(&world.order(&stranger, stranger.body(&payers[0].address, 1, 0)), Reject::UnknownAccount);
}

#[test]
fn amounts_of_nothing_and_beyond_any_supply_are_refused() {
    let (world, payers, mut node) = four();
    let order = |amount| world.order(&payers[0], payers[0].body(&payers[1].address, amount, 1));
    node.assert_refuses(&order(0), Reject::ZeroAmount);
    node.assert_refuses(&order(SUPPLY_MAX + 1), Reject::AmountTooLarge);
    node.assert_refuses(&order(u64::MAX), Reject::AmountTooLarge);
    node.assert_refuses(&order(SUPPLY_MAX), Reject::InsufficientFunds.detail(FUNDS - 100));
}

#[test]
fn only_the_next_sequence_number_will_do() {
    let (world, payers, mut node) = four();
    let order = |sequence| world.order(&payers[0], payers[0].body(&payers[1].address, 1, sequence));
    node.assert_refuses(&order(0), Reject::SequenceBehind.detail(1));
    node.assert_refuses(&order(2), Reject::SequenceAhead.detail(1));
    node.assert_refuses(&order(u64::MAX - 1), Reject::SequenceAhead.detail(1));
    node.assert_refuses(&order(u64::MAX), Reject::SequenceExhausted.detail(1));
}

#[test]
fn the_last_sequence_number_is_never_used() {
    let (world, payers, mut node) = four();
    let slot = node.shard.arena.find(&payers[2].address).unwrap();
    node.shard.arena.slot_mut(slot).next_sequence.0 = u64::MAX - 1;
    let body = |sequence| payers[2].body(&payers[1].address, 1, sequence);
    let last = body(u64::MAX - 1);
    node.ask(&world.order(&payers[2], last)).vote_for(&world.digest(&last));
    node.ask(&world.certify(&last)).receipt_for(&world.digest(&last));
    assert_eq!(node.account(&payers[2].address).next_sequence, u64::MAX);
    node.assert_refuses(&world.order(&payers[2], body(u64::MAX)), Reject::SequenceExhausted.detail(u64::MAX));
    node.assert_refuses(&world.certify(&body(u64::MAX)), Reject::SequenceExhausted);
}

#[test]
fn more_than_the_balance_is_refused_with_the_balance() {
    let (world, payers, mut node) = four();
    let order = |amount| world.order(&payers[0], payers[0].body(&payers[1].address, amount, 1));
    node.assert_refuses(&order(FUNDS - 99), Reject::InsufficientFunds.detail(FUNDS - 100));
    let whole = payers[0].body(&payers[1].address, FUNDS - 100, 1);
    node.ask(&world.order(&payers[0], whole)).vote_for(&world.digest(&whole));
}

#[test]
fn an_order_expires_at_its_very_millisecond() {
    let (world, payers, mut node) = four();
    let body =
        |expiry_ms: u64| OrderBody { expiry_ms: U64::new(expiry_ms), ..payers[0].body(&payers[1].address, 1, 1) };
    let now = node.now.0;
    for expiry_ms in [0, now - 1, now] {
        node.assert_refuses(&world.order(&payers[0], body(expiry_ms)), Reject::Expired);
    }
    node.ask(&world.order(&payers[0], body(now + 1))).vote_for(&world.digest(&body(now + 1)));
}

#[test]
fn a_bad_signature_is_refused() {
    let (world, payers, mut node) = four();
    let order = world.sign(&payers[0], payers[0].body(&payers[1].address, 1, 1));
    for byte in [0, 31, 32, 63] {
        let mut forged = order;
        forged.signature[byte] ^= 1;
        node.assert_refuses(bytemuck::bytes_of(&forged), Reject::BadSignature);
    }
    let by_another = world.sign(&payers[1], order.body);
    node.assert_refuses(bytemuck::bytes_of(&by_another), Reject::BadSignature);
}

#[test]
fn a_right_hint_changes_nothing_and_a_wrong_one_is_a_bad_signature() {
    let (world, payers, mut node) = four();
    let mut order = world.sign(&payers[0], payers[0].body(&payers[1].address, 1, 1));
    let right = quittance_verify::hint(&order.signature).unwrap();
    for byte in [0, 17, 31] {
        order.r_hint = right;
        order.r_hint[byte] ^= 1;
        node.assert_refuses(bytemuck::bytes_of(&order), Reject::BadSignature);
    }
    order.r_hint = right;
    node.ask(bytemuck::bytes_of(&order)).vote_for(&world.digest(&order.body));
    // Repeated without its hint, it is the same order.
    order.r_hint = [0; 32];
    node.ask(bytemuck::bytes_of(&order)).vote_for(&world.digest(&order.body));
    assert_eq!(node.shard.counters().votes_repeated, 1);
}

#[test]
fn a_signature_covers_every_byte_of_the_order() {
    let (world, payers, mut node) = four();
    let order = world.sign(&payers[0], payers[0].body(&payers[1].address, 1, 1));
    let start = size_of::<Header>();
    // All of the body but its padding; the sender's own bytes name another account.
    for place in start + 32..start + 121 {
        let mut bytes = bytemuck::bytes_of(&order).to_vec();
        bytes[place] ^= 1;
        let before = node.accounts();
        let reply = node.ask(&bytes);
        assert!(matches!(reply, super::common::Reply::Rejection { is_proven: false, .. }), "byte {place}: {reply:?}");
        assert_eq!(node.accounts(), before);
    }
}

#[test]
fn an_address_that_is_no_key_can_be_paid_and_cannot_pay() {
    let (world, payers, mut node) = four();
    let small_order = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    for address in [[0xff; 32], small_order] {
        node.shard.fund(&address, Amount(50)).unwrap();
        let body = OrderBody { sender: address, ..payers[0].body(&payers[1].address, 1, 0) };
        let order = Order {
            header: Header::new(Kind::Order, 0, world.network.tag()),
            body,
            signature: [0; 64],
            r_hint: [0; 32],
        };
        for _ in 0..2 {
            node.assert_refuses(bytemuck::bytes_of(&order), Reject::BadSignature);
            node.receive(bytemuck::bytes_of(&order));
            assert!(node.take_batch().is_empty(), "there is nothing to check");
            node.collect();
        }
        let sequence = node.account(&payers[0].address).next_sequence;
        let paid = payers[0].body(&address, 5, sequence);
        node.ask(&world.certify(&paid)).receipt_for(&world.digest(&paid));
        assert_eq!(node.account(&address).balance, 55);
    }
}
