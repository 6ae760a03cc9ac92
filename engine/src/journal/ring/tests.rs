use super::*;
use crate::journal::block::{Expected, HEADER_BYTES, check, check_payload};
use crate::journal::fixture::{REGION_BYTES, Random, encode, genesis, key, ring, shard};

const MAX: u64 = BLOCK_BYTES_MAX as u64;
const PAGE: u64 = PAGE_BYTES as u64;

type Room = fn(&Ring, usize) -> bool;

/// Writes and releases at random, and holds the ring to a model that knows every byte of every block. Says what was wrong.
fn run(seed: u64, has_room: Room) -> Result<(), &'static str> {
    let mut random = Random(seed);
    let mut ring = ring(genesis(), genesis(), 1);
    let mut out = vec![0; BLOCK_BYTES_MAX];
    let mut live: Vec<(Position, Placed)> = Vec::new();
    let is_greedy = random.one_in(2);
    for _ in 0..600 {
        if random.one_in(if is_greedy { 12 } else { 2 }) && !live.is_empty() {
            let count = 1 + random.below(live.len());
            let tail = live.get(count).map_or(ring.position(), |(position, _)| *position);
            live.drain(..count);
            ring.release(tail);
        }
        let payload = random.payload();
        let (before, used) = (ring.position(), ring.used_bytes());
        let placed = ring.encode_by(has_room, &payload, 1, &mut out);
        let Some(placed) = placed else {
            if used <= ring.capacity_bytes() {
                return Err("a block is refused below the capacity");
            }
            if ring.position() != before {
                return Err("a refused block moved the head");
            }
            continue;
        };
        let (start, end) = (placed.offset, placed.offset + placed.bytes as u64);
        if (start, placed.block) != (before.offset, before.block) || end > REGION_BYTES {
            return Err("a block is not where the head was");
        }
        live.push((before, placed));
        let head = ring.position();
        if head.offset != (if REGION_BYTES - end < MAX { 0 } else { end }) {
            return Err("the next block is not where a reader looks for it");
        }
        let overlaps =
            |from: u64, to: u64, placed: &Placed| from < placed.offset + placed.bytes as u64 && placed.offset < to;
        if live[..live.len() - 1].iter().any(|(_, other)| overlaps(start, end, other)) {
            return Err("a block lies on another that is needed");
        }
        if live.iter().any(|(_, other)| overlaps(head.offset, head.offset + MAX, other)) {
            return Err("the place of the next block is not free");
        }
        if ring.used_bytes() < live.iter().map(|(_, placed)| placed.bytes as u64).sum() {
            return Err("less is used than is written");
        }
    }
    Ok(())
}

#[test]
fn nothing_needed_is_written_over_and_nothing_is_refused_without_reason() {
    for seed in 0..200 {
        assert_eq!(run(seed, Ring::has_room), Ok(()), "seed {seed}");
    }
}

#[test]
fn rings_that_count_their_room_wrongly_are_caught() {
    let wrong: [(Room, &str); 4] = [
        (|_, _| true, "never full"),
        (
            |ring, bytes| ring.head.offset + bytes as u64 <= ring.tail.offset || ring.tail.offset <= ring.head.offset,
            "no slack",
        ),
        (|ring, bytes| ring.head.offset >= ring.tail.offset || ring.has_room(bytes), "forgets the tail when it wraps"),
        (|ring, bytes| ring.has_room(bytes) && ring.used_bytes() < ring.region_bytes / 5, "full too soon"),
    ];
    for (has_room, name) in wrong {
        let caught = (0..200).find(|seed| run(*seed, has_room).is_err());
        assert!(caught.is_some(), "{name}");
    }
}

/// A ring that starts with its head and tail at `offset`.
fn ring_at(offset: u64) -> Ring {
    let position = Position { offset, ..genesis() };
    ring(position, position, 1)
}

#[test]
fn the_next_block_wraps_when_one_byte_less_than_the_longest_is_left() {
    let mut out = vec![0; BLOCK_BYTES_MAX];
    let mut ring = ring_at(REGION_BYTES - MAX - PAGE);
    ring.encode(&[1], 1, &mut out).unwrap();
    assert_eq!(ring.position().offset, REGION_BYTES - MAX);
    let placed = ring.encode(&[1], 1, &mut out).unwrap();
    assert_eq!((placed.offset, ring.position().offset), (REGION_BYTES - MAX, 0));
    assert_eq!(ring.used_bytes(), MAX + PAGE, "what is left at the end counts as used");
    let placed = ring.encode(&[1], 1, &mut out).unwrap();
    assert_eq!((placed.offset, placed.block), (0, 3));
}

#[test]
fn the_longest_block_fits_the_region_to_its_last_byte() {
    let mut out = vec![0; BLOCK_BYTES_MAX];
    let mut ring = ring_at(REGION_BYTES - MAX);
    let placed = ring.encode(&vec![1; PAYLOAD_BYTES_MAX], 1, &mut out).unwrap();
    assert_eq!((placed.bytes as u64, ring.position().offset, ring.used_bytes()), (MAX, 0, MAX));
}

