//! How much load the generator can make: orders offered to a sink that answers nothing.
//!
//! What is measured is the sending half of the load loop, as a run drives it, on one core: the schedule, the look at the sender's
//! payment before, a slot, a timeout, the outbox, and the kernel's send path with segmentation, loopback and the receiver's queue
//! in it. What a run does besides, checking replies and making certificates, is not: those come at the authority's pace, and a
//! run says itself when its loop had no time left (`generator.busy_share`).
//!
//! The sink is a socket of its own on another core, whose thread counts what arrives. Orders are signed ahead, as in a run. First
//! they are offered as fast as the loop goes, in turns of 512, then at the rate asked for, on a schedule. Each is forgotten at the
//! end of the turn in which it was sent, so that a slot is free for the next.

mod report;

pub use report::{SinkReport, table};

use crate::accounting::SocketState;
use crate::accounts::Accounts;
use crate::client::Client;
use crate::cores::Cores;
use crate::cpu::Spent;
use crate::digest_table::DigestTable;
use crate::drive::{Driver, Pace, Settings, Tally};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::limits::{PAYMENT_COUNT_MAX, QUIET_NS, RATE_PER_S_MAX, SOCKET_COUNT_MAX};
use crate::options::{TransportChoice, sockets};
use crate::orders::Orders;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::random::secret_seed;
use crate::scene::HOST;
use crate::setup::Members;
use crate::terms::Terms;
use crate::votes::SimulatedVotes;
use crate::workload::Workload;
use clap::Args;
use core_affinity::CoreId;
use quittance_engine::network::NetworkId;
use quittance_net::transport::{Config, Socket, SocketConfig, Transport, TransportError, TransportKind, Wait};
use quittance_wallet::directory::Directory;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Most accounts that take turns: more than are in flight, so that none waits.
const ACCOUNTS: u32 = 32_768;
/// Orders of one turn when the loop goes as fast as it can.
const TURN_ORDERS: usize = 512;
/// Datagrams that the sink takes at once.
const TAKE_MAX: usize = 4_096;
/// How long the sink sleeps before it looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(5);

/// Options of `sink`.
#[derive(Clone, Debug, Args)]
pub struct SinkOptions {
    /// Orders per second on the schedule.
    #[arg(long, default_value_t = 400_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=RATE_PER_S_MAX))]
    pub rate: u64,
    /// Orders of each of the two parts.
    #[arg(long, default_value_t = 800_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(PAYMENT_COUNT_MAX)))]
    pub orders: u32,
    /// How datagrams are sent and received.
    #[arg(long, default_value = "auto")]
    pub transport: TransportChoice,
    /// Client sockets; orders take turns.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = sockets)]
    pub sockets: usize,
    /// Let every datagram travel by itself.
    #[arg(long)]
    pub no_gso: bool,
    /// Fixes keys and orders.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
}

/// One part of the measurement.
#[derive(Debug)]
struct Part {
    tally: Tally,
    generator: Spent,
}

/// Measures. `command` is the command line that repeats it.
///
/// # Errors
/// The machine's faults; [`BenchError::Interrupted`].
pub fn sink(options: &SinkOptions, command: String) -> Result<SinkReport, BenchError> {
    assert!(options.sockets <= SOCKET_COUNT_MAX, "the command line refuses more");
    let interrupt = Interrupt::catch()?;
    let cores = Cores::divide();
    let gso = !options.no_gso;
    let config = SocketConfig { gro: gso, gso, ..SocketConfig::default() };
    let socket = Socket::bind(SocketAddr::new(HOST, 0), &config).map_err(machine)?;
    let port = socket.local_address().port();
    let members = Members::new(options.seed, HOST, &[port], 1)?;
    let terms = Terms::new(NetworkId::of_genesis(b""), members.committee(), true);
    let directory = Directory::new(members.entries());
    let workload = sign(options, &terms, &interrupt)?;
    let mut client = Client::bind(HOST, options.sockets, options.transport.kind(), gso)?;
    let receiver = Receiver::start(socket, client.kind(), cores.authority[0]);
    if !cores.pin_generator() {
        eprintln!("the loop could not be pinned to core {}; figures will scatter more", cores.generator);
    }
    let paces = [Pace::Window { count: TURN_ORDERS }, Pace::Schedule { rate_per_s: options.rate }];
    let mut parts = Vec::with_capacity(paces.len());
    for pace in paces {
        let settings = Settings {
            timeout_ns: 1_000_000_000,
            tries_max: 1,
            owns_core: cores.generator_owns_core(),
            withheld_max: 0,
        };
        let mut driver = Driver::new(&workload, &terms, &directory, settings, secret_seed()?);
        let before = Spent::by_thread()?;
        let tally = driver.offer(0..options.orders, pace, &mut client, &mut || interrupt.check())?;
        let generator = Spent::by_thread()?.since(before);
        std::thread::sleep(Duration::from_nanos(QUIET_NS));
        parts.push(Part { tally, generator });
    }
    let [fastest, scheduled] = <[Part; 2]>::try_from(parts).expect("there is a part for each pace");
    let arrived = receiver.stop()?;
    Ok(SinkReport::new(command, options, cores, &client, [&fastest, &scheduled], arrived))
}

