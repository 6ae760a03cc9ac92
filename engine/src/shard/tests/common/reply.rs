//! Replies as tests look at them.

use crate::reject::{Refusal, Reject};
use crate::types::Digest;
use quittance_net::frame::{HistoryItem, Info};

/// One reply, parsed and found good.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Vote { digest: Digest, proof_bytes: Vec<u8> },
    Receipt { digest: Digest, proof_bytes: Vec<u8> },
    Rejection { subject: Digest, refusal: Refusal, is_proven: bool },
    Info(Box<Info>),
    Page { from: u64, next: u64, items: Vec<HistoryItem> },
    Certificate(Vec<u8>),
}

impl Reply {
    /// The vote for this order, as a certificate repeats it.
    #[track_caller]
    pub(crate) fn vote_for(&self, expected: &Digest) -> Vec<u8> {
        match self {
            Self::Vote { digest, proof_bytes } if digest == expected => proof_bytes.clone(),
            other => panic!("expected a vote for {expected:02x?}, got {other:?}"),
        }
    }

    /// The receipt for this order; gives its proof.
    #[track_caller]
    pub(crate) fn receipt_for(&self, expected: &Digest) -> Vec<u8> {
        match self {
            Self::Receipt { digest, proof_bytes } if digest == expected => proof_bytes.clone(),
            other => panic!("expected a receipt for {expected:02x?}, got {other:?}"),
        }
    }

    /// Holds if this is exactly that refusal, signed or not.
    #[track_caller]
    pub(crate) fn assert_refusal(&self, expected: impl Into<Refusal>, expected_proven: bool) {
        let expected = expected.into();
        match self {
            Self::Rejection { refusal, is_proven, .. } if *refusal == expected => {
                assert_eq!(*is_proven, expected_proven, "whether {:?} is signed", expected.code);
            }
            other => panic!("expected {expected:?}, got {other:?}"),
        }
    }

    /// Holds if this is an unsigned refusal.
    #[track_caller]
    pub(crate) fn assert_refused(&self, expected: impl Into<Refusal>) {
        self.assert_refusal(expected, false);
    }

    /// Where the page began, where the next one does, and its items.
    #[track_caller]
    pub(crate) fn page(self) -> (u64, u64, Vec<HistoryItem>) {
        match self {
            Self::Page { from, next, items } => (from, next, items),
            other => panic!("expected a page, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn certificate(&self) -> Vec<u8> {
        match self {
            Self::Certificate(frame) => frame.clone(),
            other => panic!("expected a certificate, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn info(&self) -> &Info {
        match self {
            Self::Info(info) => info,
            other => panic!("expected an info reply, got {other:?}"),
        }
    }
}

/// The refusal that names the order in the way.
impl Reject {
    pub(crate) fn with_other(self, other: Digest) -> Refusal {
        Refusal { other, ..self.into() }
    }
}
