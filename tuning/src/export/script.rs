//! A shell script.

use crate::controls::Place;
use crate::knob::{Knob, State};
use crate::nic_control::NicSetting;

const HEAD: &str = "#!/bin/sh
# Sets what quittance-tune would set on the machine that this was made for. It keeps no journal: there is nothing to roll
# back with. A value that is refused is told, and the rest goes on; the exit code is 1 then.
set -u
failed=0
put() {
    printf '%s\\n' \"$1\" > \"$2\" || { printf 'refused: %s in %s\\n' \"$1\" \"$2\" >&2; failed=1; }
}
run() {
    \"$@\" || { printf 'refused: %s\\n' \"$*\" >&2; failed=1; }
}
";

pub(super) fn script(knobs: &[Knob]) -> String {
    let settled = knobs.iter().filter(|knob| matches!(knob.state, State::Ok | State::Drift));
    let lines: String = settled.filter_map(line).collect();
    format!("{HEAD}{lines}exit $failed\n")
}

/// What sets the wanted value, also where it is there now; `None` where nothing is wanted.
fn line(knob: &Knob) -> Option<String> {
    let wanted = knob.wanted.as_deref()?;
    match knob.place.as_ref()? {
        Place::File(path) => Some(format!("put '{}' '/{path}'\n", knob.notation().encode(wanted))),
        Place::Nic { nic, setting } => Some(format!("run ethtool {}\n", ethtool(nic, setting, wanted)?)),
    }
}

fn ethtool(nic: &str, setting: &str, wanted: &str) -> Option<String> {
    Some(match NicSetting::named(setting)? {
        NicSetting::ChannelsCombined => format!("-L '{nic}' combined {wanted}"),
        NicSetting::ChannelsRx => format!("-L '{nic}' rx {wanted}"),
        NicSetting::ChannelsTx => format!("-L '{nic}' tx {wanted}"),
        NicSetting::RingRx => format!("-G '{nic}' rx {wanted}"),
        NicSetting::RingTx => format!("-G '{nic}' tx {wanted}"),
        NicSetting::CoalesceAdaptiveRx => format!("-C '{nic}' adaptive-rx {wanted}"),
        NicSetting::CoalesceRxUsecs => format!("-C '{nic}' rx-usecs {wanted}"),
        NicSetting::CoalesceTxUsecs => format!("-C '{nic}' tx-usecs {wanted}"),
        NicSetting::Feature(name) => format!("-K '{nic}' {name} {wanted}"),
        NicSetting::RssHashUdp4 => format!("-N '{nic}' rx-flow-hash udp4 {wanted}"),
        NicSetting::RssTable => format!("-X '{nic}' {wanted}"),
    })
}
