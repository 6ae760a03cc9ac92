//! A socket that holds every reply against the rules for all, and against a request.

use super::{Account, Authority, Content, OWN_INDEX, PATIENCE, Reply};
use crate::make::{self, Network};
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::Address;
use quittance_net::frame::{self, Frame, Hash, Header, HistoryItem, HistoryQuery, Kind, Proof, ReplyView, U64};
use quittance_verify::tree::{Path, root_from_path};
use quittance_verify::{BackendKind, Item, Verifier};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// Requests sent before their replies are read: either side's socket buffer holds so many.
pub(crate) const BURST_MAX: usize = 64;

/// One peer of one shard.
pub(crate) struct Client<'a> {
    authority: &'a Authority,
    network: &'a Network,
    shard: u16,
    socket: UdpSocket,
    verifier: Verifier,
    /// Roots with their signatures that were found good: replies of one batch share them.
    roots: BTreeSet<(Hash, [u8; 64])>,
    /// Requests without a reply as yet, in the order sent.
    due: Vec<Request>,
    request_count: usize,
}

/// A request, as its reply refers to it.
#[derive(Clone, Copy, Debug)]
struct Request {
    number: usize,
    kind: Kind,
    /// The order's digest, or the account asked for.
    subject: Hash,
    nonce: u64,
    /// For this network and this shard.
    is_at_home: bool,
    length: usize,
}

impl<'a> Client<'a> {
    pub(super) fn new(authority: &'a Authority, shard: u16) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(authority.address(shard)).unwrap();
        let verifier = Verifier::new(BackendKind::Portable, [3; 32]);
        let (roots, due) = (BTreeSet::new(), Vec::new());
        Self { authority, network: &authority.network, shard, socket, verifier, roots, due, request_count: 0 }
    }

