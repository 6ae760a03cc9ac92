//! A wallet's folder, taken for the run: its lock, its secrets, its book.

use crate::error::BenchError;
use quittance_wallet::book::Book;
use quittance_wallet::folder::{BOOK_NAME, KEYS_NAME, LOCK_NAME};
use quittance_wallet::keys::{FILE_BYTES_MAX, KeysFile, PASSPHRASE_FILE_BYTES_MAX, Passphrase, Secrets};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// An open wallet. No command of the wallet changes it until this is dropped.
#[derive(Debug)]
pub struct Folder {
    /// The accounts' secrets.
    pub secrets: Secrets,
    /// What the wallet knows.
    pub book: Book,
    /// The book's file, for appending, and how much of it there is: all of it synced.
    pub file: File,
    /// Its length in bytes.
    pub file_bytes: u64,
    /// Closing it gives the lock back.
    pub lock: File,
}

impl Folder {
    /// Takes the wallet in this folder.
    ///
    /// # Errors
    /// [`BenchError::Wallet`]: it is not there, in use, damaged, sealed with another passphrase. [`BenchError::Machine`].
    pub fn open(folder: &Path, passphrase_file: Option<&Path>) -> Result<Self, BenchError> {
        let keys = folder.join(KEYS_NAME);
        if !keys.is_file() {
            let what = "there is no wallet with keys in it; make one with `quittance-wallet create-accounts`";
            return Err(wrong(folder, what));
        }
        let lock = take_lock(folder)?;
        let secrets = read_secrets(&keys, passphrase_file)?;
        let (book, file, file_bytes) = open_book(&folder.join(BOOK_NAME))?;
        Ok(Self { secrets, book, file, file_bytes, lock })
    }
}

fn take_lock(folder: &Path) -> Result<File, BenchError> {
    let path = folder.join(LOCK_NAME);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(machine(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(wrong(folder, "another command uses this wallet; wait for its end, then try again"));
        }
        Err(error) => return Err(machine(&path)(error.into())),
    }
    // For those who wait for it and want to say for whom.
    let note = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    note.map_err(machine(&path))?;
    Ok(file)
}

fn read_secrets(path: &Path, passphrase_file: Option<&Path>) -> Result<Secrets, BenchError> {
    let fault = |fault: quittance_wallet::keys::KeysFault| wrong(path, &fault.to_string());
    let keys = KeysFile::parse(read_private(path, FILE_BYTES_MAX)?).map_err(fault)?;
    let passphrase = match passphrase_file {
        Some(file) if keys.is_sealed() => Some(read_passphrase(file)?),
        _ => None,
    };
    keys.open(passphrase.as_ref()).map_err(fault)
}

fn read_passphrase(path: &Path) -> Result<Passphrase, BenchError> {
    let bytes = read_private(path, PASSPHRASE_FILE_BYTES_MAX as u64)?;
    let text = str::from_utf8(&bytes).map_err(|_| wrong(path, "it should hold a passphrase, and is no text"))?;
    Passphrase::of_file(text).map_err(|fault| wrong(path, &fault.to_string()))
}

/// The start of a file that only its owner may read, up to so many bytes, in memory that is wiped and does not grow.
fn read_private(path: &Path, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, BenchError> {
    let file = File::open(path).map_err(machine(path))?;
    let metadata = file.metadata().map_err(machine(path))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(wrong(path, &format!("others may read it; run: chmod 600 {}", path.display())));
    }
    let length = metadata.len().min(bytes_max);
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(length).expect("bounded to what fits memory")]);
    (&file).take(length).read_exact(&mut bytes).map_err(machine(path))?;
    Ok(bytes)
}

