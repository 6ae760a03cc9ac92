//! Knobs of machines that are folders.

use super::*;
use crate::compare::under;
use quittance_tuning::changes::{StateDirectory, outstanding, read_lines};
use quittance_tuning::stage;
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

const BUSY_READ: &str = "proc/sys/net/core/busy_read";
const HUGE_PAGES: &str = "sys/kernel/mm/transparent_hugepage/enabled";
const BOOT: &str = "1e4a-boot";

/// A machine with two cores and few settings.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, text) in [
            ("proc/sys/kernel/random/boot_id", BOOT),
            ("proc/cmdline", "ro quiet"),
            ("proc/sys/net/core/rmem_max", "999999999"),
            (BUSY_READ, "0"),
            (HUGE_PAGES, "[always] madvise never"),
            ("sys/devices/system/cpu/present", "0-1"),
            ("sys/devices/system/cpu/online", "0-1"),
            (&governor(0), "powersave"),
            (&governor(1), "schedutil"),
        ] {
            tree.set(path, text);
        }
        tree
    }

    fn set(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    fn get(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap().trim().to_owned()
    }

    fn content(&self) -> BTreeMap<String, String> {
        let paths = [BUSY_READ, HUGE_PAGES, &governor(0), &governor(1)];
        paths.into_iter().map(|path| (path.to_owned(), self.get(path))).collect()
    }

    fn find(&self, name: &str, profile: Profile) -> Result<Drifting, KnobError> {
        let (_, kind) = stage::kind(name).unwrap();
        Drifting::find(self.0.path(), kind, profile)
    }

    fn rehearsed(&self, name: &str) -> Arc<Rehearsed> {
        Arc::new(self.find(name, Profile::Latency).unwrap().rehearse().unwrap())
    }

    /// The words of the refusal, and the exit code.
    fn refusal(&self, name: &str, profile: Profile) -> (String, u8) {
        let error = self.find(name, profile).unwrap_err();
        (error.to_string(), error.exit_code())
    }
}

fn governor(core: usize) -> String {
    format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor")
}

fn tuned(knob: &Arc<Rehearsed>) -> Tuned {
    Tuned::of(Arc::clone(knob))
}

#[test]
fn a_knob_is_set_while_its_side_runs_and_set_back_behind_it() {
    let cases = [
        ("net.core.busy_read", BUSY_READ.to_owned(), "50"),
        ("mm.transparent_huge_pages", HUGE_PAGES.to_owned(), "always [madvise] never"),
        ("cpu.governor", governor(0), "performance"),
        ("cpu.governor", governor(1), "performance"),
    ];
    for (name, path, expected) in cases {
        let tree = Tree::new();
        let before = tree.content();
        let knob = tree.rehearsed(name);
        assert_eq!(tree.content(), before, "the rehearsal left {name} as it was");
        for _ in 0..2 {
            let seen = under(Some(&tuned(&knob)), || Ok(tree.get(&path)));
            assert_eq!((seen.unwrap().as_str(), tree.content()), (expected, before.clone()), "{name}");
        }
    }
}

#[test]
fn all_targets_are_set_and_told_with_the_old_value_and_the_new() {
    let tree = Tree::new();
    let knob = tree.rehearsed("cpu.governor");
    let both = under(Some(&tuned(&knob)), || Ok([0, 1].map(|core| tree.get(&governor(core))))).unwrap();
    assert_eq!(both, ["performance", "performance"]);
    let changes = serde_json::to_value(&knob.changes).unwrap();
    let told = |index: usize| ["target", "old", "new", "outcome"].map(|key| changes[index][key].as_str().unwrap());
    assert_eq!(told(0), ["core 0", "powersave", "performance", "changed"]);
    assert_eq!(told(1), ["core 1", "schedutil", "performance", "changed"]);
    let expected =
        ["cpu.governor as it is: powersave, schedutil", "cpu.governor as the latency profile wants it: performance"];
    assert_eq!(knob.names(), expected);
}

#[test]
fn a_run_that_fails_or_panics_leaves_the_machine_as_it_was() {
    let tree = Tree::new();
    let before = tree.content();
    let knob = tree.rehearsed("net.core.busy_read");
    let failed = under(Some(&tuned(&knob)), || Err::<(), _>(BenchError::Interrupted));
    assert_eq!((failed.unwrap_err().exit_code(), tree.content()), (130, before.clone()));
    let panics = || -> Result<(), BenchError> { panic!("on purpose") };
    let panics = std::panic::AssertUnwindSafe(|| under(Some(&tuned(&knob)), panics));
    assert!(std::panic::catch_unwind(panics).is_err());
    assert_eq!(tree.content(), before);
}

/// Whoever forgets to set back is found out by whichever side runs next, and the journal still knows the old value.
#[test]
fn a_restore_that_is_forgotten_is_seen_by_the_next_run_and_can_be_rolled_back() {
    let tree = Tree::new();
    let before = tree.content();
    let knob = tree.rehearsed("net.core.busy_read");
    let planted = Tuned { is_forgetful: true, ..tuned(&knob) };
    under(Some(&planted), || Ok(())).unwrap();
    assert_ne!(tree.content(), before, "the planted bug is one");
    let of_a = under(Some(&Untouched(Arc::clone(&knob))), || Ok(())).unwrap_err();
    assert!(of_a.to_string().contains("host was 0 and is 50"), "{of_a}");
    let state = knob.state.path().to_owned();
    drop((planted, knob));
    // As after a kill: all that is left is the folder whose path was printed.
    let records = read_lines(&StateDirectory::new(&state).read().unwrap()).unwrap().0;
    assert_eq!(outstanding(&records, Some(BOOT), None, 0)[0].restore, "0", "the folder outlives the session");
    let mut journal = Journal::open(&StateDirectory::new(&state)).unwrap();
    let host = Host::open(tree.0.path()).unwrap();
    let run = journal.begin(opening(&host, Act::Rollback, None)).unwrap();
    rollback(host.controls(), &mut journal, run, Extent { boot_id: Some(BOOT), netns: None, from: 0 }).unwrap();
    assert_eq!(tree.content(), before);
    fs::remove_dir_all(state).unwrap();
}

