//! Authorities that are silent, empty or lying, and two wallets with one key.

use crate::harness::{Committee, Liar, Said, Storage, Wallet};

fn scene(count: u64) -> (Wallet, Vec<String>, Committee) {
    scene_with(count, Storage::Volatile)
}

fn scene_with(count: u64, storage: Storage) -> (Wallet, Vec<String>, Committee) {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(count, 1_000);
    let committee = Committee::start(&genesis, storage);
    wallet.join(&committee);
    (wallet, accounts, committee)
}

#[test]
fn one_silent_authority_of_four_stops_nobody_and_is_named() {
    let (wallet, accounts, committee) = scene(2);
    committee.silence(2);
    let said = wallet.run(&["pay", "10", "--from", &accounts[0], "--to", &accounts[1]]).ok();
    assert!(said.contains("confirmed by 3 of 4") && said.contains("authority 2 (127.0.0.1:"), "{said}");
    let (_, status) = wallet.json(&["status"]);
    let answers: Vec<bool> =
        status["authorities"].as_array().unwrap().iter().map(|one| one["answers"].as_bool().unwrap()).collect();
    assert_eq!(answers, [true, true, false, true]);
    committee.wake(2);
    wallet.pay(1, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[1], 1_011, 0);
}

#[test]
fn with_two_silent_authorities_of_four_the_order_is_kept_and_recovered() {
    let (wallet, accounts, committee) = scene(2);
    let pay = ["pay", "10", "--from", &accounts[0], "--to", &accounts[1], "--timeout", "500ms"];
    committee.silence(1);
    committee.silence(3);
    let error = wallet.run(&pay).fails(4);
    for words in ["authority 1 (127.0.0.1:", "authority 3 (127.0.0.1:", "silent", "no order was signed"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let (code, failure) = wallet.json(&[&pay[..], &["--no-check"]].concat());
    assert_eq!((code, failure["error"].as_str()), (4, Some("pending")));
    assert_eq!(
        (failure["details"]["signed"].as_bool(), failure["details"]["sequence"].as_u64()),
        (Some(true), Some(0))
    );
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains("recover") && message.contains("authority 3 (127.0.0.1:"), "{message}");
    // A pending order is finished, never replaced.
    let error = wallet.run(&[&pay[..], &["--no-check"]].concat()).fails(4);
    assert!(error.contains("an earlier order is pending"), "{error}");
    wallet.run(&["recover", "--timeout", "500ms"]).fails(4);
    wallet.run(&["balance", &accounts[0], "--quorum", "--timeout", "500ms"]).fails(4);
    committee.wake(1);
    let said = wallet.run(&["recover"]).ok();
    assert!(said.contains("payment 0 of 10 units") && said.contains("final"), "{said}");
    committee.wake(3);
    wallet.pay(1, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[0], 989, 2);
    wallet.await_answers(&accounts[1], 1_011, 0);
}

#[test]
fn an_authority_that_comes_back_empty_is_brought_what_it_lacks() {
    let (wallet, accounts, mut committee) = scene(2);
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    committee.kill(3);
    for _ in 0..3 {
        wallet.pay(10, &accounts[0], &accounts[1], &[]);
    }
    committee.restart(3);
    let (_, status) = wallet.json(&["status"]);
    assert_eq!(status["authorities"][3]["behind"].as_u64(), Some(4), "{status}");
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[0], 950, 5);
    wallet.await_answers(&accounts[1], 1_050, 0);
}

#[test]
fn of_two_wallets_with_one_key_at_most_one_settles_a_sequence_number() {
    // The first with histories, by which the other order's certificate is found; the second without.
    for storage in [Storage::Durable, Storage::Volatile] {
        let (wallet, accounts, _committee) = scene_with(5, storage);
        let twin = wallet.twin();
        let (payee, payers) = accounts.split_last().unwrap();
        let winners: usize = payers.iter().map(|payer| race(&wallet, &twin, payer, payee)).sum();
        assert!(winners > 0, "nobody ever wins");
    }
}

/// Both pay from one account at the same time. Returns how many of them settled.
fn race(wallet: &Wallet, twin: &Wallet, payer: &str, payee: &str) -> usize {
    let pay = |wallet: &Wallet, amount: &str| {
        wallet.spawn(&["pay", amount, "--from", payer, "--to", payee, "--no-check", "--timeout", "5s"])
    };
    let both = [pay(wallet, "10"), pay(twin, "20")];
    let said = both.map(|child| Said::of(child.wait_with_output().unwrap()));
    let winners = said.iter().filter(|said| said.code == Some(0)).count();
    assert!(winners <= 1, "{said:?}");
    for said in said.iter().filter(|said| said.code != Some(0)) {
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("overtaken: ") || said.err.contains("conflict: "), "{said:?}");
        assert!(said.err.contains("Someone else pays with the same key"), "{said:?}");
    }
    let answers = wallet.answers(payer);
    let next = u64::try_from(winners).unwrap();
    assert!(answers.iter().all(|answer| answer.is_some_and(|(_, next_sequence)| next_sequence == next)), "{answers:?}");
    winners
}

