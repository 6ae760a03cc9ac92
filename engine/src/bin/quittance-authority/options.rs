//! The command line.

use crate::private_file::ProcessEntry;
use clap::{Args, Parser, Subcommand};
use quittance_engine::shard_range::ShardRange;
use quittance_net::transport::TransportKind;
use quittance_tuning::pages::Pages;
use quittance_verify::BackendKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes:
  0    done; for `run`: stopped by SIGINT or SIGTERM
  1    the machine's fault: the message names the remedy
  2    the command line or a file is wrong; nothing was started
  3    the data directory belongs to another authority, network, journal or other shards; nothing was started
  4    something that was durable cannot be read back from any copy: the authority must not start, and does not;
       or another process of this authority proves that something was forgotten: the authority must not go on
  5    another process uses the data directory
  6    only for `verify-journal`: something is damaged, and the authority's next start mends it
  134  a thread of ours panicked (SIGABRT); please report the message";

const SIGNALS: &str = "Signals:
  SIGUSR1          print the counters and go on
  SIGINT, SIGTERM  stop, and print the counters";

/// A Byzantine-fault-tolerant payment authority: votes for payments, and settles certified ones, over UDP.
#[derive(Debug, Parser)]
#[command(name = "quittance-authority", version, after_help = EXIT_CODES)]
pub(crate) struct Command {
    /// What to do.
    #[command(subcommand)]
    pub(crate) act: Act,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Make a new authority's keys.
    ///
    /// Writes them to a private file of mode 0600 and prints the table that goes into the committee file. Four
    /// authorities make a committee that survives one faulty member: append their four tables to one file, and give every
    /// authority and payer a copy.
    #[command(after_help = EXIT_CODES)]
    Generate(GenerateOptions),
    /// Run an authority until SIGINT or SIGTERM.
    #[command(after_help = format!("{SIGNALS}\n\n{EXIT_CODES}"))]
    Run(RunOptions),
    /// Make a committee in a folder, on this machine, and run all of it until SIGINT or SIGTERM: for trials.
    ///
    /// The folder gets a committee file, a genesis file, and for each authority a private file and its journal; what is there
    /// already is used again, so the same command goes on where it was stopped. Every authority is a process of its own, with
    /// a copy of its journal in each of two directories of the one folder: who runs one with money gives it a machine, and the
    /// copies two devices.
    #[command(after_help = format!("{SIGNALS}\n\n{EXIT_CODES}"))]
    Local(LocalOptions),
    /// Check the journal of an authority that is stopped, and change nothing.
    ///
    /// Reads back all that its next start would read, in every copy, and says what it found, whether the authority would
    /// start, and a digest of the state that it would start from. A last block that only one copy has is no damage: any stop
    /// may leave one.
    #[command(after_help = EXIT_CODES)]
    VerifyJournal(VerifyJournalOptions),
    /// What shells and readers of manuals want.
    #[command(flatten)]
    Pages(Pages),
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateOptions {
    /// The IP address at which payers reach the authority.
    #[arg(long, value_name = "IP")]
    pub(crate) host: IpAddr,
    /// UDP port of shard 0; shard i listens on PORT + i.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// How many shards the accounts are split over: one pinned thread each. Cannot be changed later.
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(quittance_engine::limits::SHARDS_MAX)))]
    pub(crate) shards: u16,
    /// A process that runs these shards, for an authority that has several, on one host or on many: once for each. At LINK it
    /// listens for the others (TCP); at HOST payers reach its shards, where that is not --host. Every process is given the
    /// same private file.
    #[arg(long = "process", value_name = "SHARDS=LINK[@HOST]")]
    pub(crate) processes: Vec<ProcessEntry>,
    /// The private file to write. An existing one is never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Append the table to this committee file as well as printing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) committee: Option<PathBuf>,
}

/// Options of `local`.
#[derive(Debug, Args)]
pub(crate) struct LocalOptions {
    /// The committee's folder. Made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// How many authorities; 3f + 1 of them bear f that lie or fail. Default: 4, or those of the folder.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=25))]
    pub(crate) authorities: Option<u16>,
    /// Shards of each authority. Default: 2, or those of the folder.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=i64::from(quittance_engine::limits::SHARDS_MAX)))]
    pub(crate) shards: Option<u16>,
    /// The genesis file, which is copied into the folder; needed the first time. `quittance-wallet create-accounts --header`
    /// prints one.
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,
    /// UDP port of the first authority's shard 0, on 127.0.0.1; all others follow. Only for a folder that is made now.
    #[arg(long, value_name = "PORT", default_value_t = 9100, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Keep everything in memory: then a restart forgets every payment.
    #[arg(long)]
    pub(crate) volatile: bool,
    /// Journal of each shard in each directory, in MiB, for authorities that are made now [default: 16].
    #[arg(long, value_name = "MIB", conflicts_with = "volatile", value_parser = clap::value_parser!(u64).range(8..=1_048_576))]
    pub(crate) journal_mib: Option<u64>,
    /// Serve metrics for Prometheus, http://ADDR/metrics: those of the first authority here, of each other one on the next port.
    #[arg(long, value_name = "ADDR", value_parser = metrics_address)]
    pub(crate) metrics: Option<MetricsAddress>,
    /// Also print what each authority finds wrong with its machine: shared cores, small buffers.
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The files that say who the authority is, who the others are, and who owns what at the start.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// This authority's private file, as `generate` wrote it.
    #[arg(long, value_name = "FILE")]
    pub(crate) authority: PathBuf,
    /// The committee file.
    #[arg(long, value_name = "FILE")]
    pub(crate) committee: PathBuf,
    /// The genesis file: a first line `quittance-genesis 1`, then an address (`qtn1...`) and a balance in each line. Its
    /// digest is the network's id.
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: PathBuf,
}

