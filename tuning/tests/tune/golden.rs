//! What is printed for known machines.
//!
//! `QUITTANCE_GOLDEN=write cargo test -p quittance-tuning --test tune golden` writes the files anew; read the difference
//! before you commit it.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::shapes::SHAPES;

fn printed(arguments: &[&str], sysroot: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-tune"));
    let output = command.args(arguments).args(["--sysroot", sysroot]).output().expect("the command can be started");
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    String::from_utf8(output.stdout).expect("reports are UTF-8")
}

fn compare(name: &str, printed: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tune/golden").join(name);
    if env::var("QUITTANCE_GOLDEN").is_ok_and(|word| word == "write") {
        fs::write(&path, printed).expect("the folder is in the source");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == printed, "{} differs; printed:\n{printed}", path.display());
}

#[test]
fn show_plan_and_check_print_what_they_printed() {
    for (name, shape) in SHAPES {
        let tree = shape();
        for command in ["show", "plan", "check"] {
            compare(&format!("{name}.{command}.txt"), &printed(&[command], tree.arg()));
        }
    }
}

#[test]
fn the_json_of_check_and_the_exports_keep_their_shape() {
    let (_, shape) = SHAPES[3];
    let tree = shape();
    compare("small_guest.check.json", &printed(&["check", "--json", "--profile", "latency"], tree.arg()));
    let (_, shape) = SHAPES[0];
    let tree = shape();
    for form in ["script", "systemd", "grub", "kubernetes"] {
        compare(&format!("desktop.export.{form}.txt"), &printed(&["export", form], tree.arg()));
    }
}
