//! How long questions are waited for.

use super::{Mood, World};
use crate::client::face::{Event, Inquiry};
use crate::client::tests::wallet::PATIENCE;

fn inquired(world: &World) -> Option<&Inquiry> {
    world.wallets[0].events.iter().find_map(|event| match event {
        Event::Inquired { inquiry, .. } => Some(inquiry),
        _ => None,
    })
}

#[test]
fn answers_that_trickle_in_do_not_make_an_inquiry_longer() {
    let mut world = World::four(30).with_wallets(&[0]);
    (1..4).for_each(|authority| world.set_mood(authority, Mood::Deaf));
    let (began_ns, account) = (world.now_ns, world.wallets[0].address);
    world.wallets[0].client.inquire(began_ns, &account).unwrap();
    world.run_until(|world| world.now_ns >= PATIENCE.give_up_ns / 2);
    world.set_mood(1, Mood::Honest);
    world.run();
    let inquiry = inquired(&world).expect("an inquiry ends");
    assert_eq!(inquiry.answers.iter().flatten().count(), 2, "the second answer came late");
    assert_eq!(world.now_ns - began_ns, PATIENCE.give_up_ns);
}

#[test]
fn when_all_have_answered_nothing_is_waited_for_and_one_silent_authority_costs_one_moment() {
    let mut world = World::four(31).with_wallets(&[0]);
    let account = world.wallets[0].address;
    for (mood, time_ns) in [(Mood::Honest, 2_000_000), (Mood::Deaf, 2_000_000 + PATIENCE.resend_first_ns)] {
        world.set_mood(3, mood);
        let began_ns = world.now_ns;
        world.wallets[0].events.clear();
        world.wallets[0].client.inquire(began_ns, &account).unwrap();
        world.run_until(|world| inquired(world).is_some());
        assert_eq!(world.now_ns - began_ns, time_ns, "{mood:?}");
        world.run();
    }
}