#[test]
fn who_is_overtaken_gets_the_others_payments_and_goes_on() {
    let (wallet, accounts, _committee) = scene_with(2, Storage::Durable);
    let (careful, twin, third) = (wallet.twin(), wallet.twin(), wallet.twin());
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    wallet.pay(11, &accounts[0], &accounts[1], &[]);
    let error = careful.run(&["pay", "20", "--from", &accounts[0], "--to", &accounts[1]]).fails(1);
    assert!(error.contains("recover") && error.contains("No order was signed"), "{error}");
    let error = twin.run(&["pay", "20", "--from", &accounts[0], "--to", &accounts[1], "--no-check"]).fails(1);
    assert!(error.contains("overtaken") && error.contains("--rebuild"), "{error}");
    // All that the other one paid is in the book.
    let (_, history) = twin.json(&["history", &accounts[0]]);
    let amounts = history["sent"].as_array().unwrap().iter().map(|line| line["amount"].as_u64().unwrap());
    assert_eq!(amounts.collect::<Vec<_>>(), [10, 11], "{history}");
    twin.pay(20, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[0], 959, 3);
    let (code, rebuilt) = third.json(&["recover", &accounts[0], "--rebuild"]);
    assert_eq!((code, rebuilt["rebuilt"][0]["next_sequence"].as_u64()), (0, Some(3)), "{rebuilt}");
    third.pay(30, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[0], 929, 4);
}

#[test]
fn an_order_that_another_wallet_has_pending_stops_a_second_one_before_it_is_signed() {
    let (wallet, accounts, committee) = scene_with(2, Storage::Durable);
    let twin = wallet.twin();
    committee.silence(2);
    committee.silence(3);
    let pay = ["pay", "20", "--from", &accounts[0], "--to", &accounts[1]];
    twin.run(&[&pay[..], &["--no-check", "--timeout", "300ms"]].concat()).fails(4);
    committee.wake(2);
    committee.wake(3);
    let (code, failure) = wallet.json(&pay);
    assert_eq!((code, failure["details"]["why"].as_str()), (1, Some("conflict")), "{failure}");
    twin.run(&["recover"]).ok();
    wallet.run(&["recover", "--rebuild"]).ok();
    wallet.pay(30, &accounts[0], &accounts[1], &[]);
    wallet.await_answers(&accounts[0], 950, 2);
}

#[test]
fn a_lying_authority_is_named_and_changes_nothing() {
    let (wallet, accounts, mut committee) = scene(2);
    committee.kill(1);
    let _liar = Liar::start(&committee, 1);
    let (code, asked) = wallet.json(&["balance", &accounts[0], "--quorum"]);
    assert_eq!(
        (code, asked["balance"].as_i64(), asked["spendable"].as_i64()),
        (0, Some(1_000), Some(1_000)),
        "{asked}"
    );
    assert_eq!(asked["authorities"][1]["balance"].as_str(), Some(i128::MAX.to_string().as_str()), "{asked}");
    wallet.run(&["balance", &accounts[0], "--quorum"]).ok();
    wallet.run(&["pay", "2000", "--from", &accounts[0], "--to", &accounts[1]]).fails(1);
    let said = wallet.run(&["pay", "10", "--from", &accounts[0], "--to", &accounts[1]]);
    assert!(said.code == Some(0) && said.out.contains("confirmed by 3 of 4"), "{said:?}");
    assert!(said.err.contains("authority 1 (127.0.0.1:") && said.err.contains("no honest one does"), "{said:?}");
    wallet.run(&["status"]).ok();
    let honest = |answers: Vec<_>| [answers[0], answers[2], answers[3]];
    assert_eq!(honest(wallet.answers(&accounts[0])), [Some((990, 1)); 3]);
}

#[test]
fn an_interrupted_payment_is_kept_and_says_how_to_go_on() {
    let (wallet, accounts, committee) = scene(2);
    committee.silence(1);
    committee.silence(3);
    let child =
        wallet.spawn(&["pay", "10", "--from", &accounts[0], "--to", &accounts[1], "--no-check", "--timeout", "20s"]);
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        let (code, balance) = wallet.json(&["balance", &accounts[0]]);
        assert_eq!(code, 0, "{balance}");
        if !balance["pending"].is_null() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "no order was signed");
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let error = Said::of(child.wait_with_output().unwrap()).fails(4);
    assert!(error.contains("interrupted: payment 0 of 10 units") && error.contains("recover"), "{error}");
    committee.wake(1);
    committee.wake(3);
    wallet.run(&["recover"]).ok();
    wallet.await_answers(&accounts[0], 990, 1);
}
