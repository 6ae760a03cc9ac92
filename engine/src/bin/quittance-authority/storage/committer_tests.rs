use super::*;
use crate::storage::pages::pages_of;
use quittance_engine::journal::identity::{Identity, JournalKey};
use quittance_engine::journal::ring::{Position, Ring};
use quittance_engine::network::NetworkId;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The first block of a shard.
fn commit(shard: u16) -> Commit {
    let identity = Identity { network: NetworkId([1; 32]), authority_key: [2; 32], shard_count: 2 };
    let shard = ShardIndex(shard);
    let key = JournalKey::derive(&[3; 32], &[4; 16]);
    let genesis = Position::genesis(&identity, shard);
    let mut ring = Ring::new(identity.of_shard(shard), key, 4 << 20, (5, 6), genesis, genesis);
    let mut pages = pages_of(256 << 10);
    let placed = ring.encode(&[7; 9_000], 1, bytemuck::cast_slice_mut(&mut pages)).unwrap();
    let page_count = placed.bytes / size_of::<Page>();
    let offset = u64::from(shard.0) * (4 << 20) + 4096;
    Commit { shard, pages, page_count, offset, block: placed.block, last: placed.last_record }
}

fn open(path: &Path, writable: bool) -> (PathBuf, File) {
    let file = File::options().read(true).write(writable).create(writable).truncate(false).open(path).unwrap();
    (path.to_owned(), file)
}

#[test]
fn each_copy_gets_every_block_and_knows_which_copy_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let copies = ["one", "two"].map(|name| open(&folder.path().join(name), true));
    let [one, two] = copies.each_ref().map(|(_, file)| file.try_clone().unwrap());
    let (commits, parker) = Commits::new(ShardRange::all(2));
    let mut committer = Committer::new(Arc::clone(&commits), parker, copies.into());
    let blocks = [commit(0), commit(1)];
    committer.commit(&blocks).unwrap();
    for block in &blocks {
        let expected: &[u8] = bytemuck::cast_slice(&block.pages[..block.page_count]);
        let [first, second] = [&one, &two].map(|file| {
            let mut bytes = vec![0; expected.len()];
            file.read_exact_at(&mut bytes, block.offset).unwrap();
            bytes
        });
        assert_eq!(first, expected);
        let mut other = expected.to_vec();
        set_copy(&mut other, 1);
        assert_eq!(second, other);
        assert_ne!(first, second);
    }
    let report = commits.report(2, true);
    assert_eq!((report.commits, report.blocks), (1, 2));
    assert_eq!(report.bytes, 2 * 3 * 4096, "9,000 bytes and a header");
}

#[test]
fn a_copy_that_fails_ends_the_work_and_nothing_becomes_durable() {
    let folder = tempfile::tempdir().unwrap();
    for bad in 0..2 {
        let path = |copy: usize| folder.path().join(format!("{bad}-{copy}"));
        (0..2).for_each(|copy| drop(open(&path(copy), true)));
        let copies = (0..2).map(|copy| open(&path(copy), copy != bad)).collect();
        let (commits, parker) = Commits::new(ShardRange::all(2));
        let committer = Committer::new(Arc::clone(&commits), parker, copies);
        commits.give(commit(1));
        let fault = committer.work(0).unwrap_err();
        assert!(matches!(&fault, Fault::Journal { path: found, .. } if *found == path(bad)), "{fault}");
        assert!(commits.take_done(ShardIndex(1)).is_none());
        assert_eq!(commits.report(2, true).commits, 0);
    }
}
