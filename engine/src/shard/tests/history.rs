//! Histories: chains of payments as clients read them, page by page, and the certificates in them.

use super::common::{Authority, FUNDS, Payer, Reply, Setup, World};
use crate::history::answer::{Entries, HistoryRequest, answer};
use crate::history::entry::ENTRY_BYTES_MAX;
use crate::history::{HISTORY_POSITION_MAX, HISTORY_START, segment_of};
use crate::journal::record::{Record, RecordNumber};
use crate::limits::{HISTORY_OPEN_BYTES_MAX, HISTORY_REQUESTS_MAX, HISTORY_SEGMENT_BYTES, HISTORY_WALK_MAX};
use crate::reject::Reject;
use crate::shard::ReplayError;
use crate::shard::tests::common::Node;
use crate::types::{Address, ShardIndex};
use quittance_net::frame::{
    FRAME_BYTES_MAX, HISTORY_CERTIFICATE, HISTORY_ITEMS_MAX, HISTORY_PAGE_BYTES, HISTORY_QUERY_BYTES, HISTORY_RECEIVED,
    HISTORY_SENT, HistoryItem, HistoryQuery, ITEM_HAS_VOTES, ITEM_TO_PRIMARY, OrderBody, RECIPIENT_PRIMARY, U64,
};
use std::collections::BTreeMap;

/// What a shard's history file would hold, by segment.
#[derive(Default)]
struct Segments(BTreeMap<u64, Vec<u8>>);

impl Segments {
    fn write(&mut self, position: u64, bytes: &[u8]) {
        let (segment, offset) = segment_of(position);
        let (file, offset) = (self.0.entry(segment).or_default(), usize::try_from(offset).unwrap());
        file.resize(file.len().max(offset + bytes.len()), 0);
        file[offset..][..bytes.len()].copy_from_slice(bytes);
    }
}

