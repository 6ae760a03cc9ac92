//! The book's file: appended to, synced, mended after a crash, made shorter when it has grown.

use crate::fault::Fault;
use crate::files;
use quittance_wallet::book::{Book, Record, encode_batch};
use quittance_wallet::folder::BOOK_NAME;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A shorter file is left as it is: reading it takes a millisecond.
const COMPACT_BYTES_MIN: u64 = 1 << 20;

/// The file, open for appending.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    file: File,
    /// Its length, all of it synced.
    bytes: u64,
}

/// What opening the file showed.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) book: Book,
    /// Something was done about the file that its owner should know of.
    pub(crate) notice: Option<String>,
}

/// Reads the book and changes nothing, so no lock is needed: the file is appended to, or replaced as a whole. Empty if there is
/// no file.
///
/// # Errors
/// [`Fault::File`], [`Fault::Exposed`], [`Fault::Damaged`].
pub(crate) fn read(folder: &Path) -> Result<Book, Fault> {
    let path = folder.join(BOOK_NAME);
    if !files::exists(&path)? {
        return Ok(Book::new());
    }
    let bytes = read_bytes(&path)?;
    Ok(Book::replay(&bytes).map_err(damaged(&path))?.book)
}

impl Store {
    /// Opens the book's file, or makes it. What a crash cut off is removed; what has grown long is made shorter. The wallet's
    /// lock must be held.
    ///
    /// # Errors
    /// [`Fault::File`], [`Fault::Exposed`], [`Fault::Damaged`].
    pub(crate) fn open(folder: &Path) -> Result<Opened, Fault> {
        let path = folder.join(BOOK_NAME);
        let is_new = !files::exists(&path)?;
        let bytes = if is_new { Vec::new() } else { read_bytes(&path)? };
        let replay = Book::replay(&bytes).map_err(damaged(&path))?;
        let file = open_file(&path).map_err(Fault::file(&path, ""))?;
        if is_new {
            files::sync_folder(folder)?;
        }
        let mut store = Self { path, file, bytes: replay.good_bytes as u64 };
        let mut notice = None;
        if replay.torn_bytes > 0 {
            store.cut()?;
            notice = Some(format!(
                "the last {} bytes of {} were not written to their end when a command was killed, and are removed; nothing that \
                 depends on them was sent",
                replay.torn_bytes,
                store.path.display()
            ));
        }
        store.sync()?;
        store.compact(&replay.book)?;
        Ok(Opened { store, book: replay.book, notice })
    }

    /// Appends records. They are on disk when this returns; if it fails, nothing that depends on them may leave, and the file
    /// is not to be used again by this process.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        encode_batch(records, self.bytes, &mut bytes);
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(Fault::file(
            &self.path,
            "; nothing that depends on it was sent: make room or see to the disk, then run the command again",
        ))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// What was read may never have reached the medium: a process that is killed before its sync leaves it in the page cache, and
    /// orders would leave that a power cut makes this wallet forget.
    fn sync(&self) -> Result<(), Fault> {
        let synced = self.file.sync_all();
        synced.map_err(Fault::file(&self.path, "; nothing was sent: see to the disk, then run the command again"))
    }

    fn cut(&mut self) -> Result<(), Fault> {
        let cut = self.file.set_len(self.bytes).and_then(|()| self.file.sync_all());
        cut.map_err(Fault::file(&self.path, "; its cut-off end cannot be removed"))
    }

    /// Replaces the file by a shorter one that says the same, if that is at most half as long.
    fn compact(&mut self, book: &Book) -> Result<(), Fault> {
        if self.bytes < COMPACT_BYTES_MIN {
            return Ok(());
        }
        let mut bytes = Vec::new();
        encode_batch(&book.to_records(), 0, &mut bytes);
        if bytes.len() as u64 > self.bytes / 2 {
            return Ok(());
        }
        // A mistake here would cost money, and a look at it costs little.
        let again = Book::replay(&bytes).map_err(damaged(&self.path))?;
        assert!(again.book == *book && again.torn_bytes == 0, "a shorter book says what the longer one says");
        files::replace(&self.path, &bytes)?;
        self.file = open_file(&self.path).map_err(Fault::file(&self.path, ""))?;
        self.bytes = bytes.len() as u64;
        Ok(())
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut files::open_private(path)?, &mut bytes).map_err(Fault::file(path, ""))?;
    Ok(bytes)
}

