//! Committees of other sizes and weights than four equals.

use crate::harness::{Committee, Storage, Wallet};

fn scene(weights: &[u64]) -> (Wallet, Vec<String>, Committee) {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(2, 1_000);
    let committee = Committee::with_weights(&genesis, Storage::Volatile, weights);
    wallet.join(&committee);
    (wallet, accounts, committee)
}

#[test]
fn a_committee_of_one_settles_and_is_named_when_it_is_silent() {
    let (wallet, accounts, mut committee) = scene(&[1]);
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    committee.silence(0);
    let pay = ["pay", "10", "--from", &accounts[0], "--to", &accounts[1], "--timeout", "300ms"];
    let error = wallet.run(&pay).fails(4);
    assert!(error.contains("authority 0 (127.0.0.1:") && error.contains("no order was signed"), "{error}");
    committee.wake(0);
    wallet.pay(10, &accounts[1], &accounts[0], &[]);
    wallet.await_answers(&accounts[0], 1_000, 1);
    // The wallet alone knows what there was, and brings it.
    committee.empty(0);
    wallet.pay(1, &accounts[0], &accounts[1], &[]);
    wallet.pay(1, &accounts[1], &accounts[0], &[]);
    wallet.await_answers(&accounts[0], 1_000, 2);
    wallet.await_answers(&accounts[1], 1_000, 2);
}

#[test]
fn a_committee_of_twenty_five_settles_with_eight_silent_and_waits_for_a_ninth() {
    let (wallet, accounts, committee) = scene(&[1; 25]);
    let paid = wallet.pay(10, &accounts[0], &accounts[1], &[]);
    assert!(paid["confirmed_by"].as_array().unwrap().len() >= 17, "{paid}");
    let file = wallet.beside("certificate");
    wallet.run(&["export-certificate", &accounts[0], "0", "--out", file.to_str().unwrap()]).ok();
    wallet.run(&["receive", file.to_str().unwrap()]).ok();
    (0..8).for_each(|number| committee.silence(3 * number));
    let paid = wallet.pay(10, &accounts[1], &accounts[0], &["--with", file.to_str().unwrap()]);
    assert_eq!(paid["confirmed_by"].as_array().unwrap().len(), 17, "{paid}");
    committee.silence(24);
    let pay = ["pay", "5", "--from", &accounts[0], "--to", &accounts[1], "--no-check", "--timeout", "1s"];
    let (code, failure) = wallet.json(&pay);
    assert_eq!(code, 4, "{failure}");
    let standings = failure["details"]["authorities"].as_array().unwrap().iter();
    let silent: Vec<u64> =
        standings.filter(|one| one["standing"] == "silent").map(|one| one["authority"].as_u64().unwrap()).collect();
    assert_eq!(silent, [0, 3, 6, 9, 12, 15, 18, 21, 24], "{failure}");
    [0, 3, 6, 9, 12, 15, 18, 21, 24].into_iter().for_each(|index| committee.wake(index));
    wallet.run(&["recover"]).ok();
    wallet.pay(1, &accounts[1], &accounts[0], &[]);
    wallet.await_answers(&accounts[0], 996, 2);
    wallet.await_answers(&accounts[1], 1_004, 2);
}

#[test]
fn weights_decide_and_not_heads() {
    // A total of 10, a quorum of 7: the first with any two others; never without it.
    let (wallet, accounts, committee) = scene(&[5, 2, 1, 1, 1]);
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    committee.silence(1);
    committee.silence(2);
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    committee.wake(1);
    committee.wake(2);
    committee.silence(0);
    let pay = ["pay", "10", "--from", &accounts[0], "--to", &accounts[1], "--no-check", "--timeout", "500ms"];
    let error = wallet.run(&pay).fails(4);
    assert!(error.contains("authority 0 (127.0.0.1:") && !error.contains("authority 1 ("), "{error}");
    wallet.run(&["balance", &accounts[0], "--quorum", "--timeout", "500ms"]).fails(4);
    committee.wake(0);
    wallet.run(&["recover"]).ok();
    wallet.pay(1, &accounts[1], &accounts[0], &[]);
    wallet.await_answers(&accounts[0], 971, 3);
    wallet.await_answers(&accounts[1], 1_029, 1);
}
