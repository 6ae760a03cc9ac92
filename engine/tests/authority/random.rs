//! A hundred thousand datagrams of all sorts: the authority lives, changes nothing, and accounts for every one.

use crate::harness::{Authority, Client, Counts};
use crate::make::{EPOCH, Numbers};
use quittance_engine::types::Address;
use quittance_net::frame::{FRAME_BYTES_MAX, Header, Kind, U16, U64};
use std::time::Duration;

const DATAGRAM_COUNT: usize = 100_000;
const SEED: u64 = 0x5eed_0001;

/// Datagrams between two looks at the replies: what is sent together fits the authority's receive buffer even if no thread
/// of it runs meanwhile.
const BURST_MAX: usize = 63;

/// Long enough for any reply. A request that goes without one was dropped by the kernel, and the books say so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where datagrams come from.
struct Source {
    numbers: Numbers,
    network_tag: u64,
    addresses: Vec<Address>,
    /// Requests to spoil. None is ever sent as it is.
    valid: Vec<Vec<u8>>,
}

impl Source {
    fn new(authority: &Authority) -> Self {
        let (network, payers) = (&authority.network, &authority.payers);
        let body = payers[0].pays(&payers[1].address, 5, 0);
        let mut certificate = network.certify(&body);
        // The first vote's signature is bad already: what is changed elsewhere cannot make the certificate good.
        certificate[160..192].fill(7);
        let valid = vec![network.order(&payers[0], body), certificate, network.query(&payers[2].address, 1)];
        let addresses = payers.iter().map(|payer| payer.address).collect();
        Self { numbers: Numbers(SEED), network_tag: network.id.tag(), addresses, valid }
    }

    fn next(&mut self) -> Vec<u8> {
        match self.numbers.below(4) {
            0 => self.noise(),
            1 => self.headed_noise(),
            2 => self.shaped_noise(),
            _ => self.spoiled(),
        }
    }

    /// Any bytes of any length.
    fn noise(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.numbers.below(FRAME_BYTES_MAX + 1)];
        self.numbers.fill(&mut bytes);
        bytes
    }

    /// A good header before any bytes.
    fn headed_noise(&mut self) -> Vec<u8> {
        let mut bytes = self.noise();
        self.put_header(&mut bytes);
        bytes
    }

    /// A frame by its form, with fields as they come.
    fn shaped_noise(&mut self) -> Vec<u8> {
        let vote_count = 1 + self.numbers.below(4);
        let (kind, length, zero): (Kind, usize, &[(usize, usize)]) = match self.numbers.below(7) {
            0 | 1 => (Kind::Order, 240, &[(136, 144), (208, 240)]),
            2 | 3 => (Kind::Certificate, 160 + 72 * vote_count, &[(136, 144), (152, 160)]),
            4 => (Kind::Query, 152, &[(56, 152)]),
            5 => ([Kind::Vote, Kind::Receipt][self.numbers.below(2)], 120, &[(115, 120)]),
            _ => (Kind::Rejection, 96, &[(89, 96)]),
        };
        let mut bytes = vec![0; length];
        self.numbers.fill(&mut bytes);
        zero.iter().for_each(|(start, end)| bytes[*start..*end].fill(0));
        bytes[..16].copy_from_slice(bytemuck::bytes_of(&Header::new(kind, 0, self.network_tag)));
        if matches!(kind, Kind::Order | Kind::Certificate) {
            self.make_likely(&mut bytes);
        }
        if kind == Kind::Certificate {
            bytes[144..153].fill(0);
            (bytes[144], bytes[152]) = (u8::try_from(EPOCH).unwrap(), u8::try_from(vote_count).unwrap());
            for proof in bytes[160..].chunks_mut(72) {
                proof[64..66].fill(0);
                proof[66] %= 5;
                proof[67..].fill(0);
            }
        }
        bytes
    }

    /// An order's body that gets past the first checks most of the time.
    fn make_likely(&mut self, bytes: &mut [u8]) {
        if self.numbers.below(8) > 0 {
            bytes[16..48].copy_from_slice(&self.addresses[self.numbers.below(8)]);
        }
        for start in [112, 120] {
            // Amount, sequence: of all magnitudes, zero among them.
            let number = self.numbers.next().checked_shr(u32::try_from(self.numbers.below(72)).unwrap()).unwrap_or(0);
            bytes[start..start + 8].copy_from_slice(&number.to_le_bytes());
        }
    }

    /// A valid request with one to three bytes changed, or cut, or continued.
    fn spoiled(&mut self) -> Vec<u8> {
        let mut bytes = self.valid[self.numbers.below(3)].clone();
        match self.numbers.below(8) {
            0 => bytes.truncate(self.numbers.below(bytes.len())),
            1 => bytes.resize(bytes.len() + 1 + self.numbers.below(64), 0),
            _ => {
                for _ in 0..=self.numbers.below(3) {
                    let place = self.numbers.below(bytes.len());
                    bytes[place] = bytes[place].wrapping_add(1 + u8::try_from(self.numbers.below(255)).unwrap());
                }
            }
        }
        bytes
    }

    fn put_header(&mut self, bytes: &mut [u8]) {
        let kind = Kind::ALL[self.numbers.below(Kind::ALL.len())];
        let mut header = Header::new(kind, 0, self.network_tag);
        // Now and then for someone else.
        match self.numbers.below(16) {
            0 => header.shard = U16::new(1),
            1 => header.network = U64::new(self.numbers.next()),
            _ => {}
        }
        let length = bytes.len().min(size_of::<Header>());
        bytes[..length].copy_from_slice(&bytemuck::bytes_of(&header)[..length]);
    }
}

