//! `completions` and `man`: made from the command line's own description.

use crate::fault::Fault;
use crate::options::Command;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{ErrorKind, Write, stdout};
use std::path::Path;

/// Prints a shell's completions.
pub(crate) fn completions(shell: Shell) -> Result<(), Fault> {
    let mut command = Command::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)
}

/// Prints the manual page, or writes one for each subcommand into a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<(), Fault> {
    let command = Command::command();
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).expect("a vector takes any bytes");
        return print(&page);
    };
    let fault = |source| Fault::File { path: folder.to_owned(), source, remedy: "" };
    std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)).map_err(fault)
}

/// A reader that has seen enough (`| head`) is no failure.
fn print(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Fault::File { path: "/dev/stdout".into(), source, remedy: "" })
        }
        _ => Ok(()),
    }
}
