//! The table of knobs.

use crate::compare::{Condition, Side};
use crate::cores::Cores;
use crate::error::BenchError;
use crate::options::{BackendChoice, RunOptions, TransportChoice};
use core::fmt;
use serde::Serialize;

/// Something that a run may have or not.
#[derive(Clone, Copy, Serialize)]
pub struct Knob {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The side that has it.
    pub with: &'static str,
    /// The side that has not.
    pub without: &'static str,
    /// Sets a side's options, and gives what must hold while it runs.
    #[serde(skip)]
    pub set: SetKnob,
    /// Why these options, or this machine, leave it without a meaning.
    #[serde(skip)]
    pub refusal: fn(&RunOptions, &Cores) -> Option<&'static str>,
}

/// See [`Knob::set`].
pub type SetKnob = fn(Setting, &mut RunOptions, &Cores) -> Option<Box<dyn Condition>>;

impl fmt::Debug for Knob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Knob").field(&self.name).finish()
    }
}

/// How a knob stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// As it is meant to be.
    With,
    /// Without it.
    Without,
}

impl Setting {
    /// A has the knob.
    pub const fn of(side: Side) -> Self {
        match side {
            Side::A => Self::With,
            Side::B => Self::Without,
        }
    }

    const fn is_with(self) -> bool {
        matches!(self, Self::With)
    }

    fn choose<T>(self, with: T, without: T) -> T {
        if self.is_with() { with } else { without }
    }
}

/// All knobs.
pub const KNOBS: [Knob; 8] = [
    Knob {
        name: "gso",
        what: "segmented sends (UDP GSO) and merged receives (UDP GRO), on both sides",
        with: "segmented sends, merged receives",
        without: "one datagram at a time",
        set: |setting, options, _| {
            options.no_gso = !setting.is_with();
            None
        },
        refusal: always,
    },
    Knob {
        name: "transport",
        what: "io_uring instead of recvmmsg and sendmmsg, on both sides",
        with: "io_uring",
        without: "recvmmsg",
        set: |setting, options, _| {
            options.transport = setting.choose(TransportChoice::IoUring, TransportChoice::Recvmmsg);
            None
        },
        refusal: always,
    },
    Knob {
        name: "backend",
        what: "signature checks in AVX-512 IFMA",
        with: "ifma",
        without: "portable",
        set: |setting, options, _| {
            options.backend = setting.choose(BackendChoice::Ifma, BackendChoice::Portable);
            None
        },
        refusal: always,
    },
    Knob {
        name: "hint",
        what: "the x coordinate of each signature's R along with the order",
        with: "orders with the hint",
        without: "orders without it",
        set: |setting, options, _| {
            options.hint = setting.is_with();
            None
        },
        refusal: always,
    },
    Knob {
        name: "history",
        what: "the history that an authority keeps beside its journal",
        with: "history is kept",
        without: "no history",
        set: |setting, options, _| {
            options.no_history = !setting.is_with();
            None
        },
        refusal: |options, _| options.volatile.then_some("a volatile authority keeps no history; leave out --volatile"),
    },
    Knob {
        name: "durability",
        what: "the journal: what an authority says leaves when it cannot be forgotten any more",
        with: "durable",
        without: "volatile",
        set: |setting, options, _| {
            options.volatile = !setting.is_with();
            None
        },
        refusal: always,
    },
    Knob {
        name: "verifiers",
        what: "threads of their own for signature checks: as many as --verifiers says, or one",
        with: "verifier threads",
        without: "shards verify themselves",
        set: |setting, options, _| {
            options.verifiers = setting.choose(options.verifiers.max(1), 0);
            None
        },
        refusal: always,
    },
    Knob {
        name: "cores",
        what: "a core for the load loop that no authority has",
        with: "cores apart",
        without: "one core for all",
        set: |setting, _, cores| {
            let confined = OnOneCore { cores: cores.clone() };
            (!setting.is_with()).then(|| Box::new(confined) as Box<dyn Condition>)
        },
        refusal: |_, cores| {
            (!cores.generator_owns_core())
                .then_some("this process may use one core only, so there is nothing to divide")
        },
    },
];

