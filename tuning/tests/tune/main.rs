//! Plan, check, apply, rollback and the rest, against trees in the shape of real machines.
#![forbid(unsafe_code)]

mod bench;
mod commands;
mod confirmation;
mod faults;
mod golden;
mod killed;
mod properties;
mod shapes;
mod tree;
