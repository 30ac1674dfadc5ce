//! A run that never was: its figures hang together as those of a real one do.

use tagmill_report::{
    Axis, Chart, Comparison, Confusion, Estimate, Fact, FigureGroup, Item, Line, LineKind, Mark, Page,
    Suspect, TagRow, TaggedAs, Thumbnail, Verdict,
};

const EPOCHS: u32 = 20;
const TAGS: usize = 300;
const WORDS: [&str; 24] = [
    "katze",
    "hund",
    "landschaft",
    "himmel",
    "musik",
    "zeichnung",
    "schwarzweiss",
    "nacht",
    "auto",
    "essen",
    "winter",
    "see",
    "porträt",
    "berg",
    "wald",
    "fahrrad",
    "comic",
    "text",
    "architektur",
    "regen",
    "vogel",
    "brücke",
    "strand",
    "lampe",
];

/// The whole page.
pub(crate) fn page() -> Page {
    let tags = tags();
    Page {
        title: "tagger · resnet50, 224 px".to_owned(),
        facts: facts(),
        headlines: vec![
            comparison("mAP, macro", "mean of the tags' average precision", (0.512, 0.008), 0.031, false),
            comparison(
                "mAP, micro",
                "average precision over all pairs of item and tag",
                (0.687, 0.005),
                0.112,
                false,
            ),
            comparison(
                "Ranking precision",
                "share of true tags among those ranked at least as high",
                (0.743, 0.006),
                0.204,
                false,
            ),
            comparison("Hamming loss", "share of wrong decisions", (0.0087, 0.0003), 0.0142, true),
        ],
        figures: figures(),
        training: training(),
        precision_recall: vec![precision_recall()],
        calibration: vec![calibration()],
        confusions: confusions(&tags),
        best: items(1, true),
        worst: items(2, false),
        missing: suspects(3, &tags, 0.9),
        doubtful: suspects(4, &tags, 0.02),
        tags,
    }
}

fn facts() -> Vec<Fact> {
    [
        ("Dataset", "data/dataset.csv, 48,210 items"),
        ("Judged", "4,821 items of the test split"),
        ("Vocabulary", "300 tags on 50 items or more"),
        ("Model", "resnet50, 224 × 224 pixels"),
        ("Epoch", "17 of 20, the best on the validation split"),
        ("Intervals", "1,000 bootstrap resamples, seed 7"),
    ]
    .map(|(name, value)| Fact { name: name.to_owned(), value: value.to_owned() })
    .into()
}

fn comparison(
    name: &str,
    explanation: &str,
    model: (f64, f64),
    prior: f64,
    lower_is_better: bool,
) -> Comparison {
    let estimate =
        |value: f64, half: f64| Estimate { value, interval: Some(((value - half).max(0.0), value + half)) };
    Comparison {
        name: name.to_owned(),
        explanation: explanation.to_owned(),
        model: estimate(model.0, model.1),
        prior: estimate(prior, model.1 / 4.0),
        lower_is_better,
    }
}

fn figures() -> Vec<FigureGroup> {
    let at = |count: usize, value: f64, prior: f64| {
        comparison(&format!("at {count}"), "", (value, 0.006), prior, false)
    };
    vec![
        FigureGroup {
            heading: "Ranking".to_owned(),
            note: "How well true tags are ranked above others, whatever the threshold.".to_owned(),
            rows: vec![
                comparison("mAP of all tags", "", (0.512, 0.008), 0.031, false),
                comparison(
                    "mAP of frequent tags",
                    "on 1,000 training items or more",
                    (0.655, 0.006),
                    0.088,
                    false,
                ),
                comparison(
                    "mAP of rare tags",
                    "on fewer than 100 training items",
                    (0.287, 0.021),
                    0.004,
                    false,
                ),
                comparison("Label ranking average precision", "", (0.743, 0.006), 0.204, false),
            ],
        },
        FigureGroup {
            heading: "Precision of the first tags".to_owned(),
            note: String::new(),
            rows: vec![at(1, 0.842, 0.351), at(3, 0.701, 0.284), at(5, 0.604, 0.237), at(10, 0.433, 0.180)],
        },
        FigureGroup {
            heading: "Decisions at each tag's own threshold".to_owned(),
            note: "Each tag is predicted from its threshold on, which the validation split has set."
                .to_owned(),
            rows: vec![
                comparison("F1, micro", "", (0.634, 0.005), 0.190, false),
                comparison("F1, macro", "", (0.488, 0.009), 0.021, false),
                comparison("Hamming loss", "share of wrong decisions", (0.0087, 0.0003), 0.0142, true),
            ],
        },
    ]
}

