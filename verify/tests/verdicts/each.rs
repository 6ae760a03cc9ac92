//! `verify_each` gives the verdicts of `verify`, for any items and any number of them, and never sums.

use quittance_verify::{Counters, Item, Verifier};

use crate::equality::pool;
use crate::harness::{Signed, each, for_every_backend};
use crate::make::{self, Numbers};

/// A way to judge each of many items by itself.
type Way = fn(&mut Verifier, &[Item<'_>], &mut Vec<bool>);

/// Items of every way to bend one, good and bad, and the verdict of the portable backend on each.
fn bent(seed: u64, count: usize) -> (Vec<Signed>, Vec<bool>) {
    let (signed, expected) = pool(count, 16, &mut Numbers(seed));
    let good_count = expected.iter().filter(|verdict| **verdict).count();
    assert!((count / 8..count / 8 * 7).contains(&good_count), "{good_count} of {count} are good");
    (signed, expected)
}

/// What is wrong with a way to judge, if anything: its verdicts, or that it summed, or that items were not counted.
fn fault(way: Way, verifier: &mut Verifier, signed: &[&Signed], expected: &[bool]) -> Option<String> {
    let items: Vec<_> = signed.iter().map(|one| one.item()).collect();
    let before = verifier.counters();
    let mut verdicts = vec![true; 3]; // leftovers, to be cleared
    way(verifier, &items, &mut verdicts);
    let after = verifier.counters();
    if verdicts != expected {
        return Some(format!("{}: {verdicts:?} for {expected:?}", verifier.backend()));
    }
    if after.batch_count != 0 || after.item_count != before.item_count + items.len() as u64 {
        return Some(format!("{}: {after:?} after {} items, {before:?}", verifier.backend(), items.len()));
    }
    None
}

/// Every size up to 70, from changing places of the pool.
fn first_fault(way: Way, verifier: &mut Verifier, (signed, expected): (&[Signed], &[bool])) -> Option<String> {
    (1..=70).find_map(|size| {
        let places: Vec<_> = (0..size).map(|index| (size * 11 + index) % signed.len()).collect();
        let picked: Vec<_> = places.iter().map(|place| &signed[*place]).collect();
        let wanted: Vec<_> = places.iter().map(|place| expected[*place]).collect();
        fault(way, verifier, &picked, &wanted).map(|fault| format!("{size} items: {fault}"))
    })
}

#[test]
fn sizes_up_to_seventy_get_the_verdicts_of_each_alone_and_no_sum() {
    let (signed, expected) = bent(41, 300);
    for_every_backend(|verifier| {
        for (one, verdict) in signed.iter().zip(&expected) {
            assert_eq!(verifier.verify(one.item()), *verdict);
        }
        assert_eq!(first_fault(Verifier::verify_each, verifier, (&signed, &expected)), None);
    });
}

/// Ways that are wrong: the run above must notice each, on every backend.
#[test]
fn a_sum_or_a_misplaced_verdict_would_be_noticed() {
    let mutants: [(&str, Way); 5] = [
        ("a sum", Verifier::verify_batch),
        ("verdicts appended", |verifier, items, verdicts| {
            let mut judged = Vec::new();
            verifier.verify_each(items, &mut judged);
            verdicts.extend(judged);
        }),
        ("verdicts turned by a lane", |verifier, items, verdicts| {
            verifier.verify_each(items, verdicts);
            verdicts.rotate_right(1);
        }),
        ("the remainder refused", |verifier, items, verdicts| {
            verifier.verify_each(items, verdicts);
            let whole = verdicts.len() / 8 * 8;
            verdicts[whole..].fill(false);
        }),
        ("one judged twice", |verifier, items, verdicts| {
            verifier.verify_each(items, verdicts);
            verifier.verify(items[0]);
        }),
    ];
    let (signed, expected) = bent(42, 100);
    for (name, mutant) in mutants {
        for_every_backend(|verifier| {
            assert!(first_fault(mutant, verifier, (&signed, &expected)).is_some(), "{name}, {}", verifier.backend());
        });
    }
}

#[test]
fn sizes_past_the_largest_batch_lose_no_item() {
    let (signed, expected) = bent(43, 300);
    for_every_backend(|verifier| {
        for size in [255, 256, 257, 1023, 1024, 1025, 2047, 2049] {
            let picked: Vec<_> = (0..size).map(|index| &signed[(index + size) % 300]).collect();
            let wanted: Vec<_> = (0..size).map(|index| expected[(index + size) % 300]).collect();
            assert_eq!(fault(Verifier::verify_each, verifier, &picked, &wanted), None, "{size} items");
        }
    });
}

#[test]
fn every_mixture_of_good_and_bad_in_a_vector_and_beyond_gets_its_own_verdicts() {
    let honest = make::honest(10, 3);
    let bad: Vec<_> = honest.iter().map(make::spoiled).collect();
    for_every_backend(|verifier| {
        for mixture in 0..1024_u32 {
            let expected: Vec<_> = (0..10).map(|index| mixture >> index & 1 == 1).collect();
            let signed = (0..10).map(|index| if expected[index] { &honest[index] } else { &bad[index] });
            assert_eq!(each(verifier, signed), expected, "{mixture:010b}");
        }
        assert_eq!(verifier.counters().batch_count, 0);
    });
}

#[test]
fn no_items_get_no_verdicts() {
    for_every_backend(|verifier| {
        assert_eq!(each(verifier, &[]), [] as [bool; 0]);
        assert_eq!(verifier.counters(), Counters::default());
    });
}

/// Sums before and after, of the same verifier, leave each other alone.
#[test]
fn each_and_batch_take_turns_on_one_verifier() {
    let (signed, expected) = bent(44, 120);
    for_every_backend(|verifier| {
        for size in [120, 9, 64, 1, 17, 120] {
            let mut summed = Vec::new();
            let items: Vec<_> = signed[..size].iter().map(Signed::item).collect();
            verifier.verify_batch(&items, &mut summed);
            assert_eq!(summed, expected[..size]);
            let batch_count = verifier.counters().batch_count;
            assert_eq!(each(verifier, &signed[..size]), expected[..size]);
            assert_eq!(verifier.counters().batch_count, batch_count);
        }
        assert!(verifier.counters().batch_count > 0);
    });
}
