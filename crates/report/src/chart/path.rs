//! The lines of a chart as SVG paths.

use std::fmt::Write;

use super::axis::is_drawable;
use super::units;

/// Columns a unit of the drawing: finer than the screens that it is seen on.
const COLUMNS: f64 = 2.0;

/// What is left of a line where values that are no numbers have parted it.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// The `d` of a path.
    Path(String),
    /// One place, which a path would not show.
    Dot((f64, f64)),
}

/// Whether a point can be drawn.
pub(super) fn is_finite((x, y): (f64, f64)) -> bool {
    is_drawable(x) && is_drawable(y)
}

/// The pieces of a line, `place` telling where a point is drawn.
pub(super) fn pieces(points: &[(f64, f64)], place: impl Fn((f64, f64)) -> (f64, f64)) -> Vec<Piece> {
    points
        .split(|point| !is_finite(*point))
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let places: Vec<(f64, f64)> = piece.iter().map(|point| place(*point)).collect();
            joined(&thinned(&places))
        })
        .collect()
}

fn joined(places: &[(f64, f64)]) -> Piece {
    let mut path = String::from("M");
    let mut last = String::new();
    let mut count = 0;
    for (x, y) in places {
        let place = format!("{},{}", units(*x), units(*y));
        if place != last {
            let space = if count == 0 { "" } else { " " };
            write!(path, "{space}{place}").expect("a String takes every text");
            count += 1;
            last = place;
        }
    }
    if count == 1 { Piece::Dot(places[0]) } else { Piece::Path(path) }
}

/// Of neighbours in one column, the first, the lowest, the highest and the last: the line covers the same pixels.
fn thinned(places: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let column = |place: &(f64, f64)| (place.0 * COLUMNS).round();
    let mut kept = Vec::new();
    for run in places.chunk_by(|one, other| column(one) == column(other)) {
        let by_height = |one: &&usize, other: &&usize| run[**one].1.total_cmp(&run[**other].1);
        let indices: Vec<usize> = (0..run.len()).collect();
        let lowest = indices.iter().min_by(by_height).copied().unwrap_or(0);
        let highest = indices.iter().max_by(by_height).copied().unwrap_or(0);
        let mut chosen = vec![0, lowest.min(highest), lowest.max(highest), run.len() - 1];
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|index| run[index]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(points: &[(f64, f64)]) -> Vec<Piece> {
        pieces(points, |point| point)
    }

    #[test]
    fn what_is_no_number_parts_a_line() {
        let points = [(0.0, 1.0), (1.0, 2.5), (2.0, f64::NAN), (3.0, 4.0), (f64::INFINITY, 0.0)];
        assert_eq!(path(&points), [Piece::Path("M0,1 1,2.5".to_owned()), Piece::Dot((3.0, 4.0))]);
        assert_eq!(path(&[]), []);
        assert_eq!(path(&[(f64::NAN, 0.0)]), []);
        assert_eq!(path(&[(3.0, 4.0), (3.0, 4.0)]), [Piece::Dot((3.0, 4.0))]);
    }

    #[test]
    fn a_long_line_keeps_its_shape() {
        // A slope with two needles that are one point wide.
        let mut points: Vec<(f64, f64)> =
            (0..1_000_000).map(|index| (f64::from(index) * 4e-4, f64::from(index) * 1e-4)).collect();
        points[123_456].1 = -50.0;
        points[654_321].1 = 300.0;
        let [Piece::Path(path)] = &path(&points)[..] else { panic!("one path") };
        assert!(path.len() < 50_000, "{} bytes", path.len());
        assert!(path.contains(",-50 ") && path.contains(",300 "));
        assert!(path.starts_with("M0,0 ") && path.ends_with(" 400,100"));
    }
}
