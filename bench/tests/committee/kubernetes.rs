//! The manifests under `bench/kubernetes`, read line by line: what they ask of the commands, and of the cluster.

use crate::binaries::binaries;
use clap::Parser;
use quittance_bench::attach::AttachOptions;
use quittance_bench::options::{Cli, Command};
use std::collections::BTreeSet;
use std::path::Path;

const AUTHORITY: &str = include_str!("../../kubernetes/authority.yaml");
const LOAD: &str = include_str!("../../kubernetes/load.yaml");

/// Items of the list under `args:`, one on each line. Lists within a line are no commands of ours.
fn args(manifest: &str) -> Vec<String> {
    let mut lines = manifest.lines().skip_while(|line| line.trim() != "args:");
    assert!(lines.next().is_some(), "there is a list of arguments");
    lines.map_while(|line| line.trim().strip_prefix("- ")).map(str::to_owned).collect()
}

/// What stands behind `NAME:`, wherever it does.
fn values<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let lines = manifest.lines().map(|line| line.trim().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim)).collect()
}

/// Attach's options, as the part of this number has them.
fn attached(manifest: &str, index: &str) -> Result<AttachOptions, String> {
    let filled = |text: String| text.replace("$START_AT", "1800000000").replace("$(JOB_COMPLETION_INDEX)", index);
    let all = std::iter::once("quittance-bench".to_owned()).chain(args(manifest).into_iter().map(filled));
    match Cli::try_parse_from(all).map_err(|error| error.to_string())?.into_command() {
        Command::Attach(options) => Ok(options),
        other => Err(format!("another command: {other:?}")),
    }
}

/// Why a pod of this manifest would have no cores of its own.
fn shares_cores(manifest: &str) -> Option<String> {
    let containers = values(manifest, "image").len();
    let [requests, limits] = ["requests", "limits"].map(|name| values(manifest, name));
    if (requests.len(), limits.len()) != (containers, containers) {
        return Some(format!("{containers} containers, {} requests, {} limits", requests.len(), limits.len()));
    }
    let cpus = |resources: &str| resources.split_once("cpu: \"")?.1.split_once('"')?.0.parse::<u32>().ok();
    // Whole physical cores have two threads each, or one.
    let is_even = |cpus: Option<u32>| cpus.is_some_and(|cpus| cpus > 0 && cpus.is_multiple_of(2));
    let differs = requests.iter().zip(&limits).find(|(request, limit)| request != limit || !is_even(cpus(request)));
    differs.map(|(request, limit)| format!("{request} and {limit}"))
}

/// The numbers of parts, wherever the manifest says one.
fn part_counts(manifest: &str) -> BTreeSet<String> {
    let count = manifest.lines().skip_while(|line| line.trim() != "- name: JOB_COMPLETION_COUNT").nth(1).unwrap();
    let count = count.trim().strip_prefix("value: ").unwrap().trim_matches('"');
    let others = ["completions", "parallelism"].map(|name| values(manifest, name));
    assert!(others.iter().all(|values| values.len() == 1), "{others:?}");
    others.into_iter().flatten().chain([count]).map(str::to_owned).collect()
}

#[test]
fn every_part_of_the_job_is_an_attach_that_the_command_takes() {
    let [count] = &Vec::from_iter(part_counts(LOAD))[..] else { panic!("{:?}", part_counts(LOAD)) };
    for index in 0..count.parse::<u32>().unwrap() {
        let index = index.to_string();
        let options = attached(LOAD, &index).unwrap();
        let environment = |name: &str| match name {
            "JOB_COMPLETION_INDEX" => Some(index.clone()),
            "JOB_COMPLETION_COUNT" => Some(count.clone()),
            _ => None,
        };
        let part = options.load_shard.unwrap().resolve(environment).unwrap();
        assert_eq!(part.to_string(), format!("{index}/{count}"));
        assert_eq!(options.output.out.as_deref(), Some(&*Path::new("/results").join(&index)));
        assert_eq!((options.start_at, options.rate), (Some(1_800_000_000), Some(800_000)));
    }
}

#[test]
fn the_authority_takes_every_option_that_its_pod_gives() {
    let args = args(AUTHORITY);
    assert_eq!(args[0], "run");
    let help =
        std::process::Command::new(binaries(&["quittance-engine", "quittance-wallet"]).join("quittance-authority"))
            .args(["run", "--help"])
            .output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    let known: BTreeSet<&str> =
        help.split(|letter: char| letter.is_whitespace() || "[]<>=,`".contains(letter)).collect();
    let given: Vec<&str> = args[1..].iter().map(|argument| argument.split('=').next().unwrap()).collect();
    assert!(given.contains(&"--data") && given.contains(&"--metrics"), "{given:?}");
    let unknown: Vec<_> = given.iter().filter(|option| !known.contains(*option)).collect();
    assert!(unknown.is_empty() && !known.contains("--swiftly"), "{unknown:?}");
}

#[test]
fn every_container_has_whole_cores_for_itself() {
    assert_eq!([AUTHORITY, LOAD].map(shares_cores), [None, None]);
}

#[test]
fn a_manifest_that_went_wrong_is_noticed() {
    let wrong = [
        LOAD.replace("--rate=800000", "--speed=800000"),
        LOAD.replace("- attach", "- attache"),
        LOAD.replace("--load-shard=auto", "--load-shard=all"),
        LOAD.replace("--start-at=$START_AT", "--start-at=$START"),
    ];
    wrong.iter().for_each(|manifest| assert!(attached(manifest, "0").is_err()));
    let wrong = [
        LOAD.replace("requests: {cpu: \"2\", memory: 4Gi}", "requests: {cpu: \"4\", memory: 4Gi}"),
        AUTHORITY.replace("cpu: \"4\"", "cpu: 2500m"),
        AUTHORITY.replace("cpu: \"4\"", "cpu: \"3\""),
        AUTHORITY.replace("        limits: {cpu: \"2\", memory: 64Mi}\n", ""),
    ];
    wrong.iter().for_each(|manifest| assert!(shares_cores(manifest).is_some()));
    assert_eq!(part_counts(&LOAD.replace("parallelism: 8", "parallelism: 7")).len(), 2);
    assert_eq!(part_counts(&LOAD.replace("value: \"8\"", "value: \"9\"")).len(), 2);
}
