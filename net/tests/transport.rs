//! What holds for a transport whichever backend it has: every claim runs on both.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod transport_support;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quittance_net::transport::{Config, Socket, SocketConfig, Transport, TransportKind, Wait};
use transport_support::{
    PATIENCE, client_of, loopback, number_of, numbered, receive_all, receive_count, set_option, small, transport,
    transport_with,
};

macro_rules! on_both_backends {
    ($($claim:ident)*) => {
        mod io_uring {
            $(#[test] fn $claim() { super::$claim(quittance_net::transport::TransportKind::IoUring); })*
        }
        mod recvmmsg {
            $(#[test] fn $claim() { super::$claim(quittance_net::transport::TransportKind::Recvmmsg); })*
        }
    };
}

on_both_backends! {
    many_datagrams_go_there_and_back_unchanged
    a_burst_of_64_leaves_as_one_send_and_arrives_as_64
    lengths_and_peers_are_grouped_and_keep_their_order
    a_hundred_peers_each_get_their_own
    ipv6_works_and_ipv4_peers_reach_the_unspecified_ipv6_address
    a_flood_of_empty_datagrams_loses_none_of_the_others
    exhausted_buffers_lose_nothing
    a_tiny_completion_queue_loses_nothing
    what_a_full_socket_buffer_drops_is_counted_to_the_datagram
    datagrams_of_a_merged_packet_stand_alone_and_the_last_may_be_shorter
    a_datagram_larger_than_the_buffer_is_counted_and_not_delivered
    a_wake_from_another_thread_ends_the_wait
    a_wake_before_the_wait_is_not_lost
    racing_wakes_lose_none
    unreachable_peers_cost_only_their_own_datagrams
    a_wait_lasts_its_time_and_no_longer
    receive_takes_no_more_than_asked_and_leaves_the_rest
    refused_segmentation_falls_back_pauses_and_recovers
    a_full_outbox_says_so_and_is_empty_after_the_flush
    nothing_of_an_earlier_datagram_is_left_in_a_pushed_one
    transports_closed_under_fire_give_port_and_memory_back
    without_gro_and_gso_the_same_datagrams_arrive
}

fn many_datagrams_go_there_and_back_unchanged(kind: TransportKind) {
    let (mut here, mut there) = (transport(kind), transport(kind));
    assert_eq!(here.kind(), kind);
    let mut returned = 0;
    for round in 0..200_u64 {
        for index in 0..64 {
            let number = round * 64 + index;
            let datagram = numbered(number, 8 + usize::try_from(number * 37 % 1_400).unwrap());
            here.push(there.local_address(), datagram.len()).unwrap().copy_from_slice(&datagram);
        }
        here.flush().unwrap();
        for (peer, datagram) in receive_count(&mut there, 64) {
            assert_eq!(peer, here.local_address());
            there.push(peer, datagram.len()).unwrap().copy_from_slice(&datagram);
        }
        there.flush().unwrap();
        let mut numbers: Vec<u64> = receive_count(&mut here, 64).iter().map(|(_, bytes)| number_of(bytes)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (round * 64..(round + 1) * 64).collect::<Vec<_>>());
        returned += numbers.len() as u64;
    }
    let counters = here.counters();
    assert_eq!((counters.datagrams_sent, counters.datagrams_received), (returned, returned));
    assert_eq!((counters.bytes_sent, counters.datagrams_unsent), (counters.bytes_received, 0));
}

fn a_burst_of_64_leaves_as_one_send_and_arrives_as_64(kind: TransportKind) {
    let (mut here, mut there) = (transport(kind), transport(kind));
    for number in 0..64 {
        here.push(there.local_address(), 300).unwrap().copy_from_slice(&numbered(number, 300));
    }
    here.flush().unwrap();
    assert_eq!((here.counters().sends, here.counters().datagrams_sent), (1, 64));
    let numbers: Vec<u64> = receive_count(&mut there, 64).iter().map(|(_, bytes)| number_of(bytes)).collect();
    assert_eq!(numbers, (0..64).collect::<Vec<_>>());
    let counters = there.counters();
    assert_eq!((counters.datagrams_received, counters.bytes_received), (64, 64 * 300));
    assert_eq!(counters.packets_received, 1, "loopback keeps the burst in one packet");
}

fn lengths_and_peers_are_grouped_and_keep_their_order(kind: TransportKind) {
    let config = Config { outbox_bytes: 1 << 20, ..small() };
    let mut here = transport_with(kind, loopback(), &SocketConfig::default(), &config);
    let mut others: Vec<Transport> = (0..3).map(|_| transport(kind)).collect();
    let lengths = [200, 300, 1_472];
    let mut expected: BTreeMap<(usize, usize), Vec<u64>> = BTreeMap::new();
    for number in 0..900_u64 {
        let pick = usize::try_from(number * 7_919 % 9).unwrap();
        let (other, length) = (pick % 3, lengths[pick / 3]);
        here.push(others[other].local_address(), length).unwrap().copy_from_slice(&numbered(number, length));
        expected.entry((other, length)).or_default().push(number);
    }
    here.flush().unwrap();
    // 1,472 bytes fit 44 times into a packet, the others 64 times: 2 or 3 sends for each hundred.
    let sends: usize = expected.iter().map(|((_, length), all)| all.len().div_ceil((65_507 / length).min(64))).sum();
    assert_eq!(here.counters().sends, sends as u64);
    for (index, other) in others.iter_mut().enumerate() {
        let mut by_length: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (_, datagram) in receive_count(other, 300) {
            by_length.entry(datagram.len()).or_default().push(number_of(&datagram));
        }
        for length in lengths {
            assert_eq!(by_length[&length], expected[&(index, length)], "peer {index}, {length} bytes");
        }
    }
}

fn a_hundred_peers_each_get_their_own(kind: TransportKind) {
    let mut here = transport(kind);
    let clients: Vec<UdpSocket> = (0..100).map(|_| client_of(&here)).collect();
    for (number, client) in (0..).zip(&clients) {
        client.send(&numbered(number, 64)).unwrap();
    }
    let asked = receive_count(&mut here, 100);
    assert_eq!(asked.len(), 100);
    for repeat in 0..3 {
        for (peer, question) in &asked {
            let answer = numbered(number_of(question) * 10 + repeat, 80);
            here.push(*peer, 80).unwrap().copy_from_slice(&answer);
        }
    }
    here.flush().unwrap();
    for (number, client) in (0..).zip(&clients) {
        for repeat in 0..3 {
            let mut answer = [0; 100];
            let length = client.recv(&mut answer).unwrap();
            assert_eq!(number_of(&answer[..length]), number * 10 + repeat);
        }
    }
}

fn ipv6_works_and_ipv4_peers_reach_the_unspecified_ipv6_address(kind: TransportKind) {
    let at = "[::1]:0".parse().unwrap();
    let mut here = transport_with(kind, at, &SocketConfig::default(), &small());
    let mut there = transport_with(kind, at, &SocketConfig::default(), &small());
    for number in 0..100 {
        here.push(there.local_address(), 500).unwrap().copy_from_slice(&numbered(number, 500));
    }
    here.flush().unwrap();
    let received = receive_count(&mut there, 100);
    assert!(received.iter().all(|(peer, _)| *peer == here.local_address()));
    assert_eq!(received.iter().map(|(_, bytes)| number_of(bytes)).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    assert_eq!(here.counters().sends, 2);

    let mut both = transport_with(kind, "[::]:0".parse().unwrap(), &SocketConfig::default(), &small());
    let client = UdpSocket::bind(loopback()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send_to(&numbered(1, 50), ("127.0.0.1", both.local_address().port())).unwrap();
    let (peer, _) = receive_count(&mut both, 1)[0];
    both.push(peer, 60).unwrap().copy_from_slice(&numbered(2, 60));
    both.flush().unwrap();
    let mut answer = [0; 100];
    assert_eq!(client.recv(&mut answer).unwrap(), 60);
}

fn a_flood_of_empty_datagrams_loses_none_of_the_others(kind: TransportKind) {
    let mut here = transport(kind);
    let client = client_of(&here);
    for number in 0..200 {
        client.send(&[]).unwrap();
        client.send(&numbered(number, 100)).unwrap();
        if number % 3 == 0 {
            client.send(&[]).unwrap();
        }
    }
    let numbers: Vec<u64> = receive_all(&mut here).iter().map(|bytes| number_of(bytes)).collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert_eq!(here.counters().empty_datagrams, 200 + 67);
    if kind == TransportKind::IoUring {
        assert!(here.counters().receive_rearmed > 200, "each empty datagram ends the receive: {:?}", here.counters());
    }
    // A call's share is bounded by the packets it takes, not only by the datagrams it delivers.
    (0..50).for_each(|_| assert_eq!(client.send(&[]).unwrap(), 0));
    assert_eq!(here.receive(20, Wait::No, |_, _| ()).unwrap(), 0);
    assert_eq!(here.counters().empty_datagrams, 200 + 67 + 20);
}

fn exhausted_buffers_lose_nothing(kind: TransportKind) {
    let config = Config { receive_buffer_count: 2, ..Config::default() };
    let mut here = transport_with(kind, loopback(), &SocketConfig::default(), &config);
    let client = client_of(&here);
    for number in 0..500 {
        client.send(&numbered(number, 300)).unwrap();
    }
    let numbers: Vec<u64> = receive_all(&mut here).iter().map(|bytes| number_of(bytes)).collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    assert_eq!(here.counters().datagrams_dropped_by_kernel, 0);
    if kind == TransportKind::IoUring {
        assert!(here.counters().receive_buffers_exhausted > 0, "{:?}", here.counters());
    }
}

fn a_tiny_completion_queue_loses_nothing(kind: TransportKind) {
    let config = Config { submission_queue_entries: 4, completion_queue_entries: 4, ..small() };
    let mut here = transport_with(kind, loopback(), &SocketConfig { gso: false, ..SocketConfig::default() }, &config);
    let client = client_of(&here);
    let waker = here.waker();
    let mut answered = 0;
    for round in 0..50_u64 {
        for index in 0..20 {
            client.send(&numbered(round * 20 + index, 300)).unwrap();
        }
        waker.wake();
        // Without waiting: a wait enters the kernel in any case and would mend what looking must find by itself.
        let mut received = Vec::new();
        let began = Instant::now();
        while received.len() < 20 {
            assert!(began.elapsed() < PATIENCE, "datagrams are missing: {:?}", here.counters());
            here.receive(64, Wait::No, |peer, payload| received.push((peer, payload.to_vec()))).unwrap();
        }
        for (peer, datagram) in received {
            assert_eq!(number_of(&datagram), answered);
            answered += 1;
            here.push(peer, 300).unwrap().copy_from_slice(&datagram);
        }
        // Datagrams that arrive between the receive and the flush share the queue with the sends.
        client.send(&[]).unwrap();
        here.flush().unwrap();
        for number in answered - 20..answered {
            let mut answer = [0; 400];
            let length = client.recv(&mut answer).unwrap();
            assert_eq!(number_of(&answer[..length]), number);
        }
    }
    assert_eq!(answered, 1_000);
    assert_eq!((here.counters().datagrams_sent, here.counters().datagrams_unsent), (1_000, 0));
    if kind == TransportKind::IoUring {
        assert!(here.counters().completions_overflown > 0, "the queue was to overflow: {:?}", here.counters());
    }
}

fn what_a_full_socket_buffer_drops_is_counted_to_the_datagram(kind: TransportKind) {
    let socket = SocketConfig { receive_buffer_bytes: 20_000, ..SocketConfig::default() };
    let mut here = transport_with(kind, loopback(), &socket, &small());
    let held = here.socket().receive_buffer_datagrams();
    let client = client_of(&here);
    let mut received = 0;
    let mut sent = 0;
    for round in 1..=3 {
        for _ in 0..held * 4 {
            client.send(&numbered(sent, 300)).unwrap();
            sent += 1;
        }
        received += receive_all(&mut here).len() as u64;
        // A drop shows only with the next datagram that fits.
        client.send(&numbered(sent, 300)).unwrap();
        sent += 1;
        received += receive_all(&mut here).len() as u64;
        let dropped = here.counters().datagrams_dropped_by_kernel;
        assert!(received < sent, "the buffer was to overflow");
        assert_eq!(dropped, sent - received, "after round {round}");
    }
}

fn datagrams_of_a_merged_packet_stand_alone_and_the_last_may_be_shorter(kind: TransportKind) {
    let mut here = transport(kind);
    let client = client_of(&here);
    set_option(&client, libc::SOL_UDP, libc::UDP_SEGMENT, 300);
    let mut packet: Vec<u8> = (0..40).flat_map(|number| numbered(number, 300)).collect();
    packet.extend(numbered(40, 123));
    assert_eq!(client.send(&packet).unwrap(), 40 * 300 + 123);
    let mut seen = Vec::new();
    let mut lengths = Vec::new();
    for (_, datagram) in receive_count(&mut here, 41) {
        seen.push(number_of(&datagram));
        lengths.push(datagram.len());
    }
    assert_eq!(seen, (0..41).collect::<Vec<_>>());
    assert_eq!((lengths[0], lengths[39], lengths[40]), (300, 300, 123));
    assert_eq!(here.counters().packets_received, 1);
}

fn a_datagram_larger_than_the_buffer_is_counted_and_not_delivered(kind: TransportKind) {
    let socket = SocketConfig { gro: false, ..SocketConfig::default() };
    let config = Config { receive_buffer_bytes: 512, ..small() };
    let mut here = transport_with(kind, loopback(), &socket, &config);
    let client = client_of(&here);
    for (number, length) in [(0, 512), (1, 513), (2, 9_000), (3, 512), (4, 100)] {
        client.send(&numbered(number, length)).unwrap();
    }
    let numbers: Vec<u64> = receive_all(&mut here).iter().map(|bytes| number_of(bytes)).collect();
    assert_eq!(numbers, [0, 3, 4]);
    assert_eq!(here.counters().datagrams_truncated, 2);
}

fn a_wake_from_another_thread_ends_the_wait(kind: TransportKind) {
    let mut here = transport(kind);
    let asleep = here.waker();
    for round in 1..=20 {
        let waker = asleep.clone();
        let helper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(2));
            waker.wake();
        });
        let began = Instant::now();
        while here.counters().wakes < round {
            assert!(began.elapsed() < PATIENCE, "the wake was lost");
            assert_eq!(here.receive(64, Wait::For(PATIENCE), |_, _| ()).unwrap(), 0);
        }
        helper.join().unwrap();
    }
}

fn a_wake_before_the_wait_is_not_lost(kind: TransportKind) {
    let mut here = transport(kind);
    let waker = here.waker();
    waker.wake();
    // Neither looking without waiting nor datagrams use the wake up.
    here.receive(64, Wait::No, |_, _| ()).unwrap();
    client_of(&here).send(&numbered(1, 10)).unwrap();
    assert_eq!(receive_count(&mut here, 1).len(), 1);
    let (sleeps, began) = (here.counters().sleeps, Instant::now());
    let mut calls = 0;
    while here.counters().wakes == 0 {
        assert!(began.elapsed() < PATIENCE, "the wake was lost");
        here.receive(64, Wait::For(PATIENCE), |_, _| ()).unwrap();
        calls += 1;
    }
    assert_eq!((calls, here.counters().sleeps), (1, sleeps), "it slept in spite of the wake");
}

fn racing_wakes_lose_none(kind: TransportKind) {
    const THREADS: u64 = 3;
    const ITEMS: u64 = 3_000;
    let mut here = transport(kind);
    let queued = AtomicU64::new(0);
    let taken = AtomicU64::new(0);
    let waker = here.waker();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for item in 0..ITEMS {
                    let mine = queued.fetch_add(1, Ordering::Release) + 1;
                    waker.wake();
                    // Now and then until the item is taken, so that every wake of that moment counts.
                    while item % 8 == 0 && taken.load(Ordering::Acquire) < mine {
                        std::thread::yield_now();
                    }
                }
            });
        }
        while taken.load(Ordering::Relaxed) < THREADS * ITEMS {
            let began = Instant::now();
            here.receive(64, Wait::For(PATIENCE), |_, _| ()).unwrap();
            if began.elapsed() >= PATIENCE {
                taken.store(u64::MAX, Ordering::Release);
                panic!("a wake was lost: {:?}", here.counters());
            }
            taken.store(queued.load(Ordering::Acquire), Ordering::Release);
        }
    });
    assert!(here.counters().sleeps > 0, "the race never put it to sleep");
}

