//! Tags that are predicted where another one is.

use maud::{Markup, html};

use crate::section::Section;
use crate::text::{count, figure, grouped, name};
use crate::{Confusion, Page};

/// The pairs of tags, in the given order.
pub(crate) fn section(page: &Page) -> Option<Section> {
    (!page.confusions.is_empty()).then(|| Section {
        id: "confusions",
        heading: "Most confused pairs",
        lead: "Of the items that have the first tag and lack the second, so many are wrongly given the second; \
               the lift says how many times as often as all that lack the second.",
        body: html! {
            div.scroll.card role="region" aria-labelledby="confusions-heading" tabindex="0" {
                table.confusions {
                    thead {
                        tr {
                            th scope="col" { "Has" }
                            th scope="col" { "Is given" }
                            th.number scope="col" { "False alarms" }
                            th.number scope="col" { "Lift" }
                        }
                    }
                    tbody { @for pair in &page.confusions { (row(pair)) } }
                }
            }
        },
    })
}

fn row(pair: &Confusion) -> Markup {
    html! {
        tr {
            th scope="row" { (name(&pair.shown)) }
            th scope="row" { (name(&pair.predicted)) }
            td.number {
                (count(pair.false_alarms)) " of " (count(pair.items))
                @if pair.items > 0 { small { (figure(pair.false_alarms as f64 / pair.items as f64)) } }
            }
            td.number { (lift(pair.lift)) }
        }
    }
}

/// How many times as often: `×3.4`, `×1,200`, `×∞`.
fn lift(lift: f64) -> String {
    match lift {
        lift if lift.is_nan() => "–".to_owned(),
        lift if lift.is_infinite() => "×∞".to_owned(),
        lift if lift < 100.0 => format!("×{lift:.1}"),
        lift => format!("×{}", grouped(&format!("{lift:.0}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifts_are_short() {
        let cases = [(3.44, "×3.4"), (1234.5, "×1,234"), (f64::INFINITY, "×∞"), (f64::NAN, "–")];
        for (value, expected) in cases {
            assert_eq!(lift(value), expected);
        }
    }
}
