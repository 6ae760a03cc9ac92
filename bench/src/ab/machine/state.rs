//! The folder of the journal of changes.

use std::path::Path;

use quittance_tuning::changes::{Record, StateDirectory, outstanding, read_lines};
use tempfile::TempDir;

use super::error::KnobError;

/// A folder for the journal of one session. Removed with this, unless a change still stands: then it is all that knows the
/// value before.
#[derive(Debug)]
pub(super) struct StateFolder {
    folder: TempDir,
    boot_id: Option<String>,
}

impl StateFolder {
    pub(super) fn new(boot_id: Option<String>) -> Result<Self, KnobError> {
        let folder = tempfile::Builder::new().prefix("quittance-bench-ab-").tempdir().map_err(KnobError::Folder)?;
        Ok(Self { folder, boot_id })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn directory(&self) -> StateDirectory {
        StateDirectory::new(self.path())
    }

    /// Whether no change stands. A journal that cannot be read does not say so.
    pub(super) fn is_idle(&self) -> bool {
        let stands = |records: &[Record]| !outstanding(records, self.boot_id.as_deref(), None, 0).is_empty();
        let text = self.directory().read();
        text.is_ok_and(|text| read_lines(&text).is_ok_and(|(records, _)| !stands(&records)))
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        self.folder.disable_cleanup(!self.is_idle());
    }
}
