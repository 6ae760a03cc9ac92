//! A wallet's folder, opened: its lock, its book, its keys; and which of its accounts someone means.

use crate::console::Console;
use crate::fault::Fault;
use crate::files;
use crate::keys::{PassphraseSource, Vault};
use crate::lock::{self, Lock};
use crate::options::Common;
use crate::store::{self, Store};
use quittance_engine::address;
use quittance_engine::types::Address;
use quittance_wallet::book::Book;
use quittance_wallet::folder::KEYS_NAME;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The shortest beginning of an address that stands for it: four characters behind the prefix.
const SHORT_CHARACTERS_MIN: usize = 8;

/// An open wallet. Nobody else writes to it until this is dropped.
#[derive(Debug)]
pub(crate) struct Wallet {
    folder: PathBuf,
    pub(crate) book: Book,
    pub(crate) store: Store,
    _lock: Lock,
}

impl Wallet {
    /// Opens the wallet that is there.
    ///
    /// # Errors
    /// [`Fault::Usage`] if there is none; [`Fault::InUse`], [`Fault::Damaged`], [`Fault::File`], [`Fault::Exposed`].
    pub(crate) fn open(common: &Common, console: &Console) -> Result<Self, Fault> {
        let folder = folder(common)?;
        if !files::exists(&folder)? {
            return Err(no_wallet(&folder));
        }
        Self::open_folder(folder, common.timeout, console)
    }

