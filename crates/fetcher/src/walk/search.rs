//! A selection of the board's: the hits of a search, or the top feed. It says nothing of what is not in it, so nothing is
//! noted as scanned.

use tagmill_model::{Item, ItemId};
use tagmill_store::Interval;

use super::span::is_pinned;
use super::{Next, Purpose, Walk};
use crate::Error;
use crate::api::{Cursor, Page};

impl Walk<'_> {
    pub(super) async fn search(&mut self, mut page: Page) -> Result<Next, Error> {
        let mut cursor = i64::MAX;
        loop {
            let at_end = page.at_end;
            let lowest =
                page.items.iter().filter(|item| !is_pinned(item)).map(|item| self.position(item)).min();
            // Of the feed of ids, what lies below the range is not asked for.
            let is_below =
                !self.config.promoted && lowest.is_some_and(|lowest| lowest <= self.within.first.0);
            if self.hand_out_hits(page).await? == Next::Stop {
                return Ok(Next::Stop);
            }
            match lowest {
                _ if at_end == Some(true) || is_below => return Ok(Next::Go),
                Some(lowest) if lowest < cursor => cursor = lowest,
                // An empty page is the end where the board says nothing else.
                None if at_end.is_none() => return Ok(Next::Go),
                _ => return Err(Error::Stuck { cursor: ItemId(cursor) }),
            }
            page = self.open(Cursor::Older(cursor)).await?;
        }
    }

    fn position(&self, item: &Item) -> i64 {
        if self.config.promoted { item.promoted } else { item.id.0 }
    }

    async fn hand_out_hits(&mut self, page: Page) -> Result<Next, Error> {
        let ids: Vec<ItemId> = page.items.iter().map(|item| item.id).collect();
        let known = self.reader.ids_with_tags(&ids).await?;
        let within = self.within;
        for item in page.items.into_iter().rev().filter(|item| within.contains(item.id)) {
            if self.visited.contains(item.id) {
                continue;
            }
            if known.binary_search(&item.id).is_ok() {
                self.seen.listed += 1;
                self.seen.known += 1;
                continue;
            }
            if self.left == 0 {
                return Ok(Next::Stop);
            }
            self.visited.insert(Interval::new(item.id, item.id));
            let task = self.task(item, Purpose::Down);
            if self.send(None, task).await == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::Go)
    }
}
