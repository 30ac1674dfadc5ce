//! Tags as sources write them.

use std::collections::HashMap;

use tagmill_model::Tag;

use crate::Separator;

/// How sure a person is who writes down a tag.
pub(crate) const CERTAIN: f32 = 1.0;

/// A name with single blanks within and none around. What ends lines or moves a cursor is a blank too.
pub(crate) fn tidy(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Tags of which nobody doubts any.
pub(crate) fn certain<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Tag> {
    united(names.into_iter().map(|name| Tag { name: tidy(name), confidence: CERTAIN }))
}

/// Each name once, in the order in which they come first, with the highest confidence of all. Empty names are none.
pub(crate) fn united(tags: impl IntoIterator<Item = Tag>) -> Vec<Tag> {
    let (mut united, mut places): (Vec<Tag>, HashMap<String, usize>) = Default::default();
    for tag in tags.into_iter().filter(|tag| !tag.name.is_empty()) {
        match places.get(&tag.name) {
            Some(place) => united[*place].confidence = united[*place].confidence.max(tag.confidence),
            None => {
                places.insert(tag.name.clone(), united.len());
                united.push(tag);
            }
        }
    }
    united
}

/// The tags of a sidecar.
pub(crate) fn of_sidecar(text: &str, separator: Separator) -> Vec<Tag> {
    let is_comma = match separator {
        Separator::Comma => true,
        Separator::Line => false,
        Separator::Auto => has_commas(text),
    };
    if !is_comma {
        return certain(lines(text));
    }
    // sd-scripts and what reads prompts escape parentheses, which mean emphasis there.
    let names: Vec<String> = text
        .split(|c| c == ',' || is_line_end(c))
        .map(|name| name.replace("\\(", "(").replace("\\)", ")"))
        .collect();
    certain(names.iter().map(String::as_str))
}

/// The rule of [`Separator::Auto`].
fn has_commas(text: &str) -> bool {
    let lines: Vec<&str> = lines(text).map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.len() <= 1
        || lines.iter().any(|line| line.ends_with(','))
        || lines.iter().all(|line| line.contains(','))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_line_end)
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, separator: Separator, expected: &[&str]) {
        let found = of_sidecar(text, separator);
        let names: Vec<&str> = found.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, expected, "{text:?}");
        assert!(found.iter().all(|tag| tag.confidence == 1.0));
    }

    #[test]
    fn the_separator_is_found_out() {
        let auto = Separator::Auto;
        check("1girl, solo, long hair\n", auto, &["1girl", "solo", "long hair"]);
        check("a tag\nanother, with a comma\n", auto, &["a tag", "another, with a comma"]);
        check("cat\r\nred sofa\r\n\r\n", auto, &["cat", "red sofa"]);
        check("cat\rdog", auto, &["cat", "dog"]);
        check("cat, dog,\nred sofa", auto, &["cat", "dog", "red sofa"]);
        check("cat, dog\nred sofa, tree\n", auto, &["cat", "dog", "red sofa", "tree"]);
        check("single", auto, &["single"]);
        check("", auto, &[]);
        check(" \n,\n , ", auto, &[]);
    }

    #[test]
    fn the_separator_is_forced() {
        check("cat\nred sofa, tree", Separator::Comma, &["cat", "red sofa", "tree"]);
        check("cat, dog\nred sofa, tree", Separator::Line, &["cat, dog", "red sofa, tree"]);
        check("cat, dog", Separator::Line, &["cat, dog"]);
    }

    proptest! {
        /// What one writes with a separator is what one reads.
        #[test]
        fn written_is_read(names in prop::collection::vec("[a-z()]{1,4}( [a-zé,]{1,3})?", 0..9)) {
            let read = |text: &str, separator| -> Vec<String> {
                of_sidecar(text, separator).into_iter().map(|tag| tag.name).collect()
            };
            let once = |names: Vec<String>| -> Vec<String> {
                certain(names.iter().map(String::as_str)).into_iter().map(|tag| tag.name).collect()
            };
            prop_assert_eq!(read(&names.join("\n"), Separator::Line), once(names.clone()));
            let without: Vec<String> = names.iter().map(|name| name.replace(',', " ")).collect();
            let escaped = without.join(", ").replace('(', "\\(").replace(')', "\\)");
            prop_assert_eq!(read(&escaped, Separator::Comma), once(without.clone()));
            prop_assert_eq!(read(&escaped, Separator::Auto), once(without));
        }
    }

    #[test]
    fn parentheses_are_escaped_between_commas_alone() {
        check(r"saber \(fate\), \o/", Separator::Auto, &["saber (fate)", r"\o/"]);
        check("\\(^o^)/\ncat", Separator::Auto, &["\\(^o^)/", "cat"]);
    }

    #[test]
    fn names_are_tidy_and_each_is_there_once() {
        check(" red\t  sofa ,cat,\u{a0}cat,, CAT", Separator::Auto, &["red sofa", "cat", "CAT"]);
        let tag = |name: &str, confidence| Tag { name: name.to_owned(), confidence };
        let united = united([tag("a", 0.2), tag("", 1.0), tag("b", 0.5), tag("a", 0.9)]);
        assert_eq!(united, [tag("a", 0.9), tag("b", 0.5)]);
    }
}
