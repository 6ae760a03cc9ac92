//! Whole committees of real processes, with a real wallet beside them. Cargo has all executables built when they are asked for.
//!
//! | file | what it tries |
//! |---|---|
//! | `network.rs` | committees, wallets, and what a command said |
//! | `attach.rs` | a running committee, measured over a wallet's accounts |
//! | `kubernetes.rs` | the manifests: what they ask of the commands, and of the cluster |
//! | `readme.rs` | the walk through the README, as it stands there |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod attach;
#[path = "../../../wallet/tests/command/harness/locate.rs"]
mod binaries;
mod kubernetes;
mod network;
mod readme;
