//! The server that the tests start: honest or not, by its mode.
//!
//! In the modes that are about accounting it counts as an authority counts, and prints that when it is stopped.

use quittance_engine::committee::CommitteeFile;
use quittance_engine::message::{RootContext, order_digest, order_message, receipt_leaf, rejection_leaf, vote_leaf};
use quittance_engine::network::NetworkId;
use quittance_engine::reject::{Refusal, Reject};
use quittance_engine::types::{Address, Digest};
use quittance_net::frame::{
    Frame, Hash, Header, I128, Info, Kind, OrderBody, Proof, Query, RejectionHead, ReplyHead, U16, U64, parse,
};
use quittance_verify::SecretKey;
use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Reads the files named in the environment, says that it is ready, and answers in the way of `mode` until it is killed.
pub(crate) fn serve(mode: &str) {
    if mode == "stillborn" {
        std::process::exit(9);
    }
    let mut authority = Authority::read();
    let port: u16 = field("HOSTILE_FILE", "port").parse().unwrap();
    let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    println!("{{\"event\":\"ready\",\"mode\":\"hostile\",\"transport\":\"none\",\"backend\":\"none\"}}");
    std::fs::write(std::env::var_os("HOSTILE_ID").unwrap(), std::process::id().to_string()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop)).unwrap();
    // A turn may be late by this much, and no datagram is lost by it.
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut buffer = [0; 2_048];
    let mut counts = Counts::default();
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        counts.received += 1;
        if mode == "lossy" && counts.received.is_multiple_of(5) {
            continue;
        }
        if mode == "hundredth" && counts.received.is_multiple_of(100) {
            counts.dropped += 1;
            continue;
        }
        if mode == "forgetful" && counts.received == 100 {
            continue;
        }
        let replies = authority.replies(mode, &buffer[..length]);
        counts.dropped += u64::from(replies.is_empty());
        for reply in replies {
            counts.made += 1;
            if mode != "lossy" || !counts.made.is_multiple_of(7) {
                counts.sent += 1;
                socket.send_to(&reply, peer).unwrap();
            }
        }
    }
    if ["silent", "errors", "twice", "hundredth", "forgetful"].contains(&mode) {
        println!("{}", counts.as_an_authority_tells_them());
    }
}

/// What an authority counts.
#[derive(Default)]
struct Counts {
    received: u64,
    /// Requests without an answer.
    dropped: u64,
    /// Replies made, whether they were sent or not.
    made: u64,
    sent: u64,
}

impl Counts {
    fn as_an_authority_tells_them(&self) -> serde_json::Value {
        let Self { received, dropped, sent, .. } = self;
        let protocol = serde_json::json!({
            "orders": 0, "certificates": 0, "queries": 0, "history_queries": 0, "not_requests": 0, "malformed": {},
            "orders_held_repeated": 0, "replies_dropped": dropped, "rejects": {}
        });
        let transport = serde_json::json!({
            "datagrams_received": received, "empty_datagrams": 0, "datagrams_truncated": 0, "packets_unreadable": 0,
            "datagrams_dropped_by_kernel": 0, "datagrams_sent": sent, "datagrams_unsent": 0
        });
        let shard = serde_json::json!({ "protocol": protocol, "transport": transport, "unanswered": 0 });
        serde_json::json!({ "event": "counters", "shards": [shard] })
    }
}

/// A file that the bench wrote, by the variable that names it.
fn file(variable: &str) -> Vec<u8> {
    std::fs::read(std::env::var_os(variable).unwrap()).unwrap()
}

/// A field of a TOML file of plain fields.
fn field(variable: &str, name: &str) -> String {
    let text = String::from_utf8(file(variable)).unwrap();
    let start = format!("{name} = ");
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().trim_matches('"').to_owned()
}

/// Authority 0 with the little that these tests need: no order's signature and no certificate's vote is checked.
struct Authority {
    key: SecretKey,
    context: RootContext,
    /// Balance and next sequence number.
    accounts: BTreeMap<Address, (i128, u64)>,
}

impl Authority {
    fn read() -> Self {
        let mut seed = [0; 32];
        hex::decode_to_slice(field("HOSTILE_FILE", "secret"), &mut seed).unwrap();
        let text = String::from_utf8(file("HOSTILE_COMMITTEE")).unwrap();
        let committee = CommitteeFile::parse(&text).unwrap().committee().unwrap();
        let genesis = file("HOSTILE_GENESIS");
        let mut accounts = BTreeMap::new();
        quittance_engine::genesis::read(&genesis, |_, address, amount| {
            accounts.insert(address, (i128::from(amount.0), 0));
            Ok::<(), quittance_engine::genesis::GenesisError>(())
        })
        .unwrap();
        let network = NetworkId::of_genesis(&genesis);
        let context = RootContext { network, epoch: committee.epoch(), committee: committee.digest() };
        Self { key: SecretKey::from_seed(&seed), context, accounts }
    }

