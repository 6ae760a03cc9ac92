use super::smallbank::Prospect;
use super::*;
use crate::error::BenchError;
use crate::random::{Purpose, generator};

/// Where an account is, in tests: as good as by chance.
fn shard_of(shard_count: u16) -> impl Fn(u32) -> u16 {
    move |account| u16::try_from(account.wrapping_mul(2_654_435_761) >> 16).unwrap() % shard_count
}

fn bank(seed: u64, accounts: u32, payments: u32, shards: u16, cross_shard_ppm: u32) -> Plan {
    let prospect = Prospect { run_seed: seed, account_count: accounts, payment_count: payments, cross_shard_ppm };
    prospect.complete(shards, shard_of(shards)).unwrap()
}

/// One plan of each kind, of about so many payments.
fn all_kinds(seed: u64, accounts: u32, payments: u32) -> [(&'static str, Plan); 5] {
    [
        ("uniform", Plan::draw(seed, accounts, payments)),
        ("zipf", Plan::hot(seed, accounts, payments, 0.99)),
        ("chained", Plan::chained(seed, accounts, payments, 10)),
        ("smallbank, one shard", bank(seed, accounts, payments, 1, 0)),
        ("smallbank, three shards", bank(seed, accounts, payments, 3, 125_000)),
    ]
}

fn described(plan: &Plan) -> Vec<(u32, u32, u64, u64, Option<u32>)> {
    let of = |payment| {
        let (sender, recipient) = (plan.sender(payment), plan.recipient(payment));
        (sender, recipient, plan.amount(payment), plan.sequence(payment), plan.funder(payment))
    };
    (0..plan.payment_count()).map(of).collect()
}

#[test]
fn the_seed_fixes_a_plan_and_another_seed_gives_another() {
    for (index, (name, plan)) in all_kinds(1, 300, 900).iter().enumerate() {
        assert_eq!(described(plan), described(&all_kinds(1, 300, 900)[index].1), "{name}");
        assert_ne!(described(plan), described(&all_kinds(2, 300, 900)[index].1), "{name}");
    }
}

#[test]
fn nobody_pays_himself_or_nothing_and_all_accounts_are_there() {
    for (name, plan) in all_kinds(5, 200, 2_000) {
        assert_eq!((plan.payment_count(), plan.account_count()), (2_000, 200), "{name}");
        for payment in 0..2_000 {
            assert_ne!(plan.sender(payment), plan.recipient(payment), "{name}");
            assert!(plan.sender(payment) < 200 && plan.recipient(payment) < 200 && plan.amount(payment) > 0, "{name}");
        }
    }
}

#[test]
fn links_agree_both_ways_and_with_sequence_numbers() {
    for (name, plan) in all_kinds(5, 200, 2_000) {
        let mut next_sequences = vec![0; 200];
        for payment in 0..2_000 {
            let next = &mut next_sequences[plan.sender(payment) as usize];
            assert_eq!(plan.sequence(payment), *next, "{name}");
            *next += 1;
            for (before, after) in [
                (plan.predecessor(payment), Plan::successor as fn(&Plan, u32) -> Option<u32>),
                (plan.funder(payment), Plan::funded),
            ] {
                assert!(
                    before.is_none_or(|before| before < payment && after(&plan, before) == Some(payment)),
                    "{name}"
                );
            }
            for (after, before) in [
                (plan.successor(payment), Plan::predecessor as fn(&Plan, u32) -> Option<u32>),
                (plan.funded(payment), Plan::funder),
            ] {
                assert!(after.is_none_or(|after| after > payment && before(&plan, after) == Some(payment)), "{name}");
            }
            assert!(plan.funder(payment).is_none_or(|funder| plan.recipient(funder) == plan.sender(payment)), "{name}");
        }
    }
}

/// An account's payments settle in the order of their sequence numbers, whatever else happens: each waits, over links of the
/// payer, for the one before.
#[test]
fn a_payment_waits_for_the_one_before_of_the_same_account() {
    for (name, plan) in all_kinds(7, 60, 1_000) {
        let mut last_of_account = [None; 60];
        for payment in 0..1_000 {
            let last = last_of_account[plan.sender(payment) as usize].replace(payment);
            let mut before = plan.predecessor(payment);
            while before > last {
                before = plan.predecessor(before.unwrap());
            }
            assert_eq!(before, last, "{name}");
        }
    }
}

/// Settles the payments in an order of chance, one at a time, each as soon as what it waits for has settled. At that moment the
/// account must have the money, though any other payment to it may still be under way.
fn covers(plan: &Plan, seed: u64) -> Result<(), String> {
    let mut draws = generator(seed, Purpose::Kill);
    let opening = |account| i128::from(plan.opening(account));
    let mut balances: Vec<i128> = (0..plan.account_count()).map(opening).collect();
    let supply: i128 = balances.iter().sum();
    let mut is_settled = vec![false; plan.payment_count() as usize];
    let is_free = |payment: u32, is_settled: &[bool]| {
        [plan.predecessor(payment), plan.funder(payment)].iter().flatten().all(|before| is_settled[*before as usize])
    };
    let mut free: Vec<u32> = (0..plan.payment_count()).filter(|payment| is_free(*payment, &is_settled)).collect();
    let mut settled_count = 0;
    while !free.is_empty() {
        let place = draws.below(u32::try_from(free.len()).unwrap()) as usize;
        let payment = free.swap_remove(place);
        let amount = i128::from(plan.amount(payment));
        let balance = &mut balances[plan.sender(payment) as usize];
        if *balance < amount {
            return Err(format!("payment {payment} moves {amount} and there is {balance}"));
        }
        *balance -= amount;
        balances[plan.recipient(payment) as usize] += amount;
        is_settled[payment as usize] = true;
        settled_count += 1;
        let waiting = [plan.successor(payment), plan.funded(payment)].into_iter().flatten();
        free.extend(waiting.filter(|next| is_free(*next, &is_settled)));
    }
    assert_eq!(settled_count, plan.payment_count(), "nothing waits for ever");
    assert_eq!(balances.iter().sum::<i128>(), supply, "payments move money and make none");
    Ok(())
}

#[test]
fn in_any_order_every_payment_has_its_money() {
    for seed in 0..8 {
        for (name, plan) in all_kinds(seed, 120, 3_000) {
            assert_eq!(covers(&plan, seed), Ok(()), "{name}, seed {seed}");
        }
        // So little money that nearly everybody counts on others.
        assert_eq!(covers(&bank(seed, 7, 400, 1, 0), seed), Ok(()), "seed {seed}");
    }
}

/// The test above can fail: without the links to what brings the money, some payment comes too early.
#[test]
fn a_plan_that_forgets_who_funds_a_payment_is_not_covered() {
    let is_covered = |mut plan: Plan| {
        let Turns::Drawn(links) = &mut plan.turns else { panic!("drawn") };
        links.forget_funders();
        (0..20).all(|seed| covers(&plan, seed).is_ok())
    };
    assert!(!is_covered(Plan::chained(1, 120, 3_000, 10)));
    assert!(!is_covered(bank(1, 120, 3_000, 1, 0)));
}

#[test]
fn uniform_every_account_pays_once_a_round() {
    let plan = Plan::draw(5, 100, 250);
    for round in 0..2 {
        let mut senders: Vec<u32> = (0..100).map(|place| plan.sender(round * 100 + place)).collect();
        senders.sort_unstable();
        assert_eq!(senders, (0..100).collect::<Vec<_>>());
    }
    assert_eq!((plan.predecessor(99), plan.predecessor(100)), (None, Some(0)));
    assert_eq!((plan.successor(149), plan.successor(150)), (Some(249), None));
    assert_eq!(plan.opening(7), 3 * AMOUNT_MAX);
    assert!(!plan.has_funders());
}

#[test]
fn in_a_ring_each_pays_the_next_and_sequences_go_on_from_where_they_were() {
    let beginnings = (0..5).map(|account| Beginning { balance: 100, next_sequence: 10 * account }).collect();
    let plan = Plan::ring(beginnings, 10);
    for payment in 0..10 {
        let (sender, round) = (payment % 5, u64::from(payment / 5));
        assert_eq!((plan.sender(payment), plan.recipient(payment)), (sender, (sender + 1) % 5));
        assert_eq!((plan.amount(payment), plan.sequence(payment)), (1, 10 * u64::from(sender) + round));
    }
    assert_eq!(plan.beginning(2), Beginning { balance: 100, next_sequence: 20 });
}

/// The hottest account's share of payments, sent and received, against the law's: within five standard deviations.
#[test]
fn zipf_the_hottest_account_pays_and_is_paid_as_often_as_the_law_says() {
    for exponent in [0.0_f64, 0.5, 0.99, 1.5] {
        let (accounts, payments) = (1_000_u32, 20_000_u32);
        let plan = Plan::hot(3, accounts, payments, exponent);
        let count = |of: fn(&Plan, u32) -> u32| {
            let mut counts = vec![0_u32; accounts as usize];
            (0..payments).for_each(|payment| counts[of(&plan, payment) as usize] += 1);
            (0..accounts)
                .max_by_key(|account| counts[*account as usize])
                .map(|hot| (hot, f64::from(counts[hot as usize])))
        };
        let ((sender, sent), (recipient, received)) = (count(Plan::sender).unwrap(), count(Plan::recipient).unwrap());
        if exponent == 0.0 {
            // All alike: 20 each, and the most of a thousand such is hardly more than twice that.
            assert!(sent < 50.0 && received < 50.0, "{sent} {received}");
            continue;
        }
        let weights = (1..=accounts).map(|rank| f64::from(rank).powf(-exponent));
        let share = 1.0 / weights.sum::<f64>();
        let expected = share * f64::from(payments);
        let spread = (expected * (1.0 - share)).sqrt();
        assert!((sent - expected).abs() < 5.0 * spread, "{exponent}: {sent} of {expected}");
        // Who is the sender is not the recipient: that takes some from the hottest, and never more than his share.
        assert!(received < expected + 5.0 * spread && received > expected * (1.0 - share) - 5.0 * spread, "{received}");
        assert_eq!(sender, recipient, "who is paid most also pays most");
    }
}

#[test]
fn zipf_two_accounts_pay_each_other_at_any_exponent() {
    let plan = Plan::hot(1, 2, 500, 5.0);
    assert!((0..500).all(|payment| plan.sender(payment) + plan.recipient(payment) == 1));
}

#[test]
fn chained_only_the_first_of_a_chain_has_money_and_all_of_it_goes_round() {
    let plan = Plan::chained(1, 27, 100, 5);
    for account in 0..27 {
        let is_first = account % 5 == 0 && account < 25;
        assert_eq!(plan.opening(account) > 0, is_first, "{account}");
    }
    for payment in 0..100 {
        let (chain, hop) = (payment / 5 % 5, payment % 5);
        assert_eq!((plan.sender(payment), plan.recipient(payment)), (5 * chain + hop, 5 * chain + (hop + 1) % 5));
        assert_eq!(plan.amount(payment), plan.opening(5 * chain));
        let funder = if hop > 0 { Some(payment - 1) } else { payment.checked_sub(21) };
        assert_eq!(plan.funder(payment), funder, "{payment}");
    }
}

#[test]
fn smallbank_operations_come_as_often_as_they_should() {
    let plan = bank(3, 4_000, 40_000, 4, 125_000);
    let bank = plan.bank().unwrap();
    let counts = bank.counts();
    let total: u64 = counts.iter().sum();
    let near = |count: u64, share: f64| {
        let expected = share * f64::from(u32::try_from(total).unwrap());
        let spread = (expected * (1.0 - share)).sqrt();
        (f64::from(u32::try_from(count).unwrap()) - expected).abs() < 5.0 * spread
    };
    for (operation, count) in Operation::ALL.into_iter().zip(counts) {
        assert!(near(count, f64::from(operation.percent()) / 100.0), "{operation:?}: {count} of {total}");
    }
    assert!(near(bank.crossing_count(), 0.125), "{} of {total}", bank.crossing_count());
    assert_eq!(bank.questions().count() as u64, counts[Operation::Balance as usize]);
    assert!(bank.questions().is_sorted_by_key(|(payment, _)| payment));
}

#[test]
fn smallbank_money_moves_as_each_operation_says() {
    let shard_count = 3;
    let shard = shard_of(shard_count);
    let plan = bank(3, 600, 5_000, shard_count, 125_000);
    let bank = plan.bank().unwrap();
    // What an account is: checking (0) or savings (1) of which customer; the bank's own are neither.
    let mut roles = vec![None; 600];
    for (customer, accounts) in bank.customers().iter().enumerate() {
        assert_eq!(shard(accounts[0]), shard(accounts[1]), "both accounts of a customer are in one shard");
        (0..2).for_each(|role| roles[accounts[role] as usize] = Some((customer, role)));
    }
    let mut crossings = 0;
    for payment in 0..5_000 {
        let (sender, recipient) = (plan.sender(payment), plan.recipient(payment));
        let ((payer, from), payee) = (roles[sender as usize].expect("a customer pays"), roles[recipient as usize]);
        let crosses = shard(sender) != shard(recipient);
        match bank.operation(payment) {
            Operation::Balance => panic!("a question is no payment"),
            Operation::DepositChecking => assert!(from == 1 && payee == Some((payer, 0))),
            Operation::TransactSavings => assert_eq!(payee, Some((payer, 1 - from))),
            Operation::WriteCheck => assert!(from == 0 && payee.is_none() && !crosses),
            Operation::SendPayment => {
                assert!(from == 0 && payee.is_some_and(|(payee, to)| payee != payer && to == 0));
                crossings += u64::from(crosses);
            }
            Operation::Amalgamate => {
                assert!(payee.is_some_and(|(payee, to)| payee != payer && to == 0));
                // One operation may be two payments: the second comes right behind.
                let is_second = from == 0
                    && payment > 0
                    && bank.operation(payment - 1) == Operation::Amalgamate
                    && roles[plan.sender(payment - 1) as usize] == Some((payer, 1));
                crossings += u64::from(crosses && !is_second);
            }
        }
    }
    assert_eq!(crossings, bank.crossing_count());
}

#[test]
fn smallbank_without_crossings_stays_within_shards_and_with_the_most_crosses_whenever_it_can() {
    let share = |ppm| {
        let plan = bank(3, 600, 5_000, 3, ppm);
        let bank = plan.bank().unwrap();
        let of_two = bank.counts()[Operation::SendPayment as usize] + bank.counts()[Operation::Amalgamate as usize];
        (bank.crossing_count(), of_two)
    };
    assert_eq!(share(0).0, 0);
    let (crossing, of_two) = share(Operation::percent_of_two() * 10_000);
    assert_eq!(crossing, of_two);
}

#[test]
fn smallbank_needs_two_customers_in_each_shard() {
    let complete = |accounts, shards| {
        let prospect = Prospect { run_seed: 1, account_count: accounts, payment_count: 10, cross_shard_ppm: 0 };
        prospect.complete(shards, move |account| u16::try_from(account % u32::from(shards)).unwrap())
    };
    assert!(complete(5, 1).is_ok() && complete(10, 2).is_ok());
    for (accounts, shards) in [(4, 1), (9, 2)] {
        assert!(matches!(complete(accounts, shards), Err(BenchError::Usage(fault)) if fault.contains("--accounts")));
    }
}

/// Every customer has nothing most of the time; still all payments are found.
#[test]
fn smallbank_goes_on_with_few_customers_and_many_payments() {
    let plan = bank(9, 5, 20_000, 1, 0);
    assert_eq!(plan.payment_count(), 20_000);
    assert_eq!(covers(&plan, 1), Ok(()));
}
