use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::api::pr0gramm::page_of;

/// A page with these items, `p` behind an id for a pinned one, `?` for an unreadable one.
fn page(items: &str, at_end: Option<bool>, at_start: Option<bool>) -> Page {
    let items: Vec<String> = items
        .split_whitespace()
        .map(|word| match word.strip_suffix('p') {
            Some(id) => format!("{{\"id\":{id},\"promoted\":1000000001}}"),
            None => format!("{{\"id\":{}}}", word.replace('?', "null")),
        })
        .collect();
    Page { at_end, at_start, ..page_of(&format!("[{}]", items.join(",")), &[]).unwrap() }
}

#[test]
fn downwards() {
    #[track_caller]
    fn check(items: &str, at_end: Option<bool>, expected: Option<(i64, i64, bool)>) {
        let span = below(&page(items, at_end, None), ItemId(100));
        let span = span.map(|span| (span.ids.first.0, span.ids.last.0, span.is_last));
        assert_eq!(span, expected, "{items}");
    }
    check("99 97 80", Some(false), Some((80, 99, false)));
    check("80 99 97", None, Some((80, 99, false)));
    check("99 97 80", Some(true), Some((1, 99, true)));
    // A pinned item leads nowhere, unless there is nothing else.
    check("3p 99 97 80", None, Some((80, 99, false)));
    check("90p 80p", None, Some((90, 99, false)));
    check("300p 90 80", None, Some((80, 99, false)));
    // The end of the feed.
    check("", None, Some((1, 99, true)));
    check("", Some(true), Some((1, 99, true)));
    check("300p", None, Some((1, 99, true)));
    check("300", Some(true), Some((1, 99, true)));
    // Not the end, and yet no way on.
    check("", Some(false), None);
    check("100", None, None);
    check("120 110", Some(false), None);
    check("?", None, None);
    check("? 90", None, Some((90, 99, false)));
}

#[test]
fn upwards() {
    #[track_caller]
    fn check(items: &str, at_start: Option<bool>, expected: Option<(i64, i64, bool)>) {
        let span = above(&page(items, None, at_start), ItemId(100));
        let span = span.map(|span| (span.ids.first.0, span.ids.last.0, span.is_last));
        assert_eq!(span, expected, "{items}");
    }
    check("101 105 130", Some(false), Some((101, 130, false)));
    check("130 101 105", None, Some((101, 130, false)));
    check("101 130", Some(true), Some((101, 130, true)));
    check("101 130 900p", None, Some((101, 130, false)));
    check("900p", None, Some((101, 900, false)));
    // No new item yet: the page says nothing of the ids to come.
    check("", None, Some((101, 100, true)));
    check("", Some(false), Some((101, 100, true)));
    check("50p", None, Some((101, 100, true)));
    check("50", Some(true), Some((101, 100, true)));
    check("50", None, None);
    check("?", None, None);
}

#[test]
fn an_item_comes_once() {
    let page = page("5 7 5 ? 6", None, None);
    assert_eq!(page.items.iter().map(|item| item.id.0).collect::<Vec<_>>(), [5, 6, 7]);
    assert_eq!(page.malformed, 1);
}

/// A board that lists `size` items a page, shows its pinned ones on every page, and says where it ends or does not.
struct Board {
    ids: BTreeSet<i64>,
    pinned: BTreeSet<i64>,
    size: usize,
    says_ends: bool,
}

impl Board {
    fn page(&self, ids: impl Iterator<Item = i64>, up: bool) -> Page {
        let ids: Vec<i64> = ids.collect();
        let more = ids.len() > self.size;
        let shown = ids.into_iter().take(self.size).chain(self.pinned.iter().copied());
        let words: Vec<String> = shown
            .map(|id| if self.pinned.contains(&id) { format!("{id}p") } else { id.to_string() })
            .collect();
        let end = self.says_ends.then_some(!more);
        page(&words.join(" "), end.filter(|_| !up), end.filter(|_| up))
    }
}

proptest! {
    /// Each item is in exactly one span, whichever way the walk goes.
    #[test]
    fn walks_meet_every_item_once(
        ids in proptest::collection::btree_set(1i64..400, 1..80),
        pins in proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
        size in 1usize..20,
        says_ends: bool,
        up: bool,
    ) {
        let all: Vec<i64> = ids.iter().copied().collect();
        let pinned = pins.iter().map(|pin| *pin.get(&all)).collect();
        let board = Board { ids, pinned, size, says_ends };
        let mut met = Vec::new();
        let mut cursor = ItemId(if up { 0 } else { 401 });
        for _ in 0..200 {
            let (page, span) = if up {
                let page = board.page(board.ids.range(cursor.0 + 1..).copied(), up);
                let span = above(&page, cursor).unwrap();
                cursor = cursor.max(span.ids.last);
                (page, span)
            } else {
                let page = board.page(board.ids.range(..cursor.0).rev().copied(), up);
                let span = below(&page, cursor).unwrap();
                cursor = span.ids.first;
                (page, span)
            };
            met.extend(page.items.iter().map(|item| item.id.0).filter(|id| span.ids.contains(ItemId(*id))));
            if span.is_last || (!up && cursor == ItemId(1)) {
                break;
            }
        }
        met.sort_unstable();
        prop_assert_eq!(met, all);
    }
}
