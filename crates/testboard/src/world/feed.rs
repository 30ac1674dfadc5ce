//! Pages of the two feeds: new, in the order of ids, and top, in the order of promotion.

use std::ops::Range;

use tagmill_model::{Flags, ItemId};

use super::{Listing, Search, World};

/// Posts on a page.
const PAGE: usize = 120;

/// A search looks at no more posts than this for one page, so that no request can keep the board busy. The page is then
/// short, which is no end marker.
const SEARCH_LIMIT: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    New,
    Top,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// The newest.
    Start,
    /// Strictly below a position, descending.
    Older(i64),
    /// Strictly above a position, ascending.
    Newer(i64),
    /// Some newer ones, the position itself, some older ones, descending.
    Around(i64),
}

#[derive(Debug, Clone)]
pub(crate) struct PageQuery {
    pub(crate) flags: Flags,
    pub(crate) feed: Feed,
    pub(crate) cursor: Cursor,
    pub(crate) search: Option<Search>,
}

pub(crate) struct Page {
    pub(crate) items: Vec<Listing>,
    /// Nothing is older.
    pub(crate) at_end: bool,
    /// Nothing is newer.
    pub(crate) at_start: bool,
}

impl World {
    pub(crate) fn page(&self, query: &PageQuery) -> Page {
        let down = |position| self.sift(query, self.downwards(query, position));
        let up = |position| self.sift(query, self.upwards(query, position));
        let mut items: Vec<ItemId> = Vec::with_capacity(PAGE + 1);
        let (at_end, at_start);
        match query.cursor {
            Cursor::Start => {
                items.extend(down(i64::MAX).take(PAGE + 1));
                at_start = true;
                at_end = items.len() <= PAGE && !cut_short(query, self.downwards(query, i64::MAX));
            }
            Cursor::Older(position) => {
                items.extend(down(position).take(PAGE + 1));
                at_start = up(position.saturating_sub(1)).next().is_none();
                at_end = items.len() <= PAGE && !cut_short(query, self.downwards(query, position));
            }
            Cursor::Newer(position) => {
                items.extend(up(position).take(PAGE + 1));
                at_end = down(position.saturating_add(1)).next().is_none();
                at_start = items.len() <= PAGE && !cut_short(query, self.upwards(query, position));
            }
            Cursor::Around(position) => {
                let newer = PAGE / 2;
                items.extend(up(position).take(newer + 1));
                at_start = items.len() <= newer;
                items.truncate(newer);
                items.reverse();
                items.extend(down(position.saturating_add(1)).take(PAGE + 1 - items.len()));
                at_end = items.len() <= PAGE;
            }
        }
        items.truncate(PAGE);
        let mut items: Vec<Listing> = items.into_iter().filter_map(|id| self.listing(id)).collect();
        let swap = items.first().and_then(|first| self.odd_page(first.id, items.len()));
        if let Some(at) = swap {
            items.swap(at, at + 1);
        }
        Page { items, at_end, at_start }
    }

    /// Leaves what a query asks for, as far as it may look.
    fn sift<'a>(
        &'a self,
        query: &'a PageQuery,
        posts: impl Iterator<Item = ItemId> + 'a,
    ) -> impl Iterator<Item = ItemId> + 'a {
        posts.take(SEARCH_LIMIT).filter(|id| {
            query.flags.contains(self.flags(*id))
                && query.search.as_ref().is_none_or(|search| self.is_found(search, *id))
        })
    }

    /// Posts strictly below a position, from there down.
    fn downwards(&self, query: &PageQuery, position: i64) -> Box<dyn Iterator<Item = ItemId> + '_> {
        match query.feed {
            Feed::New => {
                let ids = self.searched_ids(query);
                let ids = ids.start..ids.end.min(position);
                Box::new(ids.rev().map(ItemId).filter(|id| self.exists(*id)))
            }
            Feed::Top => Box::new(self.promoted_below(position)),
        }
    }

    /// Posts strictly above a position, from there up.
    fn upwards(&self, query: &PageQuery, position: i64) -> Box<dyn Iterator<Item = ItemId> + '_> {
        match query.feed {
            Feed::New => {
                let ids = self.searched_ids(query);
                let ids = ids.start.max(position.saturating_add(1))..ids.end;
                Box::new(ids.map(ItemId).filter(|id| self.exists(*id)))
            }
            Feed::Top => Box::new(self.promoted_above(position)),
        }
    }

    /// The ids among which a query can find anything: all, or those of its dates, however large the board is.
    fn searched_ids(&self, query: &PageQuery) -> Range<i64> {
        let all = self.config.first_id..self.last_id.saturating_add(1);
        let Some(created) = query.search.as_ref().map(Search::created) else { return all };
        all.start.max(self.id_at(created.start))..all.end.min(self.id_at(created.end).saturating_add(1))
    }
}

/// Whether a search had more to look at than it may.
fn cut_short(query: &PageQuery, mut posts: impl Iterator<Item = ItemId>) -> bool {
    query.search.is_some() && posts.nth(SEARCH_LIMIT).is_some()
}