fn unreachable_peers_cost_only_their_own_datagrams(kind: TransportKind) {
    let (mut here, mut there) = (transport(kind), transport(kind));
    let deserted = UdpSocket::bind(loopback()).unwrap().local_addr().unwrap();
    let impossible: SocketAddr = "127.0.0.1:0".parse().unwrap();
    for round in 0..20_u64 {
        for index in 0..4 {
            for peer in [deserted, impossible, there.local_address()] {
                here.push(peer, 100).unwrap().copy_from_slice(&numbered(round * 4 + index, 100));
            }
        }
        here.flush().unwrap();
        assert_eq!(here.receive(64, Wait::For(Duration::from_millis(1)), |_, _| ()).unwrap(), 0);
    }
    let numbers: Vec<u64> = receive_count(&mut there, 80).iter().map(|(_, bytes)| number_of(bytes)).collect();
    assert_eq!(numbers, (0..80).collect::<Vec<_>>());
    let counters = here.counters();
    assert_eq!((counters.send_errors_by_peer, counters.datagrams_unsent), (80, 80), "port 0 cannot be sent to");
    assert_eq!(counters.datagrams_sent, 160);
    assert_eq!(counters.segmentation_pauses, 0, "an impossible address says nothing about segmentation");
}

fn a_wait_lasts_its_time_and_no_longer(kind: TransportKind) {
    let mut here = transport(kind);
    let wait = Duration::from_millis(60);
    let began = Instant::now();
    assert_eq!(here.receive(64, Wait::For(wait), |_, _| ()).unwrap(), 0);
    let elapsed = began.elapsed();
    assert!(elapsed >= wait, "back after {elapsed:?}");
    assert!(elapsed < PATIENCE);
    assert_eq!((here.counters().sleeps, here.counters().wakes), (1, 0));
    assert_eq!(here.receive(64, Wait::No, |_, _| ()).unwrap(), 0);
    assert_eq!(here.receive(0, Wait::For(PATIENCE), |_, _| ()).unwrap(), 0);
    assert_eq!(here.counters().sleeps, 1, "no sleep without a wait, and none if nothing may be taken");
}

