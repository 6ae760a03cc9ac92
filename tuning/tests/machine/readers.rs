//! Every reader against trees whose content is known.

use std::path::Path;

use quittance_tuning::{CpuList, IoUring, Limit, Limits, Machine, RingAttempt, Topology};

use crate::tree::{bare_container, isolated_and_offline, two_sockets};

fn list(text: &str) -> Option<CpuList> {
    Some(text.parse().expect("the test writes a list"))
}

#[test]
fn cores_of_two_sockets_are_read_with_siblings_and_nodes() {
    let tree = two_sockets();
    let topology = Topology::read(tree.root());
    assert_eq!(topology.cores.len(), 8);
    assert_eq!(topology.smt_active, Some(true));
    let core = topology.core(6).unwrap();
    assert_eq!((core.core_index, core.package_id, core.core_id), (6, Some(1), Some(0)));
    assert_eq!((core.online, core.allowed), (Some(true), Some(true)));
    assert_eq!((core.smt_siblings.clone(), core.node_index), (list("2"), Some(1)));
    assert_eq!((core.isolated, core.nohz_full), (Some(false), Some(false)));
    assert_eq!((core.governor.as_deref(), core.frequency_max_khz), (Some("powersave"), Some(3_800_000)));
}

#[test]
fn caches_are_read_with_size_line_and_sharers() {
    let tree = two_sockets();
    let topology = Topology::read(tree.root());
    let caches = &topology.core(3).unwrap().caches;
    let shape = |level: usize| {
        let cache = caches.levels()[level].1.unwrap();
        (cache.size_bytes, cache.line_bytes, cache.shared_by.clone())
    };
    assert_eq!(shape(0), (Some(48 << 10), Some(64), list("3,7")));
    assert_eq!(shape(1), (Some(32 << 10), Some(64), list("3,7")));
    assert_eq!(shape(2), (Some(2 << 20), Some(64), list("3,7")));
    assert_eq!(shape(3), (Some(32 << 20), Some(64), list("2-3,6-7")));
}

#[test]
fn memory_nodes_are_read() {
    let nodes = Topology::read(two_sockets().root()).nodes.unwrap();
    assert_eq!(nodes.len(), 2);
    assert_eq!((nodes[1].node_index, nodes[1].cores.clone()), (1, list("2-3,6-7")));
    assert_eq!(nodes[1].memory_total_bytes, Some(65_536_000 * 1024));
    assert_eq!(nodes[1].memory_free_bytes, Some(60_000_000 * 1024));
    assert_eq!(nodes[1].distances, Some(vec![21, 10]));
}

#[test]
fn offline_isolated_and_forbidden_cores_are_told_apart() {
    let topology = Topology::read(isolated_and_offline().root());
    assert_eq!(topology.indices(|_| true), list("0-5").unwrap());
    assert_eq!(topology.indices(|core| core.online == Some(false)), list("4-5").unwrap());
    assert_eq!(topology.indices(|core| core.isolated == Some(true)), list("2-3").unwrap());
    assert_eq!(topology.indices(|core| core.nohz_full == Some(true)), list("2").unwrap());
    assert_eq!(topology.indices(|core| core.is_usable()), list("0-2").unwrap());
    assert_eq!(topology.core(1).unwrap().smt_siblings, Some(CpuList::default()));
    assert_eq!(topology.core(5).unwrap().smt_siblings, None);
}

#[test]
fn siblings_are_found_under_the_older_name() {
    let tree = two_sockets();
    tree.remove("sys/devices/system/cpu/cpu0/topology/core_cpus_list");
    assert_eq!(Topology::read(tree.root()).core(0).unwrap().smt_siblings, None);
    tree.write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,4");
    assert_eq!(Topology::read(tree.root()).core(0).unwrap().smt_siblings, list("4"));
}

#[test]
fn a_container_that_exposes_nothing_is_all_none() {
    let tree = bare_container();
    let machine = Machine::read(tree.root()).unwrap();
    assert_eq!((machine.topology.cores.len(), &machine.topology.nodes, &machine.nics), (0, &None, &None));
    let json = serde_json::to_value(&machine.limits).unwrap();
    assert!(json.as_object().unwrap().values().all(serde_json::Value::is_null), "{json}");
    let json = serde_json::to_value(&machine.memory).unwrap();
    assert!(json.as_object().unwrap().values().all(serde_json::Value::is_null), "{json}");
    assert_eq!(machine.platform.virtualisation.is_guest(), None);
}

