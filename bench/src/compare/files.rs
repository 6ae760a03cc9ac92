//! Results that runs left behind.

use super::notes;
use super::options::Paths;
use super::session::{Run, Runs, Side};
use crate::error::BenchError;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Results of one side, at most: far more than anyone waits for.
pub const RESULT_COUNT_MAX: usize = 1_000;
/// The file of a run's folder that has its figures.
const RESULT: &str = "result.json";
/// The largest file read. A result takes some ten kilobytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What one side of a comparison is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An authority that can be run.
    Executable(PathBuf),
    /// Files with results.
    Results(Vec<PathBuf>),
}

impl Source {
    /// Finds out what is meant: a folder is a run's, or one of several runs' folders; a file that may be executed is an
    /// executable; any other file has results.
    ///
    /// # Errors
    /// [`BenchError::Usage`].
    pub fn find(paths: &Paths) -> Result<Self, BenchError> {
        if let [path] = paths.as_slice()
            && is_executable(path)
        {
            return Ok(Self::Executable(path.clone()));
        }
        let found = paths.as_slice().iter().map(|path| results(path)).collect::<Result<Vec<_>, _>>()?.concat();
        Ok(Self::Results(found))
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// The result files that a path stands for.
fn results(path: &Path) -> Result<Vec<PathBuf>, BenchError> {
    if path.is_file() && !is_executable(path) {
        return Ok(vec![path.to_owned()]);
    }
    let shown = path.display();
    if path.is_file() {
        return Err(BenchError::Usage(format!("{shown} is an executable: a side has one of those, and nothing else")));
    }
    if path.join(RESULT).is_file() {
        return Ok(vec![path.join(RESULT)]);
    }
    let entries = fs::read_dir(path).map_err(|error| {
        BenchError::Usage(format!(
            "{shown}: {error}; name an authority's executable, results (run --json), or run folders"
        ))
    })?;
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path().join(RESULT))).collect();
    found.retain(|file| file.is_file());
    found.sort_unstable();
    if found.is_empty() {
        return Err(BenchError::Usage(format!("{shown} has no {RESULT}, and no folder in it has one")));
    }
    Ok(found)
}

/// Reads all results of both sides. A file may have several, one after the other.
///
/// # Errors
/// [`BenchError::Usage`] for a file that holds something else, or too many results; [`BenchError::Machine`].
pub(super) fn read(sides: [&[PathBuf]; 2]) -> Result<Runs, BenchError> {
    let mut runs = Runs::default();
    for (side, files) in Side::BOTH.into_iter().zip(sides) {
        let start = runs.runs.len();
        for file in files {
            let reports = reports(file)?;
            for (index, report) in reports.into_iter().enumerate() {
                let failed = notes::failures(&report);
                runs.failures.extend(failed.iter().map(|failure| format!("{} ({index}): {failure}", file.display())));
                runs.runs.push(Run { side, block_index: runs.runs.len() - start, report });
            }
        }
        if runs.runs.len() - start > RESULT_COUNT_MAX {
            return Err(BenchError::Usage(format!("a side has more than {RESULT_COUNT_MAX} results")));
        }
    }
    Ok(runs)
}

fn reports(file: &Path) -> Result<Vec<Value>, BenchError> {
    let shown = file.display();
    let machine = |error| BenchError::machine(format!("reading {shown}"), error, "");
    if fs::metadata(file).map_err(machine)?.len() > FILE_BYTES_MAX {
        return Err(BenchError::Usage(format!("{shown} is larger than {FILE_BYTES_MAX} bytes: no result is")));
    }
    let bytes = fs::read(file).map_err(machine)?;
    let reports = serde_json::Deserializer::from_slice(&bytes).into_iter().collect::<Result<Vec<Value>, _>>();
    let reports = reports.map_err(|error| BenchError::Usage(format!("{shown} is no JSON: {error}")))?;
    let is_result = |report: &Value| report["settled"].is_u64() && report["payments"].is_u64();
    if reports.is_empty() || !reports.iter().all(is_result) {
        let fault = format!("{shown} holds something that is no result of a run (quittance-bench run --json)");
        return Err(BenchError::Usage(fault));
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&Path]) -> Paths {
        Paths::from(paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>())
    }

    /// A folder with `0/result.json` and `1/result.json`, an empty folder, and an executable.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for index in ["0", "1"] {
            fs::create_dir(folder.path().join(index)).unwrap();
            fs::write(folder.path().join(index).join(RESULT), r#"{"settled": 5, "payments": 5, "lost": 0}"#).unwrap();
        }
        fs::create_dir(folder.path().join("empty")).unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[test]
    fn folders_files_and_executables_are_told_apart() {
        let folder = folder();
        let [all, first, program, empty] = ["", "0", "program", "empty"].map(|name| folder.path().join(name));
        let (file, other) = (first.join(RESULT), folder.path().join("1").join(RESULT));
        assert_eq!(Source::find(&paths(&[&program])).unwrap(), Source::Executable(program.clone()));
        assert_eq!(Source::find(&paths(&[&all])).unwrap(), Source::Results(vec![file.clone(), other.clone()]));
        assert_eq!(Source::find(&paths(&[&first, &other])).unwrap(), Source::Results(vec![file.clone(), other]));
        for wrong in [&[&*empty][..], &[&program, &file], &[Path::new("/nowhere")]] {
            assert_eq!(Source::find(&paths(wrong)).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn a_file_may_have_several_results_and_those_that_failed_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("several.json");
        let good = r#"{"settled": 5, "payments": 5, "lost": 0, "audit": {"ok": true}}"#;
        fs::write(&file, format!("{good}\n{good}\n")).unwrap();
        let one = core::slice::from_ref(&file);
        let runs = read([one, one]).unwrap();
        assert_eq!((runs.runs.len(), runs.failures.len()), (4, 0));
        let bad = r#"{"settled": 4, "payments": 5, "lost": 1, "audit": {"ok": false}}"#;
        fs::write(&file, format!("{good}{bad}")).unwrap();
        let failures = read([one, &[]]).unwrap().failures;
        assert!(failures[0].ends_with("(1): 1 payments were lost") && failures[1].ends_with("its audit failed"));
        for text in ["", "{}", "[1, 2]", "{\"settled\": ", "words"] {
            fs::write(&file, text).unwrap();
            assert_eq!(read([one, &[]]).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
