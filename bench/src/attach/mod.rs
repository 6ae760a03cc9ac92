//! A committee that runs already, measured over the accounts of a wallet.
//!
//! Nobody's processes are started here, so nothing is known of their processor time. Every account of the wallet is asked for
//! first; those on which all agree pay in a ring, one unit each, so that balances stay. The load loop, the judging of replies
//! and the audit are those of every other run.
//!
//! The wallet is in use by the run until it ends, and its book is written ahead of every order and certificate: see [`ledger`].
//! However the run ends, `quittance-wallet recover` finishes what is pending, and the wallet's next payment goes on behind the
//! last one. Latencies have those flushes of the wallet's disk in them, as a wallet's own payments have.
//!
//! Several machines may make the load together, each over its own part of the accounts, with a copy of the wallet. A copy's
//! book does not know what the other parts paid: `quittance-wallet recover --rebuild` brings that in.
//!
//! | file | what it holds |
//! |---|---|
//! | `folder.rs` | the wallet's folder: lock, secrets, book |
//! | `choice.rs` | which accounts take part |
//! | `ledger.rs`, `scribe.rs` | payments with the book ahead of them; the thread that writes it |
//! | `start.rs` | a start together with other load machines |
//! | `options.rs`, `report.rs` | the command line; what was found |

pub mod choice;
pub mod folder;
pub mod ledger;
mod options;
mod report;
pub mod scribe;
mod start;

pub use choice::LeftOut;
pub use options::AttachOptions;
pub use report::{AttachReport, table};
pub use scribe::BookReport;

use crate::accounts::Accounts;
use crate::audit::{Audit, Questions, audit};
use crate::client::Client;
use crate::cpu::Spent;
use crate::digest_table::DigestTable;
use crate::drive::{Driver, Pace, Tally};
use crate::error::BenchError;
use crate::interrupt::Interrupt;
use crate::limits::{ACCOUNT_COUNT_MAX, MEMBER_COUNT_MAX};
use crate::load_shard::LoadShard;
use crate::model::Model;
use crate::orders::Orders;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::random::secret_seed;
use crate::recording::Recording;
use crate::report::{OPEN_LOOP, PhaseMeasure, SATURATED};
use crate::terms::Terms;
use crate::view::{Shown, View};
use crate::votes::SimulatedVotes;
use crate::workload::Workload;
use crate::world::World;
use choice::{Choice, ask_all, choose};
use core::ops::Range;
use folder::Folder;
use ledger::Ledger;
use quittance_engine::committee::CommitteeFile;
use quittance_engine::genesis::{self, GenesisError};
use quittance_engine::network::NetworkId;
use quittance_engine::types::{Address, Balance, Sequence};
use quittance_wallet::book::{Bound, KnownBalance, Record};
use quittance_wallet::directory::Directory;
use quittance_wallet::keys::{Secret, Secrets};
use report::Found;
use scribe::Scribe;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Who is measured.
#[derive(Debug)]
struct Ground {
    terms: Terms,
    directory: Directory,
    /// What a book is bound to that is used here.
    bound: Bound,
    /// Where our sockets are bound, to reach everyone.
    host: IpAddr,
}

/// Runs a measurement of a running committee. `command` is the command line that repeats it. Beside the report it returns whole
/// histograms and the timeline.
///
/// # Errors
/// What ends a run before its report; lost payments and a failed audit are in the report.
pub fn attach(options: &AttachOptions, command: String) -> Result<(AttachReport, Recording), BenchError> {
    let interrupt = Interrupt::catch()?;
    let ground = Ground::read(&options.committee, &options.genesis)?;
    let part = options.part()?;
    let mut folder = Folder::open(&options.wallet, options.passphrase_file.as_deref())?;
    folder.secrets = secrets_of(part, &folder.secrets);
    check(&folder, &ground, &options.wallet)?;
    let mut client = Client::bind(ground.host, options.sockets, options.transport.kind(), !options.no_gso)?;
    let Choice { secrets, beginnings, payment_count, left_out } =
        look(&folder, &ground, options, &mut client, &interrupt)?;
    let binding = folder.book.bound().is_none().then_some(Record::Bound(ground.bound));
    let mut scribe = Scribe::of(folder);
    scribe.write(binding.into_iter().collect());
    scribe.wait()?;
    let accounts = Accounts::of_wallet(secrets);
    let addresses = accounts.addresses().to_vec();
    let workload = sign(&ground, Plan::ring(beginnings, payment_count), &accounts, options, &interrupt)?;
    drop(accounts);
    let ledger = Ledger::new(scribe, ground.terms.network, &workload);
    start::wait(options.start_at, &interrupt)?;
    let run = Run { options, part, ground: &ground, workload: &workload, addresses: &addresses, interrupt: &interrupt };
    let found = run.measure(ledger, &mut client)?;
    let recording = found.recording();
    Ok((AttachReport::new(command, options, part, &ground, &workload, left_out, found), recording))
}

