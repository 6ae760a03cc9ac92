//! What keeps an authority from starting: said on standard error, with a remedy, and with the exit code that tells whose
//! fault it is.

use crate::harness::{Ended, FUNDS, Files, Setup, run_to_end};
use std::net::{Ipv4Addr, UdpSocket};

const WRONG: Option<i32> = Some(2);
const MACHINE: Option<i32> = Some(1);

/// Holds if `run` with these files and options ends with this code, and says all of this and nothing else.
#[track_caller]
fn assert_not_started(files: &Files, options: &[&str], code: Option<i32>, words: &[&str]) {
    let ended = run_to_end(files.run_arguments(&[&["--volatile"], options].concat()));
    assert_says(&ended, code, words);
}

#[track_caller]
fn assert_says(ended: &Ended, code: Option<i32>, words: &[&str]) {
    assert_eq!(ended.code, code, "{ended:?}");
    for word in words {
        assert!(ended.errors.contains(word), "{word:?} is missing: {ended:?}");
    }
    assert!(!ended.lines.iter().any(|line| line.contains("ready")), "{ended:?}");
}

fn files() -> Files {
    Files::new(&Setup::default())
}

#[test]
fn without_a_place_for_its_data_it_refuses_and_says_why() {
    let ended = run_to_end(files().run_arguments(&[]));
    assert_says(&ended, WRONG, &["--data", "--volatile", "memory", "second", "never with money"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    for (shards, taken) in [(1, 0), (3, 2)] {
        let files = Files::new(&Setup { shards, ..Setup::default() });
        let port = files.port + taken;
        let _holder = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_not_started(&files, &[], MACHINE, &[&format!("127.0.0.1:{port}"), "in use"]);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for name in ["private.toml", "committee.toml", "genesis"] {
        let files = files();
        std::fs::remove_file(files.path(name)).unwrap();
        assert_not_started(&files, &[], MACHINE, &[files.path(name).to_str().unwrap(), "No such file"]);
    }
}

#[test]
fn a_wrong_committee_file_is_named_with_its_line() {
    let path = |files: &Files| files.path("committee.toml").to_str().unwrap().to_owned();
    for (from, to, words) in [
        ("weight", "wieght", &["line 8", "wieght"][..]),
        ("port = ", "port = x", &["line 6"]),
        ("epoch", "epoch = 7\n[[authority", &["line 2"]),
        ("weight = 1", "weight = 0", &["line 8", "authority 0", "no weight"]),
        ("shards = 1", "shards = 0", &["line 6", "authority 0", "ports"]),
        ("weight = 1", "weight = 9223372036854775807\nhost2 = 1", &["line 9", "host2"]),
    ] {
        let files = files();
        files.edit("committee.toml", from, to);
        let path = path(&files);
        assert_not_started(&files, &[], WRONG, &[words, &[path.as_str()]].concat());
    }
}

#[test]
fn a_committee_that_contradicts_the_private_file_is_refused() {
    let files = files();
    let key = hex::encode(files.network.secrets[0].public_key_bytes());
    let stranger = hex::encode(quittance_verify::SecretKey::from_seed(&[9; 32]).public_key_bytes());
    let path = files.path("committee.toml").to_str().unwrap().to_owned();
    files.edit("committee.toml", "shards = 1", "shards = 2");
    assert_not_started(&files, &[], WRONG, &[&path, "line 3", "authority 0", "make them agree"]);
    files.edit("committee.toml", &key, &stranger);
    assert_not_started(&files, &[], WRONG, &[&path, &key, "generate"]);
    let second = hex::encode(files.network.secrets[1].public_key_bytes());
    files.edit("committee.toml", &stranger, &second);
    assert_not_started(&files, &[], WRONG, &[&path, "line 11", "authorities 0 and 1 have the same key"]);
}

#[test]
fn a_wrong_genesis_file_is_refused_with_its_line() {
    let first_account = files().read("genesis").lines().nth(1).unwrap().to_owned();
    let funds = FUNDS.to_string();
    let swapped: String = first_account[10..30].chars().rev().collect();
    for (from, to, words) in [
        ("quittance-genesis 1", "quittance-genesis 2", &["line 1", "quittance-genesis 1"][..]),
        (&funds, "-1", &["line 2", "in digits alone"]),
        ("\nqtn1", "\nqtn2", &["line 2", "starts with `qtn1`"]),
        (&first_account[10..30], &swapped, &["line 2", "compare it with the original"]),
        (&funds, "9223372036854775808", &["line 2", "more than 9223372036854775807"]),
        ("\n", &format!("\n{first_account}\n"), &["line 3", "account qtn1", "twice"]),
    ] {
        let files = files();
        files.edit("genesis", from, to);
        assert_not_started(&files, &[], WRONG, &[&["genesis"], words].concat());
    }
}

#[test]
fn more_accounts_than_asked_for_are_refused_with_the_option_to_raise() {
    assert_not_started(&files(), &["--accounts-max", "7"], WRONG, &["line 9", "--accounts-max"]);
}

#[test]
fn a_private_file_that_others_may_read_is_refused_with_the_remedy() {
    let files = files();
    let path = files.path("private.toml").to_str().unwrap().to_owned();
    for mode in [0o640, 0o604, 0o660, 0o644] {
        files.set_mode("private.toml", mode);
        assert_not_started(&files, &[], WRONG, &[&format!("{mode:o}"), &format!("chmod 600 {path}")]);
    }
}

#[test]
fn a_wrong_private_file_is_refused_and_its_secret_is_never_shown() {
    let secret = hex::encode(files().network.secrets[0].seed());
    for (from, to) in
        [("secret = \"", "secret = \"f"), ("shards", "shard"), ("key = \"", "key = "), ("host", "  host=\n")]
    {
        let files = files();
        files.edit("private.toml", from, to);
        let ended = run_to_end(files.run_arguments(&["--volatile"]));
        assert_says(&ended, WRONG, &[files.path("private.toml").to_str().unwrap(), "generate"]);
        assert!(!ended.errors.contains(&secret[..16]), "{ended:?}");
    }
}

#[test]
fn a_core_that_is_not_there_is_refused() {
    for (options, core) in
        [(&["--cores", "9999"][..], "9999"), (&["--verifiers", "1", "--verifier-cores", "8888"], "8888")]
    {
        assert_not_started(&files(), options, WRONG, &[core]);
    }
    assert_not_started(&files(), &["--cores", "0,1"], WRONG, &["--cores", "name one core for each"]);
}

#[test]
fn options_out_of_range_and_unknown_ones_are_refused() {
    for (options, word) in [
        (&["--transport", "dpdk"][..], "io_uring or recvmmsg"),
        (&["--receive-buffer-mib", "0"], "--receive-buffer-mib"),
        (&["--verifiers", "257"], "--verifiers"),
        (&["--listen", "localhost"], "--listen"),
        (&["--durable"], "--durable"),
    ] {
        assert_not_started(&files(), options, WRONG, &[word]);
    }
    assert_says(&run_to_end(["run", "--volatile"]), WRONG, &["--authority", "--committee", "--genesis"]);
}

#[test]
fn help_lists_exit_codes_and_signals() {
    let ended = run_to_end(["run", "--help"]);
    let help = ended.lines.join("\n");
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    for word in ["--volatile", "SIGUSR1", "SIGTERM", "Exit codes", "134"] {
        assert!(help.contains(word), "{word:?} is missing: {help}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run_to_end(["completions", shell]);
        let script = ended.lines.join("\n");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            ["verify-journal", "local", "journal-mib"].iter().all(|word| script.contains(word)),
            "{shell}: {script}"
        );
    }
    assert!(run_to_end(["man"]).lines.join("\n").contains("quittance\\-authority"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_to_end(["man", "--out", folder.path().to_str().unwrap()]).code, Some(0));
    for name in ["", "-completions", "-generate", "-local", "-man", "-run", "-verify-journal"] {
        let page = folder.path().join(format!("quittance-authority{name}.1"));
        assert!(std::fs::read_to_string(page).unwrap().contains(".TH"), "{name}");
    }
    let taken = run_to_end(["man", "--out", folder.path().join("quittance-authority.1").to_str().unwrap()]);
    assert_says(&taken, MACHINE, &["quittance-authority.1"]);
}
