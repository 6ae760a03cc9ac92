//! `completions` and `man`: made from the command line's own description.

use crate::console::{self, Console, Report};
use crate::fault::Fault;
use crate::options::CommandLine;
use clap::CommandFactory;
use clap_complete::Shell;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Written {
    folder: String,
    pages: Vec<String>,
}

pub(crate) fn completions(shell: Shell) -> Result<(), Fault> {
    let mut command = CommandLine::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    console::print(&script)
}

pub(crate) fn man(folder: Option<&Path>, console: &Console) -> Result<(), Fault> {
    let mut command = CommandLine::command();
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).expect("a vector takes any bytes");
        return console::print(&page);
    };
    command.build();
    let mut pages = Vec::new();
    std::fs::create_dir_all(folder).map_err(Fault::file(folder, ""))?;
    write_pages(&command, folder, &mut pages)?;
    console.report(&Written { folder: folder.display().to_string(), pages })
}

fn write_pages(command: &clap::Command, folder: &Path, pages: &mut Vec<String>) -> Result<(), Fault> {
    let subcommands = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    for sub in subcommands {
        write_pages(sub, folder, pages)?;
    }
    let man = clap_mangen::Man::new(command.clone());
    let path = folder.join(man.get_filename());
    let mut page = Vec::new();
    man.render(&mut page).expect("a vector takes any bytes");
    std::fs::write(&path, page).map_err(Fault::file(&path, ""))?;
    pages.push(path.display().to_string());
    Ok(())
}

impl Report for Written {
    fn text(&self) -> String {
        format!("{} manual pages are in {}", self.pages.len(), self.folder)
    }
}
