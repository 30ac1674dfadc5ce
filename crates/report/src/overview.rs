//! What is seen first: the title, the headline figures, what was judged, and all figures.

use maud::{Markup, html};

use crate::section::Section;
use crate::text::{clean, figure, name};
use crate::{Comparison, Estimate, FigureGroup, Page, scale};

/// The title, the figures that are shown large, and the facts.
pub(crate) fn head(page: &Page) -> Markup {
    html! {
        header {
            p.kind { "Report on a tagger" }
            h1 { (name(title(page))) }
            @if !page.headlines.is_empty() {
                ul.tiles aria-label="Headline figures" {
                    @for headline in &page.headlines { li.card { (tile(headline)) } }
                }
            }
            @if !page.facts.is_empty() {
                dl.facts {
                    @for fact in &page.facts {
                        div { dt { (name(&fact.name)) } dd { (name(&fact.value)) } }
                    }
                }
            }
        }
    }
}

fn title(page: &Page) -> &str {
    if page.title.trim().is_empty() { "Untitled" } else { &page.title }
}

/// All figures, a table a group, of which the first is open.
pub(crate) fn figures(page: &Page) -> Option<Section> {
    let groups: Vec<&FigureGroup> = page.figures.iter().filter(|group| !group.rows.is_empty()).collect();
    (!groups.is_empty()).then(|| Section {
        id: "figures",
        heading: "Figures",
        lead: "Each bar goes from 0 to 1; the thin line on it is the 95 % interval, where the figure would lie on \
               other items of their kind, and the tick is the prior: what guessing by frequency gets.",
        // Open, the others would push the curves far down.
        body: html! { @for (place, group) in groups.into_iter().enumerate() { (table(group, place == 0)) } },
    })
}

fn tile(headline: &Comparison) -> Markup {
    html! {
        h2 { (name(&headline.name)) @if headline.lower_is_better { " " (less_is_better()) } }
        p.value { (figure(headline.model.value)) }
        (scale::bar(headline.model, headline.prior.value))
        p.beside {
            @if let Some(ends) = interval(headline.model) { span { (ends) } }
            span { "prior " (figure(headline.prior.value)) }
        }
        @if !headline.explanation.is_empty() { p.explanation { (name(&headline.explanation)) } }
    }
}

fn table(group: &FigureGroup, open: bool) -> Markup {
    html! {
        details.group.card open[open] {
            summary { h3 { (name(&group.heading)) } }
            @if !group.note.is_empty() { p.note { (name(&group.note)) } }
            table.figures {
                thead {
                    tr {
                        th scope="col" { "Figure" }
                        th.number scope="col" { "Model" }
                        td {}
                        th.number scope="col" { "Prior" }
                    }
                }
                tbody {
                    @for row in &group.rows {
                        tr {
                            th scope="row" {
                                (name(&row.name))
                                @if row.lower_is_better { " " (less_is_better()) }
                                @if !row.explanation.is_empty() { small { (name(&row.explanation)) } }
                            }
                            td.number { (estimate(row.model)) }
                            td.bar { (scale::bar(row.model, row.prior.value)) }
                            td.number.quiet { (estimate(row.prior)) }
                        }
                    }
                }
            }
        }
    }
}

fn less_is_better() -> Markup {
    html! { span.less { "↓ less is better" } }
}

fn estimate(estimate: Estimate) -> Markup {
    html! { (figure(estimate.value)) @if let Some(ends) = interval(estimate) { small { (ends) } } }
}

/// The ends of the interval: `0.731–0.752`.
fn interval(estimate: Estimate) -> Option<String> {
    estimate.interval.map(|(low, high)| format!("{}–{}", figure(low), figure(high)))
}

/// The name in the browser's tab.
pub(crate) fn tab(page: &Page) -> Markup {
    html! { title { (clean(title(page))) } }
}
