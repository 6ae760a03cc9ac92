//! Blocks between shards and the committer, under many schedules: each comes back once, in its order and after its commit;
//! nobody sleeps for ever; a stop ends the thread and loses nothing.

use super::*;
use crate::storage::pages::pages_of;
use crate::sync::schedules::{Sleep, finds, hasty, holds, spawn};
use quittance_engine::journal::PAGE_BYTES;
use rustix::fs::{MemfdFlags, memfd_create};
use std::os::unix::fs::FileExt;

const SHARD_COUNT: u16 = 2;
const BLOCK_COUNT: u64 = 3;
/// Two pages each: the committer itself changes the first one.
const BLOCK_BYTES: u64 = 2 * PAGE_BYTES as u64;

/// Who may make the planted mistakes.
#[derive(Clone, Copy)]
struct Roles {
    shard: fn(),
    main: fn(),
    committer: fn(Committer),
    /// Whether blocks may still be under way when the stop comes.
    stops_early: bool,
}

const GOOD: Roles = Roles { shard: || (), main: || (), committer: work, stops_early: false };

fn work(committer: Committer) {
    committer.work(0).unwrap();
}

fn copy() -> File {
    memfd_create("copy", MemfdFlags::CLOEXEC).unwrap().into()
}

fn offset(shard: ShardIndex, block: u64) -> u64 {
    (u64::from(shard.0) * BLOCK_COUNT + block) * BLOCK_BYTES
}

/// A block that says its number on its second page.
fn block(shard: ShardIndex, block: u64) -> Commit {
    let mut pages = pages_of(2 * PAGE_BYTES);
    bytemuck::cast_slice_mut::<Page, u64>(&mut pages[1..]).fill(block + 1);
    Commit { shard, pages, page_count: 2, offset: offset(shard, block), block, last: RecordNumber(block) }
}

fn is_written(copy: &File, shard: ShardIndex, block: u64) -> bool {
    let mut word = [0; 8];
    let read = copy.read_at(&mut word, offset(shard, block) + BLOCK_BYTES - 8).unwrap();
    read == 8 && u64::from_ne_bytes(word) == block + 1
}

/// Gives a block and sleeps until it is back, again and again; ends early at the stop. Returns how many it gave.
fn keep_giving(shard: ShardIndex, commits: &Commits, copies: &[File; 2], sleep: &Sleep) -> u64 {
    for number in 0..BLOCK_COUNT {
        if commits.stop.load(Ordering::Acquire) {
            return number;
        }
        commits.give(block(shard, number));
        let back = loop {
            sleep.sleep();
            match commits.take_done(shard) {
                Some(back) => break back,
                None if commits.stop.load(Ordering::Acquire) => return number + 1,
                None => {}
            }
        };
        assert_eq!((back.shard, back.block), (shard, number), "a block came back that is not this shard's next");
        assert!(copies.iter().all(|copy| is_written(copy, shard, number)), "a block came back before its commit");
        assert!(commits.take_done(shard).is_none(), "a block came back twice");
    }
    BLOCK_COUNT
}

