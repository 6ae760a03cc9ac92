//! Which thread runs on which core, and whether it may spin there.

use crate::fault::Fault;
use crate::options::RunOptions;
use core_affinity::CoreId;
use quittance_tuning::{Finding, Limits, Severity, Topology, findings_for_process, findings_for_run};
use std::path::Path;

/// A thread's core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) core: usize,
    /// No other thread of ours runs there: it may spin for a while before it sleeps.
    pub(super) is_own: bool,
}

/// Every thread's core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) shards: Vec<Place>,
    pub(super) verifiers: Vec<Place>,
    /// The thread that writes the journal, if there is one.
    pub(super) journal: Option<Place>,
}

impl Placement {
    /// The cores named in the options, else those that this process may use, in turn. Also returns what is found about
    /// them and about the limits of this process. To be called before any thread is pinned.
    pub(super) fn choose(options: &RunOptions, shard_count: u16) -> Result<(Self, Vec<Finding>), Fault> {
        let topology = Topology::read(Path::new("/"));
        let usable: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect();
        let placement = Self::of(options, shard_count.into(), &usable)?;
        let findings = findings_for_run(&topology, &placement.cores().collect::<Vec<_>>());
        if let Some(fatal) = findings.iter().find(|finding| finding.severity == Severity::Fatal) {
            return Err(Fault::Option(format!("{}: {}; {}", fatal.what, fatal.why, fatal.remedy)));
        }
        let of_process = findings_for_process(&Limits::read(Path::new("/")));
        Ok((placement, findings.into_iter().chain(of_process).collect()))
    }

    fn of(options: &RunOptions, shard_count: usize, usable: &[usize]) -> Result<Self, Fault> {
        let verifier_count = usize::from(options.verifiers);
        check_count("--cores", "shard", &options.cores, shard_count)?;
        check_count("--verifier-cores", "verifier", &options.verifier_cores, verifier_count)?;
        let mut in_turn = usable.iter().copied().cycle();
        let mut or_in_turn = |named: &[usize], count: usize| -> Vec<usize> {
            // A machine that names no cores has one.
            if named.is_empty() { (0..count).map(|_| in_turn.next().unwrap_or(0)).collect() } else { named.to_vec() }
        };
        let shards = or_in_turn(&options.cores, shard_count);
        let verifiers = or_in_turn(&options.verifier_cores, verifier_count);
        let journal = or_in_turn(options.journal_core.as_slice(), usize::from(!options.volatile));
        let place = |core: &usize| {
            let thread_count = shards.iter().chain(&verifiers).chain(&journal).filter(|other| *other == core).count();
            Place { core: *core, is_own: thread_count == 1 }
        };
        Ok(Self {
            shards: shards.iter().map(place).collect(),
            verifiers: verifiers.iter().map(place).collect(),
            journal: journal.first().map(place),
        })
    }

    fn cores(&self) -> impl Iterator<Item = usize> {
        self.shards.iter().chain(&self.verifiers).chain(&self.journal).map(|place| place.core)
    }
}

fn check_count(option: &str, thread: &str, cores: &[usize], count: usize) -> Result<(), Fault> {
    if cores.is_empty() || cores.len() == count {
        return Ok(());
    }
    let named = cores.len();
    Err(Fault::Option(format!("{option} names {named} cores for {count} {thread} threads; name one core for each")))
}

impl Place {
    /// Pins the calling thread here.
    pub(super) fn pin(self) -> Result<(), Fault> {
        let core = self.core;
        if core_affinity::set_for_current(CoreId { id: core }) {
            return Ok(());
        }
        Err(Fault::Thread(format!("no thread can be pinned to core {core}; choose others with --cores")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Act, Command};
    use clap::Parser;

    fn placed(arguments: &[&str], shard_count: usize, usable: &[usize]) -> Result<Placement, Fault> {
        let fixed = ["", "run", "--authority", "a", "--committee", "c", "--genesis", "g"];
        let fixed = fixed.iter().chain(if arguments.contains(&"--data") { &[][..] } else { &["--volatile"] });
        let Act::Run(options) = Command::parse_from(fixed.chain(arguments)).act else { panic!("it says run") };
        Placement::of(&options, shard_count, usable)
    }

    fn own(core: usize) -> Place {
        Place { core, is_own: true }
    }

    #[test]
    fn threads_take_the_usable_cores_in_turn() {
        let placement = placed(&["--verifiers", "1"], 2, &[1, 3, 5]).unwrap();
        assert_eq!(placement, Placement { shards: vec![own(1), own(3)], verifiers: vec![own(5)], journal: None });
    }

    #[test]
    fn a_core_of_two_threads_belongs_to_neither() {
        let placement = placed(&["--cores", "0,1", "--verifiers", "1", "--verifier-cores", "0"], 2, &[0, 1]).unwrap();
        let shared = Place { core: 0, is_own: false };
        assert_eq!(placement, Placement { shards: vec![shared, own(1)], verifiers: vec![shared], journal: None });
    }

    #[test]
    fn the_journal_has_the_core_that_follows_or_the_one_named() {
        let placement = placed(&["--data", "d"], 2, &[1, 3, 5]).unwrap();
        assert_eq!((placement.shards, placement.journal), (vec![own(1), own(3)], Some(own(5))));
        let placement = placed(&["--data", "d", "--journal-core", "1"], 1, &[1, 3]).unwrap();
        let shared = Place { core: 1, is_own: false };
        assert_eq!((placement.shards, placement.journal), (vec![shared], Some(shared)));
    }

    #[test]
    fn too_few_and_too_many_cores_are_refused() {
        for cores in ["0", "0,0,0"] {
            let fault = placed(&["--cores", cores], 2, &[0]).unwrap_err();
            assert!(fault.to_string().contains("name one core for each"), "{fault}");
        }
        assert!(placed(&["--verifier-cores", "0"], 1, &[0]).is_err());
    }
}
