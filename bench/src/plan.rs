//! Who pays whom how much: fixed by the seed before anything is signed.

use crate::limits::AMOUNT_MAX;
use crate::random::{Purpose, generator};

/// The payments of a run, by index in the order of sending.
///
/// Payments go in rounds: in each round every account pays once, in one shuffled order. So payment i has sequence number
/// `i / accounts`, and the sender's payment before it is i - accounts.
#[derive(Debug)]
pub struct Plan {
    /// The shuffled order of accounts.
    senders: Vec<u32>,
    recipients: Vec<u32>,
    amounts: Vec<u8>,
    /// What accounts have before the first payment, by account; none where all are new and funded alike.
    beginnings: Vec<Beginning>,
}

/// What an account has before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Units.
    pub balance: i128,
    /// The sequence number of its next payment.
    pub next_sequence: u64,
}

const _: () = assert!(AMOUNT_MAX <= u8::MAX as u64);

impl Plan {
    /// Draws a plan for at least 2 accounts: nobody pays himself.
    pub fn draw(run_seed: u64, account_count: u32, payment_count: u32) -> Self {
        assert!(account_count >= 2, "a payment has two ends");
        let mut draws = generator(run_seed, Purpose::Plan);
        let mut senders: Vec<u32> = (0..account_count).collect();
        for last in (1..account_count).rev() {
            senders.swap(last as usize, draws.below(last + 1) as usize);
        }
        let mut recipients = Vec::with_capacity(payment_count as usize);
        let mut amounts = Vec::with_capacity(payment_count as usize);
        for payment in 0..payment_count {
            let sender = senders[(payment % account_count) as usize];
            let other = draws.below(account_count - 1);
            recipients.push(if other < sender { other } else { other + 1 });
            let amount = 1 + draws.below(u32::try_from(AMOUNT_MAX).expect("at most 255"));
            amounts.push(u8::try_from(amount).expect("at most 255"));
        }
        Self { senders, recipients, amounts, beginnings: Vec::new() }
    }

    /// A ring of at least 2 accounts that are in use already: each pays the next one 1 unit, round by round. After whole rounds
    /// every balance is what it was.
    pub fn ring(beginnings: Vec<Beginning>, payment_count: u32) -> Self {
        let account_count = u32::try_from(beginnings.len()).expect("ACCOUNT_COUNT_MAX bounds them");
        assert!(account_count >= 2, "a payment has two ends");
        let recipients = (0..payment_count).map(|payment| (payment + 1) % account_count).collect();
        let amounts = vec![1; payment_count as usize];
        Self { senders: (0..account_count).collect(), recipients, amounts, beginnings }
    }

    /// What an account has before the first payment.
    pub fn beginning(&self, account: u32) -> Beginning {
        let new = || Beginning { balance: self.funding().into(), next_sequence: 0 };
        self.beginnings.get(account as usize).copied().unwrap_or_else(new)
    }

    /// How many payments there are.
    pub fn payment_count(&self) -> u32 {
        u32::try_from(self.recipients.len()).expect("drawn for a 32-bit count")
    }

    /// How many accounts there are.
    pub fn account_count(&self) -> u32 {
        u32::try_from(self.senders.len()).expect("drawn for a 32-bit count")
    }

    /// The account at a place in the shuffled order: the sender of payments `place`, `place + accounts`, ...
    pub fn sender_at(&self, place: u32) -> u32 {
        self.senders[place as usize]
    }

    /// The paying account.
    pub fn sender(&self, payment: u32) -> u32 {
        self.senders[(payment % self.account_count()) as usize]
    }

    /// The account that is paid.
    pub fn recipient(&self, payment: u32) -> u32 {
        self.recipients[payment as usize]
    }

    /// Units paid.
    pub fn amount(&self, payment: u32) -> u64 {
        u64::from(self.amounts[payment as usize])
    }

    /// The sender's sequence number.
    pub fn sequence(&self, payment: u32) -> u64 {
        let first = self.beginnings.get(self.sender(payment) as usize).map_or(0, |beginning| beginning.next_sequence);
        first + u64::from(payment / self.account_count())
    }

    /// The sender's payment before this one.
    pub fn predecessor(&self, payment: u32) -> Option<u32> {
        payment.checked_sub(self.account_count())
    }

    /// The sender's payment after this one.
    pub fn successor(&self, payment: u32) -> Option<u32> {
        payment.checked_add(self.account_count()).filter(|next| *next < self.payment_count())
    }

    /// What each account needs at the start so that all of its payments are covered even if nobody pays it.
    pub fn funding(&self) -> u64 {
        let rounds = self.payment_count().div_ceil(self.account_count());
        AMOUNT_MAX * u64::from(rounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_pays_once_a_round_and_never_itself() {
        let plan = Plan::draw(5, 100, 250);
        for round in 0..2 {
            let mut senders: Vec<u32> = (0..100).map(|place| plan.sender(round * 100 + place)).collect();
            senders.sort_unstable();
            assert_eq!(senders, (0..100).collect::<Vec<_>>());
        }
        for payment in 0..250 {
            assert_ne!(plan.sender(payment), plan.recipient(payment));
            assert!(plan.recipient(payment) < 100);
            assert!((1..=AMOUNT_MAX).contains(&plan.amount(payment)));
        }
    }

    #[test]
    fn a_senders_payments_are_linked_in_sequence() {
        let plan = Plan::draw(5, 100, 250);
        assert_eq!((plan.predecessor(99), plan.predecessor(100)), (None, Some(0)));
        assert_eq!((plan.successor(149), plan.successor(150)), (Some(249), None));
        assert_eq!((plan.sequence(99), plan.sequence(100), plan.sequence(249)), (0, 1, 2));
        assert_eq!(plan.sender(3), plan.sender(103));
    }

    #[test]
    fn funding_covers_all_of_an_accounts_payments() {
        let plan = Plan::draw(5, 100, 250);
        let mut spent = [0; 100];
        (0..250).for_each(|payment| spent[plan.sender(payment) as usize] += plan.amount(payment));
        assert!(spent.iter().all(|sum| *sum <= plan.funding()));
        assert_eq!(plan.funding(), 3 * AMOUNT_MAX);
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

    #[test]
    fn another_seed_gives_another_plan() {
        let pairs = |seed| (0..100).map(|payment| Plan::draw(seed, 50, 100).recipient(payment)).collect::<Vec<_>>();
        assert_eq!(pairs(1), pairs(1));
        assert_ne!(pairs(1), pairs(2));
    }
}
