use super::*;
use crate::journal::fixture::{REGION_BYTES, Random, genesis, shard};
use crate::swept::{cases, swept};
use crate::types::{Amount, Sequence};

const CREATED: [u8; 16] = [5; 16];

fn header() -> SnapshotHeader {
    let start = Position { block: 4, offset: 8192, record: RecordNumber(20), ..genesis() };
    SnapshotHeader { shard: shard(), created: CREATED, number: 6, start }
}

fn slot(index: usize) -> SlotImage {
    let mut address = [1; 32];
    address[..8].copy_from_slice(&index.to_le_bytes());
    SlotImage {
        address,
        balance: I128::new(-5),
        next_sequence: U64::new(index as u64),
        pending: [2; 32],
        last_confirmed: [3; 32],
        sent: U64::new(0x1000),
        received: U64::new(0x2000),
    }
}

fn credit(number: u64, amount: u64) -> Credit {
    let (sequence, position) = (Sequence(amount), number ^ 99);
    Credit { number, recipient: [4; 32], amount: Amount(amount), sender: [5; 32], sequence, position }
}

fn tail() -> ShardTail {
    let credit = |number: u64| credit(number, number ^ 10);
    let outgoing = |last_number, count: u64| OutgoingTail {
        last_number,
        peer_has_room: count == 0,
        credits: (last_number - count + 1..=last_number).map(credit).collect(),
    };
    ShardTail {
        redeemed: u128::from(u64::MAX) + 1,
        history_end: 0x0102_0304_0506,
        incoming: vec![1, 0, u64::MAX, 3],
        outgoing: vec![outgoing(0, 0), outgoing(7, 3), outgoing(u64::MAX, 1), outgoing(2, 2)],
    }
}

/// As one shard would write it: chunks of 1024, then the rest.
fn snapshot(slot_count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&header(), &mut out);
    let slots: Vec<SlotImage> = (0..slot_count).map(slot).collect();
    for (chunk, lsn) in slots.chunks(SNAPSHOT_CHUNK_SLOTS).zip(20..) {
        encoder.chunk(RecordNumber(lsn), chunk, &mut out);
    }
    encoder.tail(RecordNumber(90), &tail(), &mut out);
    let totals = encoder.finish(&mut out);
    assert_eq!(totals.slot_count, slot_count as u64);
    out
}

/// What was read.
#[derive(Debug, Default, PartialEq)]
struct Read {
    header: Option<SnapshotHeader>,
    chunks: Vec<(RecordNumber, u64, usize)>,
    slots: Vec<SlotImage>,
    tail: Option<(RecordNumber, ShardTail)>,
    footer: Option<Totals>,
}

/// Reads in pieces of random lengths up to `piece_bytes_max`; what was read before an error is there too.
fn read_into(read: &mut Read, mut bytes: &[u8], piece_bytes_max: usize) -> Result<Totals, SnapshotError> {
    let mut random = Random(piece_bytes_max as u64);
    let mut decoder = Decoder::new(shard(), CREATED, REGION_BYTES);
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + random.below(piece_bytes_max)).min(bytes.len()));
        bytes = rest;
        decoder.push(piece);
        while let Some(item) = decoder.item()? {
            match item {
                Item::Header(header) => read.header = Some(header),
                Item::Chunk { lsn, first_slot, slots } => {
                    read.chunks.push((lsn, first_slot, slots.len()));
                    read.slots.extend_from_slice(slots);
                }
                Item::Tail { lsn, tail } => read.tail = Some((lsn, tail)),
                Item::Footer(totals) => read.footer = Some(totals),
            }
        }
        assert!(decoder.pending.len() <= PART_BYTES_MAX.saturating_add(piece_bytes_max));
    }
    decoder.finish()
}

fn result(bytes: &[u8]) -> Result<Totals, SnapshotError> {
    read_into(&mut Read::default(), bytes, usize::MAX)
}

