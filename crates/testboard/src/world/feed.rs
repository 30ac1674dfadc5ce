//! Pages of the two feeds: new, in the order of ids, and top, in the order of promotion.

use tagmill_model::{Flags, ItemId};

use super::{Listing, World};

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
    pub(crate) tags: Option<TagQuery>,
}

/// Words that must occur among a post's tags, and words that must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TagQuery {
    with: Vec<String>,
    without: Vec<String>,
}

pub(crate) struct Page {
    pub(crate) items: Vec<Listing>,
    /// Nothing is older.
    pub(crate) at_end: bool,
    /// Nothing is newer.
    pub(crate) at_start: bool,
}

impl TagQuery {
    /// Reads blank-separated words, `-word`, `"two words"`; a leading `!` and `&` are understood, the rest of the
    /// expression language is not.
    pub(crate) fn parse(text: &str) -> TagQuery {
        let mut query = TagQuery::default();
        let mut rest = text.trim_start_matches(['!', '?']).trim_start();
        while !rest.is_empty() {
            let (negative, word) = match rest.strip_prefix('-') {
                Some(word) => (true, word.trim_start()),
                None => (false, rest),
            };
            let (word, after) = match word.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => word.split_once([' ', '&']).unwrap_or((word, "")),
            };
            if !word.is_empty() {
                let list = if negative { &mut query.without } else { &mut query.with };
                list.push(word.to_lowercase());
            }
            rest = after.trim_start_matches([' ', '&']);
        }
        query
    }

    fn matches<'a>(&self, tags: impl Iterator<Item = &'a str>) -> bool {
        let tags: Vec<String> = tags.map(|tag| tag.trim().to_lowercase()).collect();
        let has = |word: &String| tags.contains(word);
        self.with.iter().all(has) && !self.without.iter().any(has)
    }
}

impl World {
    pub(crate) fn page(&self, query: &PageQuery) -> Page {
        let wanted = |id: &ItemId| self.wanted(query, *id);
        let mut items: Vec<ItemId> = Vec::with_capacity(PAGE + 1);
        let (at_end, at_start);
        match query.cursor {
            Cursor::Start => {
                items.extend(
                    self.downwards(query.feed, i64::MAX).take(SEARCH_LIMIT).filter(wanted).take(PAGE + 1),
                );
                at_start = true;
                at_end = items.len() <= PAGE && !self.cut_short(query, i64::MAX);
            }
            Cursor::Older(position) => {
                items.extend(
                    self.downwards(query.feed, position).take(SEARCH_LIMIT).filter(wanted).take(PAGE + 1),
                );
                at_start = self
                    .upwards(query.feed, position.saturating_sub(1))
                    .take(SEARCH_LIMIT)
                    .find(wanted)
                    .is_none();
                at_end = items.len() <= PAGE && !self.cut_short(query, position);
            }
            Cursor::Newer(position) => {
                items.extend(
                    self.upwards(query.feed, position).take(SEARCH_LIMIT).filter(wanted).take(PAGE + 1),
                );
                at_end = self
                    .downwards(query.feed, position.saturating_add(1))
                    .take(SEARCH_LIMIT)
                    .find(wanted)
                    .is_none();
                at_start = items.len() <= PAGE
                    && (query.tags.is_none()
                        || self.upwards(query.feed, position).nth(SEARCH_LIMIT).is_none());
            }
            Cursor::Around(position) => {
                let newer = PAGE / 2;
                items.extend(
                    self.upwards(query.feed, position).take(SEARCH_LIMIT).filter(wanted).take(newer + 1),
                );
                at_start = items.len() <= newer;
                items.truncate(newer);
                items.reverse();
                let older =
                    self.downwards(query.feed, position.saturating_add(1)).take(SEARCH_LIMIT).filter(wanted);
                items.extend(older.take(PAGE + 1 - items.len()));
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

    /// Whether a search that found too little had more to look at.
    fn cut_short(&self, query: &PageQuery, position: i64) -> bool {
        self.downwards(query.feed, position).nth(SEARCH_LIMIT).is_some() && query.tags.is_some()
    }

    fn wanted(&self, query: &PageQuery, id: ItemId) -> bool {
        query.flags.contains(self.flags(id))
            && query.tags.as_ref().is_none_or(|tags| {
                self.item(id).is_some_and(|post| tags.matches(post.tags.iter().map(|tag| tag.text.as_str())))
            })
    }

    /// Posts strictly below a position, from there down.
    fn downwards(&self, feed: Feed, position: i64) -> Box<dyn Iterator<Item = ItemId> + '_> {
        match feed {
            Feed::New => {
                let ids = self.config.first_id..position.min(self.last_id.saturating_add(1));
                Box::new(ids.rev().map(ItemId).filter(|id| self.exists(*id)))
            }
            Feed::Top => Box::new(
                self.positions()
                    .rev()
                    .skip_while(move |at| *at >= position)
                    .filter_map(|at| self.at_position(at)),
            ),
        }
    }

    /// Posts strictly above a position, from there up.
    fn upwards(&self, feed: Feed, position: i64) -> Box<dyn Iterator<Item = ItemId> + '_> {
        match feed {
            Feed::New => {
                let ids = position.saturating_add(1).max(self.config.first_id)..=self.last_id;
                Box::new(ids.map(ItemId).filter(|id| self.exists(*id)))
            }
            Feed::Top => Box::new(
                self.positions().skip_while(move |at| *at <= position).filter_map(|at| self.at_position(at)),
            ),
        }
    }
}