    /// Sends one datagram. If it is a request, its reply is due.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        let (name, request) = self.read_own(datagram);
        self.authority.books.borrow_mut().count_sent(name);
        self.due.extend(request);
        assert_eq!(self.socket.send(datagram).unwrap(), datagram.len());
    }

    /// One request and its reply.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &[u8]) -> Reply {
        self.send(request);
        let [reply] = self.collect().try_into().expect("a request has one reply");
        reply
    }

    /// Requests and their replies, in the order of the requests.
    #[track_caller]
    pub(crate) fn ask_all<T: AsRef<[u8]>>(&mut self, requests: &[T]) -> Vec<Reply> {
        let mut replies = Vec::new();
        for burst in requests.chunks(BURST_MAX) {
            burst.iter().for_each(|request| self.send(request.as_ref()));
            replies.extend(self.collect());
        }
        assert_eq!(replies.len(), requests.len(), "everything sent was a request");
        replies
    }

    /// Requests that the authority meets in one burst, and their replies.
    #[track_caller]
    pub(crate) fn ask_at_once<T: AsRef<[u8]>>(&mut self, requests: &[T]) -> Vec<Reply> {
        assert!(requests.len() <= BURST_MAX);
        self.authority.at_once(|| requests.iter().for_each(|request| self.send(request.as_ref())));
        self.collect()
    }

    /// Holds if these datagrams are not answered: a query sent after each burst has its reply before anything else comes.
    #[track_caller]
    pub(crate) fn assert_silence<T: AsRef<[u8]>>(&mut self, datagrams: &[T]) {
        for burst in datagrams.chunks(BURST_MAX - 1) {
            burst.iter().for_each(|datagram| self.send(datagram.as_ref()));
            assert!(self.due.is_empty(), "no request is among them");
            self.query_any().account();
        }
    }

    /// What the authority holds of an account.
    #[track_caller]
    pub(crate) fn account(&mut self, address: &Address) -> Account {
        let query = self.query(address);
        self.ask(&query).account()
    }

    /// What the authority holds of these accounts.
    #[track_caller]
    pub(crate) fn accounts(&mut self, addresses: &[Address]) -> BTreeMap<Address, Account> {
        let queries: Vec<_> = addresses.iter().map(|address| self.query(address)).collect();
        let replies = self.ask_all(&queries);
        addresses.iter().copied().zip(replies.iter().map(Reply::account)).collect()
    }

    /// A query under a nonce of its own.
    pub(crate) fn query(&self, address: &Address) -> Vec<u8> {
        let nonce = self.authority.nonce.get();
        self.authority.nonce.set(nonce + 1);
        self.network.query(address, nonce)
    }

    /// A question about an account's history, under a nonce of its own.
    pub(crate) fn history_query(&self, address: &Address, change: impl FnOnce(&mut HistoryQuery)) -> Vec<u8> {
        let nonce = self.authority.nonce.get();
        self.authority.nonce.set(nonce + 1);
        self.network.history_query(address, nonce, change)
    }

    /// All of a chain, page by page, newest first.
    #[track_caller]
    pub(crate) fn chain(&mut self, address: &Address, what: u8) -> Vec<HistoryItem> {
        let (mut items, mut from) = (Vec::new(), 0);
        loop {
            let query = self.history_query(address, |query| (query.what, query.from) = (what, U64::new(from)));
            let (next, page) = self.ask(&query).page();
            items.extend(page);
            if next == 0 {
                return items;
            }
            from = next;
        }
    }

    /// Receives every reply that is due; in the order of their requests.
    #[track_caller]
    pub(crate) fn collect(&mut self) -> Vec<Reply> {
        let mut replies = BTreeMap::new();
        while !self.due.is_empty() {
            let (number, reply) = self.receive(PATIENCE).unwrap_or_else(|| panic!("no reply to {:?}", self.due));
            replies.insert(number, reply);
        }
        replies.into_values().collect()
    }

    /// Receives replies until none is due or nothing has come for so long. Returns how many requests went without, and
    /// forgets them.
    pub(crate) fn collect_what_comes(&mut self, patience: Duration) -> usize {
        while !self.due.is_empty() && self.receive(patience).is_some() {}
        std::mem::take(&mut self.due).len()
    }

    #[track_caller]
    fn query_any(&mut self) -> Reply {
        let account = self.authority.payers_on(self.shard)[0].address;
        let query = self.query(&account);
        self.ask(&query)
    }

    /// Under which name the authority is to count this, and whether it must answer.
    fn read_own(&mut self, datagram: &[u8]) -> (String, Option<Request>) {
        if datagram.is_empty() {
            return ("transport.empty_datagrams".to_owned(), None);
        }
        let (name, header, account, subject, nonce) = match frame::parse(datagram) {
            Ok(Frame::Order(order) | Frame::ChainedOrder(order)) => {
                ("orders", order.header, order.body.sender, self.network.digest(&order.body), 0)
            }
            Ok(Frame::Certificate(view)) => {
                let head = view.head;
                ("certificates", head.header, head.body.sender, self.network.digest(&head.body), 0)
            }
            Ok(Frame::Query(query)) => ("queries", query.header, query.account, query.account, query.nonce.get()),
            Ok(Frame::HistoryQuery(view)) => {
                let query = view.head;
                ("history_queries", query.header, query.account, query.account, query.nonce.get())
            }
            Ok(_) => return ("protocol.not_requests".to_owned(), None),
            Err(malformed) => {
                return (format!("protocol.malformed.{}", format!("{malformed:?}").to_lowercase()), None);
            }
        };
        let is_at_home = (header.shard.get(), header.network.get()) == (self.shard, self.network.id.tag())
            && self.network.shard_of(&account) == self.shard;
        let kind = Some(Kind::from_byte(header.kind).unwrap()).filter(|kind| *kind != Kind::ChainedOrder);
        let kind = kind.unwrap_or(Kind::Order);
        let (number, length) = (self.request_count, datagram.len());
        let request = Request { number, kind, subject, nonce, is_at_home, length };
        self.request_count += 1;
        (format!("protocol.{name}"), Some(request))
    }

    /// The next datagram and the number of the request that it answers; `None` if nothing comes for so long.
    #[track_caller]
    fn receive(&mut self, patience: Duration) -> Option<(usize, Reply)> {
        let mut datagram = [0; 2_048];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let length = loop {
            match self.socket.recv(&mut datagram) {
                Ok(length) => break length,
                // A child that is paused, goes on or ends is a signal to its parent.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(error) => panic!("{error}: the authority is gone"),
            }
        };
        let (name, reply) = self.read(&datagram[..length]);
        self.authority.books.borrow_mut().count_reply(name);
        let place = self.due.iter().position(|request| request.is_answered_by(&reply));
        let request = self.due.remove(place.unwrap_or_else(|| panic!("nobody asked for {reply:?}")));
        // Who can make an authority say more than was said to it can make it flood others.
        let length_max = if reply.is_proven() { request.length * 3 / 2 } else { request.length };
        assert!(length <= length_max, "{length} bytes in answer to {request:?}: {reply:?}");
        Some((request.number, reply))
    }

    /// Checks header, leaf, path, root and signature.
    #[track_caller]
    fn read(&mut self, datagram: &[u8]) -> (&'static str, Reply) {
        let frame = frame::parse(datagram).expect("authorities send frames");
        let (name, header, content, level_count) = match frame {
            Frame::Vote(view) => {
                self.check_reply(&view, &make::vote_leaf(&view.head.digest));
                let vote = Content::Vote { digest: view.head.digest, proof_bytes: view.proof_bytes.to_vec() };
                ("vote", view.head.header, vote, view.path.len())
            }
            Frame::Receipt(view) => {
                self.check_reply(&view, &make::receipt_leaf(&view.head.digest));
                ("receipt", view.head.header, Content::Receipt { digest: view.head.digest }, view.path.len())
            }
            Frame::Rejection(view) => {
                let (head, detail) = (view.head, view.head.detail.get());
                if let Some((proof, path)) = view.proof {
                    self.check_proof(proof, path, &make::rejection_leaf(head.code, detail, &head.subject, &head.other));
                }
                let code = Reject::from_code(head.code).expect("a known code");
                let refusal = Refusal { code, detail, other: head.other };
                let is_proven = view.proof.is_some();
                let content = Content::Rejection { subject: head.subject, refusal, is_proven };
                ("rejection", head.header, content, view.proof.map_or(0, |(_, path)| path.len()))
            }
            Frame::Info(info) => {
                let content =
                    Content::Info { address: info.account, nonce: info.nonce.get(), account: Account::from(info) };
                ("info", info.header, content, 0)
            }
            Frame::HistoryPage(view) => {
                let head = view.head;
                let (address, nonce, items) = (head.account, head.nonce.get(), view.items.to_vec());
                let page = Content::Page { address, nonce, from: head.from.get(), next: head.next.get(), items };
                ("page", head.header, page, 0)
            }
            Frame::Certificate(view) => {
                let leaf = make::vote_leaf(&self.network.digest(&view.head.body));
                let voters: BTreeSet<u8> = view.votes().map(|vote| vote.proof.authority).collect();
                assert!(voters.len() >= 3, "a quorum of four: {voters:?}");
                view.votes().for_each(|vote| self.check_proof_of(vote.proof.authority, vote.proof, vote.path, &leaf));
                let sender = view.head.body.sender;
                ("certificate", view.head.header, Content::Certificate { sender, frame: datagram.to_vec() }, 0)
            }
            other => panic!("an authority sends no {other:?}"),
        };
        self.check_header(&header);
        (name, Reply { content, length: datagram.len(), level_count })
    }

    fn check_header(&self, header: &Header) {
        assert_eq!((header.shard.get(), header.network.get()), (self.shard, self.network.id.tag()));
    }

    fn check_reply(&mut self, view: &ReplyView<'_>, leaf: &Hash) {
        self.check_proof(&view.head.proof, view.path, leaf);
    }

    fn check_proof(&mut self, proof: &Proof, path: &[Hash], leaf: &Hash) {
        self.check_proof_of(OWN_INDEX, proof, path, leaf);
    }

    fn check_proof_of(&mut self, authority: u8, proof: &Proof, path: &[Hash], leaf: &Hash) {
        assert_eq!(proof.authority, authority);
        assert!(path.len() <= self.network.committee.path_levels_max(), "a quorum of such votes fits a datagram");
        let root = root_from_path(leaf, Path { leaf_index: proof.leaf_index.get(), siblings: path })
            .expect("the leaf lies in the tree");
        if self.roots.insert((root, proof.root_signature)) {
            let key = self.network.secrets[usize::from(authority)].public_key();
            let message = self.network.root_message(&root);
            let item = Item { key: &key, message: &message, signature: &proof.root_signature, hint: None };
            assert!(self.verifier.verify(item), "the root's signature verifies");
        }
    }
}

