//! From upload times to ids: ids rise with time, so a few pages find the id at which a time begins.

use tagmill_model::ItemId;
use tagmill_store::Interval;

use crate::api::{Api, Cursor, Feed, Page};
use crate::{Config, Error};

/// Before the first id and behind any.
const FIRST: ItemId = ItemId(1);
const LAST: ItemId = ItemId(i64::MAX - 1);

/// The ids that `range`, `since` and `until` leave.
pub(crate) async fn within(
    api: &dyn Api,
    feed: &Feed,
    newest: &Page,
    config: &Config,
) -> Result<Interval, Error> {
    let all = Interval::new(FIRST, LAST);
    let mut within = config.range.map_or(all, |range| range.intersection(all));
    if config.since.is_none() && config.until.is_none() {
        return Ok(within);
    }
    // A search may have few hits, and the top feed has an order of its own: neither tells where a time begins.
    let whole = Listing { api, feed: Feed { flags: feed.flags, promoted: false, search: None }, config };
    let top = match config.is_search() {
        true => whole.page(Cursor::Newest).await?.newest(),
        false => newest.newest(),
    };
    let Some(top) = top else { return Ok(within) };
    if let Some(since) = config.since {
        within.first = within.first.max(first_since(&whole, top, since).await?);
    }
    if let Some(until) = config.until {
        let end = first_since(&whole, top, until).await?;
        // Where nothing is that late yet, what comes during the run is not either.
        within.last = within.last.min(ItemId(end.0 - 1));
    }
    tracing::debug!(first = within.first.0, last = within.last.0, "the dates are these ids");
    Ok(within)
}

/// The lowest id that was uploaded at `time` or later; the one behind `top` where none was.
async fn first_since(listing: &Listing<'_>, top: ItemId, time: i64) -> Result<ItemId, Error> {
    // All items below `low` are older; those from `high` on are not.
    let (mut low, mut high) = (FIRST, ItemId(top.0 + 1));
    while low < high {
        let middle = ItemId(low.0 + (high.0 - low.0) / 2);
        let page = listing.page(Cursor::Older(middle.0 + 1)).await?;
        let mut items = page.items.iter().filter(|item| item.id >= low && item.id <= middle);
        let (first, last) = match items.clone().next().zip(items.clone().next_back()) {
            Some(ends) => ends,
            // A hole.
            None => {
                low = ItemId(middle.0 + 1);
                continue;
            }
        };
        if last.created < time {
            low = ItemId(middle.0 + 1);
        } else if first.created >= time {
            high = first.id;
        } else {
            let found = items.find(|item| item.created >= time);
            return Ok(found.map_or(high, |item| item.id));
        }
    }
    Ok(high)
}

/// Whom to ask, and for what.
struct Listing<'a> {
    api: &'a dyn Api,
    feed: Feed,
    config: &'a Config,
}

impl Listing<'_> {
    async fn page(&self, cursor: Cursor) -> Result<Page, Error> {
        let page = self.api.page(&self.feed, cursor).await;
        page.map_err(|source| Error::of_board(source, self.config, self.feed.flags))
    }
}
