//! What an authority is started with: three files in a folder of their own.

use super::{OWN_INDEX, Setup};
use crate::make::Network;
use quittance_engine::committee::{CommitteeFile, MemberEntry};
use quittance_engine::genesis::{FIRST_LINE, line};
use quittance_engine::types::Amount;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Where ports are looked for: above those of services, below those that Linux gives to clients.
const PORT_FIRST: u32 = 10_000;
const PORT_LAST: u32 = 32_000;

/// A folder with a committee file, a genesis file and the private file of authority 0.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) network: Network,
    pub(crate) port: u16,
    /// Of each process's link, TCP.
    pub(crate) links: Vec<u16>,
}

impl Files {
    /// New files, with ports that are free at present.
    pub(crate) fn new(setup: &Setup) -> Self {
        let port = free_ports(setup.shards);
        let genesis = genesis_text(setup);
        let network = Network::new(setup.authorities, genesis.as_bytes(), setup.shards);
        let links = setup.parts.iter().map(|_| free_link()).collect();
        let files = Self { folder: tempfile::tempdir().unwrap(), network, port, links };
        files.write("genesis", &genesis);
        files.write("committee.toml", &files.committee_text());
        files.write("private.toml", &(files.private_text() + &files.process_text(setup)));
        files.set_mode("private.toml", 0o600);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a copy of the journal.
    pub(crate) fn data(&self, copy: u8) -> PathBuf {
        self.path(&format!("data-{copy}"))
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Changes the first occurrence of a text in a file.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}: {text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    /// The arguments of `run` with these files, and then others.
    pub(crate) fn run_arguments(&self, others: &[&str]) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut arguments = vec!["run".to_owned()];
        for (option, name) in
            [("--authority", "private.toml"), ("--committee", "committee.toml"), ("--genesis", "genesis")]
        {
            arguments.extend([option.to_owned(), text(&self.path(name))]);
        }
        arguments.extend(others.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    fn committee_text(&self) -> String {
        let member = |(index, secret): (u16, &quittance_verify::SecretKey)| MemberEntry {
            key: secret.public_key_bytes(),
            host: Ipv4Addr::LOCALHOST.into(),
            hosts: Vec::new(),
            port: if index == u16::from(OWN_INDEX) { self.port } else { index },
            shards: self.network.shard_count,
            weight: 1,
        };
        let members = (0..).zip(self.network.secrets.iter()).map(member).collect();
        CommitteeFile { epoch: self.network.committee.epoch(), members }.to_text()
    }

    fn process_text(&self, setup: &Setup) -> String {
        let table = |(shards, port): (&&str, &u16)| {
            format!("\n[[process]]\nshards = \"{shards}\"\nlink = \"127.0.0.1:{port}\"\n")
        };
        setup.parts.iter().zip(&self.links).map(table).collect()
    }

    fn private_text(&self) -> String {
        let secret = &self.network.secrets[usize::from(OWN_INDEX)];
        let (seed, key) = (hex::encode(secret.seed()), hex::encode(secret.public_key_bytes()));
        let (port, shards) = (self.port, self.network.shard_count);
        format!("secret = \"{seed}\"\nkey = \"{key}\"\nhost = \"127.0.0.1\"\nport = {port}\nshards = {shards}\n")
    }
}

/// A TCP port that is free, below those that Linux gives to clients.
fn free_link() -> u16 {
    loop {
        let port = turn_port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Test processes that run at the same time, and tests of one process, do not look in the same places.
fn turn_port() -> u16 {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let place = std::process::id().wrapping_mul(7_919).wrapping_add(turn * 16) % (PORT_LAST - PORT_FIRST);
    u16::try_from(PORT_FIRST + place).unwrap()
}

fn genesis_text(setup: &Setup) -> String {
    let mut text = format!("{FIRST_LINE}\n");
    for (address, amount) in setup.openings() {
        text += &format!("{}\n", line(&address, Amount(amount)));
    }
    text
}

/// The first of so many free UDP ports in a row. Someone else may still take one.
pub(crate) fn free_ports(count: u16) -> u16 {
    loop {
        let first = turn_port();
        let bind = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
        if (first..first + count).map(bind).collect::<Result<Vec<_>, _>>().is_ok() {
            return first;
        }
    }
}
