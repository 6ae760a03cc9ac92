//! A running authority, from start to stop.

mod announce;
mod control;
mod durability;
mod hosted;
mod idle;
mod links;
mod metrics;
mod network_files;
mod outbox;
mod peers;
mod placement;
mod samples;
mod shard_thread;
mod slice;
mod threads;
mod verification;
mod verifier_pool;
mod verifier_thread;

use crate::fault::Fault;
use crate::options::RunOptions;
use crate::signals::{self, Request};
use crate::sync::Parker;
use crate::sync::Waker;
use announce::{Announcer, Finding, PeerLine, Ready, ShardLine, VerifierLine};
use control::{Control, Event};
use crossbeam::channel::{Receiver, Sender, bounded};
use durability::{Found, Journal};
use hosted::Hosted;
use idle::{Idle, measure_wake};
use links::Links;
use metrics::{About, Endpoint};
pub(crate) use network_files::{NetworkFiles, Opening};
use peers::{Bell, Peers};
use placement::{Place, Placement};
use quittance_engine::distribution::Distribution;
use quittance_engine::key_cache::KeyCache;
use quittance_engine::limits::Tables;
use quittance_engine::limits::{ACCOUNTS_PER_SHARD_MAX, account_reserve};
use quittance_engine::mutant::Planted;
use quittance_engine::peer_link::{LinkKey, Process};
use quittance_engine::shard::ShardConfig;
use quittance_engine::shard_range::ShardRange;
use quittance_engine::types::ShardIndex;
use quittance_net::transport::{self, Socket, SocketConfig, TransportError, TransportKind};
use quittance_verify::{BackendKind, Verifier};
use shard_thread::ShardThread;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use threads::{Threads, Wake};
use verification::Verification;
use verifier_pool::VerifierPool;
use verifier_thread::VerifierThread;

/// Verifier threads of one authority. More would wait for the shards that feed them.
pub(crate) const VERIFIERS_MAX: u16 = 256;

/// How long a taken port is tried, and how often.
const BIND_PATIENCE: Duration = Duration::from_secs(2);
const BIND_SLEEP: Duration = Duration::from_millis(5);

/// Events that may wait for the main thread, which does nothing but read them.
const EVENTS_MAX: usize = 1_024;

/// Runs an authority until a signal stops it.
pub(crate) fn run(options: &RunOptions) -> Result<(), Fault> {
    let started = SystemTime::now();
    if options.data.is_empty() && !options.volatile {
        return Err(Fault::NoData);
    }
    let announcer = Announcer { json: options.json };
    let files = NetworkFiles::read(&options.network)?;
    let hosted = Hosted::choose(options.shards, &files)?;
    let (placement, findings) = Placement::choose(options, hosted.shards.count())?;
    findings.into_iter().map(Finding::from).for_each(|finding| announcer.finding(&finding));
    let (kind, refusal) = transport::choose(options.transport.0)?;
    refusal.into_iter().map(fallback).for_each(|finding| announcer.finding(&finding));
    let journal = placement.journal.map(|place| Journal::open(options, &files, hosted.shards, place)).transpose()?;
    let storage = journal.as_ref().map(|journal| Arc::clone(&journal.storage));
    let findings = storage.iter().flat_map(|storage| &storage.findings);
    findings.cloned().map(Finding::from).for_each(|finding| announcer.finding(&finding));
    let mut bound = Bound::bind(options, &files, hosted)?;
    bound.sockets.iter().flat_map(Socket::findings).map(Finding::from).for_each(|finding| announcer.finding(&finding));
    let endpoint = bound.metrics.take();
    endpoint.iter().filter_map(Endpoint::finding).for_each(|finding| announcer.finding(&finding));
    let authority = files.authority_index;
    let mut ready = ready(options, &files, &placement, kind, &bound);
    ready.metrics = endpoint.as_ref().map(|endpoint| endpoint.address);
    if let Some(storage) = &storage {
        ready.data = storage.directories().iter().map(|directory| directory.display().to_string()).collect();
        ready.direct = Some(storage.is_direct());
        ready.journal_is_new = Some(storage.is_new);
    }

    signals::end_on_panic();
    let events = bounded(EVENTS_MAX);
    signals::listen(events.0.clone(), Event::Signal)?;
    if options.exit_with_parent {
        signals::end_with_parent()?;
    }
    let threads = start(options, files, &placement, journal, kind, bound, events)?;
    for Found { line, findings } in threads.found() {
        findings.iter().cloned().map(Finding::from).for_each(|finding| announcer.finding(&finding));
        ready.recovered.push(*line);
    }
    if let Some(endpoint) = endpoint {
        let (transport, backend) = (ready.transport.clone(), ready.backend.clone());
        endpoint.serve(About { started, mode: ready.mode, transport, backend }, threads.sources())?;
    }
    announcer.ready(&ready);
    let outcome = supervise(&threads, authority, announcer);
    // After a fault of one thread the others may be unable to stop: the process just ends.
    outcome?;
    announcer.counters(authority, &threads.stop()?);
    Ok(())
}

