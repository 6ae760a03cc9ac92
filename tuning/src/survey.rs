//! What is, beside what a profile wants: every kind asked about every target that the machine has.
//!
//! Reads only.

mod targets;

use std::collections::BTreeSet;

use crate::controls::{ControlError, Controls, Place, Reading};
use crate::cores_plan::CoresPlan;
use crate::glob::Selection;
use crate::kind::{Ask, At, Kind, Scope, Wanted};
use crate::knob::{Knob, State, Target};
use crate::machine::Machine;
use crate::profile::Profile;
use crate::stage::{STAGES, Stage};

pub(crate) use targets::queue_of_irq;

/// What a survey stands on.
pub struct Ground<'a> {
    /// What the machine is.
    pub machine: &'a Machine,
    /// The seam to its settings.
    pub controls: Controls<'a>,
    /// What it is tuned for.
    pub profile: Profile,
    /// The cores that an authority would have.
    pub cores: CoresPlan,
    /// The interfaces that are tuned.
    pub nics: Vec<String>,
    /// Whether only what belongs to a network namespace is looked at.
    pub network_only: bool,
    /// What the kernel has said will not move when it was tried.
    pub(crate) immovable: BTreeSet<Place>,
    /// The programs that are running and set some of this themselves.
    pub(crate) owners: Vec<String>,
    /// The interrupts that the kernel lists, with the names of their users.
    pub(crate) interrupts: Vec<(usize, String)>,
}

impl<'a> Ground<'a> {
    /// A ground. `nics` names the interfaces to tune; without any, those that have a device and are not down.
    #[must_use]
    pub fn new(machine: &'a Machine, controls: Controls<'a>, profile: Profile, nics: &[String]) -> Self {
        let known = machine.nics.as_deref().unwrap_or_default();
        let by_itself = || known.iter().filter(|nic| nic.is_wired()).map(|nic| nic.name.clone()).collect();
        let nics: Vec<String> = if nics.is_empty() { by_itself() } else { nics.to_vec() };
        let first = nics.first().and_then(|name| known.iter().find(|nic| nic.name == *name));
        let cores = CoresPlan::of(machine, first);
        let owners = targets::owners(controls);
        let interrupts = targets::interrupts(controls);
        Self {
            machine,
            controls,
            profile,
            cores,
            nics,
            network_only: false,
            immovable: BTreeSet::new(),
            owners,
            interrupts,
        }
    }

    /// The same ground, of which only what belongs to a network namespace is looked at. Interfaces there have no device,
    /// so without any named all are tuned that are not down, but the loopback.
    #[must_use]
    pub fn of_network_only(self) -> Self {
        let all = self.machine.nics.as_deref().unwrap_or_default().iter();
        let others = all.filter(|nic| nic.name != "lo" && nic.operstate.as_deref() != Some("down"));
        let nics = if self.nics.is_empty() { others.map(|nic| nic.name.clone()).collect() } else { self.nics.clone() };
        Self { network_only: true, nics, ..self }
    }

    /// The same ground, of which some places were tried and will not move.
    #[must_use]
    pub fn with_immovable(self, immovable: BTreeSet<Place>) -> Self {
        Self { immovable, ..self }
    }

    /// Every chosen knob, in the order in which they would be applied.
    #[must_use]
    pub fn survey(&self, selection: &Selection) -> Vec<Knob> {
        STAGES.iter().flat_map(|stage| self.survey_stage(stage, selection)).collect()
    }

    /// Every chosen knob of one stage.
    #[must_use]
    pub fn survey_stage(&self, stage: &'static Stage, selection: &Selection) -> Vec<Knob> {
        let kinds = stage.kinds.iter().filter(|kind| selection.admits(kind.name));
        let kinds = kinds.filter(|kind| !self.network_only || kind.is_of_network());
        kinds
            .flat_map(|kind| self.targets(kind.scope).into_iter().map(|target| self.knob(stage, kind, target)))
            .collect()
    }

    fn knob(&self, stage: &Stage, kind: &'static Kind, target: Target) -> Knob {
        let place = kind.at.place(&target);
        let reading = place.as_ref().map_or(Ok(Reading::nothing()), |place| self.controls.read(place));
        let asked = |reading| (kind.want)(&Ask { ground: self, target: &target, reading });
        let answer = reading.as_ref().map(|reading| (reading, asked(reading)));
        let is_least = matches!(answer, Ok((_, Wanted::AtLeast(_))));
        let (current, wanted, state) = match answer {
            Err(error) => (None, None, unread(error)),
            Ok((reading, wanted)) => judge(kind, reading, wanted),
        };
        let was_tried = place.as_ref().is_some_and(|place| self.immovable.contains(place));
        let state = match state {
            State::Drift if was_tried => {
                State::Immovable("the kernel kept it when it was tried on this boot".to_owned())
            }
            state => state,
        };
        Knob { kind, stage: stage.name, target, place, current, wanted, state, is_least }
    }
}

