//! The layout of a keys file.
//!
//! ```text
//! quittance-keys 1
//! plain                                                    or: sealed argon2id m=65536 t=3 p=4 salt=... nonce=...
//! SECRET ADDRESS                                           a line of 128 bytes for each account; or these lines sealed
//! digest HEX                                               of all before it
//! ```
//!
//! SECRET is an Ed25519 seed in 64 hexadecimal digits. Sealed are all lines at once, as bytes, then 16 bytes of
//! authenticator; the two lines of header are authenticated with them. The digest tells damage from a wrong passphrase:
//! anyone can compute it, so it protects against accidents alone.

use super::seal::{Salt, Seal, TAG_BYTES};
use super::{KEYS_COUNT_MAX, Passphrase, Secret, Secrets};
use quittance_engine::address::{self, ADDRESS_CHARACTERS};
use zeroize::Zeroizing;

const FIRST_LINE: &str = "quittance-keys 1";
const PLAIN: &str = "plain";
/// A secret, a space, an address, a line end.
const ENTRY_BYTES: usize = 64 + 1 + ADDRESS_CHARACTERS + 1;
const DIGEST_WORD: &[u8] = b"digest ";
/// The last line, its end included.
const DIGEST_LINE_BYTES: usize = DIGEST_WORD.len() + 64 + 1;
const HEADER_BYTES_MAX: usize = 256;
/// The longest file that makes sense: bytes.
pub const FILE_BYTES_MAX: u64 =
    (HEADER_BYTES_MAX + KEYS_COUNT_MAX * ENTRY_BYTES + TAG_BYTES + DIGEST_LINE_BYTES) as u64;

/// Why a keys file gives no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysFault {
    /// Another kind of file.
    #[error("it is no keys file: its first line is not `{FIRST_LINE}`; name the file that the wallet wrote")]
    NotKeys,
    /// A later version's.
    #[error("a later version of the wallet wrote it; use that version")]
    Newer,
    /// The digest does not fit.
    #[error(
        "it is damaged: it is not as the wallet wrote it (the digest in its last line is another); restore a copy of it"
    )]
    Damaged,
    /// The digest fits, and the header makes no sense.
    #[error("its second line is not one that the wallet writes; restore a copy of it")]
    Header,
    /// The digest fits, and an entry makes no sense.
    #[error("entry {0} is not one that the wallet writes; restore a copy of it")]
    Entry(usize),
    /// Sealed, and no passphrase given.
    #[error(
        "it is sealed with a passphrase: give it with --passphrase-file FILE or QUITTANCE_PASSPHRASE_FILE, or run the \
         command at a terminal"
    )]
    NeedsPassphrase,
    /// The file is whole, and the passphrase does not open it.
    #[error("the passphrase is wrong (the file itself is whole); try again")]
    WrongPassphrase,
    /// No memory for the key's derivation.
    #[error("the passphrase's key cannot be computed: {0}; it needs 64 MiB of memory")]
    Derivation(String),
}

/// A keys file's bytes, their digest checked; perhaps still sealed.
pub struct KeysFile {
    /// Wiped: plain, it holds secrets, and it is opened in place.
    bytes: Zeroizing<Vec<u8>>,
    header_bytes: usize,
    seal: Option<Seal>,
}

impl KeysFile {
    /// Takes a file apart, as far as that goes without a passphrase.
    ///
    /// # Errors
    /// [`KeysFault`], of its first four kinds.
    pub fn parse(bytes: Zeroizing<Vec<u8>>) -> Result<Self, KeysFault> {
        let first = line_at(&bytes, 0).unwrap_or_default();
        if first != FIRST_LINE {
            return Err(if first.starts_with("quittance-keys ") { KeysFault::Newer } else { KeysFault::NotKeys });
        }
        let content_bytes = bytes.len().checked_sub(DIGEST_LINE_BYTES).ok_or(KeysFault::Damaged)?;
        let (content, last) = bytes.split_at(content_bytes);
        if last != digest_line(content) {
            return Err(KeysFault::Damaged);
        }
        let second = line_at(content, FIRST_LINE.len() + 1).ok_or(KeysFault::Header)?;
        let seal = match second {
            PLAIN => None,
            line => Some(Seal::of_line(line).ok_or(KeysFault::Header)?),
        };
        let header_bytes = FIRST_LINE.len() + 1 + second.len() + 1;
        Ok(Self { bytes, header_bytes, seal })
    }

