use anyhow::{Result, bail};
use clap::Args;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_fetcher::{Config, PUBLIC_API, Report};
use tagmill_http::{Cookie, Rate};
use tagmill_model::Flags;
use url::Url;

use super::{create_folder, runtime};
use crate::hint::hint;

/// Holds the session cookie. There is no flag for it: other users of the machine can read a command line.
const COOKIE_VARIABLE: &str = "TAGMILL_COOKIE";

/// Fetch what the board says of its items into items.db
///
/// New items first, then older ones, then what failed before. What is in the database is never asked for again, so it can
/// be stopped and run again at any time. A session cookie, such as `me=...`, is taken from the variable TAGMILL_COOKIE.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Where the board's API stands
    #[arg(long, value_name = "URL", default_value = PUBLIC_API)]
    api_url: Url,
    /// Content classes to ask for: sfw, nsfw, nsfl, nsfp, pol, joined by commas, or `all`
    ///
    /// All but sfw need an account that may see them.
    #[arg(long, value_name = "CLASSES", default_value_t = Flags::SFW)]
    flags: Flags,
    /// Stop after this many items
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Ask for the tags of pictures only, not of videos
    #[arg(long)]
    images_only: bool,
    /// Store comments too; they are personal data
    #[arg(long)]
    comments: bool,
    /// Requests under way at once; the public board gets at most 4
    #[arg(long, value_name = "N", default_value_t = 30)]
    workers: usize,
    /// Rows a transaction, at most
    #[arg(long, value_name = "ROWS", default_value_t = 5_000)]
    batch_size: usize,
    /// Requests a second, at most [default: 2 for the public board, no limit for any other]
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Who asks; for a public board, say how to reach you
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
}

pub(crate) fn run(args: FetchArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("fetch", global, hint);
    let result = fetch(args, global, &session);
    session.finish(result)
}

fn fetch(args: FetchArgs, global: &GlobalArgs, session: &Session) -> Result<Report> {
    create_folder(global.data().folder())?;
    let mut config = Config::new(args.api_url, global.data().database());
    config.flags = args.flags;
    config.limit = args.limit;
    config.images_only = args.images_only;
    config.comments = args.comments;
    config.workers = args.workers;
    config.batch_size = args.batch_size;
    if let Some(per_second) = args.rate {
        let burst = config.http.rate.map_or(1, |rate| rate.burst);
        config.http.rate = Some(Rate { per_second, burst });
    }
    if let Some(user_agent) = args.user_agent {
        config.http.user_agent = user_agent;
    }
    config.http.cookie = cookie(&config.api_url)?;
    Ok(runtime()?.block_on(tagmill_fetcher::run(config, session.progress(), session.cancel()))?)
}

fn cookie(api_url: &Url) -> Result<Option<Cookie>> {
    match std::env::var(COOKIE_VARIABLE) {
        Ok(pairs) if !pairs.is_empty() => Ok(Some(Cookie::new(api_url, pairs))),
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
        // The value itself is in no message.
        Err(std::env::VarError::NotUnicode(_)) => bail!("{COOKIE_VARIABLE} is not UTF-8"),
    }
}
