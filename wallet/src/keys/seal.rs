//! Sealing: a passphrase becomes a key by Argon2id (RFC 9106), and that key seals bytes by XChaCha20-Poly1305.

use super::Passphrase;
use super::file::KeysFault;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Bytes that sealing adds: the authenticator.
pub(super) const TAG_BYTES: usize = 16;

/// RFC 9106, section 4, the second choice: 64 MiB, three passes, four lanes. A tenth of a second here for whoever knows
/// the passphrase, and as much memory for each guess of who does not.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
/// What a file may ask for: one that was tampered with shall not take all memory, or for ever.
const COST_MAX: Cost = Cost { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };

/// What a guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// What is drawn anew each time that a file is sealed: the salt of its key, and the nonce. Random bytes, never used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub [u8; 16], pub [u8; 24]);

/// How a file is sealed: everything but the passphrase. Salt and nonce are drawn anew each time that it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 24],
}

impl Seal {
    /// With what was drawn for it.
    pub(super) fn new(Salt(salt, nonce): Salt) -> Self {
        Self { cost: COST, salt, nonce }
    }

    /// As the header has it.
    pub(super) fn to_line(&self) -> String {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, nonce) = (hex::encode(self.salt), hex::encode(self.nonce));
        format!("sealed argon2id m={memory_kib} t={passes} p={lanes} salt={salt} nonce={nonce}")
    }

    /// Reads what [`Self::to_line`] wrote, and nothing else.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("sealed argon2id ")?.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name);
        let number = |text: &str| text.parse().ok();
        let cost =
            Cost { memory_kib: number(field("m=")?)?, passes: number(field("t=")?)?, lanes: number(field("p=")?)? };
        let mut seal = Self { cost, salt: [0; 16], nonce: [0; 24] };
        hex::decode_to_slice(field("salt=")?, &mut seal.salt).ok()?;
        hex::decode_to_slice(field("nonce=")?, &mut seal.nonce).ok()?;
        let is_bounded = cost.memory_kib <= COST_MAX.memory_kib
            && (1..=COST_MAX.passes).contains(&cost.passes)
            && (1..=COST_MAX.lanes).contains(&cost.lanes);
        (is_bounded && seal.to_line() == line).then_some(seal)
    }

    /// Seals the bytes where they are; the header is authenticated with them. The tag goes behind them.
    pub(super) fn close(
        &self,
        passphrase: &Passphrase,
        header: &[u8],
        bytes: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], KeysFault> {
        let cipher = self.cipher(passphrase)?;
        let tag = cipher.encrypt_inout_detached(&XNonce::from(self.nonce), header, bytes.into());
        Ok(tag.expect("a keys file is far shorter than the 2^38 bytes that the cipher takes").into())
    }

    /// Opens the bytes where they are.
    ///
    /// # Errors
    /// [`KeysFault::WrongPassphrase`]: or whoever changed the file also made its digest fit.
    pub(super) fn open(
        &self,
        passphrase: &Passphrase,
        header: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), KeysFault> {
        let cipher = self.cipher(passphrase)?;
        let opened = cipher.decrypt_inout_detached(&XNonce::from(self.nonce), header, bytes.into(), &Tag::from(*tag));
        opened.map_err(|_| KeysFault::WrongPassphrase)
    }

    fn cipher(&self, passphrase: &Passphrase) -> Result<XChaCha20Poly1305, KeysFault> {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| KeysFault::Header)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut())
            .map_err(|fault| KeysFault::Derivation(fault.to_string()))?;
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_unbounded_costs_are_refused() {
        let seal = Seal::new(Salt([5; 16], [6; 24]));
        let line = seal.to_line();
        assert_eq!(Seal::of_line(&line), Some(seal));
        for (from, to) in [("m=65536", "m=4000000"), ("t=3", "t=0"), ("t=3", "t=100"), ("p=4", "p=99"), ("p=4", "p=04")]
        {
            assert_eq!(Seal::of_line(&line.replace(from, to)), None, "{to}");
        }
        assert_eq!(Seal::of_line(&(line + " ")), None);
    }
}
