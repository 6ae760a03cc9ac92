//! The tuner against a real kernel, in a network namespace of its own with a pair of virtual interfaces.
//!
//! It takes root and `ip` (iproute2); where either is missing the tests say so and pass. Nothing outside the namespace
//! is touched. What looks at `/sys` runs in a process within it: sysfs shows the interfaces of the namespace in which it
//! was mounted, and `ip netns exec` mounts one for its child.
#![forbid(unsafe_code)]

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

/// Runs a test of `inside.rs` in a new namespace.
fn run_inside(test: &str) {
    let namespace = match Namespace::with_veth() {
        Ok(namespace) => namespace,
        Err(reason) => {
            eprintln!("SKIPPED: {reason}");
            return;
        }
    };
    let itself = env::current_exe().expect("a test knows its program");
    let mut child = Command::new("ip");
    child.args(["netns", "exec", namespace.name()]).arg(itself);
    child.args(["--ignored", "--exact", "--nocapture", test]).env(INSIDE, namespace.name());
    let output = ran_within(child, INSIDE_WAIT_MAX);
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
