//! The committee file: TOML, one `[[authority]]` table per member, in the order that gives them their indices.
//!
//! `quittance-authority generate` prints such a table, so a committee file is made by appending four outputs.

use super::{Committee, CommitteeError, Member};
use crate::types::{Peer, ShardIndex};
use core::net::IpAddr;
use quittance_verify::{KeyError, PublicKey};
use serde::{Deserialize, Serialize};

/// A committee file's contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteeFile {
    /// The epoch; 0 if absent.
    #[serde(default)]
    pub epoch: u64,
    /// The members.
    #[serde(rename = "authority", default)]
    pub members: Vec<MemberEntry>,
}

/// One authority: its key and where its shards listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberEntry {
    /// Ed25519 public key, 64 hexadecimal digits.
    #[serde(with = "hex::serde")]
    pub key: [u8; 32],
    /// The IP address of all shards, where `hosts` does not say otherwise.
    pub host: IpAddr,
    /// An IP address for each shard, where they are on different hosts; none if all are on `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<IpAddr>,
    /// UDP port of shard 0; shard i listens on `port + i`.
    pub port: u16,
    /// How many shards this authority has.
    pub shards: u16,
    /// Its share of the votes; 1 if absent.
    #[serde(default = "one")]
    pub weight: u64,
}

impl MemberEntry {
    /// Where a shard listens.
    ///
    /// # Panics
    /// If there is no such shard. The ports of all others are in range once [`CommitteeFile::parse`] has seen the entry.
    pub fn address_of(&self, shard: ShardIndex) -> Peer {
        assert!(shard.0 < self.shards, "an authority has the shards that its entry says");
        let port = self.port.checked_add(shard.0).expect("the file was checked for this");
        Peer::new(self.hosts.get(shard.index()).copied().unwrap_or(self.host), port)
    }

    /// The entry as the table that a committee file holds.
    pub fn to_table(&self) -> String {
        #[derive(Serialize)]
        struct Table<'a> {
            authority: [&'a MemberEntry; 1],
        }
        toml::to_string(&Table { authority: [self] }).expect("integers, strings and tables are TOML")
    }
}

fn one() -> u64 {
    1
}

/// What is wrong with a committee file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeFileError {
    /// Not TOML, or not these fields. The text names line and column.
    #[error("{0}")]
    Syntax(String),
    /// A key is not a usable Ed25519 public key.
    #[error("authority {index}: the key is unusable: {error}")]
    Key {
        /// Its place in the file, from 0.
        index: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// Ports run past 65,535, or there are no shards.
    #[error("authority {index}: port {port} and {shards} shards do not fit ports 1 to 65535; choose a lower port")]
    Ports {
        /// Its place in the file, from 0.
        index: usize,
        /// The base port.
        port: u16,
        /// The shard count.
        shards: u16,
    },
    /// Some shards have an IP address of their own and others do not.
    #[error("authority {index}: `hosts` has {hosts} addresses for {shards} shards; give one for each, or leave it out")]
    Hosts {
        /// Its place in the file, from 0.
        index: usize,
        /// Addresses given.
        hosts: usize,
        /// The shard count.
        shards: u16,
    },
    /// The members make no committee.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
}

impl CommitteeFile {
    /// Reads the file's text. Unknown fields are refused: a mistyped one must not be silently ignored.
    ///
    /// # Errors
    /// [`CommitteeFileError::Syntax`], [`CommitteeFileError::Ports`] or [`CommitteeFileError::Hosts`].
    pub fn parse(text: &str) -> Result<Self, CommitteeFileError> {
        let file: Self = toml::from_str(text).map_err(|error| CommitteeFileError::Syntax(error.to_string()))?;
        for (index, member) in file.members.iter().enumerate() {
            let (port, shards) = (member.port, member.shards);
            if port == 0 || shards == 0 || port.checked_add(shards - 1).is_none() {
                return Err(CommitteeFileError::Ports { index, port, shards });
            }
            let hosts = member.hosts.len();
            if hosts != 0 && hosts != usize::from(shards) {
                return Err(CommitteeFileError::Hosts { index, hosts, shards });
            }
        }
        Ok(file)
    }

