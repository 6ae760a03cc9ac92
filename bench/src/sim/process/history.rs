//! Histories: entries on their way to the disk, questions answered from them, and the syncs that snapshots wait for; and what
//! must hold of them. In the shell's place: a shard's end and the thread, as there.

use super::super::around::Around;
use super::super::ballot::is_proved;
use super::super::disk::{Disk, Name, Stopped};
use super::super::ground::{Ground, OPENING};
use super::super::trace::Event;
use super::{Process, Running, Stop};
use core::cmp::Ordering;
use quittance_engine::history::answer::{Entries, HistoryRequest, answer};
use quittance_engine::history::entry::{Chain, Content, ENTRY_BYTES_MAX, Entry, split_first};
use quittance_engine::history::segment::SegmentHeader;
use quittance_engine::history::segment_of;
use quittance_engine::journal::PAGE_BYTES;
use quittance_engine::journal::identity::Superblock;
use quittance_engine::journal::snapshot::SlotImage;
use quittance_engine::keeper::Copied;
use quittance_engine::shard::Shard;
use quittance_engine::types::{Address, ShardIndex};
use quittance_net::frame::{self, Frame, HISTORY_CERTIFICATE};
use std::collections::{BTreeSet, VecDeque};

/// Pieces of entries that a shard may have on their way.
const PIECES_MAX: usize = 3;

/// What is written is synced at one in so many acts of the thread, though nobody waits for it.
const SYNC_ONCE_IN: usize = 64;

/// What a shard wants done.
#[derive(Debug)]
enum Work {
    Append { shard: usize, position: u64, bytes: Vec<u8> },
    Sync,
}

/// The thread that writes histories, and answers from them: entries before questions.
#[derive(Debug, Default)]
pub(super) struct Historian {
    work: VecDeque<Work>,
    questions: VecDeque<(usize, HistoryRequest)>,
    is_dirty: bool,
}

/// A shard's history as it is written.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// Up to where a snapshot wants it synced, and up to where that was asked for.
    wanted: u64,
    asked: u64,
    pieces: usize,
    /// Up to where it is written, and up to where it is durable.
    end: u64,
    synced: u64,
    tail: Option<Tail>,
}

/// Entries with votes, by their positions: those that a power cut may cost, and those that nothing may.
#[derive(Debug, Default)]
pub(super) struct Kept {
    written: Vec<u64>,
    durable: BTreeSet<u64>,
}

/// Where the last entry ended: whole pages are written, the last one again with what comes next.
#[derive(Debug)]
struct Tail {
    start: usize,
    bytes: Vec<u8>,
}

impl Writing {
    /// All that recovery found or made again is durable.
    pub(super) fn new(shard: &Shard) -> Self {
        Self { synced: shard.history_end(), ..Self::default() }
    }
}

impl Kept {
    /// The process is gone, and nobody knows any more what was written and not synced.
    pub(super) fn forget_written(&mut self) {
        self.written.clear();
    }

    /// Positions from here on are given away again.
    pub(super) fn recovered(&mut self, end: u64) {
        self.durable.split_off(&end);
    }
}

impl Running {
    /// A shard's end: hands over entries, wishes and questions. Returns whether there was anything.
    pub(super) fn history_turn(&mut self, index: usize, historian: &mut Historian, is_patient: bool) -> bool {
        let (shard, writing) = (&mut self.shard, &mut self.writing);
        let is_awaited = writing.asked < writing.wanted || shard.has_history_request();
        let mut worked = false;
        while shard.has_open_history() && writing.pieces < PIECES_MAX && (is_awaited || !is_patient) {
            let mut bytes = Vec::new();
            let position = shard.seal_history(&mut bytes).expect("there are entries");
            historian.work.push_back(Work::Append { shard: index, position, bytes });
            writing.pieces += 1;
            worked = true;
        }
        if writing.asked < writing.wanted && !shard.has_open_history() {
            writing.asked = writing.wanted;
            historian.work.push_back(Work::Sync);
            worked = true;
        }
        while let Some(request) = shard.take_history_request() {
            historian.questions.push_back((index, request));
            worked = true;
        }
        worked
    }
}

