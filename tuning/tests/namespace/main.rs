//! The tuner against a real kernel, in a network namespace of its own with a pair of virtual interfaces.
//!
//! It takes root and `ip` (iproute2); where either is missing the tests say so and pass. Nothing outside the namespace
//! is touched. What looks at `/sys` runs in a process within it: sysfs shows the interfaces of the namespace in which it
//! was mounted, and `ip netns exec` mounts one for its child.
#![forbid(unsafe_code)]

mod command;
mod inside;
mod veth;

use std::env;
use std::process::Command;
use std::time::Duration;

use veth::{Namespace, ran_within};

/// More than a hundred times what it takes here.
const INSIDE_WAIT_MAX: Duration = Duration::from_secs(30);

/// Tells the tests of `inside.rs` that the interfaces are theirs to change.
pub(crate) const INSIDE: &str = "QUITTANCE_TEST_NAMESPACE";

/// A namespace with a pair of interfaces, or word of why there can be none here.
fn namespace_or_skip() -> Option<Namespace> {
    Namespace::with_veth().map_err(|reason| eprintln!("SKIPPED: {reason}")).ok()
}

/// A test of `inside.rs`, as a command that runs it within the namespace.
fn inside_command(namespace: &Namespace, test: &str) -> Command {
    let itself = env::current_exe().expect("a test knows its program");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace.name()]).arg(itself);
    command.args(["--ignored", "--exact", "--nocapture", test]).env(INSIDE, namespace.name());
    command
}

/// Runs a test of `inside.rs` in a new namespace.
fn run_inside(test: &str) {
    let Some(namespace) = namespace_or_skip() else { return };
    let output = ran_within(inside_command(&namespace, test), INSIDE_WAIT_MAX);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "the test has to be there and to run: {text}");
}

#[test]
fn settings_of_a_real_interface_are_written_read_back_and_undone() {
    run_inside("inside::settings_are_written_read_back_and_undone");
}

#[test]
fn a_real_kernels_refusals_are_told_apart() {
    run_inside("inside::refusals_are_told_apart");
}
