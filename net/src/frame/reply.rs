//! What authorities send with a proof: votes and receipts always, rejections if the request's signature was good.

use super::{
    Hash, Malformed, PROOF_BYTES, Proof, REJECTION_HEAD_BYTES, REPLY_HEAD_BYTES, RejectionHead, ReplyHead, head, path,
};

/// A vote or a receipt, read in place.
#[derive(Clone, Copy, Debug)]
pub struct ReplyView<'a> {
    /// The fixed part.
    pub head: &'a ReplyHead,
    /// From the leaf's sibling up to below the root.
    pub path: &'a [Hash],
    /// Proof and path as they came: what a certificate repeats.
    pub proof_bytes: &'a [u8],
}

/// A rejection, read in place.
#[derive(Clone, Copy, Debug)]
pub struct RejectionView<'a> {
    /// The fixed part.
    pub head: &'a RejectionHead,
    /// Proof and path, if the rejection is signed.
    pub proof: Option<(&'a Proof, &'a [Hash])>,
}

/// A vote's or receipt's length.
pub const fn reply_bytes(level_count: usize) -> usize {
    REPLY_HEAD_BYTES + level_count * size_of::<Hash>()
}

/// A rejection's length: with a proof of so many levels, or without one.
pub const fn rejection_bytes(level_count: Option<usize>) -> usize {
    match level_count {
        Some(level_count) => REJECTION_HEAD_BYTES + PROOF_BYTES + level_count * size_of::<Hash>(),
        None => REJECTION_HEAD_BYTES,
    }
}

pub(super) fn parse_reply(datagram: &[u8]) -> Result<ReplyView<'_>, Malformed> {
    let (head, rest) = head::<ReplyHead>(datagram)?;
    let (path, rest) = path(rest, head.proof.path_count)?;
    if !rest.is_empty() {
        return Err(Malformed::Length);
    }
    Ok(ReplyView { head, path, proof_bytes: &datagram[REPLY_HEAD_BYTES - PROOF_BYTES..] })
}

pub(super) fn parse_rejection(datagram: &[u8]) -> Result<RejectionView<'_>, Malformed> {
    let (head_, rest) = head::<RejectionHead>(datagram)?;
    let (proof, rest) = if head_.proven == 1 {
        let (proof, rest) = head::<Proof>(rest)?;
        let (path, rest) = path(rest, proof.path_count)?;
        (Some((proof, path)), rest)
    } else {
        (None, rest)
    };
    if !rest.is_empty() {
        return Err(Malformed::Length);
    }
    Ok(RejectionView { head: head_, proof })
}
