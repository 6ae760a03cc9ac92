//! Certificates: a fixed head, then votes of varying path length.

use super::{
    CERTIFICATE_HEAD_BYTES, CertificateHead, FRAME_BYTES_MAX, Hash, Malformed, PROOF_BYTES, Proof, head, path,
};

/// A certificate read in place. Its votes are known to lie within the datagram.
#[derive(Clone, Copy, Debug)]
pub struct CertificateView<'a> {
    /// The fixed part.
    pub head: &'a CertificateHead,
    votes: &'a [u8],
}

/// One vote of a certificate, read in place.
#[derive(Clone, Copy, Debug)]
pub struct VoteView<'a> {
    /// Who voted, and the signed root.
    pub proof: &'a Proof,
    /// From the leaf's sibling up to below the root.
    pub path: &'a [Hash],
}

/// The votes of a certificate, in the order sent.
#[derive(Clone, Debug)]
pub struct VoteViews<'a> {
    rest: &'a [u8],
}

impl<'a> CertificateView<'a> {
    /// The votes, in the order sent.
    pub fn votes(&self) -> VoteViews<'a> {
        VoteViews { rest: self.votes }
    }

    /// The votes as they came: a [`Proof`] and its path each.
    pub fn vote_bytes(&self) -> &'a [u8] {
        self.votes
    }

    /// The whole certificate's length, bytes.
    pub fn byte_count(&self) -> usize {
        CERTIFICATE_HEAD_BYTES + self.votes.len()
    }
}

impl<'a> Iterator for VoteViews<'a> {
    type Item = VoteView<'a>;

    fn next(&mut self) -> Option<VoteView<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (vote, rest) = vote(self.rest).expect("the whole certificate was walked when it was parsed");
        self.rest = rest;
        Some(vote)
    }
}

/// A certificate's length when each vote has a path of `level_count` hashes.
pub const fn certificate_bytes(vote_count: usize, level_count: usize) -> usize {
    CERTIFICATE_HEAD_BYTES + vote_count * (PROOF_BYTES + level_count * size_of::<Hash>())
}

pub(super) fn parse(datagram: &[u8]) -> Result<CertificateView<'_>, Malformed> {
    if datagram.len() > FRAME_BYTES_MAX {
        return Err(Malformed::Length);
    }
    let (head, votes) = head::<CertificateHead>(datagram)?;
    let mut rest = votes;
    for _ in 0..head.vote_count {
        (_, rest) = vote(rest)?;
    }
    if !rest.is_empty() {
        return Err(Malformed::Length);
    }
    Ok(CertificateView { head, votes })
}

fn vote(bytes: &[u8]) -> Result<(VoteView<'_>, &[u8]), Malformed> {
    let (proof, rest) = head::<Proof>(bytes)?;
    let (path, rest) = path(rest, proof.path_count)?;
    Ok((VoteView { proof, path }, rest))
}

/// Writes a certificate: the head, then the votes' bytes (a [`Proof`] and its path each), as they came in vote frames.
/// Returns its length, or `None` if `out` is too short; then what `out` holds is of no use. `head.vote_count` must be
/// the number of votes (asserted).
pub fn encode_certificate(head: &CertificateHead, votes: &[&[u8]], out: &mut [u8]) -> Option<usize> {
    assert_eq!(usize::from(head.vote_count), votes.len());
    let mut end = CERTIFICATE_HEAD_BYTES;
    out.get_mut(..end)?.copy_from_slice(bytemuck::bytes_of(head));
    for vote in votes {
        out.get_mut(end..end + vote.len())?.copy_from_slice(vote);
        end += vote.len();
    }
    Some(end)
}
