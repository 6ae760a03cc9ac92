//! Records: what changes a book, and their bytes.
//!
//! | Offset | Bytes | What |
//! |---|---|---|
//! | 0 | 4 | `QTNR` |
//! | 4 | 1 | the kind |
//! | 5 | 1 | 1 if everything before this record had been synced when it was written: it begins a batch |
//! | 6 | 2 | zero |
//! | 8 | 4 | the payload's length, little-endian |
//! | 12 | 4 | CRC-32 of the record's place in the file (8 bytes, little-endian), its bytes 0 to 12 and the payload |
//! | 16 | | the payload, then zeros up to a multiple of 8 |
//!
//! A crash leaves the last batch in any state, since its pages reach the disk in any order: whole, in part, or with a hole. None
//! of it had been synced, so nothing that depends on it left, and it is dropped from its first bad record on. A bad record that
//! some later batch follows had been synced: that is damage, and the book refuses to forget it. The place is part of the checksum
//! so that bytes chosen by someone who pays, inside a certificate, are not taken for such a batch.

use super::account::{Bound, KnownBalance, Pending};
use crate::certificate::{self, Certificate};
use crate::limits::FUNDING_COUNT_MAX;
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Balance, Digest, Sequence};
use quittance_net::frame::{self, FRAME_BYTES_MAX, Frame, OrderBody, RECIPIENT_ACCOUNT, RECIPIENT_PRIMARY};

/// A change of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a few at a time, made to be written")]
pub enum Record {
    /// The wallet is used on this network from now on, and on no other.
    Bound(Bound),
    /// The wallet has an account.
    Account {
        /// Its address.
        address: Address,
    },
    /// An order was signed. No datagram of it has left.
    Order(Pending),
    /// A payment of an account of this wallet is certified.
    Certificate(Certificate),
    /// A quorum has applied this payment, and all of its sender's before it: noted for an account that made or received it.
    Settled {
        /// The account of this wallet.
        account: Address,
        /// Who paid.
        sender: Address,
        /// The payment's place among his.
        sequence: Sequence,
    },
    /// The pending order has no quorum left, because authorities voted for another one.
    Blocked {
        /// The account.
        account: Address,
        /// The order's number.
        sequence: Sequence,
        /// The other order.
        other: Digest,
    },
    /// An account of this wallet was paid.
    Received(Certificate),
    /// A quorum told an account's balance.
    Balance {
        /// The account.
        account: Address,
        /// What it told.
        known: KnownBalance,
    },
}

/// What is wrong with bytes that should be a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// No record begins here.
    #[error("no record begins there")]
    Head,
    /// It ends before its length.
    #[error("the record is cut off")]
    Short,
    /// Its checksum is that of other bytes.
    #[error("the record's checksum does not match")]
    Checksum,
    /// The checksum is good, and the payload makes no record of its kind: another version of the wallet wrote it.
    #[error("the record is of a kind or form that this version does not know")]
    Form,
}

const MAGIC: [u8; 4] = *b"QTNR";
const HEAD_BYTES: usize = 16;
const ALIGN_BYTES: usize = 8;
const FUNDING_BYTES: usize = 40;
const PAYLOAD_BYTES_MAX: usize = ORDER_BYTES + FUNDING_COUNT_MAX * FUNDING_BYTES;
const ORDER_BYTES: usize = size_of::<OrderBody>() + 64 + 32;
const _: () = assert!(FRAME_BYTES_MAX <= PAYLOAD_BYTES_MAX);

/// The longest record: bytes.
pub const RECORD_BYTES_MAX: usize = (HEAD_BYTES + PAYLOAD_BYTES_MAX).next_multiple_of(ALIGN_BYTES);

const KIND_BOUND: u8 = 1;
const KIND_ACCOUNT: u8 = 2;
const KIND_ORDER: u8 = 3;
const KIND_CERTIFICATE: u8 = 4;
const KIND_SETTLED: u8 = 5;
const KIND_BLOCKED: u8 = 6;
const KIND_RECEIVED: u8 = 7;
const KIND_BALANCE: u8 = 8;

