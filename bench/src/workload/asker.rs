//! A client that asks for balances beside the payments: Smallbank's sixth operation, which pays nothing.

use crate::accounts::Accounts;
use crate::client::Company;
use crate::error::BenchError;
use crate::latency::Latency;
use crate::plan::Bank;
use crate::terms::Terms;
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Peer};
use quittance_net::frame::{Frame, Header, Kind, Query, U64, parse};
use quittance_net::transport::{Config, Socket, SocketConfig, Transport, TransportError, TransportKind, Wait};
use quittance_wallet::directory::Directory;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Answers taken per turn; more wait for the next.
const REPLY_COUNT_MAX: usize = 1_024;

/// What was asked, and what came back. A question is asked once: an answer that is lost is not asked for again.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Queries sent.
    pub sent: u64,
    /// Balances told.
    pub answered: u64,
    /// Anything else.
    pub refused: u64,
    /// From the query to its answer.
    pub latency: Latency,
}

/// The accounts asked for when a payment begins.
#[derive(Clone, Copy, Debug)]
struct Question {
    payment: u32,
    accounts: [Address; 2],
}

/// Asks from a socket of its own, so that no answer stands in the way of a payment's.
#[derive(Debug)]
pub struct Asker {
    transport: Transport,
    network: NetworkId,
    live_count: usize,
    directory: Directory,
    /// By payment.
    questions: Vec<Question>,
    started: Instant,
    asked: Asked,
}

impl Asker {
    /// Binds its socket to `host`. It asks what the bank's customers ask.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn bind(
        host: IpAddr,
        kind: TransportKind,
        (terms, directory): (&Terms, &Directory),
        (bank, accounts): (&Bank, &Accounts),
    ) -> Result<Self, BenchError> {
        let socket = Socket::bind(SocketAddr::new(host, 0), &SocketConfig::default()).map_err(machine)?;
        let transport = Transport::new(kind, socket, &Config::default()).map_err(machine)?;
        let question = |(payment, [checking, savings]): (u32, [u32; 2])| Question {
            payment,
            accounts: [*accounts.address(checking), *accounts.address(savings)],
        };
        Ok(Self {
            transport,
            network: terms.network,
            live_count: terms.live_count,
            directory: directory.clone(),
            questions: bank.questions().map(question).collect(),
            started: Instant::now(),
            asked: Asked::default(),
        })
    }

    /// What came of it so far.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Where its socket is.
    pub fn local_address(&self) -> SocketAddr {
        self.transport.local_address()
    }

    /// What its socket sent and received.
    pub fn company(&self) -> Company {
        let counters = self.transport.counters();
        Company {
            pushed: self.asked.sent,
            unsent: counters.datagrams_unsent,
            received: counters.datagrams_received,
            named: self.asked.answered + self.asked.refused,
        }
    }

    /// A payment begins: asks what is to be asked then, each question at one of the authorities.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn begins(&mut self, payment: u32) -> Result<(), BenchError> {
        let mut place = self.questions.partition_point(|question| question.payment < payment);
        while let Some(question) = self.questions.get(place).filter(|question| question.payment == payment).copied() {
            for account in &question.accounts {
                self.ask(payment as usize % self.live_count, account)?;
            }
            place += 1;
        }
        Ok(())
    }

    fn ask(&mut self, authority: usize, account: &Address) -> Result<(), BenchError> {
        let shard = self.network.shard_of(account, self.directory.shard_count(authority)).0;
        let query = Query {
            header: Header::new(Kind::Query, shard, self.network.tag()),
            account: *account,
            // The answer repeats it: so nothing has to be kept of a question.
            nonce: U64::new(self.now_ns()),
            padding: [0; 96],
        };
        let to = self.directory.address(authority, shard);
        let room = match self.transport.push(to, size_of::<Query>()) {
            Some(room) => room,
            None => {
                self.transport.flush().map_err(machine)?;
                self.transport.push(to, size_of::<Query>()).expect("an outbox that was flushed takes any frame")
            }
        };
        room.copy_from_slice(bytemuck::bytes_of(&query));
        self.asked.sent += 1;
        Ok(())
    }

    /// Sends what is queued and reads what was answered.
    ///
    /// # Errors
    /// The machine's faults.
    pub fn turn(&mut self) -> Result<(), BenchError> {
        self.transport.flush().map_err(machine)?;
        let Self { transport, directory, started, asked, .. } = self;
        let take = |peer: Peer, datagram: &[u8]| match parse(datagram) {
            Ok(Frame::Info(info)) if directory.source(peer).is_some() => {
                asked.answered += 1;
                asked.latency.record(ns_since(started).saturating_sub(info.nonce.get()));
            }
            _ => asked.refused += 1,
        };
        transport.receive(REPLY_COUNT_MAX, Wait::No, take).map_err(machine)?;
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        ns_since(&self.started)
    }
}

fn ns_since(started: &Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).expect("584 years in nanoseconds fit")
}

/// The text names the remedy already.
fn machine(error: TransportError) -> BenchError {
    BenchError::machine("the socket that asks for balances", std::io::Error::other(error.to_string()), "")
}
