//! What a person waits for: the wallet's own command, payment after payment, against four durable authorities on this machine.
//!
//! Every payment is a process of its own, as it is for whoever types it: it reads keys and book, syncs the order to the book,
//! asks all authorities over UDP, syncs the certificate, and waits for a quorum's receipts. The times are what the command
//! itself tells: from the order's signature on.

use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::journals::Journals;
use crate::latency::{Latency, LatencySummary};
use crate::locate;
use crate::ports::find_rows;
use crate::process::AuthorityProcess;
use crate::progress::Progress;
use crate::report::{grid, right_aligned};
use crate::scene::HOST;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// Authorities, and shards of each: what `quittance-authority local` makes.
const PORT_COUNT: u16 = 4 * 2;

/// Options of `pay`.
#[derive(Clone, Debug, Args)]
pub struct PayOptions {
    /// Payments, one after the other.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub payments: u32,
    /// Where the committee and the wallet keep their files, in a folder that is removed at the end; in memory (tmpfs) the figures
    /// mean nothing [default: TMPDIR].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// The authority's executable [default: the one beside this one; built first under cargo].
    #[arg(long, value_name = "PATH")]
    pub authority_binary: Option<PathBuf>,
    /// The wallet's executable [default: the one beside this one; built first under cargo].
    #[arg(long, value_name = "PATH")]
    pub wallet_binary: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct PayReport {
    /// The command that repeats the run.
    pub command: String,
    /// This program's version.
    pub version: &'static str,
    /// Payments that are final.
    pub payments: u32,
    /// From the order's signature to the certificate, milliseconds.
    pub certified_ms: Milliseconds,
    /// From the order's signature to finality, milliseconds.
    pub final_ms: Milliseconds,
    /// The whole command, from its start to its end, milliseconds: with the question whether a quorum would vote, and the wait
    /// for authorities behind the quorum.
    pub command_ms: Milliseconds,
    /// One flush of 4 KiB in the same folder before the run; microseconds.
    pub disk_flush_us: LatencySummary,
    /// Whether that folder lies in memory: then nothing was flushed, and no figure means anything.
    pub in_memory: bool,
    /// Whether the balances at the end are what the payments make of them, by a quorum's word.
    pub balances_ok: bool,
}

/// Quantiles, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Milliseconds {
    /// Median.
    pub p50: f64,
    /// 90 of 100 are no longer.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// The committee's and the wallet's files.
struct Place {
    folder: TempDir,
    wallet: PathBuf,
}

/// The times of payments so far.
#[derive(Default)]
struct Times {
    certified: Latency,
    settled: Latency,
    command: Latency,
}

/// Runs the payments.
///
/// # Errors
/// The machine's faults; [`BenchError::Wallet`] if a payment does not become final.
pub fn pay(options: &PayOptions, command: String) -> Result<PayReport, BenchError> {
    let interrupt = Interrupt::catch()?;
    let authority = locate::authority(options.authority_binary.as_deref())?;
    let wallet = locate::wallet(options.wallet_binary.as_deref())?;
    let place = Place::make(options.data.as_deref(), wallet)?;
    let disk = Journals::make(&[], place.folder.path())?;
    let (in_memory, disk_flush_us) = (disk.in_memory()?, disk.disk_flush_us()?);
    drop(disk);
    let accounts = place.make_accounts(options.payments)?;
    let mut committee = place.start_committee(&authority)?;
    committee.await_event("committee_ready", &mut || interrupt.check())?;
    let mut times = Times::default();
    let progress = Progress::start("paying", options.payments.into());
    for _ in 0..options.payments {
        interrupt.check()?;
        committee.check_alive()?;
        place.pay(&accounts, &mut times)?;
        progress.add(1);
    }
    progress.finish();
    let balances = accounts.iter().map(|account| place.balance(account)).collect::<Result<Vec<_>, _>>()?;
    committee.stop();
    let expected = [0, i64::from(options.payments)];
    Ok(PayReport {
        command,
        version: env!("CARGO_PKG_VERSION"),
        payments: options.payments,
        certified_ms: Milliseconds::of(&times.certified),
        final_ms: Milliseconds::of(&times.settled),
        command_ms: Milliseconds::of(&times.command),
        disk_flush_us,
        in_memory,
        balances_ok: balances == expected,
    })
}

impl Place {
    fn make(data: Option<&Path>, wallet: PathBuf) -> Result<Self, BenchError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("quittance-bench-");
        let folder = data.map_or_else(|| builder.tempdir(), |data| builder.tempdir_in(data));
        let remedy = "; name another folder with --data";
        Ok(Self { folder: folder.map_err(|error| BenchError::machine("making a folder", error, remedy))?, wallet })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A payer who has 1 unit for each payment, and a payee who has nothing; and the genesis file that says so.
    fn make_accounts(&self, payments: u32) -> Result<[String; 2], BenchError> {
        let made = |funding: u32| {
            let made = self.wallet(&["create-accounts", "1", "--funding", &funding.to_string()])?;
            let words = |name: &str| made[name][0].as_str().unwrap_or_default().to_owned();
            Ok::<_, BenchError>((words("accounts"), words("genesis_lines")))
        };
        let ((payer, first), (payee, second)) = (made(payments)?, made(0)?);
        let genesis = format!("{}\n{first}\n{second}\n", quittance_engine::genesis::FIRST_LINE);
        let written = std::fs::write(self.path("genesis.txt"), genesis);
        written.map_err(|error| BenchError::machine("writing the genesis file", error, ""))?;
        Ok([payer, payee])
    }

