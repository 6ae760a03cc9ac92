//! The power goes at any moment: what was begun is finished once.

use super::{FUNDS, World};

/// Pays, and crashes after so many turns; then goes on from what is on the disk. Returns whether the payment was over by then.
fn crash_after(turn_count: usize) -> bool {
    let mut world = World::four(9).with_wallets(&[0, 1]);
    let (payer, payee) = (world.wallets[0].address, world.wallets[1].address);
    let payment = super::Wallet::payment(payee, 10, Vec::new());
    world.wallets[0].pay(world.now_ns, payment).unwrap();
    let is_over = (0..turn_count).any(|_| {
        world.post();
        !world.turn()
    });
    let batch_count = world.wallets[0].batches.len();
    world.wallets[0].crash(batch_count);
    let now_ns = world.now_ns;
    match world.wallets[0].client.resume(now_ns, &payer) {
        Ok(_) => world.run(),
        // Either nothing had been written, and so nothing was sent, or all was done.
        Err(_) if world.wallets[0].own().sent().is_empty() => {
            assert!(turn_count == 0, "an order that was sent is on the disk");
            world.settle(0, 1, 10);
        }
        Err(_) => assert!(world.wallets[0].has_settled(0)),
    }
    assert!(world.wallets[0].has_settled(0), "after {turn_count} turns");
    let state = world.agreed(&[0, 1, 2, 3], &payer).map(|state| (state.balance, state.next_sequence));
    assert_eq!(state, Some((i128::from(FUNDS) - 10, 1)), "after {turn_count} turns");
    assert_eq!(world.agreed(&[0, 1, 2, 3], &payee).unwrap().balance, i128::from(FUNDS) + 10);
    world.assert_sound();
    is_over
}

#[test]
fn a_payment_resumed_after_a_crash_at_any_step_settles_exactly_once() {
    let step_count = (0..1_000).find(|turn_count| crash_after(*turn_count)).expect("a payment ends");
    assert!(step_count > 16, "four authorities are asked twice and answer");
}

#[test]
fn from_any_prefix_of_its_records_a_wallet_finishes_what_it_began() {
    let run = || {
        let mut world = World::four(10).with_wallets(&[0, 1]);
        world.settle(0, 1, 10);
        world
    };
    let batch_count = run().wallets[0].batches.len();
    // The first one holds the account.
    for kept in 1..=batch_count {
        let mut world = run();
        world.wallets[0].crash(kept);
        let (now_ns, payer) = (world.now_ns, world.wallets[0].address);
        let is_pending = world.wallets[0].client.resume(now_ns, &payer).is_ok();
        world.run();
        assert_eq!(is_pending, kept > 1 && kept < batch_count, "{kept} of {batch_count}");
        assert_eq!(world.wallets[0].has_settled(0), kept > 1);
        assert_eq!(world.agreed(&[0, 1, 2, 3], &payer).unwrap().next_sequence, 1);
        world.assert_sound();
    }
}
