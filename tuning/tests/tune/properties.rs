//! What holds whatever the machine and the profile.

use std::fs::File;
use std::process::Command;

use proptest::prelude::*;
use quittance_tuning::rollback::Fate;
use quittance_tuning::{Profile, State};
use rustix::fs::inotify;

use crate::bench::{Fuel, Paper, Seam, applied, machine, rolled_back, survey};
use crate::shapes::{SHAPES, cloud, small_guest};
use crate::tree::{Tree, temporary};

const PROFILES: [Profile; 3] = [Profile::Throughput, Profile::Latency, Profile::Balanced];

#[test]
fn the_second_apply_writes_nothing() {
    for (name, shape) in SHAPES {
        let (tree, fuel, paper) = (shape(), Fuel::default(), Paper::default());
        let machine = machine(&tree);
        for profile in PROFILES {
            let first = Seam::over(&tree, fuel.clone());
            applied(&machine, &first, profile, &paper, &fuel).unwrap();
            let is_first = profile == PROFILES[0];
            assert!(!is_first || !first.written.borrow().is_empty(), "{name} {profile}: nothing was tried");
            let second = Seam::over(&tree, fuel.clone());
            assert_eq!(applied(&machine, &second, profile, &paper, &fuel).unwrap(), [], "{name} {profile}");
            assert_eq!(*second.written.borrow(), [""; 0], "{name} {profile}");
            assert!(survey(&machine, &second, profile).iter().all(|knob| knob.state != State::Drift));
        }
    }
}

#[test]
fn what_is_applied_and_rolled_back_leaves_the_tree_as_it_was() {
    for (name, shape) in SHAPES {
        let (tree, fuel) = (shape(), Fuel::default());
        let (machine, before) = (machine(&tree), tree.content());
        for profile in PROFILES {
            let paper = Paper::default();
            applied(&machine, &Seam::over(&tree, fuel.clone()), profile, &paper, &fuel).unwrap();
            assert!(tree.content() != before, "{name} {profile}: nothing changed");
            let undone = rolled_back(&tree, &paper);
            assert!(undone.iter().all(|undone| undone.fate == Fate::Restored), "{undone:?}");
            assert!(tree.content() == before, "{name} {profile}");
            assert_eq!(rolled_back(&tree, &paper), []);
        }
    }
}

#[test]
fn profiles_applied_one_over_another_roll_back_to_the_first_values() {
    let (tree, fuel, paper) = (cloud(), Fuel::default(), Paper::default());
    let (machine, before) = (machine(&tree), tree.content());
    for profile in PROFILES {
        applied(&machine, &Seam::over(&tree, fuel.clone()), profile, &paper, &fuel).unwrap();
    }
    rolled_back(&tree, &paper);
    assert!(tree.content() == before);
}

#[test]
fn what_another_set_between_two_applies_is_what_comes_back() {
    let (tree, fuel, paper) = (small_guest(), Fuel::default(), Paper::default());
    let (machine, path) = (machine(&tree), "proc/sys/net/core/rmem_max");
    applied(&machine, &Seam::over(&tree, fuel.clone()), Profile::Balanced, &paper, &fuel).unwrap();
    tree.write(path, "5000000");
    applied(&machine, &Seam::over(&tree, fuel.clone()), Profile::Throughput, &paper, &fuel).unwrap();
    rolled_back(&tree, &paper);
    assert_eq!(tree.read(path), "5000000");
}

#[test]
fn changes_of_another_boot_are_not_undone() {
    let (tree, fuel, paper) = (small_guest(), Fuel::default(), Paper::default());
    applied(&machine(&tree), &Seam::over(&tree, fuel.clone()), Profile::Balanced, &paper, &fuel).unwrap();
    let records = paper.journal(&fuel).records().to_vec();
    assert!(!quittance_tuning::changes::outstanding(&records, Some("1e4a-boot"), None, 0).is_empty());
    assert_eq!(quittance_tuning::changes::outstanding(&records, Some("another"), None, 0), []);
    assert_eq!(quittance_tuning::changes::outstanding(&records, Some("1e4a-boot"), Some("blue"), 0), []);
}

/// Numbers in procfs that `apply` changes on the small guest, and that anybody may change after it.
fn changed_numbers(tree: &Tree, paper: &Paper, fuel: &Fuel) -> Vec<String> {
    let seam = Seam::over(tree, fuel.clone());
    applied(&machine(tree), &seam, Profile::Latency, paper, fuel).expect("nothing stops it");
    let written = seam.written.borrow().clone();
    written.into_iter().filter(|path| path.starts_with("proc/sys/") && tree.read(path).parse::<u64>().is_ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_outside_change_is_never_overwritten(choice in any::<u32>(), value in 1_000_000_000..2_000_000_000_u64) {
        let (tree, fuel, paper) = (small_guest(), Fuel::default(), Paper::default());
        let before = tree.content();
        let paths = changed_numbers(&tree, &paper, &fuel);
        prop_assert!(paths.len() >= 5);
        let chosen: Vec<&String> =
            paths.iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1).map(|(_, path)| path).collect();
        chosen.iter().for_each(|path| { tree.write(path, &value.to_string()); });
        let undone = rolled_back(&tree, &paper);
        let told = undone.iter().filter(|undone| matches!(undone.fate, Fate::ChangedByOthers(_))).count();
        prop_assert_eq!(told, chosen.len());
        let mut expected = before;
        for path in chosen {
            expected.insert(path.clone(), format!("{value}\n").into_bytes());
        }
        prop_assert!(tree.content() == expected);
    }
}

/// The kernel itself tells who opened a file for writing, whether or not he wrote.
#[test]
fn check_and_plan_open_nothing_for_writing() {
    let tree = cloud();
    for (command, opens) in
        [(&["check"][..], false), (&["plan"], false), (&["show"], false), (&["apply", "--yes"], true)]
    {
        let watch = watch(&tree);
        let state = temporary();
        let mut tune = Command::new(env!("CARGO_BIN_EXE_quittance-tune"));
        tune.args(command).args(["--sysroot", tree.arg()]);
        if opens {
            tune.arg("--state-dir").arg(state.path());
        }
        tune.output().unwrap();
        assert_eq!(writers(&watch) > 0, opens, "{command:?}");
    }
}

fn watch(tree: &Tree) -> File {
    let watch =
        inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).expect("a kernel with inotify");
    for folder in tree.folders() {
        let events = inotify::WatchFlags::CLOSE_WRITE | inotify::WatchFlags::CREATE | inotify::WatchFlags::MODIFY;
        inotify::add_watch(&watch, &folder, events).expect("room for a few hundred watches");
    }
    File::from(watch)
}

/// Octets of events that came.
fn writers(mut watch: &File) -> usize {
    let mut events = [0; 4096];
    std::io::Read::read(&mut watch, &mut events).unwrap_or(0)
}
