//! Where a session comes from, and how its refreshed cookie is kept: files in the format of Netscape's `cookies.txt`, which
//! browsers' add-ons, curl and yt-dlp read and write.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tagmill_cli::{DataDir, Session};
use tagmill_http::Cookie;
use tokio::sync::watch;
use url::Url;

/// Holds the session cookie. There is no flag for it: other users of the machine can read a command line.
const COOKIE_VARIABLE: &str = "TAGMILL_COOKIE";

/// The cookies that make a session: the session itself, and the visitor's id that the board sets beside it.
const NAMES: [&str; 2] = ["me", "pp"];

/// How long the board's own session cookie lives.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A session, and the file that it is kept in.
pub(crate) struct CookieJar {
    cookie: Cookie,
    /// `None` where it came from the environment, which keeps nothing.
    file: Option<PathBuf>,
    host: Url,
    fresh: watch::Sender<Cookie>,
}

impl CookieJar {
    fn new(cookie: Cookie, file: Option<PathBuf>, host: &Url) -> CookieJar {
        let fresh = watch::Sender::new(cookie.clone());
        CookieJar { cookie, file, host: host.clone(), fresh }
    }

    /// The session as it is now.
    pub(crate) fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    /// Lets a client use the session, and tell when the board has refreshed it.
    pub(crate) fn lend(&self, http: &mut tagmill_http::Config) {
        http.cookie = Some(self.cookie.clone());
        http.fresh_cookie = Some(self.fresh.clone());
    }

    fn save(&self, cookie: &Cookie, session: &Session) {
        let Some(file) = &self.file else { return };
        if let Err(error) = write(file, &self.host, cookie) {
            session.warn(&format!("the refreshed session could not be kept: {error:#}"));
        }
    }
}

/// The session for a board: from the environment, from the file that was named, or from the one that `tagmill login` left.
pub(crate) fn find(named: Option<&Path>, data: &DataDir, api_url: &Url) -> Result<Option<CookieJar>> {
    match std::env::var(COOKIE_VARIABLE) {
        Ok(pairs) if !pairs.is_empty() => {
            return Ok(Some(CookieJar::new(Cookie::new(api_url, pairs), None, api_url)));
        }
        Ok(_) | Err(std::env::VarError::NotPresent) => {}
        // The value itself is in no message.
        Err(std::env::VarError::NotUnicode(_)) => bail!("{COOKIE_VARIABLE} is not UTF-8"),
    }
    let file = named.map_or_else(|| data.cookies(), Path::to_owned);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", file.display())),
    };
    match (read(&text, api_url, SystemTime::now()), named) {
        (Some(pairs), _) => Ok(Some(CookieJar::new(Cookie::new(api_url, pairs), Some(file), api_url))),
        (None, Some(_)) => bail!(
            "`{}` has no cookie `me` for `{}`, or one that has expired",
            file.display(),
            api_url.host_str().unwrap_or_default()
        ),
        // A session of another board is none of this one's business.
        (None, None) => Ok(None),
    }
}

/// Waits for `run`, and writes down each cookie that the board refreshes meanwhile.
pub(crate) async fn keeping<T>(
    jar: Option<&CookieJar>,
    session: &Session,
    run: impl Future<Output = T>,
) -> T {
    let Some(jar) = jar else { return run.await };
    let mut fresh = jar.fresh.subscribe();
    let keep = async {
        while fresh.changed().await.is_ok() {
            let cookie = fresh.borrow_and_update().clone();
            jar.save(&cookie, session);
        }
    };
    let result = tokio::select! {
        result = run => result,
        () = keep => unreachable!("the jar holds the sender"),
    };
    // One that came with the last answer.
    if fresh.has_changed().unwrap_or(false) {
        jar.save(&fresh.borrow_and_update(), session);
    }
    result
}

/// What a file holds for a host, as a request sends it. `None` where there is no session among it.
fn read(text: &str, host: &Url, now: SystemTime) -> Option<String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for line in text.lines().filter_map(Line::parse) {
        if NAMES.contains(&line.name) && line.is_for(host) && !line.is_expired(now) {
            found.retain(|(name, _)| *name != line.name);
            found.push((line.name, line.value));
        }
    }
    let has_session = found.iter().any(|(name, _)| *name == NAMES[0]);
    let pairs: Vec<String> = found.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    has_session.then(|| pairs.join("; "))
}

/// Puts a session into a file that only its owner may read; what the file holds for others stays.
pub(crate) fn write(file: &Path, host: &Url, cookie: &Cookie) -> Result<()> {
    let context = || format!("cannot write `{}`", file.display());
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => "# Netscape HTTP Cookie File\n".to_owned(),
        Err(error) => return Err(error).with_context(context),
    };
    write_private(file, replaced(&before, host, cookie, SystemTime::now()).as_bytes()).with_context(context)
}

