//! Files that must be private, whole, and still there after a power failure.

use crate::fault::Fault;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Whether something has this name.
///
/// # Errors
/// [`Fault::File`] if that cannot be seen.
pub(crate) fn exists(path: &Path) -> Result<bool, Fault> {
    path.try_exists().map_err(Fault::file(path, ""))
}

/// Makes the wallet's folder, for its owner alone, if it is not there. One that is there must be so already.
///
/// # Errors
/// [`Fault::File`], [`Fault::Exposed`].
pub(crate) fn make_folder(path: &Path) -> Result<(), Fault> {
    let fault = || Fault::file(path, "; it is where the wallet keeps its keys; name another with --wallet DIR");
    if !exists(path)? {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault())?;
        if let Some(parent) = parent_of(path) {
            sync_folder(parent)?;
        }
    }
    check_folder(path)
}

/// # Errors
/// [`Fault::Exposed`] if others may look into the folder or change it; [`Fault::File`] if it is none.
pub(crate) fn check_folder(path: &Path) -> Result<(), Fault> {
    let metadata = std::fs::metadata(path).map_err(Fault::file(path, ""))?;
    if !metadata.is_dir() {
        let source = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(Fault::File { path: path.to_owned(), source, remedy: "; --wallet names a folder" });
    }
    check_mode(path, metadata.mode(), "700")
}

/// Opens a file that only its owner may read and write.
///
/// # Errors
/// [`Fault::File`]; [`Fault::Exposed`] if others may.
pub(crate) fn open_private(path: &Path) -> Result<File, Fault> {
    let file = File::open(path).map_err(Fault::file(path, ""))?;
    let mode = file.metadata().map_err(Fault::file(path, ""))?.mode();
    check_mode(path, mode, "600")?;
    Ok(file)
}

/// Puts these bytes in place of a file's, or makes the file: after a power failure it has the old bytes or the new.
///
/// # Errors
/// [`Fault::File`].
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    // One name for all attempts: what a killed one left behind is overwritten by the next. The wallet's lock is held.
    let temporary = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        // A file that was left behind keeps its mode.
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(Fault::file(path, "; it was left as it is"))?;
    sync_folder(parent_of(path).unwrap_or(Path::new(".")))
}

/// Writes a file that must not be there yet, with this mode. It is on disk when this returns.
///
/// # Errors
/// [`Fault::File`].
pub(crate) fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Fault> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    let remedy = |error: &io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => "; it is never overwritten: choose another name",
        _ => "",
    };
    write().map_err(|source| Fault::File { path: path.to_owned(), remedy: remedy(&source), source })?;
    sync_folder(parent_of(path).unwrap_or(Path::new(".")))
}

/// Makes a name that was added to a folder survive a power failure.
///
/// # Errors
/// [`Fault::File`].
pub(crate) fn sync_folder(path: &Path) -> Result<(), Fault> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Fault::file(path, "; the folder cannot be synced"))
}

/// The folder that a name is in; `None` for the root.
pub(crate) fn parent_of(path: &Path) -> Option<&Path> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn check_mode(path: &Path, mode: u32, wanted: &'static str) -> Result<(), Fault> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Fault::Exposed { path: path.to_owned(), mode: mode & 0o777, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_folder_is_private_and_an_open_one_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("wallet");
        make_folder(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        set_mode(&path, 0o750);
        let fault = make_folder(&path).unwrap_err();
        assert!(fault.to_string().contains("chmod 700"), "{fault}");
        assert_eq!(fault.exit_code(), 3);
    }

    #[test]
    fn replacing_leaves_one_private_file_even_after_a_killed_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(path.with_extension("new"), "half").unwrap();
        set_mode(&path.with_extension("new"), 0o644);
        for bytes in ["one", "two"] {
            replace(&path, bytes.as_bytes()).unwrap();
            assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), (bytes, 0o600));
        }
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn a_file_is_made_once_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certificate");
        create(&path, b"one", 0o644).unwrap();
        let fault = create(&path, b"two", 0o644).unwrap_err().to_string();
        assert!(fault.contains("never overwritten"), "{fault}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