/// Options of `verify-journal`.
#[derive(Debug, Args)]
pub(crate) struct VerifyJournalOptions {
    /// The data directories that `run` was given.
    #[arg(value_name = "DIR[,DIR2]", value_delimiter = ',', num_args = 1, required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// The three files.
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
    /// Accounts that all shards together can hold, where `run` was given so many.
    #[arg(long, value_name = "COUNT")]
    pub(crate) accounts_max: Option<usize>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The three files.
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
    /// Where the authority keeps what it must not forget: one directory, or two, each with a copy, ideally on two devices. They
    /// are made if they are not there. After a crash or a stop, start it with the same ones again.
    #[arg(long, value_name = "DIR[,DIR2]", value_delimiter = ',', num_args = 1, conflicts_with = "volatile")]
    pub(crate) data: Vec<PathBuf>,
    /// Journal of each shard in each directory, in MiB: allocated and filled when it is made. The larger, the more time a
    /// snapshot may take while payments go on. Default: 256, or what it was made with.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(8..=1_048_576))]
    pub(crate) journal_mib: Option<u64>,
    /// The core of the thread that writes the journal. Default: the core that follows those of shards and verifiers.
    #[arg(long, value_name = "CORE")]
    pub(crate) journal_core: Option<usize>,
    /// Keep everything in memory: a restart forgets every vote and every payment, and an authority that forgets a vote can be
    /// made to sign a second one. For benchmarks and trials, never with money.
    #[arg(long)]
    pub(crate) volatile: bool,
    /// Run these shards of the authority, and let its other processes run the others: one of the processes that the private
    /// file names. Each has data directories of its own.
    #[arg(long, value_name = "FIRST-LAST")]
    pub(crate) shards: Option<ShardRange>,
    /// Keep no certificates for those who ask for them later: other authorities hold them, too. What an account paid and received
    /// while this was said is left out of its history.
    #[arg(long, conflicts_with_all = ["volatile", "history_gib"])]
    pub(crate) no_history: bool,
    /// The most history kept, in GiB for all shards together, in the first data directory: the oldest is removed. Default: all
    /// that there ever was; 2 GiB hold some three million payments.
    #[arg(long, value_name = "GIB", conflicts_with = "volatile", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub(crate) history_gib: Option<u64>,
    /// The IP address to listen on, where it is not the one in the private file.
    #[arg(long, value_name = "IP")]
    pub(crate) listen: Option<IpAddr>,
    /// The core of each shard's thread. Default: the cores that this process may use, in turn.
    #[arg(long, value_name = "CORE,...", value_delimiter = ',')]
    pub(crate) cores: Vec<usize>,
    /// Threads that only verify signatures, each on a core of its own. 0: every shard verifies for itself.
    #[arg(long, value_name = "COUNT", default_value_t = 0,
          value_parser = clap::value_parser!(u16).range(..=i64::from(crate::run::VERIFIERS_MAX)))]
    pub(crate) verifiers: u16,
    /// The core of each verifier's thread. Default: the cores that follow those of the shards.
    #[arg(long, value_name = "CORE,...", value_delimiter = ',')]
    pub(crate) verifier_cores: Vec<usize>,
    /// How datagrams are received and sent: auto, io_uring or recvmmsg. Auto takes io_uring if a datagram really passes
    /// through it.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = transport)]
    pub(crate) transport: Transport,
    /// How signatures are checked: auto, ifma (eight lanes of AVX-512 IFMA) or portable. Auto takes ifma where the machine
    /// has it. Verdicts are the same, times are not.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = backend)]
    pub(crate) backend: Backend,
    /// Let the kernel neither merge datagrams on receipt (UDP_GRO) nor cut them from long sends (UDP_SEGMENT).
    #[arg(long)]
    pub(crate) no_gso: bool,
    /// Receive buffer of each shard's socket, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1023))]
    pub(crate) receive_buffer_mib: u16,
    /// Accounts that all shards of the authority together can hold; 160 to 176 bytes of memory each. Default: twice those of the genesis
    /// file, and 65,536.
    #[arg(long, value_name = "COUNT")]
    pub(crate) accounts_max: Option<usize>,
    /// Memory for senders' keys, decompressed once and kept, in MiB for all shards of this process
    /// together.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub(crate) key_cache_mib: usize,
    /// How long a source's signatures are checked one by one after a bad one, in milliseconds; 0: never. Otherwise one bad
    /// signature makes its whole batch be checked again.
    #[arg(long, value_name = "MS", default_value_t = quittance_engine::quarantine::QUARANTINE_MS)]
    pub(crate) quarantine_ms: u64,
    /// Serve metrics for Prometheus, http://ADDR/metrics, to anyone who reaches ADDR: an IP address with a port, as
    /// 127.0.0.1:9464, or :9464, which is the same; with port 0 a free one is taken, and told when the authority is ready.
    #[arg(long, value_name = "ADDR", value_parser = metrics_address)]
    pub(crate) metrics: Option<MetricsAddress>,
    /// Stop when the process that started this one ends, however it ends.
    #[arg(long)]
    pub(crate) exit_with_parent: bool,
    /// Print one JSON object per line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsAddress(pub(crate) SocketAddr);

