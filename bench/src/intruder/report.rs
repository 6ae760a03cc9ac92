//! What hostile sources sent and drew, and what was left for the honest.

use super::mix::{Mix, TRICK_COUNT, Trick};
use crate::drive::CodeCounts;
use crate::report::ratio;
use quittance_engine::reject::Reject;
use quittance_net::frame::{Kind, ORDER_BYTES};
use serde::Serialize;
use std::collections::BTreeMap;

/// The source of bad signatures by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntruderCounters {
    /// Orders with a bad signature sent.
    pub bad_orders: u64,
    /// Answers that refuse the signature.
    pub refused: u64,
    /// Any other answer. A vote would be among them.
    pub other_answers: u64,
}

/// Answers to one trick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Votes: only an order that is honest, and was sent before, gets one.
    pub votes: u64,
    /// Receipts: for certificates that were applied before, or just now.
    pub receipts: u64,
    /// Refusals by code.
    pub refusals: CodeCounts,
    /// All refusals.
    pub refused: u64,
    /// What is no frame, or none of these.
    pub others: u64,
}

impl Answers {
    /// All of them.
    pub fn count(&self) -> u64 {
        self.votes + self.receipts + self.refused + self.others
    }

    /// Counts a refusal; a code that nobody has counts among the others.
    pub(super) fn refuse(&mut self, code: u8) {
        match Reject::from_code(code) {
            Some(code) => {
                self.refusals.add(code);
                self.refused += 1;
            }
            None => self.others += 1,
        }
    }
}

/// One trick's datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrickCounters {
    /// Datagrams sent.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What came back.
    pub answers: Answers,
}

/// What all hostile sources did beside the honest one, and what that one sent meanwhile.
#[derive(Clone, Debug)]
pub struct Hostility {
    mix: Mix,
    tricks: [TrickCounters; TRICK_COUNT],
    honest_orders: u64,
    honest_certificates: u64,
    honest_certificate_bytes: u64,
}

impl Hostility {
    pub(super) fn new(mix: &Mix) -> Self {
        Self {
            mix: *mix,
            tricks: core::array::from_fn(|_| TrickCounters::default()),
            honest_orders: 0,
            honest_certificates: 0,
            honest_certificate_bytes: 0,
        }
    }

    pub(super) fn see_honest(&mut self, datagram: &[u8]) {
        match datagram.get(5).copied().and_then(Kind::from_byte) {
            Some(Kind::Order | Kind::ChainedOrder) => self.honest_orders += 1,
            Some(Kind::Certificate) => {
                self.honest_certificates += 1;
                self.honest_certificate_bytes += datagram.len() as u64;
            }
            _ => {}
        }
    }

    pub(super) fn sent(&mut self, trick: Trick, bytes: usize) {
        let counters = &mut self.tricks[trick as usize];
        counters.sent += 1;
        counters.bytes += bytes as u64;
    }

    pub(super) fn answers(&mut self, trick: Trick) -> &mut Answers {
        &mut self.tricks[trick as usize].answers
    }

    /// One trick's.
    pub fn counters(&self, trick: Trick) -> &TrickCounters {
        &self.tricks[trick as usize]
    }

    /// Datagrams of all tricks: what authorities received beside the honest ones.
    pub fn sent_count(&self) -> u64 {
        self.tricks.iter().map(|counters| counters.sent).sum()
    }

    /// The source of bad signatures by itself.
    pub fn bad_signatures(&self) -> IntruderCounters {
        let TrickCounters { sent, answers, .. } = self.counters(Trick::BadSignature);
        let refused = answers.refusals.count(Reject::BadSignature);
        IntruderCounters { bad_orders: *sent, refused, other_answers: answers.count() - refused }
    }
}

/// Hostile sources in a report.
#[derive(Clone, Debug, Serialize)]
pub struct HostilityReport {
    /// What was left for the honest, at saturation.
    pub goodput: Goodput,
    /// Order datagrams of the honest, those sent again included: what the shares are of.
    pub honest_orders: u64,
    /// Datagrams of all tricks.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Each trick that occurred, by its name.
    pub tricks: BTreeMap<&'static str, TrickReport>,
}

/// Honest payments settled per second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Goodput {
    /// Payments.
    pub settled_per_s: f64,
    /// Bytes of their orders and certificates, each counted once.
    pub bytes_per_s: f64,
}

/// One trick in a report.
#[derive(Clone, Debug, Serialize)]
pub struct TrickReport {
    /// Of a hundred honest orders so many were asked for.
    pub percent: f64,
    /// Datagrams sent.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Answers.
    pub answered: u64,
    /// Those by what they say: `vote`, `receipt`, `other`, or the code of the refusal.
    pub answers: BTreeMap<String, u64>,
}

impl HostilityReport {
    /// Beside honest payments that settled at this rate.
    pub fn new(hostility: &Hostility, settled_per_s: f64) -> Self {
        let certificate_bytes = ratio(hostility.honest_certificate_bytes, hostility.honest_certificates);
        #[expect(clippy::cast_precision_loss, reason = "a frame's length is small")]
        let payment_bytes = ORDER_BYTES as f64 + certificate_bytes;
        let trick = |(trick, rhythm): (Trick, super::Rhythm)| {
            let TrickCounters { sent, bytes, answers } = hostility.counters(trick);
            let report = TrickReport {
                percent: f64::from(rhythm.ppm()) / 1e4,
                sent: *sent,
                bytes: *bytes,
                answered: answers.count(),
                answers: by_name(answers),
            };
            (trick.name(), report)
        };
        Self {
            goodput: Goodput { settled_per_s, bytes_per_s: settled_per_s * payment_bytes },
            honest_orders: hostility.honest_orders,
            sent: hostility.sent_count(),
            bytes: hostility.tricks.iter().map(|counters| counters.bytes).sum(),
            tricks: hostility.mix.tricks().map(trick).collect(),
        }
    }
}

fn by_name(answers: &Answers) -> BTreeMap<String, u64> {
    let plain = [("vote", answers.votes), ("receipt", answers.receipts), ("other", answers.others)];
    let plain = plain.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count));
    plain.chain(answers.refusals.by_name()).collect()
}
