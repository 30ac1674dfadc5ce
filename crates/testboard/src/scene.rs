//! What a picture shows: drawn from a seed, before any pixel.

use crate::concept::{Colour, Concept, Count, Notion, Place, Style, Texture, Thing, Weather};
use crate::random::Rng;

/// What is behind the things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backdrop {
    /// One colour.
    Plain(Colour),
    /// A pattern of two colours.
    Textured(Texture, Colour, Colour),
    /// A place.
    Place(Place),
}

impl Backdrop {
    /// The colours on which a thing of the same colour would be lost.
    fn colours(self) -> Vec<Colour> {
        match self {
            Backdrop::Plain(colour) => vec![colour],
            Backdrop::Textured(_, first, second) => vec![first, second],
            Backdrop::Place(place) => vec![place.colour().unwrap_or(Colour::Black)],
        }
    }
}

/// A thing where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// What it is.
    pub thing: Thing,
    /// Its main colour.
    pub colour: Colour,
    /// Centre, as a share of the picture's width.
    pub x: f32,
    /// Centre, as a share of the picture's height.
    pub y: f32,
    /// Half its extent, as a share of the picture's shorter side.
    pub size: f32,
    /// How far it is turned, in radians.
    pub turn: f32,
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// What is behind the things.
    pub backdrop: Backdrop,
    /// The things, from back to front.
    pub things: Vec<Placed>,
    /// Weather, if any can be seen.
    pub weather: Option<Weather>,
    /// How the picture is made; at most two.
    pub styles: Vec<Style>,
    /// The colour of the frame, where there is one.
    pub frame: Colour,
    /// Everything that can truly be seen, each once.
    pub concepts: Vec<Concept>,
}

impl Scene {
    /// Draws a scene for a picture of `width` by `height` pixels.
    pub(crate) fn compose(rng: &mut Rng, width: u32, height: u32) -> Scene {
        let backdrop = backdrop(rng);
        let count =
            rng.weighted(&[(50, Count::Single), (18, Count::Pair), (16, Count::Group), (16, Count::Crowd)]);
        let thing = main_thing(rng, backdrop);
        let styles = styles(rng, backdrop, count);
        let close = styles.contains(&Style::CloseUp);
        let mut things = Vec::new();

        let companion = if close || !rng.chance(0.4) { None } else { companion(rng, backdrop, thing) };
        if let Some(companion) = companion {
            things.push(Placed {
                thing: companion,
                colour: thing_colour(rng, companion, backdrop),
                x: if rng.chance(0.5) { rng.within(0.14, 0.28) } else { rng.within(0.72, 0.86) },
                y: rng.within(0.17, 0.26),
                size: rng.within(0.13, 0.17),
                turn: rng.within(-0.1, 0.1),
            });
        }
        let motley = matches!(count, Count::Group | Count::Crowd) && rng.chance(0.3);
        let colour = thing_colour(rng, thing, backdrop);
        for (x, y, size) in layout(rng, count, close, width as f32 / height as f32) {
            let turn = if thing.turns_freely() { std::f32::consts::PI } else { 0.3 };
            things.push(Placed {
                thing,
                colour: if motley { other_colour(rng, &backdrop.colours()) } else { colour },
                x,
                y,
                size,
                turn: rng.within(-turn, turn),
            });
        }

        let weather = weather(rng, backdrop, thing);
        let frame = rng.pick(&[Colour::Black, Colour::White, Colour::Brown]);
        let mut scene = Scene { backdrop, things, weather, styles, frame, concepts: Vec::new() };
        scene.concepts = concepts(&scene, thing, companion, (companion.is_none()).then_some(count), motley);
        scene
    }
}

fn backdrop(rng: &mut Rng) -> Backdrop {
    match rng.below(100) {
        0..54 => Backdrop::Place(rng.pick(Place::ALL)),
        54..86 => {
            let texture = rng.pick(Texture::ALL);
            let first = rng.pick(Colour::ALL);
            let second = other_colour(rng, &[first]);
            Backdrop::Textured(texture, first, second)
        }
        _ => Backdrop::Plain(rng.pick(Colour::ALL)),
    }
}

/// A colour that is told apart from those given at a glance.
fn other_colour(rng: &mut Rng, taken: &[Colour]) -> Colour {
    let alike = |a: Colour, b: Colour| {
        let pair = |x, y| (a == x && b == y) || (a == y && b == x);
        a == b
            || pair(Colour::Red, Colour::Orange)
            || pair(Colour::Orange, Colour::Yellow)
            || pair(Colour::Orange, Colour::Brown)
            || pair(Colour::Red, Colour::Brown)
            || pair(Colour::Blue, Colour::Purple)
            || pair(Colour::Pink, Colour::Purple)
            || pair(Colour::White, Colour::Yellow)
            || pair(Colour::Black, Colour::Brown)
    };
    loop {
        let colour = rng.pick(Colour::ALL);
        if !taken.iter().any(|other| alike(*other, colour)) {
            return colour;
        }
    }
}

