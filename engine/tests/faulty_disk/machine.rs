//! A machine: a disk, an authority on it, and the plug.

use crate::device::{Act, Device, Operation, Rule};
use crate::disk::Fate;
use crate::harness::{Ended, Files, Process, Setup, run_to_end};
use crate::mount::Mount;
use rustix::process::Signal;
use serde_json::Value;
use std::sync::OnceLock;

/// The data folders, as paths on the disk.
pub(crate) const FOLDERS: [&str; 2] = ["first", "second"];

/// Starts with other ports before it counts as a failure: another process may take one between search and start.
const START_TRIES_MAX: usize = 5;

/// Whether this machine lets the tests mount a disk; says once why not.
pub(crate) fn can_mount() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| match crate::mount::trial() {
        Ok(()) => true,
        Err(error) => {
            eprintln!(
                "skipped: no FUSE file system can be mounted here ({error}); these tests need root and /dev/fuse"
            );
            false
        }
    })
}

/// The disk outlives the authority; whatever still runs or is mounted is ended and unmounted when this is dropped.
pub(crate) struct Machine {
    process: Option<Process>,
    mount: Option<Mount>,
    pub(crate) device: Device,
    pub(crate) files: Files,
}

impl Machine {
    /// A machine with an empty disk, and no authority yet.
    pub(crate) fn new(shards: u16, payer_count: u32) -> Self {
        let files = Files::new(&Setup { shards, payer_count, ..Setup::default() });
        std::fs::create_dir(files.path("disk")).unwrap();
        let device = Device::new();
        let mount = Some(Mount::new(&device, &files.path("disk")).unwrap());
        Self { process: None, mount, device, files }
    }

    /// Starts the authority with whatever is on the disk. Returns what it said when it was ready, findings first.
    ///
    /// # Errors
    /// How it ended, if it did.
    pub(crate) fn start(&mut self) -> Result<Vec<Value>, Ended> {
        self.start_and(|_, _| {})
    }

    /// The same, and the power goes after so many changes, during the start or later.
    pub(crate) fn start_and_cut_after(&mut self, after: u32) -> Result<Vec<Value>, Ended> {
        self.start_and(|device, process| device.cut_after(after, "", process.id()))
    }

    fn start_and(&mut self, act: impl Fn(&Device, &Process)) -> Result<Vec<Value>, Ended> {
        for _ in 0..START_TRIES_MAX {
            let process = Process::start(self.arguments());
            act(&self.device, &process);
            let mut events = Vec::new();
            while let Some(line) = process.line() {
                events.push(serde_json::from_str::<Value>(&line).unwrap());
                if events[events.len() - 1]["event"] == "ready" {
                    self.process = Some(process);
                    return Ok(events);
                }
            }
            let ended = process.end();
            if !ended.errors.contains("in use") || ended.code != Some(1) {
                return Err(ended);
            }
        }
        panic!("none of {START_TRIES_MAX} starts found its ports free");
    }

    /// The power goes after so many changes to what has this in its path.
    pub(crate) fn cut_after(&self, after: u32, path: &'static str) {
        self.device.cut_after(after, path, self.process().id());
    }

    /// The authority is killed after so many changes to what has this in its path, and the power stays.
    pub(crate) fn kill_after(&self, after: u32, path: &'static str) {
        self.device.kill_after(after, path, self.process().id());
    }

    /// Kills the authority, and leaves the machine as it is.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(Signal::KILL);
            let ended = process.end();
            // One that ended by itself before would have said why.
            assert_eq!((ended.code, ended.errors.as_str()), (None, ""));
        }
    }

    /// The power is off, for the authority too, and comes back: the disk has what the cut leaves.
    pub(crate) fn cycle_power(&mut self, fate: &mut Fate) {
        self.device.cut_now();
        self.kill();
        self.mount = None;
        self.device.settle(fate);
        self.mount = Some(Mount::new(&self.device, &self.files.path("disk")).unwrap());
    }

    /// Waits until the authority ends by itself.
    pub(crate) fn end(&mut self) -> Ended {
        self.process.take().expect("it was started").end()
    }

    /// Stops the authority as its operator does.
    pub(crate) fn stop(&mut self) -> Ended {
        self.process().signal(Signal::TERM);
        self.end()
    }

    /// What `verify-journal` says of the disk.
    pub(crate) fn verify_journal(&self) -> Ended {
        let path = |name: &str| self.files.path(name).to_str().unwrap().to_owned();
        let mut arguments = vec!["verify-journal".to_owned(), self.data()];
        for (option, name) in
            [("--authority", "private.toml"), ("--committee", "committee.toml"), ("--genesis", "genesis")]
        {
            arguments.extend([option.to_owned(), path(name)]);
        }
        run_to_end(arguments)
    }

    /// From now on this operation on what has that in its path does so, every time.
    pub(crate) fn breaks(&self, operation: Operation, path: &'static str, act: Act) {
        self.device.add(Rule { operation, path, skip: 0, act });
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it was started")
    }

    fn arguments(&self) -> Vec<String> {
        self.files.run_arguments(&["--data", &self.data(), "--journal-mib", "8", "--json"])
    }

    fn data(&self) -> String {
        FOLDERS.map(|folder| self.files.path("disk").join(folder).to_str().unwrap().to_owned()).join(",")
    }
}