/// Serves the operator until he stops the authority or a thread cannot go on.
fn supervise(threads: &Threads, authority: u8, announcer: Announcer) -> Result<(), Fault> {
    loop {
        match threads.wait() {
            Wake::Failed(fault) => return Err(fault),
            Wake::Signal(signal) => match signals::request(signal) {
                Request::Stop => return Ok(()),
                Request::Report => announcer.counters(authority, &threads.reports()?),
            },
        }
    }
}

/// What this process runs, and where it listens.
struct Bound {
    hosted: Hosted,
    /// One per shard.
    sockets: Vec<Socket>,
    /// For the authority's other processes.
    listener: Option<TcpListener>,
    metrics: Option<Endpoint>,
}

impl Bound {
    /// Binds everything before any thread starts: a port that is taken shows at once.
    fn bind(options: &RunOptions, files: &NetworkFiles, hosted: Hosted) -> Result<Self, Fault> {
        let config = SocketConfig {
            receive_buffer_bytes: usize::from(options.receive_buffer_mib) << 20,
            gro: !options.no_gso,
            gso: !options.no_gso,
            ..SocketConfig::default()
        };
        let bind = |shard| {
            let mut address = files.member.address_of(shard);
            options.listen.iter().for_each(|ip| address.set_ip(*ip));
            bind_patiently(address, &config)
        };
        let sockets = hosted.shards.iter().map(bind).collect::<Result<_, _>>()?;
        let metrics = options.metrics.map(Endpoint::bind).transpose()?;
        Ok(Self { listener: peers::listen(&hosted)?, hosted, sockets, metrics })
    }
}

/// Binds a socket, with some patience for a port that is taken: the kernel frees that of a process that was killed only after
/// it has taken its ring down, and the authority that is started again should not have to be started twice.
fn bind_patiently(address: SocketAddr, config: &SocketConfig) -> Result<Socket, Fault> {
    let deadline = Instant::now() + BIND_PATIENCE;
    loop {
        match Socket::bind(address, config) {
            Err(TransportError::Bind { source, .. })
                if source.kind() == ErrorKind::AddrInUse && Instant::now() < deadline =>
            {
                std::thread::sleep(BIND_SLEEP);
            }
            other => return Ok(other?),
        }
    }
}

