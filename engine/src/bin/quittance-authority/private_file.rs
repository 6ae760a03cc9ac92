//! The private file: an authority's secret key and where its shards listen. TOML, mode 0600.

use crate::fault::Fault;
use quittance_engine::committee::MemberEntry;
use quittance_engine::shard_range::ShardRange;
use quittance_verify::SecretKey;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;
use zeroize::{Zeroize, Zeroizing};

/// The file's contents. The secret is wiped from memory when this is dropped.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrivateFile {
    #[serde(with = "hex::serde")]
    secret: [u8; 32],
    #[serde(with = "hex::serde")]
    key: [u8; 32],
    /// The IP address at which payers reach the authority.
    pub(crate) host: IpAddr,
    /// UDP port of shard 0.
    pub(crate) port: u16,
    /// How many shards.
    pub(crate) shards: u16,
    /// The processes that run them; none if one runs them all.
    #[serde(rename = "process", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) processes: Vec<ProcessEntry>,
}

/// One of the authority's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessEntry {
    /// What it runs.
    pub(crate) shards: ShardRange,
    /// Where it listens for the others: TCP.
    pub(crate) link: SocketAddr,
    /// The IP address at which payers reach its shards, where it is not the authority's `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<IpAddr>,
}

impl FromStr for ProcessEntry {
    type Err = &'static str;

    /// As the option has it: `0-1=127.0.0.1:9900`, `0-1=10.0.0.1:9900@203.0.113.1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write SHARDS=IP:PORT, or SHARDS=IP:PORT@HOST, as in 0-1=127.0.0.1:9900";
        let (shards, place) = text.split_once('=').ok_or(wrong)?;
        let (link, host) = place.split_once('@').map_or((place, None), |(link, host)| (link, Some(host)));
        let host = host.map(|host| host.parse().map_err(|_| wrong)).transpose()?;
        Ok(Self { shards: shards.parse().map_err(|_| wrong)?, link: link.parse().map_err(|_| wrong)?, host })
    }
}

/// Holds processes against the shards that they are to run.
///
/// # Errors
/// What is wrong, with what to do about it.
pub(crate) fn check_processes(processes: &[ProcessEntry], shard_count: u16) -> Result<(), String> {
    if processes.is_empty() {
        return Ok(());
    }
    if let Some(shard) = ShardRange::undivided(processes.iter().map(|process| process.shards), shard_count) {
        return Err(format!(
            "shard {} is run by no process, by two, or does not exist; let the processes divide shards 0 to {} among them",
            shard.0,
            shard_count - 1
        ));
    }
    let repeated = |(place, process): (usize, &ProcessEntry)| {
        processes[..place].iter().any(|other| other.link == process.link).then_some(process.link)
    };
    if let Some(link) = processes.iter().enumerate().find_map(repeated) {
        return Err(format!("two processes have the link {link}; give each its own"));
    }
    match processes.iter().find(|process| process.link.port() == 0 || process.link.ip().is_unspecified()) {
        Some(process) => Err(format!("{} is no link that others can reach; name an address and a port", process.link)),
        None => Ok(()),
    }
}

impl PrivateFile {
    /// A new authority's file.
    pub(crate) fn new(seed: &[u8; 32], host: IpAddr, port: u16, shards: u16, processes: Vec<ProcessEntry>) -> Self {
        Self { secret: *seed, key: SecretKey::from_seed(seed).public_key_bytes(), host, port, shards, processes }
    }

    /// The secret key.
    pub(crate) fn secret_key(&self) -> SecretKey {
        SecretKey::from_seed(&self.secret)
    }

    /// What others may know: an entry of the committee file.
    pub(crate) fn member_entry(&self) -> MemberEntry {
        let Self { key, host, port, shards, .. } = *self;
        MemberEntry { key, host, hosts: self.hosts(), port, shards, weight: 1 }
    }

    /// By shard; none if all are on one host.
    fn hosts(&self) -> Vec<IpAddr> {
        if self.processes.iter().all(|process| process.host.is_none_or(|host| host == self.host)) {
            return Vec::new();
        }
        let host = |shard| self.processes.iter().find(|process| process.shards.contains(shard))?.host;
        ShardRange::all(self.shards).iter().map(|shard| host(shard).unwrap_or(self.host)).collect()
    }

