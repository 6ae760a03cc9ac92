//! Chained orders: those that come before the money that pays for them.

use super::common::{Authority, FUNDS, NOW, Node, Payer, Reply, Setup, World};
use crate::limits::{HELD_MS, HELD_PER_SENDER_MAX, Tables};
use crate::mutant::{Mutant, Planted};
use crate::reject::Reject;
use crate::types::TimeMs;
use quittance_net::frame::{Kind, Order, OrderBody, U64};

const RICH: u64 = FUNDS + 500;

struct Scene {
    world: World,
    /// The first two have [`FUNDS`] each, the others are not known.
    payers: Vec<Payer>,
    node: Node,
}

fn scene_with(setup: Setup) -> Scene {
    let world = World::of(4);
    let payers = Payer::many(30);
    let mut node = Node::new(&world, setup);
    node.fund(&payers[..2]);
    Scene { world, payers, node }
}

fn scene() -> Scene {
    scene_with(Setup::default())
}

impl Scene {
    fn chained(&self, payer: usize, body: OrderBody) -> Order {
        let order = self.world.sign(&self.payers[payer], body);
        let header = quittance_net::frame::Header { kind: Kind::ChainedOrder as u8, ..order.header };
        Order { header, ..order }
    }

    /// An order of payer 1 for more than it has.
    fn wants(&self) -> OrderBody {
        self.payers[1].body(&self.payers[2].address, RICH, 0)
    }

    /// What pays for it: payer 0 gives `amount` to payer 1.
    fn gift(&self, amount: u64, sequence: u64) -> OrderBody {
        self.payers[0].body(&self.payers[1].address, amount, sequence)
    }

    fn pay(&mut self, body: &OrderBody) {
        let (certificate, digest) = (self.world.certify(body), self.world.digest(body));
        self.node.ask(&certificate).receipt_for(&digest);
    }

    /// What its driver does at every turn.
    fn turn(&mut self) -> Vec<(usize, Reply)> {
        self.node.shard.judge_held(self.node.now);
        self.node.finish_all();
        self.node.collect()
    }

    fn wait(&mut self, ms: u64) {
        self.node.now = TimeMs(self.node.now.0 + ms);
    }

    #[track_caller]
    fn assert_counts(&self, held: u64, repeated: u64, funded: u64, expired: u64, displaced: u64) {
        let counters = self.node.shard.counters();
        let counts = [
            counters.orders_held,
            counters.orders_held_repeated,
            counters.orders_held_funded,
            counters.orders_held_expired,
            counters.orders_held_displaced,
        ];
        assert_eq!(counts, [held, repeated, funded, expired, displaced]);
        let waiting = held - funded - expired - displaced;
        assert_eq!(self.node.shard.held_count() as u64, waiting);
    }
}

fn bytes(order: &Order) -> &[u8] {
    bytemuck::bytes_of(order)
}

#[test]
fn a_chained_order_whose_money_is_here_is_an_order() {
    let mut scene = scene();
    let body = scene.gift(10, 0);
    let (order, digest) = (scene.chained(0, body), scene.world.digest(&body));
    let vote = scene.node.ask(bytes(&order)).vote_for(&digest);
    assert_eq!(scene.node.ask(bytes(&order)).vote_for(&digest), vote);
    let plain = scene.world.order(&scene.payers[0], body);
    assert_eq!(scene.node.ask(&plain).vote_for(&digest), vote, "the kind is no part of what is signed");
    assert_eq!((scene.node.shard.held_until(), scene.node.shard.counters().orders), (None, 3));
    scene.assert_counts(0, 0, 0, 0, 0);
}

#[test]
fn an_order_waits_unchecked_for_the_certificate_that_pays_for_it_and_is_voted_for() {
    let mut scene = scene();
    let (wants, gift) = (scene.wants(), scene.gift(500, 0));
    let (before, records) = (scene.node.accounts(), scene.node.shard.records_made());
    let order = scene.chained(1, wants);
    let asked = scene.node.receive(bytes(&order));
    assert!(scene.node.take_batch().is_empty(), "no signature is checked before the money is here");
    assert!(!scene.node.shard.judge_held(NOW) && scene.node.collect().is_empty());
    assert_eq!(scene.node.shard.unanswered_count(), 1);
    assert_eq!(scene.node.shard.held_until(), Some(TimeMs(NOW.0 + HELD_MS)));
    assert_eq!((scene.node.accounts(), scene.node.shard.records_made()), (before, records), "nothing is written down");

    scene.pay(&gift);
    assert_eq!(scene.node.shard.held_until(), Some(TimeMs(0)), "there is something to do at once");
    let replies = scene.turn();
    assert_eq!((replies.len(), replies[0].0), (1, asked));
    replies[0].1.vote_for(&scene.world.digest(&wants));
    scene.assert_counts(1, 0, 1, 0, 0);
    assert_eq!((scene.node.shard.held_until(), scene.node.shard.counters().orders), (None, 1));
}

