//! What runs within the namespace, each in a process of its own that another test starts.

use std::env;
use std::fs;

use quittance_tuning::{Ethtool, NicControl, NicError, NicSetting, NicValue};
use rustix::io::Errno;

use crate::INSIDE;
use crate::veth::{NIC, QUEUE_COUNT};

/// The interfaces of this namespace; `None` where nobody made one, as when all ignored tests are asked for.
fn ethtool() -> Option<Ethtool> {
    if env::var_os(INSIDE).is_none() {
        eprintln!("SKIPPED: another test runs this one in a namespace");
        return None;
    }
    Some(Ethtool::open().expect("the kernel has the ethtool family"))
}

fn current(ethtool: &Ethtool, setting: NicSetting) -> NicValue {
    ethtool.read(NIC, setting).unwrap_or_else(|error| panic!("{setting}: {error}"))
}

/// Queues that sysfs shows: not by the way that is tested.
fn queue_count(direction: &str) -> u32 {
    let queues = fs::read_dir(format!("/sys/class/net/{NIC}/queues")).expect("sysfs is this namespace's");
    let names = queues.map(|queue| queue.expect("a queue has a name").file_name());
    let count = names.filter(|name| name.to_string_lossy().starts_with(direction)).count();
    count.try_into().expect("there are a handful")
}

#[test]
#[ignore = "another test runs it in a namespace"]
fn settings_are_written_read_back_and_undone() {
    let Some(ethtool) = ethtool() else { return };
    for (setting, direction) in [(NicSetting::ChannelsRx, "rx-"), (NicSetting::ChannelsTx, "tx-")] {
        let before = current(&ethtool, setting);
        let NicValue::Number { current: count, max: Some(QUEUE_COUNT) } = before else { panic!("{before:?}") };
        assert_eq!(queue_count(direction), count);
        let other = if count == QUEUE_COUNT { 2 } else { QUEUE_COUNT };
        assert_eq!(ethtool.write(NIC, setting, &NicValue::number(other)), Ok(()));
        assert_eq!(current(&ethtool, setting), NicValue::Number { current: other, max: Some(QUEUE_COUNT) });
        assert_eq!(queue_count(direction), other);
        assert_eq!(ethtool.write(NIC, setting, &before), Ok(()));
        assert_eq!((current(&ethtool, setting), queue_count(direction)), (before, count));
    }
    for name in ["rx-gro", "rx-udp-gro-forwarding", "rx-gro-list", "tx-generic-segmentation"] {
        let setting = NicSetting::Feature(name);
        let before = current(&ethtool, setting);
        let NicValue::Bool { on, fixed: false } = before else { panic!("{name}: {before:?}") };
        assert_eq!(ethtool.write(NIC, setting, &NicValue::switch(!on)), Ok(()), "{name}");
        assert_eq!(current(&ethtool, setting), NicValue::switch(!on), "{name}");
        assert_eq!(ethtool.write(NIC, setting, &before), Ok(()), "{name}");
        assert_eq!(current(&ethtool, setting), before, "{name}");
    }
}

#[test]
#[ignore = "another test runs it in a namespace"]
fn refusals_are_told_apart() {
    let Some(ethtool) = ethtool() else { return };
    for setting in [NicSetting::RingRx, NicSetting::ChannelsCombined, NicSetting::CoalesceRxUsecs, NicSetting::RssTable]
    {
        assert_eq!(ethtool.read(NIC, setting), Err(NicError::NotSupported), "{setting}: a veth has none");
    }
    assert_eq!(ethtool.read(NIC, NicSetting::Feature("rx-teleport")), Err(NicError::NotSupported));
    assert_eq!(ethtool.read("v9", NicSetting::ChannelsRx), Err(NicError::Gone));
    // A veth has no hardware that could filter VLANs or loop packets back: a driver says so by holding them fixed.
    let held = ["rx-vlan-filter", "loopback", "rx-all"].map(NicSetting::Feature).into_iter().find_map(|setting| {
        let Ok(NicValue::Bool { on, fixed: true }) = ethtool.read(NIC, setting) else { return None };
        Some((setting, on))
    });
    let (setting, on) = held.expect("one of them is fixed");
    assert_eq!(ethtool.write(NIC, setting, &NicValue::switch(!on)), Err(NicError::Fixed));
    let too_many = ethtool.write(NIC, NicSetting::ChannelsRx, &NicValue::number(QUEUE_COUNT + 1)).unwrap_err();
    let NicError::Refused { errno: Errno::INVAL, reason } = &too_many else { panic!("{too_many:?}") };
    assert!(!reason.is_empty() && too_many.to_string().ends_with(reason.as_str()), "{too_many}");
    eprintln!("{too_many}");
}

/// Values that no profile wants, on the first queues; the others keep what they were made with.
#[test]
#[ignore = "another test runs it in a namespace"]
fn prepare() {
    let Some(ethtool) = ethtool() else { return };
    for setting in [NicSetting::ChannelsRx, NicSetting::ChannelsTx] {
        // As many as there are shards is wanted; with one less than the most it is not that on most machines.
        assert_eq!(ethtool.write(NIC, setting, &NicValue::number(QUEUE_COUNT - 1)), Ok(()));
    }
    assert_eq!(ethtool.write(NIC, NicSetting::Feature("rx-gro"), &NicValue::switch(false)), Ok(()));
    let values = [
        ("napi_defer_hard_irqs", "7"),
        ("gro_flush_timeout", "777"),
        ("tx_queue_len", "77"),
        ("queues/rx-0/rps_cpus", "1"),
        ("queues/tx-0/xps_cpus", "1"),
    ];
    for (file, value) in values {
        fs::write(format!("/sys/class/net/{NIC}/{file}"), value).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[test]
#[ignore = "another test runs it in a namespace"]
fn print_state() {
    let Some(ethtool) = ethtool() else { return };
    let tell = |name: &str, value: &str| eprintln!("STATE {name}={}", value.trim());
    for (setting, direction) in [(NicSetting::ChannelsRx, "rx-"), (NicSetting::ChannelsTx, "tx-")] {
        tell(&setting.to_string(), &current(&ethtool, setting).to_string());
        tell(&format!("queues of {direction}"), &queue_count(direction).to_string());
    }
    for name in ["rx-gro", "rx-gro-list", "rx-udp-gro-forwarding", "tx-generic-segmentation", "tx-udp-segmentation"] {
        tell(name, &current(&ethtool, NicSetting::Feature(name)).to_string());
    }
    let told = |file: &str| {
        let text = fs::read_to_string(format!("/sys/class/net/{NIC}/{file}"));
        tell(file, &text.unwrap_or_else(|error| panic!("{file}: {error}")));
    };
    ["napi_defer_hard_irqs", "gro_flush_timeout", "tx_queue_len"].into_iter().for_each(told);
    for queue in 0..queue_count("rx-") {
        told(&format!("queues/rx-{queue}/rps_cpus"));
        told(&format!("queues/rx-{queue}/rps_flow_cnt"));
    }
    (0..queue_count("tx-")).for_each(|queue| told(&format!("queues/tx-{queue}/xps_cpus")));
}
