use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::error::ErrorKind;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_fetcher::api::KINDS;
use tagmill_fetcher::{Config, Error, Interval, Kind};
use tagmill_http::Rate;
use tagmill_model::Flags;
use url::Url;

use super::identity::IdentityArgs;
use super::{create_folder, parse, single_runtime};
use crate::cookies::{self, CookieJar};
use crate::credentials::AccountArgs;
use crate::hint::hint;

/// Fetch what the board says of its items into items.db
///
/// New items first, then older ones, then holes, then what failed before. What is in the database is not asked for again, so
/// it can be stopped and run again at any time. A session comes from `tagmill login`, from --cookies, or from the variable
/// TAGMILL_COOKIE (such as `me=...`).
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Kind of board, see docs/boards.md
    #[arg(long, value_name = "KIND", value_parser = parse::board(), default_value = KINDS[0].name)]
    board: &'static Kind,
    /// Where the board's API stands [default: the public board of its kind]
    #[arg(long, value_name = "URL")]
    api_url: Option<Url>,
    /// Tell what would be fetched, in how many requests, and stop
    #[arg(long)]
    dry_run: bool,

    /// Content classes to ask for: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    ///
    /// All but sfw need an account that may see them.
    ///
    /// [default: all that the account may see]
    #[arg(long, value_name = "CLASSES", help_heading = "What to fetch")]
    flags: Option<Flags>,
    /// Only ids from A to B, both included; either may be left out
    #[arg(long, value_name = "A..B", value_parser = parse::ids, help_heading = "What to fetch")]
    range: Option<Interval>,
    /// Only items uploaded on this day or later, such as 2024-03-17 or `2024-03-17 12:00:00`, UTC
    #[arg(long, value_name = "DATE", value_parser = parse::date, help_heading = "What to fetch")]
    since: Option<i64>,
    /// Only items uploaded before this day
    #[arg(long, value_name = "DATE", value_parser = parse::date, help_heading = "What to fetch")]
    until: Option<i64>,
    /// Only items of the board's top feed, where it has one
    #[arg(long, conflicts_with_all = ["refresh", "retry_failed"], help_heading = "What to fetch")]
    promoted: bool,
    /// Only what the board's search finds, in its syntax, such as `! katze -video s:1000`
    #[arg(
        long,
        value_name = "EXPR",
        value_parser = parse::search,
        conflicts_with_all = ["refresh", "retry_failed"],
        help_heading = "What to fetch"
    )]
    tags: Option<String>,
    /// Stop after this many items
    #[arg(long, value_name = "N", value_parser = parse::at_least_one::<u64>, help_heading = "What to fetch")]
    limit: Option<u64>,
    /// Ask for the tags of pictures only; of videos, store the listing
    #[arg(long, help_heading = "What to fetch")]
    images_only: bool,
    /// Ask for no tags, only the listing: one request for 120 items; a later run completes them
    #[arg(long, conflicts_with_all = ["refresh", "retry_failed"], help_heading = "What to fetch")]
    listing_only: bool,
    /// Afterwards ask again for items that were younger than this when they were last fetched, such as 7d
    #[arg(long, value_name = "AGE", value_parser = tagmill_cli::duration, help_heading = "What to fetch")]
    refresh: Option<Duration>,
    /// Ask only for items that failed before, including those that the board called missing
    #[arg(long, help_heading = "What to fetch")]
    retry_failed: bool,
    /// Store comments too; they are personal data
    #[arg(long, help_heading = "What to fetch")]
    comments: bool,

    /// Requests under way at once [default: few for a public board, 30 for any other]
    #[arg(long, value_name = "N", value_parser = parse::at_least_one::<usize>, help_heading = "How fast")]
    workers: Option<usize>,
    /// Requests a second, at most [default: what suits a public board, no limit for any other]
    #[arg(long, value_name = "N", value_parser = parse::rate, help_heading = "How fast")]
    rate: Option<f64>,
    /// Items that are committed together, at most; a crash loses no more than these
    #[arg(
        long,
        value_name = "N",
        value_parser = parse::at_least_one::<usize>,
        default_value_t = 5_000,
        help_heading = "How fast"
    )]
    batch_size: usize,
    /// A browser's cookies.txt with the session [default: what `tagmill login` left]
    #[arg(long, value_name = "FILE", help_heading = "Who asks")]
    cookies: Option<PathBuf>,
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    identity: IdentityArgs,
}