    fn start_committee(&self, authority: &Path) -> Result<AuthorityProcess, BenchError> {
        let port = find_rows(HOST, 1, PORT_COUNT)?[0].to_string();
        let arguments: [OsString; 8] = [
            "local".into(),
            "--json".into(),
            "--dir".into(),
            self.path("committee").into(),
            "--genesis".into(),
            self.path("genesis.txt").into(),
            "--port".into(),
            port.into(),
        ];
        AuthorityProcess::start(0, authority, &arguments)
    }

    fn pay(&self, [payer, payee]: &[String; 2], times: &mut Times) -> Result<(), BenchError> {
        let started = Instant::now();
        let paid = self.asking(&["pay", "1", "--from", payer, "--to", payee])?;
        let whole_ms = started.elapsed().as_secs_f64() * 1e3;
        let told = |name: &str| paid[name].as_f64().ok_or_else(|| strange(&paid));
        times.certified.record(nanoseconds(told("certified_ms")?));
        times.settled.record(nanoseconds(told("elapsed_ms")?));
        times.command.record(nanoseconds(whole_ms));
        Ok(())
    }

    /// What a quorum says that an account has.
    fn balance(&self, account: &str) -> Result<i64, BenchError> {
        let asked = self.asking(&["balance", account, "--quorum"])?;
        asked["balance"].as_i64().ok_or_else(|| strange(&asked))
    }

    /// A command that asks the committee.
    fn asking(&self, arguments: &[&str]) -> Result<Value, BenchError> {
        let files = ["committee/committee.toml", "genesis.txt"].map(|name| self.path(name));
        let [committee, genesis] = files.each_ref().map(|path| path.to_str().unwrap_or_default());
        self.wallet(&[arguments, &["--committee", committee, "--genesis", genesis]].concat())
    }

    /// Runs a command of the wallet, and takes what it prints.
    fn wallet(&self, arguments: &[&str]) -> Result<Value, BenchError> {
        let mut command = Command::new(&self.wallet);
        command.args(arguments).arg("--json").arg("--wallet").arg(self.path("wallet"));
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| BenchError::machine("running the wallet", error, ""))?;
        if !output.status.success() {
            let what = format!("the wallet's command `{}` failed ({}); see above", arguments[0], output.status);
            return Err(BenchError::Wallet(what));
        }
        serde_json::from_slice(&output.stdout).map_err(|_| BenchError::Wallet("the wallet prints no JSON".to_owned()))
    }
}

impl Milliseconds {
    fn of(latency: &Latency) -> Self {
        let LatencySummary { p50, p90, p99, max, .. } = latency.summary();
        let [p50, p90, p99, max] = [p50, p90, p99, max].map(|us| us / 1e3);
        Self { p50, p90, p99, max }
    }
}

impl PayReport {
    /// What went wrong, one sentence each; empty if the run is good.
    pub fn failures(&self) -> Vec<String> {
        let wrong = || "the balances at the end are not what the payments make of them".to_owned();
        (!self.balances_ok).then(wrong).into_iter().collect()
    }
}

/// The report as text.
pub fn table(report: &PayReport) -> String {
    let mut table = grid(&["from the signed order (ms)", "p50", "p90", "p99", "max"]);
    let rows = [
        ("to the certificate", report.certified_ms),
        ("to finality", report.final_ms),
        ("the whole command", report.command_ms),
    ];
    for (name, Milliseconds { p50, p90, p99, max }) in rows {
        let values = [p50, p90, p99, max].map(|ms| format!("{ms:.1}"));
        table.add_row(std::iter::once(name.to_owned()).chain(values));
    }
    let LatencySummary { p50, p99, .. } = report.disk_flush_us;
    let disk = format!("the disk's own flush: p50 {p50:.0} us, p99 {p99:.0} us");
    let memory = if report.in_memory { "\nthe folder lies in memory: the figures mean nothing" } else { "" };
    let payments = report.payments;
    format!("{}\n\n{payments} payments\n{disk}{memory}\nrepeat with: {}", right_aligned(table), report.command)
}

fn nanoseconds(ms: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times, far below 2^53 ns")]
    let ns = (ms * 1e6).max(0.0) as u64;
    ns
}

fn strange(said: &Value) -> BenchError {
    BenchError::Wallet(format!("the wallet says {said}, which is not understood; use the wallet of this version"))
}
