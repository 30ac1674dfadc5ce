//! Which items may stand in the table, by all but their tags.

use serde::Serialize;
use tagmill_model::{Flags, MediaKind, MediaPath, Split, SplitConfig};
use tagmill_store::Row;

use crate::Reject;

/// Which items may stand in the table. Every limit is included, but for `until`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemFilter {
    /// Content classes that may stand in the table. An item of any other class, by its flags or by its tags, is left
    /// out. All by default.
    pub classes: Flags,
    /// Whether videos stay in the table. Off by default: the trainer learns from pictures.
    pub include_videos: bool,
    /// Whether only items of the top feed stay. Off by default.
    pub promoted_only: bool,
    /// Uploaded at this time or later, Unix seconds.
    pub since: Option<i64>,
    /// Uploaded before this time, Unix seconds.
    pub until: Option<i64>,
    /// Up votes minus down votes, at least.
    pub min_score: Option<i64>,
    /// Pixels of the shorter side, at least.
    pub min_size: Option<u32>,
    /// Pixels of the longer side, at most.
    pub max_size: Option<u32>,
    /// The longer side over the shorter one, at most.
    pub max_aspect: Option<f64>,
    /// Share of the items that stay, from 0 to 1, chosen by a hash of their ids: a smaller share is a part of a larger one,
    /// and says nothing on training and test. `None`, the default, keeps all.
    pub sample: Option<f64>,
}

impl Default for ItemFilter {
    fn default() -> ItemFilter {
        ItemFilter {
            classes: Flags::EVERY_CLASS,
            include_videos: false,
            promoted_only: false,
            since: None,
            until: None,
            min_score: None,
            min_size: None,
            max_size: None,
            max_aspect: None,
            sample: None,
        }
    }
}

/// Another seed than any split has by default, or a sample would be a part of the test items.
const SAMPLE_SEED: u64 = 0x7361_6d70_6c65;

impl ItemFilter {
    /// The path of an item's medium, where nothing but its tags can keep it out of the table any more.
    ///
    /// # Errors
    /// The first reason, in the order of [`Reject`], that applies.
    pub fn check<'a>(&self, row: &'a Row<'_>) -> Result<&'a str, Reject> {
        if row.image.is_empty() {
            return Err(Reject::NoMedium);
        }
        let image = MediaPath::check(&row.image).map_err(|_| Reject::UnsafePath)?;
        match MediaKind::of_path(image) {
            MediaKind::Image => {}
            MediaKind::Video if self.include_videos => {}
            MediaKind::Video => return Err(Reject::Video),
            MediaKind::Other => return Err(Reject::UnknownMedium),
        }
        self.check_class(row.flags)?;
        let too = |reject, is_rejected: bool| if is_rejected { Err(reject) } else { Ok(()) };
        too(Reject::NotPromoted, self.promoted_only && row.promoted == 0)?;
        too(Reject::TooOld, self.since.is_some_and(|since| row.created < since))?;
        too(Reject::TooNew, self.until.is_some_and(|until| row.created >= until))?;
        let score = row.up.saturating_sub(row.down);
        too(Reject::LowScore, self.min_score.is_some_and(|least| score < least))?;
        self.check_size(row.width.min(row.height), row.width.max(row.height))?;
        too(Reject::NotSampled, self.sample.is_some_and(|share| !is_drawn(row, share)))?;
        Ok(image)
    }

    /// Every named class that an item has must be allowed, so that an item of two classes does not slip in by the milder
    /// one.
    ///
    /// # Errors
    /// [`Reject::ContentClass`].
    pub fn check_class(&self, flags: Flags) -> Result<(), Reject> {
        match self.classes.contains(flags & Flags::EVERY_CLASS) {
            true => Ok(()),
            false => Err(Reject::ContentClass),
        }
    }

    fn check_size(&self, shorter: u32, longer: u32) -> Result<(), Reject> {
        let matters = self.min_size.is_some() || self.max_size.is_some() || self.max_aspect.is_some();
        if !matters {
            return Ok(());
        }
        let is_elongated = |most: f64| f64::from(longer) > most * f64::from(shorter);
        match () {
            () if shorter == 0 => Err(Reject::UnknownSize),
            () if self.min_size.is_some_and(|least| shorter < least) => Err(Reject::TooSmall),
            () if self.max_size.is_some_and(|most| longer > most) => Err(Reject::TooLarge),
            () if self.max_aspect.is_some_and(is_elongated) => Err(Reject::TooElongated),
            () => Ok(()),
        }
    }
}

/// The draw that splits items draws samples too.
fn is_drawn(row: &Row<'_>, share: f64) -> bool {
    let draw = SplitConfig { seed: SAMPLE_SEED, test_fraction: share, validation_fraction: 0.0 };
    draw.side(row.id) == Split::Test
}

#[cfg(test)]
mod tests {
    use tagmill_model::ItemId;

    use super::*;

