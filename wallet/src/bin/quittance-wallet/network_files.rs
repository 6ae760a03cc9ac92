//! What the command is told of a network: who its authorities are, and which network it is.

use crate::fault::Fault;
use crate::options::Common;
use quittance_engine::committee::CommitteeFile;
use quittance_engine::genesis::{self, GenesisError};
use quittance_engine::network::NetworkId;
use quittance_engine::types::Peer;
use quittance_wallet::book::Book;
use quittance_wallet::terms::Terms;
use std::path::Path;

/// The terms on which this wallet pays, from the committee file, and the genesis file or the book.
///
/// # Errors
/// [`Fault::Usage`]: a file is wrong or missing, or the wallet belongs to another network. [`Fault::File`].
pub(crate) fn terms(common: &Common, book: &Book) -> Result<Terms, Fault> {
    let Some(path) = &common.committee else {
        return Err(Fault::Usage("say who the authorities are: --committee FILE".to_owned()));
    };
    let wrong = |fault: String| Fault::Usage(format!("{}: {fault}", path.display()));
    let text = std::fs::read_to_string(path).map_err(Fault::file(path, "; it should be the committee file"))?;
    let file = CommitteeFile::parse(&text).map_err(|fault| wrong(fault.to_string()))?;
    let network = match (&common.genesis, book.bound()) {
        (Some(genesis), _) => read_genesis(genesis)?,
        (None, Some(bound)) => bound.network,
        (None, None) => {
            return Err(Fault::Usage(
                "say which network this is: --genesis FILE; a wallet that has been used on it remembers".to_owned(),
            ));
        }
    };
    let terms = Terms::new(network, &file).map_err(|fault| wrong(fault.to_string()))?;
    book.check_terms(&terms).map_err(|fault| Fault::Usage(fault.to_string()))?;
    Ok(terms)
}

/// The network that the wallet belongs to, for commands that ask no authority.
///
/// # Errors
/// [`Fault::Usage`] if neither the book nor an option says so; [`Fault::File`].
pub(crate) fn network(common: &Common, book: &Book) -> Result<NetworkId, Fault> {
    match (&common.genesis, book.bound()) {
        (_, Some(bound)) => Ok(bound.network),
        (Some(genesis), None) => read_genesis(genesis),
        (None, None) => Err(Fault::Usage("say which network this is: --genesis FILE".to_owned())),
    }
}

/// The file is read to its end: the digest of something else would be a network that nobody serves.
fn read_genesis(path: &Path) -> Result<NetworkId, Fault> {
    let bytes = std::fs::read(path).map_err(Fault::file(path, "; it should be the genesis file"))?;
    genesis::read::<GenesisError>(&bytes, |_, _, _| Ok(()))
        .map_err(|fault| Fault::Usage(format!("{}, the genesis file: {fault}", path.display())))?;
    Ok(NetworkId::of_genesis(&bytes))
}

/// Where all shards of all authorities listen.
pub(crate) fn peers(terms: &Terms) -> impl Iterator<Item = Peer> + '_ {
    let directory = terms.directory();
    terms.authorities().flat_map(move |authority| {
        let authority = usize::from(authority);
        (0..directory.shard_count(authority)).map(move |shard| directory.address(authority, shard))
    })
}

/// An authority as people know it: its place in the committee file, and where it listens.
pub(crate) fn name(terms: &Terms, authority: u8) -> String {
    format!("authority {authority} ({})", terms.directory().address(authority.into(), 0))
}
