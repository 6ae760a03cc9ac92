//! The ledgers of a run: what went in on one side against what came out on the other, with counters of both.
//!
//! Every count of a ledger is taken where its thing happens, and none is computed from the others, but for one: how many
//! datagrams a full receive queue cost. There the kernel counts packets, and a merged packet holds up to 64 datagrams. So the
//! gap between sent and received is believed as far as the kernel's count allows: between one and 64 for each packet that it
//! dropped, and none if it dropped none. Whatever is left over is a remainder, and a remainder is a failure: something was
//! counted twice, or vanished.
//!
//! A full queue of a shard or of a verifier is no place where an authority loses requests: it leaves them in the socket, where
//! they show as lost in the receive queue, or refuses them as `busy`, which is an answer.
//!
//! | file | what it holds |
//! |---|---|
//! | `payments.rs` | payments, from the schedule to their ends |
//! | `datagrams.rs` | requests and replies, from socket to socket |
//! | `authority.rs` | what the authorities count, as they print it |
//! | `kernel.rs` | what the kernel knows of sockets |

mod authority;
mod datagrams;
mod kernel;
mod payments;
#[cfg(test)]
mod tests;

pub use authority::AuthorityCounts;
pub use datagrams::{Datagrams, LostByPlace, Replies, Requests, Sides};
pub use kernel::SocketState;
pub use payments::{NeverSent, Payments, TimedOut};

use serde::Serialize;

/// All ledgers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Accounting {
    /// Payments.
    pub payments: Payments,
    /// Requests and replies; none if the authorities' counters are not known.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub datagrams: Option<Datagrams>,
    /// Why they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
}

impl Accounting {
    /// Remainders by name, those that are not zero.
    pub fn remainders(&self) -> Vec<(&'static str, i64)> {
        let Payments { unscheduled, remainder, .. } = self.payments;
        let mut all = vec![("payments never scheduled", unscheduled), ("payments", remainder)];
        if let Some(Datagrams { requests, replies, .. }) = &self.datagrams {
            all.extend([
                ("requests on the way", requests.remainder_on_the_way),
                ("requests at the authorities", requests.remainder),
                ("replies on the way", replies.remainder_on_the_way),
                ("replies here", replies.remainder),
            ]);
        }
        all.retain(|(_, remainder)| *remainder != 0);
        all
    }

    /// What does not add up, as a sentence.
    pub fn failure(&self) -> Option<String> {
        let remainders = self.remainders();
        let parts: Vec<String> = remainders.iter().map(|(name, remainder)| format!("{name} {remainder}")).collect();
        (!parts.is_empty()).then(|| format!("the accounting does not add up; remainders: {}", parts.join(", ")))
    }

    /// One line for a person.
    pub fn line(&self) -> String {
        let Payments { scheduled, settled, rejected, timed_out, never_sent, .. } = &self.payments;
        let (timed_out, never_sent) = (timed_out.count(), never_sent.count());
        let datagrams = match &self.datagrams {
            Some(Datagrams { requests, replies, .. }) => format!(
                "{} requests = {} replied + {} lost or dropped; {} replies = {} received + {} lost",
                requests.pushed,
                requests.replied,
                requests.pushed.saturating_sub(requests.replied),
                replies.sent,
                replies.received,
                replies.sent.saturating_sub(replies.received)
            ),
            None => "datagrams not known".to_owned(),
        };
        let remainder = self.remainders().iter().map(|(_, remainder)| remainder.unsigned_abs()).sum::<u64>();
        format!(
            "{scheduled} payments = {settled} settled + {rejected} rejected + {timed_out} timed out + {never_sent} never \
             sent; {datagrams}; remainder {remainder}"
        )
    }
}

/// `of - parts`, which is zero if the parts are all.
fn remainder(of: u64, parts: &[u64]) -> i64 {
    let sum: i128 = parts.iter().map(|part| i128::from(*part)).sum();
    i64::try_from(i128::from(of) - sum).expect("counts of a run stay far below 2^62")
}
