use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tagmill_report::{Axis, Chart, Estimate, Line, LineKind, Page, TaggedAs, Verdict, render};

use crate::{all, only, parsed, sample, text};

#[test]
fn a_page_with_everything_has_every_section() {
    let html = parsed(&sample::page());
    let ids: Vec<&str> =
        all(&html, "main > section").iter().filter_map(|section| section.attr("id")).collect();
    let expected = [
        "figures",
        "training",
        "precision-recall",
        "calibration",
        "tags",
        "confusions",
        "best",
        "worst",
        "missing",
        "doubtful",
    ];
    assert_eq!(ids, expected);
    for id in expected {
        assert!(!only(&html, &format!("#{id} > .lead")).is_empty(), "{id}");
        assert!(!only(&html, &format!("#{id} > h2")).is_empty(), "{id}");
    }
    assert_eq!(only(&html, "h1"), "tagger · resnet50, 224 px");
    assert_eq!(only(&html, "head > title"), "tagger · resnet50, 224 px");
    assert_eq!(all(&html, "#tags tbody tr").len(), 300);
    assert_eq!(all(&html, "figure.chart").len(), 5);
    assert_eq!(all(&html, ".tiles > li").len(), 4);
}

#[test]
fn what_is_empty_is_left_out() {
    let html = parsed(&Page::default());
    assert_eq!(all(&html, "section, nav, .tiles, .facts, #show-all").len(), 0);
    assert_eq!(only(&html, "h1"), "Untitled");

    let page = Page { training: vec![chart(vec![line("loss", &[(f64::NAN, 1.0)])])], ..Page::default() };
    assert_eq!(all(&parsed(&page), "section, nav").len(), 0);
}

#[test]
fn ids_are_unique_and_links_lead_somewhere() {
    let html = parsed(&sample::page());
    let mut ids = BTreeSet::new();
    for element in all(&html, "[id]") {
        assert!(ids.insert(element.attr("id").unwrap()), "{:?}", element.attr("id"));
    }
    let links = all(&html, "a");
    assert_eq!(links.len(), 10);
    for link in links {
        let target = link.attr("href").unwrap().strip_prefix('#').unwrap();
        assert!(ids.contains(target), "{target}");
    }
    for element in all(&html, "[aria-labelledby], [for]") {
        let named = element.attr("aria-labelledby").or(element.attr("for")).unwrap();
        assert!(named.split(' ').all(|id| ids.contains(id)), "{named}");
    }
}

#[test]
fn the_policy_knows_the_very_bytes() {
    let html = parsed(&sample::page());
    let policy = all(&html, "meta[http-equiv]")[0].attr("content").unwrap();
    for (directive, selector) in [("style-src", "style"), ("script-src", "script")] {
        let hash = STANDARD.encode(Sha256::digest(only(&html, selector)));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}'")), "{policy}");
    }
    for directive in ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    // What the policy forbids, and the parser changes, is not there.
    for element in all(&html, "*") {
        for (name, _) in element.value().attrs() {
            assert!(name != "style" && !name.starts_with("on"), "{name}");
        }
    }
    assert!(!render(&sample::page()).contains('\r'));
}

#[test]
fn nothing_is_loaded() {
    let page = render(&sample::page());
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("@import"));
    for element in all(&parsed(&sample::page()), "[src], link, iframe, object, embed") {
        assert!(element.attr("src").unwrap().starts_with("data:image/jpeg;base64,"));
    }
}

#[test]
fn pictures_have_their_size_and_veils() {
    let html = parsed(&sample::page());
    let images = all(&html, "img");
    // Of 28 items, those in the fifth place have no picture.
    assert_eq!((images.len(), all(&html, ".absent").len()), (24, 4));
    for image in images {
        let side = |name| image.attr(name).unwrap().parse::<u32>().unwrap();
        assert!(side("width") > 0 && side("height") > 0);
        assert_eq!(image.attr("loading"), Some("lazy"));
        assert!(image.attr("alt").unwrap().starts_with("Item 70"));
    }
    assert_eq!(all(&html, "label.veiled > input[type=checkbox][aria-label] + img").len(), 4);
    assert!(only(&html, ".switch").contains("Show 4 veiled pictures"));
}

