//! Records: what a shard must not forget, one per change of its state.

use crate::credit::{Credit, CreditAck, CreditBytes};
use crate::history::HISTORY_POSITION_MAX;
use crate::types::{Address, Digest, Sequence, ShardIndex};
use bytemuck::{Pod, Zeroable};
use quittance_net::frame::{OrderBody, U16, U64};

/// A record's place among all records of its shard, from 1; 0 is before the first. Never reset: it goes on across boots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNumber(pub u64);

impl RecordNumber {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^64 records are never made"))
    }
}

/// A change of a shard's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// The shard votes for an order.
    Vote {
        /// The paying account.
        sender: Address,
        /// The order's sequence number.
        sequence: Sequence,
        /// The order's name.
        digest: Digest,
    },
    /// The shard applies a certified order: it debits the sender, and credits the recipient or owes another shard the credit.
    Confirm {
        /// The order.
        body: OrderBody,
        /// Its name.
        digest: Digest,
        /// The number of the credit to another shard; 0 if there is none.
        credit_number: u64,
        /// Where in the history it is, below [`HISTORY_POSITION_MAX`]; 0 if none was kept.
        position: u64,
    },
    /// The shard applies a credit that another shard owed it.
    Credit {
        /// Who owed it.
        source: ShardIndex,
        /// The credit.
        credit: Credit,
        /// Where in this shard's history it is; 0 if none was kept.
        position: u64,
    },
    /// Another shard has applied credits, durably: they need not be kept.
    Ack {
        /// Who applied them.
        destination: ShardIndex,
        /// Up to which number.
        ack: CreditAck,
    },
}

/// Bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no record")]
pub struct BadRecord;

const KIND_VOTE: u8 = 1;
const KIND_CONFIRM: u8 = 2;
const KIND_CREDIT: u8 = 3;
const KIND_ACK: u8 = 4;

/// 80 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct VoteBytes {
    kind: u8,
    padding: [u8; 7],
    sender: Address,
    digest: Digest,
    sequence: U64,
}

/// 176 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ConfirmBytes {
    kind: u8,
    /// The low 56 bits, little-endian.
    position: [u8; 7],
    body: OrderBody,
    digest: Digest,
    credit_number: U64,
}

/// 112 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct CreditRecordBytes {
    kind: u8,
    padding: [u8; 5],
    source: U16,
    number: U64,
    credit: CreditBytes,
    position: U64,
}

/// 16 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct AckBytes {
    kind: u8,
    has_room: u8,
    padding: [u8; 4],
    destination: U16,
    number: U64,
}

/// The length of a vote's record.
pub const VOTE_BYTES: usize = size_of::<VoteBytes>();

/// The longest record.
pub const RECORD_BYTES_MAX: usize = size_of::<ConfirmBytes>();

impl Record {
    /// Appends the record's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Vote { sender, sequence, digest } => {
                let sequence = U64::new(sequence.0);
                append(out, &VoteBytes { kind: KIND_VOTE, padding: [0; 7], sender, digest, sequence });
            }
            Self::Confirm { body, digest, credit_number, position } => {
                assert!(position < HISTORY_POSITION_MAX, "the history gives no others");
                let credit_number = U64::new(credit_number);
                let [position @ .., _] = position.to_le_bytes();
                append(out, &ConfirmBytes { kind: KIND_CONFIRM, position, body, digest, credit_number });
            }
            Self::Credit { source, credit, position } => append(
                out,
                &CreditRecordBytes {
                    kind: KIND_CREDIT,
                    padding: [0; 5],
                    source: U16::new(source.0),
                    number: U64::new(credit.number),
                    credit: CreditBytes::of(&credit),
                    position: U64::new(position),
                },
            ),
            Self::Ack { destination, ack } => append(
                out,
                &AckBytes {
                    kind: KIND_ACK,
                    has_room: ack.has_room.into(),
                    padding: [0; 4],
                    destination: U16::new(destination.0),
                    number: U64::new(ack.number),
                },
            ),
        }
    }

    /// Reads the first record, and returns it with the bytes that follow it.
    ///
    /// # Errors
    /// [`BadRecord`]: an unknown kind, too few bytes, or padding that is not zero.
    pub fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), BadRecord> {
        match *bytes.first().ok_or(BadRecord)? {
            KIND_VOTE => {
                let (VoteBytes { padding, sender, digest, sequence, .. }, rest) = split(bytes)?;
                let record = Self::Vote { sender, sequence: Sequence(sequence.get()), digest };
                zero(&padding).map(|()| (record, rest))
            }
            KIND_CONFIRM => {
                let (ConfirmBytes { position: low, body, digest, credit_number, .. }, rest) = split(bytes)?;
                zero(&body.padding)?;
                let mut position = [0; 8];
                position[..low.len()].copy_from_slice(&low);
                let (credit_number, position) = (credit_number.get(), u64::from_le_bytes(position));
                Ok((Self::Confirm { body, digest, credit_number, position }, rest))
            }
            KIND_CREDIT => {
                let (CreditRecordBytes { padding, source, number, credit, position, .. }, rest) = split(bytes)?;
                let (source, credit) = (ShardIndex(source.get()), credit.credit(number.get()));
                let record = Self::Credit { source, credit, position: position.get() };
                zero(&padding).map(|()| (record, rest))
            }
            KIND_ACK => {
                let (AckBytes { has_room, padding, destination, number, .. }, rest) = split(bytes)?;
                zero(&padding)?;
                let has_room = match has_room {
                    0 => false,
                    1 => true,
                    _ => return Err(BadRecord),
                };
                let ack = CreditAck { number: number.get(), has_room };
                Ok((Self::Ack { destination: ShardIndex(destination.get()), ack }, rest))
            }
            _ => Err(BadRecord),
        }
    }

    /// The length of the record that starts here.
    ///
    /// # Errors
    /// [`BadRecord`]: an unknown kind.
    pub fn length(bytes: &[u8]) -> Result<usize, BadRecord> {
        match bytes.first() {
            Some(&KIND_VOTE) => Ok(size_of::<VoteBytes>()),
            Some(&KIND_CONFIRM) => Ok(size_of::<ConfirmBytes>()),
            Some(&KIND_CREDIT) => Ok(size_of::<CreditRecordBytes>()),
            Some(&KIND_ACK) => Ok(size_of::<AckBytes>()),
            _ => Err(BadRecord),
        }
    }
}

