//! For tests: a small authority with data directories, and journals written by hand.

use super::copy_file::CopyFile;
use super::pages::{Page, pages_of};
use super::{Recovered, Storage, recover};
use crate::fault::Fault;
use bytemuck::Zeroable;
use quittance_engine::committee::{Committee, Member};
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::journal::identity::Identity;
use quittance_engine::journal::record::{Record, RecordNumber};
use quittance_engine::journal::ring::{Placed, Position, Ring};
use quittance_engine::journal::snapshot::{Encoder, SnapshotHeader};
use quittance_engine::journal::{BLOCK_BYTES_MAX, REGION_BYTES_MIN, block::set_copy};
use quittance_engine::limits::Tables;
use quittance_engine::mutant::Planted;
use quittance_engine::network::NetworkId;
use quittance_engine::shard::{Shard, ShardConfig};
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::{Address, Amount, Sequence, ShardIndex};
use quittance_net::frame::{OrderBody, RECIPIENT_ACCOUNT, U64};
use quittance_verify::SecretKey;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// Accounts of the genesis.
const ACCOUNT_COUNT: u8 = 100;

/// An authority without a process.
pub(crate) struct World {
    pub(super) folder: TempDir,
    pub(crate) identity: Identity,
    pub(super) secret: Arc<SecretKey>,
    committee: Arc<Committee>,
}

/// A shard's journal being written by hand.
pub(super) struct Writer<'a> {
    world: &'a World,
    storage: &'a Storage,
    shard: ShardIndex,
    pub(super) ring: Ring,
    /// Every block so far.
    pub(super) placed: Vec<Placed>,
    /// What was written so far.
    pub(super) written: Written,
}

/// Records, and what the next ones must be.
#[derive(Clone)]
pub(super) struct Written {
    /// Every record, as bytes.
    pub(super) records: Vec<u8>,
    sequences: [u64; ACCOUNT_COUNT as usize],
    credits_made: u64,
    credits_taken: u64,
}

impl World {
    pub(crate) fn new(shard_count: u16) -> Self {
        let secret = SecretKey::from_seed(&[5; 32]);
        let committee = Committee::new(3, vec![Member { key: secret.public_key(), weight: 1 }]).unwrap();
        let authority_key = secret.public_key_bytes();
        let identity = Identity { network: NetworkId([9; 32]), authority_key, shard_count };
        let folder = tempfile::tempdir().unwrap();
        Self { folder, identity, secret: Arc::new(secret), committee: Arc::new(committee) }
    }

    pub(super) fn directories(&self) -> Vec<PathBuf> {
        ["one", "two"].map(|name| self.folder.path().join(name)).to_vec()
    }

    pub(super) fn open(&self) -> Result<Storage, Fault> {
        self.open_in(&self.directories())
    }

    pub(super) fn open_in(&self, directories: &[PathBuf]) -> Result<Storage, Fault> {
        Storage::open(directories, &self.identity, self.shards(), Some(REGION_BYTES_MIN))
    }

    /// One process runs them all.
    pub(crate) fn shards(&self) -> ShardRange {
        ShardRange::all(self.identity.shard_count)
    }

    pub(crate) fn config(&self, shard: u16) -> ShardConfig {
        ShardConfig {
            network: self.identity.network,
            committee: Arc::clone(&self.committee),
            authority_index: 0,
            secret: self.secret.clone(),
            shard: ShardIndex(shard),
            shard_count: self.identity.shard_count,
            account_count_max: 40_000,
            cached_key_count_max: 1,
            quarantine_ms: 0,
            is_durable: true,
            keeps_history: false,
            hash_key: [1; 16],
            tables: Tables::FULL,
            planted: Planted::default(),
        }
    }

