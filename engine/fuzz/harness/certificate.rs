//! Certificates, against a judge who shares no code with the engine: votes counted, roots hashed and signatures compared the
//! slow way, from bytes at offsets. Receipt or refusal, code and all, must be the same, and so must the accounts.

use super::common::{
    Bug, Bytes, EPOCH, FUNDS, Random, World, account, body, frames, judge, peer, planted, sign, worlds,
};
use quittance_engine::reject::Reject;
use quittance_engine::shard::Shard;
use quittance_engine::types::{Address, Amount, TimeMs};
use quittance_engine::verify_batch::VerifyBatch;
use quittance_net::frame::{self, FRAME_BYTES_MAX, Frame, Kind, OrderBody, U64};
use std::collections::BTreeMap;

/// Accounts that there are at the start; one more is unknown.
const ACCOUNT_COUNT: usize = 3;

/// Sends the certificates that an input describes to a shard, one after the other.
///
/// # Panics
/// If it judges one otherwise than the slow judge.
pub(crate) fn check(input: &[u8], bug: Option<Bug>) {
    let mut input = Bytes(input);
    let all = worlds();
    let world = &all[input.below(all.len())];
    let mut config = world.config(0, 1, planted(bug));
    config.is_durable = false;
    let mut shard = Shard::new(config);
    let mut judge = Judge { world, accounts: BTreeMap::new() };
    for number in 0..ACCOUNT_COUNT {
        shard.fund(&account(number), Amount(FUNDS)).expect("there is room");
        judge.accounts.insert(account(number), Standing { balance: FUNDS.into(), ..Standing::default() });
    }
    for number in 0..40 {
        if input.is_empty() {
            break;
        }
        let datagram = certificate(&mut input, &judge);
        let expected = judge.judge(&datagram);
        let found = ask(&mut shard, number, &datagram);
        assert_eq!(found, expected, "certificate {number}");
    }
    for (address, standing) in &judge.accounts {
        let slot = shard.account(address).expect("the judge has no other accounts");
        let found = Standing { balance: slot.balance.0, next: slot.next_sequence.0, last: slot.last_confirmed };
        assert_eq!(found, *standing);
    }
    assert_eq!(shard.accounts().count(), judge.accounts.len());
}

/// What a certificate gets: a receipt, a refusal with code and detail, or silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Receipt([u8; 32]),
    Refused(u8, u64),
    Silence,
}

fn ask(shard: &mut Shard, number: u32, datagram: &[u8]) -> Verdict {
    shard.receive(TimeMs(1), peer(number), datagram);
    let mut batch = VerifyBatch::default();
    while shard.take_batch(&mut batch) {
        judge(&mut batch);
        shard.finish_batch(TimeMs(1), &mut batch);
    }
    let replies = frames(shard);
    assert!(replies.len() <= 1 && replies.iter().all(|(to, _)| *to == peer(number)), "one answer, to who asked");
    let Some((_, reply)) = replies.first() else { return Verdict::Silence };
    match frame::parse(reply).expect("authorities send frames") {
        Frame::Receipt(view) => Verdict::Receipt(view.head.digest),
        Frame::Rejection(view) => Verdict::Refused(view.head.code, view.head.detail.get()),
        other => panic!("no answer to a certificate: {other:?}"),
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    balance: i128,
    next: u64,
    last: [u8; 32],
}

/// The slow judge.
struct Judge<'a> {
    world: &'a World,
    accounts: BTreeMap<Address, Standing>,
}

