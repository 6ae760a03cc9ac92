use super::super::Storage;
use super::super::snapshot_files::SnapshotFile;
use super::super::testing::{World, contents};
use super::*;
use quittance_engine::types::ShardIndex;

fn inspect(world: &World) -> (Inspection, ShardInspection) {
    let inspection = Inspection::open(&world.directories(), &world.identity).unwrap();
    let found = inspect_shard(world, &inspection);
    (inspection, found)
}

fn inspect_shard(world: &World, inspection: &Inspection) -> ShardInspection {
    let config = world.config(0);
    let mut shard = Shard::new(config.clone());
    inspection.shard(&world.secret, &config, &mut shard, |shard| world.fund(shard, 0)).unwrap()
}

fn everything(storage: &Storage) -> Vec<Vec<u8>> {
    let names = storage.directories().into_iter().flat_map(|directory| std::fs::read_dir(directory).unwrap());
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn a_sound_journal_is_described_and_has_the_digest_of_what_recovers_from_it() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    writer.payments(2);
    let snapshot = writer.snapshot(1);
    let mut file = SnapshotFile::create(&storage.directories(), ShardIndex(0), 1).unwrap();
    file.write(&snapshot).unwrap();
    file.finish().unwrap();
    writer.payments(300);
    let last = writer.payments(1);
    let (digest, used) = (writer.shard().state_digest(), last.offset + last.bytes as u64 - writer.placed[1].offset);
    let before = everything(&storage);
    drop(storage);
    let (inspection, found) = inspect(&world);
    assert!(inspection.damage.is_empty() && found.damage.is_empty() && found.lost.is_none(), "{found:?}");
    assert_eq!((found.snapshot, found.blocks, found.first_block, found.last_block), (1, 2, 2, 3));
    assert_eq!((found.first_record, found.last_record), (5, 606));
    assert_eq!((found.votes, found.confirmations, found.credits, found.acks), (301, 301, 0, 0));
    assert_eq!((found.used_bytes, found.accounts), (used, 100));
    assert_eq!(found.digest, Some(hex::encode(digest)));
    let [one, two] = found.snapshots.as_slice() else { panic!("{:?}", found.snapshots) };
    assert_eq!((one.number, one.record, &one.fault), (Some(1), Some(4), &None));
    assert_eq!((two.number, two.record, two.copy), (Some(1), Some(4), 1));
    drop(inspection);
    assert!(everything(&world.open().unwrap()) == before, "nothing was changed");
}

#[test]
fn damage_is_named_and_left_alone_and_the_last_block_of_one_copy_is_none() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    let blocks = [3, 200, 1].map(|count| writer.payments(count));
    writer.spoil(1, &blocks[1], 20_000);
    writer.spoil(0, &blocks[2], 20);
    let before = contents(&storage);
    drop(storage);
    let (inspection, found) = inspect(&world);
    let lines: Vec<_> = found.damage.iter().map(|damage| (damage.copy, damage.block, damage.unfinished)).collect();
    assert_eq!(lines, [(1, Some(2), false), (0, Some(3), true)]);
    assert_eq!(found.damage[0].offset, Some(blocks[1].offset));
    assert!(found.lost.is_none() && found.digest.is_some());
    drop(inspection);
    assert!(contents(&world.open().unwrap()) == before);
}

#[test]
fn what_keeps_an_authority_from_starting_is_said() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    let blocks = [3, 200, 1].map(|count| writer.payments(count));
    (0..2).for_each(|copy| writer.spoil(copy, &blocks[0], 200));
    drop(storage);
    let (_, found) = inspect(&world);
    assert!(found.lost.is_some_and(|lost| lost.contains("block 1") && lost.contains("durable")));
    assert_eq!(found.digest, None);
}

#[test]
fn a_missing_copy_is_one_line_and_a_missing_snapshot_another() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    writer.payments(200);
    let snapshot = writer.snapshot(1);
    let directories = storage.directories();
    let mut file = SnapshotFile::create(&directories[..1], ShardIndex(0), 1).unwrap();
    file.write(&snapshot).unwrap();
    file.finish().unwrap();
    writer.payments(3);
    std::fs::remove_file(&storage.copies[1].path).unwrap();
    drop(storage);
    let (inspection, found) = inspect(&world);
    assert_eq!(inspection.damage.iter().map(|damage| damage.copy).collect::<Vec<_>>(), [1]);
    let [damage] = found.damage.as_slice() else { panic!("{:?}", found.damage) };
    assert!(damage.copy == 1 && damage.what.contains("newest snapshot"), "{damage:?}");
}

#[test]
fn nobody_inspects_a_running_authority_or_what_is_no_journal() {
    let world = World::new(1);
    let open = || Inspection::open(&world.directories(), &world.identity).unwrap_err();
    assert_eq!(open().exit_code(), 2, "{}", open());
    assert!(!world.directories()[0].exists(), "nothing was made");
    let storage = world.open().unwrap();
    assert_eq!(open().exit_code(), 5, "{}", open());
    drop(storage);
    let inspection = Inspection::open(&world.directories(), &world.identity).unwrap();
    assert_eq!(world.open().unwrap_err().exit_code(), 5, "no authority starts meanwhile");
    drop(inspection);
    let mut stranger = world.identity;
    stranger.shard_count = 2;
    assert_eq!(Inspection::open(&world.directories(), &stranger).unwrap_err().exit_code(), 3);
}

#[test]
fn either_copy_alone_can_be_inspected() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let mut writer = world.writer(&storage, 0);
    writer.payments(20);
    let digest = hex::encode(writer.shard().state_digest());
    drop(storage);
    for directory in world.directories() {
        let inspection = Inspection::open(&[directory], &world.identity).unwrap();
        let found = inspect_shard(&world, &inspection);
        assert_eq!(found.digest.as_ref(), Some(&digest));
        assert!(found.damage.is_empty() && inspection.damage.is_empty(), "{:?}", found.damage);
    }
}
