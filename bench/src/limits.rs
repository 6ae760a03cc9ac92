//! Bounds of the load generator, each with its reason.

/// Most accounts of one run. Each takes 32 bytes here and about 70 in the genesis file; indices are 32 bits.
pub const ACCOUNT_COUNT_MAX: u32 = 16_000_000;
/// Most payments of one run. Each takes about 500 bytes, since all are signed before the first is sent.
pub const PAYMENT_COUNT_MAX: u32 = 50_000_000;
/// Most payments in flight, in either phase. In flight, each takes a slot that holds its certificate (1.5 KiB). An open
/// loop that reaches it waits; the schedule goes on, so the wait shows in the latencies.
pub const IN_FLIGHT_MAX: usize = 16_384;
/// Most client sockets: each has its own buffers in the transport.
pub const SOCKET_COUNT_MAX: usize = 256;
/// Most replies that one turn of the load loop takes up. More wait in the transport for the next turn, or are counted as
/// overrun and asked for again: a socket's buffer of 4 MiB holds about 5,000 datagrams.
pub const REPLY_COUNT_MAX: usize = 8_192;
/// Roots remembered with their signatures. A root is met again only while its batch of replies comes in.
pub const KNOWN_ROOT_COUNT: usize = 4_096;
/// Signatures per call of the verifier: its arguments lie on the stack, and beyond this a batch gains little.
pub const ROOT_BATCH_MAX: usize = 64;
/// Most committee members: what the masks of a slot hold. The wire allows 25.
pub const MEMBER_COUNT_MAX: usize = 32;
/// Most units that one payment moves. Small, so that funding every account for all of its payments stays far below the
/// largest supply.
pub const AMOUNT_MAX: u64 = 100;
/// Most shards of one authority: the authority's own bound.
pub const SHARD_COUNT_MAX: u16 = quittance_engine::limits::SHARDS_MAX;
/// Refusals for the moment (busy, or payments before are missing) that a payment may draw without a try being counted: the
/// server answers, so nothing was lost. Beyond it they count as tries, so that every payment ends.
pub const PASSING_REFUSAL_COUNT_MAX: u32 = 64;
/// Most orders that one batch of a wallet's book holds: one and a half megabytes, some milliseconds of a disk's time.
pub const BOOK_BATCH_MAX: usize = 4_096;
/// Of so many payments one may have its certificate kept back, where that is asked for: often enough that some have their
/// votes for a few milliseconds only, seldom enough that the others are a load.
pub const WITHHELD_EVERY: u32 = 8;
/// Most ports that one run looks for: three quarters of the range in which it looks, so that some may be in use.
pub const PORT_COUNT_MAX: usize = 16_384;
/// How long an authority may take to become ready: it reads the genesis file, checks every account's key, and fills its
/// journal files or reads them back, at the disk's speed. Seconds.
pub const START_S_MAX: u64 = 600;
/// How long an authority may take to stop before it is killed. Seconds.
pub const STOP_S_MAX: u64 = 10;
/// Most rounds of one audit: the second and third only if accounts disagree. A credit between shards is under way for
/// microseconds, and a pause of one timeout lies between rounds; what disagrees three times is wrong.
pub const AUDIT_ROUND_COUNT_MAX: u32 = 3;
/// The longest line that an authority may print: the counters of [`SHARD_COUNT_MAX`] shards at some 4 KiB each. Bytes.
pub const LINE_BYTES_MAX: u64 = 4 << 20;
/// The longest latency that histograms hold; longer ones count as this. Nanoseconds: one minute.
pub const LATENCY_NS_MAX: u64 = 60_000_000_000;
/// Highest rate of a schedule, payments per second: one a nanosecond.
pub const RATE_PER_S_MAX: u64 = 1_000_000_000;
/// Longest phase of a schedule: one hour. Nanoseconds.
pub const PHASE_NS_MAX: u64 = 3_600_000_000_000;
/// Longest name of a phase: names become parts of file names. Bytes.
pub const PHASE_NAME_BYTES_MAX: usize = 40;
/// A generator whose own socket refused more than this share of its requests measured itself. 0 to 1.
pub const UNSENT_SHARE_MAX: f64 = 0.05;
/// Most datagrams of one packet: what the transports send together.
pub const MERGED_DATAGRAMS_MAX: u64 = 64;
/// For so long nothing may arrive before the accounts of a run are closed. Nanoseconds: 60 ms.
pub const QUIET_NS: u64 = 60_000_000;
/// Longest wait for that. Nanoseconds: 5 s.
pub const SETTLE_NS_MAX: u64 = 5_000_000_000;
/// Most intervals of one phase's timeline, a day of them. What comes later is in none.
pub const TIMELINE_INTERVAL_COUNT_MAX: usize = 864_000;
/// How often the load loop looks after signals and child processes. Nanoseconds: 10 ms.
pub const WATCH_NS: u64 = 10_000_000;
/// Load machines whose phases began further apart than this did not offer their sum: the clocks of machines that are set
/// over a network agree to a few milliseconds. Milliseconds.
pub const START_APART_MS_MAX: u64 = 1_000;
/// A generator that sends later than this after the schedule, at the 99.9th percentile, measures itself. Microseconds.
pub const LAG_US_MAX: f64 = 1_000.0;
/// A generator whose lag is a larger part than this of the latency that is told, both at the 99.9th percentile, told its own.
/// 0 to 1.
pub const LAG_SHARE_MAX: f64 = 0.5;
/// A generator busier than this may be what limits the rate, or what a reply waits for. Share of the time, 0 to 1.
pub const BUSY_SHARE_MAX: f64 = 0.95;
/// A generator that got less than this share of its core at saturation, though it never sleeps then, shared it with
/// something else. 0 to 1.
pub const CORE_SHARE_MIN: f64 = 0.95;
/// Shorter phases are not judged by shares of processor time: two ticks of 10 ms are 4 % of this. Seconds.
pub const SHARE_S_MIN: f64 = 0.5;
/// An authority whose threads waited for their cores longer than this was disturbed. Share of the time, 0 to 1.
pub const WAIT_SHARE_MAX: f64 = 0.05;

const _: () = {
    assert!(AMOUNT_MAX * (PAYMENT_COUNT_MAX as u64) < i64::MAX as u64);
    assert!(IN_FLIGHT_MAX < u32::MAX as usize);
    assert!(ROOT_BATCH_MAX <= REPLY_COUNT_MAX);
    assert!(MEMBER_COUNT_MAX * SHARD_COUNT_MAX as usize <= PORT_COUNT_MAX);
};
