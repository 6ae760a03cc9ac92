use super::*;
use crate::journal::fixture::{Random, genesis, identity, key, shard};
use crate::journal::identity::Identity;
use crate::network::NetworkId;
use crate::swept::{cases, swept};
use crate::types::ShardIndex;

const PAYLOAD: [u8; 5000] = [0x5a; 5000];

fn position() -> Position {
    Position { block: 9, offset: 3 * PAGE_BYTES as u64, chain: [6; 32], record: RecordNumber(70) }
}

fn write(shard: ShardIdentity, position: &Position, key: &JournalKey) -> Vec<u8> {
    let mut block = vec![0xff; block_bytes(PAYLOAD.len())];
    encode(&Writer { shard, boot_id: 3, epoch: 4 }, position, 8, (&PAYLOAD, 50), key, &mut block);
    block
}

fn block() -> Vec<u8> {
    write(shard(), &position(), &key())
}

fn read(block: &[u8], checks: Checks) -> Result<(), BlockFault> {
    let expected = Expected { shard: &shard(), copy: 0, position: &position() };
    let header = check_by(checks, block, &expected, &key())?;
    check_payload_by(checks, block, &header).map(|_| ())
}

fn changed(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut block = block();
    change(&mut block);
    block
}

fn elsewhere(change: impl Fn(&mut Position)) -> Vec<u8> {
    let mut position = position();
    change(&mut position);
    write(shard(), &position, &key())
}

fn of_another(change: impl Fn(&mut Identity)) -> Vec<u8> {
    let mut identity = identity();
    change(&mut identity);
    write(identity.of_shard(ShardIndex(2)), &position(), &key())
}

#[test]
fn a_block_comes_back_as_it_was_written() {
    let block = block();
    assert_eq!(block.len(), 2 * PAGE_BYTES);
    let expected = Expected { shard: &shard(), copy: 0, position: &position() };
    let header = check(&block, &expected, &key()).unwrap();
    assert_eq!((header.copy, header.boot_id, header.epoch, header.durable_hint), (0, 3, 4, 8));
    assert_eq!((header.block, header.offset, header.chain), (9, 3 * PAGE_BYTES as u64, [6; 32]));
    assert_eq!((header.first_record, header.record_count), (RecordNumber(71), 50));
    assert_eq!((header.last_record(), header.block_bytes()), (RecordNumber(120), block.len()));
    assert_eq!(check_payload(&block, &header), Ok(&PAYLOAD[..]));
}

/// Each of these blocks has one thing wrong with it, and only the check for that thing sees it: a reader without the check,
/// which is what `left_out` makes, takes the block.
#[test]
fn every_check_is_needed() {
    let wrong: Vec<(Check, BlockFault, Vec<u8>)> = vec![
        (Check::Checksum, BlockFault::Checksum, changed(|block| block[CHECKSUMMED_BYTES] ^= 1)),
        (Check::Tag, BlockFault::Tag, write(shard(), &position(), &JournalKey::derive(&[9; 32], &[11; 16]))),
        (Check::Identity, BlockFault::Identity, of_another(|identity| identity.network = NetworkId([1; 32]))),
        (Check::Identity, BlockFault::Identity, of_another(|identity| identity.authority_key = [1; 32])),
        (Check::Identity, BlockFault::Identity, of_another(|identity| identity.shard_count = 5)),
        (Check::Identity, BlockFault::Identity, write(identity().of_shard(ShardIndex(1)), &position(), &key())),
        (Check::Copy, BlockFault::Copy, changed(|block| set_copy(block, 1))),
        (Check::Number, BlockFault::Number, elsewhere(|position| position.block = 10)),
        (Check::Place, BlockFault::Place, elsewhere(|position| position.offset += PAGE_BYTES as u64)),
        (Check::Chain, BlockFault::Chain, elsewhere(|position| position.chain[31] ^= 1)),
        (Check::FirstRecord, BlockFault::FirstRecord, elsewhere(|position| position.record.0 -= 1)),
        (Check::Payload, BlockFault::Payload, changed(|block| block[HEADER_BYTES + PAYLOAD.len() - 1] ^= 1)),
        (Check::Padding, BlockFault::Padding, changed(|block| block[HEADER_BYTES + PAYLOAD.len()] ^= 1)),
    ];
    for (check, fault, block) in wrong {
        assert_eq!(read(&block, Checks::default()), Err(fault));
        assert_eq!(
            read(&block, Checks { left_out: Some(check), ..Checks::default() }),
            Ok(()),
            "{check:?} is not what refused it"
        );
    }
}