fn damaged<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Fault {
    let path = path.to_owned();
    move |error| Fault::Damaged {
        what: format!("{error}. To rebuild it, move the file away and run `recover --rebuild`"),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u32) -> Record {
        let mut address = [0; 32];
        address[..4].copy_from_slice(&number.to_le_bytes());
        Record::Account { address }
    }

    fn count(book: &Book) -> usize {
        book.accounts().count()
    }

    fn length(folder: &Path) -> u64 {
        std::fs::metadata(folder.join(BOOK_NAME)).unwrap().len()
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(count(&read(folder.path()).unwrap()), 0);
        for number in 0..3 {
            let mut opened = Store::open(folder.path()).unwrap();
            assert_eq!((count(&opened.book), opened.notice), (number as usize, None));
            opened.store.append(&[account(number)]).unwrap();
        }
        assert_eq!(count(&read(folder.path()).unwrap()), 3);
    }

    #[test]
    fn a_torn_end_is_removed_with_a_notice_and_what_follows_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BOOK_NAME);
        let mut store = Store::open(folder.path()).unwrap().store;
        store.append(&[account(1)]).unwrap();
        let whole = length(folder.path());
        store.append(&[account(2)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for cut in 1..bytes.len() - usize::try_from(whole).unwrap() {
            std::fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
            assert_eq!(count(&read(folder.path()).unwrap()), 1);
            let mut opened = Store::open(folder.path()).unwrap();
            assert!(opened.notice.unwrap().contains("removed"));
            assert_eq!((count(&opened.book), length(folder.path())), (1, whole));
            opened.store.append(&[account(3)]).unwrap();
            assert_eq!(count(&read(folder.path()).unwrap()), 2);
        }
    }

    #[test]
    fn damage_before_the_end_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap().store;
        store.append(&[account(1)]).unwrap();
        let first = usize::try_from(length(folder.path())).unwrap();
        store.append(&[account(2)]).unwrap();
        let path = folder.path().join(BOOK_NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[first / 2] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let fault = Store::open(folder.path()).unwrap_err();
        assert!(fault.to_string().contains("recover --rebuild"), "{fault}");
        assert_eq!(fault.exit_code(), 5);
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it was left as it is");
    }

    #[test]
    fn ten_thousand_records_that_a_killed_command_was_making_shorter_are_whole_and_made_shorter_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(BOOK_NAME);
        let mut store = Store::open(folder.path()).unwrap().store;
        let records: Vec<Record> = (0..10_000).map(account).collect();
        while store.bytes < COMPACT_BYTES_MIN {
            store.append(&records).unwrap();
        }
        drop(store);
        let long = std::fs::read(&path).unwrap();
        let mut short = Vec::new();
        encode_batch(&Book::replay(&long).unwrap().book.to_records(), 0, &mut short);
        // The new file as far as it was written, beside the old one.
        for written in [0, 1, short.len() / 2, short.len() - 1, short.len()] {
            std::fs::write(&path, &long).unwrap();
            std::fs::write(path.with_extension("new"), &short[..written]).unwrap();
            assert_eq!(count(&read(folder.path()).unwrap()), 10_000, "after {written} bytes");
            let mut opened = Store::open(folder.path()).unwrap();
            assert_eq!((count(&opened.book), opened.notice), (10_000, None), "after {written} bytes");
            assert_eq!(std::fs::read(&path).unwrap(), short, "after {written} bytes");
            opened.store.append(&[account(10_000)]).unwrap();
            assert_eq!(count(&read(folder.path()).unwrap()), 10_001, "after {written} bytes");
        }
    }

    #[test]
    fn a_book_that_says_the_same_things_again_and_again_is_made_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap().store;
        let records: Vec<Record> = (0..1_000).map(account).collect();
        while store.bytes < COMPACT_BYTES_MIN {
            store.append(&records).unwrap();
        }
        let long = store.bytes;
        let mut opened = Store::open(folder.path()).unwrap();
        assert!(opened.store.bytes <= long / 2 && opened.store.bytes == length(folder.path()));
        opened.store.append(&[account(1_000)]).unwrap();
        assert_eq!(count(&read(folder.path()).unwrap()), 1_001);
    }
}
