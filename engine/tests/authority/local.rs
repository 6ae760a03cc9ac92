//! A whole committee from one command.

use crate::harness::{PATIENCE, Process, free_ports, run_to_end};
use crate::make::{Network, Payer};
use quittance_engine::committee::CommitteeFile;
use quittance_engine::genesis::{FIRST_LINE, line};
use quittance_engine::types::Amount;
use quittance_net::frame::{Header, Kind, Query, U64};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use tempfile::TempDir;

/// Four authorities with two shards each.
const PORT_COUNT: u16 = 8;

/// A folder for a committee, and the genesis file that it begins with.
struct Place {
    folder: TempDir,
    port: String,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), port: free_ports(PORT_COUNT).to_string() };
        place.write_genesis("genesis", 1_000);
        place
    }

    fn write_genesis(&self, name: &str, amount: u64) {
        let account = line(&Payer::new(0).address, Amount(amount));
        std::fs::write(self.path(name), format!("{FIRST_LINE}\n{account}\n")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The command, with these options too.
    fn arguments(&self, options: &[&str]) -> Vec<String> {
        let fixed = ["local".to_owned(), "--dir".to_owned(), self.text("committee")];
        fixed.into_iter().chain(options.iter().map(|option| (*option).to_owned())).collect()
    }

    /// A committee made anew, ready.
    fn start(&self, options: &[&str]) -> Process {
        let genesis = self.text("genesis");
        let first = ["--genesis", &genesis, "--port", &self.port];
        let process = Process::start(self.arguments(&[&first[..], options].concat()));
        process.lines_to(|line| line.starts_with("ready:"));
        process
    }

    fn committee(&self) -> CommitteeFile {
        CommitteeFile::parse(&std::fs::read_to_string(self.path("committee/committee.toml")).unwrap()).unwrap()
    }

    /// Asks these authorities for the one account, each at the shard that has it.
    #[track_caller]
    fn assert_answer(&self, authorities: &[usize]) {
        let genesis = std::fs::read(self.path("committee/genesis.txt")).unwrap();
        let network = Network::new(4, &genesis, 2).id;
        let account = Payer::new(0).address;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for authority in authorities {
            let member = &self.committee().members[*authority];
            let shard = network.shard_of(&account, member.shards);
            let header = Header::new(Kind::Query, shard.0, network.tag());
            let query = Query { header, account, nonce: U64::new(7), padding: [0; 96] };
            socket.send_to(bytemuck::bytes_of(&query), member.address_of(shard)).unwrap();
            assert_eq!(socket.recv(&mut [0; 2_048]).unwrap(), 152, "authority {authority}");
        }
    }

    /// The processes of the committee's authorities, by their private files.
    fn authorities(&self) -> BTreeMap<usize, Pid> {
        let running = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let pid: i32 = name.to_str()?.parse().ok()?;
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let index =
                (0..4).find(|index| command.contains(&self.text(&format!("committee/authority-{index}.toml"))))?;
            Some((index, Pid::from_raw(pid)?))
        });
        running.collect()
    }
}

#[test]
fn one_command_makes_a_committee_that_serves_and_stops_when_told() {
    let place = Place::new();
    let committee = place.start(&[]);
    place.assert_answer(&[0, 1, 2, 3]);
    committee.signal(Signal::INT);
    let ended = committee.end();
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    let stopped = ended.lines.iter().filter(|line| line.contains("payments applied")).count();
    assert_eq!(stopped, 4, "{:?}", ended.lines);
    assert!(place.authorities().is_empty());
}

#[test]
fn the_same_folder_goes_on_with_the_same_keys_and_journals() {
    let place = Place::new();
    let committee = place.start(&[]);
    committee.signal(Signal::TERM);
    committee.end();
    let before = place.committee();
    let again = Process::start(place.arguments(&[]));
    again.lines_to(|line| line.starts_with("ready:"));
    place.assert_answer(&[0, 1, 2, 3]);
    again.signal(Signal::TERM);
    assert_eq!(again.end().code, Some(0));
    assert_eq!(place.committee(), before);
}

