//! The private file: an authority's secret key and where its shards listen. TOML, mode 0600.

use crate::fault::Fault;
use quittance_engine::committee::MemberEntry;
use quittance_verify::SecretKey;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// The file's contents. The secret is wiped from memory when this is dropped.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrivateFile {
    #[serde(with = "hex::serde")]
    secret: [u8; 32],
    #[serde(with = "hex::serde")]
    key: [u8; 32],
    /// The IP address at which payers reach the authority.
    pub(crate) host: IpAddr,
    /// UDP port of shard 0.
    pub(crate) port: u16,
    /// How many shards.
    pub(crate) shards: u16,
}

impl PrivateFile {
    /// A new authority's file.
    pub(crate) fn new(seed: &[u8; 32], host: IpAddr, port: u16, shards: u16) -> Self {
        Self { secret: *seed, key: SecretKey::from_seed(seed).public_key_bytes(), host, port, shards }
    }

    /// The secret key.
    pub(crate) fn secret_key(&self) -> SecretKey {
        SecretKey::from_seed(&self.secret)
    }

    /// What others may know: an entry of the committee file.
    pub(crate) fn member_entry(&self) -> MemberEntry {
        MemberEntry { key: self.key, host: self.host, port: self.port, shards: self.shards, weight: 1 }
    }

    /// Writes a new file that only its owner can read, to disk before this returns.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Fault> {
        let text = Zeroizing::new(toml::to_string(self).expect("integers and strings are TOML"));
        let fault = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AlreadyExists => Fault::Text {
                path: path.to_owned(),
                fault: "it exists, and an authority's key is never overwritten: choose another name".to_owned(),
            },
            _ => Fault::File { path: path.to_owned(), source, remedy: "" },
        };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fault)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)
    }

    /// Reads the file. One that others can read is refused, and so is one whose two keys do not belong together.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let wrong = |fault: String| Fault::Text { path: path.to_owned(), fault };
        let mut file = File::open(path).map_err(Fault::read(path))?;
        let mode = file.metadata().map_err(Fault::read(path))?.mode();
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(wrong(format!("others may read or write it (mode {:o}); run: chmod 600 {path}", mode & 0o777)));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(Fault::read(path))?;
        // The parser's own message quotes the line, which may hold the secret.
        let private: Self = toml::from_str(&text).map_err(|error| {
            wrong(format!("not a private file of `quittance-authority generate`: {}", error.message()))
        })?;
        if private.secret_key().public_key_bytes() != private.key {
            return Err(wrong("`key` does not belong to `secret`; restore the file that `generate` wrote".to_owned()));
        }
        Ok(private)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn new() -> PrivateFile {
        PrivateFile::new(&[7; 32], "127.0.0.1".parse().unwrap(), 9_100, 2)
    }

    #[test]
    fn a_written_file_reads_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.toml");
        new().write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(PrivateFile::read(&path).unwrap().member_entry(), new().member_entry());
        let refusal = new().write(&path).unwrap_err().to_string();
        assert!(refusal.contains("choose another name"), "{refusal}");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.toml");
        new().write(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let fault = PrivateFile::read(&path).err().unwrap();
        assert!(fault.to_string().contains("chmod 600"), "{fault}");
        assert_eq!(fault.exit_code(), 2);
    }

    #[test]
    fn keys_that_do_not_match_are_refused_and_no_message_shows_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let secret = hex::encode([7; 32]);
        let good = toml::to_string(&new()).unwrap();
        let spoiled = [good.replace(&secret, &hex::encode([8; 32])), good.replace(&secret, &format!("{secret}zz"))];
        for (index, text) in spoiled.iter().enumerate() {
            let path = folder.path().join(index.to_string());
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let message = PrivateFile::read(&path).err().unwrap().to_string();
            assert!(!message.contains(&secret) && !message.contains("0808"), "{message}");
        }
    }
}
