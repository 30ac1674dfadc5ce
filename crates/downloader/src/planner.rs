//! Sorting the rows of a source, one by one.

use std::collections::HashMap;

use tagmill_http::Url;
use tagmill_model::{Flags, ItemId, MediaKind, MediaPath};

use crate::Config;
use crate::gone;
use crate::hosts::{Hosts, Variant, url_of};
use crate::paths::{Inserted, Paths, Place};
use crate::report::{FailedItem, Reason, Report};

/// A row of a source. Nothing in it is trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) id: ItemId,
    /// Of the item's medium, as the board sent it.
    pub(crate) path: &'a str,
    pub(crate) class: Flags,
    /// Of the variant, where one other than the medium is wanted and the board named one.
    pub(crate) other: Option<&'a str>,
}

/// A file to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) id: ItemId,
    /// Under which it is saved.
    pub(crate) path: MediaPath,
    /// Under which the host has it.
    pub(crate) remote: MediaPath,
    /// Where it is, the likeliest first.
    pub(crate) urls: Vec<Url>,
    /// What this file's host is relative to, for messages on the host.
    pub(crate) host: Url,
}

/// The files to get, in little memory: millions of them are planned before the first is asked for.
pub(crate) struct Queue {
    paths: Paths,
    wanted: Vec<(ItemId, Place)>,
    /// The hosts' paths that are not those on disk.
    others: HashMap<Place, Box<str>>,
    variant: Variant,
    hosts: Hosts,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// The files, each made when it is its turn.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Wanted> {
        self.wanted.iter().map(|entry| self.wanted(*entry))
    }

    pub(crate) fn wanted(&self, (id, place): (ItemId, Place)) -> Wanted {
        let parse = |path| MediaPath::parse(path).expect("only paths that were checked are planned");
        let path = parse(self.paths.get(place));
        let (variant, remote) = match self.others.get(&place) {
            Some(other) => (self.variant, parse(other)),
            None => (Variant::Image, path.clone()),
        };
        let hosts = self.hosts.of(variant, &path);
        let urls = hosts.iter().map(|base| url_of(base, &remote)).collect();
        let host = hosts.first().expect("each kind has a host, as was checked").clone();
        Wanted { id, path, remote, urls, host }
    }
}

/// Sorts the rows of a source.
pub(crate) struct Planner {
    include_videos: bool,
    classes: Flags,
    limit: u64,
    retry_failed: bool,
    /// Names and ports of the hosts.
    authorities: Vec<String>,
    /// Of each file that was there at first, whether a row asked for it. These come first among the paths.
    is_claimed: Vec<bool>,
    /// Planned files that are there, where they are to be looked at again.
    present: Option<Vec<(ItemId, Place)>>,
    /// What earlier runs found gone.
    pub(crate) gone: gone::Remembered,
    pub(crate) queue: Queue,
    pub(crate) report: Report,
}

impl Planner {
    pub(crate) fn new(config: &Config) -> Planner {
        let authority = |url: &Url| url.authority().rsplit('@').next().unwrap_or_default().to_owned();
        let mut authorities: Vec<String> = config.hosts.all().map(authority).collect();
        authorities.sort_unstable();
        authorities.dedup();
        Planner {
            include_videos: config.include_videos,
            classes: config.classes,
            limit: config.limit.unwrap_or(u64::MAX),
            retry_failed: config.retry_failed,
            authorities,
            is_claimed: Vec::new(),
            present: config.verify_existing.then(Vec::new),
            gone: gone::Remembered::default(),
            queue: Queue {
                paths: Paths::default(),
                wanted: Vec::new(),
                others: HashMap::new(),
                variant: config.variant,
                hosts: config.hosts.clone(),
            },
            report: Report::default(),
        }
    }

    /// A file is there. To be told before any row.
    pub(crate) fn add_present(&mut self, path: &str) {
        // Of two that differ in case alone, the second is nobody's.
        if let Inserted::New(_) = self.queue.paths.insert(path) {
            self.is_claimed.push(false);
        }
    }

    pub(crate) fn present_count(&self) -> usize {
        self.is_claimed.len()
    }

    /// Whether a file is there or planned.
    pub(crate) fn is_there(&self, path: &str) -> bool {
        self.queue.paths.contains(path)
    }

    /// The planned files that are there, once.
    pub(crate) fn take_present(&mut self) -> Vec<(ItemId, Place)> {
        self.present.take().unwrap_or_default()
    }

