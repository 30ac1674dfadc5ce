use std::fs;
use std::path::Path;

use tagmill_model::MediaPath;
use tagmill_trainer::train::{self, Settings};
use tagmill_trainer::{Device, Error, MaxBad, Tagger, predict};

use crate::sample::{Sample, on, row};

#[track_caller]
fn check_train(sample: &Sample, config: train::Config, expected: &str) {
    let error = train::run(config, &(), &on()).unwrap_err().to_string();
    assert_eq!(error.replace(&sample.folder.path().display().to_string(), "DIR"), expected);
}

#[test]
fn tables_that_cannot_be_used() {
    let sample = Sample::new(4);
    let with = |csv: &str| {
        fs::write(sample.dataset(), csv).unwrap();
        sample.train()
    };
    check_train(
        &sample,
        with("id,image,tag1,confidence1\n1,1.png,red,0.5\nx,2.png,red,0.5\n"),
        "`DIR/dataset.csv` line 3, column `id`: `x` is not a whole number",
    );
    check_train(&sample, with("a,b\n"), "`DIR/dataset.csv` is not a dataset: its header has no column `id`");
    check_train(
        &sample,
        with("id,image,tag1,confidence1\n"),
        "the vocabulary is empty: no tag of `DIR/dataset.csv` occurs in 1 or more of its 0 training items",
    );
    check_train(
        &sample,
        with("id,image,tag1,confidence1\n1,1.mp4,red,0.5\n3,3.webm,red,0.5\n"),
        "the vocabulary is empty: no tag of `DIR/dataset.csv` occurs in 1 or more of its 0 training items",
    );
    fs::remove_file(sample.dataset()).unwrap();
    check_train(&sample, sample.train(), "there is no dataset at `DIR/dataset.csv`");
}

#[test]
fn settings_out_of_range() {
    let sample = Sample::new(1);
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut config = sample.train();
        change(&mut config.settings);
        config
    };
    check_train(&sample, with(&|s| s.epochs = 0), "`epochs` is out of range: it has to be 1 or more");
    check_train(
        &sample,
        with(&|s| s.learning_rate = f64::NAN),
        "`learning_rate` is out of range: it has to be positive",
    );
    check_train(
        &sample,
        with(&|s| s.image_size = 16),
        "`image_size` is out of range: it has to lie between 32 and 1024",
    );
}

/// Missing, empty, cut off, corrupt, huge and no pictures among good ones: counted, listed, left out.
#[test]
fn bad_pictures_are_left_out() {
    let sample = Sample::new(40);
    let train: Vec<i64> =
        (1..=40).filter(|id| crate::sample::side(*id) == tagmill_model::Split::Train).collect();
    let spoil = |index: usize, bytes: &[u8]| fs::write(sample.picture(train[index]), bytes).unwrap();
    fs::remove_file(sample.picture(train[0])).unwrap();
    spoil(1, b"");
    let whole = fs::read(sample.picture(train[2])).unwrap();
    spoil(2, &whole[..whole.len() / 2]);
    spoil(3, b"<!doctype html>");
    spoil(4, b"\xff\xd8\xff\xe0\x00\x10JFIF");
    image::RgbImage::new(200, 200).save(sample.picture(train[5])).unwrap();
    let mut config = sample.train();
    config.settings.epochs = 1;
    config.limits.max_pixels = 10_000;
    config.max_bad = Some(MaxBad::Count(4));
    check_train(
        &sample,
        config.clone(),
        "5 pictures are unusable, more than the 4 that may be; `DIR/models/first/bad_images.csv` lists them",
    );
    let list = || fs::read_to_string(sample.run().join("bad_images.csv")).unwrap();
    assert_eq!(list().lines().count(), 7);
    config.max_bad = Some(MaxBad::Count(5));
    let rows: Vec<_> = (1..=40)
        .map(|id| match id == train[6] {
            true => {
                tagmill_model::dataset::DatasetRow { image: MediaPath::parse("a.mp4").unwrap(), ..row(id) }
            }
            false => row(id),
        })
        .collect();
    sample.write(&rows);
    let report = train::run(config, &(), &on()).unwrap();
    let reasons: Vec<(&str, u64)> =
        report.bad_pictures.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
    let expected =
        ["corrupt", "empty", "missing", "too_large", "truncated", "unknown_format"].map(|reason| (reason, 1));
    assert_eq!(reasons, expected);
    assert_eq!((report.videos, report.train_pictures), (1, train.len() as u64 - 7));
    assert_eq!(list().lines().count(), 7);
    let missing = format!("{0},{0}.png,missing,the file is missing", train[0]);
    assert!(list().contains(&missing), "{}", list());
}