/// It has a meaning everywhere.
const fn always(_: &RunOptions, _: &Cores) -> Option<&'static str> {
    None
}

/// The thread and all that it starts have to share the generator's core.
struct OnOneCore {
    cores: Cores,
}

impl Condition for OnOneCore {
    fn establish(&self) -> Result<(), BenchError> {
        if self.cores.pin_generator() {
            return Ok(());
        }
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        Err(BenchError::machine(format!("pinning to core {}", self.cores.generator), error, ""))
    }

    fn restore(&self) -> Result<(), BenchError> {
        self.cores.unpin();
        Ok(())
    }
}

/// The knob of this name.
///
/// # Errors
/// The names that there are.
pub fn knob(name: &str) -> Result<Knob, String> {
    let found = KNOBS.into_iter().find(|knob| knob.name == name);
    found.ok_or_else(|| format!("there are {}", KNOBS.map(|knob| knob.name).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Cli;
    use clap::Parser;

    fn base(arguments: &[&str]) -> RunOptions {
        Cli::parse_from(["quittance-bench"].iter().chain(arguments)).run
    }

    fn cores(available: usize) -> Cores {
        let generator = available - 1;
        let authority = if generator == 0 { vec![0] } else { (0..generator).collect() };
        Cores { available: (0..available).collect(), authority, generator }
    }

    /// Both sides' options as text, and whether they run under a condition.
    fn sides(knob: &Knob, base: &RunOptions) -> [(String, bool); 2] {
        [Setting::With, Setting::Without].map(|setting| {
            let mut options = base.clone();
            let condition = (knob.set)(setting, &mut options, &cores(2));
            (format!("{options:?}"), condition.is_some())
        })
    }

    #[test]
    fn every_knob_makes_a_difference_whatever_the_options_said_before() {
        let contrary = ["--no-gso", "--hint", "--transport", "recvmmsg", "--backend", "portable", "--no-history"];
        for options in [&[][..], &contrary, &["--volatile"], &["--verifiers", "3"]] {
            for knob in &KNOBS {
                let [with, without] = sides(knob, &base(options));
                assert_ne!(with, without, "{} with {options:?}", knob.name);
                let again = sides(knob, &base(options));
                assert_eq!([with, without], again, "{}", knob.name);
            }
        }
    }

    #[test]
    fn a_knob_leaves_everything_else_alone() {
        let set = |name: &str, setting| {
            let mut options = base(&["--verifiers", "3", "--seed", "9"]);
            (knob(name).unwrap().set)(setting, &mut options, &cores(2));
            options
        };
        let without = set("verifiers", Setting::Without);
        assert_eq!((set("verifiers", Setting::With).verifiers, without.verifiers), (3, 0));
        assert_eq!((without.seed, without.no_gso, without.volatile), (9, false, false));
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        let refusal = |name: &str, options: &[&str], core_count| {
            let knob = knob(name).unwrap();
            (knob.refusal)(&base(options), &cores(core_count)).is_some()
        };
        assert!(refusal("history", &["--volatile"], 2) && !refusal("history", &[], 2));
        assert!(refusal("cores", &[], 1) && !refusal("cores", &[], 2));
        assert!(!refusal("durability", &["--volatile"], 2));
        assert!(knob("luck").unwrap_err().contains("gso, transport"));
    }

    #[test]
    fn a_thread_on_one_core_divides_one_core_and_is_let_go_again() {
        std::thread::spawn(|| {
            let cores = Cores::divide();
            let condition = OnOneCore { cores: cores.clone() };
            condition.establish().unwrap();
            assert!(!Cores::divide().generator_owns_core());
            condition.restore().unwrap();
            assert_eq!(Cores::divide(), cores);
        })
        .join()
        .unwrap();
    }
}