    fn row() -> Row<'static> {
        Row {
            id: ItemId(7),
            image: "2024/03/17/a.jpg".into(),
            promoted: 12,
            up: 9,
            down: 2,
            created: 1_710_000_000,
            width: 640,
            height: 480,
            flags: Flags::SFW,
            tags_data: None,
            updated_at: 1_780_000_000,
        }
    }

    fn all() -> ItemFilter {
        ItemFilter::default()
    }

    #[track_caller]
    fn check(filter: ItemFilter, row: Row<'_>, expected: Option<Reject>) {
        assert_eq!(filter.check(&row).err(), expected, "{filter:?} {row:?}");
    }

    #[test]
    fn each_limit_has_its_reason() {
        check(all(), row(), None);
        let image = |image: &'static str| Row { image: image.into(), ..row() };
        check(all(), image("../a.jpg"), Some(Reject::UnsafePath));
        check(all(), image(""), Some(Reject::NoMedium));
        check(all(), image("a.MP4"), Some(Reject::Video));
        check(ItemFilter { include_videos: true, ..all() }, image("a.mp4"), None);
        check(ItemFilter { include_videos: true, ..all() }, image("a.swf"), Some(Reject::UnknownMedium));
        check(ItemFilter { promoted_only: true, ..all() }, row(), None);
        check(
            ItemFilter { promoted_only: true, ..all() },
            Row { promoted: 0, ..row() },
            Some(Reject::NotPromoted),
        );
        check(ItemFilter { since: Some(1_710_000_000), ..all() }, row(), None);
        check(ItemFilter { since: Some(1_710_000_001), ..all() }, row(), Some(Reject::TooOld));
        check(ItemFilter { until: Some(1_710_000_001), ..all() }, row(), None);
        check(ItemFilter { until: Some(1_710_000_000), ..all() }, row(), Some(Reject::TooNew));
        check(ItemFilter { min_score: Some(7), ..all() }, row(), None);
        check(ItemFilter { min_score: Some(8), ..all() }, row(), Some(Reject::LowScore));
        check(
            ItemFilter { min_score: Some(0), ..all() },
            Row { up: i64::MIN, down: 1, ..row() },
            Some(Reject::LowScore),
        );
    }

    #[test]
    fn sizes_are_of_the_shorter_and_the_longer_side() {
        check(ItemFilter { min_size: Some(480), max_size: Some(640), ..all() }, row(), None);
        check(ItemFilter { min_size: Some(481), ..all() }, row(), Some(Reject::TooSmall));
        check(ItemFilter { max_size: Some(639), ..all() }, row(), Some(Reject::TooLarge));
        check(ItemFilter { max_aspect: Some(4.0 / 3.0), ..all() }, row(), None);
        check(ItemFilter { max_aspect: Some(1.3), ..all() }, row(), Some(Reject::TooElongated));
        check(
            ItemFilter { max_aspect: Some(1.3), ..all() },
            Row { width: 480, height: 640, ..row() },
            Some(Reject::TooElongated),
        );
        check(
            ItemFilter { min_size: Some(1), ..all() },
            Row { height: 0, ..row() },
            Some(Reject::UnknownSize),
        );
        check(all(), Row { height: 0, ..row() }, None);
    }

    #[test]
    fn all_classes_of_an_item_must_be_allowed() {
        let safe = || ItemFilter { classes: Flags::SFW | Flags::NSFP, ..all() };
        let flags = |bits| Row { flags: Flags::from_bits_retain(bits), ..row() };
        for (bits, expected) in [
            (0, None),
            (33, None),
            (8, None),
            (2, Some(Reject::ContentClass)),
            (10, Some(Reject::ContentClass)),
        ] {
            check(safe(), flags(bits), expected);
        }
    }

    #[test]
    fn a_sample_is_a_stable_share_and_a_part_of_a_larger_one() {
        let drawn = |share| -> Vec<i64> {
            (1..=10_000).filter(|id| is_drawn(&Row { id: ItemId(*id), ..row() }, share)).collect()
        };
        let (tenth, half) = (drawn(0.1), drawn(0.5));
        assert!((900..1100).contains(&tenth.len()), "{}", tenth.len());
        assert!((4800..5200).contains(&half.len()), "{}", half.len());
        assert!(tenth.iter().all(|id| half.contains(id)));
        assert_eq!(tenth[..4], drawn(0.1)[..4]);
        assert_eq!((drawn(0.0).len(), drawn(1.0).len()), (0, 10_000));
        // What is drawn falls on all sides of the default split.
        let tests = half.iter().filter(|id| SplitConfig::default().side(ItemId(**id)) == Split::Test).count();
        assert!((850..1150).contains(&tests), "{tests}");
    }

    #[test]
    fn every_reject_stands_at_its_place() {
        assert!(Reject::ALL.iter().enumerate().all(|(index, reject)| *reject as usize == index));
    }
}
