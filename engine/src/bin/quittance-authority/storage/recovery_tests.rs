use super::super::copy_file::CopyFile;
use super::super::snapshot_files::{SnapshotFile, name};
use super::super::testing::{World, Writer, contents, spoil};
use super::*;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::ring::Placed;
use quittance_engine::types::ShardIndex;
use quittance_tuning::Severity;
use std::path::Path;

fn assert_lost(outcome: Result<(Shard, Recovered), Fault>, words: &[&str]) {
    let fault = outcome.expect_err("it is refused");
    let text = fault.to_string();
    assert_eq!(fault.exit_code(), 4, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

fn assert_same(found: &Shard, expected: &Shard) {
    assert_eq!(found.state_digest(), expected.state_digest());
    assert_eq!(found.snapshot_tail(), expected.snapshot_tail(), "credits between shards, and what was redeemed");
    assert_eq!(found.records_durable(), expected.records_made());
}

/// Writes a snapshot where an authority would.
fn keep(directories: &[PathBuf], shard: u16, number: u64, bytes: &[u8]) {
    let mut file = SnapshotFile::create(directories, ShardIndex(shard), number).unwrap();
    file.write(bytes).unwrap();
    file.finish().unwrap();
}

fn snapshot_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(ShardIndex(0), number))
}

/// Blocks of one page and of many.
fn three_blocks(writer: &mut Writer<'_>) -> Vec<Placed> {
    [1, 300, 5].map(|count| writer.payments(count)).to_vec()
}

#[test]
fn a_new_journal_makes_a_shard_with_genesis() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let (shard, recovered) = world.recover(&storage).unwrap();
    assert_same(&shard, &world.expected(0, &[]));
    assert_eq!((recovered.blocks, recovered.records, recovered.repaired_blocks), (0, 0, 0));
    let genesis = Position::genesis(&world.identity, ShardIndex(0));
    assert_eq!((recovered.head, recovered.tail, recovered.snapshot_number), (genesis, genesis, 0));
    assert!(recovered.findings.is_empty());
}

#[test]
fn every_kind_of_record_of_every_shard_comes_back() {
    let world = World::new(2);
    let storage = world.open().unwrap();
    let abroad = world.accounts(1)[0];
    let (zero, one) = (world.writer(&storage, 0), world.writer(&storage, 1));
    let (mut zero, mut one) = (zero, one);
    zero.payments(3);
    let owed: Vec<_> = (0..4).flat_map(|_| zero.payment(Some(abroad))).collect();
    zero.block(&owed);
    zero.block(&[zero.ack(1)]);
    let still_owed = zero.payment(Some(abroad));
    zero.block(&still_owed);
    let credits = [one.credit(0), one.credit(0)];
    one.block(&credits);
    one.payments(900);
    let (heads, shards) = ([zero.ring.position(), one.ring.position()], [zero.shard(), one.shard()]);
    drop(storage);

    let storage = world.open().unwrap();
    for (index, (head, expected)) in (0..).zip(heads.into_iter().zip(&shards)) {
        let (shard, recovered) = world.recover_shard(&storage, index).unwrap();
        assert_same(&shard, expected);
        assert_eq!((recovered.head, recovered.blocks), (head, [4, 2][usize::from(index)]));
        assert_eq!((recovered.records, recovered.bytes), (head.record.0, head.offset));
        assert!(recovered.findings.is_empty(), "{:?}", recovered.findings);
    }
}

#[test]
fn a_block_damaged_in_one_copy_is_mended_on_disk() {
    for copy in 0..2 {
        for damaged in 0..3 {
            // In the header, in the records, in the last byte.
            for byte in [0, 100, 200, u64::MAX] {
                let world = World::new(1);
                let storage = world.open().unwrap();
                let mut writer = world.writer(&storage, 0);
                let blocks = three_blocks(&mut writer);
                let whole = contents(&storage);
                let byte = byte.min(blocks[damaged].bytes as u64 - 1);
                writer.spoil(copy, &blocks[damaged], byte);
                let expected = writer.shard();
                drop(storage);
                let storage = world.open().unwrap();
                let (shard, recovered) = world.recover(&storage).unwrap();
                assert_same(&shard, &expected);
                assert_eq!(contents(&storage), whole, "copy {copy}, block {damaged}, byte {byte}");
                let path = storage.copies[copy].path.to_str().unwrap();
                let [finding] = recovered.findings.as_slice() else { panic!("{:?}", recovered.findings) };
                assert!(finding.what.contains(path), "{finding:?}");
                let severity = if damaged == 2 { Severity::Notice } else { Severity::Warning };
                assert_eq!((recovered.repaired_blocks, finding.severity), (1, severity));
            }
        }
    }
}

