//! What a database lacks of what its board has.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tagmill_model::{Flags, ItemId, MediaKind};
use tagmill_store::{Interval, Intervals, Reader};

use crate::api::Page;
use crate::opening::Opening;
use crate::{Config, Error, ask};

/// Items that are to be refreshed lie close together where no more than so many pages are between them: these cost less than
/// two walks.
const CLOSE_PAGES: i64 = 2;

/// Ids a question, while the table is searched for items to refresh.
const IDS_A_QUESTION: u32 = 10_000;

/// What a run will do, in its order. Counts of items and requests that hang on the board's density of ids are estimates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The content classes that are asked for.
    #[serde(serialize_with = "as_shown")]
    pub classes: Flags,
    /// The highest id on the board.
    pub newest: Option<ItemId>,
    /// The whole feed, or a selection of the board's whose size it does not tell.
    pub is_search: bool,
    /// Ids above all that is known.
    pub new: Stretch,
    /// Ids below all that is known.
    pub backfill: Stretch,
    /// Ids in between that were not scanned, or not for all of these classes.
    pub holes: Stretch,
    /// Items whose tags are to be asked for because they were left out, or failed.
    pub without_tags: u64,
    /// Items that were fetched young and are to be asked for again.
    pub refresh: u64,
    /// Requests in all, about.
    pub requests: u64,
    /// What the rate allows; `None` where there is no limit.
    #[serde(rename = "at_least_seconds", serialize_with = "seconds")]
    pub at_least: Option<Duration>,
}

/// Ids that the listing is to be walked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// In how many pieces.
    pub intervals: u64,
    /// How many ids they span.
    pub ids: u64,
    /// How many items that the database does not have, about.
    pub items: u64,
}

/// The plan in the terms of the walk.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Missing {
    /// Above everything known, to be walked upwards; without an end, as items come while the run goes on.
    pub(crate) new: Option<Interval>,
    /// Below everything known, to be walked downwards.
    pub(crate) backfill: Option<Interval>,
    /// In between, the newest first.
    pub(crate) holes: Vec<Interval>,
    /// Where items lie that are to be refreshed, the newest first.
    pub(crate) refresh: Vec<Interval>,
}

/// Which items a refresh asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refresh {
    /// They were younger than this when they were last fetched; seconds.
    pub(crate) age: i64,
    /// They were last fetched before this time, Unix seconds: what the refresh itself fetched is done.
    pub(crate) before: i64,
}

impl Refresh {
    /// What the configuration asks for; `began` is when the refresh began.
    pub(crate) fn of(config: &Config, began: i64) -> Option<Refresh> {
        let age = i64::try_from(config.refresh?.as_secs()).unwrap_or(i64::MAX);
        Some(Refresh { age, before: began })
    }
}

impl Missing {
    /// Compares what was scanned with all that there is.
    async fn of(reader: Option<&Reader>, opening: &Opening) -> Result<Missing, Error> {
        let within = opening.within;
        // What comes during a run of its own belongs to it, unless a date or a range says otherwise.
        let newest = opening.newest().unwrap_or(ItemId(0));
        let unknown =
            Missing { backfill: clipped(Interval::new(ItemId(1), newest), within), ..Missing::default() };
        let Some(reader) = reader else { return Ok(unknown) };
        let coverage = reader.coverage(opening.classes()).await?;
        // A database of the original has rows and no intervals: between its ends anything may be missing.
        let rows = reader.ids().await?;
        let ends = [coverage.iter().next(), coverage.iter().next_back(), rows];
        let known = ends
            .into_iter()
            .flatten()
            .reduce(|all, one| Interval::new(all.first.min(one.first), all.last.max(one.last)));
        let Some(known) = known else { return Ok(unknown) };
        let gaps = coverage.gaps(known);
        Ok(Missing {
            new: clipped(Interval::new(ItemId(known.last.0 + 1), within.last), within)
                .filter(|new| new.first <= newest),
            backfill: clipped(Interval::new(ItemId(1), ItemId(known.first.0 - 1)), within),
            holes: gaps.iter().rev().filter_map(|gap| clipped(gap, within)).collect(),
            refresh: Vec::new(),
        })
    }

