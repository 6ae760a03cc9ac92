//! One authority's shards divided among several processes.

use crate::error::BenchError;
use crate::ports;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use std::net::{IpAddr, SocketAddr};

/// What one of an authority's processes runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place among the processes.
    pub index: usize,
    /// Its shards.
    pub shards: ShardRange,
    /// Where it listens for the others.
    pub link: SocketAddr,
}

impl Part {
    /// Divides so many shards among so many processes, as evenly as may be, with links on free ports. A single process has no
    /// parts.
    ///
    /// # Errors
    /// [`BenchError::Usage`] for more processes than shards; [`BenchError::Machine`] if ports are short.
    pub fn divide(host: IpAddr, shard_count: u16, process_count: u16) -> Result<Vec<Self>, BenchError> {
        if process_count <= 1 {
            return Ok(Vec::new());
        }
        if process_count > shard_count {
            let fault =
                format!("--processes {process_count}: each needs a shard, and there are {shard_count}; see --shards");
            return Err(BenchError::Usage(fault));
        }
        let ports = ports::find_links(host, process_count.into())?;
        let first = |index: u16| u32::from(index) * u32::from(shard_count) / u32::from(process_count);
        let part = |(index, port): (u16, u16)| {
            let (start, end) = (first(index), first(index + 1));
            let narrow = |number: u32| u16::try_from(number).expect("it is at most the shard count");
            let shards = ShardRange::new(ShardIndex(narrow(start)), narrow(end - start));
            let shards = shards.expect("there are no more processes than shards");
            Self { index: index.into(), shards, link: SocketAddr::new(host, port) }
        };
        Ok((0..process_count).zip(ports).map(part).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn processes_divide_all_shards_and_have_links_of_their_own() {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for (shards, processes, expected) in
            [(4, 2, &["0-1", "2-3"][..]), (5, 2, &["0-1", "2-4"]), (3, 3, &["0", "1", "2"])]
        {
            let parts = Part::divide(host, shards, processes).unwrap();
            assert!(parts.iter().map(|part| part.shards.to_string()).eq(expected.iter().copied()), "{parts:?}");
            assert!(parts.iter().all(|part| parts.iter().filter(|other| other.link == part.link).count() == 1));
        }
        assert!(Part::divide(host, 4, 1).unwrap().is_empty());
        assert!(matches!(Part::divide(host, 2, 3), Err(BenchError::Usage(_))));
    }
}
