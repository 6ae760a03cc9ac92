//! What the vector backend's parts cost, one by one. Every answer is compared with curve25519-dalek's, with `sha2`'s, or with
//! the crate's own portable arithmetic.
//!
//! ```text
//! taskset -c 1 cargo bench -p quittance-verify --features parts --bench parts              # all of it
//! taskset -c 1 cargo bench -p quittance-verify --features parts --bench parts -- 'field/'  # one topic
//! cargo test -p quittance-verify --features parts --bench parts                            # each once, for the answers
//! ```
//!
//! Throughput is per lane: eight to a vector. `field`: products, squares, powers. `points`: the group, points from and to
//! octets, multiples. `scalars`: hashes, integers mod L, digits. Whole signatures are measured by the bench `verify`.

#[cfg(target_arch = "x86_64")]
mod common;
#[cfg(target_arch = "x86_64")]
mod field;
#[cfg(target_arch = "x86_64")]
mod points;
#[cfg(target_arch = "x86_64")]
mod scalars;

#[cfg(target_arch = "x86_64")]
fn main() {
    if quittance_verify::parts::Parts::detect().is_none() {
        println!("skipped: this machine has no AVX-512 IFMA");
        return;
    }
    let mut criterion = criterion::Criterion::default().configure_from_args();
    field::all(&mut criterion);
    points::all(&mut criterion);
    scalars::all(&mut criterion);
    criterion.final_summary();
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("skipped: the vector backend is for x86-64");
}