impl Writing {
    /// Whether a snapshot may count, as far as the history is concerned; if not, it soon may.
    pub(super) fn holds(&mut self, copied: &Copied) -> bool {
        let holds = self.synced >= copied.history_end;
        if !holds {
            self.wanted = self.wanted.max(copied.history_end);
        }
        holds
    }
}

impl Process {
    /// One shard's turn, or one act of the thread.
    pub(super) fn history_step(&mut self, shard: usize, around: &mut Around) -> Result<bool, String> {
        let Some(run) = &mut self.run else { return Ok(false) };
        if around.chance.once_in(2) {
            let is_patient = !around.chance.once_in(8);
            let worked = run.shards[shard].history_turn(shard, &mut run.historian, is_patient);
            return Ok(worked);
        }
        if run.history_stall > 0 {
            run.history_stall -= 1;
            return Ok(false);
        }
        if run.historian.is_dirty && around.chance.once_in(SYNC_ONCE_IN) {
            self.sync_history(around);
        } else if let Some(work) = run.historian.work.pop_front() {
            match work {
                Work::Append { shard, position, bytes } => self.append_history(shard, position, &bytes),
                Work::Sync => self.sync_history(around),
            }
        } else if let Some((shard, request)) = run.historian.questions.pop_front() {
            self.answer_history(shard, &request, around)?;
        } else {
            return Ok(false);
        }
        around.trace.event(Event::History, [self.index as u64, shard as u64, 0]);
        Ok(true)
    }

    /// Writes entries, whole pages at once.
    fn append_history(&mut self, shard: usize, position: u64, bytes: &[u8]) {
        let run = self.run.as_mut().expect("its thread is at work");
        let writing = &mut run.shards[shard].writing;
        let index = self.shards.iter().nth(shard).expect("one of its shards");
        let mut segments = Segments::open(&mut self.disk, &self.superblock, index);
        let tail = segments.append(writing.tail.take(), position, bytes);
        writing.tail = Some(tail.expect("it has fuel"));
        writing.end = position + bytes.len() as u64;
        writing.pieces -= 1;
        run.historian.is_dirty = true;
        let mut rest = bytes;
        while let Some((entry, _, after)) = split_first(rest) {
            let has_votes = matches!(entry.content, Content::Payment { votes: Some(_), .. });
            self.kept[shard].written.extend(has_votes.then_some(entry.position));
            rest = after;
        }
    }

    /// All that is written is durable; or, if a sync fails, the process ends.
    fn sync_history(&mut self, around: &mut Around) {
        let run = self.run.as_mut().expect("its thread is at work");
        run.historian.is_dirty = false;
        for ((shard, running), index) in run.shards.iter_mut().enumerate().zip(self.shards.iter()) {
            let name = Name::History(index.0);
            if around.chance.happens(around.swarm.sync_error) {
                around.faults.sync_errors += 1;
                self.disk.fail_sync(0, name, &mut around.chance);
                return self.kill(around);
            }
            self.disk.sync(0, name).expect("it has fuel");
            self.disk.sync_directory(0).expect("it has fuel");
            running.writing.synced = running.writing.synced.max(running.writing.end);
            let Kept { written, durable } = &mut self.kept[shard];
            durable.extend(written.drain(..));
        }
    }

    /// Answers, and is held to what it should have found.
    fn answer_history(&mut self, shard: usize, request: &HistoryRequest, around: &mut Around) -> Result<(), String> {
        let at = |wrong: String| format!("authority {}, a history's answer: {wrong}", self.index);
        let index = self.shards.iter().nth(shard).expect("one of its shards");
        let mut segments = Segments::open(&mut self.disk, &self.superblock, index);
        let reply = answer(request, &mut segments);
        match frame::parse(reply.bytes()) {
            Ok(Frame::Certificate(certificate)) if !is_proved(&certificate, around) => {
                return Err(at("a certificate that proves nothing".to_owned()));
            }
            Ok(Frame::Certificate(_)) => around.faults.histories_certificates += 1,
            Ok(_) => around.faults.histories_pages += 1,
            Err(fault) => return Err(at(format!("no frame: {fault:?}"))),
        }
        if reply.refused().is_some() {
            let is_known = !request.is_from_peer || around.book.has_told(&around.ground, self.index, request);
            if is_known {
                check_refusal(request, &mut segments, &self.kept[shard], &mut around.faults.votes_missing)
                    .map_err(at)?;
            }
        }
        let run = self.run.as_mut().expect("its thread is at work");
        run.shards[shard].shard.finish_history(reply);
        Ok(())
    }
}