fn training() -> Vec<Chart> {
    let mut noise = Noise(11);
    let mut curve = |name: &str, from: f64, to: f64, speed: f64, turn: f64, roughness: f64| {
        let point = |epoch: u32| {
            let passed = f64::from(epoch) / f64::from(EPOCHS);
            let rise = turn * (passed - 0.6).max(0.0).powi(2);
            (f64::from(epoch), to + (from - to) * (-speed * passed).exp() + rise + roughness * noise.next())
        };
        measured(name, (1..=EPOCHS).map(point).collect())
    };
    let best = Some(Mark { x: 17.0, label: "best epoch".to_owned() });
    let epochs = || axis("Epoch", None, true);
    vec![
        Chart {
            title: "Loss".to_owned(),
            note: "Binary cross-entropy, mean over the tags.".to_owned(),
            x: epochs(),
            y: axis("Loss", None, false),
            lines: vec![
                curve("validation", 0.058, 0.021, 5.0, 0.012, 0.0004),
                curve("training", 0.061, 0.012, 3.2, 0.0, 0.0002),
            ],
            mark: best.clone(),
        },
        Chart {
            title: "Figures on the validation split".to_owned(),
            note: String::new(),
            x: epochs(),
            y: axis("Figure", Some((0.0, 1.0)), false),
            lines: vec![
                curve("mAP", 0.08, 0.53, 4.0, -0.05, 0.006),
                curve("F1, micro", 0.12, 0.65, 5.0, -0.05, 0.006),
                curve("ranking precision", 0.25, 0.76, 6.0, -0.04, 0.006),
            ],
            mark: best,
        },
        Chart {
            title: "Learning rate".to_owned(),
            note: "Rises in the first epoch, then falls as a cosine.".to_owned(),
            x: epochs(),
            y: axis("Learning rate", None, false),
            lines: vec![measured(
                "",
                (0..=400)
                    .map(|step| {
                        let epoch = f64::from(step) / 20.0;
                        let fall = 0.5 + 0.5 * (std::f64::consts::PI * (epoch - 1.0) / 19.0).cos();
                        (epoch, 3e-4 * if epoch < 1.0 { epoch } else { fall })
                    })
                    .collect(),
            )],
            mark: None,
        },
    ]
}

fn precision_recall() -> Chart {
    let curve = |name: &str, skill: f64, count: u32| {
        let point = |index: u32| {
            let recall = f64::from(index) / f64::from(count);
            let wobble = 0.01 * (recall * 90.0).sin() * (1.0 - recall);
            (recall, ((1.0 - recall.powf(skill)) * 0.97 + 0.02 + wobble).clamp(0.0, 1.0))
        };
        measured(name, (0..=count).map(point).collect())
    };
    Chart {
        title: "Precision against recall".to_owned(),
        note: "Over all pairs of item and tag, and for tags by how often training saw them.".to_owned(),
        x: axis("Recall", Some((0.0, 1.0)), false),
        y: axis("Precision", Some((0.0, 1.0)), false),
        lines: vec![
            curve("all tags", 2.1, 200_000),
            curve("frequent tags", 3.0, 5_000),
            curve("rare tags", 0.7, 900),
            reference("prior", vec![(0.0, 0.112), (1.0, 0.112)]),
        ],
        mark: None,
    }
}

fn calibration() -> Chart {
    let point = |bin: u32| {
        let score = (f64::from(bin) + 0.5) / 10.0;
        (score, score.powf(1.25) * 0.96)
    };
    Chart {
        title: "Scores against shares".to_owned(),
        note: "In each tenth of the scores, the share of the tags that are true.".to_owned(),
        x: axis("Score", Some((0.0, 1.0)), false),
        y: axis("Share that is true", Some((0.0, 1.0)), false),
        lines: vec![
            measured("model", (0..10).map(point).collect()),
            reference("perfectly calibrated", vec![(0.0, 0.0), (1.0, 1.0)]),
        ],
        mark: Some(Mark { x: 0.35, label: "threshold of all tags".to_owned() }),
    }
}

fn axis(label: &str, range: Option<(f64, f64)>, whole: bool) -> Axis {
    Axis { label: label.to_owned(), range, whole }
}

fn measured(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { name: name.to_owned(), kind: LineKind::Measured, points }
}

fn reference(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { name: name.to_owned(), kind: LineKind::Reference, points }
}

