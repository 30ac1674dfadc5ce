//! The table of tags: whole without a script, sorted and searched with one.

use maud::{Markup, html};

use crate::section::Section;
use crate::text::{NONE, count, figure, maybe, name};
use crate::{Page, TagRow, scale};

/// The columns' headings. The first is a text, the others are numbers.
const COLUMNS: [(&str, &str); 9] = [
    ("Tag", "the tag's name"),
    ("AP", "average precision: 1 where all items that have it are scored above all others"),
    ("Prior", "the average precision of guessing: the share of the judged items that have it"),
    ("Precision", "share of its predictions that are true"),
    ("Recall", "share of the items that have it for which it is predicted"),
    ("F1", "harmonic mean of precision and recall"),
    ("Threshold", "from this score on it is predicted"),
    ("Judged", "judged items that have it"),
    ("Training", "training items that have it"),
];

/// The table of tags.
pub(crate) fn section(page: &Page) -> Option<Section> {
    (!page.tags.is_empty()).then(|| Section {
        id: "tags",
        heading: "Tags",
        lead: "AP is the average precision of a tag, 1 at best, its tick the prior: a tag is learned as far as its \
               bar goes beyond the tick. Precision, recall and F1 hold at the tag's own threshold.",
        body: html! {
            p.tools #tag-tools hidden {
                label { span { "Search tags" } input #tag-search type="search" autocomplete="off" spellcheck="false"; }
                output #tag-count for="tag-search" { (count(page.tags.len() as u64)) " tags" }
            }
            div.scroll.card role="region" aria-labelledby="tags-heading" tabindex="0" {
                table.tags #tag-table {
                    thead {
                        tr { @for (heading, meaning) in COLUMNS { th scope="col" title=(meaning) { (heading) } } }
                    }
                    tbody { @for tag in &page.tags { (row(tag)) } }
                }
            }
        },
    })
}

fn row(tag: &TagRow) -> Markup {
    html! {
        tr {
            th scope="row" { (name(&tag.name)) }
            td {
                @match tag.average_precision {
                    Some(estimate) => { (figure(estimate.value)) (scale::bar(estimate, tag.prior)) }
                    None => { (NONE) }
                }
            }
            td { (figure(tag.prior)) }
            td { (maybe(tag.precision)) }
            td { (maybe(tag.recall)) }
            td { (maybe(tag.f1)) }
            td { (figure(tag.threshold.into())) }
            td { (count(tag.judged_items)) }
            td { (count(tag.training_items)) }
        }
    }
}
