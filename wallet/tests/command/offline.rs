//! Keys, passphrases, files and the command line: no authority runs.

use crate::harness::{Said, Wallet, set_mode};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn new_accounts_are_printed_as_lines_of_a_genesis_file_and_kept_for_their_owner_alone() {
    let (wallet, accounts, genesis) = Wallet::with_accounts(3, 250);
    assert!(genesis.starts_with("quittance-genesis 1\nqtn1"), "{genesis}");
    assert!(genesis.lines().skip(1).all(|line| line.ends_with(" 250")), "{genesis}");
    assert_eq!((accounts.len(), wallet.secrets().len()), (3, 3));
    let more = wallet.run(&["create-accounts", "2"]).ok();
    assert!(more.lines().count() == 2 && more.lines().all(|line| line.ends_with(" 0")), "{more}");
    assert_eq!(wallet.secrets().len(), 5);
    assert_eq!(mode(&wallet.path()), 0o700);
    for name in ["keys", "book", "lock"] {
        assert_eq!(mode(&wallet.path().join(name)), 0o600, "{name}");
    }
    let (code, created) = wallet.json(&["create-accounts", "1", "--funding", "1_000"]);
    assert_eq!((code, created["accounts"].as_array().unwrap().len(), created["funding"].as_u64()), (0, 1, Some(1_000)));
}

#[test]
fn many_accounts_are_made_and_read_again() {
    let wallet = Wallet::new();
    let lines = wallet.run(&["create-accounts", "5000"]).ok();
    assert_eq!(lines.lines().count(), 5_000);
    let (_, status) = wallet.json(&["status"]);
    assert_eq!(status["account_count"], 5_000);
}