/// Appends to `out` the bytes of a batch: to be written at the end of a file of `file_bytes` bytes, which is synced up to there,
/// and to be synced before another batch is. An empty one is no bytes.
pub fn encode_batch(records: &[Record], file_bytes: u64, out: &mut Vec<u8>) {
    let start = out.len();
    for (index, record) in records.iter().enumerate() {
        let at = file_bytes + (out.len() - start) as u64;
        record.encode(index == 0, at, out);
    }
}

impl Record {
    fn encode(&self, begins_batch: bool, at: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        self.write_payload(out);
        let length = out.len() - start - HEAD_BYTES;
        assert!(length <= PAYLOAD_BYTES_MAX, "certificates fit a datagram and funding is bounded");
        let record = &mut out[start..];
        record[..4].copy_from_slice(&MAGIC);
        record[4] = self.kind();
        record[5] = begins_batch.into();
        record[8..12].copy_from_slice(&u32::try_from(length).expect("asserted above").to_le_bytes());
        let checksum = checksum(at, record);
        record[12..16].copy_from_slice(&checksum);
        out.resize(start + (HEAD_BYTES + length).next_multiple_of(ALIGN_BYTES), 0);
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bound(_) => KIND_BOUND,
            Self::Account { .. } => KIND_ACCOUNT,
            Self::Order(_) => KIND_ORDER,
            Self::Certificate(_) => KIND_CERTIFICATE,
            Self::Settled { .. } => KIND_SETTLED,
            Self::Blocked { .. } => KIND_BLOCKED,
            Self::Received(_) => KIND_RECEIVED,
            Self::Balance { .. } => KIND_BALANCE,
        }
    }

    fn write_payload(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bound(bound) => {
                out.extend_from_slice(&bound.network.0);
                out.extend_from_slice(&bound.committee);
                out.extend_from_slice(&bound.epoch.to_le_bytes());
            }
            Self::Account { address } => out.extend_from_slice(address),
            Self::Order(pending) => {
                out.extend_from_slice(bytemuck::bytes_of(&pending.body));
                out.extend_from_slice(&pending.signature);
                out.extend_from_slice(&pending.r_hint);
                for (sender, sequence) in &pending.funding {
                    out.extend_from_slice(sender);
                    out.extend_from_slice(&sequence.0.to_le_bytes());
                }
            }
            Self::Certificate(certificate) | Self::Received(certificate) => {
                out.extend_from_slice(certificate.placeless_frame());
            }
            Self::Settled { account, sender, sequence } => {
                out.extend_from_slice(account);
                out.extend_from_slice(sender);
                out.extend_from_slice(&sequence.0.to_le_bytes());
            }
            Self::Blocked { account, sequence, other } => {
                out.extend_from_slice(account);
                out.extend_from_slice(&sequence.0.to_le_bytes());
                out.extend_from_slice(other);
            }
            Self::Balance { account, known } => {
                out.extend_from_slice(account);
                out.extend_from_slice(&known.balance.0.to_le_bytes());
                out.extend_from_slice(&known.next_sequence.0.to_le_bytes());
            }
        }
    }

    /// Reads a payload; `None` if it is none of this kind.
    fn read(kind: u8, mut payload: &[u8], network: Option<&NetworkId>) -> Option<Self> {
        let input = &mut payload;
        let record = match kind {
            KIND_BOUND => {
                let (network, committee) = (NetworkId(take(input)?), take(input)?);
                Self::Bound(Bound { network, committee, epoch: u64::from_le_bytes(take(input)?) })
            }
            KIND_ACCOUNT => Self::Account { address: take(input)? },
            KIND_ORDER => Self::Order(read_order(input, network?)?),
            KIND_CERTIFICATE => Self::Certificate(read_certificate(input, network?)?),
            KIND_SETTLED => {
                let (account, sender) = (take(input)?, take(input)?);
                Self::Settled { account, sender, sequence: take_sequence(input)? }
            }
            KIND_BLOCKED => {
                Self::Blocked { account: take(input)?, sequence: take_sequence(input)?, other: take(input)? }
            }
            KIND_RECEIVED => Self::Received(read_certificate(input, network?)?),
            KIND_BALANCE => {
                let (account, balance) = (take(input)?, Balance(i128::from_le_bytes(take(input)?)));
                Self::Balance { account, known: KnownBalance { balance, next_sequence: take_sequence(input)? } }
            }
            _ => return None,
        };
        input.is_empty().then_some(record)
    }
}

