use std::path::PathBuf;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{Args, Subcommand, ValueEnum};
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_importer::{Config, FolderTags, Placing, Report, Separator, Source, TextEncoding};
use tagmill_model::Flags;

use super::{create_folder, parse, runtime};
use crate::hint::hint;

/// Take pictures and tags that you have already into items.db and media/
///
/// Then prepare and train work as with a board's; download has nothing to do. Copies and links of one picture become one
/// item with the tags of all. Run again, it brings changed tags up to date and takes what is new. docs/import.md has
/// examples of each form.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Folder(FolderArgs),
    /// Import a file with a JSON object a line, such as an imagefolder's metadata.jsonl
    ///
    /// `file_name`, `image` or `path` names the picture; `tags` is a list of texts, a list of objects with `tag` or `name` and
    /// perhaps `confidence` or `score`, or a text with commas; `flags` or `rating` and `created` may say more. What `tagmill
    /// predict --output x.jsonl` writes is read too.
    Jsonl(ListArgs),
    /// Import a CSV file with a header
    ///
    /// `image`, `file_name` or `path` names the picture; `tags` has all tags with commas between them, or `tag1`, `tag2`, ... one
    /// each with `confidence1`, `confidence2`, ..., as in dataset.csv; `flags` or `rating` and `created` may say more.
    Csv(ListArgs),
}

/// Import a folder of pictures whose tags stand in text files beside them
///
/// The tags of photo.jpg stand in photo.txt, as sd-scripts have it, or in photo.jpg.txt, as Hydrus has it. All folders below
/// are looked into; links to files are followed, links to folders are not, and what is hidden is passed over.
#[derive(Debug, Args)]
struct FolderArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What says the tags: files beside the pictures, or the names of the folders that they are in, each a tag
    #[arg(long, value_enum, value_name = "WHAT", default_value = "sidecars")]
    tags_from: TagsFrom,
    /// What stands between two tags of a sidecar; auto takes commas for a file of one line, for one with a line that ends in
    /// a comma, and for one with a comma in each line, and lines for all others [default: auto]
    #[arg(long, value_enum, value_name = "WHAT")]
    separator: Option<SeparatorArg>,
    /// Encoding of sidecars without a byte order mark, such as windows-1252 [default: UTF-8; others are left out]
    #[arg(long, value_name = "NAME")]
    encoding: Option<TextEncoding>,
    #[command(flatten)]
    how: HowArgs,
}

/// A list of pictures.
#[derive(Debug, Args)]
struct ListArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Folder that its paths are relative to [default: the one that the file is in]
    #[arg(long, value_name = "DIR")]
    media_root: Option<PathBuf>,
    #[command(flatten)]
    how: HowArgs,
}

#[derive(Debug, Args)]
struct HowArgs {
    /// How pictures come into media/: link makes hard links, or copies where the file system allows none; reference makes
    /// symbolic links, for pictures that stay where they are
    #[arg(long, value_enum, value_name = "HOW", default_value = "link")]
    media: PlacingArg,
    /// Content class of pictures of which nothing says another: sfw, nsfw, nsfl, nsfp, pol, joined by commas
    #[arg(long, value_name = "CLASSES", default_value = "sfw")]
    flags: Flags,
    /// Take pictures without tags too
    #[arg(long)]
    untagged: bool,
    /// Write down all that was left out or is to be looked at, and why, as CSV: path,reason,detail
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Most pictures in one commit
    #[arg(long, value_name = "N", value_parser = parse::at_least_one::<usize>, default_value_t = 5000)]
    batch_size: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TagsFrom {
    Sidecars,
    Folders,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeparatorArg {
    Auto,
    Comma,
    Line,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlacingArg {
    Link,
    Copy,
    Reference,
}

impl From<SeparatorArg> for Separator {
    fn from(separator: SeparatorArg) -> Separator {
        match separator {
            SeparatorArg::Auto => Separator::Auto,
            SeparatorArg::Comma => Separator::Comma,
            SeparatorArg::Line => Separator::Line,
        }
    }
}

impl From<PlacingArg> for Placing {
    fn from(placing: PlacingArg) -> Placing {
        match placing {
            PlacingArg::Link => Placing::Link,
            PlacingArg::Copy => Placing::Copy,
            PlacingArg::Reference => Placing::Reference,
        }
    }
}

impl What {
    fn parts(self) -> (&'static str, Source, HowArgs) {
        match self {
            What::Folder(FolderArgs { folder, tags_from, separator, encoding, how }) => {
                let tags = match tags_from {
                    TagsFrom::Folders if separator.is_some() || encoding.is_some() => conflict(
                        "--separator and --encoding are of sidecars, and with --tags-from folders none is read",
                    ),
                    TagsFrom::Folders => FolderTags::Folders,
                    TagsFrom::Sidecars => {
                        let separator = separator.map_or(Separator::Auto, Separator::from);
                        FolderTags::Sidecars { separator, encoding }
                    }
                };
                ("import folder", Source::Folder { folder, tags }, how)
            }
            What::Jsonl(ListArgs { file, media_root, how }) => {
                ("import jsonl", Source::Jsonl { file, media_root }, how)
            }
            What::Csv(ListArgs { file, media_root, how }) => {
                ("import csv", Source::Csv { file, media_root }, how)
            }
        }
    }
}

/// For what clap cannot tell of arguments: ends the program as it would.
fn conflict(text: &str) -> ! {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("{text}\n")).exit()
}

pub(crate) fn run(args: ImportArgs, global: &GlobalArgs) -> Exit {
    let (stage, source, how) = args.what.parts();
    let session = Session::start(stage, global, hint);
    session.finish(import(source, how, global, &session))
}

fn import(source: Source, how: HowArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    let data = global.data();
    create_folder(data.folder())?;
    let config = Config {
        placing: how.media.into(),
        class: how.flags,
        untagged: how.untagged,
        rejects: how.rejects,
        batch_size: how.batch_size,
        ..Config::new(source, data.database(), data.media())
    };
    Ok(runtime()?.block_on(tagmill_importer::run(config, session.progress(), session.cancel()))?)
}
