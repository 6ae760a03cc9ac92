//! SHA-512 against the `sha2` crate and the standard's examples.

use super::*;
use crate::backend::ifma;
use sha2::{Digest, Sha512};

fn hashed(lanes: &[Pieces<'_>; LANE_COUNT]) -> [[u64; 8]; LANE_COUNT] {
    // SAFETY: every test asks for the machine's features first.
    unsafe { digests(lanes) }
}

fn expected(pieces: &Pieces<'_>) -> [u64; 8] {
    let mut hash = Sha512::new();
    hash.update(pieces.first);
    hash.update(pieces.second.map_or(&[][..], |second| second));
    hash.update(pieces.message);
    let bytes: [u8; 64] = hash.finalize().into();
    let (words, _) = bytes.as_chunks();
    core::array::from_fn(|index| u64::from_le_bytes(words[index]))
}

/// Bytes without a period that a block could hide.
fn text(length: usize, salt: usize) -> Vec<u8> {
    (0..length).map(|index| ((index * 167 + salt * 59 + index / 251) % 256).to_le_bytes()[0]).collect()
}

#[test]
fn lanes_of_all_lengths_beside_each_other_get_their_own_digests() {
    if !ifma::is_supported() {
        return;
    }
    let texts: Vec<_> = (0..=400).map(|length| text(length, length)).collect();
    let heads: Vec<[u8; 32]> = (0..16).map(|salt| text(32, salt).try_into().unwrap()).collect();
    for length in 0..=400 {
        // Neighbours of very different block counts, some without a second piece.
        let lanes = core::array::from_fn(|lane| Pieces {
            first: &heads[lane],
            second: ((length + lane) % 3 != 0).then(|| &heads[lane + 8]),
            message: &texts[(length * (1 + 2 * lane) + 57 * lane) % 401],
        });
        let digests = hashed(&lanes);
        for (lane, digest) in digests.iter().enumerate() {
            assert_eq!(*digest, expected(&lanes[lane]), "length {length}, lane {lane}");
        }
    }
}

/// The message ends where its memory ends: a load past it would fault or be seen by a memory checker.
#[test]
fn messages_are_not_read_past_their_ends() {
    if !ifma::is_supported() {
        return;
    }
    for length in 0..=200 {
        let boxed = text(length, 5).into_boxed_slice();
        let lanes = [Pieces { first: &[7; 32], second: Some(&[8; 32]), message: &boxed }; LANE_COUNT];
        assert_eq!(hashed(&lanes), [expected(&lanes[0]); LANE_COUNT], "length {length}");
    }
}

/// FIPS 180-4's examples for SHA-512 have no 32-byte head, so these are its longest, split: 112 letters, whose first 32 are
/// the head.
#[test]
fn the_standards_two_block_example_comes_out() {
    if !ifma::is_supported() {
        return;
    }
    let example = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    let (first, message) = example.split_first_chunk().unwrap();
    let lanes = [Pieces { first, second: None, message }; LANE_COUNT];
    let expected = [
        0x8e95_9b75_dae3_13da_u64,
        0x8cf4_f728_14fc_143f,
        0x8f77_79c6_eb9f_7fa1,
        0x7299_aead_b688_9018,
        0x501d_289e_4900_f7e4,
        0x331b_99de_c4b5_433a,
        0xc7d3_29ee_b6dd_2654,
        0x5e96_e55b_874b_e909,
    ];
    assert_eq!(hashed(&lanes), [expected.map(u64::swap_bytes); LANE_COUNT]);
}

#[test]
fn round_constants_are_the_standards() {
    assert_eq!(ROUND_CONSTANTS[0], 0x428a_2f98_d728_ae22);
    assert_eq!(ROUND_CONSTANTS[1], 0x7137_4491_23ef_65cd);
    assert_eq!(ROUND_CONSTANTS[79], 0x6c44_198c_4a47_5817);
}
