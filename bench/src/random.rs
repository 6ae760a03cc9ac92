//! Everything random of a run comes from one seed, so that a run can be repeated.

use crate::error::BenchError;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What randomness is drawn for. Each purpose has a stream of its own, so that more of one does not shift another.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// The authorities' keys.
    Authority,
    /// The accounts' keys.
    Account,
    /// Who pays whom how much.
    Plan,
    /// When an authority is killed.
    Kill,
    /// When payments of an open loop are due.
    Arrivals,
    /// What a hostile source sends.
    Hostile,
}

/// The 32-byte seed of key `index` of a purpose: BLAKE3 in its key derivation mode. Benchmark keys guard nothing.
pub fn key_seed(run_seed: u64, purpose: Purpose, index: u32) -> [u8; 32] {
    let mut material = [0; 13];
    material[..8].copy_from_slice(&run_seed.to_le_bytes());
    material[8] = purpose as u8;
    material[9..].copy_from_slice(&index.to_le_bytes());
    blake3::derive_key("quittance-bench 2026 keys of one run", &material)
}

/// A seed that nobody can guess, for the weights of signature batches: a server that could guess them could forge. It decides
/// nothing that a run shows.
///
/// # Errors
/// [`BenchError::Machine`].
pub fn secret_seed() -> Result<[u8; 32], BenchError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| BenchError::machine("drawing a random seed", std::io::Error::other(error.to_string()), ""))?;
    Ok(seed)
}

/// The generator for a purpose.
pub fn generator(run_seed: u64, purpose: Purpose) -> Draws {
    Draws(ChaCha8Rng::from_seed(key_seed(run_seed, purpose, u32::MAX)))
}

/// Numbers within bounds.
#[derive(Debug)]
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// A number from 0, below 1: a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are left, as many as the number has")]
        let share = (self.0.next_u64() >> 11) as f64;
        share / (1_u64 << 53) as f64
    }

    /// Fills these bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A number below `bound`, which is above zero. Off from uniform by less than 2^-32: nothing that a load could show.
    pub fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u128::from(self.0.next_u64()) * u128::from(bound)) >> 64;
        u32::try_from(scaled).expect("the product is below bound << 64")
    }

    /// A number of the exponential distribution of mean 1: at most 22.2, since 2^32 numbers are drawn from.
    pub fn exponential(&mut self) -> f64 {
        -((f64::from(self.below(u32::MAX)) + 1.0) / f64::from(u32::MAX)).ln()
    }
}
