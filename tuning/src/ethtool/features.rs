//! Offloads, by the kernel's own names.
//!
//! Asked without the mark for compact sets, the kernel lists the bits one by one with their names. So neither a table of
//! names nor their positions, which differ from kernel to kernel, are needed here.

use super::attributes::{Attributes, Malformed};
use super::{Ethtool, numbers};
use crate::nic_control::{NicError, NicValue};

impl Ethtool {
    pub(super) fn feature(&self, nic: &str, name: &str) -> Result<NicValue, NicError> {
        let answered = self.get(nic, numbers::FEATURES_GET)?;
        let sets = Attributes::new(&answered);
        // The first set lists every feature of this kernel, with those as set that the driver lets be moved.
        let movable = bit(sets, numbers::FEATURES_MOVABLE, name)?.ok_or(NicError::NotSupported)?;
        let held = bit(sets, numbers::FEATURES_FIXED, name)? == Some(true);
        // The other sets list only what is set.
        let on = bit(sets, numbers::FEATURES_ACTIVE, name)? == Some(true);
        Ok(NicValue::Bool { on, fixed: !movable || held })
    }

    pub(super) fn set_feature(&self, nic: &str, name: &str, on: bool) -> Result<(), NicError> {
        // The kernel takes a wish about a fixed feature without a word and does nothing.
        if let NicValue::Bool { on: is_on, fixed: true } = self.feature(nic, name)? {
            return if is_on == on { Ok(()) } else { Err(NicError::Fixed) };
        }
        self.set(nic, numbers::FEATURES_SET, |attributes| {
            attributes.nest(numbers::FEATURES_WANTED, |set| {
                set.nest(numbers::BITSET_BITS, |bits| {
                    bits.nest(numbers::BITSET_BIT, |bit| {
                        bit.text(numbers::BIT_NAME, name);
                        if on {
                            bit.flag(numbers::BIT_VALUE);
                        }
                    });
                });
            });
        })
    }
}

/// Whether the bit `name` of a set is set; `None` where the set does not list it.
fn bit(sets: Attributes<'_>, set: u16, name: &str) -> Result<Option<bool>, Malformed> {
    let set = sets.nest(set)?;
    // A set without a mask (the kernel says so with a flag) lists what is set, and marks none of them.
    let lists_only_set = set.find(numbers::BITSET_NOMASK)?.is_some();
    for listed in set.nest(numbers::BITSET_BITS)?.all(numbers::BITSET_BIT) {
        let listed = Attributes::new(listed?);
        if listed.text(numbers::BIT_NAME)? == Some(name) {
            return Ok(Some(lists_only_set || listed.find(numbers::BIT_VALUE)?.is_some()));
        }
    }
    Ok(None)
}
