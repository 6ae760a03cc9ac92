//! Boots, crashes and faults at random. An oracle that compares the disk's bytes with what was written says what a reader
//! must find. Readers that leave a check out are caught by it.

use super::*;
use crate::journal::block::set_copy;
use crate::journal::identity::JournalKey;
use crate::journal::ring::Ring;

struct World {
    random: Random,
    disk: Disk,
    tail: Position,
    /// From the tail on. The last one may be torn or not written at all, if `is_torn`.
    written: Vec<(Position, Written)>,
    /// A block that its shard wrote, and that follows none of these.
    stray: Option<Written>,
    boot_count: u64,
    seen: Seen,
}

/// What a reader must find.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Lost { block: u64 },
    Blocks { count: usize, repairs: Vec<(u8, u64)> },
}

/// What happened in a run.
#[derive(Debug, Default)]
struct Seen {
    refused_count: usize,
    repair_count: usize,
    turn_count: usize,
}

/// Says what happened, or what was wrong.
fn run(seed: u64, checks: Checks) -> Result<Seen, String> {
    let mut random = Random(seed);
    let disk = Disk::new(1 + random.below(2));
    let mut world =
        World { random, disk, tail: genesis(), written: Vec::new(), stray: None, boot_count: 0, seen: Seen::default() };
    for _ in 0..6 {
        if !world.boot(checks)? {
            world.seen.refused_count += 1;
            break;
        }
    }
    Ok(world.seen)
}

impl World {
    /// Reads back, works, crashes, suffers. False if the journal was rightly refused.
    fn boot(&mut self, checks: Checks) -> Result<bool, String> {
        let expected = self.expected();
        let found = match (scan_by(checks, &mut self.disk, self.tail), &expected) {
            (Err(ScanError::DurableBlockLost { block, .. }), Expected::Lost { block: lost }) if block == *lost => {
                return Ok(false);
            }
            (Ok(found), Expected::Blocks { .. }) => found,
            (found, _) => {
                return Err(format!("{expected:?} was to be found, and not {:?}", found.map(|found| found.end)));
            }
        };
        let Expected::Blocks { count, repairs } = expected else { unreachable!("matched above") };
        self.written.truncate(count);
        let end = self.written.last().map_or(self.tail, |(_, written)| written.after);
        let is_right = found.payloads.iter().eq(self.written.iter().map(|(_, written)| &written.payload));
        if !is_right || found.repairs != repairs || found.end != end {
            return Err(format!(
                "{count} blocks and repairs {repairs:?} were to be found, and not {:?}",
                found.repairs
            ));
        }
        match scan_by(checks, &mut self.disk, self.tail) {
            Ok(again) if again.repairs.is_empty() && again.end == end => {}
            again => return Err(format!("a second reading differs: {:?}", again.map(|again| again.end))),
        }
        self.seen.repair_count += repairs.len();
        self.boot_count += 1;
        self.stray = None;
        let mut ring = ring(self.tail, end, self.boot_count);
        self.work(&mut ring);
        self.crash(&mut ring);
        self.suffer();
        Ok(true)
    }

    fn work(&mut self, ring: &mut Ring) {
        for _ in 0..self.random.below(12) {
            if let Some((before, mut written)) = self.encode(ring) {
                self.disk.write_all(written.placed.offset, &mut written.bytes);
                ring.durable(written.placed.block);
                self.seen.turn_count += usize::from(written.after.offset == 0);
                self.written.push((before, written));
            }
        }
    }

    /// The next block, or room for it.
    fn encode(&mut self, ring: &mut Ring) -> Option<(Position, Written)> {
        let mut payload = self.random.payload();
        if self.random.one_in(3) {
            plant_headers(&mut payload, ring.position());
        }
        let before = ring.position();
        let written = encode(ring, &payload);
        if written.is_none() {
            let count = 1 + self.random.below(self.written.len());
            self.tail = self.written.get(count).map_or(before, |(position, _)| *position);
            self.written.drain(..count);
            ring.release(self.tail);
        }
        written.map(|written| (before, written))
    }

    /// Power goes while a block is written; or a block of a history that never was appears in its place.
    fn crash(&mut self, ring: &mut Ring) {
        let forks = self.random.one_in(6) && !self.written.is_empty();
        let from = if forks { self.written.last().map(|(position, _)| *position) } else { None };
        if let Some(position) = from {
            self.fork(position);
        } else if let Some((before, mut written)) = self.encode(ring) {
            let sector_count = written.bytes.len() / SECTOR_BYTES;
            for copy in 0..self.disk.copies.len() {
                let (sort, at) = (self.random.below(5), self.random.below(sector_count + 1));
                let random = &mut self.random;
                let lands = |sector| match sort {
                    0 => true,
                    1 => sector < at,
                    2 => sector >= at,
                    3 => sector != at,
                    _ => random.one_in(2),
                };
                self.disk.write_torn(copy, written.placed.offset, &mut written.bytes, lands);
            }
            self.written.push((before, written));
        }
    }

