//! What the kernel may answer, each told in its own words, while the rest goes on.

use quittance_tuning::apply::{Applied, Outcome};
use quittance_tuning::changes::immovable;
use quittance_tuning::{Profile, State};
use rustix::io::Errno;

use crate::bench::{Fuel, Instead, Paper, Seam, applied, machine, rolled_back, survey};
use crate::shapes::small_guest;

const RMEM: &str = "proc/sys/net/core/rmem_max";

fn with_fault(path: &str, instead: Instead) -> (Vec<Applied>, usize) {
    let (tree, fuel, paper) = (small_guest(), Fuel::default(), Paper::default());
    tree.write("ethtool/eth0/feature.rx-gro", "off");
    let machine = machine(&tree);
    let before = tree.content();
    let seam = Seam::over(&tree, fuel.clone());
    let drifting = survey(&machine, &seam, Profile::Balanced).iter().filter(|knob| knob.state == State::Drift).count();
    let applied =
        applied(&machine, &seam.with(path, instead), Profile::Balanced, &paper, &fuel).expect("nothing stops it");
    let changed = applied.iter().filter(|applied| applied.outcome == Outcome::Changed).count();
    assert_eq!(applied.len(), drifting, "the rest went on");
    rolled_back(&tree, &paper);
    assert!(tree.content() == before, "undone all the same");
    (applied, changed)
}

fn outcome(applied: &[Applied], knob: &str) -> Outcome {
    applied.iter().find(|applied| applied.knob == knob).expect("the knob was tried").outcome.clone()
}

#[test]
fn an_interrupt_that_cannot_move_is_no_failure() {
    let (applied, changed) = with_fault("proc/irq/38/smp_affinity_list", Instead::Refuse(Errno::IO));
    assert_eq!(changed + 1, applied.len());
    let Outcome::Immovable(words) = outcome(&applied, "irq.queue_affinity") else { panic!("{applied:?}") };
    assert!(words.starts_with("the kernel keeps this interrupt where it is"), "{words}");
}

#[test]
fn an_interrupt_that_did_not_move_is_not_tried_again_on_this_boot() {
    let (tree, fuel, paper) = (small_guest(), Fuel::default(), Paper::default());
    let machine = machine(&tree);
    let seam = Seam::over(&tree, fuel.clone()).with("proc/irq/38/smp_affinity_list", Instead::Refuse(Errno::IO));
    assert!(!applied(&machine, &seam, Profile::Balanced, &paper, &fuel).unwrap().is_empty());
    assert_eq!(applied(&machine, &seam, Profile::Balanced, &paper, &fuel).unwrap(), []);
    let records = paper.journal(&fuel).records().to_vec();
    assert_eq!(immovable(&records, Some("1e4a-boot"), None).len(), 1);
    assert!(immovable(&records, Some("another"), None).is_empty());
}

#[test]
fn a_missing_right_is_told_with_its_remedy() {
    for errno in [Errno::PERM, Errno::ACCESS, Errno::ROFS] {
        let (applied, changed) = with_fault(RMEM, Instead::Refuse(errno));
        assert_eq!(changed + 1, applied.len());
        let Outcome::NotPermitted(words) = outcome(&applied, "net.core.rmem_max") else { panic!("{applied:?}") };
        assert!(words.contains("run"), "{words}");
    }
}

#[test]
fn a_value_that_does_not_stick_is_told_with_what_stands() {
    let (applied, changed) = with_fault(RMEM, Instead::Forget);
    assert_eq!(changed + 1, applied.len());
    assert_eq!(outcome(&applied, "net.core.rmem_max"), Outcome::DidNotStick("4194304".to_owned()));
}

#[test]
fn what_went_missing_and_what_failed_are_told_apart() {
    assert_eq!(outcome(&with_fault(RMEM, Instead::Refuse(Errno::NOENT)).0, "net.core.rmem_max"), Outcome::Gone);
    for (errno, words) in
        [(Errno::IO, "Input/output error"), (Errno::BUSY, "something is using it"), (Errno::INVAL, "does not take")]
    {
        let Outcome::Failed(told) = outcome(&with_fault(RMEM, Instead::Refuse(errno)).0, "net.core.rmem_max") else {
            panic!("{errno:?}")
        };
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_driver_that_refuses_a_setting_does_not_stop_the_next() {
    let (applied, changed) = with_fault("eth0 feature.rx-gro", Instead::Refuse(Errno::INVAL));
    assert_eq!(changed + 1, applied.len());
    assert!(matches!(outcome(&applied, "nic.gro"), Outcome::Failed(_)));
}

#[test]
fn what_cannot_be_read_is_a_state_of_its_own() {
    let tree = small_guest();
    let path = tree.root().join(RMEM);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let knobs = survey(&machine(&tree), &Seam::over(&tree, Fuel::default()), Profile::Balanced);
    let knob = knobs.iter().find(|knob| knob.kind.name == "net.core.rmem_max").unwrap();
    assert!(matches!(&knob.state, State::Unreadable(words) if words.contains("Is a directory")), "{:?}", knob.state);
}

#[test]
fn a_file_that_nobody_may_write_is_not_tried() {
    let tree = small_guest();
    let only_shown = std::os::unix::fs::PermissionsExt::from_mode(0o444);
    std::fs::set_permissions(tree.root().join(RMEM), only_shown).unwrap();
    let knobs = survey(&machine(&tree), &Seam::over(&tree, Fuel::default()), Profile::Balanced);
    let knob = knobs.iter().find(|knob| knob.kind.name == "net.core.rmem_max").unwrap();
    assert!(matches!(&knob.state, State::Immovable(words) if words.contains("only shows it")), "{:?}", knob.state);
}
