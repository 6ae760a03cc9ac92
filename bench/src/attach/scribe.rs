//! Writes to a wallet's book on a thread of its own: the load loop never waits for the disk.

use super::folder::Folder;
use crate::error::BenchError;
use crate::latency::{Latency, LatencySummary};
use quittance_wallet::book::{Book, Record, encode_batch};
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

/// What the thread has, and nobody else.
struct Desk {
    book: Book,
    file: File,
    file_bytes: u64,
}

/// A batch on disk.
struct Written {
    bytes: u64,
    took_ns: u64,
}

/// One who writes batches of records, one at a time, each on disk before it is told to be.
#[derive(Debug)]
pub struct Scribe {
    batches: Option<SyncSender<Vec<Record>>>,
    done: Receiver<Result<Written, BenchError>>,
    thread: Option<JoinHandle<()>>,
    is_writing: bool,
    records: u64,
    bytes: u64,
    latency: Latency,
    /// Held until the last batch is written.
    _lock: File,
}

/// What was written to the book in a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BookReport {
    /// Batches, each synced once.
    pub batches: u64,
    /// Orders, certificates, settlements, balances.
    pub records: u64,
    /// Bytes that the file grew by.
    pub bytes: u64,
    /// One batch, from its first byte to its sync; microseconds.
    pub batch_us: LatencySummary,
}

impl Scribe {
    /// Takes over a wallet's book and its lock.
    pub fn new(book: Book, file: File, file_bytes: u64, lock: File) -> Self {
        let (batches, to_write) = sync_channel::<Vec<Record>>(1);
        let (sender, done) = sync_channel(1);
        let mut desk = Desk { book, file, file_bytes };
        let thread = std::thread::spawn(move || {
            // Ends when the scribe is dropped, or with nobody to tell.
            while let Ok(records) = to_write.recv() {
                if sender.send(desk.write(&records)).is_err() {
                    return;
                }
            }
        });
        let (thread, batches) = (Some(thread), Some(batches));
        Self { batches, done, thread, is_writing: false, records: 0, bytes: 0, latency: Latency::new(), _lock: lock }
    }

    /// As [`Self::new`], from an open folder whose secrets were taken.
    pub fn of(folder: Folder) -> Self {
        Self::new(folder.book, folder.file, folder.file_bytes, folder.lock)
    }

    /// Gives a batch to be written. The one before must be.
    pub fn write(&mut self, records: Vec<Record>) {
        assert!(!self.is_writing, "one batch at a time");
        if records.is_empty() {
            return;
        }
        self.is_writing = true;
        self.records += records.len() as u64;
        // It fails only if the thread is gone, and then the wait for its word fails.
        let _ = self.batches.as_ref().expect("taken in drop alone").send(records);
    }

    /// Whether a batch is being written.
    pub fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Whether the batch came to be on disk since this was asked before.
    ///
    /// # Errors
    /// [`BenchError::Machine`] if it cannot be written: then nothing that depends on it may be sent.
    pub fn poll(&mut self) -> Result<bool, BenchError> {
        match self.done.try_recv() {
            Ok(written) => self.count(written).map(|()| true),
            Err(TryRecvError::Empty) => Ok(false),
            Err(TryRecvError::Disconnected) => panic!("the scribe's thread ends with the scribe"),
        }
    }

    /// Waits until the batch is on disk, if there is one.
    ///
    /// # Errors
    /// As [`Self::poll`].
    pub fn wait(&mut self) -> Result<(), BenchError> {
        if !self.is_writing {
            return Ok(());
        }
        let written = self.done.recv().expect("the scribe's thread ends with the scribe");
        self.count(written)
    }

    fn count(&mut self, written: Result<Written, BenchError>) -> Result<(), BenchError> {
        let Written { bytes, took_ns } = written?;
        self.is_writing = false;
        self.bytes += bytes;
        self.latency.record(took_ns);
        Ok(())
    }

    /// What was written so far.
    pub fn report(&self) -> BookReport {
        let batch_us = self.latency.summary();
        BookReport { batches: batch_us.count, records: self.records, bytes: self.bytes, batch_us }
    }
}

impl Drop for Scribe {
    /// What was given is written before the lock is given back.
    fn drop(&mut self) {
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            // It panics only where a record does not follow from the book, which is said then.
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn write(&mut self, records: &[Record]) -> Result<Written, BenchError> {
        let started = Instant::now();
        // In tests the disk is slow, so that whoever does not wait for it is seen.
        #[cfg(test)]
        std::thread::sleep(std::time::Duration::from_millis(1));
        for record in records {
            // A record that does not fit would make the book unreadable.
            self.book.apply(record).expect("orders go on from the book, and certificates are of its orders");
        }
        let mut bytes = Vec::new();
        encode_batch(records, self.file_bytes, &mut bytes);
        let remedy =
            "; nothing that depends on it was sent: make room or see to the disk, then run `quittance-wallet recover`";
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| BenchError::machine("writing the wallet's book", error, remedy))?;
        self.file_bytes += bytes.len() as u64;
        let took_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(Written { bytes: bytes.len() as u64, took_ns })
    }
}
