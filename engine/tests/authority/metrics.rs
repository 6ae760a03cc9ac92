//! What an authority serves to those who watch it: as true as its counters, and no way into it.

use crate::exposition::Exposition;
use crate::harness::{Authority, FUNDS, Files, PATIENCE, Process, Setup, run_to_end};
use quittance_engine::reject::Reject;
use rustix::process::Signal;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

/// Payments of each payer in the load.
const ROUNDS: u64 = 20;
const PAYERS: u32 = 16;

/// An authority that serves metrics, on a port that the kernel chose.
fn watched(setup: Setup) -> Authority {
    let options = setup.options.iter().map(String::as_str).chain(["--metrics", "127.0.0.1:0"]).map(str::to_owned);
    Authority::start(Setup { options: options.collect(), ..setup })
}

fn place(authority: &Authority) -> SocketAddr {
    authority.ready["metrics"].as_str().expect("it is told").parse().unwrap()
}

fn connect(place: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request, and reads the answer to its end: status line, headers, body.
fn ask(place: SocketAddr, request: &[u8]) -> (String, String, String) {
    let mut stream = connect(place);
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer}"));
    let (status, headers) = head.split_once("\r\n").unwrap();
    let length = headers.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), body.len());
    assert!(headers.lines().any(|line| line == "Connection: close"), "{headers}");
    (status.to_owned(), headers.to_owned(), body.to_owned())
}

