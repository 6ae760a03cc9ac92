//! The loop over all backends, and what every property asks of a verifier.

use quittance_verify::{BackendKind, Item, PublicKey, Verifier, hint};

use crate::make;

/// A key, a message, a signature and perhaps a hint, owned.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) key: PublicKey,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: [u8; 64],
    pub(crate) hint: Option<[u8; 32]>,
}

impl Signed {
    pub(crate) fn item(&self) -> Item<'_> {
        Item { key: &self.key, message: &self.message, signature: &self.signature, hint: self.hint.as_ref() }
    }

    /// The same with the right hint, where R is a point.
    pub(crate) fn hinted(&self) -> Self {
        Self { hint: hint(&self.signature), ..self.clone() }
    }
}

/// Runs a property with a verifier of every kind that this machine has. A new backend is tested by being in `ALL`.
pub(crate) fn for_every_backend(property: impl Fn(&mut Verifier)) {
    let mut run_count = 0;
    for kind in BackendKind::ALL.iter().copied().filter(|kind| kind.available()) {
        println!("backend {kind}");
        property(&mut Verifier::new(kind, [0x51; 32]));
        run_count += 1;
    }
    assert!(run_count > 0, "the property was tried on something");
}

/// The verdicts of one batch.
pub(crate) fn batch<'a>(verifier: &mut Verifier, signed: impl IntoIterator<Item = &'a Signed>) -> Vec<bool> {
    let items: Vec<_> = signed.into_iter().map(Signed::item).collect();
    let mut verdicts = vec![true; 3]; // leftovers, to be cleared
    verifier.verify_batch(&items, &mut verdicts);
    verdicts
}

/// The verdicts of [`Verifier::verify_each`].
pub(crate) fn each<'a>(verifier: &mut Verifier, signed: impl IntoIterator<Item = &'a Signed>) -> Vec<bool> {
    let items: Vec<_> = signed.into_iter().map(Signed::item).collect();
    let mut verdicts = vec![true; 3]; // leftovers, to be cleared
    verifier.verify_each(&items, &mut verdicts);
    verdicts
}

/// Asserts that all items get the expected verdicts: each alone, many each by itself, all in one batch, and each beside
/// honest mates. Items without a hint are judged with the right one as well, which must change nothing.
pub(crate) fn assert_verdicts(verifier: &mut Verifier, signed: &[Signed], expected: &[bool], what: &str) {
    assert_eq!(signed.len(), expected.len());
    for (index, (one, verdict)) in signed.iter().zip(expected).enumerate() {
        assert_eq!(verifier.verify(one.item()), *verdict, "{what}: item {index} alone: {one:02x?}");
    }
    assert_eq!(batch(verifier, signed), expected, "{what}: all in one batch");
    assert_eq!(each(verifier, signed), expected, "{what}: all, each by itself");
    let hinted = |one: &Signed| if one.hint.is_none() { one.hinted() } else { one.clone() };
    let all_hinted: Vec<_> = signed.iter().map(hinted).collect();
    assert_eq!(batch(verifier, &all_hinted), expected, "{what}: all in one batch, with hints");
    let mixed = signed.iter().zip(&all_hinted).enumerate();
    let mixed = mixed.map(|(index, (bare, hinted))| if index % 3 == 0 { bare } else { hinted });
    assert_eq!(batch(verifier, mixed.clone()), expected, "{what}: all in one batch, some with hints");
    assert_eq!(each(verifier, mixed), expected, "{what}: all, each by itself, some with hints");
    let honest = make::honest(4, 4);
    for (index, (one, verdict)) in signed.iter().zip(expected).enumerate() {
        let mates = [&honest[0], &honest[1], one, &honest[2], &honest[3]];
        assert_eq!(batch(verifier, mates), [true, true, *verdict, true, true], "{what}: item {index} among mates");
    }
}
