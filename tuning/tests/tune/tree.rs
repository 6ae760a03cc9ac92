//! Trees of files in a temporary directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

pub(crate) const CPU: &str = "sys/devices/system/cpu";

pub(crate) struct Tree(TempDir);

/// Every file's octets, by its path below the root.
pub(crate) type Content = BTreeMap<String, Vec<u8>>;

/// A temporary directory in memory where the machine has such a place: hundreds of synced lines wait for no disk there.
pub(crate) fn temporary() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a temporary directory can be made")
}

impl Tree {
    pub(crate) fn empty() -> Self {
        Self(temporary())
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn arg(&self) -> &str {
        self.root().to_str().expect("temporary directories have plain names")
    }

    /// Writes a file as the kernel does, with a line break at its end.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("folders can be made");
        fs::write(path, format!("{text}\n")).expect("files can be written");
        self
    }

    pub(crate) fn writes(&self, folder: &str, files: &[(&str, &str)]) -> &Self {
        files.iter().for_each(|(name, text)| {
            self.write(&format!("{folder}/{name}"), text);
        });
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).expect(path).trim().to_owned()
    }

    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("folders can be made");
        symlink(target, path).expect("links can be made");
        self
    }

    pub(crate) fn content(&self) -> Content {
        let mut content = Content::new();
        gather(self.root(), "", &mut content);
        content
    }

    /// Every folder, by its path.
    pub(crate) fn folders(&self) -> Vec<std::path::PathBuf> {
        let mut folders = vec![self.root().to_owned()];
        let mut next = 0;
        while let Some(folder) = folders.get(next).cloned() {
            let entries = fs::read_dir(folder).expect("folders can be read").filter_map(Result::ok);
            folders.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
            next += 1;
        }
        folders
    }
}

fn gather(folder: &Path, prefix: &str, content: &mut Content) {
    for entry in fs::read_dir(folder).expect("folders can be read").filter_map(Result::ok) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().expect("entries have a kind");
        if kind.is_dir() {
            gather(&entry.path(), &format!("{name}/"), content);
        } else if kind.is_file() {
            content.insert(name, fs::read(entry.path()).expect("files can be read"));
        }
    }
}
