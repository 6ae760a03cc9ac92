//! The committee file: TOML, one `[[authority]]` table per member, in the order that gives them their indices.
//!
//! `quittance-authority generate` prints such a table, so a committee file is made by appending four outputs.
//!
//! Everything that can be wrong with a file is found when it is read, and named with its line.

use super::lines::Lines;
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

/// What is wrong with a committee file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{fault}", line.map_or(String::new(), |line| format!("line {line}: ")))]
pub struct CommitteeFileError {
    /// The line, from 1; none if it is no single one, or if the committee was not read from a text.
    pub line: Option<usize>,
    /// The fault.
    pub fault: CommitteeFault,
}

/// What is wrong with a committee file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeFault {
    /// Not TOML, or not these fields.
    #[error("{0}")]
    Syntax(String),
    /// A key is not a usable Ed25519 public key.
    #[error("authority {index}: the key is unusable: {error}; copy the table that `generate` printed")]
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
    /// Reads the file's text, and makes sure that it describes a committee. Unknown fields are refused: a mistyped one must not
    /// be silently ignored.
    ///
    /// # Errors
    /// [`CommitteeFileError`], with the line.
    pub fn parse(text: &str) -> Result<Self, CommitteeFileError> {
        let file: Self = toml::from_str(text).map_err(|error| CommitteeFileError {
            line: error.span().map(|span| super::lines::line_at(text, span.start)),
            fault: CommitteeFault::Syntax(error.message().to_owned()),
        })?;
        file.check().map_err(|fault| CommitteeFileError { line: Lines::read(text).of(&fault), fault })?;
        Ok(file)
    }

    /// The committee that the file describes.
    ///
    /// # Errors
    /// [`CommitteeFileError`] without a line, if this was not [parsed](Self::parse) but made.
    pub fn committee(&self) -> Result<Committee, CommitteeFileError> {
        self.members_checked()
            .and_then(|members| Ok(Committee::new(self.epoch, members)?))
            .map_err(|fault| CommitteeFileError { line: None, fault })
    }

    /// The line in which the table of a member begins, in the text that this was parsed from.
    pub fn line_of(text: &str, index: usize) -> Option<usize> {
        Lines::read(text).of_member(index)
    }

    /// The file as text: what [`Self::parse`] reads back.
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("integers, strings and tables are TOML")
    }

    fn check(&self) -> Result<(), CommitteeFault> {
        for (index, member) in self.members.iter().enumerate() {
            let (port, shards) = (member.port, member.shards);
            if port == 0 || shards == 0 || port.checked_add(shards - 1).is_none() {
                return Err(CommitteeFault::Ports { index, port, shards });
            }
            let hosts = member.hosts.len();
            if hosts != 0 && hosts != usize::from(shards) {
                return Err(CommitteeFault::Hosts { index, hosts, shards });
            }
        }
        Committee::new(self.epoch, self.members_checked()?)?;
        Ok(())
    }

    fn members_checked(&self) -> Result<Vec<Member>, CommitteeFault> {
        let member = |(index, entry): (usize, &MemberEntry)| {
            let key = PublicKey::from_bytes(&entry.key).map_err(|error| CommitteeFault::Key { index, error })?;
            Ok(Member { key, weight: entry.weight })
        };
        self.members.iter().enumerate().map(member).collect()
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
        assert!(error.contains("wieght") && error.starts_with("line 9: "), "{error}");
    }

    #[test]
    fn ports_beyond_the_range_and_no_shards_are_refused() {
        for (port, shards) in [(65_535, 2), (0, 1), (9_100, 0)] {
            let file = CommitteeFile { epoch: 0, members: vec![MemberEntry { port, shards, ..entry(1) }] };
            let error = CommitteeFile::parse(&file.to_text()).unwrap_err();
            let line = Some(6);
            assert_eq!(error, CommitteeFileError { line, fault: CommitteeFault::Ports { index: 0, port, shards } });
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
        assert_eq!(error.fault, CommitteeFault::Hosts { index: 0, hosts: 1, shards: 4 });
    }

    /// Three members whose tables begin in lines 2, 8 and 14, changed.
    fn refusal(change: impl FnOnce(&mut Vec<String>)) -> CommitteeFileError {
        let table = |seed| {
            let key = hex::encode(entry(seed).key);
            format!("[[authority]]\nkey = \"{key}\"\nhost = \"127.0.0.1\"\nport = 9100\nshards = 4\n# A comment.\n")
        };
        let text = format!("# A committee.\n{}", [1, 2, 3].map(table).concat());
        CommitteeFile::parse(&text).expect("without the change it is good");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        CommitteeFile::parse(&lines.join("\n")).unwrap_err()
    }

    #[test]
    fn every_fault_names_the_line_to_change() {
        let key = |byte: u8| format!("key = \"{}{}\"", hex::encode([byte]), "00".repeat(31));
        let small_order = refusal(|lines| lines[8] = key(1));
        let expected = CommitteeFault::Key { index: 1, error: KeyError::SmallOrder };
        assert_eq!(small_order, CommitteeFileError { line: Some(9), fault: expected });
        assert_eq!(small_order.to_string().split(':').next(), Some("line 9"));

        let port = refusal(|lines| lines[16] = "port = 65535".to_owned());
        assert_eq!(port.line, Some(17));
        let no_shards = refusal(|lines| lines[11] = "shards = 0".to_owned());
        assert_eq!(no_shards.line, Some(11), "the port and the count do not fit; the port comes first");
        assert_eq!(refusal(|lines| lines[12] = "hosts = [\"10.0.0.1\"]".to_owned()).line, Some(13));
        assert_eq!(refusal(|lines| lines[6] = "weight = 0".to_owned()).line, Some(7));
        let repeated = refusal(|lines| lines[14] = lines[2].clone());
        assert_eq!(repeated.fault, CommitteeError::RepeatedKey { first: 0, second: 2 }.into());
        assert_eq!(repeated.line, Some(15));
        let overflow = refusal(|lines| {
            for line in [6, 12] {
                lines[line] = format!("weight = {}", i64::MAX);
            }
            lines.push("weight = 2".to_owned());
        });
        assert_eq!(overflow.fault, CommitteeError::WeightOverflow { index: 2 }.into());
        assert_eq!(overflow.line, Some(20));

        let spoiled = ["key = \"zz\"", "host = \"nowhere\"", "port = 70000", "shards = -1", "epoch = 2"];
        for (line, text) in (9..).zip(spoiled) {
            let error = refusal(|lines| lines[line - 1] = text.to_owned());
            assert!(matches!(error.fault, CommitteeFault::Syntax(_)), "{error}");
            assert_eq!(error.line, Some(line), "{error}");
        }
        assert_eq!(refusal(Vec::clear), CommitteeFileError { line: None, fault: CommitteeError::Empty.into() });
        assert_eq!(
            refusal(|lines| drop(lines.remove(7))).line,
            Some(8),
            "the second table's fields are the first one's"
        );
    }

    #[test]
    fn a_committee_that_was_made_and_not_read_is_refused_without_a_line() {
        let mut key = [0; 32];
        key[0] = 1;
        let file = CommitteeFile { epoch: 0, members: vec![entry(1), MemberEntry { key, ..entry(2) }] };
        let fault = CommitteeFault::Key { index: 1, error: KeyError::SmallOrder };
        assert_eq!(file.committee().unwrap_err(), CommitteeFileError { line: None, fault });
    }
}
