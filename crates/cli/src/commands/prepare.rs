use std::num::NonZeroUsize;

use anyhow::Result;
use clap::Args;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_model::Flags;
use tagmill_preparer::{Config, Report, TagRules};

use super::{create_folder, runtime};
use crate::hint::hint;

/// Turn items.db into the training table dataset.csv
///
/// The one place where tags are interpreted: cleaned, merged, sorted by confidence. Items with too few tags are left out and
/// counted by reason. The database is only read. The same database and flags give the same bytes.
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// Leave out items with fewer usable tags
    #[arg(long, value_name = "N", default_value_t = 5)]
    min_tags: usize,
    /// Tags that an item keeps, those of the highest confidence
    #[arg(long, value_name = "N", default_value_t = 24)]
    max_tags: usize,
    /// Leave out tags of a lower confidence, from 0 to 1; 0.21 leaves out those that only their author voted for
    #[arg(long, value_name = "CONFIDENCE", default_value_t = 0.0, value_parser = confidence)]
    min_confidence: f32,
    /// Keep videos too
    #[arg(long)]
    videos: bool,
    /// Content classes to keep: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    #[arg(long, value_name = "CLASSES", default_value = "all")]
    flags: Flags,
    /// Stop after this many rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

fn confidence(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(confidence) if (0.0..=1.0).contains(&confidence) => Ok(confidence),
        _ => Err("a confidence lies between 0 and 1".to_owned()),
    }
}

pub(crate) fn run(args: &PrepareArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("prepare", global, hint);
    session.finish(prepare(args, global, &session))
}

fn prepare(args: &PrepareArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    let data = global.data();
    create_folder(data.folder())?;
    let config = Config {
        min_tags: args.min_tags,
        max_tags: args.max_tags,
        include_videos: args.videos,
        classes: args.flags,
        limit: args.limit,
        threads: args.threads,
        rules: TagRules { min_confidence: args.min_confidence, ..TagRules::default() },
        ..Config::new(data.database(), data.dataset())
    };
    Ok(runtime()?.block_on(tagmill_preparer::run(config, session.progress(), session.cancel()))?)
}
