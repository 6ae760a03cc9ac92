//! The command on a real interface: checked, applied, checked again, undone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use crate::veth::{NIC, Namespace, ran_within};
use crate::{INSIDE_WAIT_MAX, inside_command, namespace_or_skip};

/// The command in the namespace, with a folder for what it changed.
struct Tuner<'n> {
    namespace: &'n Namespace,
    state_folder: &'n Path,
}

impl Tuner<'_> {
    fn run(&self, subcommand: &str, options: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-tune"));
        command.args([subcommand, "--netns", self.namespace.name()]).args(options);
        ran_within(command, INSIDE_WAIT_MAX)
    }

    /// A subcommand that looks at the interface's settings, or changes them.
    fn on_nic(&self, subcommand: &str, options: &[&str]) -> Output {
        let selected = ["--profile", "throughput", "--nic", NIC, "--only", "nic.*"];
        self.run(subcommand, &[&selected, options].concat())
    }

    fn apply(&self) -> Output {
        self.on_nic("apply", &["--yes", "--state-dir", self.folder()])
    }

    fn rollback(&self) -> Output {
        self.run("rollback", &["--state-dir", self.folder()])
    }

    fn history(&self) -> Vec<u8> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-tune"));
        command.args(["history", "--json", "--state-dir", self.folder()]);
        ran_within(command, INSIDE_WAIT_MAX).stdout
    }

    fn folder(&self) -> &str {
        self.state_folder.to_str().expect("a temporary folder's name is UTF-8")
    }
}

/// What the interface is, read by a process within the namespace and not by the command.
fn state(namespace: &Namespace) -> BTreeMap<String, String> {
    let output = ran_within(inside_command(namespace, "inside::print_state"), INSIDE_WAIT_MAX);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("settings are ASCII");
    let lines = text.lines().filter_map(|line| line.strip_prefix("STATE ")?.split_once('='));
    let state: BTreeMap<String, String> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert!(state.len() > 10, "{text}");
    state
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

#[test]
fn the_command_tunes_a_real_interface_and_puts_back_what_was_there() {
    let Some(namespace) = namespace_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let tuner = Tuner { namespace: &namespace, state_folder: folder.path() };
    prepare(&namespace);
    let before = state(&namespace);
    let check = tuner.on_nic("check", &[]);
    assert_eq!(code(&check), 3, "{check:?}");
    assert_eq!(state(&namespace), before, "a check changes nothing");

    let apply = tuner.apply();
    assert_eq!(code(&apply), 0, "{apply:?}");
    let after = state(&namespace);
    let wanted =
        [("napi_defer_hard_irqs", "2"), ("gro_flush_timeout", "20000"), ("tx_queue_len", "10000"), ("rx-gro", "on")];
    for (name, value) in wanted {
        assert_eq!(after[name], value, "{name}");
    }
    for name in ["channels.rx", "channels.tx", "queues/rx-0/rps_cpus", "queues/tx-0/xps_cpus"] {
        assert_ne!(after[name], before[name], "{name}");
    }
    let check = tuner.on_nic("check", &[]);
    assert_eq!(code(&check), 0, "{check:?}");

    let history = tuner.history();
    assert_eq!(code(&tuner.apply()), 0);
    assert_eq!(state(&namespace), after, "a second time changes nothing");
    assert_eq!(tuner.history(), history, "and writes nothing");

    let rollback = tuner.rollback();
    assert_eq!(code(&rollback), 0, "{rollback:?}");
    assert_eq!(state(&namespace), before);
}

#[test]
fn what_others_changed_meanwhile_on_a_real_interface_stays() {
    let Some(namespace) = namespace_or_skip() else { return };
    let folder = tempfile::tempdir().unwrap();
    let tuner = Tuner { namespace: &namespace, state_folder: folder.path() };
    prepare(&namespace);
    let mut expected = state(&namespace);
    assert_eq!(code(&tuner.apply()), 0);
    namespace.ip(&["link", "set", NIC, "txqueuelen", "555"]).expect("the interface is there");
    let rollback = tuner.rollback();
    assert_eq!(code(&rollback), 6, "{rollback:?}");
    expected.insert("tx_queue_len".to_owned(), "555".to_owned());
    assert_eq!(state(&namespace), expected);
}

/// Gives every setting a value that no profile wants.
fn prepare(namespace: &Namespace) {
    let output = ran_within(inside_command(namespace, "inside::prepare"), INSIDE_WAIT_MAX);
    assert!(output.status.success(), "{output:?}");
}
