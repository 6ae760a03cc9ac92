//! What becomes of changes that nobody synced when the power goes.

use super::file::SECTOR_BYTES;
use crate::make::Numbers;

/// The rule for a disk's power cuts.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Everything had reached the medium: the kindest cut.
    AllKept,
    /// Nothing had.
    AllLost,
    /// Sector by sector and name by name, at random, with odds that are drawn anew for each cut.
    Random(Numbers),
}

/// One cut's dice.
#[derive(Debug)]
pub(super) enum Fates<'a> {
    AllKept,
    AllLost,
    Random { numbers: &'a mut Numbers, kept_percent: usize },
}

/// What becomes of a sector's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectorFate {
    Kept,
    Lost,
    /// So many bytes of it were written, and then the rest was not.
    Torn(usize),
}

impl Fate {
    pub(crate) fn random(seed: u64) -> Self {
        Self::Random(Numbers(seed))
    }

    pub(super) fn draw(&mut self) -> Fates<'_> {
        match self {
            Self::AllKept => Fates::AllKept,
            Self::AllLost => Fates::AllLost,
            Self::Random(numbers) => {
                let kept_percent = [0, 10, 50, 90, 100][numbers.below(5)];
                Fates::Random { numbers, kept_percent }
            }
        }
    }
}

impl Fates<'_> {
    /// Of a change that is made as a whole or not at all.
    pub(super) fn keeps(&mut self) -> bool {
        match self {
            Self::AllKept => true,
            Self::AllLost => false,
            Self::Random { numbers, kept_percent } => numbers.below(100) < *kept_percent,
        }
    }

    pub(super) fn sector(&mut self) -> SectorFate {
        if self.keeps() {
            return SectorFate::Kept;
        }
        match self {
            Self::Random { numbers, .. } => match numbers.below(4) {
                0 => SectorFate::Torn(numbers.below(SECTOR_BYTES)),
                _ => SectorFate::Lost,
            },
            Self::AllKept | Self::AllLost => SectorFate::Lost,
        }
    }

    /// A place from 0 to `last`: the first where all is lost, the last where all is kept.
    pub(super) fn up_to(&mut self, last: usize) -> usize {
        match self {
            Self::AllKept => last,
            Self::AllLost => 0,
            Self::Random { numbers, .. } => numbers.below(last + 1),
        }
    }

    /// Puts things into the order in which they reach the medium.
    pub(super) fn reorder<T>(&mut self, things: &mut [T]) {
        if let Self::Random { numbers, .. } = self {
            for end in (1..things.len()).rev() {
                things.swap(end, numbers.below(end + 1));
            }
        }
    }
}
