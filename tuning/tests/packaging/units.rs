//! The units.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use quittance_tuning::CpuList;

use crate::programs::{exit_codes, has_option, run_options, tune_help};
use crate::read;
use crate::unit::Unit;

const AUTHORITY: &str = "systemd/quittance-authority@.service";
const TUNE: &str = "systemd/quittance-tune.service";

fn unit(path: &str) -> Unit {
    Unit::parse(&read(path))
}

/// Program, subcommand and options of an `Exec` line.
fn parts(line: &str) -> (String, String, Vec<String>) {
    let mut words = line.trim_start_matches(['-', '+', '!', '@', ':']).split_whitespace();
    let program = words.next().expect("a line names a program").to_owned();
    let subcommand = words.next().expect("each of ours has subcommands").to_owned();
    (program, subcommand, words.filter(|word| word.starts_with("--")).map(str::to_owned).collect())
}

#[test]
fn every_command_line_of_the_units_is_one_that_its_program_takes() {
    let mut seen = Vec::new();
    for path in [AUTHORITY, TUNE] {
        let unit = unit(path);
        for line in ["ExecStartPre", "ExecStart", "ExecStop"].into_iter().flat_map(|name| unit.all(name)) {
            let (program, subcommand, options) = parts(line);
            seen.push(format!("{} {subcommand}", program.trim_start_matches("/usr/bin/")));
            match program.as_str() {
                "/usr/bin/quittance-authority" => {
                    assert_eq!(subcommand, "run");
                    assert!(options.iter().all(|option| run_options().contains(option)), "{line}");
                }
                "/usr/bin/quittance-tune" => {
                    let help = tune_help(&subcommand).unwrap_or_else(|| panic!("no {subcommand}: {line}"));
                    assert!(options.iter().all(|option| has_option(&help, option)), "{line}:\n{help}");
                }
                other => panic!("{other} is none of ours"),
            }
        }
    }
    let all = ["tune check", "authority run", "tune apply", "tune rollback"].map(|words| format!("quittance-{words}"));
    assert_eq!(seen, all);
}

#[test]
fn an_option_that_a_program_lacks_would_be_seen() {
    assert!(run_options().contains(&"--journal-core".to_owned()), "{:?}", run_options());
    assert!(!run_options().contains(&"--journal-cores".to_owned()));
    assert!(tune_help("teleport").is_none());
    assert!(!has_option("  --json  Print", "--jso"));
}

/// Which codes are followed by a new start: the machine's fault and a panic. Every other documented code is named.
#[test]
fn the_authority_is_started_again_after_what_a_start_can_mend_and_after_nothing_else() {
    let unit = unit(AUTHORITY);
    assert_eq!(unit.one("Restart"), "on-failure");
    let prevented: Vec<u8> =
        unit.one("RestartPreventExitStatus").split_whitespace().map(|code| code.parse().unwrap()).collect();
    let codes = exit_codes();
    assert!(codes.len() >= 7, "{codes:?}");
    for (code, words) in codes {
        let is_mended = words.contains("machine's fault") || words.contains("panicked");
        let never_of_run = code == 0 || words.starts_with("only for `verify-journal`");
        assert!(never_of_run || is_mended != prevented.contains(&code), "{code}: {words}");
    }
    assert!(unit.one("StartLimitBurst").parse::<u32>().unwrap() > 1);
}

#[test]
fn the_authority_has_no_privilege_and_may_still_do_what_it_must() {
    let unit = unit(AUTHORITY);
    assert_eq!((unit.one("CapabilityBoundingSet"), unit.one("AmbientCapabilities")), ("", ""));
    assert_eq!((unit.one("NoNewPrivileges"), unit.one("ProtectSystem"), unit.one("LimitCORE")), ("yes", "strict", "0"));
    let filters = unit.all("SystemCallFilter");
    for call in ["io_uring_setup", "io_uring_enter", "io_uring_register", "@system-service"] {
        let admits = |filter: &&str| !filter.starts_with('~') && filter.split_whitespace().any(|word| word == call);
        assert!(filters.iter().any(admits), "{call}");
    }
    // @resources has the call that pins threads.
    assert!(!filters.iter().any(|filter| filter.starts_with('~') && filter.contains("@resources")), "{filters:?}");
    // Under these nothing that is checked at the start could be read, and no longer slice be asked for.
    for absent in ["ProcSubset", "RestrictRealtime", "PrivateNetwork"] {
        assert_eq!(unit.all(absent), [] as [&str; 0], "{absent}");
    }
    // Where the journal is must be where the unit may write.
    let data = unit.all("Environment").into_iter().find_map(|value| value.strip_prefix("QUITTANCE_DATA=")).unwrap();
    assert!(data.starts_with(&format!("%S/{}/", unit.one("StateDirectory"))), "{data}");
}

