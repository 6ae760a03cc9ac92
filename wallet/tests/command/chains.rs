//! Payments that are spent on before any authority was given their certificates, and certificates that prove nothing.

use crate::harness::{Committee, Storage, Wallet};
use serde_json::Value;

/// Wallets of one account each, with what each has at the start, and their committee.
fn scene(funding: &[u64]) -> (Vec<(Wallet, String)>, Committee) {
    let mut genesis = "quittance-genesis 1\n".to_owned();
    let mut make = |funding: &u64| {
        let wallet = Wallet::new();
        let line = wallet.run(&["create-accounts", "1", "--funding", &funding.to_string()]).ok();
        genesis.push_str(&line);
        (wallet, line.split(' ').next().unwrap().to_owned())
    };
    let mut wallets: Vec<(Wallet, String)> = funding.iter().map(&mut make).collect();
    let committee = Committee::start(&genesis, Storage::Volatile);
    wallets.iter_mut().for_each(|(wallet, _)| wallet.join(&committee));
    (wallets, committee)
}

fn path(wallet: &Wallet, name: &str) -> String {
    wallet.beside(name).to_str().unwrap().to_owned()
}

/// Pays and stops at the certificate, in this file. Returns what was said.
#[track_caller]
fn certify((wallet, from): &(Wallet, String), to: &str, amount: u64, out: &str, with: &[&str]) -> Value {
    let amount = amount.to_string();
    let with: Vec<&str> = with.iter().flat_map(|file| ["--with", *file]).collect();
    let pay = ["pay", &amount, "--from", from, "--to", to, "--certify-only", "--out", out];
    let (code, said) = wallet.json(&[&pay[..], &with].concat());
    assert_eq!((code, said["certificate_file"].as_str()), (0, Some(out)), "{said}");
    said
}

#[test]
fn bob_spends_at_once_what_alice_certified_and_nobody_carried() {
    let (wallets, _committee) = scene(&[15, 5, 5]);
    let [(alice_wallet, alice), (bob_wallet, bob), (carol_wallet, carol)] = &wallets[..] else { panic!() };
    let file = path(alice_wallet, "certificate");
    certify(&wallets[0], bob, 10, &file, &[]);
    for (account, balance) in [(alice, 15), (bob, 5), (carol, 5)] {
        carol_wallet.await_answers(account, balance, 0);
    }
    bob_wallet.pay(10, bob, carol, &["--with", &file]);
    for (account, balance, next_sequence) in [(alice, 5, 1), (bob, 5, 1), (carol, 15, 0)] {
        carol_wallet.await_answers(account, balance, next_sequence);
    }
    // Alice's wallet knows of a payment that it has not seen settled; it pays again when it has.
    let error = alice_wallet.run(&["pay", "1", "--from", alice, "--to", bob]).fails(4);
    assert!(error.contains("recover"), "{error}");
    assert!(alice_wallet.run(&["recover"]).ok().contains("final"));
    alice_wallet.pay(1, alice, bob, &[]);
    carol_wallet.await_answers(alice, 4, 2);
    carol_wallet.await_answers(bob, 6, 1);
}

#[test]
fn a_certificate_is_printed_alone_and_can_be_piped_to_whoever_is_paid() {
    let (wallets, _committee) = scene(&[15, 5]);
    let [(alice_wallet, alice), (bob_wallet, bob)] = &wallets[..] else { panic!() };
    let printed = alice_wallet.run(&["pay", "10", "--from", alice, "--to", bob, "--certify-only"]).ok();
    assert_eq!(alice_wallet.run(&["export-certificate", alice, "0"]).ok(), printed);
    let file = bob_wallet.write_beside("certificate", &printed);
    bob_wallet.run(&["receive", &file]).ok();
    bob_wallet.await_answers(alice, 5, 1);
    bob_wallet.await_answers(bob, 15, 0);
    let error = alice_wallet.run(&["pay", "6", "--from", alice, "--to", bob, "--certify-only"]).fails(4);
    assert!(error.contains("an earlier order is pending"), "{error}");
}

