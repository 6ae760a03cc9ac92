//! The page of a folder of results: one file, without scripts and without anything from elsewhere, readable by day and by
//! night. It is made from the folder alone, so `report DIR` makes it again.
//!
//! | source | what it holds |
//! |---|---|
//! | `run.rs`, `verdict.rs`, `tables.rs` | a run's page: what its template shows |
//! | `sweep.rs` | a search's page, made if the folder has a `sweep.json` |
//! | `plots/` | plots as SVG |
//! | `units.rs`, `options.rs` | numbers for people; the subcommand's options |
//!
//! The templates are in `templates/`; what they show is escaped there, except plots, which escape by themselves.

mod options;
mod plots;
mod run;
mod sweep;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod units;
mod verdict;

pub use options::ReportOptions;

use crate::output::sweep_file::{SWEEP_FILE, Sweep};
use crate::output::{Folder, OutputError, PAGE_FILE, put};
use askama::Template;
use std::path::{Path, PathBuf};

/// Makes the folder's page. Returns where it is.
///
/// # Errors
/// [`OutputError`], all but `NotEmpty`.
pub fn write(folder: &Path) -> Result<PathBuf, OutputError> {
    let page = if folder.join(SWEEP_FILE).is_file() {
        rendered(&sweep::SweepPage::of(&Sweep::read(folder)?))
    } else {
        rendered(&run::RunPage::of(&Folder::read(folder)?))
    };
    put(folder, PAGE_FILE, page.into_bytes())
}

fn rendered(page: &impl Template) -> String {
    page.render().expect("memory takes the page, and every template was checked by the compiler")
}
