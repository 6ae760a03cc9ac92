//! What is checked: signed orders, many more than one batch holds.

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::parallel;
use crate::progress::Progress;
use crate::random::{Purpose, key_seed};
use core::fmt;
use core::ops::Range;
use ed25519_dalek::{Signature, VerifyingKey};
use quittance_engine::message::{self, ORDER_MESSAGE_BYTES};
use quittance_engine::network::NetworkId;
use quittance_net::frame::{OrderBody, RECIPIENT_ACCOUNT, U64};
use quittance_verify::{Item, PublicKey, SIGNATURE_BYTES, SecretKey, hint};

/// Signed orders of one pool. Contenders walk through all of them, so that one batch is not found in the cache because it
/// was the last one too: keys, messages and signatures of the accounts take about 2.5 MB, the other library's form of keys
/// and signatures another one.
pub const POOL_ITEMS: usize = 4_096;
/// Keys of the pool that stands for a committee: the smallest that tolerates a liar.
pub const COMMITTEE_KEYS: usize = 4;

/// Fixes all keys: these guard nothing, and runs shall be alike.
const SEED: u64 = 1;
const NETWORK: NetworkId = NetworkId([0x51; 32]);

/// Whose signatures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signers {
    /// Each an account of its own.
    Accounts,
    /// [`COMMITTEE_KEYS`] members in turn.
    Committee,
}

/// Orders signed by the keys in turn, in the forms that the contenders take. Keys are decompressed, for all contenders; that
/// is not measured.
#[derive(Clone)]
pub struct Pool {
    keys: Vec<PublicKey>,
    orders: Vec<SignedOrder>,
    dalek_keys: Vec<VerifyingKey>,
    dalek_signatures: Vec<Signature>,
}

/// What an order's datagram brings, with the bytes that are signed.
#[derive(Clone, Copy)]
struct SignedOrder {
    message: [u8; ORDER_MESSAGE_BYTES],
    signature: [u8; SIGNATURE_BYTES],
    hint: [u8; 32],
}

impl Pool {
    /// Signs [`POOL_ITEMS`] orders on all cores.
    ///
    /// # Errors
    /// [`BenchError::Interrupted`].
    pub fn sign(signers: Signers, progress: &Progress, interrupt: &Interrupt) -> Result<Self, BenchError> {
        let (purpose, key_count) = match signers {
            Signers::Accounts => (Purpose::Account, POOL_ITEMS),
            Signers::Committee => (Purpose::Authority, COMMITTEE_KEYS),
        };
        let blank = SignedOrder { message: [0; ORDER_MESSAGE_BYTES], signature: [0; SIGNATURE_BYTES], hint: [0; 32] };
        let mut signed = vec![(blank, [0; 32]); POOL_ITEMS];
        parallel::fill(&mut signed, progress, interrupt, |index, (order, key)| {
            let key_index = index % u32::try_from(key_count).expect("a pool is small");
            let secret = SecretKey::from_seed(&key_seed(SEED, purpose, key_index));
            *key = secret.public_key_bytes();
            *order = SignedOrder::sign(&secret, index);
        })?;
        let (orders, encodings): (Vec<_>, Vec<_>) = signed.into_iter().unzip();
        Ok(Self::of(orders, &encodings[..key_count]))
    }

    fn of(orders: Vec<SignedOrder>, encodings: &[[u8; 32]]) -> Self {
        // One by one: keys made in batches may be for one backend only, and the others would decompress them each time.
        let key = |encoding| PublicKey::from_bytes(encoding).expect("we made these keys");
        let keys = encodings.iter().map(key).collect();
        let dalek_key = |encoding| VerifyingKey::from_bytes(encoding).expect("we made these keys");
        let distinct: Vec<_> = encodings.iter().map(dalek_key).collect();
        let dalek_keys = distinct.iter().copied().cycle().take(orders.len()).collect();
        let dalek_signatures = orders.iter().map(|order| Signature::from_bytes(&order.signature)).collect();
        Self { keys, orders, dalek_keys, dalek_signatures }
    }

    /// Makes one signature a bad one, in every form: S, off by one.
    pub fn spoil(&mut self, item_index: usize) {
        let signature = &mut self.orders[item_index].signature;
        signature[32] ^= 1;
        self.dalek_signatures[item_index] = Signature::from_bytes(signature);
    }

