use super::super::testing::World;
use super::*;

fn directories(world: &World) -> Vec<PathBuf> {
    let directories = world.directories();
    directories.iter().for_each(|directory| std::fs::create_dir(directory).unwrap());
    directories
}

fn names(directory: &Path) -> Vec<String> {
    let mut names = names_in(directory).unwrap();
    names.sort();
    names
}

#[test]
fn what_was_written_is_in_every_directory_to_the_byte() {
    let world = World::new(1);
    let directories = directories(&world);
    for (number, length) in
        (0..).zip([0, 1, PAGE_BYTES - 1, PAGE_BYTES, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES - 5])
    {
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        let mut file = SnapshotFile::create(&directories, ShardIndex(3), number).unwrap();
        bytes.chunks(70_001).for_each(|piece| file.write(piece).unwrap());
        file.finish().unwrap();
        for directory in &directories {
            assert!(std::fs::read(directory.join(name(ShardIndex(3), number))).unwrap() == bytes, "{length} bytes");
        }
    }
    assert!(directories.iter().all(|directory| names(directory) == ["snapshot-3-0", "snapshot-3-1"]));
}

#[test]
fn an_older_snapshot_is_there_until_the_new_one_is_complete() {
    let world = World::new(1);
    let directories = directories(&world);
    let write = |text: &[u8]| {
        let mut file = SnapshotFile::create(&directories, ShardIndex(0), 4).unwrap();
        file.write(text).unwrap();
        file
    };
    let path = directories[1].join("snapshot-0-0");
    write(b"the one before").finish().unwrap();
    let new = write(b"the new one");
    assert_eq!(std::fs::read(&path).unwrap(), b"the one before");
    assert_eq!(names(&directories[0]), ["snapshot-0-0", "snapshot-0-0.new"]);
    drop(new);
    assert_eq!(names(&directories[0]), ["snapshot-0-0"]);
    write(b"the new one").finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"the new one");
}

#[test]
fn what_a_process_left_unfinished_is_removed_at_the_next_start() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let directory = storage.copies[1].directory.clone();
    std::fs::write(directory.join("snapshot-0-1.new"), "half").unwrap();
    assert!(!exist_in(&directory).unwrap(), "it was never a snapshot");
    std::fs::write(directory.join("snapshot-0-1"), "whole").unwrap();
    assert!(exist_in(&directory).unwrap());
    drop(storage);
    let _storage = world.open().unwrap();
    assert_eq!(names(&directory), ["snapshot-0-1"]);
}
