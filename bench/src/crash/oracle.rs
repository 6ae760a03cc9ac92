//! What the state must be, from nothing but what was settled and what is pending.

use crate::accounts::Accounts;
use crate::drive::Outcome;
use crate::model::Model;
use crate::plan::Plan;
use crate::workload::Workload;
use quittance_engine::journal::snapshot::SlotImage;
use quittance_engine::network::NetworkId;
use quittance_engine::types::Digest;
use quittance_net::frame::{I128, Info, U64};

/// Every account, by account index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(pub Vec<SlotImage>);

impl State {
    /// What the accounts must hold after these outcomes, with the orders of the `pending` payments voted for.
    pub fn expected(
        model: &Model,
        workload: &Workload,
        accounts: &Accounts,
        outcomes: &[Outcome],
        pending: &[u32],
    ) -> Self {
        let Workload { plan, orders, .. } = workload;
        let account = |(index, address): (u32, &[u8; 32])| SlotImage {
            address: *address,
            balance: I128::new(model.balance(index)),
            next_sequence: U64::new(model.next_sequence(index)),
            pending: [0; 32],
            last_confirmed: [0; 32],
            sent: U64::new(0),
            received: U64::new(0),
        };
        let mut images: Vec<SlotImage> = (0..).zip(accounts.addresses()).map(account).collect();
        // A sender's payments come in the order of their sequence numbers, so the last one stays.
        for (payment, _) in (0..).zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Settled) {
            images[plan.sender(payment) as usize].last_confirmed = *orders.digest(payment);
        }
        for payment in pending {
            images[plan.sender(*payment) as usize].pending = *orders.digest(*payment);
        }
        Self(images)
    }

    /// The digest that an authority with this many shards has of this state: per shard, BLAKE3 of its accounts in the order of
    /// their addresses and of what was redeemed (nothing), then BLAKE3 of the shards' digests in order.
    pub fn digest(&self, network: &NetworkId, shard_count: u16) -> Digest {
        let mut shards: Vec<Vec<SlotImage>> = vec![Vec::new(); usize::from(shard_count)];
        self.0.iter().for_each(|image| shards[network.shard_of(&image.address, shard_count).index()].push(*image));
        let mut whole = blake3::Hasher::new();
        for mut images in shards {
            images.sort_unstable_by_key(|image| image.address);
            let mut shard = blake3::Hasher::new();
            shard.update(bytemuck::cast_slice(&images));
            shard.update(&0_u128.to_le_bytes());
            whole.update(shard.finalize().as_bytes());
        }
        *whole.finalize().as_bytes()
    }
}

/// An account as an authority tells it: where its history is, nobody tells.
pub fn image(info: &Info) -> SlotImage {
    SlotImage {
        address: info.account,
        balance: info.balance,
        next_sequence: info.next_sequence,
        pending: info.pending,
        last_confirmed: info.last_confirmed,
        sent: U64::new(0),
        received: U64::new(0),
    }
}

/// Payments whose receipts were received and whose sequence numbers their accounts have not passed. An account that did not
/// answer has passed nothing.
pub fn receipts_lost(plan: &Plan, outcomes: &[Outcome], seen: &[Option<SlotImage>]) -> u64 {
    let next = |account: u32| seen[account as usize].map_or(0, |image| image.next_sequence.get());
    let settled = (0..).zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Settled);
    settled.filter(|(payment, _)| next(plan.sender(*payment)) <= plan.sequence(*payment)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fixture;

    fn state(fixture: &Fixture, settled: u32, pending: &[u32]) -> State {
        let outcomes: Vec<Outcome> =
            (0..100).map(|payment| if payment < settled { Outcome::Settled } else { Outcome::InFlight }).collect();
        let model = Model::after(&fixture.workload.plan, &outcomes);
        State::expected(&model, &fixture.workload, &fixture.accounts, &outcomes, pending)
    }

    #[test]
    fn whatever_differs_in_any_account_differs_in_the_digest() {
        let fixture = Fixture::new(4, false, 40, 100);
        let digest = |state: &State| state.digest(&fixture.terms.network, 2);
        let right = state(&fixture, 50, &[60]);
        for other in [state(&fixture, 49, &[60]), state(&fixture, 50, &[61]), state(&fixture, 50, &[])] {
            assert_ne!(digest(&other), digest(&right));
        }
        let changes: [fn(&mut SlotImage); 4] = [
            |image| image.balance = I128::new(image.balance.get() + 1),
            |image| image.next_sequence = U64::new(image.next_sequence.get() + 1),
            |image| image.pending[31] ^= 1,
            |image| image.last_confirmed[0] ^= 1,
        ];
        for change in changes {
            let mut other = right.clone();
            change(&mut other.0[7]);
            assert_ne!(digest(&other), digest(&right));
        }
        assert_ne!(right.digest(&fixture.terms.network, 1), digest(&right));
        let mut turned = right.clone();
        turned.0.reverse();
        assert_eq!(digest(&turned), digest(&right), "accounts are hashed by address");
    }

    #[test]
    fn a_receipt_is_lost_if_its_account_has_not_passed_it() {
        let fixture = Fixture::new(4, false, 40, 100);
        let plan = &fixture.workload.plan;
        let outcomes = [[Outcome::Settled; 50].as_slice(), &[Outcome::InFlight; 50]].concat();
        let mut seen: Vec<Option<SlotImage>> = state(&fixture, 50, &[]).0.into_iter().map(Some).collect();
        assert_eq!(receipts_lost(plan, &outcomes, &seen), 0);
        // Payments 0 and 40 are the first and the second of one account.
        let account = plan.sender(40) as usize;
        assert_eq!(plan.sender(0) as usize, account);
        seen[account].as_mut().unwrap().next_sequence = U64::new(1);
        assert_eq!(receipts_lost(plan, &outcomes, &seen), 1);
        seen[account] = None;
        assert_eq!(receipts_lost(plan, &outcomes, &seen), 2);
    }
}
