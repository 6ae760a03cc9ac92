//! Full outboxes and full account tables: votes stop first, and nothing is lost.

use super::common::{Authority, FUNDS, Node, Payer, Setup, World};
use crate::credit::{Credit, CreditAck, ForeignAck};
use crate::limits::{CERTIFICATES_AHEAD_MAX, CREDITS_UNACKNOWLEDGED_MAX, account_reserve};
use crate::reject::Reject;
use crate::shard::FundError;
use crate::types::{Amount, ShardIndex};
use quittance_net::frame::{OrderBody, U64};

const RICH: u64 = 1_000_000;

/// Two shards; a rich payer on each, and others.
struct Pair {
    world: World,
    authority: Authority,
    here: Vec<Payer>,
    there: Vec<Payer>,
}

fn pair(spare_count: usize) -> Pair {
    let world = World::of(4).with_shards(2);
    let mut authority = Authority::new(&world, spare_count);
    let (here, there) = (world.payers_on(0, 0, 10), world.payers_on(1, 0, 10));
    authority.fund(&here[0], RICH);
    authority.fund(&there[0], RICH);
    Pair { world, authority, here, there }
}

impl Pair {
    fn confirm(&mut self, body: &OrderBody) {
        let (certificate, digest) = (self.world.certify(body), self.world.digest(body));
        self.authority.nodes[0].ask(&certificate).receipt_for(&digest);
    }

    #[track_caller]
    fn assert_votes(&mut self, body: &OrderBody) {
        let (order, digest) = (self.world.order(&self.here[0], *body), self.world.digest(body));
        self.authority.nodes[0].ask(&order).vote_for(&digest);
    }

    /// Neither voted for nor applied.
    #[track_caller]
    fn assert_refuses(&mut self, body: &OrderBody, code: Reject) {
        let node = &mut self.authority.nodes[0];
        node.assert_refuses(&self.world.order(&self.here[0], *body), code);
        node.assert_refuses(&self.world.certify(body), code);
    }

    /// Fills the outbox of shard 0 towards shard 1. Gives the payer's next sequence number.
    fn fill_outbox(&mut self) -> u64 {
        let count = CREDITS_UNACKNOWLEDGED_MAX as u64;
        let bodies: Vec<_> = (0..count).map(|n| self.here[0].body(&self.there[0].address, 1, n)).collect();
        let certificates = self.world.certify_all(&bodies);
        let burst = usize::try_from(CERTIFICATES_AHEAD_MAX).unwrap();
        for (burst, bodies) in certificates.chunks(burst).zip(bodies.chunks(burst)) {
            for (reply, body) in self.authority.nodes[0].ask_all(burst).iter().zip(bodies) {
                reply.receipt_for(&self.world.digest(body));
            }
        }
        assert_eq!(self.authority.nodes[0].shard.amount_under_way(), u128::from(count));
        count
    }
}

#[test]
fn a_full_outbox_stops_what_needs_it_until_one_credit_is_acknowledged() {
    let mut pair = pair(64);
    let sequence = pair.fill_outbox();
    let across = pair.here[0].body(&pair.there[0].address, 5, sequence);
    pair.assert_refuses(&across, Reject::Busy);
    let credit = pair.authority.hand_over(0, 1).unwrap();
    pair.authority.deliver(0, 1, &credit);
    pair.assert_refuses(&across, Reject::Busy);
    let ack = pair.authority.ack(0, 1);
    assert_eq!(ack, CreditAck { number: 1, has_room: true });
    pair.authority.acknowledge(0, 1, ack);
    pair.assert_votes(&across);
    pair.confirm(&across);
    let more = pair.here[0].body(&pair.there[0].address, 5, sequence + 1);
    pair.assert_refuses(&more, Reject::Busy);
    let local = pair.here[0].body(&pair.here[1].address, 5, sequence + 1);
    pair.assert_votes(&local);
    pair.confirm(&local);
    pair.authority.settle();
    let earned = i128::from(sequence) + 5;
    assert_eq!(pair.authority.nodes[1].account(&pair.there[0].address).balance, i128::from(RICH) + earned);
    assert_eq!(pair.authority.supply(), i128::from(2 * RICH));
}

