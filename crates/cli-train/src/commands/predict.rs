use std::io::{self, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_trainer::predict::{
    Config, Embeddings, ExistingFile, ExistingSidecar, Failure, Inputs, Prediction, Report, SIDECAR_EXISTS,
    Selection, Settings, SidecarStyle, Sidecars, Threshold, stream,
};

use super::DeviceArgs;
use crate::hint::hint;

mod format;

use format::Format;

/// Tag pictures
///
/// Prints the likeliest tags of each picture with their scores. Folders are searched with all below them; `-` reads paths from
/// stdin, one a line, or separated by NULs.
#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// Pictures, folders of pictures, and `-` for a list on stdin
    #[arg(required = true, value_name = "PATH")]
    inputs: Vec<PathBuf>,
    /// Name of the run: the folder below models/
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_RUN)]
    run: String,
    /// How many tags to name for a picture at most [default: 5, or with --threshold all that pass]
    #[arg(long, value_name = "K", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    top: Option<usize>,
    /// From which score on to name a tag: a number from 0 to 1; the run's own one for all tags (global), the one at which
    /// precision and recall are equal (balanced), or each tag's (per-tag); or where a picture's scores have their widest gap
    /// (mcut)
    #[arg(long, value_name = "SCORE|NAME")]
    threshold: Option<Threshold>,
    /// How to print predictions on stdout; json is the whole report, as --json [default: table; nothing with --sidecar or
    /// --embed]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
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
    /// Go on with the file of --embed: pictures that stand in it are skipped
    #[arg(long, requires = "embed", conflicts_with = "overwrite")]
    resume: bool,
    /// Replace sidecars and files that are there
    #[arg(long)]
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
    let global = GlobalArgs { json: global.json || args.format == Some(Format::Json), ..global.clone() };
    let has_other_output = args.sidecar.is_some() || args.embed.is_some();
    let format = match args.format {
        Some(Format::Json) => Some(Format::Json),
        Some(_) if global.json => {
            let text = "--json and --format both print to stdout: leave one of them out\n";
            clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, text).exit()
        }
        Some(format) => Some(format),
        None if has_other_output => None,
        None if global.json => Some(Format::Json),
        None => Some(Format::Table),
    };
    let session = Session::start("predict", &global, hint);
    let session = if format.is_some() { session.with_data_on_stdout() } else { session };
    match predict(args, &global, format, &session) {
        Ok(None) => Exit::Done,
        Ok(Some(report)) => {
            if report.failures.iter().any(|failure| failure.reason == SIDECAR_EXISTS) {
                session.warn(
                    "hint: --skip-existing, --append or --overwrite say what to do with sidecars that exist",
                );
            }
            session.finish(Ok(report))
        }
        Err(error) => session.finish::<Report>(Err(error)),
    }
}

/// `None` where nobody reads stdout any more, as after `head`.
fn predict(
    args: &PredictArgs,
    global: &GlobalArgs,
    format: Option<Format>,
    session: &Session,
) -> Result<Option<Report>> {
    let config = Config {
        settings: settings(args),
        device: args.device.device,
        threads: args.device.threads(),
        ..Config::new(global.data().run(&args.run), args.inputs.clone())
    };
    let tagger = config.tagger()?;
    let inputs = match Inputs::name_a_list(&config.inputs) {
        true => Inputs::with_list(config.inputs, BufReader::new(io::stdin()))?,
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

fn settings(args: &PredictArgs) -> Settings {
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
    let embeddings = args.embed.clone().map(|file| Embeddings {
        file,
        existing: match () {
            () if args.resume => ExistingFile::Resume,
            () if args.overwrite => ExistingFile::Overwrite,
            () => ExistingFile::Refuse,
        },
    });
    Settings { selection, sidecars, embeddings, ..Settings::default() }
}
