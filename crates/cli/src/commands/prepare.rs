use std::convert::Infallible;
use std::fmt::Display;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_model::Flags;
use tagmill_model::dataset::DatasetFormat;
use tagmill_preparer::tags::{self, Doubles};
use tagmill_preparer::{Config, ItemFilter, Report, TagRules};

use super::{create_folder, parse, runtime};
use crate::hint::hint;

/// Turn items.db into the training table dataset.csv
///
/// The one place where tags are interpreted: cleaned, merged, sorted by confidence. Items with too few tags are left out and
/// counted by reason. The database is only read. The same database and flags give the same bytes. docs/prepare.md shows
/// every flag at work.
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// Take over what has not changed since the last run; the bytes are those of a run without it
    #[arg(long, conflicts_with_all = ["limit", "rejects", "min_tag_count", "drop_trash"])]
    incremental: bool,
    /// Write down which items are left out, and why, as CSV: id,reason,detail
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Form of the table: dataset.csv, which training reads, or dataset.parquet with the same rows and columns
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Content classes to keep: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    #[arg(long, value_name = "CLASSES", default_value = "all", help_heading = "Which items")]
    flags: Flags,
    /// Keep videos too
    #[arg(long, help_heading = "Which items")]
    videos: bool,
    /// Only items of the top feed
    #[arg(long, help_heading = "Which items")]
    promoted: bool,
    /// Only items uploaded on this day or later, such as 2024-03-17 or `2024-03-17 12:00:00`, UTC
    #[arg(long, value_name = "DATE", value_parser = parse::date, help_heading = "Which items")]
    since: Option<i64>,
    /// Only items uploaded before this day
    #[arg(long, value_name = "DATE", value_parser = parse::date, help_heading = "Which items")]
    until: Option<i64>,
    /// Only items with so many more up votes than down votes
    #[arg(long, value_name = "VOTES", allow_negative_numbers = true, help_heading = "Which items")]
    min_score: Option<i64>,
    /// Only items whose shorter side has so many pixels
    #[arg(long, value_name = "PIXELS", help_heading = "Which items")]
    min_size: Option<u32>,
    /// Only items whose longer side has no more pixels
    #[arg(long, value_name = "PIXELS", help_heading = "Which items")]
    max_size: Option<u32>,
    /// Only items whose longer side is at most so many times the shorter one, such as 3 or 1.78
    #[arg(long, value_name = "RATIO", value_parser = parse::ratio, help_heading = "Which items")]
    max_aspect: Option<f64>,
    /// Leave out items with fewer usable tags
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Which items")]
    min_tags: usize,
    /// Keep a share of the items, from 0 to 1: always the same ones, by a hash of their ids
    #[arg(long, value_name = "FRACTION", value_parser = parse::fraction, help_heading = "Which items")]
    sample: Option<f64>,
    /// Stop after this many rows
    #[arg(long, value_name = "N", value_parser = parse::at_least_one::<u64>, help_heading = "Which items")]
    limit: Option<u64>,

    /// Tags that an item keeps, those of the highest confidence
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = parse::at_least_one::<usize>, help_heading = "Which tags")]
    max_tags: usize,
    /// Leave out tags of a lower confidence, from 0 to 1; 0.21 leaves out those that only their author voted for
    #[arg(long, value_name = "CONFIDENCE", default_value_t = 0.0, value_parser = confidence, help_heading = "Which tags")]
    min_confidence: f32,
    /// Leave out tags with fewer or more characters [default: 2..64]
    #[arg(long, value_name = "MIN..MAX", value_parser = parse::lengths, help_heading = "Which tags")]
    tag_length: Option<(usize, usize)>,
    /// Keep only tags that match this regular expression [default: letters and digits of any script, blanks and -_'.]
    #[arg(long, value_name = "REGEX", help_heading = "Which tags")]
    tag_pattern: Option<String>,
    /// Leave out the tags in this file, one a line
    #[arg(long, value_name = "FILE", help_heading = "Which tags")]
    drop: Option<PathBuf>,
    /// Leave out tags of these categories, such as artist,meta; boards like pr0gramm have none
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new(), help_heading = "Which tags")]
    drop_categories: Vec<String>,
    /// Leave out tags that would be in fewer rows; reads the database twice
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Which tags")]
    min_tag_count: u64,
    /// Leave out what the report proposes as trash; reads the database twice
    #[arg(long, help_heading = "Which tags")]
    drop_trash: bool,
    /// Keep what the board adds by itself: gif, sfw, sound, text, video, webm
    #[arg(long, help_heading = "Which tags")]
    keep_server_tags: bool,
    /// Keep nsfw, nsfl, nsfp and pol as tags instead of as content classes
    #[arg(long, help_heading = "Which tags")]
    keep_content_tags: bool,

    /// Other spellings: lines `a -> b` or `a,b` make of the tag a the tag b
    #[arg(long, value_name = "FILE", help_heading = "What tags are called")]
    alias: Option<PathBuf>,
    /// What tags imply: lines `a -> b` or `a,b` give whatever has the tag a also b
    #[arg(long, value_name = "FILE", help_heading = "What tags are called")]
    imply: Option<PathBuf>,
    /// Leave capitals as they were typed
    #[arg(long, help_heading = "What tags are called")]
    keep_case: bool,
    /// Leave characters as they were typed, without Unicode's NFKC
    #[arg(long, help_heading = "What tags are called")]
    no_nfkc: bool,
    /// Leave blanks as they were typed
    #[arg(long, help_heading = "What tags are called")]
    keep_blanks: bool,
    /// Leave doubles as they are, instead of keeping the one of the highest confidence
    #[arg(long, help_heading = "What tags are called")]
    keep_doubles: bool,
    /// Exactly the tag rules of the original program, for comparison: ASCII letters and digits, at least five, the top five
    #[arg(
        long,
        conflicts_with_all = [
            "min_tags", "max_tags", "min_confidence", "tag_length", "tag_pattern", "drop", "drop_categories", "min_tag_count", "drop_trash",
            "keep_server_tags", "keep_content_tags", "alias", "imply", "keep_case", "no_nfkc", "keep_blanks", "keep_doubles",
        ],
        help_heading = "What tags are called"
    )]
    original_rules: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Csv,
    Parquet,
}

