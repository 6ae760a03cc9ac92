//! Writing a snapshot.

use super::*;

/// Writes a snapshot. Each call appends to `out`, which the caller writes to the file and clears when he likes.
#[derive(Debug)]
pub struct Encoder {
    hasher: blake3::Hasher,
    shard_count: u16,
    totals: Totals,
    lsn: RecordNumber,
    is_last_chunk: bool,
    pub(super) has_tail: bool,
}

impl Encoder {
    /// Begins with the head.
    pub fn new(header: &SnapshotHeader, out: &mut Vec<u8>) -> Self {
        let Identity { network, authority_key, shard_count } = header.shard.identity;
        let head = HeadBytes {
            magic: MAGIC,
            version: U16::new(VERSION),
            shard: U16::new(header.shard.shard.0),
            shard_count: U16::new(shard_count),
            padding: [0; 2],
            created: header.created,
            network: network.0,
            authority_key,
            number: U64::new(header.number),
            start_block: U64::new(header.start.block),
            start_offset: U64::new(header.start.offset),
            start_record: U64::new(header.start.record.0),
            start_chain: header.start.chain,
        };
        let mut encoder = Self {
            hasher: blake3::Hasher::new(),
            shard_count,
            totals: Totals::default(),
            lsn: header.start.record,
            is_last_chunk: false,
            has_tail: false,
        };
        encoder.append(bytemuck::bytes_of(&head), out);
        encoder.append(&[0; PAGE_BYTES - size_of::<HeadBytes>()], out);
        encoder
    }

    /// The next slots, as of record `lsn`: [`SNAPSHOT_CHUNK_SLOTS`] of them, fewer only in the last chunk.
    pub fn chunk(&mut self, lsn: RecordNumber, slots: &[SlotImage], out: &mut Vec<u8>) {
        assert!(!self.is_last_chunk && !self.has_tail, "only the last chunk is short, and the tail follows it");
        assert!((1..=SNAPSHOT_CHUNK_SLOTS).contains(&slots.len()), "the shard copies a chunk at a time");
        self.is_last_chunk = slots.len() < SNAPSHOT_CHUNK_SLOTS;
        self.totals.chunk_count += 1;
        self.totals.slot_count += slots.len() as u64;
        self.part(PART_CHUNK, lsn, bytemuck::cast_slice(slots), out);
    }

    /// The rest of the shard's state, as of record `lsn`.
    pub fn tail(&mut self, lsn: RecordNumber, tail: &ShardTail, out: &mut Vec<u8>) {
        assert!(!self.has_tail, "a shard has one tail");
        let shard_count = usize::from(self.shard_count);
        assert!(tail.incoming.len() == shard_count && tail.outgoing.len() == shard_count, "a link to each shard");
        self.has_tail = true;
        let mut body = Vec::new();
        let redeemed = i128::try_from(tail.redeemed).expect("2^64 payments of 2^63 units fit in 127 bits");
        let head = TailBytes { redeemed: I128::new(redeemed), history_end: U64::new(tail.history_end) };
        body.extend_from_slice(bytemuck::bytes_of(&head));
        tail.incoming.iter().for_each(|number| body.extend_from_slice(&number.to_le_bytes()));
        tail.outgoing.iter().for_each(|outgoing| outgoing.encode(&mut body));
        self.part(PART_TAIL, lsn, &body, out);
    }

    /// The foot. The snapshot is complete when all of it is in the file, synced.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Totals {
        assert!(self.has_tail, "a snapshot has a tail");
        let Totals { chunk_count, slot_count } = self.totals;
        self.part_head(PART_FOOT, self.lsn, size_of::<FootBytes>(), out);
        self.append(&chunk_count.to_le_bytes(), out);
        self.append(&slot_count.to_le_bytes(), out);
        out.extend_from_slice(self.hasher.finalize().as_bytes());
        self.totals
    }

    fn part(&mut self, kind: u16, lsn: RecordNumber, body: &[u8], out: &mut Vec<u8>) {
        assert!(self.lsn <= lsn, "a shard's records are numbered upwards");
        self.lsn = lsn;
        self.part_head(kind, lsn, body.len(), out);
        self.append(body, out);
    }

    fn part_head(&mut self, kind: u16, lsn: RecordNumber, body_bytes: usize, out: &mut Vec<u8>) {
        let body_bytes = U64::new(body_bytes as u64);
        let head = PartHead { kind: U16::new(kind), padding: [0; 6], body_bytes, lsn: U64::new(lsn.0) };
        self.append(bytemuck::bytes_of(&head), out);
    }

    pub(super) fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.hasher.update(bytes);
        out.extend_from_slice(bytes);
    }
}

impl OutgoingTail {
    pub(super) fn encode(&self, body: &mut Vec<u8>) {
        let count = self.credits.len();
        let first = self.last_number.checked_sub(count as u64).expect("an outbox holds no more than was made") + 1;
        let numbers = self.credits.iter().map(|credit| credit.number);
        assert!(count <= CREDITS_UNACKNOWLEDGED_MAX && numbers.eq(first..=self.last_number), "in order, without gaps");
        let head = OutgoingBytes {
            last_number: U64::new(self.last_number),
            credit_count: U64::new(count as u64),
            peer_has_room: self.peer_has_room.into(),
            padding: [0; 7],
        };
        body.extend_from_slice(bytemuck::bytes_of(&head));
        for credit in &self.credits {
            body.extend_from_slice(bytemuck::bytes_of(&CreditBytes::of(credit)));
        }
    }
}
