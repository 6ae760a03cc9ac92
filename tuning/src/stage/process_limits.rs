//! What a process may lock and open.
//!
//! Limits belong to the process that is started, not to the machine: they are set in the authority's unit, or for
//! sessions in `limits.d`. What is told here holds for a process started as this one was.

use crate::finding::{MEMLOCK_BYTES_MIN, OPEN_FILES_COUNT_MIN};
use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::limits::Limit;
use crate::notation::Notation;
use crate::size::format_bytes;

const OTHERS: &str = "systemd's DefaultLimit settings; files in /etc/security/limits.d; container runtimes";

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "limit.memlock",
        what: "memory that a process may lock or register with io_uring, octets",
        why: "buffers registered with io_uring and locked memory count against it, and registration fails beyond it",
        risk: "a program at fault can pin that much memory",
        source: "getrlimit(2): RLIMIT_MEMLOCK; systemd.exec(5): LimitMEMLOCK=",
        kernel: "2.6",
        others: OTHERS,
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: memlock,
    },
    Kind {
        name: "limit.open_files",
        what: "descriptors that a process may have open",
        why: "each shard takes descriptors for sockets, rings and journal files",
        risk: "none to speak of",
        source: "getrlimit(2): RLIMIT_NOFILE; systemd.exec(5): LimitNOFILE=",
        kernel: "2.0",
        others: OTHERS,
        scope: Scope::Host,
        at: At::Nowhere,
        notation: Notation::Word,
        want: open_files,
    },
];

fn memlock(ask: &Ask<'_>) -> Wanted {
    let limits = &ask.ground.machine.limits;
    let Some(soft) = limits.memlock_soft_bytes else { return Wanted::Absent };
    let current = if let Limit::At(bytes) = soft { format_bytes(bytes) } else { soft.to_string() };
    if limits.memlock_exempt == Some(true) || !soft.is_below(MEMLOCK_BYTES_MIN) {
        return Wanted::Fine(current);
    }
    let remedy =
        format!("LimitMEMLOCK=infinity in the authority's unit; ulimit -l {} in a shell", MEMLOCK_BYTES_MIN >> 10);
    Wanted::Advice { current, wanted: format_bytes(MEMLOCK_BYTES_MIN), remedy }
}

fn open_files(ask: &Ask<'_>) -> Wanted {
    let Some(soft) = ask.ground.machine.limits.open_files_soft_count else { return Wanted::Absent };
    if !soft.is_below(OPEN_FILES_COUNT_MIN) {
        return Wanted::Fine(soft.to_string());
    }
    let remedy = format!(
        "LimitNOFILE={OPEN_FILES_COUNT_MIN} in the authority's unit; ulimit -n {OPEN_FILES_COUNT_MIN} in a shell"
    );
    Wanted::Advice { current: soft.to_string(), wanted: OPEN_FILES_COUNT_MIN.to_string(), remedy }
}
