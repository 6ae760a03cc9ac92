//! Datagrams lost, repeated and reordered.

use super::{FUNDS, World};

#[test]
fn payments_settle_whatever_the_network_does_to_datagrams_under_two_hundred_seeds() {
    for seed in 0..200 {
        let mut world = World::four(seed).with_wallets(&[0, 1]);
        world.loss_percent = 10;
        for amount in 1..=3 {
            world.settle(0, 1, amount);
            assert!(world.wallets[0].has_settled(amount - 1), "seed {seed}");
        }
        let authority = u8::try_from(seed % 4).unwrap();
        world.empty(authority);
        world.settle(0, 1, 4);
        assert!(world.wallets[0].has_settled(3), "seed {seed}");
        let address = world.wallets[0].address;
        let state = world.agreed(&[0, 1, 2, 3], &address).expect("the account is everywhere");
        assert_eq!((state.balance, state.next_sequence), (i128::from(FUNDS) - 10, 4), "seed {seed}");
        world.assert_sound();
    }
}
