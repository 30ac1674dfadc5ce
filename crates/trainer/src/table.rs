//! What training and validating need of `dataset.csv`: which pictures, on which side, with which classes.

use std::collections::HashMap;
use std::path::Path;

use tagmill_model::dataset::DatasetReader;
use tagmill_model::{Dated, Flags, ItemId, MediaKind, MediaPath, Sides, Split, Vocabulary};

use crate::Error;
use crate::lists::Lists;
use crate::outputs::{POLITICS, RATINGS, ratings_of};

/// The pictures of a table, column by column: a row costs its path, four bytes a tag and 36 bytes, so that six million rows
/// fit in a gigabyte.
#[derive(Default)]
pub(crate) struct Table {
    /// All rows, those of videos too.
    pub(crate) rows: u64,
    /// Rows whose medium is a video. Nobody decodes those, and they are not among the columns.
    pub(crate) videos: u64,
    items: Vec<Dated>,
    content: Vec<Flags>,
    images: Lists<u8>,
    /// The tags of each row, rising, each once, by their number.
    tags: Lists<u32>,
    /// The confidence of each of these tags, where it was asked for.
    confidences: Option<Lists<f32>>,
    /// The number of each tag.
    numbers: HashMap<String, u32>,
}

/// One picture and the classes it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) id: ItemId,
    pub(crate) image: MediaPath,
    pub(crate) content: Flags,
    /// Rising, each once. Tags outside the vocabulary are not among them.
    pub(crate) classes: Vec<u32>,
}

/// What is on the training side: a vocabulary knows nothing of the other sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Pictures of the training side.
    pub(crate) train: u64,
    /// In how many of them each content class occurs.
    pub(crate) ratings: [u64; RATINGS.len()],
    /// In how many of them each tag occurs.
    pub(crate) counts: HashMap<String, u64>,
}

/// The pictures of a side, as rows of the table, and the classes of each.
#[derive(Default)]
pub(crate) struct Labelled {
    pub(crate) rows: Vec<u32>,
    pub(crate) content: Vec<Flags>,
    /// Rising, each once. Tags outside the vocabulary are not among them.
    pub(crate) classes: Lists<u32>,
    /// For each of these classes, its confidence as a share of the picture's highest, 0 to 1; `None` where the table has none.
    pub(crate) targets: Option<Lists<f32>>,
}

impl Table {
    /// Reads a table.
    pub(crate) fn read(dataset: &Path) -> Result<Table, Error> {
        Table::of(dataset, Table::default())
    }

    /// As [`Table::read`], with the confidences, which cost four bytes a tag.
    pub(crate) fn read_with_confidences(dataset: &Path) -> Result<Table, Error> {
        Table::of(dataset, Table { confidences: Some(Lists::default()), ..Table::default() })
    }

    fn of(dataset: &Path, mut table: Table) -> Result<Table, Error> {
        for row in DatasetReader::open(dataset)? {
            let row = row?;
            table.rows += 1;
            if row.image.kind() == MediaKind::Video {
                table.videos += 1;
                continue;
            }
            let tags = row.tags.into_iter();
            let mut tags: Vec<(u32, f32)> =
                tags.map(|tag| (table.number(tag.name), tag.confidence)).collect();
            let (politics, class) = POLITICS;
            if row.content.contains(class) {
                tags.push((table.number(politics.to_owned()), 1.0));
            }
            // Of a tag that stands there twice the higher confidence comes first, and stays.
            tags.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            tags.dedup_by_key(|tag| tag.0);
            table.items.push((row.id, row.created));
            table.content.push(row.content);
            table.images.push(row.image.as_str().bytes());
            if let Some(confidences) = &mut table.confidences {
                confidences.push(tags.iter().map(|tag| tag.1));
            }
            table.tags.push(tags.into_iter().map(|tag| tag.0));
        }
        Ok(table)
    }

