//! Faults, brought about while the load goes on.

use super::spec::{Act, Step};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::process::AuthorityProcess;
use crate::recording::Event;
use crate::world::Watch;
use std::collections::VecDeque;
use std::time::Instant;

/// Looks after signals and child processes, as every run does, and does to the processes what the steps say. The load loop
/// calls it every ten milliseconds, so a step comes at most so much late.
pub struct Crew<'a, S> {
    processes: &'a mut [AuthorityProcess],
    interrupt: &'a Interrupt,
    /// Starts an authority anew.
    start: S,
    started: Instant,
    steps: VecDeque<Step>,
    is_dead: Vec<bool>,
    /// Started again, and not ready so far.
    is_awaited: Vec<bool>,
    events: Vec<Event>,
}

impl<'a, S: FnMut(usize) -> Result<AuthorityProcess, BenchError>> Crew<'a, S> {
    /// The load begins now.
    pub fn new(processes: &'a mut [AuthorityProcess], interrupt: &'a Interrupt, steps: &[Step], start: S) -> Self {
        let count = processes.len();
        Self {
            processes,
            interrupt,
            start,
            started: Instant::now(),
            steps: steps.iter().copied().collect(),
            is_dead: vec![false; count],
            is_awaited: vec![false; count],
            events: Vec::new(),
        }
    }

    /// What happened, in the order of time; whoever is stopped goes on.
    pub fn dismiss(self) -> Vec<Event> {
        for (process, is_dead) in self.processes.iter().zip(&self.is_dead) {
            if !is_dead {
                process.resume();
            }
        }
        self.events
    }

    fn act(&mut self, step: Step, now_ns: u64) -> Result<(), BenchError> {
        let process = &mut self.processes[step.authority];
        match step.act {
            Act::Kill => {
                process.kill();
                self.is_dead[step.authority] = true;
                self.is_awaited[step.authority] = false;
            }
            Act::Restart => {
                *process = (self.start)(step.authority)?;
                self.is_dead[step.authority] = false;
                self.is_awaited[step.authority] = true;
            }
            Act::Stop => process.pause(),
            Act::Continue => process.resume(),
        }
        self.note(step.name, step.authority, now_ns);
        Ok(())
    }

    fn note(&mut self, name: Option<&str>, authority: usize, at_ns: u64) {
        let Some(name) = name else { return };
        eprintln!("{:.1} s: authority {authority}: {name}", std::time::Duration::from_nanos(at_ns).as_secs_f64());
        self.events.push(Event { at_ns, authority, what: name.to_owned() });
    }
}

impl<S: FnMut(usize) -> Result<AuthorityProcess, BenchError>> Watch for Crew<'_, S> {
    fn look(&mut self) -> Result<(), BenchError> {
        self.interrupt.check()?;
        let now_ns = u64::try_from(self.started.elapsed().as_nanos()).expect("584 years in nanoseconds fit");
        while let Some(step) = self.steps.front().copied().filter(|step| step.at_ns <= now_ns) {
            self.steps.pop_front();
            self.act(step, now_ns)?;
        }
        for authority in 0..self.processes.len() {
            if self.is_dead[authority] {
                continue;
            }
            self.processes[authority].check_alive()?;
            if self.is_awaited[authority] && self.processes[authority].has_become_ready() {
                self.is_awaited[authority] = false;
                self.note(Some("ready"), authority, now_ns);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{Fault, steps};
    use std::path::Path;
    use std::time::Duration;

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
        let interrupt = Interrupt::catch().unwrap();
        let mut crew = Crew::new(&mut processes, &interrupt, &steps(&faults, 2).unwrap(), start);
        while !crew.events.iter().any(|event| event.what == "ready") {
            crew.look().unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        while state(&crew.processes[1]) != 'T' {
            std::thread::sleep(Duration::from_millis(2));
        }
        let seen: Vec<(usize, String)> =
            crew.dismiss().into_iter().map(|event| (event.authority, event.what)).collect();
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
        let interrupt = Interrupt::catch().unwrap();
        let mut crew = Crew::new(&mut processes, &interrupt, &[], start);
        crew.look().unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
        let error = loop {
            match crew.look() {
                Ok(()) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, BenchError::Died { index: 0, .. }), "{error}");
    }
}
