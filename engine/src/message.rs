//! The bytes that are signed, and the contents of reply leaves.
//!
//! Every signed message starts with 16 bytes of domain and the 32 bytes of the network id; what an authority signs goes on
//! with the epoch and the committee's digest. Domains differ, so no two kinds of message share bytes. An order's message is
//! at most 175 bytes long, so that SHA-512 over R, A and the message takes two blocks.

use crate::network::NetworkId;
use crate::reject::Refusal;
use crate::types::Digest;
use quittance_net::frame::{Kind, OrderBody};
use quittance_verify::tree;

/// First bytes of an order's signed message.
pub const DOMAIN_ORDER: &[u8; 16] = b"quittance/order1";
/// First bytes of a reply tree root's signed message.
pub const DOMAIN_ROOT: &[u8; 16] = b"quittance/root/1";

const ORDER_SIGNED_BYTES: usize = size_of::<OrderBody>() - 7;
/// An order's signed message: domain, network id, and the order's body without its padding.
pub const ORDER_MESSAGE_BYTES: usize = 16 + 32 + ORDER_SIGNED_BYTES;
/// A root's signed message: domain, network id, epoch, committee digest, root.
pub const ROOT_MESSAGE_BYTES: usize = 16 + 32 + 8 + 32 + 32;
/// The longest message that is signed.
pub const MESSAGE_BYTES_MAX: usize = ORDER_MESSAGE_BYTES;

const _: () = assert!(ORDER_MESSAGE_BYTES <= 175 && ROOT_MESSAGE_BYTES <= MESSAGE_BYTES_MAX);

/// What a sender signs.
pub fn order_message(network: &NetworkId, body: &OrderBody) -> [u8; ORDER_MESSAGE_BYTES] {
    let mut message = [0; ORDER_MESSAGE_BYTES];
    message[..16].copy_from_slice(DOMAIN_ORDER);
    message[16..48].copy_from_slice(&network.0);
    message[48..].copy_from_slice(&bytemuck::bytes_of(body)[..ORDER_SIGNED_BYTES]);
    message
}

/// The name of the order with this message: BLAKE3 of it. No signature enters, so no one can give an order a second name.
pub fn order_digest(message: &[u8; ORDER_MESSAGE_BYTES]) -> Digest {
    *blake3::hash(message).as_bytes()
}

/// Who speaks when an authority signs: the part of its messages that changes with the epoch only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootContext {
    /// The network.
    pub network: NetworkId,
    /// The committee's epoch.
    pub epoch: u64,
    /// [`Committee::digest`](crate::committee::Committee::digest).
    pub committee: [u8; 32],
}

impl RootContext {
    /// What an authority signs for a batch of replies.
    pub fn message(&self, root: &tree::Hash) -> [u8; ROOT_MESSAGE_BYTES] {
        let mut message = [0; ROOT_MESSAGE_BYTES];
        message[..16].copy_from_slice(DOMAIN_ROOT);
        message[16..48].copy_from_slice(&self.network.0);
        message[48..56].copy_from_slice(&self.epoch.to_le_bytes());
        message[56..88].copy_from_slice(&self.committee);
        message[88..].copy_from_slice(root);
        message
    }
}

/// The leaf that says: I vote for this order.
pub fn vote_leaf(digest: &Digest) -> tree::Hash {
    digest_leaf(Kind::Vote, digest)
}

/// The leaf that says: I applied the certificate of this order.
pub fn receipt_leaf(digest: &Digest) -> tree::Hash {
    digest_leaf(Kind::Receipt, digest)
}

/// The leaf that says: I refuse this order, whose signature is good.
pub fn rejection_leaf(subject: &Digest, refusal: &Refusal) -> tree::Hash {
    let mut content = [0; 74];
    content[0] = Kind::Rejection as u8;
    content[1] = refusal.code as u8;
    content[2..10].copy_from_slice(&refusal.detail.to_le_bytes());
    content[10..42].copy_from_slice(subject);
    content[42..].copy_from_slice(&refusal.other);
    tree::leaf(&content)
}

/// Kinds differ in their first byte; a rejection's content is longer than these.
fn digest_leaf(kind: Kind, digest: &Digest) -> tree::Hash {
    let mut content = [0; 33];
    content[0] = kind as u8;
    content[1..].copy_from_slice(digest);
    tree::leaf(&content)
}