impl Ground {
    fn read(committee: &Path, genesis: &Path) -> Result<Self, BenchError> {
        let wrong =
            |path: &Path, fault: &dyn core::fmt::Display| BenchError::Usage(format!("{}: {fault}", path.display()));
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| BenchError::machine(format!("reading {}", path.display()), error, ""))
        };
        let text = String::from_utf8(read(committee)?).map_err(|fault| wrong(committee, &fault))?;
        let file = CommitteeFile::parse(&text).map_err(|fault| wrong(committee, &fault))?;
        let members = file.committee().map_err(|fault| wrong(committee, &fault))?;
        if members.members().len() > MEMBER_COUNT_MAX {
            return Err(wrong(committee, &format!("more than {MEMBER_COUNT_MAX} members cannot be measured")));
        }
        let bytes = read(genesis)?;
        genesis::read::<GenesisError>(&bytes, |_, _, _| Ok(())).map_err(|fault| wrong(genesis, &fault))?;
        let network = NetworkId::of_genesis(&bytes);
        let bound = Bound { network, committee: members.digest(), epoch: members.epoch() };
        let is_ipv4 = file.members.iter().filter(|member| member.host.is_ipv4()).count();
        let host = match is_ipv4 {
            0 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            all if all == file.members.len() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            _ => {
                return Err(wrong(
                    committee,
                    &"some members have IPv4 addresses and some IPv6; one kind can be measured",
                ));
            }
        };
        let terms = Terms::new(network, &members, true);
        Ok(Self { terms, directory: Directory::new(&file.members), bound, host })
    }
}

/// The secrets of the accounts that are this part's.
fn secrets_of(part: LoadShard, all: &Secrets) -> Secrets {
    let own = (0..).zip(all.all()).filter(|(place, _)| part.has(*place));
    Secrets::new(own.map(|(_, secret)| secret.clone()).collect())
}

/// Whether the wallet may be used here, and its secrets are its accounts'.
fn check(folder: &Folder, ground: &Ground, path: &Path) -> Result<(), BenchError> {
    let wrong = |what: &str| BenchError::Wallet(format!("{}: {what}", path.display()));
    let bound = folder.book.bound();
    if bound.is_some_and(|bound| bound.network != ground.bound.network) {
        return Err(wrong("the wallet belongs to another network; give its own genesis file"));
    }
    if bound.is_some_and(|bound| bound.committee != ground.bound.committee) {
        return Err(wrong("the wallet was used with another committee; give that committee's file"));
    }
    let count = folder.secrets.all().len();
    if count > ACCOUNT_COUNT_MAX as usize {
        return Err(wrong(&format!("it has {count} accounts, and a run takes {ACCOUNT_COUNT_MAX} at most")));
    }
    if folder.secrets.all().iter().any(|secret| secret.key().is_none()) {
        return Err(wrong("a secret in its keys file is another account's; restore a copy of the file"));
    }
    Ok(())
}

/// Asks for all accounts, and chooses.
fn look(
    folder: &Folder,
    ground: &Ground,
    options: &AttachOptions,
    client: &mut Client,
    interrupt: &Interrupt,
) -> Result<Choice, BenchError> {
    let addresses: Vec<Address> = folder.secrets.all().iter().map(Secret::address).collect();
    eprintln!("asking {} authorities for {} accounts", ground.terms.live_count, addresses.len());
    let Ground { terms, directory, .. } = ground;
    let questions = Questions { addresses: &addresses, terms, directory, settings: options.settings() };
    let words = ask_all(questions, client, &mut || interrupt.check())?;
    let choice = choose(&folder.secrets, &folder.book, &words, options.payments)?;
    let left_out = choice.left_out.count();
    if left_out > 0 {
        eprintln!("{left_out} accounts take no part; the report says why");
    }
    Ok(choice)
}

/// Signs everything ahead.
fn sign(
    ground: &Ground,
    plan: Plan,
    accounts: &Accounts,
    options: &AttachOptions,
    interrupt: &Interrupt,
) -> Result<Workload, BenchError> {
    let Ground { terms, directory, .. } = ground;
    let progress = Progress::start("signing orders", plan.payment_count().into());
    let shard_count = directory.shard_count(0);
    let orders = Orders::sign(&plan, accounts, &terms.network, shard_count, options.hint, &progress, interrupt)?;
    progress.finish();
    let votes = SimulatedVotes::sign(orders.digests(), terms, &[], 1, &Progress::hidden(), interrupt)?;
    let table = DigestTable::new(orders.digests());
    Ok(Workload { plan, orders, votes, table })
}

/// A run under way.
struct Run<'a> {
    options: &'a AttachOptions,
    part: LoadShard,
    ground: &'a Ground,
    workload: &'a Workload,
    addresses: &'a [Address],
    interrupt: &'a Interrupt,
}

