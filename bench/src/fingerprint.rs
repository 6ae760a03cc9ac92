//! What a result depends on besides the code: the machine, its kernel and limits, and which program it was. Two results
//! whose fingerprints differ are no comparison of programs.

use quittance_tuning::{CoreCaches, Features, Limits, Machine, SysrootError, Virtualisation};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The version of its shape.
pub const FINGERPRINT_SCHEMA: u64 = 1;

/// One machine and one program. What the machine does not expose is null.
#[derive(Clone, Debug, Serialize)]
pub struct Fingerprint {
    /// [`FINGERPRINT_SCHEMA`].
    pub schema: u64,
    /// When it was taken, in UTC: `2026-01-31T23:59:59Z`.
    pub date: String,
    /// The command line.
    pub command: String,
    /// The program.
    pub program: Program,
    /// The authority's transport; null until it is known.
    pub transport: Option<String>,
    /// The authority's signature backend; null until it is known.
    pub backend: Option<String>,
    /// The load generator's transport; null until it is known.
    pub generator_transport: Option<String>,
    /// The processor.
    pub processor: Processor,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// What it reads the time from.
    pub clock_source: Option<String>,
    /// What the kernel does about the processor's faults, by their names.
    pub mitigations: Option<BTreeMap<String, String>>,
    /// Signs of a hypervisor.
    pub hypervisor: Virtualisation,
    /// Limits of the process and of sockets.
    pub limits: Limits,
}

/// The program that measured.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// Its version.
    pub version: &'static str,
    /// The commit that it was built from, or `unknown`.
    pub commit: &'static str,
    /// Whether files differed from that commit.
    pub is_dirty: bool,
    /// `release`, or `debug`: then it is slower, and figures are no measure of it.
    pub build: &'static str,
}

/// The processor and how it is run.
#[derive(Clone, Debug, Serialize)]
pub struct Processor {
    /// Its name for itself.
    pub model: Option<String>,
    /// Instruction sets that matter here.
    pub features: Option<Features>,
    /// Cores that are online; a core is one hardware thread.
    pub core_online_count: usize,
    /// Cores that this process may use.
    pub core_allowed_count: usize,
    /// Whether two of them share a physical core.
    pub smt_active: Option<bool>,
    /// How their frequencies are chosen; more than one if cores differ, none if that is not exposed.
    pub governors: BTreeSet<String>,
    /// The caches of the first core.
    pub caches: Option<CoreCaches>,
}

impl Fingerprint {
    /// Reads the machine. Call it before any thread is pinned, or one core will look like all there are.
    ///
    /// # Errors
    /// `root` (`/` for this machine) is no machine.
    pub fn read(root: &Path, command: String, now: SystemTime) -> Result<Self, SysrootError> {
        let Machine { platform, topology, limits, .. } = Machine::read(root)?;
        let count = |chosen: fn(&quittance_tuning::Core) -> bool| topology.indices(chosen).iter().count();
        let processor = Processor {
            model: platform.processor_model,
            features: platform.processor_features,
            core_online_count: count(|core| core.online != Some(false)),
            core_allowed_count: count(|core| core.online != Some(false) && core.allowed != Some(false)),
            smt_active: topology.smt_active,
            governors: topology.cores.iter().filter_map(|core| core.governor.clone()).collect(),
            caches: topology.cores.first().map(|core| core.caches.clone()),
        };
        Ok(Self {
            schema: FINGERPRINT_SCHEMA,
            date: date(now),
            command,
            program: Program::this(),
            transport: None,
            backend: None,
            generator_transport: None,
            processor,
            kernel: platform.kernel_release,
            clock_source: limits.clock_source.clone(),
            mitigations: platform.mitigations,
            hypervisor: platform.virtualisation,
            limits,
        })
    }

    /// With what the run chose, as its report says.
    pub fn of_run(self, report: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            transport: text(&report["transport"]),
            backend: text(&report["backend"]),
            generator_transport: text(&report["generator"]["transport"]),
            ..self
        }
    }
}

impl Program {
    fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("QUITTANCE_COMMIT"),
            is_dirty: env!("QUITTANCE_COMMIT_IS_DIRTY") == "true",
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}

/// A time as RFC 3339 has it, in UTC, to the second. What lies before 1970 becomes 1970.
pub fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day since 1970 in the Gregorian calendar. Years are counted from March, so that the leap day is
/// the last of its year, and in eras of 400 years, which all have 146,097 days.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    // From 1 March of the year 0.
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months, March to July and again, have 153 days.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in known {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn this_machine_has_cores_and_a_kernel() {
        let fingerprint = Fingerprint::read(Path::new("/"), "a command".to_owned(), UNIX_EPOCH).unwrap();
        let Processor { core_online_count, core_allowed_count, .. } = fingerprint.processor;
        assert!(core_allowed_count >= 1 && core_allowed_count <= core_online_count, "{fingerprint:?}");
        assert!(fingerprint.kernel.is_some() && !fingerprint.program.commit.is_empty(), "{fingerprint:?}");
        let report =
            serde_json::json!({"transport": "io_uring", "backend": "ifma", "generator": {"transport": "recvmmsg"}});
        let fingerprint = fingerprint.of_run(&report);
        let chosen = [fingerprint.transport, fingerprint.backend, fingerprint.generator_transport];
        assert_eq!(chosen.map(Option::unwrap), ["io_uring", "ifma", "recvmmsg"]);
    }
}
