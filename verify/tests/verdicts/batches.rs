//! Batches of every size and mixture: one verdict per item, in order, and counters that tell what was done.

use quittance_verify::{BackendKind, Counters, Verifier};

use crate::harness::{Signed, assert_verdicts, batch, for_every_backend};
use crate::make;

/// Sizes at which one bad item is tried at every place: all small ones, and those around the seams of wide code.
fn sizes() -> impl Iterator<Item = usize> {
    (1..=40).chain([63, 64, 65, 127, 128, 129, 130])
}

#[test]
fn an_empty_batch_has_no_verdicts() {
    for_every_backend(|verifier| {
        assert_eq!(batch(verifier, &[]), [] as [bool; 0]);
        assert_eq!(verifier.counters(), Counters::default());
    });
}

#[test]
fn one_bad_item_is_found_at_every_place() {
    let honest = make::honest(130, 130);
    let bad: Vec<_> = honest.iter().map(make::spoiled).collect();
    for_every_backend(|verifier| {
        let mut verdicts = Vec::new();
        for size in sizes() {
            let mut items: Vec<_> = honest[..size].iter().map(Signed::item).collect();
            for place in 0..size {
                items[place] = bad[place].item();
                verifier.verify_batch(&items, &mut verdicts);
                assert!(
                    verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index != place)),
                    "{size} {place}"
                );
                items[place] = honest[place].item();
            }
        }
    });
}

#[test]
fn one_malformed_item_at_every_place_does_not_fail_its_batch() {
    let honest = make::honest(70, 70);
    for_every_backend(|verifier| {
        for size in [4, 8, 17, 70] {
            for place in 0..size {
                let mut signed = honest[..size].to_vec();
                signed[place].signature[63] |= 0xe0;
                let verdicts = batch(verifier, &signed);
                assert!(
                    verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index != place)),
                    "{size} {place}"
                );
            }
        }
        assert_eq!(verifier.counters().batch_failed_count, 0, "S >= L is seen before the sum");
    });
}

#[test]
fn batches_of_bad_items_only_are_refused_item_by_item() {
    let bad: Vec<_> = make::honest(130, 7).iter().map(make::spoiled).collect();
    for_every_backend(|verifier| {
        for size in sizes() {
            assert_eq!(batch(verifier, &bad[..size]), vec![false; size]);
        }
    });
}

#[test]
fn every_mixture_of_six_items_gets_its_own_verdicts() {
    let honest = make::honest(6, 3);
    for_every_backend(|verifier| {
        for mixture in 0..64_u32 {
            let expected: Vec<_> = (0..6).map(|index| mixture >> index & 1 == 1).collect();
            let signed: Vec<_> = honest
                .iter()
                .zip(&expected)
                .map(|(one, good)| if *good { one.clone() } else { make::spoiled(one) })
                .collect();
            assert_eq!(batch(verifier, &signed), expected);
        }
    });
}

#[test]
fn keys_may_repeat_in_any_proportion() {
    for_every_backend(|verifier| {
        for key_count in [1, 2, 3, 4, 63, 64, 129, 130] {
            let mut signed = make::honest(130, key_count);
            assert_eq!(batch(verifier, &signed), vec![true; 130], "{key_count} keys");
            signed[77] = make::spoiled(&signed[77]);
            let expected: Vec<_> = (0..130).map(|index| index != 77).collect();
            assert_eq!(batch(verifier, &signed), expected, "{key_count} keys");
        }
        assert_eq!(verifier.counters().batch_failed_count, 8);
    });
}

#[test]
fn the_same_item_may_repeat() {
    let honest = make::honest(1, 1).remove(0);
    let bad = make::spoiled(&honest);
    for_every_backend(|verifier| {
        assert_eq!(batch(verifier, vec![&honest; 100]), vec![true; 100]);
        assert_eq!(batch(verifier, vec![&bad; 100]), vec![false; 100]);
        let mixed = (0..100).map(|index| if index % 7 == 0 { &bad } else { &honest });
        assert_eq!(batch(verifier, mixed), (0..100).map(|index| index % 7 != 0).collect::<Vec<_>>());
    });
}

/// Longer than any backend takes at once: the cut must lose nothing, and a bad item spoils one part only.
#[test]
fn long_batches_are_cut_without_losing_an_item() {
    let honest = make::honest(300, 5);
    for_every_backend(|verifier| {
        for size in [1023, 1024, 1025, 2047, 2049, 5000] {
            let signed: Vec<_> = (0..size).map(|index| &honest[index % 300]).collect();
            assert_eq!(batch(verifier, signed), vec![true; size]);
        }
        assert_eq!(verifier.counters().batch_failed_count, 0);
        let bad = make::spoiled(&honest[0]);
        for place in [0, 1023, 1024, 2499, 2500, 4999] {
            let signed = (0..5000).map(|index| if index == place { &bad } else { &honest[index % 300] });
            let verdicts = batch(verifier, signed);
            assert!(verdicts.iter().enumerate().all(|(index, verdict)| *verdict == (index != place)), "{place}");
        }
        assert_eq!(verifier.counters().batch_failed_count, 6);
    });
}

#[test]
fn counters_tell_what_was_done() {
    let mut signed = make::honest(64, 64);
    for_every_backend(|verifier| {
        batch(verifier, &signed);
        verifier.verify(signed[0].item());
        let counted = Counters { item_count: 65, batch_count: 1, batch_failed_count: 0, item_alone_count: 1 };
        assert_eq!(verifier.counters(), counted);
    });
    signed[3] = make::spoiled(&signed[3]);
    signed[9].signature[63] = 0xff;
    for_every_backend(|verifier| {
        batch(verifier, &signed);
        let counted = Counters { item_count: 64, batch_count: 1, batch_failed_count: 1, item_alone_count: 63 };
        assert_eq!(verifier.counters(), counted, "the malformed one was not checked again");
    });
}

/// Verdicts do not depend on the seed; a verifier lives through batches of any size in any order.
#[test]
fn seeds_and_earlier_batches_leave_no_trace_in_verdicts() {
    let mut signed = make::honest(200, 20);
    signed.iter_mut().step_by(13).for_each(|one| *one = make::spoiled(one));
    let expected: Vec<_> = (0..200).map(|index| index % 13 != 0).collect();
    for kind in BackendKind::ALL.iter().copied().filter(|kind| kind.available()) {
        for seed in 0..4 {
            let mut verifier = Verifier::new(kind, [seed; 32]);
            for size in [200, 5, 130, 1, 64, 200, 2] {
                assert_eq!(batch(&mut verifier, &signed[..size]), expected[..size], "{kind}, seed {seed}, size {size}");
            }
        }
    }
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "every thirteenth is bad"));
}
