//! The ordered classes of a tagger.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// One output of a tagger: class `i` of the vocabulary is output `i` of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The tag.
    pub name: String,
    /// In how many training items it occurs.
    pub count: u64,
}

/// The classes of a tagger in their order, and the way back from a name to its class.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    classes: Vec<Class>,
    index: HashMap<String, usize>,
}

impl Vocabulary {
    /// The tags with at least `min_count` items, the commonest `max_classes` of them, by falling count and then name.
    pub fn from_counts(
        counts: impl IntoIterator<Item = (String, u64)>,
        min_count: u64,
        max_classes: Option<usize>,
    ) -> Vocabulary {
        let mut classes: Vec<Class> = counts
            .into_iter()
            .filter(|(_, count)| *count >= min_count)
            .map(|(name, count)| Class { name, count })
            .collect();
        classes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        classes.truncate(max_classes.unwrap_or(usize::MAX));
        Vocabulary::from_classes(classes)
    }

    /// The classes in the order given. Of a name that stands twice, the first keeps the name.
    pub fn from_classes(classes: Vec<Class>) -> Vocabulary {
        let mut index = HashMap::with_capacity(classes.len());
        for (class, Class { name, .. }) in classes.iter().enumerate() {
            index.entry(name.clone()).or_insert(class);
        }
        Vocabulary { classes, index }
    }

    /// The class of a tag, if it has one.
    pub fn class(&self, tag: &str) -> Option<usize> {
        self.index.get(tag).copied()
    }

    /// The tag of a class.
    pub fn name(&self, class: usize) -> Option<&str> {
        self.classes.get(class).map(|class| class.name.as_str())
    }

    /// All classes, in order.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there is no class at all.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Vocabulary) -> bool {
        self.classes == other.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_by_count_then_name() {
        let counts = [("b", 2), ("a", 2), ("rare", 1), ("c", 5)].map(|(name, n)| (name.to_owned(), n));
        let vocabulary = Vocabulary::from_counts(counts.clone(), 2, None);
        let names: Vec<&str> = vocabulary.classes().iter().map(|class| class.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "b"]);
        assert_eq!(vocabulary.class("b"), Some(2));
        assert_eq!(vocabulary.class("rare"), None);
        assert_eq!(Vocabulary::from_counts(counts, 1, Some(1)).len(), 1);
    }
}