    /// All that is to be walked for items that are not known.
    pub(crate) fn ids(&self) -> Intervals {
        self.new.into_iter().chain(self.backfill).chain(self.holes.iter().copied()).collect()
    }
}

fn clipped(interval: Interval, within: Interval) -> Option<Interval> {
    Some(interval.intersection(within)).filter(|interval| !interval.is_empty())
}

impl Plan {
    /// What is missing, as the walk needs it and as a person reads it.
    pub(crate) async fn of(
        reader: Option<&Reader>,
        opening: &Opening,
        config: &Config,
        refresh: Option<Refresh>,
    ) -> Result<(Plan, Missing), Error> {
        let mut plan = Plan {
            classes: opening.classes(),
            newest: opening.newest(),
            is_search: config.is_search(),
            new: Stretch::default(),
            backfill: Stretch::default(),
            holes: Stretch::default(),
            without_tags: 0,
            refresh: 0,
            requests: 0,
            at_least: None,
        };
        if config.is_search() {
            return Ok((plan, Missing::default()));
        }
        let mut missing = Missing::default();
        if !config.retry_failed {
            missing = Missing::of(reader, opening).await?;
            let density = density(&opening.page);
            let newest = opening.newest().unwrap_or(ItemId(0));
            let new = missing.new.map(|new| new.intersection(Interval::new(new.first, newest)));
            plan.new = stretch(new.as_slice(), density, None).await?;
            plan.backfill = stretch(missing.backfill.as_slice(), density, None).await?;
            plan.holes = stretch(&missing.holes, density, reader).await?;
        }
        let page = u64::from(config.board.page_size);
        let mut pages: u64 = [plan.new, plan.backfill, plan.holes]
            .iter()
            .map(|stretch| pages_of(stretch.ids, stretch.intervals, page))
            .sum();
        if let (Some(reader), false) = (reader, config.listing_only) {
            plan.without_tags = without_tags(reader, opening, config).await?;
        }
        if let (Some(reader), Some(refresh)) = (reader, refresh) {
            let (count, intervals) = to_refresh(reader, opening.within, refresh, page as i64).await?;
            pages += pages_of(intervals.iter().map(Interval::ids).sum(), intervals.len() as u64, page);
            (plan.refresh, missing.refresh) = (count, intervals);
        }
        let infos = match (config.listing_only, config.board.lists_tags) {
            (true, _) => 0,
            (false, true) => plan.without_tags,
            (false, false) => plan.items(),
        };
        plan.requests = pages + infos.min(config.limit.unwrap_or(u64::MAX));
        plan.at_least = opening.api.http().eta(plan.requests);
        Ok((plan, missing))
    }

    /// How many items will be asked for, about.
    pub fn items(&self) -> u64 {
        self.new.items + self.backfill.items + self.holes.items + self.without_tags + self.refresh
    }

    /// Whether there is nothing to do. Of a search that cannot be known beforehand.
    pub fn is_empty(&self) -> bool {
        let walks = [self.new, self.backfill, self.holes];
        !self.is_search
            && walks.iter().all(|stretch| stretch.ids == 0)
            && self.without_tags + self.refresh == 0
    }
}

/// Which share of ids has an item, as far as the newest page tells.
fn density(page: &Page) -> f64 {
    match (page.items.first(), page.items.last()) {
        (Some(first), Some(last)) => page.items.len() as f64 / Interval::new(first.id, last.id).ids() as f64,
        _ => 1.0,
    }
}

/// `reader` where the database has some of the items already.
async fn stretch(intervals: &[Interval], density: f64, reader: Option<&Reader>) -> Result<Stretch, Error> {
    let ids: u64 = intervals.iter().map(Interval::ids).sum();
    let mut known = 0;
    if let Some(reader) = reader {
        for interval in intervals {
            known += reader.count(*interval).await?;
        }
    }
    let items = ((ids as f64 * density) as u64).saturating_sub(known);
    Ok(Stretch { intervals: intervals.len() as u64, ids, items })
}

