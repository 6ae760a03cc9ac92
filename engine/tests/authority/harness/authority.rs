//! A running authority and the books kept on it.

use super::counts::Counts;
use super::files::Files;
use super::process::{Ended, Process};
use super::{Account, Client, FUNDS};
use crate::make::{AUTHORITY_COUNT, Network, Payer};
use quittance_engine::types::Address;
use rustix::process::Signal;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};

/// Starts with other ports before it counts as a failure: another process may take one between search and start.
const START_TRIES_MAX: usize = 5;

/// How an authority is started; what is not named is the usual.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) shards: u16,
    /// Members of the committee.
    pub(crate) authorities: usize,
    /// Payers in the genesis file, with [`FUNDS`] each.
    pub(crate) payer_count: u32,
    /// Further accounts in the genesis file.
    pub(crate) openings: Vec<(Address, u64)>,
    /// Further options of `run`.
    pub(crate) options: Vec<String>,
    /// Whether it keeps a journal, in two folders: see [`Authority::crash`].
    pub(crate) is_durable: bool,
    /// The shards of each of its processes, for one that has several: see [`super::Parts`].
    pub(crate) parts: Vec<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            shards: 1,
            authorities: AUTHORITY_COUNT,
            payer_count: 8,
            openings: Vec::new(),
            options: Vec::new(),
            is_durable: false,
            parts: Vec::new(),
        }
    }
}

impl Setup {
    pub(crate) fn with_options(options: &[&str]) -> Self {
        Self { options: options.iter().map(|option| (*option).to_owned()).collect(), ..Self::default() }
    }

    fn arguments(&self, files: &Files) -> Vec<String> {
        let data = [0, 1].map(|copy| files.data(copy).to_str().unwrap().to_owned()).join(",");
        self.arguments_in(files, &data)
    }

    /// The arguments of `run` with these data directories.
    pub(super) fn arguments_in(&self, files: &Files, data: &str) -> Vec<String> {
        let mode = if self.is_durable { vec!["--data", data, "--journal-mib", "8"] } else { vec!["--volatile"] };
        let options = self.options.iter().map(String::as_str);
        files.run_arguments(&mode.into_iter().chain(["--json"]).chain(options).collect::<Vec<_>>())
    }

    /// The genesis file's accounts.
    pub(crate) fn openings(&self) -> Vec<(Address, u64)> {
        let payers = (0..self.payer_count).map(|number| (Payer::new(number).address, FUNDS));
        payers.chain(self.openings.iter().copied()).collect()
    }
}

/// What was sent, under the names by which it is counted, and the replies that came.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    pub(super) sent: BTreeMap<String, u64>,
    pub(super) replies: BTreeMap<&'static str, u64>,
}

/// A process that serves. Ends with [`Authority::finish`].
pub(crate) struct Authority {
    pub(crate) network: Network,
    pub(crate) payers: Vec<Payer>,
    pub(crate) ready: Value,
    setup: Setup,
    files: Files,
    process: Option<Process>,
    pub(super) books: RefCell<Books>,
    pub(super) nonce: Cell<u64>,
}

impl Authority {
    /// Eight payers, one shard.
    pub(crate) fn usual() -> Self {
        Self::start(Setup::default())
    }

    /// Starts a process and waits until it is ready.
    pub(crate) fn start(setup: Setup) -> Self {
        for _ in 0..START_TRIES_MAX {
            let files = Files::new(&setup);
            let process = Process::start(setup.arguments(&files));
            if let Some(ready) = await_ready(&process) {
                let mut authority = Self::without_process(setup, files);
                (authority.ready, authority.process) = (ready, Some(process));
                return authority;
            }
            let ended = process.end();
            assert!(ended.errors.contains("in use"), "{ended:?}");
        }
        panic!("none of {START_TRIES_MAX} starts found its ports free");
    }