#[test]
fn different_blocks_damaged_in_different_copies_are_all_mended() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    let blocks = three_blocks(&mut writer);
    let whole = contents(&storage);
    writer.spoil(0, &blocks[0], 300);
    writer.spoil(1, &blocks[1], 60_000);
    writer.spoil(0, &blocks[2], 3);
    drop(storage);
    let storage = world.open().unwrap();
    assert_eq!(world.recover(&storage).unwrap().1.repaired_blocks, 3);
    assert_eq!(contents(&storage), whole);
}

#[test]
fn a_last_block_without_a_good_copy_was_never_durable_and_is_wiped() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    three_blocks(&mut writer);
    let (expected, head) = (writer.shard(), writer.ring.position());
    let torn = writer.payments(300);
    writer.spoil(0, &torn, 70_000);
    writer.spoil(1, &torn, 20_000);
    let start = writer.start() + torn.offset;
    drop(storage);

    let storage = world.open().unwrap();
    let (shard, recovered) = world.recover(&storage).unwrap();
    assert_same(&shard, &expected);
    assert_eq!((recovered.head, recovered.blocks), (head, 3));
    let start = usize::try_from(start).unwrap();
    let is_wiped = |content: &Vec<u8>| content[start..start + PAGE_BYTES].iter().all(|byte| *byte == 0);
    assert!(contents(&storage).iter().all(is_wiped));
}

#[test]
fn an_earlier_block_without_a_good_copy_keeps_the_authority_from_starting() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    let blocks = three_blocks(&mut writer);
    writer.spoil(0, &blocks[1], 70_000);
    writer.spoil(1, &blocks[1], 20_000);
    let before = contents(&storage);
    drop(storage);
    let storage = world.open().unwrap();
    let offset = blocks[1].offset.to_string();
    assert_lost(world.recover(&storage), &["block 2", &offset, "was durable", "block 3"]);
    assert_eq!(contents(&storage), before, "nothing was wiped");
}

#[test]
fn a_copy_that_is_gone_is_filled_from_the_other_one() {
    for gone in 0..2 {
        let world = World::new(1);
        let storage = world.open().unwrap();
        let mut writer = world.writer(&storage, 0);
        three_blocks(&mut writer);
        let (whole, expected) = (contents(&storage), writer.shard());
        std::fs::remove_dir_all(&storage.copies[gone].directory).unwrap();
        drop(storage);
        let storage = world.open().unwrap();
        let (shard, recovered) = world.recover(&storage).unwrap();
        assert_same(&shard, &expected);
        assert_eq!((contents(&storage), recovered.repaired_blocks), (whole, 3));
    }
}

/// A copy whose device answers every read with an input/output error: the low end of a process's own memory, where nothing
/// is mapped.
fn unreadable() -> CopyFile {
    let path = PathBuf::from("/proc/self/mem");
    CopyFile { directory: PathBuf::new(), file: std::fs::File::open(&path).unwrap(), path, is_direct: false }
}

#[test]
fn a_copy_that_cannot_be_read_is_made_up_for_by_the_other_and_never_by_nothing() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    three_blocks(&mut writer);
    let (expected, bad, key) = (writer.shard(), unreadable(), storage.key(&world.secret));
    let config = world.config(0);
    let read = |files: [Option<&CopyFile>; 2]| {
        let source =
            Source { superblock: storage.superblock, key: key.clone(), files: files.to_vec(), directories: Vec::new() };
        let mut mender = Mender::new(&storage, ShardIndex(0), None);
        let mut shard = Shard::new(config.clone());
        let read = read_back(&source, &config, &mut shard, |shard| world.fund(shard, 0), &mut mender)?;
        Ok((shard, read, mender.finish()?))
    };
    let before = contents(&storage);
    for files in [[Some(&bad), Some(&bad)], [None, Some(&bad)]] {
        let refused: Result<_, Fault> = read(files);
        let fault = refused.map(drop).unwrap_err();
        assert_eq!(fault.exit_code(), 4, "{fault}");
        assert!(fault.to_string().contains("no copy gives back the page at 0"), "{fault}");
    }
    for (copy, files) in [(0, [Some(&bad), Some(&storage.copies[1])]), (1, [Some(&storage.copies[0]), Some(&bad)])] {
        let (shard, read, (repaired_blocks, findings)) = read(files).unwrap();
        assert_same(&shard, &expected);
        assert_eq!((read.blocks, repaired_blocks), (3, 3));
        let path = storage.copies[copy].path.to_str().unwrap();
        assert!(findings.iter().any(|finding| finding.what.contains(path) && finding.what.contains("cannot be read")));
    }
    assert_eq!(contents(&storage), before, "what was written again is what was there");
}

