//! The readers, the findings and the command, against written trees and against this machine.
#![forbid(unsafe_code)]

mod command;
mod findings;
mod fingerprint;
mod jitter;
mod readers;
mod report;
mod run;
mod tree;