    /// The pool as contenders take it.
    pub fn view(&self) -> View<'_> {
        let items = |is_hinted: bool| {
            let signed = self.orders.iter().zip(self.keys.iter().cycle());
            let items = signed.map(|(SignedOrder { message, signature, hint }, key)| {
                let hint = is_hinted.then_some(hint);
                Item { key, message, signature, hint }
            });
            items.collect()
        };
        View {
            plain: items(false),
            hinted: items(true),
            messages: self.orders.iter().map(|order| &order.message[..]).collect(),
            dalek_keys: &self.dalek_keys,
            dalek_signatures: &self.dalek_signatures,
        }
    }
}

/// A count: contents are long.
impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pool({} orders by {} keys)", self.orders.len(), self.keys.len())
    }
}

impl SignedOrder {
    /// Order `index`: one unit for someone else.
    fn sign(secret: &SecretKey, index: u32) -> Self {
        let body = OrderBody {
            sender: secret.public_key_bytes(),
            recipient: key_seed(SEED, Purpose::Plan, index),
            user_data: [0; 32],
            amount: U64::new(1),
            sequence: U64::new(u64::from(index)),
            expiry_ms: U64::new(u64::MAX),
            recipient_kind: RECIPIENT_ACCOUNT,
            padding: [0; 7],
        };
        let message = message::order_message(&NETWORK, &body);
        let signature = secret.sign(&message);
        let hint = hint(&signature).expect("an honest R is a point");
        Self { message, signature, hint }
    }
}

/// A pool's orders side by side in each contender's form, made ahead: gathering them is not measured.
#[derive(Debug)]
pub struct View<'a> {
    plain: Vec<Item<'a>>,
    hinted: Vec<Item<'a>>,
    messages: Vec<&'a [u8]>,
    dalek_keys: &'a [VerifyingKey],
    dalek_signatures: &'a [Signature],
}

/// Some orders of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// For our backends.
    pub items: &'a [Item<'a>],
    /// What was signed, for ed25519-dalek.
    pub messages: &'a [&'a [u8]],
    /// By whom, for ed25519-dalek.
    pub dalek_keys: &'a [VerifyingKey],
    /// The signatures, for ed25519-dalek.
    pub dalek_signatures: &'a [Signature],
}

impl View<'_> {
    /// The orders of a range, with R's x for our backends or without.
    pub fn batch(&self, is_hinted: bool, range: Range<usize>) -> Batch<'_> {
        let items = if is_hinted { &self.hinted } else { &self.plain };
        Batch {
            items: &items[range.clone()],
            messages: &self.messages[range.clone()],
            dalek_keys: &self.dalek_keys[range.clone()],
            dalek_signatures: &self.dalek_signatures[range],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn pool(signers: Signers) -> Pool {
        Pool::sign(signers, &Progress::hidden(), &Interrupt::default()).unwrap()
    }

    #[test]
    fn every_account_signs_once_and_the_committee_takes_turns() {
        for (signers, key_count) in [(Signers::Accounts, POOL_ITEMS), (Signers::Committee, COMMITTEE_KEYS)] {
            let pool = pool(signers);
            let view = pool.view();
            let batch = view.batch(true, 0..POOL_ITEMS);
            let keys: HashSet<_> = batch.items.iter().map(|item| item.key.as_bytes()).collect();
            let messages: HashSet<_> = batch.messages.iter().collect();
            assert_eq!((keys.len(), messages.len()), (key_count, POOL_ITEMS), "{pool:?}");
            assert!(batch.items.windows(COMMITTEE_KEYS).all(|four| four[0].key != four[3].key));
        }
    }

    #[test]
    fn both_forms_hold_the_same_orders() {
        let pool = pool(Signers::Committee);
        let view = pool.view();
        let batch = view.batch(false, 40..80);
        for (index, item) in batch.items.iter().enumerate() {
            assert_eq!(item.key.as_bytes(), batch.dalek_keys[index].as_bytes());
            assert_eq!(*item.signature, batch.dalek_signatures[index].to_bytes());
            assert_eq!(item.message, batch.messages[index]);
            assert!(item.hint.is_none() && item.message.len() == ORDER_MESSAGE_BYTES);
        }
        assert!(view.batch(true, 40..80).items.iter().all(|item| item.hint.is_some()));
    }

    #[test]
    fn a_raised_interrupt_stops_signing() {
        let interrupt = Interrupt::default();
        interrupt.raise();
        let result = Pool::sign(Signers::Accounts, &Progress::hidden(), &interrupt);
        assert!(matches!(result, Err(BenchError::Interrupted)));
    }
}
