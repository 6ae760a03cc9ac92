//! What is found about the cores that a run was given.

use quittance_tuning::{Finding, Limits, Severity, Topology, findings_for_process, findings_for_run};

use crate::tree::{Tree, bare_container, isolated_and_offline, two_sockets};

fn found(tree: &Tree, cores: &[usize]) -> Vec<Finding> {
    findings_for_run(&Topology::read(tree.root()), cores)
}

fn whats(found: &[Finding], severity: Severity) -> Vec<&str> {
    found.iter().filter(|finding| finding.severity == severity).map(|finding| finding.what.as_str()).collect()
}

#[test]
fn a_core_that_does_not_exist_is_fatal_and_the_remedy_lists_those_that_do() {
    let found = found(&two_sockets(), &[0, 8]);
    assert_eq!(whats(&found, Severity::Fatal), ["core 8 does not exist"]);
    assert_eq!(found[0].remedy, "choose among the cores 0-7");
}

#[test]
fn an_offline_core_and_a_forbidden_core_are_fatal() {
    let found = found(&isolated_and_offline(), &[2, 3, 5]);
    let expected = ["core 3 is not allowed for this process", "core 5 is offline"];
    assert_eq!(whats(&found, Severity::Fatal), expected);
}

#[test]
fn two_threads_on_one_core_are_a_warning() {
    let found = found(&two_sockets(), &[1, 2, 1, 1]);
    assert_eq!(whats(&found, Severity::Fatal), [""; 0]);
    assert_eq!(whats(&found, Severity::Warning)[0], "core 1 is given to 3 threads");
}

#[test]
fn requested_siblings_are_a_warning_said_once() {
    let found = found(&two_sockets(), &[4, 0, 1]);
    let warnings = whats(&found, Severity::Warning);
    assert_eq!(warnings[0], "cores 0,4 are hardware threads of one physical core, and the run uses them all");
    assert_eq!(warnings[1..], ["cores 0-1,4 are run by governor powersave"]);
}

#[test]
fn a_sibling_left_to_other_work_is_a_notice_until_it_is_isolated() {
    let tree = two_sockets();
    let besides = |found: Vec<Finding>| found.iter().any(|finding| finding.what.starts_with("core 5 is beside"));
    assert!(besides(found(&tree, &[1])));
    tree.write("sys/devices/system/cpu/isolated", "1,5");
    assert!(!besides(found(&tree, &[1])));
}

#[test]
fn cores_of_two_memory_nodes_are_a_notice() {
    let spans = |cores: &[usize]| found(&two_sockets(), cores).iter().any(|finding| finding.what.contains("span"));
    assert!(spans(&[1, 2]));
    assert!(!spans(&[2, 3]));
}

#[test]
fn an_isolated_core_of_its_own_has_no_finding() {
    assert_eq!(found(&isolated_and_offline(), &[2]), []);
    assert_eq!(found(&two_sockets(), &[]), []);
}

#[test]
fn a_core_that_is_open_to_the_scheduler_is_a_notice() {
    let found = found(&isolated_and_offline(), &[0, 1, 2]);
    assert_eq!(whats(&found, Severity::Notice), ["cores 0-1 are not isolated"]);
    assert_eq!(found.len(), 1);
}

#[test]
fn where_no_core_is_exposed_none_is_said_to_be_missing() {
    assert_eq!(found(&bare_container(), &[0]), []);
}

#[test]
fn limits_of_the_process_are_found_each_with_its_remedy() {
    let tree = two_sockets();
    let found = || findings_for_process(&Limits::read(tree.root()));
    let remedies: Vec<String> = found().into_iter().map(|finding| finding.remedy).collect();
    assert!(remedies[0].contains("LimitMEMLOCK=infinity") && remedies[1].contains("LimitNOFILE=1024"), "{remedies:?}");
    let enough = "Max open files  1024  1024  files\nMax locked memory  67108864  67108864  bytes";
    tree.write("proc/self/limits", enough);
    assert_eq!(found(), []);
}
