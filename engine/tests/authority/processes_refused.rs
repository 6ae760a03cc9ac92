//! What the link between an authority's processes refuses, and what keeps such a process from starting.

use crate::harness::{Ended, Files, PATIENCE, Parts, Setup, run_to_end};
use quittance_engine::credit::{Credit, CreditAck};
use quittance_engine::peer_link::{Event, LinkKey, PairMarks, Process, Session};
use quittance_engine::types::{Amount, Sequence, ShardIndex};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

const WRONG: Option<i32> = Some(2);
const MACHINE: Option<i32> = Some(1);
const FOREIGN: Option<i32> = Some(3);

fn two() -> Setup {
    Setup { shards: 4, parts: vec!["0-1", "2-3"], ..Setup::default() }
}

fn connect(parts: &Parts) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.authority.files().links[0])).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Holds if the other end closes the connection.
#[track_caller]
fn assert_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// Another process, which may lack the key.
fn session(parts: &Parts, seed: &[u8; 32]) -> Session {
    let network = parts.authority.network.id;
    let own = Process { network, shard_count: 4, shards: "2-3".parse().unwrap() };
    Session::dial(LinkKey::derive(seed, &network), own, "0-1".parse().unwrap(), [5; 32])
}

/// Speaks until the other end closes the connection or this one finds a fault; `act` may send when the session is up.
fn speak(session: &mut Session, stream: &mut TcpStream, mut act: impl FnMut(&mut Session)) {
    let nothing = CreditAck { number: 0, has_room: true };
    let marks = PairMarks { made: 0, acknowledged: nothing, applied: nothing };
    let mut buffer = [0; 4_096];
    loop {
        let bytes = session.output().to_vec();
        if stream.write_all(&bytes).is_err() {
            return;
        }
        session.sent(bytes.len());
        let Ok(bytes @ 1..) = stream.read(&mut buffer) else { return };
        session.receive(&buffer[..bytes]);
        loop {
            match session.next_event() {
                Ok(None) => break,
                Ok(Some(Event::Proved(_))) => session.begin(|_, _| marks),
                Ok(Some(Event::Up)) => act(session),
                Ok(Some(_)) => {}
                Err(_) => return,
            }
        }
    }
}

#[test]
fn strangers_are_refused_counted_and_keep_no_process_out() {
    let mut parts = Parts::stopped(two());
    parts.start_part(0);
    // Silent ones, more than may wait at once: the oldest are given up.
    let mut silent: Vec<TcpStream> = (0..20).map(|_| connect(&parts)).collect();
    for garbage in [&b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n"[..], &[0; 200], &[0xff; 10_000]] {
        let mut stream = connect(&parts);
        // It may be closed before all is said.
        let _ = stream.write_all(&garbage.repeat(4));
        assert_closed(&mut stream);
    }
    silent.drain(..12).for_each(|mut stream| assert_closed(&mut stream));
    let refused = parts.await_link(0, |link| link["refused_connections"].as_u64().unwrap() >= 15);
    assert_eq!(refused["peers"][0]["sessions"], 0);
    parts.start_part(1);
    parts.await_link(0, |link| link["peers"][0]["connected"] == true);
    parts.finish();
}

#[test]
fn whoever_lacks_the_key_gets_no_session_and_ends_none() {
    let parts = Parts::start(two());
    parts.await_link(0, |link| link["peers"][0]["connected"] == true);
    // It finds out by itself that the other end has another key.
    speak(&mut session(&parts, &[1; 32]), &mut connect(&parts), |_| unreachable!("no session begins"));
    // One that goes on regardless: a hello that is right, and a proof that is none.
    let mut stream = connect(&parts);
    stream.write_all(session(&parts, &[1; 32]).output()).unwrap();
    stream.write_all(&[7; 32]).unwrap();
    assert_closed(&mut stream);
    let link = parts.await_link(0, |link| link["refused_connections"] == 2);
    let peer = &link["peers"][0];
    assert_eq!((&peer["connected"], &peer["sessions"]), (&true.into(), &1.into()), "{link}");
    parts.finish();
}