/// A receive ring for each of as many shards as the unit says.
#[test]
fn locked_memory_suffices_for_the_shards_that_the_unit_names() {
    let unit = unit(AUTHORITY);
    let mebibytes: u64 = unit.one("LimitMEMLOCK").strip_suffix('M').unwrap().parse().unwrap();
    assert!(mebibytes << 20 >= quittance_tuning::MEMLOCK_BYTES_MIN / 4 * 32);
    let files: u64 = unit.one("LimitNOFILE").parse().unwrap();
    assert!(files >= quittance_tuning::OPEN_FILES_COUNT_MIN);
}

#[test]
fn the_drop_in_gives_every_named_core_once_and_only_cores_that_it_allows() {
    let unit = unit("systemd/cores.conf");
    let allowed: CpuList = unit.one("AllowedCPUs").parse().unwrap();
    assert_eq!(unit.one("CPUAffinity"), unit.one("AllowedCPUs"));
    let options = unit.one("Environment").trim_matches('"').strip_prefix("QUITTANCE_OPTIONS=").unwrap();
    let words: Vec<&str> = options.split_whitespace().collect();
    assert!(words.iter().filter(|word| word.starts_with("--")).all(|word| run_options().contains(&(*word).to_owned())));
    let value = |option: &str| words[words.iter().position(|word| *word == option).unwrap() + 1];
    let cores = ["--cores", "--verifier-cores", "--journal-core"].map(value).join(",");
    let named: CpuList = cores.parse().unwrap();
    assert_eq!(named, allowed);
    assert_eq!(named.len(), cores.split(',').count(), "a core is named twice");
    assert_eq!(value("--verifiers"), value("--verifier-cores").split(',').count().to_string());
    assert!(!allowed.contains(0), "the system needs a core");
}

#[test]
fn the_tuner_runs_before_authorities_and_undoes_itself() {
    let tune = unit(TUNE);
    assert_eq!((tune.one("Type"), tune.one("RemainAfterExit")), ("oneshot", "yes"));
    assert!(unit(AUTHORITY).one("After").split_whitespace().any(|name| name == "quittance-tune.service"));
    // Where the tuner keeps what was there before is where its unit may write.
    let help = tune_help("apply").expect("it applies");
    assert!(help.contains(&format!("/var/lib/{}", tune.one("StateDirectory"))), "{help}");
    assert!(tune.one("RestrictAddressFamilies").contains("AF_NETLINK"), "interfaces are set over netlink");
}

/// By systemd itself where it is here: unknown settings and bad values are told then.
#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("SKIPPED: systemd-analyze is not here");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("units");
    fs::create_dir(&units).unwrap();
    // The programs need to be there; where they will be is the package's matter.
    let program = root.path().join("program");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |path: &str, change: fn(String) -> String| {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap().replace("@.", "@trial.");
        let text = read(path).replace("/usr/bin/quittance-authority", program.to_str().unwrap());
        let text = change(text.replace("/usr/bin/quittance-tune", program.to_str().unwrap()));
        let file = units.join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let verified = |file: &Path| {
        let verify = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(file).output().unwrap();
        let said = String::from_utf8_lossy(&verify.stderr).into_owned();
        (verify.status.success() && !said.contains("quittance"), said)
    };
    for path in [AUTHORITY, TUNE] {
        let (is_right, said) = verified(&copy(path, |text| text));
        assert!(is_right, "{path}: {said}");
        let (is_right, said) = verified(&copy(path, |text| text.replace("ProtectSystem=", "ProtectSytem=")));
        assert!(!is_right, "a misspelt setting is to be told: {said}");
    }
}