impl Entries for Segments {
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize {
        let (segment, offset) = segment_of(position);
        let rest = self.0.get(&segment).and_then(|file| file.get(usize::try_from(offset).unwrap()..));
        let rest = rest.unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

/// A shard, its journal and its history.
struct Keeping {
    node: Node,
    segments: Segments,
    records: Vec<u8>,
    /// Entries that were looked at for the last question.
    world: World,
}

fn setup() -> Setup {
    Setup { is_durable: true, keeps_history: true, ..Setup::default() }
}

impl Keeping {
    fn new(world: &World, setup: Setup) -> Self {
        Self { node: Node::new(world, setup), segments: Segments::default(), records: Vec::new(), world: world.clone() }
    }

    /// Everything reaches the disk.
    fn sync(&mut self) {
        self.hand_over();
        let mut records = Vec::new();
        while self.node.shard.seal(1 << 20, &mut records).is_some() {
            self.records.extend_from_slice(&records);
        }
        self.node.shard.set_durable(self.node.shard.records_sealed());
    }

    fn hand_over(&mut self) {
        let mut bytes = Vec::new();
        while let Some(position) = self.node.shard.seal_history(&mut bytes) {
            self.segments.write(position, &bytes);
        }
        assert!(!self.node.shard.has_open_history());
    }

    fn answer_all(&mut self) {
        while let Some(request) = self.node.shard.take_history_request() {
            self.node.shard.finish_history(answer(&request, &mut self.segments));
        }
    }

    fn ask(&mut self, datagram: &[u8]) -> Reply {
        self.node.receive(datagram);
        self.sync();
        self.answer_all();
        let mut replies = self.node.collect();
        assert_eq!(replies.len(), 1);
        replies.remove(0).1
    }

    /// Applies certified payments.
    fn settle(&mut self, bodies: &[OrderBody]) -> Vec<Vec<u8>> {
        let certificates = self.world.certify_all(bodies);
        for burst in certificates.chunks(50) {
            self.node.receive_all(burst);
            let batch = self.node.take_batch();
            self.node.finish(batch);
            self.sync();
            for (_, reply) in self.node.collect() {
                assert!(matches!(reply, Reply::Receipt { .. }), "{reply:?}");
            }
        }
        certificates
    }

    fn page(&mut self, account: &Address, change: impl FnOnce(&mut HistoryQuery)) -> (u64, u64, Vec<HistoryItem>) {
        let query = self.world.history_query(account, change);
        self.ask(&query).page()
    }

    /// All of a chain, page by page, newest first.
    fn chain(&mut self, account: &Address, what: u8) -> Vec<HistoryItem> {
        let (mut items, mut from) = (Vec::new(), 0);
        loop {
            let (_, next, page) = self.page(account, |query| (query.what, query.from) = (what, U64::new(from)));
            items.extend(page);
            if next == 0 {
                return items;
            }
            from = next;
        }
    }

    fn certificate(&mut self, account: &Address, sequence: u64, from: u64) -> Reply {
        let query = self.world.history_query(account, |query| {
            (query.what, query.sequence, query.from) = (HISTORY_CERTIFICATE, U64::new(sequence), U64::new(from));
        });
        self.ask(&query)
    }
}

fn sequences(items: &[HistoryItem]) -> Vec<u64> {
    items.iter().map(|item| item.sequence.get()).collect()
}

/// 300 payments from 0 to 1, the odd ones back again, as certificates.
fn ping_pong() -> (Keeping, Vec<Payer>, Vec<OrderBody>, Vec<Vec<u8>>) {
    let (world, payers) = (World::of(4), Payer::many(3));
    let mut keeping = Keeping::new(&world, setup());
    keeping.node.fund(&payers);
    let body = |number: u64| {
        let (from, to) = if number.is_multiple_of(2) { (0, 1) } else { (1, 0) };
        payers[from].body(&payers[to].address, 1 + number % 3, number / 2)
    };
    let bodies: Vec<_> = (0..600).map(body).collect();
    let certificates = keeping.settle(&bodies);
    (keeping, payers, bodies, certificates)
}

#[test]
fn chains_of_three_hundred_payments_are_read_in_pages_in_both_directions() {
    let (mut keeping, payers, bodies, certificates) = ping_pong();
    for (own, other) in [(0, 1), (1, 0)] {
        let made: Vec<_> = (0..).zip(&bodies).filter(|(_, body)| body.sender == payers[own].address).collect();
        let received: Vec<_> = (0..).zip(&bodies).filter(|(_, body)| body.sender == payers[other].address).collect();
        for (what, expected) in [(HISTORY_SENT, made), (HISTORY_RECEIVED, received)] {
            let items = keeping.chain(&payers[own].address, what);
            assert_eq!(items.len(), 300);
            for (item, (number, body)) in items.iter().zip(expected.iter().rev()) {
                assert_eq!((item.sequence, item.amount), (body.sequence, body.amount));
                assert_eq!((item.counterparty, item.shard.get()), (payers[other].address, 0));
                assert_eq!(item.flags, ITEM_HAS_VOTES);
                let found = keeping.certificate(&body.sender, body.sequence.get(), item.position.get());
                assert_eq!(found.certificate(), certificates[*number], "as it came, byte for byte");
            }
        }
    }
    let nobody = &payers[2].address;
    assert_eq!(keeping.page(nobody, |_| ()), (0, 0, Vec::new()));
    assert_eq!(keeping.page(nobody, |query| query.what = HISTORY_RECEIVED), (0, 0, Vec::new()));
    keeping.certificate(nobody, 0, 0).assert_refused(Reject::NotHere);
}

#[test]
fn cursors_stop_a_page_where_what_is_known_begins() {
    let (mut keeping, payers, _, _) = ping_pong();
    let account = payers[0].address;
    let (from, next, items) = keeping.page(&account, |query| query.stop = U64::new(290));
    assert_eq!((sequences(&items), next), ((290..300).rev().collect(), 0));
    assert_eq!(from, items[0].position.get());
    let (_, next, items) = keeping.page(&account, |_| ());
    assert_eq!((items.len(), next > 0), (HISTORY_ITEMS_MAX, true));
    // What was received: the position of the page read last time, itself left out.
    let received = |query: &mut HistoryQuery| query.what = HISTORY_RECEIVED;
    let (known, _, _) = keeping.page(&account, received);
    let bodies: Vec<_> = (0..5).map(|number| payers[2].body(&account, 7, number)).collect();
    keeping.settle(&bodies);
    let (_, next, items) = keeping.page(&account, |query| {
        received(query);
        query.stop = U64::new(known);
    });
    assert_eq!((sequences(&items), next), (vec![4, 3, 2, 1, 0], 0));
}

#[test]
fn a_certificate_far_back_takes_several_walks_and_a_position_near_it_one() {
    let (world, payers) = (World::of(4), Payer::many(2));
    let mut keeping = Keeping::new(&world, setup());
    keeping.node.fund(&payers);
    let count = 2 * HISTORY_WALK_MAX as u64 + 10;
    let bodies: Vec<_> = (0..count).map(|number| payers[0].body(&payers[1].address, 1, number)).collect();
    let certificates = keeping.settle(&bodies);
    let (mut from, mut walks) = (0, 0);
    let found = loop {
        walks += 1;
        match keeping.certificate(&payers[0].address, 3, from) {
            Reply::Page { next, items, .. } => {
                assert!(items.is_empty() && next > 0 && (from == 0 || next < from));
                from = next;
            }
            found => break found.certificate(),
        }
    };
    assert_eq!((found, walks), (certificates[3].clone(), 3));
    let near = keeping.page(&payers[0].address, |query| query.from = U64::new(from)).2[0].position.get();
    assert_eq!(keeping.certificate(&payers[0].address, 3, near).certificate(), certificates[3]);
    keeping.certificate(&payers[0].address, count, 0).assert_refused(Reject::NotHere);
}

#[test]
fn a_payment_to_oneself_is_in_both_chains_and_one_to_the_primary_ledger_in_one() {
    let (world, payers) = (World::of(4), Payer::many(2));
    let mut keeping = Keeping::new(&world, setup());
    keeping.node.fund(&payers);
    let own = payers[0].address;
    let mut redeemed = payers[0].body(&own, 4, 2);
    redeemed.recipient_kind = RECIPIENT_PRIMARY;
    let others = [payers[0].body(&own, 2, 0), payers[0].body(&payers[1].address, 3, 1)];
    keeping.settle(&[others[0], others[1], redeemed, payers[0].body(&own, 5, 3)]);
    let (sent, received) = (keeping.chain(&own, HISTORY_SENT), keeping.chain(&own, HISTORY_RECEIVED));
    assert_eq!((sequences(&sent), sequences(&received)), (vec![3, 2, 1, 0], vec![3, 0]));
    assert_eq!((sent[0], sent[3]), (received[0], received[1]));
    assert_eq!(sent[1].flags, ITEM_HAS_VOTES | ITEM_TO_PRIMARY);
    assert_eq!(keeping.node.account(&own).balance, i128::from(FUNDS) - 3 - 4);
}

#[test]
fn a_credit_from_another_shard_says_where_its_certificate_is() {
    let world = World::of(4).with_shards(2);
    let account_count_max = crate::limits::account_reserve(2) + 10;
    let keep = |shard| Keeping::new(&world, Setup { shard, account_count_max, ..setup() });
    let (mut source, mut destination) = (keep(0), keep(1));
    let (payer, payee) = (world.payers_on(0, 0, 1).remove(0), world.payers_on(1, 0, 1).remove(0));
    source.node.fund(core::slice::from_ref(&payer));
    let bodies: Vec<_> = (0..40).map(|number| payer.body(&payee.address, 2, number)).collect();
    let certificates = source.settle(&bodies);
    while let Some(credit) = source.node.shard.peek_credit(ShardIndex(1)).copied() {
        source.node.shard.advance_credit(ShardIndex(1));
        destination.node.shard.receive_credit(ShardIndex(0), &credit);
    }
    destination.sync();
    let items = destination.chain(&payee.address, HISTORY_RECEIVED);
    assert_eq!(sequences(&items), (0..40).rev().collect::<Vec<_>>());
    for item in items {
        assert_eq!((item.counterparty, item.shard.get(), item.amount.get()), (payer.address, 0, 2));
        let sequence = item.sequence.get();
        let found = source.certificate(&payer.address, sequence, item.position.get());
        assert_eq!(found.certificate(), certificates[usize::try_from(sequence).unwrap()]);
    }
    assert_eq!(source.chain(&payer.address, HISTORY_SENT).len(), 40);
    assert!(Authority::new(&world, 3).nodes.len() == 2);
}

#[test]
fn no_answer_is_longer_than_its_question_and_a_longer_one_gets_it() {
    let (mut keeping, payers, _, certificates) = ping_pong();
    let account = payers[0].address;
    for what in [HISTORY_SENT, HISTORY_RECEIVED, HISTORY_CERTIFICATE] {
        let whole = keeping.world.history_query(&account, |query| {
            (query.what, query.sequence) = (what, U64::new(299));
        });
        for length in (HISTORY_QUERY_BYTES..=FRAME_BYTES_MAX).step_by(7) {
            // The harness holds each answer's length against that of its question.
            match keeping.ask(&whole[..length]) {
                Reply::Page { next, items, .. } if what == HISTORY_CERTIFICATE => {
                    assert!(items.is_empty() && length < certificates[598].len());
                    assert!(next > 0, "it is here, for a longer question");
                }
                Reply::Page { items, .. } => {
                    assert_eq!(items.len(), ((length - HISTORY_PAGE_BYTES) / 64).min(HISTORY_ITEMS_MAX));
                }
                reply => assert_eq!(reply.certificate(), certificates[598]),
            }
        }
    }
}

#[test]
fn positions_from_a_client_lead_to_his_own_entries_or_to_a_refusal() {
    let (mut keeping, payers, _, _) = ping_pong();
    let end = keeping.node.shard.history_end();
    let items = keeping.chain(&payers[0].address, HISTORY_SENT);
    let own: Vec<u64> = items.iter().map(|item| item.position.get()).collect();
    let mut refused = 0;
    for position in (0..60_000).map(|step| HISTORY_START + step).chain([1, 4_088, end - 8, end, end + 8, u64::MAX]) {
        for what in [HISTORY_SENT, HISTORY_CERTIFICATE] {
            let query = keeping.world.history_query(&payers[0].address, |query| {
                (query.what, query.from) = (what, U64::new(position));
            });
            if own.contains(&position) || position % 8 != 0 && position % 1_000 != 1 {
                continue;
            }
            keeping.ask(&query).assert_refused(Reject::BadPosition.detail(position));
            refused += 1;
        }
    }
    assert!(refused > 10_000, "{refused}");
    // Another account's entry is refused, too, and so is one that is there and that the shard has not come to.
    let other = keeping.chain(&payers[1].address, HISTORY_SENT)[0].position.get();
    let query = keeping.world.history_query(&payers[0].address, |query| query.from = U64::new(other));
    keeping.ask(&query).assert_refused(Reject::BadPosition.detail(other));
    let newest = own[0];
    let request = HistoryRequest {
        peer: "127.0.0.1:9".parse().unwrap(),
        shard: 0,
        network_tag: 0,
        account: payers[0].address,
        nonce: 0,
        what: HISTORY_SENT,
        from: newest,
        is_from_peer: true,
        end: newest,
        stop: 0,
        sequence: 0,
        byte_count: FRAME_BYTES_MAX,
    };
    assert_eq!(answer(&request, &mut keeping.segments).refused(), Some(Reject::BadPosition));
    let request = HistoryRequest { end: newest + ENTRY_BYTES_MAX as u64, ..request };
    assert_eq!(answer(&request, &mut keeping.segments).refused(), None);
}

#[test]
fn where_the_oldest_was_removed_or_damaged_the_rest_is_read_and_then_refused() {
    let (mut keeping, payers, _, _) = ping_pong();
    let account = payers[0].address;
    let items = keeping.chain(&account, HISTORY_SENT);
    let cut = items[30].position.get();
    for is_removed in [false, true] {
        let file = keeping.segments.0.get_mut(&0).unwrap();
        let offset = usize::try_from(cut).unwrap();
        file[offset + 20] ^= 1;
        if is_removed {
            keeping.segments.0.remove(&0);
            keeping.page_refused(&account, 0, items[0].position.get());
            continue;
        }
        let (_, next, first) = keeping.page(&account, |_| ());
        let (_, next, second) = keeping.page(&account, |query| query.from = U64::new(next));
        assert_eq!((first.len() + second.len(), next), (30, cut));
        let query = keeping.world.history_query(&account, |query| query.from = U64::new(cut));
        keeping.ask(&query).assert_refused(Reject::BadPosition.detail(cut));
        keeping.certificate(&account, 3, 0).assert_refused(Reject::NotHere.detail(cut));
    }
}

impl Keeping {
    #[track_caller]
    fn page_refused(&mut self, account: &Address, from: u64, detail: u64) {
        let query = self.world.history_query(account, |query| query.from = U64::new(from));
        self.ask(&query).assert_refused(Reject::NotHere.detail(detail));
    }
}

#[test]
fn questions_wait_for_what_they_tell_and_too_many_are_answered_busy() {
    let (world, payers) = (World::of(4), Payer::many(2));
    let mut keeping = Keeping::new(&world, setup());
    keeping.node.fund(&payers);
    let query = world.history_query(&payers[0].address, |_| ());
    keeping.node.receive(&world.certify(&payers[0].body(&payers[1].address, 1, 0)));
    let batch = keeping.node.take_batch();
    keeping.node.finish(batch);
    for _ in 0..HISTORY_REQUESTS_MAX {
        keeping.node.receive(&query);
    }
    keeping.node.receive(&query);
    keeping.hand_over();
    assert_eq!(keeping.node.shard.take_history_request(), None, "the payment is not durable");
    assert_eq!(keeping.node.collect().len(), 0);
    keeping.sync();
    keeping.node.receive(&query);
    let request = keeping.node.shard.take_history_request().unwrap();
    keeping.node.receive(&query);
    let replies = keeping.node.collect();
    let refused =
        |(_, reply): &(usize, Reply)| matches!(reply, Reply::Rejection { refusal, .. } if refusal.code == Reject::Busy);
    assert_eq!((replies.len(), replies.iter().filter(|reply| refused(reply)).count()), (4, 3), "and a receipt");
    keeping.node.shard.finish_history(answer(&request, &mut keeping.segments));
    keeping.answer_all();
    let pages = keeping.node.collect();
    assert_eq!(pages.len(), HISTORY_REQUESTS_MAX);
    assert!(pages.into_iter().all(|(_, reply)| reply.page().2.len() == 1));
}

#[test]
fn an_entry_that_could_be_asked_for_is_handed_over_before_the_question() {
    let (world, payers) = (World::of(4), Payer::many(2));
    let mut keeping = Keeping::new(&world, setup());
    keeping.node.fund(&payers);
    keeping.node.receive(&world.history_query(&payers[0].address, |_| ()));
    keeping.node.receive(&world.certify(&payers[0].body(&payers[1].address, 1, 0)));
    let batch = keeping.node.take_batch();
    keeping.node.finish(batch);
    assert_eq!(keeping.node.shard.take_history_request(), None);
    keeping.hand_over();
    let request = keeping.node.shard.take_history_request().expect("it rests on nothing that is not durable");
    assert_eq!((request.from, request.end), (0, HISTORY_START));
    // No history: no questions.
    let mut node = Node::new(&world, Setup::default());
    node.fund(&payers);
    node.assert_refuses(&world.history_query(&payers[0].address, |_| ()), Reject::NoHistory);
}

#[test]
fn entries_that_nobody_takes_stop_the_shard_and_two_segments_come_one_after_the_other() {
    let (world, payers) = (World::of(4), Payer::many(2));
    let mut keeping = Keeping::new(&world, setup());
    keeping.node.fund(&payers);
    let start = HISTORY_SEGMENT_BYTES - 2_000;
    keeping.node.shard.history.resume(start);
    let mut sequence = 0;
    while keeping.node.shard.room() > 0 {
        let bodies: Vec<_> =
            (sequence..sequence + 50).map(|number| payers[0].body(&payers[1].address, 1, number)).collect();
        keeping.node.receive_all(&world.certify_all(&bodies));
        let batch = keeping.node.take_batch();
        keeping.node.finish(batch);
        let mut records = Vec::new();
        while keeping.node.shard.seal(1 << 20, &mut records).is_some() {}
        keeping.node.shard.set_durable(keeping.node.shard.records_sealed());
        keeping.node.collect_frames();
        sequence += 50;
        assert!(sequence < 50_000);
    }
    let mut bytes = Vec::new();
    let mut pieces = Vec::new();
    while let Some(position) = keeping.node.shard.seal_history(&mut bytes) {
        keeping.segments.write(position, &bytes);
        pieces.push((position, bytes.len()));
    }
    assert_eq!((pieces.len(), pieces[0].0, pieces[1].0), (2, start, HISTORY_SEGMENT_BYTES + HISTORY_START));
    assert!(pieces[0].1 <= 2_000 && pieces[0].1 + pieces[1].1 >= HISTORY_OPEN_BYTES_MAX);
    assert!(keeping.node.shard.room() > 0 && keeping.node.shard.history_end() < HISTORY_POSITION_MAX);
    assert_eq!(keeping.chain(&payers[0].address, HISTORY_SENT).len() as u64, sequence);
}

#[test]
fn after_a_crash_every_link_is_there_and_only_votes_are_missing() {
    let (keeping, payers, bodies, _) = ping_pong();
    let restart = |segments: Segments| {
        let mut again = Keeping::new(&keeping.world, setup());
        again.segments = segments;
        again.node.fund(&payers);
        again.node.shard.begin_recovery(RecordNumber(0));
        again.node.shard.replay(&keeping.records).unwrap();
        let mut stubs = Vec::new();
        again.node.shard.take_stubs(&mut stubs);
        let mut rest = stubs.as_slice();
        while let Some((stub, bytes, after)) = crate::history::entry::split_first(rest) {
            let mut found = [0; ENTRY_BYTES_MAX];
            let length = again.segments.read(stub.position, &mut found);
            let found = crate::history::entry::Entry::decode(stub.position, &found[..length]);
            if !found.is_some_and(|found| stub.is_same(&found)) {
                again.segments.write(stub.position, bytes);
            }
            rest = after;
        }
        again.node.shard.finish_recovery().unwrap();
        again
    };
    let whole = keeping.segments.0[&0].clone();
    for kept in [0, whole.len() / 2, whole.len()] {
        let mut segments = Segments::default();
        segments.write(0, &whole[..kept]);
        let mut again = restart(segments);
        let more: Vec<_> = (300..310).map(|number| payers[0].body(&payers[1].address, 1, number)).collect();
        again.settle(&more);
        let items = again.chain(&payers[0].address, HISTORY_SENT);
        assert_eq!(sequences(&items), (0..310).rev().collect::<Vec<_>>());
        let with_votes = items.iter().filter(|item| item.flags & ITEM_HAS_VOTES != 0).count();
        let expected = [10..11, 140..180, 310..311].into_iter().zip([0, whole.len() / 2, whole.len()]);
        let (range, _) = expected.into_iter().find(|(_, length)| *length == kept).unwrap();
        assert!(range.contains(&with_votes), "{with_votes} have votes");
        if kept == 0 {
            let lost = items[100];
            let reply = again.certificate(&payers[0].address, lost.sequence.get(), lost.position.get());
            reply.assert_refused(Reject::NotHere.detail(lost.position.get()));
        }
    }
    assert_eq!(bodies.len(), 600);
}

#[test]
fn a_record_whose_entry_lies_before_one_that_it_follows_is_refused() {
    let (keeping, payers, ..) = ping_pong();
    let mut again = Keeping::new(&keeping.world, setup());
    again.node.fund(&payers);
    again.node.shard.begin_recovery(RecordNumber(0));
    let (mut rest, mut changed, mut is_changed) = (keeping.records.as_slice(), Vec::new(), false);
    while let Ok((mut record, after)) = Record::decode(rest) {
        if let Record::Confirm { position, .. } = &mut record
            && !core::mem::replace(&mut is_changed, true)
        {
            *position += 1 << 24;
        }
        record.encode(&mut changed);
        rest = after;
    }
    let refused = again.node.shard.replay(&changed);
    assert!(matches!(refused, Err(ReplayError::Contradiction { .. })), "{refused:?}");
}