fn scenario(roles: Roles) {
    (roles.main)();
    let shards = ShardRange::all(SHARD_COUNT);
    let (commits, parker) = Commits::new(shards);
    let sleeps: Vec<Sleep> = shards.iter().map(|_| Sleep::new()).collect();
    let copies = [copy(), copy()];
    let [one, two] = copies.each_ref().map(|copy| (PathBuf::from("copy"), copy.try_clone().unwrap()));
    let second_pages = vec![Page::zero(); shards.count().into()];
    let committer =
        Committer { commits: Arc::clone(&commits), parker, disk: Disk::Calls, copies: vec![one, two], second_pages };
    commits.wakers.set(sleeps.iter().map(Sleep::waker).collect()).unwrap();
    let committer = spawn(move || (roles.committer)(committer));
    let copies = Arc::new(copies);
    let givers: Vec<_> = shards
        .iter()
        .zip(sleeps.clone())
        .map(|(shard, sleep)| {
            let (commits, copies) = (Arc::clone(&commits), Arc::clone(&copies));
            spawn(move || {
                (roles.shard)();
                keep_giving(shard, &commits, &copies, &sleep)
            })
        })
        .collect();
    if !roles.stops_early {
        let given = givers.into_iter().map(|giver| giver.join().unwrap()).sum::<u64>();
        commits.stop();
        committer.join().unwrap();
        assert_eq!(given, BLOCK_COUNT * u64::from(SHARD_COUNT));
        assert!(commits.waiting.pop().is_none(), "a block is left over");
        assert_eq!(commits.report(2, false).blocks, given);
        return;
    }
    commits.stop();
    committer.join().unwrap();
    // Nothing comes back any more: whoever sleeps ends.
    sleeps.iter().for_each(|sleep| sleep.waker().wake());
    let given = givers.into_iter().map(|giver| giver.join().unwrap()).sum::<u64>();
    let waiting = std::iter::from_fn(|| commits.waiting.pop()).count() as u64;
    assert_eq!(commits.report(2, false).blocks + waiting, given, "a block is neither committed nor waiting");
}

/// A committer that tells shards of their blocks and commits them then.
fn work_back_to_front(mut committer: Committer) {
    while !committer.commits.stop.load(Ordering::Acquire) {
        let Some(commit) = committer.commits.waiting.pop() else {
            committer.parker.park_timeout(SLEEP);
            continue;
        };
        let (shard, copy) = (usize::from(commit.shard.0), block(commit.shard, commit.block));
        assert!(committer.commits.done[shard].push(commit).is_ok());
        committer.commits.wakers.get().unwrap()[shard].wake();
        committer.commit(&[copy]).unwrap();
    }
}

/// A committer that sees the stop with a block in its hands.
fn work_and_forget(mut committer: Committer) {
    loop {
        let commit = committer.commits.waiting.pop();
        if committer.commits.stop.load(Ordering::Acquire) {
            return;
        }
        let Some(commit) = commit else {
            committer.parker.park_timeout(SLEEP);
            continue;
        };
        let shard = usize::from(commit.shard.0);
        committer.commit(std::slice::from_ref(&commit)).unwrap();
        assert!(committer.commits.done[shard].push(commit).is_ok());
        committer.commits.wakers.get().unwrap()[shard].wake();
    }
}

fn work_hastily(committer: Committer) {
    hasty();
    work(committer);
}

#[test]
fn every_block_comes_back_once_after_its_commit_and_nobody_sleeps_for_ever() {
    holds(|| scenario(GOOD));
}

#[test]
fn a_stop_at_any_time_leaves_each_block_committed_or_waiting() {
    holds(|| scenario(Roles { stops_early: true, ..GOOD }));
}

#[test]
fn a_block_that_comes_back_before_its_commit_is_found() {
    finds("a block came back before its commit", || scenario(Roles { committer: work_back_to_front, ..GOOD }));
}

#[test]
fn a_block_that_a_stop_loses_is_found() {
    finds("neither committed nor waiting", || {
        scenario(Roles { committer: work_and_forget, stops_early: true, ..GOOD });
    });
}

#[test]
fn a_committer_woken_before_it_is_given_the_block_is_found_to_sleep_for_ever() {
    finds("deadlock", || scenario(Roles { shard: hasty, ..GOOD }));
}

#[test]
fn a_shard_woken_before_its_block_is_back_is_found_to_sleep_for_ever() {
    finds("deadlock", || scenario(Roles { committer: work_hastily, ..GOOD }));
}

#[test]
fn a_committer_woken_before_it_is_told_to_stop_is_found_to_sleep_for_ever() {
    finds("deadlock", || scenario(Roles { main: hasty, ..GOOD }));
}