#[test]
fn ten_hops_without_a_settled_payment_between_them_end_exact() {
    const HOP_COUNT: u64 = 10;
    let funding: Vec<u64> = (0..=HOP_COUNT).map(|number| if number == 0 { 100 } else { 0 }).collect();
    let (wallets, _committee) = scene(&funding);
    let mut received: Option<String> = None;
    for (hop, pair) in (0..).zip(wallets.windows(2)) {
        let out = path(&pair[0].0, "certificate");
        let with: Vec<&str> = received.iter().map(String::as_str).collect();
        certify(&pair[0], &pair[1].1, 99 - hop, &out, &with);
        received = Some(out);
    }
    let (last_wallet, last) = wallets.last().unwrap();
    last_wallet.run(&["receive", &received.unwrap()]).ok();
    for (_, account) in &wallets[..wallets.len() - 1] {
        last_wallet.await_answers(account, 1, 1);
    }
    last_wallet.await_answers(last, 90, 0);
}

/// The text with one hexadecimal digit changed, so far from its end.
fn altered(text: &str, from_end: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let digits: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place].is_ascii_hexdigit()).collect();
    let place = digits[digits.len() - 1 - from_end];
    bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn certificates_that_are_altered_forged_of_another_network_or_someone_elses_are_refused_in_words() {
    let (wallets, committee) = scene(&[15, 5, 5]);
    let [(alice_wallet, _), (bob_wallet, bob), (_, carol)] = &wallets[..] else { panic!() };
    let file = path(alice_wallet, "certificate");
    certify(&wallets[0], bob, 10, &file, &[]);
    let text = std::fs::read_to_string(&file).unwrap();
    let network = text.lines().nth(1).unwrap();
    let foreign = text.replace(network, &format!("network {}", "ab".repeat(32)));
    let shorter = text.lines().count() - 1;
    let cut = text.lines().take(shorter).collect::<Vec<_>>().join("\n");
    // A digit of the last signature (the last 8 bytes are its place); the amount, and so the order itself.
    let amount_digit = 128 + 2 * (16 + 96);
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    let head_digits = digits - text.lines().skip(2).map(str::len).sum::<usize>();
    let frame_digit = |place: usize| digits - 1 - head_digits - (place - 128);
    for (name, content, code, words) in [
        ("signature", altered(&text, 40), 1, "it proves nothing: the vote of authority"),
        ("amount", altered(&text, frame_digit(amount_digit)), 1, "it proves nothing: the vote of authority"),
        ("place", altered(&text, 0), 2, "are no certificate: a line may be missing or changed"),
        ("cut", cut, 2, "are no certificate: a line may be missing or changed"),
        ("foreign", foreign, 2, "the certificate is of network abab"),
        ("words", "I owe you 10".to_owned(), 2, "a certificate starts with"),
        ("empty", String::new(), 2, "a certificate starts with"),
    ] {
        let file = bob_wallet.write_beside(name, &content);
        let error = bob_wallet.run(&["receive", &file]).fails(code);
        assert!(error.contains(words), "{name}: {error}");
        let error = bob_wallet.run(&["pay", "10", "--from", bob, "--to", carol, "--with", &file]).fails(code);
        assert!(error.contains(words), "{name}: {error}");
    }
    let error = alice_wallet.run(&["receive", &file]).fails(2);
    assert!(error.contains(bob.as_str()) && error.contains("not in this wallet"), "{error}");
    let (carol_wallet, _) = &wallets[2];
    let error = carol_wallet.run(&["pay", "1", "--from", carol, "--to", bob, "--with", &file]).fails(2);
    assert!(error.contains("it pays another account") && error.contains("nothing was signed"), "{error}");
    // Made by a committee of the forger's own, which has the same network.
    let genesis = std::fs::read_to_string(committee.path("genesis.txt")).unwrap();
    let forgers = Committee::start(&genesis, Storage::Durable);
    let mut forger = alice_wallet.twin();
    std::fs::remove_file(forger.path().join("book")).unwrap();
    forger.join(&forgers);
    forger.run(&["recover", "--rebuild"]).ok();
    let forged = path(&forger, "forged");
    let forger = (forger, wallets[0].1.clone());
    certify(&forger, bob, 11, &forged, &[]);
    let error = bob_wallet.run(&["receive", &forged]).fails(1);
    assert!(error.contains("it proves nothing: the vote of authority"), "{error}");
    // Nothing of all that was kept or signed.
    let (_, history) = bob_wallet.json(&["history", bob]);
    assert_eq!((history["sent"].as_array().unwrap().len(), history["received"].as_array().unwrap().len()), (0, 0));
    bob_wallet.await_answers(bob, 5, 0);
}