#[test]
fn a_faulty_process_with_the_key_ends_its_session_and_nothing_else() {
    let mut parts = Parts::stopped(two());
    parts.start_part(0);
    let seed = *parts.authority.network.secrets[0].seed();
    let stranger = parts.authority.payers.iter().find(|payer| parts.authority.network.shard_of(&payer.address) > 1);
    let recipient = stranger.unwrap().address;
    let (amount, sender, sequence) = (Amount(1_000_000), [1; 32], Sequence(0));
    let credit = Credit { number: 1, recipient, amount, sender, sequence, position: 0 };
    let mut up = false;
    speak(&mut session(&parts, &seed), &mut connect(&parts), |session| {
        up = true;
        session.send_credits(ShardIndex(2), ShardIndex(0), &[credit]);
    });
    assert!(up);
    parts.await_link(0, |link| link["peers"][0]["sessions_broken"] == 1 && link["peers"][0]["connected"] == false);
    parts.start_part(1);
    parts.await_link(0, |link| link["peers"][0]["connected"] == true);
    parts.finish();
}

#[test]
fn the_newest_session_takes_the_place_of_the_one_before() {
    let mut parts = Parts::stopped(two());
    parts.start_part(0);
    let seed = *parts.authority.network.secrets[0].seed();
    let mut first = connect(&parts);
    let (mut old, mut stream) = (session(&parts, &seed), connect(&parts));
    let mut ups = 0;
    std::thread::scope(|scope| {
        let speaker = scope.spawn(|| speak(&mut old, &mut stream, |_| ups += 1));
        parts.await_link(0, |link| link["peers"][0]["connected"] == true);
        parts.start_part(1);
        // It ends when the other end closes the connection.
        speaker.join().unwrap();
    });
    assert_eq!(ups, 1);
    let link = parts.await_link(0, |link| link["peers"][0]["connected"] == true);
    assert_eq!(link["peers"][0]["sessions"], 2);
    // One that said nothing is given up in the end.
    assert_closed(&mut first);
    parts.finish();
}

