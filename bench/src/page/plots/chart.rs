//! One way to draw: two linear axes with ticks that the caller chose, bands, lines and marks. Colours are those of a bright
//! page; the page's style sheet replaces each by its counterpart where the reader prefers a dark one, and therefore every
//! colour here has a rule there.

use core::ops::Range;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;

/// Axes and letters.
pub(in crate::page) const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
/// Grid and bands.
pub(in crate::page) const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
/// What was done to authorities.
pub(in crate::page) const ALARM: RGBColor = RGBColor(0xb4, 0x23, 0x18);
/// Lines, in turn: the colours that Okabe and Ito chose for people who see red and green alike.
pub(in crate::page) const PALETTE: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

const WIDTH: u32 = 960;
const FONT: (&str, i32) = ("sans-serif", 14);
/// Rows in which the texts of marks take turns, so that neighbours do not lie on each other; pixels.
const MARK_ROWS: [i32; 3] = [4, 20, 36];

/// One axis.
pub(super) struct Axis {
    pub(super) title: &'static str,
    pub(super) range: (f64, f64),
    pub(super) ticks: Vec<f64>,
    pub(super) label: fn(f64) -> String,
}

/// One line; `colour` counts through [`PALETTE`].
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: usize,
    pub(super) kind: Kind,
}

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Solid,
    Dashed,
    /// A dot for each point, and nothing between them.
    Dots,
}

/// A vertical line with a text.
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) text: String,
    pub(super) is_alarm: bool,
}

/// A drawing: bands lie lowest, marks uppermost.
pub(super) struct Chart {
    pub(super) height: u32,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Shaded parts of the x axis.
    pub(super) bands: Vec<(f64, f64)>,
    pub(super) lines: Vec<Line>,
    pub(super) marks: Vec<Mark>,
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;

/// A linear scale with its ticks given.
#[derive(Clone)]
struct Scale {
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        #[expect(clippy::cast_possible_truncation, reason = "pixels, and a cast saturates")]
        let offset = (f64::from(high - low) * share).round() as i32;
        low.saturating_add(offset)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl Chart {
    /// The drawing as an `svg` element.
    pub(super) fn svg(&self) -> String {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, (WIDTH, self.height)).into_drawing_area();
        self.draw(&area).expect("memory takes what is drawn");
        drop(area);
        text
    }

    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Drawn {
        let scale = |axis: &Axis| Scale { from: axis.range.0, to: axis.range.1, ticks: axis.ticks.clone() };
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(18)
            .x_label_area_size(46)
            .y_label_area_size(84)
            .build_cartesian_2d(scale(&self.x), scale(&self.y))?;
        let band = |(from, to): &(f64, f64)| {
            Rectangle::new([(*from, self.y.range.0), (*to, self.y.range.1)], GRID.mix(0.45).filled())
        };
        chart.draw_series(self.bands.iter().map(band))?;
        let letters = FONT.into_font().color(&INK);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(letters.clone())
            .axis_desc_style(letters)
            .x_desc(self.x.title)
            .y_desc(self.y.title)
            .x_labels(self.x.ticks.len())
            .y_labels(self.y.ticks.len())
            .x_label_formatter(&|at| (self.x.label)(*at))
            .y_label_formatter(&|at| (self.y.label)(*at))
            .draw()?;
        self.lines.iter().try_for_each(|line| draw_line(&mut chart, line))?;
        self.marks.iter().enumerate().try_for_each(|(index, mark)| self.draw_mark(&mut chart, mark, index))?;
        area.present()
    }

    fn draw_mark(&self, chart: &mut Context<'_, '_>, mark: &Mark, index: usize) -> Drawn {
        let colour = if mark.is_alarm { ALARM } else { INK };
        let (low, high) = self.y.range;
        let ends = [(mark.at, low), (mark.at, high)];
        chart.draw_series(DashedLineSeries::new(ends, 5, 4, colour.stroke_width(1)))?;
        let place = (4, MARK_ROWS[index % MARK_ROWS.len()]);
        let text = Text::new(mark.text.clone(), place, FONT.into_font().color(&colour));
        chart.draw_series(std::iter::once(EmptyElement::at((mark.at, high)) + text)).map(|_| ())
    }
}

fn draw_line(chart: &mut Context<'_, '_>, line: &Line) -> Drawn {
    let style = PALETTE[line.colour % PALETTE.len()].stroke_width(2);
    let points = line.points.iter().copied();
    match line.kind {
        Kind::Solid => chart.draw_series(LineSeries::new(points, style)).map(|_| ()),
        Kind::Dashed => chart.draw_series(DashedLineSeries::new(line.points.clone(), 6, 5, style)).map(|_| ()),
        Kind::Dots => chart.draw_series(points.map(|point| Circle::new(point, 4, style.filled()))).map(|_| ()),
    }
}

/// Steps of 1, 2 or 5 times a power of ten from `from` to `to`, at most `count_max + 1` of them.
pub(super) fn ticks(from: f64, to: f64, count_max: f64) -> Vec<f64> {
    let rough = ((to - from) / count_max).max(f64::MIN_POSITIVE);
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
    let step = step.expect("ten times a decade exceeds what begins with it");
    let first = (from / step).ceil();
    (0..).map(|index| (first + f64::from(index)) * step).take_while(|at| *at <= to + step * 1e-9).collect()
}

/// An axis of durations on which each decade takes the same room: positions are decimal logarithms of microseconds. `values`
/// are what must lie on it.
pub(super) fn latency_axis(title: &'static str, values: impl Iterator<Item = f64>) -> Axis {
    let positions = values.filter(|us| *us > 0.0).map(f64::log10);
    let (low, high) = positions.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
    let (low, high) = if low > high { (0.0, 3.0) } else { (low - 0.1, high.max(low + 0.5) + 0.2) };
    let factors: &[f64] = if high - low > 3.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    #[expect(clippy::cast_possible_truncation, reason = "durations lie between 10^-3 and 10^8 us")]
    let decades = (low.floor() as i32)..=(high.ceil() as i32);
    let all = decades.flat_map(|decade| factors.iter().map(move |factor| f64::from(decade) + factor.log10()));
    let ticks = all.filter(|at| (low..=high).contains(at)).collect();
    Axis { title, range: (low, high), ticks, label: |at| crate::page::units::duration(10_f64.powf(at)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(0.0, 10.0, 5.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 123_456.0, 6.0).last(), Some(&100_000.0));
        for to in [0.07, 1.0, 3.3, 59.0, 1e9] {
            assert!((3..=9).contains(&ticks(0.0, to, 8.0).len()), "{to}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        let axis = || Axis { title: "t", range: (0.0, 1.0), ticks: vec![0.0, 1.0], label: |at| at.to_string() };
        let mark = Mark { at: 0.5, text: "<script>&".to_owned(), is_alarm: true };
        let chart = Chart { height: 100, x: axis(), y: axis(), bands: vec![], lines: vec![], marks: vec![mark] };
        let svg = chart.svg();
        assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script"), "{svg}");
    }
}
