//! `verify-journal`: journals written by hand, as the format says, and looked at by the command.

use crate::harness::{Ended, Files, Process, Setup, run_to_end};
use crate::make::Payer;
use bytemuck::Zeroable;
use quittance_engine::journal::block::set_copy;
use quittance_engine::journal::identity::{Identity, JournalKey, Superblock};
use quittance_engine::journal::record::Record;
use quittance_engine::journal::ring::{Placed, Position, Ring};
use quittance_engine::journal::{BLOCK_BYTES_MAX, REGION_BYTES_MIN};
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::{Sequence, ShardIndex};
use quittance_net::frame::{OrderBody, RECIPIENT_ACCOUNT, U64};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::FileExt;

const SOUND: Option<i32> = Some(0);
const WRONG: Option<i32> = Some(2);
const FOREIGN: Option<i32> = Some(3);
const LOST: Option<i32> = Some(4);
const IN_USE: Option<i32> = Some(5);
const MENDABLE: Option<i32> = Some(6);

/// Two data directories, and what was written into them.
struct Journal {
    files: Files,
    superblock: Superblock,
    /// Of shard 0.
    blocks: Vec<Placed>,
}

impl Journal {
    /// Shard 0 has three blocks: of one payment, of none, of one. Each is voted for and confirmed; shard 1 has nothing.
    fn new() -> Self {
        let files = Files::new(&Setup { shards: 2, ..Setup::default() });
        let secret = &files.network.secrets[0];
        let identity = Identity {
            network: files.network.id,
            authority_key: secret.public_key_bytes(),
            shard_count: files.network.shard_count,
        };
        let shards = ShardRange::all(identity.shard_count);
        let superblock = Superblock { identity, shards, region_bytes: REGION_BYTES_MIN, copy: 0, created: [6; 16] };
        for copy in 0..2 {
            std::fs::create_dir(files.path(&format!("copy{copy}"))).unwrap();
            let file = File::create(files.path(&format!("copy{copy}/journal"))).unwrap();
            file.set_len(superblock.file_bytes()).unwrap();
            file.write_all_at(&Superblock { copy, ..superblock }.encode(), 0).unwrap();
        }
        let mut journal = Self { files, superblock, blocks: Vec::new() };
        journal.write();
        journal
    }

    fn write(&mut self) {
        let network = &self.files.network;
        let key = JournalKey::derive(network.secrets[0].seed(), &self.superblock.created);
        let genesis = Position::genesis(&self.superblock.identity, ShardIndex(0));
        let shard = self.superblock.identity.of_shard(ShardIndex(0));
        let mut ring = Ring::new(shard, key, REGION_BYTES_MIN, (1, network.committee.epoch()), genesis, genesis);
        let payer = (0..).map(Payer::new).find(|payer| network.shard_of(&payer.address) == 0).unwrap();
        for (count, sequence) in [(1, 0), (0, 0), (1, 1)] {
            let mut records = Vec::new();
            for _ in 0..count {
                let mut body = OrderBody::zeroed();
                (body.sender, body.recipient) = (payer.address, payer.address);
                (body.amount, body.sequence, body.recipient_kind) =
                    (U64::new(5), U64::new(sequence), RECIPIENT_ACCOUNT);
                let digest = network.digest(&body);
                Record::Vote { sender: payer.address, sequence: Sequence(sequence), digest }.encode(&mut records);
                Record::Confirm { body, digest, credit_number: 0, position: 0 }.encode(&mut records);
            }
            let mut block = vec![0; BLOCK_BYTES_MAX];
            let placed = ring.encode(&records, 2 * count, &mut block).unwrap();
            ring.durable(placed.block);
            for copy in 0..2 {
                set_copy(&mut block, copy);
                self.write_at(copy, placed.offset, &block[..placed.bytes]);
            }
            self.blocks.push(placed);
        }
    }

    fn write_at(&self, copy: u8, offset: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(self.files.path(&format!("copy{copy}/journal"))).unwrap();
        file.write_all_at(bytes, self.superblock.region_start(ShardIndex(0)) + offset).unwrap();
    }

