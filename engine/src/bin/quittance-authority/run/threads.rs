//! All threads of an authority: started, supervised, stopped.

use super::control::{Control, Event, ShardReport, VerifierReport};
use super::durability::Found;
use super::metrics::Sources;
use super::peers::{Bell, LinkReport, Peers};
use super::placement::Place;
use super::shard_thread::ShardThread;
use super::verifier_pool::VerifierPool;
use super::verifier_thread::VerifierThread;
use crate::fault::Fault;
use crate::signals::{self, Request};
use crate::storage::{Commits, Committer, Historian, Histories, JournalReport, SnapshotWriter, Snapshots};
use crate::sync::Waker;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use quittance_engine::shard_range::ShardRange;
use std::cell::Cell;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the main thread waits for every thread's counters. A shard's turn takes milliseconds.
const REPORT_WAIT: Duration = Duration::from_secs(5);

/// The running threads.
pub(super) struct Threads {
    control: Arc<Control>,
    pool: Option<Arc<VerifierPool>>,
    events: Receiver<Event>,
    wakers: Arc<[Waker]>,
    handles: Vec<JoinHandle<()>>,
    thread_count: usize,
    /// A stop that was asked for while counters were being gathered.
    stop_signal: Cell<Option<i32>>,
    journal: Option<JournalHandle>,
    /// Of the thread that speaks with other processes, if there is one.
    bell: Option<Arc<Bell>>,
    found: Vec<Found>,
}

/// The threads behind the journal, before they start.
pub(super) struct JournalThreads {
    pub(super) handle: JournalHandle,
    pub(super) committer: Committer,
    pub(super) snapshot_writer: SnapshotWriter,
    pub(super) historian: Historian,
    pub(super) place: Place,
}

/// What the main thread keeps of them.
#[derive(Clone)]
pub(super) struct JournalHandle {
    pub(super) commits: Arc<Commits>,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) histories: Arc<Histories>,
    pub(super) copies: usize,
    pub(super) is_direct: bool,
}

/// Every thread's counters, by index.
#[derive(Default)]
pub(super) struct Reports {
    pub(super) shards: Vec<ShardReport>,
    pub(super) verifiers: Vec<VerifierReport>,
    pub(super) journal: Option<JournalReport>,
    pub(super) link: Option<LinkReport>,
}

impl Reports {
    /// Threads that have reported.
    fn count(&self) -> usize {
        self.shards.len() + self.verifiers.len() + usize::from(self.link.is_some())
    }
}

/// Why [`Threads::wait`] returned.
pub(super) enum Wake {
    /// A signal came.
    Signal(i32),
    /// A thread cannot go on.
    Failed(Fault),
}

impl Threads {
    /// Starts all threads and returns when every shard is ready to receive, or one cannot be.
    pub(super) fn start(
        shards: Vec<(ShardThread, Sender<Arc<[Waker]>>)>,
        verifiers: Vec<VerifierThread>,
        pool: Option<Arc<VerifierPool>>,
        journal: Option<JournalThreads>,
        peers: Option<(Peers, Arc<Bell>)>,
        control: Arc<Control>,
        (sender, events): (Sender<Event>, Receiver<Event>),
    ) -> Result<Self, Fault> {
        let thread_count = shards.len() + verifiers.len() + usize::from(peers.is_some());
        let mut handles = Vec::with_capacity(thread_count);
        let mut starts = Vec::with_capacity(shards.len());
        let first = shards.first().expect("a process runs a shard").0.config.shard;
        let count = u16::try_from(shards.len()).expect("shards are numbered in 16 bits");
        let hosted = ShardRange::new(first, count).expect("they follow each other");
        for (shard, start) in shards {
            let (name, sender) = (format!("shard-{}", shard.config.shard.0), sender.clone());
            handles.push(spawn(name, sender, move |_| shard.run())?);
            starts.push(start);
        }
        for mut verifier in verifiers {
            let (name, sender) = (format!("verifier-{}", verifier.index), sender.clone());
            handles.push(spawn(name, sender, move |events| {
                verifier.place.pin()?;
                let send = |report| _ = events.send(Event::Verifier(report));
                verifier.work(send);
                send(verifier.report());
                Ok(())
            })?);
        }
        let (wakers, found) = await_ready(&events, hosted)?;
        if let Some(pool) = &pool {
            pool.wakers.set(wakers.to_vec()).expect("wakers are set once, here");
        }
        let journal = journal.map(|journal| journal.start(&wakers, &sender, &mut handles)).transpose()?;
        let bell = peers.map(|(peers, bell)| {
            let wakers = wakers.to_vec();
            handles.push(spawn("peers".to_owned(), sender.clone(), move |events| peers.work(wakers, events))?);
            Ok::<_, Fault>(bell)
        });
        let bell = bell.transpose()?;
        for start in starts {
            start.send(Arc::clone(&wakers)).map_err(|_| Fault::Thread("a shard ended at its start".to_owned()))?;
        }
        let stop_signal = Cell::new(None);
        Ok(Self { control, pool, events, wakers, handles, thread_count, stop_signal, journal, bell, found })
    }

    /// What each shard found on disk, by index.
    pub(super) fn found(&self) -> &[Found] {
        &self.found
    }

    /// Whom to ask for metrics.
    pub(super) fn sources(&self) -> Sources {
        Sources {
            control: Arc::clone(&self.control),
            wakers: Arc::clone(&self.wakers),
            pool: self.pool.clone(),
            journal: self.journal.clone(),
        }
    }