/// Signs all orders ahead: a committee of one has no votes to simulate.
fn sign(options: &SinkOptions, terms: &Terms, interrupt: &Interrupt) -> Result<Workload, BenchError> {
    let account_count = options.orders.clamp(2, ACCOUNTS);
    let progress = Progress::start("deriving account keys", account_count.into());
    let accounts = Accounts::derive(options.seed, account_count, &progress, interrupt)?;
    progress.finish();
    let plan = Plan::draw(options.seed, account_count, options.orders);
    let progress = Progress::start("signing orders", options.orders.into());
    let orders = Orders::sign(&plan, &accounts, &terms.network, 1, false, &progress, interrupt)?;
    progress.finish();
    let votes = SimulatedVotes::sign(orders.digests(), terms, &[], 1, &Progress::hidden(), interrupt)?;
    let table = DigestTable::new(orders.digests());
    Ok(Workload { plan, orders, votes, table })
}

/// What came to the sink.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    datagrams: u64,
    /// What the kernel knows of its socket at the end.
    socket: SocketState,
}

/// The sink's thread.
struct Receiver {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Arrived, TransportError>>,
}

impl Receiver {
    fn start(socket: Socket, kind: TransportKind, core: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            // Where that fails the sink shares cores, and loses more.
            core_affinity::set_for_current(CoreId { id: core });
            receive(socket, kind, &stopped)
        });
        Self { stop, thread }
    }

    /// Lets it take what is left, and returns what came in all.
    fn stop(self) -> Result<Arrived, BenchError> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("it counts, and nothing else").map_err(machine)
    }
}

/// Takes everything that comes and forgets it, until it shall stop and nothing comes any more.
fn receive(socket: Socket, kind: TransportKind, stopped: &AtomicBool) -> Result<Arrived, TransportError> {
    let mut transport = Transport::new(kind, socket, &Config::default())?;
    let mut datagrams = 0;
    loop {
        let is_last = stopped.load(Ordering::Acquire);
        let count = transport.receive(TAKE_MAX, Wait::For(LOOK), |_, _| ())?;
        datagrams += count as u64;
        if is_last && count == 0 {
            // Where the kernel does not tell, drops are not known, and what is missing is a remainder.
            let socket = SocketState::of(&[transport.local_address()]).unwrap_or_default();
            if socket.waiting_bytes == 0 {
                return Ok(Arrived { datagrams, socket });
            }
        }
    }
}

/// The text names the remedy already.
fn machine(error: TransportError) -> BenchError {
    BenchError::machine("the sink's socket", std::io::Error::other(error.to_string()), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Cli, Command};
    use clap::Parser;

    #[test]
    fn every_order_is_offered_and_arrives_or_is_counted_as_dropped() {
        let arguments = ["quittance-bench", "sink", "--orders", "3000", "--rate", "20000"];
        let Command::Sink(options) = Cli::parse_from(arguments).into_command() else { panic!("a sink was asked for") };
        let report = sink(&options, "again".to_owned()).unwrap();
        assert_eq!((report.remainder, report.orders), (0, 3_000));
        assert_eq!(report.refused_by_socket + report.arrived + report.dropped_by_kernel, 6_000);
        assert_eq!(report.lag_us.count + report.waited_for_room, 3_000, "{report:?}");
        assert!(report.fastest_per_s > 0.0 && report.offered_per_s > 0.0);
        assert!(table(&report).contains("again"));
    }
}
