use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use clap::{ArgGroup, Args, ValueEnum};
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_trainer::predict::{
    Config, Embeddings, ExistingFile, ExistingSidecar, Failure, Inputs, Output, OutputFormat, Prediction,
    Report, SIDECAR_EXISTS, Selection, Settings, SidecarStyle, Sidecars, Threshold, stream,
};

use super::DeviceArgs;
use crate::hint::hint;

mod format;
mod stdin;

use format::Format;

/// Tag pictures
///
/// Prints the likeliest tags of each picture with their scores. Folders are searched with all below them; `-` reads paths from
/// stdin, one a line, or separated by NULs.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("files").args(["sidecar", "embed", "output"]).multiple(true),
    group = ArgGroup::new("growing files").args(["embed", "output"]).multiple(true)
)]
pub(crate) struct PredictArgs {
    /// Pictures, folders of pictures, and `-` for a list on stdin
    #[arg(required = true, value_name = "PATH")]
    inputs: Vec<PathBuf>,
    /// Name of the run: the folder below models/
    #[arg(long, value_name = "NAME", default_value = tagmill_cli::DEFAULT_RUN)]
    run: String,
    /// How many tags to name for a picture at most [default: 5, or with --threshold all that pass]
    #[arg(long, value_name = "K", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    top: Option<usize>,
    /// From which score on to name a tag: a number from 0 to 1; the run's own one for all tags (global), the one at which
    /// precision and recall are equal (balanced), or each tag's (per-tag); or where a picture's scores have their widest gap
    /// (mcut)
    #[arg(long, value_name = "SCORE|NAME")]
    threshold: Option<Threshold>,
    /// How to print predictions on stdout, or to write them to --output; json is the whole report, as --json [default: table;
    /// nothing on stdout with --output, --sidecar or --embed]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write predictions to this file, as jsonl, csv or txt: by --format, or by the ending of FILE
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a text file with the tags beside each picture
    #[arg(long, value_enum, value_name = "STYLE")]
    sidecar: Option<Style>,
    /// Leave pictures alone whose sidecar is there
    #[arg(long, requires = "sidecar", conflicts_with_all = ["append", "overwrite"])]
    skip_existing: bool,
    /// Add to sidecars that are there the tags that they lack
    #[arg(long, requires = "sidecar", conflicts_with = "overwrite")]
    append: bool,
    /// Write the feature vectors of all pictures to this file for numpy, their paths to FILE with the ending .paths.csv
    #[arg(long, value_name = "FILE")]
    embed: Option<PathBuf>,
    /// Go on with the files of --output and --embed: what stands in them is not made again
    #[arg(long, requires = "growing files", conflicts_with = "overwrite")]
    resume: bool,
    /// Replace sidecars and files that are there
    #[arg(long, requires = "files")]
    overwrite: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Whom sidecars are for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Style {
    /// photo.txt: one line, tags joined by commas
    SdScripts,
    /// photo.jpg.txt: one tag a line
    Hydrus,
}

pub(crate) fn run(args: &PredictArgs, global: &GlobalArgs) -> Exit {
    let output = output_format(args);
    let has_tags = output.is_some() || args.sidecar.is_some();
    if args.embed.is_some() && !has_tags && args.format.is_none() && args.chooses_tags() {
        conflict(
            "--top and --threshold choose tags, and --embed alone writes none: add --output or --sidecar",
        );
    }
    let global = GlobalArgs { json: global.json || args.format == Some(Format::Json), ..global.clone() };
    let format = match args.format {
        _ if output.is_some() => None,
        Some(Format::Json) => Some(Format::Json),
        Some(_) if global.json => conflict("--json and --format both print to stdout: leave one of them out"),
        Some(format) => Some(format),
        None if has_tags || args.embed.is_some() => None,
        None if global.json => Some(Format::Json),
        None => Some(Format::Table),
    };
    let session = Session::start("predict", &global, hint);
    let session = if format.is_some() { session.with_data_on_stdout() } else { session };
    match predict(args, &global, output, format, &session) {
        Ok(None) => Exit::Done,
        Ok(Some(report)) => {
            if report.failed_by_reason.contains_key(SIDECAR_EXISTS) {
                session.warn(
                    "hint: --skip-existing, --append or --overwrite say what to do with sidecars that exist",
                );
            }
            session.finish(Ok(report))
        }
        Err(error) => session.finish::<Report>(Err(error)),
    }
}

impl PredictArgs {
    fn chooses_tags(&self) -> bool {
        self.top.is_some() || self.threshold.is_some()
    }

