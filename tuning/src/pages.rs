//! What shells and readers of manuals want of a command, made from the command line's own description: for each of the
//! operator's commands the same two subcommands.

use clap::{Command, Subcommand};
use clap_complete::Shell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Pages {
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command.
    Man {
        /// The folder to write them to; made if it is not there.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// A page that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {source}; nothing else was done")]
pub struct PagesError {
    place: String,
    source: io::Error,
}

impl Pages {
    /// Prints what is asked for of this command, or writes it to files.
    ///
    /// # Errors
    /// [`PagesError`]. A reader that has seen enough (`| head`) is none.
    pub fn print(&self, mut command: Command) -> Result<(), PagesError> {
        let mut page = Vec::new();
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                clap_complete::generate(*shell, &mut command, name, &mut page);
            }
            Self::Man { out: None } => page = manual(&command),
            Self::Man { out: Some(folder) } => return write_manuals(command, folder),
        }
        let mut output = io::stdout().lock();
        match output.write_all(&page).and_then(|()| output.flush()) {
            Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
                Err(PagesError { place: "standard output".to_owned(), source })
            }
            _ => Ok(()),
        }
    }
}

fn manual(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).expect("a vector takes any bytes");
    page
}

/// A page for the command and for each of its subcommands.
fn write_manuals(mut command: Command, folder: &Path) -> Result<(), PagesError> {
    let error = |path: &Path| {
        let place = path.display().to_string();
        move |source| PagesError { place, source }
    };
    std::fs::create_dir_all(folder).map_err(error(folder))?;
    command.build();
    let subcommands = command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set());
    for page in std::iter::once(&command).chain(subcommands) {
        let path = folder.join(clap_mangen::Man::new(page.clone()).get_filename());
        std::fs::write(&path, manual(page)).map_err(error(&path))?;
    }
    Ok(())
}
