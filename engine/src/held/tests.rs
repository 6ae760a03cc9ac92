use super::*;
use quittance_net::frame::{Header, Kind, OrderBody, U64};
use std::collections::VecDeque;

const NOW: TimeMs = TimeMs(5_000);

fn order(sender: u8, number: u8) -> Order {
    let body = OrderBody {
        sender: [sender; 32],
        recipient: [0; 32],
        user_data: [number; 32],
        amount: U64::new(1),
        sequence: U64::new(0),
        expiry_ms: U64::new(0),
        recipient_kind: 0,
        padding: [0; 7],
    };
    Order { header: Header::new(Kind::ChainedOrder, 0, 0), body, signature: [number; 64], r_hint: [0; 32] }
}

fn peer(port: u16) -> Peer {
    Peer::from(([10, 0, 0, 1], port))
}

fn name(order: &Order) -> (u8, u8) {
    (order.body.sender[0], order.signature[0])
}

fn due(held: &mut Held) -> Vec<(u8, u8)> {
    core::iter::from_fn(|| held.take_due().map(|key| name(&held.get(key).order))).collect()
}

#[test]
fn orders_of_one_sender_come_due_with_his_money_first_come_first() {
    let mut held = Held::new(8, [1; 16]);
    for (sender, number) in [(1, 1), (2, 1), (1, 2), (3, 1)] {
        assert!(matches!(held.hold(NOW, peer(1), &order(sender, number)), Holding::Begun));
    }
    held.credit(&[9; 32]);
    assert_eq!((due(&mut held), held.until()), (vec![], Some(TimeMs(NOW.0 + HELD_MS))));
    held.credit(&[1; 32]);
    held.credit(&[1; 32]);
    assert_eq!(held.until(), Some(TimeMs(0)));
    assert_eq!(due(&mut held), [(1, 1), (1, 2)], "each once, however often its sender is credited");
    held.credit(&[1; 32]);
    assert_eq!(due(&mut held), [(1, 1), (1, 2)], "again with the next credit: they wait still");
}

#[test]
fn an_order_that_comes_again_keeps_its_place_and_another_signature_is_another_order() {
    let mut held = Held::new(8, [1; 16]);
    held.hold(NOW, peer(1), &order(1, 1));
    assert!(matches!(held.hold(TimeMs(NOW.0 + 9), peer(2), &order(1, 1)), Holding::Repeated));
    let mut forged = order(1, 1);
    forged.signature[9] ^= 1;
    assert!(matches!(held.hold(NOW, peer(3), &forged), Holding::Begun));
    let mut hinted = order(1, 1);
    hinted.r_hint = [3; 32];
    assert!(matches!(held.hold(NOW, peer(4), &hinted), Holding::Begun));
    let first = held.first_over(TimeMs(NOW.0 + HELD_MS)).unwrap();
    assert_eq!((held.get(first).peer, held.count()), (peer(2), 3));
}

#[test]
fn time_is_over_after_so_long_and_when_a_clock_is_set_back() {
    let mut held = Held::new(8, [1; 16]);
    held.hold(NOW, peer(1), &order(1, 1));
    for (now, is_over) in [(0, false), (HELD_MS - 1, false), (HELD_MS, true), (u64::MAX - NOW.0, true)] {
        assert_eq!(held.first_over(TimeMs(NOW.0 + now)).is_some(), is_over, "{now}");
    }
    assert!(held.first_over(TimeMs(NOW.0 - 1)).is_some());
    assert_eq!(Held::new(8, [1; 16]).first_over(NOW), None);
}

#[test]
fn the_oldest_gives_way_to_others_and_his_own_oldest_to_a_sender_with_many() {
    let mut held = Held::new(HELD_PER_SENDER_MAX + 2, [1; 16]);
    held.hold(NOW, peer(1), &order(7, 0));
    for number in 0..8 {
        held.hold(NOW, peer(1), &order(1, number));
    }
    let yields = |holding: Holding| match holding {
        Holding::InPlaceOf(oldest) => name(&oldest.order),
        other => panic!("{other:?}"),
    };
    assert_eq!(yields(held.hold(NOW, peer(1), &order(1, 8))), (1, 0), "one place is free, and not for him");
    held.hold(NOW, peer(1), &order(2, 0));
    assert_eq!(yields(held.hold(NOW, peer(1), &order(3, 0))), (7, 0));
    assert_eq!(yields(held.hold(NOW, peer(1), &order(4, 0))), (1, 1));
    assert_eq!(held.count(), HELD_PER_SENDER_MAX + 2);
}

/// Held against a list that is searched from end to end.
#[test]
fn whatever_comes_and_goes_the_table_is_a_list_and_takes_no_more_memory() {
    let mut numbers = (0_u64..).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ number);
    let mut below = |bound: u64| u8::try_from((numbers.next().unwrap() >> 7) % bound).unwrap();
    let (mut held, mut list) = (Held::new(12, [4; 16]), VecDeque::<(u8, u8)>::new());
    let capacity = held.by_sender.capacity();
    for round in 0..30_000 {
        match below(4) {
            0 | 1 => {
                let (sender, number) = (below(40) / 3, below(30));
                let yields = match held.hold(NOW, peer(1), &order(sender, number)) {
                    Holding::Repeated => {
                        assert!(list.contains(&(sender, number)));
                        continue;
                    }
                    Holding::Begun => None,
                    Holding::InPlaceOf(oldest) => Some(name(&oldest.order)),
                };
                let own: Vec<_> = list.iter().copied().filter(|(other, _)| *other == sender).collect();
                let expected =
                    if own.len() == 8 { Some(own[0]) } else { list.front().copied().filter(|_| list.len() == 12) };
                assert_eq!(yields, expected, "round {round}");
                list.retain(|name| Some(*name) != yields);
                list.push_back((sender, number));
            }
            2 => {
                let sender = below(40) / 3;
                held.credit(&[sender; 32]);
                let expected: Vec<_> = list.iter().copied().filter(|(other, _)| *other == sender).collect();
                let is_removed = below(2) == 0;
                for name_expected in expected {
                    let key = held.take_due().unwrap();
                    assert_eq!(name(&held.get(key).order), name_expected, "round {round}");
                    if is_removed {
                        held.remove(key);
                        list.retain(|name| *name != name_expected);
                    }
                }
                assert_eq!(held.take_due(), None);
            }
            _ if below(4) == 0 => {
                let first = held.first_over(TimeMs(u64::MAX));
                assert_eq!(first.map(|key| name(&held.remove(key).order)), list.pop_front(), "round {round}");
            }
            _ => {}
        }
        assert_eq!((held.count(), held.by_sender.capacity()), (list.len(), capacity), "round {round}");
    }
}