fn send_burst(client: &mut Client<'_>, source: &mut Source, count: usize, query: &[u8]) -> usize {
    (0..count).for_each(|_| client.send(&source.next()));
    client.send(query);
    client.collect_what_comes(PATIENCE)
}

#[test]
fn a_hundred_thousand_random_datagrams_change_nothing_and_are_all_accounted_for() {
    let authority = Authority::usual();
    let before = authority.accounts();
    let mut source = Source::new(&authority);
    let mut client = authority.client();
    let mut unanswered_count = 0;
    println!("seed {SEED:#x}");
    for sent in (0..DATAGRAM_COUNT).step_by(BURST_MAX) {
        let count = BURST_MAX.min(DATAGRAM_COUNT - sent);
        let query = client.query(&authority.payers[0].address);
        unanswered_count += send_burst(&mut client, &mut source, count, &query);
    }
    assert_eq!(authority.accounts(), before, "no account changed");
    drop(client);

    let counts = authority.counts();
    assert_every_sort_came(&counts);
    // What went without an answer was dropped; all else is compared at the end.
    assert!(unanswered_count as u64 <= counts.get("transport.datagrams_dropped_by_kernel"), "{counts:?}");
    let counts = authority.finish();
    assert_eq!(counts.get("protocol.votes") + counts.get("protocol.confirmations"), 0);
}

/// What this is to be about was there in numbers.
#[track_caller]
fn assert_every_sort_came(counts: &Counts) {
    let malformed = ["short", "magic", "version", "kind", "length", "padding", "field"];
    let refused = [
        "wrong_network",
        "wrong_shard",
        "unknown_account",
        "zero_amount",
        "amount_too_large",
        "sequence_ahead",
        "insufficient_funds",
        "bad_signature",
        "wrong_epoch",
        "unknown_voter",
        "repeated_voter",
        "no_quorum",
        "bad_path",
        "bad_vote",
    ];
    let names = malformed.map(|name| format!("protocol.malformed.{name}")).into_iter();
    let names = names.chain(refused.map(|name| format!("protocol.rejects.{name}")));
    for name in names.chain(["protocol.not_requests", "transport.empty_datagrams"].map(str::to_owned)) {
        assert!(counts.get(&name) > 10, "{name}: {counts:?}");
    }
}
