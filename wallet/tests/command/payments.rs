//! Paying, receiving, redeeming, histories, a book got back.

use crate::harness::{Committee, Storage, Wallet};
use serde_json::Value;

/// A wallet with so many accounts of 1,000 units, and the committee that it belongs to.
fn scene(count: u64, storage: Storage) -> (Wallet, Vec<String>, Committee) {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(count, 1_000);
    let committee = Committee::start(&genesis, storage);
    wallet.join(&committee);
    (wallet, accounts, committee)
}

fn numbers(lines: &Value, name: &str) -> Vec<u64> {
    lines.as_array().unwrap().iter().map(|line| line[name].as_u64().unwrap()).collect()
}

#[test]
fn payments_settle_and_every_authority_has_the_same_balances() {
    let (mut wallet, accounts, _committee) = scene(3, Storage::Volatile);
    let [alice, bob, carol] = &accounts[..] else { panic!() };
    wallet.await_answers(alice, 1_000, 0);
    let paid = wallet.pay(250, &alice[..10], bob, &["--memo", "rent, March"]);
    assert_eq!((paid["sequence"].as_u64(), paid["from"].as_str()), (Some(0), Some(alice.as_str())));
    wallet.forget_genesis();
    wallet.pay(1_250, bob, carol, &[]);
    wallet.pay(1, alice, carol, &["--expires-in", "1h"]);
    for (account, balance, next_sequence) in [(alice, 749, 2), (bob, 0, 1), (carol, 2_251, 0)] {
        wallet.await_answers(account, balance, next_sequence);
    }
    let (_, balance) = wallet.json(&["balance", alice]);
    assert_eq!((balance["balance"].as_i64(), balance["next_sequence"].as_u64()), (Some(749), Some(2)), "{balance}");
    assert_eq!(wallet.run(&["balance", bob, "--quorum"]).ok(), "0\n");

    let (_, history) = wallet.json(&["history", alice]);
    assert_eq!(numbers(&history["sent"], "amount"), [250, 1]);
    assert_eq!(history["sent"][0]["memo"].as_str(), Some("rent, March"));
    assert!(history["sent"].as_array().unwrap().iter().all(|line| line["state"] == "settled"), "{history}");
    let (_, status) = wallet.json(&["status"]);
    let authorities = status["authorities"].as_array().unwrap();
    assert!(
        authorities.len() == 4 && authorities.iter().all(|one| one["answers"] == true && one["behind"] == 0),
        "{status}"
    );
    assert!(authorities.iter().all(|one| one["round_trip_ms"].as_f64().is_some_and(|ms| ms > 0.0)), "{status}");
}

#[test]
fn more_than_there_is_is_refused_before_anything_is_signed() {
    let (wallet, accounts, _committee) = scene(2, Storage::Volatile);
    let error = wallet.run(&["pay", "1_001", "--from", &accounts[0], "--to", &accounts[1]]).fails(1);
    assert!(error.contains("at most 1000 units") && error.contains("no order was signed"), "{error}");
    wallet.pay(1_000, &accounts[0], &accounts[1], &[]);
    // Signed without asking, it stays pending until the money is there.
    let error = wallet.run(&["pay", "7", "--from", &accounts[0], "--to", &accounts[1], "--no-check"]).fails(1);
    assert!(error.contains("balance is too small") && error.contains("recover"), "{error}");
    let error = wallet.run(&["pay", "1", "--from", &accounts[0], "--to", &accounts[1]]).fails(4);
    assert!(error.contains("payment 1 of 7 units"), "{error}");
    wallet.run(&["recover", &accounts[0]]).fails(1);
    wallet.pay(500, &accounts[1], &accounts[0], &[]);
    wallet.await_answers(&accounts[0], 500, 1);
    assert!(wallet.run(&["recover"]).ok().contains("final"));
    wallet.await_answers(&accounts[0], 493, 2);
}

#[test]
fn a_certificate_is_given_received_and_spent_in_one_go() {
    let (alice_wallet, alices, genesis) = Wallet::with_accounts(1, 15);
    let mut wallets = [alice_wallet, Wallet::new()];
    let lines = wallets[1].run(&["create-accounts", "2", "--funding", "5"]).ok();
    let others: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let (alice, bob, carol) = (alices[0].as_str(), others[0], others[1]);
    let committee = Committee::start(&(genesis + &lines), Storage::Volatile);
    wallets.iter_mut().for_each(|wallet| wallet.join(&committee));
    let file = wallets[0].beside("certificate");
    let file = file.to_str().unwrap();
    wallets[0].pay(10, alice, bob, &["--out", file]);
    assert_eq!(wallets[0].run(&["export-certificate", alice, "0"]).ok(), std::fs::read_to_string(file).unwrap());

    wallets[1].pay(10, bob, carol, &["--with", file]);
    for (account, balance, next_sequence) in [(alice, 5, 1), (bob, 5, 1), (carol, 15, 0)] {
        wallets[1].await_answers(account, balance, next_sequence);
    }
    let (code, received) = wallets[1].json(&["receive", file]);
    assert_eq!(
        (code, received["amount"].as_u64(), received["from"].as_str()),
        (0, Some(10), Some(alice)),
        "{received}"
    );
    let (_, history) = wallets[1].json(&["history", bob]);
    assert_eq!((numbers(&history["received"], "amount"), numbers(&history["sent"], "amount")), (vec![10], vec![10]));
    // It pays nobody of Alice's wallet; an altered one pays nobody at all; and what is no certificate is named with its line.
    assert!(wallets[0].run(&["receive", file]).fails(2).contains(bob));
    let text = std::fs::read_to_string(file).unwrap();
    let last = text.trim_end().len() - 1;
    let altered = format!("{}{}\n", &text[..last], if text.as_bytes()[last] == b'0' { "1" } else { "0" });
    let altered = wallets[1].write_beside("altered", &altered);
    let said = wallets[1].run(&["receive", &altered]);
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    let cut = wallets[1].write_beside("cut", &text[..text.len() / 2]);
    assert!(wallets[1].run(&["receive", &cut]).fails(2).contains("line"));
    wallets[1].await_answers(bob, 5, 1);
}

