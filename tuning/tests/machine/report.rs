//! Both reports of known trees.

use quittance_tuning::{Machine, findings, report};
use serde_json::Value;

use crate::tree::{Tree, bare_container, two_sockets};

/// The report of [`two_sockets`]. A change here is a change for every program that reads the object: raise
/// `FORMAT_VERSION` when a field goes or changes its meaning.
const GOLDEN: &str = include_str!("two_sockets.json");

fn json(tree: &Tree) -> String {
    let machine = Machine::read(tree.root()).expect("the tree is a machine's");
    report::json(&machine, &findings(&machine))
}

fn text(tree: &Tree) -> String {
    let machine = Machine::read(tree.root()).expect("the tree is a machine's");
    report::text(&machine, &findings(&machine))
}

#[test]
fn the_json_report_keeps_its_shape() {
    let written = json(&two_sockets());
    let [actual, golden]: [Value; 2] = [&written, GOLDEN].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(actual, golden, "written:\n{written}");
}

#[test]
fn the_json_report_has_every_field_where_nothing_is_exposed() {
    let [bare, full]: [Value; 2] =
        [bare_container(), two_sockets()].map(|tree| serde_json::from_str(&json(&tree)).unwrap());
    for section in ["platform", "topology", "memory", "limits", "io_uring"] {
        let keys = |report: &Value| report[section].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&bare), keys(&full), "{section}");
    }
    assert!(bare["nics"].is_null() && bare["limits"]["net_core_rmem_max_bytes"].is_null());
}

#[test]
fn the_text_report_shows_values_with_units() {
    let text = text(&two_sockets());
    let row = |words: &str| text.lines().any(|line| line.split_whitespace().eq(words.split_whitespace()));
    assert!(row("CORES 8 present, 8 online, 8 allowed here, SMT on"), "{text}");
    assert!(row("core online allowed package core id SMT siblings node isolated nohz_full governor max MHz"), "{text}");
    assert!(row("5 yes yes 0 1 1 0 no no powersave 3800"), "{text}");
    assert!(row("L3 32 MiB 64 B 0-1,4-5 | 2-3,6-7"), "{text}");
    assert!(row("1 2-3,6-7 62.5 GiB 57.2 GiB 21 10"), "{text}");
    assert!(row("memlock 8 MiB soft, unlimited hard"), "{text}");
    assert!(row("kernel.io_uring_disabled 2 (open to nobody)"), "{text}");
    assert!(row("lo unknown - 1 1 65536 - -"), "{text}");
    assert!(row("huge pages 512 reserved of 2 MiB (500 free), 0 reserved of 1 GiB (0 free)"), "{text}");
}

#[test]
fn each_finding_of_the_text_report_is_one_line_with_its_remedy() {
    let text = text(&two_sockets());
    let (_, findings) = text.split_once("FINDINGS  5 warnings, 5 notices\n").expect("the title counts them");
    assert_eq!(findings.lines().count(), 10);
    assert!(findings.lines().all(|line| line.contains(". Do: ")), "{findings}");
    assert!(
        findings
            .contains("Do: quittance-tune apply --only net.core.rmem_max, or sysctl -w net.core.rmem_max=8388608\n"),
        "{findings}"
    );
}

#[test]
fn the_text_report_says_not_exposed_where_nothing_is() {
    let text = text(&bare_container());
    let below = |title: &str| text.split_once(title).map(|(_, rest)| rest.lines().nth(1).unwrap().trim().to_owned());
    for title in ["CORES", "CACHES", "MEMORY NODES", "NETWORK"] {
        assert!(below(title).is_some_and(|line| line.starts_with("not exposed")), "{title}:\n{text}");
    }
    assert!(below("IO_URING").is_some_and(|line| line.ends_with("not exposed")), "{text}");
}

#[test]
fn a_column_that_no_core_fills_is_named_instead_of_shown() {
    let tree = two_sockets();
    for core_index in 0..8 {
        tree.remove(&format!("sys/devices/system/cpu/cpu{core_index}/cpufreq"));
    }
    let text = text(&tree);
    assert!(text.contains("  not exposed: governor, max MHz\n"), "{text}");
    assert!(!text.contains("nohz_full  governor"), "{text}");
}