    /// Who is asked, and what may be asked of it, without anyone who answers.
    pub(super) fn without_process(setup: Setup, files: Files) -> Self {
        let payers = (0..setup.payer_count).map(Payer::new).collect();
        let (network, books, nonce) = (files.network.clone(), RefCell::default(), Cell::new(1));
        Self { network, payers, ready: Value::Null, setup, files, process: None, books, nonce }
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Kills the process on the spot (SIGKILL). See [`Self::restart`].
    pub(crate) fn kill(&mut self) {
        let process = self.process.take().expect("it runs");
        process.signal(Signal::KILL);
        assert_eq!(process.end().code, None, "a signal ended it");
    }

    /// Starts a process with the same files and folders, and new books.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        let process = Process::start(self.setup.arguments(&self.files));
        let Some(ready) = await_ready(&process) else { panic!("{:?}", process.end()) };
        self.ready = ready;
        self.process = Some(process);
        self.books.replace(Books::default());
    }

    /// Kills the process on the spot and starts another one in its place.
    #[track_caller]
    pub(crate) fn crash(&mut self) {
        self.kill();
        self.restart();
    }

    /// Stops the process as an operator does, and starts another one in its place.
    #[track_caller]
    pub(crate) fn stop_and_restart(&mut self) {
        let process = self.process.take().expect("it runs");
        process.signal(Signal::TERM);
        assert_eq!(process.end().code, Some(0));
        self.restart();
    }

    /// Starts a process with the same files while none runs, and kills it after this time, ready or not.
    pub(crate) fn start_and_kill_after(&self, time: std::time::Duration) {
        let process = Process::start(self.setup.arguments(&self.files));
        std::thread::sleep(time);
        process.signal(Signal::KILL);
        process.end();
    }

    /// Starts a process with the same files that is to end by itself.
    pub(crate) fn run_to_end(&self) -> Ended {
        Process::start(self.setup.arguments(&self.files)).end()
    }

    /// The files that it was started with.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// A new socket that talks to shard 0.
    pub(crate) fn client(&self) -> Client<'_> {
        self.client_of(0)
    }

    /// A new socket that talks to this shard.
    pub(crate) fn client_of(&self, shard: u16) -> Client<'_> {
        Client::new(self, shard)
    }

    pub(crate) fn address(&self, shard: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.files.port + shard).into()
    }

    /// The payers whose accounts lie on this shard.
    pub(crate) fn payers_on(&self, shard: u16) -> Vec<&Payer> {
        self.payers.iter().filter(|payer| self.network.shard_of(&payer.address) == shard).collect()
    }

    /// Runs `act` while every thread of the process stands still, then lets it meet all that came.
    pub(crate) fn at_once(&self, act: impl FnOnce()) {
        self.process().pause();
        act();
        self.process().resume();
    }

    /// The counters, by SIGUSR1.
    pub(crate) fn counts(&self) -> Counts {
        Counts::read(&self.counters())
    }

    /// The event that has them.
    pub(crate) fn counters(&self) -> Value {
        self.process().signal(Signal::USR1);
        let line = self.process().line().expect("the process goes on after SIGUSR1");
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["event"], "counters");
        event
    }

    /// What the authority holds of every account of the genesis file.
    pub(crate) fn accounts(&self) -> BTreeMap<Address, Account> {
        let addresses: Vec<Address> = self.setup.openings().into_iter().map(|(address, _)| address).collect();
        let on_shard = |shard: u16| {
            let here: Vec<Address> =
                addresses.iter().copied().filter(|address| self.network.shard_of(address) == shard).collect();
            self.client_of(shard).accounts(&here)
        };
        (0..self.setup.shards).flat_map(on_shard).collect()
    }

    /// Holds if meanwhile exactly these counters rose, by exactly so much.
    #[track_caller]
    pub(crate) fn assert_counts<T>(&self, expected: &[(&str, u64)], act: impl FnOnce() -> T) -> T {
        let before = self.counts();
        let outcome = act();
        let expected: BTreeMap<String, u64> = expected.iter().map(|(name, by)| ((*name).to_owned(), *by)).collect();
        let mut growth = self.counts().growth_since(&before);
        // Those say how signatures were checked, which hangs on what the source sent before, and not what came of it.
        growth.retain(|name, _| !name.contains("quarantine"));
        assert_eq!(growth, expected);
        outcome
    }

    /// Holds if meanwhile exactly these counters rose, by exactly so much, and no account changed.
    #[track_caller]
    pub(crate) fn assert_only_counts<T>(&self, expected: &[(&str, u64)], act: impl FnOnce() -> T) -> T {
        let before = self.accounts();
        let outcome = self.assert_counts(expected, act);
        assert_eq!(self.accounts(), before, "no account changed");
        outcome
    }

    /// Stops the process and closes its books.
    #[track_caller]
    pub(crate) fn finish(self) -> Counts {
        self.finish_by(Signal::TERM)
    }

    /// Stops the process by this signal. Holds if it ends well, and if its last counters account for every datagram that
    /// was sent to it and for every reply that came.
    #[track_caller]
    pub(crate) fn finish_by(mut self, signal: Signal) -> Counts {
        let process = self.process.take().expect("an authority ends once");
        process.signal(signal);
        let Ended { code, lines, errors } = process.end();
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        let [last] = lines.as_slice() else { panic!("one last line, not {lines:?}") };
        let counts = Counts::read(&serde_json::from_str(last).unwrap());
        self.books.borrow().assert_closed(&counts);
        counts
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it is taken only at the end")
    }
}

