//! What predict makes of a trained run, as an embedder calls it.

use std::fs;
use std::path::{Path, PathBuf};

use tagmill_model::Outcome;
use tagmill_model::picture::Limits;
use tagmill_trainer::predict::{
    self, Embeddings, ExistingFile, ExistingSidecar, Failure, Input, Inputs, PathSet, Prediction, Report,
    ScoredTag, Settings, SidecarStyle, Sidecars, Threshold,
};
use tagmill_trainer::{Device, Error, Picture, Tagger, train};
use tokio_util::sync::CancellationToken;

use crate::sample::{Sample, on};

/// A run that has hardly learned anything, and a folder of pictures beside it.
struct Workplace {
    sample: Sample,
    tagger: Tagger,
}

impl Workplace {
    fn new() -> Workplace {
        let sample = Sample::new(40);
        let mut config = sample.train();
        config.settings.epochs = 1;
        train::run(config, &(), &on()).unwrap();
        let tagger = Tagger::load_on(sample.run(), Device::Cpu).unwrap();
        Workplace { sample, tagger }
    }

    /// A folder with pictures of these names.
    fn inbox(&self, name: &str, pictures: &[&str]) -> PathBuf {
        let folder = self.sample.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        for (id, name) in (1..).zip(pictures) {
            fs::copy(self.sample.picture(id), folder.join(name)).unwrap();
        }
        folder
    }

    fn predict(&self, settings: &Settings, inputs: Inputs<'_>) -> (Report, Vec<Result<Prediction, Failure>>) {
        let mut results = Vec::new();
        let report =
            predict::stream(&self.tagger, settings, inputs, &mut |result| results.push(result), &(), &on());
        (report.unwrap(), results)
    }

    fn predict_folder(
        &self,
        settings: &Settings,
        folder: &Path,
    ) -> (Report, Vec<Result<Prediction, Failure>>) {
        self.predict(settings, Inputs::named(vec![folder.to_owned()]).unwrap())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_finished_run_is_used_in_all_ways() {
    let workplace = Workplace::new();
    tags_are_selected(&workplace);
    a_list_is_predicted(&workplace);
    sidecars_are_written(&workplace);
    vectors_are_those_of_the_tagger(&workplace);
    sidecars_and_vectors_are_both_there(&workplace);
    cancelled_and_gone_on_is_straight_through(&workplace);
}

fn tags_are_selected(workplace: &Workplace) {
    let Workplace { sample, tagger } = workplace;
    let scores = tagger.predict(&[sample.picture(1)]).unwrap().remove(0).unwrap();
    let select = |top: Option<usize>, threshold: Option<Threshold>| {
        let selector = tagger.selector(&predict::Selection { top, threshold }).unwrap();
        tagger.select(&scores, &selector).into_iter().map(|tag| tag.name).collect::<Vec<_>>()
    };
    let best = |count: usize| -> Vec<String> {
        tagger.best(&scores, count).into_iter().map(|tag: ScoredTag| tag.name).collect()
    };
    assert_eq!(select(Some(3), None), best(3));
    assert_eq!(select(None, None), best(4));
    let global = tagger.threshold();
    let above = scores.iter().filter(|score| **score >= global).count();
    assert_eq!(select(None, Some(Threshold::Global)), best(above));
    assert_eq!(select(None, Some(Threshold::Fixed(global))), best(above));

    // Each tag's own is read from the run.
    let file = sample.run().join("per_tag_thresholds.csv");
    let kept = fs::read_to_string(&file).unwrap();
    let (header, rows) = kept.split_once('\n').unwrap();
    let rows: String = rows
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            let threshold = if cells[1] == best(2)[1] { 0.0 } else { 1.0 };
            format!("{},{},{threshold},{}\n", cells[0], cells[1], cells[3])
        })
        .collect();
    fs::write(&file, format!("{header}\n{rows}")).unwrap();
    assert_eq!(select(None, Some(Threshold::PerTag)), best(2)[1..]);
    fs::remove_file(&file).unwrap();
    let selection = predict::Selection { top: None, threshold: Some(Threshold::PerTag) };
    let error = tagger.selector(&selection).unwrap_err();
    assert!(matches!(error, Error::IncompleteRun { file: "per_tag_thresholds.csv", .. }));
    fs::write(&file, kept).unwrap();
}

