//! Memory that a device can read and write as it is: whole pages, each at an address that is a multiple of its length.

use bytemuck::{Pod, Zeroable};
use quittance_engine::journal::PAGE_BYTES;

/// A page. [`bytemuck::cast_slice`] makes bytes of several, and the other way round.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(4096))]
pub(crate) struct Page([u8; PAGE_BYTES]);

const _: () = assert!(align_of::<Page>() == PAGE_BYTES && size_of::<Page>() == PAGE_BYTES);

impl Page {
    /// All zeros.
    pub(crate) const fn zero() -> Self {
        Self([0; PAGE_BYTES])
    }
}

/// As many pages as hold so many bytes, all zeros.
pub(crate) fn pages_of(bytes: usize) -> Vec<Page> {
    vec![Page::zero(); bytes.div_ceil(PAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_aligned_and_cover_what_was_asked_for() {
        for (bytes, count) in [(0, 0), (1, 1), (PAGE_BYTES, 1), (PAGE_BYTES + 1, 2), (1 << 20, 256)] {
            let pages = pages_of(bytes);
            let memory: &[u8] = bytemuck::cast_slice(&pages);
            assert_eq!(memory.len(), count * PAGE_BYTES);
            assert!(memory.as_ptr().addr().is_multiple_of(PAGE_BYTES));
            assert!(memory.iter().all(|byte| *byte == 0));
        }
    }
}
