//! Trees of other machines, written into temporary directories.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

const CPU: &str = "sys/devices/system/cpu";

pub(crate) struct Tree(TempDir);

impl Tree {
    fn empty() -> Self {
        Self(TempDir::new().expect("a temporary directory can be made"))
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file as the kernel does, with a line break at its end.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("folders can be made");
        fs::write(path, format!("{text}\n")).expect("files can be written");
        self
    }

    pub(crate) fn remove(&self, path: &str) -> &Self {
        let path = self.root().join(path);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.expect("what is removed is there");
        self
    }

    fn folder(&self, path: &str) -> &Self {
        fs::create_dir_all(self.root().join(path)).expect("folders can be made");
        self
    }

    fn core(&self, core_index: usize, package_id: usize, core_id: usize, threads: &str) -> &Self {
        let folder = format!("{CPU}/cpu{core_index}");
        self.write(&format!("{folder}/topology/physical_package_id"), &package_id.to_string());
        self.write(&format!("{folder}/topology/core_id"), &core_id.to_string());
        self.write(&format!("{folder}/topology/core_cpus_list"), threads)
    }

    fn cache(&self, core_index: usize, entry_index: usize, shape: [&str; 4]) -> &Self {
        let folder = format!("{CPU}/cpu{core_index}/cache/index{entry_index}");
        let [level, kind, size, shared_by] = shape;
        self.write(&format!("{folder}/level"), level).write(&format!("{folder}/type"), kind);
        self.write(&format!("{folder}/size"), size).write(&format!("{folder}/shared_cpu_list"), shared_by);
        self.write(&format!("{folder}/coherency_line_size"), "64")
    }

    fn nic(&self, name: &str, shape: [&str; 3], queue_count: usize) -> &Self {
        let [mtu, speed, operstate] = shape;
        let folder = format!("sys/class/net/{name}");
        self.write(&format!("{folder}/mtu"), mtu).write(&format!("{folder}/speed"), speed);
        self.write(&format!("{folder}/operstate"), operstate);
        for queue_index in 0..queue_count {
            self.folder(&format!("{folder}/queues/rx-{queue_index}"));
            self.folder(&format!("{folder}/queues/tx-{queue_index}"));
        }
        self
    }
}

/// Two sockets of two physical cores with two threads each. Siblings are N and N+4; cores 0, 1, 4, 5 are on the first
/// socket and node. Everything is exposed.
pub(crate) fn two_sockets() -> Tree {
    let tree = Tree::empty();
    tree.write(&format!("{CPU}/present"), "0-7").write(&format!("{CPU}/online"), "0-7");
    tree.write(&format!("{CPU}/isolated"), "").write(&format!("{CPU}/nohz_full"), "(null)");
    tree.write(&format!("{CPU}/smt/active"), "1");
    for core_index in 0..8 {
        two_sockets_core(&tree, core_index);
    }
    two_sockets_memory(&tree);
    two_sockets_kernel(&tree);
    tree.nic("eth0", ["9000", "25000", "up"], 8).write("sys/class/net/eth0/device/numa_node", "1");
    symlink("../../../../bus/pci/drivers/mlx5_core", tree.root().join("sys/class/net/eth0/device/driver"))
        .expect("links can be made");
    tree.nic("lo", ["65536", "-1", "unknown"], 1).write("sys/class/net/bonding_masters", "");
    tree
}

fn two_sockets_core(tree: &Tree, core_index: usize) {
    let first = core_index % 4;
    let package_id = first / 2;
    let threads = format!("{first},{}", first + 4);
    let package = ["0-1,4-5", "2-3,6-7"][package_id];
    tree.core(core_index, package_id, first % 2, &threads);
    tree.cache(core_index, 0, ["1", "Data", "48K", &threads]);
    tree.cache(core_index, 1, ["1", "Instruction", "32K", &threads]);
    tree.cache(core_index, 2, ["2", "Unified", "2048K", &threads]);
    tree.cache(core_index, 3, ["3", "Unified", "32M", package]);
    tree.write(&format!("{CPU}/cpu{core_index}/cpufreq/scaling_governor"), "powersave");
    tree.write(&format!("{CPU}/cpu{core_index}/cpufreq/cpuinfo_max_freq"), "3800000");
}

