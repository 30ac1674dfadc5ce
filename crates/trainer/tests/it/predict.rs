//! What predict makes of a trained run, as an embedder calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use tagmill_model::Outcome;
use tagmill_model::picture::Limits;
use tagmill_trainer::predict::{
    self, Embeddings, ExistingFile, ExistingSidecar, Failure, Inputs, Output, OutputFormat, Prediction,
    Report, ScoredTag, Settings, SidecarStyle, Sidecars, Threshold,
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

    /// Predicts a folder up to some pictures at the most: no more come until the run is cancelled, whatever makes a batch.
    fn cancelled_after(&self, pictures: usize, settings: &Settings, folder: &Path) -> Report {
        let cancel = CancellationToken::new();
        let (go_on, waiting) = channel();
        let inputs = Inputs::named(vec![folder.to_owned()]).unwrap();
        let items = inputs.items.enumerate().map(move |(index, input)| {
            if index == pictures {
                waiting.recv().unwrap();
            }
            input
        });
        let inputs = Inputs { items: Box::new(items), total: None };
        let mut cancel_it = |_| {
            cancel.cancel();
            // Where all have come, nobody waits for it any more.
            let _ = go_on.send(());
        };
        predict::stream(&self.tagger, settings, inputs, &mut cancel_it, &(), &cancel).unwrap()
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
    stopped_and_gone_on_is_straight_through(&workplace);
}

fn tags_are_selected(workplace: &Workplace) {
    let Workplace { sample, tagger } = workplace;
    let scores = tagger.predict(&[sample.picture(1)]).unwrap().remove(0).unwrap().tags;
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
    // For files, always as many go through the network at once.
    let pictures =
        paths.iter().cycle().take(32).map(|path| Picture::open(path, 32, &Limits::default()).unwrap());
    let mut vectors = tagger.embed(&pictures.collect::<Vec<_>>()).unwrap();
    vectors.truncate(3);
    assert_eq!(vectors[0].len(), tagger.features());
    let data: Vec<u8> = vectors.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(fs::read(&file).unwrap()[128..], data);
    let listed = fs::read_to_string(file.with_extension("paths.csv")).unwrap();
    let rows = paths.each_ref().map(|path| path.display().to_string()).join("\n");
    assert_eq!(listed, format!("path\n{rows}\n"));

    // The tags are the same as without, the last bits of their scores aside.
    let (_, plain) = workplace.predict_folder(&Settings::default(), &folder);
    for (one, other) in
        results.iter().zip(&plain).filter_map(|(one, other)| Some((one.as_ref().ok()?, other.as_ref().ok()?)))
    {
        let names =
            |prediction: &Prediction| prediction.tags.iter().map(|tag| tag.name.clone()).collect::<Vec<_>>();
        assert_eq!((&one.path, names(one)), (&other.path, names(other)));
    }
    assert_eq!(results.len(), plain.len());
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

/// The files of a run, cancelled once it has done some pictures, or not at all.
struct Files {
    folder: PathBuf,
    format: OutputFormat,
}

impl Files {
    fn new(workplace: &Workplace, name: &str, format: OutputFormat) -> Files {
        let folder = workplace.sample.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        Files { folder, format }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn settings(&self) -> Settings {
        let existing = ExistingFile::Resume;
        Settings {
            embeddings: Some(Embeddings { file: self.at("vectors.npy"), existing }),
            output: Some(Output { file: self.at("tags"), format: self.format, existing }),
            ..Settings::default()
        }
    }

    fn bytes(&self) -> [Vec<u8>; 3] {
        ["vectors.npy", "vectors.paths.csv", "tags"].map(|name| fs::read(self.at(name)).unwrap())
    }
}

/// Cancelled after each batch, or killed anywhere while it writes, a run is gone on with to the same files.
fn stopped_and_gone_on_is_straight_through(workplace: &Workplace) {
    let folder = workplace.sample.folder.path().join("many");
    fs::create_dir(&folder).unwrap();
    for number in 0..50_i64 {
        fs::copy(workplace.sample.picture(number % 40 + 1), folder.join(format!("{number:03}, a.png")))
            .unwrap();
    }
    // Not to be found in the files, whatever is tried again.
    fs::write(folder.join("010.png"), b"no picture").unwrap();
    let predict = |files: &Files| workplace.predict_folder(&files.settings(), &folder).0;
    let done = |report: &Report| (report.pictures, report.skipped, report.failed);
    for format in [OutputFormat::Jsonl, OutputFormat::Csv, OutputFormat::Txt] {
        let whole = Files::new(workplace, &format!("whole {format:?}"), format);
        assert_eq!(done(&predict(&whole)), (50, 0, 1));
        let expected = whole.bytes();
        // The last of a CSV file might lack rows, for all that anybody knows.
        let again = if format == OutputFormat::Csv { (1, 49, 1) } else { (0, 50, 1) };
        assert_eq!(done(&predict(&whole)), again);
        assert!(whole.bytes() == expected, "{format:?}");

        // A kill leaves any beginning of what was written last.
        let killed = Files::new(workplace, &format!("killed {format:?}"), format);
        let length = expected[2].len();
        let row = expected[2][..length / 2].iter().rposition(|&byte| byte == b'\n').unwrap();
        // The beginning of a first line of text may be anything, and is refused.
        let first = if format == OutputFormat::Txt { length / 4 } else { 40 };
        for kept in [0, first, length / 3, row, row + 1, row + 2, length - 1] {
            for (name, bytes) in ["vectors.npy", "vectors.paths.csv"].iter().zip(&expected) {
                fs::write(killed.at(name), bytes).unwrap();
            }
            fs::write(killed.at("tags"), &expected[2][..kept]).unwrap();
            let report = predict(&killed);
            assert_eq!((report.pictures + report.skipped, report.failed), (50, 1), "{format:?} {kept}");
            assert!(killed.bytes() == expected, "{format:?} {kept}");
        }

        let cancelled = Files::new(workplace, &format!("cancelled {format:?}"), format);
        let report = workplace.cancelled_after(20, &cancelled.settings(), &folder);
        assert_eq!(report.outcome, Outcome::Cancelled);
        assert!((1..=20).contains(&report.pictures), "{}", report.pictures);
        let rest = predict(&cancelled);
        assert_eq!(rest.pictures + rest.skipped, 50);
        assert!((50 - report.pictures..50).contains(&rest.pictures), "{}", rest.pictures);
        assert!(cancelled.bytes() == expected, "{format:?}");
    }
}