#[test]
fn a_certified_order_settles_on_both_shards_long_after_its_time_is_over() {
    let mut pair = pair(64);
    let body = OrderBody { expiry_ms: U64::new(1), ..pair.here[0].body(&pair.there[0].address, 5, 0) };
    let order = pair.world.order(&pair.here[0], body);
    pair.authority.nodes[0].assert_refuses(&order, Reject::Expired);
    pair.confirm(&body);
    pair.authority.settle();
    assert_eq!(pair.authority.nodes[1].account(&pair.there[0].address).balance, i128::from(RICH) + 5);
    assert_eq!(pair.authority.supply(), i128::from(2 * RICH));
}

#[test]
fn certificates_of_one_burst_beyond_the_outbox_are_refused_and_apply_later() {
    let mut pair = pair(64);
    let sequence = pair.fill_outbox();
    let credit = pair.authority.hand_over(0, 1).unwrap();
    pair.authority.deliver(0, 1, &credit);
    let ack = pair.authority.ack(0, 1);
    pair.authority.acknowledge(0, 1, ack);
    // Room for one; both are admitted to the same check.
    let bodies = [sequence, sequence + 1].map(|n| pair.here[0].body(&pair.there[0].address, 2, n));
    let certificates = pair.world.certify_all(&bodies);
    let replies = pair.authority.nodes[0].ask_all(&certificates);
    replies[0].receipt_for(&pair.world.digest(&bodies[0]));
    replies[1].assert_refused(Reject::Busy);
    pair.authority.settle();
    pair.authority.nodes[0].ask(&certificates[1]).receipt_for(&pair.world.digest(&bodies[1]));
    pair.authority.settle();
    assert_eq!(pair.authority.supply(), i128::from(2 * RICH));
}

#[test]
fn an_outbox_that_fills_before_the_verdict_refuses_the_order_with_a_proof() {
    let mut pair = pair(64);
    let other = pair.here.remove(1);
    pair.authority.fund(&other, FUNDS);
    let order = other.body(&pair.there[0].address, 1, 0);
    pair.authority.nodes[0].receive(&pair.world.order(&other, order));
    let late = pair.authority.nodes[0].take_batch();
    pair.fill_outbox();
    pair.authority.nodes[0].finish(late);
    pair.authority.nodes[0].collect()[0].1.assert_refusal(Reject::Busy, true);
    assert_eq!(pair.authority.nodes[0].account(&other.address).pending, [0; 32]);
}

#[test]
fn a_shard_without_room_is_paid_no_more_and_what_is_under_way_arrives() {
    let mut pair = pair(64);
    let bodies: Vec<_> = (0..3).map(|n| pair.here[0].body(&pair.there[5].address, 7, n)).collect();
    bodies.iter().for_each(|body| pair.confirm(body));
    let first = pair.authority.hand_over(0, 1).unwrap();
    pair.authority.deliver(0, 1, &first);
    let ack = pair.authority.ack(0, 1);
    pair.authority.acknowledge(0, 1, CreditAck { has_room: false, ..ack });
    let across = pair.here[0].body(&pair.there[0].address, 1, 3);
    pair.assert_refuses(&across, Reject::NoRoom);
    let mut redemption = across;
    redemption.recipient_kind = quittance_net::frame::RECIPIENT_PRIMARY;
    pair.assert_votes(&redemption);
    pair.authority.settle();
    assert_eq!(pair.authority.nodes[1].account(&pair.there[5].address).balance, 21);
    assert_eq!(pair.authority.supply(), i128::from(2 * RICH));
}

