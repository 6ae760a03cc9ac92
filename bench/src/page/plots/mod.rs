//! The page's plots, as SVG.

mod chart;
mod load;
mod percentiles;
mod timeline;

#[cfg(test)]
pub(super) use chart::{ALARM, GRID, INK, PALETTE};
pub(super) use load::load;
pub(super) use percentiles::percentiles;
pub(super) use timeline::{latency, throughput};

/// A plot and what its colours mean.
pub(super) struct Plot {
    /// The `svg` element: what is in it is escaped.
    pub(super) svg: String,
    /// The lines.
    pub(super) legend: Vec<Legend>,
}

/// One line's meaning.
pub(super) struct Legend {
    /// Of the palette.
    pub(super) colour: usize,
    pub(super) is_dashed: bool,
    pub(super) text: String,
}

impl Legend {
    fn solid(colour: usize, text: impl Into<String>) -> Self {
        Self { colour, is_dashed: false, text: text.into() }
    }
}
