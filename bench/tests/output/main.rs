//! Folders of results: written by the real command, described by the schema, and read by other programs.
//!
//! | file | what it tries |
//! |---|---|
//! | `command.rs` | `run --out`, `report` and `merge` |
//! | `schema.rs` | `result.json` against its schema |
//! | `tools.rs`, `read_back.py` | histograms, read and written by HdrHistogram's Python and Java libraries |
//! | `made.rs` | a recording made by hand |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod command;
#[path = "../common/mod.rs"]
mod common;
mod made;
mod schema;
mod tools;
