//! Odd shapes that the JSON of real boards takes. They change how a value is written, not what it means.

use tagmill_model::ItemId;

use super::World;
use crate::random::Purpose;

/// How the JSON object of a post in a listing differs from the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListingShape {
    /// Numbers as strings.
    NumericStrings,
    /// `null` for everything that is empty, and for the size.
    Nulls,
    /// As in 2015: no size, no user id, `audio` only when true.
    MissingMembers,
    /// Booleans as 0 and 1, or as strings of these.
    NumericBools,
    /// Members that nobody knows.
    UnknownMembers,
    /// The medium's path with a host before it.
    AbsolutePath,
}

impl ListingShape {
    /// Whether a reader of this shape cannot know the size.
    pub(crate) const fn hides_size(self) -> bool {
        matches!(self, ListingShape::Nulls | ListingShape::MissingMembers)
    }
}

/// How the JSON of a post's tags and comments differs from the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InfoShape {
    /// Ids and confidences as strings.
    NumericStrings,
    /// Confidence `null` or missing where it is 0, `parent` and `name` null.
    Nulls,
    /// No `comments` at all, unknown members elsewhere.
    MissingMembers,
    /// A tag with NUL in it, an empty one, one of blanks, and one confidence below 0.
    HostileTags,
}

impl World {
    pub(crate) fn listing_shape(&self, id: ItemId) -> Option<ListingShape> {
        let mut rng = self.rng(Purpose::OddListing, id);
        rng.chance(self.config.odd_share).then(|| {
            rng.pick(&[
                ListingShape::NumericStrings,
                ListingShape::Nulls,
                ListingShape::MissingMembers,
                ListingShape::NumericBools,
                ListingShape::UnknownMembers,
                ListingShape::AbsolutePath,
            ])
        })
    }

    pub(crate) fn info_shape(&self, id: ItemId) -> Option<InfoShape> {
        let mut rng = self.rng(Purpose::OddInfo, id);
        rng.chance(self.config.odd_share).then(|| {
            rng.pick(&[
                InfoShape::NumericStrings,
                InfoShape::Nulls,
                InfoShape::MissingMembers,
                InfoShape::HostileTags,
            ])
        })
    }

    /// Whether the page that begins with a post swaps two neighbours, and where.
    pub(crate) fn odd_page(&self, first: ItemId, length: usize) -> Option<usize> {
        let mut rng = self.rng(Purpose::OddPage, first);
        let swaps = length >= 2 && rng.chance(self.config.odd_share);
        swaps.then(|| rng.below(length as u64 - 1) as usize)
    }
}
