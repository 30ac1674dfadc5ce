//! Names that every tool can read: on one line, each its own, and in ASCII where that is asked for.

use std::collections::HashSet;

use deunicode::deunicode_with_tofu;
use serde::Serialize;

/// What stands for a character that has no likeness in ASCII, and for a name of which nothing is left.
const UNKNOWN: &str = "?";

/// A name that is another one in the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// What the run calls it.
    pub from: String,
    /// What the export calls it.
    pub to: String,
}

/// The names as they are to be written, and those of them that had to change. No two are the same: the second of two gets
/// ` (2)`, and a name that was right from the beginning keeps itself.
pub(crate) fn names(originals: &[&str], ascii: bool) -> (Vec<String>, Vec<Renamed>) {
    let cleaned: Vec<String> = originals.iter().map(|name| clean(name, ascii)).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names: Vec<Option<String>> = vec![None; originals.len()];
    for (place, (original, cleaned)) in originals.iter().zip(&cleaned).enumerate() {
        if original == cleaned && taken.insert(cleaned.clone()) {
            names[place] = Some(cleaned.clone());
        }
    }
    let names: Vec<String> = names
        .into_iter()
        .zip(cleaned)
        .map(|(name, cleaned)| name.unwrap_or_else(|| distinct(&cleaned, &mut taken)))
        .collect();
    let renamed = originals
        .iter()
        .zip(&names)
        .filter(|(original, name)| original != name)
        .map(|(original, name)| Renamed { from: (*original).to_owned(), to: name.clone() })
        .collect();
    (names, renamed)
}

/// Readers of CSV that go by lines, such as ComfyUI's node, take a name with a line end for two rows.
fn clean(name: &str, ascii: bool) -> String {
    let folded = if ascii { deunicode_with_tofu(name, UNKNOWN) } else { name.to_owned() };
    let is_gap = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !folded.contains(is_gap) && folded.trim() == folded && !folded.is_empty() {
        return folded;
    }
    let words: Vec<&str> =
        folded.split(|c: char| is_gap(c) || c == ' ').filter(|word| !word.trim().is_empty()).collect();
    if words.is_empty() { UNKNOWN.to_owned() } else { words.join(" ").trim().to_owned() }
}

fn distinct(name: &str, taken: &mut HashSet<String>) -> String {
    if taken.insert(name.to_owned()) {
        return name.to_owned();
    }
    let numbered = (2_u64..).map(|number| format!("{name} ({number})")).find(|name| !taken.contains(name));
    let name = numbered.expect("there are more numbers than names");
    taken.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(originals: &[&str], ascii: bool, expected: &[&str]) {
        let (names, renamed) = names(originals, ascii);
        assert_eq!(names, expected);
        let changed = originals.iter().zip(expected).filter(|(from, to)| from != to);
        let told = renamed.iter().map(|Renamed { from, to }| (from.as_str(), to.as_str()));
        assert!(told.eq(changed.map(|(from, to)| (*from, *to))), "{renamed:?}");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(!ascii || names.iter().all(|name| name.is_ascii()), "{names:?}");
    }

    #[test]
    fn names_stay_where_they_can() {
        check(&["größe", "a, \"b\"", "日本", "a  b"], false, &["größe", "a, \"b\"", "日本", "a  b"]);
        check(&["a\nb", "c\r\n", "\u{2028}d\te", "\n"], false, &["a b", "c", "d e", "?"]);
    }

    #[test]
    fn names_fold_to_ascii() {
        check(&["größe", "Ærø", "日本", "plain"], true, &["grosse", "AEro", "Ri Ben", "plain"]);
        check(&["\u{301}", "\u{e000}"], true, &["?", "? (2)"]);
    }

    #[test]
    fn no_two_names_are_one() {
        check(&["größe", "grosse", "grösse"], true, &["grosse (2)", "grosse", "grosse (3)"]);
        check(&["é", "e (2)", "e"], true, &["e (3)", "e (2)", "e"]);
        check(&["a\nb", "a b"], false, &["a b (2)", "a b"]);
        check(&["same", "same"], false, &["same", "same (2)"]);
    }
}