fn main_thing(rng: &mut Rng, backdrop: Backdrop) -> Thing {
    use Thing::*;
    // Now and then something stands where nobody expects it.
    if rng.chance(0.1) {
        return rng.pick(Thing::ALL);
    }
    let Backdrop::Place(place) = backdrop else {
        return rng.weighted(&[
            (4, Circle),
            (4, Square),
            (4, Triangle),
            (4, Diamond),
            (4, Star),
            (4, Ring),
            (4, Cross),
            (4, Heart),
            (4, Arrow),
            (4, Face),
            (2, Umbrella),
            (2, Flower),
            (2, Fish),
            (2, Cat),
        ]);
    };
    match place {
        Place::Sky => rng.weighted(&[(5, Balloon), (3, Sun), (5, Cloud), (2, Arrow)]),
        Place::Meadow => rng.weighted(&[(4, Flower), (3, Tree), (4, House), (2, Mushroom), (3, Cat)]),
        Place::Night => rng.weighted(&[(6, Moon), (5, Star), (2, House), (2, Cat)]),
        Place::Sea => rng.weighted(&[(6, Boat), (5, Fish)]),
        Place::Desert => rng.weighted(&[(5, Car), (3, Sun), (1, Tree), (2, Balloon)]),
        Place::Snow => rng.weighted(&[(4, House), (4, Tree), (2, Cat), (2, Umbrella)]),
        Place::Forest => rng.weighted(&[(6, Mushroom), (4, Tree), (2, Cat), (3, Flower)]),
        Place::City => rng.weighted(&[(7, Car), (2, Cat), (4, Umbrella), (1, House)]),
        Place::Sunset => rng.weighted(&[(3, Boat), (3, Sun), (2, Tree), (3, Balloon), (2, Car)]),
    }
}

fn companion(rng: &mut Rng, backdrop: Backdrop, main: Thing) -> Option<Thing> {
    use Thing::*;
    let Backdrop::Place(place) = backdrop else { return None };
    let choices: &[(u32, Thing)] = match place {
        Place::Sky => &[(3, Sun), (4, Cloud)],
        Place::Meadow => &[(3, Sun), (2, Cloud)],
        Place::Night => &[(1, Moon)],
        Place::Sea => &[(3, Sun), (1, Cloud)],
        Place::Desert | Place::Sunset => &[(1, Sun)],
        Place::Snow => &[(1, Cloud)],
        Place::City => &[(1, Cloud), (1, Moon)],
        Place::Forest => return None,
    };
    Some(rng.weighted(choices)).filter(|companion| *companion != main)
}

fn thing_colour(rng: &mut Rng, thing: Thing, backdrop: Backdrop) -> Colour {
    use Colour::*;
    let likely: &[Colour] = match thing {
        Thing::Sun => &[Yellow, Yellow, Orange],
        Thing::Moon => &[Yellow, White],
        Thing::Cloud => &[White, White, Pink],
        Thing::Tree => &[Green, Green, Green, Orange, Pink],
        Thing::Flower => &[Red, Pink, Yellow, Purple, White],
        Thing::Mushroom => &[Red, Red, Brown],
        Thing::Cat => &[Orange, Black, White, Brown],
        Thing::Fish => &[Orange, Orange, Red, Yellow, Purple],
        Thing::Heart => &[Red, Red, Pink],
        Thing::Face => &[Yellow, Yellow, Green],
        Thing::Boat => &[Red, Brown, White],
        Thing::House => &[Red, White, Yellow, Brown],
        _ => Colour::ALL,
    };
    let wanted = rng.pick(likely);
    let taken = backdrop.colours();
    if taken.contains(&wanted) { other_colour(rng, &taken) } else { wanted }
}

fn styles(rng: &mut Rng, backdrop: Backdrop, count: Count) -> Vec<Style> {
    let mut styles = Vec::new();
    if let Backdrop::Plain(_) = backdrop {
        // Lines are lost on anything but a plain ground.
        if rng.chance(0.5) {
            styles.push(Style::Outline);
        }
    } else if rng.chance(0.24) {
        styles.push(rng.pick(&[Style::Blurred, Style::Greyscale, Style::Pixelated]));
    }
    if count == Count::Single && rng.chance(0.14) {
        styles.push(Style::CloseUp);
    } else if rng.chance(0.09) {
        styles.push(Style::Framed);
    }
    styles
}