fn append(out: &mut Vec<u8>, layout: &impl Pod) {
    out.extend_from_slice(bytemuck::bytes_of(layout));
}

fn split<T: Pod>(bytes: &[u8]) -> Result<(T, &[u8]), BadRecord> {
    let (layout, rest) = bytes.split_at_checked(size_of::<T>()).ok_or(BadRecord)?;
    Ok((bytemuck::pod_read_unaligned(layout), rest))
}

fn zero(padding: &[u8]) -> Result<(), BadRecord> {
    if padding.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(BadRecord) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swept::swept;
    use crate::types::Amount;

    fn records() -> Vec<Record> {
        let mut body: OrderBody = Zeroable::zeroed();
        (body.sender, body.recipient, body.user_data) = ([1; 32], [2; 32], [3; 32]);
        (body.amount, body.sequence, body.expiry_ms) = (U64::new(4), U64::new(5), U64::new(6));
        body.recipient_kind = 1;
        let credit = Credit {
            number: 0x0102_0304_0506_0708,
            recipient: [7; 32],
            amount: Amount(9),
            sender: [6; 32],
            sequence: Sequence(11),
            position: u64::MAX,
        };
        vec![
            Record::Vote { sender: [1; 32], sequence: Sequence(u64::MAX - 1), digest: [8; 32] },
            Record::Confirm { body, digest: [8; 32], credit_number: 0, position: 0 },
            Record::Confirm { body, digest: [9; 32], credit_number: u64::MAX, position: HISTORY_POSITION_MAX - 1 },
            Record::Credit { source: ShardIndex(0x0a0b), credit, position: 12 },
            Record::Ack { destination: ShardIndex(255), ack: CreditAck { number: 77, has_room: true } },
            Record::Ack { destination: ShardIndex(0), ack: CreditAck { number: 0, has_room: false } },
        ]
    }

    #[test]
    fn records_in_a_row_come_back_one_by_one() {
        let mut bytes = Vec::new();
        records().iter().for_each(|record| record.encode(&mut bytes));
        let mut rest = bytes.as_slice();
        for expected in records() {
            let length = Record::length(rest).unwrap();
            assert!(length <= RECORD_BYTES_MAX);
            let (record, after) = Record::decode(rest).unwrap();
            assert_eq!((record, rest.len() - after.len()), (expected, length));
            rest = after;
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_record_cut_short_is_none() {
        for record in records() {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            for length in swept(0..bytes.len()) {
                assert_eq!(Record::decode(&bytes[..length]), Err(BadRecord), "{length} bytes of {record:?}");
            }
        }
    }

    #[test]
    fn every_byte_means_something_or_must_be_zero() {
        for record in records() {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            for place in swept(0..bytes.len()) {
                let mut changed = bytes.clone();
                changed[place] ^= 0x40;
                assert_ne!(Record::decode(&changed).map(|(record, _)| record), Ok(record), "byte {place}");
            }
        }
    }

    /// These bytes are on disks: a change here is a change of format.
    #[test]
    fn lengths_are_those_of_the_format() {
        let lengths = records().into_iter().map(|record| {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            bytes.len()
        });
        assert_eq!(lengths.collect::<Vec<_>>(), [80, 176, 176, 112, 16, 16]);
    }
}
