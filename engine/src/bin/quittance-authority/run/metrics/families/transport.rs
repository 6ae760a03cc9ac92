//! What came and went over the network, and what was lost on the way.

use super::super::exposition::Unit;
use super::{Family, SHARD, counter, histogram, per_shard, per_shard_and, per_shard_and_name};

pub(super) const FAMILIES: &[Family] = &[
    counter(
        "quittance_dropped_total",
        &["shard", "place"],
        "Datagrams that were lost or not answered, by place. There is no other: a queue that is full gives `busy`, which is a \
         refusal.",
        |picture, lines| {
            per_shard_and(picture, lines, |shard| {
                let (protocol, transport) = (&shard.report.protocol, &shard.report.transport);
                [
                    ("socket", transport.datagrams_dropped_by_kernel),
                    ("empty", transport.empty_datagrams),
                    ("truncated", transport.datagrams_truncated),
                    ("unreadable", transport.packets_unreadable),
                    ("frame", protocol.malformed.total()),
                    ("not_request", protocol.not_requests),
                    ("reply_queue", protocol.replies_dropped),
                    ("reply_socket", transport.datagrams_unsent),
                ]
            });
        },
    ),
    counter(
        "quittance_malformed_total",
        &["shard", "cause"],
        "Datagrams that are no frames, by cause: those dropped at `frame`.",
        |picture, lines| per_shard_and_name(picture, lines, |shard| &shard.report.protocol.malformed),
    ),
    counter("quittance_received_datagrams_total", SHARD, "Datagrams received.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.transport.datagrams_received);
    }),
    counter(
        "quittance_received_packets_total",
        SHARD,
        "Packets that they came in; fewer where the kernel merged some.",
        |picture, lines| per_shard(picture, lines, |shard| shard.report.transport.packets_received),
    ),
    counter("quittance_received_bytes_total", SHARD, "Bytes in the datagrams received.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.transport.bytes_received);
    }),
    histogram("quittance_receive_datagrams", SHARD, "Datagrams that came at once.", |picture, lines| {
        for shard in picture.shards() {
            lines.distribution(&[&shard.report.index.to_string()], &shard.receives, Unit::One);
        }
    }),
    counter("quittance_sent_datagrams_total", SHARD, "Datagrams sent.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.transport.datagrams_sent);
    }),
    counter(
        "quittance_sends_total",
        SHARD,
        "Messages that they left in; fewer where some left segmented.",
        |picture, lines| {
            per_shard(picture, lines, |shard| shard.report.transport.sends);
        },
    ),
    counter("quittance_sent_bytes_total", SHARD, "Bytes in the datagrams sent.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.transport.bytes_sent);
    }),
    counter(
        "quittance_transport_faults_total",
        &["shard", "what"],
        "What a transport met and survived; each says that something is short or forbidden.",
        |picture, lines| {
            per_shard_and(picture, lines, |shard| {
                let transport = &shard.report.transport;
                [
                    ("receive_rearmed", transport.receive_rearmed),
                    ("receive_buffers_exhausted", transport.receive_buffers_exhausted),
                    ("completions_overflown", transport.completions_overflown),
                    ("receive_errors", transport.receive_errors),
                    ("send_errors_by_peer", transport.send_errors_by_peer),
                    ("send_errors_by_machine", transport.send_errors_by_machine),
                    ("segmentation_refused", transport.segmentation_refused),
                    ("segmentation_pauses", transport.segmentation_pauses),
                ]
            });
        },
    ),
    counter("quittance_sleeps_total", SHARD, "Times that a shard had nothing to do and slept.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.transport.sleeps);
    }),
    counter("quittance_wakes_total", SHARD, "Times that another thread woke it.", |picture, lines| {
        per_shard(picture, lines, |shard| shard.report.transport.wakes);
    }),
];
