use super::*;
use quittance_engine::history::HISTORY_START;
use quittance_engine::history::entry::{Content, CreditEntry};
use quittance_engine::journal::identity::Identity;
use quittance_engine::network::NetworkId;
use quittance_engine::types::ShardIndex;

fn header(created: u8) -> SegmentHeader {
    let identity = Identity { network: NetworkId([1; 32]), authority_key: [2; 32], shard_count: 2 };
    SegmentHeader { shard: identity.of_shard(ShardIndex(1)), created: [created; 16], number: 0 }
}

fn entry(position: u64, recipient: u8) -> Vec<u8> {
    let mut credit: CreditEntry = bytemuck::Zeroable::zeroed();
    credit.recipient = [recipient; 32];
    let entry = Entry { position, sender_previous: 0, recipient_previous: 0, content: Content::Credit(&credit) };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    bytes
}

fn open(data: &Path, bytes_max: Option<u64>) -> HistoryFiles {
    HistoryFiles::open(&[data.to_owned()], header(3), bytes_max).unwrap()
}

#[test]
fn entries_come_back_after_a_restart_and_segments_have_their_page() {
    let data = tempfile::tempdir().unwrap();
    let second = HISTORY_SEGMENT_BYTES + HISTORY_START;
    let mut files = open(data.path(), None);
    files.append(HISTORY_START, &entry(HISTORY_START, 1)).unwrap();
    files.append(second, &entry(second, 2)).unwrap();
    files.sync().unwrap();
    let directory = data.path().join("history/shard-1");
    assert_eq!(
        std::fs::read(directory.join("000000000001")).unwrap()[..4096],
        SegmentHeader { number: 1, ..header(3) }.encode()
    );
    assert_eq!(extent(&directory).unwrap(), HistoryExtent { segments: 2, bytes: 4 * 4_096 });
    let mut files = open(data.path(), None);
    for (position, recipient) in [(HISTORY_START, 1), (second, 2)] {
        let mut bytes = [0; ENTRY_BYTES_MAX];
        // Whole pages are written: behind the last entry there are zeros.
        assert_eq!(files.read(position, &mut bytes), ENTRY_BYTES_MAX);
        assert_eq!(bytes[..128], entry(position, recipient));
        assert!(bytes[128..].iter().all(|byte| *byte == 0));
    }
    assert_eq!(files.read(2 * HISTORY_SEGMENT_BYTES + HISTORY_START, &mut [0; 8]), 0);
    assert_eq!(extent(&data.path().join("history/shard-7")).unwrap(), HistoryExtent::default());
}

#[test]
fn what_is_there_stays_and_what_is_not_is_made_again() {
    let data = tempfile::tempdir().unwrap();
    let mut files = open(data.path(), None);
    let places = [0, 128, 256].map(|offset| HISTORY_START + offset);
    files.append(places[0], &entry(places[0], 1)).unwrap();
    files.append(places[1], &entry(places[1], 9)).unwrap();
    files.restore(&places.map(|position| entry(position, 1)).concat()).unwrap();
    for position in places {
        let mut bytes = [0; 128];
        assert_eq!((files.read(position, &mut bytes), bytes.to_vec()), (128, entry(position, 1)));
    }
}

#[test]
fn the_oldest_segments_are_removed_when_there_are_too_many() {
    let data = tempfile::tempdir().unwrap();
    let mut files = open(data.path(), Some(3 * HISTORY_SEGMENT_BYTES));
    let place = |number| number * HISTORY_SEGMENT_BYTES + HISTORY_START;
    for number in 0..20 {
        files.append(place(number), &entry(place(number), 1)).unwrap();
        assert_eq!(extent(&directory(&[data.path().to_owned()], 1)).unwrap().segments, (number + 1).min(3));
    }
    let mut there = (0..20).filter(|number| files.read(place(*number), &mut [0; 128]) > 0);
    assert!(there.by_ref().eq(17..20));
}

#[test]
fn another_journals_history_is_foreign_and_an_unfinished_page_is_made_again() {
    let data = tempfile::tempdir().unwrap();
    open(data.path(), None).append(HISTORY_START, &entry(HISTORY_START, 1)).unwrap();
    let foreign = HistoryFiles::open(&[data.path().to_owned()], header(4), None);
    assert!(matches!(foreign, Err(Fault::Foreign { .. })), "{foreign:?}");
    let path = data.path().join("history/shard-1/000000000000");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..100]).unwrap();
    open(data.path(), None);
    assert_eq!(std::fs::read(&path).unwrap(), whole[..4096]);
}

#[test]
fn a_history_is_looked_for_in_the_second_directory_if_it_is_there() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(second.path(), None);
    let both = [first.path().to_owned(), second.path().to_owned()];
    assert!(directory(&both, 1).starts_with(second.path()));
    assert!(directory(&both[..1], 1).starts_with(first.path()));
}