    /// Writes what would have followed if the last block had been another of the same length: only the chain differs.
    fn fork(&mut self, position: Position) {
        let (_, last) = self.written.last().expect("the caller looked");
        let mut other = ring(self.tail, position, 99);
        encode(&mut other, &vec![0; last.payload.len()]).expect("the other one had room");
        if let Some(mut written) = encode(&mut other, &[0x0f; 100]) {
            self.disk.write_all(written.placed.offset, &mut written.bytes);
            self.stray = Some(written);
        }
    }

    /// Media faults: in one copy as many as you like, now and then in every copy of one block.
    fn suffer(&mut self) {
        if self.written.is_empty() {
            return;
        }
        let copy_count = self.disk.copies.len();
        if copy_count == 2 {
            let copy = self.random.below(2);
            for _ in 0..self.random.below(4) {
                self.fault(copy);
            }
        }
        if self.random.one_in(4) {
            let index = self.random.below(self.written.len());
            for copy in 0..copy_count {
                self.damage(copy, index);
            }
        }
    }

    fn fault(&mut self, copy: usize) {
        let index = self.random.below(self.written.len());
        let place = place_of(&self.written[index].1.placed);
        match self.random.below(4) {
            0 => self.damage(copy, index),
            1 => self.disk.copies[copy][place].fill(0),
            // The other device's answer, or an older block's where this one should be.
            2 => {
                let other = self.disk.copies[1 - copy][place.clone()].to_vec();
                self.disk.copies[copy][place].copy_from_slice(&other);
            }
            _ => {
                let older = place_of(&self.written[self.random.below(index + 1)].1.placed);
                let bytes = self.disk.copies[copy][older].to_vec();
                let length = bytes.len().min(place.len());
                self.disk.copies[copy][place][..length].copy_from_slice(&bytes[..length]);
            }
        }
    }

    fn damage(&mut self, copy: usize, index: usize) {
        let place = place_of(&self.written[index].1.placed);
        let sector = self.random.below(place.len() / SECTOR_BYTES);
        self.disk.invert_sector(copy, place.start + sector * SECTOR_BYTES);
    }

    fn expected(&self) -> Expected {
        let mut repairs = Vec::new();
        for (count, (_, written)) in self.written.iter().enumerate() {
            let good: Vec<bool> = (0..self.disk.copies.len()).map(|copy| self.has(copy, written, usize::MAX)).collect();
            if !good.contains(&true) {
                let mut later = self.written[count + 1..].iter().map(|(_, later)| later).chain(&self.stray);
                let copies = 0..self.disk.copies.len();
                let is_proven = later.any(|later| copies.clone().any(|copy| self.has(copy, later, HEADER_BYTES)));
                let block = written.placed.block;
                return if is_proven { Expected::Lost { block } } else { Expected::Blocks { count, repairs } };
            }
            let bad = good.iter().position(|is_good| !is_good);
            repairs.extend(bad.map(|copy| (u8::try_from(copy).unwrap(), written.placed.offset)));
        }
        Expected::Blocks { count: self.written.len(), repairs }
    }

    /// Whether a copy has the first bytes of a block as they were written. A header is proof in whichever copy it is.
    fn has(&self, copy: usize, written: &Written, length: usize) -> bool {
        let on_disk = &self.disk.copies[copy][place_of(&written.placed)];
        let length = length.min(on_disk.len());
        let copies = if length == HEADER_BYTES { 0..2 } else { copy..copy + 1 };
        copies.into_iter().any(|copy| {
            let mut bytes = written.bytes.clone();
            set_copy(&mut bytes, u8::try_from(copy).unwrap());
            bytes[..length] == on_disk[..length]
        })
    }
}

/// What a payer could try: where a page begins, he has a header written of a block far ahead. All he lacks is the key.
fn plant_headers(payload: &mut [u8], position: Position) {
    let ahead = Position { block: position.block + 1000, ..genesis() };
    let mut forger = Ring::new(shard(), JournalKey::derive(&[0; 32], &[0; 16]), REGION_BYTES, (1, 1), ahead, ahead);
    let forged = encode(&mut forger, &[1]).unwrap();
    for page in (PAGE_BYTES - HEADER_BYTES..payload.len()).step_by(PAGE_BYTES) {
        let length = HEADER_BYTES.min(payload.len() - page);
        payload[page..][..length].copy_from_slice(&forged.bytes[..length]);
    }
}

#[test]
fn what_was_durable_is_found_or_refused_whatever_crashes_and_faults_there_were() {
    let mut all = Seen::default();
    for seed in 0..300 {
        let seen = run(seed, Checks::default()).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        all.refused_count += seen.refused_count;
        all.repair_count += seen.repair_count;
        all.turn_count += seen.turn_count;
    }
    assert!(all.refused_count > 50 && all.repair_count > 300 && all.turn_count > 100, "too little happens: {all:?}");
}

#[test]
fn readers_that_leave_a_check_out_are_caught() {
    for check in [Check::Tag, Check::Copy, Check::Chain, Check::Payload, Check::Padding, Check::Evidence] {
        let caught = (0..300).find(|seed| run(*seed, Checks { left_out: Some(check), ..Checks::default() }).is_err());
        assert!(caught.is_some(), "a reader without {check:?} is not caught");
    }
}
