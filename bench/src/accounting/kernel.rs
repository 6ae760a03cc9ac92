//! What the kernel knows of UDP sockets, whoever they belong to: what waits in them, and what it dropped in front of them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Of several sockets together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketState {
    /// Bytes of the kernel's memory that unread packets take; 0: nothing waits.
    pub waiting_bytes: u64,
    /// Packets dropped because the receive queue was full, since the sockets were made. A packet of several datagrams that
    /// travelled together counts once.
    pub packets_dropped: u64,
}

impl SocketState {
    /// Of the IPv4 sockets bound to these addresses, as `/proc/net/udp` has them (proc_net_udp(5): `rx_queue` and `drops`).
    /// `None` if one of them is not there.
    pub fn of(addresses: &[SocketAddr]) -> Option<Self> {
        let table = std::fs::read_to_string("/proc/net/udp").ok()?;
        Self::in_table(&table, addresses)
    }

    fn in_table(table: &str, addresses: &[SocketAddr]) -> Option<Self> {
        let sockets: Vec<(SocketAddr, Self)> = table.lines().skip(1).filter_map(socket).collect();
        addresses.iter().try_fold(Self::default(), |sum, address| {
            let (_, state) = sockets.iter().find(|(bound, _)| bound == address)?;
            Some(Self {
                waiting_bytes: sum.waiting_bytes + state.waiting_bytes,
                packets_dropped: sum.packets_dropped + state.packets_dropped,
            })
        })
    }
}

/// A line: number, local address, remote address, state, queues, and more; the drops are last.
fn socket(line: &str) -> Option<(SocketAddr, SocketState)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (host, port) = fields.get(1)?.split_once(':')?;
    // The address as the machine keeps it in a word, printed as a number.
    let host = Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?.to_ne_bytes());
    let port = u16::from_str_radix(port, 16).ok()?;
    let (_, waiting) = fields.get(4)?.split_once(':')?;
    let state = SocketState {
        waiting_bytes: u64::from_str_radix(waiting, 16).ok()?,
        packets_dropped: fields.last()?.parse().ok()?,
    };
    Some((SocketAddrV4::new(host, port).into(), state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::time::{Duration, Instant};

    fn state(socket: &UdpSocket) -> SocketState {
        SocketState::of(&[socket.local_addr().unwrap()]).unwrap()
    }

    #[test]
    fn what_waits_in_a_real_socket_and_what_it_had_no_room_for_are_seen() {
        let (here, there) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        assert_eq!(state(&there), SocketState::default());
        // More than the default receive buffer holds.
        for _ in 0..4_000 {
            here.send_to(&[7; 1_000], there.local_addr().unwrap()).unwrap();
        }
        let full = state(&there);
        assert!(full.waiting_bytes > 0 && full.packets_dropped > 0, "{full:?}");
        there.set_nonblocking(true).unwrap();
        let mut buffer = [0; 1_000];
        let (mut received, until) = (0, Instant::now() + Duration::from_secs(5));
        while state(&there).waiting_bytes > 0 && Instant::now() < until {
            received += u64::from(there.recv(&mut buffer).is_ok());
        }
        assert_eq!(received + full.packets_dropped, 4_000);
        let both = [here.local_addr().unwrap(), there.local_addr().unwrap()];
        assert_eq!(SocketState::of(&both).unwrap().packets_dropped, full.packets_dropped);
    }

    #[test]
    fn a_socket_that_is_not_there_makes_the_whole_unknown() {
        let here = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(SocketState::of(&[here, gone]), None);
    }
}
