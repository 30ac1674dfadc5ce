//! The walk over the pages of the listing, and over what was left without tags, that makes the work of a run.

use tagmill_model::{Item, ItemId, Progress};
use tagmill_store::{Interval, Intervals, Reader};
use tokio::sync::mpsc::Sender;

use crate::api::{Api, Cursor, Feed, Page};
use crate::opening::Opening;
use crate::plan::{Missing, Refresh, is_image};
use crate::{ApiError, Config, Error};

mod leftover;
mod search;
mod span;

use span::{Span, above, below};

/// One step towards a complete page.
#[derive(Debug)]
pub(crate) struct Work {
    /// The page that it belongs to; `None` where it completes no page.
    pub(crate) part: Option<Part>,
    pub(crate) task: Task,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Ask for the tags of an item of which this is all that is known.
    Ask(Item),
    /// Ask for the tags of an item whose older ones are known.
    Refresh(Item),
    /// Store what the listing said: no more is wanted, or no more is to be had.
    Keep(Item),
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
    /// Whether it came to its end: neither a limit nor anything else cut it short.
    pub(crate) is_done: bool,
}

/// The walk itself. It runs ahead of the requests for items as far as the channel lets it.
pub(crate) struct Walk<'a> {
    pub(crate) api: &'a dyn Api,
    pub(crate) feed: &'a Feed,
    pub(crate) reader: &'a Reader,
    pub(crate) config: &'a Config,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) within: Interval,
    pub(crate) missing: Missing,
    pub(crate) refresh: Option<Refresh>,
    /// The ids of `missing`.
    wanted: Intervals,
    /// The ids whose items were handed out. Pages overlap, and what one of them handed out may not be committed yet.
    visited: Intervals,
    /// How many items may still be asked for.
    left: u64,
    work: Sender<Work>,
    seen: Seen,
}

/// Whether there is reason to walk on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    /// The limit is reached, or nobody takes the work any more; whoever that is says why.
    Stop,
}

