//! Whole journals, damaged: what is read back is the state after a block that was written, and after every block that something
//! still on the disk proves durable; or the authority refuses to start. Damage in one copy alone is always mended.

mod disk;
mod story;

use super::common::{Bug, Bytes, Random, planted, worlds};
use disk::Disk;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::keeper::{Keeper, ReadBack, ReadBackError, read_back};
use quittance_engine::mutant::Planted;
use quittance_engine::shard::Shard;
use story::{MOMENT_COUNT, SHARD, SHARD_COUNT, Story, story};

/// Takes a journal as it was at some moment, damages it as the input says, and reads it back, twice.
///
/// # Panics
/// If what comes back was never there, or if something durable is forgotten.
pub(crate) fn check(input: &[u8], bug: Option<Bug>) {
    let planted = planted(bug);
    let story = story(planted);
    let mut input = Bytes(input);
    let index = input.below(MOMENT_COUNT);
    let moment = &story.moments[index];
    let mut disk = moment.disk.clone();
    let mut touched = [false; 2];
    for _ in 0..64 {
        if input.is_empty() {
            break;
        }
        touched[damage(&mut input, story, index, &mut disk)] = true;
    }
    let proven = story.proven(&disk);
    let found = recover(story, &mut disk, planted);
    let Some((read, shard)) = found else {
        assert!(touched[0] && touched[1], "a journal of which one copy is whole is refused");
        return;
    };
    let block = read.head.block - 1;
    assert!(proven <= block, "block {proven} was durable, and {block} is the last one read");
    assert!(touched[0] && touched[1] || moment.durable <= block, "one copy is whole, and is not read to its end");
    let (digest, tail) = &story.states[usize::try_from(block).expect("a few hundred")];
    assert!(shard.state_digest() == *digest, "a state that never was, at block {block}");
    assert!(shard.snapshot_tail().1 == *tail, "links that never were, at block {block}");
    check_again(story, &mut disk, planted, &read, &shard);
}

/// Twice is once: the second reading finds the same, and mends nothing.
fn check_again(story: &Story, disk: &mut Disk, planted: Planted, read: &ReadBack, shard: &Shard) {
    let mended = disk.clone();
    let Some((again, twin)) = recover(story, disk, planted) else { panic!("what was read back is refused now") };
    assert!(again.head == read.head && again.snapshot_number == read.snapshot_number, "another end");
    assert!(twin.state_digest() == shard.state_digest() && twin.snapshot_tail() == shard.snapshot_tail());
    assert!(*disk == mended, "the first reading left something to mend");
    let (superblock, key) = (story.journal.superblock, story.journal.key.clone());
    // Behind an older snapshot than the newest the ring may be full: that is an answer.
    let _ = Keeper::resume(&superblock, SHARD, key, (9, 1), (read.tail, read.head), read.snapshot_number);
}

fn recover(story: &Story, disk: &mut Disk, planted: Planted) -> Option<(ReadBack, Shard)> {
    let config = worlds()[0].config(SHARD.0, SHARD_COUNT, planted);
    let mut shard = Shard::new(config.clone());
    let mut mender = disk::Mender::default();
    let fund = |shard: &mut Shard| {
        story::fund(shard);
        Ok(())
    };
    let read = match read_back(&story.journal, disk, &mut mender, &config, &mut shard, fund) {
        Ok(read) => read,
        Err(ReadBackError::Refused(_)) => return None,
        Err(ReadBackError::Machine(never)) => match never {},
    };
    mender.mend(disk);
    Some((read, shard))
}

/// Damages something, and says in which copy.
fn damage(input: &mut Bytes<'_>, story: &Story, index: usize, disk: &mut Disk) -> usize {
    let kind = input.byte();
    let copy = usize::from(kind & 1);
    let at = input.number() * 16 % disk.regions[copy].len();
    let page = at / PAGE_BYTES * PAGE_BYTES..(at / PAGE_BYTES + 1) * PAGE_BYTES;
    let value = input.byte();
    match kind / 2 % 8 {
        0 => disk.regions[copy][at + usize::from(value % 16)] ^= value | 1,
        1 => disk.regions[copy][at / 512 * 512..(at / 512 + 1) * 512].fill(value),
        2 => disk.regions[copy][page].fill(0),
        // A write that was lost: the page is as it was before.
        3 => {
            let before = &story.moments[usize::from(value) % (index + 1)].disk.regions[copy];
            disk.regions[copy][page.clone()].copy_from_slice(&before[page]);
        }
        // A write that went elsewhere.
        4 => disk.regions[copy].copy_within(page, usize::from(value) * PAGE_BYTES),
        // The other copy's bytes.
        5 => {
            let other = disk.regions[1 - copy][page.clone()].to_vec();
            disk.regions[copy][page].copy_from_slice(&other);
        }
        6 => {
            let snapshot = &mut disk.snapshots[copy][usize::from(value & 1)];
            if let Some(bytes) = snapshot.as_mut().filter(|bytes| !bytes.is_empty()) {
                let at = at % bytes.len();
                if value & 2 == 0 { bytes[at] ^= value | 1 } else { bytes.truncate(at) }
            }
        }
        _ => disk.snapshots[copy][usize::from(value & 1)] = None,
    }
    copy
}

/// Nothing, and one sort of damage each, at the places that matter.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let moments = u8::try_from(MOMENT_COUNT).expect("few");
    let mut seeds: Vec<Vec<u8>> = (0..moments).map(|moment| vec![moment]).collect();
    for kind in 0..16 {
        for moment in [1, moments - 1] {
            let page = 256 * u32::from(kind % 5) + 3;
            let [low, high, ..] = page.to_le_bytes();
            seeds.push(vec![moment, kind, low, high, 0, 2, kind ^ 1, low, high, 0, 2]);
        }
    }
    // Records of the first blocks, behind headers that are whole: in the one copy, in the other, in both.
    for block in 0..3_u32 {
        let [low, high, ..] = (256 * block + 13).to_le_bytes();
        let edit = |kind| [kind, low, high, 0, 2];
        seeds.push([&[2][..], &edit(0)].concat());
        seeds.push([&[2][..], &edit(0), &edit(1)].concat());
    }
    seeds
}

/// Damage by chance, much of it to blocks that are read, in both copies at once.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let mut input = vec![random.byte()];
    for _ in 0..random.below(5) {
        let (kind, place) = (random.byte(), random.bytes(4));
        input.push(kind);
        input.extend_from_slice(&place);
        if random.below(2) == 0 {
            input.push(kind ^ 1);
            input.extend_from_slice(&place);
        }
    }
    input
}
