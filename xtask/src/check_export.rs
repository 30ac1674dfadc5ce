//! Whether other taggers' tools read what `tagmill export` writes: by their own code, installed from PyPI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::board::Board;
use crate::cargo::{ALL_STAGES, build_release, check, root};
use crate::setup;
use crate::stage::Finished;

/// The tools, pinned. Their torch is a CUDA build on Linux, which PyPI has no other of: 3 GB, once.
const REQUIREMENTS: &str = include_str!("check_export/requirements.txt");
const PICTURES: &str = include_str!("check_export/pictures.py");
const CHECK: &str = include_str!("check_export/check.py");

/// How many pictures are compared.
const COUNT: &str = "50";

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A run of your own, models/NAME in a data folder with media/, instead of a small one that is made for it
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let run = options.run.as_deref().map(Run::at).transpose()?;
    let work = root().join("target/check-export");
    fs::create_dir_all(&work).with_context(|| format!("cannot create `{}`", work.display()))?;
    let python = environment(&work.join("venv"))?;
    setup::run()?;
    let binaries = build_release(&ALL_STAGES)?;
    let run = run.map_or_else(|| small_run(&binaries, &work.join("data")), Ok)?;

    let tagmill = binaries.join("tagmill");
    let [model, ascii, originals, resized, scores] =
        ["model", "ascii", "originals", "resized", "scores.jsonl"].map(|name| work.join(name));
    let [model_text, ascii_text, originals_text, resized_text, scores_text] =
        [&model, &ascii, &originals, &resized, &scores].map(|path| path.to_string_lossy().into_owned());
    let export = ["--force", "--license", "cc0-1.0", "--to"];
    Finished::of(
        &tagmill,
        &run.data,
        "export",
        &[&[run.name.as_str()], &export[..], &[&model_text]].concat(),
    )?;
    Finished::of(
        &tagmill,
        &run.data,
        "export",
        &[&[run.name.as_str(), "--ascii"], &export[..], &[&ascii_text]].concat(),
    )?;
    let mut pictures = Command::new(&python);
    pictures.args(["-c", PICTURES]).arg(run.data.join("media")).args([&originals, &resized]);
    check(pictures.args([run.image_size(&model)?.as_str(), COUNT]))
        .context("there are no pictures to compare")?;
    let predict = ["--run", &run.name, "--threshold", "0", "--overwrite", "--output", &scores_text];
    Finished::of(
        &tagmill,
        &run.data,
        "predict",
        &[&predict[..], &[&originals_text, &resized_text]].concat(),
    )?;
    let mut compare = Command::new(&python);
    compare.args(["-c", CHECK]).args([&model, &ascii, &originals, &resized, &scores]);
    let status = compare.status().with_context(|| format!("cannot start `{}`", python.display()))?;
    ensure!(status.success(), "not every tool reads the export as tagmill means it");
    println!("passed: every tool reads the export as tagmill means it");
    Ok(())
}

/// A run, by the folder that `--data-dir` names and its own name.
struct Run {
    data: PathBuf,
    name: String,
}

impl Run {
    fn at(folder: &Path) -> Result<Run> {
        let whole =
            folder.canonicalize().with_context(|| format!("there is no run in `{}`", folder.display()))?;
        let name = whole.file_name().and_then(|name| name.to_str());
        let models = whole.parent().filter(|models| models.file_name().is_some_and(|name| name == "models"));
        match (name, models.and_then(Path::parent)) {
            (Some(name), Some(data)) => Ok(Run { data: data.to_owned(), name: name.to_owned() }),
            _ => anyhow::bail!("`{}` is not models/NAME in a data folder", folder.display()),
        }
    }

    /// The side of its pictures, as its export says.
    fn image_size(&self, exported: &Path) -> Result<String> {
        let file = exported.join("config.json");
        let config = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let config: Value = serde_json::from_slice(&config)?;
        let size = config["pretrained_cfg"]["input_size"][1].as_u64();
        Ok(size.with_context(|| format!("`{}` names no size", file.display()))?.to_string())
    }
}

/// A run of a few hundred items and one epoch, as a user would make it.
fn small_run(binaries: &Path, data: &Path) -> Result<Run> {
    fs::create_dir_all(data).with_context(|| format!("cannot create `{}`", data.display()))?;
    let run = Run { data: data.to_owned(), name: "tagger".to_owned() };
    let tagmill = binaries.join("tagmill");
    let board = Board::start(binaries, &json!({ "items": 600 }))?;
    Finished::of(&tagmill, data, "fetch", &["--api-url", &board.api_url])?;
    Finished::of(&tagmill, data, "prepare", &[])?;
    Finished::of(&tagmill, data, "download", &["--media-url", &board.media_url])?;
    // What today's trainer writes is to be exported, not what an earlier one wrote.
    let small = ["--overwrite", "--epochs", "1", "--image-size", "64"];
    let network = ["--architecture", "resnet18", "--precision", "float32"];
    Finished::of(&tagmill, data, "train", &[&small[..], &network].concat())?;
    Finished::of(&tagmill, data, "validate", &["--resamples", "100"])?;
    Ok(run)
}

/// A virtual environment with the tools, made where it is not there as it is wanted; its interpreter.
fn environment(folder: &Path) -> Result<PathBuf> {
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last: an environment that was not finished has none.
    let wanted = folder.join("requirements.txt");
    if fs::read_to_string(&wanted).is_ok_and(|there| there == REQUIREMENTS) {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    println!("the tools: fetching about 3 GB from PyPI, once");
    check(Command::new("python3").args(["-m", "venv"]).arg(folder))
        .context("no virtual environment can be made: install python3 with venv (on Debian `apt install python3-venv`)")?;
    let list = folder.join("wanted.txt");
    fs::write(&list, REQUIREMENTS).with_context(|| format!("cannot write `{}`", list.display()))?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--retries",
        "2",
    ]);
    check(pip.arg("--requirement").arg(&list)).context(
        "the tools could not be installed: can PyPI be reached, is Python 3.10 to 3.12, and are there 6 GB of free disk?",
    )?;
    fs::rename(&list, &wanted).with_context(|| format!("cannot write `{}`", wanted.display()))?;
    Ok(python)
}
