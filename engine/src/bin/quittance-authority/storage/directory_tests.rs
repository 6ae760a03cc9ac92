use super::super::copy_file::CopyFile;
use super::super::testing::{World, contents, spoil};
use super::*;
use quittance_engine::journal::{BLOCK_BYTES_MAX, PAGE_BYTES, REGION_BYTES_MAX, REGION_BYTES_MIN};
use quittance_engine::network::NetworkId;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};

fn refusal(outcome: Result<Storage, Fault>, code: u8, words: &[&str]) {
    let fault = outcome.expect_err("it is refused");
    let text = fault.to_string();
    assert_eq!(fault.exit_code(), code, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

fn says(storage: &Storage, words: &str) -> bool {
    storage.findings.iter().any(|finding| finding.what.contains(words))
}

fn journal(directory: &Path) -> PathBuf {
    directory.join(JOURNAL_NAME)
}

#[test]
fn a_new_journal_is_really_filled_and_is_found_again() {
    let world = World::new(2);
    let storage = world.open().unwrap();
    assert!(storage.is_new);
    let (created, file_bytes) = (storage.superblock.created, storage.superblock.file_bytes());
    assert_eq!(file_bytes, PAGE_BYTES as u64 + 2 * REGION_BYTES_MIN);
    for (copy, file) in (0..).zip(&storage.copies) {
        let metadata = std::fs::metadata(&file.path).unwrap();
        assert_eq!((metadata.len(), metadata.mode() & 0o777), (file_bytes, 0o600));
        assert!(metadata.blocks() * 512 >= file_bytes, "no holes");
        assert_eq!(std::fs::metadata(&file.directory).unwrap().mode() & 0o777, 0o700);
        let content = std::fs::read(&file.path).unwrap();
        let page = content[..PAGE_BYTES].first_chunk().unwrap();
        assert_eq!(Superblock::decode(page), Ok(Superblock { copy, ..storage.superblock }));
        assert!(content[PAGE_BYTES..].iter().all(|byte| *byte == 0));
    }
    drop(storage);
    let names = |directory: &PathBuf| std::fs::read_dir(directory).unwrap().count();
    assert!(world.directories().iter().all(|directory| names(directory) == 2), "journal and lock, no more");
    let again = Storage::open(&world.directories(), &world.identity, world.shards(), None).unwrap();
    assert_eq!((again.superblock.created, again.is_new), (created, false));
    assert_eq!(again.directories(), world.directories());
}

#[test]
fn a_journal_that_was_never_completed_is_made_again() {
    for length in [0, 100, PAGE_BYTES, PAGE_BYTES * 3 + 7] {
        let world = World::new(1);
        for directory in world.directories() {
            std::fs::create_dir(&directory).unwrap();
            std::fs::write(journal(&directory), vec![0; length]).unwrap();
        }
        let storage = world.open().unwrap();
        assert!(storage.is_new);
        assert!(contents(&storage).iter().all(|content| content.len() as u64 == storage.superblock.file_bytes()));
    }
}

#[test]
fn a_blank_first_page_with_something_behind_it_is_no_new_journal() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    spoil(&storage.copies[1], storage.superblock.file_bytes() - 1);
    for copy in &storage.copies {
        File::options().write(true).open(&copy.path).unwrap().write_all_at(&[0; PAGE_BYTES], 0).unwrap();
    }
    drop(storage);
    refusal(world.open(), 4, &["first page is blank", "two"]);
}

#[test]
fn snapshots_without_their_journal_are_no_new_journal() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    std::fs::write(storage.copies[1].directory.join("snapshot-0-1"), "old").unwrap();
    storage.copies.iter().for_each(|copy| std::fs::remove_file(&copy.path).unwrap());
    drop(storage);
    refusal(world.open(), 4, &["snapshots", "their journal is not"]);
}

