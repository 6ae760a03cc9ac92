use super::*;
use crate::fake::Fixture;
use quittance_net::frame::{Kind, Proof, ReplyHead, U16};
use quittance_verify::SecretKey;

/// Expects everything of every payment.
struct Open<'a>(&'a Fixture);

impl Expectations for Open<'_> {
    fn expect(&self, digest: &Digest, _: u8, _: Statement) -> Result<u32, Unexpected> {
        self.0.workload.payment(digest).ok_or(Unexpected::Faulty(Fault::Digest))
    }
}

fn key() -> SecretKey {
    SecretKey::from_seed(&crate::random::key_seed(4, crate::random::Purpose::Authority, 0))
}

/// A vote for payment 0, alone in its tree.
fn vote(fixture: &Fixture) -> ReplyHead {
    let digest = *fixture.workload.orders.digest(0);
    let shard = fixture.workload.orders.frame(0).header.shard.get();
    let message = fixture.terms.context.message(&vote_leaf(&digest));
    let root_signature = key().sign(&message);
    let proof = Proof { root_signature, leaf_index: U16::new(0), authority: 0, path_count: 0, padding: [0; 4] };
    ReplyHead { header: Header::new(Kind::Vote, shard, fixture.terms.network.tag()), digest, proof }
}

fn take(replies: &mut Replies<'_>, fixture: &Fixture, head: &ReplyHead) -> usize {
    let peer = fixture.directory.address(0, head.header.shard.get());
    replies.take(peer, bytemuck::bytes_of(head), &Open(fixture));
    replies.verify();
    let count = replies.claims().len();
    replies.clear();
    count
}

#[test]
fn a_good_vote_is_a_claim_with_the_bytes_that_a_certificate_repeats() {
    let fixture = Fixture::new(4, false, 4, 4);
    let mut replies = Replies::new(&fixture.terms, &fixture.directory, [0; 32]);
    let head = vote(&fixture);
    let peer = fixture.directory.address(0, head.header.shard.get());
    replies.take(peer, bytemuck::bytes_of(&head), &Open(&fixture));
    replies.verify();
    let claim = &replies.claims()[0];
    assert_eq!((claim.payment, claim.authority, claim.statement), (0, 0, Statement::Vote));
    assert_eq!(claim.vote(), bytemuck::bytes_of(&head.proof));
}

/// The root is known by then, but a certificate with this signature would fail elsewhere.
#[test]
fn a_known_root_under_another_signature_is_checked_again_and_refused() {
    let fixture = Fixture::new(4, false, 4, 4);
    let mut replies = Replies::new(&fixture.terms, &fixture.directory, [0; 32]);
    let good = vote(&fixture);
    assert_eq!(take(&mut replies, &fixture, &good), 1);
    let mut forged = good;
    forged.proof.root_signature[40] ^= 1;
    assert_eq!(take(&mut replies, &fixture, &forged), 0);
    assert_eq!(replies.counters().faults[Fault::Signature as usize], 1);
    assert_eq!(take(&mut replies, &fixture, &good), 1);
}

#[test]
fn a_forged_reply_does_not_spoil_the_good_ones_of_its_turn() {
    let fixture = Fixture::new(4, false, 4, 4);
    let mut replies = Replies::new(&fixture.terms, &fixture.directory, [0; 32]);
    let good = vote(&fixture);
    let mut forged = good;
    forged.proof.root_signature[3] ^= 1;
    let peer = fixture.directory.address(0, good.header.shard.get());
    for head in [&forged, &good, &forged] {
        replies.take(peer, bytemuck::bytes_of(head), &Open(&fixture));
    }
    replies.verify();
    assert_eq!(replies.claims().len(), 1);
    assert_eq!(replies.counters().faults[Fault::Signature as usize], 2);
}

#[test]
fn a_signature_for_another_network_epoch_or_committee_proves_nothing() {
    let fixture = Fixture::new(4, false, 4, 4);
    let root = vote_leaf(fixture.workload.orders.digest(0));
    let context = fixture.terms.context;
    let mut network = context;
    network.network.0[9] ^= 1;
    let mut epoch = context;
    epoch.epoch += 1;
    let mut committee = context;
    committee.committee[0] ^= 1;
    for foreign in [network, epoch, committee] {
        let mut replies = Replies::new(&fixture.terms, &fixture.directory, [0; 32]);
        let mut head = vote(&fixture);
        head.proof.root_signature = key().sign(&foreign.message(&root));
        assert_eq!(take(&mut replies, &fixture, &head), 0, "{foreign:?}");
    }
}

#[test]
fn replies_beyond_one_turns_room_are_counted_and_not_kept() {
    let fixture = Fixture::new(4, false, 4, 4);
    let mut replies = Replies::new(&fixture.terms, &fixture.directory, [0; 32]);
    let head = vote(&fixture);
    let peer = fixture.directory.address(0, head.header.shard.get());
    for _ in 0..REPLY_COUNT_MAX + 5 {
        replies.take(peer, bytemuck::bytes_of(&head), &Open(&fixture));
    }
    assert_eq!(replies.counters().overrun, 5);
    replies.verify();
    assert_eq!(replies.claims().len(), REPLY_COUNT_MAX);
}
