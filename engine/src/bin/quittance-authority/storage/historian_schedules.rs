//! Entries, questions and syncs between shards and the thread of histories, under many schedules: what a snapshot waits for is
//! durable when the shard is told so, every question is answered from all that was there when it came, what was handed over
//! before the stop is durable after it, and nobody sleeps for ever.

use super::*;
use crate::storage::testing::World;
use crate::sync::schedules::{Sleep, finds, hasty, holds, point, spawn, yield_now};
use quittance_engine::credit::Credit;
use quittance_engine::history::HISTORY_START;
use quittance_engine::limits::Tables;
use quittance_engine::network::NetworkId;
use quittance_engine::shard::{Outlet, ShardConfig};
use quittance_engine::types::{Address, Amount, Peer, Sequence, TimeMs};
use quittance_net::frame::{
    self, Frame, HISTORY_ITEM_BYTES, HISTORY_PAGE_BYTES, HISTORY_QUERY_BYTES, HISTORY_RECEIVED, Header, HistoryQuery,
    Kind,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

const SHARD_COUNT: u16 = 2;
/// More than there are buffers, so that shards find none.
const CREDIT_COUNT: u64 = BUFFER_COUNT as u64 + 1;
/// Questions come behind these credits.
const ASKED_AFTER: [u64; 2] = [2, CREDIT_COUNT];

/// As small as they may be: a schedule makes new shards.
const TABLES: Tables = Tables {
    jobs: 512,
    staged_orders: 512,
    staged_certificates: 128,
    root_checks: 512,
    roots_per_authority: 1,
    credits_unacknowledged: 8,
    held_orders: 2,
    history_open_bytes: 1 << 16,
};

const AT_ONCE: Patience = Patience { gather: Duration::ZERO, sync: Duration::MAX };

/// Who may make the planted mistakes.
#[derive(Clone, Copy)]
struct Roles {
    historian: fn(Historian<Disk>),
    holds: fn(&mut ShardHistory<Disk>, u64, &Shard) -> bool,
    patience: Patience,
}

const GOOD: Roles = Roles { historian: work, holds: ShardHistory::holds, patience: AT_ONCE };

/// A shard's entries as a disk has them.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    synced: usize,
}

impl Disk {
    /// Whether everything before this position outlives a power cut.
    fn keeps(&self, end: u64) -> bool {
        HISTORY_START + self.0.lock().unwrap().synced as u64 >= end
    }
}

