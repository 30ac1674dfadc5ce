//! Lists of names, and of names that lead to names, as people write them into files: read, chains followed to their ends,
//! circles refused.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::RulesError;

/// Each alias with the name at the end of its chain. A name that is an alias of itself, once normalised, is none.
///
/// # Errors
/// [`RulesError::AliasCycle`], [`RulesError::TwoAliases`].
pub(super) fn follow_aliases(
    pairs: &BTreeMap<String, String>,
    normal: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, String>, RulesError> {
    let mut direct = BTreeMap::new();
    for (from, to) in pairs {
        let (from, to) = (normal(from), normal(to));
        if from == to {
            continue;
        }
        match direct.insert(from.clone(), to.clone()) {
            Some(other) if other != to => {
                return Err(RulesError::TwoAliases { name: from, first: other, second: to });
            }
            _ => {}
        }
    }
    let mut ends = BTreeMap::new();
    for from in direct.keys() {
        let mut path = vec![from];
        while let Some(to) = direct.get(path[path.len() - 1]) {
            if let Some(start) = path.iter().position(|name| *name == to) {
                return Err(RulesError::AliasCycle { cycle: circle(&path[start..]) });
            }
            path.push(to);
        }
        ends.insert(from.clone(), path[path.len() - 1].clone());
    }
    Ok(ends)
}

/// Each name with all that it implies, directly or not.
///
/// # Errors
/// [`RulesError::ImplicationCycle`].
pub(super) fn follow_implications(
    pairs: &BTreeMap<String, BTreeSet<String>>,
    normal: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, BTreeSet<String>>, RulesError> {
    let mut direct: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in pairs {
        let from = normal(from);
        let to: BTreeSet<String> = to.iter().map(|name| normal(name)).filter(|name| *name != from).collect();
        direct.entry(from).or_default().extend(to);
    }
    let mut whole = BTreeMap::new();
    for from in direct.keys() {
        follow(from, &direct, &mut whole, &mut Vec::new())?;
    }
    Ok(whole)
}
/// Depth first: what `name` implies is known once all that its implications imply is.
fn follow<'a>(
    name: &'a String,
    direct: &'a BTreeMap<String, BTreeSet<String>>,
    whole: &mut BTreeMap<String, BTreeSet<String>>,
    path: &mut Vec<&'a String>,
) -> Result<(), RulesError> {
    if whole.contains_key(name) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|above| *above == name) {
        return Err(RulesError::ImplicationCycle { cycle: circle(&path[start..]) });
    }
    path.push(name);
    let mut implied = BTreeSet::new();
    for next in direct.get(name).into_iter().flatten() {
        follow(next, direct, whole, path)?;
        implied.insert(next.clone());
        implied.extend(whole.get(next).into_iter().flatten().cloned());
    }
    path.pop();
    whole.insert(name.clone(), implied);
    Ok(())
}

fn circle(path: &[&String]) -> String {
    let names: Vec<&str> = path.iter().chain(path.first()).map(|name| name.as_str()).collect();
    names.join(" -> ")
}

/// Reads a list of names: one a line. Lines that are empty or begin with `#` say nothing.
pub fn parse_names(text: &str) -> BTreeSet<String> {
    lines(text).map(|(_, line)| line.to_owned()).collect()
}

/// A line of a file of aliases or implications that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct BadLine {
    /// Which line it is, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: String,
}

/// Reads aliases: `a -> b` or `a,b`, one a line. Lines that are empty or begin with `#` say nothing.
///
/// # Errors
/// [`BadLine`], also where a name is an alias of two.
pub fn parse_aliases(text: &str) -> Result<BTreeMap<String, String>, BadLine> {
    let mut aliases = BTreeMap::new();
    for (line, text) in lines(text) {
        let bad = |fault| BadLine { line, fault };
        let (from, to) = pair(text).map_err(bad)?;
        match aliases.get(&from) {
            Some(other) if *other != to => {
                return Err(bad(format!("`{from}` is an alias of `{other}` already")));
            }
            _ => aliases.insert(from, to),
        };
    }
    Ok(aliases)
}