    /// What becomes of files that grow.
    fn existing_file(&self) -> ExistingFile {
        match () {
            () if self.resume => ExistingFile::Resume,
            () if self.overwrite => ExistingFile::Overwrite,
            () => ExistingFile::Refuse,
        }
    }
}

/// The format of the file that predictions are to be written to, where they are.
fn output_format(args: &PredictArgs) -> Option<OutputFormat> {
    let file = args.output.as_ref()?;
    let format = match args.format {
        Some(format) => format.rows(),
        None => OutputFormat::of_ending(file),
    };
    if format.is_none() {
        conflict("--output writes jsonl, csv or txt: name one by --format, or by the ending of the file");
    }
    format
}

/// For what clap cannot tell of arguments: ends the program as it would.
fn conflict(text: &str) -> ! {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("{text}\n")).exit()
}

/// `None` where nobody reads stdout any more, as after `head`.
fn predict(
    args: &PredictArgs,
    global: &GlobalArgs,
    output: Option<OutputFormat>,
    format: Option<Format>,
    session: &Session,
) -> Result<Option<Report>> {
    let config = Config {
        settings: settings(args, output),
        device: args.device.device,
        threads: args.device.threads(),
        ..Config::new(global.data().run(&args.run), args.inputs.clone())
    };
    let tagger = config.tagger()?;
    let inputs = match Inputs::name_a_list(&config.inputs) {
        true => {
            let cancel = session.cancel().clone();
            Inputs::with_list(config.inputs, stdin::until(move || cancel.is_cancelled()))?
        }
        false => Inputs::named(config.inputs)?,
    };
    let width = io::stdout().is_terminal().then(|| usize::from(console::Term::stdout().size().1));
    let mut predictions = Vec::new();
    let mut written = format.map_or(Ok(()), |format| io::stdout().write_all(format.header()));
    let mut sink = |result: Result<Prediction, Failure>| {
        if let Err(failure) = &result {
            session.warn(&format!("`{}` could not be used: {}", failure.path.display(), failure.error));
        }
        match (format, result) {
            (Some(Format::Json), result) => predictions.extend(result.ok()),
            (Some(format), result) if written.is_ok() => {
                written = io::stdout().write_all(&format.text(&result, width));
                if written.is_err() {
                    session.cancel().cancel();
                }
            }
            _ => {}
        }
    };
    // Where predictions scroll by, a bar below them is only in the way.
    let progress = if width.is_some() && format.is_some() { &() } else { session.progress() };
    let report = stream(&tagger, &config.settings, inputs, &mut sink, progress, session.cancel())?;
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        written => {
            written?;
            Ok(Some(Report { predictions, ..report }))
        }
    }
}

fn settings(args: &PredictArgs, output: Option<OutputFormat>) -> Settings {
    let selection = match (args.top, args.threshold) {
        (None, None) => Selection::default(),
        (top, threshold) => Selection { top, threshold },
    };
    let sidecars = args.sidecar.map(|style| Sidecars {
        style: match style {
            Style::SdScripts => SidecarStyle::SdScripts,
            Style::Hydrus => SidecarStyle::Hydrus,
        },
        existing: match () {
            () if args.skip_existing => ExistingSidecar::Skip,
            () if args.append => ExistingSidecar::Append,
            () if args.overwrite => ExistingSidecar::Overwrite,
            () => ExistingSidecar::Refuse,
        },
    });
    let existing = args.existing_file();
    let embeddings = args.embed.clone().map(|file| Embeddings { file, existing });
    let output = args.output.clone().zip(output).map(|(file, format)| Output { file, format, existing });
    Settings { selection, sidecars, embeddings, output, ..Settings::default() }
}
