//! Smallbank: customers with a checking and a savings account each, and what they do. See [`Operation`] for what each operation
//! is here.
//!
//! # What an order can count on
//! Nobody knows in which order payments of different customers settle. So a customer counts on what he had at the start, on what
//! his own payments moved from one of his accounts to the other (he does one thing at a time), and on what another paid him only
//! if the order that spends it names that payment as its funder. Whatever settles first, no order lacks its money.
//!
//! Who has nothing to count on is not asked to pay: another customer is drawn, so that the mix of operations is as it should be.

use super::links::Links;
use super::operation::{OPERATION_COUNT, Operation};
use super::{Amounts, Openings, Plan, Turns};
use crate::error::BenchError;
use crate::limits::{ACCOUNT_COUNT_MAX, PAYMENT_COUNT_MAX};
use crate::random::{Draws, Purpose, generator};
use core::ops::Range;

/// What an account has at the start, besides what the checks take. Units.
const OPENING_MIN: u64 = 100;
/// Most units that one operation moves, amalgamation excepted, which moves all. The benchmark has fixed sums of this size.
const SUM_MAX: u32 = 10;
/// Most customers drawn by chance before they are gone through in a row. Nearly all can pay at any time.
const DRAW_COUNT_MAX: u32 = 64;
/// Fewest customers in a shard: someone to pay who is not the payer.
const CUSTOMER_COUNT_MIN: usize = 2;

const CHECKING: usize = 0;
const SAVINGS: usize = 1;
const NONE: u32 = u32::MAX;

// All money together may come into one account, and an amount has 32 bits here.
const _: () = {
    let checks = 2 * SUM_MAX as u64 * (PAYMENT_COUNT_MAX as u64 + ACCOUNT_COUNT_MAX as u64);
    assert!(OPENING_MIN * ACCOUNT_COUNT_MAX as u64 + checks < u32::MAX as u64);
};

/// A bank before its network has a name: in which shard an account is follows from the genesis file, and who pays whom follows
/// from that. What everybody has at the start does not.
#[derive(Debug)]
pub struct Prospect {
    /// The run's seed.
    pub run_seed: u64,
    /// Accounts in all: two for a customer, one for the bank in each shard, and what is left over.
    pub account_count: u32,
    /// Payments to plan.
    pub payment_count: u32,
    /// Operations between two shards, of a million; as many as there may be if only one shard is there: none.
    pub cross_shard_ppm: u32,
}

/// Customers and what they do, where that is more than payments.
#[derive(Debug)]
pub struct Bank {
    /// Each customer's accounts: checking, savings. Those of a shard one after the other.
    customers: Vec<[u32; 2]>,
    /// Of each payment, what it is part of.
    operations: Vec<Operation>,
    /// Balances asked for: with which payment, by which customer. In that order.
    questions: Vec<(u32, u32)>,
    counts: [u64; OPERATION_COUNT],
    crossing_count: u64,
}

impl Bank {
    /// What a payment is part of.
    pub fn operation(&self, payment: u32) -> Operation {
        self.operations[payment as usize]
    }

    /// The accounts asked for, a customer's two at a time, and with which payment the question begins: in the order of payments.
    pub fn questions(&self) -> impl Iterator<Item = (u32, [u32; 2])> {
        self.questions.iter().map(|(payment, customer)| (*payment, self.customers[*customer as usize]))
    }

    /// How often each operation is planned, in the order of [`Operation::ALL`].
    pub fn counts(&self) -> [u64; OPERATION_COUNT] {
        self.counts
    }

    /// Operations whose money goes from one shard to another.
    pub fn crossing_count(&self) -> u64 {
        self.crossing_count
    }

    /// Each customer's accounts: checking, savings.
    pub fn customers(&self) -> &[[u32; 2]] {
        &self.customers
    }
}

impl Prospect {
    /// What every account has at the start: so much that all checks together take less than half of all there is.
    pub fn opening(&self) -> u64 {
        OPENING_MIN + 2 * u64::from(SUM_MAX) * u64::from(self.payment_count.div_ceil(self.account_count))
    }

    /// Draws the plan. `shard_of`: where an account is, below `shard_count`.
    ///
    /// # Errors
    /// [`BenchError::Usage`] if a shard has too few accounts.
    pub fn complete(self, shard_count: u16, shard_of: impl Fn(u32) -> u16) -> Result<Plan, BenchError> {
        let branches = Branches::open(self.account_count, shard_count, shard_of)?;
        let openings = Openings::Alike(self.opening());
        let mut drafting = Drafting::new(&self, branches);
        while drafting.links.count() < self.payment_count {
            drafting.operate();
        }
        let Drafting { branches, links, recipients, amounts, bank, .. } = drafting;
        let bank = Some(Bank { customers: branches.customers, ..bank });
        Ok(Plan { turns: Turns::Drawn(links), recipients, amounts: Amounts::Wide(amounts), openings, bank })
    }
}