#[test]
fn either_copy_alone_is_a_whole_journal_and_becomes_the_first() {
    for alone in 0..2 {
        let world = World::new(2);
        let storage = world.open().unwrap();
        let mut writer = world.writer(&storage, 0);
        three_blocks(&mut writer);
        let mut other = world.writer(&storage, 1);
        three_blocks(&mut other);
        let (expected, other) = (writer.shard(), other.shard());
        let first = std::fs::read(&storage.copies[0].path).unwrap();
        let directory = storage.copies[alone].directory.clone();
        drop(storage);
        for _ in 0..2 {
            let storage = world.open_in(std::slice::from_ref(&directory)).unwrap();
            assert_same(&world.recover(&storage).unwrap().0, &expected);
            // With one shard of two, a process may end here.
        }
        let storage = world.open_in(std::slice::from_ref(&directory)).unwrap();
        assert_same(&world.recover(&storage).unwrap().0, &expected);
        assert_same(&world.recover_shard(&storage, 1).unwrap().0, &other);
        assert!(contents(&storage) == [first], "every byte of it is that of copy 0");
    }
}

#[test]
fn a_snapshot_and_what_follows_it_make_the_same_shard() {
    let world = World::new(2);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    three_blocks(&mut writer);
    let abroad = world.accounts(1)[0];
    let owed: Vec<_> = (0..3).flat_map(|_| writer.payment(Some(abroad))).collect();
    writer.block(&owed);
    let (tail, bytes) = (writer.ring.position(), writer.snapshot(1));
    keep(&storage.directories(), 0, 1, &bytes);
    writer.payments(40);
    writer.block(&[writer.ack(1)]);
    let (expected, head) = (writer.shard(), writer.ring.position());
    // What lies before the snapshot is not needed any more.
    let first = writer.placed[0];
    (0..2).for_each(|copy| writer.spoil(copy, &first, 0));
    drop(storage);
    let storage = world.open().unwrap();
    let (shard, recovered) = world.recover(&storage).unwrap();
    assert_same(&shard, &expected);
    assert_eq!((recovered.tail, recovered.head, recovered.snapshot_number, recovered.blocks), (tail, head, 1, 2));
    assert!(recovered.findings.is_empty(), "{:?}", recovered.findings);
}

/// A journal with snapshots 1 and 2, and blocks behind each; with `turns`, the second behind so many that the ring has
/// turned since the first.
fn two_snapshots(world: &World, storage: &Storage, turns: bool) -> Shard {
    let mut writer = world.writer(storage, 0);
    three_blocks(&mut writer);
    keep(&storage.directories(), 0, 1, &writer.snapshot(1));
    if turns {
        let mut filled = 0;
        while filled < storage.superblock.region_bytes {
            // As an authority does: a snapshot whenever the ring is half full.
            writer.ring.release(writer.ring.position());
            filled += writer.payments(600).bytes as u64;
        }
    }
    writer.payments(20);
    writer.ring.release(writer.ring.position());
    keep(&storage.directories(), 0, 2, &writer.snapshot(2));
    writer.payments(7);
    writer.shard()
}

fn spoil_snapshot(storage: &Storage, copy: usize, number: u64) {
    let path = snapshot_path(&storage.copies[copy].directory, number);
    let middle = std::fs::metadata(&path).unwrap().len() / 2;
    let file = std::fs::File::open(&path).unwrap();
    spoil(&CopyFile { directory: PathBuf::new(), path, file, is_direct: false }, middle);
}

#[test]
fn a_snapshot_damaged_in_one_directory_is_mended_from_the_other() {
    for copy in 0..2 {
        for is_missing in [false, true] {
            let world = World::new(1);
            let storage = world.open().unwrap();
            let expected = two_snapshots(&world, &storage, true);
            let (bad, good) = (&storage.copies[copy].directory, &storage.copies[1 - copy].directory);
            let (bad, good) = (snapshot_path(bad, 2), snapshot_path(good, 2));
            if is_missing {
                std::fs::remove_file(&bad).unwrap();
            } else {
                spoil_snapshot(&storage, copy, 2);
            }
            drop(storage);
            let storage = world.open().unwrap();
            let (shard, recovered) = world.recover(&storage).unwrap();
            assert_same(&shard, &expected);
            assert_eq!(recovered.snapshot_number, 2);
            let is_tried = copy == 0 && !is_missing;
            let is_mended = is_missing || is_tried;
            assert_eq!(recovered.findings.len(), usize::from(is_mended), "{:?}", recovered.findings);
            // One that nobody had to read is compared by its ends only; the next snapshot replaces it.
            if is_mended {
                assert!(std::fs::read(bad).unwrap() == std::fs::read(good).unwrap());
            }
        }
    }
}

