//! Free ports, found by binding them: UDP ports in a row, and TCP ports one by one.

use crate::error::BenchError;
use std::net::{IpAddr, TcpListener, UdpSocket};

/// Where the search runs: above the ports that services use, below those that Linux gives to clients.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

/// Finds a row of `count` free ports on `host` for each authority. The rows do not overlap.
///
/// The ports are free when this returns, not reserved: another process can still take one, and the authority then says so.
///
/// # Errors
/// [`BenchError::Machine`] if there are not enough.
pub fn find_rows(host: IpAddr, row_count: usize, count: u16) -> Result<Vec<u16>, BenchError> {
    let span = LAST - FIRST;
    let mut port = start();
    let mut rows = Vec::new();
    // Held until all rows are found, so that they do not overlap.
    let mut held = Vec::new();
    let mut budget = 2 * usize::from(span / count.max(1)) + 1;
    while rows.len() < row_count && budget > 0 {
        budget -= 1;
        if port > LAST - count {
            port = FIRST;
        }
        if let Some(sockets) = bind_row(host, port, count) {
            held.push(sockets);
            rows.push(port);
        }
        port += count;
    }
    if rows.len() < row_count {
        let error = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let task = format!("finding {row_count} rows of {count} free UDP ports from {FIRST} to {LAST} on {host}");
        return Err(BenchError::machine(
            task,
            error,
            "; ask for fewer shards, raise the limit of open files (ulimit -n), or end what holds the ports",
        ));
    }
    Ok(rows)
}

/// Finds so many free TCP ports. They are no more reserved than those of [`find_rows`]; at least no client is given one.
///
/// # Errors
/// [`BenchError::Machine`] if there are not enough.
pub fn find_links(host: IpAddr, count: usize) -> Result<Vec<u16>, BenchError> {
    let is_free = |port: &u16| TcpListener::bind((host, *port)).is_ok();
    let ports: Vec<u16> = (start()..LAST).chain(FIRST..start()).filter(is_free).take(count).collect();
    if ports.len() < count {
        let error = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        let task = format!("finding {count} free TCP ports from {FIRST} to {LAST} on {host}");
        return Err(BenchError::machine(task, error, "; end what holds the ports"));
    }
    Ok(ports)
}

/// Where to look first: runs that start at the same time shall not look in the same place.
fn start() -> u16 {
    let scattered = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    FIRST + u16::try_from(scattered % u64::from(LAST - FIRST)).expect("below the span")
}

fn bind_row(host: IpAddr, first: u16, count: u16) -> Option<Vec<UdpSocket>> {
    (first..first + count).map(|port| UdpSocket::bind((host, port)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn rows_do_not_overlap_and_avoid_ports_in_use() {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = find_rows(host, 1, 2).unwrap()[0];
        let held = UdpSocket::bind((host, first + 1));
        let rows = find_rows(host, 5, 3).unwrap();
        let mut ports: Vec<u16> = rows.iter().flat_map(|row| *row..*row + 3).collect();
        if held.is_ok() {
            assert!(!ports.contains(&(first + 1)));
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 15);
    }

    #[test]
    fn more_than_there_are_is_an_error() {
        assert!(find_rows(IpAddr::V4(Ipv4Addr::LOCALHOST), 30, 1_000).is_err());
    }
}