/// Current, wanted, and how they stand.
fn judge(kind: &Kind, reading: &Reading, wanted: Wanted) -> (Option<String>, Option<String>, State) {
    let kept = place_value(kind, reading);
    match wanted {
        Wanted::Keep => (kept, None, State::Ok),
        Wanted::Absent => (None, None, State::Absent),
        Wanted::Owned(owner) => (kept, None, State::OwnedByOther(owner)),
        Wanted::Immovable(reason) => (kept, None, State::Immovable(reason)),
        Wanted::Fine(current) => (Some(current), None, State::Ok),
        Wanted::Advice { current, wanted, remedy } => (Some(current), Some(wanted), State::Advice(remedy)),
        Wanted::Reported(meaning) => (kept, None, State::Reported(meaning)),
        Wanted::AtLeast(least) => {
            let enough = kept.as_ref().and_then(|text| text.parse::<u64>().ok()).is_some_and(|is| is >= least);
            settle(kind, reading, kept, least.to_string(), enough)
        }
        Wanted::Exactly(value) => {
            let same = kept.as_deref() == Some(value.as_str());
            settle(kind, reading, kept, value, same)
        }
    }
}

fn settle(
    kind: &Kind,
    reading: &Reading,
    kept: Option<String>,
    wanted: String,
    is_so: bool,
) -> (Option<String>, Option<String>, State) {
    let offered = kind.notation.choices(&reading.text);
    let state = if is_so {
        State::Ok
    } else if reading.fixed {
        State::Immovable(fixed_words(kind).to_owned())
    } else if offered.is_some_and(|offered| !offered.contains(&wanted.as_str())) {
        State::Immovable(format!("this kernel offers no {wanted}"))
    } else {
        State::Drift
    };
    (kept, Some(wanted), state)
}

/// Who lets nobody move it.
fn fixed_words(kind: &Kind) -> &'static str {
    if kind.at.nic_setting().is_some() {
        "the driver holds it fixed"
    } else {
        "the kernel only shows it here: nobody may write the file"
    }
}

fn place_value(kind: &Kind, reading: &Reading) -> Option<String> {
    let is_kept = !matches!(kind.at, At::Nowhere);
    is_kept.then(|| {
        if kind.at.nic_setting().is_some() { reading.text.clone() } else { kind.notation.decode(&reading.text) }
    })
}

fn unread(error: &ControlError) -> State {
    error.errno_and_words().map_or(State::Absent, |(_, words)| State::Unreadable(words))
}

impl Reading {
    fn nothing() -> Self {
        Self { text: String::new(), max: None, fixed: false }
    }
}

impl Kind {
    /// Whether it belongs to a network namespace, not to the machine.
    fn is_of_network(&self) -> bool {
        let of_nic = matches!(self.scope, Scope::Nics | Scope::RxQueues | Scope::TxQueues);
        of_nic || matches!(self.at, At::File(path) if path.starts_with("proc/sys/net/"))
    }
}

impl At {
    fn place(self, target: &Target) -> Option<Place> {
        match (self, target) {
            (Self::Nowhere, _) => None,
            (Self::Nic(setting), Target::Nic(nic)) => {
                Some(Place::Nic { nic: nic.clone(), setting: setting.to_string() })
            }
            (Self::Nic(_), _) => None,
            (Self::File(pattern), target) => Some(Place::File(filled(pattern, target))),
        }
    }
}

/// The pattern with the target's names in place of the braces.
fn filled(pattern: &str, target: &Target) -> String {
    match target {
        Target::Host => pattern.to_owned(),
        Target::Core(core) => pattern.replace("{core}", &core.to_string()),
        Target::IdleState { core, idle_state } => {
            pattern.replace("{core}", &core.to_string()).replace("{state}", &idle_state.to_string())
        }
        Target::Nic(nic) => pattern.replace("{nic}", nic),
        Target::Queue { nic, direction, queue } => {
            pattern.replace("{nic}", nic).replace("{queue}", &format!("{direction}-{queue}"))
        }
        Target::Irq(irq) => pattern.replace("{irq}", &irq.to_string()),
        Target::Disk(name) => pattern.replace("{disk}", name),
        Target::Named(name) => pattern.replace("{name}", name),
    }
}