/// At most: a full page spans more ids than it has items.
fn pages_of(ids: u64, intervals: u64, page_size: u64) -> u64 {
    (ids / page_size).max(intervals)
}

/// Items without tags that a run asks for.
async fn without_tags(reader: &Reader, opening: &Opening, config: &Config) -> Result<u64, Error> {
    if config.retry_failed {
        return Ok(reader.failures(opening.within).await?.len() as u64);
    }
    let groups = reader.count_without_tags(opening.within).await?;
    let wanted = |flags: Flags, ending: &str| {
        opening.classes().contains(flags) && (!config.images_only || is_image(ending))
    };
    let count: u64 =
        groups.iter().filter(|(flags, end, _)| wanted(*flags, end)).map(|(.., count)| count).sum();
    let failures = reader.failures(opening.within).await?;
    let gone = failures.iter().filter(|failure| ask::is_gone(failure)).count() as u64;
    Ok(count.saturating_sub(gone))
}

/// By its extension, wherever it lies.
pub(crate) fn is_image(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    MediaKind::of_extension(extension) == MediaKind::Image
}

/// How many items are to be refreshed, and where they lie, the newest first.
async fn to_refresh(
    reader: &Reader,
    within: Interval,
    refresh: Refresh,
    page_size: i64,
) -> Result<(u64, Vec<Interval>), Error> {
    let (mut count, mut intervals) = (0, Vec::<Interval>::new());
    let mut rest = within;
    loop {
        let ids = reader.fetched_young(rest, refresh.age, refresh.before, IDS_A_QUESTION).await?;
        for id in &ids {
            count += 1;
            match intervals.last_mut() {
                Some(last) if id.0 - last.last.0 <= CLOSE_PAGES * page_size => last.last = *id,
                _ => intervals.push(Interval::new(*id, *id)),
            }
        }
        match ids.last() {
            Some(last) => rest.first = ItemId(last.0 + 1),
            None => break,
        }
    }
    intervals.reverse();
    Ok((count, intervals))
}

/// As a person writes them: `sfw,nsfp`.
fn as_shown<S: serde::Serializer>(flags: &Flags, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(flags)
}

fn seconds<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs()).serialize(serializer)
}

/// A line a part, for a person.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.newest {
            Some(newest) => write!(f, "the board's newest item of class `{}` is {newest}", self.classes)?,
            None => write!(f, "the board has no item of class `{}`", self.classes)?,
        }
        if self.is_search {
            return write!(f, "\na search: how many items it finds shows only on the way");
        }
        for (name, stretch) in [("new", self.new), ("backfill", self.backfill), ("holes", self.holes)] {
            let Stretch { intervals, ids, items } = stretch;
            if ids > 0 {
                write!(f, "\n{name:<12} about {items} items on {ids} ids")?;
                if intervals > 1 {
                    write!(f, " in {intervals} pieces")?;
                }
            }
        }
        for (name, count) in [("without tags", self.without_tags), ("to refresh", self.refresh)] {
            if count > 0 {
                write!(f, "\n{name:<12} {count} items")?;
            }
        }
        if self.is_empty() {
            return f.write_str("\nnothing is missing");
        }
        write!(f, "\nabout {} requests", self.requests)?;
        match self.at_least {
            Some(at_least) => write!(f, ", at least {}", Span(at_least)),
            None => f.write_str(", as fast as the board answers"),
        }
    }
}

/// `14 d 3 h`: the two largest units.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min"),
            (0, ..) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let span = |seconds| Span(Duration::from_secs(seconds)).to_string();
        assert_eq!([0, 59, 60, 3_599].map(span), ["0 s", "59 s", "1 min", "59 min"]);
        assert_eq!(
            [3_600, 86_399, 86_400, 1_220_400].map(span),
            ["1 h 0 min", "23 h 59 min", "1 d 0 h", "14 d 3 h"]
        );
    }
}
