//! A small world for tests: authorities in memory that keep the protocol, or break it in one chosen way, and a clock that
//! moves when it is read.

use crate::accounts::Accounts;
use crate::digest_table::DigestTable;
use crate::drive::Settings;
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::orders::Orders;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::random::{Draws, Purpose, generator};
use crate::setup::Members;
use crate::terms::Terms;
use crate::votes::SimulatedVotes;
use crate::workload::Workload;
use crate::world::World;
use quittance_engine::message::{self, order_message, receipt_leaf, rejection_leaf, vote_leaf};
use quittance_engine::network::NetworkId;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Digest, Peer};
use quittance_net::frame::{
    CertificateView, Frame, Hash, Header, I128, Info, Kind, Order, OrderBody, Proof, Query, RejectionHead, ReplyHead,
    U16, U64, parse,
};
use quittance_verify::{BackendKind, Item, SecretKey, Verifier, tree};
use quittance_wallet::directory::Directory;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FIRST_PORT: u16 = 9_000;
/// How long a datagram travels, each way, unless a test says otherwise.
const TRAVEL_NS: u64 = 10_000;

/// Everything that a driver needs, made small.
pub(crate) struct Fixture {
    pub(crate) accounts: Accounts,
    pub(crate) workload: Workload,
    pub(crate) terms: Terms,
    pub(crate) directory: Directory,
    keys: Vec<SecretKey>,
}

impl Fixture {
    pub(crate) fn new(committee: usize, live: bool, account_count: u32, payment_count: u32) -> Self {
        Self::of_plan(committee, live, account_count, |_, _| Plan::draw(4, account_count, payment_count))
    }

    /// `plan` gets the accounts and the network, with two shards.
    pub(crate) fn of_plan(
        committee: usize,
        live: bool,
        account_count: u32,
        plan: impl FnOnce(&Accounts, &NetworkId) -> Plan,
    ) -> Self {
        let (progress, interrupt) = (Progress::hidden(), Interrupt::default());
        let ports: Vec<u16> = (0..).map(|index| FIRST_PORT + 10 * index).take(committee).collect();
        let mut members = Members::new(4, HOST, &ports, 2).expect("a small world is sound");
        let accounts = Accounts::derive(4, account_count, &progress, &interrupt).expect("a small world is sound");
        let plan = plan(&accounts, &NetworkId([5; 32]));
        let terms = Terms::new(NetworkId([5; 32]), members.committee(), live);
        let directory = Directory::new(&members.entries()[..terms.live_count]);
        let orders = Orders::sign(&plan, &accounts, &terms.network, 2, false, &progress, &interrupt)
            .expect("a small world is sound");
        let keys = members.split_keys(0..committee);
        let mut members = Members::new(4, HOST, &ports, 2).expect("a small world is sound");
        let voters = members.split_keys(terms.live_count..terms.live_count + terms.simulated_count);
        let votes = SimulatedVotes::sign(orders.digests(), &terms, &voters, 8, &progress, &interrupt)
            .expect("a small world is sound");
        let table = DigestTable::new(orders.digests());
        let workload = Workload { plan, orders, votes, table };
        Self { accounts, workload, directory, terms, keys }
    }

    pub(crate) fn world(&self) -> FakeWorld<'_> {
        let authority = |_| FakeAuthority { accounts: BTreeMap::new(), credits: VecDeque::new(), leaves: Vec::new() };
        FakeWorld {
            fixture: self,
            now_ns: 1,
            authorities: (0..self.terms.live_count).map(authority).collect(),
            arriving: VecDeque::new(),
            verifier: Verifier::new(BackendKind::Portable, [0; 32]),
            lie: None,
            loss_percent: 0,
            silent: Vec::new(),
            busy_count: 0,
            credit_delay_ns: 0,
            shunned: None,
            repeats: false,
            travel_ns: TRAVEL_NS,
            stall: None,
            refusal: None,
            drop_every: None,
            wire: Wire::default(),
            losses: generator(1, Purpose::Plan),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { timeout_ns: 5_000_000, tries_max: 20, owns_core: true, withheld_max: 0 }
    }
}

