//! Keys: public ones that were checked once, and secret ones that sign.

use core::fmt;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::ZeroizeOnDrop;

#[cfg(target_arch = "x86_64")]
use crate::backend::BatchSigner;
use crate::backend::{BackendKind, KEY_LANES, KeyRow};
use crate::rule;

/// Length of a public key's encoding.
pub const PUBLIC_KEY_BYTES: usize = 32;

/// Length of a signature: R's encoding, then S little-endian.
pub const SIGNATURE_BYTES: usize = 64;

/// A public key that may verify signatures: canonical, on the curve, not of small order.
///
/// The checks and the square root are paid once, in [`PublicKey::from_bytes`] or, for many keys, in
/// [`PublicKey::from_bytes_batch`]; keep the value and verify with it often. It takes 328 bytes on x86-64: the encoding, and
/// -A twice, in extended coordinates as the portable backend wants it and in affine ones for the vector backend. Elsewhere
/// it takes 200.
#[derive(Clone, Copy)]
pub struct PublicKey {
    encoding: [u8; PUBLIC_KEY_BYTES],
    row: KeyRow,
    /// `None` if the key was made by the vector backend, for it: the library offers no way in but a square root of its own.
    minus_a: Option<EdwardsPoint>,
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
        check_bytes(encoding)?;
        let a = CompressedEdwardsY(*encoding).decompress().ok_or(KeyError::NotOnCurve)?;
        let [row, ..] = KeyRow::of_eight([encoding; KEY_LANES]);
        Ok(Self { encoding: *encoding, row, minus_a: Some(-a) })
    }

    /// Checks and decompresses many public keys for `backend`: clears `keys` and appends what [`PublicKey::from_bytes`] gives
    /// for each encoding, in order.
    ///
    /// The vector backend does it eight at a time, for a twentieth of the cost where there are many, and for itself: such a key is decompressed again
    /// each time that it is used by the portable backend, or for a signature alone.
    ///
    /// # Panics
    /// If the machine cannot run `backend`.
    pub fn from_bytes_batch(
        backend: BackendKind,
        encodings: &[[u8; PUBLIC_KEY_BYTES]],
        keys: &mut Vec<Result<Self, KeyError>>,
    ) {
        keys.clear();
        assert!(backend.available(), "this machine cannot run the {backend} backend: ask before choosing it");
        if backend == BackendKind::Portable {
            keys.extend(encodings.iter().map(Self::from_bytes));
            return;
        }
        keys.reserve(encodings.len());
        Self::append_by(KeyRow::of_eight, encodings, keys);
    }

    /// Appends keys for the vector backend. The rows come from an argument, so that a test can plant wrong ones.
    fn append_by(
        rows_of_eight: impl Fn([&[u8; PUBLIC_KEY_BYTES]; KEY_LANES]) -> [KeyRow; KEY_LANES],
        encodings: &[[u8; PUBLIC_KEY_BYTES]],
        keys: &mut Vec<Result<Self, KeyError>>,
    ) {
        for encodings in encodings.chunks(KEY_LANES) {
            // Lanes without an encoding repeat the others; nobody reads them.
            let rows = rows_of_eight(core::array::from_fn(|lane| &encodings[lane % encodings.len()]));
            let with_row = |(encoding, row): (&[u8; PUBLIC_KEY_BYTES], KeyRow)| {
                check_bytes(encoding)?;
                let key = Self { encoding: *encoding, row, minus_a: None };
                if row.is_point() { Ok(key) } else { Err(KeyError::NotOnCurve) }
            };
            keys.extend(encodings.iter().zip(rows).map(with_row));
        }
    }

    /// The key's encoding, as it was given.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.encoding
    }

    /// -A.
    pub(crate) fn minus_a(&self) -> EdwardsPoint {
        self.minus_a.unwrap_or_else(|| {
            let a = CompressedEdwardsY(self.encoding).decompress();
            -a.expect("the vector backend found this key on the curve, by the same rule")
        })
    }

    /// -A, for the vector backend.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "the vector backend is for x86-64"))]
    pub(crate) fn row(&self) -> &KeyRow {
        &self.row
    }
}

