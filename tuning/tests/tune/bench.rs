//! The seam with someone standing in it: who counts writes, refuses them, or stops everything after so many steps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use quittance_tuning::apply::{Applied, apply};
use quittance_tuning::changes::{Act, Journal, JournalError, Ledger, Opening, immovable, read_lines};
use quittance_tuning::controls::{Controls, Files, TreeFiles, TreeNics};
use quittance_tuning::rollback::{Extent, Undone, rollback};
use quittance_tuning::{Ground, Knob, Machine, NicControl, NicError, NicSetting, NicValue, Profile, Selection};
use rustix::io::Errno;

use crate::tree::Tree;

const BOOT: &str = "1e4a-boot";

/// What happens at a path instead of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instead {
    Refuse(Errno),
    /// Taken, and nothing changes.
    Forget,
}

/// Steps that may still be taken; `None` is no bound.
#[derive(Clone, Default)]
pub(crate) struct Fuel(Rc<Cell<Option<usize>>>);

impl Fuel {
    pub(crate) fn of(step_count: usize) -> Self {
        Self(Rc::new(Cell::new(Some(step_count))))
    }

    /// Whether this step is still taken.
    fn burn(&self) -> bool {
        match self.0.get() {
            None => true,
            Some(0) => false,
            Some(left) => {
                self.0.set(Some(left - 1));
                true
            }
        }
    }
}

/// The seam over a tree.
pub(crate) struct Seam {
    files: TreeFiles,
    nics: TreeNics,
    fuel: Fuel,
    pub(crate) instead: RefCell<BTreeMap<String, Instead>>,
    pub(crate) written: RefCell<Vec<String>>,
}

impl Seam {
    pub(crate) fn over(tree: &Tree, fuel: Fuel) -> Self {
        Self {
            files: TreeFiles::new(tree.root()),
            nics: TreeNics::new(tree.root()),
            fuel,
            instead: RefCell::default(),
            written: RefCell::default(),
        }
    }

    pub(crate) fn with(self, path: &str, instead: Instead) -> Self {
        self.instead.borrow_mut().insert(path.to_owned(), instead);
        self
    }

    pub(crate) fn controls(&self) -> Controls<'_> {
        Controls { files: self, nics: self }
    }

    /// Whether a write to this path is done, and if not what it comes to.
    fn write_is(&self, path: &str) -> Result<bool, Errno> {
        if !self.fuel.burn() {
            return Err(Errno::INTR);
        }
        self.written.borrow_mut().push(path.to_owned());
        match self.instead.borrow().get(path) {
            None => Ok(true),
            Some(Instead::Forget) => Ok(false),
            Some(Instead::Refuse(errno)) => Err(*errno),
        }
    }
}

impl Files for Seam {
    fn read(&self, path: &str) -> Result<String, Errno> {
        self.files.read(path)
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Errno> {
        if self.write_is(path)? { self.files.write(path, text) } else { Ok(()) }
    }

    fn is_writable(&self, path: &str) -> bool {
        self.files.is_writable(path)
    }

    fn names(&self, path: &str) -> Vec<String> {
        self.files.names(path)
    }
}

impl NicControl for Seam {
    fn read(&self, nic: &str, setting: NicSetting) -> Result<NicValue, NicError> {
        self.nics.read(nic, setting)
    }

    fn write(&self, nic: &str, setting: NicSetting, value: &NicValue) -> Result<(), NicError> {
        let is_done = self.write_is(&format!("{nic} {setting}")).map_err(NicError::Io)?;
        if is_done { self.nics.write(nic, setting, value) } else { Ok(()) }
    }
}

/// What the journal's file would hold; shared by the runs over one machine.
#[derive(Clone, Default)]
pub(crate) struct Paper(pub(crate) Rc<RefCell<Vec<u8>>>);

/// A ledger that stops with the seam, tearing the line that it was writing.
struct StoppingLedger {
    paper: Paper,
    fuel: Fuel,
    is_stopped: bool,
}

impl Ledger for StoppingLedger {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let is_whole = self.fuel.burn();
        if is_whole {
            self.paper.0.borrow_mut().extend_from_slice(line);
            return Ok(());
        }
        if !self.is_stopped {
            self.is_stopped = true;
            self.paper.0.borrow_mut().extend_from_slice(&line[..line.len() / 2]);
        }
        Err(io::Error::other("stopped"))
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fuel.burn() { Ok(()) } else { Err(io::Error::other("stopped")) }
    }
}

impl Paper {
    pub(crate) fn journal(&self, fuel: &Fuel) -> Journal<'static> {
        let (records, length) = read_lines(&self.0.borrow()).expect("only the last line is torn");
        self.0.borrow_mut().truncate(length);
        let ledger = StoppingLedger { paper: self.clone(), fuel: fuel.clone(), is_stopped: false };
        Journal::over(Box::new(ledger), records, "paper".to_owned())
    }
}

pub(crate) fn machine(tree: &Tree) -> Machine {
    Machine::read(tree.root()).expect("the tree is a machine's")
}

pub(crate) fn survey(machine: &Machine, seam: &Seam, profile: Profile) -> Vec<Knob> {
    Ground::new(machine, seam.controls(), profile, &[]).survey(&Selection::default())
}

fn opening(act: Act, profile: Option<Profile>) -> Opening {
    Opening { act, profile, boot_id: Some(BOOT.to_owned()), netns: None, confirm_within_s: None }
}

/// One run of `apply` over everything.
pub(crate) fn applied(
    machine: &Machine,
    seam: &Seam,
    profile: Profile,
    paper: &Paper,
    fuel: &Fuel,
) -> Result<Vec<Applied>, JournalError> {
    let mut journal = paper.journal(fuel);
    let run = journal.begin(opening(Act::Apply, Some(profile)))?;
    let tried = immovable(journal.records(), Some(BOOT), None);
    let ground = Ground::new(machine, seam.controls(), profile, &[]).with_immovable(tried);
    apply(&ground, &Selection::default(), &mut journal, run)
}

/// One run of `rollback` over everything, without a bound on its steps.
pub(crate) fn rolled_back(tree: &Tree, paper: &Paper) -> Vec<Undone> {
    let fuel = Fuel::default();
    let seam = Seam::over(tree, fuel.clone());
    rolled_back_with(&seam, paper, &fuel).expect("nothing stops it")
}

pub(crate) fn rolled_back_with(seam: &Seam, paper: &Paper, fuel: &Fuel) -> Result<Vec<Undone>, JournalError> {
    let mut journal = paper.journal(fuel);
    let run = journal.begin(opening(Act::Rollback, None))?;
    rollback(seam.controls(), &mut journal, run, Extent { boot_id: Some(BOOT), netns: None, from: 0 })
}