/// Why a stretch is walked.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// For items that are not known. A limit cuts its pages at their far end, `Up` or `Down`.
    Up,
    Down,
    /// For those that are to be asked for again.
    Refresh(Refresh),
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        opening: &'a Opening,
        missing: Missing,
        refresh: Option<Refresh>,
        reader: &'a Reader,
        config: &'a Config,
        progress: &'a dyn Progress,
        work: Sender<Work>,
    ) -> Walk<'a> {
        Walk {
            api: &*opening.api,
            feed: &opening.feed,
            reader,
            config,
            progress,
            within: opening.within,
            wanted: missing.ids(),
            missing,
            refresh,
            visited: Intervals::new(),
            left: config.limit.unwrap_or(u64::MAX),
            work,
            seen: Seen::default(),
        }
    }

    /// What was seen; whoever waits for work learns that there is no more.
    pub(crate) fn finish(self) -> Seen {
        self.seen
    }

    /// Walks until nothing is missing. `page` is the newest one.
    pub(crate) async fn walk(&mut self, page: Page) -> Result<(), Error> {
        self.look_at(&page);
        self.seen.is_done = self.walk_all(page).await? == Next::Go;
        Ok(())
    }

    async fn walk_all(&mut self, page: Page) -> Result<Next, Error> {
        if self.config.is_search() {
            return self.search(page).await;
        }
        if self.walk_feed(page).await? == Next::Stop {
            return Ok(Next::Stop);
        }
        if !self.config.listing_only && self.leftovers().await? == Next::Stop {
            return Ok(Next::Stop);
        }
        let Some(refresh) = self.refresh else { return Ok(Next::Go) };
        for interval in std::mem::take(&mut self.missing.refresh) {
            if self.descend(interval, None, Purpose::Refresh(refresh)).await?.is_none() {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::Go)
    }

    /// New items, then older ones, then holes.
    async fn walk_feed(&mut self, page: Page) -> Result<Next, Error> {
        if let Some(new) = self.missing.new
            && self.ascend(new).await? == Next::Stop
        {
            return Ok(Next::Stop);
        }
        if let Some(backfill) = self.missing.backfill {
            let is_newest = page.newest() == Some(backfill.last);
            let page = is_newest.then_some(page);
            if self.descend(backfill, page, Purpose::Down).await?.is_none() {
                return Ok(Next::Stop);
            }
        }
        // Pages overlap holes that come later: those are then done.
        let mut reached = ItemId(i64::MAX);
        for mut hole in std::mem::take(&mut self.missing.holes) {
            hole.last = hole.last.min(ItemId(reached.0 - 1));
            if hole.is_empty() {
                continue;
            }
            match self.descend(hole, None, Purpose::Down).await? {
                None => return Ok(Next::Stop),
                Some(lowest) => reached = lowest,
            }
        }
        Ok(Next::Go)
    }

    /// Walks down through a stretch; `page` is its first one, where it is at hand. Returns how far down the pages reached,
    /// `None` where there is reason to stop.
    async fn descend(
        &mut self,
        stretch: Interval,
        mut page: Option<Page>,
        purpose: Purpose,
    ) -> Result<Option<ItemId>, Error> {
        let mut cursor = ItemId(stretch.last.0.saturating_add(1));
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            let page = match page.take() {
                Some(page) => page,
                None => self.open(Cursor::Older(cursor.0)).await?,
            };
            let span = below(&page, cursor).ok_or(Error::Stuck { cursor })?;
            if self.hand_out(page, span, purpose).await? == Next::Stop {
                return Ok(None);
            }
            cursor = span.ids.first;
            if span.is_last || cursor <= stretch.first {
                return Ok(Some(cursor));
            }
        }
    }

    /// Walks up from the highest id that was scanned.
    async fn ascend(&mut self, stretch: Interval) -> Result<Next, Error> {
        let mut cursor = ItemId(stretch.first.0 - 1);
        loop {
            if self.left == 0 {
                return Ok(Next::Stop);
            }
            let page = self.open(Cursor::Newer(cursor.0)).await?;
            let span = above(&page, cursor).ok_or(Error::Stuck { cursor })?;
            if self.hand_out(page, span, Purpose::Up).await? == Next::Stop {
                return Ok(Next::Stop);
            }
            cursor = cursor.max(span.ids.last);
            if span.is_last || cursor >= stretch.last {
                return Ok(Next::Go);
            }
        }
    }

    async fn open(&mut self, cursor: Cursor) -> Result<Page, Error> {
        let page = self.api.page(self.feed, cursor).await.map_err(|source| self.failed(source))?;
        self.look_at(&page);
        Ok(page)
    }

    fn failed(&self, source: ApiError) -> Error {
        Error::of_board(source, self.config, self.feed.flags)
    }

    fn look_at(&mut self, page: &Page) {
        self.seen.pages += 1;
        self.seen.malformed += page.malformed;
        let (Some(first), Some(last)) = (page.items.first(), page.items.last()) else { return };
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

    /// Makes a page into tasks.
    async fn hand_out(&mut self, page: Page, span: Span, purpose: Purpose) -> Result<Next, Error> {
        let mut scanned = span.ids.intersection(self.within);
        let mut items: Vec<Item> = page.items.into_iter().filter(|item| scanned.contains(item.id)).collect();
        let needed = self.needed(&items, purpose).await?;
        if !matches!(purpose, Purpose::Up) {
            items.reverse();
        }
        let mut tasks = Vec::with_capacity(items.len());
        let mut next = Next::Go;
        for item in items {
            if self.visited.contains(item.id) {
                continue;
            }
            if needed.binary_search(&item.id).is_err() {
                self.seen.listed += 1;
                self.seen.known += 1;
                self.progress.advance(u64::from(self.wanted.contains(item.id)));
                continue;
            }
            if self.left == 0 {
                match purpose {
                    Purpose::Up => scanned.last = ItemId(item.id.0 - 1),
                    Purpose::Down | Purpose::Refresh(_) => scanned.first = ItemId(item.id.0 + 1),
                }
                next = Next::Stop;
                break;
            }
            tasks.push(self.task(item, purpose));
        }
        self.note_visited(scanned, purpose);
        if tasks.is_empty() {
            tasks.push(Task::Nothing);
        }
        // A refresh passes over what it was not asked for.
        let part = match purpose {
            Purpose::Refresh(_) => None,
            _ => Some(Part { number: self.seen.pages, scanned, tasks: tasks.len() }),
        };
        for task in tasks {
            if self.send(part, task).await == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(next)
    }

    /// A page may reach beyond what it was opened for; of what lies there, nothing was handed out.
    fn note_visited(&mut self, scanned: Interval, purpose: Purpose) {
        let scanned = [scanned].into_iter().collect();
        let visited = match purpose {
            Purpose::Refresh(_) => scanned,
            Purpose::Up | Purpose::Down => self.wanted.intersection(&scanned),
        };
        visited.iter().for_each(|interval| self.visited.insert(interval));
    }

    /// Those of a page's items that the database lacks, or has and is to get anew, by rising id.
    async fn needed(&self, items: &[Item], purpose: Purpose) -> Result<Vec<ItemId>, Error> {
        let Some((first, last)) = items.first().zip(items.last()) else { return Ok(Vec::new()) };
        if let Purpose::Refresh(Refresh { age, before }) = purpose {
            let span = Interval::new(first.id, last.id);
            return Ok(self.reader.fetched_young(span, age, before, u32::MAX).await?);
        }
        let ids: Vec<ItemId> =
            items.iter().map(|item| item.id).filter(|id| self.wanted.contains(*id)).collect();
        let known = self.reader.ids_with_tags(&ids).await?;
        Ok(ids.into_iter().filter(|id| known.binary_search(id).is_err()).collect())
    }

    /// What to do about an item, of which there is one less to do.
    fn task(&mut self, item: Item, purpose: Purpose) -> Task {
        self.seen.listed += 1;
        let leaves_out = self.config.images_only && !is_image(&item.image);
        let is_whole = item.tags_data.is_some();
        let task = match purpose {
            _ if is_whole => Task::Keep(item),
            Purpose::Refresh(_) => Task::Refresh(item),
            _ if self.config.listing_only || leaves_out => Task::Keep(item),
            _ => Task::Ask(item),
        };
        // What is stored without tags does not count, unless no tags are asked for at all.
        self.left -= u64::from(is_whole || self.config.listing_only || !matches!(task, Task::Keep(_)));
        task
    }

    async fn send(&self, part: Option<Part>, task: Task) -> Next {
        match self.work.send(Work { part, task }).await {
            Ok(()) => Next::Go,
            Err(_) => Next::Stop,
        }
    }
}
