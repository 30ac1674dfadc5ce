//! Pictures with what they are tagged as, and those whose tags are in doubt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use crate::section::Section;
use crate::text::{count, figure, name};
use crate::{Item, Page, Suspect, TaggedAs, Thumbnail, Verdict, scale};

/// More tags than this would make a card longer than its picture is worth.
const CHIPS: usize = 12;

/// The pictures that are tagged best.
pub(crate) fn best(page: &Page) -> Option<Section> {
    (!page.best.is_empty()).then(|| Section {
        id: "best",
        heading: "Best predictions",
        lead: "The pictures with the highest label ranking average precision, which is 1 where every true tag is \
               scored above all others.",
        body: items(&page.best),
    })
}

/// The pictures that are tagged worst.
pub(crate) fn worst(page: &Page) -> Option<Section> {
    (!page.worst.is_empty()).then(|| Section {
        id: "worst",
        heading: "Worst predictions",
        lead: "The pictures with the lowest label ranking average precision: other tags are scored above their \
               true ones.",
        body: items(&page.worst),
    })
}

/// Pictures that seem to lack a tag.
pub(crate) fn missing(page: &Page) -> Option<Section> {
    (!page.missing.is_empty()).then(|| Section {
        id: "missing",
        heading: "Tags that may be missing",
        lead: "These pictures lack a tag that the model is sure of: have a look whether it was forgotten.",
        body: suspects(&page.missing, "may lack the tag"),
    })
}

/// Pictures with a tag that seems wrong.
pub(crate) fn doubtful(page: &Page) -> Option<Section> {
    (!page.doubtful.is_empty()).then(|| Section {
        id: "doubtful",
        heading: "Tags that may be wrong",
        lead: "These pictures have a tag that the model sees no sign of: have a look whether they show it.",
        body: suspects(&page.doubtful, "may not show its tag"),
    })
}

/// A switch that shows all that is veiled, where anything is.
pub(crate) fn switch(page: &Page) -> Option<Markup> {
    let shown = page.best.iter().chain(&page.worst).map(|item| &item.picture);
    let suspected = page.missing.iter().chain(&page.doubtful).map(|suspect| &suspect.picture);
    let veiled = shown.chain(suspected).filter(|picture| is_veiled(picture)).count();
    (veiled > 0).then(|| {
        html! {
            label.switch {
                input #show-all type="checkbox";
                span { "Show " (count(veiled as u64)) " veiled " (if veiled == 1 { "picture" } else { "pictures" }) }
            }
        }
    })
}

fn items(items: &[Item]) -> Markup {
    html! {
        ul.key aria-label="Signs" {
            @for verdict in [Verdict::Hit, Verdict::FalseAlarm, Verdict::Miss] {
                @let sign = Sign::of(verdict);
                li class=(sign.class) { span.symbol aria-hidden="true" { (sign.symbol) } " " (sign.meaning) }
            }
        }
        ul.cards {
            @for item in items {
                li.card {
                    (picture(&item.picture))
                    p.score { "Ranking precision " b { (figure(item.precision)) } }
                    (source(&item.picture))
                    (chips(&item.tags))
                }
            }
        }
    }
}

fn suspects(suspects: &[Suspect], what: &str) -> Markup {
    html! {
        ul.cards {
            @for suspect in suspects {
                li.card {
                    (picture(&suspect.picture))
                    p.suspicion { (what) " " b { (name(&suspect.tag)) } }
                    (scale::between(suspect.score, suspect.mean_without, suspect.mean_with))
                    dl.means {
                        div.dot { dt { "its score" } dd { (figure(suspect.score.into())) } }
                        div.with { dt { "mean with the tag" } dd { (figure(suspect.mean_with.into())) } }
                        div.without { dt { "mean without" } dd { (figure(suspect.mean_without.into())) } }
                    }
                    (source(&suspect.picture))
                }
            }
        }
    }
}

fn is_veiled(picture: &Thumbnail) -> bool {
    picture.veiled && picture.jpeg.is_some()
}

fn picture(picture: &Thumbnail) -> Markup {
    let Some(jpeg) = &picture.jpeg else {
        return html! { div.picture.absent { span { "no picture" } } };
    };
    let (width, height) = picture.size;
    let image = html! {
        img src={ "data:image/jpeg;base64," (STANDARD.encode(jpeg)) } alt={ "Item " (picture.id) }
            width=(width) height=(height) loading="lazy" decoding="async";
    };
    match is_veiled(picture) {
        false => html! { div.picture { (image) } },
        true => html! {
            label.picture.veiled {
                input type="checkbox" aria-label={ "Show item " (picture.id) };
                (image)
                span.cover aria-hidden="true" { "Veiled" small { "click to show" } }
            }
        },
    }
}

fn source(picture: &Thumbnail) -> Markup {
    html! { p.source { "Item " (picture.id) " · " (name(&picture.file)) } }
}

fn chips(tags: &[TaggedAs]) -> Markup {
    let (first, rest) = tags.split_at(tags.len().min(CHIPS));
    html! {
        @if !first.is_empty() { ul.chips { @for tag in first { (chip(tag)) } } }
        @if !rest.is_empty() {
            details {
                summary { (count(rest.len() as u64)) " more" }
                ul.chips { @for tag in rest { (chip(tag)) } }
            }
        }
    }
}

fn chip(tag: &TaggedAs) -> Markup {
    let sign = Sign::of(tag.verdict);
    html! {
        li class=(sign.class) title=(sign.meaning) {
            span.symbol aria-hidden="true" { (sign.symbol) }
            span.unseen { (sign.word) ": " }
            (name(&tag.name))
            span.score { (format!("{:.2}", tag.score)) }
        }
    }
}

/// How a verdict is shown, so that it can be told without colours.
struct Sign {
    class: &'static str,
    symbol: &'static str,
    word: &'static str,
    meaning: &'static str,
}

impl Sign {
    fn of(verdict: Verdict) -> Sign {
        match verdict {
            Verdict::Hit => {
                Sign { class: "hit", symbol: "✓", word: "hit", meaning: "hit: predicted and true" }
            }
            Verdict::FalseAlarm => Sign {
                class: "false-alarm",
                symbol: "✕",
                word: "false alarm",
                meaning: "false alarm: predicted, not true",
            },
            Verdict::Miss => {
                Sign { class: "miss", symbol: "○", word: "miss", meaning: "miss: true, not predicted" }
            }
        }
    }
}
