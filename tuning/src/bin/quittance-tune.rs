//! The operator's command: shows what the machine is and what to change before an authority runs on it.
#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use quittance_tuning::fingerprint::{self, Outcome};
use quittance_tuning::pages::Pages;
use quittance_tuning::{Machine, findings, jitter, report};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked for could not be done, or the report not be written.
const EXIT_FAILED: u8 = 1;

/// The command line is wrong (clap uses this number too), or the tree to read is no machine's.
const EXIT_USAGE: u8 = 2;

/// The machine is not what it was compared with.
const EXIT_DIFFERS: u8 = 3;

const EXIT_CODES: &str = "Exit codes:
  0  done; findings do not change it
  1  the report, or a page, could not be written; a core could not be watched
  2  the command line is wrong, or --sysroot is not a directory with proc or sys in it
  3  only for `fingerprint --compare`: the machine differs";

/// Shows what a machine is and what to change before a payment authority runs on it.
#[derive(Parser)]
#[command(name = "quittance-tune", version, after_help = EXIT_CODES)]
struct Command {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Print cores, caches, memory, limits, io_uring and NICs, then the findings.
    ///
    /// Changes nothing and needs no privilege. On the running machine it creates two small io_uring rings and closes
    /// them at once, to see whether they can be had. Limits and allowed cores are those of this process: run it under
    /// the same user, cgroup and unit as the authority. What the machine does not expose is shown as "not exposed".
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Print one JSON object instead of text: every field always there, null for what is not exposed, units at the
        /// end of names.
        #[arg(long)]
        json: bool,
        /// Read proc and sys below DIR, a copy of another machine's; no ring is tried then.
        #[arg(long, value_name = "DIR", default_value = "/")]
        sysroot: PathBuf,
    },
    /// Watch cores: how long they keep a thread that only wants to run from running, and who took them.
    ///
    /// Binds a thread to each core, reads the clock back to back, and counts the times between two readings that are
    /// too long. Takes all of a core's time meanwhile; needs no privilege. On a machine at work the work is to blame.
    #[command(after_help = EXIT_CODES)]
    Jitter(jitter::Options),
    /// Print what figures measured here depend on, and one number that stands for all of it.
    ///
    /// Two results are comparable where the numbers are equal. Limits and allowed cores are those of this process.
    #[command(after_help = EXIT_CODES)]
    Fingerprint(fingerprint::Options),
    /// What shells and readers of manuals want.
    #[command(flatten)]
    Pages(Pages),
}

fn main() -> ExitCode {
    match Command::parse().act {
        Act::Show { json, sysroot } => show(&sysroot, json),
        Act::Jitter(options) => match options.run() {
            Ok(report) => print(&report),
            Err(error) => failed(EXIT_FAILED, &error),
        },
        Act::Fingerprint(options) => match options.run() {
            Ok(Outcome { text, differs: false }) => print(&text),
            Ok(Outcome { text, differs: true }) => {
                print(&text);
                ExitCode::from(EXIT_DIFFERS)
            }
            Err(error) => failed(EXIT_USAGE, &error),
        },
        Act::Pages(pages) => match pages.print(Command::command()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(EXIT_FAILED, &error),
        },
    }
}

fn show(sysroot: &Path, json: bool) -> ExitCode {
    match Machine::read(sysroot) {
        Ok(machine) => print(&rendered(&machine, json)),
        Err(error) => failed(EXIT_USAGE, &error),
    }
}

fn rendered(machine: &Machine, json: bool) -> String {
    let found = findings(machine);
    if json { report::json(machine, &found) + "\n" } else { report::text(machine, &found) }
}

/// A reader that has seen enough (`| head`) is no failure.
fn print(report: &str) -> ExitCode {
    let mut output = io::stdout().lock();
    match output.write_all(report.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => failed(EXIT_FAILED, &error),
        _ => ExitCode::SUCCESS,
    }
}

fn failed(code: u8, error: &dyn std::error::Error) -> ExitCode {
    // Nothing is left to do when even this cannot be written.
    let _ = writeln!(io::stderr(), "quittance-tune: {error}");
    ExitCode::from(code)
}
