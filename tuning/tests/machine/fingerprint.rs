//! What changes the fingerprint of a tree and what does not, and the command.

use std::fs;
use std::process::{Command, Output};

use quittance_tuning::{Fingerprint, Machine, fingerprint};
use serde_json::Value;

use crate::tree::{Tree, bare_container, two_sockets};

fn of(tree: &Tree) -> Fingerprint {
    fingerprint(&Machine::read(tree.root()).expect("the tree is a machine's"))
}

fn tune(arguments: &[&str]) -> Output {
    let command = env!("CARGO_BIN_EXE_quittance-tune");
    Command::new(command).arg("fingerprint").args(arguments).output().expect("the command can be started")
}

#[test]
fn everything_that_figures_depend_on_changes_the_fingerprint_and_is_named() {
    let cpu = "sys/devices/system/cpu";
    let changes = [
        ("proc/sys/kernel/osrelease".to_owned(), "6.12.1-example", "kernel.release"),
        (format!("{cpu}/cpu3/cpufreq/scaling_governor"), "performance", "cores.governor"),
        (format!("{cpu}/smt/active"), "0", "cores.smt"),
        (format!("{cpu}/isolated"), "1", "cores.isolated"),
        (format!("{cpu}/vulnerabilities/spectre_v2"), "Vulnerable", "mitigation.spectre_v2"),
        (
            "sys/kernel/mm/transparent_hugepage/enabled".to_owned(),
            "always [madvise] never",
            "memory.transparent_huge_pages",
        ),
        ("sys/devices/system/clocksource/clocksource0/current_clocksource".to_owned(), "tsc", "clock.source"),
        ("proc/sys/net/core/rmem_max".to_owned(), "8388608", "net.core.rmem_max"),
        ("sys/class/net/eth0/mtu".to_owned(), "1500", "network.interfaces"),
        ("proc/cpuinfo".to_owned(), "model name\t: Example 9001\nflags\t\t: fpu avx2", "processor.model"),
    ];
    let tree = two_sockets();
    tree.write(&format!("{cpu}/vulnerabilities/spectre_v2"), "Mitigation: IBRS");
    let before = of(&tree);
    for (path, value, fact) in changes {
        let text = fs::read_to_string(tree.root().join(&path)).unwrap();
        tree.write(&path, value);
        let after = of(&tree);
        tree.write(&path, text.trim_end());
        assert_ne!(before.hash, after.hash, "{path}");
        let named: Vec<String> = before.differences(&after).into_iter().map(|difference| difference.name).collect();
        assert!(named.iter().any(|name| name == fact), "{path}: {named:?}");
    }
    assert_eq!(of(&tree), before, "all of it was put back");
}

#[test]
fn what_changes_by_itself_leaves_the_fingerprint_alone() {
    let tree = two_sockets();
    let before = of(&tree);
    let meminfo = "MemTotal: 131071900 kB\nMemFree: 7 kB\nMemAvailable: 4 kB\nSwapTotal: 1048576 kB";
    tree.write("proc/meminfo", meminfo).write("sys/class/net/eth0/operstate", "down");
    fs::rename(tree.root().join("sys/class/net/eth0"), tree.root().join("sys/class/net/enp1s0")).unwrap();
    assert_eq!(before.differences(&of(&tree)), []);
    assert_eq!(before, of(&tree));
}

#[test]
fn a_machine_that_exposes_nothing_says_so_fact_by_fact() {
    let bare = of(&bare_container());
    assert_eq!(bare.facts["processor.model"], "not exposed");
    assert_ne!(bare.hash, of(&two_sockets()).hash);
}

#[test]
fn a_machine_equals_its_own_file_and_differs_from_a_changed_one() {
    let tree = two_sockets();
    let root = tree.root().to_str().unwrap();
    let json = tune(&["--json", "--sysroot", root]);
    let file = tree.root().join("before.json");
    fs::write(&file, &json.stdout).unwrap();
    let compare = || tune(&["--sysroot", root, "--compare", file.to_str().unwrap()]);
    let same = compare();
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    tree.write("proc/sys/net/core/wmem_max", "7");
    let differs = compare();
    assert_eq!(differs.status.code(), Some(3), "{differs:?}");
    let text = String::from_utf8(differs.stdout).unwrap();
    assert!(text.contains("  net.core.wmem_max\n    here   7\n    there  8388608\n"), "{text}");
}

#[test]
fn a_file_that_was_edited_or_is_none_is_refused() {
    let tree = two_sockets();
    let root = tree.root().to_str().unwrap();
    let mut object: Value = serde_json::from_slice(&tune(&["--json", "--sysroot", root]).stdout).unwrap();
    object["facts"]["cores.smt"] = "false".into();
    let refused = |name: &str, text: &str| {
        let file = tree.root().join(name);
        fs::write(&file, text).unwrap();
        let output = tune(&["--sysroot", root, "--compare", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("edited", &object.to_string()).contains("the hash is not that of the facts"));
    assert!(refused("text", "no object").contains("no fingerprint"));
    assert_eq!(tune(&["--compare", "/nowhere"]).status.code(), Some(2));
}

#[test]
fn this_machine_has_the_same_fingerprint_twice() {
    let [first, second] = [tune(&["--json"]), tune(&["--json"])].map(|output| {
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    assert_eq!(first, second);
    assert_eq!(first["hash"].as_str().unwrap().len(), 32);
    assert_ne!(first["facts"]["kernel.release"], "not exposed");
}