/// Which address each authority serves metrics at, as a committee says when it is ready.
#[test]
fn each_authority_of_a_committee_serves_its_own_metrics() {
    let place = Place::new();
    let genesis = place.text("genesis");
    let options = ["--genesis", &genesis, "--port", &place.port, "--volatile", "--metrics", ":0"];
    let committee = Process::start(place.arguments(&options));
    let lines = committee.lines_to(|line| line.starts_with("ready:"));
    let places = lines.iter().filter_map(|line| line.split_once("metrics at http://")?.1.strip_suffix("/metrics"));
    let places: std::collections::BTreeSet<&str> = places.collect();
    assert_eq!(places.len(), 4, "{lines:?}");
    for place in places {
        let mut stream = std::net::TcpStream::connect(place).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("quittance_settled_total{shard=\"1\"} 0"), "{answer}");
    }
    committee.signal(Signal::TERM);
    assert_eq!(committee.end().code, Some(0));
    let ended = run_to_end(place.arguments(&["--volatile", "--metrics", ":65533"]));
    assert!(ended.code == Some(2) && ended.errors.contains("--metrics"), "{ended:?}");
}

#[test]
fn an_authority_that_dies_is_reported_and_the_others_serve_on() {
    let place = Place::new();
    let genesis = place.text("genesis");
    let options = ["--genesis", &genesis, "--port", &place.port, "--volatile", "--json"];
    let committee = Process::start(place.arguments(&options));
    committee.lines_to(|line| line.contains("\"committee_ready\""));
    kill_process(place.authorities()[&2], Signal::KILL).unwrap();
    let lines = committee.lines_to(|line| line.contains("\"ended\""));
    let ended: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!((&ended["authority"], &ended["going_on"], &ended["quorum"]), (&2.into(), &3.into(), &3.into()));
    place.assert_answer(&[0, 1, 3]);
    committee.signal(Signal::INT);
    let ended = committee.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("authority 2 was ended by signal 9"), "{}", ended.errors);
}

#[test]
fn no_authority_outlives_the_command_that_is_killed() {
    let place = Place::new();
    let committee = place.start(&["--volatile"]);
    assert_eq!(place.authorities().len(), 4);
    committee.signal(Signal::KILL);
    committee.end();
    let deadline = std::time::Instant::now() + PATIENCE;
    while !place.authorities().is_empty() {
        assert!(std::time::Instant::now() < deadline, "{:?} go on", place.authorities());
        std::thread::yield_now();
    }
}

#[test]
fn programs_are_told_when_all_are_ready() {
    let place = Place::new();
    let (genesis, port) = (place.text("genesis"), place.port.as_str());
    let options = ["--genesis", &genesis, "--port", port, "--volatile", "--json"];
    let committee = Process::start(place.arguments(&options));
    let lines = committee.lines_to(|line| line.contains("\"committee_ready\""));
    let events: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = events.last().unwrap();
    assert_eq!((&ready["authorities"], &ready["quorum"]), (&4.into(), &3.into()));
    let mut said: Vec<u64> = events
        .iter()
        .filter(|event| event["event"] == "ready")
        .map(|event| event["authority"].as_u64().unwrap())
        .collect();
    said.sort_unstable();
    assert_eq!(said, [0, 1, 2, 3]);
    committee.signal(Signal::TERM);
    assert_eq!(committee.end().code, Some(0));
}

#[test]
fn a_folder_is_never_made_into_another_committee() {
    let place = Place::new();
    let ended = run_to_end(place.arguments(&[]));
    assert!(ended.code == Some(2) && ended.errors.contains("create-accounts"), "{ended:?}");
    let committee = place.start(&["--volatile"]);
    committee.signal(Signal::TERM);
    committee.end();
    place.write_genesis("other", 5);
    let other = place.text("other");
    for options in [&["--shards", "3"][..], &["--authorities", "5"], &["--genesis", &other]] {
        let ended = run_to_end(place.arguments(options));
        assert!(ended.code == Some(2) && ended.errors.contains("another --dir"), "{ended:?}");
    }
    let same = place.text("genesis");
    let again =
        Process::start(place.arguments(&["--genesis", &same, "--authorities", "4", "--shards", "2", "--volatile"]));
    again.lines_to(|line| line.starts_with("ready:"));
    again.signal(Signal::TERM);
    assert_eq!(again.end().code, Some(0));
}
