//! Choosing a backend, sockets and what the kernel grants them, sizes out of bounds.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod transport_support;

use quittance_net::transport::{
    Config, Socket, SocketConfig, Transport, TransportError, TransportKind, choose, probe_io_uring,
};
use transport_support::{forbid, loopback, small};

#[test]
fn the_probe_passes_here_and_io_uring_is_chosen() {
    probe_io_uring().unwrap();
    let (kind, reason) = choose(None).unwrap();
    assert_eq!(kind, TransportKind::IoUring);
    assert!(reason.is_none());
    assert_eq!(choose(Some(TransportKind::IoUring)).unwrap().0, TransportKind::IoUring);
    assert_eq!(choose(Some(TransportKind::Recvmmsg)).unwrap().0, TransportKind::Recvmmsg);
}

#[test]
fn where_io_uring_is_forbidden_recvmmsg_is_chosen_with_the_reason() {
    for (call, step) in [
        (libc::SYS_io_uring_setup, "setting up the ring"),
        (libc::SYS_io_uring_register, "registering the socket"),
        (libc::SYS_io_uring_enter, "entering the kernel"),
    ] {
        // The filter binds this thread only, and for ever.
        std::thread::spawn(move || {
            forbid(call, None);
            let (kind, reason) = choose(None).unwrap();
            assert_eq!(kind, TransportKind::Recvmmsg);
            let reason = reason.expect("a reason").to_string();
            assert!(reason.contains(step) && reason.contains("kernel.io_uring_disabled"), "{reason}");
            assert!(matches!(choose(Some(TransportKind::IoUring)), Err(TransportError::Ring { .. })));
            assert_eq!(choose(Some(TransportKind::Recvmmsg)).unwrap().0, TransportKind::Recvmmsg);
        })
        .join()
        .unwrap();
    }
}

#[test]
fn what_the_kernel_grants_is_read_back_and_a_lack_is_found_with_its_remedy() {
    const MUCH: usize = 512 << 20;
    std::thread::spawn(|| {
        for option in [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE] {
            forbid(libc::SYS_setsockopt, Some(option.cast_unsigned()));
        }
        let limit = |name| -> usize {
            let text = std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).unwrap();
            text.trim().parse().unwrap()
        };
        let config = SocketConfig { receive_buffer_bytes: MUCH, send_buffer_bytes: MUCH, ..SocketConfig::default() };
        let socket = Socket::bind(loopback(), &config).unwrap();
        assert_eq!(socket.receive_buffer_bytes(), limit("rmem_max"));
        assert_eq!(socket.send_buffer_bytes(), limit("wmem_max"));
        let findings: Vec<String> = socket.findings().iter().map(ToString::to_string).collect();
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("net.core.rmem_max") && findings[0].contains(&MUCH.to_string()), "{findings:?}");
        assert!(
            findings[0].contains(&format!("about {} datagrams", socket.receive_buffer_datagrams())),
            "{findings:?}"
        );
        assert!(findings[1].contains("net.core.wmem_max"), "{findings:?}");
    })
    .join()
    .unwrap();
}

#[test]
fn a_granted_buffer_is_the_one_asked_for_and_no_finding() {
    let config = SocketConfig { receive_buffer_bytes: 150_000, send_buffer_bytes: 150_000, ..SocketConfig::default() };
    let socket = Socket::bind(loopback(), &config).unwrap();
    assert_eq!((socket.receive_buffer_bytes(), socket.send_buffer_bytes()), (150_000, 150_000));
    assert_eq!(socket.findings(), []);
    assert!(socket.gro() && socket.gso());
    assert_ne!(socket.local_address().port(), 0);
}

#[test]
fn a_port_in_use_is_refused_with_a_remedy() {
    let first = Socket::bind(loopback(), &SocketConfig::default()).unwrap();
    let error = Socket::bind(first.local_address(), &SocketConfig::default()).unwrap_err();
    assert!(error.to_string().contains("another process has the port"), "{error}");
}

#[test]
fn sizes_out_of_bounds_are_refused_by_name() {
    let wrong = [
        ("receive_buffer_count", Config { receive_buffer_count: 1, ..small() }),
        ("receive_buffer_count", Config { receive_buffer_count: 48, ..small() }),
        ("receive_buffer_count", Config { receive_buffer_count: 8_192, ..small() }),
        ("receive_buffer_bytes", Config { receive_buffer_bytes: 2_048, ..small() }),
        ("outbox_bytes", Config { outbox_bytes: 10_000, ..small() }),
        ("outbox_datagrams", Config { outbox_datagrams: 0, ..small() }),
        ("submission_queue_entries", Config { submission_queue_entries: 3, ..small() }),
        ("completion_queue_entries", Config { completion_queue_entries: 255, ..small() }),
    ];
    for (figure, config) in wrong {
        for kind in [TransportKind::IoUring, TransportKind::Recvmmsg] {
            let socket = Socket::bind(loopback(), &SocketConfig::default()).unwrap();
            let error = Transport::new(kind, socket, &config).unwrap_err().to_string();
            assert!(error.starts_with(figure), "{error}");
        }
    }
    let config = SocketConfig { receive_buffer_bytes: 1 << 30, ..SocketConfig::default() };
    assert!(matches!(Socket::bind(loopback(), &config), Err(TransportError::Limit { .. })));
}

#[test]
fn names_of_transports_read_back_and_others_are_refused() {
    for kind in [TransportKind::IoUring, TransportKind::Recvmmsg] {
        assert_eq!(kind.to_string().parse::<TransportKind>().unwrap(), kind);
    }
    assert!(matches!("epoll".parse::<TransportKind>(), Err(TransportError::Unknown(name)) if name == "epoll"));
}

#[test]
fn a_socket_bound_on_one_thread_serves_on_another() {
    let socket = Socket::bind(loopback(), &SocketConfig::default()).unwrap();
    let address = socket.local_address();
    let served = std::thread::spawn(move || {
        let mut transport = Transport::new(TransportKind::IoUring, socket, &small()).unwrap();
        transport_support::receive_count(&mut transport, 1).len()
    });
    std::net::UdpSocket::bind(loopback()).unwrap().send_to(&[1; 9], address).unwrap();
    assert_eq!(served.join().unwrap(), 1);
}