/// Who has which accounts, and where.
#[derive(Debug)]
struct Branches {
    customers: Vec<[u32; 2]>,
    /// By shard: where its customers end in the list.
    ends: Vec<usize>,
    /// By shard: the bank's own account.
    bank_accounts: Vec<u32>,
}

impl Branches {
    /// Deals the accounts: in each shard the first to the bank, the others by two, so that both of a customer's accounts are in
    /// one shard, as in Astro.
    fn open(account_count: u32, shard_count: u16, shard_of: impl Fn(u32) -> u16) -> Result<Self, BenchError> {
        let mut of_shards = vec![Vec::new(); usize::from(shard_count)];
        (0..account_count).for_each(|account| of_shards[usize::from(shard_of(account))].push(account));
        let mut branches = Self { customers: Vec::new(), ends: Vec::new(), bank_accounts: Vec::new() };
        for accounts in of_shards {
            let customer_count = accounts.len().saturating_sub(1) / 2;
            if customer_count < CUSTOMER_COUNT_MIN {
                let fault = format!(
                    "--workload smallbank: a shard has {} of the accounts, and needs two for each of {CUSTOMER_COUNT_MIN} \
                     customers and one for the bank; raise --accounts",
                    accounts.len()
                );
                return Err(BenchError::Usage(fault));
            }
            branches.bank_accounts.push(accounts[0]);
            branches.customers.extend(accounts[1..].chunks_exact(2).map(|pair| [pair[CHECKING], pair[SAVINGS]]));
            branches.ends.push(branches.customers.len());
        }
        Ok(branches)
    }

    fn customer_count(&self) -> u32 {
        u32::try_from(self.customers.len()).expect("fewer than accounts")
    }

    fn shard_of(&self, customer: u32) -> usize {
        self.ends.partition_point(|end| *end <= customer as usize)
    }

    /// The customers of a shard.
    fn of_shard(&self, shard: usize) -> Range<u32> {
        let index = |place: usize| u32::try_from(place).expect("fewer than accounts");
        let start = shard.checked_sub(1).map_or(0, |before| self.ends[before]);
        index(start)..index(self.ends[shard])
    }
}

/// A plan as it grows.
#[derive(Debug)]
struct Drafting {
    draws: Draws,
    branches: Branches,
    links: Links,
    recipients: Vec<u32>,
    amounts: Vec<u32>,
    bank: Bank,
    /// By customer: what he can count on, in each of his accounts.
    sure: Vec<[u32; 2]>,
    /// By customer: the latest payment to his checking account that nobody counted on yet.
    gifts: Vec<u32>,
    /// By payment: the one before it in that list.
    gifts_before: Vec<u32>,
    payment_count: u32,
    cross_shard_ppm: u32,
}

impl Drafting {
    fn new(prospect: &Prospect, branches: Branches) -> Self {
        let (room, customer_count) = (prospect.payment_count as usize, branches.customer_count());
        let opening = u32::try_from(prospect.opening()).expect("the bounds of a run bound it");
        Self {
            draws: generator(prospect.run_seed, Purpose::Plan),
            links: Links::new(prospect.account_count, customer_count, prospect.payment_count, true),
            recipients: Vec::with_capacity(room),
            amounts: Vec::with_capacity(room),
            bank: Bank {
                customers: Vec::new(),
                operations: Vec::with_capacity(room),
                questions: Vec::new(),
                counts: [0; OPERATION_COUNT],
                crossing_count: 0,
            },
            sure: vec![[opening; 2]; customer_count as usize],
            gifts: vec![NONE; customer_count as usize],
            gifts_before: Vec::with_capacity(room),
            payment_count: prospect.payment_count,
            cross_shard_ppm: if branches.ends.len() > 1 { prospect.cross_shard_ppm } else { 0 },
            branches,
        }
    }

    /// Draws one operation and plans it. Where nobody can do it at the moment it is left out: since not all money can be with the
    /// bank, somebody can do another.
    fn operate(&mut self) {
        let operation = Operation::draw(&mut self.draws);
        let is_done = match operation {
            Operation::Balance => {
                let customer = self.draws.below(self.branches.customer_count());
                self.bank.questions.push((self.links.count(), customer));
                true
            }
            Operation::DepositChecking => {
                let payer = self.payer(|state, customer| state.sure[customer as usize][SAVINGS] > 0);
                payer.map(|payer| self.move_own(operation, payer, SAVINGS)).is_some()
            }
            Operation::TransactSavings => {
                let from = if self.draws.below(2) == 0 { CHECKING } else { SAVINGS };
                let payer = self.payer(|state, customer| state.has(customer, from));
                payer.map(|payer| self.move_own(operation, payer, from)).is_some()
            }
            Operation::WriteCheck => {
                let payer = self.payer(|state, customer| state.has(customer, CHECKING));
                payer.map(|payer| self.write_check(payer)).is_some()
            }
            Operation::SendPayment => {
                let payer = self.payer(|state, customer| state.has(customer, CHECKING));
                payer.map(|payer| self.send_payment(payer)).is_some()
            }
            Operation::Amalgamate => {
                let payer =
                    self.payer(|state, customer| [CHECKING, SAVINGS].iter().any(|from| state.has(customer, *from)));
                payer.map(|payer| self.amalgamate(payer)).is_some()
            }
        };
        self.bank.counts[operation as usize] += u64::from(is_done);
    }

