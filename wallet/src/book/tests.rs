use super::record::Damage;
use super::*;
use crate::certificate::{self, Certificate};
use crate::fixture::{Fixture, body};
use quittance_engine::types::{Balance, Sequence};
use quittance_net::frame::OrderBody;

const OWN: Address = [1; 32];
const OTHER: Address = [2; 32];

fn fixture() -> Fixture {
    Fixture::new(&[1; 4], 1)
}

fn bound(fixture: &Fixture) -> Bound {
    let terms = &fixture.terms;
    Bound { network: *terms.network(), committee: terms.committee().digest(), epoch: 0 }
}

fn certify(fixture: &Fixture, order: &OrderBody) -> Certificate {
    fixture.certificate(order, &[0, 1, 2])
}

fn pending(fixture: &Fixture, order: OrderBody) -> Pending {
    let digest = certificate::digest(fixture.terms.network(), &order);
    let funding = vec![(OTHER, Sequence(4))];
    Pending { body: order, digest, signature: [5; 64], r_hint: [6; 32], funding, blocked_by: None }
}

/// One record of each kind, each fitting those before.
fn one_of_each(fixture: &Fixture) -> Vec<Record> {
    let first = body(OWN, OTHER, 5, 0);
    vec![
        Record::Bound(bound(fixture)),
        Record::Account { address: OWN },
        Record::Balance { account: OWN, known: KnownBalance { balance: Balance(-3), next_sequence: Sequence(0) } },
        Record::Received(certify(fixture, &body(OTHER, OWN, 9, 4))),
        Record::Settled { account: OWN, sender: OTHER, sequence: Sequence(4) },
        Record::Order(pending(fixture, first)),
        Record::Certificate(certify(fixture, &first)),
        Record::Settled { account: OWN, sender: OWN, sequence: Sequence(0) },
        Record::Order(pending(fixture, body(OWN, OTHER, 6, 1))),
        Record::Blocked { account: OWN, sequence: Sequence(1), other: [8; 32] },
    ]
}

fn book_of(records: &[Record]) -> Book {
    let mut book = Book::new();
    records.iter().for_each(|record| book.apply(record).unwrap());
    book
}

/// A file of batches, and where each ends.
fn file_of(batches: &[&[Record]]) -> (Vec<u8>, Vec<usize>) {
    let mut file = Vec::new();
    let ends = batches.iter().map(|batch| {
        encode_batch(batch, file.len() as u64, &mut file);
        file.len()
    });
    let ends = ends.collect();
    (file, ends)
}

#[test]
fn a_book_reads_back_from_its_file_and_from_its_fewest_records() {
    let records = one_of_each(&fixture());
    let book = book_of(&records);
    let batches: Vec<&[Record]> = records.chunks(3).collect();
    let (file, _) = file_of(&batches);
    let replay = Book::replay(&file).unwrap();
    assert_eq!((replay.book, replay.good_bytes, replay.torn_bytes), (book.clone(), file.len(), 0));
    assert_eq!(book_of(&book.to_records()), book);
    let (compact, _) = file_of(&[&book.to_records()]);
    assert_eq!(Book::replay(&compact).unwrap().book, book);
    assert!(compact.len() < file.len());
}

#[test]
fn a_records_bytes_are_these() {
    let mut bytes = Vec::new();
    encode_batch(&[Record::Settled { account: OWN, sender: OTHER, sequence: Sequence(0x0102) }], 64, &mut bytes);
    let mut expected = b"QTNR\x05\x01\0\0\x48\0\0\0".to_vec();
    let payload = [&[1; 32][..], &[2; 32], &[2, 1, 0, 0, 0, 0, 0, 0]].concat();
    let crc = crc32fast::hash(&[&64_u64.to_le_bytes()[..], &expected, &payload].concat());
    assert_eq!(crc, 0xfd91_6de7, "for whoever reads these files without this code");
    expected.extend(crc.to_le_bytes());
    expected.extend(payload);
    assert_eq!(bytes, expected);
}

#[test]
fn a_file_cut_anywhere_in_its_last_batch_loses_that_batch_alone() {
    let records = one_of_each(&fixture());
    let (file, ends) = file_of(&[&records[..4], &records[4..7], &records[7..]]);
    for length in ends[1]..file.len() {
        let replay = Book::replay(&file[..length]).unwrap();
        assert!(replay.good_bytes >= ends[1] && replay.good_bytes + replay.torn_bytes == length, "{length}");
        assert!(replay.book.account(&OWN).unwrap().is_settled(Sequence(0)) == (replay.good_bytes > ends[1]));
    }
    // Pages of one batch reach the disk in any order: a hole, then a good record of the same batch.
    let mut holed = file.clone();
    holed[ends[1]..ends[1] + 16].fill(0);
    assert_eq!(Book::replay(&holed).unwrap().good_bytes, ends[1]);
    // A file that was made longer before it was written.
    let longer = [&file[..], &[0; 4_096]].concat();
    let replay = Book::replay(&longer).unwrap();
    assert_eq!((replay.good_bytes, replay.torn_bytes), (file.len(), 4_096));
}

