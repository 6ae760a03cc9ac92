//! Replies as tests look at them.

use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Digest};
use quittance_net::frame::{HistoryItem, Info};

/// One reply, checked in full.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) content: Content,
    /// Bytes of the datagram.
    pub(crate) length: usize,
    /// Hashes of its path; 0 without one.
    pub(crate) level_count: usize,
}

/// What a reply says.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Vote {
        digest: Digest,
        proof_bytes: Vec<u8>,
    },
    Receipt {
        digest: Digest,
    },
    Rejection {
        subject: Digest,
        refusal: Refusal,
        is_proven: bool,
    },
    Info {
        address: [u8; 32],
        nonce: u64,
        account: Account,
    },
    /// Where the page began, where the next one does, and its items.
    Page {
        address: Address,
        nonce: u64,
        from: u64,
        next: u64,
        items: Vec<HistoryItem>,
    },
    /// Whose votes are good.
    Certificate {
        sender: Address,
        frame: Vec<u8>,
    },
}

/// What an authority tells of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) balance: i128,
    pub(crate) next_sequence: u64,
    pub(crate) pending: Digest,
    pub(crate) last_confirmed: Digest,
}

impl Account {
    /// As genesis leaves it.
    pub(crate) fn funded(balance: i128) -> Self {
        Self { balance, next_sequence: 0, pending: [0; 32], last_confirmed: [0; 32] }
    }
}

impl From<&Info> for Account {
    fn from(info: &Info) -> Self {
        let Info { balance, next_sequence, pending, last_confirmed, .. } = *info;
        Self { balance: balance.get(), next_sequence: next_sequence.get(), pending, last_confirmed }
    }
}

impl Reply {
    pub(crate) fn is_vote(&self) -> bool {
        matches!(self.content, Content::Vote { .. })
    }

    /// The vote, as a certificate repeats it. Which order it is for was checked against the request.
    #[track_caller]
    pub(crate) fn vote(&self) -> Vec<u8> {
        match &self.content {
            Content::Vote { proof_bytes, .. } => proof_bytes.clone(),
            other => panic!("expected a vote, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn assert_receipt(&self) {
        assert!(matches!(self.content, Content::Receipt { .. }), "expected a receipt, got {self:?}");
    }

    /// The refusal, and whether it is signed.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (Refusal, bool) {
        match &self.content {
            Content::Rejection { refusal, is_proven, .. } => (*refusal, *is_proven),
            other => panic!("expected a rejection, got {other:?}"),
        }
    }

    /// Holds if this is exactly that refusal, unsigned.
    #[track_caller]
    pub(crate) fn assert_refused(&self, expected: impl Into<Refusal>) {
        assert_eq!(self.refusal(), (expected.into(), false));
    }

    /// Where the next page begins, and the items.
    #[track_caller]
    pub(crate) fn page(&self) -> (u64, Vec<HistoryItem>) {
        match &self.content {
            Content::Page { from, next, items, .. } => {
                assert!(next < from || (*from, *next) == (0, 0), "pages go back");
                (*next, items.clone())
            }
            other => panic!("expected a page, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn certificate(&self) -> Vec<u8> {
        match &self.content {
            Content::Certificate { frame, .. } => frame.clone(),
            other => panic!("expected a certificate, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn account(&self) -> Account {
        match &self.content {
            Content::Info { account, .. } => *account,
            other => panic!("expected an info reply, got {other:?}"),
        }
    }
}

/// The refusal that names the order in the way.
pub(crate) fn conflict_with(other: Digest) -> Refusal {
    Refusal { other, ..Reject::Conflict.into() }
}
