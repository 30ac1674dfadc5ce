//! The same posts as a board of Danbooru's kind has them: rated, categorised, under other paths.

use std::collections::HashSet;

use tagmill_model::{Flags, ItemId};

use super::media::{MediaRequest, Rendition};
use super::{Format, World};
use crate::random::{Purpose, mix};

/// Of a thousand posts so many are deleted: shown only to who asks for them.
const DELETED: u64 = 50;

/// Of a thousand posts so many do not say where their files lie.
const HIDDEN: u64 = 30;

/// Tags of which nothing can be seen.
const META: [&str; 5] = ["gif", "loop", "repost", "sound", "video"];

/// The folders of files, as in their paths: what one learns from, the thumbnail, the medium itself.
const FOLDERS: [&str; 3] = ["720x720", "180x180", "original"];

/// A post as such a board tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct BooruPost {
    /// The board's number.
    pub id: ItemId,
    /// Upload time, Unix seconds.
    pub created: i64,
    /// The uploader's number.
    pub uploader_id: i64,
    /// Up votes.
    pub up: i64,
    /// Down votes.
    pub down: i64,
    /// Where the uploader took it from; empty when unknown.
    pub source: String,
    /// `g`, `s`, `q` or `e`; `None` where nobody has rated it.
    pub rating: Option<char>,
    /// What is in the name of each of its files.
    pub md5: String,
    /// Ending of the medium itself.
    pub extension: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether only who asks for deleted posts is shown it.
    pub is_deleted: bool,
    /// Whether it says where its files lie.
    pub is_visible: bool,
    /// Each tag with its category; `None` where the board tells no categories.
    pub tags: Vec<(String, Option<&'static str>)>,
    pub(crate) shape: Option<BooruShape>,
}

/// How the JSON of a post differs from the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BooruShape {
    /// No list of renditions, as servers had none for years.
    NoRenditions,
    /// Files by their paths, without a host.
    PathsOnly,
    /// Files by addresses without a scheme.
    NoScheme,
    /// No rating, no source.
    Nulls,
    /// All tags in one member.
    OneTagString,
    /// A member twice, of which the last counts, and lists with what does not belong into them.
    Repeated,
}

impl BooruPost {
    /// The path of the file that a tagger learns from, as a client should store it: the smaller rendition where there is one,
    /// otherwise the medium itself; empty where the post does not say.
    pub fn image(&self) -> String {
        match (self.is_visible, self.shape) {
            (false, _) => String::new(),
            (true, Some(BooruShape::NoRenditions)) => self.original(),
            (true, _) => self.rendition(),
        }
    }

    pub(crate) fn rendition(&self) -> String {
        self.path(FOLDERS[0], "webp")
    }

    pub(crate) fn thumb(&self) -> String {
        self.path(FOLDERS[1], "jpg")
    }

    pub(crate) fn original(&self) -> String {
        self.path(FOLDERS[2], self.extension)
    }

    fn path(&self, folder: &str, extension: &str) -> String {
        let md5 = &self.md5;
        format!("{folder}/{}/{}/{md5}.{extension}", &md5[..2], &md5[2..4])
    }
}

impl World {
    /// A post as a board of Danbooru's kind tells it; `None` for a gap.
    pub fn booru_post(&self, id: ItemId) -> Option<BooruPost> {
        let media = self.media(id)?;
        let listing = self.listing(id)?;
        let shape = self.booru_shape(id);
        let mut tags = self.booru_tags(id, &listing.user)?;
        if shape == Some(BooruShape::OneTagString) {
            tags.iter_mut().for_each(|(_, category)| *category = None);
        }
        Some(BooruPost {
            id,
            created: listing.created,
            uploader_id: listing.user_id,
            up: listing.up,
            down: listing.down,
            source: if shape == Some(BooruShape::Nulls) { String::new() } else { listing.source },
            rating: self.rating(id),
            md5: self.md5(id),
            extension: media.format.extension(),
            width: media.width,
            height: media.height,
            is_deleted: self.is_deleted(id),
            is_visible: self.is_visible(id),
            tags,
            shape,
        })
    }

    /// The content class in four grades; posts of any class but the first are questionable at least.
    pub(crate) fn rating(&self, id: ItemId) -> Option<char> {
        let is_milder = self.booru_draw(id, 1).is_multiple_of(2);
        match (self.booru_shape(id), self.flags(id) == Flags::SFW, is_milder) {
            (Some(BooruShape::Nulls), ..) => None,
            (_, true, true) => Some('g'),
            (_, true, false) => Some('s'),
            (_, false, true) => Some('q'),
            (_, false, false) => Some('e'),
        }
    }

    pub(crate) fn is_deleted(&self, id: ItemId) -> bool {
        self.booru_draw(id, 2) < DELETED
    }

    fn is_visible(&self, id: ItemId) -> bool {
        self.booru_draw(id, 3) >= HIDDEN
    }