#[test]
fn the_reserve_is_kept_from_own_payments_and_takes_every_credit_under_way() {
    // The rich payer's slot and two more; the rest is reserve.
    let mut pair = pair(3);
    for (sequence, recipient) in [(0, 1), (1, 2)] {
        let body = pair.here[0].body(&pair.here[recipient].address, 5, sequence);
        assert!(pair.authority.ack(1, 0).has_room);
        pair.confirm(&body);
    }
    assert!(!pair.authority.ack(1, 0).has_room, "nothing but the reserve is left");
    let to_new = pair.here[0].body(&pair.here[3].address, 5, 2);
    pair.assert_refuses(&to_new, Reject::NoRoom);
    let to_known = pair.here[0].body(&pair.here[1].address, 5, 2);
    pair.assert_votes(&to_known);
    pair.confirm(&to_known);
    // A sender who is not here would need a slot of the reserve, too.
    let stranger = pair.here[7].body(&pair.here[1].address, 1, 0);
    pair.authority.nodes[0].assert_refuses(&pair.world.certify(&stranger), Reject::NoRoom);
    // The other shard had not heard: a whole outbox arrives, each credit for a new account.
    for number in 1..=CREDITS_UNACKNOWLEDGED_MAX as u64 {
        let mut recipient = [0x33; 32];
        recipient[..8].copy_from_slice(&number.to_le_bytes());
        pair.authority.deliver(
            1,
            0,
            &Credit {
                number,
                recipient,
                amount: Amount(1),
                sender: [9; 32],
                sequence: crate::types::Sequence(0),
                position: 0,
            },
        );
    }
    assert_eq!(pair.authority.nodes[0].accounts().len(), 3 + CREDITS_UNACKNOWLEDGED_MAX);
}

#[test]
fn a_new_sender_and_a_new_recipient_need_two_slots() {
    let mut pair = pair(3);
    let body = pair.here[1].body(&pair.here[2].address, 5, 0);
    pair.confirm(&body);
    let mut full = self::pair(2);
    full.authority.nodes[0].assert_refuses(&full.world.certify(&body), Reject::NoRoom);
}

#[test]
fn a_single_shard_fills_to_its_last_slot() {
    let world = World::of(4);
    let mut authority = Authority::new(&world, 3);
    let payers = Payer::many(5);
    authority.fund(&payers[0], FUNDS);
    let node = &mut authority.nodes[0];
    for sequence in 0..2 {
        let to = payers[usize::try_from(sequence).unwrap() + 1].address;
        let body = payers[0].body(&to, 1, sequence);
        node.ask(&world.certify(&body)).receipt_for(&world.digest(&body));
    }
    let body = payers[0].body(&payers[4].address, 1, 2);
    node.assert_refuses(&world.order(&payers[0], body), Reject::NoRoom);
    node.assert_refuses(&world.certify(&body), Reject::NoRoom);
    assert_eq!(node.shard.fund(&payers[4].address, Amount(1)), Err(FundError::Full));
    assert_eq!(node.shard.fund(&payers[0].address, Amount(1)), Err(FundError::Repeated));
    assert_eq!(node.account(&payers[0].address).balance, i128::from(FUNDS) - 2);
}

#[test]
fn opening_balances_leave_the_reserve_for_credits() {
    let mut pair = pair(3);
    pair.authority.fund(&pair.here[1], 1);
    pair.authority.fund(&pair.here[2], 1);
    let shard = &mut pair.authority.nodes[0].shard;
    assert_eq!(shard.fund(&pair.here[3].address, Amount(1)), Err(FundError::Full));
    assert_eq!(shard.accounts().count(), 3);
}

#[test]
#[should_panic(expected = "the shell adds the reserve")]
fn a_table_without_the_reserve_is_our_fault() {
    let world = World::of(4).with_shards(2);
    let setup = Setup { account_count_max: account_reserve(2), ..Setup::default() };
    drop(Node::new(&world, setup));
}

#[test]
fn an_acknowledgement_of_a_credit_never_made_is_noticed() {
    let mut pair = pair(64);
    let body = pair.here[0].body(&pair.there[0].address, 7, 0);
    pair.confirm(&body);
    let ack = CreditAck { number: 2, has_room: true };
    let answer = pair.authority.nodes[0].shard.receive_ack(ShardIndex(1), ack);
    assert_eq!(answer, Err(ForeignAck { number: 2, last_number: 1 }));
    assert_eq!(pair.authority.nodes[0].shard.amount_under_way(), 7);
}