#[test]
fn the_credit_may_make_the_account() {
    let mut scene = scene();
    let [body, gift] = [(5, 6), (0, 5)].map(|(from, to)| scene.payers[from].body(&scene.payers[to].address, 70, 0));
    scene.node.receive(bytes(&scene.chained(5, body)));
    scene.pay(&gift);
    scene.turn()[0].1.vote_for(&scene.world.digest(&body));
}

#[test]
fn an_order_waits_for_a_credit_from_another_shard() {
    let world = World::of(4).with_shards(2);
    let mut authority = Authority::new(&world, 64);
    let (here, there) = (world.payers_on(0, 0, 1).remove(0), world.payers_on(1, 0, 1).remove(0));
    authority.fund(&here, FUNDS);
    let (gift, spends) = (here.body(&there.address, 300, 0), there.body(&here.address, 300, 0));
    let mut order = world.sign(&there, spends);
    order.header.kind = Kind::ChainedOrder as u8;
    authority.nodes[1].receive(bytes(&order));
    authority.nodes[0].ask(&world.certify(&gift)).receipt_for(&world.digest(&gift));
    assert!(!authority.nodes[1].shard.judge_held(NOW), "the credit is under way");
    authority.settle();
    assert!(authority.nodes[1].shard.judge_held(NOW));
    authority.nodes[1].finish_all();
    authority.nodes[1].collect()[0].1.vote_for(&world.digest(&spends));
}

#[test]
fn without_its_money_an_order_is_refused_when_its_time_is_over() {
    let mut scene = scene();
    let known = scene.wants();
    let unknown = scene.payers[7].body(&scene.payers[0].address, 1, 0);
    let asked = scene.node.receive(bytes(&scene.chained(1, known)));
    scene.node.receive(bytes(&scene.chained(7, unknown)));
    scene.wait(HELD_MS - 1);
    assert!(scene.turn().is_empty());
    scene.wait(1);
    let replies = scene.turn();
    assert_eq!(replies[0].0, asked);
    replies[0].1.assert_refused(Reject::InsufficientFunds.detail(FUNDS));
    replies[1].1.assert_refused(Reject::UnknownAccount);
    scene.assert_counts(2, 0, 0, 2, 0);
    assert_eq!(scene.node.shard.held_until(), None);
    // And may be asked for again.
    scene.node.receive(bytes(&scene.chained(1, known)));
    scene.assert_counts(3, 0, 0, 2, 0);
}

#[test]
fn money_that_is_too_little_does_not_end_the_wait() {
    let mut scene = scene();
    let wants = scene.wants();
    scene.node.receive(bytes(&scene.chained(1, wants)));
    scene.wait(200);
    scene.pay(&scene.gift(499, 0));
    assert!(scene.turn().is_empty());
    assert_eq!(scene.node.shard.held_until(), Some(TimeMs(NOW.0 + HELD_MS)), "its time goes on");
    scene.pay(&scene.gift(1, 1));
    scene.turn()[0].1.vote_for(&scene.world.digest(&wants));
}

#[test]
fn what_stands_in_the_way_besides_money_is_said_at_once() {
    let mut scene = scene();
    let wants = scene.wants();
    let refused = |body: OrderBody| bytes(&scene.chained(1, body)).to_vec();
    let ahead = refused(OrderBody { sequence: U64::new(1), ..wants });
    let zero = refused(OrderBody { amount: U64::new(0), ..wants });
    let mut astray = scene.chained(1, wants);
    astray.header.shard = quittance_net::frame::U16::new(1);
    scene.node.assert_refuses(&ahead, Reject::SequenceAhead);
    scene.node.assert_refuses(&zero, Reject::ZeroAmount);
    scene.node.assert_refuses(bytes(&astray), Reject::WrongShard);
    let pending = scene.payers[1].body(&scene.payers[0].address, 1, 0);
    let vote_first = scene.world.order(&scene.payers[1], pending);
    scene.node.ask(&vote_first);
    let conflicting = scene.chained(1, wants);
    scene.node.assert_refuses(bytes(&conflicting), Reject::Conflict.with_other(scene.world.digest(&pending)));
    scene.assert_counts(0, 0, 0, 0, 0);
}

