use std::fs;

use tagmill_model::dataset::DatasetRow;
use tagmill_model::picture::Limits;
use tagmill_model::{ItemId, Outcome, Split, SplitConfig, Tag};
use tagmill_trainer::metrics::{self, Judged, Scores};
use tagmill_trainer::train::{self, Loss, Reduction, Settings};
use tagmill_trainer::{Device, Picture, PictureScores, Tagger, predict, validate};
use tch::{CModule, Kind, Tensor};

use crate::sample::{COLOURS, Sample, bytes, on, picture, row, side};

/// One training, looked at from all sides: what it learned, what it left on disk, what a tagger makes of that.
#[test]
fn a_run_learns_and_can_be_used() {
    let sample = Sample::new(120);
    let mut config = sample.train();
    config.settings = Settings { epochs: 6, learning_rate: 2e-3, ..config.settings };
    let report = train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!((report.outcome, report.epochs, report.classes, report.rows), (Outcome::Completed, 6, 4, 120));

    let mut history = csv::Reader::from_path(sample.run().join("history.csv")).unwrap();
    let rows: Vec<train::EpochFigures> = history.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6);
    assert!(rows[5].train_loss < rows[0].train_loss / 2.0, "{rows:?}");

    let tags = String::from_utf8(bytes(&sample.run(), "selected_tags.csv")).unwrap();
    let ratings = "tag_id,name,category,count\n0,sfw,9,65\n1,nsfw,9,26\n2,nsfl,9,0\n3,nsfp,9,0\n4,";
    assert!(tags.starts_with(ratings), "{tags}");
    let thresholds = String::from_utf8(bytes(&sample.run(), "thresholds.csv")).unwrap();
    assert!(thresholds.starts_with("category,threshold\n0,0."), "{thresholds}");
    let json: serde_json::Value = serde_json::from_slice(&bytes(&sample.run(), "config.json")).unwrap();
    assert_eq!((&json["architecture"], &json["num_classes"]), (&"resnet18".into(), &8.into()));
    assert_eq!(json["pretrained_cfg"]["input_size"], serde_json::json!([3, 32, 32]));

    let tagger = Tagger::load_on(sample.run(), Device::Cpu).unwrap();
    a_reload_and_a_batch_change_nothing(&sample, &tagger);
    others_with_libtorch_see_the_same(&sample, &tagger);

    let unseen = (1..=120).filter(|id| side(*id) == Split::Test);
    let right = unseen.clone().filter(|id| {
        let scores = &tagger.predict(&[sample.picture(*id)]).unwrap()[0];
        let best = tagger.best(&scores.as_ref().unwrap().tags, 1);
        row(*id).tags.iter().any(|tag| tag.name == best[0].name)
    });
    assert!(right.count() * 10 >= unseen.count() * 8);
    let seen = validate::run(sample.validate(), &(), &on()).unwrap().content_class.unwrap();
    assert!(seen.accuracy > 0.9 && seen.prior_accuracy < 0.9, "{seen:?}");
    folders_and_bad_files_are_predicted(&sample);

    // The same again is no work at all.
    let weights = bytes(&sample.run(), "model.safetensors");
    let again = train::run(config, &(), &on()).unwrap();
    assert_eq!(again, train::Report { already_trained: true, ..report });
    assert_eq!(bytes(&sample.run(), "model.safetensors"), weights);
}