/// A shard's segment in the first copy's directory. A world is too short for a second one.
pub(super) struct Segments<'a> {
    disk: &'a mut Disk,
    header: SegmentHeader,
    name: Name,
}

impl<'a> Segments<'a> {
    pub(super) fn open(disk: &'a mut Disk, superblock: &Superblock, shard: ShardIndex) -> Self {
        let name = Name::History(shard.0);
        let identity = superblock.identity.of_shard(shard);
        Self { disk, header: SegmentHeader { shard: identity, created: superblock.created, number: 0 }, name }
    }

    /// Whose segment is it? A first page that was never completed is written again.
    pub(super) fn check(&mut self) -> Result<(), Stop> {
        let mut page = [0; PAGE_BYTES];
        if self.disk.length(0, self.name).is_none() {
            return Ok(());
        }
        let is_read = self.disk.read(0, self.name, 0, &mut page).is_some();
        match SegmentHeader::decode(&page) {
            Ok(header) if is_read && header == self.header => Ok(()),
            Ok(_) => Err(Stop::Wrong("a history of somebody else".to_owned())),
            Err(_) => Ok(self.disk.write(0, self.name, 0, self.header.encode().to_vec().into())?),
        }
    }

    fn create(&mut self) -> Result<(), Stopped> {
        if self.disk.length(0, self.name).is_some() {
            return Ok(());
        }
        self.disk.create(0, self.name)?;
        self.disk.write(0, self.name, 0, self.header.encode().to_vec().into())
    }

    fn append(&mut self, tail: Option<Tail>, position: u64, bytes: &[u8]) -> Result<Tail, Stopped> {
        self.create()?;
        let offset = offset(position);
        let tail = tail.filter(|tail| tail.start + tail.bytes.len() == offset);
        let mut tail = tail.unwrap_or_else(|| {
            let mut bytes = vec![0; offset % PAGE_BYTES];
            let start = offset - bytes.len();
            self.read_at(start, &mut bytes);
            Tail { start, bytes }
        });
        tail.bytes.extend_from_slice(bytes);
        let mut pages = tail.bytes.clone();
        pages.resize(pages.len().next_multiple_of(PAGE_BYTES), 0);
        self.disk.write(0, self.name, tail.start, pages.into())?;
        let whole = tail.bytes.len() - tail.bytes.len() % PAGE_BYTES;
        tail.bytes.drain(..whole);
        tail.start += whole;
        Ok(tail)
    }

    /// Writes entries that recovery made again where the disk has not got them. Returns how many.
    pub(super) fn restore(&mut self, stubs: &[u8]) -> Result<u64, Stopped> {
        let (mut rest, mut found, mut count) = (stubs, [0; ENTRY_BYTES_MAX], 0);
        while let Some((stub, bytes, after)) = split_first(rest) {
            let length = self.read(stub.position, &mut found);
            let entry = Entry::decode(stub.position, &found[..length]);
            if !entry.is_some_and(|entry| stub.is_same(&entry)) {
                self.create()?;
                self.disk.write(0, self.name, offset(stub.position), bytes.into())?;
                count += 1;
            }
            rest = after;
        }
        Ok(count)
    }

    /// Everything is durable: file and name.
    pub(super) fn sync(&mut self) -> Result<(), Stopped> {
        self.disk.sync(0, self.name)?;
        self.disk.sync_directory(0)
    }

    /// As much as is there.
    fn read_at(&self, offset: usize, into: &mut [u8]) -> usize {
        let length = self.disk.length(0, self.name).unwrap_or(0).saturating_sub(offset).min(into.len());
        self.disk.read(0, self.name, offset, &mut into[..length]).map_or(0, |()| length)
    }

    /// The link before the entry at this position, in a chain that it must be in, and what is there.
    fn follow<'b>(
        &mut self,
        account: &Address,
        chain: Chain,
        position: u64,
        buffer: &'b mut [u8; ENTRY_BYTES_MAX],
    ) -> Result<(Content<'b>, u64), String> {
        let length = self.read(position, buffer);
        let entry = Entry::decode(position, &buffer[..length]);
        let link = entry.and_then(|entry| Some((entry.content, entry.previous(account, chain)?)));
        link.ok_or_else(|| format!("a link is missing at {position}, in {chain:?}"))
    }
}