/// The ways in which a server may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Bytes that are no frame.
    Garbage,
    /// The tag of another network.
    Network,
    /// A source address that is no shard's.
    Source,
    /// A shard in the header that the source address is not.
    Shard,
    /// Frames that only payers send.
    Kind,
    /// The digest of an order that nobody sent.
    Digest,
    /// A receipt where a vote is due.
    ReceiptForVote,
    /// Another authority's index in the proof.
    Authority,
    /// A path longer than a certificate holds.
    LongPath,
    /// A leaf index outside of the tree.
    Index,
    /// A path that leads to a root that nobody signed.
    Path,
    /// A signature with a flipped bit.
    Signature,
    /// A good signature by a key that is not the authority's.
    Key,
    /// The proof of a vote under a receipt: the second half of the protocol is forged.
    VoteForReceipt,
    /// Another next sequence number than the account's, in the answer to a query.
    NextSequence,
}

/// How a sender's orders are not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shun {
    /// No answer.
    Silence,
    /// Busy, always.
    Busy,
}

/// One authority: what it holds of accounts, and the leaves of the batch under way.
struct FakeAuthority {
    /// Balance beyond the funding, next sequence number, and the digests applied in order.
    accounts: BTreeMap<Address, (i128, Vec<Digest>)>,
    /// Under way: when they arrive, for whom, how much.
    credits: VecDeque<(u64, Address, u64)>,
    leaves: Vec<(Peer, u16, Reply)>,
}

#[derive(Clone, Copy)]
enum Reply {
    Vote(Digest),
    Receipt(Digest),
    Rejection(Digest, Reject),
}

/// A server that answers at once, but stands still at the end of each period: then what comes waits until the next begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) period_ns: u64,
    pub(crate) length_ns: u64,
}

impl Stall {
    /// When the server takes up what comes at `now_ns`.
    pub(crate) fn taken_ns(self, now_ns: u64) -> u64 {
        let into_period_ns = now_ns % self.period_ns;
        let is_still = into_period_ns >= self.period_ns - self.length_ns;
        if is_still { now_ns - into_period_ns + self.period_ns } else { now_ns }
    }
}

/// What went over the wire, counted there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    /// Requests of the driver.
    pub(crate) pushed: u64,
    /// Those of them that were dropped.
    pub(crate) dropped: u64,
    /// Those that silent authorities took.
    pub(crate) ignored: u64,
    /// Answers sent; one that arrives twice is two.
    pub(crate) sent: u64,
    /// Answers that arrived.
    pub(crate) delivered: u64,
}

/// Authorities, a wire, and a clock.
pub(crate) struct FakeWorld<'a> {
    fixture: &'a Fixture,
    pub(crate) now_ns: u64,
    authorities: Vec<FakeAuthority>,
    arriving: VecDeque<(u64, Peer, Vec<u8>)>,
    verifier: Verifier,
    pub(crate) lie: Option<Lie>,
    /// So many of a hundred datagrams are lost, either way.
    pub(crate) loss_percent: u32,
    /// Authorities that receive nothing.
    pub(crate) silent: Vec<usize>,
    /// So many first orders are answered with Busy.
    pub(crate) busy_count: u64,
    /// Whether every reply arrives twice.
    pub(crate) repeats: bool,
    /// A sender whose orders are not served.
    pub(crate) shunned: Option<(Address, Shun)>,
    /// How long a datagram travels, each way.
    pub(crate) travel_ns: u64,
    /// The server's stalls, if it has any.
    pub(crate) stall: Option<Stall>,
    /// With what every order is refused, if it is.
    pub(crate) refusal: Option<Reject>,
    /// Which request, of how many, is dropped, if any are.
    pub(crate) drop_every: Option<u64>,
    /// What went over the wire.
    pub(crate) wire: Wire,
    /// How long a credit is under way after the receipt.
    pub(crate) credit_delay_ns: u64,
    losses: Draws,
}