fn receive_takes_no_more_than_asked_and_leaves_the_rest(kind: TransportKind) {
    let mut here = transport(kind);
    let client = client_of(&here);
    (0..10).for_each(|number| assert_eq!(client.send(&numbered(number, 20)).unwrap(), 20));
    let mut numbers = Vec::new();
    for expected in [4, 4, 2, 0] {
        let count = here.receive(4, Wait::No, |_, payload| numbers.push(number_of(payload))).unwrap();
        assert_eq!(count, expected);
    }
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}

fn refused_segmentation_falls_back_pauses_and_recovers(kind: TransportKind) {
    const SO_NO_CHECK: i32 = 11;
    let socket = Socket::bind(loopback(), &SocketConfig::default()).unwrap();
    let options = socket.as_fd().try_clone_to_owned().unwrap();
    // Segments need checksums: a socket that makes none is refused them, and only them.
    set_option(&options, libc::SOL_SOCKET, SO_NO_CHECK, 1);
    let mut here = Transport::new(kind, socket, &small()).unwrap();
    let mut there = transport(kind);
    let mut sent = 0;
    let mut flush_burst = |here: &mut Transport| {
        for _ in 0..64 {
            here.push(there.local_address(), 300).unwrap().copy_from_slice(&numbered(sent, 300));
            sent += 1;
        }
        here.flush().unwrap();
        let numbers: Vec<u64> = receive_count(&mut there, 64).iter().map(|(_, bytes)| number_of(bytes)).collect();
        assert_eq!(numbers, (sent - 64..sent).collect::<Vec<_>>());
    };
    (0..10).for_each(|_| flush_burst(&mut here));
    let counters = here.counters();
    assert_eq!((counters.segmentation_refused, counters.segmentation_pauses), (8, 1));
    assert_eq!((counters.sends, counters.datagrams_unsent), (640, 0));
    set_option(&options, libc::SOL_SOCKET, SO_NO_CHECK, 0);
    (0..64).for_each(|_| flush_burst(&mut here));
    let before = here.counters().sends;
    flush_burst(&mut here);
    assert_eq!(here.counters().sends, before + 1, "the pause is over");
    assert_eq!(here.counters().segmentation_refused, 8);
}