    /// Sleeps until something happens that the main thread must see to.
    pub(super) fn wait(&self) -> Wake {
        if let Some(signal) = self.stop_signal.take() {
            return Wake::Signal(signal);
        }
        loop {
            match self.events.recv().expect("the signal thread holds a sender as long as the process lives") {
                Event::Signal(signal) => return Wake::Signal(signal),
                Event::Failed(fault) => return Wake::Failed(fault),
                // A report that came too late for the one who asked.
                Event::Shard(_) | Event::Verifier(_) | Event::Link(_) | Event::Ready { .. } => {}
            }
        }
    }

    /// Asks every thread for its counters.
    pub(super) fn reports(&self) -> Result<Reports, Fault> {
        self.control.ask_for_reports();
        self.wake_all();
        self.collect()
    }

    /// Stops every thread and returns the last counters.
    pub(super) fn stop(mut self) -> Result<Reports, Fault> {
        self.control.stop();
        self.wake_all();
        let reports = self.collect()?;
        if let Some(journal) = &self.journal {
            journal.commits.stop();
            journal.snapshots.stop();
            journal.histories.stop();
        }
        for handle in self.handles.drain(..) {
            handle.join().expect("a panic would have ended the process");
        }
        Ok(reports)
    }

    fn wake_all(&self) {
        self.wakers.iter().for_each(Waker::wake);
        if let Some(pool) = &self.pool {
            pool.wake_all();
        }
        self.bell.iter().for_each(|bell| bell.ring());
    }

    /// One report of each thread; fewer if one does not answer in time. A SIGUSR1 that comes meanwhile is passed over:
    /// whoever sent it sees the counters that are under way. A stop is kept for [`Self::wait`].
    fn collect(&self) -> Result<Reports, Fault> {
        let deadline = Instant::now() + REPORT_WAIT;
        let mut reports = Reports::default();
        while reports.count() < self.thread_count {
            match self.events.recv_deadline(deadline) {
                Ok(Event::Shard(report)) => reports.shards.push(*report),
                Ok(Event::Verifier(report)) => reports.verifiers.push(report),
                Ok(Event::Link(report)) => reports.link = Some(report),
                Ok(Event::Failed(fault)) => return Err(fault),
                Ok(Event::Signal(signal)) if signals::request(signal) == Request::Stop => {
                    self.stop_signal.set(Some(signal));
                }
                Ok(Event::Signal(_) | Event::Ready { .. }) => {}
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!(
                        "quittance-authority: a thread did not report within {REPORT_WAIT:?}; its counters are missing"
                    );
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        reports.shards.sort_by_key(|report| report.index);
        reports.verifiers.sort_by_key(|report| report.index);
        reports.journal =
            self.journal.as_ref().map(|journal| journal.commits.report(journal.copies, journal.is_direct));
        Ok(reports)
    }
}

impl JournalThreads {
    /// Starts the three threads, when it is known whom they wake.
    fn start(
        self,
        wakers: &[Waker],
        events: &Sender<Event>,
        handles: &mut Vec<JoinHandle<()>>,
    ) -> Result<JournalHandle, Fault> {
        let Self { handle, committer, snapshot_writer, historian, place } = self;
        handle.commits.wakers.set(wakers.to_vec()).expect("wakers are set once, here");
        handle.snapshots.wakers.set(wakers.to_vec()).expect("wakers are set once, here");
        handle.histories.wakers.set(wakers.to_vec()).expect("wakers are set once, here");
        handles.push(spawn("journal".to_owned(), events.clone(), move |_| {
            place.pin()?;
            committer.work(place.core)
        })?);
        // Where the other thread is that mostly waits for a disk: elsewhere it would push aside whoever has that core.
        handles.push(spawn("history".to_owned(), events.clone(), move |_| {
            place.pin()?;
            historian.work()
        })?);
        // Not pinned: it has much to do, seldom, and nobody waits for it.
        handles.push(spawn("snapshots".to_owned(), events.clone(), move |_| snapshot_writer.work())?);
        Ok(handle)
    }
}

/// The wakers of all shards here, and what they recovered, in their order.
fn await_ready(events: &Receiver<Event>, shards: ShardRange) -> Result<(Arc<[Waker]>, Vec<Found>), Fault> {
    let mut wakers: Vec<Option<Waker>> = vec![None; shards.count().into()];
    let mut found = Vec::new();
    while wakers.iter().any(Option::is_none) {
        match events.recv().expect("the main thread holds a sender itself") {
            Event::Ready { shard, waker, recovered } => {
                wakers[shards.local(shard)] = Some(waker);
                found.extend(recovered);
            }
            Event::Failed(fault) => return Err(fault),
            Event::Shard(_) | Event::Verifier(_) | Event::Link(_) => unreachable!("nobody has asked for counters yet"),
            Event::Signal(signal) if signals::request(signal) == Request::Stop => return Err(Fault::StoppedEarly),
            // There is nothing to report yet.
            Event::Signal(_) => {}
        }
    }
    found.sort_by_key(|found: &Found| found.line.index);
    Ok((wakers.into_iter().flatten().collect(), found))
}

/// A thread whose fault reaches the main thread.
fn spawn(
    name: String,
    events: Sender<Event>,
    work: impl FnOnce(&Sender<Event>) -> Result<(), Fault> + Send + 'static,
) -> Result<JoinHandle<()>, Fault> {
    let fault =
        |error| Fault::Thread(format!("a thread cannot be started: {error}; raise the process limit (ulimit -u)"));
    let run = move || {
        if let Err(fault) = work(&events) {
            // The main thread is gone only when the process ends.
            let _ = events.send(Event::Failed(fault));
        }
    };
    std::thread::Builder::new().name(name).spawn(run).map_err(fault)
}