    /// Below a thousand; another one for each question.
    fn booru_draw(&self, id: ItemId, question: u64) -> u64 {
        mix(self.rng(Purpose::Booru, id).bits() ^ question) % 1000
    }

    fn booru_shape(&self, id: ItemId) -> Option<BooruShape> {
        let mut rng = self.rng(Purpose::OddBooru, id);
        rng.chance(self.config.odd_share).then(|| {
            rng.pick(&[
                BooruShape::NoRenditions,
                BooruShape::PathsOnly,
                BooruShape::NoScheme,
                BooruShape::Nulls,
                BooruShape::OneTagString,
                BooruShape::Repeated,
            ])
        })
    }

    /// The tags of the post in one spelling, general ones first, then whose it is, what the file is, and what it is copied
    /// from.
    fn booru_tags(&self, id: ItemId, user: &str) -> Option<Vec<(String, Option<&'static str>)>> {
        let mut seen = HashSet::new();
        let mut tags: Vec<(String, Option<&'static str>)> = Vec::new();
        let spelled = |text: &str| {
            let words: Vec<String> = text
                .to_lowercase()
                .split_whitespace()
                .map(|word| word.chars().filter(|character| !character.is_control()).collect())
                .collect();
            words.join("_")
        };
        let mut add = |text: &str, category| {
            let tag = spelled(text);
            if !tag.is_empty() && seen.insert(tag.clone()) {
                tags.push((tag, Some(category)));
            }
        };
        let given = self.tags(id)?;
        let is_meta = |text: &str| META.contains(&text.trim().to_lowercase().as_str());
        given.iter().filter(|tag| !is_meta(&tag.text)).for_each(|tag| add(&tag.text, "general"));
        add(&format!("{user} (artist)"), "artist");
        if self.booru_draw(id, 4) < 300 {
            add("original", "copyright");
        }
        given.iter().filter(|tag| is_meta(&tag.text)).for_each(|tag| add(&tag.text, "meta"));
        Some(tags)
    }

    /// What the names of a post's files are made of. Its first half leads back to the post.
    fn md5(&self, id: ItemId) -> String {
        let scrambled = self.scrambler.scramble(id.0 as u64);
        format!("{scrambled:016x}{:016x}", mix(scrambled))
    }

    /// The file at a path of such a board.
    pub(super) fn resolve_booru(&self, path: &str) -> Option<MediaRequest> {
        let (folder, rest) = path.split_once('/').filter(|(folder, _)| FOLDERS.contains(folder))?;
        let hex = rest.get(6..22).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let number = self.scrambler.unscramble(u64::from_str_radix(hex, 16).ok()?);
        let id = ItemId(i64::try_from(number).ok()?);
        let format = self.media(id)?.format;
        let (rendition, format) = match folder {
            "720x720" => (Rendition::Still, Format::Webp),
            "180x180" => (Rendition::Thumb, Format::Jpeg),
            _ => (Rendition::Image, format),
        };
        let md5 = self.md5(id);
        let known = format!("{}/{}/{md5}.{}", &md5[..2], &md5[2..4], format.extension());
        (rest == known && self.is_visible(id)).then_some(MediaRequest { id, format, rendition })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorldConfig;

    fn world() -> World {
        World::new(WorldConfig { seed: 11, items: 2_000, odd_share: 0.2, ..WorldConfig::default() })
    }

    #[test]
    fn paths_lead_back_to_the_posts_that_say_them() {
        let world = world();
        for post in world.ids().map(|id| world.booru_post(id).unwrap()) {
            for path in [post.rendition(), post.thumb(), post.original()] {
                assert_eq!(world.id_of_path(&path), post.is_visible.then_some(post.id), "{path}");
                assert_eq!(world.id_of_path(&format!("{path}x")), None);
            }
            assert_eq!(post.image().is_empty(), !post.is_visible);
        }
        for other in ["", "720x720", "720x720/", "720x720/ab/cd/x.webp", "original/../../etc/passwd"] {
            assert_eq!(world.id_of_path(other), None, "{other}");
        }
    }

    #[test]
    fn every_sort_of_post_is_there() {
        let world = world();
        let posts: Vec<BooruPost> = world.ids().map(|id| world.booru_post(id).unwrap()).collect();
        let count = |is: fn(&BooruPost) -> bool| posts.iter().filter(|post| is(post)).count();
        assert!((60..150).contains(&count(|post| post.is_deleted)));
        assert!((30..100).contains(&count(|post| !post.is_visible)));
        for rating in ['g', 's', 'q', 'e'] {
            assert!(posts.iter().filter(|post| post.rating == Some(rating)).count() > 100);
        }
        assert!(count(|post| post.rating.is_none()) > 30);
        let is_plain = |tag: &str| !tag.is_empty() && !tag.contains(char::is_whitespace);
        assert!(posts.iter().flat_map(|post| &post.tags).all(|(tag, _)| is_plain(tag)));
    }
}
