//! The machine and what was found on it, for people and for programs.

mod json;
mod table;
mod text;

pub use json::{FORMAT_VERSION, Report, json};
pub use text::text;
