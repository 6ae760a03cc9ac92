//! Addresses as the kernel lays them out: `sockaddr_in` and `sockaddr_in6`, read and written as bytes.
//!
//! Layout of both: family (2 bytes, machine order), port (2, network order). IPv4: address (4), padding (8). IPv6: flow
//! label (4), address (16), scope (4, machine order).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::limits::NAME_BYTES;

const IPV4_BYTES: usize = size_of::<libc::sockaddr_in>();
const IPV6_BYTES: usize = size_of::<libc::sockaddr_in6>();
const _: () = assert!(IPV4_BYTES == 16 && IPV6_BYTES == 28 && IPV6_BYTES <= NAME_BYTES);

/// An address in the kernel's layout, with its length.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Name {
    pub(super) bytes: [u8; NAME_BYTES],
    pub(super) length: u32,
}

impl Name {
    pub(super) fn of(peer: &SocketAddr) -> Self {
        let mut bytes = [0; NAME_BYTES];
        bytes[2..4].copy_from_slice(&peer.port().to_be_bytes());
        let (family, length) = match peer {
            SocketAddr::V4(peer) => {
                bytes[4..8].copy_from_slice(&peer.ip().octets());
                (libc::AF_INET, IPV4_BYTES)
            }
            SocketAddr::V6(peer) => {
                bytes[4..8].copy_from_slice(&peer.flowinfo().to_be_bytes());
                bytes[8..24].copy_from_slice(&peer.ip().octets());
                bytes[24..28].copy_from_slice(&peer.scope_id().to_ne_bytes());
                (libc::AF_INET6, IPV6_BYTES)
            }
        };
        let family = u16::try_from(family).expect("address families are small numbers");
        bytes[0..2].copy_from_slice(&family.to_ne_bytes());
        Self { bytes, length: u32::try_from(length).expect("16 or 28") }
    }
}

/// The address in `name`, or `None` if it is too short or of neither family.
pub(super) fn read(name: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(field(name, 0)?));
    let port = u16::from_be_bytes(field(name, 2)?);
    match family {
        libc::AF_INET => {
            let address = Ipv4Addr::from(field::<4>(name, 4)?);
            Some(SocketAddr::V4(SocketAddrV4::new(address, port)))
        }
        libc::AF_INET6 => {
            let flow = u32::from_be_bytes(field(name, 4)?);
            let address = Ipv6Addr::from(field::<16>(name, 8)?);
            let scope = u32::from_ne_bytes(field(name, 24)?);
            Some(SocketAddr::V6(SocketAddrV6::new(address, port, flow, scope)))
        }
        _ => None,
    }
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

    use super::{Name, read};

    #[test]
    fn what_is_written_reads_back_and_every_cut_is_refused() {
        let link_local = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4), 9_000, 0, 7);
        let peers = ["127.0.0.1:1".parse().unwrap(), "[::1]:65535".parse().unwrap(), SocketAddr::V6(link_local)];
        for peer in peers {
            let name = Name::of(&peer);
            let length = usize::try_from(name.length).unwrap();
            assert_eq!(read(&name.bytes[..length]), Some(peer));
            let needed = if peer.is_ipv4() { 8 } else { 28 };
            for cut in 0..needed {
                assert_eq!(read(&name.bytes[..cut]), None, "{peer} cut to {cut} bytes");
            }
        }
    }

    #[test]
    fn the_layout_is_the_one_the_socket_library_writes() {
        for peer in ["1.2.3.4:5678", "[2001:db8::5]:6"] {
            let peer: SocketAddr = peer.parse().unwrap();
            let theirs = socket2::SockAddr::from(peer);
            assert_eq!(Name::of(&peer).length, theirs.len());
            assert_eq!(theirs.as_socket(), Some(peer));
        }
    }

    #[test]
    fn another_family_is_no_address() {
        assert_eq!(read(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