impl World for FakeWorld<'_> {
    fn now_ns(&mut self) -> u64 {
        self.now_ns += 500;
        self.now_ns
    }

    fn socket_count(&self) -> usize {
        1
    }

    fn push(&mut self, _socket: usize, to: Peer, datagram: &[u8]) -> Result<(), BenchError> {
        let source = self.fixture.directory.source(to).expect("the driver sends to shards only");
        let index = usize::from(source.authority);
        self.wire.pushed += 1;
        if self.is_lost() || self.drop_every.is_some_and(|every| self.wire.pushed.is_multiple_of(every)) {
            self.wire.dropped += 1;
        } else if self.silent.contains(&index) {
            self.wire.ignored += 1;
        } else {
            self.serve(index, source.shard, to, datagram);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BenchError> {
        for index in 0..self.authorities.len() {
            self.answer(index);
        }
        Ok(())
    }

    fn receive(&mut self, wait_ns: u64, take: &mut dyn FnMut(Peer, &[u8])) -> Result<(), BenchError> {
        // A sleep ends when something arrives.
        let arrival_ns = self.arriving.front().map_or(u64::MAX, |(due_ns, ..)| *due_ns);
        self.now_ns = self.now_ns.max(arrival_ns.min(self.now_ns + wait_ns));
        while self.arriving.front().is_some_and(|(due_ns, ..)| *due_ns <= self.now_ns) {
            let (_, peer, datagram) = self.arriving.pop_front().expect("a small world is sound");
            if !self.is_lost() {
                self.wire.delivered += 1;
                take(peer, &datagram);
            }
        }
        Ok(())
    }
}

impl FakeWorld<'_> {
    fn is_lost(&mut self) -> bool {
        self.losses.below(100) < self.loss_percent
    }

    fn serve(&mut self, index: usize, shard: u16, at: Peer, datagram: &[u8]) {
        match parse(datagram).expect("the driver sends frames only") {
            Frame::Order(order) | Frame::ChainedOrder(order) if self.shuns(order) == Some(Shun::Silence) => {}
            Frame::Order(order) | Frame::ChainedOrder(order) => {
                let reply = self.order(index, shard, order);
                self.authorities[index].leaves.push((at, shard, reply));
            }
            Frame::Certificate(view) => {
                let reply = self.certificate(index, &view);
                self.authorities[index].leaves.push((at, shard, reply));
            }
            Frame::Query(query) => self.query(index, at, query),
            _ => panic!("the driver sends requests only"),
        }
    }

    fn shuns(&self, order: &Order) -> Option<Shun> {
        self.shunned.filter(|(sender, _)| *sender == order.body.sender).map(|(_, shun)| shun)
    }

    fn order(&mut self, index: usize, shard: u16, order: &Order) -> Reply {
        let body = &order.body;
        let digest = message::order_digest(&order_message(&self.fixture.terms.network, body));
        assert_eq!(self.fixture.terms.network.shard_of(&body.sender, 2).0, shard, "sent to the right shard");
        if let Some(code) = self.refusal {
            return Reply::Rejection(digest, code);
        }
        if self.busy_count > 0 || self.shuns(order).is_some() {
            self.busy_count = self.busy_count.saturating_sub(1);
            return Reply::Rejection(digest, Reject::Busy);
        }
        self.apply_credits(index);
        let account = self.authorities[index].accounts.get(&body.sender);
        let (moved, next) = account.map_or((0, 0), |(moved, applied)| (*moved, applied.len() as u64));
        let balance = self.opening(&body.sender) + moved;
        match body.sequence.get().cmp(&next) {
            std::cmp::Ordering::Less => Reply::Rejection(digest, Reject::SequenceBehind),
            std::cmp::Ordering::Equal if balance < i128::from(body.amount.get()) => {
                Reply::Rejection(digest, Reject::InsufficientFunds)
            }
            std::cmp::Ordering::Equal => Reply::Vote(digest),
            std::cmp::Ordering::Greater => Reply::Rejection(digest, Reject::SequenceAhead),
        }
    }

    fn certificate(&mut self, index: usize, view: &CertificateView<'_>) -> Reply {
        let body: &OrderBody = &view.head.body;
        let digest = message::order_digest(&order_message(&self.fixture.terms.network, body));
        let mut voters: Vec<u8> = view.votes().map(|vote| vote.proof.authority).collect();
        voters.sort_unstable();
        voters.dedup();
        if (voters.len() as u64) < self.fixture.terms.quorum {
            return Reply::Rejection(digest, Reject::NoQuorum);
        }
        if !view.votes().all(|vote| self.is_good(&vote_leaf(&digest), vote.proof, vote.path)) {
            return Reply::Rejection(digest, Reject::BadVote);
        }
        let accounts = &mut self.authorities[index].accounts;
        let (balance, applied) = accounts.entry(body.sender).or_default();
        if applied.contains(&digest) {
            return Reply::Receipt(digest);
        }
        if body.sequence.get() != applied.len() as u64 {
            return Reply::Rejection(digest, Reject::SequenceAhead);
        }
        applied.push(digest);
        *balance -= i128::from(body.amount.get());
        let credit = (self.now_ns + self.credit_delay_ns, body.recipient, body.amount.get());
        self.authorities[index].credits.push_back(credit);
        Reply::Receipt(digest)
    }

    fn is_good(&mut self, leaf: &Hash, proof: &Proof, path: &[Hash]) -> bool {
        let terms = &self.fixture.terms;
        let root = tree::root_from_path(leaf, tree::Path { leaf_index: proof.leaf_index.get(), siblings: path })
            .expect("a path of the right shape");
        let message = terms.context.message(&root);
        let key = &terms.keys[usize::from(proof.authority)];
        self.verifier.verify(Item { key, message: &message, signature: &proof.root_signature, hint: None })
    }

    fn query(&mut self, index: usize, at: Peer, query: &Query) {
        self.apply_credits(index);
        let funding = self.opening(&query.account);
        let (moved, next) = self.authorities[index]
            .accounts
            .get(&query.account)
            .map_or((0, 0), |(moved, applied)| (*moved, applied.len()));
        let info = Info {
            header: Header { kind: Kind::Info as u8, ..query.header },
            account: query.account,
            nonce: query.nonce,
            balance: I128::new(funding + moved),
            next_sequence: U64::new(next as u64 + u64::from(self.lie == Some(Lie::NextSequence))),
            pending: [0; 32],
            last_confirmed: [0; 32],
            padding: [0; 8],
        };
        self.send(at, bytemuck::bytes_of(&info).to_vec());
    }

    /// What an account has at the start.
    fn opening(&self, address: &Address) -> i128 {
        let Fixture { accounts, workload, .. } = self.fixture;
        let account = (0..accounts.count()).find(|index| accounts.address(*index) == address);
        workload.plan.beginning(account.expect("only accounts of the run are asked for and pay")).balance
    }

    /// Credits those recipients whose credits have arrived.
    fn apply_credits(&mut self, index: usize) {
        let FakeAuthority { accounts, credits, .. } = &mut self.authorities[index];
        while let Some((_, recipient, amount)) = credits.pop_front_if(|(due_ns, ..)| *due_ns <= self.now_ns) {
            accounts.entry(recipient).or_default().0 += i128::from(amount);
        }
    }

    /// Signs the batch under way and sends its replies.
    fn answer(&mut self, index: usize) {
        let batch = std::mem::take(&mut self.authorities[index].leaves);
        for part in batch.chunks(8) {
            self.answer_part(index, part);
        }
    }

    fn answer_part(&mut self, index: usize, batch: &[(Peer, u16, Reply)]) {
        let leaves: Vec<Hash> = batch.iter().map(|(_, _, reply)| self.leaf(*reply)).collect();
        let mut tree = tree::Tree::with_capacity(leaves.len());
        let root = tree.build(&leaves);
        let signer = if self.lie == Some(Lie::Key) { (index + 1) % self.fixture.keys.len() } else { index };
        let mut root_signature = self.fixture.keys[signer].sign(&self.fixture.terms.context.message(&root));
        if self.lie == Some(Lie::Signature) {
            root_signature[7] ^= 1;
        }
        for (leaf, (at, shard, reply)) in batch.iter().enumerate() {
            let mut path = vec![[0; 32]; tree.levels()];
            tree.path(leaf, &mut path);
            let datagram = self.frame(index, *shard, *reply, leaf, root_signature, path);
            let from = if self.lie == Some(Lie::Source) { Peer::new(at.ip(), at.port() + 5) } else { *at };
            self.send(from, datagram);
        }
    }

    fn leaf(&self, reply: Reply) -> Hash {
        match reply {
            Reply::Receipt(digest) if self.lie != Some(Lie::VoteForReceipt) => receipt_leaf(&digest),
            Reply::Vote(digest) | Reply::Receipt(digest) => vote_leaf(&digest),
            Reply::Rejection(digest, code) => rejection_leaf(&digest, &Refusal::from(code)),
        }
    }

    fn frame(
        &self,
        index: usize,
        shard: u16,
        reply: Reply,
        leaf: usize,
        root_signature: [u8; 64],
        mut path: Vec<Hash>,
    ) -> Vec<u8> {
        let lie = self.lie;
        if lie == Some(Lie::LongPath) {
            path.resize(6, [1; 32]);
        }
        if lie == Some(Lie::Path) {
            path.iter_mut().for_each(|hash| hash[3] ^= 1);
        }
        let leaf_index = if lie == Some(Lie::Index) { 1 << path.len() } else { leaf };
        let authority = if lie == Some(Lie::Authority) { index + 1 } else { index };
        let proof = Proof {
            root_signature,
            leaf_index: U16::new(u16::try_from(leaf_index).expect("a small world is sound")),
            authority: u8::try_from(authority).expect("a small world is sound"),
            path_count: u8::try_from(path.len()).expect("a small world is sound"),
            padding: [0; 4],
        };
        let (kind, digest) = match reply {
            Reply::Vote(digest) if lie == Some(Lie::ReceiptForVote) => (Kind::Receipt, digest),
            Reply::Vote(digest) => (Kind::Vote, digest),
            Reply::Receipt(digest) => (Kind::Receipt, digest),
            Reply::Rejection(digest, _) => (Kind::Rejection, digest),
        };
        let network = self.fixture.terms.network.tag() ^ u64::from(lie == Some(Lie::Network));
        let shard = if lie == Some(Lie::Shard) { shard ^ 1 } else { shard };
        let mut header = Header::new(kind, shard, network);
        let mut digest = digest;
        digest[0] ^= u8::from(lie == Some(Lie::Digest));
        if lie == Some(Lie::Garbage) {
            header.magic = *b"spam";
        }
        if lie == Some(Lie::Kind) {
            let order = Order {
                header: Header { kind: Kind::Order as u8, ..header },
                ..*self.fixture.workload.orders.frame(0)
            };
            return bytemuck::bytes_of(&order).to_vec();
        }
        let mut datagram = match reply {
            Reply::Rejection(subject, code) => {
                let detail = U64::new(0);
                let head = RejectionHead {
                    header,
                    subject,
                    other: [0; 32],
                    detail,
                    code: code as u8,
                    proven: 1,
                    padding: [0; 6],
                };
                [bytemuck::bytes_of(&head), bytemuck::bytes_of(&proof)].concat()
            }
            _ => bytemuck::bytes_of(&ReplyHead { header, digest, proof }).to_vec(),
        };
        datagram.extend_from_slice(bytemuck::cast_slice(&path));
        datagram
    }

    fn send(&mut self, from: Peer, datagram: Vec<u8>) {
        let taken_ns = self.stall.map_or(self.now_ns, |stall| stall.taken_ns(self.now_ns));
        let due_ns = taken_ns + 2 * self.travel_ns;
        self.wire.sent += 1 + u64::from(self.repeats);
        if self.repeats {
            self.arriving.push_back((due_ns, from, datagram.clone()));
        }
        self.arriving.push_back((due_ns, from, datagram));
    }
}