fn read_order(input: &mut &[u8], network: &NetworkId) -> Option<Pending> {
    let body: [u8; size_of::<OrderBody>()] = take(input)?;
    let body: OrderBody = bytemuck::cast(body);
    let is_form = matches!(body.recipient_kind, RECIPIENT_ACCOUNT | RECIPIENT_PRIMARY) && body.padding == [0; 7];
    let (signature, r_hint) = (take(input)?, take(input)?);
    let mut funding = Vec::new();
    while !input.is_empty() {
        funding.push((take(input)?, take_sequence(input)?));
    }
    let digest = certificate::digest(network, &body);
    is_form.then_some(Pending { body, digest, signature, r_hint, funding, blocked_by: None })
}

fn read_certificate(input: &mut &[u8], network: &NetworkId) -> Option<Certificate> {
    let frame = core::mem::take(input);
    match frame::parse(frame) {
        Ok(Frame::Certificate(view)) => Some(Certificate::from_view(network, &view)),
        _ => None,
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

fn take_sequence(input: &mut &[u8]) -> Option<Sequence> {
    take(input).map(|bytes| Sequence(u64::from_le_bytes(bytes)))
}

/// Of a record's place, its head without the checksum, and its payload.
fn checksum(at: u64, record: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.to_le_bytes());
    hasher.update(&record[..12]);
    hasher.update(&record[HEAD_BYTES..]);
    hasher.finalize().to_le_bytes()
}

/// Reads a file's records one after the other.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// A record's place, before it is read as one.
struct Found<'a> {
    kind: u8,
    begins_batch: bool,
    payload: &'a [u8],
    end: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Where the next record begins.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// The next record; `None` at the end, or where a crash cut the file off.
    pub(super) fn next_record(&mut self, network: Option<&NetworkId>) -> Result<Option<Record>, Damage> {
        if self.offset == self.bytes.len() {
            return Ok(None);
        }
        match self.find(self.offset) {
            Ok(found) => {
                self.offset = found.end;
                Record::read(found.kind, found.payload, network).map(Some).ok_or(Damage::Form)
            }
            Err(damage) if self.is_batch_behind() => Err(damage),
            Err(_) => Ok(None),
        }
    }

    /// A whole record at this place, with its checksum.
    fn find(&self, at: usize) -> Result<Found<'a>, Damage> {
        let bytes = &self.bytes[at..];
        let head = bytes.get(..HEAD_BYTES).ok_or(Damage::Short)?;
        if head[..4] != MAGIC || head[5] > 1 || head[6..8] != [0; 2] {
            return Err(Damage::Head);
        }
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        let length = usize::try_from(length).ok().filter(|length| *length <= PAYLOAD_BYTES_MAX).ok_or(Damage::Head)?;
        let whole = (HEAD_BYTES + length).next_multiple_of(ALIGN_BYTES);
        let record = bytes.get(..whole).ok_or(Damage::Short)?;
        let (record, padding) = record.split_at(HEAD_BYTES + length);
        if checksum(at as u64, record) != head[12..16] || padding.iter().any(|byte| *byte != 0) {
            return Err(Damage::Checksum);
        }
        let (kind, begins_batch) = (head[4], head[5] == 1);
        Ok(Found { kind, begins_batch, payload: &record[HEAD_BYTES..], end: at + whole })
    }

    /// Whether a later batch says that what lies here had been synced.
    fn is_batch_behind(&self) -> bool {
        let places = (self.offset + 1).next_multiple_of(ALIGN_BYTES)..self.bytes.len();
        places.step_by(ALIGN_BYTES).any(|at| self.find(at).is_ok_and(|found| found.begins_batch))
    }
}
