//! Every way in which a datagram can fail to be a frame, and the cause named for it.

use super::shapes::{Purpose, Random, Shape, samples, swept};
use crate::frame::{
    FRAME_BYTES_MAX, HISTORY_ITEMS_MAX, HISTORY_QUERY_BYTES, Header, Kind, Malformed, PATH_LEVELS_MAX, VERSION,
    VOTES_MAX, parse,
};

const HEADER_BYTES: usize = size_of::<Header>();

/// The cause for which it is refused, or `None` if it is a frame.
fn refusal(datagram: &[u8]) -> Option<Malformed> {
    parse(datagram).err()
}

/// Every sample with every byte that serves the purpose.
fn each_byte(wanted: Purpose, mut each: impl FnMut(&Shape, &mut [u8], usize)) {
    let mut count = 0;
    for (shape, frame) in samples() {
        let places = shape.purposes().into_iter().enumerate().filter(|(_, purpose)| *purpose == wanted);
        for (at, _) in swept(places) {
            each(&shape, &mut frame.clone(), at);
            count += 1;
        }
    }
    assert!(count > 0, "no sample has a {wanted:?}");
}

#[test]
fn every_sample_is_a_frame_of_its_kind() {
    for (shape, frame) in samples() {
        assert_eq!(frame.len(), shape.purposes().len(), "{shape:?}");
        assert_eq!((refusal(&frame), frame[5]), (None, shape.kind() as u8), "{shape:?}");
    }
    let shapes = samples().into_iter().map(|(shape, _)| shape);
    assert!(Kind::ALL.into_iter().all(|kind| shapes.clone().any(|shape| shape.kind() == kind)));
}

#[test]
fn a_frame_cut_anywhere_is_refused_for_its_length() {
    for (shape, frame) in samples() {
        let shortest = if shape.takes_zeros() { HISTORY_QUERY_BYTES } else { frame.len() };
        for length in swept(0..shortest) {
            let cause = if length < HEADER_BYTES { Malformed::Short } else { Malformed::Length };
            assert_eq!(refusal(&frame[..length]), Some(cause), "{shape:?} cut to {length}");
        }
    }
}

#[test]
fn a_history_query_may_have_zeros_behind_it_and_nothing_else_up_to_the_longest_datagram() {
    let mut random = Random(6);
    let short = Shape::HistoryQuery(0).frame(&mut random);
    for length in swept(short.len()..=FRAME_BYTES_MAX + 1) {
        let mut frame = short.clone();
        frame.resize(length, 0);
        assert_eq!(refusal(&frame), (length > FRAME_BYTES_MAX).then_some(Malformed::Length), "{length}");
        if (short.len() + 1..=FRAME_BYTES_MAX).contains(&length) {
            frame[length - 1] = 1;
            assert_eq!(refusal(&frame), Some(Malformed::Padding), "{length}");
        }
    }
}

#[test]
fn a_frame_with_anything_behind_it_is_refused_for_its_length() {
    let mut random = Random(2);
    for (shape, frame) in samples().into_iter().filter(|(shape, _)| !shape.takes_zeros()) {
        for extra in swept(1..=64) {
            let mut longer = frame.clone();
            longer.resize(frame.len() + extra, 0);
            assert_eq!(refusal(&longer), Some(Malformed::Length), "{shape:?} and {extra} zeros");
            random.fill(&mut longer[frame.len()..]);
            assert_eq!(refusal(&longer), Some(Malformed::Length), "{shape:?} and {extra} random bytes");
        }
    }
}

#[test]
fn a_certificate_longer_than_a_frame_may_be_is_refused_for_its_length() {
    let mut random = Random(3);
    // 72 per vote and 32 per level: 160 + 8 x 72 + 23 x 32 = 1,472, and 160 + 5 x 72 + 30 x 32 = 1,480.
    let longest = Shape::Certificate(vec![3, 3, 3, 3, 3, 3, 3, 2]).frame(&mut random);
    assert_eq!((longest.len(), refusal(&longest)), (FRAME_BYTES_MAX, None));
    let longer = Shape::Certificate(vec![6; 5]).frame(&mut random);
    assert_eq!((longer.len(), refusal(&longer)), (FRAME_BYTES_MAX + 8, Some(Malformed::Length)));
    let far_longer = Shape::Certificate(vec![6; VOTES_MAX]).frame(&mut random);
    assert_eq!(refusal(&far_longer), Some(Malformed::Length));
}

#[test]
fn every_other_magic_byte_is_refused() {
    for place in 0..4 {
        each_byte(Purpose::Magic(place), |shape, frame, at| {
            let right = frame[at];
            for wrong in swept((0..=u8::MAX).filter(|byte| *byte != right)) {
                frame[at] = wrong;
                assert_eq!(refusal(frame), Some(Malformed::Magic), "{shape:?}, {wrong:#04x} at {at}");
            }
        });
    }
}

