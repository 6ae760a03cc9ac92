//! The votes of a certificate, counted: everything about them that needs no signature check.

use crate::committee::Committee;
use crate::message::vote_leaf;
use crate::reject::{Refusal, Reject};
use crate::types::Digest;
use quittance_net::frame::{CertificateView, VOTES_MAX};
use quittance_verify::tree::{self, Hash, Path};

/// "This authority signed this root", as a vote claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RootClaim {
    /// The authority's index; known to be in the committee.
    pub authority: u8,
    /// The root that leaf and path lead to.
    pub root: Hash,
    /// The signature that came with it.
    pub signature: [u8; 64],
}

/// The claims that a certificate stands on.
#[derive(Debug)]
pub(crate) struct Claims {
    claims: [RootClaim; VOTES_MAX],
    count: usize,
}

impl Claims {
    /// The claims, in the order of the votes.
    pub(crate) fn as_slice(&self) -> &[RootClaim] {
        &self.claims[..self.count]
    }
}

const NO_CLAIM: RootClaim = RootClaim { authority: 0, root: [0; 32], signature: [0; 64] };
const _: () = assert!(VOTES_MAX < 64);

/// Checks who votes and that the votes weigh `quorum`, the committee's, and hashes each vote for `digest` up to its root.
///
/// # Errors
/// [`Reject::UnknownVoter`], [`Reject::RepeatedVoter`], [`Reject::NoQuorum`] or [`Reject::BadPath`]; weights are counted
/// before anything is hashed.
pub(crate) fn tally(
    certificate: &CertificateView<'_>,
    committee: &Committee,
    quorum: u64,
    digest: &Digest,
) -> Result<Claims, Refusal> {
    count_weight(certificate, committee, quorum)?;
    let leaf = vote_leaf(digest);
    let mut claims = Claims { claims: [NO_CLAIM; VOTES_MAX], count: 0 };
    let mut paths = [Path { leaf_index: 0, siblings: &[] }; VOTES_MAX];
    for vote in certificate.votes() {
        let (authority, signature) = (vote.proof.authority, vote.proof.root_signature);
        let path = Path { leaf_index: vote.proof.leaf_index.get(), siblings: vote.path };
        if !path.is_possible() {
            return Err(Reject::BadPath.detail(authority.into()));
        }
        paths[claims.count] = path;
        claims.claims[claims.count] = RootClaim { authority, root: [0; 32], signature };
        claims.count += 1;
    }
    let mut roots = [[0; 32]; VOTES_MAX];
    tree::roots_from_paths(&leaf, &paths[..claims.count], &mut roots[..claims.count]);
    for (claim, root) in claims.claims.iter_mut().zip(roots).take(claims.count) {
        claim.root = root;
    }
    Ok(claims)
}

