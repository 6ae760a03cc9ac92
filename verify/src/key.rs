//! Keys: public ones that were checked once, and secret ones that sign.

use core::fmt;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::ZeroizeOnDrop;

use crate::rule;

/// Length of a public key's encoding.
pub const PUBLIC_KEY_BYTES: usize = 32;

/// Length of a signature: R's encoding, then S little-endian.
pub const SIGNATURE_BYTES: usize = 64;

/// A public key that may verify signatures: canonical, on the curve, not of small order.
///
/// The checks and the square root are paid once, in [`PublicKey::from_bytes`]; keep the value and verify with it often.
/// It takes 192 bytes: the encoding, and -A in extended coordinates, as the verification equation wants it.
#[derive(Clone, Copy)]
pub struct PublicKey {
    encoding: [u8; PUBLIC_KEY_BYTES],
    minus_a: EdwardsPoint,
}

/// Why 32 bytes are not a public key, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// y is not below the field's prime, or the sign bit is set where x = 0.
    #[error("the public key is not canonically encoded")]
    NotCanonical,
    /// No point of the curve has this y.
    #[error("the public key is not a point of the curve")]
    NotOnCurve,
    /// \[8\]A is the identity: such a key "signs" every message.
    #[error("the public key is a point of small order")]
    SmallOrder,
}

impl PublicKey {
    /// Checks and decompresses a public key (rules 2 and 3 of the crate's acceptance rule).
    ///
    /// # Errors
    /// The first [`KeyError`] that applies.
    pub fn from_bytes(encoding: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, KeyError> {
        if !rule::encoding_is_canonical(encoding) {
            return Err(KeyError::NotCanonical);
        }
        let a = CompressedEdwardsY(*encoding).decompress().ok_or(KeyError::NotOnCurve)?;
        if a.is_small_order() {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self { encoding: *encoding, minus_a: -a })
    }

    /// The key's encoding, as it was given.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.encoding
    }

    /// -A.
    pub(crate) fn minus_a(&self) -> &EdwardsPoint {
        &self.minus_a
    }
}

/// Equal encodings: a point has one canonical encoding, so this is equality of points.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.encoding == other.encoding
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PublicKey(")?;
        for byte in self.encoding {
            write!(out, "{byte:02x}")?;
        }
        out.write_str(")")
    }
}

/// A key that signs (RFC 8032, section 5.1.6). Its bytes are wiped when it is dropped, and it never prints them.
pub struct SecretKey {
    signing: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// Derives the key pair from its 32-byte seed (RFC 8032, section 5.1.5).
    ///
    /// The seed must come from a cryptographic random source: this crate has none.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        // A = aB, where a is clamped: a multiple of 8 with 0 < a < 8L, so that A has exactly the order L.
        let public = PublicKey::from_bytes(&signing.verifying_key().to_bytes())
            .expect("a clamped scalar gives a key of prime order, and the library encodes it canonically");
        Self { signing, public }
    }

    /// The seed, for writing a key file. Whoever has it can sign.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        self.signing.as_bytes()
    }

    /// The public half, checked and decompressed.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The public half's encoding.
    #[must_use]
    pub fn public_key_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.public.encoding
    }

    /// Signs `message`. The same message always gives the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.signing.sign(message).to_bytes()
    }
}

/// The secret bytes live in `signing` alone, which wipes itself; the next lines fail to compile if that ends.
impl ZeroizeOnDrop for SecretKey {}

const fn wipes_itself<T: ZeroizeOnDrop>() {}
const _: () = wipes_itself::<SigningKey>();

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey(redacted, {:?})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_key_shows_the_public_half_only() {
        let key = SecretKey::from_seed(&[0xa7; 32]);
        let shown = format!("{key:?}");
        assert!(shown.contains("redacted"));
        assert!(shown.contains(&format!("{:?}", key.public_key())));
        assert!(!shown.contains("a7a7") && !shown.contains("167, 167"));
    }

    /// RFC 8032, section 7.1, test 1.
    #[test]
    fn the_first_vector_of_rfc_8032_comes_out() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
            0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        let public = [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
            0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ];
        let key = SecretKey::from_seed(&seed);
        assert_eq!(key.public_key_bytes(), public);
        assert_eq!(key.seed(), &seed);
        let signature = key.sign(b"");
        assert_eq!(signature[..4], [0xe5, 0x56, 0x43, 0x00]);
        assert_eq!(signature[60..], [0x8e, 0x7a, 0x10, 0x0b]);
    }
}
