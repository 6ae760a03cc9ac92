//! Quittance's load generator: real signed payments against real authority processes, measured, counted and audited.
//!
//! A run makes a committee and funded accounts in a temporary folder, starts the first authority (or all) as a process,
//! signs every order ahead, and drives payments from order to vote to certificate to receipt over UDP. Everything that an
//! authority answers is checked before it counts. In the end every balance is asked for and compared.
//!
//! What the figures mean:
//! - The saturated phase is a closed loop: a bounded number of payments in flight, a new one for each that ends. It finds
//!   the rate; its latencies are those of a full house.
//! - The open loop sends on a schedule whatever happens, and its latencies count from the schedule: a stall of the server
//!   delays payments that were due meanwhile, and that is in the figures. Those from the first send stand beside them.
//! - Schedules may be even or drawn (`--arrivals poisson`), go straight from one rate to another, and follow each other as
//!   phases (`--phase`).
//! - With one running authority of N, the other 2f votes are signed ahead in trees of `--simulated-batch` orders. The batch
//!   decides how many foreign roots the authority must check per payment, so it is part of the result.
//! - With `--live` every authority runs, every vote is its own, and a payment is settled by 2f + 1 receipts. It keeps its
//!   place in the window until all authorities have answered, so the slowest one is seen too; the payer's next payment goes
//!   at once.
//! - Processor time per payment is that of the authority processes over settled payments, at saturation only: in the open
//!   loop they also spin and sleep.
//! - The authorities are durable unless the run says `--volatile`. `journal` has what the first one counted of its commits, and
//!   `journal.disk_flush_us` what one flush of 4 KiB cost before it ran: so the disk can be told from the authority. `price`
//!   sets the rate and the processor time beside those of volatile authorities under the same load, which are driven first.
//! - The workload decides what can go on at the same time: see [`options::WorkloadChoice`] and [`plan::Plan`]. Accounts of the
//!   uniform one pay equally often and never wait for each other; hot accounts wait for themselves, and chained payments for the
//!   one before. `held` counts payments that had to wait; in an open loop their latencies count from the schedule all the same.
//! - Questions for a balance are no payments: `queries` has them. Neither are the datagrams of hostile sources: `hostile` says what
//!   they sent, what was answered, and what the honest payments reached meanwhile.
//! - The generator may be the slower side. `generator.limited` says so, with reasons, and `disturbances` says when something
//!   else ran on the authority's cores: the command's `--help` has the rules.
//!   Where the user named the rate, a generator that was late makes the run invalid.
//! - A payment that is not answered in time is repeated, a bounded number of times, then lost. Nothing is left out:
//!   settled, rejected and lost add up to all, and `accounting` sets the counters of both sides against each other, datagram by
//!   datagram: what is left over is a failure.
//!
//! | files | what they hold |
//! |---|---|
//! | `run.rs`, `scene.rs` | the measurement from end to end, and what it needs |
//! | `attach/` | a committee that runs already, measured over a wallet's accounts |
//! | `crash/` | authorities killed under load, and the proof that nothing was forgotten |
//! | `faults/` | authorities killed, stopped and slowed while the load goes on |
//! | `pay.rs` | what a person waits for who pays |
//! | `restart/` | starts timed, with much to read back |
//! | `options/`, `error.rs`, `limits.rs` | command line, exits, bounds |
//! | `accounts.rs`, `plan/`, `orders.rs`, `votes.rs`, `workload/`, `digest_table.rs` | what is made ahead: who pays whom, and all that is signed |
//! | `load_shard.rs` | the part of one among several load machines |
//! | `random.rs`, `parallel.rs`, `progress.rs`, `interrupt.rs` | with what it is made |
//! | `setup.rs`, `parts.rs`, `ports.rs`, `cores.rs`, `locate.rs`, `process.rs`, `journals.rs`, `cpu.rs` | files, disks and processes |
//! | `drive/`, `timeouts.rs`, `latency.rs` | the load loop |
//! | `terms.rs`, `replies.rs` | who may say what, and whether it is true |
//! | `view/` | what a person sees while a phase is driven |
//! | `world.rs`, `client.rs` | sockets and time |
//! | `intruder/` | hostile sources beside the honest one |
//! | `model.rs`, `audit.rs` | what must be there, and what is |
//! | `accounting/` | ledgers of payments and datagrams, from the counters of both sides |
//! | `sink/` | what the generator itself can offer |
//! | `report/` | table and JSON |
//! | `recording.rs` | whole histograms and a timeline: what files and plots are made from |
//! | `objective/` | what a run must reach, as text, and whether it did |
//! | `compare/`, `ab/`, `stats/` | two sides in turn, and whether they differ |
//! | `output/`, `fingerprint.rs` | the folder of a run: files that other tools read; on which machine, by which program (`build.rs` tells the commit) |
//! | `page/` | the page made from such a folder |
//! | `merge/` | folders of several load machines, added up |
//! | `sim/` | whole committees, simulated |
//! | `verify/` | signature checks by themselves, beside another library's |
//!
//! The subcommand `attach` measures a committee that others started: see [`attach`].
//!
//! The subcommand `pay` measures what a person waits for: see [`pay`].
//!
//! The subcommand `crash` kills a durable authority again and again: see [`crash`].
//!
//! The subcommand `compare` tells a real change from noise: see [`compare`].
//!
//! The subcommand `ab` measures what one knob is worth, of a run or of the machine: see [`ab`].
//!
//! The subcommand `restart` times the start of an authority that has much to read back: see [`restart`].
//!
//! The subcommand `sink` measures the generator alone: see [`sink`].
//!
//! The subcommand `sim` runs whole committees in one thread, with everything going wrong that may: see [`sim`].
//!
//! The subcommand `report` makes the page of a folder of results: see [`page`].
//!
//! The subcommand `merge` adds up what several load machines found: see [`merge`].
//!
//! The subcommand `verify` measures signature checks alone, without authorities or sockets: see [`verify`].
//!
//! # Dependencies
//! - `quittance-engine`: messages, committee and genesis files, rejection codes. `quittance-net`: frames and transports.
//!   `quittance-tuning`: the machine's facts and knobs, completions and manual pages. `quittance-verify`: keys, signature checks, reply trees. `quittance-wallet`: where shards listen, what one reply proves,
//!   a wallet's keys and book.
//! - `blake3`: key seeds of a run, digests of states; in simulations the oracle of signatures, and the trace. `rand_chacha`,
//!   `rand_core`: who pays whom. `getrandom`: the verifier's secret seed.
//! - `bytemuck`: frames as bytes. `hex`: keys in private files.
//! - `ed25519-dalek` (with its feature `batch`): only to compare with, in `verify`. It decides nothing.
//! - `clap`: the command line. `comfy-table`: the table. `indicatif`: progress bars, and the view of a phase. `serde`, `serde_json`: JSON both ways.
//! - `core_affinity`: pinning. `rustix`: signals to children, pinning undone, file system types, clock ticks,
//!   processor time. `signal-hook`: SIGINT and SIGTERM as a flag.
//! - `hdrhistogram` (with its feature `serialization`): latencies, and the logs they are kept in, with `base64`.
//! - `plotters` (SVG only): plots. `askama`: the page's template, checked by the compiler, which escapes what it is given.
//! - `tempfile`: the run's folder. `thiserror`: error texts. `zeroize`: a wallet's secrets, wiped.
//! - `mimalloc`: the command's allocator, as it is the authority's.
#![forbid(unsafe_code)]

pub mod ab;
pub mod accounting;
pub mod accounts;
pub mod attach;
pub mod audit;
pub mod client;
pub mod compare;
pub mod cores;
pub mod cpu;
pub mod crash;
pub mod digest_table;
pub mod drive;
pub mod error;
#[cfg(test)]
mod fake;
pub mod faults;
pub mod fingerprint;
pub mod interrupt;
pub mod intruder;
pub mod journals;
pub mod latency;
pub mod limits;
pub mod load_shard;
pub mod locate;
pub mod merge;
pub mod model;
pub mod objective;
pub mod options;
pub mod orders;
pub mod output;
pub mod page;
pub mod parallel;
pub mod parts;
pub mod pay;
pub mod plan;
pub mod ports;
pub mod process;
pub mod progress;
pub mod random;
pub mod recording;
pub mod replies;
pub mod report;
pub mod restart;
pub mod run;
pub mod scene;
pub mod setup;
pub mod sim;
pub mod sink;
pub mod stats;
pub mod sweep;
pub mod terms;
pub mod timeouts;
pub mod verify;
pub mod view;
pub mod votes;
pub mod workload;
pub mod world;