#[test]
fn a_byte_changed_before_the_last_batch_is_damage_with_its_place() {
    let records = one_of_each(&fixture());
    let (file, ends) = file_of(&[&records[..4], &records[4..7], &records[7..]]);
    for place in 0..ends[1] {
        let mut damaged = file.clone();
        damaged[place] ^= 0x10;
        match Book::replay(&damaged) {
            Err(BookError::Damaged { at, damage }) => {
                assert!(at <= place && damage != Damage::Form, "byte {place}: {damage} at {at}");
            }
            other => panic!("byte {place}: {other:?}"),
        }
    }
}

#[test]
fn a_batch_copied_to_another_place_is_no_batch_there() {
    let records = one_of_each(&fixture());
    let (mut file, ends) = file_of(&[&records[..4], &records[4..7]]);
    let copy = file[ends[0]..].to_vec();
    file.extend(copy);
    let replay = Book::replay(&file).unwrap();
    assert_eq!((replay.good_bytes, replay.torn_bytes), (ends[1], ends[1] - ends[0]));
}

#[test]
fn a_pending_order_is_never_replaced_and_a_used_number_never_signed_again() {
    let fixture = fixture();
    let mut book = book_of(&one_of_each(&fixture)[..6]);
    let other = |sequence| Record::Order(pending(&fixture, body(OWN, OTHER, 77, sequence)));
    assert_eq!(book.apply(&other(0)), Err(RecordError::SequenceTaken));
    assert_eq!(book.apply(&other(1)), Err(RecordError::SequenceTaken));
    book.apply(&one_of_each(&fixture)[6]).unwrap();
    book.apply(&one_of_each(&fixture)[7]).unwrap();
    assert_eq!(book.apply(&other(0)), Err(RecordError::SequenceTaken));
    assert_eq!(book.apply(&other(2)), Err(RecordError::SequenceTaken));
    assert_eq!(book.apply(&other(1)), Ok(()));
}

#[test]
fn a_certificate_of_another_order_takes_the_number_and_frees_the_account() {
    let fixture = fixture();
    let mut book = book_of(&one_of_each(&fixture)[..6]);
    book.apply(&Record::Certificate(certify(&fixture, &body(OWN, OTHER, 50, 0)))).unwrap();
    let own = book.account(&OWN).unwrap();
    assert_eq!((own.pending(), own.next_sequence()), (None, Sequence(1)));
    assert_eq!(book_of(&book.to_records()), book);
}

#[test]
fn what_is_settled_is_taken_off_the_known_balance_once() {
    let fixture = fixture();
    let records = one_of_each(&fixture);
    let mut book = book_of(&records[..8]);
    let known = KnownBalance { balance: Balance(-8), next_sequence: Sequence(1) };
    assert_eq!(book.account(&OWN).unwrap().balance(), Some(&known));
    book.apply(&records[7]).unwrap();
    assert_eq!(book.account(&OWN).unwrap().balance(), Some(&known));
}

#[test]
fn numbers_that_only_a_quorum_told_are_used_and_a_shorter_file_says_so_too() {
    let fixture = fixture();
    let known = |next| KnownBalance { balance: Balance(7), next_sequence: Sequence(next) };
    let told = |next| Record::Balance { account: OWN, known: known(next) };
    let mut book = book_of(&one_of_each(&fixture)[..2]);
    book.apply(&told(3)).unwrap();
    assert_eq!(book.account(&OWN).unwrap().next_sequence(), Sequence(3));
    assert_eq!(book_of(&book.to_records()), book);
    let order = |sequence| Record::Order(pending(&fixture, body(OWN, OTHER, 7, sequence)));
    assert_eq!(book.apply(&order(0)), Err(RecordError::SequenceTaken));
    book.apply(&order(3)).unwrap();
    // It keeps its number, whatever is told of it meanwhile.
    book.apply(&told(9)).unwrap();
    assert_eq!(book.account(&OWN).unwrap().next_sequence(), Sequence(3));
    assert_eq!(book_of(&book.to_records()), book);
    book.apply(&Record::Certificate(certify(&fixture, &body(OWN, OTHER, 7, 3)))).unwrap();
    book.apply(&Record::Settled { account: OWN, sender: OWN, sequence: Sequence(3) }).unwrap();
    assert_eq!(book_of(&book.to_records()), book);
}

#[test]
fn a_book_refuses_another_network_and_another_committee() {
    let (one, two) = (fixture(), Fixture::new(&[1; 4], 60));
    let book = book_of(&one_of_each(&one)[..1]);
    assert_eq!(book.check_terms(&one.terms), Ok(()));
    assert_eq!(book.check_terms(&two.terms), Err(BoundError::Committee));
    assert_eq!(book.clone().apply(&Record::Bound(bound(&two))), Err(RecordError::Rebound));
}
