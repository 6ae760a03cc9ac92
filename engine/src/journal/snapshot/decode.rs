//! Reading a snapshot.

use super::*;

/// Reads a snapshot from its bytes, given in order and in pieces of any length.
#[derive(Debug)]
pub struct Decoder {
    shard: ShardIdentity,
    created: [u8; 16],
    region_bytes: u64,
    hasher: blake3::Hasher,
    /// What was given and not yet read.
    pub(super) pending: Vec<u8>,
    /// How much of it was read.
    read_bytes: usize,
    stage: Stage,
    totals: Totals,
    lsn: RecordNumber,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Chunks,
    /// A short chunk was read: no other may follow.
    Tail,
    Foot,
    End,
}

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The head.
    Header(SnapshotHeader),
    /// Some slots.
    Chunk {
        /// The last record that is in them.
        lsn: RecordNumber,
        /// The first one's index; the others follow it.
        first_slot: u64,
        /// The slots.
        slots: &'a [SlotImage],
    },
    /// The rest.
    Tail {
        /// The last record that is in it.
        lsn: RecordNumber,
        /// What it is.
        tail: ShardTail,
    },
    /// The foot: all that was read is right.
    Footer(Totals),
}

impl Decoder {
    /// A decoder for a snapshot of this shard in the journal that was made under `created` and has regions of
    /// `region_bytes`.
    pub fn new(shard: ShardIdentity, created: [u8; 16], region_bytes: u64) -> Self {
        Self {
            shard,
            created,
            region_bytes,
            hasher: blake3::Hasher::new(),
            pending: Vec::new(),
            read_bytes: 0,
            stage: Stage::Head,
            totals: Totals::default(),
            lsn: RecordNumber(0),
        }
    }

    /// Takes the file's next bytes. Call [`Self::item`] until it has no more before the next ones.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.read_bytes);
        self.read_bytes = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next part; `None` if more bytes are needed. No more than [`PART_BYTES_MAX`] is kept beside what is pushed.
    ///
    /// # Errors
    /// [`SnapshotError`]; then nothing more can be read.
    pub fn item(&mut self) -> Result<Option<Item<'_>>, SnapshotError> {
        if self.stage == Stage::Head {
            return self.head();
        }
        let pending = &self.pending[self.read_bytes..];
        if self.stage == Stage::End {
            return if pending.is_empty() { Ok(None) } else { Err(SnapshotError::Damaged) };
        }
        let Some(head) = pending.get(..PART_HEAD_BYTES) else {
            return Ok(None);
        };
        let head: PartHead = *bytemuck::from_bytes(head);
        let body_bytes = self.check_part(&head)?;
        let body = self.read_bytes + PART_HEAD_BYTES..self.read_bytes + PART_HEAD_BYTES + body_bytes;
        if self.pending.len() < body.end {
            return Ok(None);
        }
        let from = self.read_bytes;
        self.read_bytes = body.end;
        self.lsn = RecordNumber(head.lsn.get());
        if head.kind.get() == PART_FOOT {
            return self.foot(from, body).map(Some);
        }
        self.hasher.update(&self.pending[from..body.end]);
        if head.kind.get() == PART_CHUNK { Ok(Some(self.chunk(body))) } else { self.tail(body).map(Some) }
    }

    /// To be called when the file has no more bytes: says whether all that was read is right.
    ///
    /// # Errors
    /// [`SnapshotError::Incomplete`] if the foot was not read.
    pub fn finish(self) -> Result<Totals, SnapshotError> {
        match self.stage {
            Stage::End if self.read_bytes == self.pending.len() => Ok(self.totals),
            Stage::End => Err(SnapshotError::Damaged),
            _ => Err(SnapshotError::Incomplete),
        }
    }
}

