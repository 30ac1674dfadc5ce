use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_exporter::Renamed;
use tagmill_model::card::License;
use tagmill_model::export::hugging_face::{self, Config, Report};
use tagmill_model::staging::Existing;
use tagmill_model::{Flags, ItemId, printable};

use crate::hint::hint;

/// Hand on what was made, in the forms that others expect
///
/// Writes a trained run as a folder that timm, onnxruntime, TorchScript, sd-scripts and ComfyUI read, and in it imgutils/ for
/// imgutils, whole or not at all; docs/interop.md has an example for each. `tagmill export hf` hands on the training table.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "tagmill export [OPTIONS] --to <DIR> [RUN]\n       tagmill export hf [OPTIONS] <DIR>"
)]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// Name of the run: the folder below models/
    #[arg(value_name = "RUN", default_value = tagmill_cli::DEFAULT_RUN)]
    run: String,
    /// Folder to write the run into
    #[arg(long, value_name = "DIR", required = true)]
    to: Option<PathBuf>,
    /// Fold the names of tags to ASCII, for tools that open lists without an encoding, such as ComfyUI's on Windows
    #[arg(long)]
    ascii: bool,
    /// Licence that you give the model, by its identifier on the hub, such as apache-2.0 [default: unknown]
    #[arg(long, value_name = "ID")]
    license: Option<License>,
    /// Replace what an export wrote where the folder is not empty; all else in it stays, such as .git
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    Hf(HfArgs),
}

/// Make dataset.csv a dataset for the Hugging Face hub
///
/// Writes data/train-*.parquet, data/test-*.parquet and the dataset card README.md, whole or not at all. Each item has its
/// tags as a list, and their confidences as another. The test split is the one that training holds out by default; the
/// pictures are not copied, and there are no names of users and no comments in it.
#[derive(Debug, Args)]
struct HfArgs {
    /// Folder to write the dataset into
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Licence that you give the dataset, by its identifier on the hub, such as cc-by-4.0 [default: unknown]
    #[arg(long, value_name = "ID")]
    license: Option<License>,
    /// Title of the dataset card
    #[arg(long, value_name = "TEXT", default_value = "Tags of an imageboard")]
    title: String,
    /// Content classes to hand on: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    ///
    /// An item is left out when its flags or people's tags name another class, or when nobody classed it; `all` takes every
    /// item.
    #[arg(long, value_name = "CLASSES", default_value = "sfw")]
    flags: Flags,
    /// File of items to leave out, such as those that somebody asked to be taken out: an id a line, `#` begins a remark
    #[arg(long, value_name = "FILE")]
    omit: Option<PathBuf>,
    /// Replace README.md and data/ where the folder is not empty; all else in it stays, such as .git
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: ExportArgs, global: &GlobalArgs) -> Exit {
    match args {
        ExportArgs { what: Some(What::Hf(args)), .. } => {
            let session = Session::start("export hf", global, hint);
            session.finish(export_hf(args, global, &session))
        }
        ExportArgs { what: None, run, to, ascii, license, force } => {
            let session = Session::start("export", global, hint);
            let to = to.expect("clap asks for it where there is no subcommand");
            let config = tagmill_exporter::Config {
                ascii,
                license,
                existing: existing(force),
                ..tagmill_exporter::Config::new(global.data().run(&run), to)
            };
            let report = tagmill_exporter::run(&config, session.progress(), session.cancel());
            if let Ok(report) = &report {
                tell_names(report, &session);
            }
            session.finish(report.map_err(Into::into))
        }
    }
}

/// Names that changed, as far as a person wants to read them; the JSON report has them all.
fn tell_names(report: &tagmill_exporter::Report, session: &Session) {
    const SHOWN: usize = 10;
    for Renamed { from, to } in report.renamed.iter().take(SHOWN) {
        session.warn(&format!("`{}` is called `{}` there", printable(from), printable(to)));
    }
    match report.renamed.len().saturating_sub(SHOWN) {
        0 => {}
        more => session.warn(&format!("{more} more tags have other names there; --json lists them all")),
    }
}

fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Refuse }
}

fn export_hf(args: HfArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    let config = Config {
        license: args.license,
        title: args.title,
        classes: args.flags,
        omit: args.omit.as_deref().map(ids_in).transpose()?.unwrap_or_default(),
        existing: existing(args.force),
        ..Config::new(global.data().dataset(), args.folder)
    };
    Ok(hugging_face::run(&config, session.progress(), session.cancel())?)
}

/// The ids in a file, one a line.
fn ids_in(file: &Path) -> Result<HashSet<ItemId>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let lines = text.lines().enumerate().map(|(number, line)| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let context = || format!("`{}` line {}: `{line}` is no item's id", file.display(), number + 1);
        if line.is_empty() { Ok(None) } else { line.parse().map(|id| Some(ItemId(id))).with_context(context) }
    });
    lines.filter_map(Result::transpose).collect()
}