#[test]
fn a_snapshot_comes_back_whatever_the_length_of_the_reads() {
    let bytes = snapshot(2 * SNAPSHOT_CHUNK_SLOTS + 3);
    let lengths = [1, 7, 200, PAGE_BYTES, 100_000, usize::MAX];
    // Bytes that come one by one take Miri an hour.
    for piece_bytes_max in lengths.into_iter().filter(|length| !cfg!(miri) || *length >= PAGE_BYTES) {
        let mut read = Read::default();
        let totals = read_into(&mut read, &bytes, piece_bytes_max).unwrap();
        assert_eq!(totals, Totals { chunk_count: 3, slot_count: 2051 });
        assert_eq!(
            read.chunks,
            [(RecordNumber(20), 0, 1024), (RecordNumber(21), 1024, 1024), (RecordNumber(22), 2048, 3)]
        );
        assert!(read.slots.iter().copied().eq((0..2051).map(slot)));
        assert_eq!((read.header, read.footer), (Some(header()), Some(totals)));
        assert_eq!(read.tail, Some((RecordNumber(90), tail())));
    }
}

#[test]
fn a_shard_without_accounts_has_a_snapshot_too() {
    assert_eq!(result(&snapshot(0)), Ok(Totals { chunk_count: 0, slot_count: 0 }));
    assert_eq!(result(&snapshot(SNAPSHOT_CHUNK_SLOTS)), Ok(Totals { chunk_count: 1, slot_count: 1024 }));
}

#[test]
fn a_snapshot_cut_short_anywhere_is_incomplete_and_a_longer_one_damaged() {
    let mut bytes = snapshot(3);
    for length in swept(0..bytes.len()) {
        assert_eq!(result(&bytes[..length]), Err(SnapshotError::Incomplete), "{length} bytes");
    }
    bytes.push(0);
    assert_eq!(result(&bytes), Err(SnapshotError::Damaged));
}

/// Flips in slots and outboxes make other slots and outboxes: only the digest sees them, and it is the last thing read.
#[test]
fn a_single_bit_flipped_anywhere_is_noticed() {
    let mut bytes = snapshot(3);
    let mut unnoticed_until_the_foot = 0;
    for bit in swept(0..bytes.len() * 8) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut read = Read::default();
        assert!(read_into(&mut read, &bytes, usize::MAX).is_err(), "bit {bit}");
        assert_eq!(read.footer, None);
        unnoticed_until_the_foot += usize::from(read.tail.is_some());
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(
        // Under Miri too few are flipped to count.
        cfg!(miri) || unnoticed_until_the_foot >= swept(0..3 * size_of::<SlotImage>() * 8).count() - 1,
        "{unnoticed_until_the_foot}"
    );
}

#[test]
fn snapshots_of_another_shard_or_journal_are_foreign() {
    let bytes = snapshot(1);
    let refusal = |shard, created, region_bytes| {
        let mut decoder = Decoder::new(shard, created, region_bytes);
        decoder.push(&bytes);
        decoder.item().map(|_| ()).unwrap_err()
    };
    let other = shard().identity.of_shard(ShardIndex(1));
    assert_eq!(refusal(other, CREATED, REGION_BYTES), SnapshotError::Foreign);
    assert_eq!(refusal(shard(), [6; 16], REGION_BYTES), SnapshotError::Foreign);
    let identity = Identity { shard_count: 5, ..shard().identity };
    assert_eq!(refusal(ShardIdentity { identity, ..shard() }, CREATED, REGION_BYTES), SnapshotError::Foreign);
    assert_eq!(refusal(shard(), CREATED, 8192), SnapshotError::Damaged, "its start is outside");
}

#[test]
fn what_is_no_snapshot_is_called_so() {
    assert_eq!(result(&[0; PAGE_BYTES]), Err(SnapshotError::NotASnapshot));
    let mut bytes = snapshot(1);
    bytes[8] = 9;
    assert_eq!(result(&bytes), Err(SnapshotError::Version { found: 9 }));
}

/// A part, with its digest made good: what a writer at fault could leave.
fn with_part(kind: u16, body_bytes: u64, lsn: u64, body: &[u8]) -> Result<Totals, SnapshotError> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&header(), &mut out);
    encoder.chunk(RecordNumber(30), &[slot(0)], &mut out);
    let head = PartHead { kind: U16::new(kind), padding: [0; 6], body_bytes: U64::new(body_bytes), lsn: U64::new(lsn) };
    encoder.append(bytemuck::bytes_of(&head), &mut out);
    encoder.append(body, &mut out);
    encoder.has_tail = true;
    encoder.finish(&mut out);
    result(&out)
}

