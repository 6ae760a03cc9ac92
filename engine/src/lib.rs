//! The authority: what it knows, when it votes, how it settles.
//!
//! The library is a step machine and nothing else. Datagrams and the time go in; signatures to check, credits for other
//! shards and replies come out; verdicts go back in. It has no clock, socket, file or thread, and draws no random bytes:
//! whoever drives it gives it those. So the same code runs in production, in simulation and under a fuzzer, and every run
//! can be repeated. It builds for wasm32-unknown-unknown.
//!
//! # The protocol
//! FastPay (Baudet, Danezis, Sonnino, 2020). A payer sends an **order** to every authority. Each one that finds it in order
//! answers with a **vote**, and never votes for another order of the same account and sequence number. Votes of more than
//! two thirds of the weight make a **certificate**, which anyone may carry to the authorities. Each one that applies it
//! answers with a **receipt**; receipts of as much weight are finality. There is no leader, no block, and no order between
//! payments of different accounts.
//!
//! Where this departs from the paper, or adds to it:
//! - Replies of one batch are leaves of one tree whose root is signed once ([`quittance_verify::tree`]). A vote inside a
//!   certificate brings its path along; a verifier remembers the roots that it has checked.
//! - A certificate carries no payer's signature: the votes say that it was checked, and what nobody checks is not carried.
//! - The votes in a certificate are hashed up to their roots before any signature is checked. An authority's own roots are
//!   known to it from the start.
//! - An account's balance has 128 bits and a sign. A certificate may come before the credit that funds it. And where a
//!   recipient's own payments have not arrived, the same money can be credited to him more than once, with debits missing
//!   in between: the supply bounds what all accounts hold when everything has arrived, not one balance at one authority.
//! - Who was paid can spend it at once: he sends the certificate along, and his order behind it as a chained order, which an
//!   authority holds for a moment if the money is not there yet. So a payment takes one round trip however many hops its money
//!   has come, and no money is lent on the way: the order is judged when the certificate is applied, and not before.
//! - An authority splits its accounts over shards, each with a thread, a port and an [`arena`] of its own. Credits between
//!   them are numbered and applied once ([`credit`]), within a process and between those of one authority ([`peer_link`]).
//!
//! # What it must not forget
//! A vote that is forgotten can be followed by a vote for another order, and then money is stolen. So every change of a
//! shard's state is a record in its [`journal`], and whatever reveals it (votes, receipts, answers, credits for other shards
//! and their acknowledgements) waits in a [`release::Withheld`] queue until that record is on disk, in every copy. The shell
//! writes blocks of records while the shard goes on; snapshots bound how many there are. After a crash a shard is again what
//! it was when it last told anyone.
//!
//! The certificates are kept, too, for those who ask for them later: in a [`history`] beside the journal, as a chain for
//! each account, of which memory holds the newest ends. Others hold them as well, so it has no second copy and is synced
//! about once a second: a power failure may cost the last votes in it, and never a link.
//!
//! # What a bad request gets
//! What is no frame, or is one that only authorities send, gets silence: an answer could be bounced between two
//! authorities for ever. Any other refusal has a code ([`reject::Reject`]). It is unsigned, and no longer than the request,
//! as long as nobody is known to have signed that; a refused order whose signature is good gets a signed refusal, no longer
//! than 1.5 times the order. Everything is counted ([`counters`]).
//!
//! # Map
//! - [`shard`]: the step machine. `shard/admission.rs`: orders and votes. `shard/confirmation.rs`: certificates and
//!   receipts. `shard/credits.rs`, `shard/query.rs`, `shard/replies.rs`: the rest of what it does.
//!   `shard/held_orders.rs`: orders that wait for their money. `shard/durability.rs`: what it writes down.
//!   `shard/history.rs`: certificates kept, and questions about them. `shard/recovery.rs`: its state from a snapshot and records.
//! - [`arena`], [`key_cache`]: accounts, and their decompressed keys. `slab.rs`: tables of fixed capacity.
//! - `held.rs`: the table of orders that wait for their money.
//! - `tally.rs`: the votes of a certificate, counted and hashed. `root_checks.rs`: roots whose signature is being checked.
//! - [`verify_batch`]: signatures on their way to a verifier and back. [`quarantine`]: whose signatures are checked alone.
//! - [`credit`]: credits between shards, exactly once. [`peer_link`]: the same between processes, over a stream of bytes.
//! - [`release`]: what may not leave yet, as a type.
//! - [`journal`]: what a shard writes down before it lets anyone know: its bytes, where they go, and how they are scanned.
//! - [`keeper`]: when they are written, when a snapshot replaces them, and how a shard comes back from them.
//! - [`history`]: what an account paid and received, with the certificates, on disk and in answers.
//! - [`message`]: the bytes that are signed. [`sign`]: who signs them. [`network`]: the network's id, and which shard holds an account.
//! - [`committee`], [`genesis`]: the two files that all authorities and payers share. [`address`]: an account, as people
//!   read it.
//! - [`types`], [`shard_range`], [`reject`], [`limits`]: numbers that must not mix, refusals, and every bound.
//! - [`counters`], [`distribution`]: what is counted, and how large batches are.
//! - [`mutant`]: bugs to plant, in programs built for that.
//! - `bin/quittance-authority/`: the shell; its `main.rs` has a map of its own.
//!
//! Beside the sources, `dashboard/` has what shows and watches an authority's metrics. `fuzz/` has fuzzers of all that reads bytes and of the step machine; `tests/fuzz` runs their harnesses.
//!
//! # Dependencies
//! Of the library:
//! - `quittance-net`: frames. `quittance-verify`: keys, signatures, reply trees.
//! - `bech32`: addresses as people read them.
//! - `blake3`: the names of orders, networks and committees; the tags of blocks and of what peers send.
//! - `bytemuck`: structures as bytes, for signing and for replies.
//! - `crc32fast`: the checksums of a journal block's header and of a history's entries.
//! - `siphasher`: keyed hashing, so that nobody outside can choose addresses that collide.
//! - `serde`, `toml`, `hex`: the committee file and the counters.
//! - `thiserror`: the error types' messages. `zeroize`: wiping keys from memory.
//!
//! Of the shell alone, on Linux:
//! - `clap`: the command line. `core_affinity`: pinning. `mimalloc`: the allocator.
//! - `crossbeam`: bounded lock-free queues, parking, channels. `signal-hook`: signals.
//! - `io-uring`: writing and syncing the journal's copies at once; `libc`: the vectors of such a write. `hdrhistogram`: how
//!   long that takes.
//! - `getrandom`: keys, hash keys, seeds of weights. `httparse`: the heads of requests for metrics.
//! - `serde_json`: what `--json` prints. `quittance-tuning`: what is wrong with the cores given;
//!   completions and manual pages.
//! - `rustix`: the parent-death signal; sockets, `poll` and `eventfd` of the links between processes; for tests, signals to a
//!   running authority.
//!
//! For tests only:
//! - this library itself, with its list of bugs to plant.
//! - `tempfile`: journals that go away.
//! - `stateright`: the model checker behind `tests/model`, which visits every state of small models of this protocol. It
//!   brings a web server along that cannot be left out and is never started.
//! - `shuttle`: decides which thread comes first, where the shell's threads hand work to each other (`sync/` of the command).
//!   Rather than loom, whose search of all orders ends in a few dozen acts: here whole shards take part.
//! - `fuser`, on Linux: a disk that loses power and fails, behind a real process (`tests/faulty_disk`).
#![forbid(unsafe_code)]

pub mod address;
pub mod arena;
pub mod committee;
pub mod counters;
pub mod credit;
pub mod distribution;
pub mod genesis;
mod held;
pub mod history;
pub mod journal;
pub mod keeper;
pub mod key_cache;
pub mod limits;
pub mod message;
pub mod mutant;
pub mod network;
pub mod peer_link;
pub mod quarantine;
pub mod reject;
pub mod release;
mod root_checks;
pub mod shard;
pub mod shard_range;
pub mod sign;
mod slab;
#[cfg(test)]
mod swept;
mod tally;
pub mod types;
pub mod verify_batch;
