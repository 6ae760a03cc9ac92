//! One session: bytes in, events out; credits and acknowledgements in, bytes out.

use super::frame::{
    AckBytes, CREDITS_PER_FRAME_MAX, CreditsBytes, FRAME_BYTES_MAX, HEAD_BYTES, KIND_ACKS, KIND_CREDITS, KIND_MARKS,
    MARKS_PER_FRAME_MAX, MarkBytes, Tags,
};
use super::hello::{HELLO_BYTES, HelloBytes, Nonce, Role, TAG_BYTES, Tag, frame_key, proof};
use super::{Forgotten, LinkFault, LinkKey, Loss, PairMarks, Process};
use crate::credit::{Credit, CreditAck, CreditBytes};
use crate::limits::{CREDITS_UNACKNOWLEDGED_MAX, SHARDS_MAX};
use crate::mutant::{Mutant, Planted};
use crate::shard_range::ShardRange;
use crate::types::ShardIndex;
use core::ops::Range;
use quittance_net::frame::{U16, U64};

/// Bytes received and not yet read: a frame that is not all there, and as much again. See [`Session::input_room`].
pub const INPUT_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// Bytes to be sent above which no more credits and acknowledgements are taken. One frame and the marks may come on top.
pub const OUTPUT_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;

/// Pairs of shards between two processes: each has half of them at most.
const PAIRS_MAX: usize = (SHARDS_MAX as usize / 2) * (SHARDS_MAX as usize / 2);
const _: () = assert!(PAIRS_MAX * size_of::<MarkBytes>() <= 1 << 19, "half a MiB of marks is sent without waiting");

/// A session with another process of the authority. Whatever ends it comes as an error of [`Self::next_event`]; it is of no use then.
#[derive(Debug)]
pub struct Session {
    key: LinkKey,
    own: Process,
    peer: Option<ShardRange>,
    stage: Stage,
    input: Vec<u8>,
    /// Bytes at the front of `input` that were read.
    read: usize,
    output: Vec<u8>,
    /// Bytes at the front of `output` that were sent.
    sent: usize,
    /// By own shard, then by the peer's.
    pairs: Vec<Pair>,
    stale_count: u64,
    planted: Planted,
}

#[derive(Debug)]
enum Stage {
    /// Listens for a hello. `nonce` is ours.
    Hello {
        nonce: Nonce,
    },
    /// Has answered, and waits for the proof.
    Proof {
        expected: blake3::Hash,
        frames: Frames,
    },
    /// Has said hello, and waits for the answer.
    Answer {
        hello: HelloBytes,
    },
    /// The peer is who it says. [`Session::begin`] comes next.
    Proved {
        frames: Frames,
    },
    /// Waits for the marks of the pairs from this one on.
    Marks {
        frames: Frames,
        next_pair: usize,
    },
    Up {
        frames: Frames,
    },
    /// Between two stages, and after a fault.
    Ended,
}

#[derive(Debug)]
struct Frames {
    ours: Tags,
    theirs: Tags,
}

/// One of our shards and one of the peer's.
#[derive(Clone, Copy, Debug)]
struct Pair {
    own: PairMarks,
    /// The last credit of ours that the peer may acknowledge.
    made: u64,
    /// What it has acknowledged.
    acknowledged: CreditAck,
    /// What we have acknowledged.
    granted: u64,
    /// The number of the credit that comes next.
    expected: u64,
}

/// What has arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The peer has proved who it is, and runs these shards. End an earlier session with it, then call [`Session::begin`].
    Proved(ShardRange),
    /// The peer's marks are in, and nobody has lost anything: each source has to hand over its credits again from
    /// [`Session::acknowledged`] on. From now on credits and acknowledgements may be sent.
    Up,
    /// Credits.
    Credits(CreditRun<'a>),
    /// An acknowledgement of credits from our shard `source`.
    Ack {
        /// Whose credits.
        source: ShardIndex,
        /// Who applied them.
        destination: ShardIndex,
        /// Up to where.
        ack: CreditAck,
    },
}

