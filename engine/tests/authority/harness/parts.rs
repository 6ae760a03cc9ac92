//! An authority that runs as several processes.

use super::authority::await_ready;
use super::process::{Ended, Process};
use super::{Authority, Files, PATIENCE, Setup};
use quittance_engine::types::Address;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);

/// The processes, and who is asked.
pub(crate) struct Parts {
    pub(crate) authority: Authority,
    processes: Vec<Option<Process>>,
}

impl Parts {
    /// Files for these parts, of which none runs yet.
    pub(crate) fn stopped(setup: Setup) -> Self {
        let files = Files::new(&setup);
        let processes = setup.parts.iter().map(|_| None).collect();
        Self { authority: Authority::without_process(setup, files), processes }
    }

    /// Starts every part.
    #[track_caller]
    pub(crate) fn start(setup: Setup) -> Self {
        let mut parts = Self::stopped(setup);
        (0..parts.processes.len()).for_each(|part| parts.start_part(part));
        parts
    }

    /// Starts one part, until it is ready.
    #[track_caller]
    pub(crate) fn start_part(&mut self, part: usize) {
        let process = self.spawn(part, &[]);
        let Some(ready) = await_ready(&process) else { panic!("{:?}", process.end()) };
        assert_eq!(ready["hosted"], self.setup().parts[part]);
        self.processes[part] = Some(process);
    }

    /// A process with a part's arguments and others, which may end by itself.
    pub(crate) fn spawn(&self, part: usize, others: &[&str]) -> Process {
        let files = self.authority.files();
        let mut arguments = self.setup().arguments_in(files, &self.data(part).join(","));
        arguments.extend(["--shards", self.setup().parts[part]].map(str::to_owned));
        arguments.extend(others.iter().map(|other| (*other).to_owned()));
        Process::start(arguments)
    }

    /// The data directories of a part.
    pub(crate) fn data(&self, part: usize) -> [String; 2] {
        [0, 1].map(|copy| self.authority.files().path(&format!("data-{copy}-{part}")).to_str().unwrap().to_owned())
    }

    /// Kills a part on the spot.
    pub(crate) fn kill(&mut self, part: usize) {
        let process = self.processes[part].take().expect("it runs");
        process.signal(Signal::KILL);
        assert_eq!(process.end().code, None, "a signal ended it");
    }

    /// Waits for the end of a part that ends by itself.
    #[track_caller]
    pub(crate) fn end(&mut self, part: usize) -> Ended {
        self.processes[part].take().expect("it runs").end()
    }

    /// What a part counts of its link.
    #[track_caller]
    pub(crate) fn link(&self, part: usize) -> Value {
        let process = self.processes[part].as_ref().expect("it runs");
        process.signal(Signal::USR1);
        let lines = process.lines_to(|line| line.contains("\"event\":\"counters\""));
        serde_json::from_str::<Value>(lines.last().unwrap()).unwrap()["link"].clone()
    }

    /// The next line of a part that is a finding and names its link.
    #[track_caller]
    pub(crate) fn finding(&self, part: usize) -> Value {
        let process = self.processes[part].as_ref().expect("it runs");
        let lines = process.lines_to(|line| line.contains("\"finding\"") && line.contains("process"));
        serde_json::from_str(lines.last().unwrap()).unwrap()
    }

    /// Waits until a part's link says so.
    #[track_caller]
    pub(crate) fn await_link(&self, part: usize, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let link = self.link(part);
            if holds(&link) {
                return link;
            }
            assert!(Instant::now() < deadline, "{link}");
            std::thread::sleep(POLL);
        }
    }

    /// Waits until the accounts hold this much: credits may be under way.
    #[track_caller]
    pub(crate) fn await_balances(&self, expected: &BTreeMap<Address, i128>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let balances: BTreeMap<Address, i128> =
                self.authority.accounts().iter().map(|(address, account)| (*address, account.balance)).collect();
            if balances == *expected {
                return;
            }
            assert!(Instant::now() < deadline, "{balances:?} is not {expected:?}");
            std::thread::sleep(POLL);
        }
    }

    /// Stops every part that runs. Holds if each ends well.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        for process in self.processes.iter_mut().filter_map(Option::take) {
            process.signal(Signal::TERM);
            let ended = process.end();
            assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""), "{ended:?}");
        }
    }

    fn setup(&self) -> &Setup {
        self.authority.setup()
    }
}