#[test]
fn a_session_that_ends_well_leaves_no_folder() {
    let tree = Tree::new();
    let knob = tree.rehearsed("net.core.busy_read");
    let state = knob.state.path().to_owned();
    under(Some(&tuned(&knob)), || Ok(())).unwrap();
    assert!(state.is_dir());
    drop(knob);
    assert!(!state.exists());
}

#[test]
fn what_somebody_else_sets_meanwhile_ends_the_session_and_stays() {
    let tree = Tree::new();
    let knob = tree.rehearsed("net.core.busy_read");
    // Between runs: neither side is what it is called.
    tree.set(BUSY_READ, "7");
    let between = under(Some(&tuned(&knob)), || -> Result<(), BenchError> { panic!("the run must not begin") });
    let between = between.unwrap_err();
    assert!(between.to_string().contains("host: 7 -> 50"), "{between}");
    assert_eq!((between.exit_code(), tree.get(BUSY_READ).as_str()), (3, "7"));
    // During one: theirs stays.
    tree.set(BUSY_READ, "0");
    let meanwhile = under(Some(&tuned(&knob)), || {
        tree.set(BUSY_READ, "9");
        Ok(())
    });
    let meanwhile = meanwhile.unwrap_err().to_string();
    assert!(meanwhile.contains("another has set it to 9") && meanwhile.contains("--state-dir"), "{meanwhile}");
    assert_eq!(tree.get(BUSY_READ), "9");
    // Set back by somebody else: the run did not have it to its end.
    tree.set(BUSY_READ, "0");
    let back = under(Some(&tuned(&knob)), || {
        tree.set(BUSY_READ, "0");
        Ok(())
    });
    assert!(back.unwrap_err().to_string().contains("was back already"));
}

#[test]
fn what_there_is_no_point_in_turning_is_refused_in_its_own_words() {
    let tree = Tree::new();
    for (name, words) in [
        ("net.core.busy_read", "the balanced profile wants nothing else than what is there (0)"),
        ("net.core.rmem_max", "it is as the balanced profile wants it already (999999999)"),
        ("net.core.busy_poll", "does not have it"),
        ("net.core.wmem_max", "does not have it"),
        ("nic.gro", "nothing that it could be set for"),
        ("boot.isolcpus", "it is not set while the machine runs"),
    ] {
        let (refusal, code) = tree.refusal(name, Profile::Balanced);
        let begins = refusal.starts_with(&format!("{name}: "));
        assert!(begins && refusal.contains(words) && code == 2, "{name}: {refusal}");
    }
    tree.set("proc/7/comm", "tuned");
    let (refusal, code) = tree.refusal("cpu.governor", Profile::Balanced);
    assert!(refusal.contains("tuned sets it, and would set it again") && code == 2, "{refusal}");
    let shown = Tree::new();
    let only_shown = std::os::unix::fs::PermissionsExt::from_mode(0o444);
    fs::set_permissions(shown.0.path().join(BUSY_READ), only_shown).unwrap();
    let (refusal, _) = shown.refusal("net.core.busy_read", Profile::Latency);
    assert!(refusal.contains("it cannot be moved: the kernel only shows it"), "{refusal}");
}

#[test]
fn a_missing_right_and_a_value_that_does_not_stick_are_the_machines_refusals() {
    let tree = Tree::new();
    let knob = tree.rehearsed("net.core.busy_read");
    let after = |outcome: Outcome| {
        let change = Applied { outcome, ..knob.changes[0].clone() };
        knob.accepted(vec![knob.changes[0].clone(), change]).map_err(|error| (error.to_string(), error.exit_code()))
    };
    let denied = after(Outcome::NotPermitted("Permission denied; run as root".to_owned())).unwrap_err();
    assert_eq!(denied.1, 3);
    assert!(denied.0.starts_with("not set: net.core.busy_read host: 0 -> 50: NOT PERMITTED"), "{}", denied.0);
    assert!(denied.0.ends_with("run as root"), "{}", denied.0);
    assert!(after(Outcome::DidNotStick("0".to_owned())).unwrap_err().0.contains("kept 0"));
    assert!(after(Outcome::Gone).is_err() && after(Outcome::Failed("Invalid argument".to_owned())).is_err());
    assert_eq!(after(Outcome::Immovable("fixed".to_owned())).unwrap().len(), 2, "the other one was moved");
    let none = Applied { outcome: Outcome::Immovable("fixed".to_owned()), ..knob.changes[0].clone() };
    assert_eq!(knob.accepted(vec![none]).unwrap_err().exit_code(), 2, "nothing was moved");
}

#[test]
fn many_values_are_counted() {
    assert_eq!(values(["a", "b", "a"].into_iter()), "a, b");
    assert_eq!(values(["1", "2", "3", "4", "5", "6"].into_iter()), "1, 2, 3, 4 and 2 more");
}
