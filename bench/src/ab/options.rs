//! The command line of `ab`.

use super::knobs::{KNOBS, Knob, knob};
use crate::compare::{ACCOUNTS, PAYMENTS, Threshold, threshold};
use crate::options::RunOptions;
use clap::Args;
use quittance_tuning::{Kind, Profile, stage};

/// What stands before the name of a knob of the machine.
pub(super) const MACHINE_PREFIX: &str = "tune:";

/// Options of `ab`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("payments", |arg| arg.default_value(PAYMENTS)), mut_arg("accounts", |arg| arg.default_value(ACCOUNTS)))]
#[command(mut_arg("no_price", |arg| arg.hide(true)), mut_arg("slo", |arg| arg.hide(true)))]
#[command(mut_arg("phases", |arg| arg.hide(true)), mut_arg("faults", |arg| arg.hide(true)), mut_arg("out", |arg| arg.hide(true)))]
pub struct AbOptions {
    /// A knob of the run: see --list. Or tune:NAME, a knob of the machine by the name that `quittance-tune plan` prints.
    #[arg(value_name = "KNOB", value_parser = chosen, required_unless_present = "list")]
    pub knob: Option<Chosen>,
    /// Print the knobs of the run and what they are.
    #[arg(long)]
    pub list: bool,
    /// What the machine is tuned for, with tune:NAME [default: balanced].
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub profile: Option<Profile>,
    /// Blocks of four runs: with, without, without, with; or as is, tuned, tuned, as is.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=ROUND_COUNT_MAX))]
    pub rounds: u16,
    /// The smallest effect that matters, in per cent: smaller ones are neither better nor worse.
    #[arg(long, default_value = "3%", value_name = "PERCENT", value_parser = threshold)]
    pub threshold: Threshold,
    /// Of every run, but for what the knob sets.
    #[command(flatten)]
    pub run: RunOptions,
}

/// Fifty blocks take a quarter of an hour or more.
const ROUND_COUNT_MAX: i64 = 50;

/// The knob that is asked about.
#[derive(Clone, Copy, Debug)]
pub enum Chosen {
    /// One of the run's options.
    OfRun(Knob),
    /// One of the machine's settings.
    OfMachine(&'static Kind),
}

fn chosen(name: &str) -> Result<Chosen, String> {
    let Some(setting) = name.strip_prefix(MACHINE_PREFIX) else {
        let of_machine = |error| format!("{error}; and {MACHINE_PREFIX}NAME for what `quittance-tune plan` prints");
        return knob(name).map(Chosen::OfRun).map_err(of_machine);
    };
    let found = stage::kind(setting).map(|(_, kind)| Chosen::OfMachine(kind));
    found.ok_or_else(|| "the machine has no knob of that name; `quittance-tune explain` lists them".to_owned())
}

/// A line for each knob of the run, and where the others are.
pub fn list() -> String {
    let line = |knob: &Knob| format!("{:<12}{}\n{:12}({} / {})\n", knob.name, knob.what, "", knob.with, knob.without);
    let of_machine = format!("{MACHINE_PREFIX}NAME");
    let plan =
        "a setting of the machine, as a profile wants it: `quittance-tune plan --profile PROFILE` prints the names";
    format!(
        "{}{of_machine:<12}{plan}\n{:12}(as is / tuned; takes root)",
        KNOBS.iter().map(line).collect::<String>(),
        ""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_knob_and_says_where_those_of_the_machine_are() {
        assert!(KNOBS.iter().all(|knob| list().contains(knob.name) && list().contains(knob.without)), "{}", list());
        assert!(list().contains("tune:NAME") && list().contains("quittance-tune plan"), "{}", list());
    }

    #[test]
    fn every_knob_of_the_machine_is_known_by_its_name_and_no_other_is() {
        for (_, kind) in stage::kinds() {
            let found = chosen(&format!("tune:{}", kind.name)).unwrap();
            assert!(matches!(found, Chosen::OfMachine(found) if found.name == kind.name), "{found:?}");
        }
        assert!(chosen("tune:net.core.*").unwrap_err().contains("quittance-tune explain"));
        assert!(chosen("net.core.busy_read").unwrap_err().contains("tune:NAME"));
        assert!(matches!(chosen("gso").unwrap(), Chosen::OfRun(knob) if knob.name == "gso"));
    }
}
