//! History: questions of any length, and pages of items.

use super::layout::{Checked, check};
use super::{
    FRAME_BYTES_MAX, HISTORY_ITEM_BYTES, HISTORY_PAGE_BYTES, HistoryItem, HistoryPage, HistoryQuery, Malformed, head,
};

/// A history query, read in place.
#[derive(Clone, Copy, Debug)]
pub struct HistoryQueryView<'a> {
    /// What is asked.
    pub head: &'a HistoryQuery,
    /// The whole frame's length, its zeros included: bytes. No answer is longer.
    pub byte_count: usize,
}

/// A history page, read in place.
#[derive(Clone, Copy, Debug)]
pub struct HistoryPageView<'a> {
    /// The fixed part.
    pub head: &'a HistoryPage,
    /// Payments, newest first.
    pub items: &'a [HistoryItem],
}

/// A page's length.
pub const fn page_bytes(item_count: usize) -> usize {
    HISTORY_PAGE_BYTES + item_count * HISTORY_ITEM_BYTES
}

/// Writes a page and returns its length, or `None` if `out` is too short; then what `out` holds is of no use. `head.count`
/// must be the number of items (asserted).
pub fn encode_page(head: &HistoryPage, items: &[HistoryItem], out: &mut [u8]) -> Option<usize> {
    assert_eq!(usize::from(head.count), items.len());
    let out = out.get_mut(..page_bytes(items.len()))?;
    let (out_head, out_items) = out.split_at_mut(HISTORY_PAGE_BYTES);
    out_head.copy_from_slice(bytemuck::bytes_of(head));
    out_items.copy_from_slice(bytemuck::cast_slice(items));
    Some(page_bytes(items.len()))
}

pub(super) fn parse_query(datagram: &[u8]) -> Result<HistoryQueryView<'_>, Malformed> {
    if datagram.len() > FRAME_BYTES_MAX {
        return Err(Malformed::Length);
    }
    let (query, zeros) = datagram.split_at_checked(size_of::<HistoryQuery>()).ok_or(Malformed::Length)?;
    let query: &HistoryQuery = bytemuck::from_bytes(query);
    if !query.is_padding_zero() || zeros.iter().any(|byte| *byte != 0) {
        return Err(Malformed::Padding);
    }
    Ok(HistoryQueryView { head: check(query)?, byte_count: datagram.len() })
}

pub(super) fn parse_page(datagram: &[u8]) -> Result<HistoryPageView<'_>, Malformed> {
    if datagram.len() > FRAME_BYTES_MAX {
        return Err(Malformed::Length);
    }
    let (page, items) = head::<HistoryPage>(datagram)?;
    if items.len() != usize::from(page.count) * HISTORY_ITEM_BYTES {
        return Err(Malformed::Length);
    }
    let items: &[HistoryItem] = bytemuck::cast_slice(items);
    items.iter().try_for_each(|item| check(item).map(drop))?;
    Ok(HistoryPageView { head: page, items })
}
