//! The stages: what is tuned, in the order in which it is applied. Undoing goes the other way.
//!
//! The order matters. A change of queues or rings makes a driver build them anew and forget what was set beside them, so
//! they come first; the preference between energy and speed can only be written while the governor is not yet
//! `performance`, so it comes before the governor.

mod busy_poll;
mod clock;
mod coalesce;
mod disk;
mod epp;
mod flow_steering;
mod governor;
mod huge_pages;
mod idle_states;
mod io_uring;
mod irq;
mod isolation;
mod mitigations;
mod numa;
mod offloads;
mod process_limits;
mod qdisc;
mod queues;
mod rings;
mod rss;
mod smt;
mod sockets;
mod spread;
mod timers;

use crate::kind::Kind;

/// A group of settings with one reason.
#[derive(Debug)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// Its settings, in the order in which they are applied.
    pub kinds: &'static [Kind],
}

/// Every stage, in the order of application.
pub const STAGES: &[Stage] = &[
    Stage { name: "isolation", kinds: isolation::KINDS },
    Stage { name: "smt", kinds: smt::KINDS },
    Stage { name: "epp", kinds: epp::KINDS },
    Stage { name: "governor", kinds: governor::KINDS },
    Stage { name: "idle-states", kinds: idle_states::KINDS },
    Stage { name: "queues", kinds: queues::KINDS },
    Stage { name: "rings", kinds: rings::KINDS },
    Stage { name: "rss", kinds: rss::KINDS },
    Stage { name: "flow-steering", kinds: flow_steering::KINDS },
    Stage { name: "coalesce", kinds: coalesce::KINDS },
    Stage { name: "offloads", kinds: offloads::KINDS },
    Stage { name: "irq", kinds: irq::KINDS },
    Stage { name: "spread", kinds: spread::KINDS },
    Stage { name: "busy-poll", kinds: busy_poll::KINDS },
    Stage { name: "sockets", kinds: sockets::KINDS },
    Stage { name: "qdisc", kinds: qdisc::KINDS },
    Stage { name: "huge-pages", kinds: huge_pages::KINDS },
    Stage { name: "numa", kinds: numa::KINDS },
    Stage { name: "process-limits", kinds: process_limits::KINDS },
    Stage { name: "io_uring", kinds: io_uring::KINDS },
    Stage { name: "clock", kinds: clock::KINDS },
    Stage { name: "timers", kinds: timers::KINDS },
    Stage { name: "disk", kinds: disk::KINDS },
    Stage { name: "mitigations", kinds: mitigations::KINDS },
];

/// Every kind with its stage, in the order of application.
pub fn kinds() -> impl Iterator<Item = (&'static Stage, &'static Kind)> {
    STAGES.iter().flat_map(|stage| stage.kinds.iter().map(move |kind| (stage, kind)))
}

/// The kind with this name.
#[must_use]
pub fn kind(name: &str) -> Option<(&'static Stage, &'static Kind)> {
    kinds().find(|(_, kind)| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_all_its_reasons() {
        let names: BTreeSet<&str> = kinds().map(|(_, kind)| kind.name).collect();
        assert_eq!(names.len(), kinds().count());
        for (_, kind) in kinds() {
            let reasons = [kind.what, kind.why, kind.risk, kind.source, kind.kernel, kind.others];
            assert!(reasons.iter().all(|reason| !reason.is_empty()), "{}", kind.name);
            assert!(kind.source.contains('/') || kind.source.contains('('), "{}: {}", kind.name, kind.source);
        }
    }

    #[test]
    fn preference_comes_before_governor_and_queues_before_all_that_a_driver_forgets() {
        let position = |name: &str| STAGES.iter().position(|stage| stage.name == name).unwrap();
        assert!(position("epp") < position("governor"));
        for forgotten in ["rss", "coalesce", "irq", "spread", "busy-poll"] {
            assert!(position("queues") < position(forgotten) && position("rings") < position(forgotten));
        }
    }
}
