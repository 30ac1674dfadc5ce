//! The figures as a table to read.

use std::fmt::Write;

use tagmill_trainer::metrics::{Estimate, Figures, Interval, Point};
use tagmill_trainer::validate::{ContentClass, Report};

/// A line for each figure: its name, the tagger's and the prior's. `None` where nothing was judged.
pub(super) fn table(report: &Report) -> Option<String> {
    let (model, prior) = (report.model.as_ref()?, report.prior.as_ref()?);
    let pairs = rows(model).into_iter().zip(rows(prior));
    let mut rows: Vec<[String; 3]> =
        pairs.map(|((name, model), (_, prior))| [name, estimate(model), estimate(prior)]).collect();
    if let Some(ContentClass { accuracy, prior_accuracy }) = report.content_class {
        let figures = [accuracy, prior_accuracy].map(|figure| format!("{figure:.3}"));
        let [accuracy, prior] = figures;
        rows.push(["accuracy of the content class".to_owned(), accuracy, prior]);
    }
    let header = ["", "tagger", "prior"].map(str::to_owned);
    let lines: Vec<&[String; 3]> = std::iter::once(&header).chain(&rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
    let [names, figures] = [width(0), width(1)];
    let mut table = String::new();
    for [name, model, prior] in lines {
        let line = format!("{name:names$}  {model:figures$}  {prior}");
        writeln!(table, "{}", line.trim_end()).expect("a String takes everything");
    }
    if report.resamples > 0 {
        let note = format!("in brackets 95 % intervals from {} resamples of the items\n", report.resamples);
        table += &note;
    }
    Some(table)
}

fn rows(figures: &Figures) -> Vec<(String, Estimate)> {
    let mut rows = vec![("mAP".to_owned(), figures.mean_average_precision)];
    for bucket in &figures.by_frequency {
        let range = match bucket.below {
            Some(below) => format!("{} to {} training items", bucket.from, below - 1),
            None => format!("{} training items and more", bucket.from),
        };
        rows.push((format!("  tags of {range}"), bucket.mean_average_precision));
    }
    rows.push(("label ranking average precision".to_owned(), figures.label_ranking_average_precision));
    for at in &figures.at_k {
        rows.push((format!("top-{} accuracy", at.k), at.accuracy));
        rows.push((format!("  precision at {}", at.k), at.precision));
        rows.push((format!("  recall at {}", at.k), at.recall));
    }
    for at in &figures.at_threshold {
        let point = match at.point {
            Point::BestMicroF1 => "the threshold of best micro F1",
            Point::BestMacroF1 => "the threshold of best macro F1",
            Point::BreakEven => "the threshold of equal precision and recall",
            Point::PerTag => "each tag's own threshold",
        };
        rows.push((format!("micro F1 at {point}"), at.micro_f1));
        rows.push(("  precision".to_owned(), at.micro_precision));
        rows.push(("  recall".to_owned(), at.micro_recall));
        rows.push(("  macro F1".to_owned(), at.macro_f1));
        rows.push(("  Hamming loss".to_owned(), at.hamming_loss));
    }
    rows
}

fn estimate(Estimate { value, interval }: Estimate) -> String {
    match interval {
        Some(Interval { low, high }) => format!("{value:.3} ({low:.3} to {high:.3})"),
        None => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tagmill_model::Outcome;
    use tagmill_trainer::metrics::{Judged, Resamples, Scores, choose, judge};

    use super::*;

    fn report(model: Option<Figures>, prior: Option<Figures>) -> Report {
        Report {
            outcome: Outcome::Completed,
            already_validated: false,
            pictures: 4,
            refused: 0,
            bad_pictures: BTreeMap::new(),
            classes: 2,
            resamples: 50,
            model,
            prior,
            content_class: Some(ContentClass { accuracy: 0.75, prior_accuracy: 0.5 }),
            fingerprint: String::new(),
        }
    }

    #[test]
    fn figures_stand_beside_the_priors() {
        let truth = [vec![0], vec![0, 1], vec![1], vec![]];
        let figures = |scores| {
            let judged = Judged { scores, classes: 2, truth: &truth };
            judge(&judged, &choose(&judged), &[40, 20_000], &Resamples::draw(4, 50, 0)).figures
        };
        let model = figures(Scores::Each(&[0.9, 0.1, 0.8, 0.7, 0.1, 0.9, 0.2, 0.1]));
        let prior = figures(Scores::Same(&[0.5, 0.4]));
        insta::assert_snapshot!(table(&report(Some(model), Some(prior))).unwrap(), @r"
                                                                 tagger                  prior
        mAP                                                      1.000 (1.000 to 1.000)  0.500 (0.227 to 0.927)
          tags of 0 to 99 training items                         1.000 (1.000 to 1.000)  0.500 (0.223 to 0.973)
          tags of 10000 training items and more                  1.000 (1.000 to 1.000)  0.500 (0.228 to 0.978)
        label ranking average precision                          1.000 (1.000 to 1.000)  0.833 (0.515 to 1.000)
        top-1 accuracy                                           1.000 (1.000 to 1.000)  0.667 (0.010 to 1.000)
          precision at 1                                         1.000 (1.000 to 1.000)  0.667 (0.010 to 1.000)
          recall at 1                                            0.833 (0.499 to 0.999)  0.500 (0.000 to 0.989)
        top-3 accuracy                                           1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
          precision at 3                                         0.667 (0.531 to 0.993)  0.667 (0.531 to 0.993)
          recall at 3                                            1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
        top-5 accuracy                                           1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
          precision at 5                                         0.667 (0.531 to 0.993)  0.667 (0.531 to 0.993)
          recall at 5                                            1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
        top-10 accuracy                                          1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
          precision at 10                                        0.667 (0.531 to 0.993)  0.667 (0.531 to 0.993)
          recall at 10                                           1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
        micro F1 at the threshold of best micro F1               1.000 (1.000 to 1.000)  0.667 (0.256 to 0.891)
          precision                                              1.000 (1.000 to 1.000)  0.500 (0.138 to 0.762)
          recall                                                 1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
          macro F1                                               1.000 (1.000 to 1.000)  0.667 (0.410 to 0.981)
          Hamming loss                                           0.000 (0.000 to 0.000)  0.500 (0.238 to 0.863)
        micro F1 at the threshold of best macro F1               1.000 (1.000 to 1.000)  0.667 (0.256 to 0.891)
          precision                                              1.000 (1.000 to 1.000)  0.500 (0.138 to 0.762)
          recall                                                 1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
          macro F1                                               1.000 (1.000 to 1.000)  0.667 (0.410 to 0.981)
          Hamming loss                                           0.000 (0.000 to 0.000)  0.500 (0.238 to 0.863)
        micro F1 at the threshold of equal precision and recall  1.000 (1.000 to 1.000)  0.500 (0.018 to 0.818)
          precision                                              1.000 (1.000 to 1.000)  0.500 (0.005 to 1.000)
          recall                                                 1.000 (1.000 to 1.000)  0.500 (0.000 to 0.995)
          macro F1                                               1.000 (1.000 to 1.000)  0.333 (0.039 to 0.632)
          Hamming loss                                           0.000 (0.000 to 0.000)  0.500 (0.258 to 0.883)
        micro F1 at each tag's own threshold                     1.000 (1.000 to 1.000)  0.667 (0.256 to 0.891)
          precision                                              1.000 (1.000 to 1.000)  0.500 (0.138 to 0.762)
          recall                                                 1.000 (1.000 to 1.000)  1.000 (1.000 to 1.000)
          macro F1                                               1.000 (1.000 to 1.000)  0.667 (0.410 to 0.981)
          Hamming loss                                           0.000 (0.000 to 0.000)  0.500 (0.238 to 0.863)
        accuracy of the content class                            0.750                   0.500
        in brackets 95 % intervals from 50 resamples of the items
        ");
        assert_eq!(table(&report(None, None)), None);
    }
}