#[test]
fn wrong_command_lines_end_with_2_and_say_what_is_wrong() {
    let (wallet, accounts, _) = Wallet::with_accounts(1, 10);
    let from = &accounts[0];
    let to = accounts[0].as_str();
    for (arguments, words) in [
        (&["pay", "0", "--from", from, "--to", to][..], "zero"),
        (&["pay", "-5", "--from", from, "--to", to], "sign"),
        (&["pay", "1.5", "--from", from, "--to", to], "decimal point"),
        (&["pay", "9223372036854775808", "--from", from, "--to", to], "more than"),
        (&["pay", "5", "--from", from, "--to", "qtn1qqqq"], "--to"),
        (&["pay", "5", "--from", from, "--to", "primary:00"], "64 hexadecimal"),
        (&["pay", "5", "--from", from, "--to", to, "--memo", &"x".repeat(33)], "33 bytes"),
        (&["pay", "5", "--from", from, "--to", to, "--expires-in", "5"], "a number and a unit"),
        (&["pay", "5", "--from", from, "--to", to], "--committee"),
        (&["pay", "5", "--from", "qtn1aaaa", "--to", to], "no account of this wallet"),
        (&["balance", &from[..7]], "first 8 characters"),
        (&["balance", from, "--quorum"], "--committee"),
        (&["export-certificate", from, "0"], "recover"),
        (&["create-accounts", "0"], "0"),
        (&["create-accounts", "2", "--funding", "9223372036854775807"], "lower --funding"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let error = wallet.run(arguments).fails(2);
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    let nowhere = Wallet::new();
    assert!(nowhere.run(&["recover"]).fails(2).contains("create-accounts"));
    let (code, failure) = wallet.json(&["pay", "0", "--from", from, "--to", to]);
    assert_eq!((code, failure["error"].as_str()), (2, Some("usage")), "{failure}");
    let (code, failure) = wallet.json(&["balance", from, "--quorum"]);
    assert_eq!((code, failure["error"].as_str(), failure["exit_code"].as_u64()), (2, Some("usage"), Some(2)));
}

#[test]
fn a_beginning_of_an_address_stands_for_an_own_account() {
    let (wallet, accounts, _) = Wallet::with_accounts(2, 10);
    let (code, balance) = wallet.json(&["balance", &accounts[1][..12]]);
    assert_eq!((code, balance["account"].as_str()), (0, Some(accounts[1].as_str())));
    let upper = accounts[0][..16].to_ascii_uppercase();
    assert_eq!(wallet.json(&["history", &upper]).1["account"].as_str(), Some(accounts[0].as_str()));
}

#[test]
fn files_that_others_can_read_are_refused_with_the_remedy() {
    let (wallet, ..) = Wallet::with_accounts(1, 10);
    for (path, mode, words) in [
        (wallet.path().join("keys"), 0o640, "chmod 600"),
        (wallet.path().join("book"), 0o604, "chmod 600"),
        (wallet.path(), 0o711, "chmod 700"),
    ] {
        let good = std::fs::metadata(&path).unwrap().mode() & 0o777;
        set_mode(&path, mode);
        let error = wallet.run(&["create-accounts", "1"]).fails(3);
        assert!(error.contains(words), "{error}");
        set_mode(&path, good);
    }
    wallet.run(&["create-accounts", "1"]).ok();
}

#[test]
fn a_passphrase_is_set_changed_and_removed_and_a_wrong_one_is_no_damage() {
    let (wallet, accounts, _) = Wallet::with_accounts(2, 10);
    let (one, two) = (wallet.write_beside("one", "correct horse\n"), wallet.write_beside("two", "battery staple\n"));
    let plain = wallet.secrets();
    assert!(wallet.run(&["passphrase", "remove"]).fails(2).contains("no passphrase"));
    wallet.run(&["passphrase", "set", "--new-passphrase-file", &one]).ok();
    let keys = std::fs::read(wallet.path().join("keys")).unwrap();
    let contains = |part: &str| keys.windows(part.len()).any(|window| window == part.as_bytes());
    assert!(!plain.iter().chain(&accounts).any(|text| contains(text)), "the file shows what it should hide");

    assert!(wallet.run(&["create-accounts", "1"]).fails(5).contains("--passphrase-file"));
    assert!(wallet.run(&["create-accounts", "1", "--passphrase-file", &two]).fails(5).contains("passphrase is wrong"));
    wallet.run(&["create-accounts", "1", "--passphrase-file", &one]).ok();
    assert!(wallet.run(&["passphrase", "set", "--passphrase-file", &one]).fails(2).contains("passphrase change"));
    wallet.run(&["passphrase", "change", "--passphrase-file", &one, "--new-passphrase-file", &two]).ok();
    wallet.run(&["passphrase", "remove", "--passphrase-file", &one]).fails(5);
    wallet.run(&["passphrase", "remove", "--passphrase-file", &two]).ok();
    assert_eq!(wallet.secrets()[..2], plain);

    wallet.run(&["passphrase", "set", "--new-passphrase-file", &one]).ok();
    let mut damaged = std::fs::read(wallet.path().join("keys")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(wallet.path().join("keys"), damaged).unwrap();
    assert!(wallet.run(&["create-accounts", "1", "--passphrase-file", &one]).fails(5).contains("damaged"));
}

#[test]
fn an_exported_key_is_imported_by_another_wallet() {
    let (one, accounts, _) = Wallet::with_accounts(2, 10);
    let (other, passphrase) = (Wallet::new(), one.write_beside("passphrase", "correct horse"));
    let file = one.beside("key");
    let file = file.to_str().unwrap();
    one.run(&["export-key", &accounts[1][..10], "--out", file]).ok();
    assert_eq!(mode(Path::new(file)), 0o600);
    assert!(one.run(&["export-key", &accounts[0], "--out", file]).fails(3).contains("never overwritten"));
    let said = other.run(&["import-key", file]).ok();
    assert!(said.contains(&accounts[1]) && said.contains("recover --rebuild"), "{said}");
    assert!(other.run(&["import-key", file]).ok().contains("already"));
    assert_eq!(other.secrets(), one.secrets()[1..]);
    // An account whose payments are not known pays nothing: it could sign a second order of one number.
    let error = other.run(&["pay", "1", "--from", &accounts[1], "--to", &accounts[0]]).fails(2);
    assert!(error.contains("recover --rebuild"), "{error}");

    one.run(&["passphrase", "set", "--new-passphrase-file", &passphrase]).ok();
    let sealed = one.beside("sealed");
    let sealed = sealed.to_str().unwrap();
    one.run(&["export-key", &accounts[0], "--out", sealed, "--passphrase-file", &passphrase]).ok();
    assert!(other.run(&["import-key", sealed]).fails(5).contains("passphrase"));
    other.run(&["import-key", sealed, "--from-passphrase-file", &passphrase]).ok();
    assert_eq!(other.secrets().len(), 2);
}

#[test]
fn a_damaged_book_is_refused_with_the_remedy_and_a_torn_end_is_not() {
    let (wallet, ..) = Wallet::with_accounts(1, 10);
    wallet.run(&["create-accounts", "1"]).ok();
    let path = wallet.path().join("book");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 3]).unwrap();
    let said = wallet.run(&["create-accounts", "1"]);
    assert!(said.code == Some(0) && said.err.contains("removed"), "{said:?}");
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[20] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    for arguments in [&["create-accounts", "1"][..], &["status"]] {
        assert!(wallet.run(arguments).fails(5).contains("recover --rebuild"));
    }
    assert_eq!(std::fs::read(&path).unwrap(), damaged, "it was left as it is");
}

#[test]
fn a_wallet_in_use_is_waited_for_and_then_refused() {
    let (wallet, ..) = Wallet::with_accounts(1, 10);
    let lock = std::fs::File::open(wallet.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = wallet.run(&["create-accounts", "1", "--timeout", "100ms"]).fails(5);
    assert!(error.contains("in use") && error.contains("waiting for"), "{error}");
    wallet.run(&["status"]).ok();
    let waiting = wallet.spawn(&["create-accounts", "1", "--timeout", "30s"]);
    std::thread::sleep(std::time::Duration::from_millis(50));
    drop(lock);
    Said::of(waiting.wait_with_output().unwrap()).ok();
}

#[test]
fn help_completions_and_manual_pages_say_what_exit_codes_mean() {
    let wallet = Wallet::new();
    let help = wallet.run(&["--help"]).ok();
    for words in ["Exit codes:", "create-accounts", "recover --rebuild", "QUITTANCE_WALLET"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = wallet.run(&["completions", shell]).ok();
        assert!(script.contains("export-certificate"), "{shell}");
    }
    let page = wallet.run(&["man"]).ok();
    assert!(page.contains(".TH quittance") && page.contains("Exit codes"), "{page}");
    let folder = wallet.beside("man");
    wallet.run(&["man", "--out", folder.to_str().unwrap()]).ok();
    let pay = std::fs::read_to_string(folder.join("quittance-wallet-pay.1")).unwrap();
    assert!(pay.contains("the account cannot pay any more"), "{pay}");
    assert!(folder.join("quittance-wallet-passphrase-change.1").exists());
}

#[test]
fn the_environment_names_the_wallet_and_the_passphrase_file() {
    let (wallet, accounts, _) = Wallet::with_accounts(1, 10);
    let passphrase = wallet.write_beside("passphrase", "correct horse");
    wallet.run(&["passphrase", "set", "--new-passphrase-file", &passphrase]).ok();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-wallet"));
    command.args(["create-accounts", "1"]).stdin(std::process::Stdio::null());
    command.env("QUITTANCE_WALLET", wallet.path()).env("QUITTANCE_PASSPHRASE_FILE", &passphrase);
    Said::of(command.output().unwrap()).ok();
    let (_, status) = wallet.json(&["status"]);
    assert_eq!(status["account_count"], 2);
    assert!(status.to_string().contains(&accounts[0]), "{status}");
}

/// Everything that a session prints, searched for the secrets.
#[test]
fn no_command_prints_a_secret() {
    let (wallet, accounts, genesis) = Wallet::with_accounts(2, 10);
    let secrets = wallet.secrets();
    let passphrase = wallet.write_beside("passphrase", "correct horse");
    let exported = wallet.beside("exported");
    let mut said = genesis;
    for arguments in [
        &["create-accounts", "1", "--json"][..],
        &["status"],
        &["status", "--json"],
        &["balance", &accounts[0]],
        &["history", &accounts[0], "--json"],
        &["export-key", &accounts[0], "--out", exported.to_str().unwrap()],
        &["export-key", &accounts[0], "--out", exported.to_str().unwrap()],
        &["import-key", exported.to_str().unwrap(), "--json"],
        &["pay", "1", "--from", &accounts[0], "--to", &accounts[1]],
        &["passphrase", "set", "--new-passphrase-file", &passphrase],
        &["passphrase", "remove"],
    ] {
        let Said { out, err, .. } = wallet.run(arguments);
        said += &(out + &err);
    }
    // A file whose secret is another account's, and one that is cut: their messages must not quote it.
    let keys = std::fs::read_to_string(&exported).unwrap();
    for spoiled in [keys.replace(&secrets[0], &secrets[1]), keys[..keys.len() / 2].to_owned()] {
        let file = wallet.write_beside("spoiled", &spoiled);
        let Said { code, out, err } = wallet.run(&["import-key", &file]);
        assert_eq!(code, Some(5), "{err}");
        said += &(out + &err);
    }
    for secret in secrets {
        assert!(!said.to_lowercase().contains(&secret), "{said}");
    }
    assert!(!said.contains("correct horse"), "{said}");
}

/// Output that nobody takes is the machine's fault, and the accounts are there.
#[test]
fn a_full_standard_output_ends_with_3_after_the_accounts_are_kept() {
    let wallet = Wallet::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_quittance-wallet"));
    command.args(["create-accounts", "3", "--wallet"]).arg(wallet.path());
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    assert!(Said::of(command.output().unwrap()).fails(3).contains("standard output"));
    assert_eq!(wallet.secrets().len(), 3);
}
