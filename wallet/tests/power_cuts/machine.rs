//! A machine with a wallet on its disk, and the plug.

use crate::device::{Act, Device, Operation, Rule};
use crate::disk::Fate;
use crate::harness::{Committee, Said, Storage, Wallet};
use crate::mount::Mount;
use rustix::process::Pid;
use std::sync::OnceLock;

/// Whether this machine lets the tests mount a disk; says once why not.
pub(crate) fn can_mount() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| match crate::mount::trial() {
        Ok(()) => true,
        Err(error) => {
            eprintln!(
                "skipped: no FUSE file system can be mounted here ({error}); these tests need root and /dev/fuse"
            );
            false
        }
    })
}

/// The mount goes before the folder that it is on.
pub(crate) struct Machine {
    mount: Option<Mount>,
    pub(crate) device: Device,
    pub(crate) wallet: Wallet,
    pub(crate) accounts: Vec<String>,
    pub(crate) committee: Option<Committee>,
}

impl Machine {
    /// A machine with an empty disk.
    pub(crate) fn new() -> Self {
        let (device, wallet) = (Device::new(), Wallet::new());
        let mount = Some(Mount::new(&device, &wallet.beside("")).unwrap());
        Self { mount, device, wallet, accounts: Vec::new(), committee: None }
    }

    /// Two accounts of so much, kept by authorities that the wallet knows.
    pub(crate) fn with_accounts(funding: u64) -> Self {
        let mut machine = Self::new();
        let genesis = machine.wallet.run(&["create-accounts", "2", "--header", "--funding", &funding.to_string()]).ok();
        machine.accounts = genesis.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        let committee = Committee::start(&genesis, Storage::Volatile);
        machine.wallet.join(&committee);
        machine.committee = Some(committee);
        machine
    }

    /// From now on what is synced is not.
    pub(crate) fn lie_about_syncs(&self, path: &'static str) {
        self.device.add(Rule { operation: Operation::Sync, path, skip: 0, act: Act::Lie });
    }

    /// Runs a command that ends, with the power, at the change after so many; or by itself.
    pub(crate) fn run_and_cut_after(&self, after: u32, arguments: &[&str]) -> Said {
        let child = self.wallet.spawn(arguments);
        self.device.cut_after(after, "", Pid::from_child(&child));
        Said::of(child.wait_with_output().unwrap())
    }

    /// The power is off and comes back: the disk has what the cut leaves.
    pub(crate) fn cycle_power(&mut self, fate: &mut Fate) {
        self.device.cut_now();
        self.mount = None;
        self.device.settle(fate);
        self.mount = Some(Mount::new(&self.device, &self.wallet.beside("")).unwrap());
    }
}
