//! Pieces of snapshots on their way to the thread, under many schedules: every snapshot is completed once, in its order, and
//! nobody sleeps for ever, neither for a buffer nor for the end.

use super::*;
use crate::storage::testing::World;
use crate::sync::schedules::{Sleep, finds, hasty, holds, spawn};
use bytemuck::Zeroable;
use quittance_engine::journal::ring::Position;
use quittance_engine::shard::Shard;

const SHARD_COUNT: u16 = 2;
const CHUNK_COUNT: usize = 3;

/// Who may make the planted mistakes.
#[derive(Clone, Copy)]
struct Roles {
    writer: fn(SnapshotWriter),
    shard: fn(),
}

const GOOD: Roles = Roles { writer: work, shard: || () };

fn work(writer: SnapshotWriter) {
    writer.work().unwrap();
}

fn work_hastily(writer: SnapshotWriter) {
    hasty();
    work(writer);
}

/// A writer that gives buffers back and wakes nobody.
fn work_silently(mut writer: SnapshotWriter) {
    while let Ok(Order::Write(shard, piece)) = writer.orders.recv() {
        writer.bytes.clear();
        match piece {
            Piece::Begin(header) => writer.begin(shard, &header),
            Piece::Chunk { lsn, slots } => {
                writer.append(shard, |encoder, bytes| encoder.chunk(lsn, &slots, bytes)).unwrap();
                writer.snapshots.buffers.push(slots).unwrap();
                Ok(())
            }
            Piece::Tail { lsn, tail } => writer.append(shard, |encoder, bytes| encoder.tail(lsn, &tail, bytes)),
            Piece::Finish => writer.finish(shard),
        }
        .unwrap();
    }
}

/// The pieces of a shard's snapshot but its chunks.
fn head_and_tail(world: &World, shard: ShardIndex) -> [Piece; 2] {
    let start = Position::genesis(&world.identity, shard);
    let header = SnapshotHeader { shard: world.identity.of_shard(shard), created: [1; 16], number: 1, start };
    let (lsn, tail) = Shard::new(world.config(shard.0)).snapshot_tail();
    [Piece::Begin(header), Piece::Tail { lsn, tail }]
}

/// One snapshot of a shard, which sleeps whenever it has nothing to do.
fn make_snapshot(world: &World, shard: ShardIndex, snapshots: &Snapshots, sleep: &Sleep) {
    let [head, tail] = head_and_tail(world, shard);
    let Piece::Tail { lsn, .. } = tail else { unreachable!("it was made just now") };
    snapshots.give(shard, head);
    for _ in 0..CHUNK_COUNT {
        let mut slots = loop {
            match snapshots.try_buffer() {
                Some(buffer) => break buffer,
                None => sleep.sleep(),
            }
        };
        slots.clear();
        slots.resize(SNAPSHOT_CHUNK_SLOTS, SlotImage::zeroed());
        snapshots.give(shard, Piece::Chunk { lsn, slots });
    }
    snapshots.give(shard, tail);
    snapshots.give(shard, Piece::Finish);
    while !snapshots.take_done(shard) {
        sleep.sleep();
    }
    assert!(!snapshots.take_done(shard), "a snapshot was completed twice");
}

fn scenario(roles: Roles, world: &Arc<World>) {
    let shards = ShardRange::all(SHARD_COUNT);
    let (snapshots, orders) = Snapshots::with_buffers(shards, 1);
    let sleeps: Vec<Sleep> = shards.iter().map(|_| Sleep::new()).collect();
    snapshots.wakers.set(sleeps.iter().map(Sleep::waker).collect()).unwrap();
    // Where the bytes go is a matter of other tests: there is no directory here.
    let writer = SnapshotWriter::new(Arc::clone(&snapshots), orders, Vec::new());
    let writer = spawn(move || (roles.writer)(writer));
    let shards: Vec<_> = shards
        .iter()
        .zip(sleeps)
        .map(|(shard, sleep)| {
            let (snapshots, world) = (Arc::clone(&snapshots), Arc::clone(world));
            spawn(move || {
                (roles.shard)();
                make_snapshot(&world, shard, &snapshots, &sleep);
            })
        })
        .collect();
    shards.into_iter().for_each(|shard| shard.join().unwrap());
    snapshots.stop();
    writer.join().unwrap();
    assert!(snapshots.try_buffer().is_some(), "a buffer was lost");
}

fn with(roles: Roles) -> impl Fn() + Send + Sync {
    let world = Arc::new(World::new(SHARD_COUNT));
    move || scenario(roles, &world)
}

#[test]
fn every_snapshot_is_completed_once_and_nobody_sleeps_for_ever() {
    holds(with(GOOD));
}

#[test]
fn a_shard_that_nobody_wakes_for_a_buffer_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { writer: work_silently, ..GOOD }));
}

#[test]
fn a_shard_woken_before_its_snapshot_counts_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { writer: work_hastily, ..GOOD }));
}
