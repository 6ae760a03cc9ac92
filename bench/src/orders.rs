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
use quittance_verify::{SecretKey, hint};

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
        match plan.rounds() {
            Some(senders) => {
                let jobs = jobs(senders, &mut frames, &mut digests);
                parallel::each(jobs, |job| author.work(job, progress, interrupt))?;
            }
            None => {
                let stretches = stretches(&mut frames, &mut digests);
                parallel::each(stretches, |stretch| author.sign_stretch(stretch, progress, interrupt))?;
            }
        }
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

/// One thread's work where payments do not go in rounds: a part of all orders, which begins at `first`.
struct Stretch<'a> {
    first: u32,
    frames: &'a mut [Order],
    digests: &'a mut [Digest],
}

/// Cuts all orders into equal parts.
fn stretches<'a>(frames: &'a mut [Order], digests: &'a mut [Digest]) -> Vec<Stretch<'a>> {
    let share = frames.len().div_ceil(parallel::thread_count()).max(1);
    let parts = frames.chunks_mut(share).zip(digests.chunks_mut(share)).enumerate();
    parts.map(|(index, (frames, digests))| Stretch { first: index_32(index * share), frames, digests }).collect()
}

/// Cuts each round at the same places, so that all orders of an account fall to one thread.
fn jobs<'a>(senders: &[u32], frames: &'a mut [Order], digests: &'a mut [Digest]) -> Vec<Job<'a>> {
    let account_count = senders.len();
    let share = account_count.div_ceil(parallel::thread_count());
    let mut jobs: Vec<Job<'a>> = (0..account_count)
        .step_by(share)
        .map(|place| Job { first_place: index_32(place), rounds: Vec::new() })
        .collect();
    for (frames, digests) in frames.chunks_mut(account_count).zip(digests.chunks_mut(account_count)) {
        for (job, part) in jobs.iter_mut().zip(frames.chunks_mut(share).zip(digests.chunks_mut(share))) {
            job.rounds.push(part);
        }
    }
    jobs
}

fn index_32(index: usize) -> u32 {
    u32::try_from(index).expect("counts are 32 bits")
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
            let place = job.first_place + index_32(offset);
            progress.add(self.sign_account(place, offset, &mut job.rounds));
        }
        Ok(())
    }

    /// Signs all orders of the account at `place`, one for each round that reaches it. Returns how many.
    fn sign_account(&self, place: u32, offset: usize, rounds: &mut [(&mut [Order], &mut [Digest])]) -> usize {
        let pen = self.pen(self.plan.sender(place));
        let orders = rounds.iter_mut().filter(|(frames, _)| offset < frames.len());
        let mut payment = place;
        let mut count = 0;
        for (frames, digests) in orders {
            (frames[offset], digests[offset]) = self.sign(payment, &pen);
            payment = self.plan.successor(payment).unwrap_or(payment);
            count += 1;
        }
        count
    }

    /// Signs a part of all orders, sender by sender, so that each key is expanded once in a part.
    fn sign_stretch(
        &self,
        Stretch { first, frames, digests }: Stretch<'_>,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<(), BenchError> {
        let mut offsets: Vec<u32> = (0..index_32(frames.len())).collect();
        offsets.sort_unstable_by_key(|offset| (self.plan.sender(first + offset), *offset));
        for of_sender in offsets.chunk_by(|one, next| self.plan.sender(first + one) == self.plan.sender(first + next)) {
            interrupt.check()?;
            let pen = self.pen(self.plan.sender(first + of_sender[0]));
            for offset in of_sender {
                (frames[*offset as usize], digests[*offset as usize]) = self.sign(first + offset, &pen);
            }
            progress.add(of_sender.len());
        }
        Ok(())
    }

    fn pen(&self, account: u32) -> Pen {
        let shard = self.network.shard_of(self.accounts.address(account), self.shard_count);
        Pen { key: self.accounts.secret_key(account), shard: shard.0 }
    }

    /// A payment's order and its digest. Where another payment brings the money, the order is a chained one.
    fn sign(&self, payment: u32, pen: &Pen) -> (Order, Digest) {
        let kind = if self.plan.funder(payment).is_some() { Kind::ChainedOrder } else { Kind::Order };
        let header = Header::new(kind, pen.shard, self.network.tag());
        let body = self.body(payment);
        let message = message::order_message(self.network, &body);
        let signature = pen.key.sign(&message);
        let r_hint = if self.is_hinted { hint(&signature).unwrap_or_default() } else { [0; 32] };
        (Order { header, body, signature, r_hint }, message::order_digest(&message))
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

/// What an account signs with, and where its orders go.
struct Pen {
    key: SecretKey,
    shard: u16,
}

#[cfg(test)]
mod tests {
    use super::*;
    use quittance_net::frame::Frame;
    use quittance_verify::{BackendKind, Item, PublicKey, Verifier};

    #[test]
    fn every_order_of_a_plan_is_signed_by_its_sender_and_parses() {
        for plan in [Plan::draw(9, 21, 50), Plan::hot(9, 21, 50, 0.99), Plan::chained(9, 21, 50, 5)] {
            check(&plan);
        }
    }

    fn check(plan: &Plan) {
        let (progress, interrupt) = (Progress::hidden(), Interrupt::default());
        let accounts = Accounts::derive(9, 21, &progress, &interrupt).unwrap();
        let network = NetworkId([3; 32]);
        let orders = Orders::sign(plan, &accounts, &network, 4, true, &progress, &interrupt).unwrap();
        let mut verifier = Verifier::new(BackendKind::Portable, [0; 32]);
        for payment in 0..50 {
            let frame = orders.frame(payment);
            let is_chained = match quittance_net::frame::parse(bytemuck::bytes_of(frame)).unwrap() {
                Frame::Order(_) => false,
                Frame::ChainedOrder(_) => true,
                other => panic!("{other:?}"),
            };
            assert_eq!(is_chained, plan.funder(payment).is_some());
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
