//! Planted bugs: each is found by the rules that the other tests hold clients to.

use super::{Mood, Wallet, World};
use crate::mutant::Mutant;

/// The rules that a client with this bug breaks, in some payments over a bad network.
fn broken(mutant: Mutant, mood: Mood) -> Vec<String> {
    let mut violations = Vec::new();
    for seed in 0..10 {
        let mut world = World::four(seed).with_wallets(&[0, 1]);
        world.wallets[0].plant(mutant);
        world.loss_percent = 20;
        world.set_mood(3, mood);
        let payment = Wallet::payment(world.wallets[1].address, 10, Vec::new());
        world.wallets[0].pay(world.now_ns, payment).unwrap();
        world.run_turns(500);
        violations.extend(world.violations());
    }
    violations
}

fn tells(violations: &[String], text: &str) -> bool {
    violations.iter().any(|violation| violation.contains(text))
}

#[test]
fn datagrams_that_leave_before_their_records_are_found() {
    assert!(tells(&broken(Mutant::SentBeforeRecorded, Mood::Honest), "before it was written"));
}

#[test]
fn a_quorum_that_is_one_short_is_found() {
    let violations = broken(Mutant::QuorumOneShort, Mood::Honest);
    assert!(tells(&violations, "a certificate that proves nothing left: its votes weigh 2"));
}

#[test]
fn a_receipt_that_counts_twice_is_found() {
    assert!(tells(&broken(Mutant::ReceiptCountedTwice, Mood::Deaf), "called final with receipts of weight"));
}

#[test]
fn a_vote_that_nobody_checked_is_found() {
    assert!(tells(&broken(Mutant::VoteUnchecked, Mood::Lying), "a certificate that proves nothing left"));
}

#[test]
#[should_panic(expected = "the client makes records that fit its book")]
fn an_order_in_the_place_of_a_pending_one_is_stopped_by_the_book() {
    let mut world = World::four(1).with_wallets(&[0, 1]);
    world.wallets[0].plant(Mutant::PendingReplaced);
    [0, 1, 2].into_iter().for_each(|authority| world.set_mood(authority, Mood::Deaf));
    world.settle(0, 1, 10);
    let batch_count = world.wallets[0].batches.len();
    world.wallets[0].crash(batch_count);
    let payment = Wallet::payment(world.wallets[1].address, 11, Vec::new());
    _ = world.wallets[0].pay(world.now_ns, payment);
}

#[test]
fn without_a_bug_no_rule_is_broken_by_the_same_runs() {
    for mood in [Mood::Honest, Mood::Deaf, Mood::Lying] {
        for seed in 0..10 {
            let mut world = World::four(seed).with_wallets(&[0, 1]);
            world.loss_percent = 20;
            world.set_mood(3, mood);
            world.settle(0, 1, 10);
            world.assert_sound();
        }
    }
}
