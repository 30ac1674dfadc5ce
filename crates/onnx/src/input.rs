use crate::Model;
use crate::graph::{Builder, Name, int, ints};

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// `input`, `[batch, 3, size, size]`: red, green, blue, of which the mean was taken and which were divided by the deviation.
    Normalised,
    /// `input`, `[batch, size, size, 3]`: blue, green, red from 0 to 255.
    BlueGreenRed,
}

impl Input {
    /// Adds the input to a graph, and what makes normalised pixels of it.
    pub(crate) fn add(self, model: &Model<'_>, graph: &mut Builder) -> Name {
        let side = Some(model.size);
        match self {
            Input::Normalised => graph.input("input", &[None, Some(3), side, side]),
            Input::BlueGreenRed => {
                let pixels = graph.input("input", &[None, side, side, Some(3)]);
                let planes = graph.node("Transpose", "planes", &[&pixels], vec![ints("perm", &[0, 3, 1, 2])]);
                let order = graph.integers("order", &[2, 1, 0]);
                let rgb = graph.node("Gather", "rgb", &[&planes, &order], vec![int("axis", 1)]);
                let scaled = |numbers: [f64; 3]| numbers.map(|number| (number * 255.0) as f32);
                let mean = graph.floats("mean", &[3, 1, 1], &scaled(model.mean));
                let deviation = graph.floats("deviation", &[3, 1, 1], &scaled(model.deviation));
                let centred = graph.node("Sub", "centred", &[&rgb, &mean], Vec::new());
                graph.node("Div", "normalised", &[&centred, &deviation], Vec::new())
            }
        }
    }
}
