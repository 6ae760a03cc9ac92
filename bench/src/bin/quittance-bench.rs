//! The load generator's command. See the library's docs for what its figures mean.
#![forbid(unsafe_code)]

use clap::{CommandFactory, Parser};
use quittance_bench::ab::{AbOptions, KNOBS};
use quittance_bench::attach::AttachOptions;
use quittance_bench::compare::CompareOptions;
use quittance_bench::error::BenchError;
use quittance_bench::merge::MergeOptions;
use quittance_bench::objective::{Judged, Judgement};
use quittance_bench::options::{Cli, Command, CrashOptions, RestartOptions, RunOptions, VerifyOptions};
use quittance_bench::page::ReportOptions;
use quittance_bench::pay::PayOptions;
use quittance_bench::run::run;
use quittance_bench::sim::SimOptions;
use quittance_bench::sink::SinkOptions;
use quittance_bench::sweep::SweepOptions;
use quittance_bench::{ab, attach, compare, crash, merge, page, pay, report, restart, sim, sink, sweep, verify};
use serde::Serialize;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a run in which the generator measured itself.
const INVALID: u8 = 97;
/// Of a comparison in which a gated metric got worse.
const REGRESSION: u8 = 98;
/// Of a run that is well and misses its objective.
const OBJECTIVE_MISSED: u8 = 99;

fn main() -> ExitCode {
    let ended = match Cli::parse().into_command() {
        Command::Run(options) => measure(&options),
        Command::Attach(options) => join(&options),
        Command::Pay(options) => pay(&options),
        Command::Pages(pages) => pages.print(Cli::command()).map(|()| ExitCode::SUCCESS).map_err(BenchError::Pages),
        Command::Verify(options) => check_signatures(&options),
        Command::Crash(options) => kill(&options),
        Command::Restart(options) => start(&options),
        Command::Compare(options) => tell_apart(&options),
        Command::Ab(options) if options.list => Ok(name_knobs(options.run.json)),
        Command::Ab(options) => turn_knob(&options),
        Command::Sweep(options) => search(&options),
        Command::Report(options) => show(&options),
        Command::Merge(options) => add_up(&options),
        Command::Sink(options) => offer(&options),
        Command::Sim(options) if options.mutants => hunt(&options),
        Command::Sim(options) => simulate(&options),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("quittance-bench: {error}");
        ExitCode::from(error.exit_code())
    })
}

/// Runs, prints, and says by the exit code whether all is well.
fn measure(options: &RunOptions) -> Result<ExitCode, BenchError> {
    let kept = options.output.prepare(command_line())?;
    let (report, recording) = run(options, command_line())?;
    let judged = Judged::new(&report, options.slo.as_ref());
    kept.write(&judged, &recording)?;
    if options.json {
        print_json(&judged);
    } else {
        println!("{}", report::table(&report));
    }
    report.invalid_because.iter().for_each(|reason| eprintln!("quittance-bench: the run is invalid: {reason}"));
    judged.objective.iter().flat_map(Judgement::lines).for_each(|line| eprintln!("objective {line}"));
    // A failure says more than an invalid figure, and that more than a missed objective.
    let failures = report.failures();
    Ok(match (report.valid, judged.is_missed()) {
        _ if !failures.is_empty() => concluded(&failures),
        (false, _) => ExitCode::from(INVALID),
        (true, true) => ExitCode::from(OBJECTIVE_MISSED),
        (true, false) => ExitCode::SUCCESS,
    })
}

/// Measures a committee that runs already, prints, and says by the exit code whether all is well.
fn join(options: &AttachOptions) -> Result<ExitCode, BenchError> {
    let kept = options.output.prepare(command_line())?;
    let (report, recording) = attach::attach(options, command_line())?;
    kept.write(&report, &recording)?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", attach::table(&report));
    }
    Ok(concluded(&report.failures()))
}

/// Pays by the wallet's command, again and again, and prints how long it took.
fn pay(options: &PayOptions) -> Result<ExitCode, BenchError> {
    let report = pay::pay(options, command_line())?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", pay::table(&report));
    }
    Ok(concluded(&report.failures()))
}

/// Kills an authority again and again, prints, and says by the exit code whether it forgot anything.
fn kill(options: &CrashOptions) -> Result<ExitCode, BenchError> {
    let report = crash::crash(options, command_line())?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", crash::table(&report));
    }
    Ok(concluded(&report.failures()))
}

/// Fills an authority's journal, times its starts, and prints.
fn start(options: &RestartOptions) -> Result<ExitCode, BenchError> {
    let report = restart::restart(options, command_line())?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", restart::table(&report));
    }
    Ok(concluded(&report.failures()))
}

