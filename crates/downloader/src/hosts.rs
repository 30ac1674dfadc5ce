//! Where which files lie.

use tagmill_http::Url;
use tagmill_model::{MediaKind, MediaPath};

/// Which rendition of an item to download. Each is saved under the path of the item's own medium, so that a table finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// The medium itself. The public board scales pictures down to a width of 1,052 pixels.
    #[default]
    Image,
    /// The picture before the board scaled it down; where there is none, the medium itself.
    Full,
    /// The thumbnail: a small JPEG, of videos too.
    Thumb,
}

/// The members of a listing's object that have the paths of variants. They differ by kind of board; the default is
/// pr0gramm's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Of [`Variant::Full`].
    pub full: String,
    /// Of [`Variant::Thumb`].
    pub thumb: String,
}

impl Default for Members {
    fn default() -> Members {
        Members { full: "fullsize".to_owned(), thumb: "thumb".to_owned() }
    }
}

impl Members {
    /// The member that has a variant's path; `None` for the medium itself, whose path is no member's.
    pub(crate) fn of(&self, variant: Variant) -> Option<&str> {
        match variant {
            Variant::Image => None,
            Variant::Full => Some(&self.full),
            Variant::Thumb => Some(&self.thumb),
        }
    }
}

/// The hosts of each kind of file, by what paths are relative to, such as `https://img.example/`. The first is asked, the
/// next ones where it has no such file.
///
/// All of them are taken for one board's: they share the pace, the gate and the number of requests under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Pictures.
    pub image: Vec<Url>,
    /// Videos.
    pub video: Vec<Url>,
    /// What [`Variant::Full`] asks for.
    pub full: Vec<Url>,
    /// What [`Variant::Thumb`] asks for.
    pub thumb: Vec<Url>,
}

impl Hosts {
    /// One host for all kinds.
    pub fn one(url: Url) -> Hosts {
        let one = vec![url];
        Hosts { image: one.clone(), video: one.clone(), full: one.clone(), thumb: one }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Url> {
        [&self.image, &self.video, &self.full, &self.thumb].into_iter().flatten()
    }

    /// The hosts of a variant's own files, or of an item's medium.
    pub(crate) fn of(&self, variant: Variant, medium: &MediaPath) -> &[Url] {
        match (variant, medium.kind()) {
            (Variant::Full, _) => &self.full,
            (Variant::Thumb, _) => &self.thumb,
            (Variant::Image, MediaKind::Video) => &self.video,
            (Variant::Image, MediaKind::Image | MediaKind::Other) => &self.image,
        }
    }
}

/// The file's URL below the base, each part of its path percent-encoded.
pub(crate) fn url_of(base: &Url, path: &MediaPath) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("the base was checked to be an http url, whose path has segments")
        .pop_if_empty()
        .extend(path.as_str().split('/'));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, path: &str, expected: &str) {
        let url = url_of(&Url::parse(base).unwrap(), &MediaPath::parse(path).unwrap());
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn paths_are_joined_with_one_slash_and_encoded() {
        check("https://img.example", "2024/a.jpg", "https://img.example/2024/a.jpg");
        check("https://img.example/", "/2024/a.jpg", "https://img.example/2024/a.jpg");
        check("https://img.example/media", "a.jpg", "https://img.example/media/a.jpg");
        check("https://img.example/media/", "a.jpg", "https://img.example/media/a.jpg");
        check("https://img.example/", "a?b#c%2e.jpg", "https://img.example/a%3Fb%23c%252e.jpg");
        check("https://img.example/", "ä ö.jpg", "https://img.example/%C3%A4%20%C3%B6.jpg");
    }

    proptest::proptest! {
        /// No path leads out of the base.
        #[test]
        fn stays_below_the_base(path in "\\PC{1,40}") {
            let base = Url::parse("https://img.example/media/").unwrap();
            if let Ok(path) = MediaPath::parse(&path) {
                let url = url_of(&base, &path);
                proptest::prop_assert!(url.as_str().starts_with("https://img.example/media/"), "{}", url);
                proptest::prop_assert_eq!(url.query(), None);
                proptest::prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}
