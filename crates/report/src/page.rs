//! What a page shows, as plain data. Every text may hold anything: it is escaped.

/// All that the page shows, from top to bottom. What is empty is left out, with its heading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The heading, and the name in the browser's tab: what the run is called.
    pub title: String,
    /// What was judged, and how, in the order in which it is shown.
    pub facts: Vec<Fact>,
    /// The few figures that are shown large.
    pub headlines: Vec<Comparison>,
    /// All figures, group by group.
    pub figures: Vec<FigureGroup>,
    /// How the training went.
    pub training: Vec<Chart>,
    /// Precision against recall.
    pub precision_recall: Vec<Chart>,
    /// Scores against what they turned out to be.
    pub calibration: Vec<Chart>,
    /// The tags, in the order in which they are shown first.
    pub tags: Vec<TagRow>,
    /// Which tag is predicted where another one is, the worst first.
    pub confusions: Vec<Confusion>,
    /// The pictures that are tagged best.
    pub best: Vec<Item>,
    /// The pictures that are tagged worst.
    pub worst: Vec<Item>,
    /// Pictures that seem to lack a tag, the surest first.
    pub missing: Vec<Suspect>,
    /// Pictures with a tag that seems wrong, the surest first.
    pub doubtful: Vec<Suspect>,
}

/// A line of the page's head: `dataset`, `12,000 items`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A figure, and where it would lie on other items of their kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure itself, 0 to 1.
    pub value: f64,
    /// The ends of its 95 percent interval, where there is one.
    pub interval: Option<(f64, f64)>,
}

/// A figure of the model beside that of guessing without a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What it is called.
    pub name: String,
    /// What it means, in a sentence; may be empty.
    pub explanation: String,
    /// The model's.
    pub model: Estimate,
    /// The prior's.
    pub prior: Estimate,
    /// Whether less is better.
    pub lower_is_better: bool,
}

/// Figures that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureGroup {
    /// Its heading.
    pub heading: String,
    /// What they have in common, in a sentence; may be empty.
    pub note: String,
    /// The figures.
    pub rows: Vec<Comparison>,
}

/// Lines over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// How to read it, in a sentence; may be empty.
    pub note: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The lines, the most important first.
    pub lines: Vec<Line>,
    /// A place on the x axis that stands out.
    pub mark: Option<Mark>,
}

/// An axis of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is along it.
    pub label: String,
    /// Its ends; those of the lines where there are none.
    pub range: Option<(f64, f64)>,
    /// Whether it has whole numbers only.
    pub whole: bool,
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is; may be empty where the chart has one line only.
    pub name: String,
    /// What it is there for.
    pub kind: LineKind,
    /// Its points, x and y, in the order in which they are joined. One that is not a finite number parts the line.
    pub points: Vec<(f64, f64)>,
}

/// What a line is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Something measured.
    Measured,
    /// What to hold it against.
    Reference,
}

/// A place on the x axis with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where it is.
    pub x: f64,
    /// What is there.
    pub label: String,
}

/// A tag with its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct TagRow {
    /// Its name.
    pub name: String,
    /// How many training items have it.
    pub training_items: u64,
    /// How many of the judged items have it.
    pub judged_items: u64,
    /// Average precision; `None` where no judged item has it.
    pub average_precision: Option<Estimate>,
    /// The prior's: its share of the judged items.
    pub prior: f64,
    /// From this score on it is predicted.
    pub threshold: f32,
    /// Share of the predictions that are true; `None` where nothing is predicted.
    pub precision: Option<f64>,
    /// Share of the true ones that are predicted; `None` where no judged item has it.
    pub recall: Option<f64>,
    /// Their harmonic mean; `None` where neither is.
    pub f1: Option<f64>,
}

/// A tag that is wrongly predicted where another one is.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    /// The tag that the items have.
    pub shown: String,
    /// The tag that they lack and are given.
    pub predicted: String,
    /// How many items have the one and lack the other.
    pub items: u64,
    /// How many of these are given the other.
    pub false_alarms: u64,
    /// How many times as often as all items that lack the other.
    pub lift: f64,
}

/// A picture with what it was tagged as.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The picture.
    pub picture: Thumbnail,
    /// Its label ranking average precision, 0 to 1.
    pub precision: f64,
    /// Its true tags, and what else was predicted; the highest score first.
    pub tags: Vec<TaggedAs>,
}

/// A tag of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedAs {
    /// Its name.
    pub name: String,
    /// Its score, 0 to 1.
    pub score: f32,
    /// Whether it was predicted, and is true.
    pub verdict: Verdict,
}

/// What a prediction turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Predicted and true.
    Hit,
    /// Predicted and not true.
    FalseAlarm,
    /// True and not predicted.
    Miss,
}

/// A picture whose score contradicts its tags.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// The picture.
    pub picture: Thumbnail,
    /// The tag.
    pub tag: String,
    /// Its score, 0 to 1.
    pub score: f32,
    /// The mean score of the judged items that have the tag.
    pub mean_with: f32,
    /// The mean score of the judged items that lack it.
    pub mean_without: f32,
}

/// A small picture, or the place where one would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The item's number on its board.
    pub id: i64,
    /// The file that it is made of, as the table names it.
    pub file: String,
    /// A JPEG file; `None` where the picture cannot be had any more.
    pub jpeg: Option<Vec<u8>>,
    /// Width and height of the JPEG in pixels.
    pub size: (u32, u32),
    /// Whether it is hidden until someone wants to see it.
    pub veiled: bool,
}
