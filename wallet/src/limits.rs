//! Every bound of the client, with its reason and its unit.

/// Roots remembered with their signatures, in all: a root is met again only while the replies of its batch come in, and when
/// certificates are read that share it.
pub const KNOWN_ROOT_COUNT: usize = 1_024;

/// Received payments that one order may name as what funds it. Each is a datagram of up to 1,472 bytes sent ahead of the order
/// to every authority, all in one burst.
pub const FUNDING_COUNT_MAX: usize = 64;

/// Operations under way at once: each takes some kilobytes and, while it is new, a datagram to each authority.
pub const OPERATION_COUNT_MAX: usize = 4_096;

/// Datagrams that wait to leave. One more is dropped, as any network may, and asked again when it is due.
pub const TRANSMIT_COUNT_MAX: usize = 16_384;

/// Events that wait for a driver who does not fetch them, above which datagrams are dropped: each one makes a few at most.
pub const EVENT_COUNT_MAX: usize = 16_384;

/// Others' certificates that were fetched and are kept for those who carry them: some 1.5 MiB. One that was dropped is fetched
/// again.
pub const FOUND_COUNT_MAX: usize = 1_024;

/// Payments of one sender that are on their way to an authority at once: what a burst of datagrams may hold and a home line
/// carries without loss.
pub const CARRY_WINDOW: u64 = 8;

/// Senders whose payments are brought to an authority side by side, in one operation.
pub const LEGS_AT_ONCE_MAX: usize = 8;

/// How often an authority may go back on what it has applied before it is served at the pace of one that is silent. An honest
/// one does when it was started anew without its memory.
pub const REWINDS_MAX: u32 = 8;

/// How often an order goes to an authority again at once, after something was brought there. Beyond, it waits as for an answer
/// that does not come: no authority draws datagrams as fast as it can refuse.
pub const ROUNDS_AT_ONCE_MAX: u32 = 8;

/// Certificates that are asked for at once, in one operation.
pub const FETCH_COUNT_MAX: usize = 32;

/// Pages that lead to one certificate at one authority: 2^20 payments back, at 256 a page.
pub const FETCH_WALKS_MAX: u32 = 4_096;

/// How often a question is sent that others can answer as well, before one of them is asked.
pub const SILENCE_COUNT: u32 = 2;

/// Payments of another wallet with the same key that are taken over when an order is found to be overtaken: as many as are soon
/// fetched. A rebuild gets more.
pub const OVERTAKING_COUNT_MAX: u64 = 1_024;

/// Pages of received payments read at each authority when money is looked for: the newest three hundred or so.
pub const SURVEY_PAGES_MAX: u32 = 16;

/// Pages read at each authority in a rebuild: a million payments.
pub const REBUILD_PAGES_MAX: u32 = 65_536;

/// Payments looked for in one rebuild. A faulty authority can list as many that do not exist, each 200 bytes here.
pub const REBUILD_PAYMENTS_MAX: usize = 1 << 20;

/// Most accounts that one wallet has: 128 MB of keys file, read by every command that signs.
pub const KEYS_COUNT_MAX: usize = 1_000_000;