    /// Writes a new file that only its owner can read, to disk before this returns.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Fault> {
        let text = Zeroizing::new(toml::to_string(self).expect("integers and strings are TOML"));
        let fault = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AlreadyExists => Fault::Text {
                path: path.to_owned(),
                fault: "it exists, and an authority's key is never overwritten: choose another name".to_owned(),
            },
            _ => Fault::File { path: path.to_owned(), source, remedy: "" },
        };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fault)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)
    }

    /// Reads the file. One that others can read is refused, and so is one whose two keys do not belong together.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let wrong = |fault: String| Fault::Text { path: path.to_owned(), fault };
        let mut file = File::open(path).map_err(Fault::read(path))?;
        let mode = file.metadata().map_err(Fault::read(path))?.mode();
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(wrong(format!("others may read or write it (mode {:o}); run: chmod 600 {path}", mode & 0o777)));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(Fault::read(path))?;
        // The parser's own display quotes the line, which may hold the secret.
        let private: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            wrong(format!("line {line}: not a private file of `quittance-authority generate`: {}", error.message()))
        })?;
        let line_of = |start: &str| 1 + text.lines().take_while(|line| !line.trim_start().starts_with(start)).count();
        if private.secret_key().public_key_bytes() != private.key {
            let line = line_of("key");
            return Err(wrong(format!(
                "line {line}: `key` does not belong to `secret`; restore the file that `generate` wrote"
            )));
        }
        if private.shards > 0 {
            let at_processes = |fault| wrong(format!("from line {} on: {fault}", line_of("[[process]]")));
            check_processes(&private.processes, private.shards).map_err(at_processes)?;
        }
        Ok(private)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn new() -> PrivateFile {
        PrivateFile::new(&[7; 32], "127.0.0.1".parse().unwrap(), 9_100, 2, Vec::new())
    }

    fn process(text: &str) -> ProcessEntry {
        text.parse().unwrap()
    }

    #[test]
    fn a_written_file_reads_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.toml");
        new().write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(PrivateFile::read(&path).unwrap().member_entry(), new().member_entry());
        let refusal = new().write(&path).unwrap_err().to_string();
        assert!(refusal.contains("choose another name"), "{refusal}");
    }

    #[test]
    fn processes_read_back_and_say_where_payers_reach_each_shard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.toml");
        let processes = vec![process("0-1=10.0.0.1:9900@203.0.113.1"), process("2=10.0.0.2:9900")];
        PrivateFile::new(&[7; 32], "203.0.113.9".parse().unwrap(), 9_100, 3, processes.clone()).write(&path).unwrap();
        let read = PrivateFile::read(&path).unwrap();
        assert_eq!(read.processes, processes);
        let hosts: Vec<String> = read.member_entry().hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["203.0.113.1", "203.0.113.1", "203.0.113.9"]);
        assert!(new().member_entry().hosts.is_empty());
        for text in ["0-1", "=1.2.3.4:5", "0=1.2.3.4", "0=1.2.3.4:5@", "x=1.2.3.4:5"] {
            assert!(text.parse::<ProcessEntry>().is_err(), "{text}");
        }
    }

    #[test]
    fn processes_that_do_not_divide_the_shards_are_refused() {
        let check = |texts: &[&str]| {
            let processes: Vec<ProcessEntry> = texts.iter().map(|text| process(text)).collect();
            check_processes(&processes, 4)
        };
        assert_eq!(check(&["2-3=127.0.0.1:2", "0-1=127.0.0.1:1"]), Ok(()));
        for (texts, word) in [
            (&["0-1=127.0.0.1:1"][..], "shard 2"),
            (&["0-1=127.0.0.1:1", "1-3=127.0.0.1:2"], "shard 1"),
            (&["0-1=127.0.0.1:1", "2-4=127.0.0.1:2"], "shard 2"),
            (&["0-1=127.0.0.1:1", "2-3=127.0.0.1:1"], "give each its own"),
            (&["0-1=127.0.0.1:1", "2-3=0.0.0.0:2"], "no link that others can reach"),
        ] {
            let fault = check(texts).unwrap_err();
            assert!(fault.contains(word), "{fault}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.toml");
        new().write(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let fault = PrivateFile::read(&path).err().unwrap();
        assert!(fault.to_string().contains("chmod 600"), "{fault}");
        assert_eq!(fault.exit_code(), 2);
    }

    #[test]
    fn keys_that_do_not_match_are_refused_and_no_message_shows_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let secret = hex::encode([7; 32]);
        let good = toml::to_string(&new()).unwrap();
        let spoiled = [good.replace(&secret, &hex::encode([8; 32])), good.replace(&secret, &format!("{secret}zz"))];
        for (index, (text, line)) in spoiled.iter().zip(["line 2:", "line 1:"]).enumerate() {
            let path = folder.path().join(index.to_string());
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let message = PrivateFile::read(&path).err().unwrap().to_string();
            assert!(!message.contains(&secret) && !message.contains("0808"), "{message}");
            assert!(message.contains(line), "{message}");
        }
    }
}
