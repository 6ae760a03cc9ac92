//! The backend for x86-64 machines with AVX-512 IFMA: eight computations side by side in 512-bit registers.
//!
//! A signature check is a few thousand products mod 2^255 - 19. One alone leaves most of a core idle, because each product
//! waits for the one before; curve25519-dalek's AVX2 code therefore does the four products of one point addition at once,
//! and pays for moving numbers between lanes. Where many signatures are checked there is no need to: **a lane is a
//! computation of its own**, from loading its bytes to its verdict, and lanes meet only when sums are added up at the end.
//! AVX-512 IFMA (Intel from Ice Lake, AMD from Zen 4) has the multiplier for it, 52 by 52 bits in each of eight lanes,
//! two registers per cycle on the best machines.
//!
//! # What the lanes are
//! - Hashing, decompressing, checking one by one, signing: lane = signature.
//! - The sum of a whole batch: lane = window of the scalars, so that one point is added to eight buckets at once.
//!
//! # Map, from the bottom up
//! - `lanes`: words in and out of registers. The only pointers.
//! - `field`: GF(p), limb bounds as types. `power`: roots and inverses. `point`: the group, and points in memory.
//! - `sha512`: eight hashes. `scalar`: integers mod L, weighted sums, digits for windows as lanes. `digits`: digits for
//!   scalars as lanes.
//! - `decompress`, `encode`: points from and to bytes. `table`: multiples of the base point, public and secret.
//! - `msm`: the bucket multiscalar product. `equation`, `upper`: the batch's sum in its terms.
//! - `admit`: rules 1 and 2 for eight items. `each`: rule 4 for eight items. `batch`: the room's face, `Ifma`.
//! - `sign`: many messages by one key. `key_rows`: what a public key keeps for this room.
//! - `nodes`: the reply tree's hashes, in sixteen lanes of half the width. It stands alone.
//! - `parts`, with the feature of that name: all of these, opened to a bench. `tests`: what the parts' tests share.
//!
//! # What becomes of n items
//! - **1**: what the portable backend does with it, and through its code. A vector would take longer for one lane alone.
//! - **2 to 8**: one vector, each lane by its own equation.
//! - **9 or more**: the sum of all with random weights. If it is not the identity, eight at a time, each by its own.
//! - **More than 1,024**: batches of nearly equal size, each by itself.
//!
//! Measured: the table in the crate's docs. The parts, in nanoseconds per lane of a full vector (AMD EPYC, one core of two
//! that were shared; the lowest of three medians of `taskset -c 1 cargo bench -p quittance-verify --features parts --bench
//! parts`): a product 0.92, a square 0.72, both about 1.4 times as long where each waits for the one before; a root's power 191
//! two vectors at once, 282 one alone; decompression 212 and 305, with a hint 9; adding a point 9.6 to 11, doubling 9.3 to 10.4;
//! SHA-512 of two blocks 88; a multiple of the base point 520, in constant time 580. Per scalar: reducing a hash 24, weighing and
//! adding one 9.4. Per term of a bucket product with whole scalars: 855 of 256, 549 of 1,024.
//!
//! One item is counted as it comes; nine, after those whose bytes are refused are out. `verify_each` never sums: it takes
//! vectors of eight whatever n is. The bounds, and what led to them, are in `batch`.
//!
//! # Sources
//! - Josefsson, Liusvaara, "Edwards-curve digital signature algorithm (EdDSA)", RFC 8032 (2017): encodings, signing.
//! - Hisil, Wong, Carter, Dawson, "Twisted Edwards curves revisited", Asiacrypt 2008: the complete formulas in `point`.
//! - Bernstein, Duif, Lange, Schwabe, Yang, "High-speed high-security signatures", CHES 2011: the square root of a ratio, signed
//!   windows, the batch equation.
//! - Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery identification", Indocrypt 2012: how batches are summed, and
//!   what to do when one fails.
//! - Gueron, Krasnov, "Accelerating big integer arithmetic using Intel IFMA extensions", ARITH 2016: the two multiply
//!   instructions, and redundant limbs for them.
//! - curve25519-dalek's notes on its IFMA backend, and Firedancer's `ballet/ed25519`: the other way to use the same
//!   instructions, with the coordinates of one point in the lanes.
//!
//! # Unsafe code
//! Every function here is compiled for the same list of target features and may call every other one safely. What is left:
//! the pointers of `lanes`, `sha512` and `nodes`, and calls from outside, each of which holds a [`Features`].

mod admit;
mod batch;
mod decompress;
mod digits;
mod each;
mod encode;
mod equation;
mod field;
mod key_rows;
mod lanes;
mod msm;
pub(crate) mod nodes;
#[cfg(feature = "parts")]
pub mod parts;
mod point;
mod power;
mod scalar;
mod sha512;
mod sign;
mod table;
mod upper;

pub(crate) use batch::Ifma;
pub(crate) use key_rows::KeyRow;
pub(crate) use sign::BatchSigner;

#[cfg(test)]
mod tests;

/// Proof that this machine has the instructions: whoever holds one may call the room's functions.
///
/// All of them are compiled for one list of features, `avx512ifma,avx512vl,avx512dq,avx512bw,bmi2` (which implies avx512f),
/// and among functions with the same list calls are safe. The one unsafe step is the call from outside, and a `Features`
/// in the caller's hand is what makes it right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features(());

impl Features {
    /// Asks the machine.
    pub(crate) fn detect() -> Option<Self> {
        is_supported().then_some(Self(()))
    }
}

/// True if this machine has the instructions, and its operating system keeps the registers; false in builds with
/// `--cfg portable_only`, whatever the machine.
pub(crate) fn is_supported() -> bool {
    !cfg!(portable_only)
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512ifma")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("bmi2")
}