/// Makes every thread's share and starts them all.
fn start(
    options: &RunOptions,
    files: NetworkFiles,
    placement: &Placement,
    journal: Option<Journal>,
    kind: TransportKind,
    bound: Bound,
    events: (Sender<Event>, Receiver<Event>),
) -> Result<Threads, Fault> {
    let backend = options.backend.kind();
    let Bound { hosted, sockets, listener, metrics: _ } = bound;
    let control = Arc::new(Control::new(hosted.shards, options.verifiers));
    let bell = if hosted.peers.is_empty() { None } else { Some(Arc::new(Bell::new()?)) };
    let links = Arc::new(Links::new(hosted.shards, files.member.shards, bell.clone()));
    let (pool, parkers) = match placement.verifiers.len() {
        0 => (None, Vec::new()),
        _ => {
            let (pool, parkers) = VerifierPool::new(hosted.shards, options.verifiers);
            (Some(Arc::new(pool)), parkers)
        }
    };
    let spin = measure_wake();
    let idle = |place: &Place| Idle::new(if place.is_own { spin } else { Duration::ZERO });
    let settings = ShardSettings {
        accounts_max: options.accounts_max,
        key_cache_bytes: options.key_cache_mib << 20,
        quarantine_ms: options.quarantine_ms,
        is_durable: !options.volatile,
        keeps_history: !options.volatile && !options.no_history,
    };
    let configs = shard_configs(&settings, &files, hosted.shards)?;
    let peers = bell.map(|bell| {
        let own = Process { network: files.network, shard_count: files.member.shards, shards: hosted.shards };
        let key = LinkKey::derive(files.secret.seed(), &files.network);
        let announcer = Announcer { json: options.json };
        let ends = (Arc::clone(&links), Arc::clone(&bell));
        (Peers::new(&hosted, (own, key), listener, ends, Arc::clone(&control), announcer), bell)
    });
    let openings = files.openings.into_iter().skip(hosted.shards.first().index());
    let mut shards: Vec<(ShardThread, Sender<Arc<[Waker]>>)> = Vec::with_capacity(configs.len());
    for (((config, openings), socket), place) in configs.into_iter().zip(openings).zip(sockets).zip(&placement.shards) {
        let (start_sender, start) = bounded(1);
        let shard = ShardThread {
            config,
            openings,
            durability: journal.as_ref().map(Journal::share),
            place: *place,
            socket,
            transport: kind,
            verification: Verification::new(verifier(backend)?, pool.clone()),
            links: Arc::clone(&links),
            control: Arc::clone(&control),
            idle: idle(place),
            events: events.0.clone(),
            start,
        };
        shards.push((shard, start_sender));
    }
    let verifiers = match &pool {
        Some(pool) => verifier_threads(pool, parkers, backend, placement, &control, idle)?,
        None => Vec::new(),
    };
    Threads::start(shards, verifiers, pool, journal.map(Journal::into_threads), peers, control, events)
}

fn verifier_threads(
    pool: &Arc<VerifierPool>,
    parkers: Vec<Parker>,
    backend: BackendKind,
    placement: &Placement,
    control: &Arc<Control>,
    idle: impl Fn(&Place) -> Idle,
) -> Result<Vec<VerifierThread>, Fault> {
    let thread = |((index, parker), place): ((u16, Parker), &Place)| {
        Ok(VerifierThread {
            index,
            place: *place,
            pool: Arc::clone(pool),
            control: Arc::clone(control),
            verifier: verifier(backend)?,
            parker,
            idle: idle(place),
            batches: Distribution::of_sizes(),
        })
    };
    (0..).zip(parkers).zip(&placement.verifiers).map(thread).collect()
}

/// What of a shard's configuration is not in the files.
pub(crate) struct ShardSettings {
    /// All shards of the authority together. `None`: twice the accounts of the genesis file, and some.
    pub(crate) accounts_max: Option<usize>,
    /// All shards of this process together.
    pub(crate) key_cache_bytes: usize,
    pub(crate) quarantine_ms: u64,
    pub(crate) is_durable: bool,
    pub(crate) keeps_history: bool,
}

/// What each of these shards is told at boot.
pub(crate) fn shard_configs(
    settings: &ShardSettings,
    files: &NetworkFiles,
    hosted: ShardRange,
) -> Result<Vec<ShardConfig>, Fault> {
    let shard_count = files.member.shards;
    let accounts_max = settings.accounts_max.unwrap_or(2 * files.account_count + 65_536);
    let account_count_max = account_slots(accounts_max, shard_count).ok_or_else(|| {
        Fault::Option(format!("--accounts-max {accounts_max} is more than {shard_count} shards hold"))
    })?;
    let cached_key_count = settings.key_cache_bytes / usize::from(hosted.count()) / KeyCache::ENTRY_BYTES;
    let config = |shard| {
        Ok(ShardConfig {
            network: files.network,
            committee: Arc::clone(&files.committee),
            authority_index: files.authority_index,
            secret: files.secret.clone(),
            shard,
            shard_count,
            account_count_max,
            cached_key_count_max: cached_key_count.min(account_count_max),
            quarantine_ms: settings.quarantine_ms,
            is_durable: settings.is_durable,
            keeps_history: settings.keeps_history,
            hash_key: random()?,
            tables: Tables::FULL,
            planted: Planted::default(),
        })
    };
    hosted.iter().map(config).collect()
}