impl Run<'_> {
    fn measure(&self, mut ledger: Ledger<'_>, client: &mut Client) -> Result<Found, BenchError> {
        let Self { workload, options, .. } = self;
        let Ground { terms, directory, .. } = self.ground;
        let mut driver = Driver::new(workload, terms, directory, options.settings(), secret_seed()?);
        driver.record();
        let clocks = Clocks::read(client);
        let payment_count = workload.plan.payment_count();
        let border = payment_count - payment_count / 3;
        let count = options.window_used(workload.plan.account_count());
        eprintln!("saturating with {border} payments, {count} in flight");
        let saturated = self.phase(SATURATED, &mut ledger, &mut driver, 0..border, Pace::Window { count }, client)?;
        let open_loop = self.open_loop(&mut ledger, &mut driver, border..payment_count, &saturated, client)?;
        let (audit, last) = self.audit(&driver, client)?;
        let replies = driver.reply_counters().clone();
        let book = ledger.finish(&mut driver, last)?;
        let (transport, sockets) = (client.kind().to_string(), client.counters());
        Ok(Found {
            saturated,
            open_loop,
            replies,
            audit,
            book,
            transport,
            sockets,
            findings: client.findings().to_vec(),
            clocks,
        })
    }

    /// The open loop at half of what was found, or at the rate asked for; none where nothing settles.
    fn open_loop(
        &self,
        ledger: &mut Ledger<'_>,
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        saturated: &PhaseMeasure,
        client: &mut Client,
    ) -> Result<PhaseMeasure, BenchError> {
        let tally = &saturated.tally;
        if tally.gave_up || tally.settled == 0 {
            eprintln!("nothing settles any more; the open loop is left out");
            let generator = Spent::default();
            let (name, tally) = (OPEN_LOOP.to_owned(), driver.abandon(payments));
            return Ok(PhaseMeasure { name, is_measured: true, tally, rate_per_s: None, authority: None, generator });
        }
        let rate = self.options.rate.map(|rate_per_s| self.part.share_of(rate_per_s).max(1));
        let rate_per_s = rate.unwrap_or_else(|| half_of(tally));
        eprintln!("open loop with {} payments at {rate_per_s} per second", payments.len());
        let open_loop = self.phase(OPEN_LOOP, ledger, driver, payments, Pace::Schedule { rate_per_s }, client)?;
        Ok(PhaseMeasure { rate_per_s: Some((rate_per_s, rate_per_s)), ..open_loop })
    }

    fn phase(
        &self,
        name: &str,
        ledger: &mut Ledger<'_>,
        driver: &mut Driver<'_>,
        payments: Range<u32>,
        pace: Pace,
        client: &mut Client,
    ) -> Result<PhaseMeasure, BenchError> {
        let before = Spent::by(std::process::id())?;
        let view = View::begin(Shown::of(name, payments.end - payments.start, &pace), None);
        let mut watch = view.watch(|| self.interrupt.check());
        let tally = ledger.phase(driver, payments, pace, client, &mut watch)?;
        drop(view);
        Ok(PhaseMeasure {
            name: name.to_owned(),
            is_measured: true,
            tally,
            rate_per_s: None,
            authority: None,
            generator: Spent::by(std::process::id())?.since(before),
        })
    }

    /// Compares every authority's accounts with what the outcomes make of them. Where all agree, the book shall know the balances.
    fn audit(&self, driver: &Driver<'_>, client: &mut Client) -> Result<(Audit, Vec<Record>), BenchError> {
        let Ground { terms, directory, .. } = self.ground;
        eprintln!("auditing {} accounts", self.addresses.len());
        let model = Model::after(&self.workload.plan, driver.outcomes());
        let questions = Questions { addresses: self.addresses, terms, directory, settings: self.options.settings() };
        let mut watch = || self.interrupt.check();
        let audits = (0..terms.live_count).map(|authority| audit(authority, &model, questions, client, &mut watch));
        let audit = Audit::of_all(&audits.collect::<Result<Vec<_>, _>>()?);
        let known = |account| KnownBalance {
            balance: Balance(model.balance(account)),
            next_sequence: Sequence(model.next_sequence(account)),
        };
        let balance =
            |(account, address): (u32, &Address)| Record::Balance { account: *address, known: known(account) };
        let balances = if audit.ok { (0..).zip(self.addresses).map(balance).collect() } else { Vec::new() };
        Ok((audit, balances))
    }
}

/// One moment by the load loop's clock and by the time of day.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    loop_ns: u64,
    unix_us: u64,
}

impl Clocks {
    fn read(client: &mut Client) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_us = u64::try_from(since.as_micros()).expect("584,000 years in microseconds fit");
        Self { loop_ns: client.now_ns(), unix_us }
    }

    /// The time of day at a later moment of the load loop's; microseconds since 1970.
    fn unix_us_at(self, loop_ns: u64) -> u64 {
        self.unix_us + loop_ns.saturating_sub(self.loop_ns) / 1_000
    }
}

/// Half of a phase's rate, per second; at least 1.
fn half_of(tally: &Tally) -> u64 {
    let found = u128::from(tally.settled) * 1_000_000_000 / u128::from(tally.elapsed_ns().max(1));
    u64::try_from(found / 2).expect("fewer payments than nanoseconds").max(1)
}
