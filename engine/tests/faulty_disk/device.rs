//! The disk in a machine: it fails where it is told to, and its power goes where it is told to.

use crate::disk::{Disk, Fate};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes that fit, if nothing else is said.
const CAPACITY_BYTES: u64 = 1 << 30;

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Look,
    Read,
    Create,
    MakeFolder,
    Allocate,
    Write,
    SetLength,
    Sync,
    SyncFolder,
    Rename,
    Unlink,
}

impl Operation {
    /// Whether a power cut around it can make a difference.
    fn changes(self) -> bool {
        !matches!(self, Self::Look | Self::Read | Self::Allocate)
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) operation: Operation,
    /// A part of the path.
    pub(crate) path: &'static str,
    /// So many go well first.
    pub(crate) skip: u32,
    pub(crate) act: Act,
}

/// How it goes wrong, from then on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Nothing is done, and this is said.
    Fail(Errno),
    /// So many bytes are written, and from then on nothing is: where only the first is true, io_uring asks for the rest by
    /// itself, and nobody sees a short write.
    Short(usize),
    /// Nothing is done, and that it was is said.
    Lie,
}

/// When a process is to end, and the power to go with it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Changes of what has this in its path that are made before.
    after: u32,
    path: &'static str,
    /// Killed at that moment, before the disk answers anything more.
    victim: Pid,
    /// Only the process ends: what it left unsynced is still there.
    power_stays: bool,
}

struct State {
    disk: Disk,
    rules: Vec<Rule>,
    fault_count: u32,
    cut: Option<Cut>,
    is_dark: bool,
    /// Mounts of before a power cut no longer reach the disk.
    mount: u64,
    capacity_bytes: u64,
    refuses_direct: bool,
}

/// A disk that mounts and tests share.
#[derive(Clone)]
pub(crate) struct Device(Arc<Mutex<State>>);

/// What an operation is done to: the inode, and the name in it if it is about one.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) inode: u64,
    pub(crate) name: Option<&'a str>,
}

