//! How each thing is drawn.

use super::canvas::{Pen, Rgb, WHOLE, blend, circle, convex, ellipse, heart, rectangle, segment, star};
use crate::concept::Thing;

/// Black that is no full black, for eyes, wheels and edges.
const DARK: Rgb = [38, 34, 40];
const LIGHT: Rgb = [248, 246, 238];
const GLASS: Rgb = [176, 216, 236];
const WOOD: Rgb = [116, 78, 46];

/// How far the dark edge of a thing reaches beyond it, in its own units.
const EDGE: f32 = 0.06;

/// Draws a thing in a main colour.
pub(super) fn draw(pen: &mut Pen<'_>, thing: Thing, ink: Rgb) {
    let edge = blend(ink, DARK, 0.75);
    let shade = blend(ink, DARK, 0.3);
    match thing {
        Thing::Circle => body(pen, ink, edge, |x, y| circle(x, y, 0.92)),
        Thing::Square => body(pen, ink, edge, |x, y| rectangle(x, y, 0.76, 0.76)),
        Thing::Triangle => {
            body(pen, ink, edge, |x, y| convex(x, y, &[(0.0, -0.98), (0.92, 0.72), (-0.92, 0.72)]));
        }
        Thing::Diamond => {
            body(pen, ink, edge, |x, y| convex(x, y, &[(0.0, -1.0), (0.66, 0.0), (0.0, 1.0), (-0.66, 0.0)]));
        }
        Thing::Star => body(pen, ink, edge, |x, y| star(x, y, 5.0, 0.42)),
        Thing::Ring => body(pen, ink, edge, |x, y| circle(x, y, 0.7).abs() - 0.2),
        Thing::Cross => {
            body(pen, ink, edge, |x, y| rectangle(x, y, 0.92, 0.27).min(rectangle(x, y, 0.27, 0.92)));
        }
        Thing::Heart => body(pen, ink, edge, heart),
        Thing::Arrow => body(pen, ink, edge, |x, y| {
            let head = convex(x, y, &[(0.1, -0.72), (0.98, 0.0), (0.1, 0.72)]);
            head.min(rectangle(x + 0.4, y, 0.55, 0.24))
        }),
        Thing::Face => face(pen, ink, edge),
        Thing::Sun => {
            body(pen, ink, edge, |x, y| star(x, y, 12.0, 0.66));
            pen.fill(WHOLE, blend(ink, LIGHT, 0.35), |x, y| circle(x, y, 0.5));
        }
        Thing::Moon => body(pen, ink, edge, |x, y| circle(x, y, 0.92).max(-circle(x - 0.42, y + 0.16, 0.78))),
        Thing::Cloud => body(pen, ink, edge, |x, y| {
            let puffs = circle(x + 0.5, y - 0.12, 0.42).min(circle(x - 0.1, y + 0.16, 0.52)).min(circle(
                x - 0.6,
                y - 0.14,
                0.38,
            ));
            puffs.min(rectangle(x - 0.05, y - 0.34, 0.6, 0.18))
        }),
        Thing::House => house(pen, ink, edge),
        Thing::Tree => {
            pen.fill([-0.3, 0.1, 0.3, 1.05], WOOD, |x, y| rectangle(x, y - 0.6, 0.15, 0.4));
            body(pen, ink, edge, |x, y| {
                circle(x, y + 0.45, 0.5).min(circle(x + 0.42, y + 0.05, 0.42)).min(circle(
                    x - 0.42,
                    y + 0.05,
                    0.42,
                ))
            });
        }
        Thing::Flower => flower(pen, ink, edge),
        Thing::Mushroom => {
            let stem = [-0.45, 0.0, 0.45, 1.05];
            pen.fill(stem, blend(LIGHT, DARK, 0.5), |x, y| rectangle(x, y - 0.45, 0.3, 0.5));
            pen.fill(stem, LIGHT, |x, y| rectangle(x, y - 0.43, 0.24, 0.45));
            body(pen, ink, edge, |x, y| ellipse(x, y - 0.1, 0.94, 0.98).max(y - 0.12));
            for (x0, y0, r) in
                [(-0.45, -0.22, 0.15), (0.1, -0.5, 0.17), (0.5, -0.14, 0.13), (-0.02, -0.05, 0.1)]
            {
                pen.fill(around(x0, y0, r), LIGHT, move |x, y| circle(x - x0, y - y0, r));
            }
        }
        Thing::Cat => cat(pen, ink, edge),
        Thing::Fish => {
            body(pen, ink, edge, |x, y| {
                let tail = convex(x, y, &[(0.4, 0.0), (0.98, -0.5), (0.98, 0.5)]);
                ellipse(x + 0.18, y, 0.78, 0.5).min(tail)
            });
            pen.fill([-0.3, -0.4, 0.3, 0.4], shade, |x, y| {
                convex(x, y, &[(-0.1, -0.3), (0.25, 0.0), (-0.1, 0.3)])
            });
            eye(pen, -0.58, -0.12, 0.13);
        }
        Thing::Car => car(pen, ink, edge),
        Thing::Boat => boat(pen, ink, edge),
        Thing::Balloon => {
            for side in [-0.24, 0.24] {
                pen.fill([-0.5, 0.2, 0.5, 0.9], DARK, move |x, y| {
                    segment(x, y, (side * 1.8, 0.2), (side, 0.75), 0.025)
                });
            }
            pen.fill([-0.4, 0.6, 0.4, 1.05], WOOD, |x, y| rectangle(x, y - 0.84, 0.25, 0.15));
            body(pen, ink, edge, |x, y| circle(x, y + 0.28, 0.66));
            pen.fill(WHOLE, shade, |x, y| ellipse(x, y + 0.28, 0.24, 0.66));
        }
        Thing::Umbrella => {
            pen.fill([-0.2, -0.1, 0.5, 1.1], DARK, |x, y| segment(x, y, (0.0, 0.0), (0.0, 0.8), 0.06));
            pen.fill([-0.2, 0.5, 0.5, 1.1], DARK, |x, y| {
                (circle(x - 0.15, y - 0.78, 0.15).abs() - 0.06).max(0.78 - y)
            });
            body(pen, ink, edge, |x, y| circle(x, y - 0.05, 0.95).max(y - 0.1));
            for x0 in [-0.63, 0.0, 0.63] {
                pen.fill([x0 - 0.4, -0.1, x0 + 0.4, 0.3], shade, move |x, y| {
                    ellipse(x - x0, y - 0.1, 0.31, 0.14)
                });
            }
        }
    }
}

