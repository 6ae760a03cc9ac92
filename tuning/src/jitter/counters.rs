//! The kernel's counters of one core, and of the thread that watches it.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::param::clock_ticks_per_second;
use rustix::thread::Pid;

use crate::sysroot::{Sysroot, field};

/// Counters at one moment, or how far they went between two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Interrupts, by what the kernel calls them.
    pub(super) interrupts: BTreeMap<String, u64>,
    /// Deferred work of interrupts, by kind.
    pub(super) softirqs: BTreeMap<String, u64>,
    /// How often the thread was made to wait for another.
    pub(super) involuntary_switches: Option<u64>,
    /// How long it waited for others while it could have run, nanoseconds. Only with `CONFIG_SCHED_INFO`.
    pub(super) run_delay_ns: Option<u64>,
    /// How long the hypervisor says that it let others run, nanoseconds, to a tick.
    pub(super) steal_ns: Option<u64>,
    /// Whether the processor says that a hypervisor is beneath.
    pub(super) is_guest: bool,
}

impl Counters {
    /// Those of core `core_index` and of thread `thread_id` of this process. What is not exposed is empty.
    pub(super) fn read(root: &Path, core_index: usize, thread_id: Pid) -> Self {
        let sysroot = Sysroot::new(root);
        let text = |path: &str| sysroot.text(path).unwrap_or_default();
        let thread = format!("proc/self/task/{}", thread_id.as_raw_nonzero());
        let status = text(&format!("{thread}/status"));
        let flags = text("proc/cpuinfo");
        Self {
            interrupts: by_line(&text("proc/interrupts"), core_index),
            softirqs: by_line(&text("proc/softirqs"), core_index),
            involuntary_switches: field(&status, "nonvoluntary_ctxt_switches").and_then(|count| count.parse().ok()),
            run_delay_ns: run_delay_ns(&text(&format!("{thread}/schedstat"))),
            steal_ns: steal_ns(&text("proc/stat"), core_index),
            is_guest: field(&flags, "flags")
                .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
        }
    }

    /// How far the counters went since `before`. A line that is new counts from 0; one that went back, not at all.
    pub(super) fn since(&self, before: &Self) -> Self {
        let grown = |after: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
            let counts =
                after.iter().map(|(name, count)| (name, count.saturating_sub(*before.get(name).unwrap_or(&0))));
            counts.filter(|(_, count)| *count > 0).map(|(name, count)| (name.clone(), count)).collect()
        };
        let more = |after: Option<u64>, before: Option<u64>| Some(after?.saturating_sub(before?));
        Self {
            interrupts: grown(&self.interrupts, &before.interrupts),
            softirqs: grown(&self.softirqs, &before.softirqs),
            involuntary_switches: more(self.involuntary_switches, before.involuntary_switches),
            run_delay_ns: more(self.run_delay_ns, before.run_delay_ns),
            steal_ns: more(self.steal_ns, before.steal_ns),
            is_guest: self.is_guest,
        }
    }
}

/// The counts of one core in a table with a column for each online core: its name, then a line `label: counts words`.
fn by_line(table: &str, core_index: usize) -> BTreeMap<String, u64> {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let wanted = format!("CPU{core_index}");
    let Some(column) = names.iter().position(|name| *name == wanted) else { return BTreeMap::new() };
    lines.filter_map(|line| counted(line, column, names.len())).collect()
}

fn counted(line: &str, column: usize, core_count: usize) -> Option<(String, u64)> {
    let (label, rest) = line.split_once(':')?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    // Lines without a count for each core (`ERR: 0`) count for none of them.
    let counts = words.get(..core_count)?;
    let count = counts.get(column)?.parse().ok()?;
    Some((name(label.trim(), &words[core_count..]), count))
}

/// A device's interrupts go by the device, which is the last word; the kernel's own by their words.
fn name(label: &str, words: &[&str]) -> String {
    let is_number = label.parse::<u32>().is_ok();
    match words {
        [] => label.to_owned(),
        [.., device] if is_number => format!("{device} (interrupt {label})"),
        words => words.join(" "),
    }
}

/// Time on the core, time of waiting for it, and turns (kernel Documentation/scheduler/sched-stats.rst).
fn run_delay_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().nth(1)?.parse().ok()
}

/// The eighth column of a core's line, in ticks (proc_stat(5)).
fn steal_ns(stat: &str, core_index: usize) -> Option<u64> {
    let wanted = format!("cpu{core_index}");
    let line = stat.lines().find(|line| line.split_whitespace().next() == Some(&wanted))?;
    let ticks: u64 = line.split_whitespace().nth(8)?.parse().ok()?;
    ticks.checked_mul(1_000_000_000 / clock_ticks_per_second().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERRUPTS: &str = "           CPU0       CPU2
 24:          7          9  IO-APIC   5-edge      ACPI:Ged
 36:         10   12021074 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
LOC:        100        250   Local timer interrupts
ERR:          3
MIS:          0
";

    #[test]
    fn a_core_has_the_column_that_bears_its_name_though_numbers_have_gaps() {
        let counts = by_line(INTERRUPTS, 2);
        let expected = [
            ("ACPI:Ged (interrupt 24)", 9),
            ("Local timer interrupts", 250),
            ("virtio1-req.0 (interrupt 36)", 12_021_074),
        ];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
        assert_eq!(by_line(INTERRUPTS, 1), BTreeMap::new());
        assert_eq!(by_line("", 0), BTreeMap::new());
    }

    #[test]
    fn softirqs_go_by_their_label() {
        let table = "                    CPU0       CPU1\n      TIMER:          5          6\n     NET_RX:          1          2\n";
        assert_eq!(by_line(table, 1), [("NET_RX".to_owned(), 2), ("TIMER".to_owned(), 6)].into());
    }

    #[test]
    fn steal_is_the_eighth_count_of_the_cores_own_line() {
        let stat = "cpu  1 2 3 4 5 6 7 800 9 10\ncpu0 1 2 3 4 5 6 7 300 9 10\ncpu10 1 2 3 4 5 6 7 500 9 10\nintr 5\n";
        let tick_ns = 1_000_000_000 / clock_ticks_per_second();
        assert_eq!(steal_ns(stat, 0), Some(300 * tick_ns));
        assert_eq!(steal_ns(stat, 10), Some(500 * tick_ns));
        assert_eq!(steal_ns(stat, 1), None);
    }

    #[test]
    fn the_wait_for_the_core_is_the_second_number() {
        assert_eq!(run_delay_ns("104035 2716681 2"), Some(2_716_681));
        assert_eq!(run_delay_ns(""), None);
    }

    #[test]
    fn counters_are_subtracted_line_by_line_and_what_stood_still_is_left_out() {
        let before = Counters { interrupts: by_line(INTERRUPTS, 2), steal_ns: Some(5), ..Counters::default() };
        let later = INTERRUPTS.replace("       250 ", "       260 ") + " 99:  0  4  IO-APIC  new\n";
        let after = Counters { interrupts: by_line(&later, 2), steal_ns: Some(25), ..Counters::default() };
        let grown = after.since(&before);
        let expected = [("Local timer interrupts".to_owned(), 10), ("new (interrupt 99)".to_owned(), 4)];
        assert_eq!((grown.interrupts, grown.steal_ns), (expected.into(), Some(20)));
        assert_eq!(grown.run_delay_ns, None);
    }
}
