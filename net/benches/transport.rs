//! Cost of one 300-byte datagram on loopback, one thread, both backends: sent, and received from a full socket. Bursts
//! are 64 datagrams in one segmented send, which loopback delivers as one packet; singles travel one by one. On loopback
//! the sender also pays for the way through the stack up to the receiver's socket.
//!
//! `cargo bench -p quittance-net --bench transport`; the figure per datagram is the inverse of `thrpt`.

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    use criterion::{Criterion, Throughput};
    use quittance_net::transport::{Config, Socket, SocketConfig, Transport, TransportKind, Wait};

    const DATAGRAM_BYTES: usize = 300;
    const BURST: usize = 64;
    /// Bursts timed together: few enough for the socket buffer, many enough to hide the clock.
    const BURSTS: usize = 16;

    pub(crate) fn main() {
        let mut criterion = Criterion::default().configure_from_args();
        for kind in [TransportKind::IoUring, TransportKind::Recvmmsg] {
            for (shape, merged) in [("bursts", true), ("singles", false)] {
                measure(&mut criterion, kind, shape, merged);
            }
        }
        criterion.final_summary();
    }

    fn measure(criterion: &mut Criterion, kind: TransportKind, shape: &str, merged: bool) {
        let mut pair = Pair::new(kind, merged);
        let mut group = criterion.benchmark_group(shape);
        group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        group.throughput(Throughput::Elements((BURST * BURSTS) as u64));
        group.bench_function(format!("{kind}/send"), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| pair.round().0).sum());
        });
        group.bench_function(format!("{kind}/receive"), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| pair.round().1).sum());
        });
        pair.check(merged);
    }

    /// A sender and a receiver, and how many datagrams went from one to the other.
    struct Pair {
        sender: Transport,
        receiver: Transport,
        datagrams: u64,
    }

    impl Pair {
        fn new(kind: TransportKind, merged: bool) -> Self {
            let config = SocketConfig { gro: merged, gso: merged, ..SocketConfig::default() };
            let transport = || {
                let socket = Socket::bind("127.0.0.1:0".parse().expect("an address"), &config).expect("a socket");
                Transport::new(kind, socket, &Config::default()).expect("a transport")
            };
            Self { sender: transport(), receiver: transport(), datagrams: 0 }
        }

        /// Sends and receives; returns the time of each.
        fn round(&mut self) -> (Duration, Duration) {
            let payload = black_box([7_u8; DATAGRAM_BYTES]);
            let peer = self.receiver.local_address();
            let began = Instant::now();
            for _ in 0..BURSTS {
                for _ in 0..BURST {
                    self.sender.push(peer, DATAGRAM_BYTES).expect("room").copy_from_slice(&payload);
                }
                self.sender.flush().expect("sent");
            }
            let sent = began.elapsed();
            let began = Instant::now();
            let (mut count, mut sum) = (0, 0_u64);
            while count < BURST * BURSTS {
                let each = |_, payload: &[u8]| sum += u64::from(payload[0]) + u64::from(payload[DATAGRAM_BYTES - 1]);
                let more = self.receiver.receive(256, Wait::For(Duration::from_secs(10)), each).expect("received");
                assert!(more > 0, "datagrams are missing");
                count += more;
            }
            let received = began.elapsed();
            assert_eq!((count, sum), (BURST * BURSTS, 14 * (BURST * BURSTS) as u64));
            self.datagrams += count as u64;
            (sent, received)
        }

        /// The figures mean what they say only if this holds.
        fn check(&self, merged: bool) {
            let (sent, received) = (self.sender.counters(), self.receiver.counters());
            assert_eq!((sent.datagrams_sent, received.datagrams_received), (self.datagrams, self.datagrams));
            let packets = if merged { self.datagrams / BURST as u64 } else { self.datagrams };
            assert_eq!((sent.sends, received.packets_received), (packets, packets));
        }
    }
}
