//! Judging one reply: nothing is believed before network, source, authority, path and signature are checked.
//!
//! What stands here costs no signature check. What it leaves is a [`SignedRoot`] to be checked, or known from before.

use crate::directory::Directory;
use crate::known_roots::SignedRoot;
use quittance_engine::message::rejection_leaf;
use quittance_engine::network::NetworkId;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::Peer;
use quittance_net::frame::{Hash, Header, Proof, RejectionView};
use quittance_verify::tree;

/// What is wrong with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[repr(u8)]
pub enum Fault {
    /// No frame at all.
    #[error("malformed")]
    Malformed,
    /// Another network's tag.
    #[error("network")]
    Network,
    /// It comes from no address of a shard, or names another shard than its address.
    #[error("source")]
    Source,
    /// A frame that no authority sends, or a code that does not exist.
    #[error("kind")]
    Kind,
    /// The proof names another authority than the source address.
    #[error("authority")]
    Authority,
    /// It speaks of an order that is not ours or was not sent.
    #[error("digest")]
    Digest,
    /// Nothing was sent that it could answer.
    #[error("unasked")]
    Unasked,
    /// The path is too long for this committee, or its index lies outside of the tree.
    #[error("path")]
    Path,
    /// The root's signature does not verify.
    #[error("signature")]
    Signature,
    /// What it says cannot be so: a sequence number that was not asked about, a page that goes the wrong way.
    #[error("sense")]
    Sense,
}

impl Fault {
    /// Every fault, in the order of its value.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Network,
        Self::Source,
        Self::Kind,
        Self::Authority,
        Self::Digest,
        Self::Unasked,
        Self::Path,
        Self::Signature,
        Self::Sense,
    ];
}

/// Which authority answers: by source address, and the header must agree.
///
/// # Errors
/// [`Fault::Network`] or [`Fault::Source`].
pub fn speaker(network: &NetworkId, directory: &Directory, peer: Peer, header: &Header) -> Result<u8, Fault> {
    if header.network != network.tag_field() {
        return Err(Fault::Network);
    }
    let source = directory.source(peer).filter(|source| source.shard == header.shard.get());
    Ok(source.ok_or(Fault::Source)?.authority)
}

/// The root under which `authority` must have signed for the leaf to be its word. `path_levels_max`: the committee's.
///
/// # Errors
/// [`Fault::Authority`] or [`Fault::Path`].
pub fn signed_root(
    authority: u8,
    leaf: &Hash,
    proof: &Proof,
    path: &[Hash],
    path_levels_max: usize,
) -> Result<SignedRoot, Fault> {
    if proof.authority != authority {
        return Err(Fault::Authority);
    }
    if path.len() > path_levels_max {
        return Err(Fault::Path);
    }
    let path = tree::Path { leaf_index: proof.leaf_index.get(), siblings: path };
    let root = tree::root_from_path(leaf, path).ok_or(Fault::Path)?;
    Ok(SignedRoot { authority, root, signature: proof.root_signature })
}

/// What a rejection says.
///
/// # Errors
/// [`Fault::Kind`]: no such code.
pub fn refusal(view: &RejectionView<'_>) -> Result<Refusal, Fault> {
    let code = Reject::from_code(view.head.code).ok_or(Fault::Kind)?;
    Ok(Refusal { code, detail: view.head.detail.get(), other: view.head.other })
}

/// The root under which `authority` must have signed this rejection; `None` if it carries no proof.
///
/// # Errors
/// [`Fault::Kind`], [`Fault::Authority`] or [`Fault::Path`].
pub fn signed_rejection(
    authority: u8,
    view: &RejectionView<'_>,
    path_levels_max: usize,
) -> Result<Option<SignedRoot>, Fault> {
    let Some((proof, path)) = view.proof else {
        return Ok(None);
    };
    let leaf = rejection_leaf(&view.head.subject, &refusal(view)?);
    signed_root(authority, &leaf, proof, path, path_levels_max).map(Some)
}