/// Reads implications, in the form of [`parse_aliases`]; a name may imply many.
///
/// # Errors
/// [`BadLine`].
pub fn parse_implications(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, BadLine> {
    let mut implications: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (line, text) in lines(text) {
        let (from, to) = pair(text).map_err(|fault| BadLine { line, fault })?;
        implications.entry(from).or_default().insert(to);
    }
    Ok(implications)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let Some((from, to)) = text.split_once("->").or_else(|| text.split_once(',')) else {
        return Err("write two names as `a -> b` or `a,b`".to_owned());
    };
    let (from, to) = (unquoted(from), unquoted(to));
    match () {
        () if from.is_empty() || to.is_empty() => Err("a name is missing".to_owned()),
        () if to.contains("->") => Err("write one pair a line".to_owned()),
        () => Ok((from, to)),
    }
}

/// Lines with something in them, counted from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// A name as a spreadsheet program may have written it.
fn unquoted(name: &str) -> String {
    let name = name.trim();
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(text: &str) -> String {
        match follow_aliases(&parse_aliases(text).unwrap(), |name| name.to_lowercase()) {
            Ok(ends) => ends.iter().map(|(from, to)| format!("{from}>{to}")).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    fn implications(text: &str) -> String {
        let show = |(from, to): (&String, &BTreeSet<String>)| {
            format!("{from}>{}", to.iter().map(String::as_str).collect::<Vec<_>>().join("+"))
        };
        match follow_implications(&parse_implications(text).unwrap(), |name| name.to_lowercase()) {
            Ok(whole) => {
                whole.iter().filter(|(_, to)| !to.is_empty()).map(show).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn aliases_are_followed_to_their_end() {
        assert_eq!(aliases("a -> b\nb -> c\nx,C"), "a>c b>c x>c");
        assert_eq!(aliases("Katze -> katze"), "");
        assert_eq!(aliases("a->b\nb->c\nc->a"), "the aliases go in a circle: a -> b -> c -> a");
        assert_eq!(aliases("x->a\na->b\nb->a"), "the aliases go in a circle: a -> b -> a");
        assert_eq!(aliases("A->b\na->c"), "`a` is an alias of both `b` and `c`");
    }

    #[test]
    fn implications_add_up() {
        assert_eq!(
            implications("kitten -> cat\ncat -> animal\nkitten -> young"),
            "cat>animal kitten>animal+cat+young"
        );
        assert_eq!(implications("a->b\nb->d\na->c\nc->d"), "a>b+c+d b>d c>d");
        assert_eq!(implications("a->a"), "");
        assert_eq!(implications("a->b\nb->c\nc->b"), "the implications go in a circle: b -> c -> b");
    }

    #[test]
    fn files_are_simple_and_errors_name_the_line() {
        let text = "\u{feff}# spellings\n\n kätzchen  ->  katze \n\"a, \"\"b\"\"\" -> c\r\nmieze,katze\n";
        let pairs = [("a, \"b\"", "c"), ("kätzchen", "katze"), ("mieze", "katze")];
        let owned = pairs.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(parse_aliases(text).unwrap().into_iter().collect::<Vec<_>>(), owned);
        let error = |text: &str| parse_aliases(text).unwrap_err().to_string();
        assert_eq!(error("a -> b\n\nkatze"), "line 3: write two names as `a -> b` or `a,b`");
        assert_eq!(error("a ->"), "line 1: a name is missing");
        assert_eq!(error("a -> b -> c"), "line 1: write one pair a line");
        assert_eq!(error("a -> b\na -> b\na -> c"), "line 3: `a` is an alias of `b` already");
        assert_eq!(parse_implications("a -> b\na").unwrap_err().line, 2);
        assert_eq!(
            parse_names("# mine\nrepost\n\n alt \n").into_iter().collect::<Vec<_>>(),
            ["alt", "repost"]
        );
    }
}
