//! The line from 0 to 1 on which a figure lies, as wide as its place.

use maud::{Markup, html};

use crate::Estimate;

/// A bar up to the figure, its interval as a thin line, the prior as a tick. It only repeats what stands beside it.
pub(crate) fn bar(estimate: Estimate, prior: f64) -> Markup {
    html! {
        svg.scale aria-hidden="true" {
            rect.track {}
            @if estimate.value.is_finite() { rect.fill width=(percent(estimate.value)) {} }
            @if let Some((low, high)) = estimate.interval.filter(|(low, high)| (high - low).is_finite()) {
                line x1=(percent(low)) x2=(percent(high)) y1="50%" y2="50%" {}
            }
            @if prior.is_finite() { line.prior x1=(percent(prior)) x2=(percent(prior)) y1="0" y2="100%" {} }
        }
    }
}

/// A score as a dot between the means of the items that have the tag and of those that lack it.
pub(crate) fn between(score: f32, without: f32, with: f32) -> Markup {
    html! {
        svg.scale.between aria-hidden="true" {
            rect.track {}
            @for (class, mean) in [("without", without), ("with", with)] {
                @if mean.is_finite() {
                    line class=(class) x1=(percent(mean.into())) x2=(percent(mean.into())) y1="0" y2="100%" {}
                }
            }
            @if score.is_finite() { circle cx=(percent(score.into())) cy="50%" r="5" {} }
        }
    }
}

fn percent(value: f64) -> String {
    format!("{:.1}%", value.clamp(0.0, 1.0) * 100.0)
}