#[test]
fn many_tags_are_folded() {
    let mut page = sample::page();
    page.best.truncate(1);
    let tag = TaggedAs { name: "katze".to_owned(), score: 0.5, verdict: Verdict::FalseAlarm };
    for (count, shown, folded) in [(0, 0, 0), (12, 12, 0), (13, 12, 1), (100, 12, 88)] {
        page.best[0].tags = vec![tag.clone(); count];
        let html = parsed(&page);
        assert_eq!(all(&html, "#best .card > .chips > li").len(), shown);
        assert_eq!(all(&html, "#best details li").len(), folded);
    }
    let html = parsed(&page);
    assert_eq!(only(&html, "#best summary"), "88 more");
    assert_eq!(text(all(&html, "#best .chips li")[0]), "✕false alarm: katze0.50");
}

#[test]
fn figures_without_a_number_are_dashes() {
    let mut page = sample::page();
    page.headlines[0].model = Estimate { value: f64::NAN, interval: Some((f64::NAN, f64::INFINITY)) };
    page.headlines[0].prior.value = 7.0;
    page.tags[0].average_precision = None;
    let html = parsed(&page);
    assert_eq!(text(all(&html, ".tiles .value")[0]), "–");
    assert_eq!(text(all(&html, "#tag-table tbody td:first-of-type")[0]), "–");
    assert_eq!(all(&html, ".tiles li:first-child .prior")[0].attr("x1"), Some("100.0%"));
    assert!(!all(&html, "header")[0].html().contains("NaN"));
}

#[test]
fn lines_are_told_apart_without_colour() {
    let names: Vec<String> = (0..14).map(|index| format!("line {index}")).collect();
    let lines = names.iter().map(|name| line(name, &[(0.0, 0.0), (1.0, 1.0)])).collect();
    let html = parsed(&Page { training: vec![chart(lines)], ..Page::default() });
    let looks: BTreeSet<&str> =
        all(&html, ".legend line").iter().filter_map(|line| line.attr("class")).collect();
    assert_eq!(looks.len(), 14);
    let first_six: BTreeSet<&str> = all(&html, ".legend line")
        .iter()
        .take(6)
        .filter_map(|line| line.attr("class")?.split(' ').nth(2))
        .collect();
    assert_eq!(first_six.len(), 6);
}

#[test]
fn a_line_alone_needs_no_legend_and_a_point_alone_is_a_dot() {
    let page = Page { training: vec![chart(vec![line("", &[(3.0, 0.5)])])], ..Page::default() };
    let html = parsed(&page);
    assert_eq!(all(&html, ".legend").len(), 0);
    assert_eq!(all(&html, ".chart circle").len(), 1);
    assert_eq!(only(&html, ".chart desc"), "height against width. The line has one point, 0.5000 at 3.");
}

#[test]
fn a_million_points_stay_small() {
    let points: Vec<(f64, f64)> =
        (0..1_000_000).map(|x| (f64::from(x), (f64::from(x) / 1e4).sin())).collect();
    let page = Page { training: vec![chart(vec![line("loss", &points)])], ..Page::default() };
    let bare = render(&Page::default()).len();
    assert!(render(&page).len() - bare < 100_000);
}

fn chart(lines: Vec<Line>) -> Chart {
    let axis = |label: &str| Axis { label: label.to_owned(), range: None, whole: false };
    Chart {
        title: "chart".to_owned(),
        note: String::new(),
        x: axis("width"),
        y: axis("height"),
        lines,
        mark: None,
    }
}

fn line(name: &str, points: &[(f64, f64)]) -> Line {
    Line { name: name.to_owned(), kind: LineKind::Measured, points: points.to_vec() }
}
