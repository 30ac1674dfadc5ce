//! Names as small numbers, for as long as there is room for them.

use std::sync::Arc;

use hashbrown::HashMap;
use smol_str::SmolStr;
use tagmill_model::Flags;

use super::DropReason;
use super::steps::{Step, Steps};

/// The number of a label; the order of numbers means nothing.
pub(crate) type Symbol = u32;

/// Which labels the table may have, where that depends on how often they occur.
pub(crate) trait Select: Send + Sync {
    /// Why a label may not stand in the table.
    fn refuse(&self, label: &str) -> Option<DropReason>;
}

/// What becomes of a name, looked up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    Label(Symbol),
    Content(Flags),
    Dropped(DropReason),
}

/// All labels that were met, and all spellings with what became of them: the steps run once for each spelling, not once for
/// each of the dozen tags of each item.
///
/// What takes time are misses of the processor's caches, one for each place in memory that a look-up goes to. So texts stand
/// inside the tables; only those of more than 23 bytes are elsewhere.
pub(crate) struct Names {
    steps: Arc<Steps>,
    select: Option<Arc<dyn Select>>,
    spellings: HashMap<SmolStr, Known>,
    symbols: HashMap<SmolStr, Symbol>,
    /// By symbol.
    labels: Vec<SmolStr>,
    /// What each label implies; empty where there are no implications.
    implied: Vec<Box<[Known]>>,
}

impl Names {
    pub(crate) fn new(steps: Arc<Steps>, select: Option<Arc<dyn Select>>) -> Names {
        Names {
            steps,
            select,
            spellings: HashMap::new(),
            symbols: HashMap::new(),
            labels: Vec::new(),
            implied: Vec::new(),
        }
    }

    /// How many names are known: some 150 bytes each.
    pub(crate) fn len(&self) -> usize {
        self.spellings.len().max(self.labels.len())
    }

    /// Forgets all names. All symbols given out so far are void.
    pub(crate) fn clear(&mut self) {
        self.spellings.clear();
        self.symbols.clear();
        self.labels.clear();
        self.implied.clear();
    }

    pub(super) fn steps(&self) -> &Steps {
        &self.steps
    }

    pub(crate) fn label(&self, symbol: Symbol) -> &SmolStr {
        &self.labels[symbol as usize]
    }

    /// What becomes of a name as it was typed.
    pub(super) fn look_up(&mut self, raw: &str) -> Known {
        if let Some(known) = self.spellings.get(raw) {
            return *known;
        }
        let steps = self.steps.clone();
        let known = self.intern(steps.step(raw));
        self.spellings.insert(raw.into(), known);
        known
    }

    /// What else an item has that has this label.
    pub(super) fn implied(&self, symbol: Symbol) -> &[Known] {
        self.implied.get(symbol as usize).map_or(&[], |implied| implied)
    }

    fn intern(&mut self, step: Step<'_>) -> Known {
        match step {
            Step::Content(class) => Known::Content(class),
            Step::Dropped(reason) => Known::Dropped(reason),
            Step::Label(label) => match self.select.as_ref().and_then(|select| select.refuse(&label)) {
                Some(reason) => Known::Dropped(reason),
                None => Known::Label(self.symbol(&label)),
            },
        }
    }

    pub(crate) fn symbol(&mut self, label: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(label) {
            return *symbol;
        }
        let symbol = Symbol::try_from(self.labels.len()).expect("names are forgotten long before");
        let text = SmolStr::new(label);
        self.labels.push(text.clone());
        self.symbols.insert(text, symbol);
        if self.steps.has_implications() {
            let steps = self.steps.clone();
            self.implied.push(Box::default());
            let implied = steps.implied(label).map(|step| self.intern(step)).collect();
            self.implied[symbol as usize] = implied;
        }
        symbol
    }
}
