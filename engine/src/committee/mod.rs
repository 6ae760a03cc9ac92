//! Who votes, with what weight, and how much makes a quorum.

mod file;
mod lines;

pub use file::{CommitteeFault, CommitteeFile, CommitteeFileError, MemberEntry};

use quittance_net::frame::{FRAME_BYTES_MAX, PATH_LEVELS_MAX, VOTES_MAX, certificate_bytes};
use quittance_verify::PublicKey;

/// One authority as the others see it.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its key, checked.
    pub key: PublicKey,
    /// Its share of the votes; above zero.
    pub weight: u64,
}

/// A committee of one epoch.
#[derive(Clone, Debug)]
pub struct Committee {
    epoch: u64,
    members: Vec<Member>,
    quorum: u64,
    digest: [u8; 32],
    path_levels_max: usize,
}

/// Why members make no committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// No members.
    #[error("a committee needs at least one authority")]
    Empty,
    /// A weight is zero.
    #[error("authority {index} has no weight; give it at least 1 or leave it out")]
    NoWeight {
        /// Its place.
        index: usize,
    },
    /// The weights' sum is beyond 64 bits.
    #[error("up to authority {index} the weights add up to more than 64 bits hold; scale them down")]
    WeightOverflow {
        /// The first place at which they do.
        index: usize,
    },
    /// Two members share a key: one authority would vote twice.
    #[error("authorities {first} and {second} have the same key; each needs its own")]
    RepeatedKey {
        /// The one.
        first: usize,
        /// The other.
        second: usize,
    },
    /// A quorum's votes do not fit one datagram.
    #[error(
        "a quorum may need {votes} votes, and a certificate in one datagram holds {VOTES_MAX}; the largest committee of equal weights is 25"
    )]
    TooLarge {
        /// Votes that the least favourable quorum needs.
        votes: usize,
    },
}

impl Committee {
    /// Checks members and derives quorum, digest and path bound.
    ///
    /// With a total weight of 3f + 1 the quorum is 2f + 1; in general it is `2 * total / 3 + 1`, so that two quorums share
    /// more than a third of the weight, hence an honest authority (FastPay, section 3).
    ///
    /// # Errors
    /// See [`CommitteeError`].
    pub fn new(epoch: u64, members: Vec<Member>) -> Result<Self, CommitteeError> {
        if members.is_empty() {
            return Err(CommitteeError::Empty);
        }
        if let Some(index) = members.iter().position(|member| member.weight == 0) {
            return Err(CommitteeError::NoWeight { index });
        }
        for (second, member) in members.iter().enumerate() {
            if let Some(first) =
                members[..second].iter().position(|other| other.key.as_bytes() == member.key.as_bytes())
            {
                return Err(CommitteeError::RepeatedKey { first, second });
            }
        }
        let total = members
            .iter()
            .enumerate()
            .try_fold(0_u64, |sum, (index, member)| sum.checked_add(member.weight).ok_or(index))
            .map_err(|index| CommitteeError::WeightOverflow { index })?;
        let quorum = quorum(total);
        let votes = quorum_votes_max(&members, quorum);
        if votes > VOTES_MAX {
            return Err(CommitteeError::TooLarge { votes });
        }
        let digest = digest(epoch, &members);
        Ok(Self { epoch, members, quorum, digest, path_levels_max: path_levels_max(votes) })
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The members, by index.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The weight that proves a payment.
    pub fn quorum(&self) -> u64 {
        self.quorum
    }

    /// Digest of epoch, keys and weights, in order: part of everything that authorities sign.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Most levels of a reply's path, so that a quorum of such votes fits one datagram.
    pub fn path_levels_max(&self) -> usize {
        self.path_levels_max
    }
}

/// The weight that makes a quorum of this total.
fn quorum(total: u64) -> u64 {
    let two_thirds = u128::from(total) * 2 / 3;
    u64::try_from(two_thirds + 1).expect("two thirds of a 64-bit number and one are below 2^64")
}

/// Votes that a quorum may need: the lightest members first.
fn quorum_votes_max(members: &[Member], quorum: u64) -> usize {
    let mut weights: Vec<u64> = members.iter().map(|member| member.weight).collect();
    weights.sort_unstable();
    let mut sum = 0_u64;
    let short = weights.iter().take_while(|weight| {
        let is_short = sum < quorum;
        sum = sum.saturating_add(**weight);
        is_short
    });
    short.count()
}

/// The deepest paths with which so many votes fit a datagram.
fn path_levels_max(votes: usize) -> usize {
    (0..=PATH_LEVELS_MAX)
        .rev()
        .find(|levels| certificate_bytes(votes, *levels) <= FRAME_BYTES_MAX)
        .expect("votes are at most VOTES_MAX, which fit without paths")
}

fn digest(epoch: u64, members: &[Member]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("quittance 2026 committee: epoch, keys and weights");
    hasher.update(&epoch.to_le_bytes());
    hasher.update(&(members.len() as u64).to_le_bytes());
    for member in members {
        hasher.update(member.key.as_bytes());
        hasher.update(&member.weight.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests;
