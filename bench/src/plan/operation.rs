//! Smallbank's six operations, and how often each is.

use crate::random::Draws;
use serde::Serialize;

/// How many there are.
pub const OPERATION_COUNT: usize = 6;

/// What a customer of the bank does. He has two accounts, one for checking and one for savings.
///
/// The benchmark was made for databases, where money may come from nowhere. Here it is only ever moved, an order at a time, and
/// every order moves at least 1 unit. So each operation is a payment, or two, or a question:
///
/// M. Alomari, M. Cahill, A. Fekete and U. Röhm, "The cost of serializability on platforms that use snapshot isolation", ICDE
/// 2008, has five of the operations. [`Operation::SendPayment`] and the mix are those of H-Store's version of the benchmark,
/// which is where the one of the Astro paper comes from (section VI-C2). As there, what a customer does with his own money is
/// a payment from one of his accounts to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Operation {
    /// He pays all that he can count on to another's checking account: one payment from each of his accounts that has anything.
    Amalgamate,
    /// He asks for both balances: two queries and no payment.
    Balance,
    /// Money is put into checking: from his savings.
    DepositChecking,
    /// He pays another, from checking to checking.
    SendPayment,
    /// Money is put into savings, or taken out: from or to his checking account, either as often.
    TransactSavings,
    /// A check is cashed: from checking to the bank's own account in his shard.
    WriteCheck,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; OPERATION_COUNT] = [
        Self::Amalgamate,
        Self::Balance,
        Self::DepositChecking,
        Self::SendPayment,
        Self::TransactSavings,
        Self::WriteCheck,
    ];

    /// For people to read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amalgamate => "amalgamate",
            Self::Balance => "balance",
            Self::DepositChecking => "deposit checking",
            Self::SendPayment => "send payment",
            Self::TransactSavings => "transact savings",
            Self::WriteCheck => "write check",
        }
    }

    /// How many of a hundred operations are this.
    pub const fn percent(self) -> u32 {
        match self {
            Self::SendPayment => 25,
            Self::Amalgamate | Self::Balance | Self::DepositChecking | Self::TransactSavings | Self::WriteCheck => 15,
        }
    }

    /// How many of a hundred operations have two customers, who may be in different shards.
    pub const fn percent_of_two() -> u32 {
        Self::Amalgamate.percent() + Self::SendPayment.percent()
    }

    /// One, as often as it should be.
    pub(super) fn draw(draws: &mut Draws) -> Self {
        let mut place = draws.below(100);
        for operation in Self::ALL {
            match place.checked_sub(operation.percent()) {
                None => return operation,
                Some(rest) => place = rest,
            }
        }
        unreachable!("the shares add up to a hundred")
    }
}

const _: () = {
    let (mut sum, mut index) = (0, 0);
    while index < OPERATION_COUNT {
        assert!(Operation::ALL[index] as usize == index);
        sum += Operation::ALL[index].percent();
        index += 1;
    }
    assert!(sum == 100);
};
