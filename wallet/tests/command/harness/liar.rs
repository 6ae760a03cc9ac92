//! An authority that lies, in the place of one that was killed and with its key.

use super::Committee;
use quittance_engine::message::{RootContext, receipt_leaf, vote_leaf};
use quittance_engine::network::NetworkId;
use quittance_net::frame::{
    self, Frame, HISTORY_CERTIFICATE, Header, HistoryPage, HistoryQuery, I128, Info, Kind, Order, Proof, RejectionHead,
    ReplyHead, U16, U64,
};
use quittance_verify::SecretKey;
use quittance_wallet::certificate::digest;
use quittance_wallet::terms::Terms;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How late it notices that it is to end.
const TICK: Duration = Duration::from_millis(20);

/// Lies to everyone who asks, until it is dropped; then its ports are free.
pub(crate) struct Liar {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Liar {
    /// Takes the place of an authority that was killed.
    pub(crate) fn start(committee: &Committee, index: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let lie = |socket: UdpSocket| {
            socket.set_read_timeout(Some(TICK)).unwrap();
            let (is_over, mouth) = (is_over.clone(), Mouth::new(committee, index));
            std::thread::spawn(move || mouth.speak(&socket, &is_over))
        };
        let threads = committee.stand_in(index).into_iter().map(lie).collect();
        Self { is_over, threads }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            assert!(thread.join().is_ok() || std::thread::panicking(), "a liar stumbled");
        }
    }
}

/// What it lies with.
struct Mouth {
    index: u8,
    secret: SecretKey,
    context: RootContext,
}

impl Mouth {
    fn new(committee: &Committee, index: usize) -> Self {
        let network = NetworkId::of_genesis(&std::fs::read(committee.path("genesis.txt")).unwrap());
        let text = std::fs::read_to_string(committee.path("committee.toml")).unwrap();
        let file = quittance_engine::committee::CommitteeFile::parse(&text).unwrap();
        let context = *Terms::new(network, &file).unwrap().context();
        Self { index: u8::try_from(index).unwrap(), secret: committee.secret(index), context }
    }

    fn speak(&self, socket: &UdpSocket, is_over: &AtomicBool) {
        let mut buffer = [0; 2048];
        while !is_over.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            let question = &buffer[..length];
            let mut lies = match frame::parse(question) {
                Ok(Frame::Order(order) | Frame::ChainedOrder(order)) => self.about_order(order),
                Ok(Frame::Certificate(view)) => {
                    self.about_certificate(view.head.header, &digest(&self.context.network, &view.head.body))
                }
                Ok(Frame::Query(query)) => vec![balance(query.header, &query.account, query.nonce)],
                Ok(Frame::HistoryQuery(query)) => vec![page(query.head)],
                _ => Vec::new(),
            };
            lies.extend([question.to_vec(), b"garbage".to_vec()]);
            for lie in lies {
                // Whoever asked may be gone.
                let _ = socket.send_to(&lie, from);
            }
        }
    }

    /// Votes that are none, a refusal that is none, and a good signature under something else.
    fn about_order(&self, order: &Order) -> Vec<Vec<u8>> {
        let (header, digest) = (order.header, digest(&self.context.network, &order.body));
        let other = [9; 32];
        vec![
            self.reply(Kind::Vote, header, &digest, [7; 64]),
            self.reply(Kind::Vote, header, &digest, self.sign(&vote_leaf(&other))),
            self.reply(Kind::Vote, header, &digest, self.sign(&receipt_leaf(&digest))),
            self.reply(Kind::Vote, header, &other, self.sign(&vote_leaf(&other))),
            self.reply(Kind::Receipt, header, &digest, self.sign(&receipt_leaf(&digest))),
            refusal(header, &digest, quittance_engine::reject::Reject::SequenceBehind as u8, u64::MAX),
            refusal(header, &digest, quittance_engine::reject::Reject::Conflict as u8, 0),
        ]
    }

    /// Receipts that are none.
    fn about_certificate(&self, header: Header, digest: &[u8; 32]) -> Vec<Vec<u8>> {
        vec![
            self.reply(Kind::Receipt, header, digest, [7; 64]),
            self.reply(Kind::Receipt, header, digest, self.sign(&vote_leaf(digest))),
            self.reply(Kind::Receipt, header, &[9; 32], self.sign(&receipt_leaf(&[9; 32]))),
            refusal(header, digest, quittance_engine::reject::Reject::SequenceAhead as u8, 0),
        ]
    }

    /// Signs a tree of one leaf.
    fn sign(&self, leaf: &[u8; 32]) -> [u8; 64] {
        self.secret.sign(&self.context.message(leaf))
    }

    fn reply(&self, kind: Kind, header: Header, digest: &[u8; 32], root_signature: [u8; 64]) -> Vec<u8> {
        let header = Header { kind: kind as u8, ..header };
        let proof =
            Proof { root_signature, leaf_index: U16::new(0), authority: self.index, path_count: 0, padding: [0; 4] };
        bytemuck::bytes_of(&ReplyHead { header, digest: *digest, proof }).to_vec()
    }
}

fn refusal(header: Header, subject: &[u8; 32], code: u8, detail: u64) -> Vec<u8> {
    let header = Header { kind: Kind::Rejection as u8, ..header };
    let (subject, other, detail) = (*subject, [9; 32], U64::new(detail));
    bytemuck::bytes_of(&RejectionHead { header, subject, other, detail, code, proven: 0, padding: [0; 6] }).to_vec()
}

/// More money than there is.
fn balance(header: Header, account: &[u8; 32], nonce: U64) -> Vec<u8> {
    let info = Info {
        header: Header { kind: Kind::Info as u8, ..header },
        account: *account,
        nonce,
        balance: I128::new(i128::MAX),
        next_sequence: U64::new(u64::MAX),
        pending: [9; 32],
        last_confirmed: [9; 32],
        padding: [0; 8],
    };
    bytemuck::bytes_of(&info).to_vec()
}

/// A history without an end, or a certificate that is always further back.
fn page(query: &HistoryQuery) -> Vec<u8> {
    let next = if query.what == HISTORY_CERTIFICATE { query.from.get().saturating_sub(1).max(1) } else { u64::MAX };
    let page = HistoryPage {
        header: Header { kind: Kind::HistoryPage as u8, ..query.header },
        account: query.account,
        nonce: query.nonce,
        from: query.from,
        next: U64::new(next),
        what: query.what,
        count: 0,
        padding: [0; 6],
    };
    bytemuck::bytes_of(&page).to_vec()
}