/// Compares two sides, prints, and says by the exit code whether the second is worse.
fn tell_apart(options: &CompareOptions) -> Result<ExitCode, BenchError> {
    let comparison = compare::compare(options, command_line())?;
    if options.run.json {
        print_json(&comparison);
    } else {
        println!("{}", compare::table(&comparison));
    }
    comparison.regressions.iter().for_each(|metric| eprintln!("quittance-bench: {metric} is worse"));
    let is_worse = comparison.failures.is_empty() && !comparison.regressions.is_empty();
    Ok(if is_worse { ExitCode::from(REGRESSION) } else { concluded(&comparison.failures) })
}

/// Measures what a knob is worth, and prints.
fn turn_knob(options: &AbOptions) -> Result<ExitCode, BenchError> {
    let effect = ab::ab(options, command_line())?;
    if options.run.json {
        print_json(&effect);
    } else {
        println!("{}", ab::table(&effect));
    }
    Ok(concluded(&effect.comparison.failures))
}

/// Prints the knobs.
fn name_knobs(as_json: bool) -> ExitCode {
    if as_json {
        print_json(&KNOBS);
    } else {
        println!("{}", ab::list());
    }
    ExitCode::SUCCESS
}

/// Offers orders to a sink, prints, and says by the exit code whether the rate was kept.
fn offer(options: &SinkOptions) -> Result<ExitCode, BenchError> {
    let report = sink::sink(options, command_line())?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", sink::table(&report));
    }
    let failures = report.failures();
    if failures.is_empty() && !report.kept { Ok(ExitCode::from(INVALID)) } else { Ok(concluded(&failures)) }
}

/// Simulates, prints, and says by the exit code whether anything was that must never be.
fn simulate(options: &SimOptions) -> Result<ExitCode, BenchError> {
    let report = sim::sim(options, command_line())?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", sim::text(&report));
    }
    Ok(concluded(&report.failures()))
}

/// Plants bugs, prints, and says by the exit code whether all were found.
fn hunt(options: &SimOptions) -> Result<ExitCode, BenchError> {
    let hunts = sim::mutants::hunt_all(options)?;
    if options.json {
        print_json(&hunts);
    } else {
        print!("{}", sim::mutants::text(&hunts));
    }
    let missed = hunts.iter().filter(|hunt| hunt.caught == 0);
    let missed: Vec<_> = missed.map(|hunt| format!("no seed found the bug {}", hunt.mutant)).collect();
    Ok(concluded(&missed))
}

/// Says what failed; exit code 1 if anything did.
fn concluded(failures: &[String]) -> ExitCode {
    failures.iter().for_each(|failure| eprintln!("quittance-bench: {failure}"));
    ExitCode::from(u8::from(!failures.is_empty()))
}

/// Searches, prints, and says by the exit code whether any rate meets the objective.
fn search(options: &SweepOptions) -> Result<ExitCode, BenchError> {
    let found = sweep::sweep(options, command_line())?;
    if options.run.json {
        print_json(&found);
    } else {
        println!("{}", sweep::table(&found));
    }
    Ok(if found.knee.is_some() { ExitCode::SUCCESS } else { ExitCode::from(OBJECTIVE_MISSED) })
}

/// Makes a folder's page again.
fn show(options: &ReportOptions) -> Result<ExitCode, BenchError> {
    println!("{}", page::write(&options.folder).map_err(BenchError::Output)?.display());
    Ok(ExitCode::SUCCESS)
}

/// Merges folders.
fn add_up(options: &MergeOptions) -> Result<ExitCode, BenchError> {
    println!("{}", merge::merge(options, &command_line()).map_err(BenchError::Merge)?.display());
    Ok(ExitCode::SUCCESS)
}

/// Measures signature checks and prints what was found.
fn check_signatures(options: &VerifyOptions) -> Result<ExitCode, BenchError> {
    let report = verify::verify(options, command_line())?;
    if options.json {
        print_json(&report);
    } else {
        println!("{}", verify::table(&report));
    }
    Ok(ExitCode::SUCCESS)
}

/// One object, one line.
fn print_json(report: &impl Serialize) {
    let json = serde_json::to_string(report).expect("a report holds strings, numbers and maps with string keys");
    println!("{json}");
}

/// The command that repeats this run.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| quoted(&argument.to_string_lossy()));
    std::iter::once("quittance-bench".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// As a shell reads it back.
fn quoted(argument: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,:".contains(letter);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}