impl Segments for Disk {
    fn append(&mut self, position: u64, bytes: &[u8]) -> Result<(), Fault> {
        point();
        let mut written = self.0.lock().unwrap();
        assert_eq!(position, HISTORY_START + written.bytes.len() as u64, "entries were written out of their order");
        written.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Fault> {
        point();
        let mut written = self.0.lock().unwrap();
        written.synced = written.bytes.len();
        Ok(())
    }
}

impl Entries for Disk {
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize {
        let written = self.0.lock().unwrap();
        let offset = usize::try_from(position - HISTORY_START).unwrap();
        let rest = written.bytes.get(offset..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

/// How many items each page has that comes.
#[derive(Default)]
struct Pages(Vec<Vec<u8>>);

impl Pages {
    fn item_counts(&self) -> Vec<u64> {
        let count = |bytes: &Vec<u8>| match frame::parse(bytes) {
            Ok(Frame::HistoryPage(page)) => page.items.len() as u64,
            other => panic!("a question was not answered from all that was there: {other:?}"),
        };
        self.0.iter().map(count).collect()
    }
}

impl Outlet for Pages {
    fn frame(&mut self, _: Peer, length: usize) -> &mut [u8] {
        self.0.push(vec![0; length]);
        self.0.last_mut().unwrap()
    }
}

fn work(historian: Historian<Disk>) {
    historian.work().unwrap();
}

fn work_hastily(historian: Historian<Disk>) {
    hasty();
    work(historian);
}

/// The thread's loop, but that `act` comes before it and says whether it has done the work.
fn work_otherwise(mut historian: Historian<Disk>, act: impl Fn(&mut Historian<Disk>, &Work<Disk>) -> bool) {
    loop {
        let work = historian.next();
        let is_stop = matches!(work, Some(Work::Stop));
        match work {
            Some(work) if act(&mut historian, &work) => {}
            Some(Work::Stop) => historian.sync_all().unwrap(),
            Some(work) => historian.act(work).unwrap(),
            None => {
                let (shard, request) =
                    historian.questions.pop_front().expect("there was no work, and there is no time");
                historian.answer(shard, &request);
            }
        }
        if is_stop {
            return;
        }
    }
}

/// Says that it is synced, and syncs then.
fn work_and_tell_first(historian: Historian<Disk>) {
    work_otherwise(historian, |historian, work| {
        let Work::Sync { shard } = work else { return false };
        tell(historian, *shard);
        historian.wake(*shard);
        historian.writing(*shard).as_mut().unwrap().files.sync().unwrap();
        true
    });
}

/// Syncs, and leaves it to the shard to find out.
fn work_silently(historian: Historian<Disk>) {
    work_otherwise(historian, |historian, work| {
        let Work::Sync { shard } = work else { return false };
        historian.writing(*shard).as_mut().unwrap().files.sync().unwrap();
        tell(historian, *shard);
        true
    });
}

fn tell(historian: &mut Historian<Disk>, shard: ShardIndex) {
    let end = historian.writing(shard).as_ref().unwrap().end;
    historian.histories.shared(shard).synced.store(end, Ordering::Release);
}

/// Takes the stop for leave to drop everything.
fn work_and_leave(historian: Historian<Disk>) {
    work_otherwise(historian, |_, work| matches!(work, Work::Stop));
}

/// Answers before it writes what came before the question.
fn work_with_questions_first(mut historian: Historian<Disk>) {
    loop {
        let mut works = vec![historian.work.recv().unwrap()];
        works.extend(std::iter::from_fn(|| historian.work.try_recv().ok()));
        works.sort_by_key(|work| match work {
            Work::Begin { .. } => 0,
            Work::Answer { .. } => 1,
            Work::Append { .. } | Work::Sync { .. } | Work::Stop => 2,
        });
        for work in works {
            match work {
                Work::Answer { shard, request } => historian.answer(shard, &request),
                Work::Stop => return historian.sync_all().unwrap(),
                work => historian.act(work).unwrap(),
            }
        }
    }
}

/// Asks for the sync in the next turn, which nothing brings about.
fn hold_later(history: &mut ShardHistory<Disk>, end: u64, _: &Shard) -> bool {
    history.wanted = history.wanted.max(end);
    history.histories.shared(history.shard).synced.load(Ordering::Acquire) >= end
}

/// A shard with an account, which gets credits of the other one.
struct Receiving {
    shard: Shard,
    index: ShardIndex,
    network: NetworkId,
    account: Address,
    pages: Pages,
}

impl Receiving {
    fn new(world: &World, index: ShardIndex) -> Self {
        let account_count_max = TABLES.account_reserve(SHARD_COUNT) + 1;
        let config = ShardConfig { account_count_max, keeps_history: true, tables: TABLES, ..world.config(index.0) };
        let account = world.accounts(index.0)[0];
        Self { shard: Shard::new(config), index, network: world.identity.network, account, pages: Pages::default() }
    }

    /// A credit comes, and all that is known is durable.
    fn credit(&mut self, number: u64) {
        let (recipient, sender, amount) = (self.account, [1; 32], Amount(number));
        let credit = Credit { number, recipient, amount, sender, sequence: Sequence(number), position: 0 };
        self.shard.receive_credit(ShardIndex(1 - self.index.0), &credit);
        self.commit();
    }

    /// Somebody asks for what the account received.
    fn ask(&mut self) {
        let query = HistoryQuery {
            header: Header::new(Kind::HistoryQuery, self.index.0, self.network.tag()),
            account: self.account,
            what: HISTORY_RECEIVED,
            ..bytemuck::Zeroable::zeroed()
        };
        let mut datagram = bytemuck::bytes_of(&query).to_vec();
        let room = HISTORY_PAGE_BYTES + usize::try_from(CREDIT_COUNT).unwrap() * HISTORY_ITEM_BYTES;
        datagram.resize(room.max(HISTORY_QUERY_BYTES), 0);
        self.shard.receive(TimeMs(0), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), &datagram);
        self.commit();
    }

    fn commit(&mut self) {
        let mut records = Vec::new();
        while let Some(sealed) = self.shard.seal(1 << 12, &mut records) {
            self.shard.set_durable(sealed.last);
        }
    }

    /// Turns until `is_over` says so: as the shard's loop has them, which looks again soon while entries wait, and else
    /// sleeps until it is woken.
    fn turn_until(
        &mut self,
        history: &mut ShardHistory<Disk>,
        sleep: &Sleep,
        mut is_over: impl FnMut(&mut ShardHistory<Disk>, &Self) -> bool,
    ) {
        loop {
            let worked = history.turn(&mut self.shard);
            self.shard.send_replies(&mut self.pages);
            if is_over(history, self) {
                return;
            }
            match (worked, self.shard.has_open_history()) {
                (true, _) => {}
                (false, true) => yield_now(),
                (false, false) => sleep.sleep(),
            }
        }
    }
}

/// Credits and questions; then a snapshot, which waits for all of that; then a last credit.
fn live(roles: Roles, world: &World, index: ShardIndex, histories: Arc<Histories<Disk>>, disk: Disk, sleep: &Sleep) {
    let mut receiving = Receiving::new(world, index);
    let mut history = ShardHistory::new(histories, disk.clone(), index, &receiving.shard);
    for number in 1..=CREDIT_COUNT {
        receiving.credit(number);
        if ASKED_AFTER.contains(&number) {
            receiving.ask();
        }
        history.turn(&mut receiving.shard);
    }
    let end = receiving.shard.history_end();
    receiving.turn_until(&mut history, sleep, |_, receiving| receiving.pages.0.len() == ASKED_AFTER.len());
    // Nothing else is to be done then, and nothing else would wake the shard.
    receiving.turn_until(&mut history, sleep, |history, receiving| (roles.holds)(history, end, &receiving.shard));
    assert!(disk.keeps(end), "a snapshot would count before its history is durable");
    assert_eq!(receiving.pages.item_counts(), ASKED_AFTER, "a question was not answered from all that was there");
    receiving.credit(CREDIT_COUNT + 1);
    receiving.turn_until(&mut history, sleep, |_, receiving| !receiving.shard.has_open_history());
}

fn scenario(roles: Roles, world: &Arc<World>) {
    let range = ShardRange::all(SHARD_COUNT);
    let (histories, historian) = Histories::with_patience(range, roles.patience);
    let sleeps: Vec<Sleep> = range.iter().map(|_| Sleep::new()).collect();
    histories.wakers.set(sleeps.iter().map(Sleep::waker).collect()).unwrap();
    let historian = spawn(move || (roles.historian)(historian));
    let disks: Vec<Disk> = range.iter().map(|_| Disk::default()).collect();
    let shards: Vec<_> = range
        .iter()
        .zip(sleeps)
        .map(|(index, sleep)| {
            let (histories, world, disk) = (Arc::clone(&histories), Arc::clone(world), disks[index.index()].clone());
            spawn(move || live(roles, &world, index, histories, disk, &sleep))
        })
        .collect();
    shards.into_iter().for_each(|shard| shard.join().unwrap());
    histories.stop();
    historian.join().unwrap();
    for (index, disk) in range.iter().zip(&disks) {
        let written = HISTORY_START + disk.0.lock().unwrap().bytes.len() as u64;
        assert!(disk.keeps(written), "what was handed over before the stop is not durable after it");
        let free = std::iter::from_fn(|| histories.shared(index).buffers.pop()).count();
        assert_eq!(free, BUFFER_COUNT, "a buffer was lost");
    }
}

fn with(roles: Roles) -> impl Fn() + Send + Sync {
    let world = Arc::new(World::new(SHARD_COUNT));
    move || scenario(roles, &world)
}

#[test]
fn snapshots_wait_for_durable_histories_questions_are_answered_and_nobody_sleeps_for_ever() {
    holds(with(GOOD));
}

#[test]
fn a_thread_that_syncs_all_the_time_changes_nothing() {
    holds(with(Roles { patience: Patience { sync: Duration::ZERO, ..AT_ONCE }, ..GOOD }));
}

#[test]
fn a_history_that_is_called_durable_before_it_is_is_found() {
    finds("before its history is durable", with(Roles { historian: work_and_tell_first, ..GOOD }));
}

#[test]
fn a_question_answered_before_what_came_before_it_is_written_is_found() {
    finds("not answered from all", with(Roles { historian: work_with_questions_first, ..GOOD }));
}

#[test]
fn a_stop_that_leaves_entries_unsynced_is_found() {
    finds("not durable after it", with(Roles { historian: work_and_leave, ..GOOD }));
}

#[test]
fn a_shard_that_nobody_wakes_after_a_sync_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { historian: work_silently, ..GOOD }));
}

#[test]
fn a_shard_woken_before_its_answer_is_there_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { historian: work_hastily, ..GOOD }));
}

#[test]
fn a_shard_that_falls_asleep_before_it_asks_for_a_sync_is_found_to_sleep_for_ever() {
    finds("deadlock", with(Roles { holds: hold_later, ..GOOD }));
}
