//! The page as others see it: a parser of HTML, and a browser where there is one.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod browser;
mod hostile;
#[path = "../../examples/sample/data.rs"]
mod sample;
mod structure;
mod style;

use scraper::{ElementRef, Html, Selector};
use tagmill_report::{Page, render};

fn parsed(page: &Page) -> Html {
    Html::parse_document(&render(page))
}

fn all<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

/// The text of the only element that fits.
#[track_caller]
fn only(html: &Html, selector: &str) -> String {
    let found = all(html, selector);
    assert_eq!(found.len(), 1, "{selector}");
    text(found[0])
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}