    /// Wipes a part of a block's first page.
    fn spoil(&self, copy: u8, block: usize) {
        self.write_at(copy, self.blocks[block].offset + 100, &[0xee; 700]);
    }

    fn contents(&self) -> [Vec<u8>; 2] {
        [0, 1].map(|copy| std::fs::read(self.files.path(&format!("copy{copy}/journal"))).unwrap())
    }

    fn arguments(&self, options: &[&str]) -> Vec<String> {
        let path = |name| self.files.path(name).to_str().unwrap().to_owned();
        let mut arguments = vec!["verify-journal".to_owned(), format!("{},{}", path("copy0"), path("copy1"))];
        for (option, name) in
            [("--authority", "private.toml"), ("--committee", "committee.toml"), ("--genesis", "genesis")]
        {
            arguments.extend([option.to_owned(), path(name)]);
        }
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        arguments
    }

    /// Runs the command, which changes nothing and prints one object.
    #[track_caller]
    fn verify(&self, code: Option<i32>) -> Value {
        let before = self.contents();
        let ended = run_to_end(self.arguments(&["--json"]));
        assert!(self.contents() == before, "nothing is changed");
        assert_eq!((ended.code, ended.errors.as_str()), (code, ""), "{ended:?}");
        let [line] = ended.lines.as_slice() else { panic!("one line, not {ended:?}") };
        serde_json::from_str(line).unwrap()
    }

    /// Runs the command, which refuses.
    #[track_caller]
    fn refuses(&self, code: Option<i32>, words: &[&str]) {
        let Ended { code: ended, lines, errors } = run_to_end(self.arguments(&[]));
        assert_eq!((ended, lines.as_slice()), (code, [].as_slice()), "{errors}");
        for word in words {
            assert!(errors.contains(word), "{word:?} is missing: {errors}");
        }
    }
}