fn tags() -> Vec<TagRow> {
    let mut noise = Noise(5);
    (0..TAGS)
        .map(|index| {
            let word = WORDS[index % WORDS.len()];
            let name = match index {
                0..24 => word.to_owned(),
                30 => "قطة سوداء".to_owned(),
                31 => "🐈‍⬛ katze".to_owned(),
                32 => "donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen".to_owned(),
                _ => format!("{word} {}", WORDS[(index * 7 + index / 24) % WORDS.len()]),
            };
            let training_items = (21_000.0 / (index as f64 + 1.0).powf(0.9)) as u64 + 50;
            let judged_items = if index % 59 == 58 { 0 } else { training_items / 10 };
            let value = (0.75 - index as f64 / 600.0 + 0.15 * noise.next()).clamp(0.02, 0.98);
            let half = 0.5 / (judged_items as f64 + 1.0).sqrt();
            let known = judged_items > 0;
            TagRow {
                name,
                training_items,
                judged_items,
                average_precision: known.then_some(Estimate {
                    value,
                    interval: Some(((value - half).max(0.0), (value + half).min(1.0))),
                }),
                prior: judged_items as f64 / 4_821.0,
                threshold: (0.35 + 0.2 * noise.next()) as f32,
                precision: (index % 41 != 40).then_some((value + 0.08).min(1.0)),
                recall: known.then_some((value - 0.05).max(0.0)),
                f1: known.then_some(value),
            }
        })
        .collect()
}

fn confusions(tags: &[TagRow]) -> Vec<Confusion> {
    let pair = |index: usize| Confusion {
        shown: tags[index * 3].name.clone(),
        predicted: tags[index * 5 + 1].name.clone(),
        items: tags[index * 3].judged_items,
        false_alarms: tags[index * 3].judged_items / (3 + index as u64),
        lift: 41.0 / (index as f64 + 1.0),
    };
    (0..10).map(pair).collect()
}

fn items(seed: u64, good: bool) -> Vec<Item> {
    let mut noise = Noise(seed);
    (0..8)
        .map(|index| {
            let tag = |place: usize| TaggedAs {
                name: WORDS[(index * 5 + place * 3) % WORDS.len()].to_owned(),
                score: if good { 0.98 } else { 0.71 } / (1.0 + place as f32 * 0.12),
                verdict: match (place + usize::from(!good)) % 4 {
                    0 | 1 if good => Verdict::Hit,
                    1 => Verdict::FalseAlarm,
                    3 => Verdict::Miss,
                    _ => {
                        if good {
                            Verdict::Hit
                        } else {
                            Verdict::FalseAlarm
                        }
                    }
                },
            };
            Item {
                picture: picture(seed * 1_000 + index as u64, index),
                precision: if good { 1.0 } else { 0.04 + 0.02 * noise.next().abs() },
                tags: (0..if index == 2 { 31 } else { 5 + index % 4 }).map(tag).collect(),
            }
        })
        .collect()
}

fn suspects(seed: u64, tags: &[TagRow], score: f32) -> Vec<Suspect> {
    (0..6)
        .map(|index| Suspect {
            picture: picture(seed * 1_000 + index as u64, index),
            tag: tags[index * 6 + 2].name.clone(),
            score: score + index as f32 * 0.01,
            mean_with: 0.62 + index as f32 * 0.03,
            mean_without: 0.03,
        })
        .collect()
}

/// Hills under a sky, wide or high; the fourth is veiled, the fifth cannot be had any more.
fn picture(id: u64, index: usize) -> Thumbnail {
    let (width, height) = [(240, 160), (160, 240), (240, 240), (240, 135)][index % 4];
    let mut noise = Noise(id);
    let [hue, slope, phase] = [noise.next(), noise.next(), noise.next()];
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (across, down) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            let hill = 0.6 + 0.15 * (across * 5.0 + phase * 6.0).sin() + 0.2 * slope * (across - 0.5);
            let light = if down < hill { 1.0 - 0.5 * down } else { 0.5 - 0.3 * (down - hill) };
            let color =
                |shift: f64| (255.0 * light * (0.7 + 0.3 * (6.3 * hue + shift + 2.0 * light).sin())) as u8;
            pixels.extend([color(0.0), color(1.0), color(2.0)]);
        }
    }
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 80)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .expect("memory takes every byte");
    Thumbnail {
        id: 700_000 + id as i64,
        file: format!("2024/03/{:02}/{id:08x}.jpg", 1 + index),
        jpeg: (index != 4).then_some(jpeg),
        size: (width.into(), height.into()),
        veiled: index == 3,
    }
}

/// Numbers between -1 and 1 that look like chance and are the same each time (splitmix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}
