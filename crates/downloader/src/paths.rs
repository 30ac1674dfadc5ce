//! Millions of paths in little memory.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Where a path stands among the [`Paths`].
pub(crate) type Place = u32;

/// A set of paths, in the order in which they came. All lie in one text: a string of its own for each would take three
/// times the memory.
///
/// Paths that differ in case alone are one: on macOS and Windows they would be one file.
#[derive(Default)]
pub(crate) struct Paths {
    text: String,
    /// Where each path ends in the text.
    ends: Vec<usize>,
    index: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

/// What became of a path that was to be inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It is new.
    New(Place),
    /// It was there.
    Known(Place),
    /// Another one was there that differs in case alone.
    Collides(Place),
}

impl Paths {
    pub(crate) fn insert(&mut self, path: &str) -> Inserted {
        let folded = fold(path);
        let hash = self.hasher.hash_one(folded.as_bytes());
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        let known = |place: &Place| fold(get(text, ends, *place)) == folded;
        if let Some(place) = self.index.find(hash, known) {
            return match get(text, ends, *place) == path {
                true => Inserted::Known(*place),
                false => Inserted::Collides(*place),
            };
        }
        let place =
            Place::try_from(self.ends.len()).expect("a table or database has fewer than 4 billion rows");
        self.index
            .insert_unique(hash, place, |place| hasher.hash_one(fold(get(text, ends, *place)).as_bytes()));
        self.text.push_str(path);
        self.ends.push(self.text.len());
        Inserted::New(place)
    }

    pub(crate) fn get(&self, place: Place) -> &str {
        get(&self.text, &self.ends, place)
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        let folded = fold(path);
        let hash = self.hasher.hash_one(folded.as_bytes());
        self.index.find(hash, |place| self.get(*place) == path).is_some()
    }
}

fn get<'a>(text: &'a str, ends: &[usize], place: Place) -> &'a str {
    let place = place as usize;
    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
    &text[start..ends[place]]
}

/// Without regard to case. Nearly all paths are lower-case ASCII, which is its own.
fn fold(path: &str) -> Cow<'_, str> {
    match path.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        true => Cow::Borrowed(path),
        false => Cow::Owned(path.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_alone_tells_no_paths_apart() {
        let mut paths = Paths::default();
        assert_eq!(paths.insert("2024/Ä.jpg"), Inserted::New(0));
        assert_eq!(paths.insert("2024/ä.jpg"), Inserted::Collides(0));
        assert_eq!(paths.insert("2024/ä.JPG"), Inserted::Collides(0));
        assert_eq!(paths.insert("2024/Ä.jpg"), Inserted::Known(0));
        assert_eq!(paths.insert("2024/a.jpg"), Inserted::New(1));
        assert!(paths.contains("2024/Ä.jpg") && !paths.contains("2024/ä.jpg"));
        assert_eq!((paths.get(0), paths.get(1)), ("2024/Ä.jpg", "2024/a.jpg"));
    }

    proptest! {
        /// As a map from folded names to the first that came.
        #[test]
        fn is_a_set(names in prop::collection::vec("[a-cA-C]{0,3}", 0..200)) {
            let (mut paths, mut model) = (Paths::default(), HashMap::new());
            for name in &names {
                let next = model.len() as Place;
                let expected = match model.get(&name.to_lowercase()) {
                    None => Inserted::New(next),
                    Some((place, known)) if known == name => Inserted::Known(*place),
                    Some((place, _)) => Inserted::Collides(*place),
                };
                prop_assert_eq!(paths.insert(name), expected);
                if expected == Inserted::New(next) {
                    model.insert(name.to_lowercase(), (next, name.clone()));
                }
            }
            for (place, name) in model.values() {
                prop_assert_eq!(paths.get(*place), name);
            }
        }
    }
}
