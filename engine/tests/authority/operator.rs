//! Signals, and what is printed.

use crate::harness::{Authority, Ended, Files, Process, Setup};
use quittance_verify::BackendKind;
use rustix::process::Signal;
use serde_json::Value;
use std::net::{Ipv4Addr, UdpSocket};

/// A process that prints text, ready to serve, and what it said so far.
fn start_with_text() -> (Files, Process, Vec<String>) {
    let files = Files::new(&Setup::default());
    let process = Process::start(files.run_arguments(&["--volatile"]));
    let lines = process.lines_to(|line| line == "ready");
    (files, process, lines)
}

/// Sends datagrams that are no frames, and a query; returns when that is answered.
fn disturb(files: &Files, count: usize) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, files.port)).unwrap();
    (0..count).for_each(|_| assert_eq!(socket.send(b"hello, is this the bank?").unwrap(), 24));
    let address = crate::make::Payer::new(0).address;
    socket.send(&files.network.query(&address, 1)).unwrap();
    assert_eq!(socket.recv(&mut [0; 2_048]).unwrap(), 152);
}

/// The value on the line of this counter, if there is such a line.
fn value(lines: &[String], name: &str) -> Option<u64> {
    let line = lines.iter().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().parse().unwrap())
}

#[test]
fn ready_says_what_runs_where() {
    let (files, process, lines) = start_with_text();
    let text = lines.join("\n");
    let network = hex::encode(files.network.id.0);
    let port = format!("127.0.0.1:{}", files.port);
    let backend = BackendKind::best().name();
    let words = ["0 of 4, epoch 7, quorum 3", &network, "8 with 8000 units", "volatile", "transport", backend, &port];
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));
}

#[test]
fn ready_in_json_says_the_same() {
    let authority = Authority::usual();
    let ready = &authority.ready;
    let id = hex::encode(authority.network.id.0);
    assert_eq!((&ready["mode"], &ready["network"]), (&"volatile".into(), &id.into()));
    assert_eq!((&ready["authority"], &ready["committee"], &ready["quorum"]), (&0.into(), &4.into(), &3.into()));
    assert_eq!((&ready["epoch"], &ready["accounts"], &ready["supply"]), (&7.into(), &8.into(), &"8000".into()));
    assert_eq!(ready["shards"][0]["address"], authority.address(0).to_string());
    assert_eq!(ready["verifiers"], Value::Array(Vec::new()));
    authority.finish();
}

#[test]
fn sigusr1_prints_the_counters_as_text_and_the_process_goes_on() {
    let (files, mut process, _) = start_with_text();
    for round in 1..=3 {
        disturb(&files, 10);
        process.signal(Signal::USR1);
        let mut lines = process.lines_to(|line| line.starts_with("counters"));
        // The transport's come after the protocol's.
        lines.extend(process.lines_to(|line| line.starts_with("shard 0.transport.sends ")));
        assert_eq!(value(&lines, "shard 0.protocol.malformed.magic"), Some(10 * round));
        assert_eq!(value(&lines, "shard 0.protocol.queries"), Some(round));
        assert_eq!(value(&lines, "shard 0.protocol.orders"), None, "zero is not printed");
        assert!(process.is_running());
    }
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));
}

#[test]
fn sigusr1_prints_the_counters_as_json_and_the_process_goes_on() {
    let authority = Authority::usual();
    for round in 1..=5 {
        authority.client().assert_silence(&vec![vec![9; 20]; 10]);
        assert_eq!(authority.counts().get("protocol.malformed.magic"), 10 * round);
        assert_eq!(authority.counts().get("accounts"), 8);
    }
    authority.finish();
}

#[test]
fn sigterm_and_sigint_stop_it_with_its_last_counters() {
    for signal in [Signal::TERM, Signal::INT] {
        let (files, process, _) = start_with_text();
        disturb(&files, 3);
        process.signal(signal);
        let Ended { code, lines, errors: _ } = process.end();
        assert_eq!(code, Some(0));
        assert_eq!(lines.first().map(String::as_str), Some("counters (those above zero)"));
        assert_eq!(value(&lines, "shard 0.protocol.malformed.magic"), Some(3));

        let authority = Authority::usual();
        authority.client().assert_silence(&[[9; 20]]);
        let counts = authority.finish_by(signal);
        assert_eq!(counts.get("protocol.malformed.magic"), 1);
    }
}

/// Whichever of the two is seen first.
#[test]
fn a_stop_that_follows_a_sigusr1_at_once_is_not_lost() {
    for signal in [Signal::TERM, Signal::INT] {
        for _ in 0..5 {
            let (_files, process, _) = start_with_text();
            process.signal(Signal::USR1);
            process.signal(signal);
            let Ended { code, lines, .. } = process.end();
            assert_eq!(code, Some(0));
            let reports = lines.iter().filter(|line| line.starts_with("counters")).count();
            assert!((1..=2).contains(&reports), "{lines:?}");
        }
    }
}

/// What came before the stop is answered, and the port is free at once for the next start.
#[test]
fn a_stopped_authority_leaves_its_port() {
    let authority = Authority::usual();
    let address = authority.address(0);
    authority.client().account(&authority.payers[0].address);
    authority.finish();
    UdpSocket::bind(address).unwrap();
}

#[test]
fn findings_go_to_standard_error_as_text_and_to_the_events_as_json() {
    // Two threads on one core.
    let usual = Authority::usual();
    let core = usual.ready["shards"][0]["core"].to_string();
    usual.finish();
    let options = ["--volatile", "--cores", &core, "--verifiers", "1", "--verifier-cores", &core];
    let core = format!("core {core}");
    let files = Files::new(&Setup::default());
    let process = Process::start(files.run_arguments(&options));
    process.lines_to(|line| line == "ready");
    process.signal(Signal::TERM);
    let ended = process.end();
    assert!(ended.errors.contains(&core), "{ended:?}");

    let process = Process::start(files.run_arguments(&[&options[..], &["--json"]].concat()));
    let lines = process.lines_to(|line| line.contains(r#""event":"ready""#));
    let findings = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let findings: Vec<Value> = findings.filter(|event| event["event"] == "finding").collect();
    assert!(findings.iter().any(|finding| finding["what"].as_str().unwrap().contains(&core)), "{findings:?}");
    for finding in &findings {
        assert!(["severity", "what", "why", "remedy"].iter().all(|field| finding[*field].is_string()), "{finding}");
    }
    process.signal(Signal::TERM);
    let ended = process.end();
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
}

#[test]
fn with_exit_with_parent_it_stops_cleanly_when_its_parent_is_killed() {
    let files = Files::new(&Setup::default());
    let parent = Process::start_under_shell(files.run_arguments(&["--volatile", "--exit-with-parent"]));
    parent.lines_to(|line| line == "ready");
    parent.signal(Signal::KILL);
    parent.lines_to(|line| line.starts_with("counters"));
}