    /// Whether there is anything to pay with.
    fn has(&self, customer: u32, from: usize) -> bool {
        self.sure[customer as usize][from] > 0 || (from == CHECKING && self.gifts[customer as usize] != NONE)
    }

    /// A customer who can.
    fn payer(&mut self, can: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        let customer_count = self.branches.customer_count();
        for _ in 0..DRAW_COUNT_MAX {
            let customer = self.draws.below(customer_count);
            if can(self, customer) {
                return Some(customer);
            }
        }
        let start = self.draws.below(customer_count);
        (start..customer_count).chain(0..start).find(|customer| can(self, *customer))
    }

    /// Somebody else: in another shard as often as was asked for, otherwise in the same.
    fn payee(&mut self, payer: u32) -> u32 {
        let own = self.branches.of_shard(self.branches.shard_of(payer));
        let (own_count, customer_count) = (own.end - own.start, self.branches.customer_count());
        // Of all operations, these are the ones that can cross.
        if self.draws.below(Operation::percent_of_two() * 10_000) < self.cross_shard_ppm {
            self.bank.crossing_count += 1;
            let other = self.draws.below(customer_count - own_count);
            return if other < own.start { other } else { other + own_count };
        }
        let other = own.start + self.draws.below(own_count - 1);
        if other < payer { other } else { other + 1 }
    }

    fn sum(&mut self) -> u32 {
        1 + self.draws.below(SUM_MAX)
    }

    /// From one of the customer's accounts to his other one.
    fn move_own(&mut self, operation: Operation, payer: u32, from: usize) {
        let sum = self.sum();
        let to = self.branches.customers[payer as usize][1 - from];
        let (_, amount) = self.pay(operation, (payer, from), to, sum);
        self.sure[payer as usize][1 - from] += amount;
    }

    fn write_check(&mut self, payer: u32) {
        let sum = self.sum();
        let to = self.branches.bank_accounts[self.branches.shard_of(payer)];
        self.pay(Operation::WriteCheck, (payer, CHECKING), to, sum);
    }

    fn send_payment(&mut self, payer: u32) {
        let (sum, payee) = (self.sum(), self.payee(payer));
        self.give(Operation::SendPayment, (payer, CHECKING), payee, sum);
    }

    /// The last one of a plan may find room for one payment only.
    fn amalgamate(&mut self, payer: u32) {
        let payee = self.payee(payer);
        for from in [SAVINGS, CHECKING] {
            if self.has(payer, from) && self.links.count() < self.payment_count {
                self.give(Operation::Amalgamate, (payer, from), payee, u32::MAX);
            }
        }
    }

    /// Pays another customer, who may count on it later.
    fn give(&mut self, operation: Operation, from: (u32, usize), payee: u32, sum: u32) {
        let (payment, _) = self.pay(operation, from, self.branches.customers[payee as usize][CHECKING], sum);
        self.gifts_before[payment as usize] = core::mem::replace(&mut self.gifts[payee as usize], payment);
    }

    /// Plans a payment of this sum, or of what there is if that is less. If the sure money is too little, the payer counts on the
    /// latest gift, too, and the payment has it as its funder. Returns the payment, and what it moves.
    fn pay(&mut self, operation: Operation, (payer, from): (u32, usize), to: u32, sum: u32) -> (u32, u32) {
        let mut sure = self.sure[payer as usize][from];
        let mut funder = None;
        let gift = self.gifts[payer as usize];
        if from == CHECKING && sure < sum && gift != NONE {
            self.gifts[payer as usize] = self.gifts_before[gift as usize];
            sure += self.amounts[gift as usize];
            funder = Some(gift);
        }
        let amount = sum.min(sure);
        assert!(amount > 0, "whoever has nothing is not asked to pay");
        self.sure[payer as usize][from] = sure - amount;
        let payment = self.links.add(payer, self.branches.customers[payer as usize][from], funder);
        self.recipients.push(to);
        self.amounts.push(amount);
        self.gifts_before.push(NONE);
        self.bank.operations.push(operation);
        (payment, amount)
    }
}