pub(crate) fn run(args: FetchArgs, global: &GlobalArgs) -> Exit {
    if args.since.zip(args.until).is_some_and(|(since, until)| until <= since) {
        clap::Error::raw(ErrorKind::ValueValidation, "--until must be later than --since\n").exit();
    }
    let session = Session::start("fetch", global, hint);
    let is_dry = args.dry_run;
    let prepared = prepare(args, global, &session);
    match prepared {
        Err(error) => session.fail(&error),
        Ok((config, _)) if is_dry => session.answer("plan", plan(config)),
        Ok((config, jar)) => {
            let result = fetch(config, jar.as_ref(), global, &session);
            session.finish(result)
        }
    }
}

fn plan(config: Config) -> Result<tagmill_fetcher::Plan> {
    Ok(single_runtime()?.block_on(tagmill_fetcher::plan(config))?)
}

fn fetch(
    config: Config,
    jar: Option<&CookieJar>,
    global: &GlobalArgs,
    session: &Session,
) -> Result<tagmill_fetcher::Report> {
    create_folder(global.data().folder())?;
    let run = tagmill_fetcher::run(config, session.progress(), session.cancel());
    Ok(single_runtime()?.block_on(cookies::keeping(jar, session, run))?)
}

fn prepare(args: FetchArgs, global: &GlobalArgs, session: &Session) -> Result<(Config, Option<CookieJar>)> {
    let api_url = parse::api_url(args.api_url, args.board);
    let mut config = Config::of(args.board, api_url, global.data().database());
    config.flags = args.flags;
    config.range = args.range;
    config.since = args.since;
    config.until = args.until;
    config.promoted = args.promoted;
    config.search = args.tags;
    config.limit = args.limit;
    config.images_only = args.images_only;
    config.listing_only = args.listing_only;
    config.refresh = args.refresh;
    config.retry_failed = args.retry_failed;
    config.comments = args.comments;
    config.batch_size = args.batch_size;
    let is_public = config.http.rate.is_some();
    set_pace(&mut config, args.workers, args.rate, session);
    args.identity.apply(&mut config.http);
    if is_public {
        args.identity.warn_of_hiding(session);
    }
    let mut jar = None;
    if args.cookies.is_some() && !args.board.has_sessions {
        wrong("cookies", "is of no use: boards of this kind know accounts by name and key", args.board);
    }
    if args.board.has_sessions {
        jar = cookies::find(args.cookies.as_deref(), &global.data(), &config.api_url)?;
    }
    if let Some(jar) = &jar {
        jar.lend(&mut config.http);
    }
    if args.board.has_keys || args.account.is_given() {
        config.http.credentials = args.account.credentials(&config.api_url)?;
    }
    match config.check() {
        Err(Error::InvalidConfig { field, fault }) => wrong(field, fault, args.board),
        checked => checked?,
    }
    Ok((config, jar))
}

/// Ends the program: what a board cannot do is no use to ask for.
fn wrong(field: &str, fault: &str, board: &Kind) -> ! {
    let flag = match field {
        "search" => "tags",
        "http.credentials" => "login",
        other => &other.replace('_', "-"),
    };
    let message = format!("--{flag} {fault} (--board {})\n", board.name);
    clap::Error::raw(ErrorKind::ValueValidation, message).exit()
}

/// Two flags replace what is polite to the public board; who raises them is told what that may mean.
fn set_pace(config: &mut Config, workers: Option<usize>, rate: Option<f64>, session: &Session) {
    let polite = (config.http.rate, config.http.max_in_flight);
    if let Some(workers) = workers {
        config.workers = workers;
        config.http.max_in_flight = workers;
    }
    if let Some(per_second) = rate {
        let burst = polite.0.map_or(1, |rate| rate.burst);
        config.http.rate = Some(Rate { per_second, burst });
        // The cap guards the polite rate; a rate that passes it is meant.
        let passes =
            |cap: &tagmill_http::Cap| per_second * cap.window.as_secs_f64() > f64::from(cap.requests);
        config.http.cap = config.http.cap.filter(|cap| !passes(cap));
    }
    let is_raised = polite.0.is_some_and(|polite| rate.is_some_and(|rate| rate > polite.per_second))
        || (polite.0.is_some() && workers.is_some_and(|workers| workers > polite.1));
    if is_raised {
        session.warn(
            "faster than what is known to be polite to this board: after its first refusal, expect minutes of silence",
        );
    }
}