fn replaced(text: &str, host: &Url, cookie: &Cookie, now: SystemTime) -> String {
    let is_old =
        |line: &Line<'_>| line.is_for(host) && NAMES.contains(&line.name) && cookie.get(line.name).is_some();
    let mut lines: Vec<String> = text
        .lines()
        .filter(|text| !Line::parse(text).is_some_and(|line| is_old(&line)))
        .map(str::to_owned)
        .collect();
    let expires = (now + TEN_YEARS).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let secure = if host.scheme() == "https" { "TRUE" } else { "FALSE" };
    for (name, value) in NAMES.into_iter().filter_map(|name| Some((name, cookie.get(name)?))) {
        let host = host.host_str().unwrap_or_default();
        lines.push(format!("#HttpOnly_{host}\tFALSE\t/\t{secure}\t{expires}\t{name}\t{value}"));
    }
    lines.join("\n") + "\n"
}

/// Appears whole or not at all, and is never readable for others, not for a moment.
fn write_private(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // A part that a crash left could have any mode.
    let _ = fs::remove_file(&part);
    let mut written = options.open(&part)?;
    written.write_all(text)?;
    written.sync_all()?;
    fs::rename(&part, file)
}

/// A line of `cookies.txt`: domain, whether subdomains get it too, path, whether it needs TLS, expiry, name, value.
struct Line<'a> {
    domain: &'a str,
    subdomains: bool,
    secure: bool,
    /// Unix seconds; 0 for the life of a browser.
    expires: u64,
    name: &'a str,
    value: &'a str,
}

impl<'a> Line<'a> {
    fn parse(text: &'a str) -> Option<Line<'a>> {
        let text = text.strip_prefix("#HttpOnly_").unwrap_or(text);
        if text.starts_with('#') {
            return None;
        }
        let [domain, subdomains, _path, secure, expires, name, value] =
            text.trim_end().split('\t').collect::<Vec<_>>().try_into().ok()?;
        Some(Line {
            domain: domain.trim_start_matches('.'),
            subdomains: subdomains.eq_ignore_ascii_case("TRUE") || domain.starts_with('.'),
            secure: secure.eq_ignore_ascii_case("TRUE"),
            expires: expires.split('.').next()?.parse().ok()?,
            name,
            value,
        })
    }

    fn is_for(&self, host: &Url) -> bool {
        let name = host.host_str().unwrap_or_default();
        let below = || name.strip_suffix(self.domain).is_some_and(|label| label.ends_with('.'));
        (!self.secure || host.scheme() == "https")
            && !self.domain.is_empty()
            && (name.eq_ignore_ascii_case(self.domain) || (self.subdomains && below()))
    }

    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires != 0 && UNIX_EPOCH + Duration::from_secs(self.expires) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Url {
        Url::parse("https://pr0gramm.com/api").unwrap()
    }

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_780_000_000)
    }

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(read(text, &host(), now()).as_deref(), expected, "{text}");
    }

    #[test]
    fn reads_what_browsers_write() {
        check("pr0gramm.com\tFALSE\t/\tTRUE\t2095360000\tme\t%7B%7D\n", Some("me=%7B%7D"));
        check("# Netscape\n\n.pr0gramm.com\tTRUE\t/\tTRUE\t0\tme\tx\r\n", Some("me=x"));
        check("#HttpOnly_.pr0gramm.com\tTRUE\t/\tFALSE\t2095360000.5\tme\tx", Some("me=x"));
        check(
            "pr0gramm.com\tFALSE\t/\tTRUE\t0\tme\told\npr0gramm.com\tFALSE\t/\tTRUE\t0\tpp\t9\n\
             pr0gramm.com\tFALSE\t/\tTRUE\t0\tme\tnew\npr0gramm.com\tFALSE\t/\tTRUE\t0\t_ga\t1",
            Some("pp=9; me=new"),
        );
    }

    #[test]
    fn leaves_what_is_not_for_the_board() {
        check("", None);
        check("me=x", None);
        check("pr0gramm.com\tFALSE\t/\tTRUE\t1779999999\tme\texpired", None);
        check("pr0gramm.com\tFALSE\t/\tTRUE\t0\tpp\tno session", None);
        check("evilpr0gramm.com\tTRUE\t/\tTRUE\t0\tme\tx", None);
        check("com\tFALSE\t/\tTRUE\t0\tme\tx", None);
        check("img.pr0gramm.com\tTRUE\t/\tTRUE\t0\tme\tx", None);
        check("# pr0gramm.com\tFALSE\t/\tTRUE\t0\tme\tx", None);
        let plain = Url::parse("http://pr0gramm.com/api").unwrap();
        assert_eq!(read("pr0gramm.com\tFALSE\t/\tTRUE\t0\tme\tx", &plain, now()), None);
    }

    #[test]
    fn what_is_written_is_read_and_the_rest_stays() {
        let before =
            "# mine\nexample.org\tFALSE\t/\tTRUE\t0\tme\tother\n.pr0gramm.com\tTRUE\t/\tTRUE\t0\tme\told\n";
        let after = replaced(before, &host(), &Cookie::new(&host(), "me=new; pp=1"), now());
        assert!(after.starts_with("# mine\nexample.org\tFALSE\t/\tTRUE\t0\tme\tother\n"), "{after}");
        assert!(!after.contains("old"), "{after}");
        check(&after, Some("me=new; pp=1"));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cookies.txt");
        // Neither a file with another mode nor a part of a crash changes that.
        fs::write(&file, "# loose\n").unwrap();
        fs::write(folder.path().join("cookies.txt.part"), "").unwrap();
        write(&file, &host(), &Cookie::new(&host(), "me=x")).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
