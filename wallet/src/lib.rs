//! The payer: what a wallet must not forget, how it pays, and what proves that it did.
//!
//! The library is a step machine and nothing else ([`client::Client`]): datagrams and the time go in; records to be written,
//! datagrams and events come out. It has no clock, socket, file or thread, and draws no random bytes; it builds for
//! wasm32-unknown-unknown. The command gives it those; the simulator gives it others.
//!
//! # What it holds on to
//! - **Written, then sent.** An order is in the [`book`] before a datagram of it leaves, and so is a certificate. A wallet that
//!   stops at any moment goes on from its records, and what it began is finished once.
//! - **One order at a time, never another in its place.** An order that was signed may have votes. A second one of the same
//!   sequence number could leave both without a quorum, and the account without its use.
//! - **Nothing is believed that is not signed, but for hints.** Votes, receipts and certificates are checked down to the
//!   authority's signature. Balances, pages and refusals without a proof are hints: they steer what is tried next, and where
//!   they decide, so much weight must say it that one of them is honest.
//! - **Weight counts, not heads**, and each authority's once.
//!
//! # An authority that lacks something
//! The payer brings it. It says which payment of an account it misses first: certificates are carried there in order
//! (`client/carry.rs`), from the book or, if need be, from the other authorities' histories (`client/fetch.rs`). If it does not
//! know of money that others know of, payments received are carried there. So an authority that was away catches up with every
//! account that pays, and no two authorities have to talk.
//!
//! # Map
//! - [`terms`]: network, committee, weights. [`directory`]: where each shard listens.
//! - [`certificate`]: certificates that are kept, checked, and handed on as text.
//! - [`book`]: what a wallet knows, and the records that change it.
//! - [`client`]: the step machine; its docs have a map of their own.
//! - [`proof`]: judging one reply. [`known_roots`]: roots whose signature was checked. [`check`]: who checks and who signs.
//! - [`keys`]: the accounts' secrets, and the file that holds them.
//! - [`folder`]: what lies in a wallet's folder, by name.
//! - [`limits`]: every bound. [`mutant`]: bugs that are planted to be found.
//! - `bin/quittance-wallet/`: the command.
//!
//! # Dependencies
//! - `quittance-engine`: messages, the committee, refusals. `quittance-net`: frames. `quittance-verify`: signatures, trees.
//! - `bytemuck`: frames as bytes. `hex`: certificates as text. `crc32fast`: the records' checksums.
//! - `blake3`: the digest of a keys file. `argon2`, `chacha20poly1305`: a passphrase's key, and what is sealed with it.
//!   `zeroize`: wiping secrets from memory.
//! - `thiserror`: the error types' messages.
#![forbid(unsafe_code)]

pub mod book;
pub mod certificate;
pub mod check;
pub mod client;
pub mod directory;
#[cfg(test)]
mod fixture;
pub mod folder;
pub mod keys;
pub mod known_roots;
pub mod limits;
pub mod mutant;
pub mod proof;
pub mod terms;