#[test]
fn a_newest_snapshot_that_is_damaged_everywhere_gives_way_to_the_older_one() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let expected = two_snapshots(&world, &storage, false);
    (0..2).for_each(|copy| spoil_snapshot(&storage, copy, 2));
    drop(storage);
    let storage = world.open().unwrap();
    let (shard, recovered) = world.recover(&storage).unwrap();
    assert_same(&shard, &expected);
    assert_eq!((recovered.snapshot_number, recovered.blocks, recovered.findings.len()), (1, 2, 2));
}

#[test]
fn without_any_good_snapshot_genesis_serves_while_the_ring_has_not_turned() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let expected = two_snapshots(&world, &storage, false);
    for copy in 0..2 {
        spoil_snapshot(&storage, copy, 2);
        std::fs::write(snapshot_path(&storage.copies[copy].directory, 1), "no snapshot").unwrap();
    }
    drop(storage);
    let storage = world.open().unwrap();
    let (shard, recovered) = world.recover(&storage).unwrap();
    assert_same(&shard, &expected);
    assert_eq!((recovered.snapshot_number, recovered.blocks, recovered.findings.len()), (0, 5, 4));
}

#[test]
fn an_older_snapshot_does_not_serve_once_the_ring_has_turned() {
    for lost in [&[2][..], &[2, 1]] {
        let world = World::new(1);
        let storage = world.open().unwrap();
        two_snapshots(&world, &storage, true);
        for number in lost {
            (0..2).for_each(|copy| {
                std::fs::remove_file(snapshot_path(&storage.copies[copy].directory, *number)).unwrap()
            });
        }
        let before = contents(&storage);
        drop(storage);
        let storage = world.open().unwrap();
        assert_lost(world.recover(&storage), &["was durable"]);
        assert_eq!(contents(&storage), before, "nothing was wiped");
    }
}

#[test]
fn a_snapshot_of_records_that_the_journal_lacks_is_refused_and_nothing_is_wiped() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    writer.payments(3);
    let start = writer.ring.position();
    let torn = writer.payments(2);
    // Taken while the second block was under way, and completed before it was durable: no authority does that.
    keep(&storage.directories(), 0, 1, &writer.snapshot_of(&writer.shard(), 1, start));
    (0..2).for_each(|copy| writer.spoil(copy, &torn, 200));
    let before = contents(&storage);
    drop(storage);
    let storage = world.open().unwrap();
    assert_lost(world.recover(&storage), &["snapshot reaches to record 10", "journal ends at 6"]);
    assert_eq!(contents(&storage), before);
}

#[test]
fn records_that_contradict_each_other_are_refused() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    let [vote, confirmation] = writer.payment(None);
    writer.block(&[vote, confirmation, confirmation]);
    drop(storage);
    let storage = world.open().unwrap();
    assert_lost(world.recover(&storage), &["shard 0", "record 3", "contradicts"]);
}

#[test]
fn more_accounts_than_asked_for_name_the_option() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    let strangers: Vec<_> = (0..30_u8).flat_map(|number| writer.payment(Some([200 + number; 32]))).collect();
    writer.block(&strangers);
    keep(&storage.directories(), 0, 1, &writer.snapshot(1));
    for has_snapshot in [true, false] {
        if !has_snapshot {
            (0..2).for_each(|copy| std::fs::remove_file(snapshot_path(&storage.copies[copy].directory, 1)).unwrap());
        }
        let config = ShardConfig { account_count_max: 110, ..world.config(0) };
        let mut shard = Shard::new(config.clone());
        let key = storage.key(&world.secret);
        let outcome = recover(&storage, &key, &config, &mut shard, None, |shard| world.fund(shard, 0));
        let fault = outcome.unwrap_err();
        assert_eq!(fault.exit_code(), 2, "{fault}");
        assert!(fault.to_string().contains("--accounts-max"), "{fault}");
    }
}

#[test]
fn the_journal_goes_on_over_what_was_wiped() {
    let world = World::new(1);
    let mut storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    writer.payments(4);
    for boot in 0..3 {
        let (kept, expected, written) = (writer.ring.position(), writer.shard(), writer.written.clone());
        // Shorter each time: what is written over it later does not cover it.
        let torn = writer.payments(300 - 100 * boot);
        (0..2).for_each(|copy| writer.spoil(copy, &torn, 1_000));
        drop(storage);
        storage = world.open().unwrap();
        let (shard, recovered) = world.recover(&storage).unwrap();
        assert_same(&shard, &expected);
        assert_eq!(recovered.head, kept);
        writer = world.writer_at(&storage, 0, recovered.head, written);
        writer.payments(2);
    }
    let expected = writer.shard();
    drop(storage);
    let storage = world.open().unwrap();
    assert_same(&world.recover(&storage).unwrap().0, &expected);
}