#[test]
fn impossible_parts_are_damaged_however_long_they_claim_to_be() {
    let mut whole = Vec::new();
    let mut encoder = Encoder::new(&header(), &mut Vec::new());
    encoder.tail(RecordNumber(30), &tail(), &mut whole);
    let body = &whole[PART_HEAD_BYTES..];
    let length = body.len() as u64;
    assert!(with_part(PART_TAIL, length, 30, body).is_ok());
    for claimed in [length - 1, u64::MAX, PART_BYTES_MAX as u64] {
        assert_eq!(with_part(PART_TAIL, claimed, 30, body), Err(SnapshotError::Damaged), "{claimed}");
    }
    assert_eq!(with_part(PART_TAIL, length, 29, body), Err(SnapshotError::Damaged), "an earlier record");
    assert_eq!(with_part(PART_CHUNK, 136, 30, &[0; 136]), Err(SnapshotError::Damaged), "a chunk after a short one");
    assert_eq!(with_part(4, 0, 30, &[]), Err(SnapshotError::Damaged));
    assert_eq!(with_part(PART_FOOT, 48, 30, &[0; 48]), Err(SnapshotError::Damaged), "no tail");
}

#[test]
fn a_foot_that_names_a_later_record_than_the_tail_is_damaged() {
    let mut bytes = snapshot(3);
    let foot = bytes.len() - PART_HEAD_BYTES - size_of::<FootBytes>();
    let lsn = foot + core::mem::offset_of!(PartHead, lsn);
    assert_eq!(bytes[lsn], 90, "the tail's");
    bytes[lsn] = 91;
    let (content, digest) = bytes.split_last_chunk_mut::<32>().unwrap();
    *digest = *blake3::hash(content).as_bytes();
    assert_eq!(result(&bytes), Err(SnapshotError::Damaged));
    bytes[lsn] = 90;
    let (content, digest) = bytes.split_last_chunk_mut::<32>().unwrap();
    *digest = *blake3::hash(content).as_bytes();
    assert!(result(&bytes).is_ok(), "with a good digest it was only that");
}

#[test]
fn outboxes_that_cannot_be_are_damaged() {
    let mut body = Vec::new();
    tail().outgoing[1].encode(&mut body);
    assert_eq!(OutgoingTail::decode(&body), Some((tail().outgoing[1].clone(), &[][..])));
    let with_counts = |last_number: u64, credit_count: u64| {
        let mut changed = body.clone();
        changed[..8].copy_from_slice(&last_number.to_le_bytes());
        changed[8..16].copy_from_slice(&credit_count.to_le_bytes());
        OutgoingTail::decode(&changed).is_some()
    };
    assert!(with_counts(7, 3) && with_counts(3, 3));
    assert!(!with_counts(2, 3) && !with_counts(7, 4) && !with_counts(u64::MAX, u64::MAX));
    assert!(!with_counts(u64::MAX, CREDITS_UNACKNOWLEDGED_MAX as u64 + 1));
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    let whole = snapshot(3);
    let mut random = Random(8);
    for _ in 0..cases(3_000) {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(6) {
            let place =
                if random.one_in(2) { PAGE_BYTES + random.below(bytes.len() - PAGE_BYTES) } else { random.below(160) };
            bytes[place] = u8::try_from(random.below(256)).unwrap();
        }
        let cut = random.below(bytes.len() + 1);
        let _ = read_into(&mut Read::default(), &bytes[..cut], 1 + random.below(5000));
        let length = random.below(600);
        let tail = random.bytes(length);
        let _ = ShardTail::decode(&tail, 4);
    }
}

#[test]
#[cfg_attr(miri, ignore = "many MiB, and nothing that shorter ones do not show")]
fn the_longest_tail_is_what_the_bound_says() {
    let credits = |number| credit(number, 1);
    let count = CREDITS_UNACKNOWLEDGED_MAX as u64;
    let outgoing =
        OutgoingTail { last_number: count, peer_has_room: true, credits: (1..=count).map(credits).collect() };
    let identity = Identity { shard_count: SHARDS_MAX, ..shard().identity };
    let header = SnapshotHeader { shard: identity.of_shard(ShardIndex(0)), ..header() };
    let shards = usize::from(SHARDS_MAX);
    let tail = ShardTail { redeemed: 0, history_end: 0, incoming: vec![0; shards], outgoing: vec![outgoing; shards] };
    let mut encoder = Encoder::new(&header, &mut Vec::new());
    let mut out = Vec::new();
    encoder.tail(RecordNumber(20), &tail, &mut out);
    assert_eq!(out.len(), PART_BYTES_MAX);
}
