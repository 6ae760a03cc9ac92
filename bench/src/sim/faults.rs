//! What went wrong, counted: a run in which a fault never happened says nothing about it.

use serde::Serialize;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How often each kind of fault happened.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Faults {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Faults {
            /// Adds those of another run.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Each kind with its count.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

faults! {
    /// Datagrams lost.
    datagrams_lost,
    /// Datagrams that came twice.
    datagrams_repeated,
    /// Datagrams that overtook others.
    datagrams_overtook,
    /// Datagrams stopped by a partition.
    datagrams_cut_off,
    /// Partitions.
    partitions,
    /// Credits and acknowledgements lost between shards.
    links_lost,
    /// Those that came twice.
    links_repeated,
    /// Those that overtook others.
    links_overtook,
    /// Sessions between two processes that broke.
    wires_broken,
    /// Bytes changed on such a way.
    wires_changed,
    /// Bytes that were under way when it broke.
    wire_bytes_lost,
    /// Sessions that came up.
    wires_up,
    /// Processes without their disk that were found out.
    losses_found,
    /// Processes killed.
    kills,
    /// Power cuts.
    power_cuts,
    /// Recoveries stopped on their way, by a kill or a power cut.
    stops_in_recovery,
    /// Sectors lost by power cuts.
    sectors_lost,
    /// Syncs that failed.
    sync_errors,
    /// Sectors damaged that had been kept.
    sectors_damaged,
    /// Blocks mended from the other copy.
    blocks_mended,
    /// Snapshots that could not be used.
    snapshots_refused,
    /// Snapshots that a recovery began with.
    snapshots_used,
    /// Entries of histories that recovery made again.
    histories_mended,
    /// Pages of histories, and refusals of such.
    histories_pages,
    /// Histories read to their first payment.
    histories_read,
    /// Certificates out of histories.
    histories_certificates,
    /// Payments whose certificate was asked for and whose votes a crash had cost.
    votes_missing,
    /// Times that a ring came to its end and began anew.
    ring_turns,
    /// Clocks that jumped.
    clock_jumps,
    /// Payers that crashed.
    payer_crashes,
    /// Wallets whose last records were torn by it.
    wallet_batches_torn,
    /// Wallets that lost their disk.
    wallets_lost,
    /// Wallets made again from their key.
    wallets_rebuilt,
    /// Orders overtaken by another one of the same key.
    wallets_overtaken,
    /// Orders without a quorum, because of another one of the same key.
    wallets_blocked,
    /// Orders that authorities of too much weight refused, for a time.
    orders_refused,
    /// Orders that were not answered in time, and resumed later.
    orders_given_up,
    /// Payments with what had just been received.
    chained_payments,
    /// Certificates handed to those who were paid.
    certificates_handed,
    /// Of these, those that were changed on their way.
    certificates_changed,
    /// Times that a thread of an authority stood still.
    stalls,
    /// Orders that conflict with another of the same sequence number.
    conflicting_orders,
    /// Orders of more than the account holds.
    overspending_orders,
    /// Orders that may wait for their money, good or bad.
    chained_orders,
    /// Orders that nobody signed.
    forged_orders,
    /// Certificates with too few votes, or with forged or repeated ones.
    forged_certificates,
    /// Datagrams of no sense.
    garbage,
    /// Votes by authorities that lie.
    false_votes,
    /// Answers that authorities forged.
    forged_answers,
    /// Requests refused because a table was full.
    busy,
}