#[test]
fn every_other_version_is_refused() {
    each_byte(Purpose::Version, |shape, frame, at| {
        for wrong in swept((0..=u8::MAX).filter(|byte| *byte != VERSION)) {
            frame[at] = wrong;
            assert_eq!(refusal(frame), Some(Malformed::Version), "{shape:?}, {wrong:#04x}");
        }
    });
}

#[test]
fn every_unknown_kind_is_refused() {
    each_byte(Purpose::Kind, |shape, frame, at| {
        let known = Kind::ALL.map(|kind| kind as u8);
        for wrong in swept((0..=u8::MAX).filter(|byte| !known.contains(byte))) {
            frame[at] = wrong;
            assert_eq!(refusal(frame), Some(Malformed::Kind), "{shape:?}, {wrong:#04x}");
        }
    });
}

#[test]
fn causes_are_found_in_the_order_listed() {
    for (shape, right) in samples() {
        let purposes = shape.purposes();
        let place = |wanted| purposes[..shape.head_bytes()].iter().position(|purpose| *purpose == wanted);
        let counted =
            [Purpose::RecipientKind, Purpose::PathCount, Purpose::Proven, Purpose::What].into_iter().find_map(place);
        let padding = place(Purpose::Padding).expect("every fixed part has padding");

        let mut frame = right.clone();
        for at in [0, 4, 5, padding].into_iter().chain(counted) {
            frame[at] = 0xff;
        }
        assert_eq!(refusal(&frame[..HEADER_BYTES - 1]), Some(Malformed::Short), "{shape:?}");
        let cut = shape.head_bytes() - 1;
        for (at, cause) in [(0, Malformed::Magic), (4, Malformed::Version), (5, Malformed::Kind)] {
            assert_eq!(refusal(&frame[..cut]), Some(cause), "{shape:?}");
            frame[at] = right[at];
        }
        assert_eq!(refusal(&frame[..cut]), Some(Malformed::Length), "{shape:?}");
        assert_eq!(refusal(&frame), Some(Malformed::Padding), "{shape:?}");
        frame[padding] = right[padding];
        assert_eq!(refusal(&frame), counted.map(|_| Malformed::Field), "{shape:?}");
    }
}

#[test]
fn the_parts_of_a_certificate_are_checked_from_the_front_and_its_end_last() {
    let shape = Shape::Certificate(vec![2, 1]);
    let mut frame = shape.frame(&mut Random(4));
    let purposes = shape.purposes();
    let places = |wanted| purposes.iter().enumerate().filter(move |(_, purpose)| **purpose == wanted).map(|(at, _)| at);
    let second_vote = places(Purpose::Padding).next_back().unwrap();
    let first_vote = places(Purpose::PathCount).next().unwrap();
    frame.push(0);
    assert_eq!(refusal(&frame), Some(Malformed::Length));
    frame[second_vote] = 1;
    assert_eq!(refusal(&frame), Some(Malformed::Padding));
    frame[first_vote] = 0xff;
    assert_eq!(refusal(&frame), Some(Malformed::Field));
}

#[test]
fn a_bit_set_in_any_padding_byte_is_refused_as_padding() {
    each_byte(Purpose::Padding, |shape, frame, at| {
        for bit in swept(0..8) {
            frame[at] = 1 << bit;
            assert_eq!(refusal(frame), Some(Malformed::Padding), "{shape:?}, bit {bit} at {at}");
        }
    });
}

fn is_order(byte: u8) -> bool {
    [Kind::Order, Kind::ChainedOrder].map(|kind| kind as u8).contains(&byte)
}

/// What is to become of a frame one bit of which was flipped, outside its padding.
fn assert_outcome_of_flip(shape: &Shape, purpose: Purpose, byte: u8, found: Option<Malformed>, place: &str) {
    let in_range = |most: usize| if usize::from(byte) <= most { Malformed::Length } else { Malformed::Field };
    let expected = match purpose {
        Purpose::Magic(_) => Some(Malformed::Magic),
        Purpose::Version => Some(Malformed::Version),
        Purpose::Kind if Kind::from_byte(byte).is_none() => Some(Malformed::Kind),
        // The kind says whether to wait for the money, and is not signed: nothing else depends on it.
        Purpose::Kind if is_order(byte) && is_order(shape.kind() as u8) => None,
        // A frame's bytes read as another kind, or a certificate's votes read from another place on: some cause is
        // found, which one depends on the free bytes that now lie where padding should be.
        Purpose::Kind => return assert!(found.is_some(), "{place}"),
        Purpose::PathCount if in_range(PATH_LEVELS_MAX) == Malformed::Length && shape.kind() == Kind::Certificate => {
            return assert!(found.is_some(), "{place}");
        }
        Purpose::PathCount => Some(in_range(PATH_LEVELS_MAX)),
        Purpose::VoteCount if byte == 0 => Some(Malformed::Field),
        Purpose::VoteCount => Some(in_range(VOTES_MAX)),
        Purpose::Proven => Some(in_range(1)),
        Purpose::ItemCount => Some(in_range(HISTORY_ITEMS_MAX)),
        Purpose::What if !(1..=3).contains(&byte) => Some(Malformed::Field),
        Purpose::ItemFlags if byte > 3 => Some(Malformed::Field),
        Purpose::What | Purpose::ItemFlags => None,
        Purpose::RecipientKind if byte > 1 => Some(Malformed::Field),
        Purpose::RecipientKind | Purpose::Free => None,
        Purpose::Padding => unreachable!("left out"),
    };
    assert_eq!(found, expected, "{place}");
}