    /// Accounts that belong to this shard.
    pub(crate) fn accounts(&self, shard: u16) -> Vec<Address> {
        let all = (0..ACCOUNT_COUNT).map(|account| [account; 32]);
        let is_here =
            |account: &Address| self.identity.network.shard_of(account, self.identity.shard_count) == ShardIndex(shard);
        all.filter(is_here).collect()
    }

    pub(crate) fn fund(&self, shard: &mut Shard, index: u16) -> Result<(), Fault> {
        self.accounts(index).iter().for_each(|account| shard.fund(account, Amount(1_000_000)).unwrap());
        Ok(())
    }

    /// Recovers shard 0.
    pub(super) fn recover(&self, storage: &Storage) -> Result<(Shard, Recovered), Fault> {
        self.recover_shard(storage, 0)
    }

    pub(super) fn recover_shard(&self, storage: &Storage, index: u16) -> Result<(Shard, Recovered), Fault> {
        let config = self.config(index);
        let mut shard = Shard::new(config.clone());
        let key = storage.key(&self.secret);
        let recovered = recover(storage, &key, &config, &mut shard, None, |shard| self.fund(shard, index))?;
        Ok((shard, recovered))
    }

    /// The shard that these records make of genesis, without any disk.
    pub(crate) fn expected(&self, index: u16, records: &[u8]) -> Shard {
        let mut shard = Shard::new(self.config(index));
        self.fund(&mut shard, index).unwrap();
        shard.begin_recovery(RecordNumber(0));
        shard.replay(records).unwrap();
        shard.finish_recovery().unwrap();
        shard
    }

    /// Recovers a new journal and begins to write it.
    pub(super) fn writer<'a>(&'a self, storage: &'a Storage, shard: u16) -> Writer<'a> {
        let (_, recovered) = self.recover_shard(storage, shard).unwrap();
        assert_eq!(recovered.blocks, 0, "a writer knows what it wrote itself");
        let sequences = [0; ACCOUNT_COUNT as usize];
        let nothing = Written { records: Vec::new(), sequences, credits_made: 0, credits_taken: 0 };
        self.writer_at(storage, shard, recovered.head, nothing)
    }

    /// Goes on writing a journal without a snapshot.
    pub(super) fn writer_at<'a>(
        &'a self,
        storage: &'a Storage,
        shard: u16,
        head: Position,
        written: Written,
    ) -> Writer<'a> {
        let genesis = Position::genesis(&self.identity, ShardIndex(shard));
        let ring = self.ring(storage, shard, genesis, head);
        Writer { world: self, storage, shard: ShardIndex(shard), ring, placed: Vec::new(), written }
    }

    pub(super) fn ring(&self, storage: &Storage, shard: u16, tail: Position, head: Position) -> Ring {
        let key = storage.key(&self.secret);
        let shard = self.identity.of_shard(ShardIndex(shard));
        Ring::new(shard, key, storage.superblock.region_bytes, (11, 3), tail, head)
    }
}

