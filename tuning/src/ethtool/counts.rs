//! Settings that are one number: channels, rings, coalescing.

use rustix::io::Errno;

use super::attributes::Attributes;
use super::{Ethtool, numbers};
use crate::nic_control::{NicError, NicSetting, NicValue};

/// Where a number stands.
struct Place {
    get: u8,
    set: u8,
    current: u16,
    max: Option<u16>,
}

impl Ethtool {
    pub(super) fn count(&self, nic: &str, setting: NicSetting) -> Result<NicValue, NicError> {
        let place = place(setting)?;
        let answered = self.get(nic, place.get)?;
        let attributes = Attributes::new(&answered);
        if is_switch(setting) {
            let on = attributes.u8(place.current)?.ok_or(NicError::NotSupported)? != 0;
            return Ok(NicValue::Bool { on, fixed: false });
        }
        // What the driver does not have is left out, or has 0 as its most.
        let current = attributes.u32(place.current)?.ok_or(NicError::NotSupported)?;
        let max = place.max.map(|kind| attributes.u32(kind)).transpose()?.flatten();
        if max == Some(0) { Err(NicError::NotSupported) } else { Ok(NicValue::Number { current, max }) }
    }

    pub(super) fn set_count(&self, nic: &str, setting: NicSetting, value: &NicValue) -> Result<(), NicError> {
        let place = place(setting)?;
        match value {
            NicValue::Number { current, .. } if !is_switch(setting) => {
                self.set(nic, place.set, |attributes| attributes.u32(place.current, *current))
            }
            NicValue::Bool { on, .. } if is_switch(setting) => {
                self.set(nic, place.set, |attributes| attributes.u8(place.current, u8::from(*on)))
            }
            _ => Err(NicError::Io(Errno::INVAL)),
        }
    }
}

fn is_switch(setting: NicSetting) -> bool {
    setting == NicSetting::CoalesceAdaptiveRx
}

fn place(setting: NicSetting) -> Result<Place, NicError> {
    let channels =
        |current, max| Place { get: numbers::CHANNELS_GET, set: numbers::CHANNELS_SET, current, max: Some(max) };
    let ring = |current, max| Place { get: numbers::RINGS_GET, set: numbers::RINGS_SET, current, max: Some(max) };
    let coalesce = |current| Place { get: numbers::COALESCE_GET, set: numbers::COALESCE_SET, current, max: None };
    Ok(match setting {
        NicSetting::ChannelsCombined => channels(numbers::CHANNELS_COMBINED, numbers::CHANNELS_COMBINED_MAX),
        NicSetting::ChannelsRx => channels(numbers::CHANNELS_RX, numbers::CHANNELS_RX_MAX),
        NicSetting::ChannelsTx => channels(numbers::CHANNELS_TX, numbers::CHANNELS_TX_MAX),
        NicSetting::RingRx => ring(numbers::RINGS_RX, numbers::RINGS_RX_MAX),
        NicSetting::RingTx => ring(numbers::RINGS_TX, numbers::RINGS_TX_MAX),
        NicSetting::CoalesceAdaptiveRx => coalesce(numbers::COALESCE_ADAPTIVE_RX),
        NicSetting::CoalesceRxUsecs => coalesce(numbers::COALESCE_RX_USECS),
        NicSetting::CoalesceTxUsecs => coalesce(numbers::COALESCE_TX_USECS),
        // No number: the value's kind does not fit the setting.
        NicSetting::Feature(_) | NicSetting::RssHashUdp4 | NicSetting::RssTable => {
            return Err(NicError::Io(Errno::INVAL));
        }
    })
}