    fn number(&mut self, tag: String) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(tag).or_insert(next)
    }

    /// How many pictures there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The items with their times of upload, in the table's order.
    pub(crate) fn items(&self) -> &[Dated] {
        &self.items
    }

    /// The picture of a row, below the media folder.
    pub(crate) fn image(&self, row: usize) -> &str {
        std::str::from_utf8(self.images.get(row)).expect("a path was pushed as text")
    }

    /// Counts the tags of the training side.
    pub(crate) fn census(&self, sides: &Sides) -> Census {
        let mut counts = vec![0; self.numbers.len()];
        let (mut train, mut ratings) = (0, [0; RATINGS.len()]);
        for (row, item) in self.items.iter().enumerate() {
            if sides.side(*item) == Split::Train {
                train += 1;
                ratings_of(self.content[row]).for_each(|place| ratings[place] += 1);
                self.tags.get(row).iter().for_each(|tag| counts[*tag as usize] += 1);
            }
        }
        let count = |(name, number): (&String, &u32)| match counts[*number as usize] {
            0 => None,
            count => Some((name.clone(), count)),
        };
        Census { train, ratings, counts: self.numbers.iter().filter_map(count).collect() }
    }

    /// The pictures of one side, in the table's order.
    pub(crate) fn labelled(&self, sides: &Sides, side: Split, vocabulary: &Vocabulary) -> Labelled {
        let mut class_of = vec![None; self.numbers.len()];
        for (name, number) in &self.numbers {
            class_of[*number as usize] = vocabulary.class(name).map(|class| class as u32);
        }
        let politics = self.numbers.get(POLITICS.0).and_then(|number| class_of[*number as usize]);
        let mut labelled =
            Labelled { targets: self.confidences.as_ref().map(|_| Lists::default()), ..Labelled::default() };
        for (row, item) in self.items.iter().enumerate() {
            if sides.side(*item) == side {
                let confidences = self.confidences.as_ref().map(|confidences| confidences.get(row));
                let confidence = |place: usize| confidences.map_or(1.0, |confidences| confidences[place]);
                let tags = self.tags.get(row).iter().enumerate();
                let mut classes: Vec<(u32, f32)> = tags
                    .filter_map(|(place, tag)| Some((class_of[*tag as usize]?, confidence(place))))
                    .collect();
                classes.sort_unstable_by_key(|class| class.0);
                labelled.rows.push(row as u32);
                labelled.content.push(self.content[row]);
                labelled.classes.push(classes.iter().map(|class| class.0));
                if let Some(targets) = &mut labelled.targets {
                    targets.push(shares(&classes, politics));
                }
            }
        }
        labelled
    }

    /// As [`Table::labelled`], each picture for itself.
    pub(crate) fn examples(&self, sides: &Sides, side: Split, vocabulary: &Vocabulary) -> Vec<Example> {
        let labelled = self.labelled(sides, side, vocabulary);
        let examples = labelled.rows.iter().zip(labelled.classes.iter());
        examples
            .map(|(row, classes)| Example { classes: classes.to_vec(), ..self.example(*row as usize) })
            .collect()
    }

    /// The picture of a row, without classes.
    pub(crate) fn example(&self, row: usize) -> Example {
        let image = MediaPath::parse(self.image(row)).expect("it was one when it was read");
        Example { id: self.items[row].0, image, content: self.content[row], classes: Vec::new() }
    }
}

/// The confidences of a picture's classes as shares of the highest: how much people vote differs from picture to picture far
/// more than from tag to tag. Where none is above nothing, all are 1; so is always the class `politics`, which nobody votes on.
fn shares(classes: &[(u32, f32)], politics: Option<u32>) -> impl Iterator<Item = f32> {
    let voted = classes.iter().filter(move |class| Some(class.0) != politics);
    let highest = voted.map(|class| class.1).fold(0.0, f32::max);
    classes.iter().map(move |(class, confidence)| match highest > 0.0 && Some(*class) != politics {
        true => (confidence / highest).max(0.0),
        false => 1.0,
    })
}

/// SHA-256 of a file, in hex.
pub(crate) fn sha256_of_file(path: &Path) -> Result<String, Error> {
    let (hash, _) = tagmill_model::sha256_of_file(path).map_err(Error::io(path))?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use tagmill_model::dataset::{DatasetRow, DatasetWriter};
    use tagmill_model::{SplitConfig, Tag};

    use super::*;

    #[test]
    fn content_classes_are_counted_and_politics_is_a_tag() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = folder.path().join("dataset.csv");
        let row = |id: i64, content| DatasetRow {
            id: ItemId(id),
            image: MediaPath::parse(&format!("{id}.png")).unwrap(),
            created: 0,
            width: 1,
            height: 1,
            flags: Flags::SFW,
            content,
            tags: vec![Tag { name: "cat".to_owned(), confidence: 0.5 }],
        };
        let contents = [Flags::empty(), Flags::NSFW, Flags::POL, Flags::NSFP | Flags::POL];
        let rows: Vec<DatasetRow> = (1..).zip(contents).map(|(id, content)| row(id, content)).collect();
        let mut writer = DatasetWriter::create(&dataset, 1).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();

        let table = Table::read_with_confidences(&dataset).unwrap();
        let all = SplitConfig { test_fraction: 0.0, validation_fraction: 0.0, ..SplitConfig::default() };
        let sides = Sides::by_hash(all);
        let census = table.census(&sides);
        assert_eq!((census.train, census.ratings), (4, [2, 1, 0, 1]));
        let counts = [("cat", 4), ("pol", 2)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(census.counts, HashMap::from(counts));
        let vocabulary = Vocabulary::from_counts(census.counts, 1, None);
        let labelled = table.labelled(&sides, Split::Train, &vocabulary);
        assert_eq!(labelled.content, contents);
        assert_eq!(labelled.classes.iter().collect::<Vec<_>>(), [&[0][..], &[0], &[0, 1], &[0, 1]]);
        // That a picture is political takes nothing from what else it shows.
        let targets = labelled.targets.unwrap();
        assert_eq!(targets.iter().collect::<Vec<_>>(), [&[1.0][..], &[1.0], &[1.0, 1.0], &[1.0, 1.0]]);
    }
}
