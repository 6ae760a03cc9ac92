//! What was asked for and what was used.

use crate::cores::Cores;
use crate::options::RunOptions;
use crate::process::Ready;
use crate::terms::Terms;
use serde::Serialize;

/// What was asked for and what was used.
#[derive(Debug, Serialize)]
pub struct SettingsReport {
    /// The network: the digest of its genesis file, in hexadecimal. Runs of the same committee and accounts have the same.
    pub network_id: String,
    /// `volatile` or `durable`, as the authority says.
    pub mode: String,
    /// The authority's transport.
    pub transport: String,
    /// The authority's signature backend.
    pub backend: String,
    /// Members of the committee.
    pub committee: u16,
    /// Votes of a certificate.
    pub quorum: u64,
    /// Whether all authorities run.
    pub live: bool,
    /// Votes of each certificate that were signed ahead.
    pub simulated_voters: usize,
    /// Orders under one signature of a simulated voter: one foreign root per voter for so many payments.
    pub simulated_batch: usize,
    /// Funded accounts.
    pub accounts: u32,
    /// Shards of each authority.
    pub shards: u16,
    /// Verifier threads of each authority.
    pub verifiers: u16,
    /// Who ran where.
    pub cores: Cores,
    /// Payments in flight at saturation.
    pub window: usize,
    /// How the payments of open loops were spaced: `fixed` or `poisson`.
    pub arrivals: &'static str,
    /// Whether a generator that was late makes the run invalid.
    pub strict: bool,
    /// Whether orders carried the x coordinate of their signature's R.
    pub hint: bool,
    /// Honest orders to one bad one of another source, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_every: Option<u32>,
    /// How long the authority checks a source's signatures one by one after a bad one.
    pub quarantine_ms: u64,
    /// Client sockets.
    pub sockets: usize,
    /// Whether segmented sends and merged receives were allowed.
    pub gso: bool,
    /// Time before a request is repeated.
    pub timeout_ms: u64,
    /// Sends before a payment is lost.
    pub tries: u32,
    /// The seed.
    pub seed: u64,
}

impl SettingsReport {
    /// From the options, the terms, and what the authority said.
    pub fn new(options: &RunOptions, terms: &Terms, simulated_batch: usize, cores: Cores, ready: &Ready) -> Self {
        Self {
            network_id: hex::encode(terms.network.0),
            mode: ready.mode.clone(),
            transport: ready.transport.clone(),
            backend: ready.backend.clone(),
            committee: options.committee,
            quorum: terms.quorum,
            live: options.live,
            simulated_voters: terms.simulated_count,
            simulated_batch,
            accounts: options.accounts,
            shards: options.shards,
            verifiers: options.verifiers,
            cores,
            window: options.window_used(),
            arrivals: options.arrivals.name(),
            strict: options.is_strict(),
            hint: options.hint,
            bad_every: options.bad_every,
            quarantine_ms: options.quarantine_ms,
            sockets: options.sockets,
            gso: !options.no_gso,
            timeout_ms: options.timeout_ms,
            tries: options.tries,
            seed: options.seed,
        }
    }
}