fn a_full_outbox_says_so_and_is_empty_after_the_flush(kind: TransportKind) {
    let by_bytes = Config { outbox_bytes: 65_536, ..small() };
    let by_count = Config { outbox_datagrams: 218, ..small() };
    for config in [by_bytes, by_count] {
        let mut here = transport_with(kind, loopback(), &SocketConfig::default(), &config);
        let mut there = transport(kind);
        for round in 0..3 {
            let mut pushed = 0;
            while let Some(room) = here.push(there.local_address(), 300) {
                room.copy_from_slice(&numbered(pushed, 300));
                pushed += 1;
            }
            assert_eq!(pushed, 218, "round {round}");
            here.flush().unwrap();
            let numbers: Vec<u64> = receive_count(&mut there, 218).iter().map(|(_, bytes)| number_of(bytes)).collect();
            assert_eq!(numbers, (0..218).collect::<Vec<_>>());
        }
        here.flush().unwrap();
        assert_eq!(here.counters().datagrams_sent, 3 * 218);
    }
}

fn nothing_of_an_earlier_datagram_is_left_in_a_pushed_one(kind: TransportKind) {
    let (mut here, there) = (transport(kind), transport(kind));
    here.push(there.local_address(), 1_000).unwrap().fill(0xee);
    here.flush().unwrap();
    assert!(here.push(there.local_address(), 1_000).unwrap().iter().all(|byte| *byte == 0));
}