#[test]
fn a_peer_that_does_not_prove_itself_is_refused_and_named() {
    let mut parts = Parts::stopped(two());
    // In the place of the process that is dialed: one that says hello and lacks the key.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, parts.authority.files().links[0])).unwrap();
    parts.start_part(1);
    let network = parts.authority.network.id;
    let own = Process { network, shard_count: 4, shards: "0-1".parse().unwrap() };
    let mut impostor = Session::listen(LinkKey::derive(&[1; 32], &network), own, [6; 32]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    speak(&mut impostor, &mut stream, |_| unreachable!("no session begins"));
    let finding = parts.finding(1);
    assert!(finding["why"].as_str().unwrap().contains("does not have this authority's key"), "{finding}");
    drop(listener);
    parts.await_link(1, |link| link["peers"][0]["refused_handshakes"].as_u64().unwrap() >= 1);
    parts.start_part(0);
    parts.await_link(1, |link| link["peers"][0]["connected"] == true);
    parts.finish();
}

#[track_caller]
fn assert_says(ended: &Ended, code: Option<i32>, words: &[&str]) {
    assert_eq!(ended.code, code, "{ended:?}");
    words.iter().for_each(|word| assert!(ended.errors.contains(word), "{word:?} is missing: {ended:?}"));
    assert!(!ended.lines.iter().any(|line| line.contains("ready")), "{ended:?}");
}

fn run(files: &Files, options: &[&str]) -> Ended {
    run_to_end(files.run_arguments(&[&["--volatile", "--json"], options].concat()))
}

#[test]
fn shards_that_are_no_process_of_the_file_are_refused_with_those_that_are() {
    let files = Files::new(&two());
    assert_says(&run(&files, &[]), WRONG, &["--shards 0-1, or --shards 2-3"]);
    for shards in ["1-2", "0", "0-3", "2-4"] {
        assert_says(&run(&files, &["--shards", shards]), WRONG, &[shards, "0-1 and 2-3"]);
    }
    assert_says(&run(&files, &["--shards", "one"]), WRONG, &["names no shards", "0-1"]);
    let alone = Files::new(&Setup { shards: 2, ..Setup::default() });
    assert_says(&run(&alone, &["--shards", "1"]), WRONG, &["generate --process"]);
}

#[test]
fn processes_that_do_not_divide_the_shards_are_refused() {
    let path = |files: &Files| files.path("private.toml").to_str().unwrap().to_owned();
    for (from, to, words) in [
        ("shards = \"2-3\"", "shards = \"1-3\"", &["shard 1"][..]),
        ("shards = \"2-3\"", "shards = \"3\"", &["shard 2"]),
        ("shards = \"2-3\"", "shards = \"2-9\"", &["shard 2"]),
        ("shards = \"2-3\"", "shards = \"3-2\"", &["names no shards"]),
        ("link = ", "lnik = ", &["lnik"]),
        ("link = ", "linked = 1\nlink = ", &["linked"]),
    ] {
        let files = Files::new(&two());
        files.edit("private.toml", from, to);
        let path = path(&files);
        assert_says(&run(&files, &["--shards", "0-1"]), WRONG, &[words, &[path.as_str()]].concat());
    }
}

#[test]
fn hosts_that_the_committee_file_says_otherwise_are_refused() {
    let files = Files::new(&two());
    files.edit("private.toml", "shards = \"2-3\"", "shards = \"2-3\"\nhost = \"127.0.0.2\"");
    assert_says(&run(&files, &["--shards", "0-1"]), WRONG, &["shard 2", "127.0.0.2", "make them agree"]);
    let hosts = "hosts = [\"127.0.0.1\", \"127.0.0.1\", \"127.0.0.2\", \"127.0.0.2\"]\nhost = ";
    files.edit("committee.toml", "host = ", hosts);
    // Its shards listen there, as a port that is taken shows.
    let address = format!("127.0.0.2:{}", files.port + 2);
    let _holder = UdpSocket::bind(&address).unwrap();
    assert_says(&run(&files, &["--shards", "2-3"]), MACHINE, &[&address, "in use"]);
    files.edit("committee.toml", "hosts = [\"127.0.0.1\", ", "hosts = [");
    assert_says(&run(&files, &["--shards", "2-3"]), WRONG, &["authority 0", "3 addresses for 4 shards"]);
}

#[test]
fn a_link_port_that_is_taken_is_named() {
    let files = Files::new(&two());
    let port = files.links[0];
    let _holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let ended = run(&files, &["--shards", "0-1"]);
    assert_says(&ended, MACHINE, &[&format!("127.0.0.1:{port}"), "private file", "in use"]);
}

#[test]
fn a_directory_of_other_shards_is_foreign() {
    let mut parts = Parts::start(Setup { is_durable: true, ..two() });
    parts.kill(0);
    let directories = parts.data(0).join(",");
    let files = parts.authority.files();
    let ended = run_to_end(files.run_arguments(&["--shards", "2-3", "--data", &directories]));
    assert_says(&ended, FOREIGN, &["shards 0-1", "shards 2-3", "its own directory"]);
    let mut verify = files.run_arguments(&["--json", &directories]);
    "verify-journal".clone_into(&mut verify[0]);
    let ended = run_to_end(verify);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.lines[0].contains("\"hosted\":\"0-1\"") && ended.lines[0].contains("\"shard_count\":4"), "{ended:?}");
    parts.finish();
}

#[test]
fn generate_writes_processes_and_refuses_those_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let generate = |out: &str, processes: &[&str]| {
        let fixed = ["generate", "--host", "203.0.113.9", "--port", "9100", "--shards", "4", "--out", out];
        let options = processes.iter().flat_map(|process| ["--process", process]);
        run_to_end(fixed.into_iter().chain(options).map(str::to_owned))
    };
    let ended = generate(&path("one"), &["0-1=10.0.0.1:9900", "2-3=10.0.0.2:9900@203.0.113.2"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let private = std::fs::read_to_string(path("one")).unwrap();
    assert!(
        private.contains("[[process]]\nshards = \"2-3\"\nlink = \"10.0.0.2:9900\"\nhost = \"203.0.113.2\""),
        "{private}"
    );
    let table = ended.lines.join("\n");
    assert!(table.matches("203.0.113.2\"").count() == 2 && table.matches("203.0.113.9\"").count() == 3, "{table}");
    for (processes, word) in [
        (&["0-1=10.0.0.1:9900"][..], "shard 2"),
        (&["0-1=10.0.0.1:9900", "2-3=10.0.0.1:9900"], "give each its own"),
        (&["0-3=nowhere"], "as in 0-1=127.0.0.1:9900"),
    ] {
        let ended = generate(&path("two"), processes);
        assert!(ended.code == WRONG && ended.errors.contains(word), "{ended:?}");
        assert!(!folder.path().join("two").exists());
    }
}