    /// A planned file that was there is no more.
    pub(crate) fn lose(&mut self, entry: (ItemId, Place)) {
        self.report.present -= 1;
        self.report.quarantined += 1;
        let path = self.queue.paths.get(entry.1);
        if MediaPath::is_imported(path) {
            let (reason, detail) = imported();
            let path = path.to_owned();
            self.report.fail(FailedItem { id: entry.0, path, reason, detail });
        } else {
            self.queue.wanted.push(entry);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.report.planned >= self.limit
    }

    pub(crate) fn add(&mut self, row: &Candidate<'_>) {
        if let Err((path, reason, detail)) = self.sort(row) {
            self.report.planned += 1;
            self.report.fail(FailedItem {
                id: row.id,
                path: path.escape_debug().to_string(),
                reason,
                detail,
            });
        }
    }

    /// Finds the place of a row; the error is a path, and why it cannot be used.
    fn sort<'a>(&mut self, row: &Candidate<'a>) -> Result<(), (&'a str, Reason, String)> {
        if row.path.is_empty() {
            self.report.without_medium += 1;
            return Ok(());
        }
        let located = |path: &'a str| {
            locate(&self.authorities, path).map_err(|(reason, detail)| (path, reason, detail))
        };
        let path = located(row.path)?;
        let other = row.other.filter(|other| !other.is_empty()).map(located).transpose()?;
        let is_kind = match (self.queue.variant, MediaKind::of_path(path)) {
            // A thumbnail is a picture, whatever it shows.
            (Variant::Thumb, _) | (_, MediaKind::Image) => true,
            (_, MediaKind::Video) => self.include_videos,
            (_, MediaKind::Other) => false,
        };
        if !is_kind || !self.classes.contains(row.class & Flags::EVERY_CLASS) {
            self.report.skipped += 1;
            return Ok(());
        }
        if let (Variant::Thumb, None) = (self.queue.variant, other) {
            return Err((row.path, Reason::NoVariant, "the database names no thumbnail".to_owned()));
        }
        let place = match self.queue.paths.insert(path) {
            Inserted::Collides(place) => {
                let known = self.queue.paths.get(place);
                let detail = format!("it differs from `{}` in case alone", known.escape_debug());
                return Err((row.path, Reason::Collision, detail));
            }
            Inserted::Known(place) => match self.is_claimed.get_mut(place as usize) {
                Some(is_claimed) if !*is_claimed => {
                    *is_claimed = true;
                    self.report.present += 1;
                    if let Some(present) = &mut self.present {
                        present.push((row.id, place));
                    }
                    place
                }
                _ => {
                    self.report.duplicates += 1;
                    return Ok(());
                }
            },
            Inserted::New(_) if MediaPath::is_imported(path) => {
                let (reason, detail) = imported();
                return Err((row.path, reason, detail));
            }
            Inserted::New(place) => {
                if !self.retry_failed && self.gone.contains(path) {
                    self.report.known_gone += 1;
                } else {
                    self.queue.wanted.push((row.id, place));
                }
                place
            }
        };
        if let Some(other) = other {
            self.queue.others.insert(place, other.into());
        }
        self.report.planned += 1;
        Ok(())
    }
}

/// Why a host is not asked for what was imported.
fn imported() -> (Reason, String) {
    (Reason::Imported, "no host has it, as it was imported; `tagmill import` puts it there again".to_owned())
}