#[test]
fn no_good_picture_is_an_error() {
    let sample = Sample::new(20);
    fs::remove_dir_all(sample.media()).unwrap();
    let count = (1..=20).filter(|id| crate::sample::side(*id) == tagmill_model::Split::Train).count();
    check_train(
        &sample,
        sample.train(),
        &format!(
            "none of the {count} training pictures of `DIR/dataset.csv` can be used: {count} are missing below `DIR/media`, 0 are unusable"
        ),
    );
}

#[track_caller]
fn check_load(run: &Path, expected: &str) {
    let error = Tagger::load_on(run, Device::Cpu).err().unwrap().to_string();
    assert_eq!(error.replace(&run.display().to_string(), "RUN"), expected);
}

#[test]
fn run_folders_that_lack_or_mix_things() {
    let sample = Sample::new(30);
    let run = sample.run();
    check_load(&run, "`RUN` is not a finished run: it has no `config.json`");
    let mut config = sample.train();
    config.settings.epochs = 1;
    train::run(config.clone(), &(), &on()).unwrap();
    let away = sample.folder.path().join("away");
    for file in ["config.json", "model.safetensors", "selected_tags.csv", "thresholds.csv"] {
        fs::rename(run.join(file), &away).unwrap();
        check_load(&run, &format!("`RUN` is not a finished run: it has no `{file}`"));
        fs::rename(&away, run.join(file)).unwrap();
    }
    let with = |file: &str, contents: &[u8], expected: &str| {
        let kept = fs::read(run.join(file)).unwrap();
        fs::write(run.join(file), contents).unwrap();
        check_load(&run, expected);
        fs::write(run.join(file), kept).unwrap();
    };
    with(
        "selected_tags.csv",
        b"tag_id,name,category,count\n0,red,0,5\n",
        "`RUN/selected_tags.csv` is damaged: it has no content classes, as an earlier version left it; train the run anew",
    );
    let tags = |tags: &str| {
        let ratings = "0,sfw,9,5\n1,nsfw,9,5\n2,nsfl,9,5\n3,nsfp,9,5\n";
        format!("tag_id,name,category,count\n{ratings}{tags}").into_bytes()
    };
    with(
        "selected_tags.csv",
        &tags("4,red,0,5\n"),
        "`RUN/selected_tags.csv` does not belong to the model beside it: it has 5 rows, the model 8 outputs",
    );
    with(
        "selected_tags.csv",
        &tags("4,a,0,5\n5,b,0,5\n6,c,0,5\n7,d,0,5\n"),
        "`RUN/selected_tags.csv` does not belong to the model beside it: its contents changed since the training",
    );
    with(
        "selected_tags.csv",
        b"a,b\n1,2\n",
        "`RUN/selected_tags.csv` is damaged: CSV deserialize error: record 1 (line: 2, byte: 4): missing field `name`",
    );
    with(
        "thresholds.csv",
        b"category,threshold\n",
        "`RUN/thresholds.csv` is damaged: it has no threshold for category 0",
    );
    with(
        "config.json",
        b"{}",
        "`RUN/config.json` is damaged: missing field `architecture` at line 1 column 2",
    );
    let weights = fs::read(run.join("model.safetensors")).unwrap();
    with(
        "model.safetensors",
        &weights[..weights.len() / 2],
        "`RUN/model.safetensors` is damaged: incomplete metadata, file not fully covered",
    );
    let config = String::from_utf8(fs::read(run.join("config.json")).unwrap()).unwrap();
    with(
        "config.json",
        config.replace("\"architecture\": \"resnet18\"", "\"architecture\": \"resnet34\"").as_bytes(),
        "`RUN/model.safetensors` is damaged: it has no tensor `layer1.2.conv1.weight`",
    );
    assert!(Tagger::load_on(&run, Device::Cpu).is_ok());
}

#[test]
fn inputs_that_are_not_there() {
    let sample = Sample::new(20);
    let mut config = sample.train();
    config.settings.epochs = 1;
    train::run(config, &(), &on()).unwrap();
    let nowhere = sample.folder.path().join("nowhere.jpg");
    let error = predict::run(sample.predict(vec![nowhere.clone()]), &(), &on()).unwrap_err();
    assert!(matches!(error, Error::InputNotFound { path } if path == nowhere));
}
