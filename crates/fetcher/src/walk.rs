//! What is missing, and the walk over the pages of the listing that brings it.

use std::collections::BTreeSet;

use tagmill_model::{Item, ItemId, MediaKind, Progress};
use tagmill_store::{Interval, Intervals, Reader};
use tokio::sync::mpsc::Sender;

use crate::api::Page;
use crate::{ApiError, Config, Error, Pr0gramm};

mod span;

use span::{Span, above, below};

/// Why an item that failed once is not asked for again.
const GONE: &str = "no longer listed";

/// One step towards a complete page.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) page: Part,
    pub(crate) task: Task,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Ask for the tags of an item of which this is all that is known.
    Ask(Item),
    /// Store what the listing said, and no more.
    Keep(Item),
    /// Note that an item which failed before is not on the board any more.
    Forget(ItemId, &'static str),
    /// Nothing: everything on the page is known.
    Nothing,
}

/// The page that a task belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Which one.
    pub(crate) number: u64,
    /// The ids that are complete once all tasks of the page are done.
    pub(crate) scanned: Interval,
    /// How many tasks that are.
    pub(crate) tasks: usize,
}

/// What the walk saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) listed: u64,
    pub(crate) known: u64,
    pub(crate) malformed: u64,
    pub(crate) pages: u64,
    pub(crate) newest: Option<ItemId>,
    pub(crate) oldest: Option<ItemId>,
}

/// What a database lacks.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// The highest id that was ever scanned; above it everything is new.
    top: Option<ItemId>,
    /// Ids up to `top` that were not scanned, or failed.
    missing: Intervals,
    /// Those that failed.
    failed: BTreeSet<ItemId>,
}

impl Plan {
    /// Compares what was scanned and what failed with the whole range of ids.
    pub(crate) async fn of(reader: &Reader, config: &Config) -> Result<Plan, tagmill_store::Error> {
        let coverage = reader.coverage(config.flags).await?;
        let Some(top) = coverage.iter().next_back().map(|interval| interval.last) else {
            return Ok(Plan::default());
        };
        let everything = Interval::new(ItemId(1), top);
        let mut missing = coverage.gaps(everything);
        let mut failed = BTreeSet::new();
        for failure in reader.failures(everything).await? {
            // What failed outside of the coverage is listed again anyway.
            if failure.reason != GONE
                && coverage.contains(failure.id)
                && is_wanted(failure.id, reader, config).await?
            {
                failed.insert(failure.id);
                missing.insert(Interval::new(failure.id, failure.id));
            }
        }
        Ok(Plan { top: Some(top), missing, failed })
    }

    /// What is missing up to `top`: the oldest items first, as that is most of it, then from new to old.
    fn gaps(&self) -> Vec<Interval> {
        let mut gaps: Vec<Interval> = self.missing.iter().rev().collect();
        if gaps.last().is_some_and(|gap| gap.first == ItemId(1)) {
            gaps.rotate_right(1);
        }
        gaps
    }
}

/// The walk itself. It runs ahead of the requests for items as far as the channel lets it.
pub(crate) struct Walk<'a> {
    pub(crate) api: &'a Pr0gramm,
    pub(crate) reader: &'a Reader,
    pub(crate) config: &'a Config,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) plan: Plan,
    /// What pages of this run speak for. Pages overlap, and what one of them handed out may not be committed yet.
    pub(crate) visited: Intervals,
    pub(crate) work: Sender<Work>,
    pub(crate) seen: Seen,
}

/// Whether there is reason to walk on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    /// The limit is reached, or nobody takes the work any more; whoever that is says why.
    Stop,
}

/// Which way a page is worked through. A limit cuts it at its far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

