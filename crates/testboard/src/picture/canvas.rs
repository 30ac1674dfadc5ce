//! Pixels, and shapes on them.
//!
//! A shape is a signed distance: negative inside, in units of its own half extent, so that its edge can be smoothed at any
//! size. Formulas: Inigo Quilez, <https://iquilezles.org/articles/distfunctions2d/>.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<Rgb>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, pixels: vec![[0; 3]; width * height] }
    }

    /// The length of the shorter side, in pixels.
    pub(super) fn short(&self) -> f32 {
        self.width.min(self.height) as f32
    }

    /// Sets every pixel to a function of its place.
    pub(super) fn fill(&mut self, mut colour: impl FnMut(usize, usize) -> Rgb) {
        for (y, row) in self.pixels.chunks_exact_mut(self.width).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = colour(x, y);
            }
        }
    }

    /// Sets a rectangle, cut to the canvas; the ends are not part of it.
    pub(super) fn rectangle(&mut self, (left, top): (i32, i32), (right, bottom): (i32, i32), colour: Rgb) {
        let clamp = |value: i32, limit: usize| value.clamp(0, limit as i32) as usize;
        let (left, right) = (clamp(left, self.width), clamp(right, self.width));
        for y in clamp(top, self.height)..clamp(bottom, self.height) {
            let row = y * self.width;
            if left < right {
                self.pixels[row + left..row + right].fill(colour);
            }
        }
    }
}

/// Mixes two colours: 0 is all `a`, 1 all `b`.
pub(super) fn blend(a: Rgb, b: Rgb, share: f32) -> Rgb {
    let share = (share.clamp(0.0, 1.0) * 256.0) as i32;
    std::array::from_fn(|i| {
        let (a, b) = (i32::from(a[i]), i32::from(b[i]));
        (a + (((b - a) * share) >> 8)) as u8
    })
}

/// A region in a shape's own coordinates: left, top, right, bottom.
pub(super) type Bounds = [f32; 4];

/// The whole of a shape, edge included.
pub(super) const WHOLE: Bounds = [-1.1, -1.1, 1.1, 1.1];

/// Draws the parts of one thing: coordinates from -1 to 1 across it, y downwards.
pub(super) struct Pen<'a> {
    pub(super) canvas: &'a mut Canvas,
    /// Centre, in pixels.
    pub(super) centre: (f32, f32),
    /// Half extent, in pixels.
    pub(super) radius: f32,
    /// Cosine and sine of the turn.
    pub(super) turn: (f32, f32),
    /// Draw edges only, this wide, in own units.
    pub(super) outline: Option<f32>,
}

impl Pen<'_> {
    /// Fills where `distance` is negative, within `bounds`.
    pub(super) fn fill(&mut self, bounds: Bounds, ink: Rgb, distance: impl Fn(f32, f32) -> f32) {
        match self.outline {
            None => self.paint(bounds, ink, distance),
            Some(width) => self.paint(bounds, ink, |x, y| distance(x, y).abs() - width),
        }
    }

    fn paint(&mut self, [left, top, right, bottom]: Bounds, ink: Rgb, distance: impl Fn(f32, f32) -> f32) {
        let (cos, sin) = self.turn;
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(u, v)| {
            (
                self.centre.0 + (u * cos - v * sin) * self.radius,
                self.centre.1 + (u * sin + v * cos) * self.radius,
            )
        });
        let span = |pick: fn(&(f32, f32)) -> f32, limit: usize| {
            let low = corners.iter().map(pick).fold(f32::INFINITY, f32::min).floor().clamp(0.0, limit as f32);
            let high =
                corners.iter().map(pick).fold(f32::NEG_INFINITY, f32::max).ceil().clamp(0.0, limit as f32);
            low as usize..high as usize
        };
        let columns = span(|corner| corner.0, self.canvas.width);
        let rows = span(|corner| corner.1, self.canvas.height);
        let unit = self.radius.recip();
        for y in rows {
            let dy = (y as f32 + 0.5 - self.centre.1) * unit;
            let row = &mut self.canvas.pixels[y * self.canvas.width..][columns.clone()];
            for (x, pixel) in columns.clone().zip(row) {
                let dx = (x as f32 + 0.5 - self.centre.0) * unit;
                let cover = 0.5 - distance(dx * cos + dy * sin, dy * cos - dx * sin) * self.radius;
                if cover >= 1.0 {
                    *pixel = ink;
                } else if cover > 0.0 {
                    *pixel = blend(*pixel, ink, cover);
                }
            }
        }
    }
}

pub(super) fn circle(x: f32, y: f32, radius: f32) -> f32 {
    (x * x + y * y).sqrt() - radius
}

pub(super) fn ellipse(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let (u, v) = (x / half_width, y / half_height);
    ((u * u + v * v).sqrt() - 1.0) * half_width.min(half_height)
}

pub(super) fn rectangle(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let (dx, dy) = (x.abs() - half_width, y.abs() - half_height);
    let outside = (dx.max(0.0), dy.max(0.0));
    (outside.0 * outside.0 + outside.1 * outside.1).sqrt() + dx.max(dy).min(0.0)
}

/// Inside of a convex polygon whose corners run clockwise on the screen: the farthest of its edges.
pub(super) fn convex<const N: usize>(x: f32, y: f32, corners: &[(f32, f32); N]) -> f32 {
    let mut farthest = f32::NEG_INFINITY;
    for i in 0..N {
        let (a, b) = (corners[i], corners[(i + 1) % N]);
        let (ex, ey) = (b.0 - a.0, b.1 - a.1);
        let length = (ex * ex + ey * ey).sqrt();
        farthest = farthest.max(((x - a.0) * ey - (y - a.1) * ex) / length);
    }
    farthest
}

pub(super) fn segment(x: f32, y: f32, from: (f32, f32), to: (f32, f32), radius: f32) -> f32 {
    let (ex, ey) = (to.0 - from.0, to.1 - from.1);
    let (px, py) = (x - from.0, y - from.1);
    let along = ((px * ex + py * ey) / (ex * ex + ey * ey)).clamp(0.0, 1.0);
    circle(px - ex * along, py - ey * along, radius)
}

pub(super) fn heart(x: f32, y: f32) -> f32 {
    // Quilez's heart stands on its tip at the origin, 1.2 high.
    let (x, y) = (x.abs() * 0.6, 0.62 - y * 0.6);
    let distance = if x + y > 1.0 {
        ((x - 0.25).powi(2) + (y - 0.75).powi(2)).sqrt() - std::f32::consts::SQRT_2 / 4.0
    } else {
        let tip = x * x + (y - 1.0).powi(2);
        let m = 0.5 * (x + y).max(0.0);
        tip.min((x - m).powi(2) + (y - m).powi(2)).sqrt() * (x - y).signum()
    };
    distance / 0.6
}

pub(super) fn star(x: f32, y: f32, points: f32, inner: f32) -> f32 {
    // Folded into half of one point; then the distance to its one edge.
    let sector = std::f32::consts::TAU / points;
    let angle = x.atan2(-y);
    let folded = (angle - sector * (angle / sector).round()).abs();
    let radius = (x * x + y * y).sqrt();
    let (px, py) = (radius * folded.sin(), radius * folded.cos());
    let corner = (inner * (sector / 2.0).sin(), inner * (sector / 2.0).cos());
    let (ex, ey) = (corner.0, corner.1 - 1.0);
    let length = (ex * ex + ey * ey).sqrt();
    (px * -ey + (py - 1.0) * ex) / length
}
