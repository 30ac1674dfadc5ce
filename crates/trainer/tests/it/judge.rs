use std::fs;

use tagmill_model::dataset::DatasetRow;
use tagmill_model::{Flags, ItemId, MediaPath, Outcome, Split, StageReport};
use tagmill_trainer::metrics::{Interval, Point};
use tagmill_trainer::train::{self, Settings};
use tagmill_trainer::{Error, validate};

use crate::sample::{COLOURS, CancelAfter, Sample, on, picture, row, side};

#[test]
fn only_the_test_side_is_judged() {
    let sample = Sample::new(80);
    let config =
        train::Config { settings: Settings { epochs: 1, ..sample.train().settings }, ..sample.train() };
    train::run(config, &(), &on()).unwrap();
    let test: Vec<i64> = (1..=80).filter(|id| side(*id) == Split::Test).collect();
    fs::write(sample.picture(test[0]), b"").unwrap();

    let early = CancelAfter::new("reading the dataset", 0);
    early.token.cancel();
    let report = validate::run(sample.validate(), &early, &early.token).unwrap();
    assert_eq!((report.outcome, report.model), (Outcome::Cancelled, None));

    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!((report.outcome, report.pictures), (Outcome::Completed, test.len() as u64 - 1));
    assert_eq!(report.bad_pictures["empty"], 1);
    let folder = sample.run().join("validation");
    let mut predictions = csv::Reader::from_path(folder.join("predictions.csv")).unwrap();
    let rows: Vec<(i64, String, String, String)> = predictions.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), test[1..]);
    let (id, image, tags, predicted) = &rows[0];
    assert_eq!(*image, format!("{id}.png"));
    let tags: Vec<String> = serde_json::from_str(tags).unwrap();
    assert_eq!(tags.len(), row(*id).tags.len());
    let predicted: Vec<serde_json::Value> = serde_json::from_str(predicted).unwrap();
    assert_eq!(predicted.len(), 4);

    // Every figure has an interval, the prior's too, and all are shares.
    assert_eq!((report.resamples, report.refused), (1000, 0));
    for figures in [report.model.as_ref().unwrap(), report.prior.as_ref().unwrap()] {
        let map = figures.mean_average_precision;
        let Interval { low, high } = map.interval.unwrap();
        assert!(0.0 < low && low <= high && high <= 1.0, "{map:?}");
        assert_eq!(figures.at_threshold.len(), 4);
    }

    // The prior's average precision is each tag's share of the judged items.
    let mut per_tag = csv::Reader::from_path(folder.join("per_tag.csv")).unwrap();
    for row in per_tag.records().map(Result::unwrap) {
        let share = row[2].parse::<f64>().unwrap() / rows.len() as f64;
        assert!((row[6].parse::<f64>().unwrap() - share).abs() < 1e-9);
    }
    let again = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!(again, validate::Report { already_validated: true, ..report });
    // What was no picture has been downloaded again.
    picture(test[0]).save(sample.picture(test[0])).unwrap();
    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!((report.already_validated, report.pictures), (false, test.len() as u64));

    the_page_shows_the_run(&sample);
    thresholds_are_those_of_the_run(&sample);
    a_grown_table_is_judged_anew(&sample);
    what_the_run_has_seen_is_refused(&sample);
    a_table_without_test_pictures_cannot_judge(&sample);
}

/// The page stands beside the figures, and is made anew where it is gone.
fn the_page_shows_the_run(sample: &Sample) {
    let config = sample.validate();
    let page = fs::read_to_string(config.page()).unwrap();
    assert!(page.contains("<title>first"), "{}", &page[..500]);
    assert!(!page.contains(sample.folder.path().to_str().unwrap()));
    for (colour, _) in COLOURS {
        assert!(page.contains(colour));
    }
    // Every picture is there, small, and what is not safe for work waits for a click.
    let test: Vec<i64> = (1..=80).filter(|id| side(*id) == Split::Test).collect();
    for id in &test[1..] {
        assert!(page.contains(&format!("{id}.png")), "{id}");
    }
    assert!(page.matches("data:image/jpeg;base64,").count() >= test.len() - 1);
    let veiled = test[1..].iter().filter(|id| row(**id).content.contains(Flags::NSFW)).count();
    assert!(veiled > 0 && page.matches("picture veiled").count() >= veiled);

    fs::remove_file(config.page()).unwrap();
    assert!(!validate::run(config.clone(), &(), &on()).unwrap().already_validated);
    assert_eq!(fs::read_to_string(config.page()).unwrap(), page);
    for file in ["history.csv", "metrics.json"] {
        let path = sample.run().join(file);
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let error = validate::run(config.clone(), &(), &on()).unwrap_err();
        assert!(matches!(error, Error::IncompleteRun { file: missing, .. } if missing == file), "{error}");
        fs::write(&path, kept).unwrap();
    }
}