    /// Opens the wallet, and makes it if it is not there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_or_make(common: &Common, console: &Console) -> Result<Self, Fault> {
        let folder = folder(common)?;
        files::make_folder(&folder)?;
        Self::open_folder(folder, common.timeout, console)
    }

    /// Opens the wallet if nobody else uses it at this moment.
    ///
    /// # Errors
    /// As [`Self::open`], but for [`Fault::InUse`].
    pub(crate) fn open_if_free(common: &Common, console: &Console) -> Result<Option<Self>, Fault> {
        let folder = folder(common)?;
        if !files::exists(&folder)? {
            return Ok(None);
        }
        match Self::open_folder(folder, Duration::ZERO, console) {
            Err(Fault::InUse { .. }) => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn open_folder(folder: PathBuf, patience: Duration, console: &Console) -> Result<Self, Fault> {
        files::check_folder(&folder)?;
        let lock = lock::take(&folder, patience, |notice| console.notice(notice))?;
        let opened = Store::open(&folder)?;
        if let Some(notice) = &opened.notice {
            console.notice(notice);
        }
        Ok(Self { folder, book: opened.book, store: opened.store, _lock: lock })
    }

    /// The wallet's keys. Asks for the passphrase if they are sealed.
    ///
    /// # Errors
    /// Those of [`Vault::open`].
    pub(crate) fn vault(&self, common: &Common) -> Result<Vault, Fault> {
        Vault::open(&self.folder.join(KEYS_NAME), &passphrase_source(common))
    }
}

/// What the wallet's book says, without keeping anyone from writing to it. Empty if there is no wallet.
///
/// # Errors
/// [`Fault::Damaged`], [`Fault::File`], [`Fault::Exposed`].
pub(crate) fn read_book(common: &Common) -> Result<Book, Fault> {
    let folder = folder(common)?;
    if !files::exists(&folder)? {
        return Ok(Book::new());
    }
    files::check_folder(&folder)?;
    store::read(&folder)
}

/// Where the wallet's passphrase comes from.
pub(crate) fn passphrase_source(common: &Common) -> PassphraseSource {
    PassphraseSource { file: common.passphrase_file.clone() }
}

/// The account of this wallet that a text means: its address, or a beginning of it that no other account has.
///
/// # Errors
/// [`Fault::Usage`].
pub(crate) fn own_account(book: &Book, text: &str) -> Result<Address, Fault> {
    let text = text.trim();
    if let Ok(address) = address::decode(text) {
        return match book.account(&address) {
            Some(_) => Ok(address),
            None => Err(Fault::Usage(format!(
                "{text} is not in this wallet's book; `status` lists what is; if its key is here, run `recover --rebuild`"
            ))),
        };
    }
    short_account(book, text)
}

/// The account that a text means: anybody's address, or a beginning that stands for one of this wallet's.
///
/// # Errors
/// [`Fault::Usage`].
pub(crate) fn any_account(book: &Book, text: &str) -> Result<Address, Fault> {
    let text = text.trim();
    match address::decode(text) {
        Ok(address) => Ok(address),
        Err(fault) if text.len() >= address::ADDRESS_CHARACTERS => Err(Fault::Usage(fault.to_string())),
        Err(_) => short_account(book, text),
    }
}

fn short_account(book: &Book, text: &str) -> Result<Address, Fault> {
    if text.len() >= address::ADDRESS_CHARACTERS {
        let fault = address::decode(text).err().map(|fault| fault.to_string());
        return Err(Fault::Usage(fault.unwrap_or_else(|| format!("{text} is no address"))));
    }
    let start = text.to_ascii_lowercase();
    if start.len() < SHORT_CHARACTERS_MIN || !start.starts_with(address::ADDRESS_PREFIX) {
        return Err(Fault::Usage(format!(
            "{text:?} is no address; give all of it, or for the wallet's own accounts at least its first \
             {SHORT_CHARACTERS_MIN} characters, from `{}` on",
            address::ADDRESS_PREFIX
        )));
    }
    let mut found =
        book.accounts().map(|(account, _)| account).filter(|account| address::encode(account).starts_with(&start));
    match (found.next(), found.next()) {
        (Some(account), None) => Ok(*account),
        (Some(one), Some(other)) => Err(Fault::Usage(format!(
            "{text} begins {} and {}; give more of it",
            address::encode(one),
            address::encode(other)
        ))),
        (None, _) => Err(Fault::Usage(format!("no account of this wallet begins with {text}; `status` lists them"))),
    }
}

fn folder(common: &Common) -> Result<PathBuf, Fault> {
    common.folder().map_err(Fault::Usage)
}

fn no_wallet(folder: &Path) -> Fault {
    Fault::Usage(format!(
        "there is no wallet at {}; make one with `create-accounts`, or name another with --wallet DIR",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_wallet::book::Record;

    fn book(accounts: &[Address]) -> Book {
        let mut book = Book::new();
        accounts.iter().for_each(|address| book.apply(&Record::Account { address: *address }).unwrap());
        book
    }

    /// The second differs from the first in the last of its bits.
    fn alike() -> [Address; 2] {
        let mut other = [7; 32];
        other[31] = 8;
        [[7; 32], other]
    }

    #[test]
    fn an_account_is_meant_by_its_address_or_a_beginning_that_is_its_alone() {
        let book = book(&[[1; 32], alike()[0], alike()[1]]);
        let text = address::encode(&[1; 32]);
        for given in [&text[..], &text[..8], &text[..20], &text.to_ascii_uppercase(), &text[..9].to_ascii_uppercase()] {
            assert_eq!(own_account(&book, given).unwrap(), [1; 32], "{given}");
            assert_eq!(any_account(&book, given).unwrap(), [1; 32], "{given}");
        }
        assert_eq!(own_account(&book, &address::encode(&alike()[1])).unwrap(), alike()[1]);
    }

    #[test]
    fn a_beginning_that_is_too_short_unknown_or_of_two_is_refused_in_words() {
        let book = book(&[[1; 32], alike()[0], alike()[1]]);
        let (one, other) = (address::encode(&[1; 32]), address::encode(&alike()[0]));
        for (text, words) in [
            (&one[..7], "first 8 characters"),
            ("", "no address"),
            (&other[..12], "give more of it"),
            ("qtn1qqqqqq", "no account of this wallet"),
            (&address::encode(&[9; 32]), "is not in this wallet"),
            (&format!("{}q", &one[..61]), "wrong"),
        ] {
            let fault = own_account(&book, text).unwrap_err();
            assert!(fault.to_string().contains(words) && fault.exit_code() == 2, "{text}: {fault}");
        }
        assert_eq!(any_account(&book, &address::encode(&[9; 32])).unwrap(), [9; 32]);
    }
}
