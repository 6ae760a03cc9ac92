//! What the command line takes, and what it refuses.

use super::*;
use clap::CommandFactory;
use std::path::PathBuf;

fn parse(arguments: &[&str]) -> Result<RunOptions, clap::Error> {
    let cli = Cli::try_parse_from(std::iter::once(&"quittance-bench").chain(arguments))?;
    match cli.into_command() {
        Command::Run(options) => Ok(options),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn no_subcommand_means_run() {
    let (bare, named) = (parse(&["--accounts", "7"]).unwrap(), parse(&["run", "--accounts", "7"]).unwrap());
    assert_eq!((bare.accounts, bare.payments), (7, 300_000));
    assert_eq!((named.accounts, named.payments), (7, 300_000));
    assert!(parse(&[]).unwrap().saturated_payments() >= 200_000);
}

#[test]
fn verify_has_rounds_of_its_own_and_fewer_if_quick() {
    let rounds = |arguments: &[&str]| {
        let cli = Cli::try_parse_from(["quittance-bench", "verify"].iter().chain(arguments)).unwrap();
        match cli.into_command() {
            Command::Verify(options) => options.rounds_used(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((rounds(&[]), rounds(&["--quick"]), rounds(&["--quick", "--rounds", "7"])), (81, 5, 7));
    assert!(Cli::try_parse_from(["quittance-bench", "verify", "--rounds", "0"]).is_err());
}

#[test]
fn what_a_journal_needs_is_refused_where_there_is_none() {
    assert_eq!(parse(&["--data", "/a,/b"]).unwrap().data, [PathBuf::from("/a"), PathBuf::from("/b")]);
    for arguments in [&["--data", "/a"][..], &["--journal-mib", "8"], &["--no-price"], &["--no-history"]] {
        assert!(parse(arguments).is_ok(), "{arguments:?}");
        assert!(parse(&[&["--volatile"], arguments].concat()).is_err(), "{arguments:?}");
    }
}

#[test]
fn figures_out_of_bounds_are_refused() {
    for arguments in
        [["--accounts", "1"], ["--sockets", "0"], ["--window", "20000"], ["--committee", "0"], ["--rate", "0"]]
    {
        assert!(parse(&arguments).is_err(), "{arguments:?}");
    }
}

#[test]
fn phases_say_how_many_payments_there_are_and_exclude_what_says_otherwise() {
    let options = parse(&["--phase", "warm-up:100/1s", "--phase", "200..400/2s", "--arrivals", "poisson"]).unwrap();
    assert_eq!((options.payment_count().unwrap(), options.arrivals), (700, ArrivalsChoice::Poisson));
    for other in [["--payments", "9"], ["--rate", "9"], ["--window", "9"], ["--warm-up", "9"]] {
        assert!(parse(&[&["--phase", "200/1s"], &other[..]].concat()).is_err(), "{other:?}");
    }
    let error = parse(&["--phase", "200/1"]).unwrap_err().to_string();
    assert!(error.contains("write a whole number and its unit"), "{error}");
    assert!(parse(&["--phase", "a:1/1s", "--phase", "a:1/1s"]).unwrap().payment_count().is_err());
}

#[test]
fn a_warm_up_leaves_something_to_measure() {
    assert_eq!(parse(&["--payments", "90", "--warm-up", "59"]).unwrap().payment_count().unwrap(), 90);
    assert!(parse(&["--payments", "90", "--warm-up", "60"]).unwrap().payment_count().is_err());
}

#[test]
fn whoever_names_a_rate_has_it_kept() {
    let is_strict = |arguments: &[&str]| parse(arguments).unwrap().is_strict();
    assert!(!is_strict(&[]) && !is_strict(&["--arrivals", "poisson"]));
    assert!(is_strict(&["--strict"]) && is_strict(&["--rate", "5"]) && is_strict(&["--phase", "5/1s"]));
}

#[test]
fn the_window_is_at_most_half_of_the_accounts() {
    assert_eq!(parse(&["--accounts", "500"]).unwrap().window_used(), 250);
    assert_eq!(parse(&["--accounts", "2"]).unwrap().window_used(), 1);
    assert_eq!(parse(&["--volatile"]).unwrap().window_used(), 512);
    assert_eq!(parse(&[]).unwrap().window_used(), 4_096);
    assert_eq!(parse(&["--window", "64"]).unwrap().window_used(), 64);
}
