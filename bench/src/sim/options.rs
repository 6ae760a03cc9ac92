//! The command line of `sim`.

use clap::Args;
use core::ops::Range;

/// Options of `sim`.
#[derive(Clone, Debug, Args)]
pub struct SimOptions {
    /// Seeds, the last one not included.
    #[arg(long, default_value = "0..100", value_name = "A..B", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// Steps of each seed in which things may go wrong; those until all is at rest come on top.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub steps: u64,
    /// Sign and check with Ed25519 instead of the oracle: the same world, and much slower.
    #[arg(long)]
    pub real_signatures: bool,
    /// Plant a bug in every honest authority: the run must find it. Needs a program built with the feature `mutants`.
    #[arg(long, value_name = "NAME")]
    pub mutant: Option<String>,
    /// Plant every bug there is, one after the other, and say how many seeds it took to find each.
    #[arg(long, conflicts_with = "mutant")]
    pub mutants: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `A..B`, with some seeds in it.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    let (start, end) = (number(start)?, number(end)?);
    if start < end { Ok(start..end) } else { Err(format!("{text} holds no seed")) }
}
