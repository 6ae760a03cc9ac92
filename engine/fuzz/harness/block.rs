//! What a journal is made of: blocks, records, snapshots. Nothing is read that was not written, and a value has one encoding.

use super::common::{Bug, Bytes, Random, planted};
use core::convert::Infallible;
use quittance_engine::history::entry::Entry;
use quittance_engine::journal::identity::{Identity, JournalKey, ShardIdentity, Superblock};
use quittance_engine::journal::record::Record;
use quittance_engine::journal::ring::{Position, Ring};
use quittance_engine::journal::scan::{Image, Scan, ScanError, Step};
use quittance_engine::journal::snapshot::{Decoder, Encoder, Item, OutgoingTail, ShardTail, SlotImage, SnapshotHeader};
use quittance_engine::journal::{BLOCK_BYTES_MAX, PAGE_BYTES, REGION_BYTES_MIN, RecordNumber};
use quittance_engine::mutant::Planted;
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Digest, Sequence, ShardIndex};

const CREATED: [u8; 16] = [4; 16];
/// Blocks that are written before anything is damaged.
const BLOCK_COUNT: usize = 3;

fn shard() -> ShardIdentity {
    Identity { network: NetworkId([7; 32]), authority_key: [8; 32], shard_count: 2 }.of_shard(ShardIndex(1))
}

/// The first byte says what the others are: blocks and how they are damaged, records, a snapshot, or any page.
///
/// # Panics
/// If something is read that was not written, or can be written in two ways.
pub(crate) fn check(input: &[u8], bug: Option<Bug>) {
    let Some((kind, rest)) = input.split_first() else { return };
    match kind % 4 {
        0 => check_blocks(rest, planted(bug)),
        1 => check_records(rest, bug),
        2 => check_snapshot(rest),
        _ => check_page(rest),
    }
}

/// A region that is as long as it was written; behind that are zeros.
struct Region(Vec<u8>);

impl Image for Region {
    type Error = Infallible;

    fn read(&mut self, _: u8, offset: u64, into: &mut [u8]) -> Result<(), Infallible> {
        into.fill(0);
        let offset = usize::try_from(offset).expect("a megabyte");
        if let Some(bytes) = self.0.get(offset..) {
            let length = bytes.len().min(into.len());
            into[..length].copy_from_slice(&bytes[..length]);
        }
        Ok(())
    }
}

fn check_blocks(input: &[u8], planted: Planted) {
    let mut input = Bytes(input);
    let genesis = Position::genesis(&shard().identity, ShardIndex(1));
    let key = JournalKey::derive(&[9; 32], &CREATED);
    let mut ring = Ring::new(shard(), key.clone(), REGION_BYTES_MIN, (1, 1), genesis, genesis);
    let (mut bytes, mut payloads, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..BLOCK_COUNT {
        let length = 1 + input.number() % (3 * PAGE_BYTES);
        let payload = vec![u8::try_from(number + 1).expect("few"); length];
        let mut page = vec![0xaa; BLOCK_BYTES_MAX];
        let placed = ring.encode(&payload, 1, &mut page).expect("there is room");
        ring.durable(placed.block);
        bytes.extend_from_slice(&page[..placed.bytes]);
        payloads.push(payload);
        ends.push(bytes.len());
    }
    let mut image = Region(bytes.clone());
    while !input.is_empty() {
        let (at, change) = (input.number() % bytes.len(), input.byte());
        match change {
            0 => image.0[at / 512 * 512..(at / 512 + 1) * 512].fill(0),
            1 => image.0.copy_within(at / PAGE_BYTES * PAGE_BYTES..(at / PAGE_BYTES + 1) * PAGE_BYTES, 0),
            _ => image.0[at] ^= change,
        }
    }
    let mut scan = Scan::new(shard(), key, REGION_BYTES_MIN, 1, genesis).expect("a journal begins here").with(planted);
    let (mut count, mut start) = (0, 0);
    loop {
        match scan.step(&mut image) {
            Ok(Step::Block { records, .. }) => {
                assert!(records == payloads[count], "records are read that were not written");
                let place = start..ends[count];
                assert!(image.0[place.clone()] == bytes[place], "a damaged block is read");
                (count, start) = (count + 1, ends[count]);
            }
            Ok(Step::End { .. }) => break,
            Err(ScanError::DurableBlockLost { block, .. }) => {
                assert_eq!(block, count as u64 + 1, "the block lost is the next one");
                break;
            }
            Err(fault) => panic!("one copy in memory has no other fault: {fault}"),
        }
    }
    let is_whole = image.0 == bytes;
    assert!(!is_whole || count == BLOCK_COUNT, "what is whole is read");
}

fn check_records(input: &[u8], bug: Option<Bug>) {
    let mut rest = input;
    while let Ok((record, behind)) = Record::decode(rest) {
        let length = Record::length(rest).expect("it was decoded");
        assert_eq!(length, rest.len() - behind.len(), "a record is as long as its kind says");
        let mut written = Vec::new();
        record.encode(&mut written);
        if bug == Some(Bug::ShortRecord) {
            written.pop();
        }
        assert!(written == rest[..length], "a record has two encodings");
        rest = behind;
    }
}

/// A snapshot whose digest is made good, so that what is behind it is read, too.
fn check_snapshot(input: &[u8]) {
    let mut bytes = seed_snapshot();
    for change in input.chunks_exact(4) {
        let at = usize::from(change[0]) | usize::from(change[1]) << 8;
        let (place, length) = (at % bytes.len(), bytes.len());
        match change[3] {
            0 => bytes.truncate(place),
            1 => bytes.extend_from_within(place..length.min(place + 160)),
            // The page of the head is mostly zeros.
            2 => bytes[place % 160] ^= change[2],
            _ if length > PAGE_BYTES => bytes[PAGE_BYTES + at % (length - PAGE_BYTES)] ^= change[2],
            _ => {}
        }
        if bytes.is_empty() {
            return;
        }
    }
    if let Some((content, digest)) = bytes.split_last_chunk_mut::<32>() {
        *digest = *blake3::hash(content).as_bytes();
    }
    if let Some(written) = rewrite(&bytes) {
        assert!(written == bytes, "a snapshot has two encodings");
    }
}

/// Reads a snapshot and writes it anew; `None` if it is none.
fn rewrite(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(shard(), CREATED, REGION_BYTES_MIN);
    let (mut out, mut encoder) = (Vec::new(), None);
    decoder.push(bytes);
    while let Some(item) = decoder.item().ok()? {
        match (item, &mut encoder) {
            (Item::Header(header), _) => encoder = Some(Encoder::new(&header, &mut out)),
            (Item::Chunk { lsn, slots, .. }, Some(encoder)) => encoder.chunk(lsn, slots, &mut out),
            (Item::Tail { lsn, tail }, Some(encoder)) => encoder.tail(lsn, &tail, &mut out),
            (Item::Footer(_), encoder) => _ = encoder.take().expect("a foot is the last part").finish(&mut out),
            _ => panic!("a snapshot begins with its head"),
        }
    }
    decoder.finish().ok()?;
    Some(out)
}

fn seed_snapshot() -> Vec<u8> {
    let start = Position { block: 5, offset: 4 * PAGE_BYTES as u64, chain: [6; 32], record: RecordNumber(20) };
    let header = SnapshotHeader { shard: shard(), created: CREATED, number: 3, start };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&header, &mut out);
    encoder.chunk(RecordNumber(21), &[<SlotImage as bytemuck::Zeroable>::zeroed(); 2], &mut out);
    let credit = |number| quittance_engine::credit::CreditBytes::of(&credit()).credit(number);
    let outbox = OutgoingTail { last_number: 9, peer_has_room: true, credits: vec![credit(8), credit(9)] };
    let empty = OutgoingTail { last_number: 0, peer_has_room: false, credits: Vec::new() };
    let tail = ShardTail { redeemed: 5, history_end: 0, incoming: vec![3, 0], outgoing: vec![outbox, empty] };
    encoder.tail(RecordNumber(22), &tail, &mut out);
    encoder.finish(&mut out);
    out
}

