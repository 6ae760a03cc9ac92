//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use quittance_tuning::export::Form;
use quittance_tuning::pages::Pages;
use quittance_tuning::{Profile, Selection, fingerprint, jitter};

use crate::exit::EXIT_CODES;

/// The longest time to confirm in, seconds: a day. Who needs longer should not wait for it.
const CONFIRM_WITHIN_S_MAX: u64 = 86_400;

/// Shows what a machine is, tunes it for a payment authority, and undoes that again.
#[derive(Parser)]
#[command(name = "quittance-tune", version, after_help = EXIT_CODES)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) act: Act,
}

#[derive(Subcommand)]
pub(crate) enum Act {
    /// Print cores, caches, memory, limits, io_uring, NICs, the cores an authority would be given, and the findings.
    ///
    /// Changes nothing and needs no privilege. On the running machine it creates two small io_uring rings and closes
    /// them at once, to see whether they can be had. Limits and allowed cores are those of this process: run it under
    /// the same user, cgroup and unit as the authority. What the machine does not expose is shown as "not exposed".
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Print one JSON object instead of text: every field always there, null for what is not exposed, units at the
        /// end of names.
        #[arg(long)]
        json: bool,
        /// Read proc and sys below DIR, a copy of another machine's; no ring is tried then.
        #[arg(long, value_name = "DIR", default_value = "/")]
        sysroot: PathBuf,
    },
    /// Print what a profile would change, why and at what risk, and what only a person can change. Changes nothing.
    #[command(after_help = EXIT_CODES)]
    Plan(LookOptions),
    /// Say whether the machine is as a profile wants it, with exit code 3 if not. Opens nothing for writing.
    ///
    /// What a person has to do, what others set and what nobody can move is told and does not change the exit code.
    #[command(after_help = EXIT_CODES)]
    Check(LookOptions),
    /// Change what the plan says, and keep a journal of what was there before.
    ///
    /// Each old value is on the disk before the new one is written; each is read back. What one value comes to does not
    /// stop the next. Nothing outlasts a boot but the journal: have the command run at each start.
    #[command(after_help = EXIT_CODES)]
    Apply(ApplyOptions),
    /// Keep what the last `apply --confirm-within` changed.
    #[command(after_help = EXIT_CODES)]
    Confirm(StateOptions),
    /// Set back what was there before, wherever our value still stands.
    ///
    /// A value that somebody else has set since stays, is told, and is no longer ours to undo: exit code 6. Killed in
    /// the middle, it can be run again, as it can after an `apply` that was killed.
    #[command(after_help = EXIT_CODES)]
    Rollback(RollbackOptions),
    /// Print the journal: every run, value and outcome.
    #[command(after_help = EXIT_CODES)]
    History(HistoryOptions),
    /// Say what a knob is, why it matters, what it risks, where it is documented and who else sets it.
    #[command(after_help = EXIT_CODES)]
    Explain {
        /// Names as `plan` prints them, or patterns with `*`; all without any.
        #[arg(value_name = "KNOB")]
        knobs: Vec<String>,
        /// Print a JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print the plan as a shell script, systemd drop-ins, a boot line, or Kubernetes settings.
    #[command(after_help = EXIT_CODES)]
    Export(ExportOptions),
    /// Wait, and undo a run that nobody has confirmed by then. Started by `apply --confirm-within`.
    #[command(hide = true)]
    UndoUnlessConfirmed(UndoOptions),
    /// Watch cores: how long they keep a thread that only wants to run from running, and who took them.
    ///
    /// Binds a thread to each core, reads the clock back to back, and counts the times between two readings that are
    /// too long. Takes all of a core's time meanwhile; needs no privilege. On a machine at work the work is to blame.
    #[command(after_help = EXIT_CODES)]
    Jitter(jitter::Options),
    /// Print what figures measured here depend on, and one number that stands for all of it.
    ///
    /// Two results are comparable where the numbers are equal. Limits and allowed cores are those of this process.
    #[command(after_help = EXIT_CODES)]
    Fingerprint(fingerprint::Options),
    /// What shells and readers of manuals want.
    #[command(flatten)]
    Pages(Pages),
}

/// Which machine.
#[derive(Args, Clone)]
pub(crate) struct HostOptions {
    /// Work on proc and sys below DIR, a copy of another machine's, where ethtool/NIC/SETTING may stand for what ethtool
    /// knows.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) sysroot: PathBuf,
    /// Work in the network namespace NAME, on interfaces and net sysctls only. Takes root.
    #[arg(long, value_name = "NAME", conflicts_with = "sysroot")]
    pub(crate) netns: Option<String>,
}

/// What for, and what of it.
#[derive(Args, Clone)]
pub(crate) struct GroundOptions {
    /// What the machine is tuned for.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) profile: Profile,
    /// Only knobs with this name, or that match this pattern with `*`. May be repeated.
    #[arg(long, value_name = "KNOB")]
    only: Vec<String>,
    /// No knobs with this name, or that match this pattern. May be repeated.
    #[arg(long, value_name = "KNOB")]
    skip: Vec<String>,
    /// An interface to tune; the first decides which cores are near. May be repeated. Without any, those that have a
    /// device and are not down.
    #[arg(long, value_name = "NAME")]
    pub(crate) nic: Vec<String>,
    #[command(flatten)]
    pub(crate) host: HostOptions,
}

#[derive(Args)]
pub(crate) struct LookOptions {
    #[command(flatten)]
    pub(crate) ground: GroundOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Print one JSON object with `knobs`, an entry each, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct StateOptions {
    /// The directory of the journal, which also tells what was tried and does not move.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/quittance-tune")]
    pub(crate) state_dir: PathBuf,
}

#[derive(Args)]
pub(crate) struct ApplyOptions {
    #[command(flatten)]
    pub(crate) ground: GroundOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Print what would be changed, and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask. Without it a terminal is asked, and where there is none nothing is done.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Undo it all after this time (`60s`, `5m`) unless `quittance-tune confirm` comes before: for machines that a wrong
    /// value might cut off. A process of its own waits; it outlives the session, but not a unit's or container's end.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) confirm_within: Option<Duration>,
    /// Print one JSON object with `changes`, an entry each, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct RollbackOptions {
    #[command(flatten)]
    pub(crate) host: HostOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Print one JSON object with `changes`, an entry each, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct HistoryOptions {
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Print one JSON object with `records` instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ExportOptions {
    /// The language.
    #[arg(value_enum)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) ground: GroundOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
}

#[derive(Args)]
pub(crate) struct UndoOptions {
    #[command(flatten)]
    pub(crate) host: HostOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    #[arg(long)]
    pub(crate) run: u64,
    #[arg(long, value_parser = time)]
    pub(crate) within: Duration,
}

impl GroundOptions {
    pub(crate) fn selection(&self) -> Selection {
        Selection { only: self.only.clone(), skip: self.skip.clone() }
    }
}

/// A number of seconds, or with `s` or `m` behind it.
fn time(text: &str) -> Result<Duration, String> {
    let (digits, factor) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
    match seconds {
        Some(seconds @ 1..=CONFIRM_WITHIN_S_MAX) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("a time is a number of seconds from 1 to {CONFIRM_WITHIN_S_MAX}: 60, 60s, 5m")),
    }
}
