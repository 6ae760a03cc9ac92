//! Faults, brought about while the load goes on.

use super::spec::{Act, Step};
use crate::error::BenchError;
use crate::process::AuthorityProcess;
use crate::recording::Event;
use crate::view::say;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Starts an authority anew.
pub type Start<'a> = dyn FnMut(usize) -> Result<AuthorityProcess, BenchError> + 'a;

/// Does to the processes what the steps say. The load loop asks it every ten milliseconds, so a step comes at most so much
/// late.
#[derive(Debug, Default)]
pub struct Crew {
    /// When the load began; not before the first look.
    started: Option<Instant>,
    steps: VecDeque<Step>,
    /// Authorities that are dead.
    is_dead: BTreeSet<usize>,
    /// Authorities that were started again, and are not ready so far.
    is_awaited: BTreeSet<usize>,
    events: Vec<Event>,
}

impl Crew {
    /// A crew with this to do. The load begins with its first look.
    pub fn new(steps: &[Step]) -> Self {
        Self { steps: steps.iter().copied().collect(), ..Self::default() }
    }

    /// Does what is due, and sees whether everyone else lives. Nothing is started but by `start`.
    ///
    /// # Errors
    /// [`BenchError::Died`] if someone died by himself; what `start` says.
    pub fn look(&mut self, processes: &mut [AuthorityProcess], start: &mut Start<'_>) -> Result<(), BenchError> {
        let elapsed = self.started.get_or_insert_with(Instant::now).elapsed();
        let now_ns = u64::try_from(elapsed.as_nanos()).expect("584 years in nanoseconds fit");
        while let Some(step) = self.steps.front().copied().filter(|step| step.at_ns <= now_ns) {
            self.steps.pop_front();
            self.act(step, now_ns, &mut processes[step.authority], start)?;
        }
        for (authority, process) in processes.iter_mut().enumerate() {
            if self.is_dead.contains(&authority) {
                continue;
            }
            process.check_alive()?;
            if self.is_awaited.contains(&authority) && process.has_become_ready() {
                self.is_awaited.remove(&authority);
                self.note(Some("ready"), authority, now_ns);
            }
        }
        Ok(())
    }

    /// Lets everyone go on who is stopped, and does no more. Returns what happened, in the order of time.
    pub fn dismiss(&mut self, processes: &[AuthorityProcess]) -> Vec<Event> {
        self.steps.clear();
        let living = processes.iter().enumerate().filter(|(authority, _)| !self.is_dead.contains(authority));
        living.for_each(|(_, process)| process.resume());
        core::mem::take(&mut self.events)
    }

    fn act(
        &mut self,
        step: Step,
        now_ns: u64,
        process: &mut AuthorityProcess,
        start: &mut Start<'_>,
    ) -> Result<(), BenchError> {
        match step.act {
            Act::Kill => {
                process.kill();
                self.is_dead.insert(step.authority);
                self.is_awaited.remove(&step.authority);
            }
            Act::Restart => {
                *process = start(step.authority)?;
                self.is_dead.remove(&step.authority);
                self.is_awaited.insert(step.authority);
            }
            Act::Stop => process.pause(),
            Act::Continue => process.resume(),
        }
        self.note(step.name, step.authority, now_ns);
        Ok(())
    }

    fn note(&mut self, name: Option<&str>, authority: usize, at_ns: u64) {
        let Some(name) = name else { return };
        say(&format!("{:.1} s: authority {authority}: {name}", Duration::from_nanos(at_ns).as_secs_f64()));
        self.events.push(Event { at_ns, authority, what: name.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{Fault, steps};
    use std::path::Path;

    /// A shell in an authority's place, which says that it is ready.
    fn start(index: usize) -> Result<AuthorityProcess, BenchError> {
        let script = r#"echo '{"event":"ready"}'; exec sleep 60"#;
        AuthorityProcess::start(index, Path::new("/bin/sh"), &["-c".into(), script.into()])
    }

    /// The kernel's letter for what a process does.
    fn state(process: &AuthorityProcess) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    #[test]
    fn who_is_killed_comes_back_and_who_is_stopped_goes_on() {
        let mut processes = vec![start(0).unwrap(), start(1).unwrap()];
        let first = processes[0].id();
        let faults = ["kill:0@0ms", "restart:0@20ms", "stop:1@0ms..599s"];
        let faults = faults.map(|text| text.parse::<Fault>().unwrap());
        let mut crew = Crew::new(&steps(&faults, 2).unwrap());
        while !crew.events.iter().any(|event| event.what == "ready") {
            crew.look(&mut processes, &mut start).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        while state(&processes[1]) != 'T' {
            std::thread::sleep(Duration::from_millis(2));
        }
        let seen: Vec<(usize, String)> =
            crew.dismiss(&processes).into_iter().map(|event| (event.authority, event.what)).collect();
        assert_eq!(
            seen,
            [(0, "kill"), (1, "stop"), (0, "restart"), (0, "ready")].map(|(of, what)| (of, what.to_owned()))
        );
        assert_ne!(processes[0].id(), first);
        while state(&processes[1]) == 'T' {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn who_dies_unasked_ends_the_run() {
        let mut processes = vec![start(0).unwrap()];
        let id = rustix::process::Pid::from_raw(i32::try_from(processes[0].id()).unwrap()).unwrap();
        let mut crew = Crew::new(&[]);
        crew.look(&mut processes, &mut start).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
        let error = loop {
            match crew.look(&mut processes, &mut start) {
                Ok(()) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, BenchError::Died { index: 0, .. }), "{error}");
    }
}
