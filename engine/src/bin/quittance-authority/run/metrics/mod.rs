//! Metrics for Prometheus: `GET /metrics` over TCP, from a thread of its own.
//!
//! | file | what it holds |
//! |---|---|
//! | `server.rs` | requests and answers: few, short, and each soon over |
//! | `picture.rs` | what is shown, and how it is gathered from threads that count for themselves |
//! | `usage.rs` | what the kernel counts of this process |
//! | `families/` | every metric: its name, its labels, what it says, where it comes from |
//! | `exposition.rs` | the text format |
//!
//! `dashboard/README.md` of this crate lists the metrics for those who read them; a test holds that list against
//! [`families::all`].
//!
//! Nothing that a reader does reaches a shard, but that it puts a copy of its counters into a mailbox ten times a second at
//! most. The thread answers one connection at a time, for a bounded time, and rests after each.

mod exposition;
mod families;
mod picture;
mod server;
mod usage;

#[cfg(test)]
mod tests;

pub(super) use picture::{About, Sources};

use super::announce::Finding;
use crate::fault::Fault;
use crate::options::MetricsAddress;
use picture::Picture;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

/// A picture serves every reader for so long: what shards are asked for is bounded, whoever asks.
const REFRESH: Duration = Duration::from_millis(100);

/// How long a taken port is tried, and how often: that of a process that was killed may take a moment to be free.
const BIND_PATIENCE: Duration = Duration::from_secs(2);
const BIND_SLEEP: Duration = Duration::from_millis(5);

/// The thread's: it has small buffers, and recurses nowhere.
const STACK_BYTES: usize = 512 << 10;

/// Where metrics will be served.
pub(super) struct Endpoint {
    listener: TcpListener,
    /// With the port that was chosen, where it was left to the kernel.
    pub(super) address: SocketAddr,
}

impl Endpoint {
    /// Takes the address, before any thread starts: one that is taken shows at once.
    pub(super) fn bind(MetricsAddress(address): MetricsAddress) -> Result<Self, Fault> {
        let fault = |source| Fault::Metrics { address, source };
        let deadline = Instant::now() + BIND_PATIENCE;
        loop {
            match TcpListener::bind(address) {
                Ok(listener) => {
                    let address = listener.local_addr().map_err(fault)?;
                    return Ok(Self { listener, address });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => sleep(BIND_SLEEP),
                Err(error) => return Err(fault(error)),
            }
        }
    }

    /// What the operator should know of this address.
    pub(super) fn finding(&self) -> Option<Finding> {
        let address = self.address;
        (!address.ip().is_loopback()).then(|| Finding {
            severity: "warning",
            what: format!("metrics are served at {address}, which is no loopback address"),
            why: "anyone who reaches it can read how many payments there are and how the machine does; nothing is asked of \
                  him, and nothing is encrypted"
                .to_owned(),
            remedy: "give --metrics a loopback address, or let a firewall admit nobody but the one who collects them"
                .to_owned(),
        })
    }

    /// Serves from now on until the process ends.
    pub(super) fn serve(self, about: About, sources: Sources) -> Result<(), Fault> {
        let mut gathered = Gathered::new(Picture::new(about, sources));
        let work = move || server::serve(&self.listener, || gathered.text());
        let thread = Builder::new().name("metrics".to_owned()).stack_size(STACK_BYTES).spawn(work);
        let fault = |error| Fault::Thread(format!("the thread that serves metrics cannot be started: {error}"));
        thread.map(|_| ()).map_err(fault)
    }
}

/// The newest picture, as text.
struct Gathered {
    picture: Picture,
    text: Arc<str>,
    /// When it was gathered.
    at: Option<Instant>,
}

impl Gathered {
    fn new(picture: Picture) -> Self {
        Self { picture, text: "".into(), at: None }
    }

    fn text(&mut self) -> Arc<str> {
        if self.at.is_none_or(|at| at.elapsed() >= REFRESH) {
            self.picture.refresh();
            self.text = exposition::render(&self.picture).into();
            self.at = Some(Instant::now());
        }
        Arc::clone(&self.text)
    }
}
