//! What goes wrong when, as the command line says it. Pure.

use core::str::FromStr;

/// Most faults of one run.
pub const FAULT_COUNT_MAX: usize = 64;
/// A slowed authority is stopped for a part of each of these. Long against the 10 ms in which the load loop looks up, short
/// against what a timeline shows. Nanoseconds: 100 ms.
pub const SLOW_CYCLE_NS: u64 = 100_000_000;
/// The last moment of a fault: ten minutes. Nanoseconds.
const AT_NS_MAX: u64 = 600_000_000_000;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// To which authority.
    pub authority: usize,
    /// When it begins, from the start of the load; nanoseconds.
    pub at_ns: u64,
}

/// What happens to an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// SIGKILL.
    Kill,
    /// A process in the killed one's place, with its journals.
    Restart,
    /// SIGSTOP, and SIGCONT at this time.
    Stop {
        /// From the start of the load; nanoseconds.
        until_ns: u64,
    },
    /// Stopped for this share of every [`SLOW_CYCLE_NS`], until this time.
    Slow {
        /// From the start of the load; nanoseconds.
        until_ns: u64,
        /// 1 to 99.
        percent: u8,
    },
}

/// What is done at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// From the start of the load; nanoseconds.
    pub at_ns: u64,
    /// The authority.
    pub authority: usize,
    /// What is done.
    pub act: Act,
    /// What the timeline calls it; nothing for the beats of a slowed authority.
    pub name: Option<&'static str>,
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// SIGKILL.
    Kill,
    /// Start it again.
    Restart,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

/// Why a text is no fault, or faults do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Another form.
    #[error("`{0}` is no fault: write kill:1@3s, restart:1@6s, stop:1@3s..5s, or slow:1@3s..6s=80%")]
    Form(String),
    /// A time that is none.
    #[error("`{0}` is no time: write 3s, 2.5s or 800ms, at most 600s")]
    Time(String),
    /// An interval that ends before it begins.
    #[error("`{0}` ends before it begins")]
    Backwards(String),
    /// A share that is none.
    #[error("`{0}` is no share: write 1% to 99%")]
    Share(String),
    /// More than the tool takes.
    #[error("at most {FAULT_COUNT_MAX} faults")]
    TooMany,
    /// There is no such authority.
    #[error("there is no authority {authority}: the committee has {count}, counted from 0")]
    Authority {
        /// The number given.
        authority: usize,
        /// How many there are.
        count: usize,
    },
    /// It cannot be done to a process in that state.
    #[error("authority {authority} cannot be {what} at {:.1} s: by then it {state}", *at_ns as f64 / 1e9)]
    Order {
        /// The authority.
        authority: usize,
        /// What is asked for.
        what: &'static str,
        /// When.
        at_ns: u64,
        /// Why not.
        state: &'static str,
    },
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let form = || FaultError::Form(text.to_owned());
        let (name, rest) = text.split_once(':').ok_or_else(form)?;
        let (authority, times) = rest.split_once('@').ok_or_else(form)?;
        let authority = authority.parse().map_err(|_| form())?;
        let (times, share) = times.split_once('=').map_or((times, None), |(times, share)| (times, Some(share)));
        let (from, to) = times.split_once("..").map_or((times, None), |(from, to)| (from, Some(to)));
        let at_ns = time_ns(from)?;
        let until_ns = to.map(time_ns).transpose()?;
        if until_ns.is_some_and(|until_ns| until_ns <= at_ns) {
            return Err(FaultError::Backwards(times.to_owned()));
        }
        let kind = match (name, until_ns, share) {
            ("kill", None, None) => FaultKind::Kill,
            ("restart", None, None) => FaultKind::Restart,
            ("stop", Some(until_ns), None) => FaultKind::Stop { until_ns },
            ("slow", Some(until_ns), Some(share)) => FaultKind::Slow { until_ns, percent: percent(share)? },
            _ => return Err(form()),
        };
        Ok(Self { kind, authority, at_ns })
    }
}