impl Device {
    pub(crate) fn new() -> Self {
        let state = State {
            disk: Disk::new(),
            rules: Vec::new(),
            fault_count: 0,
            cut: None,
            is_dark: false,
            mount: 0,
            capacity_bytes: CAPACITY_BYTES,
            refuses_direct: false,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// From now on this goes wrong, too.
    pub(crate) fn add(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn repair(&self) {
        let state = &mut *self.state();
        (state.rules, state.capacity_bytes) = (Vec::new(), CAPACITY_BYTES);
    }

    /// How often something went wrong.
    pub(crate) fn fault_count(&self) -> u32 {
        self.state().fault_count
    }

    pub(crate) fn set_capacity(&self, bytes: u64) {
        self.state().capacity_bytes = bytes;
    }

    /// From now on files cannot be opened with `O_DIRECT`.
    pub(crate) fn refuse_direct(&self) {
        self.state().refuses_direct = true;
    }

    pub(crate) fn spoil(&self, path: &str, offset: u64, bytes: u64) {
        self.state().disk.spoil(path, offset, bytes);
    }

    /// The paths of all files.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let state = self.state();
        let Ok(stat) = state.disk.lookup(crate::disk::ROOT, folder) else { return Vec::new() };
        let names = state.disk.list(stat.inode).unwrap();
        names.into_iter().map(|(name, _)| name).collect()
    }

    /// The power goes with the change that comes after so many to what has this in its path. The process is killed at
    /// that moment.
    pub(crate) fn cut_after(&self, after: u32, path: &'static str, victim: Pid) {
        self.state().cut = Some(Cut { after, path, victim, power_stays: false });
    }

    /// The same, and the power stays.
    pub(crate) fn kill_after(&self, after: u32, path: &'static str, victim: Pid) {
        self.state().cut = Some(Cut { after, path, victim, power_stays: true });
    }

    /// Whether what [`Self::cut_after`] or [`Self::kill_after`] said is still to come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state().cut.is_some()
    }

    /// The power goes now, unless it has gone already.
    pub(crate) fn cut_now(&self) {
        let mut state = self.state();
        (state.cut, state.is_dark) = (None, true);
    }

    pub(crate) fn is_dark(&self) -> bool {
        self.state().is_dark
    }

    /// The power is back, and what the cut left is what there is. Mounts of before are dead.
    pub(crate) fn settle(&self, fate: &mut Fate) {
        let mut state = self.state();
        state.disk.cut(fate);
        (state.cut, state.is_dark) = (None, false);
        state.mount += 1;
    }

    /// The number of mounts from now on.
    pub(crate) fn mount(&self) -> u64 {
        self.state().mount
    }

    /// Bytes in all and bytes free.
    pub(crate) fn room(&self) -> (u64, u64) {
        let state = self.state();
        (state.capacity_bytes, state.capacity_bytes.saturating_sub(state.disk.used_bytes()))
    }

    pub(crate) fn refuses_direct(&self) -> bool {
        self.state().refuses_direct
    }

    /// Does something to the disk, or what the rules say in its place.
    pub(crate) fn operate<T: Default>(
        &self,
        mount: u64,
        operation: Operation,
        target: Target<'_>,
        act: impl FnOnce(&mut Disk) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let state = &mut *self.state();
        let path = state.check(mount, target)?;
        match state.rule(operation, &path) {
            Some(Act::Fail(errno)) => return Err(errno),
            Some(Act::Lie) => return Ok(T::default()),
            Some(Act::Short(_)) => unreachable!("only writes are short"),
            None => {}
        }
        let is_last = operation.changes() && state.counts_down(&path);
        // A sync that does not come to its end has brought nothing to the medium for certain.
        let is_sync = matches!(operation, Operation::Sync | Operation::SyncFolder);
        let outcome = if is_last && is_sync { Err(Errno::IO) } else { act(&mut state.disk) };
        if is_last { state.end() } else { outcome }
    }

    /// Writes. Returns how many bytes.
    pub(crate) fn write(&self, mount: u64, inode: u64, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let state = &mut *self.state();
        let path = state.check(mount, Target { inode, name: None })?;
        let bytes = match state.rule(Operation::Write, &path) {
            Some(Act::Fail(errno)) => return Err(errno),
            Some(Act::Lie) => return Ok(bytes.len()),
            Some(Act::Short(written)) => &bytes[..written.min(bytes.len())],
            None => bytes,
        };
        let grown = (offset + bytes.len() as u64).saturating_sub(state.disk.stat(inode)?.bytes);
        if state.disk.used_bytes() + grown > state.capacity_bytes {
            return Err(Errno::NOSPC);
        }
        let is_last = state.counts_down(&path);
        state.disk.write(inode, offset, bytes)?;
        if is_last { state.end() } else { Ok(bytes.len()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl State {
    /// The target's path, if there is power and the mount is of this time.
    fn check(&self, mount: u64, target: Target<'_>) -> Result<PathBuf, Errno> {
        if self.is_dark || mount != self.mount {
            return Err(Errno::IO);
        }
        let path = self.disk.path(target.inode);
        Ok(target.name.map_or_else(|| path.to_owned(), |name| path.join(name)))
    }

    /// What goes wrong this time.
    fn rule(&mut self, operation: Operation, path: &Path) -> Option<Act> {
        let mut rules = self.rules.iter_mut();
        let rule = rules.find(|rule| rule.operation == operation && contains(path, rule.path))?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        self.fault_count += 1;
        let act = rule.act;
        if matches!(act, Act::Short(_)) {
            rule.act = Act::Fail(Errno::IO);
        }
        Some(act)
    }

    /// Whether this change is the one with which the power goes.
    fn counts_down(&mut self, path: &Path) -> bool {
        match &mut self.cut {
            Some(cut) if contains(path, cut.path) && cut.after == 0 => true,
            Some(cut) if contains(path, cut.path) => {
                cut.after -= 1;
                false
            }
            _ => false,
        }
    }

    fn end<T>(&mut self) -> Result<T, Errno> {
        let cut = self.cut.take().expect("it has just been counted down");
        self.is_dark = !cut.power_stays;
        // It may have ended by itself.
        let _ = kill_process(cut.victim, Signal::KILL);
        Err(Errno::IO)
    }
}

fn contains(path: &Path, part: &str) -> bool {
    path.to_str().is_some_and(|path| path.contains(part))
}
