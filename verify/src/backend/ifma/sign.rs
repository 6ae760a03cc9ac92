//! Many messages signed with one key, eight at a time.
//!
//! What depends on the key or on a nonce takes the same time and touches the same addresses for all values: the hash reads
//! the prefix where it lies, the digits are cut without branches, the table is read whole, and curve25519-dalek's scalar
//! arithmetic is constant-time. Message lengths are public.

use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Features;
use super::encode::{VECTOR_COUNT_MAX, encode_all};
use super::lanes::{LANE_COUNT, load_octets};
use super::point::Point8;
use super::sha512::{Pieces, digests};
use super::table::SecretTable;
use crate::key::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES};

/// Messages that share one inversion.
const GROUP_MESSAGES_MAX: usize = VECTOR_COUNT_MAX * LANE_COUNT;

/// A secret key, ready to sign in batches (RFC 8032, section 5.1.6). Wiped when dropped.
///
/// One is only made where the machine has the instructions.
pub(crate) struct BatchSigner {
    /// a: multiplies the challenge.
    scalar: Scalar,
    /// What makes the nonces secret.
    prefix: [u8; 32],
    public: [u8; PUBLIC_KEY_BYTES],
    table: &'static SecretTable,
}

impl BatchSigner {
    /// Expands the 32-byte seed (RFC 8032, section 5.1.5); `None` if the machine cannot run this backend.
    ///
    /// `public` must be the encoding of the seed's public key: with another, signatures would give the key away.
    pub(crate) fn new(seed: &[u8; 32], public: &[u8; PUBLIC_KEY_BYTES]) -> Option<Self> {
        Features::detect()?;
        let expanded: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(seed).into());
        let (scalar, prefix) = expanded.split_first_chunk().expect("64 bytes have a first half");
        let clamped = Zeroizing::new(clamp_integer(*scalar));
        Some(Self {
            scalar: Scalar::from_bytes_mod_order(*clamped),
            prefix: prefix.try_into().expect("64 bytes have a last half"),
            public: *public,
            // SAFETY: `Features` says that the machine has the instructions.
            table: unsafe { SecretTable::base() },
        })
    }

    /// Writes the signature of each message, the one that RFC 8032 gives, to the same place of `signatures`.
    pub(crate) fn sign_all(&self, messages: &[&[u8]], signatures: &mut [[u8; SIGNATURE_BYTES]]) {
        assert_eq!(messages.len(), signatures.len(), "each message has its signature");
        for (messages, signatures) in messages.chunks(GROUP_MESSAGES_MAX).zip(signatures.chunks_mut(GROUP_MESSAGES_MAX))
        {
            // SAFETY: a `BatchSigner` is only made where the machine has the instructions.
            unsafe { self.sign_group(messages, signatures) };
        }
    }

    /// Signs up to [`GROUP_MESSAGES_MAX`] messages.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn sign_group(&self, messages: &[&[u8]], signatures: &mut [[u8; SIGNATURE_BYTES]]) {
        let vector_count = messages.len().div_ceil(LANE_COUNT);
        let mut nonces = Zeroizing::new([[Scalar::ZERO; LANE_COUNT]; VECTOR_COUNT_MAX]);
        let mut points = [Point8::identity(); VECTOR_COUNT_MAX];
        let mut commitments = [[[0; 32]; LANE_COUNT]; VECTOR_COUNT_MAX];
        for (index, messages) in messages.chunks(LANE_COUNT).enumerate() {
            nonces[index] = self.nonces(messages);
            let octets = Zeroizing::new(nonces[index].map(|nonce| nonce.to_bytes()));
            points[index] = self.table.multiply(load_octets(octets.each_ref()));
        }
        encode_all(&points[..vector_count], &mut commitments[..vector_count]);
        for (index, messages) in messages.chunks(LANE_COUNT).enumerate() {
            let signatures = &mut signatures[LANE_COUNT * index..];
            self.respond(messages, &nonces[index], &commitments[index], signatures);
        }
    }

    /// r = SHA-512(prefix || M) mod L for up to eight messages. Lanes without a message repeat the first.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn nonces(&self, messages: &[&[u8]]) -> [Scalar; LANE_COUNT] {
        let mut pieces = [Pieces { first: &self.prefix, second: None, message: messages[0] }; LANE_COUNT];
        for (pieces, message) in pieces.iter_mut().zip(messages) {
            pieces.message = message;
        }
        Zeroizing::new(digests(&pieces)).each_ref().map(reduced)
    }

    /// Writes R, and S = r + k a with k = SHA-512(R || A || M), for up to eight messages.
    #[target_feature(enable = "avx512ifma,avx512vl,avx512dq,avx512bw,bmi2")]
    fn respond(
        &self,
        messages: &[&[u8]],
        nonces: &[Scalar; LANE_COUNT],
        commitments: &[[u8; 32]; LANE_COUNT],
        signatures: &mut [[u8; SIGNATURE_BYTES]],
    ) {
        let first = Pieces { first: &commitments[0], second: Some(&self.public), message: messages[0] };
        let mut pieces = [first; LANE_COUNT];
        for (lane, message) in messages.iter().enumerate() {
            pieces[lane] = Pieces { first: &commitments[lane], second: Some(&self.public), message };
        }
        let challenges = digests(&pieces);
        for (lane, signature) in signatures.iter_mut().take(messages.len()).enumerate() {
            let s = nonces[lane] + reduced(&challenges[lane]) * self.scalar;
            signature[..32].copy_from_slice(&commitments[lane]);
            signature[32..].copy_from_slice(s.as_bytes());
        }
    }
}

impl ZeroizeOnDrop for BatchSigner {}

impl Drop for BatchSigner {
    fn drop(&mut self) {
        self.scalar.zeroize();
        self.prefix.zeroize();
    }
}

/// A digest, read as a little-endian integer, mod L: in constant time.
fn reduced(digest: &[u64; 8]) -> Scalar {
    let mut octets = Zeroizing::new([0; 64]);
    for (octets, word) in octets.as_chunks_mut().0.iter_mut().zip(digest) {
        *octets = word.to_le_bytes();
    }
    Scalar::from_bytes_mod_order_wide(&octets)
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