fn percent(text: &str) -> Result<u8, FaultError> {
    let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
    number.filter(|number| (1..=99).contains(number)).ok_or_else(|| FaultError::Share(text.to_owned()))
}

/// `3s`, `2.5s`, `800ms` in nanoseconds: at most three digits behind the point.
fn time_ns(text: &str) -> Result<u64, FaultError> {
    let wrong = || FaultError::Time(text.to_owned());
    let (number, unit_ns) = match text.strip_suffix("ms") {
        Some(number) => (number, 1_000_000),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1_000_000_000_u64),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 3 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    let thousandths: u64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let ns = whole.checked_mul(unit_ns).map(|ns| ns + thousandths * (unit_ns / 1_000));
    ns.filter(|ns| *ns <= AT_NS_MAX).ok_or_else(wrong)
}

/// All faults as steps, in the order of time.
///
/// # Errors
/// [`FaultError`] if there are too many, for no authority of so many, or in an order that makes no sense.
pub fn steps(faults: &[Fault], authority_count: usize) -> Result<Vec<Step>, FaultError> {
    if faults.len() > FAULT_COUNT_MAX {
        return Err(FaultError::TooMany);
    }
    if let Some(fault) = faults.iter().find(|fault| fault.authority >= authority_count) {
        return Err(FaultError::Authority { authority: fault.authority, count: authority_count });
    }
    let mut steps: Vec<Step> = faults.iter().flat_map(|fault| fault.steps()).collect();
    steps.sort_by_key(|step| step.at_ns);
    (0..authority_count).try_for_each(|authority| check(authority, &steps))?;
    Ok(steps)
}

/// Who is dead cannot be stopped, and who lives cannot be started.
fn check(authority: usize, steps: &[Step]) -> Result<(), FaultError> {
    let (mut is_dead, mut is_stopped) = (false, false);
    for step in steps.iter().filter(|step| step.authority == authority) {
        let wrong = |what, state| Err(FaultError::Order { authority, what, at_ns: step.at_ns, state });
        match step.act {
            Act::Kill if is_dead => return wrong("killed", "is dead"),
            Act::Kill => (is_dead, is_stopped) = (true, false),
            Act::Restart if !is_dead => return wrong("started again", "is not dead"),
            Act::Restart => is_dead = false,
            Act::Stop if is_dead => return wrong("stopped", "is dead"),
            Act::Stop if is_stopped => return wrong("stopped", "is stopped"),
            Act::Stop => is_stopped = true,
            Act::Continue if !is_stopped => return wrong("continued", "is not stopped"),
            Act::Continue => is_stopped = false,
        }
    }
    Ok(())
}

