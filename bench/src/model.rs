//! What every account must hold in the end, computed from what was settled.

use crate::drive::Outcome;
use crate::plan::Plan;

/// Balances and sequence numbers, by account index.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    balances: Vec<i128>,
    next_sequences: Vec<u64>,
    supply: i128,
}

impl Model {
    /// The state that follows from what accounts had before and the settled payments.
    pub fn after(plan: &Plan, outcomes: &[Outcome]) -> Self {
        Self::after_moving(plan, outcomes, |_| true)
    }

    /// As [`Self::after`], with a bug planted if `moves` is not true of every payment: the money of the others stays where it is.
    pub(crate) fn after_moving(plan: &Plan, outcomes: &[Outcome], moves: impl Fn(u32) -> bool) -> Self {
        let beginnings = || (0..plan.account_count()).map(|account| plan.beginning(account));
        let mut balances: Vec<i128> = beginnings().map(|beginning| beginning.balance).collect();
        let mut next_sequences: Vec<u64> = beginnings().map(|beginning| beginning.next_sequence).collect();
        let supply = balances.iter().sum();
        let settled = (0..).zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Settled);
        for (payment, _) in settled {
            let amount = if moves(payment) { i128::from(plan.amount(payment)) } else { 0 };
            let sender = plan.sender(payment) as usize;
            assert_eq!(next_sequences[sender], plan.sequence(payment), "a sender's payments settle in sequence");
            balances[sender] -= amount;
            balances[plan.recipient(payment) as usize] += amount;
            next_sequences[sender] += 1;
        }
        assert_eq!(balances.iter().sum::<i128>(), supply, "payments move money and make none");
        Self { balances, next_sequences, supply }
    }

    /// An account's balance.
    pub fn balance(&self, account: u32) -> i128 {
        self.balances[account as usize]
    }

    /// The sequence number that an account's next order must have.
    pub fn next_sequence(&self, account: u32) -> u64 {
        self.next_sequences[account as usize]
    }

    /// How many accounts there are.
    pub fn account_count(&self) -> u32 {
        u32::try_from(self.balances.len()).expect("made for a plan's 32-bit count")
    }

    /// What all accounts hold together.
    pub fn supply(&self) -> i128 {
        self.supply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_payments_move_money_and_others_do_not() {
        let plan = Plan::draw(3, 10, 20);
        let untouched = Model::after(&plan, &[Outcome::Unsent; 20]);
        assert!((0..10).all(|account| untouched.balance(account) == i128::from(plan.opening(0))));
        let mut outcomes = [Outcome::Lost; 20];
        outcomes[4] = Outcome::Settled;
        let model = Model::after(&plan, &outcomes);
        let (sender, recipient) = (plan.sender(4), plan.recipient(4));
        let (funding, amount) = (i128::from(plan.opening(0)), i128::from(plan.amount(4)));
        for account in 0..10 {
            let expected = match account {
                _ if account == sender => (funding - amount, 1),
                _ if account == recipient => (funding + amount, 0),
                _ => (funding, 0),
            };
            assert_eq!((model.balance(account), model.next_sequence(account)), expected);
        }
        assert_eq!(model.supply(), funding * 10);
    }

    #[test]
    fn all_settled_advances_every_sequence_to_its_round_count() {
        let plan = Plan::draw(3, 10, 25);
        let model = Model::after(&plan, &[Outcome::Settled; 25]);
        for place in 0..10 {
            let rounds = if place < 5 { 3 } else { 2 };
            assert_eq!(model.next_sequence(plan.sender(place)), rounds);
        }
    }
}
