//! Lines over two axes, as SVG that takes its colours from the page's style.

mod axis;
mod path;

use std::borrow::Cow;

use maud::{Markup, html};

use self::axis::{Direction, Ruler, number};
use self::path::{Piece, pieces};
use crate::section::Section;
use crate::text::{clean, name, shortened};
use crate::{Chart, Line, LineKind, Mark, Page};

/// Units of the drawing. It is scaled to its place, which is about as wide on a desktop and on a phone: so a letter of 12
/// units is about 12 pixels high.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 290.0;
/// Above the plot stands what the y axis means.
const TOP: f64 = 28.0;
/// Below it stand the numbers and the meaning of the x axis.
const BOTTOM: f64 = 42.0;
/// Half a number of the x axis has to fit to the right of the plot.
const RIGHT: f64 = 22.0;
/// Strokes at the plot's edge are drawn whole, dots too.
const BLEED: f64 = 4.0;
/// How wide a digit is, at most, in the fonts that pages are shown in.
const DIGIT: f64 = 8.0;
/// There are as many colours, and as many ways to dash a line, in the page's style.
const STYLES: usize = 6;
/// A line with so many points shows them, and tells their values to a pointer.
const FEW_POINTS: usize = 40;

/// How the training went.
pub(crate) fn training(page: &Page) -> Option<Section> {
    section(
        "training",
        "Training",
        "How loss and figures moved while the model was trained: where a line of the validation items turns while \
         that of the training items goes on, the model begins to learn by heart.",
        &page.training,
    )
}

/// Precision against recall.
pub(crate) fn precision_recall(page: &Page) -> Option<Section> {
    section(
        "precision-recall",
        "Precision and recall",
        "Each point is a threshold: the further to the right, the more of the true tags are found; the higher up, \
         the fewer of the predicted ones are wrong.",
        &page.precision_recall,
    )
}

/// Scores against what they turned out to be.
pub(crate) fn calibration(page: &Page) -> Option<Section> {
    section(
        "calibration",
        "Calibration",
        "On the diagonal a score is a probability: of the tags with a score of 0.8, eight in ten are true. Below it \
         the model is too sure, above it too careful.",
        &page.calibration,
    )
}

/// Charts without anything to draw are left out, and the section when none is left.
fn section(id: &'static str, heading: &'static str, lead: &'static str, charts: &[Chart]) -> Option<Section> {
    let drawn: Vec<Markup> = charts
        .iter()
        .enumerate()
        .filter_map(|(index, chart)| figure(chart, &format!("{id}-{}", index + 1)))
        .collect();
    (!drawn.is_empty()).then(|| Section {
        id,
        heading,
        lead,
        body: html! { div.charts { @for chart in drawn { (chart) } } },
    })
}

/// A line with its look: the place of its colour and of its dashes.
struct Drawn<'a> {
    line: &'a Line,
    class: String,
    pieces: Vec<Piece>,
}

impl Drawn<'_> {
    fn shows_points(&self) -> bool {
        self.line.kind == LineKind::Measured && self.line.points.len() <= FEW_POINTS
    }
}

fn figure(chart: &Chart, id: &str) -> Option<Markup> {
    let finite = |line: &Line| line.points.iter().any(|point| path::is_finite(*point));
    let lines: Vec<&Line> = chart.lines.iter().filter(|line| finite(line)).collect();
    if lines.is_empty() {
        return None;
    }
    let points =
        || lines.iter().flat_map(|line| &line.points).copied().filter(|point| path::is_finite(*point));
    let y = Ruler::new(&chart.y, points().map(|(_, y)| y), Direction::Upwards, (HEIGHT - BOTTOM, TOP));
    let left = 14.0 + DIGIT * y.widest_label() as f64;
    let x = Ruler::new(&chart.x, points().map(|(x, _)| x), Direction::Across, (left, WIDTH - RIGHT));
    let drawn = draw(&lines, &x, &y);
    Some(html! {
        figure.chart.card #(id) {
            figcaption {
                h3 { (name(&chart.title)) }
                @if !chart.note.is_empty() { p.note { (name(&chart.note)) } }
                @if drawn.len() > 1 { (legend(&drawn)) }
            }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby={ (id) "-title " (id) "-text" } {
                title id={ (id) "-title" } { (clean(&chart.title)) }
                desc id={ (id) "-text" } { (described(chart, &lines)) }
                (grid(chart, &x, &y, left))
                (plot(&drawn, chart, &x, &y, left))
                @if let Some(mark) = &chart.mark { (marked(mark, &x)) }
            }
        }
    })
}

fn draw<'a>(lines: &[&'a Line], x: &Ruler, y: &Ruler) -> Vec<Drawn<'a>> {
    let (mut measured, mut references) = (0, 0);
    let mut class = |line: &Line| match line.kind {
        LineKind::Measured => {
            // Beyond the last colour the colours come again with other dashes.
            let class =
                format!("line hue-{} dash-{}", measured % STYLES, (measured + measured / STYLES) % STYLES);
            measured += 1;
            class
        }
        LineKind::Reference => {
            // None of them is solid.
            let class = format!("line reference dash-{}", 1 + references % (STYLES - 1));
            references += 1;
            class
        }
    };
    let place = |(px, py)| (x.place(px), y.place(py));
    lines.iter().map(|line| Drawn { line, class: class(line), pieces: pieces(&line.points, place) }).collect()
}

