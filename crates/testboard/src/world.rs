//! The board's content: posts computed from a seed whenever they are asked for.

use tagmill_model::{Flags, ItemId};

use crate::concept::Concept;
use crate::picture::{self, Pixels};
use crate::random::{Purpose, Rng, Scrambler};
use crate::scene::Scene;

mod calendar;
mod comments;
mod danbooru;
mod feed;
mod listing;
mod media;
mod odd;
mod search;
mod tags;

pub(crate) use calendar::{date, http_date};
pub use comments::Comment;
pub use danbooru::BooruPost;
pub(crate) use danbooru::BooruShape;
pub(crate) use feed::{Cursor, Feed, Page, PageQuery};
pub use listing::{Listing, Variant};
pub use media::{Format, Media};
pub(crate) use odd::{InfoShape, ListingShape};
pub(crate) use search::Search;
pub use tags::{PostTag, wilson};

/// What a world is made of. The same values give the same world, in every version of this crate that keeps its snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldConfig {
    /// Another seed gives another world.
    pub seed: u64,
    /// How many posts exist. The range of ids is longer by the gaps.
    pub items: u64,
    /// The lowest id that may exist, at least 1.
    pub first_id: i64,
    /// Share of ids that do not exist, from 0 to 0.9; a quarter of them in runs of 128. The board's first 99 ids had 0.12.
    pub gap_share: f64,
    /// Share of posts that are videos.
    pub video_share: f64,
    /// Share of posts whose content class is SFW; the others are spread over the other four.
    pub sfw_share: f64,
    /// Share of true concepts that nobody tagged.
    pub missing_share: f64,
    /// Share of posts that carry a tag for something that is not in the picture.
    pub wrong_share: f64,
    /// Share of posts whose JSON takes one of the odd shapes that real replies take, and of pages out of order.
    pub odd_share: f64,
    /// Bytes behind the end of each medium, which no decoder minds: for files of megabytes.
    pub padding: usize,
    /// Upload time of the first id, Unix seconds.
    pub first_created: i64,
    /// Seconds between the uploads of two ids.
    pub seconds_between: i64,
}

impl Default for WorldConfig {
    fn default() -> WorldConfig {
        WorldConfig {
            seed: 0,
            items: 1_000,
            first_id: 1,
            gap_share: 0.12,
            video_share: 0.12,
            sfw_share: 0.78,
            missing_share: 0.06,
            wrong_share: 0.06,
            odd_share: 0.03,
            padding: 0,
            first_created: 1_704_067_200,
            seconds_between: 120,
        }
    }
}

impl WorldConfig {
    /// The same posts at other times: the newest is uploaded at `created`, Unix seconds. Paths of media tell the day, so
    /// they change too.
    #[must_use]
    pub fn ending_at(self, created: i64) -> WorldConfig {
        let world = World::new(self.clone());
        let shift = world.newest().map_or(0, |newest| created - world.created(newest));
        WorldConfig { first_created: self.first_created + shift, ..self }
    }
}

/// Ids in one run of gaps.
const HOLE: i64 = 128;

/// All posts of a board. Holds no post: each is computed when asked for.
#[derive(Debug, Clone)]
pub struct World {
    config: WorldConfig,
    /// The newest id; below `first_id` in an empty world.
    last_id: i64,
    pinned: Option<ItemId>,
    scrambler: Scrambler,
}

/// Everything about one post.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// What a listing says of it.
    pub listing: Listing,
    /// What can truly be seen in it, whatever its tags say. Of a video: in its thumbnail.
    pub concepts: Vec<Concept>,
    /// The tags that people gave it, in the order of the API: alphabetical, without regard to case.
    pub tags: Vec<PostTag>,
    /// What people wrote under it.
    pub comments: Vec<Comment>,
}

/// What there is on one post besides its listing.
pub(crate) struct Info {
    pub(crate) tags: Vec<PostTag>,
    pub(crate) comments: Vec<Comment>,
}

impl World {
    /// Lays out a world: walks once over its ids to find the last, some nanoseconds each.
    pub fn new(mut config: WorldConfig) -> World {
        config.gap_share = config.gap_share.clamp(0.0, 0.9);
        config.first_id = config.first_id.max(1);
        let scrambler = Scrambler::new(config.seed);
        let mut world = World { last_id: i64::MAX, pinned: None, scrambler, config };
        let (first, items) = (world.config.first_id, world.config.items);
        world.last_id = match items.checked_sub(1) {
            Some(others) => {
                (first..).filter(|id| world.exists(ItemId(*id))).nth(others as usize).unwrap_or(first - 1)
            }
            None => first - 1,
        };
        // Early, so that a world that grows keeps it.
        world.pinned = (first + 40..=world.last_id).map(ItemId).find(|id| world.exists(*id));
        world
    }

