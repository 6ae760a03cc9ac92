//! The payer: what a wallet must not forget, and how it pays.
#![forbid(unsafe_code)]

pub mod book;
pub mod certificate;
pub mod check;
pub mod client;
pub mod directory;
pub mod known_roots;
pub mod limits;
pub mod proof;
pub mod terms;
