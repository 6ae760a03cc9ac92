//! Roots whose signature was checked, each with that signature.

use quittance_verify::tree::Hash;

/// A direct-mapped table: a root takes the place of an earlier one that starts alike.
///
/// The signature is kept because knowing the root is not enough here. A reply under a known root with another signature
/// would prove its statement to us, but the certificate that repeats it would fail at authorities that do not know the
/// root: a lying server could spoil certificates that way. (An authority that checks a certificate has no such need, and
/// uses the smaller cache of `quittance-verify`.)
#[derive(Debug)]
pub struct KnownRoots {
    entries: Vec<Option<SignedRoot>>,
}

/// A root as an authority signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedRoot {
    /// Who signed.
    pub authority: u8,
    /// The root.
    pub root: Hash,
    /// The signature.
    pub signature: [u8; 64],
}

impl KnownRoots {
    /// Empty, with so many places; at least one. A place takes 98 bytes.
    pub fn with_capacity(count: usize) -> Self {
        assert!(count > 0, "a table has a place");
        Self { entries: vec![None; count] }
    }

    /// Whether exactly this was inserted and is still held.
    pub fn contains(&self, signed: &SignedRoot) -> bool {
        self.entries[self.place(&signed.root)].as_ref() == Some(signed)
    }

    /// Remembers it. Call this only after the signature was accepted.
    pub fn insert(&mut self, signed: &SignedRoot) {
        let place = self.place(&signed.root);
        self.entries[place] = Some(*signed);
    }

    fn place(&self, root: &Hash) -> usize {
        usize::from(u16::from_le_bytes([root[0], root[1]])) % self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_root_under_another_signature_or_authority_is_not_known() {
        let mut known = KnownRoots::with_capacity(4);
        let signed = SignedRoot { authority: 0, root: [7; 32], signature: [1; 64] };
        assert!(!known.contains(&signed));
        known.insert(&signed);
        assert!(known.contains(&signed));
        assert!(!known.contains(&SignedRoot { signature: [2; 64], ..signed }));
        assert!(!known.contains(&SignedRoot { authority: 1, ..signed }));
        let mut root = signed.root;
        root[31] = 8;
        assert!(!known.contains(&SignedRoot { root, ..signed }));
    }
}