    /// What this world is made of.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// The ids that exist, ascending; can be walked from both ends.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = ItemId> + '_ {
        (self.config.first_id..=self.last_id).map(ItemId).filter(|id| self.exists(*id))
    }

    /// How many posts exist.
    pub fn len(&self) -> u64 {
        self.config.items
    }

    /// Whether no post exists.
    pub fn is_empty(&self) -> bool {
        self.config.items == 0
    }

    /// The highest id that exists.
    pub fn newest(&self) -> Option<ItemId> {
        (!self.is_empty()).then_some(ItemId(self.last_id))
    }

    /// Whether a post has this id.
    pub fn exists(&self, id: ItemId) -> bool {
        if id.0 < self.config.first_id || id.0 > self.last_id {
            return false;
        }
        let holes = self.config.gap_share / 4.0;
        let alone = (self.config.gap_share - holes) / (1.0 - holes);
        !self.rng(Purpose::Hole, ItemId(id.0 / HOLE)).chance(holes)
            && !self.rng(Purpose::Gap, id).chance(alone)
    }

    /// A post with all that belongs to it; `None` for a gap.
    pub fn item(&self, id: ItemId) -> Option<Post> {
        let listing = self.listing(id)?;
        let concepts = self.scene(id)?.concepts;
        let Info { tags, comments } = self.info(id)?;
        Some(Post { listing, concepts, tags, comments })
    }

    /// What `items/info` says of a post; `None` for a gap.
    pub(crate) fn info(&self, id: ItemId) -> Option<Info> {
        Some(Info { tags: self.tags(id)?, comments: self.comments(id) })
    }

    /// What a post's picture shows; `None` for a gap.
    pub fn scene(&self, id: ItemId) -> Option<Scene> {
        let media = self.media(id)?;
        Some(self.scene_in(id, media))
    }

    fn scene_in(&self, id: ItemId, media: Media) -> Scene {
        Scene::compose(&mut self.rng(Purpose::Scene, id), media.width, media.height)
    }

    /// A post's picture as pixels, as wide as asked; `None` for a gap. For a video: its thumbnail's scene.
    pub fn pixels(&self, id: ItemId, width: u32, height: u32) -> Option<Pixels> {
        let scene = self.scene(id)?;
        Some(picture::render(&scene, width, height, &mut self.rng(Purpose::Picture, id)))
    }

    /// The content class of a post: one bit, rarely two.
    pub fn flags(&self, id: ItemId) -> Flags {
        let mut rng = self.rng(Purpose::Flags, id);
        if rng.chance(self.config.sfw_share) {
            return Flags::SFW;
        }
        rng.weighted(&[
            (40, Flags::NSFW),
            (14, Flags::NSFL),
            (22, Flags::NSFP),
            (22, Flags::POL),
            (2, Flags::NSFW.union(Flags::NSFP)),
        ])
    }

    pub(crate) fn rng(&self, purpose: Purpose, id: ItemId) -> Rng {
        Rng::new(self.config.seed, purpose, id.0 as u64)
    }

    /// A plausible time of day for replies: a little after the last upload, the same in every run.
    pub(crate) fn now(&self) -> i64 {
        self.created(ItemId(self.last_id.max(self.config.first_id))) + 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(items: u64) -> World {
        World::new(WorldConfig { seed: 5, items, ..WorldConfig::default() })
    }

    #[test]
    fn has_as_many_posts_as_asked() {
        for items in [0, 1, 49, 1_000] {
            let world = world(items);
            assert_eq!(world.ids().count() as u64, items);
            assert_eq!(world.ids().next_back(), world.newest());
        }
    }

    #[test]
    fn a_world_ends_when_it_is_told_to() {
        let config = WorldConfig { seed: 5, items: 49, ..WorldConfig::default() };
        let (usual, moved) =
            (World::new(config.clone()), World::new(config.clone().ending_at(2_000_000_000)));
        let newest = usual.newest().unwrap();
        let shift = 2_000_000_000 - usual.listing(newest).unwrap().created;
        for id in usual.ids() {
            let (usual, moved) = (usual.item(id).unwrap(), moved.item(id).unwrap());
            assert_eq!(usual.listing.created + shift, moved.listing.created);
            assert_eq!(usual.tags, moved.tags);
        }
        let empty = WorldConfig { items: 0, ..config };
        assert_eq!(empty.clone().ending_at(5), empty);
    }

    #[test]
    fn gaps_have_their_share() {
        let config = WorldConfig { gap_share: 0.3, items: 20_000, ..WorldConfig::default() };
        let world = World::new(config);
        let range = world.newest().unwrap().0 - world.config().first_id + 1;
        let share = 1.0 - world.len() as f64 / range as f64;
        assert!((0.25..0.35).contains(&share), "{share}");
    }

    #[test]
    fn two_worlds_of_one_seed_are_the_same() {
        let (a, b) = (world(200), world(200));
        for id in a.ids() {
            assert_eq!(a.item(id), b.item(id));
        }
        let other = World::new(WorldConfig { seed: 6, items: 200, ..WorldConfig::default() });
        assert!(a.ids().any(|id| a.item(id) != other.item(id)));
    }

    /// A longer world only adds posts, so that a test can let a board grow.
    #[test]
    fn growing_changes_no_older_post() {
        let (small, large) = (world(400), world(450));
        for id in small.ids() {
            assert_eq!(small.item(id), large.item(id));
        }
    }

    #[test]
    fn most_posts_carry_enough_tags_to_learn_from() {
        let world = world(2_000);
        let visual: std::collections::HashSet<&str> = Concept::all().map(Concept::tag).collect();
        let enough = world
            .ids()
            .filter_map(|id| world.item(id))
            .filter(|post| {
                let mut tags: Vec<String> =
                    post.tags.iter().map(|tag| tag.text.trim().to_lowercase()).collect();
                tags.sort();
                tags.dedup();
                tags.iter().filter(|tag| visual.contains(tag.as_str())).count() >= 5
            })
            .count();
        assert!(enough > 1_600, "{enough}");
    }
}
