//! What a listing says of a post.

use tagmill_model::{Flags, ItemId};

use super::{Format, ListingShape, World};
use crate::random::{Purpose, Rng};

/// The fields of a post in `items/get`. Where the JSON takes an odd shape, these are the values it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The board's number.
    pub id: ItemId,
    /// Position in the top feed; 0 when never promoted, above 1,000,000,000 when pinned.
    pub promoted: i64,
    /// The uploader's number.
    pub user_id: i64,
    /// Up votes.
    pub up: i64,
    /// Down votes.
    pub down: i64,
    /// Upload time, Unix seconds.
    pub created: i64,
    /// Path of the medium, without a leading slash.
    pub image: String,
    /// Path of the thumbnail.
    pub thumb: String,
    /// Path of the picture before it was scaled down; empty when it was not.
    pub fullsize: String,
    /// Path of a short clip, for some videos.
    pub preview: Option<String>,
    /// Width as the listing says it, in pixels; 0 where it does not, as on the oldest posts.
    pub width: u32,
    /// Height as the listing says it, in pixels; 0 where it does not.
    pub height: u32,
    /// Whether the medium has sound.
    pub audio: bool,
    /// Where the uploader took it from; empty when unknown.
    pub source: String,
    /// Content class.
    pub flags: Flags,
    /// Name of the uploader.
    pub user: String,
    /// Rank of the uploader.
    pub mark: i64,
    /// Always 0 here; the field is gone from current replies.
    pub gift: i64,
    /// Whether the board takes it for a repost.
    pub repost: bool,
    /// Encodings of a video.
    pub variants: Vec<Variant>,
}

/// One encoding of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// `source` or `vp9`.
    pub name: &'static str,
    /// Path, with a leading slash.
    pub path: String,
    /// Size in bytes, where known.
    pub file_size: Option<u64>,
}

/// The position of pinned posts.
const PINNED: i64 = 1_000_000_007;

/// One id of so many in a row may be promoted.
const PROMOTION_BLOCK: i64 = 12;

const USERS: u64 = 500;

impl World {
    /// What a listing says of a post; `None` for a gap. Cheap: no scene, no tags.
    pub fn listing(&self, id: ItemId) -> Option<Listing> {
        let media = self.media(id)?;
        let mut rng = self.rng(Purpose::Listing, id);
        let promoted = self.promoted(id);
        let popularity = self.popularity(id, promoted);
        let user = rng.below(USERS).min(rng.below(USERS));
        let stem = self.path_stem(id);
        let image = format!("{stem}.{}", media.format.extension());
        let video = media.format == Format::Mp4;
        let sizeless = self.listing_shape(id).is_some_and(ListingShape::hides_size);
        Some(Listing {
            id,
            promoted,
            user_id: user as i64 + 1,
            up: (popularity * rng.unit() * 1.5) as i64,
            down: (popularity * rng.unit() * 0.3) as i64,
            created: self.created(id),
            thumb: format!("{stem}.jpg"),
            fullsize: if self.has_fullsize(id, media) { format!("{stem}.png") } else { String::new() },
            preview: (video && rng.chance(0.5)).then(|| format!("{stem}-preview.mp4")),
            width: if sizeless { 0 } else { media.width },
            height: if sizeless { 0 } else { media.height },
            audio: media.audio,
            source: if rng.chance(0.06) {
                format!("https://example.org/v/{id}?a=1&b=ü")
            } else {
                String::new()
            },
            flags: self.flags(id),
            user: user_name(self.config.seed, user),
            mark: user_mark(self.config.seed, user),
            gift: 0,
            repost: rng.chance(0.03),
            variants: if video {
                vec![
                    Variant { name: "source", path: format!("/{image}"), file_size: Some(20_000) },
                    Variant { name: "vp9", path: format!("/{stem}-vp9.mp4"), file_size: None },
                ]
            } else {
                Vec::new()
            },
            image,
        })
    }

    /// Upload time: rises with the id.
    pub(crate) fn created(&self, id: ItemId) -> i64 {
        let between = self.between();
        let jitter =
            Rng::new(self.config.seed, Purpose::Listing, !(id.0 as u64)).below(between as u64) as i64;
        self.config.first_created + (id.0 - self.config.first_id) * between + jitter
    }

