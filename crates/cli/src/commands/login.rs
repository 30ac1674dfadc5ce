use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use tagmill_cli::{Exit, GlobalArgs, Session};
use tagmill_fetcher::Config;
use tagmill_fetcher::api::pr0gramm::{Captcha, LoginError};
use tagmill_fetcher::api::{Pr0gramm, pr0gramm};
use url::Url;

use super::identity::IdentityArgs;
use super::picture::half_blocks;
use super::{create_folder, runtime};
use crate::cookies;
use crate::hint::hint;

/// A captcha that cannot be read is no one's fault; three of them are enough to think again.
const ATTEMPTS: u32 = 3;

/// The widest picture that every terminal has room for.
const COLUMNS: u32 = 78;

/// Log in to the board, so that fetch may see what the account may see
///
/// Asks for name, password and captcha, line by line where stdin is no terminal, and keeps the session in a file that only
/// you can read. The password is not kept. To log out, delete that file. Boards that know accounts by a key need no login: see
/// `fetch --login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Where the board's API stands
    #[arg(long, value_name = "URL", default_value = pr0gramm::KIND.public_api)]
    api_url: Url,
    /// The account's name [default: asked for]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where to keep the session, in the format of cookies.txt [default: cookies.txt in the data folder]
    #[arg(long, value_name = "FILE")]
    cookies: Option<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct LoggedIn {
    name: String,
    file: PathBuf,
}

impl fmt::Display for LoggedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "logged in as {}; the session is in {}", self.name, self.file.display())
    }
}

pub(crate) fn run(args: LoginArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("login", global, hint);
    let result = login(args, global);
    session.answer("login", result)
}

fn login(args: LoginArgs, global: &GlobalArgs) -> Result<LoggedIn> {
    let data = global.data();
    create_folder(data.folder())?;
    let file = args.cookies.unwrap_or_else(|| data.cookies());
    let mut http = Config::new(args.api_url.clone(), data.database()).http;
    args.identity.apply(&mut http);
    let board = Pr0gramm::new(tagmill_http::Client::new(http)?, &args.api_url)
        .context("the API's address is not one that anything can stand below")?;
    let runtime = runtime()?;

    let mut captcha = runtime.block_on(board.captcha()).map_err(LoginError::Request)?;
    let name = match args.name {
        Some(name) => name,
        None => ask("name")?,
    };
    let password = ask_password()?;
    for attempt in 1.. {
        let answer = show(&captcha, data.folder()).and_then(|picture| {
            let answer = ask("captcha");
            // Where it is gone already, so much the better.
            let _ = std::fs::remove_file(picture);
            answer
        })?;
        match runtime.block_on(board.log_in(&name, &password, &captcha.token, &answer)) {
            Ok(cookie) => {
                cookies::write(&file, &args.api_url, &cookie)?;
                break;
            }
            Err(LoginError::WrongCaptcha) if attempt < ATTEMPTS => {
                tell("that is not what the picture shows; here is another one");
                captcha = runtime.block_on(board.captcha()).map_err(LoginError::Request)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(LoggedIn { name, file })
}

/// Saves the picture for a viewer, and draws it where a terminal can show it.
fn show(captcha: &Captcha, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("captcha.png");
    std::fs::write(&file, &captcha.picture).with_context(|| format!("cannot write `{}`", file.display()))?;
    if io::stderr().is_terminal()
        && let Some(drawn) = half_blocks(&captcha.picture, COLUMNS)
    {
        tell(&drawn);
    }
    tell(&format!("the captcha is in {}", file.display()));
    Ok(file)
}

fn ask(what: &str) -> Result<String> {
    prompt(what);
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).with_context(|| format!("cannot read the {what}"))?;
    if !io::stdin().is_terminal() {
        // Nobody pressed Enter, so that what is told next would stand behind the question.
        tell("");
    }
    if read == 0 || line.trim().is_empty() {
        bail!("no {what} was given");
    }
    Ok(line.trim().to_owned())
}

fn ask_password() -> Result<String> {
    if !io::stdin().is_terminal() {
        return ask("password");
    }
    prompt("password");
    let password = rpassword::read_password().context("cannot read the password")?;
    if password.is_empty() {
        bail!("no password was given");
    }
    Ok(password)
}

fn prompt(what: &str) {
    // Where stderr is closed, nobody needs to be asked.
    let _ = write!(io::stderr(), "{what}: ");
    let _ = io::stderr().flush();
}

fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
