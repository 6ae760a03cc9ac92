//! Confirmations converge: whatever order certificates come in, and however often, once all are in the state is the same.
//!
//! That a journal that was read back reads back the same again, and leaves nothing to mend, is part of the `recovery` harness.
//! That a batch of signatures is judged as one by one is in `verify/tests/verdicts/batches.rs`.

use crate::harness::common::{FUNDS, Random, account, body, judge, peer, worlds};
use quittance_engine::mutant::Planted;
use quittance_engine::shard::Shard;
use quittance_engine::types::{Amount, Digest, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;

const PAYER_COUNT: usize = 5;
const PAYMENTS_PER_PAYER: u64 = 6;

/// Certificates of payments among these accounts, to one that is new, and out.
fn certificates() -> Vec<Vec<u8>> {
    let payment = |payer: usize, sequence: u64| {
        let to = (payer + 1 + usize::try_from(sequence).unwrap()) % (PAYER_COUNT + 1);
        let mut body = body(account(payer), account(to), 300 + sequence, sequence);
        body.recipient_kind = u8::from(sequence == 3);
        worlds()[0].certify(&body, 0)
    };
    (0..PAYER_COUNT).flat_map(|payer| (0..PAYMENTS_PER_PAYER).map(move |sequence| payment(payer, sequence))).collect()
}

/// Sends these certificates in an order by chance, some of them twice, round after round until all were applied.
fn settle(certificates: &[Vec<u8>], seed: u64) -> Digest {
    let mut config = worlds()[0].config(0, 1, Planted::NOTHING);
    config.is_durable = false;
    let mut shard = Shard::new(config);
    (0..PAYER_COUNT).for_each(|payer| shard.fund(&account(payer), Amount(FUNDS)).unwrap());
    let mut random = Random(seed);
    let mut rounds = 0;
    while shard.counters().confirmations < certificates.len() as u64 {
        rounds += 1;
        assert!(rounds <= 100, "what is missing comes in every round, seed {seed}");
        for _ in 0..certificates.len() * 3 / 2 {
            shard.receive(TimeMs(1), peer(1), &certificates[random.below(certificates.len())]);
            if random.below(3) == 0 {
                check_signatures(&mut shard);
            }
        }
        check_signatures(&mut shard);
        crate::harness::common::frames(&mut shard);
    }
    shard.state_digest()
}

fn check_signatures(shard: &mut Shard) {
    let mut batch = VerifyBatch::default();
    while shard.take_batch(&mut batch) {
        judge(&mut batch);
        shard.finish_batch(TimeMs(1), &mut batch);
    }
}

#[test]
fn certificates_in_any_order_and_repeated_leave_one_state() {
    let certificates = certificates();
    let expected = settle(&certificates, 0);
    for seed in 1..200 {
        assert_eq!(settle(&certificates, seed), expected, "seed {seed}");
    }
    let last = certificates.len() - 1;
    assert_ne!(settle(&certificates[..last], 1), expected, "one payment less is another state");
}
