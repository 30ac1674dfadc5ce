//! Items whose rows have no tags: left out by an earlier run, or failed. Their listing is known, so that one request each is
//! all it takes.

use std::collections::BTreeSet;

use tagmill_model::ItemId;
use tagmill_store::{Interval, UntaggedRow};

use super::{Next, Task, Walk};
use crate::plan::is_image;
use crate::{Error, ask};

/// Rows a question. Enough work for a second or more, and little to hold.
const ROWS_A_QUESTION: u32 = 512;

impl Walk<'_> {
    pub(super) async fn leftovers(&mut self) -> Result<Next, Error> {
        let mut before = ItemId(self.within.last.0.saturating_add(1));
        loop {
            let rows = self.reader.without_tags(Some(before), ROWS_A_QUESTION).await?;
            let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(Next::Go) };
            before = last.id;
            let is_end = last.id < self.within.first;
            let failures = self.reader.failures(Interval::new(last.id, first.id)).await?;
            let failed: BTreeSet<ItemId> = failures.iter().map(|failure| failure.id).collect();
            let gone: BTreeSet<ItemId> =
                failures.iter().filter(|failure| ask::is_gone(failure)).map(|failure| failure.id).collect();
            let is_wanted = |row: &&UntaggedRow| match self.config.retry_failed {
                true => failed.contains(&row.id) && self.selects(row),
                false => !gone.contains(&row.id) && self.selects(row),
            };
            let wanted: Vec<ItemId> = rows.iter().filter(is_wanted).map(|row| row.id).collect();
            for item in self.reader.listed(&wanted).await? {
                if self.left == 0 {
                    return Ok(Next::Stop);
                }
                self.left -= 1;
                if self.send(None, Task::Ask(item)).await == Next::Stop {
                    return Ok(Next::Stop);
                }
            }
            if is_end {
                return Ok(Next::Go);
            }
        }
    }

    /// Whether the run is for such an item, and has not come across it on a page.
    fn selects(&self, row: &UntaggedRow) -> bool {
        self.within.contains(row.id)
            && self.feed.flags.contains(row.flags)
            && (!self.config.images_only || is_image(&row.image))
            && !self.visited.contains(row.id)
    }
}
