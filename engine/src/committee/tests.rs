use super::*;
use quittance_verify::SecretKey;

fn members(weights: &[u64]) -> Vec<Member> {
    let key = |index: usize| SecretKey::from_seed(&[u8::try_from(index).unwrap() + 1; 32]).public_key();
    weights.iter().enumerate().map(|(index, weight)| Member { key: key(index), weight: *weight }).collect()
}

fn committee(weights: &[u64]) -> Result<Committee, CommitteeError> {
    Committee::new(0, members(weights))
}

#[test]
fn a_quorum_of_3f_plus_1_is_2f_plus_1() {
    for f in 0..=8_u64 {
        let weights = vec![1; usize::try_from(3 * f + 1).unwrap()];
        assert_eq!(committee(&weights).unwrap().quorum(), 2 * f + 1);
    }
}

#[test]
fn two_quorums_share_more_than_a_third_of_any_total() {
    for total in 1..10_000_u64 {
        let quorum = quorum(total);
        assert!(quorum <= total);
        assert!(3 * (2 * quorum - total) > total, "{total}");
    }
    assert_eq!(quorum(u64::MAX), 12_297_829_382_473_034_411);
}

#[test]
fn paths_get_shorter_as_committees_grow_and_25_is_the_largest() {
    let levels = |count: usize| committee(&vec![1; count]).map(|committee| committee.path_levels_max());
    let expected = [(1, 6), (4, 6), (7, 5), (10, 3), (13, 2), (16, 1), (19, 0), (22, 0), (25, 0)];
    for (count, level_count) in expected {
        assert_eq!(levels(count), Ok(level_count), "committee of {count}");
    }
    assert_eq!(levels(28), Err(CommitteeError::TooLarge { votes: 19 }));
}

#[test]
fn uneven_weights_count_the_least_favourable_quorum() {
    // Total 13, quorum 9: the ones and one of the fives fall short, so all three light members and both heavy ones vote.
    assert_eq!(quorum_votes_max(&members(&[5, 1, 5, 1, 1]), 9), 5);
    assert_eq!(quorum_votes_max(&members(&[9, 1, 1]), 8), 3);
}

#[test]
fn faulty_member_lists_are_refused() {
    assert_eq!(committee(&[]).unwrap_err(), CommitteeError::Empty);
    assert_eq!(committee(&[1, 0]).unwrap_err(), CommitteeError::NoWeight { index: 1 });
    assert_eq!(committee(&[u64::MAX, 1]).unwrap_err(), CommitteeError::WeightOverflow { index: 1 });
    let mut twins = members(&[1, 1]);
    twins[1].key = twins[0].key;
    assert_eq!(Committee::new(0, twins).unwrap_err(), CommitteeError::RepeatedKey { first: 0, second: 1 });
}

#[test]
fn the_digest_tells_epoch_keys_weights_and_order_apart() {
    let base = committee(&[1, 2, 3]).unwrap().digest();
    assert_eq!(base, committee(&[1, 2, 3]).unwrap().digest());
    assert_ne!(base, committee(&[1, 3, 2]).unwrap().digest());
    assert_ne!(base, Committee::new(1, members(&[1, 2, 3])).unwrap().digest());
    let mut swapped = members(&[1, 2, 3]);
    swapped.swap(0, 1);
    assert_ne!(base, Committee::new(0, swapped).unwrap().digest());
}