fn legend(drawn: &[Drawn<'_>]) -> Markup {
    html! {
        ul.legend {
            @for line in drawn {
                li {
                    svg width="30" height="10" aria-hidden="true" {
                        line class=(line.class) x1="1" x2="29" y1="5" y2="5" {}
                    }
                    (name(&line.line.name))
                }
            }
        }
    }
}

/// What the drawing says, for who cannot see it.
fn described(chart: &Chart, lines: &[&Line]) -> String {
    let mut text = format!("{} against {}.", clean(&chart.y.label), clean(&chart.x.label));
    for line in lines {
        let mut ends = line.points.iter().filter(|point| path::is_finite(**point));
        let Some((x, y)) = ends.next() else { continue };
        let subject = if line.name.is_empty() { Cow::Borrowed("The line") } else { clean(&line.name) };
        text += &match ends.next_back() {
            None => format!(" {subject} has one point, {} at {}.", number(*y), number(*x)),
            Some((last_x, last_y)) => format!(
                " {subject} goes from {} at {} to {} at {}.",
                number(*y),
                number(*x),
                number(*last_y),
                number(*last_x)
            ),
        };
    }
    text
}

fn grid(chart: &Chart, x: &Ruler, y: &Ruler, left: f64) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    html! {
        g.grid {
            @for (place, _) in y.ticks() { line x1=(left) x2=(right) y1=(units(place)) y2=(units(place)) {} }
            @for (place, _) in x.ticks() { line x1=(units(place)) x2=(units(place)) y1=(TOP) y2=(bottom) {} }
        }
        g.numbers {
            @for (place, label) in y.ticks() {
                text x=(left - 7.0) y=(units(place + 4.0)) text-anchor="end" { (label) }
            }
            @for (place, label) in x.ticks() {
                text x=(units(place)) y=(bottom + 17.0) text-anchor="middle" { (label) }
            }
        }
        g.labels {
            text x="2" y="13" { (clean(&shortened(&chart.y.label, 50))) }
            text x=(units((left + right) / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" {
                (clean(&shortened(&chart.x.label, 50)))
            }
        }
    }
}

/// The lines, the most important one on top, cut off at the plot's edge.
fn plot(drawn: &[Drawn<'_>], chart: &Chart, x: &Ruler, y: &Ruler, left: f64) -> Markup {
    let (width, height) = (WIDTH - RIGHT - left + 2.0 * BLEED, HEIGHT - TOP - BOTTOM + 2.0 * BLEED);
    let (from, down) = (left - BLEED, TOP - BLEED);
    html! {
        svg x=(units(from)) y=(down) width=(units(width)) height=(height)
            viewBox={ (units(from)) " " (down) " " (units(width)) " " (height) } {
            @if let Some(place) = chart.mark.as_ref().and_then(|mark| x.within(mark.x)) {
                line.mark x1=(units(place)) x2=(units(place)) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
            }
            @for line in drawn.iter().rev() {
                @for piece in &line.pieces {
                    @match piece {
                        Piece::Path(path) => path class=(line.class) d=(path) {},
                        Piece::Dot(_) if line.shows_points() => {},
                        Piece::Dot((x, y)) => (dot(line, *x, *y, html! {})),
                    }
                }
                @if line.shows_points() { (points(line, chart, x, y)) }
            }
        }
    }
}

/// The points of a line, each with its values for a pointer that rests on it.
fn points(drawn: &Drawn<'_>, chart: &Chart, x: &Ruler, y: &Ruler) -> Markup {
    let name = &drawn.line.name;
    html! {
        @for (along, up) in drawn.line.points.iter().copied().filter(|point| path::is_finite(*point)) {
            (dot(drawn, x.place(along), y.place(up), html! {
                title {
                    @if !name.is_empty() { (clean(name)) ", " }
                    (clean(&chart.x.label)) " " (number(along)) ": " (number(up))
                }
            }))
        }
    }
}

fn dot(drawn: &Drawn<'_>, x: f64, y: f64, title: Markup) -> Markup {
    html! { circle class={ "dot " (drawn.class) } cx=(units(x)) cy=(units(y)) r="2.4" { (title) } }
}

/// What is marked, beside the line that [`plot`] draws.
fn marked(mark: &Mark, x: &Ruler) -> Markup {
    let Some(place) = x.within(mark.x) else { return html! {} };
    let (anchor, place) = if place > WIDTH / 2.0 { ("end", place - 6.0) } else { ("start", place + 6.0) };
    html! {
        text.mark x=(units(place)) y=(TOP + 13.0) text-anchor=(anchor) { (clean(&shortened(&mark.label, 30))) }
    }
}

/// Tenths of a unit are finer than any screen.
fn units(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