#[test]
fn a_full_ring_refuses_until_its_tail_is_released() {
    let mut ring = ring(genesis(), genesis(), 1);
    let first = encode(&mut ring, &[1; 100]).unwrap();
    while encode(&mut ring, &[1; 100]).is_some() {}
    assert!(ring.used_bytes() > ring.capacity_bytes());
    let before = ring.position();
    ring.release(first.after);
    assert!(
        encode(&mut ring, &[1; 100]).is_none(),
        "it would wrap, and less than one block is free at the region's start"
    );
    assert_eq!(ring.position(), before);
    ring.release(before);
    assert_eq!(ring.used_bytes(), 0);
    assert!(encode(&mut ring, &[1; 100]).is_some());
}

#[test]
fn headers_say_what_is_known_to_be_durable_and_whom_they_follow() {
    let mut ring = ring(genesis(), genesis(), 5);
    let mut position = genesis();
    for (payload, durable) in [(&[1_u8, 2, 3][..], 0), (&[][..], 1), (&[4; 9000][..], 1), (&[5][..], 3)] {
        if durable > 0 {
            ring.durable(durable);
        }
        let written = encode(&mut ring, payload).unwrap();
        let header =
            check(&written.bytes, &Expected { shard: &shard(), copy: 0, position: &position }, &key()).unwrap();
        assert_eq!((header.durable_hint, header.boot_id, header.epoch), (durable, 5, 1));
        assert_eq!(check_payload(&written.bytes, &header), Ok(payload));
        assert_eq!(written.placed.last_record, header.last_record());
        position = written.after;
    }
    assert_eq!((position.block, position.record), (5, RecordNumber(3 + 9000 + 1)));
}

#[test]
fn bytes_behind_the_block_are_left_alone_and_padding_is_zero() {
    let mut out = vec![0xaa; BLOCK_BYTES_MAX];
    let placed = ring(genesis(), genesis(), 1).encode(&[7; 10], 1, &mut out).unwrap();
    assert_eq!(placed.bytes, PAGE_BYTES);
    assert!(out[HEADER_BYTES + 10..PAGE_BYTES].iter().all(|byte| *byte == 0));
    assert!(out[PAGE_BYTES..].iter().all(|byte| *byte == 0xaa));
}

#[test]
fn positions_that_no_block_can_have_are_known() {
    let in_region = |offset, block, record| {
        Position { block, offset, chain: [0; 32], record: RecordNumber(record) }.is_in(REGION_BYTES)
    };
    assert!(in_region(0, 1, 0) && in_region(REGION_BYTES - MAX, u64::MAX - 1, u64::MAX - 1));
    assert!(!in_region(REGION_BYTES - MAX + PAGE, 1, 0) && !in_region(1, 1, 0) && !in_region(u64::MAX - 4095, 1, 0));
    assert!(!in_region(0, 0, 0) && !in_region(0, u64::MAX, 0) && !in_region(0, 1, u64::MAX));
    assert!(!genesis().is_in(REGION_BYTES + 1) && !genesis().is_in(0));
}

#[test]
#[should_panic(expected = "in the order written")]
fn a_block_not_yet_written_cannot_be_durable() {
    ring(genesis(), genesis(), 1).durable(1);
}

#[test]
#[should_panic(expected = "starts where a block did")]
fn a_tail_that_moves_back_is_our_fault() {
    let mut ring = ring(genesis(), genesis(), 1);
    let first = encode(&mut ring, &[1]).unwrap();
    ring.release(first.after);
    ring.release(genesis());
}

#[test]
fn what_a_snapshot_waits_for_has_room_when_nothing_else_has() {
    let mut random = Random(99);
    let mut out = vec![0; BLOCK_BYTES_MAX];
    for _ in 0..300 {
        let mut ring = ring(genesis(), genesis(), 1);
        // Somewhere in the region, and then full.
        for _ in 0..random.below(12) {
            ring.encode(&vec![1; random.below(PAYLOAD_BYTES_MAX)], 1, &mut out);
            ring.release(ring.position());
        }
        while ring.payload_room(false) > 0 {
            let payload = vec![2; random.below(PAYLOAD_BYTES_MAX)];
            assert!(ring.encode(&payload, 1, &mut out).is_some(), "below the limit there is room for any block");
        }
        let used = ring.used_bytes();
        assert!(ring.limit_bytes() < used);
        let mut reserve = 0;
        while ring.payload_room(true) > 0 {
            let payload = vec![3; ring.payload_room(true)];
            assert!(ring.encode(&payload, 1, &mut out).is_some(), "{} of {} bytes", payload.len(), ring.used_bytes());
            reserve += payload.len();
        }
        // What was written past the limit by the last ordinary block comes off it.
        assert!(reserve as u64 + used + 2 * MAX > ring.capacity_bytes(), "{reserve} bytes after {used}");
        assert!(reserve > 0, "{used} of {}", ring.region_bytes());
    }
}
