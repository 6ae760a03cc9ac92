use super::*;
use crate::swept::swept;

fn body() -> OrderBody {
    let mut body: OrderBody = Zeroable::zeroed();
    (body.sender, body.recipient, body.user_data) = ([1; 32], [2; 32], [3; 32]);
    (body.amount, body.sequence, body.expiry_ms) = (U64::new(4), U64::new(5), U64::new(6));
    body
}

fn credit() -> CreditEntry {
    let credit = Credit {
        number: 9,
        sender: [1; 32],
        recipient: [2; 32],
        amount: Amount(4),
        sequence: Sequence(5),
        position: 0x0102_0304,
    };
    CreditEntry::new(ShardIndex(0x0a0b), &credit)
}

/// Calls `each` with entries of every sort and their bytes.
fn each(mut each: impl FnMut(Entry<'_>, Vec<u8>)) {
    let (body, credit, votes) = (body(), credit(), [7; 77]);
    let votes = Votes { epoch: 8, count: 1, bytes: &votes };
    for content in [
        Content::Payment { body: &body, credits_here: true, votes: Some(votes) },
        Content::Payment { body: &body, credits_here: false, votes: None },
        Content::Payment {
            body: &body,
            credits_here: false,
            votes: Some(Votes { bytes: &[9; VOTE_BYTES_MAX], ..votes }),
        },
        Content::Credit(&credit),
    ] {
        let entry = Entry { position: 0x1_0000, sender_previous: 0x2000, recipient_previous: 0x3008, content };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        assert_eq!(bytes.len(), content.entry_bytes());
        assert!(bytes.len() <= ENTRY_BYTES_MAX && bytes.len().is_multiple_of(ENTRY_ALIGN_BYTES));
        each(entry, bytes);
    }
}

/// These bytes are on disks: a change here is a change of format.
#[test]
fn an_entry_is_these_bytes() {
    let mut lengths = Vec::new();
    each(|entry, bytes| {
        lengths.push(bytes.len());
        let head = |kind, flags, votes: u16| {
            let numbers = [0x1_0000_u64, 0x2000, 0x3008].map(u64::to_le_bytes).concat();
            [&[kind, flags][..], &votes.to_le_bytes(), &numbers].concat()
        };
        match entry.content {
            Content::Payment { body, credits_here, votes } => {
                let count = votes.map_or(0, |votes| votes.bytes.len());
                let flags = u8::from(votes.is_some()) + 2 * u8::from(credits_here);
                assert_eq!(bytes[4..32], head(1, flags, u16::try_from(count).unwrap()));
                assert_eq!(bytes[32..160], *bytemuck::bytes_of(body));
                let (epoch, vote_count) = votes.map_or((0, 0), |votes| (8_u64, votes.count));
                assert_eq!(bytes[160..176], [&epoch.to_le_bytes()[..], &[vote_count], &[0; 7]].concat());
                assert_eq!(&bytes[176..176 + count], votes.map_or(&[][..], |votes| votes.bytes));
                assert!(bytes[176 + count..].iter().all(|byte| *byte == 0));
            }
            Content::Credit(_) => {
                assert_eq!(bytes[4..32], head(2, 2, 0));
                let numbers = [5_u64, 4, 0x0102_0304].map(u64::to_le_bytes).concat();
                let expected = [&[1; 32][..], &[2; 32], &numbers, &[0x0b, 0x0a], &[0; 6]].concat();
                assert_eq!(bytes[32..], expected);
            }
        }
        let covered = match entry.content {
            Content::Payment { votes, .. } => 176 + votes.map_or(0, |votes| votes.bytes.len()),
            Content::Credit(_) => 128,
        };
        assert_eq!(bytes[..4], crc32fast::hash(&bytes[4..covered]).to_le_bytes());
    });
    assert_eq!((lengths, ENTRY_BYTES_MAX), (vec![256, 176, 1_488, 128], 1_488));
}

#[test]
fn an_entry_comes_back_whatever_lies_behind_it_and_not_if_it_is_cut_short() {
    each(|entry, mut bytes| {
        let length = bytes.len();
        bytes.extend([0xff; 40]);
        assert_eq!(Entry::decode(0x1_0000, &bytes), Some(entry));
        // The zeros at its end are not part of what is read.
        for cut in swept(0..length - ENTRY_ALIGN_BYTES) {
            assert_eq!(Entry::decode(0x1_0000, &bytes[..cut]), None, "{cut} of {length}");
        }
    });
}

#[test]
fn a_bit_flipped_anywhere_is_noticed() {
    each(|entry, mut bytes| {
        let padding = match entry.content {
            Content::Payment { votes, .. } => 176 + votes.map_or(0, |votes| votes.bytes.len()),
            Content::Credit(_) => 128,
        };
        for bit in swept(0..padding * 8) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::decode(0x1_0000, &bytes), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    });
}

#[test]
fn an_entry_elsewhere_or_one_whose_links_do_not_go_back_is_none() {
    each(|entry, bytes| {
        assert_eq!(Entry::decode(0x1_0008, &bytes), None);
        for forward in [Entry { sender_previous: 0x1_0000, ..entry }, Entry { recipient_previous: 0x1_0008, ..entry }] {
            let mut bytes = Vec::new();
            forward.encode(&mut bytes);
            assert_eq!(Entry::decode(0x1_0000, &bytes), None);
        }
    });
}

#[test]
fn an_entry_is_in_the_chains_of_those_whom_it_touches_here() {
    let (sender, recipient, other) = ([1; 32], [2; 32], [4; 32]);
    each(|entry, _| {
        let sent = |account| entry.previous(account, Chain::Sent);
        let received = |account| entry.previous(account, Chain::Received);
        let (is_payment, is_here) = match entry.content {
            Content::Payment { credits_here, .. } => (true, credits_here),
            Content::Credit(_) => (false, true),
        };
        assert_eq!((sent(&sender), sent(&recipient), sent(&other)), (is_payment.then_some(0x2000), None, None));
        assert_eq!((received(&recipient), received(&sender)), (is_here.then_some(0x3008), None));
        assert_eq!(received(&other), None);
    });
}

#[test]
fn with_or_without_votes_it_is_the_same_entry_and_with_another_link_or_order_it_is_not() {
    let (body, votes) = (body(), Votes { epoch: 8, count: 1, bytes: &[7; 77] });
    let content = Content::Payment { body: &body, credits_here: true, votes: Some(votes) };
    let entry = Entry { position: 0x1_0000, sender_previous: 0x2000, recipient_previous: 0x3008, content };
    let stub = Entry { content: Content::Payment { body: &body, credits_here: true, votes: None }, ..entry };
    assert!(stub.is_same(&entry));
    let mut other = body;
    other.user_data[0] ^= 1;
    for different in [
        Entry { content: Content::Payment { body: &other, credits_here: true, votes: None }, ..entry },
        Entry { content: Content::Payment { body: &body, credits_here: false, votes: None }, ..entry },
        Entry { content: Content::Credit(&credit()), ..entry },
        Entry { position: 0x1_0008, ..stub },
        Entry { sender_previous: 0, ..stub },
        Entry { recipient_previous: 0x3000, ..stub },
    ] {
        assert!(!different.is_same(&entry), "{different:?}");
    }
}

#[test]
fn entries_in_a_row_are_split_one_by_one() {
    let (mut row, mut count) = (Vec::new(), 0);
    each(|_, bytes| row.extend(bytes));
    let mut rest = row.as_slice();
    while let Some((entry, first, after)) = split_first(rest) {
        assert_eq!(first.len(), entry.content.entry_bytes());
        (rest, count) = (after, count + 1);
    }
    assert_eq!((count, rest.len()), (4, 0));
}