/// Each threshold file is read back: a change in it is a change of the figures, a missing or foreign one an error.
fn thresholds_are_those_of_the_run(sample: &Sample) {
    let file = |name: &str| sample.run().join(name);
    let with = |name: &str, contents: &str| {
        let kept = fs::read_to_string(file(name)).unwrap();
        fs::write(file(name), contents).unwrap();
        let result = validate::run(sample.validate(), &(), &on());
        fs::write(file(name), kept).unwrap();
        result.map_err(|error| error.to_string().replace(&sample.run().display().to_string(), "RUN"))
    };
    let per_tag = fs::read_to_string(file("per_tag_thresholds.csv")).unwrap();
    assert!(per_tag.starts_with("tag_id,name,threshold,positives\n4,"), "{per_tag}");
    let report = with("operating_points.csv", "point,threshold\nbreak_even,0\nbest_macro_f1,2\n").unwrap();
    let model = report.model.unwrap();
    // From 0 on everything is predicted, from 2 on nothing.
    assert_eq!(model.at(Point::BreakEven).unwrap().micro_recall.value, 1.0);
    assert_eq!(model.at(Point::BestMacroF1).unwrap().micro_recall.value, 0.0);
    let header = "tag_id,name,threshold,positives\n";
    assert_eq!(
        with("operating_points.csv", "point,threshold\nbreak_even,0\n").unwrap_err(),
        "`RUN/operating_points.csv` is damaged: it has no `best_macro_f1`"
    );
    assert_eq!(
        with("per_tag_thresholds.csv", &format!("{header}0,Käse 🧀,0.5,1\n")).unwrap_err(),
        "`RUN/per_tag_thresholds.csv` does not belong to the model beside it: its tags are others"
    );
}

/// The split is by id, so an item whose id has changed may come to the test side although the run knows its picture.
fn what_the_run_has_seen_is_refused(sample: &Sample) {
    let test: Vec<i64> = (1..=80).filter(|id| side(*id) == Split::Test).collect();
    let train: Vec<i64> = (1..=80).filter(|id| side(*id) == Split::Train).collect();
    let moved = DatasetRow { id: ItemId(test[1]), ..row(train[0]) };
    sample.write(&[moved.clone(), row(test[2]), row(test[3])]);
    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!((report.pictures, report.refused, report.failed()), (2, 1, 1));
    let list = fs::read_to_string(sample.run().join("validation/refused.csv")).unwrap();
    assert_eq!(list, format!("id,image,side,reason\n{},{}.png,train,seen\n", test[1], train[0]));

    sample.write(&[moved]);
    let error = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::NothingUnseen { items: 1, .. }), "{error}");

    // A repost: another id, another path, the same picture.
    let copy =
        DatasetRow { id: ItemId(test[1]), image: MediaPath::parse("repost.png").unwrap(), ..row(train[0]) };
    fs::copy(sample.picture(train[0]), sample.media().join("repost.png")).unwrap();
    sample.write(&[copy.clone(), row(test[2])]);
    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert_eq!((report.pictures, report.refused), (1, 1));
    let list = fs::read_to_string(sample.run().join("validation/refused.csv")).unwrap();
    assert_eq!(list, format!("id,image,side,reason\n{},repost.png,train,copy\n", test[1]));
    sample.write(&[copy]);
    let error = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::NothingUnseen { items: 1, .. }), "{error}");

    let list = sample.run().join("seen_items.csv");
    let kept = fs::read(&list).unwrap();
    fs::remove_file(&list).unwrap();
    let error = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::IncompleteRun { file: "seen_items.csv", .. }), "{error}");
    fs::write(&list, kept).unwrap();
}

fn a_grown_table_is_judged_anew(sample: &Sample) {
    let rows: Vec<_> = (1..=70).map(row).collect();
    sample.write(&rows);
    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    assert!(!report.already_validated);
}

fn a_table_without_test_pictures_cannot_judge(sample: &Sample) {
    let rows: Vec<_> = (1..=70).filter(|id| side(*id) != Split::Test).map(row).collect();
    sample.write(&rows);
    let error = validate::run(sample.validate(), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::NoUsablePictures { part: "test", items: 0, .. }), "{error}");
}