impl Entries for Segments<'_> {
    fn read(&mut self, position: u64, into: &mut [u8]) -> usize {
        self.read_at(offset(position), into)
    }
}

fn offset(position: u64) -> usize {
    let (segment, offset) = segment_of(position);
    assert_eq!(segment, 0, "a world is too short for a second segment");
    usize::try_from(offset).expect("less than a segment")
}

/// An honest authority refuses what it was rightly asked only where there is nothing, or where the votes are lost that were not
/// synced.
fn check_refusal(
    request: &HistoryRequest,
    segments: &mut Segments<'_>,
    kept: &Kept,
    missing: &mut u64,
) -> Result<(), String> {
    if request.what != HISTORY_CERTIFICATE {
        return Err(format!("it has lost its way at {}", request.from));
    }
    let mut position = request.from;
    let mut buffer = [0; ENTRY_BYTES_MAX];
    while position != 0 {
        let (content, previous) = segments.follow(&request.account, Chain::Sent, position, &mut buffer)?;
        let has_votes = matches!(content, Content::Payment { votes: Some(_), .. });
        match content.sequence().0.cmp(&request.sequence) {
            Ordering::Greater => position = previous,
            Ordering::Less => return Ok(()),
            Ordering::Equal if has_votes => return Err(format!("it withholds the certificate at {position}")),
            Ordering::Equal if kept.durable.contains(&position) => {
                return Err(format!("the votes at {position} are lost, and were synced"));
            }
            Ordering::Equal => {
                *missing += 1;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Every chain of every account, from its newest end to its first payment: no link is missing, no payment is twice there, the
/// votes are there that were synced, and the balance is what they come to.
pub(super) fn check(shard: &Shard, segments: &mut Segments<'_>, kept: &Kept, ground: &Ground) -> Result<(), String> {
    let (mut cursor, mut images) = (0, Vec::new());
    while shard.snapshot_chunk(&mut cursor, &mut images).is_some() {
        for image in &images {
            let account = ground.account(&image.address).ok_or("an account that nobody has")?;
            let at = |wrong: String| format!("account {account}: {wrong}");
            let sent = check_sent(image, segments, kept).map_err(at)?;
            let received = check_received(image, segments).map_err(at)?;
            let opening = if account < ground.funded_count { i128::from(OPENING) } else { 0 };
            if image.balance.get() != opening + received - sent {
                let held = image.balance.get();
                return Err(at(format!("its history comes to {opening} + {received} - {sent}, and it has {held}")));
            }
        }
    }
    Ok(())
}

/// What the account paid.
fn check_sent(image: &SlotImage, segments: &mut Segments<'_>, kept: &Kept) -> Result<i128, String> {
    let (mut position, mut sum, mut buffer) = (image.sent.get(), 0, [0; ENTRY_BYTES_MAX]);
    for sequence in (0..image.next_sequence.get()).rev() {
        let (content, previous) = segments.follow(&image.address, Chain::Sent, position, &mut buffer)?;
        let has_votes = matches!(content, Content::Payment { votes: Some(_), .. });
        if content.sequence().0 != sequence {
            return Err(format!("payment {} where {sequence} should be", content.sequence().0));
        }
        if !has_votes && kept.durable.contains(&position) {
            return Err(format!("the votes of payment {sequence} are lost, and were synced"));
        }
        sum += i128::from(content.amount().0);
        position = previous;
    }
    if position == 0 { Ok(sum) } else { Err(format!("more payments than it made, at {position}")) }
}

/// What it received.
fn check_received(image: &SlotImage, segments: &mut Segments<'_>) -> Result<i128, String> {
    let (mut position, mut sum, mut buffer) = (image.received.get(), 0, [0; ENTRY_BYTES_MAX]);
    while position != 0 {
        let (content, previous) = segments.follow(&image.address, Chain::Received, position, &mut buffer)?;
        sum += i128::from(content.amount().0);
        position = previous;
    }
    Ok(sum)
}
