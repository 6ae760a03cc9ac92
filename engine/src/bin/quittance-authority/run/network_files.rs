//! What an authority is told: who it is, who the others are, and who owns what at the start.

use crate::fault::Fault;
use crate::options::NetworkOptions;
use crate::private_file::{PrivateFile, ProcessEntry};
use quittance_engine::committee::{Committee, CommitteeFile, MemberEntry};
use quittance_engine::genesis::{self, GenesisError};
use quittance_engine::network::NetworkId;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::{Address, Amount};
use quittance_verify::SecretKey;
use std::path::Path;
use std::sync::Arc;

/// An account of the genesis file, with its line for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) line: usize,
    pub(crate) address: Address,
    pub(crate) amount: Amount,
}

/// Everything that the files say.
pub(crate) struct NetworkFiles {
    pub(crate) secret: Arc<SecretKey>,
    pub(crate) authority_index: u8,
    pub(crate) member: MemberEntry,
    /// The processes that run its shards; none if one runs them all.
    pub(crate) processes: Vec<ProcessEntry>,
    pub(crate) committee: Arc<Committee>,
    pub(crate) network: NetworkId,
    /// By shard: the accounts to open there.
    pub(crate) openings: Vec<Vec<Opening>>,
    pub(crate) account_count: usize,
    pub(crate) supply: Amount,
}

impl NetworkFiles {
    /// Reads all three files and holds them against each other.
    pub(crate) fn read(options: &NetworkOptions) -> Result<Self, Fault> {
        let private = PrivateFile::read(&options.authority)?;
        let committee_fault = |fault| Fault::Committee { path: options.committee.clone(), fault };
        let text = std::fs::read_to_string(&options.committee).map_err(Fault::read(&options.committee))?;
        let file = CommitteeFile::parse(&text).map_err(committee_fault)?;
        let committee = file.committee().map_err(committee_fault)?;
        let (authority_index, member) = own_entry(&private, &file, &text, &options.committee)?;
        let bytes = std::fs::read(&options.genesis).map_err(Fault::read(&options.genesis))?;
        let network = NetworkId::of_genesis(&bytes);
        let mut openings = vec![Vec::new(); member.shards.into()];
        let supply = genesis::read::<GenesisError>(&bytes, |line, address, amount| {
            let shard = network.shard_of(&address, member.shards);
            openings[shard.index()].push(Opening { line, address, amount });
            Ok(())
        })
        .map_err(|fault| Fault::Genesis { path: options.genesis.clone(), fault })?;
        Ok(Self {
            secret: Arc::new(private.secret_key()),
            authority_index,
            member,
            processes: private.processes.clone(),
            committee: Arc::new(committee),
            network,
            account_count: openings.iter().map(Vec::len).sum(),
            openings,
            supply,
        })
    }
}

/// This authority's place in the committee file; both files must say the same of it.
fn own_entry(private: &PrivateFile, file: &CommitteeFile, text: &str, path: &Path) -> Result<(u8, MemberEntry), Fault> {
    let wrong = |fault: String| Fault::Text { path: path.to_owned(), fault };
    let own = private.member_entry();
    let Some(index) = file.members.iter().position(|member| member.key == own.key) else {
        let key = hex::encode(own.key);
        return Err(wrong(format!("key {key} is not in it; append the table that `generate` printed")));
    };
    let listed = &file.members[index];
    let line = CommitteeFile::line_of(text, index).expect("what was parsed has its place");
    if (listed.host, listed.port, listed.shards) != (own.host, own.port, own.shards) {
        return Err(wrong(format!(
            "line {line}: authority {index} is listed at {}:{} with {} shards, and its private file says {}:{} with {}; make them agree",
            listed.host, listed.port, listed.shards, own.host, own.port, own.shards
        )));
    }
    let differs = |shard| listed.address_of(shard) != own.address_of(shard);
    if let Some(shard) = ShardRange::all(own.shards).iter().find(|shard| differs(*shard)) {
        let (listed, own) = (listed.address_of(shard), own.address_of(shard));
        return Err(wrong(format!(
            "line {line}: shard {} of authority {index} is listed at {listed}, and its private file says {own}; make them agree",
            shard.0
        )));
    }
    let index = u8::try_from(index).expect("a committee has at most 25 members");
    Ok((index, listed.clone()))
}
