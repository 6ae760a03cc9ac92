use super::*;
use crate::journal::RecordNumber;
use crate::journal::block::{BlockFault, HEADER_BYTES};
use crate::journal::fixture::{
    Disk, REGION_BYTES, Random, SECTOR_BYTES, Written, encode, genesis, journal, key, ring, shard,
};
use core::convert::Infallible;

mod crashes;

/// What a scan found, with what it asks for done to the disk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) payloads: Vec<Vec<u8>>,
    /// Copy and place of each.
    pub(super) repairs: Vec<(u8, u64)>,
    pub(super) end: Position,
}

pub(super) fn scan_by(checks: Checks, disk: &mut Disk, start: Position) -> Result<Found, ScanError<Infallible>> {
    let copy_count = u8::try_from(disk.copies.len()).unwrap();
    let mut scan = Scan::new(shard(), key(), REGION_BYTES, copy_count, start).unwrap();
    scan.checks = checks;
    let (mut payloads, mut repairs) = (Vec::new(), Vec::new());
    let invalidate = loop {
        match scan.step(disk)? {
            Step::Block { records, repair, .. } => {
                payloads.push(records.to_vec());
                if let Some(Repair { copy, offset, bytes, .. }) = repair {
                    repairs.push((copy, offset));
                    disk.write(copy.into(), offset, bytes);
                }
            }
            Step::End { invalidate } => break invalidate,
        }
    };
    for copy in 0..disk.copies.len() {
        disk.write(copy, invalidate.offset, &vec![0; invalidate.bytes]);
    }
    Ok(Found { payloads, repairs, end: scan.position() })
}

fn scan(disk: &mut Disk, start: Position) -> Result<Found, ScanError<Infallible>> {
    scan_by(Checks::default(), disk, start)
}

fn payloads() -> Vec<Vec<u8>> {
    [10, 4000, 9000, 1, PAGE_BYTES - HEADER_BYTES]
        .into_iter()
        .zip(1..)
        .map(|(length, byte)| vec![byte; length])
        .collect()
}

/// Each sector of each block: which block, and where in the region.
fn sectors(written: &[Written]) -> Vec<(usize, usize)> {
    let places = |block: &Written| {
        let start = usize::try_from(block.placed.offset).unwrap();
        (start..start + block.placed.bytes).step_by(SECTOR_BYTES)
    };
    written.iter().enumerate().flat_map(|(index, block)| places(block).map(move |place| (index, place))).collect()
}

#[test]
fn an_empty_journal_ends_where_it_begins() {
    for copy_count in [1, 2] {
        let found = scan(&mut Disk::new(copy_count), genesis()).unwrap();
        assert_eq!(found, Found { payloads: vec![], repairs: vec![], end: genesis() });
    }
}

#[test]
fn what_was_written_is_read_and_nothing_is_mended() {
    for copy_count in [1, 2] {
        let (mut disk, ring, written) = journal(copy_count, &payloads());
        let before = disk.clone();
        let found = scan(&mut disk, genesis()).unwrap();
        assert_eq!(found, Found { payloads: payloads(), repairs: vec![], end: ring.position() });
        assert!(disk == before, "the page at the end was empty");
        let found = scan(&mut disk, written[2].after).unwrap();
        assert_eq!(found.payloads, payloads()[3..], "from the middle");
    }
}

#[test]
fn a_sector_damaged_in_one_copy_is_mended_from_the_other() {
    let (mut disk, ring, written) = journal(2, &payloads());
    let whole = disk.clone();
    for copy in 0..2_u8 {
        for (index, place) in sectors(&written) {
            disk.invert_sector(copy.into(), place);
            let found = scan(&mut disk, genesis()).unwrap();
            let repairs = vec![(copy, written[index].placed.offset)];
            assert_eq!(found, Found { payloads: payloads(), repairs, end: ring.position() }, "{copy} {place}");
            assert!(disk == whole, "the repair of {place} in copy {copy} is not what was written");
        }
    }
}