impl Drop for Authority {
    /// A test that forgets to close the books would miss what they show.
    fn drop(&mut self) {
        assert!(self.process.is_none() || std::thread::panicking(), "a test ends with finish");
    }
}

impl Books {
    pub(super) fn count_sent(&mut self, name: String) {
        *self.sent.entry(name).or_default() += 1;
    }

    pub(super) fn count_reply(&mut self, name: &'static str) {
        *self.replies.entry(name).or_default() += 1;
    }

    /// Everything sent arrived, was dropped by the kernel or was empty; everything that arrived was read as what it was;
    /// every request had one answer, but for orders that came again while they waited; every answer sent was received.
    #[track_caller]
    fn assert_closed(&self, counts: &Counts) {
        let sent: u64 = self.sent.values().sum();
        let dropped = counts.get("transport.datagrams_dropped_by_kernel");
        let arrived = counts.get("transport.datagrams_received");
        let unread = ["empty_datagrams", "datagrams_truncated", "packets_unreadable"];
        let unread: u64 = unread.iter().map(|name| counts.get(&format!("transport.{name}"))).sum();
        assert_eq!(sent, arrived + unread + dropped, "{counts:?}");

        let protocol = |names: &[&str]| names.iter().map(|name| counts.get(&format!("protocol.{name}"))).sum::<u64>();
        let requests = protocol(&["orders", "certificates", "queries", "history_queries"]);
        let silenced = counts.sum("protocol.malformed.") + protocol(&["not_requests"]);
        assert_eq!(arrived, requests + silenced, "{counts:?}");
        if dropped == 0 {
            for (name, count) in &self.sent {
                assert_eq!(counts.get(name), *count, "{name}");
            }
        }

        let replies = |name: &str| self.replies.get(name).copied().unwrap_or(0);
        assert_eq!(replies("vote"), protocol(&["votes", "votes_repeated"]), "{counts:?}");
        assert_eq!(replies("receipt"), protocol(&["confirmations", "receipts_repeated"]), "{counts:?}");
        assert_eq!(replies("rejection"), counts.sum("protocol.rejects."), "{counts:?}");
        let answers = requests - protocol(&["orders_held_repeated"]);
        assert_eq!(self.replies.values().sum::<u64>(), answers, "{counts:?}");
        assert_eq!(counts.get("transport.datagrams_sent"), answers, "{counts:?}");
        assert_eq!(protocol(&["replies_dropped"]) + counts.get("transport.datagrams_unsent"), 0);
    }
}

/// What the process says when it is ready; `None` if it ends instead.
pub(super) fn await_ready(process: &Process) -> Option<Value> {
    let mut events = std::iter::from_fn(|| process.line()).map(|line| serde_json::from_str::<Value>(&line).unwrap());
    events.find(|event| event["event"] == "ready")
}
