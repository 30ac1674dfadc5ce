//! Bytes as the bodies of replies: no reader may panic, and what one reads has to keep its laws.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use tagmill_fetcher::api::{Page, danbooru, pr0gramm};

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn check(page: Page, body: &[u8]) {
    assert!(page.items.is_sorted_by(|a, b| a.id < b.id), "each id once, in their order");
    for item in page.items {
        assert!(item.id.0 > 0 && item.id.0 < i64::MAX);
        assert!(item.item_data.starts_with('{') && item.item_data.ends_with('}'));
        assert!(String::from_utf8_lossy(body).contains(&item.item_data), "verbatim");
        assert!(item.tags_data.is_none_or(|tags| tags.starts_with('[') && is_json(&tags)));
    }
}

fuzz_target!(|body: &[u8]| {
    let own_domains = ["pr0gramm.com".to_owned()];
    let pages = [pr0gramm::read_page(body, &own_domains), danbooru::read_page(body, &own_domains)];
    pages.into_iter().filter_map(|page| page.ok().flatten()).for_each(|page| check(page, body));
    if let Ok(Some(info)) = pr0gramm::read_info(body, true) {
        for array in [Some(info.tags_data), info.comments_data].into_iter().flatten() {
            assert!(array.starts_with('[') && array.ends_with(']') && is_json(&array));
        }
    }
});