#[test]
fn a_single_bit_flipped_anywhere_is_noticed() {
    let mut block = block();
    for bit in swept(0..block.len() * 8) {
        block[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&block, Checks::default()).is_err(), "bit {bit}");
        block[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(read(&block, Checks::default()), Ok(()));
}

#[test]
fn the_other_copys_bytes_differ_in_the_copy_and_its_checksum() {
    let (first, second) = (block(), changed(|block| set_copy(block, 1)));
    let differ: Vec<usize> = (0..first.len()).filter(|place| first[*place] != second[*place]).collect();
    assert!(differ.iter().all(|place| *place == 10 || (CHECKSUMMED_BYTES..HEADER_BYTES).contains(place)), "{differ:?}");
    let expected = Expected { shard: &shard(), copy: 1, position: &position() };
    let header = check(&second, &expected, &key()).unwrap();
    assert_eq!(check_payload(&second, &header), Ok(&PAYLOAD[..]));
    assert_eq!(
        changed(|block| {
            set_copy(block, 1);
            set_copy(block, 0)
        }),
        first
    );
}

/// A fault of the writer, or a stolen key, makes no reader panic: every header byte is changed under a good tag.
#[test]
fn impossible_headers_with_a_good_tag_are_refused_and_do_no_harm() {
    let mut random = Random(1);
    let mut refused = 0;
    for _ in 0..cases(20_000) {
        let mut block = block();
        for _ in 0..1 + random.below(3) {
            let place = random.below(TAGGED_BYTES);
            block[place] = if random.one_in(2) { 0xff } else { u8::try_from(random.below(256)).unwrap() };
        }
        let header: &mut HeaderBytes = bytemuck::from_bytes_mut(&mut block[..HEADER_BYTES]);
        header.tag = tag(header, &key());
        header.checksum = checksum(header);
        if let Ok(header) = authenticate(&block, &shard(), &key()) {
            assert!(header.block_bytes() <= BLOCK_BYTES_MAX && header.block_bytes().is_multiple_of(PAGE_BYTES));
            assert!(header.last_record() >= RecordNumber(header.first_record.0 - 1));
            let _ = check_payload(&block, &header);
        } else {
            refused += 1;
        }
    }
    assert!(refused > cases(20_000) / 20, "{refused}");
}

#[test]
fn random_bytes_of_any_length_are_no_block() {
    let mut random = Random(2);
    for _ in 0..cases(2_000) {
        let length = random.below(HEADER_BYTES + 10);
        let mut bytes = random.bytes(length);
        if length >= 10 && random.one_in(2) {
            bytes[..10].copy_from_slice(&block()[..10]);
        }
        assert!(authenticate(&bytes, &shard(), &key()).is_err());
    }
    for length in swept(0..block().len()) {
        assert!(read(&block()[..length], Checks::default()).is_err(), "{length} bytes");
    }
}

#[test]
fn a_block_without_records_is_one_page_and_moves_no_record() {
    let mut block = vec![0; PAGE_BYTES];
    encode(&Writer { shard: shard(), boot_id: 3, epoch: 4 }, &genesis(), 0, (&[], 0), &key(), &mut block);
    let header = check(&block, &Expected { shard: &shard(), copy: 0, position: &genesis() }, &key()).unwrap();
    assert_eq!((header.first_record, header.last_record()), (RecordNumber(1), RecordNumber(0)));
    assert_eq!(check_payload(&block, &header), Ok(&[][..]));
}

/// These bytes are on disks: a change here is a change of format.
#[test]
fn fields_are_where_the_format_has_them() {
    let block = block();
    let number = |place: usize, length: usize| {
        block[place..place + length].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    assert_eq!((&block[..8], number(8, 2), block[10], &block[11..16]), (&b"qtblock\n"[..], 1, 0, &[0; 5][..]));
    assert_eq!((number(16, 2), number(18, 2), number(20, 4), number(24, 4)), (2, 4, 50, 5000));
    let numbers = (28..92).step_by(8).map(|place| number(place, 8)).collect::<Vec<_>>();
    let (network, authority) = (0x0707_0707_0707_0707, 0x0808_0808_0808_0808);
    assert_eq!(numbers, [network, authority, 4, 3, 9, 3 * 4096, 71, 8]);
    assert_eq!(&block[92..124], blake3::hash(&PAYLOAD).as_bytes());
    assert_eq!(block[124..156], [6; 32]);
    assert_eq!(&block[156..188], blake3::keyed_hash(&key_bytes(), &block[..156]).as_bytes());
    assert_eq!(number(188, 4), u64::from(crc32fast::hash(&block[..188])));
    assert_eq!(block[192..192 + 5000], PAYLOAD);
}

fn key_bytes() -> [u8; 32] {
    blake3::derive_key("quittance v1 journal", &[[9; 16], [9; 16], [10; 16]].concat())
}
