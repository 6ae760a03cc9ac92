//! What shards did, and what is on its way in them.

use super::super::exposition::Unit;
use super::{Family, SHARD, THREAD, counter, gauge, histogram, per_shard, per_shard_and, per_shard_and_name};
use crate::run::metrics::exposition::Lines;
use crate::run::metrics::picture::Picture;
use quittance_engine::distribution::Distribution;
use quittance_verify::Counters as VerifyCounters;
use std::fmt::Display;

pub(super) const FAMILIES: &[Family] = &[
    counter("quittance_settled_total", SHARD, "Payments applied, each once.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.protocol.confirmations);
    }),
    counter("quittance_votes_total", SHARD, "Orders voted for, each once.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.protocol.votes);
    }),
    counter("quittance_requests_total", &["shard", "kind"], "Requests received, by kind.", |picture, lines| {
        per_shard_and(picture, lines, |shard| {
            let protocol = &shard.report.protocol;
            [
                ("order", protocol.orders),
                ("certificate", protocol.certificates),
                ("query", protocol.queries),
                ("history_query", protocol.history_queries),
            ]
        });
    }),
    counter("quittance_refused_total", &["shard", "code"], "Requests refused, by code.", |picture, lines| {
        per_shard_and_name(picture, lines, |shard| &shard.report.protocol.rejects);
    }),
    counter(
        "quittance_repeated_replies_total",
        &["shard", "kind"],
        "Votes and receipts given again for what came again.",
        |picture, lines| {
            per_shard_and(picture, lines, |shard| {
                let protocol = &shard.report.protocol;
                [("vote", protocol.votes_repeated), ("receipt", protocol.receipts_repeated)]
            });
        },
    ),
    counter(
        "quittance_conflicting_certificates_total",
        SHARD,
        "Good certificates for two orders of one sequence number: more authorities are faulty than may be.",
        |picture, lines| per_shard(picture, lines, |shard| shard.report.protocol.conflicting_certificates),
    ),
    counter(
        "quittance_orders_held_total",
        SHARD,
        "Chained orders that waited for their money, each once.",
        |picture, lines| per_shard(picture, lines, |shard| shard.report.protocol.orders_held),
    ),
    counter(
        "quittance_orders_held_ended_total",
        &["shard", "how"],
        "Chained orders that wait no longer, by what ended the wait.",
        |picture, lines| {
            per_shard_and(picture, lines, |shard| {
                let protocol = &shard.report.protocol;
                [
                    ("funded", protocol.orders_held_funded),
                    ("expired", protocol.orders_held_expired),
                    ("displaced", protocol.orders_held_displaced),
                ]
            });
        },
    ),
    counter(
        "quittance_orders_held_repeated_total",
        SHARD,
        "Chained orders that came again while they waited.",
        |picture, lines| per_shard(picture, lines, |shard| shard.report.protocol.orders_held_repeated),
    ),
    counter(
        "quittance_credits_total",
        &["shard", "what"],
        "Credits between shards: handed over, repetitions included; applied; come again or too early.",
        |picture, lines| {
            per_shard_and(picture, lines, |shard| {
                let protocol = &shard.report.protocol;
                [
                    ("sent", protocol.credits_sent),
                    ("applied", protocol.credits_applied),
                    ("repeated", protocol.credits_repeated),
                ]
            });
        },
    ),
    counter(
        "quittance_vote_roots_total",
        &["shard", "known"],
        "Votes in certificates, by whether the root that they hang on had been checked before.",
        |picture, lines| {
            per_shard_and(picture, lines, |shard| {
                let protocol = &shard.report.protocol;
                [("yes", protocol.vote_roots_known), ("no", protocol.vote_roots_unknown)]
            });
        },
    ),
    counter("quittance_roots_checked_total", SHARD, "Signatures of roots that were checked.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.protocol.roots_checked);
    }),
    counter("quittance_roots_signed_total", SHARD, "Batches of replies that were signed.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.protocol.roots_signed);
    }),
    counter(
        "quittance_quarantines_total",
        SHARD,
        "Times that a source's signatures began to be checked one by one, because one had failed.",
        |picture, lines| per_shard(picture, lines, |shard| shard.report.protocol.quarantines),
    ),
    counter(
        "quittance_quarantined_signatures_total",
        SHARD,
        "Signatures checked one by one because of their source.",
        |picture, lines| per_shard(picture, lines, |shard| shard.report.protocol.signatures_quarantined),
    ),
    counter(
        "quittance_redeemed_units_total",
        SHARD,
        "Units paid out to the primary ledger, in all runs.",
        |picture, lines| {
            per_shard(picture, lines, |shard| shard.report.redeemed.clone());
        },
    ),
    counter("quittance_signatures_checked_total", THREAD, "Signatures checked, by thread.", |picture, lines| {
        per_verifier(picture, lines, |verify| verify.item_count);
    }),
    counter(
        "quittance_signatures_checked_alone_total",
        THREAD,
        "Signatures checked by themselves: few came at a time, or their batch had failed.",
        |picture, lines| per_verifier(picture, lines, |verify| verify.item_alone_count),
    ),
    counter(
        "quittance_signature_sums_total",
        THREAD,
        "Sums of several signatures that were computed.",
        |picture, lines| {
            per_verifier(picture, lines, |verify| verify.batch_count);
        },
    ),
    counter(
        "quittance_signature_sums_failed_total",
        THREAD,
        "Of those, with a bad signature in them.",
        |picture, lines| per_verifier(picture, lines, |verify| verify.batch_failed_count),
    ),
    histogram("quittance_verify_batch_signatures", THREAD, "Signatures checked at once.", |picture, lines| {
        let mut add = |thread: String, batches: &Distribution| lines.distribution(&[&thread], batches, Unit::One);
        picture.shards().for_each(|shard| add(format!("shard-{}", shard.report.index), &shard.verify_batches));
        picture.verifiers().for_each(|verifier| {
            add(format!("verifier-{}", verifier.report.index), &verifier.verify_batches);
        });
    }),
    histogram("quittance_reply_batch_replies", SHARD, "Replies signed at once.", |picture, lines| {
        for shard in picture.shards() {
            lines.distribution(&[&shard.report.index.to_string()], &shard.reply_batches, Unit::One);
        }
    }),
    gauge("quittance_accounts", SHARD, "Accounts.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.accounts);
    }),
    gauge(
        "quittance_units_under_way",
        SHARD,
        "Units debited and not yet acknowledged by the shard that credits them.",
        |picture, lines| {
            per_shard(picture, lines, |shard| shard.report.under_way.clone());
        },
    ),
    gauge("quittance_unanswered_requests", SHARD, "Requests taken whose answers have not left.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.unanswered);
    }),
    gauge(
        "quittance_unacknowledged_credits",
        SHARD,
        "Credits not yet acknowledged by the shards that apply them.",
        |picture, lines| {
            per_shard(picture, lines, |shard| shard.unacknowledged_credits);
        },
    ),
    gauge(
        "quittance_withheld_replies",
        SHARD,
        "Replies that wait for the journal, or to be sent.",
        |picture, lines| {
            per_shard(picture, lines, |shard| shard.withheld_replies);
        },
    ),
    gauge("quittance_held_orders", SHARD, "Chained orders that wait for their money.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.held_orders);
    }),
    gauge("quittance_gathered_signatures", SHARD, "Signatures gathered for the next batch.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.gathered_signatures);
    }),
    gauge(
        "quittance_verifier_queue_batches",
        super::NONE,
        "Batches that wait for a verifier thread, where there are such threads.",
        |picture, lines| {
            if let Some(count) = picture.verifier_queue {
                lines.value(&[], count);
            }
        },
    ),
];

/// One sample for each thread that checks signatures.
fn per_verifier<T: Display>(picture: &Picture, lines: &mut Lines<'_>, value: impl Fn(&VerifyCounters) -> T) {
    for shard in picture.shards() {
        lines.value(&[&format!("shard-{}", shard.report.index)], value(&shard.report.verify));
    }
    for verifier in picture.verifiers() {
        lines.value(&[&format!("verifier-{}", verifier.report.index)], value(&verifier.report.verify));
    }
}