#[test]
fn an_order_that_expires_while_it_waits_is_refused_for_that() {
    let mut scene = scene();
    let wants = OrderBody { expiry_ms: U64::new(NOW.0 + 100), ..scene.wants() };
    scene.node.receive(bytes(&scene.chained(1, wants)));
    scene.wait(100);
    scene.pay(&scene.gift(500, 0));
    scene.turn()[0].1.assert_refused(Reject::Expired);
}

#[test]
fn the_same_order_again_waits_once_and_the_last_to_ask_is_answered() {
    let mut scene = scene();
    let wants = scene.wants();
    let order = scene.chained(1, wants);
    scene.node.receive_all(&[bytes(&order); 5]);
    scene.assert_counts(1, 4, 0, 0, 0);
    scene.pay(&scene.gift(500, 0));
    let replies = scene.turn();
    assert_eq!((replies.len(), replies[0].0), (1, 4));
    replies[0].1.vote_for(&scene.world.digest(&wants));
}

#[test]
fn of_two_orders_for_one_sequence_that_wait_the_first_gets_the_one_vote() {
    let mut scene = scene();
    let rivals = [2, 3].map(|to| scene.payers[1].body(&scene.payers[to].address, RICH, 0));
    for rival in rivals {
        scene.node.receive(bytes(&scene.chained(1, rival)));
    }
    scene.pay(&scene.gift(500, 0));
    let replies = scene.turn();
    let first = scene.world.digest(&rivals[0]);
    let of = |request: usize| &replies.iter().find(|(number, _)| *number == request).unwrap().1;
    of(0).vote_for(&first);
    of(1).assert_refusal(Reject::Conflict.with_other(first), true);
    assert_eq!(scene.node.shard.counters().votes, 1);
}

#[test]
fn a_full_table_has_its_oldest_judged_at_once() {
    let tables = Tables { held_orders: 4, ..Tables::FULL };
    let mut scene = scene_with(Setup { tables, ..Setup::default() });
    let order = |scene: &Scene, payer: usize| {
        let body = scene.payers[payer].body(&scene.payers[0].address, 1, 0);
        bytes(&scene.chained(payer, body)).to_vec()
    };
    for payer in 10..14 {
        let order = order(&scene, payer);
        scene.node.receive(&order);
    }
    assert!(scene.node.collect().is_empty());
    let fifth = order(&scene, 14);
    scene.node.receive(&fifth);
    let replies = scene.node.collect();
    assert_eq!((replies.len(), replies[0].0), (1, 0));
    replies[0].1.assert_refused(Reject::UnknownAccount);
    scene.assert_counts(5, 0, 0, 0, 1);
    // One whose money has come and that was not looked at since is voted for all the same.
    let gift = scene.payers[0].body(&scene.payers[11].address, 1, 0);
    scene.pay(&gift);
    let sixth = order(&scene, 15);
    scene.node.receive(&sixth);
    scene.node.finish_all();
    let body = scene.payers[11].body(&scene.payers[0].address, 1, 0);
    scene.node.collect()[0].1.vote_for(&scene.world.digest(&body));
}

#[test]
fn a_sender_has_few_places_and_leaves_the_others_alone() {
    let mut scene = scene();
    let other = scene.payers[5].body(&scene.payers[0].address, 1, 0);
    scene.node.receive(bytes(&scene.chained(5, other)));
    for number in 0..=HELD_PER_SENDER_MAX {
        let user_data = [u8::try_from(number).unwrap(); 32];
        let body = OrderBody { user_data, ..scene.wants() };
        scene.node.receive(bytes(&scene.chained(1, body)));
    }
    let replies = scene.node.collect();
    assert_eq!((replies.len(), replies[0].0), (1, 1), "his own oldest gives way");
    scene.assert_counts(u64::try_from(HELD_PER_SENDER_MAX).unwrap() + 2, 0, 0, 0, 1);
}

#[test]
fn a_clock_that_is_set_back_keeps_no_order_waiting() {
    let mut scene = scene();
    scene.node.receive(bytes(&scene.chained(1, scene.wants())));
    scene.node.now = TimeMs(NOW.0 - 50);
    scene.turn()[0].1.assert_refused(Reject::InsufficientFunds.detail(FUNDS));
}