    /// The id that is uploaded at a time, whether it exists or not.
    pub(super) fn id_at(&self, created: i64) -> i64 {
        let uploads = created.saturating_sub(self.config.first_created).div_euclid(self.between());
        self.config.first_id.saturating_add(uploads)
    }

    fn between(&self) -> i64 {
        self.config.seconds_between.max(1)
    }

    /// How many people looked and voted, roughly: log-normal, more where promoted.
    pub(super) fn popularity(&self, id: ItemId, promoted: i64) -> f64 {
        let mut rng = Rng::new(self.config.seed, Purpose::Promoted, !(id.0 as u64));
        let boost = if promoted > 0 { 6.0 } else { 1.0 };
        boost * (3.6 + rng.normal()).exp()
    }

    /// Position in the top feed: grows with the id, but neighbours may swap. 0 when not in it.
    pub(super) fn promoted(&self, id: ItemId) -> i64 {
        if self.pinned == Some(id) {
            return PINNED;
        }
        let block = (id.0 - self.config.first_id) / PROMOTION_BLOCK;
        if self.chosen(block) == id { self.swapped(block) + 1 } else { 0 }
    }

    /// Posts of the top feed whose positions are below one, from there down.
    pub(super) fn promoted_below(&self, position: i64) -> impl Iterator<Item = ItemId> + '_ {
        let pinned = self.pinned.filter(|_| PINNED < position);
        let others = (1..position.min(self.last_position() + 1)).rev();
        pinned.into_iter().chain(others.filter_map(|position| self.at_position(position)))
    }

    /// Posts of the top feed whose positions are above one, from there up.
    pub(super) fn promoted_above(&self, position: i64) -> impl Iterator<Item = ItemId> + '_ {
        let pinned = self.pinned.filter(|_| PINNED > position);
        let others = position.saturating_add(1).max(1)..=self.last_position();
        others.filter_map(|position| self.at_position(position)).chain(pinned)
    }

    /// The highest position that may be taken by a post that is not pinned.
    fn last_position(&self) -> i64 {
        (self.last_id - self.config.first_id + 1).div_euclid(PROMOTION_BLOCK) + 2
    }

    /// The post at a position; not all are taken.
    fn at_position(&self, position: i64) -> Option<ItemId> {
        let id = self.chosen(self.swapped(position - 1));
        (self.exists(id) && self.pinned != Some(id)).then_some(id)
    }

    fn chosen(&self, block: i64) -> ItemId {
        let within = self.rng(Purpose::Promoted, ItemId(block)).below(PROMOTION_BLOCK as u64) as i64;
        ItemId(
            self.config.first_id.saturating_add(block.saturating_mul(PROMOTION_BLOCK)).saturating_add(within),
        )
    }

    /// Swaps half of all neighbours; its own inverse.
    fn swapped(&self, block: i64) -> i64 {
        let swap = Rng::new(self.config.seed, Purpose::Hole, !((block >> 1) as u64)).chance(0.5);
        block ^ i64::from(swap)
    }
}

/// A made-up name; a few are not ASCII.
pub(super) fn user_name(seed: u64, user: u64) -> String {
    const FIRST: [&str; 12] = [
        "Zwiebel",
        "pixel",
        "Grau",
        "moos",
        "Käpt'n",
        "Kabel",
        "nacht",
        "Toast",
        "Wölkchen",
        "quark",
        "Rost",
        "lampe",
    ];
    const LAST: [&str; 10] = ["fuchs", "Salat", "99", "_", "bär", "kran", "-tron", "igel", "Kiste", "hub"];
    let mut rng = Rng::new(seed, Purpose::Comments, !user);
    let (first, last) = (rng.pick(&FIRST), rng.pick(&LAST));
    format!("{first}{last}{user}")
}

pub(super) fn user_mark(seed: u64, user: u64) -> i64 {
    Rng::new(seed, Purpose::Tags, !user).below(16) as i64
}

/// Any of the board's users.
pub(super) fn any_user(rng: &mut Rng) -> u64 {
    rng.below(USERS)
}
