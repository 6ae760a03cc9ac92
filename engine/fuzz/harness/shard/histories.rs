//! A shard's history, in memory: entries handed over, questions answered from them, and what must hold of the chains.

use crate::harness::common::FUNDS;
use quittance_engine::history::answer::{Entries, answer};
use quittance_engine::history::entry::{Chain, ENTRY_BYTES_MAX, Entry, split_first};
use quittance_engine::history::segment_of;
use quittance_engine::journal::snapshot::SlotImage;
use quittance_engine::shard::Shard;

/// One segment's bytes: an input is too short for more.
#[derive(Debug, Default)]
pub(crate) struct History(Vec<u8>);

impl Entries for History {
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize {
        let rest = self.0.get(offset(position)..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

impl History {
    /// Takes what the shard hands over, and answers what it asks then.
    pub(crate) fn turn(&mut self, shard: &mut Shard) {
        let mut bytes = Vec::new();
        while let Some(position) = shard.seal_history(&mut bytes) {
            let (start, end) = (offset(position), offset(position) + bytes.len());
            self.0.resize(self.0.len().max(end), 0);
            self.0[start..end].copy_from_slice(&bytes);
        }
        while let Some(request) = shard.take_history_request() {
            shard.finish_history(answer(&request, self));
        }
    }

    /// From its newest end every chain goes back to the account's first payment, and what was paid and received is the
    /// difference between what it had and what it has.
    pub(crate) fn check_chains(&mut self, shard: &Shard, is_funded: impl Fn(&SlotImage) -> bool) {
        let (mut cursor, mut images) = (0, Vec::new());
        while shard.snapshot_chunk(&mut cursor, &mut images).is_some() {
            for image in &images {
                let sent = self.chain(image, Chain::Sent);
                let sequences: Vec<u64> = sent.iter().map(|(sequence, _)| *sequence).collect();
                let expected: Vec<u64> = (0..image.next_sequence.get()).rev().collect();
                assert!(sequences == expected, "a chain leaves payments out, or has one twice");
                let sum = |items: &[(u64, u64)]| items.iter().map(|(_, amount)| i128::from(*amount)).sum::<i128>();
                let opening = if is_funded(image) { i128::from(FUNDS) } else { 0 };
                let held = opening + sum(&self.chain(image, Chain::Received)) - sum(&sent);
                assert!(held == image.balance.get(), "a history comes to another balance");
            }
        }
    }

    /// What a replay makes again is there, with the same links.
    pub(crate) fn check_stubs(&mut self, stubs: &[u8]) {
        let (mut rest, mut buffer) = (stubs, [0; ENTRY_BYTES_MAX]);
        while let Some((stub, _, after)) = split_first(rest) {
            let length = self.read(stub.position, &mut buffer);
            let entry = Entry::decode(stub.position, &buffer[..length]);
            assert!(entry.is_some_and(|entry| stub.is_same(&entry)), "the records make another entry");
            rest = after;
        }
    }

    /// Sequence numbers and amounts, the newest first.
    fn chain(&mut self, image: &SlotImage, chain: Chain) -> Vec<(u64, u64)> {
        let mut position = if chain == Chain::Sent { image.sent.get() } else { image.received.get() };
        let (mut items, mut buffer) = (Vec::new(), [0; ENTRY_BYTES_MAX]);
        while position != 0 {
            let length = self.read(position, &mut buffer);
            let entry = Entry::decode(position, &buffer[..length]).expect("a link leads to an entry");
            position = entry.previous(&image.address, chain).expect("a link leads to an entry of the account");
            items.push((entry.content.sequence().0, entry.content.amount().0));
        }
        items
    }
}

fn offset(position: u64) -> usize {
    let (segment, offset) = segment_of(position);
    assert_eq!(segment, 0, "an input is too short for a second segment");
    usize::try_from(offset).expect("less than a segment")
}