#[test]
fn no_bit_outside_padding_is_taken_for_padding() {
    for (shape, right) in samples() {
        let places = shape.purposes().into_iter().enumerate().filter(|(_, it)| *it != Purpose::Padding);
        for (at, purpose) in swept(places) {
            for bit in swept(0..8) {
                let mut frame = right.clone();
                frame[at] ^= 1 << bit;
                let place = format!("{shape:?}, bit {bit} at {at}, {purpose:?}");
                assert_outcome_of_flip(&shape, purpose, frame[at], refusal(&frame), &place);
            }
        }
    }
}

#[track_caller]
fn assert_refused_outside(field: Purpose, in_range: impl Fn(usize) -> bool) {
    each_byte(field, |shape, frame, at| {
        for byte in swept((0..=u8::MAX).filter(|byte| !in_range(usize::from(*byte)))) {
            frame[at] = byte;
            assert_eq!(refusal(frame), Some(Malformed::Field), "{shape:?}, {byte} at {at}");
        }
    });
}

#[test]
fn an_unknown_recipient_kind_is_refused() {
    assert_refused_outside(Purpose::RecipientKind, |byte| byte <= 1);
}

#[test]
fn unknown_questions_flags_and_counts_of_a_history_are_refused() {
    assert_refused_outside(Purpose::What, |byte| (1..=3).contains(&byte));
    assert_refused_outside(Purpose::ItemFlags, |byte| byte <= 3);
    assert_refused_outside(Purpose::ItemCount, |count| count <= HISTORY_ITEMS_MAX);
}

#[test]
fn no_votes_and_too_many_votes_are_refused() {
    assert_refused_outside(Purpose::VoteCount, |count| (1..=VOTES_MAX).contains(&count));
}

#[test]
fn too_many_path_levels_are_refused_in_every_proof() {
    assert_refused_outside(Purpose::PathCount, |count| count <= PATH_LEVELS_MAX);
}

#[test]
fn a_path_too_long_is_refused_even_when_its_levels_are_there() {
    let mut random = Random(5);
    let levels = u8::try_from(PATH_LEVELS_MAX).unwrap() + 1;
    for shape in [
        Shape::Reply(Kind::Vote, levels),
        Shape::Reply(Kind::Receipt, levels),
        Shape::Rejection(Some(levels)),
        Shape::Certificate(vec![levels]),
        Shape::Certificate(vec![0, levels]),
    ] {
        assert_eq!(refusal(&shape.frame(&mut random)), Some(Malformed::Field), "{shape:?}");
    }
}

#[test]
fn a_rejection_that_is_neither_proven_nor_unproven_is_refused() {
    assert_refused_outside(Purpose::Proven, |byte| byte <= 1);
}

#[test]
fn every_other_count_that_is_in_range_is_refused_for_the_length() {
    each_byte(Purpose::VoteCount, |shape, frame, at| {
        let right = frame[at];
        for wrong in swept((1..=u8::try_from(VOTES_MAX).unwrap()).filter(|count| *count != right)) {
            frame[at] = wrong;
            assert_eq!(refusal(frame), Some(Malformed::Length), "{shape:?}, {wrong} votes");
        }
    });
    each_byte(Purpose::ItemCount, |shape, frame, at| {
        let right = frame[at];
        for wrong in swept((0..=u8::try_from(HISTORY_ITEMS_MAX).unwrap()).filter(|count| *count != right)) {
            frame[at] = wrong;
            assert_eq!(refusal(frame), Some(Malformed::Length), "{shape:?}, {wrong} items");
        }
    });
    each_byte(Purpose::PathCount, |shape, frame, at| {
        let right = frame[at];
        let alone = !matches!(shape, Shape::Certificate(votes) if votes.len() > 1);
        for wrong in swept((0..=u8::try_from(PATH_LEVELS_MAX).unwrap()).filter(|count| *count != right && alone)) {
            frame[at] = wrong;
            assert_eq!(refusal(frame), Some(Malformed::Length), "{shape:?}, {wrong} levels");
        }
    });
}
