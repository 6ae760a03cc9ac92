//! The files of a network: committee, genesis and the authorities' private files, in a temporary folder.

use crate::accounts::Accounts;
use crate::error::BenchError;
use crate::parts::Part;
use crate::random::{Purpose, key_seed};
use quittance_engine::address::ADDRESS_CHARACTERS;
use quittance_engine::committee::{Committee, CommitteeFile, MemberEntry};
use quittance_engine::genesis;
use quittance_engine::network::NetworkId;
use quittance_engine::types::Amount;
use quittance_verify::SecretKey;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A genesis line: address, space, amount, line end.
const GENESIS_LINE_BYTES_MAX: usize = ADDRESS_CHARACTERS + 1 + 20 + 1;

/// A committee's keys and addresses.
#[derive(Debug)]
pub struct Members {
    keys: Vec<SecretKey>,
    file: CommitteeFile,
    committee: Committee,
}

impl Members {
    /// A committee of weight 1 each, with keys from the run's seed. Members that do not run get ports too, as the file
    /// demands; nobody listens there.
    ///
    /// # Errors
    /// [`BenchError::Usage`] if so many members make no committee.
    pub fn new(run_seed: u64, host: IpAddr, first_ports: &[u16], shard_count: u16) -> Result<Self, BenchError> {
        let key = |index| SecretKey::from_seed(&key_seed(run_seed, Purpose::Authority, index));
        let keys: Vec<SecretKey> = (0..).take(first_ports.len()).map(key).collect();
        let members = keys.iter().zip(first_ports).map(|(key, port)| MemberEntry {
            key: key.public_key_bytes(),
            host,
            hosts: Vec::new(),
            port: *port,
            shards: shard_count,
            weight: 1,
        });
        let file = CommitteeFile { epoch: 0, members: members.collect() };
        let committee = file.committee().map_err(|error| BenchError::Usage(format!("--committee: {error}")))?;
        Ok(Self { keys, file, committee })
    }

    /// Every member as the committee file has it.
    pub fn entries(&self) -> &[MemberEntry] {
        &self.file.members
    }

    /// The committee.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }

    /// The keys of members `range`, moved out for signing simulated votes.
    pub fn split_keys(&mut self, range: core::ops::Range<usize>) -> Vec<SecretKey> {
        self.keys.drain(range).collect()
    }
}

/// The folder and what it holds. Removed when dropped.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    /// The network's id: the digest of the genesis file written.
    pub network: NetworkId,
}

impl Folder {
    /// Writes all files: the accounts, each with its `opening` by index, and a private file (mode 0600) for each of the first
    /// `live_count` members. The first of them runs as several processes if there are `parts`.
    ///
    /// # Errors
    /// [`BenchError::Machine`].
    pub fn write(
        members: &Members,
        live_count: usize,
        accounts: &Accounts,
        opening: impl Fn(u32) -> u64,
        parts: &[Part],
    ) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("quittance-bench-").tempdir();
        let remedy = "; set TMPDIR to a folder that can be written to";
        let folder = folder.map_err(|error| BenchError::machine("making a temporary folder", error, remedy))?;
        let genesis = genesis_text(accounts, opening);
        let network = NetworkId::of_genesis(genesis.as_bytes());
        let written = Self { folder, network };
        write_file(&written.genesis(), genesis.as_bytes(), 0o644)?;
        write_file(&written.committee(), members.file.to_text().as_bytes(), 0o644)?;
        for index in 0..live_count {
            let parts = if index == 0 { parts } else { &[] };
            write_file(&written.private(index), private_text(members, index, parts).as_bytes(), 0o600)?;
        }
        Ok(written)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder there when this is dropped.
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// The genesis file.
    pub fn genesis(&self) -> PathBuf {
        self.folder.path().join("genesis.txt")
    }

    /// The committee file.
    pub fn committee(&self) -> PathBuf {
        self.folder.path().join("committee.toml")
    }

    /// An authority's private file.
    pub fn private(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("authority-{index}.toml"))
    }
}

fn genesis_text(accounts: &Accounts, opening: impl Fn(u32) -> u64) -> String {
    let mut text = String::with_capacity(64 + accounts.addresses().len() * GENESIS_LINE_BYTES_MAX);
    let accounts = (0..).zip(accounts.addresses());
    let lines = accounts.map(|(account, address)| genesis::line(address, Amount(opening(account))));
    writeln!(text, "{}", genesis::FIRST_LINE).expect("a string takes any text");
    lines.for_each(|line| writeln!(text, "{line}").expect("a string takes any text"));
    text
}

fn private_text(members: &Members, index: usize, parts: &[Part]) -> String {
    let entry = &members.file.members[index];
    let mut text = format!(
        "secret = \"{}\"\nkey = \"{}\"\nhost = \"{}\"\nport = {}\nshards = {}\n",
        hex::encode(members.keys[index].seed()),
        hex::encode(entry.key),
        entry.host,
        entry.port,
        entry.shards,
    );
    for Part { shards, link, .. } in parts {
        text += &format!("\n[[process]]\nshards = \"{shards}\"\nlink = \"{link}\"\n");
    }
    text
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), BenchError> {
    let remedy = "; free space there, or set TMPDIR to another folder";
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| BenchError::machine(format!("writing {}", path.display()), error, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::progress::Progress;
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_files_read_back_as_the_network_that_was_meant() {
        let accounts = Accounts::derive(1, 20, &Progress::hidden(), &Interrupt::default()).unwrap();
        let members = Members::new(1, IpAddr::V4(Ipv4Addr::LOCALHOST), &[9_000, 9_010, 9_020, 9_030], 2).unwrap();
        let folder = Folder::write(&members, 2, &accounts, |account| 500 + u64::from(account), &[]).unwrap();
        let text = std::fs::read_to_string(folder.committee()).unwrap();
        let committee = CommitteeFile::parse(&text).unwrap().committee().unwrap();
        assert_eq!(committee.digest(), members.committee().digest());
        assert_eq!(committee.quorum(), 3);
        let bytes = std::fs::read(folder.genesis()).unwrap();
        assert_eq!(NetworkId::of_genesis(&bytes), folder.network);
        let mut funded = Vec::new();
        let supply = genesis::read(&bytes, |_, address, amount| {
            funded.push((address, amount.0));
            Ok::<(), genesis::GenesisError>(())
        });
        assert_eq!(supply.unwrap(), Amount(20 * 500 + 190));
        assert!(funded.iter().map(|(address, _)| address).eq(accounts.addresses()));
        assert!(funded.iter().map(|(_, amount)| *amount).eq(500..520));
        assert!(folder.private(1).exists() && !folder.private(2).exists());
        let mode = std::fs::metadata(folder.private(0)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
