use super::*;
use crate::fake::{FakeWorld, Fixture, Shun};
use quittance_engine::message::{order_digest, order_message};
use quittance_engine::types::{Digest, Peer};
use quittance_net::frame::{Frame, parse};
use quittance_wallet::book::{Book, Bound, encode_batch};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

const WINDOW: Pace = Pace::Window { count: 16 };

/// Bugs, to see that they would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Orders are sent and never written.
    ForgetsOrders,
    /// Certificates are sent while they are being written.
    SendsEarly,
}

/// A world that looks into the book's file whenever an order or a certificate leaves.
struct Witness<'a> {
    world: FakeWorld<'a>,
    network: NetworkId,
    path: PathBuf,
    orders: BTreeSet<Digest>,
    certificates: BTreeSet<Digest>,
    /// What left before the file had it.
    offences: u64,
}

impl World for Witness<'_> {
    fn now_ns(&mut self) -> u64 {
        self.world.now_ns()
    }

    fn socket_count(&self) -> usize {
        self.world.socket_count()
    }

    fn push(&mut self, socket: usize, to: Peer, datagram: &[u8]) -> Result<(), BenchError> {
        let (body, is_certificate) = match parse(datagram).unwrap() {
            Frame::Order(order) => (order.body, false),
            Frame::Certificate(view) => (view.head.body, true),
            _ => return self.world.push(socket, to, datagram),
        };
        let digest = order_digest(&order_message(&self.network, &body));
        let is_written = |witness: &Self| {
            if is_certificate { witness.certificates.contains(&digest) } else { witness.orders.contains(&digest) }
        };
        if !is_written(self) {
            self.look();
        }
        self.offences += u64::from(!is_written(self));
        self.world.push(socket, to, datagram)
    }

    fn flush(&mut self) -> Result<(), BenchError> {
        self.world.flush()
    }

    fn receive(&mut self, wait_ns: u64, take: &mut dyn FnMut(Peer, &[u8])) -> Result<(), BenchError> {
        self.world.receive(wait_ns, take)
    }
}

impl Witness<'_> {
    /// Reads the file again.
    fn look(&mut self) {
        for (_, account) in read(&self.path).accounts() {
            self.orders.extend(account.pending().map(|pending| pending.digest));
            self.certificates.extend(account.sent().values().map(|certificate| *certificate.digest()));
        }
    }
}

fn read(path: &Path) -> Book {
    Book::replay(&std::fs::read(path).unwrap()).unwrap().book
}

/// A scribe with a book of all the fixture's accounts, in this file.
fn scribe(fixture: &Fixture, path: &Path) -> Scribe {
    let context = &fixture.terms.context;
    let bound = Bound { network: context.network, committee: context.committee, epoch: context.epoch };
    let accounts = fixture.accounts.addresses().iter().map(|address| Record::Account { address: *address });
    let records: Vec<Record> = std::iter::once(Record::Bound(bound)).chain(accounts).collect();
    let mut bytes = Vec::new();
    encode_batch(&records, 0, &mut bytes);
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(&bytes).unwrap();
    let lock = tempfile::tempfile().unwrap();
    Scribe::new(read(path), file, bytes.len() as u64, lock)
}

/// Drives 120 payments of 40 accounts in two phases. Returns the book and how much left before it had that.
fn drive(shunned: Option<u32>, mutant: Option<Mutant>) -> (Book, u64, Fixture, Vec<Outcome>) {
    let fixture = Fixture::new(4, true, 40, 120);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    let (network, workload) = (fixture.terms.network, &fixture.workload);
    let mut ledger = Ledger::new(scribe(&fixture, &path), network, workload);
    ledger.mutant = mutant;
    let mut driver = Driver::new(workload, &fixture.terms, &fixture.directory, fixture.settings(), [1; 32]);
    driver.record();
    let mut world = fixture.world();
    world.shunned = shunned.map(|account| (*fixture.accounts.address(account), Shun::Silence));
    let mut world = Witness {
        world,
        network,
        path: path.clone(),
        orders: BTreeSet::new(),
        certificates: BTreeSet::new(),
        offences: 0,
    };
    let mut ended = 0;
    for payments in [0..80, 80..120] {
        ended += ledger.phase(&mut driver, payments, WINDOW, &mut world, &mut || Ok(())).unwrap().ended();
    }
    assert_eq!(ended, 120);
    let report = ledger.finish(&mut driver, Vec::new()).unwrap();
    assert!(report.batches > 4 && report.bytes > 0, "{report:?}");
    let (book, offences, outcomes) = (read(&path), world.offences, driver.outcomes().to_vec());
    drop(driver);
    (book, offences, fixture, outcomes)
}

#[test]
fn nothing_leaves_before_the_book_has_it_and_in_the_end_all_are_settled_there() {
    let (book, offences, fixture, _) = drive(None, None);
    assert_eq!(offences, 0);
    for address in fixture.accounts.addresses() {
        let account = book.account(address).unwrap();
        assert_eq!((account.next_sequence(), account.pending()), (Sequence(3), None));
        assert!(account.sent().len() == 3 && account.is_settled(Sequence(2)));
    }
}

#[test]
fn orders_that_are_not_written_are_noticed() {
    let (_, offences, ..) = drive(None, Some(Mutant::ForgetsOrders));
    assert!(offences >= 120, "{offences}");
}

#[test]
fn certificates_that_do_not_wait_for_the_disk_are_noticed() {
    let (_, offences, ..) = drive(None, Some(Mutant::SendsEarly));
    assert!(offences > 0);
}

/// What nobody votes for stays pending in the book, and its sender's next payments are neither signed for it nor sent.
#[test]
fn what_is_lost_stays_pending_in_the_book() {
    let (book, offences, fixture, outcomes) = drive(Some(7), None);
    assert_eq!(offences, 0);
    let account = book.account(fixture.accounts.address(7)).unwrap();
    assert_eq!(account.pending().unwrap().body.sequence.get(), 0);
    assert!(account.sent().is_empty());
    let lost = outcomes.iter().filter(|outcome| **outcome == Outcome::Lost).count();
    assert_eq!((lost, outcomes.len()), (3, 120));
}