    /// Whether a passphrase is needed.
    pub fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// The secrets.
    ///
    /// # Errors
    /// [`KeysFault`].
    pub fn open(mut self, passphrase: Option<&Passphrase>) -> Result<Secrets, KeysFault> {
        let content_bytes = self.bytes.len() - DIGEST_LINE_BYTES;
        let (header, body) = self.bytes[..content_bytes].split_at_mut(self.header_bytes);
        let Some(seal) = &self.seal else { return read_entries(body) };
        let passphrase = passphrase.ok_or(KeysFault::NeedsPassphrase)?;
        let (sealed, tag) = body.split_last_chunk_mut::<TAG_BYTES>().ok_or(KeysFault::Header)?;
        seal.open(passphrase, header, sealed, tag)?;
        read_entries(sealed)
    }

    /// A file with these secrets, sealed if there is a passphrase; the salt is drawn for this one file.
    ///
    /// # Errors
    /// [`KeysFault::Derivation`].
    pub fn make(secrets: &Secrets, sealing: Option<(&Passphrase, Salt)>) -> Result<Zeroizing<Vec<u8>>, KeysFault> {
        let passphrase = sealing.map(|(passphrase, _)| passphrase);
        let seal = sealing.map(|(_, salt)| Seal::new(salt));
        let second = seal.as_ref().map_or(PLAIN.to_owned(), Seal::to_line);
        let header = format!("{FIRST_LINE}\n{second}\n");
        // All at once: what grows leaves secrets behind.
        let room = header.len() + secrets.all().len() * ENTRY_BYTES + TAG_BYTES + DIGEST_LINE_BYTES;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        bytes.extend(header.as_bytes());
        for secret in secrets.all() {
            write_entry(secret, &mut bytes);
        }
        if let Some((seal, passphrase)) = seal.zip(passphrase) {
            let tag = seal.close(passphrase, header.as_bytes(), &mut bytes[header.len()..])?;
            bytes.extend(tag);
        }
        let digest = digest_line(&bytes);
        bytes.extend(digest);
        assert!(bytes.len() <= room, "room was made for all of it");
        Ok(bytes)
    }
}

fn line_at(bytes: &[u8], start: usize) -> Option<&str> {
    let rest = bytes.get(start..)?;
    let window = &rest[..rest.len().min(HEADER_BYTES_MAX)];
    let end = window.iter().position(|byte| *byte == b'\n')?;
    str::from_utf8(&window[..end]).ok()
}

fn digest_line(content: &[u8]) -> Vec<u8> {
    let digest = blake3::derive_key("quittance 2026 keys file: digest of what precedes it", content);
    [DIGEST_WORD, hex::encode(digest).as_bytes(), b"\n"].concat()
}

fn write_entry(secret: &Secret, bytes: &mut Vec<u8>) {
    let mut digits = Zeroizing::new([0; 64]);
    hex::encode_to_slice(*secret.seed, digits.as_mut()).expect("64 digits for 32 bytes");
    bytes.extend_from_slice(digits.as_ref());
    bytes.push(b' ');
    bytes.extend(address::encode(&secret.address).as_bytes());
    bytes.push(b'\n');
}

fn read_entries(body: &[u8]) -> Result<Secrets, KeysFault> {
    let (entries, rest) = body.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return Err(KeysFault::Entry(entries.len() + 1));
    }
    let mut secrets = Vec::with_capacity(entries.len());
    for (number, entry) in (1..).zip(entries) {
        secrets.push(read_entry(entry).ok_or(KeysFault::Entry(number))?);
    }
    Ok(Secrets::new(secrets))
}