fn credit() -> quittance_engine::credit::Credit {
    let amount = quittance_engine::types::Amount(3);
    let (recipient, sender, sequence) = ([1; 32], [2; 32], Sequence(4));
    quittance_engine::credit::Credit { number: 1, recipient, amount, sender, sequence, position: 0 }
}

/// Any page is read as what it may be: superblocks and entries of the history have one encoding, too.
fn check_page(input: &[u8]) {
    let mut page = [0; PAGE_BYTES];
    let length = input.len().min(PAGE_BYTES);
    page[..length].copy_from_slice(&input[..length]);
    if let Ok(superblock) = Superblock::decode(&page) {
        assert!(superblock.encode() == page, "a superblock has two encodings");
    }
    if let Some(entry) = Entry::decode(64, input) {
        let mut written = Vec::new();
        entry.encode(&mut written);
        assert!(input.starts_with(&written), "an entry has two encodings");
    }
}

/// One of each kind, whole and damaged.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0; 10]];
    let lengths = [10, 0, 0, 0, 40, 0, 200, 0, 0];
    for (at, change) in
        [(0, 1), (10, 4), (100, 9), (200, 3), (4_096, 0), (4_200, 2), (9_000, 7), (12_300, 8), (4_096, 1)]
    {
        let (low, high) = (u8::try_from(at % 256).expect("a byte"), u8::try_from(at / 256).expect("a byte"));
        seeds.push([&[0][..], &lengths, &[low, high, 0, change]].concat());
    }
    let digest: Digest = [8; 32];
    for record in [
        Record::Vote { sender: [1; 32], sequence: Sequence(2), digest },
        Record::Confirm { body: super::common::body([1; 32], [2; 32], 3, 4), digest, credit_number: 5, position: 6 },
        Record::Credit { source: ShardIndex(1), credit: credit(), position: 3 },
        Record::Ack {
            destination: ShardIndex(1),
            ack: quittance_engine::credit::CreditAck { number: 7, has_room: true },
        },
    ] {
        let mut bytes = vec![1];
        record.encode(&mut bytes);
        record.encode(&mut bytes);
        seeds.push(bytes);
    }
    for change in [[0, 0, 0, 3], [8, 0, 1, 2], [60, 1, 1, 3], [200, 1, 0, 0], [24, 0, 2, 3], [64, 1, 255, 3]] {
        seeds.push([&[2][..], &change].concat());
    }
    let superblock = Superblock {
        identity: shard().identity,
        shards: quittance_engine::shard_range::ShardRange::all(2),
        region_bytes: REGION_BYTES_MIN,
        copy: 0,
        created: CREATED,
    };
    seeds.push([&[3][..], &superblock.encode()[..200]].concat());
    seeds
}

/// A seed with changes.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let seeds = super::cached_seeds(super::BLOCK);
    let mut input = seeds[random.below(seeds.len())].clone();
    if random.below(2) == 0 {
        random.mutate(&mut input);
    } else {
        let count = 4 * (1 + random.below(3));
        input.extend(random.bytes(count));
    }
    input
}