impl Judge<'_> {
    /// Judges, and applies what is to be applied.
    fn judge(&mut self, datagram: &[u8]) -> Verdict {
        if datagram.len() > FRAME_BYTES_MAX {
            return Verdict::Silence;
        }
        let number = |at: usize| u64::from_le_bytes(datagram[at..at + 8].try_into().expect("eight bytes"));
        let address = |at: usize| -> Address { datagram[at..at + 32].try_into().expect("32 bytes") };
        let (sender, recipient) = (address(16), address(48));
        let (amount, sequence, is_redemption) = (number(112), number(120), datagram[136] == 1);
        let digest =
            *blake3::hash(&[b"quittance/order1", &self.world.network.0[..], &datagram[16..137]].concat()).as_bytes();
        let standing = self.accounts.get(&sender).copied();
        let next = standing.map_or(0, |standing| standing.next);
        let refusals = [
            (number(8) != self.world.network.tag(), Reject::WrongNetwork, 0),
            (datagram[6..8] != [0, 0], Reject::WrongShard, 0),
            (amount == 0, Reject::ZeroAmount, 0),
            (amount >= 1 << 63, Reject::AmountTooLarge, 0),
            (sequence == u64::MAX, Reject::SequenceExhausted, 0),
            (sequence.saturating_sub(next) > 64, Reject::SequenceAhead, next),
            (number(144) != EPOCH, Reject::WrongEpoch, EPOCH),
        ];
        if let Some((_, code, detail)) = refusals.iter().find(|(is_refused, ..)| *is_refused) {
            return Verdict::Refused(*code as u8, *detail);
        }
        let is_repeated = standing.is_some_and(|standing| standing.last == digest);
        if is_repeated && datagram.len() >= 120 + 32 * self.world.committee.path_levels_max() {
            return Verdict::Receipt(digest);
        }
        if let Some(refused) = self.judge_votes(&datagram[160..], datagram[152], &digest) {
            return refused;
        }
        if sequence > next {
            return Verdict::Refused(Reject::SequenceAhead as u8, next);
        }
        if sequence < next {
            let is_other = sequence + 1 == next && !is_repeated;
            return if is_other { Verdict::Refused(Reject::Conflict as u8, 0) } else { Verdict::Receipt(digest) };
        }
        let payer = self.accounts.entry(sender).or_default();
        (payer.balance, payer.next, payer.last) = (payer.balance - i128::from(amount), next + 1, digest);
        if !is_redemption {
            self.accounts.entry(recipient).or_default().balance += i128::from(amount);
        }
        Verdict::Receipt(digest)
    }

    /// What is wrong with the votes.
    fn judge_votes(&self, mut votes: &[u8], count: u8, digest: &[u8; 32]) -> Option<Verdict> {
        let members = self.world.committee.members();
        let (mut seen, mut weight, mut is_path_bad, mut is_bad) = (Vec::new(), 0_u128, None, None);
        for _ in 0..count {
            let (authority, levels) = (votes[66], usize::from(votes[67]));
            let Some(member) = members.get(usize::from(authority)) else {
                return Some(Verdict::Refused(Reject::UnknownVoter as u8, authority.into()));
            };
            if seen.contains(&authority) {
                return Some(Verdict::Refused(Reject::RepeatedVoter as u8, authority.into()));
            }
            seen.push(authority);
            weight += u128::from(member.weight);
            let index = u16::from_le_bytes([votes[64], votes[65]]);
            if usize::from(index) >= 1 << levels {
                is_path_bad.get_or_insert(authority);
            }
            let root = root(digest, usize::from(index), &votes[72..72 + 32 * levels]);
            let epoch = EPOCH.to_le_bytes();
            let committee = self.world.committee.digest();
            let message = [b"quittance/root/1", &self.world.network.0[..], &epoch, &committee, &root].concat();
            if sign(member.key.as_bytes(), &message)[..] != votes[..64] {
                is_bad.get_or_insert(authority);
            }
            votes = &votes[72 + 32 * levels..];
        }
        let total: u128 = members.iter().map(|member| u128::from(member.weight)).sum();
        // More than two thirds: what is left over is less than a third.
        let code = if weight * 3 <= total * 2 {
            let weight = u64::try_from(weight).expect("a committee's weight");
            return Some(Verdict::Refused(Reject::NoQuorum as u8, weight));
        } else if let Some(authority) = is_path_bad {
            (Reject::BadPath, authority)
        } else {
            (Reject::BadVote, is_bad?)
        };
        Some(Verdict::Refused(code.0 as u8, code.1.into()))
    }
}

/// Where a vote's path leads, one hash after the other.
fn root(digest: &[u8; 32], index: usize, path: &[u8]) -> [u8; 32] {
    let leaf_key = blake3::derive_key("quittance v1 reply tree leaf", &[]);
    let node_key = blake3::derive_key("quittance v1 reply tree node", &[]);
    let mut hash = *blake3::keyed_hash(&leaf_key, &[&[0x81], &digest[..]].concat()).as_bytes();
    for (level, sibling) in path.chunks(32).enumerate() {
        let is_right = index / (1 << level) % 2 == 1;
        let pair = if is_right { [sibling, &hash[..]].concat() } else { [&hash[..], sibling].concat() };
        hash = *blake3::keyed_hash(&node_key, &pair).as_bytes();
    }
    hash
}

