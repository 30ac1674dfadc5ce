use std::sync::Arc;

use tagmill_model::{Flags, Tag};

use super::names::{Known, Names, Select, Symbol};
use super::{
    Confidence, Doubles, DropReason, Dropped, Labels, MalformedTags, RawTag, RulesError, Steps, TagRules,
    each,
};

/// From so many names on, all are forgotten: some 10 MB. Rare ones are most of them, and the common ones are soon known again.
const MOST_NAMES: usize = 100_000;

/// Interprets tag lists, one after the other. It remembers the spellings that it met, so keep it for many lists.
pub struct Interpreter {
    names: Names,
    labels: Vec<(Symbol, f32)>,
}

/// What a tag list says beside its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Content classes that stood among the tags.
    pub content: Flags,
    /// The tags that are no labels.
    pub dropped: Dropped,
    /// Tags whose confidence was a number outside of `[0, 1]`, and was moved to its nearer end.
    pub absurd: u64,
}

impl Interpreter {
    /// For lists that are read by these rules.
    ///
    /// # Errors
    /// See [`RulesError`].
    pub fn new(rules: &TagRules) -> Result<Interpreter, RulesError> {
        let steps = Arc::new(Steps::new(rules)?);
        Ok(Interpreter::with(steps, None))
    }

    pub(crate) fn with(steps: Arc<Steps>, select: Option<Arc<dyn Select>>) -> Interpreter {
        Interpreter { names: Names::new(steps, select), labels: Vec::new() }
    }

    /// Interprets the tags of an item.
    ///
    /// # Errors
    /// [`MalformedTags`] where `json` is no JSON array. What is wrong with single tags is counted instead.
    pub fn labels(&mut self, json: &str) -> Result<Labels, MalformedTags> {
        if self.names.len() > MOST_NAMES {
            self.names.clear();
        }
        let Reading { content, dropped, .. } = self.read(json)?;
        let tag = |(name, confidence): (&str, f32)| Tag { name: name.to_owned(), confidence };
        Ok(Labels { tags: self.tags().map(tag).collect(), content, dropped })
    }

    /// As [`Interpreter::labels`], leaving the labels in [`Interpreter::symbols`] until the next list is read.
    pub(crate) fn read(&mut self, json: &str) -> Result<Reading, MalformedTags> {
        let mut reading = Reading { content: Flags::empty(), dropped: Dropped::default(), absurd: 0 };
        self.labels.clear();
        // All are read before the first one is looked up: the processor can then wait for several of them at once.
        let mut tags = Vec::with_capacity(16);
        each(json, |raw| tags.push(raw)).map_err(MalformedTags)?;
        tags.into_iter().for_each(|raw| self.add(raw, &mut reading));
        let merged = match self.names.steps().rules.doubles {
            Doubles::Highest => self.keep_highest(),
            Doubles::Sum => self.sum_up(),
            Doubles::Keep => 0,
        };
        reading.dropped.add(DropReason::Double, merged);
        self.imply(&mut reading);
        self.sort();
        Ok(reading)
    }

    fn add(&mut self, raw: RawTag<'_>, reading: &mut Reading) {
        let Some(name) = raw.name else {
            return reading.dropped.add(DropReason::Unreadable, 1);
        };
        let unwanted = &self.names.steps().rules.dropped_categories;
        if raw.category.is_some_and(|category| unwanted.contains(category.as_ref())) {
            return reading.dropped.add(DropReason::Category, 1);
        }
        let symbol = match self.names.look_up(&name) {
            Known::Content(class) => {
                reading.content |= class;
                return;
            }
            Known::Dropped(reason) => return reading.dropped.add(reason, 1),
            Known::Label(symbol) => symbol,
        };
        let Some(confidence) = raw.confidence.value() else {
            return reading.dropped.add(DropReason::Unreadable, 1);
        };
        reading.absurd += u64::from(raw.confidence.is_absurd());
        if confidence < self.names.steps().rules.min_confidence {
            return reading.dropped.add(DropReason::Confidence, 1);
        }
        self.labels.push((symbol, confidence));
    }

    /// Of doubles the highest confidence stays. Tells how many went.
    fn keep_highest(&mut self) -> u64 {
        let before = self.labels.len();
        // One number to compare by: confidences are not negative, so that their bits are in their order.
        let key = |(symbol, confidence): &(Symbol, f32)| {
            u64::from(*symbol) << 32 | u64::from(!confidence.to_bits())
        };
        self.labels.sort_unstable_by_key(key);
        self.labels.dedup_by_key(|(symbol, _)| *symbol);
        (before - self.labels.len()) as u64
    }

    /// Doubles become one, with the sum of their confidences in the order of the list. Tells how many went.
    fn sum_up(&mut self) -> u64 {
        let before = self.labels.len();
        self.labels.sort_by_key(|(symbol, _)| *symbol);
        self.labels.dedup_by(|double, kept| {
            if double.0 != kept.0 {
                return false;
            }
            kept.1 += double.1;
            true
        });
        (before - self.labels.len()) as u64
    }

    /// By falling confidence, then name. Names are looked at only where confidences are equal: they lie all over the memory.
    fn sort(&mut self) {
        let Interpreter { labels, names } = self;
        labels.sort_unstable_by_key(|(_, confidence)| !confidence.to_bits());
        for equal in labels.chunk_by_mut(|a, b| a.1 == b.1).filter(|equal| equal.len() > 1) {
            equal.sort_unstable_by(|a, b| names.label(a.0).cmp(names.label(b.0)));
        }
    }

    /// What is implied has the confidence of what implies it, or that which it had already, where that is higher.
    fn imply(&mut self, reading: &mut Reading) {
        if !self.names.steps().has_implications() {
            return;
        }
        let direct = self.labels.len();
        for index in 0..direct {
            let (symbol, confidence) = self.labels[index];
            for known in self.names.implied(symbol) {
                match known {
                    Known::Label(implied) => self.labels.push((*implied, confidence)),
                    Known::Content(class) => reading.content |= *class,
                    Known::Dropped(_) => {}
                }
            }
        }
        if self.labels.len() > direct {
            self.keep_highest();
        }
    }

    /// The labels of the list that was read last, by falling confidence, then name.
    pub(crate) fn symbols(&self) -> &[(Symbol, f32)] {
        &self.labels
    }

    /// As [`Interpreter::symbols`], with their names.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (&str, f32)> {
        self.labels.iter().map(|(symbol, confidence)| (self.names.label(*symbol).as_str(), *confidence))
    }

    /// The symbol of a label that has gone through all steps before.
    pub(crate) fn symbol(&mut self, label: &str) -> Symbol {
        self.names.symbol(label)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Forgets all names. Symbols do not outlive it.
    pub(crate) fn forget(&mut self) {
        self.names.clear();
    }
}

impl Confidence {
    /// Whether it is a number that no board sends.
    pub fn is_absurd(self) -> bool {
        matches!(self, Confidence::Number(number) if !(0.0..=1.0).contains(&number))
    }
}
