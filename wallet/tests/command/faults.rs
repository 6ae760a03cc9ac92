//! Each authority of four in its turn empty, silent and lying; each two of them silent.

use crate::harness::{Committee, Liar, Storage, Wallet};

/// Two accounts that pay each other, and what they should have.
struct Books {
    wallet: Wallet,
    accounts: Vec<String>,
    committee: Committee,
    balances: [i64; 2],
    next: u64,
}

impl Books {
    fn open(storage: Storage) -> Self {
        let (mut wallet, accounts, genesis) = Wallet::with_accounts(2, 1_000);
        let committee = Committee::start(&genesis, storage);
        wallet.join(&committee);
        Self { wallet, accounts, committee, balances: [1_000; 2], next: 0 }
    }

    /// Each pays the other, and both payments settle.
    fn exchange(&mut self) {
        for (payer, amount) in [(0, 7_u64), (1, 3)] {
            let (from, to) = (&self.accounts[payer], &self.accounts[1 - payer]);
            let paid = self.wallet.pay(amount, from, to, &[]);
            assert!(paid["confirmed_by"].as_array().unwrap().len() >= 3, "{paid}");
            let amount = i64::try_from(amount).unwrap();
            self.balances[payer] -= amount;
            self.balances[1 - payer] += amount;
        }
        self.next += 1;
    }

    /// All authorities but one agree on every balance.
    fn await_honest(&self, without: Option<usize>) {
        for (account, balance) in self.accounts.iter().zip(self.balances) {
            self.wallet.await_honest(account, balance, self.next, without);
        }
    }
}

#[test]
fn with_each_authority_in_its_turn_empty_silent_and_lying_payments_settle_and_the_honest_agree() {
    let mut books = Books::open(Storage::Volatile);
    books.exchange();
    for odd in 0..4 {
        books.committee.empty(odd);
        books.exchange();
        books.await_honest(None);

        books.committee.silence(odd);
        books.exchange();
        books.await_honest(Some(odd));
        books.committee.wake(odd);
        books.exchange();
        books.await_honest(None);

        books.committee.kill(odd);
        let liar = Liar::start(&books.committee, odd);
        books.exchange();
        books.await_honest(Some(odd));
        // It repents, and has forgotten everything.
        drop(liar);
        books.committee.restart(odd);
        books.exchange();
        books.await_honest(None);
    }
}

#[test]
fn an_authority_that_never_voted_and_lost_its_data_is_brought_everything_and_keeps_it() {
    let mut books = Books::open(Storage::Durable);
    books.committee.kill(2);
    books.committee.forget(2);
    (0..5).for_each(|_| books.exchange());
    books.committee.restart(2);
    books.exchange();
    books.await_honest(None);
    books.committee.kill(2);
    books.committee.restart(2);
    books.await_honest(None);
}

#[test]
fn with_any_two_of_four_silent_the_wallet_says_whom_it_waits_for_and_how_to_go_on() {
    let mut books = Books::open(Storage::Volatile);
    for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
        books.committee.silence(one);
        books.committee.silence(other);
        let pay = ["pay", "5", "--from", &books.accounts[0], "--to", &books.accounts[1], "--timeout", "300ms"];
        let error = books.wallet.run(&[&pay[..], &["--no-check"]].concat()).fails(4);
        for index in 0..4 {
            let is_named = error.contains(&format!("authority {index} (127.0.0.1:"));
            assert_eq!(is_named, index == one || index == other, "{error}");
        }
        let remedy = format!("goes on with `recover {}`", books.accounts[0]);
        assert!(error.contains("too few authorities have voted for it") && error.contains(&remedy), "{error}");
        books.committee.wake(one);
        let said = books.wallet.run(&["recover", &books.accounts[0]]).ok();
        assert!(said.contains("final"), "{said}");
        books.committee.wake(other);
        books.balances[0] -= 5;
        books.balances[1] += 5;
        books.next += 1;
        books.wallet.pay(1, &books.accounts[1], &books.accounts[0], &[]);
        books.balances[1] -= 1;
        books.balances[0] += 1;
        books.await_honest(None);
    }
}