#[test]
fn a_missing_copy_is_made_again_and_so_is_one_that_was_never_completed() {
    for blank in [None, Some(0), Some(5000)] {
        for lost in 0..2 {
            let world = World::new(1);
            let storage = world.open().unwrap();
            let created = storage.superblock.created;
            let path = storage.copies[lost].path.clone();
            drop(storage);
            std::fs::remove_file(&path).unwrap();
            if let Some(length) = blank {
                std::fs::write(&path, vec![0; length]).unwrap();
            }
            let storage = world.open().unwrap();
            assert!(says(&storage, "is made from the other copy"), "{:?}", storage.findings);
            assert_eq!((storage.superblock.created, storage.copies[lost].path.clone()), (created, path));
            let copies = contents(&storage);
            assert_eq!(copies[0].len(), copies[1].len());
            drop(storage);
            let storage = world.open().unwrap();
            assert!(!says(&storage, "mended"), "it is whole now");
        }
    }
}

#[test]
fn a_damaged_first_page_is_written_again_and_the_rest_is_left_alone() {
    for lost in 0..2 {
        let world = World::new(1);
        let storage = world.open().unwrap();
        spoil(&storage.copies[lost], 9_000);
        let before = contents(&storage);
        spoil(&storage.copies[lost], 40);
        drop(storage);
        let storage = world.open().unwrap();
        assert!(says(&storage, "the first page is damaged"), "{:?}", storage.findings);
        assert_eq!(contents(&storage), before);
    }
}

#[test]
fn a_damaged_first_page_of_the_only_copy_is_refused() {
    let world = World::new(1);
    let alone = &world.directories()[..1];
    let storage = world.open_in(alone).unwrap();
    assert!(says(&storage, "one copy"));
    spoil(&storage.copies[0], 40);
    drop(storage);
    refusal(world.open_in(alone), 4, &["first page is damaged"]);
    std::fs::write(journal(&alone[0]), "a diary, and not of an authority").unwrap();
    refusal(world.open_in(alone), 2, &["no journal"]);
}

#[test]
fn a_copy_that_was_cut_short_is_filled_up_if_the_other_is_whole() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let cut = |copy: &CopyFile, length| File::options().write(true).open(&copy.path).unwrap().set_len(length);
    let (file_bytes, paths) = (storage.superblock.file_bytes(), storage.copies.iter().map(|copy| copy.path.clone()));
    let paths: Vec<PathBuf> = paths.collect();
    cut(&storage.copies[0], 100_001).unwrap();
    drop(storage);
    let storage = world.open().unwrap();
    assert!(says(&storage, "cut short"), "{:?}", storage.findings);
    assert!(contents(&storage).iter().all(|content| content.len() as u64 == file_bytes));
    storage.copies.iter().for_each(|copy| cut(copy, file_bytes - 1).unwrap());
    drop(storage);
    refusal(world.open(), 4, &["cut short", paths[0].to_str().unwrap()]);
}

#[test]
fn copies_of_two_journals_are_refused() {
    let (world, other) = (World::new(1), World::new(1));
    drop((world.open().unwrap(), other.open().unwrap()));
    let mixed = [world.directories()[0].clone(), other.directories()[1].clone()];
    let (first, second) = (mixed[0].to_str().unwrap(), mixed[1].to_str().unwrap());
    refusal(world.open_in(&mixed), 3, &["made separately", first, second]);
}

