//! Orders, signed before the measurement starts: what is measured is the authority, not our signing.

use crate::accounts::Accounts;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::parallel;
use crate::plan::Plan;
use crate::progress::Progress;
use quittance_engine::message;
use quittance_engine::network::NetworkId;
use quittance_engine::types::Digest;
use quittance_net::frame::{Header, Kind, Order, OrderBody, RECIPIENT_ACCOUNT, U64};
use quittance_verify::hint;

/// All orders of a run as they go on the wire, and their digests; by payment index. 272 bytes each.
#[derive(Debug)]
pub struct Orders {
    frames: Vec<Order>,
    digests: Vec<Digest>,
}

/// One thread's work: places of the shuffled order, and for each round the orders that belong to them.
struct Job<'a> {
    first_place: u32,
    rounds: Vec<(&'a mut [Order], &'a mut [Digest])>,
}

impl Orders {
    /// Signs the whole plan on all cores, account by account, so that each key is expanded once. `is_hinted`: with R's x.
    ///
    /// # Errors
    /// [`BenchError::Interrupted`].
    pub fn sign(
        plan: &Plan,
        accounts: &Accounts,
        network: &NetworkId,
        shard_count: u16,
        is_hinted: bool,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Self, BenchError> {
        let payment_count = plan.payment_count() as usize;
        let mut frames = vec![<Order as bytemuck::Zeroable>::zeroed(); payment_count];
        let mut digests = vec![[0; 32]; payment_count];
        let author = Author { plan, accounts, network, shard_count, is_hinted };
        parallel::each(jobs(plan, &mut frames, &mut digests), |job| author.work(job, progress, interrupt))?;
        Ok(Self { frames, digests })
    }

    /// An order's frame; 240 bytes.
    pub fn frame(&self, payment: u32) -> &Order {
        &self.frames[payment as usize]
    }

    /// The order's name.
    pub fn digest(&self, payment: u32) -> &Digest {
        &self.digests[payment as usize]
    }

    /// Every digest, by payment index.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }
}

/// Cuts each round at the same places, so that all orders of an account fall to one thread.
fn jobs<'a>(plan: &Plan, frames: &'a mut [Order], digests: &'a mut [Digest]) -> Vec<Job<'a>> {
    let account_count = plan.account_count() as usize;
    let share = account_count.div_ceil(parallel::thread_count());
    let mut jobs: Vec<Job<'a>> = (0..account_count)
        .step_by(share)
        .map(|place| Job { first_place: u32::try_from(place).expect("counts are 32 bits"), rounds: Vec::new() })
        .collect();
    for (frames, digests) in frames.chunks_mut(account_count).zip(digests.chunks_mut(account_count)) {
        for (job, part) in jobs.iter_mut().zip(frames.chunks_mut(share).zip(digests.chunks_mut(share))) {
            job.rounds.push(part);
        }
    }
    jobs
}

struct Author<'a> {
    plan: &'a Plan,
    accounts: &'a Accounts,
    network: &'a NetworkId,
    shard_count: u16,
    /// Whether orders carry the x coordinate of their signature's R.
    is_hinted: bool,
}

impl Author<'_> {
    fn work(&self, mut job: Job<'_>, progress: &Progress, interrupt: &Interrupt) -> Result<(), BenchError> {
        let place_count = job.rounds.first().map_or(0, |(frames, _)| frames.len());
        for offset in 0..place_count {
            interrupt.check()?;
            let place = job.first_place + u32::try_from(offset).expect("counts are 32 bits");
            progress.add(self.sign_account(place, offset, &mut job.rounds));
        }
        Ok(())
    }

    /// Signs all orders of the account at `place`, one for each round that reaches it. Returns how many.
    fn sign_account(&self, place: u32, offset: usize, rounds: &mut [(&mut [Order], &mut [Digest])]) -> usize {
        let account = self.plan.sender_at(place);
        let key = self.accounts.secret_key(account);
        let shard = self.network.shard_of(self.accounts.address(account), self.shard_count);
        let header = Header::new(Kind::Order, shard.0, self.network.tag());
        let orders = rounds.iter_mut().filter(|(frames, _)| offset < frames.len());
        let mut payment = place;
        let mut count = 0;
        for (frames, digests) in orders {
            let body = self.body(payment);
            let message = message::order_message(self.network, &body);
            digests[offset] = message::order_digest(&message);
            let signature = key.sign(&message);
            let r_hint = if self.is_hinted { hint(&signature).unwrap_or_default() } else { [0; 32] };
            frames[offset] = Order { header, body, signature, r_hint };
            payment = self.plan.successor(payment).unwrap_or(payment);
            count += 1;
        }
        count
    }

    fn body(&self, payment: u32) -> OrderBody {
        OrderBody {
            sender: *self.accounts.address(self.plan.sender(payment)),
            recipient: *self.accounts.address(self.plan.recipient(payment)),
            user_data: [0; 32],
            amount: U64::new(self.plan.amount(payment)),
            sequence: U64::new(self.plan.sequence(payment)),
            // Never: how long a run takes is what we do not know.
            expiry_ms: U64::new(u64::MAX),
            recipient_kind: RECIPIENT_ACCOUNT,
            padding: [0; 7],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_verify::{BackendKind, Item, PublicKey, Verifier};

    #[test]
    fn every_order_of_the_plan_is_signed_by_its_sender_and_parses() {
        let (progress, interrupt) = (Progress::hidden(), Interrupt::default());
        let plan = Plan::draw(9, 21, 50);
        let accounts = Accounts::derive(9, 21, &progress, &interrupt).unwrap();
        let network = NetworkId([3; 32]);
        let orders = Orders::sign(&plan, &accounts, &network, 4, true, &progress, &interrupt).unwrap();
        let mut verifier = Verifier::new(BackendKind::Portable, [0; 32]);
        for payment in 0..50 {
            let frame = orders.frame(payment);
            let parsed = quittance_net::frame::parse(bytemuck::bytes_of(frame)).unwrap();
            assert!(matches!(parsed, quittance_net::frame::Frame::Order(_)));
            let sender = accounts.address(plan.sender(payment));
            assert_eq!(&frame.body.sender, sender);
            assert_eq!(frame.body.sequence.get(), plan.sequence(payment));
            assert_eq!(frame.header.shard.get(), network.shard_of(sender, 4).0);
            let message = message::order_message(&network, &frame.body);
            assert_eq!(orders.digest(payment), &message::order_digest(&message));
            let key = PublicKey::from_bytes(sender).unwrap();
            let (signature, hint) = (&frame.signature, Some(&frame.r_hint));
            assert!(verifier.verify(Item { key: &key, message: &message, signature, hint }), "{payment}");
        }
    }
}
