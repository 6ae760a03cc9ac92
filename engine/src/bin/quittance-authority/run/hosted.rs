//! Which of the authority's shards this process runs, and which processes run the others.

use super::network_files::NetworkFiles;
use crate::fault::Fault;
use crate::private_file::ProcessEntry;
use quittance_engine::shard_range::ShardRange;
use std::net::SocketAddr;

/// This process's part of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hosted {
    pub(super) shards: ShardRange,
    /// Where this process listens for others; none if it runs all shards.
    pub(super) link: Option<SocketAddr>,
    /// The other processes, in the order of their shards.
    pub(super) peers: Vec<PeerPlace>,
}

/// Another process of the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerPlace {
    pub(super) shards: ShardRange,
    pub(super) link: SocketAddr,
    /// Whether this process dials that one. Of each pair, the one with the higher shards does.
    pub(super) is_dialed: bool,
}

impl Hosted {
    /// The process that runs the shards asked for, of those that the private file names.
    pub(super) fn choose(asked: Option<ShardRange>, files: &NetworkFiles) -> Result<Self, Fault> {
        Self::of(asked, &files.processes, files.member.shards)
    }

    fn of(asked: Option<ShardRange>, processes: &[ProcessEntry], shard_count: u16) -> Result<Self, Fault> {
        let all = ShardRange::all(shard_count);
        let names: Vec<String> = processes.iter().map(|process| process.shards.to_string()).collect();
        let refuse = |fault: String| Err(Fault::Option(fault));
        let Some(own) = processes.iter().find(|process| Some(process.shards) == asked) else {
            return match (asked, processes) {
                (None, []) => Ok(Self { shards: all, link: None, peers: Vec::new() }),
                (Some(shards), []) if shards == all => Ok(Self { shards, link: None, peers: Vec::new() }),
                (Some(shards), []) => refuse(format!(
                    "--shards {shards}: the private file names no processes, so one runs all shards, {all}; leave the \
                     option out, or make an authority of several processes with `generate --process`"
                )),
                (None, _) => refuse(format!(
                    "the private file divides the authority's shards among processes; say which of them this one runs: \
                     --shards {}",
                    names.join(", or --shards ")
                )),
                (Some(shards), _) => refuse(format!(
                    "--shards {shards}: the private file names no process of these shards; it names {}",
                    names.join(" and ")
                )),
            };
        };
        let is_other = |process: &&ProcessEntry| process.shards != own.shards;
        let mut peers: Vec<PeerPlace> = processes.iter().filter(is_other).map(|other| other.seen_from(own)).collect();
        peers.sort_unstable_by_key(|peer| peer.shards);
        Ok(Self { shards: own.shards, link: Some(own.link), peers })
    }

    /// Where others dial this process, if any do.
    pub(super) fn listens_at(&self) -> Option<SocketAddr> {
        self.link.filter(|_| self.peers.iter().any(|peer| !peer.is_dialed))
    }
}

impl ProcessEntry {
    fn seen_from(&self, own: &Self) -> PeerPlace {
        PeerPlace { shards: self.shards, link: self.link, is_dialed: self.shards < own.shards }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processes() -> Vec<ProcessEntry> {
        ["2-3=127.0.0.1:3", "0=127.0.0.1:1", "1=127.0.0.1:2"].map(|text| text.parse().unwrap()).to_vec()
    }

    fn range(text: &str) -> ShardRange {
        text.parse().unwrap()
    }

    #[test]
    fn of_each_pair_one_dials_and_the_other_listens() {
        let hosted = |text| Hosted::of(Some(range(text)), &processes(), 4).unwrap();
        let dialed = |hosted: &Hosted| hosted.peers.iter().map(|peer| peer.is_dialed).collect::<Vec<_>>();
        assert_eq!(dialed(&hosted("0")), [false, false]);
        assert_eq!(dialed(&hosted("1")), [true, false]);
        assert_eq!(dialed(&hosted("2-3")), [true, true]);
        assert_eq!(hosted("1").peers[1].shards, range("2-3"));
        assert_eq!(hosted("1").listens_at(), Some("127.0.0.1:2".parse().unwrap()));
        assert_eq!(hosted("2-3").listens_at(), None);
    }

    #[test]
    fn shards_that_no_process_runs_are_refused_with_those_that_one_does() {
        let refusal = |asked: Option<&str>, processes: &[ProcessEntry]| {
            let fault = Hosted::of(asked.map(range), processes, 4).unwrap_err();
            assert_eq!(fault.exit_code(), 2);
            fault.to_string()
        };
        assert!(refusal(None, &processes()).contains("--shards 2-3, or --shards 0, or --shards 1"));
        assert!(refusal(Some("1-2"), &processes()).contains("it names 2-3 and 0 and 1"));
        assert!(refusal(Some("0-1"), &[]).contains("generate --process"));
        assert_eq!(Hosted::of(Some(range("0-3")), &[], 4).unwrap(), Hosted::of(None, &[], 4).unwrap());
    }
}
