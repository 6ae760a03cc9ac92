//! Authorities that are silent or empty, and two wallets with one key.

use crate::harness::{Committee, Said, Storage, Wallet};

fn scene(count: u64) -> (Wallet, Vec<String>, Committee) {
    let (mut wallet, accounts, genesis) = Wallet::with_accounts(count, 1_000);
    let committee = Committee::start(&genesis, Storage::Volatile);
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
    let (wallet, accounts, _committee) = scene(7);
    let twin = wallet.twin();
    let (payee, payers) = accounts.split_last().unwrap();
    let (mut settled, mut told) = (0, 0);
    for payer in payers {
        let pay = |wallet: &Wallet, amount: &str| {
            wallet.spawn(&["pay", amount, "--from", payer, "--to", payee, "--no-check", "--timeout", "5s"])
        };
        let both = [pay(&wallet, "10"), pay(&twin, "20")];
        let said = both.map(|child| Said::of(child.wait_with_output().unwrap()));
        let winners = said.iter().filter(|said| said.code == Some(0)).count();
        assert!(winners <= 1, "{said:?}");
        for said in said.iter().filter(|said| said.code != Some(0)) {
            assert_eq!(said.code, Some(1), "{said:?}");
            assert!(said.err.contains("overtaken: ") || said.err.contains("conflict: "), "{said:?}");
            assert!(said.err.contains("Someone else pays with the same key"), "{said:?}");
            told += 1;
        }
        settled += winners;
        let agreed: Vec<_> = wallet.answers(payer).into_iter().map(Option::unwrap).collect();
        let next = u64::try_from(winners).unwrap();
        assert!(agreed.iter().all(|(_, next_sequence)| *next_sequence == next), "{agreed:?}");
    }
    assert!(settled > 0 && told >= payers.len(), "{settled} settled, {told} told");
}

#[test]
fn who_is_overtaken_gets_the_others_payments_and_goes_on() {
    let (wallet, accounts, _committee) = scene(2);
    let twin = wallet.twin();
    wallet.pay(10, &accounts[0], &accounts[1], &[]);
    let error = twin.run(&["pay", "20", "--from", &accounts[0], "--to", &accounts[1]]).fails(1);
    assert!(error.contains("recover") && error.contains("No order was signed"), "{error}");
    let error = twin.run(&["pay", "20", "--from", &accounts[0], "--to", &accounts[1], "--no-check"]).fails(1);
    assert!(error.contains("recover"), "{error}");
    wallet.await_answers(&accounts[0], 990, 1);
}

#[test]
fn an_interrupted_payment_is_kept_and_says_how_to_go_on() {
    let (wallet, accounts, committee) = scene(2);
    committee.silence(1);
    committee.silence(3);
    let child =
        wallet.spawn(&["pay", "10", "--from", &accounts[0], "--to", &accounts[1], "--no-check", "--timeout", "20s"]);
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while wallet.json(&["status"]).1["accounts"].as_array().unwrap().iter().all(|one| one["pending_sequence"].is_null())
    {
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