#[track_caller]
fn scrape_at(place: SocketAddr) -> Exposition {
    let (status, headers, body) = ask(place, b"GET /metrics HTTP/1.1\r\nHost: authority\r\n\r\n");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(headers.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"), "{headers}");
    Exposition::parse(&body).unwrap_or_else(|fault| panic!("{fault}\n{body}"))
}

#[track_caller]
fn scrape(authority: &Authority) -> Exposition {
    scrape_at(place(authority))
}

/// Scrapes until this holds: credits travel by themselves, and what a scrape shows may be a tenth of a second old.
#[track_caller]
fn scrape_until(authority: &Authority, holds: impl Fn(&Exposition) -> bool) -> Exposition {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let exposition = scrape(authority);
        if holds(&exposition) {
            return exposition;
        }
        assert!(Instant::now() < deadline, "{:?}", exposition.series().collect::<Vec<_>>());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Payments of everybody to the next one, forgeries, an order too many, and what is no frame.
fn load(authority: &Authority) {
    let (network, payers) = (&authority.network, &authority.payers);
    for sequence in 0..ROUNDS {
        for shard in 0..authority.network.shard_count {
            let own = authority.payers_on(shard);
            let next = |index: usize| &payers[(index + 1) % payers.len()].address;
            let bodies: Vec<_> =
                own.iter().enumerate().map(|(index, payer)| payer.pays(next(index), 1, sequence)).collect();
            let orders: Vec<_> = own.iter().zip(&bodies).map(|(payer, body)| network.order(payer, *body)).collect();
            let mut client = authority.client_of(shard);
            client.ask_all(&orders).iter().for_each(|reply| assert!(reply.is_vote()));
            let certificates: Vec<_> = bodies.iter().map(|body| network.certify(body)).collect();
            client.ask_all(&certificates).iter().for_each(|reply| reply.assert_receipt());
        }
    }
    for shard in 0..authority.network.shard_count {
        let payer = authority.payers_on(shard)[0];
        let mut client = authority.client_of(shard);
        let forged = network.forged_order(payer, payer.pays(&payers[0].address, 1, ROUNDS));
        client.ask(&forged).assert_refused(Reject::BadSignature);
        client.assert_silence(&[[9; 20], [8; 20]]);
    }
}

/// What is wrong with a scrape, if its authority says this of itself, as JSON, and both are of one moment.
fn difference(exposition: &Exposition, event: &Value) -> Option<String> {
    let families = [
        ("quittance_settled_total", "confirmations"),
        ("quittance_votes_total", "votes"),
        ("quittance_roots_signed_total", "roots_signed"),
        ("quittance_conflicting_certificates_total", "conflicting_certificates"),
    ];
    for shard in event["shards"].as_array().unwrap() {
        let (index, protocol, transport) = (&shard["index"], &shard["protocol"], &shard["transport"]);
        let plain = families.map(|(family, name)| (format!("{family}{{shard=\"{index}\"}}"), &protocol[name]));
        let kinds = [("order", "orders"), ("certificate", "certificates"), ("history_query", "history_queries")];
        let kinds = kinds.map(|(kind, name)| {
            (format!("quittance_requests_total{{shard=\"{index}\",kind=\"{kind}\"}}"), &protocol[name])
        });
        let named = [("refused", "code", "rejects"), ("malformed", "cause", "malformed")];
        let named = named.iter().flat_map(|(family, label, name)| {
            let counts = protocol[*name].as_object().unwrap();
            counts.iter().map(move |(name, count)| {
                (format!("quittance_{family}_total{{shard=\"{index}\",{label}=\"{name}\"}}"), count)
            })
        });
        let others = [
            (format!("quittance_accounts{{shard=\"{index}\"}}"), &shard["accounts"]),
            (format!("quittance_received_datagrams_total{{shard=\"{index}\"}}"), &transport["datagrams_received"]),
            (format!("quittance_sent_bytes_total{{shard=\"{index}\"}}"), &transport["bytes_sent"]),
            (format!("quittance_signatures_checked_total{{thread=\"shard-{index}\"}}"), &shard["verify"]["item_count"]),
        ];
        for (series, count) in plain.into_iter().chain(kinds).chain(named).chain(others) {
            let shown = exposition.count(&series);
            if shown.is_none() || shown != count.as_u64() {
                return Some(format!("{series} is {shown:?}, and should be {count}"));
            }
        }
    }
    None
}

#[test]
fn a_scrape_after_a_load_shows_what_the_authority_counts_by_shard() {
    let setup = Setup { shards: 2, payer_count: PAYERS, is_durable: true, ..Setup::default() };
    let authority = watched(setup);
    load(&authority);
    let credits = |what: &str| {
        let what = what.to_owned();
        move |exposition: &Exposition| -> u64 {
            let series = |shard| format!("quittance_credits_total{{shard=\"{shard}\",what=\"{what}\"}}");
            (0..2).map(|shard| exposition.count(&series(shard)).unwrap()).sum()
        }
    };
    let (sent, applied) = (credits("sent"), credits("applied"));
    let settled = f64::from(PAYERS) * ROUNDS as f64;
    let exposition = scrape_until(&authority, |exposition| {
        let is_written = exposition.sum("quittance_journal_block_records_sum") > 0.0
            && exposition.sum("quittance_journal_block_records_sum")
                == exposition.sum("quittance_journal_records_total");
        exposition.sum("quittance_settled_total") == settled && sent(exposition) == applied(exposition) && is_written
    });
    assert!(sent(&exposition) > 0, "some are paid on the other shard");
    let event = authority.counters();
    assert_eq!(difference(&exposition, &event), None);
    assert_notices(&exposition, &event);
    assert_sums(&exposition);
    let counts = authority.finish();
    assert_eq!(counts.get("protocol.confirmations"), u64::from(PAYERS) * ROUNDS);
    assert_eq!(counts.get("protocol.confirmations") as f64, exposition.sum("quittance_settled_total"));
    assert_eq!(counts.sum("protocol.rejects.") as f64, exposition.sum("quittance_refused_total"));
    assert_eq!(counts.sum("protocol.malformed.") as f64, exposition.sum("quittance_malformed_total"));
}

/// A shard that is left out, a count that is another's, and one that is one too many would be seen.
fn assert_notices(exposition: &Exposition, event: &Value) {
    let text = exposition.text();
    let difference = |text: &str| difference(&Exposition::parse(text).unwrap(), event);
    assert_eq!(difference(&text), None);
    let without: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("quittance_votes_total{shard=\"1\"}")).collect();
    assert!(difference(&format!("{}\n", without.join("\n"))).is_some());
    let of =
        |name: &str| format!("{name}{{shard=\"0\"}} {}", exposition.count(&format!("{name}{{shard=\"0\"}}")).unwrap());
    let settled = of("quittance_settled_total");
    assert!(text.contains(&settled), "{settled}");
    assert!(difference(&text.replace(&settled, "quittance_settled_total{shard=\"0\"} 1")).is_some());
    let swapped = text.replace("shard=\"0\"", "shard=\"x\"").replace("shard=\"1\"", "shard=\"0\"");
    assert!(difference(&swapped.replace("shard=\"x\"", "shard=\"1\"")).is_some());
}

/// What is counted in two ways is the same both times.
fn assert_sums(exposition: &Exposition) {
    let sum = |name: &str| exposition.sum(name);
    assert_eq!(sum("quittance_receive_datagrams_sum"), sum("quittance_received_datagrams_total"));
    assert_eq!(sum("quittance_verify_batch_signatures_sum"), sum("quittance_signatures_checked_total"));
    assert_eq!(sum("quittance_reply_batch_replies_count"), sum("quittance_roots_signed_total"));
    let proven = sum("quittance_votes_total") + sum("quittance_settled_total");
    assert_eq!(sum("quittance_reply_batch_replies_sum"), proven, "nothing else was signed");
    assert_eq!(sum("quittance_journal_block_records_count"), sum("quittance_journal_blocks_total"));
    for family in ["quittance_journal_flush_seconds", "quittance_journal_write_seconds"] {
        assert_eq!(sum(&format!("{family}_count")), sum("quittance_journal_commits_total"));
        assert!(sum(&format!("{family}_sum")) > 0.0);
    }
    assert_eq!(sum("quittance_silent_threads"), 0.0);
    assert_eq!(exposition.labels("quittance_settled_total", "shard"), ["0", "1"]);
    assert_eq!(exposition.labels("quittance_build_info", "mode"), ["durable"]);
    let used = sum("quittance_journal_used_ratio");
    assert!(used > 0.0 && used < 2.0, "{used}");
    assert!(sum("quittance_history_bytes") > 0.0 && sum("process_resident_memory_bytes") > 0.0);
    let threads = exposition.labels("quittance_thread_cpu_seconds_total", "thread");
    let expected = ["history", "journal", "main", "metrics", "shard-0", "shard-1", "signals", "snapshots"];
    // A kernel may keep no such counts.
    assert!(threads.is_empty() || threads == expected, "{threads:?}");
    let started = sum("process_start_time_seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - 3_600.0..=now).contains(&started), "{started}");
}

#[test]
fn verifiers_are_shown_and_a_journal_that_is_not_there_is_not() {
    let authority = watched(Setup::with_options(&["--verifiers", "1"]));
    let payer = &authority.payers[0];
    let orders: Vec<_> = authority.payers.iter().collect();
    let orders: Vec<_> =
        orders.iter().map(|own| authority.network.order(own, own.pays(&payer.address, 1, 0))).collect();
    authority.client().ask_all(&orders).iter().for_each(|reply| assert!(reply.is_vote()));
    let count = orders.len() as u64;
    let checked = "quittance_signatures_checked_total{thread=\"verifier-0\"}";
    let exposition = scrape_until(&authority, |exposition| exposition.count(checked) == Some(count));
    let batches = "quittance_verify_batch_signatures_sum{thread=\"verifier-0\"}";
    assert_eq!(exposition.count(batches), Some(count));
    assert_eq!(exposition.count("quittance_verifier_queue_batches"), Some(0));
    let absent = exposition.families.iter().filter(|(_, family)| family.samples.is_empty());
    let absent: Vec<&str> = absent.map(|(name, _)| name.as_str()).collect();
    let is_durable = |name: &&str| ["journal", "snapshot", "history"].iter().any(|word| name.contains(word));
    assert!(absent.len() > 8 && absent.iter().all(is_durable), "{absent:?}");
    authority.finish();
}

#[test]
fn what_is_no_request_for_metrics_is_told_so() {
    let authority = watched(Setup::default());
    let place = place(&authority);
    let status = |request: &[u8]| ask(place, request).0;
    let (found, _, pointer) = ask(place, b"GET / HTTP/1.1\r\n\r\n");
    assert!(found.ends_with("200 OK") && pointer.contains("/metrics") && pointer.lines().count() == 1, "{pointer}");
    assert_eq!(status(b"GET /metrics?x=y HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK");
    assert_eq!(status(b"GET /secret HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    assert_eq!(status(b"DELETE /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(status(b"\x00\x01 hello\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789"), "HTTP/1.1 405 Method Not Allowed");
    let long = [b"GET /metrics HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 20_000]].concat();
    assert_eq!(status(&long), "HTTP/1.1 431 Request Header Fields Too Large");
    assert_eq!(status(b"GET /metrics HTTP/1.1\r\n"), "HTTP/1.1 408 Request Timeout");
    scrape(&authority);
    authority.finish();
}

/// Readers that ask and do not read, ask half, say nothing, or are many, while payments go on.
#[test]
fn readers_that_misbehave_keep_no_payment_waiting() {
    let authority = watched(Setup::default());
    let (place, network, payers) = (place(&authority), &authority.network, &authority.payers);
    let request = b"GET /metrics HTTP/1.1\r\n\r\n";
    let deaf: Vec<TcpStream> = (0..60).map(|_| connect(place)).collect();
    deaf.iter().for_each(|mut stream| stream.write_all(request).unwrap());
    let mut half = connect(place);
    half.write_all(b"GET /met").unwrap();
    let silent = connect(place);
    let mut endless = connect(place);
    let _ = endless.write_all(&[b'G'; 100_000]);
    for sequence in 0..20 {
        let body = payers[1].pays(&payers[0].address, 1, sequence);
        let mut client = authority.client();
        client.ask(&network.order(&payers[1], body)).vote();
        client.ask(&network.certify(&body)).assert_receipt();
    }
    // Whoever comes after all of them is served, and so are those of them that read now.
    let exposition = scrape_until(&authority, |exposition| exposition.sum("quittance_settled_total") == 20.0);
    assert_eq!(exposition.sum("quittance_silent_threads"), 0.0);
    for mut stream in deaf {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Exposition::parse(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    }
    silent.shutdown(Shutdown::Both).unwrap();
    let account = authority.client().account(&payers[1].address);
    assert_eq!(account.balance, i128::from(FUNDS) - 20);
    authority.finish();
}

#[test]
fn metrics_are_off_until_asked_for() {
    let authority = Authority::usual();
    assert_eq!(authority.ready["metrics"], Value::Null);
    authority.finish();
}

#[test]
fn an_address_that_others_reach_is_warned_of_and_one_that_is_taken_is_refused() {
    let files = Files::new(&Setup::default());
    let process = Process::start(files.run_arguments(&["--volatile", "--json", "--metrics", "0.0.0.0:0"]));
    let lines = process.lines_to(|line| line.contains(r#""event":"ready""#));
    let warned = lines.iter().any(|line| line.contains(r#""event":"finding""#) && line.contains("no loopback address"));
    assert!(warned, "{lines:?}");
    let ready: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let port = ready["metrics"].as_str().unwrap().parse::<SocketAddr>().unwrap().port();
    scrape_at(([127, 0, 0, 1], port).into());
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run_to_end(files.run_arguments(&["--volatile", "--metrics", &address]));
    assert!(ended.code == Some(1) && ended.errors.contains(&format!("cannot be served at {address}")), "{ended:?}");
    let ended = run_to_end(files.run_arguments(&["--volatile", "--metrics", "nowhere"]));
    assert!(ended.code == Some(2) && ended.errors.contains("127.0.0.1:9464"), "{ended:?}");
}

#[test]
fn the_ready_text_names_the_place() {
    let files = Files::new(&Setup::default());
    let process = Process::start(files.run_arguments(&["--volatile", "--metrics", ":0"]));
    let lines = process.lines_to(|line| line == "ready");
    let place = lines.iter().find_map(|line| line.strip_prefix("metrics    http://")?.strip_suffix("/metrics"));
    let place: SocketAddr = place.unwrap_or_else(|| panic!("{lines:?}")).parse().unwrap();
    assert!(place.ip().is_loopback());
    scrape_at(place);
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));
}
