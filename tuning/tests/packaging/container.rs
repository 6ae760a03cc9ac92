//! The seccomp profile and the pod.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::programs::run_options;
use crate::read;

fn profile() -> Value {
    serde_json::from_str(&read("container/seccomp.json")).expect("the profile is JSON")
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// Names of all rules with this action.
fn names<'p>(profile: &'p Value, action: &str) -> Vec<&'p str> {
    let rules = profile["syscalls"].as_array().expect("a list of rules").iter();
    rules.filter(|rule| rule["action"] == action).flat_map(|rule| texts(&rule["names"])).collect()
}

#[test]
fn the_profile_refuses_by_default_and_admits_io_uring() {
    let profile = profile();
    assert_eq!((&profile["defaultAction"], &profile["defaultErrnoRet"]), (&"SCMP_ACT_ERRNO".into(), &1.into()));
    let allowed = names(&profile, "SCMP_ACT_ALLOW");
    for call in ["io_uring_setup", "io_uring_enter", "io_uring_register", "sched_setaffinity", "recvmmsg", "fdatasync"]
    {
        assert!(allowed.contains(&call), "{call}");
    }
    for call in ["mount", "ptrace", "bpf", "unshare", "setns", "init_module", "reboot", "keyctl", "perf_event_open"] {
        assert!(!allowed.contains(&call), "{call}");
    }
}

#[test]
fn the_profile_has_the_shape_that_runtimes_read() {
    let profile = profile();
    let architectures: Vec<&str> =
        profile["archMap"].as_array().unwrap().iter().map(|entry| entry["architecture"].as_str().unwrap()).collect();
    assert_eq!(architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"]);
    for rule in profile["syscalls"].as_array().unwrap() {
        let keys: BTreeSet<&str> = rule.as_object().unwrap().keys().map(String::as_str).collect();
        let known = BTreeSet::from(["comment", "names", "action", "args", "errnoRet"]);
        assert!(keys.is_subset(&known) && !texts(&rule["names"]).is_empty(), "{rule}");
        assert!(rule["comment"].as_str().is_some_and(|comment| !comment.is_empty()), "{rule}");
    }
}

/// `CLONE_NEWTIME` is left out of the mask: its bit is part of the exit signal in `clone`.
#[test]
fn threads_are_admitted_and_new_namespaces_are_not() {
    let profile = profile();
    let rule = |name: &str| {
        let rules = profile["syscalls"].as_array().unwrap().iter();
        let of_name: Vec<&Value> = rules.filter(|rule| texts(&rule["names"]).contains(&name)).collect();
        assert_eq!(of_name.len(), 1, "{name}");
        of_name[0].clone()
    };
    let clone = rule("clone");
    let [condition] = &clone["args"].as_array().unwrap()[..] else { panic!("one condition") };
    let namespaces: u64 = [17, 25, 26, 27, 28, 29, 30].map(|bit| 1_u64 << bit).iter().sum();
    assert_eq!((&condition["index"], &condition["op"]), (&0.into(), &"SCMP_CMP_MASKED_EQ".into()));
    assert_eq!((condition["value"].as_u64(), condition["valueTwo"].as_u64()), (Some(namespaces), Some(0)));
    let clone3 = rule("clone3");
    assert_eq!((&clone3["action"], &clone3["errnoRet"]), (&"SCMP_ACT_ERRNO".into(), &38.into()), "ENOSYS");
}

#[test]
fn every_name_is_there_once_and_is_a_system_call() {
    let profile = profile();
    let all: Vec<&str> = [names(&profile, "SCMP_ACT_ALLOW"), names(&profile, "SCMP_ACT_ERRNO")].concat();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len(), "a name is there twice");
    let Ok(known) = Command::new("systemd-analyze").args(["syscall-filter", "@known"]).output() else {
        eprintln!("SKIPPED: systemd-analyze is not here to say which calls there are");
        return;
    };
    let known = String::from_utf8(known.stdout).unwrap();
    let known: BTreeSet<&str> = known.lines().map(str::trim).collect();
    assert!(known.contains("read") && !known.contains("raed"));
    let strange: Vec<&&str> = distinct.difference(&known).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// The part of the manifest between two of its lines; there is no more of YAML in it than that.
fn manifest_line<'m>(manifest: &'m str, key: &str) -> &'m str {
    let mut lines = manifest.lines().map(str::trim).filter_map(|line| line.strip_prefix(key)).map(str::trim);
    let value = lines.next().unwrap_or_else(|| panic!("{key} is not there"));
    assert_eq!(lines.next(), None, "{key} is there twice");
    value
}

#[test]
fn the_pod_is_guaranteed_whole_cores_and_has_one_replica() {
    let manifest = read("kubernetes/authority.yaml");
    let resources = manifest_line(&manifest, "requests: {cpu");
    assert_eq!(resources, manifest_line(&manifest, "limits: {cpu"));
    let cores = resources.trim_start_matches([':', ' ', '"']).split('"').next().unwrap();
    assert!(cores.parse::<u32>().is_ok_and(|cores| cores > 0), "{cores}: an integer");
    assert_eq!(manifest_line(&manifest, "replicas:"), "1");
    assert_eq!(manifest_line(&manifest, "localhostProfile:"), "quittance.json");
    // A group of the volume's own would open the private file to that group, and the authority would refuse it.
    assert!(!manifest.contains("fsGroup:"), "{manifest}");
}

#[test]
fn the_pods_command_line_is_one_that_the_authority_takes() {
    let manifest = read("kubernetes/authority.yaml");
    let options: Vec<&str> = manifest.lines().filter_map(|line| line.trim().strip_prefix("- --")).collect();
    assert!(options.len() >= 4, "{options:?}");
    for option in options {
        let name = format!("--{}", option.split('=').next().unwrap());
        assert!(run_options().contains(&name), "{name}");
    }
}
