//! The server that the tests start: honest or not, by its mode.

use quittance_engine::committee::CommitteeFile;
use quittance_engine::message::{RootContext, order_digest, order_message, receipt_leaf, vote_leaf};
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Digest};
use quittance_net::frame::{Frame, Hash, Header, I128, Info, Kind, OrderBody, Proof, Query, ReplyHead, U16, parse};
use quittance_verify::SecretKey;
use std::collections::BTreeMap;
use std::net::UdpSocket;

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
    let mut buffer = [0; 2_048];
    let (mut received, mut sent) = (0_u32, 0_u32);
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).unwrap();
        received += 1;
        if mode == "lossy" && received.is_multiple_of(5) {
            continue;
        }
        for reply in authority.replies(mode, &buffer[..length]) {
            sent += 1;
            if mode != "lossy" || !sent.is_multiple_of(7) {
                socket.send_to(&reply, peer).unwrap();
            }
        }
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
            (Frame::Order(order), "lossy" | "no_receipts") => {
                let digest = self.digest(&order.body);
                let due = self.accounts[&order.body.sender].1 == order.body.sequence.get();
                due.then(|| self.signed(&order.header, Kind::Vote, digest, &vote_leaf(&digest)))
            }
            (Frame::Certificate(certificate), "lossy") => {
                let digest = self.digest(&certificate.head.body);
                self.apply(&certificate.head.body);
                Some(self.signed(&certificate.head.header, Kind::Receipt, digest, &receipt_leaf(&digest)))
            }
            (Frame::Query(query), "lossy") => Some(info(query, self.accounts[&query.account])),
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