/// Account slots of one shard. A hash spreads accounts: a shard's share varies by the root of its size, and six times that
/// never happens. The reserve for credits of other shards comes on top.
fn account_slots(accounts_max: usize, shard_count: u16) -> Option<usize> {
    let share = accounts_max.max(1).div_ceil(usize::from(shard_count));
    let spread = if shard_count == 1 { 0 } else { 6 * share.isqrt() + 64 };
    let slots = share.checked_add(spread)?.checked_add(account_reserve(shard_count))?;
    (slots <= ACCOUNTS_PER_SHARD_MAX).then_some(slots)
}

/// A verifier with weights of its own.
fn verifier(backend: BackendKind) -> Result<Verifier, Fault> {
    Ok(Verifier::new(backend, random()?))
}

pub(crate) fn random<const BYTES: usize>() -> Result<[u8; BYTES], Fault> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(Fault::Random)?;
    Ok(bytes)
}

fn ready(
    options: &RunOptions,
    files: &NetworkFiles,
    placement: &Placement,
    kind: TransportKind,
    bound: &Bound,
) -> Ready {
    let Bound { hosted, sockets, .. } = bound;
    let shard = |((index, socket), place): ((ShardIndex, &Socket), &Place)| ShardLine {
        index: index.0,
        address: socket.local_address(),
        port: socket.local_address().port(),
        core: place.core,
        receive_buffer_datagrams: socket.receive_buffer_datagrams(),
    };
    Ready {
        authority: files.authority_index,
        mode: if options.volatile { "volatile" } else { "durable" },
        transport: kind.to_string(),
        backend: options.backend.kind().to_string(),
        network: hex::encode(files.network.0),
        committee: files.committee.members().len(),
        quorum: files.committee.quorum(),
        epoch: files.committee.epoch(),
        shards: hosted.shards.iter().zip(sockets).zip(&placement.shards).map(shard).collect(),
        hosted: hosted.shards,
        shard_count: files.member.shards,
        link: hosted.link,
        peers: hosted.peers.iter().map(|peer| PeerLine { shards: peer.shards, link: peer.link }).collect(),
        verifiers: (0..)
            .zip(&placement.verifiers)
            .map(|(index, place)| VerifierLine { index, core: place.core })
            .collect(),
        journal_core: placement.journal.map(|place| place.core),
        data: Vec::new(),
        direct: None,
        journal_is_new: None,
        recovered: Vec::new(),
        metrics: None,
        accounts: files.account_count,
        supply: files.supply.to_string(),
    }
}

impl From<quittance_tuning::Finding> for Finding {
    fn from(finding: quittance_tuning::Finding) -> Self {
        let quittance_tuning::Finding { severity, what, why, remedy } = finding;
        Self { severity: severity.word(), what, why, remedy }
    }
}

impl From<&transport::Finding> for Finding {
    fn from(finding: &transport::Finding) -> Self {
        let why = "a burst beyond it is lost and has to be sent again".to_owned();
        Self { severity: "warning", what: finding.lack.clone(), why, remedy: finding.remedy.clone() }
    }
}

fn fallback(refusal: TransportError) -> Finding {
    Finding {
        severity: "warning",
        what: "recvmmsg serves in place of io_uring".to_owned(),
        why: refusal.to_string(),
        remedy:
            "quittance-tune check --only '*io_uring*' says what to change; or say --transport recvmmsg to silence this"
                .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_shard_has_the_slots_asked_for_and_several_have_room_to_spare() {
        assert_eq!(account_slots(1_000, 1), Some(1_000));
        let slots = account_slots(1_000_000, 4).unwrap();
        assert_eq!(slots, 250_000 + 6 * 500 + 64 + account_reserve(4));
        assert_eq!(account_slots(ACCOUNTS_PER_SHARD_MAX + 1, 1), None);
        assert_eq!(account_slots(usize::MAX, 2), None);
    }
}