    /// The committee that the file describes.
    ///
    /// # Errors
    /// [`CommitteeFileError::Key`] or [`CommitteeFileError::Committee`].
    pub fn committee(&self) -> Result<Committee, CommitteeFileError> {
        let member = |(index, entry): (usize, &MemberEntry)| {
            let key = PublicKey::from_bytes(&entry.key).map_err(|error| CommitteeFileError::Key { index, error })?;
            Ok(Member { key, weight: entry.weight })
        };
        let members: Vec<Member> =
            self.members.iter().enumerate().map(member).collect::<Result<_, CommitteeFileError>>()?;
        Ok(Committee::new(self.epoch, members)?)
    }

    /// The file as text: what [`Self::parse`] reads back.
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("integers, strings and tables are TOML")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_verify::SecretKey;

    fn entry(seed: u8) -> MemberEntry {
        let key = SecretKey::from_seed(&[seed; 32]).public_key_bytes();
        let host = "127.0.0.1".parse().unwrap();
        MemberEntry { key, host, hosts: Vec::new(), port: 9_100, shards: 4, weight: 1 }
    }

    #[test]
    fn tables_appended_one_by_one_make_the_file() {
        let text = format!("{}\n{}", entry(1).to_table(), entry(2).to_table());
        let file = CommitteeFile::parse(&text).unwrap();
        assert_eq!(file.members, vec![entry(1), entry(2)]);
        assert_eq!(file.committee().unwrap().members().len(), 2);
        assert_eq!(CommitteeFile::parse(&file.to_text()).unwrap(), file);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let text = CommitteeFile { epoch: 0, members: vec![entry(1)] }.to_text() + "wieght = 2\n";
        let error = CommitteeFile::parse(&text).unwrap_err().to_string();
        assert!(error.contains("wieght") && error.contains("line 9"), "{error}");
    }

    #[test]
    fn ports_beyond_the_range_and_no_shards_are_refused() {
        for (port, shards) in [(65_535, 2), (0, 1), (9_100, 0)] {
            let file = CommitteeFile { epoch: 0, members: vec![MemberEntry { port, shards, ..entry(1) }] };
            let error = CommitteeFile::parse(&file.to_text()).unwrap_err();
            assert_eq!(error, CommitteeFileError::Ports { index: 0, port, shards });
        }
    }

    #[test]
    fn shards_are_on_one_host_or_each_on_its_own() {
        let ip = |last| IpAddr::from([10, 0, 0, last]);
        let spread = MemberEntry { hosts: (1..=4).map(ip).collect(), ..entry(1) };
        let text = CommitteeFile { epoch: 0, members: vec![entry(2), spread.clone()] }.to_text();
        let read = CommitteeFile::parse(&text).unwrap();
        assert_eq!(read.members, vec![entry(2), spread]);
        let address = |member: usize, shard| read.members[member].address_of(ShardIndex(shard)).to_string();
        assert_eq!([address(0, 3), address(1, 0), address(1, 3)], ["127.0.0.1:9103", "10.0.0.1:9100", "10.0.0.4:9103"]);
        let short = MemberEntry { hosts: vec![ip(1)], ..entry(1) };
        let error = CommitteeFile::parse(&CommitteeFile { epoch: 0, members: vec![short] }.to_text()).unwrap_err();
        assert_eq!(error, CommitteeFileError::Hosts { index: 0, hosts: 1, shards: 4 });
    }

    #[test]
    fn a_key_of_small_order_is_refused_with_its_place() {
        let mut key = [0; 32];
        key[0] = 1;
        let file = CommitteeFile { epoch: 0, members: vec![entry(1), MemberEntry { key, ..entry(2) }] };
        let error = file.committee().unwrap_err();
        assert_eq!(error, CommitteeFileError::Key { index: 1, error: KeyError::SmallOrder });
    }
}