impl Walk<'_> {
    /// Walks until nothing is missing.
    pub(crate) async fn walk(&mut self) -> Result<(), Error> {
        let mut left = self.config.limit.unwrap_or(u64::MAX);
        let page = self.api.newest().await;
        let page = self.opened(page)?;
        let newest = page.newest().unwrap_or(ItemId(0));
        self.progress.start("fetching", Some(self.estimate(&page).min(left)));
        let Some(top) = self.plan.top else {
            let gap = Interval::new(ItemId(1), newest);
            self.descend(gap, Some(page), &mut left).await?;
            return Ok(());
        };
        if newest > top && self.ascend(top, &mut left).await? == Next::Stop {
            return Ok(());
        }
        // Pages overlap gaps that come later: those are then done.
        let mut reached = ItemId(i64::MAX);
        for mut gap in self.plan.gaps() {
            if gap.first != ItemId(1) {
                gap.last = gap.last.min(ItemId(reached.0 - 1));
            }
            if gap.is_empty() {
                continue;
            }
            let lowest = self.descend(gap, None, &mut left).await?;
            match lowest {
                None => return Ok(()),
                Some(lowest) if gap.first != ItemId(1) => reached = lowest,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// How many items are missing, as far as the newest page tells how many ids have one.
    fn estimate(&self, newest_page: &Page) -> u64 {
        let (Some(first), Some(last)) = (newest_page.items.first(), newest_page.items.last()) else {
            return 0;
        };
        let top = self.plan.top.unwrap_or(ItemId(0));
        let new = last.id.0.saturating_sub(top.0).max(0).unsigned_abs();
        let ids = new.saturating_add(self.plan.missing.ids());
        let on_page = newest_page.items.len() as u128;
        let of_page = u128::from(Interval::new(first.id, last.id).ids());
        u64::try_from(u128::from(ids) * on_page / of_page).unwrap_or(u64::MAX)
    }

    /// Walks down through a gap; `page` is its first one, where it is at hand. Returns how far down the pages reached,
    /// `None` where there is reason to stop.
    async fn descend(
        &mut self,
        gap: Interval,
        mut page: Option<Page>,
        left: &mut u64,
    ) -> Result<Option<ItemId>, Error> {
        let mut cursor = ItemId(gap.last.0.saturating_add(1));
        loop {
            if *left == 0 {
                return Ok(None);
            }
            let page = match page.take() {
                Some(page) => page,
                None => {
                    let page = self.api.older(cursor).await;
                    self.opened(page)?
                }
            };
            let span = below(&page, cursor).ok_or(Error::Stuck { cursor })?;
            if self.hand_out(page, span, Direction::Down, left).await? == Next::Stop {
                return Ok(None);
            }
            cursor = span.ids.first;
            if span.is_last || cursor <= gap.first {
                return Ok(Some(cursor));
            }
        }
    }

    /// Walks up from the highest id that was scanned.
    async fn ascend(&mut self, top: ItemId, left: &mut u64) -> Result<Next, Error> {
        let mut cursor = top;
        loop {
            if *left == 0 {
                return Ok(Next::Stop);
            }
            let page = self.api.newer(cursor).await;
            let page = self.opened(page)?;
            let span = above(&page, cursor).ok_or(Error::Stuck { cursor })?;
            if self.hand_out(page, span, Direction::Up, left).await? == Next::Stop {
                return Ok(Next::Stop);
            }
            cursor = cursor.max(span.ids.last);
            if span.is_last {
                return Ok(Next::Go);
            }
        }
    }

    fn opened(&mut self, page: Result<Page, ApiError>) -> Result<Page, Error> {
        let page = page.map_err(|source| Error::of_board(source, self.config))?;
        self.seen.pages += 1;
        self.seen.malformed += page.malformed;
        if let (Some(first), Some(last)) = (page.items.first(), page.items.last()) {
            self.seen.oldest = Some(self.seen.oldest.map_or(first.id, |oldest| oldest.min(first.id)));
            self.seen.newest = self.seen.newest.max(Some(last.id));
            tracing::debug!(
                items = page.items.len(),
                malformed = page.malformed,
                first = first.id.0,
                last = last.id.0,
                "page of the listing"
            );
        }
        Ok(page)
    }

    /// Makes a page into tasks. `left` is how many items may still be asked for.
    async fn hand_out(
        &mut self,
        page: Page,
        span: Span,
        direction: Direction,
        left: &mut u64,
    ) -> Result<Next, Error> {
        let mut scanned = span.ids;
        let mut tasks = Vec::with_capacity(page.items.len());
        tasks.extend(self.gone(&page, scanned));
        let mut items: Vec<Item> = page.items.into_iter().filter(|item| scanned.contains(item.id)).collect();
        let with_tags = match (items.first(), items.last()) {
            (Some(first), Some(last)) => self.reader.ids_with_tags(Interval::new(first.id, last.id)).await?,
            _ => Vec::new(),
        };
        if direction == Direction::Down {
            items.reverse();
        }
        let mut next = Next::Go;
        for item in items {
            self.seen.listed += 1;
            if !self.lacks(item.id) {
                self.seen.known += 1;
            } else if with_tags.binary_search(&item.id).is_ok() {
                self.seen.known += 1;
                self.progress.advance(1);
            } else if self.config.images_only && !is_image(&item.image) {
                tasks.push(Task::Keep(item));
            } else if *left > 0 {
                *left -= 1;
                tasks.push(Task::Ask(item));
            } else {
                match direction {
                    Direction::Down => scanned.first = ItemId(item.id.0 + 1),
                    Direction::Up => scanned.last = ItemId(item.id.0 - 1),
                }
                self.seen.listed -= 1;
                next = Next::Stop;
                break;
            }
        }
        self.visited.insert(scanned);
        if tasks.is_empty() {
            tasks.push(Task::Nothing);
        }
        let part = Part { number: self.seen.pages, scanned, tasks: tasks.len() };
        for task in tasks {
            if self.work.send(Work { page: part, task }).await.is_err() {
                return Ok(Next::Stop);
            }
        }
        Ok(next)
    }

    fn lacks(&self, id: ItemId) -> bool {
        let Plan { top, missing, .. } = &self.plan;
        (top.is_none_or(|top| id > top) || missing.contains(id)) && !self.visited.contains(id)
    }

    /// Items that failed before, should stand on this page and do not.
    fn gone(&self, page: &Page, scanned: Interval) -> Vec<Task> {
        let is_on_page = |id: &ItemId| page.items.binary_search_by_key(id, |item| item.id).is_ok();
        if scanned.is_empty() || page.malformed > 0 {
            return Vec::new();
        }
        let should_be = self.plan.failed.range(scanned.first..=scanned.last);
        should_be.filter(|id| !is_on_page(id)).map(|id| Task::Forget(*id, GONE)).collect()
    }
}

/// Whether an item that failed is one of those that this run asks for. A listing of other classes would not show it, and
/// that would not mean that it is gone.
async fn is_wanted(id: ItemId, reader: &Reader, config: &Config) -> Result<bool, tagmill_store::Error> {
    let rows = reader.media_page(Some(ItemId(id.0 - 1)), 1).await?;
    Ok(rows.first().is_some_and(|row| {
        row.id == id && config.flags.contains(row.flags) && (!config.images_only || is_image(&row.image))
    }))
}

/// By its extension, wherever it lies.
fn is_image(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    MediaKind::of_extension(extension) == MediaKind::Image
}
