//! The wallet's command. It knows no subcommand yet: every call is answered with what it is.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("usage: quittance-wallet [--help]");
    ExitCode::from(2)
}
