//! The wallet's own keys file: opened, added to, sealed anew.

use super::{ACCOUNTS_MAX, KeysFile, Passphrase, PassphraseSource, Secret, Secrets};
use crate::fault::Fault;
use crate::files;
use quittance_engine::types::Address;
use quittance_verify::SecretKey;
use quittance_wallet::keys::{FILE_BYTES_MAX, Salt};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The wallet's secrets, and what they are sealed with.
#[derive(Debug)]
pub(crate) struct Vault {
    path: PathBuf,
    secrets: Secrets,
    passphrase: Option<Passphrase>,
}

impl Vault {
    /// Opens the file; without one the vault is empty.
    ///
    /// # Errors
    /// [`Fault::File`], [`Fault::Keys`], those of the passphrase.
    pub(crate) fn open(path: &Path, source: &PassphraseSource) -> Result<Self, Fault> {
        if !files::exists(path)? {
            return Ok(Self { path: path.to_owned(), secrets: Secrets::default(), passphrase: None });
        }
        let (secrets, passphrase) = read(path, source, "the wallet")?;
        Ok(Self { path: path.to_owned(), secrets, passphrase })
    }

    /// All secrets.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// What the file is sealed with.
    pub(crate) fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// The key that signs for an account.
    ///
    /// # Errors
    /// [`Fault::Usage`] if the wallet has none; [`Fault::Damaged`] if it is another account's.
    pub(crate) fn key(&self, address: &Address) -> Result<SecretKey, Fault> {
        let shown = quittance_engine::address::encode(address);
        let secret = self.secrets.of(address).ok_or_else(|| {
            Fault::Usage(format!(
                "the wallet has no key of {shown}; import it with `import-key`, or name another account"
            ))
        })?;
        secret.key().ok_or_else(|| Fault::Damaged {
            path: self.path.clone(),
            what: format!("the secret of {shown} is another account's; restore a copy of the file"),
        })
    }

    /// Adds accounts. They are on disk when this returns.
    ///
    /// # Errors
    /// [`Fault::Usage`] if there are too many; [`Fault::File`], [`Fault::Keys`].
    pub(crate) fn add(&mut self, more: &[Secret]) -> Result<(), Fault> {
        let count = self.secrets.all().len() + more.len();
        if count > ACCOUNTS_MAX {
            return Err(Fault::Usage(format!(
                "a wallet holds {ACCOUNTS_MAX} accounts, and this would make {count}; use another --wallet for the rest"
            )));
        }
        self.secrets = self.secrets.with(more);
        self.write()
    }

    /// Seals the file with another passphrase, or with none.
    ///
    /// # Errors
    /// [`Fault::File`], [`Fault::Keys`].
    pub(crate) fn reseal(&mut self, passphrase: Option<Passphrase>) -> Result<(), Fault> {
        self.passphrase = passphrase;
        self.write()
    }

    fn write(&self) -> Result<(), Fault> {
        files::replace(&self.path, &write_file(&self.path, &self.secrets, self.passphrase.as_ref())?)
    }
}

/// Reads any keys file, asking for the passphrase if it is sealed. Returns the passphrase, too.
///
/// # Errors
/// [`Fault::File`], [`Fault::Keys`], those of the passphrase.
pub(crate) fn read(path: &Path, source: &PassphraseSource, what: &str) -> Result<(Secrets, Option<Passphrase>), Fault> {
    let mut file = files::open_private(path)?;
    let bytes = read_wiped(&mut file).map_err(Fault::file(path, ""))?;
    debug_assert!(bytes.len() as u64 <= FILE_BYTES_MAX);
    let file = KeysFile::parse(bytes).map_err(Fault::keys(path))?;
    let passphrase = if file.is_sealed() { source.ask(what)? } else { None };
    let secrets = file.open(passphrase.as_ref()).map_err(Fault::keys(path))?;
    Ok((secrets, passphrase))
}

/// The bytes of a keys file with these secrets, for this path; sealed if there is a passphrase.
///
/// # Errors
/// [`Fault::Keys`]; [`Fault::Random`].
pub(crate) fn write_file(
    path: &Path,
    secrets: &Secrets,
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let sealing = passphrase.map(|passphrase| Ok::<_, Fault>((passphrase, draw_salt()?))).transpose()?;
    KeysFile::make(secrets, sealing).map_err(Fault::keys(path))
}

/// Never the same twice.
fn draw_salt() -> Result<Salt, getrandom::Error> {
    let mut salt = Salt([0; 16], [0; 24]);
    getrandom::fill(&mut salt.0)?;
    getrandom::fill(&mut salt.1)?;
    Ok(salt)
}

/// Reads a whole file into memory that is wiped, without growing.
///
/// # Errors
/// What the system says, or `InvalidData` if the file is longer than any keys file.
fn read_wiped(file: &mut std::fs::File) -> io::Result<Zeroizing<Vec<u8>>> {
    let length = file.metadata()?.len();
    if length > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than any keys file"));
    }
    let length = usize::try_from(length).expect("bounded above");
    let mut bytes = Zeroizing::new(vec![0; length]);
    io::Read::read_exact(file, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn source() -> PassphraseSource {
        PassphraseSource { file: None }
    }

    fn secret(seed: u8) -> Secret {
        Secret::from_seed(Zeroizing::new([seed; 32]))
    }

    #[test]
    fn what_is_added_is_on_disk_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mut vault = Vault::open(&path, &source()).unwrap();
        vault.add(&[secret(1)]).unwrap();
        vault.add(&[secret(2)]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let vault = Vault::open(&path, &source()).unwrap();
        let addresses: Vec<Address> = vault.secrets().all().iter().map(Secret::address).collect();
        assert_eq!(addresses, [secret(1).address(), secret(2).address()]);
        assert_eq!(vault.key(&secret(2).address()).unwrap().public_key_bytes(), secret(2).address());
        assert!(vault.key(&[9; 32]).unwrap_err().to_string().contains("import-key"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written is left");
    }

    #[test]
    fn two_seals_share_neither_salt_nor_nonce() {
        let (one, two) = (draw_salt().unwrap(), draw_salt().unwrap());
        assert!(one.0 != two.0 && one.1 != two.1);
    }
}