/// The last block cannot be told from one that was torn by a power failure before it was durable, unless one more follows.
#[test]
fn a_sector_damaged_in_every_copy_is_refused_if_a_later_block_shows_that_it_was_durable() {
    for copy_count in [1, 2] {
        let (mut disk, _, written) = journal(copy_count, &payloads());
        for (index, place) in sectors(&written) {
            (0..copy_count).for_each(|copy| disk.invert_sector(copy, place));
            let before = disk.clone();
            let found = scan(&mut disk, genesis());
            let Written { placed, .. } = &written[index];
            if index + 1 < written.len() {
                let Err(ScanError::DurableBlockLost { block, offset, evidence }) = found else {
                    panic!("sector {place}: {found:?}");
                };
                assert_eq!((block, offset), (placed.block, placed.offset));
                assert!(evidence.block > block && evidence.durable_hint >= block);
                assert!(disk == before, "a refusal changes nothing");
            } else {
                let end = written[index - 1].after;
                assert_eq!(found, Ok(Found { payloads: payloads()[..index].to_vec(), repairs: vec![], end }));
                (0..copy_count)
                    .for_each(|copy| disk.write(copy, placed.offset, &before.copies[copy][place_of(placed)]));
            }
            (0..copy_count).for_each(|copy| disk.invert_sector(copy, place));
        }
    }
}

fn place_of(placed: &crate::journal::ring::Placed) -> core::ops::Range<usize> {
    let start = usize::try_from(placed.offset).unwrap();
    start..start + placed.bytes
}

#[test]
fn a_header_behind_a_lost_block_is_proof_although_its_own_records_are_torn() {
    let (mut disk, _, written) = journal(2, &payloads());
    let lost = usize::try_from(written[1].placed.offset).unwrap();
    for copy in 0..2 {
        disk.invert_sector(copy, lost + SECTOR_BYTES);
        for (index, place) in sectors(&written) {
            if index > 1 && !(index == 2 && place == usize::try_from(written[2].placed.offset).unwrap() && copy == 1) {
                disk.invert_sector(copy, place);
            }
        }
    }
    let evidence = Evidence { copy: 1, offset: written[2].placed.offset, block: 3, durable_hint: 2 };
    let refused = ScanError::DurableBlockLost { block: 2, offset: written[1].placed.offset, evidence };
    assert_eq!(scan(&mut disk, genesis()), Err(refused));
}

/// Under the torn block lies a longer one of the ring's previous turn.
#[test]
fn a_last_block_torn_at_any_sector_boundary_is_taken_whole_or_not_at_all() {
    let (mut disk, mut ring, written) = journal(2, &payloads());
    let last = encode(&mut ring, &[0x77; 9000]).unwrap();
    for copy in 0..2 {
        disk.copies[copy][place_of(&last.placed)].fill(0xbb);
    }
    let sector_count = last.placed.bytes / SECTOR_BYTES;
    let (before, mut block) = (disk.clone(), last.bytes.clone());
    for first in 0..=sector_count {
        for second in 0..=sector_count {
            for is_front in [true, false] {
                for (copy, landed) in [first, second].into_iter().enumerate() {
                    disk.write(copy, last.placed.offset, &before.copies[copy][place_of(&last.placed)]);
                    let lands = |sector| if is_front { sector < landed } else { sector_count - landed <= sector };
                    disk.write_torn(copy, last.placed.offset, &mut block, lands);
                }
                let found = scan(&mut disk, genesis()).unwrap();
                let is_whole = first == sector_count || second == sector_count;
                assert_eq!(found.payloads.len(), written.len() + usize::from(is_whole), "{first} {second} {is_front}");
                assert_eq!(found.repairs.len(), usize::from(is_whole && first != second));
                if is_whole {
                    assert_eq!(found.payloads.last(), Some(&last.payload));
                }
                let again = scan(&mut disk, genesis()).unwrap();
                assert_eq!(again, Found { repairs: vec![], ..found }, "a second reading differs");
            }
        }
    }
}

