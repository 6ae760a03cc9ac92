//! What there is to tune: cores, queues, interrupts, disks; and who else tunes it.

use crate::controls::Controls;
use crate::kind::Scope;
use crate::knob::Target;
use crate::survey::Ground;

/// Programs that set what the stages set, by the name that the kernel gives their process (15 octets at most), and by
/// the name that people know.
const OWNERS: [(&str, &str); 5] = [
    ("irqbalance", "irqbalance"),
    ("tuned", "tuned"),
    ("power-profiles-", "power-profiles-daemon"),
    ("auto-cpufreq", "auto-cpufreq"),
    ("thermald", "thermald"),
];

/// Words in the name of an interrupt that is no queue's: it carries the device's own messages.
const CONTROL_WORDS: [&str; 8] = ["config", "async", "mgmnt", "mgmt", "cmd", "event", "misc", "control"];

impl Ground<'_> {
    pub(super) fn targets(&self, scope: Scope) -> Vec<Target> {
        match scope {
            Scope::Host => vec![Target::Host],
            Scope::Cores => self.online_cores().map(Target::Core).collect(),
            Scope::IdleStates => self.cores.reserved().iter().flat_map(|core| self.idle_states(core)).collect(),
            Scope::Nics => self.nics.iter().cloned().map(Target::Nic).collect(),
            Scope::RxQueues => self.nics.iter().flat_map(|nic| self.queues(nic, "rx")).collect(),
            Scope::TxQueues => self.nics.iter().flat_map(|nic| self.queues(nic, "tx")).collect(),
            Scope::QueueIrqs => self.irqs(true),
            Scope::OtherIrqs => self.irqs(false),
            Scope::Disks => self.disks(),
            Scope::Vulnerabilities => self
                .controls
                .files
                .names("sys/devices/system/cpu/vulnerabilities")
                .into_iter()
                .map(Target::Named)
                .collect(),
        }
    }

    fn online_cores(&self) -> impl Iterator<Item = usize> {
        let online = self.machine.topology.cores.iter().filter(|core| core.online != Some(false));
        online.map(|core| core.core_index)
    }

    fn idle_states(&self, core: usize) -> Vec<Target> {
        let folder = format!("sys/devices/system/cpu/cpu{core}/cpuidle");
        let states = numbered(self.controls, &folder, "state").into_iter();
        states.map(|idle_state| Target::IdleState { core, idle_state }).collect()
    }

    fn queues(&self, nic: &str, direction: &'static str) -> Vec<Target> {
        let queues = numbered(self.controls, &format!("sys/class/net/{nic}/queues"), &format!("{direction}-"));
        queues.into_iter().map(|queue| Target::Queue { nic: nic.to_owned(), direction, queue }).collect()
    }

    /// How many queues an interface has that way.
    pub(crate) fn queue_count(&self, nic: &str, direction: &'static str) -> usize {
        self.queues(nic, direction).len()
    }

    /// Interrupts of the interfaces' queues, or all others.
    fn irqs(&self, of_queues: bool) -> Vec<Target> {
        let of_nics: Vec<usize> = self.nics.iter().flat_map(|nic| self.irqs_of_nic(nic)).collect();
        let is_queue = |irq: usize, name: &str| of_nics.contains(&irq) && queue_of_irq(name).is_some();
        let chosen = self.interrupts.iter().filter(|(irq, name)| is_queue(*irq, name) == of_queues);
        chosen.map(|(irq, _)| Target::Irq(*irq)).collect()
    }

    /// The message interrupts of the device behind an interface; a virtio device's are its parent's.
    pub(crate) fn irqs_of_nic(&self, nic: &str) -> Vec<usize> {
        let own = numbered(self.controls, &format!("sys/class/net/{nic}/device/msi_irqs"), "");
        if own.is_empty() {
            numbered(self.controls, &format!("sys/class/net/{nic}/device/../msi_irqs"), "")
        } else {
            own
        }
    }

    /// What the kernel calls the user of an interrupt.
    pub(crate) fn irq_name(&self, irq: usize) -> Option<&str> {
        self.interrupts.iter().find(|(number, _)| *number == irq).map(|(_, name)| name.as_str())
    }

    fn disks(&self) -> Vec<Target> {
        let files = self.controls.files;
        let has_device = |name: &String| !files.names(&format!("sys/block/{name}/device")).is_empty();
        files.names("sys/block").into_iter().filter(has_device).map(Target::Disk).collect()
    }

    /// The program with this name, if it is running.
    pub(crate) fn owner(&self, names: &[&str]) -> Option<String> {
        self.owners.iter().find(|owner| names.contains(&owner.as_str())).cloned()
    }
}

/// The queue whose interrupt has this name; `None` for a device's own messages. Drivers end the name with the queue's
/// number (`eth0-TxRx-3`, `virtio2-input.0`, `mlx5_comp3@pci:0000:41:00.0`).
pub(crate) fn queue_of_irq(name: &str) -> Option<usize> {
    let name = name.split('@').next()?;
    let lower = name.to_ascii_lowercase();
    if CONTROL_WORDS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let digits = name.rsplit(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The interrupts of `/proc/interrupts` that have a number, each with the last word of its line.
pub(super) fn interrupts(controls: Controls<'_>) -> Vec<(usize, String)> {
    let table = controls.files.read("proc/interrupts").unwrap_or_default();
    let line = |line: &str| {
        let (number, rest) = line.split_once(':')?;
        Some((number.trim().parse().ok()?, rest.split_whitespace().last()?.to_owned()))
    };
    table.lines().filter_map(line).collect()
}

/// The programs of [`OWNERS`] that are running.
pub(super) fn owners(controls: Controls<'_>) -> Vec<String> {
    let processes = numbered(controls, "proc", "");
    let names = processes.iter().filter_map(|process| controls.files.read(&format!("proc/{process}/comm")).ok());
    let known = names.filter_map(|name| OWNERS.iter().find(|(process, _)| *process == name));
    let mut owners: Vec<String> = known.map(|(_, people)| (*people).to_owned()).collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

/// The numbers N of the names `prefixN`, ascending.
fn numbered(controls: Controls<'_>, path: &str, prefix: &str) -> Vec<usize> {
    let names = controls.files.names(path);
    let mut numbers: Vec<usize> = names.iter().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_read_from_the_names_that_drivers_give() {
        let names = [
            ("eth0-TxRx-3", Some(3)),
            ("virtio2-input.0", Some(0)),
            ("virtio2-output.11", Some(11)),
            ("mlx5_comp12@pci:0000:41:00.0", Some(12)),
            ("mlx5_async0@pci:0000:41:00.0", None),
            ("ena-mgmnt@pci:0000:00:05.0", None),
            ("virtio2-config", None),
            ("eth0", Some(0)),
        ];
        for (name, queue) in names {
            assert_eq!(queue_of_irq(name), queue, "{name}");
        }
    }
}
