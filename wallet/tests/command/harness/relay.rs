//! A bad network between wallets and a committee: datagrams are lost and repeated, both ways.

use super::Committee;
use super::committee::free_ports;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Of so many datagrams one is lost, and one comes twice.
const ONE_IN: u64 = 10;
/// Wallets' ports that are remembered, each at each shard: those of the last few commands.
const BACK_COUNT_MAX: usize = 128;
/// How late it notices that it is to end.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
const COMMITTEE: &str = "relayed.toml";

/// It ends when this is dropped.
pub(crate) struct Relay {
    is_over: Arc<AtomicBool>,
    lost_count: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Where a shard seems to be, and where it is.
struct Front {
    socket: UdpSocket,
    shard: SocketAddr,
}

/// A wallet's port as a shard sees it.
struct Back {
    front: usize,
    wallet: SocketAddr,
    socket: UdpSocket,
}

impl Relay {
    /// In front of all of a committee's shards.
    pub(crate) fn start(committee: &Committee, seed: u64) -> Self {
        let mut fronts = Vec::new();
        committee.write_members(COMMITTEE, |_, member| {
            let sockets = free_ports(member.shards);
            let shards = (0..).map(|shard| member.address_of(quittance_engine::types::ShardIndex(shard)));
            let port = sockets[0].local_addr().unwrap().port();
            fronts.extend(sockets.into_iter().zip(shards).map(|(socket, shard)| Front { socket, shard }));
            member.port = port;
        });
        let (is_over, lost_count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut carrier = Carrier { fronts, backs: VecDeque::new(), state: seed, lost_count: lost_count.clone() };
        carrier.fronts.iter().for_each(|front| front.socket.set_nonblocking(true).unwrap());
        let over = is_over.clone();
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                carrier.turn();
            }
        });
        Self { is_over, lost_count, thread: Some(thread) }
    }

    /// The committee file that names it, in the committee's folder.
    pub(crate) fn committee_file(&self) -> &'static str {
        COMMITTEE
    }

    /// Datagrams that did not arrive.
    pub(crate) fn lost_count(&self) -> u64 {
        self.lost_count.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking(), "the relay stumbled");
    }
}

struct Carrier {
    fronts: Vec<Front>,
    backs: VecDeque<Back>,
    state: u64,
    lost_count: Arc<AtomicU64>,
}

impl Carrier {
    fn turn(&mut self) {
        let sockets = self.fronts.iter().map(|front| &front.socket).chain(self.backs.iter().map(|back| &back.socket));
        let mut waits: Vec<PollFd<'_>> = sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        poll(&mut waits, Some(&TICK)).unwrap();
        let mut buffer = [0; 2048];
        for front in 0..self.fronts.len() {
            while let Ok((length, wallet)) = self.fronts[front].socket.recv_from(&mut buffer) {
                let back = self.back(front, wallet);
                for _ in 0..self.copies() {
                    // A shard that is not there is a network's fault like any other.
                    let _ = self.backs[back].socket.send(&buffer[..length]);
                }
            }
        }
        for back in 0..self.backs.len() {
            while let Ok(length) = self.backs[back].socket.recv(&mut buffer) {
                for _ in 0..self.copies() {
                    let Back { front, wallet, .. } = &self.backs[back];
                    let _ = self.fronts[*front].socket.send_to(&buffer[..length], wallet);
                }
            }
        }
    }

    /// The place of this wallet's socket towards this shard.
    fn back(&mut self, front: usize, wallet: SocketAddr) -> usize {
        let known = self.backs.iter().position(|back| back.front == front && back.wallet == wallet);
        known.unwrap_or_else(|| {
            if self.backs.len() == BACK_COUNT_MAX {
                self.backs.pop_front();
            }
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.connect(self.fronts[front].shard).unwrap();
            socket.set_nonblocking(true).unwrap();
            self.backs.push_back(Back { front, wallet, socket });
            self.backs.len() - 1
        })
    }

    fn copies(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (self.state >> 33) % ONE_IN {
            0 => {
                self.lost_count.fetch_add(1, Ordering::Relaxed);
                0
            }
            1 => 2,
            _ => 1,
        }
    }
}