fn transports_closed_under_fire_give_port_and_memory_back(kind: TransportKind) {
    // An address of its own: the port must not go to another test meanwhile.
    let own = "127.0.0.2:0".parse().unwrap();
    let port = transport_with(kind, own, &SocketConfig::default(), &small()).local_address();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let gun = UdpSocket::bind(loopback()).unwrap();
            while !over.load(Ordering::Relaxed) {
                // Between two transports nobody listens; that is no matter.
                let _ = gun.send_to(&numbered(1, 500), port);
            }
        });
        let before = mapped_bytes();
        // A panic must not leave the gun firing: the scope would wait for it for ever.
        let survived = std::panic::catch_unwind(|| {
            for _ in 0..60 {
                // The port is free again: binding it would fail otherwise.
                let mut here = transport_with(kind, port, &SocketConfig::default(), &Config::default());
                here.receive(64, Wait::For(PATIENCE), |_, payload| assert_eq!(number_of(payload), 1)).unwrap();
            }
        });
        over.store(true, Ordering::Relaxed);
        survived.unwrap();
        let grown = mapped_bytes().saturating_sub(before);
        // 60 times 8 MiB would have been 480; the other tests of this process map some meanwhile.
        assert!(grown < 300 << 20, "{grown} bytes more than before");
    });
}

fn without_gro_and_gso_the_same_datagrams_arrive(kind: TransportKind) {
    let plain = SocketConfig { gro: false, gso: false, ..SocketConfig::default() };
    let mut here = transport_with(kind, loopback(), &plain, &small());
    let mut there = transport_with(kind, loopback(), &plain, &small());
    for number in 0..300 {
        here.push(there.local_address(), 300).unwrap().copy_from_slice(&numbered(number, 300));
    }
    here.flush().unwrap();
    let numbers: Vec<u64> = receive_count(&mut there, 300).iter().map(|(_, bytes)| number_of(bytes)).collect();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
    assert_eq!((here.counters().sends, there.counters().packets_received), (300, 300));
}

/// Address space of this process.
fn mapped_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').next().unwrap().parse().unwrap();
    pages * 4_096
}
