//! What ends the process, and with which exit code. Peers' faults are not among them: those are answered and counted.

use quittance_engine::committee::CommitteeFileError;
use quittance_engine::credit::ForeignAck;
use quittance_engine::genesis::GenesisError;
use quittance_engine::shard::FundError;
use quittance_net::transport::TransportError;
use std::io;
use std::path::{Path, PathBuf};

/// Why the process ends. Each message names a remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Asked to run without the one mode that there is.
    #[error(
        "this build keeps accounts and votes in memory only, and an authority that forgets a vote can be made to sign a \
         second one. Start it with --volatile for benchmarks and trials, never with money"
    )]
    NotDurable,
    /// An option contradicts the files or the machine.
    #[error("{0}")]
    Option(String),
    /// A file that cannot be read or written.
    #[error("{}: {source}{remedy}", path.display())]
    File { path: PathBuf, source: io::Error, remedy: &'static str },
    /// A file whose text is wrong.
    #[error("{}: {fault}", path.display())]
    Text { path: PathBuf, fault: String },
    /// The committee file is wrong.
    #[error("{}: {fault}", path.display())]
    Committee { path: PathBuf, fault: CommitteeFileError },
    /// The genesis file is wrong.
    #[error("{}, the genesis file: {fault}", path.display())]
    Genesis { path: PathBuf, fault: GenesisError },
    /// An account of the genesis file cannot be opened.
    #[error("genesis file, line {line}: {fault}")]
    Fund { line: usize, fault: FundError },
    /// Sockets and rings.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A thread cannot be started or pinned.
    #[error("{0}")]
    Thread(String),
    /// The system's random source.
    #[error("the system gives no random bytes ({0}); without them keys and hash tables would be predictable")]
    Random(getrandom::Error),
    /// Shards that contradict each other.
    #[error("shard {shard}: {fault}; restart the authority")]
    Credits { shard: u16, fault: ForeignAck },
    /// A signal asked for the end before there was anything to end.
    #[error("stopped before it was ready")]
    StoppedEarly,
    /// A signal handler.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

impl Fault {
    /// 2: the command line or a file is wrong, and nothing was started. 1: the machine's fault. 0: no fault after all.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::StoppedEarly => 0,
            Self::NotDurable | Self::Option(_) | Self::Text { .. } | Self::Committee { .. } => 2,
            Self::Genesis { .. } | Self::Fund { .. } => 2,
            Self::File { .. } | Self::Transport(_) | Self::Thread(_) | Self::Random(_) => 1,
            Self::Credits { .. } | Self::Signals(_) => 1,
        }
    }

    /// A file that cannot be read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source, remedy: "" }
    }
}
