use anyhow::Result;
use clap::{Args, ValueEnum};
use tagmill_cli::{DataDir, Exit, GlobalArgs, Session};
use tagmill_downloader::{Config, Plan, Report, Source};
use tagmill_model::Flags;
use url::Url;

use super::identity::IdentityArgs;
use super::parse;
use super::{create_folder, runtime};
use crate::hint::hint;

/// The public board's host for pictures.
const PUBLIC_MEDIA: &str = "https://img.pr0gramm.com/";

/// Download the media that the table or the database names
///
/// Files that are there are not asked for again; a file under its final name is whole. The database is only read.
#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Tell how many files are there and how many would be downloaded, and stop
    #[arg(long)]
    dry_run: bool,
    /// Ask again for files that an earlier run found gone
    #[arg(long)]
    retry_failed: bool,
    /// Take files all the same whose host sends `X-Robots-Tag: noai` or the like: not for training
    #[arg(long)]
    ignore_opt_out: bool,
    /// Where the board's media lie
    #[arg(long, value_name = "URL", default_value = PUBLIC_MEDIA)]
    media_url: Url,
    /// What names the media: the table, or the whole database [default: the table where there is one]
    #[arg(long, value_enum, value_name = "SOURCE")]
    source: Option<SourceArg>,
    /// Content classes to download: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    #[arg(long, value_name = "CLASSES", default_value = "all")]
    flags: Flags,
    /// Only items uploaded on this day or later, such as 2024-03-17 or `2024-03-17 12:00:00`, UTC
    #[arg(long, value_name = "DATE", value_parser = parse::date)]
    since: Option<i64>,
    /// Download videos too
    #[arg(long)]
    videos: bool,
    /// Only the first so many files
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Downloads under way at once
    #[arg(long, value_name = "N", default_value_t = 20)]
    workers: usize,
    /// Largest file to take, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 100 << 20)]
    max_bytes: u64,
    #[command(flatten)]
    identity: IdentityArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceArg {
    /// dataset.csv: only what training needs
    Dataset,
    /// items.db: everything that was fetched
    Items,
}

impl DownloadArgs {
    fn source(&self, data: &DataDir) -> Source {
        let fallback = if data.dataset().exists() { SourceArg::Dataset } else { SourceArg::Items };
        match self.source.unwrap_or(fallback) {
            SourceArg::Dataset => Source::Dataset(data.dataset()),
            SourceArg::Items => Source::Items(data.database()),
        }
    }
}

pub(crate) fn run(args: DownloadArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("download", global, hint);
    if args.dry_run {
        return session.answer("plan", plan(args, global, &session));
    }
    let result = download(args, global, &session);
    session.finish(result)
}

fn plan(args: DownloadArgs, global: &GlobalArgs, session: &Session) -> Result<Plan> {
    let config = config(args, global);
    Ok(runtime()?.block_on(tagmill_downloader::plan(config, session.progress(), session.cancel()))?)
}

fn download(args: DownloadArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    create_folder(global.data().folder())?;
    let config = config(args, global);
    Ok(runtime()?.block_on(tagmill_downloader::run(config, session.progress(), session.cancel()))?)
}

fn config(args: DownloadArgs, global: &GlobalArgs) -> Config {
    let data = global.data();
    let mut config = Config::new(args.source(&data), data.media(), args.media_url);
    config.workers = args.workers;
    config.include_videos = args.videos;
    config.classes = args.flags;
    config.since = args.since;
    config.limit = args.limit;
    config.max_bytes = args.max_bytes;
    config.retry_failed = args.retry_failed;
    config.ignore_opt_out = args.ignore_opt_out;
    args.identity.apply(&mut config.http);
    config
}
