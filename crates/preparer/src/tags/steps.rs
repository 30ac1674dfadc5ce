//! The rules, ready for use: what becomes of a single name. No step looks at the other tags of the item.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use tagmill_model::Flags;
use thiserror::Error;
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization, is_nfkc_quick};

use super::relations::{follow_aliases, follow_implications};
use super::{CONTENT_TAGS, DropReason, Normalise, SERVER_TAGS, TagRules};

/// Rules that contradict themselves.
#[derive(Debug, Error)]
pub enum RulesError {
    /// The pattern is no regular expression.
    #[error("`{pattern}` is not a regular expression")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: regex::Error,
    },
    /// A name is in the end another spelling of itself.
    #[error("the aliases go in a circle: {cycle}")]
    AliasCycle {
        /// `a -> b -> a`.
        cycle: String,
    },
    /// A name is another spelling of two names, once both are normalised.
    #[error("`{name}` is an alias of both `{first}` and `{second}`")]
    TwoAliases {
        /// The name.
        name: String,
        /// One of them.
        first: String,
        /// The other one.
        second: String,
    },
    /// A name implies in the end itself, which would make its circle one tag.
    #[error("the implications go in a circle: {cycle}")]
    ImplicationCycle {
        /// `a -> b -> a`.
        cycle: String,
    },
}

/// [`TagRules`] with chains followed and the pattern compiled.
#[derive(Debug)]
pub struct Steps {
    pub(super) rules: TagRules,
    aliases: BTreeMap<String, String>,
    /// All that a name implies, directly or not.
    implications: BTreeMap<String, BTreeSet<String>>,
    dropped: BTreeSet<String>,
    pattern: Option<Regex>,
}

/// What becomes of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A label of this name.
    Label(Cow<'a, str>),
    /// A content class, and no label.
    Content(Flags),
    /// Nothing.
    Dropped(DropReason),
}

impl Steps {
    /// Makes the rules ready.
    ///
    /// # Errors
    /// See [`RulesError`].
    pub fn new(rules: &TagRules) -> Result<Steps, RulesError> {
        let normal = |name: &str| normalise(name, rules.normalise).into_owned();
        let aliases = follow_aliases(&rules.aliases, normal)?;
        let one_name = |name: &str| {
            let name = normal(name);
            aliases.get(&name).cloned().unwrap_or(name)
        };
        let implications = follow_implications(&rules.implications, one_name)?;
        let pattern = rules.pattern.as_deref().map(|pattern| {
            Regex::new(pattern).map_err(|source| RulesError::Pattern { pattern: pattern.to_owned(), source })
        });
        Ok(Steps {
            dropped: rules.dropped.iter().map(|name| normal(name)).collect(),
            pattern: pattern.transpose()?,
            aliases,
            implications,
            rules: rules.clone(),
        })
    }

    /// Takes a name as it was typed through all steps that a single name goes through.
    pub fn step<'a>(&'a self, raw: &'a str) -> Step<'a> {
        let name = normalise(raw, self.rules.normalise);
        match self.aliases.get(name.as_ref()) {
            Some(alias) => self.judge(Cow::Borrowed(alias)),
            None => self.judge(name),
        }
    }

    pub(super) fn has_implications(&self) -> bool {
        !self.implications.is_empty()
    }

    /// What else an item has that has this label: names that are labels themselves, and content classes.
    pub fn implied(&self, label: &str) -> impl Iterator<Item = Step<'_>> {
        let implied = self.implications.get(label);
        implied.into_iter().flatten().map(|name| self.judge(Cow::Borrowed(name)))
    }

    fn judge<'a>(&self, name: Cow<'a, str>) -> Step<'a> {
        let rules = &self.rules;
        if rules.content_tags
            && let Some((_, class)) = CONTENT_TAGS.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(&name))
        {
            return Step::Content(*class);
        }
        if rules.drop_server_tags && SERVER_TAGS.contains(&name.as_ref()) {
            return Step::Dropped(DropReason::Server);
        }
        if self.dropped.contains(name.as_ref()) {
            return Step::Dropped(DropReason::Listed);
        }
        if !rules.length.contains(&name.chars().count()) {
            return Step::Dropped(DropReason::Length);
        }
        let is_valid = match &self.pattern {
            Some(pattern) => pattern.is_match(&name),
            None => has_label_characters(&name),
        };
        // Whatever the pattern says: an empty cell of the table means "no tag".
        match is_valid && !name.is_empty() {
            true => Step::Label(name),
            false => Step::Dropped(DropReason::Characters),
        }
    }
}

/// NFKC, blanks trimmed and collapsed, lower case: the same word gets the same name, however it was typed.
pub fn normalise(name: &str, how: Normalise) -> Cow<'_, str> {
    let mut name = Cow::Borrowed(name);
    let is_ascii = name.is_ascii();
    let compatible = |name: &str| name.nfkc().collect::<String>();
    if how.nfkc && !is_ascii && is_nfkc_quick(name.chars()) != unicode_normalization::IsNormalized::Yes {
        name = compatible(&name).into();
    }
    if how.lower_case {
        if !is_ascii {
            name = name.to_lowercase().into();
            // Lower case can take a text out of its normal form, hence once more.
            if how.nfkc {
                name = compatible(&name).into();
            }
        } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name = name.to_ascii_lowercase().into();
        }
    }
    if how.blanks && !has_single_blanks(&name) {
        name = name.split_whitespace().collect::<Vec<_>>().join(" ").into();
    }
    name
}

/// Whether blanks are single ones between words already, as nearly always.
fn has_single_blanks(name: &str) -> bool {
    let mut after_blank = true;
    for c in name.chars() {
        if c.is_whitespace() && (after_blank || c != ' ') {
            return false;
        }
        after_blank = c == ' ';
    }
    name.is_empty() || !after_blank
}

/// Letters and digits of any script with their marks, blank and `-_'.`; at least one letter or digit.
fn has_label_characters(name: &str) -> bool {
    let allowed =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '\'' | '.') || is_combining_mark(c);
    name.chars().all(allowed) && name.chars().any(char::is_alphanumeric)
}
