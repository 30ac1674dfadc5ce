//! What one thread counts, and the sum of all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tagmill_model::{Flags, ItemId, MediaKind, MediaPath, Outcome};
use tagmill_store::Row;

use super::report::{Beside, Report, TagCount, Together};
use super::{Config, Error, Media};
use crate::tags;

/// The counts of one thread.
pub(super) struct Tally<'a> {
    config: &'a Config,
    /// The tags by their names, and by every other way they were typed, so that each spelling is normalised only once.
    places: HashMap<Box<str>, Place>,
    counts: Vec<Count>,
    /// Where the tag to look beside is counted.
    beside: Option<u32>,
    /// The tags of the item at hand, each once.
    at_hand: Vec<u32>,
    /// The number of the item at hand, from 1.
    item: u32,
    sums: Sums,
}

#[derive(Clone, Copy)]
struct Place {
    index: u32,
    /// Whether it is found by its name, not by another spelling.
    is_name: bool,
}

/// 12 bytes: there are millions of them. A thread would have to read four thousand million items to overflow one.
#[derive(Clone, Copy, Default)]
struct Count {
    items: u32,
    together: u32,
    /// The item at which it was last met.
    last: u32,
}

#[derive(Default)]
struct Sums {
    read: u64,
    left_out: u64,
    without_tags: u64,
    malformed: Vec<ItemId>,
    malformed_items: u64,
    unreadable: u64,
    counted: u64,
    uses: u64,
}

impl<'a> Tally<'a> {
    pub(super) fn new(config: &'a Config) -> Tally<'a> {
        let mut tally = Tally {
            config,
            places: HashMap::new(),
            counts: Vec::new(),
            beside: None,
            at_hand: Vec::new(),
            item: 0,
            sums: Sums::default(),
        };
        tally.beside = config.beside.as_deref().and_then(|tag| tally.place(tag));
        tally
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        self.sums.read += 1;
        if !self.is_asked_for(row) {
            self.sums.left_out += 1;
            return;
        }
        let Some(json) = row.tags_data.as_deref() else {
            self.sums.without_tags += 1;
            return;
        };
        self.item += 1;
        self.at_hand.clear();
        let mut unreadable = 0;
        let read = tags::each(json, |tag| match tag.name.and_then(|name| self.place(&name)) {
            Some(index) if self.counts[index as usize].last != self.item => {
                self.counts[index as usize].last = self.item;
                self.at_hand.push(index);
            }
            Some(_) => {}
            None => unreadable += 1,
        });
        if read.is_err() {
            self.sums.malformed_items += 1;
            if self.sums.malformed.len() < Report::MALFORMED_LISTED {
                self.sums.malformed.push(row.id);
            }
            return;
        }
        self.sums.counted += 1;
        self.sums.unreadable += unreadable;
        for index in &self.at_hand {
            self.counts[*index as usize].items += 1;
        }
        self.sums.uses += self.at_hand.len() as u64;
        if self.beside.is_some_and(|beside| self.counts[beside as usize].last == self.item) {
            for index in &self.at_hand {
                self.counts[*index as usize].together += 1;
            }
        }
    }

    fn is_asked_for(&self, row: &Row<'_>) -> bool {
        let is_picture =
            || MediaPath::check(&row.image).is_ok_and(|image| MediaKind::of_path(image) == MediaKind::Image);
        self.config.classes.contains(row.flags & Flags::EVERY_CLASS)
            && (self.config.media == Media::All || is_picture())
    }

    /// Where a tag is counted; `None` for one of blanks only.
    fn place(&mut self, typed: &str) -> Option<u32> {
        if let Some(place) = self.places.get(typed) {
            return Some(place.index);
        }
        let name = tags::normalise(typed, self.config.normalise);
        if name.is_empty() {
            return None;
        }
        let index = match self.places.get(&*name) {
            Some(place) => place.index,
            None => {
                let index = u32::try_from(self.counts.len()).expect("memory ends before so many tags");
                self.counts.push(Count::default());
                self.places.insert(name.as_ref().into(), Place { index, is_name: true });
                index
            }
        };
        if name != typed {
            self.places.insert(typed.into(), Place { index, is_name: false });
        }
        Some(index)
    }

    /// The sum of all threads' counts, the commonest tags first.
    pub(super) fn report(
        tallies: Vec<Tally<'_>>,
        config: &Config,
        outcome: Outcome,
    ) -> Result<Report, Error> {
        let mut sums = Sums::default();
        let mut total: HashMap<Box<str>, (u64, u64)> = HashMap::new();
        for tally in tallies {
            sums.add(tally.sums);
            for (name, place) in tally.places {
                let count = tally.counts[place.index as usize];
                if place.is_name && count.items > 0 {
                    let counts = (u64::from(count.items), u64::from(count.together));
                    match total.entry(name) {
                        Entry::Occupied(mut entry) => {
                            entry.get_mut().0 += counts.0;
                            entry.get_mut().1 += counts.1;
                        }
                        Entry::Vacant(entry) => drop(entry.insert(counts)),
                    }
                }
            }
        }
        sums.malformed.sort_unstable();
        sums.malformed.truncate(Report::MALFORMED_LISTED);
        let mut report = Report {
            outcome,
            items_read: sums.read,
            items_left_out: sums.left_out,
            items_without_tags: sums.without_tags,
            items_malformed: sums.malformed_items,
            malformed: sums.malformed,
            items_counted: sums.counted,
            unreadable_tags: sums.unreadable,
            uses: sums.uses,
            distinct_tags: total.len() as u64,
            tags: Vec::new(),
            beside: None,
        };
        match &config.beside {
            None => report.tags = all(total, sums.counted),
            Some(tag) => {
                let tag = tags::normalise(tag, config.normalise).into_owned();
                let Some((items, _)) = total.remove(tag.as_str()) else {
                    // Who cancelled wants no answer.
                    return match outcome {
                        Outcome::Cancelled => Ok(report),
                        Outcome::Completed => Err(Error::UnknownTag { tag, items: sums.counted }),
                    };
                };
                report.beside = Some(Beside { others: others(total, items, sums.counted), tag, items });
            }
        }
        Ok(report)
    }
}

fn all(total: HashMap<Box<str>, (u64, u64)>, counted: u64) -> Vec<TagCount> {
    let share = |items: u64| items as f64 / counted as f64;
    let mut tags: Vec<TagCount> = total
        .into_iter()
        .map(|(tag, (items, _))| TagCount { tag: tag.into(), items, share: share(items) })
        .collect();
    tags.sort_unstable_by(|a, b| b.items.cmp(&a.items).then_with(|| a.tag.cmp(&b.tag)));
    tags
}

fn others(total: HashMap<Box<str>, (u64, u64)>, with_tag: u64, counted: u64) -> Vec<Together> {
    let mut others: Vec<Together> = total
        .into_iter()
        .filter(|(_, (_, together))| *together > 0)
        .map(|(tag, (items, together))| {
            let share = together as f64 / with_tag as f64;
            Together { tag: tag.into(), together, items, share, lift: share * counted as f64 / items as f64 }
        })
        .collect();
    others.sort_unstable_by(|a, b| b.together.cmp(&a.together).then_with(|| a.tag.cmp(&b.tag)));
    others
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.read += other.read;
        self.left_out += other.left_out;
        self.without_tags += other.without_tags;
        self.malformed.extend(other.malformed);
        self.malformed_items += other.malformed_items;
        self.unreadable += other.unreadable;
        self.counted += other.counted;
        self.uses += other.uses;
    }
}