impl Writer<'_> {
    /// Writes a block with these records to every copy.
    pub(super) fn block(&mut self, records: &[Record]) -> Placed {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| record.encode(&mut bytes));
        self.written.records.extend_from_slice(&bytes);
        let mut pages = pages_of(BLOCK_BYTES_MAX);
        let out: &mut [u8] = bytemuck::cast_slice_mut(&mut pages);
        let placed = self.ring.encode(&bytes, u32::try_from(records.len()).unwrap(), out).unwrap();
        for (copy, file) in (0..).zip(&self.storage.copies) {
            let block = &mut bytemuck::cast_slice_mut::<Page, u8>(&mut pages)[..placed.bytes];
            set_copy(block, copy);
            file.write(self.start() + placed.offset, block).unwrap();
        }
        self.ring.durable(placed.block);
        self.placed.push(placed);
        placed
    }

    /// Writes a block of so many payments within the shard, each voted for and confirmed.
    pub(super) fn payments(&mut self, count: usize) -> Placed {
        let records: Vec<Record> = (0..count).flat_map(|_| self.payment(None)).collect();
        self.block(&records)
    }

    /// A vote and a confirmation; to an account of another shard, a credit goes with it.
    pub(super) fn payment(&mut self, recipient: Option<Address>) -> [Record; 2] {
        let here = self.world.accounts(self.shard.0);
        let turn: usize = self.written.sequences.iter().map(|sequence| usize::try_from(*sequence).unwrap()).sum();
        let sender = here[turn % here.len()];
        let sequence = &mut self.written.sequences[usize::from(sender[0])];
        let mut body = OrderBody::zeroed();
        (body.sender, body.recipient) = (sender, recipient.unwrap_or(here[(turn + 1) % here.len()]));
        (body.amount, body.sequence, body.recipient_kind) = (U64::new(3), U64::new(*sequence), RECIPIENT_ACCOUNT);
        let digest = *blake3::hash(bytemuck::bytes_of(&body)).as_bytes();
        let vote = Record::Vote { sender, sequence: Sequence(*sequence), digest };
        *sequence += 1;
        self.written.credits_made += u64::from(recipient.is_some());
        let credit_number = recipient.map_or(0, |_| self.written.credits_made);
        [vote, Record::Confirm { body, digest, credit_number, position: 0 }]
    }

    /// The next credit of another shard.
    pub(super) fn credit(&mut self, source: u16) -> Record {
        self.written.credits_taken += 1;
        let recipient = self.world.accounts(self.shard.0)[0];
        let credit = Credit {
            number: self.written.credits_taken,
            recipient,
            amount: Amount(7),
            sender: [1; 32],
            sequence: Sequence(0),
            position: 0,
        };
        Record::Credit { source: ShardIndex(source), credit, position: 0 }
    }

    /// The other shard has applied all credits.
    pub(super) fn ack(&self, destination: u16) -> Record {
        let ack = CreditAck { number: self.written.credits_made, has_room: true };
        Record::Ack { destination: ShardIndex(destination), ack }
    }

    /// The shard as it is now.
    pub(super) fn shard(&self) -> Shard {
        self.world.expected(self.shard.0, &self.written.records)
    }

    /// The bytes of a snapshot that was taken now.
    pub(super) fn snapshot(&self, number: u64) -> Vec<u8> {
        self.snapshot_of(&self.shard(), number, self.ring.position())
    }

    /// The bytes of a snapshot of a shard, to be followed by what is at `start`.
    pub(super) fn snapshot_of(&self, shard: &Shard, number: u64, start: Position) -> Vec<u8> {
        let created = self.storage.superblock.created;
        let header = SnapshotHeader { shard: self.world.identity.of_shard(self.shard), created, number, start };
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&header, &mut bytes);
        let (mut cursor, mut slots) = (0, Vec::new());
        while let Some(lsn) = shard.snapshot_chunk(&mut cursor, &mut slots) {
            encoder.chunk(lsn, &slots, &mut bytes);
        }
        let (lsn, tail) = shard.snapshot_tail();
        encoder.tail(lsn, &tail, &mut bytes);
        encoder.finish(&mut bytes);
        bytes
    }

    /// Where the shard's region begins.
    pub(super) fn start(&self) -> u64 {
        self.storage.superblock.region_start(self.shard)
    }

    /// Spoils a byte of a block in a copy.
    pub(super) fn spoil(&self, copy: usize, placed: &Placed, byte: u64) {
        spoil(&self.storage.copies[copy], self.start() + placed.offset + byte);
    }
}

/// Spoils a byte of a file.
pub(super) fn spoil(copy: &CopyFile, offset: u64) {
    let file = std::fs::File::options().read(true).write(true).open(&copy.path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
    file.sync_all().unwrap();
}

/// What the copies hold.
pub(super) fn contents(storage: &Storage) -> Vec<Vec<u8>> {
    storage.copies.iter().map(|copy| std::fs::read(&copy.path).unwrap()).collect()
}
