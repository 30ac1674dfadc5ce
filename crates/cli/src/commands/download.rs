use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tagmill_cli::{DataDir, Exit, GlobalArgs, Session};
use tagmill_downloader::{Config, Hosts, Members, Plan, Report, Source, Variant};
use tagmill_fetcher::Kind;
use tagmill_fetcher::api::KINDS;
use tagmill_http::{Cookie, Rate};
use tagmill_model::Flags;
use tagmill_store::Reader;
use url::Url;

use super::identity::IdentityArgs;
use super::parse;
use super::{create_folder, runtime};
use crate::cookies;
use crate::hint::hint;

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
    /// Which rendition: the medium, the original that the board scaled down, or the thumbnail; the latter two lie in
    /// media-full/ and media-thumb/, under the same paths
    #[arg(long, value_enum, value_name = "VARIANT", default_value = "image")]
    variant: VariantArg,
    /// Kind of board, whose public one's hosts are asked where no others are named [default: the one that the database has
    /// items of]
    #[arg(long, value_name = "KIND", value_parser = parse::board(), help_heading = HOSTS)]
    board: Option<&'static Kind>,
    /// One host for all media [default: the public board's hosts]
    #[arg(long, value_name = "URL", help_heading = HOSTS)]
    media_url: Option<Url>,
    /// Hosts of pictures; the first is asked, the next ones where it has no such file
    #[arg(long, value_name = "URL", value_delimiter = ',', help_heading = HOSTS)]
    image_url: Option<Vec<Url>>,
    /// Hosts of videos
    #[arg(long, value_name = "URL", value_delimiter = ',', help_heading = HOSTS)]
    video_url: Option<Vec<Url>>,
    /// Hosts of `--variant full`
    #[arg(long, value_name = "URL", value_delimiter = ',', help_heading = HOSTS)]
    full_url: Option<Vec<Url>>,
    /// Hosts of `--variant thumb`
    #[arg(long, value_name = "URL", value_delimiter = ',', help_heading = HOSTS)]
    thumb_url: Option<Vec<Url>>,
    /// What names the media: the table, or the whole database [default: the table where there is one]
    #[arg(long, value_enum, value_name = "SOURCE")]
    source: Option<SourceArg>,
    /// Another table that names the media [default: dataset.csv in the data folder]
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    dataset: Option<PathBuf>,
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
    /// Downloads under way at once [default: 20, or what suits a public board]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
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
    /// The board that the session belongs to [default: the public one]
    #[arg(long, value_name = "URL", requires = "send_cookie")]
    api_url: Option<Url>,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// The heading of the flags that say where files lie.
const HOSTS: &str = "Hosts";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VariantArg {
    /// The medium itself
    Image,
    /// The picture before it was scaled down
    Full,
    /// A small JPEG, of videos too
    Thumb,
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
        let dataset = self.dataset.clone().unwrap_or_else(|| data.dataset());
        let is_named = self.dataset.is_some() || dataset.exists();
        let fallback = if is_named { SourceArg::Dataset } else { SourceArg::Items };
        match (self.source.unwrap_or(fallback), self.variant) {
            (SourceArg::Dataset, VariantArg::Image) => Source::Dataset(dataset),
            (SourceArg::Dataset, VariantArg::Full | VariantArg::Thumb) => {
                Source::DatasetOf { dataset, items: data.database() }
            }
            (SourceArg::Items, _) => Source::Items(data.database()),
        }
    }

    fn hosts(&self, board: &Kind) -> Hosts {
        let mut hosts = self.media_url.clone().map_or_else(|| public_hosts(board), Hosts::one);
        let named = [&self.image_url, &self.video_url, &self.full_url, &self.thumb_url];
        let kinds = [&mut hosts.image, &mut hosts.video, &mut hosts.full, &mut hosts.thumb];
        for (kind, named) in kinds.into_iter().zip(named) {
            if let Some(named) = named {
                kind.clone_from(named);
            }
        }
        hosts
    }

    /// The kind that was named, or that the database has items of.
    fn board(&self, data: &DataDir) -> Result<&'static Kind> {
        let database = data.database();
        let matters = self.media_url.is_none() || self.variant != VariantArg::Image;
        match self.board {
            Some(board) => return Ok(board),
            None if !matters || !database.exists() => return Ok(KINDS[0]),
            None => {}
        }
        let origin = runtime()?.block_on(async {
            let reader = Reader::open(&database).await?;
            let origin = reader.origin().await;
            reader.close().await;
            origin
        })?;
        // What is of no board has no hosts of its own either: it is left to who names some.
        Ok(origin.and_then(|origin| Kind::named(&origin)).unwrap_or(KINDS[0]))
    }
}

fn public_hosts(board: &Kind) -> Hosts {
    let urls = |names: &[&str]| {
        let urls = names.iter().map(|name| name.parse().expect("the hosts of public boards are fixed"));
        urls.collect()
    };
    let media = &board.media;
    Hosts {
        image: urls(media.image),
        video: urls(media.video),
        full: urls(media.full),
        thumb: urls(media.thumb),
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
    let config = config(args, global, session)?;
    Ok(runtime()?.block_on(tagmill_downloader::plan(config, session.progress(), session.cancel()))?)
}

fn download(args: DownloadArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    create_folder(global.data().folder())?;
    let config = config(args, global, session)?;
    Ok(runtime()?.block_on(tagmill_downloader::run(config, session.progress(), session.cancel()))?)
}

fn config(args: DownloadArgs, global: &GlobalArgs, session: &Session) -> Result<Config> {
    let data = global.data();
    let (variant, media) = match args.variant {
        VariantArg::Image => (Variant::Image, data.media()),
        VariantArg::Full => (Variant::Full, data.media_of("full")),
        VariantArg::Thumb => (Variant::Thumb, data.media_of("thumb")),
    };
    let board = args.board(&data)?;
    let mut config = Config::new(args.source(&data), media, args.hosts(board));
    config.variant = variant;
    config.members =
        Members { full: board.media.full_member.to_owned(), thumb: board.media.thumb_member.to_owned() };
    let is_public = config.hosts.all().any(|url| board.is_public(url));
    if is_public {
        set_pace(&mut config, board);
    }
    if is_public && !args.dry_run {
        args.identity.warn_of_hiding(session);
    }
    if let Some(workers) = args.workers {
        config.workers = workers;
    }
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
        let api_url = parse::api_url(args.api_url, board);
        let jar = cookies::find(None, &data, &api_url)?
            .with_context(|| format!("there is no session for `{api_url}` to send"))?;
        config.send_cookie = true;
        config.http.cookie = Some(config.hosts.all().fold(jar.cookie().clone(), Cookie::also_to));
    }
    Ok(config)
}

/// What suits the hosts of the public board, where anybody knows.
fn set_pace(config: &mut Config, board: &Kind) {
    let Some((workers, per_second)) = board.media.pace else { return };
    config.workers = workers;
    config.http.rate = Some(Rate { per_second, burst: 1 });
    config.http.pause = board.pause();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_public_boards_hosts_are_left_alone_after_a_refusal() {
        let board = Kind::named("danbooru").unwrap();
        let mut config = Config::new(Source::Items("items.db".into()), "media".into(), public_hosts(board));
        set_pace(&mut config, board);
        assert_eq!((config.workers, config.http.rate.unwrap().per_second), (4, 8.0));
        assert!(config.http.pause.first_delay >= Duration::from_secs(60), "{:?}", config.http.pause);
    }
}