impl Decoder {
    fn head(&mut self) -> Result<Option<Item<'_>>, SnapshotError> {
        let Some(page) = self.pending.get(..PAGE_BYTES) else {
            return Ok(None);
        };
        let (head, rest) = page.split_at(size_of::<HeadBytes>());
        let head: &HeadBytes = bytemuck::from_bytes(head);
        if head.magic != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        if head.version.get() != VERSION {
            return Err(SnapshotError::Version { found: head.version.get() });
        }
        let header = head.decode();
        if header.shard != self.shard || header.created != self.created {
            return Err(SnapshotError::Foreign);
        }
        let is_whole = head.padding == [0; 2] && rest.iter().all(|byte| *byte == 0);
        if !is_whole || !header.start.is_in(self.region_bytes) {
            return Err(SnapshotError::Damaged);
        }
        self.hasher.update(page);
        (self.read_bytes, self.stage, self.lsn) = (PAGE_BYTES, Stage::Chunks, header.start.record);
        Ok(Some(Item::Header(header)))
    }

    /// The length of a part's body, if such a part may follow here and may be so long.
    fn check_part(&self, head: &PartHead) -> Result<usize, SnapshotError> {
        let body_bytes = usize::try_from(head.body_bytes.get()).map_err(|_| SnapshotError::Damaged)?;
        let is_right = match head.kind.get() {
            PART_CHUNK => {
                let slot_count = body_bytes / size_of::<SlotImage>();
                self.stage == Stage::Chunks
                    && body_bytes.is_multiple_of(size_of::<SlotImage>())
                    && (1..=SNAPSHOT_CHUNK_SLOTS).contains(&slot_count)
            }
            PART_TAIL => {
                matches!(self.stage, Stage::Chunks | Stage::Tail) && body_bytes <= PART_BYTES_MAX - PART_HEAD_BYTES
            }
            PART_FOOT => {
                // It names the tail's record again, and no later one.
                self.stage == Stage::Foot && body_bytes == size_of::<FootBytes>() && head.lsn.get() == self.lsn.0
            }
            _ => false,
        };
        let is_right = is_right && head.padding == [0; 6] && self.lsn.0 <= head.lsn.get();
        if is_right { Ok(body_bytes) } else { Err(SnapshotError::Damaged) }
    }

    fn chunk(&mut self, body: core::ops::Range<usize>) -> Item<'_> {
        let slots: &[SlotImage] = bytemuck::cast_slice(&self.pending[body]);
        let first_slot = self.totals.slot_count;
        self.totals.chunk_count += 1;
        self.totals.slot_count += slots.len() as u64;
        if slots.len() < SNAPSHOT_CHUNK_SLOTS {
            self.stage = Stage::Tail;
        }
        Item::Chunk { lsn: self.lsn, first_slot, slots }
    }

    fn tail(&mut self, body: core::ops::Range<usize>) -> Result<Item<'_>, SnapshotError> {
        self.stage = Stage::Foot;
        let tail = ShardTail::decode(&self.pending[body], self.shard.identity.shard_count);
        tail.map(|tail| Item::Tail { lsn: self.lsn, tail }).ok_or(SnapshotError::Damaged)
    }

    fn foot(&mut self, from: usize, body: core::ops::Range<usize>) -> Result<Item<'_>, SnapshotError> {
        let foot: FootBytes = *bytemuck::from_bytes(&self.pending[body.clone()]);
        self.hasher.update(&self.pending[from..body.end - size_of_val(&foot.digest)]);
        let totals = Totals { chunk_count: foot.chunk_count.get(), slot_count: foot.slot_count.get() };
        if totals != self.totals || self.hasher.finalize() != foot.digest {
            return Err(SnapshotError::Damaged);
        }
        self.stage = Stage::End;
        Ok(Item::Footer(totals))
    }
}

impl HeadBytes {
    fn decode(&self) -> SnapshotHeader {
        let identity = Identity {
            network: NetworkId(self.network),
            authority_key: self.authority_key,
            shard_count: self.shard_count.get(),
        };
        SnapshotHeader {
            shard: ShardIdentity { identity, shard: ShardIndex(self.shard.get()) },
            created: self.created,
            number: self.number.get(),
            start: Position {
                block: self.start_block.get(),
                offset: self.start_offset.get(),
                chain: self.start_chain,
                record: RecordNumber(self.start_record.get()),
            },
        }
    }
}

impl ShardTail {
    pub(super) fn decode(body: &[u8], shard_count: u16) -> Option<Self> {
        let (head, mut rest) = split::<TailBytes>(body)?;
        let redeemed = u128::try_from(head.redeemed.get()).ok()?;
        let mut tail = Self { redeemed, history_end: head.history_end.get(), ..Self::default() };
        for _ in 0..shard_count {
            let (number, after) = split::<U64>(rest)?;
            tail.incoming.push(number.get());
            rest = after;
        }
        for _ in 0..shard_count {
            let (outgoing, after) = OutgoingTail::decode(rest)?;
            tail.outgoing.push(outgoing);
            rest = after;
        }
        rest.is_empty().then_some(tail)
    }
}

impl OutgoingTail {
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = split::<OutgoingBytes>(bytes)?;
        let last_number = head.last_number.get();
        let acknowledged = last_number.checked_sub(head.credit_count.get())?;
        let credit_count = usize::try_from(head.credit_count.get()).ok()?;
        if credit_count > CREDITS_UNACKNOWLEDGED_MAX || head.padding != [0; 7] || head.peer_has_room > 1 {
            return None;
        }
        let (credits, rest) = rest.split_at_checked(credit_count * size_of::<CreditBytes>())?;
        let credits: &[CreditBytes] = bytemuck::cast_slice(credits);
        let numbered = credits.iter().zip(acknowledged..).map(|(credit, before)| credit.credit(before + 1));
        let peer_has_room = head.peer_has_room == 1;
        Some((Self { last_number, peer_has_room, credits: numbered.collect() }, rest))
    }
}

fn split<T: Pod>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let (layout, rest) = bytes.split_at_checked(size_of::<T>())?;
    Some((bytemuck::pod_read_unaligned(layout), rest))
}