fn a_reload_and_a_batch_change_nothing(sample: &Sample, tagger: &Tagger) {
    let paths: Vec<_> = (1..=40).map(|id| sample.picture(id)).collect();
    let together = tagger.predict(&paths).unwrap();
    let reloaded = Tagger::load_on(sample.run(), Device::Cpu).unwrap().predict(&paths).unwrap();
    assert_eq!(together, reloaded, "bit for bit");
    let decoded: Vec<Picture> =
        paths.iter().map(|path| Picture::open(path, 32, &Limits::default()).unwrap()).collect();
    let scored: Vec<Result<PictureScores, _>> = tagger.score(&decoded).unwrap().into_iter().map(Ok).collect();
    assert_eq!(together, scored, "bit for bit");
    let drawn = Picture::from_image(image::DynamicImage::ImageRgb8(picture(1)), 32);
    assert_eq!(drawn, decoded[0]);
    // libtorch takes other paths for other batch sizes, so the last bits may differ between these two.
    for (path, together) in paths.iter().zip(&together).step_by(5) {
        let alone = &tagger.predict(&[path]).unwrap()[0];
        for (a, b) in alone.as_ref().unwrap().tags.iter().zip(&together.as_ref().unwrap().tags) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}

/// `model.ts` takes batches of any size.
fn others_with_libtorch_see_the_same(sample: &Sample, tagger: &Tagger) {
    let module = CModule::load(sample.run().join("model.ts")).unwrap();
    let open = |id| Picture::open(&sample.picture(id), 32, &Limits::default()).unwrap();
    for count in [1, 5, 33] {
        let pictures: Vec<Picture> = (1..=count).map(open).collect();
        let pixels = pictures.iter().map(Picture::pixels).collect::<Vec<_>>().concat();
        let pixels = Tensor::from_slice(&pixels).view([count, 32, 32, 3]).permute([0, 3, 1, 2]);
        let channels = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]);
        let normalised = (pixels.to_kind(Kind::Float) / 255.0 - channels([0.485, 0.456, 0.406]))
            / channels([0.229, 0.224, 0.225]);
        let probabilities = module.forward_ts(&[normalised]).unwrap();
        assert_eq!(probabilities.size(), [count, 8]);
        for (row, scores) in tagger.score(&pictures).unwrap().into_iter().enumerate() {
            for (output, score) in scores.ratings.into_iter().chain(scores.tags).enumerate() {
                let probability = probabilities.double_value(&[row as i64, output as i64]);
                assert!((probability - f64::from(score)).abs() < 1e-5, "{probability} {score}");
            }
        }
    }
}

fn folders_and_bad_files_are_predicted(sample: &Sample) {
    let folder = sample.folder.path().join("inbox");
    fs::create_dir_all(folder.join("b")).unwrap();
    for (id, name) in [(1, "b/1.png"), (2, "c.png"), (3, "a.PNG")] {
        fs::copy(sample.picture(id), folder.join(name)).unwrap();
    }
    fs::write(folder.join("b/broken.jpg"), b"\xff\xd8\xff").unwrap();
    fs::write(folder.join("notes.txt"), b"no picture").unwrap();
    let mut config = sample.predict(vec![folder.clone(), sample.picture(5)]);
    config.settings.selection.top = Some(2);
    let report = predict::run(config, &(), &on()).unwrap();
    let names: Vec<_> = report.predictions.iter().map(|prediction| prediction.path.clone()).collect();
    let expected = ["a.PNG", "b/1.png", "c.png"].map(|name| folder.join(name));
    assert_eq!(names[..3], expected);
    assert_eq!(names[3], sample.picture(5));
    assert!(report.predictions.iter().all(|prediction| prediction.tags.len() == 2));
    assert_eq!((report.pictures, report.failures.len()), (4, 1));
    assert_eq!(report.failures[0].reason, "truncated");
}

/// With nothing held out, a network learns 32 pictures by heart. Each stands in the table twice, so that an epoch is long and
/// checkpoints are few.
#[test]
fn a_few_pictures_are_learned_by_heart() {
    let sample = Sample::new(32);
    let rows: Vec<DatasetRow> =
        (0..64).map(|copy| DatasetRow { id: ItemId(copy + 1), ..row(copy % 32 + 1) }).collect();
    sample.write(&rows);
    let mut config = sample.train();
    let split = SplitConfig { test_fraction: 0.0, validation_fraction: 0.0, ..SplitConfig::default() };
    config.settings = Settings { epochs: 8, learning_rate: 2e-3, split, ..config.settings };
    let report = train::run(config, &(), &on()).unwrap();
    assert_eq!((report.train_pictures, report.validation_pictures, report.validation), (64, 0, None));
    let tagger = Tagger::load_on(sample.run(), Device::Cpu).unwrap();
    assert_eq!(tagger.threshold(), 0.5);
    let pictures: Vec<_> = (1..=32).map(|id| sample.picture(id)).collect();
    let predicted = tagger.predict(&pictures).unwrap();
    let scores: Vec<f32> = predicted.into_iter().flat_map(|scores| scores.unwrap().tags).collect();
    let class = |tag: &Tag| tagger.vocabulary().class(&tag.name).unwrap() as u32;
    let truth: Vec<Vec<u32>> = (1..=32)
        .map(|id| {
            let mut classes: Vec<u32> = row(id).tags.iter().map(class).collect();
            classes.sort_unstable();
            classes
        })
        .collect();
    let judged = Judged { scores: Scores::Each(&scores), classes: 4, truth: &truth };
    let map = metrics::mean_average_precision(&judged);
    assert!(map.unwrap() > 0.99, "{map:?}");
}

