//! `--out`.

use super::{claim, write};
use crate::error::BenchError;
use crate::fingerprint::Fingerprint;
use crate::recording::Recording;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where a run's files go.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputOptions {
    /// Write everything that was found into this folder, which is made, or is there and empty: result.json, histograms
    /// (latency.hlog, *.hgrm), timeline.csv, fingerprint.json, and a page to read (report.html).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A folder that is ready to be written, if one was asked for.
#[derive(Debug)]
pub struct Kept(Option<(PathBuf, Fingerprint)>);

impl OutputOptions {
    /// Claims the folder and reads the machine. Call it before anything is measured, and before any thread is pinned.
    ///
    /// # Errors
    /// [`BenchError::Output`]; [`BenchError::Usage`] if the machine cannot be read.
    pub fn prepare(&self, command: String) -> Result<Kept, BenchError> {
        let Some(folder) = &self.out else { return Ok(Kept(None)) };
        claim(folder).map_err(BenchError::Output)?;
        let fingerprint = Fingerprint::read(Path::new("/"), command, SystemTime::now());
        Ok(Kept(Some((folder.clone(), fingerprint.map_err(|error| BenchError::Usage(error.to_string()))?))))
    }
}

impl Kept {
    /// Writes what a run found, and says where.
    ///
    /// # Errors
    /// [`BenchError::Output`].
    pub fn write(self, report: &impl Serialize, recording: &Recording) -> Result<(), BenchError> {
        let Some((folder, fingerprint)) = self.0 else { return Ok(()) };
        let report = serde_json::to_value(report).expect("a report holds strings, numbers and maps with string keys");
        write(&folder, &report, recording, &fingerprint.of_run(&report)).map_err(BenchError::Output)?;
        eprintln!("results are in {}", folder.display());
        Ok(())
    }
}
