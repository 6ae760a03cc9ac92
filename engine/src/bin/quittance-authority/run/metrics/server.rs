//! Requests for metrics, and their answers: as much of HTTP/1.1 as that takes.
//!
//! One connection at a time, and one request on each. Whatever a reader does, he is done with in [`HEAD_PATIENCE`],
//! [`ANSWER_PATIENCE`] and [`FAREWELL_PATIENCE`] together; then the next is served. The thread rests after each, so that no number
//! of readers keeps a core busy.

use super::exposition::CONTENT_TYPE;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest request, line and headers: bytes. A collector's has some 300.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// Headers in it.
const HEADERS_MAX: usize = 64;

/// How long a reader may take for his request.
const HEAD_PATIENCE: Duration = Duration::from_secs(1);

/// How long he may take to read the answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// How long what a reader still sends is read and thrown away, if what he sent was refused: to close a connection with bytes
/// unread would take the answer from him, too.
const FAREWELL_PATIENCE: Duration = Duration::from_millis(200);

/// Of that, at most: bytes.
const FAREWELL_BYTES_MAX: usize = 64 << 10;

/// How long the thread rests after each connection, and after one that could not be taken.
const REST: Duration = Duration::from_millis(5);
const REST_AFTER_FAULT: Duration = Duration::from_millis(100);

const POINTER: &str = "Metrics of a Quittance authority are at /metrics.\n";

/// What a request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Metrics,
    Pointer,
    NotFound,
    NotAllowed,
    Malformed,
    TooLate,
    TooLong,
}

/// Serves for ever; `metrics` is asked for the text at each request for it.
pub(super) fn serve(listener: &TcpListener, mut metrics: impl FnMut() -> Arc<str>) {
    loop {
        let rest = match listener.accept() {
            Ok((stream, _)) => {
                // What goes wrong is between the reader and his network.
                let _ = converse(&stream, &mut metrics);
                REST
            }
            // Too many open files, or a connection that ended before it was taken.
            Err(_) => REST_AFTER_FAULT,
        };
        sleep(rest);
    }
}

fn converse(stream: &TcpStream, metrics: &mut impl FnMut() -> Arc<str>) -> io::Result<()> {
    let Some(answer) = read_request(stream)? else { return Ok(()) };
    let body = match answer {
        Answer::Metrics => metrics(),
        other => other.text().into(),
    };
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n",
        answer.status(),
        if answer == Answer::Metrics { CONTENT_TYPE } else { "text/plain; charset=utf-8" },
        body.len(),
        if answer == Answer::NotAllowed { "Allow: GET\r\n" } else { "" },
    );
    let deadline = Instant::now() + ANSWER_PATIENCE;
    write_until(stream, head.as_bytes(), deadline)?;
    write_until(stream, body.as_bytes(), deadline)?;
    stream.shutdown(Shutdown::Write)?;
    if matches!(answer, Answer::Metrics | Answer::Pointer) { Ok(()) } else { hear_out(stream) }
}