#[test]
fn a_sound_journal_is_described() {
    let journal = Journal::new();
    let report = journal.verify(SOUND);
    assert_eq!((report["verdict"].as_str(), &report["damage"]), (Some("sound"), &Value::Array(Vec::new())));
    let shard = &report["shards"][0];
    for (name, count) in [
        ("blocks", 3),
        ("first_block", 1),
        ("last_block", 3),
        ("first_record", 1),
        ("last_record", 4),
        ("votes", 2),
        ("confirmations", 2),
        ("credits", 0),
        ("snapshot", 0),
        ("used_bytes", 3 * 4096),
    ] {
        assert_eq!(shard[name], count, "{name}: {shard}");
    }
    let other = &report["shards"][1];
    assert_eq!((&other["blocks"], &other["lost"]), (&0.into(), &Value::Null));
    assert_eq!(shard["accounts"].as_u64().unwrap() + other["accounts"].as_u64().unwrap(), 8);
    let digests = [shard, other].map(|shard| hex::decode(shard["digest"].as_str().unwrap()).unwrap());
    let all = blake3::hash(&digests.concat()).to_hex().to_string();
    assert_eq!(report["digest"], all);

    let ended = run_to_end(journal.arguments(&[]));
    let text = ended.lines.join("\n");
    assert_eq!((ended.code, ended.errors.as_str()), (SOUND, ""));
    for word in ["shard 0", "3 blocks, 1 to 3", "records 1 to 4", "2 votes", &all, "sound: the authority would start"] {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

#[test]
fn a_block_damaged_in_one_copy_can_be_mended_and_changes_no_digest() {
    let journal = Journal::new();
    let digest = journal.verify(SOUND)["digest"].clone();
    journal.spoil(1, 0);
    journal.spoil(0, 1);
    let report = journal.verify(MENDABLE);
    assert_eq!((report["verdict"].as_str(), &report["digest"]), (Some("mendable"), &digest));
    let damage = report["shards"][0]["damage"].as_array().unwrap();
    let places: Vec<_> = damage.iter().map(|damage| (damage["copy"].as_u64(), damage["block"].as_u64())).collect();
    assert_eq!(places, [(Some(1), Some(1)), (Some(0), Some(2))]);
    let text = run_to_end(journal.arguments(&[])).lines.join("\n");
    assert!(text.contains("damage     copy 1, shard 0, block 1, at 0: "), "{text}");
}

#[test]
fn a_last_block_that_one_copy_has_is_what_a_stop_may_leave() {
    let journal = Journal::new();
    let digest = journal.verify(SOUND)["digest"].clone();
    journal.spoil(1, 2);
    let report = journal.verify(SOUND);
    assert_eq!((&report["digest"], &report["shards"][0]["damage"][0]["unfinished"]), (&digest, &true.into()));
}

#[test]
fn a_block_damaged_in_both_copies_is_lost_unless_it_is_the_last() {
    let journal = Journal::new();
    let whole = journal.verify(SOUND)["digest"].clone();
    (0..2).for_each(|copy| journal.spoil(copy, 2));
    let report = journal.verify(SOUND);
    assert_eq!(report["shards"][0]["blocks"], 2);
    assert_ne!(report["digest"], whole, "what the last block held was never promised to anyone");
    let journal = Journal::new();
    (0..2).for_each(|copy| journal.spoil(copy, 1));
    let report = journal.verify(LOST);
    assert_eq!((report["verdict"].as_str(), &report["digest"]), (Some("lost"), &Value::Null));
    let lost = report["shards"][0]["lost"].as_str().unwrap();
    assert!(lost.contains("block 2") && lost.contains("was durable"), "{lost}");
    assert_eq!(report["shards"][1]["lost"], Value::Null, "the other shard is looked at all the same");
    let ended = run_to_end(journal.arguments(&[]));
    assert!(ended.code == LOST && ended.lines.iter().any(|line| line.contains("would refuse to start")), "{ended:?}");
}

#[test]
fn a_missing_copy_can_be_made_again() {
    let journal = Journal::new();
    let digest = journal.verify(SOUND)["digest"].clone();
    std::fs::remove_file(journal.files.path("copy0/journal")).unwrap();
    let ended = run_to_end(journal.arguments(&["--json"]));
    let report: Value = serde_json::from_str(&ended.lines[0]).unwrap();
    assert_eq!((ended.code, &report["digest"]), (MENDABLE, &digest));
    assert!(!journal.files.path("copy0/journal").exists());
    std::fs::remove_file(journal.files.path("copy1/journal")).unwrap();
    journal.refuses(WRONG, &["there is no journal in", "copy0", "copy1"]);
}

#[test]
fn a_running_authority_is_left_alone_and_named() {
    let journal = Journal::new();
    let path = journal.files.path("copy1/lock");
    std::fs::write(&path, std::process::id().to_string()).unwrap();
    let lock = File::open(&path).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    journal.refuses(IN_USE, &["copy1", &format!("process {}", std::process::id())]);
    // Closing the file is not enough while another test starts a process.
    flock(&lock, FlockOperation::Unlock).unwrap();
    journal.verify(SOUND);
}

#[test]
fn a_journal_of_another_network_or_authority_is_refused_and_both_are_named() {
    let journal = Journal::new();
    let text = journal.files.read("genesis");
    let network = hex::encode(journal.files.network.id.0);
    journal.files.write("genesis", &format!("{text}# another one\n"));
    journal.refuses(FOREIGN, &["copy0", "belongs to network", &network]);
    journal.files.write("genesis", &text);
    let own = &journal.files.network.secrets[0];
    let other = Superblock {
        identity: Identity { authority_key: [7; 32], ..journal.superblock.identity },
        ..journal.superblock
    };
    let file = File::options().write(true).open(journal.files.path("copy0/journal")).unwrap();
    file.write_all_at(&other.encode(), 0).unwrap();
    journal.refuses(FOREIGN, &["belongs to authority", &hex::encode([7; 32]), &hex::encode(own.public_key_bytes())]);
}

#[test]
fn help_lists_what_each_exit_code_means() {
    let ended = Process::start(["verify-journal", "--help"]).end();
    let help = ended.lines.join("\n");
    assert_eq!(ended.code, Some(0));
    for word in ["  3  ", "  4  ", "  5  ", "  6  ", "--accounts-max", "--json", "DIR[,DIR2]"] {
        assert!(help.contains(word), "{word:?} is missing: {help}");
    }
}
