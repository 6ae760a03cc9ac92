//! Hot accounts: few that pay and are paid most of the time.

use super::links::Links;
use super::zipf::Zipf;
use super::{Amounts, Openings, Plan, Turns, shuffled, small_amount};
use crate::random::{Purpose, generator};

/// How often a recipient is drawn who is not the sender himself. Under a steep law nearly all draws are the first account; then
/// the second one is paid in the end.
const DRAW_COUNT_MAX: u32 = 64;

impl Plan {
    /// Draws both ends of every payment by Zipf's law, nobody paying himself. The ranks are dealt to the accounts by chance, the
    /// same for senders and recipients: who is paid most also pays most.
    ///
    /// An account pays one payment at a time, so a hot one's payments stand in a row behind each other. Each account has at the
    /// start exactly what its payments take.
    pub fn hot(run_seed: u64, account_count: u32, payment_count: u32, exponent: f64) -> Self {
        assert!(account_count >= 2, "a payment has two ends");
        let mut draws = generator(run_seed, Purpose::Plan);
        let accounts = shuffled(&mut draws, account_count);
        let law = Zipf::new(account_count, exponent);
        let mut links = Links::new(account_count, account_count, payment_count, false);
        let mut recipients = Vec::with_capacity(payment_count as usize);
        let mut amounts = Vec::with_capacity(payment_count as usize);
        let mut openings = vec![0; account_count as usize];
        for _ in 0..payment_count {
            let sender_rank = law.draw(&mut draws);
            let other = (0..DRAW_COUNT_MAX).map(|_| law.draw(&mut draws)).find(|rank| *rank != sender_rank);
            let recipient_rank = other.unwrap_or(if sender_rank == 1 { 2 } else { 1 });
            let [sender, recipient] = [sender_rank, recipient_rank].map(|rank| accounts[rank as usize - 1]);
            let amount = small_amount(&mut draws);
            links.add(sender, sender, None);
            recipients.push(recipient);
            amounts.push(amount);
            openings[sender as usize] += u64::from(amount);
        }
        let (turns, amounts) = (Turns::Drawn(links), Amounts::Small(amounts));
        Self { turns, recipients, amounts, openings: Openings::Each(openings), bank: None }
    }
}
