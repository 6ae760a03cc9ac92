//! Signatures made in batches are, octet for octet, those of ed25519-dalek.

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::backend::ifma::tests::Numbers;

fn key(numbers: &mut Numbers) -> (SigningKey, Option<BatchSigner>) {
    let signing = SigningKey::from_bytes(&numbers.octets());
    let signer = BatchSigner::new(signing.as_bytes(), &signing.verifying_key().to_bytes());
    (signing, signer)
}

fn text(length: usize, numbers: &mut Numbers) -> Vec<u8> {
    (0..length).map(|_| numbers.octets()[0]).collect()
}

fn assert_signed(numbers: &mut Numbers, messages: &[Vec<u8>]) {
    let (signing, Some(signer)) = key(numbers) else {
        println!("skipped: this machine has no AVX-512 IFMA");
        return;
    };
    let borrowed: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut signatures = vec![[0xaa; 64]; messages.len()];
    signer.sign_all(&borrowed, &mut signatures);
    for (message, signature) in messages.iter().zip(&signatures) {
        assert_eq!(*signature, signing.sign(message).to_bytes(), "{} octets", message.len());
    }
}

#[test]
fn messages_of_every_length_are_signed_as_by_dalek() {
    let mut numbers = Numbers(41);
    let messages: Vec<_> = (0..=300).map(|length| text(length, &mut numbers)).collect();
    assert_signed(&mut numbers, &messages);
    // Once more with neighbours of other lengths.
    let mixed: Vec<_> = (0..=300).map(|index| messages[index * 77 % 301].clone()).collect();
    assert_signed(&mut numbers, &mixed);
}

#[test]
fn batches_of_every_size_are_signed_whole() {
    let mut numbers = Numbers(43);
    for count in (0..=33).chain([GROUP_MESSAGES_MAX - 1, GROUP_MESSAGES_MAX, GROUP_MESSAGES_MAX + 1, 300]) {
        let messages: Vec<_> = (0..count).map(|index| text(40 + index % 200, &mut numbers)).collect();
        assert_signed(&mut numbers, &messages);
    }
}

#[test]
fn many_keys_sign_as_by_dalek() {
    let mut numbers = Numbers(47);
    for _ in 0..100 {
        let messages: Vec<_> = (0..9).map(|index| text(17 * index, &mut numbers)).collect();
        assert_signed(&mut numbers, &messages);
    }
}
