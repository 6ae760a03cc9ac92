//! Choices that the authority has, too.

use clap::ValueEnum;
use quittance_net::transport::TransportKind;

/// `--transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransportChoice {
    /// io_uring where it works, recvmmsg elsewhere.
    Auto,
    /// io_uring or nothing.
    #[value(name = "io_uring")]
    IoUring,
    /// recvmmsg and sendmmsg.
    Recvmmsg,
}

impl TransportChoice {
    /// As the authority's option has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::IoUring => "io_uring",
            Self::Recvmmsg => "recvmmsg",
        }
    }

    /// As the transport has it; `None` leaves the choice to the probe.
    pub fn kind(self) -> Option<TransportKind> {
        match self {
            Self::Auto => None,
            Self::IoUring => Some(TransportKind::IoUring),
            Self::Recvmmsg => Some(TransportKind::Recvmmsg),
        }
    }
}

/// `--arrivals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum ArrivalsChoice {
    /// Evenly spaced.
    #[default]
    Fixed,
    /// As strangers come: gaps drawn from the exponential distribution, by the run's seed.
    Poisson,
}

impl ArrivalsChoice {
    /// As the option has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Poisson => "poisson",
        }
    }
}

/// `--backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// The fastest that the machine can run.
    Auto,
    /// Eight lanes of AVX-512 IFMA.
    Ifma,
    /// Runs everywhere.
    Portable,
}

impl BackendChoice {
    /// As the authority's option has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ifma => "ifma",
            Self::Portable => "portable",
        }
    }
}
