//! What the Debian package is made of.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::folder;

/// Source and destination of each asset, as `[package.metadata.deb]` names them.
fn assets() -> Vec<(String, String)> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest = manifest.expect("the manifest is beside the tests");
    let (_, list) = manifest.split_once("assets = [").expect("assets are listed");
    let rows = list.lines().filter(|line| line.trim_start().starts_with('['));
    let pairs = rows.map(|row| {
        let quoted: Vec<&str> = row.split('"').skip(1).step_by(2).collect();
        (quoted[0].to_owned(), quoted[1].to_owned())
    });
    pairs.collect()
}

#[test]
fn every_asset_is_here_or_is_made_by_the_build() {
    let assets = assets();
    for (source, _) in &assets {
        let is_built = source.starts_with("target/release/quittance-") || source.contains("/debian/generated/");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let is_here = path.is_file() || (source.ends_with("/*.service") && path.parent().unwrap().is_dir());
        assert!(is_built || is_here, "{source}");
    }
    for name in ["authority", "wallet", "bench", "tune"] {
        let program = format!("target/release/quittance-{name}");
        assert!(assets.iter().any(|(source, to)| *source == program && to == "usr/bin/"), "{name}");
    }
}

/// The units name programs where the package puts them, and the package puts units where systemd looks.
#[test]
fn units_programs_and_examples_go_where_they_are_looked_for() {
    let goes = |source: &str| {
        let assets = assets();
        let (_, to) = assets.into_iter().find(|(from, _)| from == source).unwrap_or_else(|| panic!("{source}"));
        to
    };
    assert_eq!(goes("packaging/systemd/*.service"), "usr/lib/systemd/system/");
    assert_eq!(goes("packaging/systemd/quittance.sysusers"), "usr/lib/sysusers.d/quittance.conf");
    assert_eq!(goes("packaging/debian/generated/man/*.1"), "usr/share/man/man1/");
    assert_eq!(goes("packaging/debian/etc-README"), "etc/quittance/README");
}

#[test]
fn the_scripts_are_ones_that_a_shell_can_read() {
    for script in ["postinst", "prerm", "postrm", "build.sh"] {
        let path = folder().join("debian").join(script);
        let output = Command::new("sh").arg("-n").arg(&path).output().expect("there is a shell");
        assert!(output.status.success(), "{script}: {output:?}");
    }
}

/// An authority that forgets its votes can be made to sign a second one.
#[test]
fn no_script_removes_a_journal_or_a_key() {
    for script in ["postinst", "prerm", "postrm"] {
        let text = fs::read_to_string(folder().join("debian").join(script)).unwrap();
        let commands = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        for line in commands {
            assert!(!["rm ", "rmdir", "shred", "find "].iter().any(|word| line.contains(word)), "{script}: {line}");
        }
    }
}
