//! The machine and what was found on it, the plan for it and what came of it, for people and for programs.

mod change;
mod explain;
mod history;
mod json;
mod plan;
mod table;
mod text;

pub use change::{applied_json, applied_text, undone_json, undone_text};
pub use explain::{explain_json, explain_text};
pub use history::{history_json, history_text};
pub use json::{FORMAT_VERSION, Report, json};
pub use plan::{check_text, plan_json, plan_text};
pub use text::text;
