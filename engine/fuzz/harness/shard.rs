//! A shard's steps, in any order: two shards of one authority, what reaches them, and what leaves. One vote per account and
//! sequence number, no unit lost or made, nothing leaves before its record is durable, histories that leave nothing out, no panic.

mod events;
mod histories;
mod ledger;

use super::common::{Bug, Bytes, FUNDS, Random, START_MS, TABLES, TINY_TABLES, planted, worlds};
use events::Authority;

/// Steps that an input may have.
const STEP_COUNT_MAX: usize = 400;

/// Drives two shards through the steps that an input describes, then lets them come to rest. Its first byte says how large
/// their tables are.
///
/// # Panics
/// If something happens that must not.
pub(crate) fn check(input: &[u8], bug: Option<Bug>) {
    let mut input = Bytes(input);
    let tables = if input.byte() % 2 == 1 { TINY_TABLES } else { TABLES };
    let mut authority = Authority::new(&worlds()[0], tables, planted(bug));
    for _ in 0..STEP_COUNT_MAX {
        if input.is_empty() {
            break;
        }
        authority.step(&mut input);
        authority.check_supply();
    }
    authority.come_to_rest();
    authority.check_supply();
    authority.check_replay();
    authority.check_histories();
}

const _: () = assert!(FUNDS > 0 && START_MS > 0, "there is something to pay, and time before which orders expire");

/// Lives with a payment each: here, to the other shard, out; each with one oddity.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for recipient in [1, 3, 7] {
        for oddity in [0, 1, 2, 3, 4, 5, 6] {
            let mut life = vec![oddity, 0, 0, recipient, 0, oddity, 4, 5, 6, 7];
            life.extend([0, 0, recipient, 0, 8, 4, 5, 7]);
            life.extend([
                1, 0, recipient, 0, oddity, 4, 5, 7, 2, 0, 7, 6, 7, 8, 0, 9, 0, 8, 1, 6, 9, 1, 3, 0, 13, 7, 12, 7,
            ]);
            // Its history, asked for in every way; and orders while the disk is behind.
            life.extend((0..oddity).flat_map(|what| [3, 7 * what, 3, 1 + 7 * what, 13, 7]));
            life.extend([14, 2, 0, 0, recipient, 0, 8, 14, 4, 1, 0, recipient, 0, 0, 4, 5, 6, 7]);
            seeds.push(life);
        }
    }
    // Orders of more than there is wait, good ones and forged ones; their senders are paid, and time passes.
    for forged in [5, 6] {
        let orders: Vec<u8> = (0..6).flat_map(|sender| [0, sender, 3, 0, forged, 0, sender, 3, 0, 5]).collect();
        let payments: Vec<u8> = (0..6).flat_map(|sender| [1, sender, 2, 0, 0, 4, 5, 5, 5]).collect();
        let rest = [6, 7, 8, 0, 8, 1, 6, 9, 0, 9, 1, 4, 5, 6, 7, 11, 4, 5, 6, 7];
        seeds.push([&orders[..], &payments, &rest].concat());
    }
    // Many credits; the first in each direction is lost, and later ones arrive.
    let payments: Vec<u8> = (0..12)
        .flat_map(|number| [1, number % 6, 1, 0, 0, 4, 5, 5, 6])
        .chain([7, 8, 2, 8, 3, 8, 0, 8, 1, 8, 0, 8, 1, 6])
        .collect();
    let rest = [9, 0, 9, 1, 6, 12, 8, 0, 8, 1, 6, 9, 0, 9, 1, 7];
    seeds.push([&[0], &payments[..], &rest].concat());
    seeds.push([&[1], &payments[..], &rest].concat());
    seeds
}

/// A seed with changes, or steps by chance.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let seeds = super::cached_seeds(super::SHARD);
    let mut input = seeds[random.below(seeds.len())].clone();
    if random.below(4) == 0 {
        random.mutate(&mut input);
    }
    for _ in 0..random.below(40) {
        let step = random.byte() % 15;
        input.push(step);
        if matches!(step, 0 | 1) {
            let place = [random.byte() % 6, random.byte(), random.byte() % 4, random.byte() % 12];
            input.extend(place);
        } else if matches!(step, 2 | 3 | 8 | 9 | 14) {
            input.push(random.byte());
        }
    }
    input
}