/// The book, and its file without what a crash cut off at its end: nothing that depends on that was sent.
fn open_book(path: &Path) -> Result<(Book, File, u64), BenchError> {
    let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(machine(path))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(machine(path))?;
    let replay = Book::replay(&bytes).map_err(|error| wrong(path, &error.to_string()))?;
    let good_bytes = replay.good_bytes as u64;
    if replay.torn_bytes > 0 {
        file.set_len(good_bytes).and_then(|()| file.sync_all()).map_err(machine(path))?;
    }
    Ok((replay.book, file, good_bytes))
}

fn wrong(path: &Path, what: &str) -> BenchError {
    BenchError::Wallet(format!("{}: {what}", path.display()))
}

fn machine(path: &Path) -> impl FnOnce(io::Error) -> BenchError {
    let task = format!("using {}", path.display());
    move |error| BenchError::machine(task, error, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_wallet::book::{Record, encode_batch};
    use quittance_wallet::keys::{Salt, Secret};

    fn private(path: &Path, bytes: &[u8]) {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .unwrap()
            .write_all(bytes)
            .unwrap();
    }

    /// A wallet of two accounts, sealed if there is a passphrase.
    fn wallet(passphrase: Option<&Passphrase>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new((1..=2).map(|seed| Secret::from_seed(Zeroizing::new([seed; 32]))).collect());
        let records: Vec<Record> =
            secrets.all().iter().map(|secret| Record::Account { address: secret.address() }).collect();
        let sealing = passphrase.map(|passphrase| (passphrase, Salt([1; 16], [2; 24])));
        private(&folder.path().join(KEYS_NAME), &KeysFile::make(&secrets, sealing).unwrap());
        let mut book = Vec::new();
        encode_batch(&records, 0, &mut book);
        private(&folder.path().join(BOOK_NAME), &book);
        folder
    }

    #[test]
    fn a_wallet_is_taken_by_one_at_a_time() {
        let folder = wallet(None);
        let taken = Folder::open(folder.path(), None).unwrap();
        assert_eq!((taken.secrets.all().len(), taken.book.accounts().count()), (2, 2));
        let text = Folder::open(folder.path(), None).unwrap_err().to_string();
        assert!(text.contains("another command"), "{text}");
        drop(taken);
        Folder::open(folder.path(), None).unwrap();
    }

    #[test]
    fn sealed_keys_open_with_their_passphrase_and_with_no_other() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        let folder = wallet(Some(&passphrase));
        let file = folder.path().join("passphrase");
        let open = |text: &str| {
            private(&file, text.as_bytes());
            Folder::open(folder.path(), Some(&file))
        };
        assert_eq!(open("correct horse\n").unwrap().secrets.all().len(), 2);
        assert!(open("correct horsf\n").unwrap_err().to_string().contains("passphrase is wrong"));
        let text = Folder::open(folder.path(), None).unwrap_err().to_string();
        assert!(text.contains("--passphrase-file"), "{text}");
    }

    #[test]
    fn a_torn_end_of_the_book_is_cut_off_and_damage_is_refused() {
        let folder = wallet(None);
        let path = folder.path().join(BOOK_NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len();
        private(&path, &[&bytes[..], &[7; 20]].concat());
        assert_eq!(Folder::open(folder.path(), None).unwrap().file_bytes, length as u64);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length as u64);
        let mut second = Vec::new();
        encode_batch(&[Record::Account { address: [9; 32] }], length as u64, &mut second);
        bytes[20] ^= 1;
        private(&path, &[bytes, second].concat());
        let text = Folder::open(folder.path(), None).unwrap_err().to_string();
        assert!(text.contains("damaged"), "{text}");
    }

    #[test]
    fn no_wallet_and_keys_that_others_may_read_are_refused_with_the_remedy() {
        let empty = tempfile::tempdir().unwrap();
        assert!(Folder::open(empty.path(), None).unwrap_err().to_string().contains("create-accounts"));
        let folder = wallet(None);
        let keys = folder.path().join(KEYS_NAME);
        std::fs::set_permissions(&keys, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Folder::open(folder.path(), None).unwrap_err().to_string().contains("chmod 600"));
    }
}