/// Credits of one pair, in order: the next ones of that pair, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditRun<'a> {
    /// The peer's shard that made them.
    pub source: ShardIndex,
    /// Our shard, which the recipients belong to.
    pub destination: ShardIndex,
    first_number: u64,
    credits: &'a [CreditBytes],
}

impl<'a> CreditRun<'a> {
    /// How many.
    pub fn count(&self) -> usize {
        self.credits.len()
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Credit> + use<'a> {
        self.credits.iter().zip(self.first_number..).map(|(bytes, number)| bytes.credit(number))
    }
}

impl Session {
    /// A session that begins with our hello. `nonce` is random and was never used.
    pub fn dial(key: LinkKey, own: Process, peer: ShardRange, nonce: [u8; 32]) -> Self {
        let hello = HelloBytes::new(&own, peer, nonce);
        let output = bytemuck::bytes_of(&hello).to_vec();
        Self { output, ..Self::new(key, own, Some(peer), Stage::Answer { hello }) }
    }

    /// A session that waits for a peer's hello. `nonce` is random and was never used.
    pub fn listen(key: LinkKey, own: Process, nonce: [u8; 32]) -> Self {
        Self::new(key, own, None, Stage::Hello { nonce })
    }

    fn new(key: LinkKey, own: Process, peer: Option<ShardRange>, stage: Stage) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self {
            key,
            own,
            peer,
            stage,
            input,
            read: 0,
            output,
            sent: 0,
            pairs: Vec::new(),
            stale_count: 0,
            planted: Planted::NOTHING,
        }
    }

    /// The same session, with a bug if one was planted.
    #[must_use]
    pub fn with(mut self, planted: Planted) -> Self {
        self.planted = planted;
        self
    }

    /// Whether credits and acknowledgements may be sent, as far as the peer is concerned.
    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up { .. })
    }

    /// Whether there is room for another frame of credits or acknowledgements.
    pub fn has_room(&self) -> bool {
        self.is_up() && self.output().len() < OUTPUT_BYTES_MAX
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// So many bytes of [`Self::output`] were sent.
    pub fn sent(&mut self, bytes: usize) {
        assert!(bytes <= self.output().len(), "only what is there is sent");
        self.sent += bytes;
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        } else if self.sent >= OUTPUT_BYTES_MAX {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// How many bytes [`Self::receive`] may take now; some, if [`Self::next_event`] has nothing more.
    pub fn input_room(&self) -> usize {
        INPUT_BYTES_MAX - (self.input.len() - self.read)
    }

    /// Takes bytes from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.input_room(), "no more is read from the peer than there is room for");
        self.input.drain(..self.read);
        self.read = 0;
        self.input.extend_from_slice(bytes);
    }

    /// What has arrived; `None` if more bytes are needed.
    ///
    /// # Errors
    /// The peer's fault. The session has ended.
    ///
    /// # Panics
    /// Between [`Event::Proved`] and [`Self::begin`].
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, LinkFault> {
        match &self.stage {
            Stage::Hello { .. } | Stage::Answer { .. } | Stage::Proof { .. } => self.shake_hands(),
            Stage::Marks { .. } | Stage::Up { .. } => self.next_frame(),
            Stage::Proved { .. } => panic!("the marks come first"),
            Stage::Ended => Ok(None),
        }
    }

    /// Sends how far each pair of shards, one of ours and one of the peer's, has come. What another session delivered must be
    /// in it, and nothing may be taken from that any more.
    pub fn begin(&mut self, mut marks: impl FnMut(ShardIndex, ShardIndex) -> PairMarks) {
        let Stage::Proved { mut frames } = core::mem::replace(&mut self.stage, Stage::Ended) else {
            panic!("marks are sent once, to a peer that has proved who it is");
        };
        let peer = self.peer.expect("it has proved who it is");
        let own_marks = self.own.shards.iter().flat_map(|own| peer.iter().map(move |other| (own, other)));
        self.pairs = own_marks.map(|(own, other)| Pair::new(marks(own, other))).collect();
        let bytes: Vec<MarkBytes> = self.pairs.iter().map(|pair| mark_bytes(&pair.own)).collect();
        for part in bytes.chunks(MARKS_PER_FRAME_MAX) {
            frames.ours.seal(KIND_MARKS, &[bytemuck::cast_slice(part)], &mut self.output);
        }
        self.stage = Stage::Marks { frames, next_pair: 0 };
    }

    /// What the peer has acknowledged of our shard's credits.
    pub fn acknowledged(&self, source: ShardIndex, destination: ShardIndex) -> CreditAck {
        self.pairs[self.pair(source, destination).expect("a pair of this session")].acknowledged
    }

    /// Sends credits of one pair, numbered without gaps; at most [`CREDITS_PER_FRAME_MAX`], while there is room.
    pub fn send_credits(&mut self, source: ShardIndex, destination: ShardIndex, credits: &[Credit]) {
        let Some(first) = credits.first() else { return };
        assert!(self.has_room() && credits.len() <= CREDITS_PER_FRAME_MAX, "whoever sends looks for room");
        let numbers = credits.iter().map(|credit| credit.number);
        assert!(numbers.eq((first.number..).take(credits.len())), "credits of a frame follow each other");
        let pair = self.pair(source, destination).expect("a pair of this session");
        let pair = &mut self.pairs[pair];
        pair.made = pair.made.max(credits.last().expect("there is a first").number);
        let head = CreditsBytes {
            source: U16::new(source.0),
            destination: U16::new(destination.0),
            first_number: U64::new(first.number),
        };
        let body: Vec<CreditBytes> = credits.iter().map(CreditBytes::of).collect();
        self.seal(KIND_CREDITS, &[bytemuck::bytes_of(&head), bytemuck::cast_slice(&body)]);
    }

    /// Sends an acknowledgement of the peer's credits for our shard `destination`, while there is room.
    pub fn send_ack(&mut self, source: ShardIndex, destination: ShardIndex, ack: CreditAck) {
        assert!(self.has_room(), "whoever sends looks for room");
        let pair = self.pair(destination, source).expect("a pair of this session");
        let pair = &mut self.pairs[pair];
        pair.granted = ack.number;
        // An earlier session may have brought more than this one: its source goes on behind what it is told here.
        pair.expected = pair.expected.max(ack.number.saturating_add(1));
        let bytes = AckBytes {
            source: U16::new(source.0),
            destination: U16::new(destination.0),
            has_room: ack.has_room.into(),
            padding: [0; 3],
            number: U64::new(ack.number),
        };
        self.seal(KIND_ACKS, &[bytemuck::bytes_of(&bytes)]);
    }

    /// Credits that came and were not the next of their pair: those that were under way when the session began. They come
    /// again.
    pub fn stale_count(&self) -> u64 {
        self.stale_count
    }

    pub(super) fn seal(&mut self, kind: u16, body: &[&[u8]]) {
        let Stage::Up { frames } = &mut self.stage else { unreachable!("there is room only while it is up") };
        frames.ours.seal(kind, body, &mut self.output);
    }

    /// The subscript of a pair, if it is one of this session.
    fn pair(&self, own: ShardIndex, other: ShardIndex) -> Option<usize> {
        let (ours, peer) = (self.own.shards, self.peer?);
        let is_pair = ours.contains(own) && peer.contains(other);
        is_pair.then(|| ours.local(own) * usize::from(peer.count()) + peer.local(other))
    }

    fn unread(&self) -> &[u8] {
        &self.input[self.read..]
    }

    /// Takes a layout from the front of what has arrived, if it is all there.
    fn take<T: bytemuck::Pod>(&mut self) -> Option<T> {
        let bytes = self.unread().get(..size_of::<T>())?;
        let layout = bytemuck::pod_read_unaligned(bytes);
        self.read += size_of::<T>();
        Some(layout)
    }
}