/// What can be refused without decompressing.
fn check_bytes(encoding: &[u8; PUBLIC_KEY_BYTES]) -> Result<(), KeyError> {
    if !rule::encoding_is_canonical(encoding) {
        Err(KeyError::NotCanonical)
    } else if rule::encoding_is_of_small_order(encoding) {
        Err(KeyError::SmallOrder)
    } else {
        Ok(())
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
    /// The same key for the vector backend, where the machine has it.
    #[cfg(target_arch = "x86_64")]
    signer: Option<BatchSigner>,
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
        Self {
            #[cfg(target_arch = "x86_64")]
            signer: BatchSigner::new(seed, &public.encoding),
            signing,
            public,
        }
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

    /// Signs every message: clears `signatures` and appends what [`SecretKey::sign`] gives for each message, in order.
    ///
    /// Machines with the vector backend sign eight at a time, in constant time as well. The first key that is made there
    /// computes the table that all keys use.
    pub fn sign_batch(&self, messages: &[&[u8]], signatures: &mut Vec<[u8; SIGNATURE_BYTES]>) {
        signatures.clear();
        #[cfg(target_arch = "x86_64")]
        if let Some(signer) = &self.signer {
            signatures.resize(messages.len(), [0; SIGNATURE_BYTES]);
            signer.sign_all(messages, signatures);
            return;
        }
        signatures.extend(messages.iter().map(|message| self.sign(message)));
    }
}

/// The secret bytes live in `signing` and `signer` alone, which wipe themselves; the next lines fail to compile if that ends.
impl ZeroizeOnDrop for SecretKey {}

const fn wipes_itself<T: ZeroizeOnDrop>() {}
const _: () = wipes_itself::<SigningKey>();
#[cfg(target_arch = "x86_64")]
const _: () = wipes_itself::<BatchSigner>();

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey(redacted, {:?})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = fn([&[u8; PUBLIC_KEY_BYTES]; KEY_LANES]) -> [KeyRow; KEY_LANES];

    /// The first place at which a batch does not give, to the last limb of the row, what comes of the encoding alone.
    fn first_difference(rows_of_eight: Rows, encodings: &[[u8; PUBLIC_KEY_BYTES]]) -> Option<usize> {
        let parts = |key: &Result<PublicKey, KeyError>| key.map(|key| (key.encoding, key.row, key.minus_a()));
        let mut keys = Vec::new();
        PublicKey::append_by(rows_of_eight, encodings, &mut keys);
        assert_eq!(keys.len(), encodings.len());
        let alone = encodings.iter().map(PublicKey::from_bytes);
        keys.iter().zip(alone).position(|(key, alone)| parts(key) != parts(&alone))
    }

    /// Keys, and between them encodings that are none: of the identity, of no point, of a y that is too large.
    fn encodings(count: u8) -> Vec<[u8; PUBLIC_KEY_BYTES]> {
        let bad = |low: u8, rest: u8| core::array::from_fn(|index| if index == 0 { low } else { rest });
        let encoding = |number: u8| match number % 7 {
            2 => bad(1, 0),
            3 => bad(2, 0),
            5 => bad(0xff, 0xff),
            _ => SecretKey::from_seed(&[number; 32]).public_key_bytes(),
        };
        (0..count).map(encoding).collect()
    }

    #[test]
    fn keys_of_a_batch_are_the_keys_that_come_alone_to_the_last_limb() {
        if !BackendKind::Ifma.available() {
            return;
        }
        let encodings = encodings(40);
        for count in 0..=40 {
            assert_eq!(first_difference(KeyRow::of_eight, &encodings[..count]), None, "{count} keys");
            assert_eq!(first_difference(KeyRow::of_eight, &encodings[40 - count..]), None, "the last {count} keys");
        }
    }

    #[test]
    fn rows_that_went_to_the_wrong_lanes_would_be_noticed() {
        if !BackendKind::Ifma.available() {
            return;
        }
        let mutants: [Rows; 4] = [
            |encodings| {
                let mut rows = KeyRow::of_eight(encodings);
                rows.swap(0, 1);
                rows
            },
            |encodings| {
                let mut rows = KeyRow::of_eight(encodings);
                rows.rotate_left(4);
                rows
            },
            |encodings| [KeyRow::of_eight(encodings)[0]; KEY_LANES],
            |encodings| KeyRow::of_eight([encodings[7]; KEY_LANES]),
        ];
        let encodings = encodings(16);
        for (index, mutant) in mutants.into_iter().enumerate() {
            assert!(first_difference(mutant, &encodings).is_some(), "mutant {index}");
        }
    }

    /// In a build with `--cfg portable_only` as on a machine without the instructions.
    #[test]
    fn keys_have_rows_and_sign_on_vectors_exactly_where_they_are_available() {
        let key = SecretKey::from_seed(&[3; 32]);
        let available = BackendKind::Ifma.available();
        #[cfg(target_arch = "x86_64")]
        assert_eq!((key.signer.is_some(), key.public.row.is_point()), (available, available));
        let made = std::panic::catch_unwind(|| {
            let mut keys = Vec::new();
            PublicKey::from_bytes_batch(BackendKind::Ifma, &[key.public_key_bytes()], &mut keys);
            keys
        });
        assert_eq!(made.ok(), available.then(|| vec![Ok(key.public_key())]));
    }

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

    #[test]
    fn a_batch_is_signed_like_each_message_alone() {
        let key = SecretKey::from_seed(&[0x5a; 32]);
        let messages: Vec<_> = (0..40).map(|length| vec![0x3c; 9 * length]).collect();
        let borrowed: Vec<_> = messages.iter().map(Vec::as_slice).collect();
        let mut signatures = vec![[0xaa; SIGNATURE_BYTES]; 3]; // leftovers, to be cleared
        key.sign_batch(&borrowed, &mut signatures);
        assert_eq!(signatures, borrowed.iter().map(|message| key.sign(message)).collect::<Vec<_>>());
        key.sign_batch(&[], &mut signatures);
        assert!(signatures.is_empty());
    }
}