#[test]
fn a_redemption_gives_its_certificate_as_the_claim() {
    let (wallet, accounts, _committee) = scene(1, Storage::Volatile);
    let primary = format!("primary:{}", "ab".repeat(32));
    let paid = wallet.pay(400, &accounts[0], &primary, &[]);
    assert_eq!(paid["to"].as_str(), Some(primary.as_str()));
    let claim = paid["certificate"].as_str().unwrap().to_owned();
    assert_eq!(wallet.run(&["export-certificate", &accounts[0], "0"]).ok(), claim);
    let out = wallet.beside("claim");
    let paid = wallet.pay(1, &accounts[0], &primary, &["--out", out.to_str().unwrap()]);
    assert!(
        paid["certificate"].is_null() && std::fs::read_to_string(&out).unwrap().starts_with("quittance-certificate 1")
    );
    assert!(wallet.run(&["receive", out.to_str().unwrap()]).fails(2).contains("primary ledger"));
    wallet.await_answers(&accounts[0], 599, 2);
}

#[test]
fn another_networks_files_are_refused() {
    let (mut wallet, accounts, _committee) = scene(1, Storage::Volatile);
    wallet.pay(1, &accounts[0], &accounts[0], &[]);
    let file = wallet.beside("certificate");
    wallet.run(&["export-certificate", &accounts[0], "0", "--out", file.to_str().unwrap()]).ok();
    let other = wallet.write_beside("genesis", &format!("quittance-genesis 1\n{} 7\n", accounts[0]));
    let error = wallet.run(&["balance", &accounts[0], "--quorum"]).ok();
    assert!(error.contains("1000"));
    wallet.forget_genesis();
    let error = wallet.run(&["pay", "1", "--from", &accounts[0], "--to", &accounts[0], "--genesis", &other]).fails(2);
    assert!(error.contains("belongs to network"), "{error}");
    let stranger = Wallet::new();
    stranger.run(&["create-accounts", "1"]).ok();
    let committee = _committee.path("committee.toml");
    let error = stranger
        .run(&["receive", file.to_str().unwrap(), "--genesis", &other, "--committee", committee.to_str().unwrap()])
        .fails(2);
    assert!(error.contains("the certificate is of network"), "{error}");
}

#[test]
fn a_lost_book_comes_back_from_the_authorities_with_the_keys_alone() {
    let (wallet, accounts, _committee) = scene(2, Storage::Durable);
    for amount in 1..=5 {
        wallet.pay(amount, &accounts[0], &accounts[1], &[]);
    }
    wallet.pay(100, &accounts[1], &accounts[0], &[]);
    wallet.await_answers(&accounts[0], 1_085, 5);
    let histories = |wallet: &Wallet| -> Vec<Value> {
        accounts.iter().map(|account| wallet.json(&["history", account]).1["sent"].clone()).collect()
    };
    let before = histories(&wallet);
    std::fs::remove_file(wallet.path().join("book")).unwrap();
    assert!(
        wallet.run(&["pay", "1", "--from", &accounts[0], "--to", &accounts[1]]).fails(2).contains("recover --rebuild")
    );
    let (code, rebuilt) = wallet.json(&["recover", "--rebuild"]);
    assert_eq!(code, 0, "{rebuilt}");
    let counts: u64 = numbers(&rebuilt["rebuilt"], "sent_count").iter().sum();
    assert_eq!(counts, 6, "{rebuilt}");
    let digests = |sent: &[Value]| -> Vec<Vec<String>> {
        let digest = |line: &Value| line["digest"].as_str().unwrap().to_owned();
        sent.iter().map(|lines| lines.as_array().unwrap().iter().map(digest).collect()).collect()
    };
    assert_eq!(digests(&histories(&wallet)), digests(&before));
    let (_, history) = wallet.json(&["history", &accounts[0]]);
    assert_eq!(numbers(&history["received"], "amount"), [100]);
    wallet.pay(6, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[0], 1_079, 6);

    let (code, told) = wallet.json(&["history", &accounts[1], "--remote"]);
    assert_eq!((code, numbers(&told["sent"], "amount")), (0, vec![100]), "{told}");
    assert_eq!(numbers(&told["received"], "amount").iter().sum::<u64>(), 21, "{told}");
    assert!(told["received"].as_array().unwrap().iter().all(|item| item["believed"] == true), "{told}");
}