/// Before the peer is known.
impl Session {
    fn shake_hands(&mut self) -> Result<Option<Event<'_>>, LinkFault> {
        match core::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Hello { nonce } => {
                self.stage = match self.take::<HelloBytes>() {
                    Some(hello) => self.answer(&hello, nonce)?,
                    None => Stage::Hello { nonce },
                };
                if matches!(self.stage, Stage::Proof { .. }) { self.shake_hands() } else { Ok(None) }
            }
            Stage::Answer { hello } => {
                if self.unread().len() < HELLO_BYTES + TAG_BYTES {
                    self.stage = Stage::Answer { hello };
                    return Ok(None);
                }
                let answer: HelloBytes = self.take().expect("its length was checked");
                let tag: Tag = self.take().expect("its length was checked");
                if Some(answer.check(&self.own)?) != self.peer {
                    return Err(LinkFault::Shards);
                }
                if proof(&self.key, Role::Listens, &hello, &answer) != tag {
                    return Err(LinkFault::Key);
                }
                self.output.extend_from_slice(proof(&self.key, Role::Dials, &hello, &answer).as_bytes());
                let frames = self.frames(Role::Dials, Role::Listens, &hello, &answer);
                Ok(Some(self.proved(frames)))
            }
            Stage::Proof { expected, frames } => match self.take::<Tag>() {
                Some(tag) if expected == tag => Ok(Some(self.proved(frames))),
                Some(_) => Err(LinkFault::Key),
                None => {
                    self.stage = Stage::Proof { expected, frames };
                    Ok(None)
                }
            },
            Stage::Proved { .. } | Stage::Marks { .. } | Stage::Up { .. } | Stage::Ended => {
                unreachable!("these stages are past the handshake")
            }
        }
    }

    fn answer(&mut self, hello: &HelloBytes, nonce: Nonce) -> Result<Stage, LinkFault> {
        let peer = hello.check(&self.own)?;
        if peer.iter().any(|shard| self.own.shards.contains(shard) || shard.0 >= self.own.shard_count) {
            return Err(LinkFault::Shards);
        }
        self.peer = Some(peer);
        let answer = HelloBytes::new(&self.own, peer, nonce);
        self.output.extend_from_slice(bytemuck::bytes_of(&answer));
        self.output.extend_from_slice(proof(&self.key, Role::Listens, hello, &answer).as_bytes());
        let expected = proof(&self.key, Role::Dials, hello, &answer);
        Ok(Stage::Proof { expected, frames: self.frames(Role::Listens, Role::Dials, hello, &answer) })
    }

    fn frames(&self, own: Role, peer: Role, dialed: &HelloBytes, answered: &HelloBytes) -> Frames {
        let tags = |role| Tags::new(frame_key(&self.key, role, dialed, answered));
        Frames { ours: tags(own), theirs: tags(peer) }
    }

    fn proved(&mut self, frames: Frames) -> Event<'static> {
        self.stage = Stage::Proved { frames };
        Event::Proved(self.peer.expect("both hellos name the shards"))
    }
}