/// What a list names and cannot be used is one failure, and not the end.
fn a_list_is_predicted(workplace: &Workplace) {
    let folder = workplace.inbox("listed", &["b.png", "a.png"]);
    let list = format!("{0}/nowhere.png\n{0}\n", folder.display());
    let inputs = Inputs::with_list(vec!["-".into(), folder.join("b.png")], list.as_bytes()).unwrap();
    let (report, results) = workplace.predict(&Settings::default(), inputs);
    let found: Vec<(PathBuf, bool)> = results
        .into_iter()
        .map(|result| match result {
            Ok(prediction) => (prediction.path, true),
            Err(failure) => (failure.path, false),
        })
        .collect();
    let expected = [("nowhere.png", false), ("a.png", true), ("b.png", true), ("b.png", true)];
    assert_eq!(found, expected.map(|(name, good)| (folder.join(name), good)));
    assert_eq!((report.pictures, report.failures[0].reason.as_str()), (3, "missing"));
    let nowhere = vec![folder.join("nowhere.png")];
    assert!(matches!(Inputs::with_list(nowhere, &b""[..]).err().unwrap(), Error::InputNotFound { .. }));
}

fn sidecars_are_written(workplace: &Workplace) {
    let folder = workplace.inbox("sidecars", &["a.png", "a.jpeg", "b.png"]);
    fs::write(folder.join("b.txt"), "mine\n").unwrap();
    let with = |style: SidecarStyle, existing: ExistingSidecar| {
        let sidecars = Some(Sidecars { style, existing });
        let (report, results) =
            workplace.predict_folder(&Settings { sidecars, ..Settings::default() }, &folder);
        let tags = |result: Result<Prediction, Failure>| result.ok().map(|prediction| prediction.tags);
        let tags: Vec<Vec<String>> = results
            .into_iter()
            .filter_map(tags)
            .map(|tags| tags.into_iter().map(|tag| tag.name).collect())
            .collect();
        let reasons: Vec<String> = report.failures.into_iter().map(|failure| failure.reason).collect();
        (report.pictures, report.skipped, reasons, tags)
    };
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();

    let (pictures, skipped, reasons, tags) = with(SidecarStyle::SdScripts, ExistingSidecar::Refuse);
    assert_eq!((pictures, skipped), (1, 0));
    assert_eq!(reasons, ["sidecar_taken", "sidecar_exists"]);
    assert_eq!((read("a.txt"), read("b.txt")), (tags[0].join(", ") + "\n", "mine\n".to_owned()));
    assert_eq!(names(&folder), ["a.jpeg", "a.png", "a.txt", "b.png", "b.txt"]);

    // What is there is left alone, and the other picture of that name is not lost silently.
    let (pictures, skipped, reasons, _) = with(SidecarStyle::SdScripts, ExistingSidecar::Skip);
    assert_eq!((pictures, skipped, reasons.join(" ")), (0, 2, "sidecar_taken".to_owned()));

    let (_, _, _, tags) = with(SidecarStyle::SdScripts, ExistingSidecar::Append);
    let appended = format!("mine, {}\n", tags[1].join(", "));
    assert_eq!((read("a.txt"), read("b.txt")), (tags[0].join(", ") + "\n", appended.clone()));
    with(SidecarStyle::SdScripts, ExistingSidecar::Append);
    assert_eq!(read("b.txt"), appended);

    with(SidecarStyle::SdScripts, ExistingSidecar::Overwrite);
    assert_eq!(read("b.txt"), tags[1].join(", ") + "\n");

    let (pictures, _, reasons, tags) = with(SidecarStyle::Hydrus, ExistingSidecar::Refuse);
    assert_eq!((pictures, reasons.len()), (3, 0));
    assert_eq!(read("a.jpeg.txt"), tags[0].join("\n") + "\n");

    fs::write(folder.join("b.png.txt"), b"\xff").unwrap();
    let (_, _, reasons, _) = with(SidecarStyle::Hydrus, ExistingSidecar::Append);
    assert_eq!(reasons, ["sidecar_unwritable"]);
    assert_eq!(fs::read(folder.join("b.png.txt")).unwrap(), b"\xff");
}