impl Request {
    /// Whether this may be the reply: it names the request, and comes from where the request belongs.
    fn is_answered_by(&self, reply: &Reply) -> bool {
        let (kind, subject, is_from_home) = match &reply.content {
            Content::Vote { digest, .. } => (Some(Kind::Order), digest, true),
            Content::Receipt { digest } => (Some(Kind::Certificate), digest, true),
            Content::Rejection { subject, refusal, is_proven } => {
                let is_from_home = !matches!(refusal.code, Reject::WrongNetwork | Reject::WrongShard);
                (is_proven.then_some(Kind::Order), subject, is_from_home)
            }
            Content::Info { nonce, .. } if *nonce != self.nonce => return false,
            Content::Info { address, .. } => (Some(Kind::Query), address, true),
            Content::Page { nonce, .. } if *nonce != self.nonce => return false,
            Content::Page { address, .. } => (Some(Kind::HistoryQuery), address, true),
            Content::Certificate { sender, .. } => (Some(Kind::HistoryQuery), sender, true),
        };
        kind.is_none_or(|kind| kind == self.kind) && self.subject == *subject && self.is_at_home == is_from_home
    }
}

impl Reply {
    /// Whether it carries a proof.
    pub(crate) fn is_proven(&self) -> bool {
        match self.content {
            Content::Vote { .. } | Content::Receipt { .. } => true,
            Content::Rejection { is_proven, .. } => is_proven,
            Content::Info { .. } | Content::Page { .. } | Content::Certificate { .. } => false,
        }
    }
}