fn weather(rng: &mut Rng, backdrop: Backdrop, thing: Thing) -> Option<Weather> {
    let Backdrop::Place(place) = backdrop else { return None };
    let rain = if thing == Thing::Umbrella { 0.7 } else { 0.14 };
    match place {
        Place::City | Place::Forest if rng.chance(rain) => Some(Weather::Rain),
        Place::Sky | Place::Meadow | Place::Sea => {
            if rng.chance(rain) {
                Some(Weather::Rain)
            } else {
                rng.chance(0.2).then_some(Weather::Rainbow)
            }
        }
        _ => None,
    }
}

/// Centre and half extent of each thing: cells of a grid, shaken a little.
fn layout(rng: &mut Rng, count: Count, close: bool, aspect: f32) -> Vec<(f32, f32, f32)> {
    let short = aspect.min(1.0);
    let n = match count {
        Count::Single => {
            let size = if close { rng.within(0.56, 0.7) } else { rng.within(0.31, 0.44) };
            let slack = if close { 0.06 } else { 0.11 };
            return vec![(0.5 + rng.within(-slack, slack), 0.52 + rng.within(-slack, slack), size)];
        }
        Count::Pair => 2,
        Count::Group => 3 + rng.below(3) as usize,
        Count::Crowd => 8 + rng.below(5) as usize,
    };
    // The grid whose cells are nearest to squares.
    let (columns, rows) = (1..=n)
        .map(|columns| (columns, n.div_ceil(columns)))
        .min_by(|a, b| {
            let skew = |(columns, rows): (usize, usize)| (aspect * rows as f32 / columns as f32).ln().abs();
            skew(*a).total_cmp(&skew(*b))
        })
        .unwrap_or((n, 1));
    let mut cells: Vec<usize> = (0..columns * rows).collect();
    for i in (1..cells.len()).rev() {
        cells.swap(i, rng.below(i as u64 + 1) as usize);
    }
    let (cell_width, cell_height) = (0.94 / columns as f32, 0.94 / rows as f32);
    // Half the shorter side of a cell, in units of the picture's shorter side.
    let room = 0.5 * (cell_width * aspect).min(cell_height) / short;
    cells[..n]
        .iter()
        .map(|cell| {
            let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
            let x = 0.03 + cell_width * (column + 0.5 + rng.within(-0.08, 0.08));
            let y = 0.03 + cell_height * (row + 0.5 + rng.within(-0.08, 0.08));
            (x, y, room.min(0.34) * rng.within(0.72, 0.95))
        })
        .collect()
}

fn concepts(
    scene: &Scene,
    thing: Thing,
    companion: Option<Thing>,
    count: Option<Count>,
    motley: bool,
) -> Vec<Concept> {
    let mut found: Vec<Concept> = vec![thing.into()];
    let mut add = |concept: Concept| {
        if !found.contains(&concept) {
            found.push(concept);
        }
    };
    if let Some(companion) = companion {
        add(companion.into());
    }
    match scene.backdrop {
        Backdrop::Plain(colour) => add(colour.into()),
        Backdrop::Textured(texture, first, second) => {
            add(texture.into());
            add(first.into());
            add(second.into());
        }
        Backdrop::Place(place) => {
            add(place.into());
            add(Notion::Landscape.into());
            if let Some(colour) = place.colour() {
                add(colour.into());
            }
        }
    }
    if motley {
        add(Notion::Colourful.into());
    }
    for placed in scene.things.iter().filter(|placed| !(motley && placed.thing == thing)) {
        add(placed.colour.into());
    }
    let others =
        [count.map(Concept::from), thing.notion().map(Concept::from), scene.weather.map(Concept::from)];
    others.into_iter().flatten().for_each(&mut add);
    for style in &scene.styles {
        add((*style).into());
    }
    if scene.styles.contains(&Style::Greyscale) {
        found.retain(|concept| !matches!(concept, Concept::Colour(_) | Concept::Notion(Notion::Colourful)));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::Purpose;

    #[test]
    fn every_concept_is_common_enough_to_learn() {
        let mut counts: BTreeMap<Concept, u32> = Concept::all().map(|concept| (concept, 0)).collect();
        let n = 5_000;
        for key in 0..n {
            let scene = Scene::compose(&mut Rng::new(7, Purpose::Scene, key), 320, 240);
            for concept in scene.concepts {
                *counts.entry(concept).or_default() += 1;
            }
        }
        for (concept, count) in counts {
            let share = f64::from(count) / n as f64;
            assert!((0.02..0.65).contains(&share), "{}: {share}", concept.tag());
        }
    }

    #[test]
    fn concepts_are_distinct() {
        for key in 0..500 {
            let mut concepts = Scene::compose(&mut Rng::new(3, Purpose::Scene, key), 240, 320).concepts;
            let n = concepts.len();
            concepts.sort();
            concepts.dedup();
            assert_eq!(concepts.len(), n);
        }
    }
}
