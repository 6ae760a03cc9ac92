//! A committee of authority processes on loopback.

use super::{PATIENCE, locate};
use quittance_engine::committee::{CommitteeFile, MemberEntry};
use quittance_engine::types::ShardIndex;
use quittance_verify::SecretKey;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Each authority has so many, if there are few of them; one each if there are many.
const SHARD_COUNT: u16 = 2;
const FEW: usize = 7;
/// Where ports are looked for: above those of services, below those that Linux gives to clients.
const PORT_FIRST: u32 = 10_000;
const PORT_LAST: u32 = 32_000;

/// The committee file.
const COMMITTEE: &str = "committee.toml";

const POLL: Duration = Duration::from_millis(5);

/// What an authority keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Nothing: a restart makes it empty.
    Volatile,
    /// Everything, with a history.
    Durable,
}

/// Some authorities, four if nothing else is said. All processes end when this is dropped.
pub(crate) struct Committee {
    folder: TempDir,
    storage: Storage,
    processes: Vec<Option<Child>>,
}

impl Committee {
    /// Starts four authorities with this genesis file.
    pub(crate) fn start(genesis: &str, storage: Storage) -> Self {
        Self::with_weights(genesis, storage, &[1; 4])
    }

    /// Starts authorities of these weights.
    pub(crate) fn with_weights(genesis: &str, storage: Storage, weights: &[u64]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("genesis.txt"), genesis).unwrap();
        let mut committee = Self { folder, storage, processes: weights.iter().map(|_| None).collect() };
        for index in 0..weights.len() {
            committee.generate(index);
        }
        committee.write_members(COMMITTEE, |index, member| member.weight = weights[index]);
        // At the same time: each of them prepares files.
        let mut starting: Vec<Child> = (0..weights.len()).map(|index| committee.spawn(index)).collect();
        for (index, child) in starting.iter_mut().enumerate() {
            await_ready(index, child);
        }
        committee.processes = starting.into_iter().map(Some).collect();
        committee
    }

    /// The options by which a wallet finds it.
    pub(crate) fn options(&self) -> Vec<String> {
        self.options_of(COMMITTEE)
    }

    /// The same with another committee file.
    pub(crate) fn options_of(&self, file: &str) -> Vec<String> {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        vec!["--committee".to_owned(), text(file), "--genesis".to_owned(), text("genesis.txt")]
    }

    /// How many authorities there are.
    pub(crate) fn count(&self) -> usize {
        self.processes.len()
    }

    /// What its committee file says.
    pub(crate) fn members(&self) -> Vec<MemberEntry> {
        CommitteeFile::parse(&std::fs::read_to_string(self.path(COMMITTEE)).unwrap()).unwrap().members
    }

    /// Writes a committee file that says something else of its members.
    pub(crate) fn write_members(&self, file: &str, mut change: impl FnMut(usize, &mut MemberEntry)) {
        let mut members = self.members();
        members.iter_mut().enumerate().for_each(|(index, member)| change(index, member));
        let tables: Vec<String> = members.iter().map(MemberEntry::to_table).collect();
        std::fs::write(self.path(file), tables.join("\n")).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An authority falls silent: its process stands still, all threads of it, when this returns.
    pub(crate) fn silence(&self, index: usize) {
        self.signal(index, Signal::STOP);
        let tasks = format!("/proc/{}/task", self.processes[index].as_ref().expect("it runs").id());
        let stands = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = task.and_then(|task| std::fs::read_to_string(task.path().join("stat"))).unwrap_or_default();
            // Behind the name, which may have any letters.
            stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
        };
        while !std::fs::read_dir(&tasks).unwrap().all(stands) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// It goes on, with all that came meanwhile.
    pub(crate) fn wake(&self, index: usize) {
        self.signal(index, Signal::CONT);
    }

    /// An authority is killed; what it kept in memory is lost.
    pub(crate) fn kill(&mut self, index: usize) {
        let mut child = self.processes[index].take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// It is started again with the same files.
    pub(crate) fn restart(&mut self, index: usize) {
        drop(self.stand_in(index));
        let mut child = self.spawn(index);
        await_ready(index, &mut child);
        self.processes[index] = Some(child);
    }

    /// A running authority is killed and comes back without a memory of anything. With a key that has voted no operator may
    /// ever do that: only wallets that are honest forgive it.
    pub(crate) fn empty(&mut self, index: usize) {
        self.kill(index);
        self.forget(index);
        self.restart(index);
    }

    /// What a killed authority kept is gone.
    pub(crate) fn forget(&self, index: usize) {
        if self.storage == Storage::Durable {
            std::fs::remove_dir_all(self.path(&format!("data-{index}"))).unwrap();
        }
    }

    /// An authority's secret key.
    pub(crate) fn secret(&self, index: usize) -> SecretKey {
        let text = std::fs::read_to_string(self.private_file(index)).unwrap();
        let secret = text.lines().find_map(|line| line.strip_prefix("secret = \""));
        let mut seed = [0; 32];
        hex::decode_to_slice(secret.unwrap().trim_end_matches('"'), &mut seed).unwrap();
        SecretKey::from_seed(&seed)
    }

    /// Sockets in a killed authority's place, one for each of its shards: for someone who answers for it.
    pub(crate) fn stand_in(&self, index: usize) -> Vec<UdpSocket> {
        let member = &self.members()[index];
        (0..member.shards).map(|shard| bind_freed(member.address_of(ShardIndex(shard)))).collect()
    }

    fn signal(&self, index: usize, signal: Signal) {
        let child = self.processes[index].as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    fn generate(&self, index: usize) {
        let mut command = Command::new(locate::binaries(&["quittance-engine"]).join("quittance-authority"));
        let shard_count = if self.count() <= FEW { SHARD_COUNT } else { 1 };
        let port = free_ports(shard_count)[0].local_addr().unwrap().port().to_string();
        command.args(["generate", "--host", "127.0.0.1", "--port", &port, "--shards", &shard_count.to_string()]);
        command.arg("--out").arg(self.private_file(index)).arg("--committee").arg(self.path(COMMITTEE));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn private_file(&self, index: usize) -> PathBuf {
        self.path(&format!("authority-{index}.toml"))
    }

    fn spawn(&self, index: usize) -> Child {
        let mut command = Command::new(locate::binaries(&["quittance-engine"]).join("quittance-authority"));
        command.args(["run", "--json", "--key-cache-mib", "8", "--receive-buffer-mib", "1"]);
        command.arg("--authority").arg(self.private_file(index)).args(self.options());
        match self.storage {
            Storage::Volatile => command.arg("--volatile"),
            Storage::Durable => command.args(["--journal-mib", "8", "--data"]).arg(self.path(&format!("data-{index}"))),
        };
        let log = std::fs::File::create(self.path(&format!("log-{index}"))).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap()
    }

    /// What the authorities wrote to standard error, for messages.
    pub(crate) fn logs(&self) -> String {
        let log = |index| std::fs::read_to_string(self.path(&format!("log-{index}"))).unwrap_or_default();
        (0..self.count()).map(log).collect()
    }
}

impl Drop for Committee {
    /// No process outlives its test, whichever way that ends.
    fn drop(&mut self) {
        for child in self.processes.iter_mut().flatten() {
            // Both fail only if it has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the authorities' standard error:\n{}", self.logs());
        }
    }
}

/// Binds a port that a killed process had: the kernel may free it a moment after the process is gone.
fn bind_freed(address: SocketAddr) -> UdpSocket {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match UdpSocket::bind(address) {
            Ok(socket) => return socket,
            Err(error) => assert!(Instant::now() < deadline, "{address}: {error}"),
        }
        std::thread::sleep(POLL);
    }
}

fn await_ready(index: usize, child: &mut Child) {
    let stdout = child.stdout.take().unwrap();
    let (sender, lines) = channel();
    // Goes on to the authority's end, so that it never waits for a reader.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("authority {index} has not become ready"));
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "ready" {
            return;
        }
    }
}

/// Sockets of so many UDP ports in a row. Once they are dropped, someone else may take one.
pub(super) fn free_ports(count: u16) -> Vec<UdpSocket> {
    static TURN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Tests that run at the same time do not look in the same places.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(7_919).wrapping_add(turn * 16) % (PORT_LAST - PORT_FIRST);
        let first = u16::try_from(PORT_FIRST + place).unwrap();
        let bind = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
        if let Ok(sockets) = (first..first + count).map(bind).collect::<Result<Vec<_>, _>>() {
            return sockets;
        }
    }
}