fn vectors_are_those_of_the_tagger(workplace: &Workplace) {
    let Workplace { sample, tagger } = workplace;
    let folder = workplace.inbox("vectors", &["a.png", "b.png", "c.png"]);
    fs::write(folder.join("broken.png"), b"no picture").unwrap();
    let file = sample.folder.path().join("vectors.npy");
    let embeddings = Embeddings { file: file.clone(), existing: ExistingFile::Refuse };
    let settings = Settings { embeddings: Some(embeddings), ..Settings::default() };
    let (report, results) = workplace.predict_folder(&settings, &folder);
    assert_eq!((report.pictures, report.failures.len()), (3, 1));

    let paths = ["a.png", "b.png", "c.png"].map(|name| folder.join(name));
    let pictures = paths.each_ref().map(|path| Picture::open(path, 32, &Limits::default()).unwrap());
    let vectors = tagger.embed(&pictures).unwrap();
    assert_eq!((vectors.len(), vectors[0].len()), (3, tagger.features()));
    let data: Vec<u8> = vectors.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(fs::read(&file).unwrap()[128..], data);
    let listed = fs::read_to_string(file.with_extension("paths.csv")).unwrap();
    let rows = paths.each_ref().map(|path| path.display().to_string()).join("\n");
    assert_eq!(listed, format!("path\n{rows}\n"));

    // The tags are the same as without.
    let (_, plain) = workplace.predict_folder(&Settings::default(), &folder);
    assert_eq!(results, plain);
}

/// Each picture is done when its sidecar and its row are there; what is missing is made, and nothing twice.
fn sidecars_and_vectors_are_both_there(workplace: &Workplace) {
    let folder = workplace.inbox("both", &["a.png", "b.png", "c.png"]);
    let file = folder.join("vectors.npy");
    let predict = |sidecars: ExistingSidecar, vectors: ExistingFile| {
        let settings = Settings {
            sidecars: Some(Sidecars { style: SidecarStyle::SdScripts, existing: sidecars }),
            embeddings: Some(Embeddings { file: file.clone(), existing: vectors }),
            ..Settings::default()
        };
        let report = workplace.predict_folder(&settings, &folder).0;
        (report.pictures, report.skipped, report.failed_by_reason.into_iter().collect::<Vec<_>>())
    };
    let listed = || {
        let listed = fs::read_to_string(file.with_extension("paths.csv")).unwrap();
        let name = |line: &str| Path::new(line).file_name().unwrap().to_str().unwrap().to_owned();
        listed.lines().skip(1).map(name).collect::<Vec<_>>()
    };
    let exists = |count: u64| vec![("sidecar_exists".to_owned(), count)];
    let is_there = |name: &str| folder.join(name).exists();

    // A picture whose sidecar failed has no row, so that it is not taken for done.
    fs::write(folder.join("b.txt"), "mine").unwrap();
    assert_eq!(predict(ExistingSidecar::Refuse, ExistingFile::Refuse), (2, 0, exists(1)));
    assert_eq!(listed(), ["a.png", "c.png"]);
    assert_eq!(predict(ExistingSidecar::Refuse, ExistingFile::Resume), (0, 2, exists(1)));
    fs::remove_file(folder.join("b.txt")).unwrap();
    fs::create_dir(folder.join("b.txt")).unwrap();
    let (_, _, reasons) = predict(ExistingSidecar::Overwrite, ExistingFile::Resume);
    assert_eq!((reasons[0].0.as_str(), listed().len()), ("sidecar_unwritable", 2));
    fs::remove_dir(folder.join("b.txt")).unwrap();

    // A sidecar without a row, as a kill between the two leaves it.
    fs::write(folder.join("b.txt"), "mine").unwrap();
    assert_eq!(predict(ExistingSidecar::Skip, ExistingFile::Resume), (1, 2, vec![]));
    assert_eq!(listed(), ["a.png", "c.png", "b.png"]);
    assert_eq!(fs::read_to_string(folder.join("b.txt")).unwrap(), "mine");
    assert_eq!(predict(ExistingSidecar::Append, ExistingFile::Resume), (0, 3, vec![]));
    assert_eq!(fs::read_to_string(folder.join("b.txt")).unwrap(), "mine");

    // A row without a sidecar gets that alone.
    fs::remove_file(folder.join("c.txt")).unwrap();
    assert_eq!(predict(ExistingSidecar::Skip, ExistingFile::Resume), (1, 2, vec![]));
    assert!(is_there("c.txt"));
    assert_eq!(listed().len(), 3);

    // With other vectors, all pictures want a row, whatever becomes of their sidecars.
    assert_eq!(predict(ExistingSidecar::Skip, ExistingFile::Overwrite), (3, 0, vec![]));
    assert_eq!(listed(), ["a.png", "b.png", "c.png"]);
    assert_eq!(predict(ExistingSidecar::Append, ExistingFile::Overwrite), (3, 0, vec![]));
    assert!(fs::read_to_string(folder.join("b.txt")).unwrap().starts_with("mine, "));
}