/// The main shape with its dark edge.
fn body(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb, distance: impl Fn(f32, f32) -> f32) {
    if pen.outline.is_none() {
        pen.fill(WHOLE, edge, |x, y| distance(x, y) - EDGE);
    }
    pen.fill(WHOLE, ink, distance);
}

/// The region around a small circle.
fn around(x: f32, y: f32, radius: f32) -> [f32; 4] {
    let reach = radius + EDGE * 2.0;
    [x - reach, y - reach, x + reach, y + reach]
}

fn eye(pen: &mut Pen<'_>, x0: f32, y0: f32, radius: f32) {
    pen.fill(around(x0, y0, radius), LIGHT, |x, y| circle(x - x0, y - y0, radius));
    pen.fill(around(x0, y0, radius), DARK, |x, y| circle(x - x0, y - y0, radius * 0.55));
}

fn face(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb) {
    body(pen, ink, edge, |x, y| circle(x, y, 0.92));
    for x0 in [-0.33, 0.33] {
        pen.fill(around(x0, -0.25, 0.2), DARK, move |x, y| ellipse(x - x0, y + 0.25, 0.13, 0.2));
    }
    pen.fill([-0.75, -0.1, 0.75, 0.8], DARK, |x, y| (circle(x, y - 0.05, 0.56).abs() - 0.08).max(0.15 - y));
}

fn house(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb) {
    let roof = blend(ink, DARK, 0.55);
    body(pen, ink, edge, |x, y| rectangle(x, y - 0.4, 0.68, 0.52));
    body(pen, roof, edge, |x, y| convex(x, y, &[(0.0, -0.95), (0.95, -0.08), (-0.95, -0.08)]));
    pen.fill([0.0, 0.1, 0.7, 1.0], DARK, |x, y| rectangle(x - 0.3, y - 0.62, 0.16, 0.3));
    pen.fill([-0.7, 0.0, 0.1, 0.8], LIGHT, |x, y| rectangle(x + 0.28, y - 0.32, 0.2, 0.18));
}