    fn replies(&mut self, mode: &str, request: &[u8]) -> Vec<Vec<u8>> {
        match mode {
            "silent" => Vec::new(),
            "dying" => std::process::exit(9),
            // No frame, a frame cut short, and the request itself.
            "garbage" => vec![b"spam spam spam spam".to_vec(), request[..20].to_vec(), request.to_vec()],
            "twice" => self.reply("honest", request).into_iter().flat_map(|reply| [reply.clone(), reply]).collect(),
            "hundredth" | "forgetful" => self.reply("honest", request).into_iter().collect(),
            _ => self.reply(mode, request).into_iter().collect(),
        }
    }

    fn reply(&mut self, mode: &str, request: &[u8]) -> Option<Vec<u8>> {
        match (parse(request).unwrap(), mode) {
            (Frame::Order(order), "forged") => {
                // The sender's signature: canonical, of the right length, and by another key over other bytes.
                let digest = self.digest(&order.body);
                Some(self.head(&order.header, Kind::Vote, digest, order.signature))
            }
            (Frame::Order(order), "errors") => {
                let digest = self.digest(&order.body);
                Some(self.rejection(&order.header, digest, Reject::Expired))
            }
            (Frame::Order(order), "lossy" | "honest" | "no_receipts") => {
                let digest = self.digest(&order.body);
                let due = self.accounts[&order.body.sender].1 == order.body.sequence.get();
                due.then(|| self.signed(&order.header, Kind::Vote, digest, &vote_leaf(&digest)))
            }
            (Frame::Certificate(certificate), "lossy" | "honest") => {
                let digest = self.digest(&certificate.head.body);
                self.apply(&certificate.head.body);
                Some(self.signed(&certificate.head.header, Kind::Receipt, digest, &receipt_leaf(&digest)))
            }
            (Frame::Query(query), "lossy" | "honest" | "errors") => Some(info(query, self.accounts[&query.account])),
            (Frame::Query(query), "rich") => Some(info(query, (1_000_000, 0))),
            _ => None,
        }
    }

    fn digest(&self, body: &OrderBody) -> Digest {
        order_digest(&order_message(&self.context.network, body))
    }

    /// Once: a repeated certificate has a used sequence number.
    fn apply(&mut self, body: &OrderBody) {
        let amount = i128::from(body.amount.get());
        let sender = self.accounts.get_mut(&body.sender).unwrap();
        if sender.1 == body.sequence.get() {
            *sender = (sender.0 - amount, sender.1 + 1);
            self.accounts.get_mut(&body.recipient).unwrap().0 += amount;
        }
    }

    fn signed(&self, request: &Header, kind: Kind, digest: Digest, leaf: &Hash) -> Vec<u8> {
        self.head(request, kind, digest, self.key.sign(&self.context.message(leaf)))
    }

    /// A proven refusal that is alone in its tree.
    fn rejection(&self, request: &Header, subject: Digest, code: Reject) -> Vec<u8> {
        let root_signature = self.key.sign(&self.context.message(&rejection_leaf(&subject, &Refusal::from(code))));
        let header = Header { kind: Kind::Rejection as u8, ..*request };
        let detail = U64::new(0);
        let head =
            RejectionHead { header, subject, other: [0; 32], detail, code: code as u8, proven: 1, padding: [0; 6] };
        let proof = Proof { root_signature, leaf_index: U16::new(0), authority: 0, path_count: 0, padding: [0; 4] };
        [bytemuck::bytes_of(&head), bytemuck::bytes_of(&proof)].concat()
    }

    /// A reply that is alone in its tree.
    fn head(&self, request: &Header, kind: Kind, digest: Digest, root_signature: [u8; 64]) -> Vec<u8> {
        let proof = Proof { root_signature, leaf_index: U16::new(0), authority: 0, path_count: 0, padding: [0; 4] };
        let header = Header { kind: kind as u8, ..*request };
        bytemuck::bytes_of(&ReplyHead { header, digest, proof }).to_vec()
    }
}

fn info(query: &Query, (balance, next_sequence): (i128, u64)) -> Vec<u8> {
    let info = Info {
        header: Header { kind: Kind::Info as u8, ..query.header },
        account: query.account,
        nonce: query.nonce,
        balance: I128::new(balance),
        next_sequence: next_sequence.into(),
        pending: [0; 32],
        last_confirmed: [0; 32],
        padding: [0; 8],
    };
    bytemuck::bytes_of(&info).to_vec()
}