fn read_entry(entry: &[u8; ENTRY_BYTES]) -> Option<Secret> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(&entry[..64], seed.as_mut()).ok()?;
    let text = str::from_utf8(&entry[65..ENTRY_BYTES - 1]).ok()?;
    let address = address::decode(text).ok()?;
    (entry[64] == b' ' && entry[ENTRY_BYTES - 1] == b'\n').then_some(Secret { seed, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets::new((1..=3).map(|seed| Secret::from_seed(Zeroizing::new([seed; 32]))).collect())
    }

    fn seeds(secrets: &Secrets) -> Vec<[u8; 32]> {
        secrets.all().iter().map(|secret| *secret.seed).collect()
    }

    fn salted(passphrase: &Passphrase) -> (&Passphrase, Salt) {
        (passphrase, Salt([5; 16], [6; 24]))
    }

    fn opened(bytes: &[u8], passphrase: Option<&Passphrase>) -> Result<Secrets, KeysFault> {
        KeysFile::parse(Zeroizing::new(bytes.to_vec()))?.open(passphrase)
    }

    #[test]
    fn plain_and_sealed_files_read_back() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        for passphrase in [None, Some(&passphrase)] {
            let bytes = KeysFile::make(&secrets(), passphrase.map(salted)).unwrap();
            assert_eq!(KeysFile::parse(bytes.clone()).unwrap().is_sealed(), passphrase.is_some());
            assert_eq!(seeds(&opened(&bytes, passphrase).unwrap()), seeds(&secrets()));
            let empty = KeysFile::make(&Secrets::default(), passphrase.map(salted)).unwrap();
            assert!(opened(&empty, passphrase).unwrap().all().is_empty());
        }
    }

    #[test]
    fn a_sealed_file_shows_no_secret_and_no_account() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        let bytes = KeysFile::make(&secrets(), Some(salted(&passphrase))).unwrap();
        let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        for secret in secrets().all() {
            assert!(!contains(&*secret.seed) && !contains(hex::encode(*secret.seed).as_bytes()));
            assert!(!contains(address::encode(&secret.address).as_bytes()));
        }
    }

    #[test]
    fn a_wrong_passphrase_and_damage_are_told_apart() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        let bytes = KeysFile::make(&secrets(), Some(salted(&passphrase))).unwrap();
        let wrong = Passphrase::new("correct horsf".to_owned());
        assert!(matches!(opened(&bytes, Some(&wrong)), Err(KeysFault::WrongPassphrase)));
        assert!(matches!(opened(&bytes, None), Err(KeysFault::NeedsPassphrase)));
        for place in [20, 60, 200, bytes.len() - 3] {
            let mut damaged = bytes.to_vec();
            damaged[place] ^= 1;
            assert!(matches!(opened(&damaged, Some(&passphrase)), Err(KeysFault::Damaged)), "{place}");
        }
        assert!(matches!(opened(&bytes[..bytes.len() - 1], Some(&passphrase)), Err(KeysFault::Damaged)));
        assert!(matches!(opened(b"something else\n", None), Err(KeysFault::NotKeys)));
        assert!(matches!(opened(b"quittance-keys 2\n", None), Err(KeysFault::Newer)));
    }

    /// Whoever changes the header and makes the digest fit is found out by the seal.
    #[test]
    fn the_header_is_sealed_too() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        let bytes = KeysFile::make(&secrets(), Some(salted(&passphrase))).unwrap();
        let content = &bytes[..bytes.len() - DIGEST_LINE_BYTES];
        let place = content.windows(2).position(|window| window == b"p=").unwrap() + 2;
        let mut changed = content.to_vec();
        changed[place] = b'2';
        changed.extend(digest_line(&changed));
        assert!(matches!(opened(&changed, Some(&passphrase)), Err(KeysFault::WrongPassphrase)));
    }

    #[test]
    fn an_entry_that_makes_no_sense_is_named() {
        let bytes = KeysFile::make(&secrets(), None).unwrap();
        let mut content = bytes[..bytes.len() - DIGEST_LINE_BYTES].to_vec();
        let second_entry = content.len() - 2 * ENTRY_BYTES;
        content[second_entry] = b'x';
        content.extend(digest_line(&content));
        assert!(matches!(opened(&content, None), Err(KeysFault::Entry(2))));
    }
}
