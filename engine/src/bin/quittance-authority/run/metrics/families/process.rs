//! What runs, and what it costs.

use super::super::exposition::{Lines, seconds};
use super::super::picture::Picture;
use super::super::usage::ThreadTime;
use super::{Family, NONE, THREAD, counter, gauge};
use std::time::UNIX_EPOCH;

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "quittance_build_info",
        &["version", "mode", "transport", "backend"],
        "1, with what runs as labels.",
        |picture, lines| {
            let about = &picture.about;
            lines.value(&[env!("CARGO_PKG_VERSION"), about.mode, &about.transport, &about.backend], 1);
        },
    ),
    gauge(
        "quittance_silent_threads",
        NONE,
        "Threads that did not answer within half a second: what is shown of them is old, and they may be stuck.",
        |picture, lines| lines.value(&[], picture.silent_threads),
    ),
    counter("quittance_thread_cpu_seconds_total", THREAD, "Time on a core, by thread.", |picture, lines| {
        per_thread(picture, lines, |time| time.cpu_ns);
    }),
    counter(
        "quittance_thread_wait_seconds_total",
        THREAD,
        "Time ready to run and without a core, by thread: something else ran there.",
        |picture, lines| per_thread(picture, lines, |time| time.wait_ns),
    ),
    counter(
        "process_cpu_seconds_total",
        NONE,
        "Time on any core, of all threads and of the kernel's workers for them.",
        |picture, lines| lines.value(&[], seconds(picture.usage.cpu_ns)),
    ),
    gauge("process_resident_memory_bytes", NONE, "Memory in use.", |picture, lines| {
        if let Some(bytes) = picture.usage.resident_bytes {
            lines.value(&[], bytes);
        }
    }),
    gauge("process_start_time_seconds", NONE, "When the process began, since 1970.", |picture, lines| {
        let since = picture.about.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        lines.value(&[], seconds(since.as_nanos()));
    }),
];

fn per_thread(picture: &Picture, lines: &mut Lines<'_>, time: impl Fn(&ThreadTime) -> u64) {
    for (name, used) in &picture.usage.threads {
        lines.value(&[name], seconds(time(used).into()));
    }
}
