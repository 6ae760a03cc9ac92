//! Chained payments: each is paid from what the one before brought.

use super::links::Links;
use super::{Amounts, Openings, Plan, Turns, small_amount};
use crate::random::{Purpose, generator};

impl Plan {
    /// Accounts in circles of `chain_length`. In each circle the first account has some units at the start and the others nothing;
    /// each pays all of it to the next, and the last one to the first. One chain is once around, and its hops follow each other in
    /// the plan; when every circle had its chain, the first one begins anew with the money that came back.
    ///
    /// Accounts that fill no circle have nothing and take no part. There must be at least one circle of two.
    pub fn chained(run_seed: u64, account_count: u32, payment_count: u32, chain_length: u32) -> Self {
        assert!(chain_length >= 2 && chain_length <= account_count, "the options have bounds");
        let mut draws = generator(run_seed, Purpose::Plan);
        let chain_count = account_count / chain_length;
        let circle_amounts: Vec<u8> = (0..chain_count).map(|_| small_amount(&mut draws)).collect();
        let mut openings = vec![0; account_count as usize];
        for (chain, amount) in (0..).zip(&circle_amounts) {
            openings[(chain * chain_length) as usize] = u64::from(*amount);
        }
        let mut links = Links::new(account_count, account_count, payment_count, true);
        let mut recipients = Vec::with_capacity(payment_count as usize);
        let mut amounts = Vec::with_capacity(payment_count as usize);
        // By circle: the payment that brought the money to where it is.
        let mut last_of_chain: Vec<Option<u32>> = vec![None; chain_count as usize];
        for payment in 0..payment_count {
            let (chain, hop) = (payment / chain_length % chain_count, payment % chain_length);
            let first = chain * chain_length;
            links.add(first + hop, first + hop, last_of_chain[chain as usize].replace(payment));
            recipients.push(first + (hop + 1) % chain_length);
            amounts.push(circle_amounts[chain as usize]);
        }
        let (turns, amounts) = (Turns::Drawn(links), Amounts::Small(amounts));
        Self { turns, recipients, amounts, openings: Openings::Each(openings), bank: None }
    }
}