impl MetricsAddress {
    /// That of the authority with this index, where this is the first one's: so many ports on, or any free one for each. `None`
    /// if there is no such port.
    pub(crate) fn of_authority(self, index: usize) -> Option<Self> {
        let Self(mut address) = self;
        if address.port() != 0 {
            address.set_port(address.port().checked_add(u16::try_from(index).ok()?)?);
        }
        Some(Self(address))
    }
}

fn metrics_address(text: &str) -> Result<MetricsAddress, String> {
    let of_port = |port: &str| port.parse().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).ok();
    let address = text.strip_prefix(':').map_or_else(|| text.parse().ok(), of_port);
    address.map(MetricsAddress).ok_or_else(|| "give an IP address and a port, as 127.0.0.1:9464, or :9464".to_owned())
}

/// The transport asked for; `None` leaves the choice to a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transport(pub(crate) Option<TransportKind>);

fn transport(name: &str) -> Result<Transport, String> {
    match name {
        "auto" => Ok(Transport(None)),
        _ => name.parse().map(|kind| Transport(Some(kind))).map_err(|_| "choose auto, io_uring or recvmmsg".to_owned()),
    }
}

/// The signature backend asked for; `None` leaves the choice to what the machine can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backend(Option<BackendKind>);

impl Backend {
    pub(crate) fn kind(self) -> BackendKind {
        self.0.unwrap_or_else(BackendKind::best)
    }
}

fn backend(name: &str) -> Result<Backend, String> {
    if name == "auto" {
        return Ok(Backend(None));
    }
    let kind: BackendKind = name.parse().map_err(|_| "choose auto, ifma or portable".to_owned())?;
    if kind.available() {
        Ok(Backend(Some(kind)))
    } else {
        Err("this machine lacks AVX-512 IFMA: choose portable, or auto".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn transports_are_named_or_left_to_a_trial() {
        assert_eq!(transport("auto"), Ok(Transport(None)));
        assert_eq!(transport("recvmmsg"), Ok(Transport(Some(TransportKind::Recvmmsg))));
        assert!(transport("dpdk").is_err());
    }

    #[test]
    fn metrics_are_on_loopback_unless_another_address_is_given() {
        let address = |text| metrics_address(text).map(|MetricsAddress(address)| address.to_string());
        assert_eq!(address(":9464").as_deref(), Ok("127.0.0.1:9464"));
        assert_eq!(address("[::1]:0").as_deref(), Ok("[::1]:0"));
        assert_eq!(address("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        for text in ["", ":", "9464", ":65536", "localhost:9464", "127.0.0.1", "http://127.0.0.1:9464"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_authority_of_a_committee_has_the_next_port_or_any() {
        let of = |text, index| {
            let own = metrics_address(text).unwrap().of_authority(index);
            own.map(|MetricsAddress(address)| address.port())
        };
        assert_eq!([of(":9464", 0), of(":9464", 3), of(":0", 3)], [Some(9_464), Some(9_467), Some(0)]);
        assert_eq!((of(":65535", 0), of(":65535", 1)), (Some(65_535), None));
    }

    #[test]
    fn backends_are_named_or_left_to_the_machine() {
        assert_eq!(backend("auto").map(Backend::kind), Ok(BackendKind::best()));
        assert_eq!(backend("portable").map(Backend::kind), Ok(BackendKind::Portable));
        assert_eq!(backend("ifma").is_ok(), BackendKind::Ifma.available());
        assert!(backend("gpu").is_err());
    }
}