/// Boards send paths, and at times whole addresses, with a scheme or without.
fn locate<'a>(authorities: &[String], path: &'a str) -> Result<&'a str, (Reason, String)> {
    let address = path.strip_prefix("https:").or_else(|| path.strip_prefix("http:")).unwrap_or(path);
    let path =
        match address.strip_prefix("//").map(|address| address.split_once('/').unwrap_or((address, ""))) {
            None => path,
            Some((found, path)) if authorities.iter().any(|known| known.eq_ignore_ascii_case(found)) => path,
            Some((found, _)) => {
                return Err((Reason::OtherHost, format!("it lies on `{}`", found.escape_debug())));
            }
        };
    MediaPath::check(path).map_err(|fault| (Reason::UnsafePath, fault.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Source;

    fn planner(present: &[&str], change: impl FnOnce(&mut Config)) -> Planner {
        let hosts = Hosts::one("https://Img.example/".parse().unwrap());
        let mut config = Config::new(Source::Items("items.db".into()), "media".into(), hosts);
        change(&mut config);
        let mut planner = Planner::new(&config);
        present.iter().for_each(|path| planner.add_present(path));
        planner
    }

    impl Planner {
        fn add_path(&mut self, id: i64, path: &str) {
            self.add(&Candidate { id: ItemId(id), path, class: Flags::SFW, other: None });
        }

        fn wanted(&self) -> Vec<String> {
            self.queue.iter().map(|wanted| wanted.path.to_string()).collect()
        }
    }

    #[track_caller]
    fn check(path: &str, expected: Result<&str, Reason>) {
        let mut planner = planner(&[], |_| {});
        planner.add_path(7, path);
        let wanted = planner.wanted();
        let found = match wanted.first() {
            Some(wanted) => Ok(wanted.as_str()),
            None => Err(planner.report.failures[0].reason),
        };
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_are_hostile() {
        check("2024/a.jpg", Ok("2024/a.jpg"));
        check("/2024/a.jpg", Ok("2024/a.jpg"));
        check("//img.example/2024/a.jpg", Ok("2024/a.jpg"));
        check("https://img.example/2024/a.jpg", Ok("2024/a.jpg"));
        check("https://img.example.evil/a.jpg", Err(Reason::OtherHost));
        check("//me@img.example/a.jpg", Err(Reason::OtherHost));
        check("//169.254.169.254/a.jpg", Err(Reason::OtherHost));
        check("//img.example", Err(Reason::UnsafePath));
        check("//img.example/../a.jpg", Err(Reason::UnsafePath));
        check("../a.jpg", Err(Reason::UnsafePath));
        check("file:///a.jpg", Err(Reason::UnsafePath));
        check("/", Err(Reason::UnsafePath));
        check("a\0.jpg", Err(Reason::UnsafePath));
    }

    #[test]
    fn kinds_and_limits() {
        let paths = ["a.jpg", "b.mp4", "c.txt", "d.gif", "d.gif", "e.webp"];
        let plan = |change: fn(&mut Config)| {
            let mut planner = planner(&["d.gif", "other.jpg"], change);
            for (id, path) in (1..).zip(paths) {
                if !planner.is_full() {
                    planner.add_path(id, path);
                }
            }
            let (wanted, report) = (planner.wanted(), planner.report);
            (wanted.join(" "), report.planned, report.present, report.duplicates, report.skipped)
        };
        assert_eq!(plan(|_| {}), ("a.jpg e.webp".to_owned(), 3, 1, 1, 2));
        assert_eq!(
            plan(|config| config.include_videos = true),
            ("a.jpg b.mp4 e.webp".to_owned(), 4, 1, 1, 1)
        );
        assert_eq!(plan(|config| config.limit = Some(2)), ("a.jpg".to_owned(), 2, 1, 0, 2));
        assert_eq!(plan(|config| config.limit = Some(0)), (String::new(), 0, 0, 0, 0));
    }

    /// Some boards say of an item that it is there, but not where.
    #[test]
    fn an_item_without_a_path_is_no_failure() {
        let mut planner = planner(&[], |_| {});
        ["", "a.jpg", ""].into_iter().for_each(|path| planner.add_path(1, path));
        let Report { planned, failed, skipped, without_medium, .. } = planner.report;
        assert_eq!((planned, failed, skipped, without_medium), (1, 0, 0, 2));
    }

    #[test]
    fn each_variant_lies_on_its_own_host_under_the_items_path() {
        let urls = |variant, path: &str, other: Option<&str>| {
            let mut planner = planner(&[], |config| {
                config.variant = variant;
                config.include_videos = true;
                let hosts = |names: &[&str]| {
                    let urls = names.iter().map(|name| format!("https://{name}.pr0gramm.com/"));
                    urls.map(|url| Url::parse(&url).unwrap()).collect()
                };
                config.hosts = Hosts {
                    image: hosts(&["img", "images"]),
                    video: hosts(&["vid", "videos", "img"]),
                    full: hosts(&["full", "fullsize"]),
                    thumb: hosts(&["thumb"]),
                };
            });
            planner.add(&Candidate { id: ItemId(1), path, class: Flags::SFW, other });
            match planner.queue.iter().next() {
                Some(wanted) => {
                    let urls: Vec<String> =
                        wanted.urls.iter().map(|url| url.as_str().replace("pr0gramm.com/", "")).collect();
                    format!("{} {}", wanted.path, urls.join(" "))
                }
                None => planner.report.failures[0].reason.to_string(),
            }
        };
        use Variant::{Full, Image, Thumb};
        assert_eq!(urls(Image, "1/a.jpg", None), "1/a.jpg https://img.1/a.jpg https://images.1/a.jpg");
        assert_eq!(
            urls(Image, "a.mp4", None),
            "a.mp4 https://vid.a.mp4 https://videos.a.mp4 https://img.a.mp4"
        );
        assert_eq!(urls(Full, "a.jpg", Some("a.png")), "a.jpg https://full.a.png https://fullsize.a.png");
        assert_eq!(urls(Full, "a.jpg", Some("")), "a.jpg https://img.a.jpg https://images.a.jpg");
        assert_eq!(urls(Full, "a.jpg", None), "a.jpg https://img.a.jpg https://images.a.jpg");
        assert_eq!(urls(Thumb, "a.mp4", Some("//thumb.pr0gramm.com/a.jpg")), "a.mp4 https://thumb.a.jpg");
        assert_eq!(urls(Thumb, "a.jpg", None), "no such variant");
        assert_eq!(urls(Thumb, "a.jpg", Some("../a.jpg")), "unsafe path");
        assert_eq!(urls(Thumb, "a.jpg", Some("//elsewhere/a.jpg")), "on another host");
        assert_eq!(
            urls(Image, "//videos.pr0gramm.com/a.jpg", None),
            "a.jpg https://img.a.jpg https://images.a.jpg"
        );
    }

    #[test]
    fn no_host_is_asked_for_what_was_imported() {
        let mut planner =
            planner(&["imported/ab/a.jpg", "imported/ab/b.jpg"], |config| config.verify_existing = true);
        for (id, path) in [(1, "imported/ab/a.jpg"), (2, "imported/ab/b.jpg"), (3, "imported/ab/c.jpg")] {
            planner.add_path(id, path);
        }
        let present = planner.take_present();
        assert_eq!((planner.report.present, planner.report.failures[0].id), (2, ItemId(3)));
        planner.lose(present[1]);
        assert!(planner.wanted().is_empty());
        let Report { planned, present, failed, quarantined, failures, .. } = planner.report;
        assert_eq!((planned, present, failed, quarantined), (3, 1, 2, 1));
        assert!(failures.iter().all(|item| item.reason == Reason::Imported));
    }

    #[test]
    fn case_alone_makes_no_other_file() {
        let mut planner = planner(&["A.jpg"], |_| {});
        for path in ["a.jpg", "b.jpg", "B.JPG", "b.jpg", "A.jpg"] {
            planner.add_path(1, path);
        }
        assert_eq!(planner.wanted(), ["b.jpg"]);
        let Report { planned, present, failed, duplicates, failures, .. } = planner.report;
        assert_eq!((planned, present, failed, duplicates), (4, 1, 2, 1));
        assert_eq!((failures[0].reason, failures[0].path.as_str()), (Reason::Collision, "a.jpg"));
        assert_eq!(failures[1].detail, "it differs from `b.jpg` in case alone");
    }

    proptest! {
        /// Every file is planned once, and nothing is asked for that is there.
        #[test]
        fn a_plan_adds_up(present in prop::collection::vec("[a-eA-C]\\.jpg", 0..5), rows in prop::collection::vec("[a-hA-C/]{1,2}\\.(jpg|mp4)", 0..40)) {
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let mut planner = planner(&present, |_| {});
            for (id, path) in (1..).zip(&rows) {
                planner.add_path(id, path);
            }
            let (wanted, report) = (planner.wanted(), planner.report);
            prop_assert_eq!(report.planned, report.present + wanted.len() as u64 + report.failed);
            prop_assert_eq!(report.planned + report.duplicates + report.skipped, rows.len() as u64);
            // Not even on a disk that knows no case.
            let folded = |path: &str| path.to_lowercase();
            let mut paths: Vec<String> = wanted.iter().map(|path| folded(path)).collect();
            paths.sort_unstable();
            paths.dedup();
            prop_assert_eq!(paths.len(), wanted.len());
            prop_assert!(present.iter().all(|path| !paths.contains(&folded(path))));
        }
    }
}