/// A certificate as the input has it: mostly almost right.
fn certificate(input: &mut Bytes<'_>, judge: &Judge<'_>) -> Vec<u8> {
    let world = judge.world;
    let (from, to) = (account(input.below(ACCOUNT_COUNT + 1)), account(input.below(ACCOUNT_COUNT + 2)));
    let next = judge.accounts.get(&from).map_or(0, |standing| standing.next);
    let sequence = match input.byte() {
        0..200 => next,
        200..230 => next.saturating_sub(1),
        230..240 => next + 1,
        byte => next.wrapping_sub(u64::from(byte) % 4).wrapping_add(63),
    };
    let mut body =
        body(from, to, [1, 2, 700, 0, 1 << 63, u64::MAX][[0, 0, 0, 1, 1, 2, 3, 4, 5][input.below(9)]], sequence);
    body.recipient_kind = u8::from(input.below(5) == 4);
    let oddity = input.byte();
    let (mut datagram, mut count) = (Vec::new(), 0);
    let vote_count = 1 + input.below(8);
    for _ in 0..vote_count {
        datagram.extend(vote(input, world, &body, count));
        count += 1;
    }
    let mut head = [
        bytemuck::bytes_of(&world.header(Kind::Certificate, u16::from(oddity == 255))),
        bytemuck::bytes_of(&body),
        &(EPOCH + u64::from(oddity == 254)).to_le_bytes(),
        &[count, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    if oddity == 253 {
        head[9] ^= 1;
    }
    head.extend(datagram);
    head
}

fn vote(input: &mut Bytes<'_>, world: &World, body: &OrderBody, place: u8) -> Vec<u8> {
    let byte = input.byte();
    let members = world.committee.members().len();
    let authority = if byte < 200 { usize::from(place) % members } else { usize::from(byte) % (members + 2) };
    let shape = input.byte();
    let (levels, index) = (usize::from(shape % 4), usize::from(shape / 4 % 16));
    let index = if shape < 240 { index % (1 << levels) } else { index };
    let path = [shape; 96][..32 * levels].to_vec();
    let fault = input.byte();
    let mut signed = *body;
    if fault == 255 {
        signed.amount = U64::new(body.amount.get() ^ 1);
    }
    let root = root(&world.digest(&signed), index, &path);
    let message =
        [b"quittance/root/1", &world.network.0[..], &EPOCH.to_le_bytes(), &world.committee.digest(), &root].concat();
    let signer = world.member(if fault == 254 { 0 } else { authority % members });
    let mut signature = sign(&signer, &message);
    if fault == 253 {
        // Another signature of a root that may be known.
        signature[63] ^= 1;
    }
    let index = u16::try_from(index).expect("below 16").to_le_bytes();
    let (authority, levels) = (u8::try_from(authority).expect("few"), u8::try_from(levels).expect("below 4"));
    [&signature[..], &index, &[authority, levels, 0, 0, 0, 0], &path].concat()
}

/// Good certificates, and ones with a single fault each.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let good = |votes: u8| {
        let mut certificate = vec![0, 1, 0, 0, 0, 0, votes - 1];
        certificate.extend((0..votes).flat_map(|vote| [0, vote, 0]));
        certificate
    };
    let mut seeds = vec![];
    for (world, quorum) in [(0, 3), (1, 3), (2, 5)] {
        seeds.push([&[world][..], &good(quorum), &good(quorum), &good(quorum - 1)].concat());
    }
    for (at, value) in [(2, 210), (2, 235), (2, 255), (3, 3), (3, 7), (4, 4), (5, 255), (5, 254), (5, 253), (7, 205)] {
        let mut odd = good(3);
        odd[at] = value;
        seeds.push([&[0][..], &good(3), &odd, &odd].concat());
    }
    for (at, value) in [(9, 255), (9, 254), (9, 253), (8, 252), (15, 253)] {
        let mut odd = good(3);
        odd[at] = value;
        seeds.push([&[0][..], &odd, &good(3), &odd].concat());
    }
    seeds
}

/// A seed with changes, or a few certificates by chance.
pub(crate) fn random(random: &mut Random) -> Vec<u8> {
    let seeds = super::cached_seeds(super::CERTIFICATE);
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(4) {
        input.extend_from_slice(&seeds[random.below(seeds.len())][1..]);
    }
    random.mutate(&mut input);
    input
}