impl Fault {
    fn steps(self) -> Vec<Step> {
        let step = |at_ns, act, name| Step { at_ns, authority: self.authority, act, name };
        match self.kind {
            FaultKind::Kill => vec![step(self.at_ns, Act::Kill, Some("kill"))],
            FaultKind::Restart => vec![step(self.at_ns, Act::Restart, Some("restart"))],
            FaultKind::Stop { until_ns } => {
                vec![step(self.at_ns, Act::Stop, Some("stop")), step(until_ns, Act::Continue, Some("continue"))]
            }
            FaultKind::Slow { until_ns, percent } => {
                let stopped_ns = SLOW_CYCLE_NS / 100 * u64::from(percent);
                let mut steps = Vec::new();
                let mut at_ns = self.at_ns;
                while at_ns < until_ns {
                    let is_last = at_ns + SLOW_CYCLE_NS >= until_ns;
                    let end_ns = (at_ns + stopped_ns).min(until_ns);
                    steps.push(step(at_ns, Act::Stop, (at_ns == self.at_ns).then_some("slow")));
                    steps.push(step(end_ns, Act::Continue, is_last.then_some("continue")));
                    at_ns += SLOW_CYCLE_NS;
                }
                steps
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn fault(text: &str) -> Result<Fault, FaultError> {
        text.parse()
    }

    #[test]
    fn faults_are_read_as_they_are_written() {
        let at = |kind, authority, at_ns| Ok(Fault { kind, authority, at_ns });
        assert_eq!(fault("kill:1@3s"), at(FaultKind::Kill, 1, 3 * S));
        assert_eq!(fault("restart:12@800ms"), at(FaultKind::Restart, 12, S * 8 / 10));
        assert_eq!(fault("stop:0@2.5s..5s"), at(FaultKind::Stop { until_ns: 5 * S }, 0, S * 5 / 2));
        assert_eq!(fault("slow:3@1s..2s=80%"), at(FaultKind::Slow { until_ns: 2 * S, percent: 80 }, 3, S));
        for text in ["", "kill", "kill:1", "kill:x@1s", "kill:1@1s..2s", "stop:1@1s", "slow:1@1s..2s", "boil:1@1s"] {
            assert_eq!(fault(text), Err(FaultError::Form(text.to_owned())), "{text}");
        }
        for (text, time) in
            [("kill:1@3", "3"), ("kill:1@601s", "601s"), ("kill:1@1.2345s", "1.2345s"), ("kill:1@-1s", "-1s")]
        {
            assert_eq!(fault(text), Err(FaultError::Time(time.to_owned())), "{text}");
        }
        assert_eq!(fault("stop:1@3s..3s"), Err(FaultError::Backwards("3s..3s".to_owned())));
        for share in ["0%", "100%", "80", "x%"] {
            assert_eq!(fault(&format!("slow:1@1s..2s={share}")), Err(FaultError::Share(share.to_owned())));
        }
    }

    #[test]
    fn steps_come_in_the_order_of_time_and_a_slowed_one_beats() {
        let faults = ["restart:1@6s", "slow:2@1s..1250ms=80%", "kill:1@2s"].map(|text| fault(text).unwrap());
        let steps = steps(&faults, 4).unwrap();
        let seen: Vec<_> = steps.iter().map(|step| (step.at_ns / 1_000_000, step.act, step.name)).collect();
        let slow = [
            (1_000, Act::Stop, Some("slow")),
            (1_080, Act::Continue, None),
            (1_100, Act::Stop, None),
            (1_180, Act::Continue, None),
            (1_200, Act::Stop, None),
            (1_250, Act::Continue, Some("continue")),
        ];
        assert_eq!(seen[..6], slow);
        assert_eq!(seen[6..], [(2_000, Act::Kill, Some("kill")), (6_000, Act::Restart, Some("restart"))]);
    }

    #[test]
    fn what_cannot_be_done_is_refused_before_anything_runs() {
        let order = |texts: &[&str]| {
            let faults: Vec<Fault> = texts.iter().map(|text| fault(text).unwrap()).collect();
            match steps(&faults, 4) {
                Err(FaultError::Order { what, state, .. }) => Some((what, state)),
                Err(other) => panic!("{other}"),
                Ok(_) => None,
            }
        };
        assert_eq!(order(&["kill:1@1s", "kill:1@2s"]), Some(("killed", "is dead")));
        assert_eq!(order(&["restart:1@1s"]), Some(("started again", "is not dead")));
        assert_eq!(order(&["kill:1@1s", "stop:1@2s..3s"]), Some(("stopped", "is dead")));
        assert_eq!(order(&["stop:1@1s..4s", "slow:1@2s..3s=50%"]), Some(("stopped", "is stopped")));
        assert_eq!(order(&["stop:1@1s..4s", "kill:1@2s"]), Some(("continued", "is not stopped")));
        assert_eq!(order(&["kill:1@1s", "restart:1@2s", "kill:1@3s", "stop:2@1s..9s"]), None);
        let far = fault("kill:4@1s").unwrap();
        assert_eq!(steps(&[far], 4), Err(FaultError::Authority { authority: 4, count: 4 }));
        assert_eq!(steps(&[far; 65], 9), Err(FaultError::TooMany));
    }
}
