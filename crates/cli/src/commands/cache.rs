use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_pixels::cache::{self, Usage};

use crate::hint::hint;

/// See what the decoded pictures take on disk, or take them away
///
/// train and split keep them so that each picture is decoded once. What is taken away is made again when it is needed.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print what the cache takes
    Size(PlaceArgs),
    /// Take the cache away
    Clear(PlaceArgs),
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// Folder of the decoded pictures [default: cache/pixels in the data folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

pub(crate) fn run(args: &CacheArgs, global: &GlobalArgs) -> Exit {
    let folder = |place: &PlaceArgs| place.cache_dir.clone().unwrap_or_else(|| global.data().cache());
    match &args.action {
        Action::Size(place) => {
            let session = Session::start("cache size", global, hint);
            session.answer("cache", cache::usage(&folder(place)).map_err(Into::into))
        }
        Action::Clear(place) => {
            let session = Session::start("cache clear", global, hint);
            session.answer("cleared", cache::clear(&folder(place)).map(Cleared).map_err(Into::into))
        }
    }
}

/// What was taken away.
#[derive(Serialize)]
#[serde(transparent)]
struct Cleared(Usage);

impl fmt::Display for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cleared {}", self.0)
    }
}
