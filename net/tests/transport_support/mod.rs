//! What the transport's tests and nobody else need: sockets to talk to it, options, and a way to forbid system calls.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use quittance_net::transport::{Config, Counters, Socket, SocketConfig, Transport, TransportKind, Wait};

/// Longer than any wait that ends as it should; a test that needs it all has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Buffers as small as GRO allows, few of them: more would only cost the tests memory.
pub(crate) fn small() -> Config {
    Config { receive_buffer_count: 16, ..Config::default() }
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(crate) fn transport(kind: TransportKind) -> Transport {
    transport_with(kind, loopback(), &SocketConfig::default(), &small())
}

pub(crate) fn transport_with(kind: TransportKind, at: SocketAddr, socket: &SocketConfig, config: &Config) -> Transport {
    let socket = Socket::bind(at, socket).unwrap();
    Transport::new(kind, socket, config).unwrap()
}

/// A plain socket connected to the transport.
pub(crate) fn client_of(transport: &Transport) -> UdpSocket {
    let address = transport.local_address();
    let client = UdpSocket::bind((address.ip(), 0)).unwrap();
    client.connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Receives until `wanted` datagrams are there; fewer come back only if patience ends.
pub(crate) fn receive_count(transport: &mut Transport, wanted: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let deadline = Instant::now() + PATIENCE;
    let mut received = Vec::new();
    while received.len() < wanted && Instant::now() < deadline {
        let wait = Wait::For(Duration::from_millis(200));
        transport.receive(1_024, wait, |peer, payload| received.push((peer, payload.to_vec()))).unwrap();
    }
    received
}

/// Receives until nothing has come for a while.
pub(crate) fn receive_all(transport: &mut Transport) -> Vec<Vec<u8>> {
    let mut received = Vec::new();
    let mut quiet = 0;
    while quiet < 3 {
        let before = transport.counters();
        let wait = Wait::For(Duration::from_millis(20));
        transport.receive(1_024, wait, |_, payload| received.push(payload.to_vec())).unwrap();
        let progress = taken(&transport.counters()) > taken(&before);
        quiet = if progress { 0 } else { quiet + 1 };
    }
    received
}

fn taken(counters: &Counters) -> u64 {
    counters.packets_received + counters.empty_datagrams + counters.datagrams_truncated + counters.packets_unreadable
}

/// A datagram that says which it is, and whose every byte depends on it.
pub(crate) fn numbered(number: u64, length: usize) -> Vec<u8> {
    assert!(length >= 8);
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((8..length).map(|index| u8::try_from((number.wrapping_mul(31) + index as u64) & 0xff).unwrap()));
    bytes
}

/// The number of a datagram made by [`numbered`], checked to its last byte.
pub(crate) fn number_of(datagram: &[u8]) -> u64 {
    let number = u64::from_le_bytes(*datagram.first_chunk().unwrap());
    assert_eq!(datagram, numbered(number, datagram.len()), "datagram {number} came changed");
    number
}

pub(crate) fn set_option(socket: &impl AsFd, level: i32, option: i32, value: i32) {
    let length = u32::try_from(size_of::<i32>()).unwrap();
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: `value` is a live i32 and `length` its size.
    let result = unsafe { libc::setsockopt(descriptor, level, option, (&raw const value).cast(), length) };
    assert_eq!(result, 0, "setsockopt {level}/{option}: {}", io::Error::last_os_error());
}

/// Makes system call `number` fail with EPERM on this thread from now on; with `third_argument`, only if its third
/// argument is that.
pub(crate) fn forbid(number: libc::c_long, third_argument: Option<u32>) {
    let number = u32::try_from(number).unwrap();
    let load = |offset: u32| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let refuse = statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned());
    let allow = statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW);
    // seccomp_data: call number (4 bytes), architecture (4), instruction pointer (8), arguments (8 each).
    let filter = match third_argument {
        None => vec![load(0), unless_equal(number, 1), refuse, allow],
        Some(argument) => {
            vec![load(0), unless_equal(number, 3), load(32), unless_equal(argument, 1), refuse, allow]
        }
    };
    install(filter);
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k }
}

fn unless_equal(k: u32, skip: u8) -> libc::sock_filter {
    let code = u16::try_from(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K).unwrap();
    libc::sock_filter { code, jt: 0, jf: skip, k }
}

fn install(mut filter: Vec<libc::sock_filter>) {
    let program = libc::sock_fprog { len: u16::try_from(filter.len()).unwrap(), filter: filter.as_mut_ptr() };
    // SAFETY: takes integers only; affects this thread.
    let locked = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(locked, 0);
    // SAFETY: `program` and the filter it points at outlive the call; the kernel copies them.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "seccomp: {}", io::Error::last_os_error());
}
