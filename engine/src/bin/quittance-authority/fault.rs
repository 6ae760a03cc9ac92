//! What ends the process, and with which exit code. Peers' faults are not among them: those are answered and counted.

use quittance_engine::committee::CommitteeFileError;
use quittance_engine::credit::ForeignAck;
use quittance_engine::genesis::GenesisError;
use quittance_engine::peer_link::Loss;
use quittance_engine::shard::FundError;
use quittance_engine::shard_range::ShardRange;
use quittance_net::transport::TransportError;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why the process ends. Each message names a remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Neither told where to keep what must not be forgotten, nor that it may be.
    #[error(
        "say where the authority keeps what it must not forget: --data DIR, or --data DIR,DIR2 for a copy on a second device. \
         Or start it with --volatile, for benchmarks and trials, never with money: then it keeps accounts and votes in memory, \
         and one that forgets a vote can be made to sign a second one"
    )]
    NoData,
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
    #[error("genesis file, line {line}, account {account}: {fault}")]
    Fund { line: usize, account: String, fault: FundError },
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
    /// The journal cannot be written, synced or read. What a device has done with it is unknown: nothing is tried again.
    #[error("{}: the journal cannot be {what}: {source}; see to the device, then start the authority again", path.display())]
    Journal { path: PathBuf, what: &'static str, source: io::Error },
    /// The history cannot be written or synced. What a device has done with it is unknown: nothing is tried again.
    #[error(
        "{}: the history cannot be {what}: {source}; make room or see to the device, then start the authority again, with \
         --history-gib to keep less of it, or with --no-history to keep none", path.display()
    )]
    History { path: PathBuf, what: &'static str, source: io::Error },
    /// No room for a file whose length is known beforehand.
    #[error("{}: no room for a file of {bytes} bytes; free so many, or ask for a smaller journal", path.display())]
    NoRoom { path: PathBuf, bytes: u64 },
    /// The data directory belongs to someone else, or to another journal.
    #[error("{}: {what}", path.display())]
    Foreign { path: PathBuf, what: String },
    /// What was durable is no longer there, or no longer makes sense. To start would be to forget votes.
    #[error("{}: {what}", path.display())]
    Lost { path: PathBuf, what: String },
    /// What another process of this authority remembers proves that one of the two has forgotten what it must not.
    #[error(
        "{} lost its state: {loss}; this authority must not go on: put back the data directories that belong together \
         (a process that runs with --volatile cannot be restarted alone)",
        if loss.is_peers { format!("the process of shards {peer} ({link})") } else { format!("this process, as that of shards {peer} ({link}) shows,") }
    )]
    PeerLost { peer: ShardRange, link: SocketAddr, loss: Loss },
    /// The link to the authority's other processes.
    #[error(
        "the link at {address} cannot be {what}: {source}; end what has the port, or name another in the private files"
    )]
    Link { address: SocketAddr, what: &'static str, source: io::Error },
    /// The address where metrics shall be served.
    #[error(
        "metrics cannot be served at {address}: {source}; end what has the port, or give --metrics another address"
    )]
    Metrics { address: SocketAddr, source: io::Error },
    /// Another process has the data directory.
    #[error("{}: in use by {holder}; end it first, or give another --data directory", path.display())]
    InUse { path: PathBuf, holder: String },
    /// Authorities of a committee on this machine ended by themselves, or badly.
    #[error("not all of the committee ended as they should: {failed}; their own messages above say why")]
    Fallen { failed: String },
    /// A signal asked for the end before there was anything to end.
    #[error("stopped before it was ready")]
    StoppedEarly,
    /// A page of the manual, or completions, could not be written.
    #[error(transparent)]
    Pages(#[from] quittance_tuning::pages::PagesError),
    /// A signal handler.
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
}

impl Fault {
    /// 2: the command line or a file is wrong, and nothing was started. 1: the machine's fault. 0: no fault after all.
    /// 3: the data directory is someone else's. 4: it has lost something. 5: it is in use.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::StoppedEarly => 0,
            Self::NoData | Self::Option(_) | Self::Text { .. } | Self::Committee { .. } => 2,
            Self::Genesis { .. } | Self::Fund { .. } => 2,
            Self::File { .. } | Self::Transport(_) | Self::Thread(_) | Self::Random(_) => 1,
            Self::Credits { .. } | Self::Signals(_) | Self::Journal { .. } | Self::NoRoom { .. } => 1,
            Self::Link { .. } | Self::Metrics { .. } | Self::History { .. } | Self::Fallen { .. } | Self::Pages(_) => 1,
            Self::Foreign { .. } => 3,
            Self::Lost { .. } | Self::PeerLost { .. } => 4,
            Self::InUse { .. } => 5,
        }
    }

    /// A file that cannot be read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source, remedy: "" }
    }
}