fn flower(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb) {
    let stem = [60, 130, 60];
    pen.fill([-0.3, 0.2, 0.5, 1.1], stem, |x, y| segment(x, y, (0.0, 0.3), (0.0, 0.98), 0.06));
    pen.fill([0.0, 0.4, 0.6, 1.0], stem, |x, y| segment(x, y, (0.03, 0.85), (0.34, 0.62), 0.09));
    body(pen, ink, edge, |x, y| {
        let y = y + 0.3;
        let sector = std::f32::consts::TAU / 6.0;
        let angle = x.atan2(y);
        let folded = angle - sector * (angle / sector).round();
        let radius = (x * x + y * y).sqrt();
        circle(radius * folded.cos() - 0.42, radius * folded.sin(), 0.24)
    });
    let heart = if ink[0] > 220 && ink[1] > 180 { [190, 100, 40] } else { [244, 208, 63] };
    pen.fill(around(0.0, -0.3, 0.26), heart, |x, y| circle(x, y + 0.3, 0.26));
}

fn cat(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb) {
    body(pen, ink, edge, |x, y| {
        let x = x.abs();
        let ear = convex(x, y, &[(0.2, -0.4), (0.72, -0.92), (0.84, -0.02)]);
        ellipse(x, y - 0.15, 0.88, 0.72).min(ear)
    });
    for x0 in [-0.36, 0.36] {
        pen.fill(around(x0, 0.0, 0.17), [150, 205, 90], move |x, y| ellipse(x - x0, y, 0.17, 0.15));
        pen.fill(around(x0, 0.0, 0.17), DARK, move |x, y| ellipse(x - x0, y, 0.06, 0.14));
    }
    pen.fill(around(0.0, 0.3, 0.14), [235, 140, 150], |x, y| {
        convex(x, y, &[(-0.13, 0.24), (0.13, 0.24), (0.0, 0.4)])
    });
    let whisker = if ink[0] > 120 { DARK } else { LIGHT };
    for (side, tilt) in [(-1.0, 0.25), (-1.0, 0.5), (1.0, 0.25), (1.0, 0.5)] {
        pen.fill(WHOLE, whisker, move |x, y| segment(x, y, (side * 0.25, 0.37), (side * 0.95, tilt), 0.022));
    }
}

fn car(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb) {
    body(pen, ink, edge, |x, y| {
        let cabin = convex(x, y, &[(-0.36, -0.52), (0.3, -0.52), (0.62, 0.0), (-0.62, 0.0)]);
        (rectangle(x, y - 0.18, 0.9, 0.2) - 0.05).min(cabin)
    });
    pen.fill([-0.7, -0.6, 0.7, 0.1], GLASS, |x, y| {
        convex(x, y, &[(-0.28, -0.42), (0.23, -0.42), (0.44, -0.06), (-0.46, -0.06)])
            .max(0.05 - (x + 0.02).abs())
    });
    for x0 in [-0.5, 0.5] {
        pen.fill(around(x0, 0.42, 0.25), DARK, move |x, y| circle(x - x0, y - 0.42, 0.25));
        pen.fill(around(x0, 0.42, 0.12), LIGHT, move |x, y| circle(x - x0, y - 0.42, 0.11));
    }
}

fn boat(pen: &mut Pen<'_>, ink: Rgb, edge: Rgb) {
    pen.fill([-0.2, -1.05, 0.2, 0.5], WOOD, |x, y| rectangle(x, y + 0.25, 0.045, 0.7));
    let sail = |x: f32, y: f32| {
        convex(x, y, &[(0.1, -0.92), (0.72, 0.2), (0.1, 0.2)]).min(convex(
            x,
            y,
            &[(-0.1, -0.7), (-0.1, 0.2), (-0.58, 0.2)],
        ))
    };
    body(pen, LIGHT, edge, sail);
    body(pen, ink, edge, |x, y| convex(x, y, &[(-0.95, 0.34), (0.95, 0.34), (0.62, 0.86), (-0.62, 0.86)]));
}