/// Cancelled after the first batch, vectors and predictions are gone on with to the same end.
fn cancelled_and_gone_on_is_straight_through(workplace: &Workplace) {
    let sample = &workplace.sample;
    const PICTURES: u64 = 200;
    let folder = sample.folder.path().join("many");
    fs::create_dir_all(&folder).unwrap();
    for number in 0..PICTURES {
        fs::copy(sample.picture(number as i64 % 40 + 1), folder.join(format!("{number:03}.png"))).unwrap();
    }
    let at = |name: &str| sample.folder.path().join(name);
    let settings = |file: &str, existing: ExistingFile| Settings {
        embeddings: Some(Embeddings { file: at(file), existing }),
        ..Settings::default()
    };
    let whole = workplace.predict_folder(&settings("whole.npy", ExistingFile::Refuse), &folder).1;

    let cancel = CancellationToken::new();
    let (mut results, mut done) = (Vec::new(), PathSet::default());
    let mut keep = |result: Result<Prediction, Failure>| {
        done.insert(result.as_ref().unwrap().path.as_os_str().as_encoded_bytes());
        results.push(result);
        cancel.cancel();
    };
    let inputs = Inputs::named(vec![folder.clone()]).unwrap();
    let partly = settings("parts.npy", ExistingFile::Resume);
    // The more cores, the more pictures make a batch: on a large machine, one batch would have them all.
    let few_cores = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let run = sample.run();
    let stream = || {
        let tagger = Tagger::load_on(run, Device::Cpu).unwrap();
        predict::stream(&tagger, &partly, inputs, &mut keep, &(), &cancel).unwrap()
    };
    let report = few_cores.install(stream);
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!((1..PICTURES).contains(&report.pictures), "{}", report.pictures);

    let inputs = Inputs::named(vec![folder]).unwrap().without(done);
    let (rest, mut more) = workplace.predict(&partly, inputs);
    assert_eq!((rest.skipped, rest.pictures), (report.pictures, PICTURES - report.pictures));
    results.append(&mut more);
    assert_eq!(results, whole);
    for file in ["npy", "paths.csv"] {
        let read = |name: &str| fs::read(at(name).with_extension(file)).unwrap();
        assert_eq!(read("whole.npy"), read("parts.npy"));
    }
    let inputs = Inputs { items: Box::new(std::iter::repeat_n(Input::Done, 2)), total: None };
    assert_eq!(workplace.predict(&Settings::default(), inputs).0.skipped, 2);
}