fn count_weight(certificate: &CertificateView<'_>, committee: &Committee, quorum: u64) -> Result<(), Refusal> {
    let mut seen = [false; 256];
    let mut weight = 0_u64;
    for vote in certificate.votes() {
        let index = usize::from(vote.proof.authority);
        let member = committee.members().get(index).ok_or(Reject::UnknownVoter.detail(index as u64))?;
        if core::mem::replace(&mut seen[index], true) {
            return Err(Reject::RepeatedVoter.detail(index as u64));
        }
        weight = weight.checked_add(member.weight).expect("distinct members weigh at most the committee's total");
    }
    if weight < quorum {
        return Err(Reject::NoQuorum.detail(weight));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committee::Member;
    use quittance_net::frame::{self, CertificateHead, FRAME_BYTES_MAX, Frame, Header, Kind, Proof, U16, U64};
    use quittance_verify::SecretKey;

    const DIGEST: Digest = [0x42; 32];

    fn committee(weights: &[u64]) -> Committee {
        let member = |(number, weight): (u8, &u64)| Member {
            key: SecretKey::from_seed(&[number; 32]).public_key(),
            weight: *weight,
        };
        Committee::new(0, (0..).zip(weights).map(member).collect()).unwrap()
    }

    /// A vote as its proof's bytes: authority, leaf index, path. The signature says who it is from.
    fn vote(authority: u8, leaf_index: u16, path: &[Hash]) -> Vec<u8> {
        let proof = Proof {
            root_signature: [authority; 64],
            leaf_index: U16::new(leaf_index),
            authority,
            path_count: u8::try_from(path.len()).unwrap(),
            padding: [0; 4],
        };
        [bytemuck::bytes_of(&proof), bytemuck::cast_slice(path)].concat()
    }

    fn tally_of(committee: &Committee, votes: &[Vec<u8>]) -> Result<Vec<RootClaim>, Refusal> {
        let head = CertificateHead {
            header: Header::new(Kind::Certificate, 0, 0),
            body: bytemuck::Zeroable::zeroed(),
            epoch: U64::new(0),
            vote_count: u8::try_from(votes.len()).unwrap(),
            padding: [0; 7],
        };
        let votes: Vec<&[u8]> = votes.iter().map(Vec::as_slice).collect();
        let mut bytes = [0; FRAME_BYTES_MAX];
        let length = frame::encode_certificate(&head, &votes, &mut bytes).unwrap();
        let Ok(Frame::Certificate(certificate)) = frame::parse(&bytes[..length]) else { panic!("a certificate") };
        tally(&certificate, committee, committee.quorum(), &DIGEST).map(|claims| claims.as_slice().to_vec())
    }

    fn lone_votes(authorities: &[u8]) -> Vec<Vec<u8>> {
        authorities.iter().map(|authority| vote(*authority, 0, &[])).collect()
    }

    #[test]
    fn claims_carry_authority_root_and_signature_in_the_votes_order() {
        let path = [[7; 32], [8; 32]];
        let claims = tally_of(&committee(&[1; 4]), &[vote(3, 0, &[]), vote(0, 2, &path), vote(1, 1, &path)]).unwrap();
        let leaf = vote_leaf(&DIGEST);
        let root = |authority, root| RootClaim { authority, root, signature: [authority; 64] };
        let expected = [
            root(3, leaf),
            root(0, tree::node(&path[1], &tree::node(&leaf, &path[0]))),
            root(1, tree::node(&tree::node(&path[0], &leaf), &path[1])),
        ];
        assert_eq!(claims, expected);
    }

    #[test]
    fn one_vote_short_of_every_quorum_is_refused_with_the_weight() {
        for f in 1..=8_u8 {
            let committee = committee(&vec![1; 3 * usize::from(f) + 1]);
            let votes = lone_votes(&(0..=2 * f).collect::<Vec<_>>());
            assert_eq!(tally_of(&committee, &votes).unwrap().len(), votes.len());
            let short = tally_of(&committee, &votes[1..]);
            assert_eq!(short.unwrap_err(), Reject::NoQuorum.detail(2 * u64::from(f)));
        }
    }

    #[test]
    fn weights_up_to_the_last_bit_are_added_without_overflow() {
        let half = u64::MAX / 2;
        let committee = committee(&[half, half, 1]);
        assert!(tally_of(&committee, &lone_votes(&[0, 1, 2])).is_ok());
        assert!(tally_of(&committee, &lone_votes(&[1, 0])).is_ok());
        assert_eq!(tally_of(&committee, &lone_votes(&[1, 2])).unwrap_err(), Reject::NoQuorum.detail(half + 1));
    }

    #[test]
    fn strangers_repetitions_and_weights_are_refused_in_this_order_before_paths() {
        let committee = committee(&[1; 4]);
        let refusal = |votes: &[Vec<u8>]| tally_of(&committee, votes).unwrap_err();
        let astray = |authority| vote(authority, 9, &[[1; 32]]);
        assert_eq!(refusal(&[astray(0), astray(4), astray(0)]), Reject::UnknownVoter.detail(4));
        assert_eq!(refusal(&[astray(0), astray(1), astray(1)]), Reject::RepeatedVoter.detail(1));
        assert_eq!(refusal(&[astray(0), astray(1)]), Reject::NoQuorum.detail(2));
        assert_eq!(refusal(&[vote(0, 0, &[]), astray(1), astray(2)]), Reject::BadPath.detail(1));
        assert_eq!(refusal(&lone_votes(&[255])), Reject::UnknownVoter.detail(255));
    }
}