fn two_sockets_memory(tree: &Tree) {
    for (node_index, (cores, distance)) in [("0-1,4-5", "10 21"), ("2-3,6-7", "21 10")].into_iter().enumerate() {
        let folder = format!("sys/devices/system/node/node{node_index}");
        tree.write(&format!("{folder}/cpulist"), cores).write(&format!("{folder}/distance"), distance);
        let meminfo = "Node 0 MemTotal:       65536000 kB\nNode 0 MemFree:        60000000 kB";
        tree.write(&format!("{folder}/meminfo"), &meminfo.replace("Node 0", &format!("Node {node_index}")));
    }
    let meminfo =
        "MemTotal:       131072000 kB\nMemFree: 1 kB\nMemAvailable:   120000000 kB\nSwapTotal:        1048576 kB";
    tree.write("proc/meminfo", meminfo);
    tree.write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never");
    for (page, total, free) in [("2048kB", "512", "500"), ("1048576kB", "0", "0")] {
        let folder = format!("sys/kernel/mm/hugepages/hugepages-{page}");
        tree.write(&format!("{folder}/nr_hugepages"), total).write(&format!("{folder}/free_hugepages"), free);
    }
}

fn two_sockets_kernel(tree: &Tree) {
    let paragraph = "processor\t: 0\nmodel name\t: Example 9000\nflags\t\t: fpu avx2 avx512f avx512ifma sha_ni";
    tree.write("proc/cpuinfo", paragraph);
    tree.write("proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7");
    tree.write("proc/self/uid_map", "         0          0 4294967295");
    let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                  Max open files            512                  524288               files     \n\
                  Max locked memory         8388608              unlimited            bytes     ";
    tree.write("proc/self/limits", limits);
    tree.write("proc/sys/kernel/osrelease", "6.12.0-example").write("proc/sys/kernel/io_uring_disabled", "2");
    tree.write("proc/sys/kernel/io_uring_group", "-1").write("proc/sys/net/core/rmem_max", "212992");
    tree.write("proc/sys/net/core/wmem_max", "8388608").write("proc/sys/net/core/netdev_max_backlog", "1000");
    let clock = "sys/devices/system/clocksource/clocksource0";
    tree.write(&format!("{clock}/current_clocksource"), "hpet");
    tree.write(&format!("{clock}/available_clocksource"), "tsc hpet acpi_pm ");
    tree.write("sys/class/dmi/id/sys_vendor", "Example Works").write("sys/class/dmi/id/product_name", "Rack 2");
}

/// A container that shows `/proc` and nothing in it.
pub(crate) fn bare_container() -> Tree {
    let tree = Tree::empty();
    tree.folder("proc");
    tree
}

/// Six cores without SMT: 4 and 5 offline, 2 and 3 isolated, 2 free of the tick, 0-2 allowed. A guest, with nothing
/// that deserves a warning.
pub(crate) fn isolated_and_offline() -> Tree {
    let tree = Tree::empty();
    tree.write(&format!("{CPU}/present"), "0-5").write(&format!("{CPU}/online"), "0-3");
    tree.write(&format!("{CPU}/isolated"), "2-3").write(&format!("{CPU}/nohz_full"), "2");
    tree.write(&format!("{CPU}/smt/active"), "0");
    for core_index in 0..4 {
        tree.core(core_index, 0, core_index, &core_index.to_string());
        tree.write(&format!("{CPU}/cpu{core_index}/cpufreq/scaling_governor"), "performance");
    }
    tree.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Small\nflags\t\t: fpu avx2 hypervisor");
    tree.write("proc/self/status", "CapEff:\t0000000000004000\nCpus_allowed_list:\t0-2");
    tree.write("proc/self/uid_map", "0 0 4294967295");
    tree.write("proc/self/limits", "Max locked memory         65536         65536       bytes");
    tree
}
