//! Datagrams: what they look like, and how they arrive and leave. Knows datagrams, not payments: what a field means is
//! decided above.
//!
//! - [`frame`] is pure: fixed layouts, read in place. No socket, no clock, no allocation; it builds for
//!   wasm32-unknown-unknown, where the rest of the crate is absent.
//! - `transport` is Linux's UDP: one face, [io_uring and recvmmsg](#two-backends) behind it.
//!
//! The two know nothing of each other: a transport carries any bytes, and a frame comes from anywhere.
//!
//! ```
//! use quittance_net::frame::{self, Frame, Header, Kind, Malformed, Query, U64};
//!
//! let header = Header::new(Kind::Query, 0, 7);
//! let query = Query { header, account: [1; 32], nonce: U64::new(9), padding: [0; 96] };
//! let datagram = bytemuck::bytes_of(&query);
//! assert!(matches!(frame::parse(datagram), Ok(Frame::Query(query)) if query.nonce.get() == 9));
//! assert_eq!(frame::parse(&datagram[1..]).err(), Some(Malformed::Magic));
//! ```
//!
//! # Map
//! `frame/`
//! - `mod.rs`: the kinds, their bounds, and [`frame::parse`].
//! - `layout.rs`: the fixed layouts, and what of them must be zero or in range.
//! - `field.rs`: little-endian numbers of alignment 1.
//! - `reply.rs`: votes, receipts and rejections: what comes with a proof.
//! - `history.rs`: an account's history: questions of any length, pages of items.
//! - `certificate.rs`: certificates: an order and the votes for it.
//! - `golden/`: a frame of each kind, byte by byte; for those who write another implementation.
//!
//! `transport/`
//! - `mod.rs`: the face: receive, push, flush.
//! - `config.rs`, `limits.rs`: sizes, and their bounds with reasons.
//! - `socket.rs`: a bound socket, and what the kernel granted it.
//! - `uring.rs`, `buffer_ring.rs`: the io_uring backend, and the receive buffers it shares with the kernel.
//! - `mmsg.rs`: the recvmmsg and sendmmsg backend.
//! - `probe.rs`: the choice between them, by trying.
//! - `packet.rs`, `control.rs`: a received packet cut into its datagrams, and the notes that came beside it.
//! - `outbox.rs`: datagrams that wait to leave, grouped by peer and length.
//! - `address.rs`: peers as the kernel writes them.
//! - `waker.rs`: ending another thread's sleep.
//! - `mapping.rs`: memory that the kernel writes into.
//! - `counters.rs`, `error.rs`: what has happened, and what can go wrong, with remedies.
//!
//! # Two backends
//! io_uring is not kernel bypass. A datagram takes the kernel's whole way, through driver, IP, UDP and socket, whichever
//! system call fetches it, and that way is most of its cost. What a backend can save is system calls
//! and wake-ups; what saves most is that the kernel goes the way once for many datagrams (UDP_GRO, UDP_SEGMENT), and
//! both backends do that.
//!
//! - io_uring is for a shard with work of its own: it looks for datagrams without a system call when there are none,
//!   receives without asking again, and sleeps on the socket and on wakers at once. It is the first choice. Where
//!   datagrams come singly and each is answered before the next, its bookkeeping can make it the slower of the two.
//! - recvmmsg is for machines that refuse io_uring (old kernels, seccomp, `kernel.io_uring_disabled`), for peers that
//!   send singly, and as the measure that io_uring is held against.
//!
//! Which is faster on a machine, bursts and singles apart, is what `cargo bench -p quittance-net --bench transport`
//! answers. The operator's word decides, by name; without it `transport::choose` probes, and says why if it is not
//! io_uring.
//!
//! # Unsafe code
//! Only in `transport`, where it makes system calls and shares memory with the kernel; its docs name the files. `frame`
//! forbids it: that bytes may be viewed as a layout is proven by `bytemuck` when it is compiled.
//!
//! # Dependencies
//! - `bytemuck`: the proof that any bytes make a layout, and the views.
//! - `thiserror`: the error types' messages.
//! - `io-uring`: rings, entries and the registration of buffers.
//! - `libc`: recvmmsg, sendmmsg, eventfd and the layouts and constants of the kernel's interface.
//! - `socket2`: making sockets and setting their options.
//! - `serde`: counters in the reports of those who print them.
//! - For tests and benches only: `proptest` (frames of any shape), `criterion` (measures).
#![deny(unsafe_code)]

pub mod frame;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub mod transport;