/// Reads what else is sent, and forgets it.
fn hear_out(mut stream: &TcpStream) -> io::Result<()> {
    let (deadline, mut scratch, mut left) = (Instant::now() + FAREWELL_PATIENCE, [0; 4 << 10], FAREWELL_BYTES_MAX);
    while left > 0 {
        stream.set_read_timeout(Some(time_to(deadline)?))?;
        match stream.read(&mut scratch)? {
            0 => break,
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

/// Reads a request up to its empty line. `None` if the reader goes before.
fn read_request(mut stream: &TcpStream) -> io::Result<Option<Answer>> {
    let (mut head, mut length) = ([0; HEAD_BYTES_MAX], 0);
    let deadline = Instant::now() + HEAD_PATIENCE;
    loop {
        let Ok(time) = time_to(deadline) else { return Ok(Some(Answer::TooLate)) };
        stream.set_read_timeout(Some(time))?;
        match stream.read(&mut head[length..]) {
            Ok(0) => return Ok(None),
            Ok(count) => length += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(Some(Answer::TooLate));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if let Some(answer) = judge(&head[..length]) {
            return Ok(Some(answer));
        }
    }
}

/// What so many bytes of a request come to; `None` if more are to come.
fn judge(head: &[u8]) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => return None,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => return Some(Answer::TooLong),
        Err(_) => return Some(Answer::Malformed),
        Ok(httparse::Status::Complete(_)) => {}
    }
    let (Some(method), Some(target)) = (request.method, request.path) else { return Some(Answer::Malformed) };
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let answer = match path {
        "/metrics" => Answer::Metrics,
        "/" => Answer::Pointer,
        _ => return Some(Answer::NotFound),
    };
    Some(if method == "GET" { answer } else { Answer::NotAllowed })
}

impl Answer {
    fn status(self) -> &'static str {
        match self {
            Self::Metrics | Self::Pointer => "200 OK",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::Malformed => "400 Bad Request",
            Self::TooLate => "408 Request Timeout",
            Self::TooLong => "431 Request Header Fields Too Large",
        }
    }

    /// The body, but of [`Answer::Metrics`].
    fn text(self) -> &'static str {
        match self {
            Self::Metrics => "",
            Self::Pointer => POINTER,
            Self::NotFound => "There is nothing here: metrics are at /metrics.\n",
            Self::NotAllowed => "Here is nothing but to GET.\n",
            Self::Malformed => "This is no request of HTTP/1.1.\n",
            Self::TooLate => "The request took too long.\n",
            Self::TooLong => "The request is longer than any that is answered here.\n",
        }
    }
}

fn write_until(mut stream: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(time_to(deadline)?))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is left of the time; an error if nothing is.
fn time_to(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metrics_and_the_pointer_are_there_and_only_to_get() {
        let judged = |line: &str| judge(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        for (line, answer) in [
            ("GET /metrics", Answer::Metrics),
            ("GET /metrics?name[]=up", Answer::Metrics),
            ("GET /", Answer::Pointer),
            ("GET /metrics/", Answer::NotFound),
            ("GET /../../etc/passwd", Answer::NotFound),
            ("POST /elsewhere", Answer::NotFound),
            ("POST /metrics", Answer::NotAllowed),
            ("HEAD /", Answer::NotAllowed),
            ("GET", Answer::Malformed),
        ] {
            assert_eq!(judged(line), Some(answer), "{line}");
        }
        assert_eq!(judge(b"GET /metrics HTTP/1.0\r\n\r\n"), Some(Answer::Metrics));
    }

    #[test]
    fn a_reader_that_does_not_read_is_given_up_and_the_next_one_is_served() {
        // More than both ends' buffers hold.
        const BODY_BYTES: usize = 16 << 20;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let body: Arc<str> = "x".repeat(BODY_BYTES).into();
        std::thread::spawn(move || serve(&listener, || Arc::clone(&body)));
        let ask = || {
            let mut stream = TcpStream::connect(place).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
            stream
        };
        let read = |mut stream: TcpStream| {
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).map(|_| answer.len())
        };
        let deaf = ask();
        assert!(read(ask()).unwrap() > BODY_BYTES);
        assert!(read(deaf).is_ok_and(|length| length < BODY_BYTES), "he was cut off");
    }

    #[test]
    fn a_request_is_judged_when_it_is_whole_or_too_long_and_not_before() {
        let whole = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
        (0..whole.len()).for_each(|length| assert_eq!(judge(&whole[..length]), None, "{length}"));
        assert_eq!(judge(whole), Some(Answer::Metrics));
        let mut long = b"GET /metrics HTTP/1.1\r\nHost: ".to_vec();
        long.resize(HEAD_BYTES_MAX - 1, b'a');
        assert_eq!(judge(&long), None);
        long.push(b'a');
        assert_eq!(judge(&long), Some(Answer::TooLong));
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(judge(many.as_bytes()), Some(Answer::TooLong));
        assert_eq!(judge(b"\x16\x03\x01\x02\x00\x01\x00"), Some(Answer::Malformed), "someone speaks TLS");
    }
}