/// What a frame came to: events borrow from the session, and this does not.
enum Read {
    Up,
    Credits { source: ShardIndex, destination: ShardIndex, first_number: u64, place: Range<usize> },
    Ack { source: ShardIndex, destination: ShardIndex, ack: CreditAck },
}

/// Frames.
impl Session {
    fn next_frame(&mut self) -> Result<Option<Event<'_>>, LinkFault> {
        let outcome = loop {
            match self.open() {
                // A frame that only completes others.
                Ok(Some((kind, body))) => match self.read_body(kind, body) {
                    Ok(Some(read)) => break Ok(Some(read)),
                    Ok(None) => {}
                    Err(fault) => break Err(fault),
                },
                Ok(None) => break Ok(None),
                Err(fault) => break Err(fault),
            }
        };
        let read = outcome.inspect_err(|_| self.stage = Stage::Ended)?;
        Ok(read.map(|read| match read {
            Read::Up => Event::Up,
            Read::Ack { source, destination, ack } => Event::Ack { source, destination, ack },
            Read::Credits { source, destination, first_number, place } => Event::Credits(CreditRun {
                source,
                destination,
                first_number,
                credits: bytemuck::cast_slice(&self.input[place]),
            }),
        }))
    }

    /// The next frame's kind, and where its body lies in the input.
    fn open(&mut self) -> Result<Option<(u16, Range<usize>)>, LinkFault> {
        let (Stage::Marks { frames, .. } | Stage::Up { frames }) = &mut self.stage else { return Ok(None) };
        let opened = frames.theirs.open(&self.input[self.read..])?;
        Ok(opened.map(|(kind, body_bytes)| {
            let start = self.read + HEAD_BYTES;
            self.read = start + body_bytes + TAG_BYTES;
            (kind, start..start + body_bytes)
        }))
    }

    fn read_body(&mut self, kind: u16, body: Range<usize>) -> Result<Option<Read>, LinkFault> {
        match (kind, self.is_up()) {
            (KIND_MARKS, false) => self.read_marks(body),
            (KIND_CREDITS, true) => self.read_credits(body).map(Some),
            (KIND_ACKS, true) => self.read_ack(body).map(Some),
            _ => Err(LinkFault::Frame("a kind of frame that does not come here")),
        }
    }

    fn read_marks(&mut self, body: Range<usize>) -> Result<Option<Read>, LinkFault> {
        let marks: &[MarkBytes] =
            bytemuck::try_cast_slice(&self.input[body]).map_err(|_| LinkFault::Frame("marks of another length"))?;
        let Stage::Marks { next_pair, .. } = &mut self.stage else { unreachable!("the caller looked") };
        let (own, peer) = (self.own.shards, self.peer.expect("it has proved who it is"));
        if marks.is_empty() || marks.len() > self.pairs.len() - *next_pair {
            return Err(LinkFault::Frame("more marks than pairs"));
        }
        for mark in marks {
            // The sender's shards come first in the order, and they are the peer's.
            let own_count = usize::from(own.count());
            let (other, ours) = (*next_pair / own_count, *next_pair % own_count);
            let pair = &mut self.pairs[ours * usize::from(peer.count()) + other];
            let shard = |range: ShardRange, place| range.iter().nth(place).expect("the pair is one of the session");
            match pair.meet(mark, shard(own, ours), shard(peer, other)) {
                Err(LinkFault::Lost(_)) if self.planted.is(Mutant::MarksNotChecked) => {}
                met => met?,
            }
            *next_pair += 1;
        }
        if *next_pair < self.pairs.len() {
            return Ok(None);
        }
        let Stage::Marks { frames, .. } = core::mem::replace(&mut self.stage, Stage::Ended) else {
            unreachable!("the caller looked")
        };
        self.stage = Stage::Up { frames };
        Ok(Some(Read::Up))
    }

    /// Credits that are next; those that are not are left out, and a number that no honest source has reached is a fault.
    fn read_credits(&mut self, body: Range<usize>) -> Result<Read, LinkFault> {
        let bytes = &self.input[body.clone()];
        let too_short = LinkFault::Frame("credits without their beginning");
        let (head, credits) = bytes.split_at_checked(size_of::<CreditsBytes>()).ok_or(too_short)?;
        let head: CreditsBytes = bytemuck::pod_read_unaligned(head);
        let credits: &[CreditBytes] =
            bytemuck::try_cast_slice(credits).map_err(|_| LinkFault::Frame("credits of another length"))?;
        let (source, destination) = (ShardIndex(head.source.get()), ShardIndex(head.destination.get()));
        let pair = self.pair(destination, source).ok_or(LinkFault::Frame("credits of other shards"))?;
        let pair = &mut self.pairs[pair];
        let first = head.first_number.get();
        let end = first.checked_add(credits.len() as u64).ok_or(LinkFault::Frame("credits beyond all numbers"))?;
        // Of `end` itself none came; a source never has more unacknowledged than it may.
        let reach = pair.granted.saturating_add(CREDITS_UNACKNOWLEDGED_MAX as u64);
        if first == 0 || end > reach.saturating_add(1) {
            return Err(LinkFault::Frame("credits beyond those that may be unacknowledged"));
        }
        let Process { network, shard_count, .. } = self.own;
        if credits.iter().any(|credit| network.shard_of(&credit.recipient, shard_count) != destination) {
            return Err(LinkFault::Frame("a credit for an account of another shard"));
        }
        let stale = match (first..end).contains(&pair.expected) {
            true => usize::try_from(pair.expected - first).expect("a frame holds few"),
            false => credits.len(),
        };
        self.stale_count += stale as u64;
        let first_number = first + stale as u64;
        if stale < credits.len() {
            pair.expected = end;
        }
        let start = body.start + size_of::<CreditsBytes>() + stale * size_of::<CreditBytes>();
        Ok(Read::Credits { source, destination, first_number, place: start..body.end })
    }

    fn read_ack(&mut self, body: Range<usize>) -> Result<Read, LinkFault> {
        let bytes: &[AckBytes] = bytemuck::try_cast_slice(&self.input[body])
            .map_err(|_| LinkFault::Frame("acknowledgements of another length"))?;
        let [ack] = bytes else { return Err(LinkFault::Frame("not one acknowledgement")) };
        let (source, destination) = (ShardIndex(ack.source.get()), ShardIndex(ack.destination.get()));
        let number = ack.number.get();
        let (has_room, is_flag) = (ack.has_room == 1, ack.has_room <= 1 && ack.padding == [0; 3]);
        let pair = self.pair(source, destination).ok_or(LinkFault::Frame("an acknowledgement of other shards"))?;
        let pair = &mut self.pairs[pair];
        if !is_flag || number < pair.acknowledged.number || number > pair.made {
            return Err(LinkFault::Frame("an acknowledgement of credits never made, or taken back"));
        }
        pair.acknowledged = CreditAck { number, has_room };
        Ok(Read::Ack { source, destination, ack: pair.acknowledged })
    }
}

