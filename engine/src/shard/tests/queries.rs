//! Queries: what an authority tells of an account, without a proof.

use super::common::{FUNDS, Node, Payer, Setup, World};
use crate::reject::Reject;
use quittance_net::frame::{INFO_BYTES, QUERY_BYTES};

#[test]
fn a_query_is_answered_with_what_the_account_holds() {
    let world = World::of(4);
    let payers = Payer::many(2);
    let mut node = Node::funded(&world, &payers);
    let paid = payers[0].body(&payers[1].address, 100, 0);
    let ordered = payers[0].body(&payers[1].address, 1, 1);
    node.ask(&world.certify(&paid)).receipt_for(&world.digest(&paid));
    node.ask(&world.order(&payers[0], ordered)).vote_for(&world.digest(&ordered));
    let query = world.query(&payers[0].address, 0xfeed);
    let before = node.accounts();
    let reply = node.ask(&query);
    let info = reply.info();
    assert_eq!((info.account, info.nonce.get()), (payers[0].address, 0xfeed));
    assert_eq!((info.balance.get(), info.next_sequence.get()), (i128::from(FUNDS) - 100, 1));
    assert_eq!((info.pending, info.last_confirmed), (world.digest(&ordered), world.digest(&paid)));
    assert_eq!(node.accounts(), before);
    let reply = node.ask(&world.query(&payers[1].address, 0));
    assert_eq!((reply.info().balance.get(), reply.info().pending), (i128::from(FUNDS) + 100, [0; 32]));
    assert_eq!(node.shard.counters().queries, 2);
    assert_eq!((query.len(), QUERY_BYTES), (INFO_BYTES, INFO_BYTES));
}

#[test]
fn a_debt_is_told_as_a_negative_balance() {
    let world = World::of(4);
    let payers = Payer::many(2);
    let mut node = Node::new(&world, Setup::default());
    let spent = payers[0].body(&payers[1].address, 9, 0);
    node.ask(&world.certify(&spent)).receipt_for(&world.digest(&spent));
    let reply = node.ask(&world.query(&payers[0].address, 1));
    assert_eq!(reply.info().balance.get(), -9);
}

#[test]
fn queries_for_what_is_not_here_are_refused() {
    let world = World::of(4).with_shards(2);
    let account_count_max = crate::limits::account_reserve(2) + 10;
    let mut node = Node::new(&world, Setup { account_count_max, ..Setup::default() });
    let here = world.payers_on(0, 0, 2);
    let there = world.payers_on(1, 0, 1).remove(0);
    node.fund(&here[..1]);
    node.assert_refuses(&world.query(&here[1].address, 1), Reject::UnknownAccount);
    node.assert_refuses(&world.query(&there.address, 1), Reject::WrongShard.detail(1));
    let mut mislabelled = world.query(&here[0].address, 1);
    mislabelled[6] = 1;
    node.assert_refuses(&mislabelled, Reject::WrongShard.detail(0));
    let mut foreign = world.query(&here[0].address, 1);
    foreign[8] ^= 1;
    node.assert_refuses(&foreign, Reject::WrongNetwork);
    assert_eq!(node.accounts().len(), 1);
}