#[test]
fn without_sysfs_the_cores_are_those_of_cpuinfo_and_then_those_allowed() {
    let tree = bare_container();
    tree.write("proc/self/status", "Cpus_allowed_list:\t0-3");
    assert_eq!(Topology::read(tree.root()).indices(|_| true), list("0-3").unwrap());
    tree.write("proc/cpuinfo", "processor\t: 0\n\nprocessor\t: 2\n\nprocessor\t: 99999999");
    let topology = Topology::read(tree.root());
    assert_eq!(topology.indices(|core| core.online == Some(true)), list("0,2").unwrap());
}

#[test]
fn limits_are_read_with_units_and_unlimited() {
    let tree = two_sockets();
    let limits = Limits::read(tree.root());
    assert_eq!(
        (limits.memlock_soft_bytes, limits.memlock_hard_bytes),
        (Some(Limit::At(8 << 20)), Some(Limit::Unlimited))
    );
    assert_eq!(limits.open_files_soft_count, Some(Limit::At(512)));
    assert_eq!(limits.open_files_hard_count, Some(Limit::At(524_288)));
    assert_eq!(limits.net_core_rmem_max_bytes, Some(212_992));
    assert_eq!(limits.net_core_wmem_max_bytes, Some(8 << 20));
    assert_eq!(limits.net_core_netdev_max_backlog_count, Some(1000));
    assert_eq!(limits.clock_source.as_deref(), Some("hpet"));
    assert_eq!(limits.clock_sources_available.unwrap(), ["tsc", "hpet", "acpi_pm"]);
}

#[test]
fn memlock_is_waived_by_the_capability_only_outside_user_namespaces() {
    let tree = isolated_and_offline();
    assert_eq!(Limits::read(tree.root()).memlock_exempt, Some(true));
    tree.write("proc/self/uid_map", "0 100000 65536");
    assert_eq!(Limits::read(tree.root()).memlock_exempt, Some(false));
    assert_eq!(Limits::read(two_sockets().root()).memlock_exempt, Some(false));
}

#[test]
fn interfaces_are_read_and_plain_files_beside_them_are_not() {
    let nics = Machine::read(two_sockets().root()).unwrap().nics.unwrap();
    let [eth0, lo] = nics.as_slice() else { panic!("two interfaces: {nics:?}") };
    assert_eq!((eth0.name.as_str(), eth0.driver.as_deref()), ("eth0", Some("mlx5_core")));
    assert_eq!((eth0.receive_queue_count, eth0.transmit_queue_count), (Some(8), Some(8)));
    assert_eq!((eth0.mtu_bytes, eth0.speed_mbps, eth0.node_index), (Some(9000), Some(25_000), Some(1)));
    assert_eq!((lo.name.as_str(), lo.driver.as_deref(), lo.speed_mbps), ("lo", None, None));
    assert_eq!(lo.operstate.as_deref(), Some("unknown"));
}

#[test]
fn malformed_files_count_as_not_exposed() {
    let tree = two_sockets();
    tree.write("sys/devices/system/cpu/isolated", "3-1").write("proc/sys/net/core/rmem_max", "many");
    tree.write("sys/devices/system/cpu/cpu0/cache/index0/size", "big").write("proc/self/limits", "Max open files");
    let machine = Machine::read(tree.root()).unwrap();
    let core = machine.topology.core(0).unwrap();
    assert_eq!(core.isolated, None);
    assert_eq!(core.caches.l1d.as_ref().unwrap().size_bytes, None);
    assert_eq!((machine.limits.net_core_rmem_max_bytes, machine.limits.open_files_soft_count), (None, None));
}

#[test]
fn no_ring_is_tried_for_a_tree_that_is_not_this_machine() {
    let io_uring = Machine::read(two_sockets().root()).unwrap().io_uring;
    assert_eq!((io_uring.disabled_sysctl, io_uring.group_sysctl), (Some(2), Some(-1)));
    assert_eq!((io_uring.plain, io_uring.deferred), (RingAttempt::NotTried, RingAttempt::NotTried));
}

#[test]
fn rings_are_tried_on_this_machine() {
    let io_uring = IoUring::probe();
    assert_ne!(io_uring.plain, RingAttempt::NotTried);
    assert_ne!(io_uring.deferred, RingAttempt::NotTried);
    assert_eq!(io_uring.plain == RingAttempt::Created, io_uring::IoUring::new(4).is_ok());
}

#[test]
fn cores_and_limits_of_this_process_are_those_that_the_kernel_answers() {
    let mask = rustix::thread::sched_getaffinity(None).unwrap();
    let topology = Topology::read(Path::new("/"));
    for core in &topology.cores {
        assert_eq!(core.allowed, Some(mask.is_set(core.core_index)), "core {}", core.core_index);
    }
    let open_files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let expected = open_files.current.map_or(Limit::Unlimited, Limit::At);
    assert_eq!(Limits::read(Path::new("/")).open_files_soft_count, Some(expected));
}
