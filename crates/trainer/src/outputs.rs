//! What the outputs of a network stand for, in their order: the content classes, then the tags.
//!
//! The content classes are what the tools around the WD taggers call ratings, and those expect four of them in front.

use serde::Deserialize;
use tagmill_model::{Class, Flags, Vocabulary};

/// The content classes that are outputs of their own.
pub(crate) const RATINGS: [(&str, Flags); 4] =
    [("sfw", Flags::SFW), ("nsfw", Flags::NSFW), ("nsfl", Flags::NSFL), ("nsfp", Flags::NSFP)];

/// A content class beside those, which says what a picture is about: a tag like others.
pub(crate) const POLITICS: (&str, Flags) = ("pol", Flags::POL);

/// The category of a content class, by the WD taggers' numbering.
const RATING: u32 = 9;

/// That of a tag.
pub(crate) const GENERAL: u32 = 0;

/// In how many training items each content class occurs, and the tags.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outputs {
    pub(crate) ratings: [u64; RATINGS.len()],
    pub(crate) vocabulary: Vocabulary,
}

/// The content classes of a picture, as places among [`RATINGS`]. What is none of the others is safe.
pub(crate) fn ratings_of(content: Flags) -> impl Iterator<Item = usize> {
    let others = RATINGS[1..].iter().fold(Flags::empty(), |all, (_, class)| all | *class);
    let content = if content.intersects(others) { content - Flags::SFW } else { Flags::SFW };
    (0..RATINGS.len()).filter(move |place| content.contains(RATINGS[*place].1))
}

impl Outputs {
    pub(crate) fn len(&self) -> usize {
        RATINGS.len() + self.vocabulary.len()
    }

    /// In how many training items each of them occurs.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let tags = self.vocabulary.classes().iter().map(|class| class.count);
        self.ratings.into_iter().chain(tags).collect()
    }

    /// `selected_tags.csv`: row `i` is output `i`.
    pub(crate) fn to_csv(&self) -> Vec<u8> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let mut write = |fields: [&str; 4]| csv.write_record(fields).expect("a Vec takes everything");
        write(["tag_id", "name", "category", "count"]);
        let ratings = RATINGS.iter().map(|(name, _)| (*name, RATING));
        let tags = self.vocabulary.classes().iter().map(|class| (class.name.as_str(), GENERAL));
        for (output, ((name, category), count)) in ratings.chain(tags).zip(self.counts()).enumerate() {
            write([&output.to_string(), name, &category.to_string(), &count.to_string()]);
        }
        csv.into_inner().expect("a Vec takes everything")
    }

    /// Reads what [`Outputs::to_csv`] wrote.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn from_csv(bytes: &[u8]) -> Result<Outputs, String> {
        #[derive(Deserialize)]
        struct Row {
            name: String,
            category: u32,
            count: u64,
        }
        let rows = csv::Reader::from_reader(bytes).into_deserialize().collect::<Result<Vec<Row>, _>>();
        let mut rows = rows.map_err(|error| error.to_string())?.into_iter();
        let mut ratings = [0; RATINGS.len()];
        for ((name, _), count) in RATINGS.iter().zip(&mut ratings) {
            match rows.next() {
                Some(row) if row.category == RATING && row.name == *name => *count = row.count,
                _ => {
                    return Err(
                        "it has no content classes, as an earlier version left it; train the run anew"
                            .to_owned(),
                    );
                }
            }
        }
        let classes = rows.map(|Row { name, count, .. }| Class { name, count }).collect();
        Ok(Outputs { ratings, vocabulary: Vocabulary::from_classes(classes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: Flags, expected: &[&str]) {
        let names: Vec<&str> = ratings_of(content).map(|place| RATINGS[place].0).collect();
        assert_eq!(names, expected, "{content}");
    }

    #[test]
    fn what_nobody_objects_to_is_safe() {
        check(Flags::empty(), &["sfw"]);
        check(Flags::SFW, &["sfw"]);
        check(Flags::POL, &["sfw"]);
        check(Flags::NSFP, &["nsfp"]);
        check(Flags::NSFW | Flags::NSFL | Flags::POL, &["nsfw", "nsfl"]);
        check(Flags::SFW | Flags::NSFW, &["nsfw"]);
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let classes = [("a \"b\", c", 7), ("猫", 3)];
        let classes = classes.map(|(name, count)| Class { name: name.to_owned(), count });
        let outputs =
            Outputs { ratings: [9, 2, 0, 1], vocabulary: Vocabulary::from_classes(classes.to_vec()) };
        let csv = outputs.to_csv();
        assert_eq!(
            String::from_utf8(csv.clone()).unwrap(),
            "tag_id,name,category,count\n0,sfw,9,9\n1,nsfw,9,2\n2,nsfl,9,0\n3,nsfp,9,1\n4,\"a \"\"b\"\", c\",0,7\n5,猫,0,3\n"
        );
        assert_eq!(Outputs::from_csv(&csv), Ok(outputs));
        assert!(Outputs::from_csv(b"tag_id,name,category,count\n0,sfw,0,3\n").unwrap_err().contains("train"));
    }
}