impl From<Format> for DatasetFormat {
    fn from(format: Format) -> DatasetFormat {
        match format {
            Format::Csv => DatasetFormat::Csv,
            Format::Parquet => DatasetFormat::Parquet,
        }
    }
}

fn confidence(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(confidence) if (0.0..=1.0).contains(&confidence) => Ok(confidence),
        _ => Err("a confidence lies between 0 and 1".to_owned()),
    }
}

pub(crate) fn run(args: PrepareArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("prepare", global, hint);
    let result = prepare(args, global, &session);
    session.finish(result)
}

fn prepare(args: PrepareArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    let data = global.data();
    create_folder(data.folder())?;
    let format = DatasetFormat::from(args.format);
    let table = data.dataset().with_extension(format.extension());
    let config = config(args, Config { format, ..Config::new(data.database(), table) })?;
    let report = runtime()?.block_on(tagmill_preparer::run(config, session.progress(), session.cancel()))?;
    for trash in &report.trash {
        let what =
            if report.trash_is_dropped { "dropped as trash" } else { "looks like trash, see --drop-trash" };
        tracing::info!("{what}: {trash}");
    }
    Ok(report)
}

fn config(args: PrepareArgs, defaults: Config) -> Result<Config> {
    let filter = ItemFilter {
        classes: args.flags,
        include_videos: args.videos,
        promoted_only: args.promoted,
        since: args.since,
        until: args.until,
        min_score: args.min_score,
        min_size: args.min_size,
        max_size: args.max_size,
        max_aspect: args.max_aspect,
        sample: args.sample,
    };
    let config = Config {
        rejects: args.rejects.clone(),
        threads: args.threads,
        incremental: args.incremental,
        filter,
        limit: args.limit,
        ..defaults
    };
    if args.original_rules {
        return Ok(config.with_original_rules());
    }
    Ok(Config {
        min_tags: args.min_tags,
        max_tags: args.max_tags,
        min_tag_count: args.min_tag_count,
        drop_trash: args.drop_trash,
        rules: rules(args)?,
        ..config
    })
}

fn rules(args: PrepareArgs) -> Result<TagRules> {
    let defaults = TagRules::default();
    Ok(TagRules {
        dropped_categories: args.drop_categories.into_iter().collect(),
        normalise: tags::Normalise {
            nfkc: !args.no_nfkc,
            blanks: !args.keep_blanks,
            lower_case: !args.keep_case,
        },
        aliases: parsed(args.alias.as_deref(), tags::parse_aliases)?,
        implications: parsed(args.imply.as_deref(), tags::parse_implications)?,
        content_tags: !args.keep_content_tags,
        drop_server_tags: !args.keep_server_tags,
        dropped: parsed(args.drop.as_deref(), |text| Ok::<_, Infallible>(tags::parse_names(text)))?,
        length: args.tag_length.map_or(defaults.length, |(least, most)| least..=most),
        pattern: args.tag_pattern,
        min_confidence: args.min_confidence,
        doubles: if args.keep_doubles { Doubles::Keep } else { defaults.doubles },
    })
}

/// What a file of rules says; nothing where none was given.
fn parsed<T: Default, E: Display>(path: Option<&Path>, parse: impl Fn(&str) -> Result<T, E>) -> Result<T> {
    let Some(path) = path else { return Ok(T::default()) };
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    parse(&text).map_err(|fault| anyhow!("`{}` {fault}", path.display()))
}
