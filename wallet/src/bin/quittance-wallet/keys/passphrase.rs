//! Where a passphrase comes from: a file, or a person at a terminal.

use crate::fault::Fault;
use crate::files;
use quittance_wallet::keys::{PASSPHRASE_FILE_BYTES_MAX, Passphrase};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The first line of a file that only its owner may read.
///
/// # Errors
/// [`Fault::File`] and [`Fault::Usage`].
fn read(path: &Path) -> Result<Passphrase, Fault> {
    let file = files::open_private(path)?;
    let mut text = Zeroizing::new(String::with_capacity(PASSPHRASE_FILE_BYTES_MAX));
    let limit = PASSPHRASE_FILE_BYTES_MAX as u64;
    file.take(limit).read_to_string(&mut text).map_err(Fault::file(path, "; it should hold a passphrase"))?;
    Passphrase::of_file(&text).map_err(|fault| Fault::Usage(format!("{}: {fault}", path.display())))
}

/// Where to take a passphrase from when one is needed.
#[derive(Clone, Debug)]
pub(crate) struct PassphraseSource {
    /// The file named by an option or the environment.
    pub(crate) file: Option<PathBuf>,
}

impl PassphraseSource {
    /// The passphrase of something that is sealed: `None` if no file is named and nobody can be asked.
    ///
    /// # Errors
    /// [`Fault::File`] and [`Fault::Usage`].
    pub(crate) fn ask(&self, what: &str) -> Result<Option<Passphrase>, Fault> {
        match &self.file {
            Some(path) => read(path).map(Some),
            None => Ok(prompt(&format!("Passphrase of {what}: "))),
        }
    }

    /// A passphrase to seal something with. A person types it twice.
    ///
    /// # Errors
    /// [`Fault::File`] and [`Fault::Usage`]; [`Fault::Usage`] if there is none, or the two differ.
    pub(crate) fn ask_new(&self) -> Result<Passphrase, Fault> {
        if let Some(path) = &self.file {
            return read(path);
        }
        let none = || {
            Fault::Usage("no new passphrase: give it with --new-passphrase-file FILE, or run at a terminal".to_owned())
        };
        let first = prompt("New passphrase: ").ok_or_else(none)?;
        let second = prompt("The same again: ").ok_or_else(none)?;
        if first.as_bytes() != second.as_bytes() {
            return Err(Fault::Usage("the two differ; nothing was changed, try again".to_owned()));
        }
        if first.as_bytes().is_empty() {
            return Err(Fault::Usage("it is empty; `passphrase remove` takes the passphrase off".to_owned()));
        }
        Ok(first)
    }
}

/// What a person types at the terminal, unseen; `None` without a terminal. Standard input decides, not `/dev/tty`: a script
/// that is run at a terminal shall end with an error rather than wait for somebody.
fn prompt(text: &str) -> Option<Passphrase> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    rpassword::prompt_password(text).ok().map(Passphrase::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn the_first_line_counts_without_its_end_and_debug_hides_it() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\nanother line\n"] {
            let (_folder, path) = file(text, 0o600);
            let passphrase = read(&path).unwrap();
            assert_eq!(passphrase.as_bytes(), b"correct horse");
            assert_eq!(format!("{passphrase:?}"), "Passphrase(redacted)");
        }
    }

    #[test]
    fn empty_endless_and_readable_files_are_refused() {
        for (text, mode, words) in
            [("", 0o600, "1 to 1024 bytes"), (&"x".repeat(2000), 0o600, "1 to 1024"), ("good", 0o644, "chmod 600")]
        {
            let (_folder, path) = file(text, mode);
            let fault = read(&path).unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
