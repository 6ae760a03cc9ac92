//! What the room's tests share: the way in, a source of numbers, and slow integers to compare with.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;

use super::field::{Field8, LIMB_COUNT};
use super::lanes::{LANE_COUNT, Lanes, load_words, store_octets, store_words};

/// Runs a check that needs the instructions, or says that this machine has none.
pub(super) fn on_vectors(check: unsafe fn()) {
    if super::is_supported() {
        // SAFETY: the machine has just said that it has the features that every function of the room is compiled for.
        unsafe { check() };
    } else {
        println!("skipped: this machine has no AVX-512 IFMA");
    }
}

/// Numbers without a pattern, the same in every run (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn octets(&mut self) -> [u8; 32] {
        words_to_octets(core::array::from_fn(|_| self.word()))
    }

    /// A scalar mod L.
    pub(super) fn scalar(&mut self) -> Scalar {
        Scalar::from_bytes_mod_order(self.octets())
    }

    /// A point of the prime-order group.
    pub(super) fn point(&mut self) -> EdwardsPoint {
        EdwardsPoint::mul_base(&self.scalar())
    }

    /// Five limbs, each at most `limb_max`.
    pub(super) fn limbs(&mut self, limb_max: u64) -> [u64; LIMB_COUNT] {
        core::array::from_fn(|_| self.word() % (limb_max + 1))
    }
}

pub(super) fn words_to_octets(words: [u64; 4]) -> [u8; 32] {
    core::array::from_fn(|index| words[index / 8].to_le_bytes()[index % 8])
}

pub(super) fn octets_to_words(octets: &[u8; 32]) -> [u64; 4] {
    core::array::from_fn(|index| u64::from_le_bytes(octets[8 * index..8 * index + 8].try_into().unwrap()))
}

/// For tests: lanes one by one.
impl Field8 {
    /// Lane i takes the five limbs `lanes[i]`.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn from_lanes(lanes: &[[u64; LIMB_COUNT]; LANE_COUNT]) -> Self {
        Self::from_limbs(limbs_of_lanes(lanes))
    }

    /// The five limbs of each lane.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn to_lanes(self) -> [[u64; LIMB_COUNT]; LANE_COUNT] {
        let words = self.into_limbs().map(|limb| store_words(limb));
        core::array::from_fn(|lane| words.map(|limb| limb[lane]))
    }

    /// The canonical value of each lane.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    pub(super) fn to_octets(self) -> [[u8; 32]; LANE_COUNT] {
        store_octets(self.to_words())
    }
}

/// Limb j of lane i is `lanes[i][j]`.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn limbs_of_lanes(lanes: &[[u64; LIMB_COUNT]; LANE_COUNT]) -> [Lanes; LIMB_COUNT] {
    core::array::from_fn(|index| load_words(&lanes.map(|lane| lane[index])))
}

/// Every lane of an element as an integer mod p.
#[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
pub(super) fn residues(x: &Field8) -> [Residue; LANE_COUNT] {
    x.to_lanes().map(|limbs| Residue::from_limbs(&limbs))
}

/// An integer mod p, always below p: four words, lowest first. Shares nothing with the code under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Residue([u64; 4]);

const P: [u64; 4] = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];

impl Residue {
    pub(super) const ZERO: Self = Self([0; 4]);
    pub(super) const ONE: Self = Self([1, 0, 0, 0]);

    /// Any 256-bit integer.
    pub(super) fn new(mut words: [u64; 4]) -> Self {
        while !words.iter().rev().lt(P.iter().rev()) {
            let mut borrow = false;
            for (word, subtrahend) in words.iter_mut().zip(P) {
                let (difference, first) = word.overflowing_sub(subtrahend);
                let (difference, second) = difference.overflowing_sub(u64::from(borrow));
                (*word, borrow) = (difference, first || second);
            }
            assert!(!borrow);
        }
        Self(words)
    }

    /// The sum of limb i times 2^(51 i), for limbs of any size.
    pub(super) fn from_limbs(limbs: &[u64; LIMB_COUNT]) -> Self {
        let base = Self([1 << 51, 0, 0, 0]);
        limbs.iter().rev().fold(Self::ZERO, |sum, limb| sum.times(base).plus(Self([*limb, 0, 0, 0])))
    }

    pub(super) fn octets(self) -> [u8; 32] {
        words_to_octets(self.0)
    }

    pub(super) fn is_odd(self) -> bool {
        self.0[0] % 2 == 1
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let mut carry = 0_u128;
        Self::new(core::array::from_fn(|index| {
            carry += u128::from(self.0[index]) + u128::from(other.0[index]);
            let word = low(carry);
            carry >>= 64;
            word
        }))
    }

    pub(super) fn negated(self) -> Self {
        self.times(Self([P[0] - 1, P[1], P[2], P[3]]))
    }

    /// Schoolbook, then 2^256 = 38 mod p until it fits.
    pub(super) fn times(self, other: Self) -> Self {
        let mut words = [0_u64; 8];
        for (i, x) in self.0.iter().enumerate() {
            let mut carry = 0_u128;
            for (j, y) in other.0.iter().enumerate() {
                carry += u128::from(*x) * u128::from(*y) + u128::from(words[i + j]);
                words[i + j] = low(carry);
                carry >>= 64;
            }
            words[i + 4] = low(carry);
        }
        while words[4..] != [0; 4] {
            let high: [u64; 4] = words[4..].try_into().unwrap();
            words[4..].fill(0);
            let mut carry = 0_u128;
            for (index, word) in words.iter_mut().take(5).enumerate() {
                let folded = high.get(index).map_or(0, |high| 38 * u128::from(*high));
                carry += u128::from(*word) + folded;
                *word = low(carry);
                carry >>= 64;
            }
        }
        Self::new(words[..4].try_into().unwrap())
    }

    /// This to the power of a 256-bit integer.
    pub(super) fn power(self, exponent: [u64; 4]) -> Self {
        (0..256).rev().fold(Self::ONE, |power, bit| {
            let square = power.times(power);
            if exponent[bit / 64] >> (bit % 64) & 1 == 1 { square.times(self) } else { square }
        })
    }
}

fn low(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).unwrap()
}

#[test]
fn the_oracle_knows_fermat_and_folds_right() {
    let mut numbers = Numbers(1);
    for _ in 0..8 {
        let x = Residue::new(octets_to_words(&numbers.octets()));
        assert_eq!(x.power([P[0] - 1, P[1], P[2], P[3]]), Residue::ONE);
        assert_eq!(x.plus(x.negated()), Residue::ZERO);
    }
    let top = Residue::from_limbs(&[0, 0, 0, 0, 1 << 51]);
    assert_eq!(top, Residue([19, 0, 0, 0]));
    assert_eq!(Residue::new(P), Residue::ZERO);
}