#[test]
fn a_copy_put_in_the_place_of_the_other_becomes_it() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    std::fs::copy(&storage.copies[1].path, &storage.copies[0].path).unwrap();
    drop(storage);
    let storage = world.open().unwrap();
    assert!(says(&storage, "written as copy 1, and is now copy 0"), "{:?}", storage.findings);
    let page = |content: &Vec<u8>| Superblock::decode(content[..PAGE_BYTES].first_chunk().unwrap()).unwrap().copy;
    assert_eq!(contents(&storage).iter().map(page).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn directories_given_in_the_other_order_are_the_same_journal() {
    let world = World::new(1);
    drop(world.open().unwrap());
    let mut turned = world.directories();
    turned.reverse();
    assert_eq!(world.open_in(&turned).unwrap().directories(), world.directories());
    // A copy that is made again is the one that is missing, in whichever order the directories are given.
    std::fs::remove_file(journal(&world.directories()[0])).unwrap();
    assert_eq!(world.open_in(&turned).unwrap().directories(), world.directories());
}

#[test]
fn a_journal_of_someone_else_is_refused_and_both_are_named() {
    let mut world = World::new(2);
    drop(world.open().unwrap());
    let mine = world.identity;
    world.identity.network = NetworkId([8; 32]);
    refusal(world.open(), 3, &["network", &hex::encode([9; 32]), &hex::encode([8; 32])]);
    world.identity = Identity { authority_key: [4; 32], ..mine };
    refusal(world.open(), 3, &["authority", &hex::encode([4; 32]), &hex::encode(mine.authority_key)]);
    world.identity = Identity { shard_count: 3, ..mine };
    refusal(world.open(), 3, &["2 shards", "says 3"]);
    world.identity = mine;
    assert!(world.open().is_ok());
}

#[test]
fn a_journal_keeps_its_length() {
    let world = World::new(1);
    drop(world.open().unwrap());
    let longer = REGION_BYTES_MIN + BLOCK_BYTES_MAX as u64;
    let open = |bytes| Storage::open(&world.directories(), &world.identity, world.shards(), bytes);
    refusal(open(Some(longer)), 2, &[&longer.to_string(), &REGION_BYTES_MIN.to_string()]);
    refusal(open(Some(17)), 2, &["17"]);
    assert!(open(None).is_ok());
}

#[test]
fn only_one_process_has_a_journal() {
    let world = World::new(1);
    let storage = world.open().unwrap();
    let own = format!("process {}", std::process::id());
    refusal(world.open(), 5, &[&own, "one"]);
    refusal(world.open_in(&world.directories()[1..]), 5, &[&own, "two"]);
    drop(storage);
    assert!(world.open().is_ok());
}

#[test]
fn a_process_that_left_its_number_and_is_gone_is_not_named() {
    let world = World::new(1);
    drop(world.open().unwrap());
    // Above what Linux gives to processes.
    let path = world.directories()[0].join(lock::LOCK_NAME);
    std::fs::write(&path, "4999999").unwrap();
    let _looking = lock::share(&world.directories()[0]).unwrap().unwrap();
    assert!(lock::share(&world.directories()[0]).is_ok(), "who only looks does not mind others who do");
    refusal(world.open(), 5, &["another process"]);
}

#[test]
fn directories_that_cannot_be_are_refused() {
    let world = World::new(1);
    let one = world.directories()[0].clone();
    refusal(world.open_in(&[]), 2, &["data directory"]);
    refusal(world.open_in(&[one.clone(), one.clone(), one.clone()]), 2, &["or two"]);
    refusal(world.open_in(&[one.clone(), one.clone()]), 2, &["the same one"]);
    drop(world.open().unwrap());
    refusal(world.open_in(&[one.clone(), one.join("../one")]), 2, &["the same one"]);
}

#[test]
fn without_room_nothing_half_made_is_left() {
    let mut world = World::new(1);
    world.identity.shard_count = 32;
    let outcome = Storage::open(&world.directories(), &world.identity, world.shards(), Some(REGION_BYTES_MAX));
    let bytes = PAGE_BYTES as u64 + 32 * REGION_BYTES_MAX;
    refusal(outcome, 1, &[&bytes.to_string(), "smaller journal", "one"]);
    assert!(world.directories().iter().all(|directory| !journal(directory).exists()));
}

/// A file system of its own in memory, gone with this.
struct SmallDevice(PathBuf);

impl SmallDevice {
    /// `None` where the test may not mount.
    fn mount(place: &Path, bytes: u64) -> Option<Self> {
        let size = format!("size={bytes}");
        let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place).output();
        mount.is_ok_and(|mount| mount.status.success()).then(|| Self(place.to_owned()))
    }
}

impl Drop for SmallDevice {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn when_room_ends_at_the_second_copy_the_first_is_not_left_alone() {
    let world = World::new(1);
    let Some(_device) = SmallDevice::mount(world.folder.path(), REGION_BYTES_MIN * 3 / 2) else {
        eprintln!("not tried: this needs the right to mount");
        return;
    };
    refusal(world.open(), 1, &["no room", "two"]);
    assert!(world.directories().iter().all(|directory| !journal(directory).exists()));
    assert!(world.open_in(&world.directories()[..1]).is_ok(), "one copy fits");
}
