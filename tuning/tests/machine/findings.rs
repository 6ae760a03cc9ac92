//! What is found on whole machines.

use quittance_tuning::{Finding, Machine, Severity, findings};

use crate::tree::{Tree, bare_container, isolated_and_offline, two_sockets};

fn found(tree: &Tree) -> Vec<Finding> {
    findings(&Machine::read(tree.root()).expect("the tree is a machine's"))
}

fn whats(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|finding| finding.what.as_str()).collect()
}

#[test]
fn an_untuned_machine_has_each_of_its_faults_found() {
    let found = found(&two_sockets());
    let expected = [
        "net.core.rmem_max is 208 KiB, less than 8 MiB",
        "the memlock limit is 8 MiB, less than 64 MiB",
        "the limit of open files is 512, less than 1024",
        "cores 0-7 are run by governor powersave",
        "the clock source is hpet, not tsc",
        "net.core.netdev_max_backlog is 1000 packets, less than 10000",
        "SMT: 4 of the physical cores have several hardware threads in use; cores 0,4 are one of them",
        "no core is isolated",
        "1 GiB of swap space are on",
        "transparent huge pages are set to always",
    ];
    assert_eq!(whats(&found), expected);
    assert!(found.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
}

#[test]
fn each_fault_is_gone_once_its_remedy_is_applied() {
    let tree = two_sockets();
    let cpu = "sys/devices/system/cpu";
    tree.write("proc/sys/net/core/rmem_max", "8388608").write("proc/sys/net/core/netdev_max_backlog", "10000");
    let limits = "Max open files  1024  1024  files\nMax locked memory  67108864  67108864  bytes";
    tree.write("proc/self/limits", limits).write("proc/meminfo", "SwapTotal: 0 kB");
    tree.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc");
    tree.write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
    tree.write(&format!("{cpu}/isolated"), "1-3").write(&format!("{cpu}/nohz_full"), "1-3");
    for core_index in 0..8 {
        tree.write(&format!("{cpu}/cpu{core_index}/cpufreq/scaling_governor"), "performance");
        let alone = core_index.to_string();
        tree.write(&format!("{cpu}/cpu{core_index}/topology/core_cpus_list"), &alone);
    }
    assert_eq!(found(&tree), []);
}

#[test]
fn a_tuned_guest_has_only_notices() {
    let found = found(&isolated_and_offline());
    let expected = [
        "core 3 is isolated but not nohz_full",
        "cores 4-5 are offline",
        "core 3 is not allowed for this process",
        "the processor offers no AVX-512 IFMA",
        "this machine is a hypervisor's guest",
    ];
    assert_eq!(whats(&found), expected);
    assert!(found.iter().all(|finding| finding.severity == Severity::Notice));
}

#[test]
fn nothing_is_found_where_nothing_is_exposed() {
    assert_eq!(found(&bare_container()), []);
}

#[test]
fn a_busy_nic_with_one_queue_is_found_and_one_that_is_down_is_not() {
    let tree = two_sockets();
    for queue_index in 1..8 {
        tree.remove(&format!("sys/class/net/eth0/queues/rx-{queue_index}"));
    }
    assert!(whats(&found(&tree)).contains(&"eth0 has one receive queue"));
    tree.write("sys/class/net/eth0/operstate", "down");
    assert!(!whats(&found(&tree)).contains(&"eth0 has one receive queue"));
}

#[test]
fn the_remedy_for_the_clock_depends_on_what_is_available() {
    let tree = two_sockets();
    let clock = |tree: &Tree| found(tree).into_iter().find(|finding| finding.what.contains("clock")).unwrap().remedy;
    assert!(clock(&tree).ends_with("--only clock.source"));
    tree.write("sys/devices/system/clocksource/clocksource0/available_clocksource", "hpet acpi_pm");
    assert!(clock(&tree).contains("invariant TSC"));
}
