//! What is shown, and how it is gathered: threads are asked, and answer in their own time, or do not.

use super::super::control::Control;
use super::super::samples::{Mailbox, ShardSample, VerifierSample};
use super::super::threads::JournalHandle;
use super::super::verifier_pool::VerifierPool;
use super::usage::Usage;
use crate::storage::JournalFigures;
use crate::sync::Waker;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

/// How long the threads may take to answer: a turn takes milliseconds. Whoever takes longer is shown as it was last seen.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often their mailboxes are looked into meanwhile. No thread wakes this one: it would cost them more than it saves here.
const LOOK_SLEEP: Duration = Duration::from_micros(200);

/// What does not change.
#[derive(Clone, Debug)]
pub(in crate::run) struct About {
    pub(in crate::run) started: SystemTime,
    pub(in crate::run) mode: &'static str,
    pub(in crate::run) transport: String,
    pub(in crate::run) backend: String,
}

/// Whom to ask.
pub(in crate::run) struct Sources {
    pub(in crate::run) control: Arc<Control>,
    /// Of all shards.
    pub(in crate::run) wakers: Arc<[Waker]>,
    pub(in crate::run) pool: Option<Arc<VerifierPool>>,
    pub(in crate::run) journal: Option<JournalHandle>,
}

/// An authority at one moment, or nearly.
pub(super) struct Picture {
    sources: Option<Sources>,
    pub(super) about: About,
    /// By place; none that has not answered yet.
    pub(super) shards: Vec<Option<Box<ShardSample>>>,
    pub(super) verifiers: Vec<Option<Box<VerifierSample>>>,
    /// Batches that wait for a verifier, if there are verifiers.
    pub(super) verifier_queue: Option<usize>,
    pub(super) journal: Option<JournalFigures>,
    /// Threads that have not answered in time: what is shown of them is old.
    pub(super) silent_threads: usize,
    pub(super) usage: Usage,
}

/// What answers a question.
trait Answer {
    /// The question's number.
    fn question(&self) -> u64;
}

impl Answer for ShardSample {
    fn question(&self) -> u64 {
        self.question
    }
}

impl Answer for VerifierSample {
    fn question(&self) -> u64 {
        self.question
    }
}

impl Picture {
    /// Nothing is known yet.
    pub(super) fn new(about: About, sources: Sources) -> Self {
        let samples = &sources.control.samples;
        Self {
            shards: samples.shards().iter().map(|_| None).collect(),
            verifiers: samples.verifiers().iter().map(|_| None).collect(),
            sources: Some(sources),
            ..Self::empty(about)
        }
    }

    /// Without anyone to ask.
    pub(super) fn empty(about: About) -> Self {
        Self {
            sources: None,
            about,
            shards: Vec::new(),
            verifiers: Vec::new(),
            verifier_queue: None,
            journal: None,
            silent_threads: 0,
            usage: Usage::default(),
        }
    }

    /// Asks all threads, and waits for them with some patience.
    pub(super) fn refresh(&mut self) {
        let Some(sources) = &self.sources else { return };
        let samples = &sources.control.samples;
        let question = sources.control.ask_for_samples();
        sources.wakers.iter().for_each(Waker::wake);
        sources.pool.iter().for_each(|pool| pool.wake_all());
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.silent_threads = take_all(samples.shards(), &mut self.shards, question)
                + take_all(samples.verifiers(), &mut self.verifiers, question);
            if self.silent_threads == 0 || Instant::now() >= deadline {
                break;
            }
            sleep(LOOK_SLEEP);
        }
        self.verifier_queue = sources.pool.as_ref().map(|pool| pool.waiting_count());
        self.journal = sources.journal.as_ref().map(|journal| journal.commits.figures());
        self.usage = Usage::read();
    }

    /// The shards that have answered.
    pub(super) fn shards(&self) -> impl Iterator<Item = &ShardSample> {
        self.shards.iter().flatten().map(AsRef::as_ref)
    }

    /// The verifiers that have answered.
    pub(super) fn verifiers(&self) -> impl Iterator<Item = &VerifierSample> {
        self.verifiers.iter().flatten().map(AsRef::as_ref)
    }
}

/// Empties the mailboxes. Returns how many threads have not answered this question.
fn take_all<T: Answer>(mailboxes: &[Mailbox<T>], newest: &mut [Option<Box<T>>], question: u64) -> usize {
    for (mailbox, newest) in mailboxes.iter().zip(newest.iter_mut()) {
        if let Some(sample) = mailbox.take() {
            *newest = Some(sample);
        }
    }
    newest.iter().filter(|newest| newest.as_ref().is_none_or(|sample| sample.question() < question)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Answer for u64 {
        fn question(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_kept_and_does_not_count() {
        let mailboxes = [Mailbox::new(), Mailbox::new(), Mailbox::new()];
        let mut newest = vec![None, None, None];
        mailboxes[0].put(7);
        mailboxes[1].put(6);
        assert_eq!(take_all(&mailboxes, &mut newest, 7), 2, "one is late, and one silent");
        assert_eq!(newest, [Some(Box::new(7)), Some(Box::new(6)), None]);
        mailboxes[1].put(7);
        assert_eq!(take_all(&mailboxes, &mut newest, 7), 1);
        assert_eq!(newest[1], Some(Box::new(7)));
    }
}
