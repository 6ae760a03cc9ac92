//! A passphrase: what opens a sealed keys file.

use core::fmt;
use zeroize::Zeroizing;

/// Longer ones are mistakes, such as another file's name given. Bytes.
const PASSPHRASE_BYTES_MAX: usize = 1024;

/// So much of a passphrase's file is read: the longest line and its end. Bytes.
pub const PASSPHRASE_FILE_BYTES_MAX: usize = PASSPHRASE_BYTES_MAX + 2;

/// A passphrase: wiped when dropped, never shown.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Why a file's text holds no passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its first line should be a passphrase of 1 to {PASSPHRASE_BYTES_MAX} bytes")]
pub struct PassphraseFault;

impl Passphrase {
    /// This text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The first line of a file's text.
    ///
    /// # Errors
    /// [`PassphraseFault`].
    pub fn of_file(text: &str) -> Result<Self, PassphraseFault> {
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() || line.len() > PASSPHRASE_BYTES_MAX {
            return Err(PassphraseFault);
        }
        Ok(Self::new(line.to_owned()))
    }

    /// Its bytes, as they were typed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_without_its_end() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\nanother line\n"] {
            assert_eq!(Passphrase::of_file(text).unwrap().as_bytes(), b"correct horse");
        }
        for text in ["", "\n", "\nsecond", &"x".repeat(PASSPHRASE_BYTES_MAX + 1)] {
            assert_eq!(Passphrase::of_file(text).unwrap_err(), PassphraseFault);
        }
        assert!(Passphrase::of_file(&"x".repeat(PASSPHRASE_BYTES_MAX)).is_ok());
    }
}
