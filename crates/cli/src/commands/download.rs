use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tagmill_cli::{DataDir, Exit, GlobalArgs, Session};
use tagmill_downloader::{Config, Plan, Report, Source};
use tagmill_fetcher::PUBLIC_API;
use tagmill_model::Flags;
use url::Url;

use super::identity::IdentityArgs;
use super::parse;
use super::{create_folder, runtime};
use crate::cookies;
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
    /// Largest file to take, such as 100M or 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse::some_bytes, default_value = "100MiB")]
    max_bytes: u64,
    /// Most bytes a second, all downloads together, such as 20M [default: what the line gives]
    #[arg(long, value_name = "SIZE", value_parser = parse::some_bytes)]
    max_rate: Option<u64>,
    /// Stop before less than this is free on the disk
    #[arg(long, value_name = "SIZE", value_parser = parse::bytes, default_value = "1G")]
    min_free: u64,
    /// Stop when more than this share of the last 200 files failed; 1 never stops
    #[arg(long, value_name = "SHARE", value_parser = parse::fraction, default_value_t = 0.5)]
    max_failures: f64,
    /// Decode each picture that arrives, and take only whole ones
    #[arg(long)]
    verify: bool,
    /// Decode the pictures that are there already, too; bad ones go to media/.tagmill/quarantine and are fetched again
    #[arg(long)]
    verify_existing: bool,
    /// Have each file on the disk itself before it counts, so that not even a power cut takes one; slower
    #[arg(long)]
    durable: bool,
    /// Send the session cookie of `tagmill login` or TAGMILL_COOKIE to the media hosts; they need none by default
    #[arg(long)]
    send_cookie: bool,
    /// The board that the session belongs to
    #[arg(long, value_name = "URL", default_value = PUBLIC_API, requires = "send_cookie")]
    api_url: Url,
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
    let config = config(args, global)?;
    Ok(runtime()?.block_on(tagmill_downloader::plan(config, session.progress(), session.cancel()))?)
}

fn download(args: DownloadArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    create_folder(global.data().folder())?;
    let config = config(args, global)?;
    Ok(runtime()?.block_on(tagmill_downloader::run(config, session.progress(), session.cancel()))?)
}

fn config(args: DownloadArgs, global: &GlobalArgs) -> Result<Config> {
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
    config.max_failure_rate = args.max_failures;
    config.min_free = args.min_free;
    config.verify = args.verify;
    config.verify_existing = args.verify_existing;
    config.durable = args.durable;
    config.http.bandwidth = args.max_rate;
    args.identity.apply(&mut config.http);
    if args.send_cookie {
        let jar = cookies::find(None, &data, &args.api_url)?
            .with_context(|| format!("there is no session for `{}` to send", args.api_url))?;
        config.send_cookie = true;
        config.http.cookie = Some(jar.cookie().clone().also_to(&config.media_url));
    }
    Ok(config)
}
