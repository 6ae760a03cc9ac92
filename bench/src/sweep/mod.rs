//! The highest rate that meets an objective.
//!
//! | file | what it holds |
//! |---|---|
//! | `search.rs` | which rate is tried next, and what all trials say |

pub mod search;