impl Pair {
    fn new(own: PairMarks) -> Self {
        let expected = own.applied.number.checked_add(1).expect("2^64 credits are never made");
        Self { own, made: own.made, acknowledged: own.acknowledged, granted: own.applied.number, expected }
    }

    /// Holds the peer's marks against ours.
    fn meet(&mut self, mark: &MarkBytes, own: ShardIndex, other: ShardIndex) -> Result<(), LinkFault> {
        let (made, acknowledged, applied) = (mark.made.get(), mark.acknowledged.get(), mark.applied.get());
        if mark.has_room > 1 || mark.padding != [0; 7] || acknowledged > made {
            return Err(LinkFault::Frame("marks that cannot be"));
        }
        let ours = &self.own;
        let lost = |is_peers, forgotten, has, had, source, destination| {
            Err(LinkFault::Lost(Loss { is_peers, source, destination, forgotten, has, had }))
        };
        if applied < ours.acknowledged.number {
            return lost(true, Forgotten::Applied, applied, ours.acknowledged.number, own, other);
        }
        if made < ours.applied.number {
            return lost(true, Forgotten::Made, made, ours.applied.number, other, own);
        }
        if acknowledged > ours.applied.number {
            return lost(false, Forgotten::Applied, ours.applied.number, acknowledged, other, own);
        }
        if applied > ours.made {
            return lost(false, Forgotten::Made, ours.made, applied, own, other);
        }
        self.acknowledged = CreditAck { number: applied, has_room: mark.has_room == 1 };
        Ok(())
    }
}

fn mark_bytes(marks: &PairMarks) -> MarkBytes {
    MarkBytes {
        made: U64::new(marks.made),
        acknowledged: U64::new(marks.acknowledged.number),
        applied: U64::new(marks.applied.number),
        has_room: marks.applied.has_room.into(),
        padding: [0; 7],
    }
}