#[test]
fn orders_go_on_only_as_far_as_there_is_room() {
    // Room for one datagram beside a packet of certificates.
    let tables = Tables { jobs: 260, staged_orders: 260, root_checks: 260, ..Tables::FULL };
    let mut scene = scene_with(Setup { tables, ..Setup::default() });
    let gifts: Vec<_> = (0..3).map(|n| scene.payers[0].body(&scene.payers[10 + n].address, 1, n as u64)).collect();
    for payer in 10..13 {
        let body = scene.payers[payer].body(&scene.payers[0].address, 1, 0);
        scene.node.receive(bytes(&scene.chained(payer, body)));
    }
    for gift in &gifts {
        scene.pay(gift);
    }
    let mut rounds = 0;
    while scene.node.shard.judge_held(NOW) {
        assert_eq!(scene.node.shard.room(), 0);
        rounds += 1;
        scene.node.finish_all();
        assert_eq!(scene.node.collect().len(), 1);
    }
    assert_eq!((rounds, scene.node.shard.counters().votes), (3, 3));
}

/// An order in the name of payer 1 that it did not sign waits beside its own until the money comes. Who gets a vote: the
/// forger, the payer?
fn votes_of_forger_and_payer(planted: Planted) -> [bool; 2] {
    let mut scene = scene_with(Setup { planted, ..Setup::default() });
    let wants = scene.wants();
    let mut forged = scene.chained(1, wants);
    forged.signature[40] ^= 1;
    let requests = [&forged, &scene.chained(1, wants)].map(|order| scene.node.receive(bytes(order)));
    scene.pay(&scene.gift(500, 0));
    let replies = scene.turn();
    requests.map(|request| {
        let mut replies = replies.iter().filter(|(number, _)| *number == request);
        matches!(replies.next(), Some((_, Reply::Vote { .. })))
    })
}

#[test]
fn a_forged_order_is_found_when_its_money_comes_and_takes_nothing_from_the_good_one() {
    assert_eq!(votes_of_forger_and_payer(Planted::NOTHING), [false, true]);
    let planted = Planted::new(Mutant::HeldOrderSkipsChecks).unwrap();
    assert!(votes_of_forger_and_payer(planted)[0], "the planted bug is found");
}

fn is_answered_in_the_end(planted: Planted) -> bool {
    let mut scene = scene_with(Setup { planted, ..Setup::default() });
    scene.node.receive(bytes(&scene.chained(1, scene.wants())));
    scene.wait(100 * HELD_MS);
    scene.turn().len() == 1
}

#[test]
fn no_order_waits_for_ever() {
    assert!(is_answered_in_the_end(Planted::NOTHING));
    assert!(!is_answered_in_the_end(Planted::new(Mutant::HeldOrderKept).unwrap()), "the planted bug is found");
}

#[test]
fn a_chain_of_a_hundred_payments_ends_exact_and_each_hop_takes_one_round_trip() {
    let world = World::of(4);
    let payers = Payer::many(101);
    let mut node = Node::funded(&world, &payers[..1]);
    let mut certificate: Option<Vec<u8>> = None;
    for (hop, pair) in payers.windows(2).enumerate() {
        let body = pair[0].body(&pair[1].address, FUNDS, 0);
        let mut order = world.sign(&pair[0], body);
        order.header.kind = Kind::ChainedOrder as u8;
        // The order overtakes the certificate, every other time.
        let mut burst: Vec<Vec<u8>> = certificate.take().into_iter().chain([bytes(&order).to_vec()]).collect();
        if hop % 2 == 1 {
            burst.reverse();
        }
        node.receive_all(&burst);
        node.finish_all();
        node.shard.judge_held(NOW);
        node.finish_all();
        let votes = node.collect().into_iter().filter(|(_, reply)| matches!(reply, Reply::Vote { .. })).count();
        assert_eq!(votes, 1, "hop {hop}");
        certificate = Some(world.certify(&body));
    }
    node.ask(&certificate.unwrap());
    let balances: Vec<i128> = payers.iter().map(|payer| node.account(&payer.address).balance).collect();
    assert_eq!(balances[100], i128::from(FUNDS));
    assert!(balances[..100].iter().all(|balance| *balance == 0));
    let counters = node.shard.counters();
    assert_eq!((counters.orders, counters.certificates, counters.votes, counters.rejects.total()), (100, 100, 100, 0));
}