/// The ring goes round several times, and a scan begins at each block that is still there.
#[test]
fn blocks_of_earlier_turns_are_neither_read_nor_taken_for_proof() {
    let (mut disk, mut ring, mut live) =
        (Disk::new(2), ring(genesis(), genesis(), 1), Vec::<(Position, Written)>::new());
    let mut random = Random(3);
    let mut turn_count = 0;
    while turn_count < 5 {
        let before = ring.position();
        let mut payload = random.payload();
        payload.truncate(100_000);
        let Some(mut written) = encode(&mut ring, &payload) else {
            let count = 1 + random.below(live.len());
            ring.release(live.get(count).map_or(before, |(position, _)| *position));
            live.drain(..count);
            continue;
        };
        disk.write_all(written.placed.offset, &mut written.bytes);
        ring.durable(written.placed.block);
        turn_count += usize::from(ring.position().offset == 0);
        live.push((before, written));
        if random.one_in(4) {
            let from = random.below(live.len());
            let mut image = disk.clone();
            let found = scan(&mut image, live[from].0).unwrap();
            assert_eq!((found.end, found.repairs), (ring.position(), vec![]));
            let expected: Vec<_> = live[from..].iter().map(|(_, written)| written.payload.clone()).collect();
            assert!(found.payloads == expected);
        }
    }
}

#[test]
fn copies_that_hold_different_good_blocks_are_refused() {
    let (mut disk, _, written) = journal(2, &payloads());
    let position = written[1].after;
    let mut other = encode(&mut ring(genesis(), position, 2), &[0x99; 9000]).unwrap();
    disk.write_torn(1, other.placed.offset, &mut other.bytes, |_| true);
    let refused = ScanError::CopiesDiffer { block: 3, offset: position.offset };
    assert_eq!(scan(&mut disk, genesis()), Err(refused));
}

#[test]
fn a_snapshot_from_before_the_ring_turned_is_refused_not_ended_at() {
    let (mut disk, mut ring, written) = journal(2, &payloads());
    ring.release(written[4].after);
    while ring.position().offset != 0 {
        let mut block = encode(&mut ring, &[1; 200_000]).unwrap();
        disk.write_all(block.placed.offset, &mut block.bytes);
        ring.durable(block.placed.block);
        ring.release(block.after);
    }
    let mut block = encode(&mut ring, &[2; 200_000]).unwrap();
    disk.write_all(block.placed.offset, &mut block.bytes);
    assert!(matches!(scan(&mut disk, genesis()), Err(ScanError::DurableBlockLost { block: 1, offset: 0, .. })));
}

#[test]
fn a_region_of_random_bytes_is_an_empty_journal() {
    let mut random = Random(4);
    let mut disk = Disk::new(2);
    let noise = random.bytes(PAGE_BYTES + 1);
    for copy in &mut disk.copies {
        copy.iter_mut().zip(noise.iter().cycle()).for_each(|(byte, noise)| *byte = *noise);
    }
    assert_eq!(scan(&mut disk, genesis()).unwrap().end, genesis());
}

#[test]
fn a_start_that_no_block_can_have_is_no_start() {
    let at = |offset| Position { offset, ..genesis() };
    assert!(Scan::new(shard(), key(), REGION_BYTES, 2, at(REGION_BYTES)).is_none());
    assert!(Scan::new(shard(), key(), REGION_BYTES, 2, at(PAGE_BYTES as u64 - 1)).is_none());
}

#[test]
fn a_fault_of_the_machine_ends_the_scan() {
    struct Broken;
    impl Image for Broken {
        type Error = &'static str;
        fn read(&mut self, _: u8, _: u64, _: &mut [u8]) -> Result<(), Self::Error> {
            Err("the cable is out")
        }
    }
    let mut scan = Scan::new(shard(), key(), REGION_BYTES, 1, genesis()).unwrap();
    assert_eq!(scan.step(&mut Broken).unwrap_err(), ScanError::Image("the cable is out"));
    assert_eq!(scan.position(), genesis());
}

#[test]
fn a_repair_says_what_was_wrong() {
    let (mut disk, _, written) = journal(2, &payloads());
    disk.invert_sector(1, usize::try_from(written[0].placed.offset).unwrap());
    let mut scan = Scan::new(shard(), key(), REGION_BYTES, 2, genesis()).unwrap();
    let Step::Block { header, repair: Some(repair), .. } = scan.step(&mut disk).unwrap() else {
        panic!("a block was damaged");
    };
    assert_eq!((repair.copy, repair.fault, header.last_record()), (1, BlockFault::NotABlock, RecordNumber(10)));
}