/// Every loss, and every way to weigh, learns; tags that nobody could have foreseen come back as they were.
#[test]
fn losses_learn_hostile_tags() {
    let sample = Sample::new(40);
    let names = ["<b>fett</b>, \"x\"", "🦀 名前\u{202e}", "a\nb", "grey"];
    let renamed = |tag: &Tag| {
        let place = COLOURS.iter().position(|colour| colour.0 == tag.name).unwrap();
        Tag { name: names[place].to_owned(), ..tag.clone() }
    };
    let rows: Vec<DatasetRow> = (1..=40)
        .map(|id| DatasetRow { tags: row(id).tags.iter().map(renamed).collect(), ..row(id) })
        .collect();
    sample.write(&rows);
    for (loss, balance, label_weights, reduction) in [
        (Loss::ASYMMETRIC, 0.0, false, Reduction::Sum),
        (Loss::FOCAL, 0.5, false, Reduction::Mean),
        (Loss::Bce, 1.0, true, Reduction::Sum),
    ] {
        let mut config = train::Config { overwrite: true, ..sample.train() };
        let settings = Settings { epochs: 3, learning_rate: 2e-3, ..config.settings };
        config.settings = Settings { loss, positive_balance: balance, label_weights, reduction, ..settings };
        let report = train::run(config, &(), &on()).unwrap();
        assert_eq!(report.classes, 4);
        let mut history = csv::Reader::from_path(sample.run().join("history.csv")).unwrap();
        let rows: Vec<train::EpochFigures> = history.deserialize().map(Result::unwrap).collect();
        assert!(rows[2].train_loss < rows[0].train_loss, "{loss}: {rows:?}");
        let tagger = Tagger::load_on(sample.run(), Device::Cpu).unwrap();
        assert!(names.iter().all(|name| tagger.vocabulary().class(name).is_some()));
    }
}

/// One tag that everything has, and one that only training items have: figures are numbers, not faults.
#[test]
fn one_sided_tags_have_figures() {
    let sample = Sample::new(60);
    let tag = |name: &str| Tag { name: name.to_owned(), confidence: 0.5 };
    let write = |tags: &dyn Fn(i64) -> Vec<Tag>| {
        sample.write(&(1..=60).map(|id| DatasetRow { tags: tags(id), ..row(id) }).collect::<Vec<_>>());
    };
    let settings = Settings { epochs: 1, ..sample.train().settings };
    let config = train::Config { settings, overwrite: true, ..sample.train() };
    write(&|_| vec![tag("all")]);
    let report = train::run(config.clone(), &(), &on()).unwrap();
    assert_eq!((report.classes, report.validation.unwrap().mean_average_precision.value), (1, 1.0));

    write(&|id| match side(id) {
        Split::Train => vec![tag("seen"), tag("all")],
        _ => vec![tag("all")],
    });
    let report = train::run(config, &(), &on()).unwrap();
    assert_eq!((report.classes, report.validation.unwrap().mean_average_precision.value), (2, 1.0));
    let report = validate::run(sample.validate(), &(), &on()).unwrap();
    let figures = report.model.unwrap();
    assert_eq!(figures.mean_average_precision.value, 1.0);
    assert!(figures.at_threshold.iter().all(|at| at.micro_f1.value.is_finite()));
}
