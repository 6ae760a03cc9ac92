//! `generate`: from nothing to a committee that runs.

use crate::harness::{Ended, Files, Process, Setup, run_to_end};
use quittance_engine::committee::CommitteeFile;
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn generate(out: &Path, port: u16, others: &[&str]) -> Ended {
    let port = port.to_string();
    let fixed = ["generate", "--host", "127.0.0.1", "--port", &port, "--out", out.to_str().unwrap()];
    run_to_end(fixed.iter().chain(others))
}

/// The table on standard output.
#[track_caller]
fn table(ended: &Ended) -> String {
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    ended.lines.join("\n") + "\n"
}

#[test]
fn a_new_authority_has_a_file_for_itself_alone_and_a_table_for_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("private.toml");
    let table = table(&generate(&out, 9_100, &["--shards", "4"]));
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let file = CommitteeFile::parse(&table).unwrap();
    let [member] = file.members.as_slice() else { panic!("one member: {table}") };
    assert_eq!(
        (member.host.to_string().as_str(), member.port, member.shards, member.weight),
        ("127.0.0.1", 9_100, 4, 1)
    );
    file.committee().unwrap();
    // What is printed holds no secret.
    let private: toml::Table = std::fs::read_to_string(&out).unwrap().parse().unwrap();
    let [secret, key] = ["secret", "key"].map(|name| private[name].as_str().unwrap());
    assert!(table.contains(key) && !table.contains(secret));
    assert_eq!((secret.len(), key.len()), (64, 64));
}

#[test]
fn no_two_authorities_get_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let tables = ["one", "two"].map(|name| table(&generate(&folder.path().join(name), 9_100, &[])));
    assert_ne!(tables[0], tables[1]);
}

#[test]
fn an_existing_private_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("private.toml");
    table(&generate(&out, 9_100, &[]));
    let before = std::fs::read_to_string(&out).unwrap();
    let ended = generate(&out, 9_200, &[]);
    assert_eq!((ended.code, ended.lines.len()), (Some(2), 0), "{ended:?}");
    assert!(ended.errors.contains(out.to_str().unwrap()) && ended.errors.contains("never overwritten"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), before);
}

#[test]
fn ports_beyond_the_range_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (port, shards) in [(65_535, "2"), (9_100, "0"), (9_100, "257"), (0, "1")] {
        let out = folder.path().join("private.toml");
        let ended = generate(&out, port, &["--shards", shards]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.errors.contains("port") || ended.errors.contains("--shards"), "{ended:?}");
        assert!(!out.exists());
    }
}

/// Appended by hand for one pair, by `--committee` for the other.
#[test]
fn four_new_authorities_make_a_committee_that_each_of_them_runs_with() {
    // For a genesis file and free ports.
    let files = Files::new(&Setup { shards: 4, ..Setup::default() });
    std::fs::remove_file(files.path("committee.toml")).unwrap();
    std::fs::remove_file(files.path("private.toml")).unwrap();
    let committee = files.path("committee.toml");
    let names = ["0.toml", "1.toml", "2.toml", "3.toml"];
    for (port, name) in (files.port..).zip(names) {
        if port % 2 == 0 {
            let table = table(&generate(&files.path(name), port, &[]));
            let before = std::fs::read_to_string(&committee).unwrap_or_default();
            std::fs::write(&committee, before + &table).unwrap();
        } else {
            table(&generate(&files.path(name), port, &["--committee", committee.to_str().unwrap()]));
        }
    }
    for (index, name) in names.into_iter().enumerate() {
        std::fs::rename(files.path(name), files.path("private.toml")).unwrap();
        let process = Process::start(files.run_arguments(&["--volatile", "--json"]));
        let lines = process.lines_to(|line| line.contains(r#""event":"ready""#));
        let ready: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        assert_eq!((&ready["authority"], &ready["committee"], &ready["quorum"]), (&index.into(), &4.into(), &3.into()));
        assert_eq!(ready["shards"][0]["port"], usize::from(files.port) + index);
        process.signal(Signal::TERM);
        assert_eq!(process.end().code, Some(0));
    }
}
