//! The page around its sections.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::section::Section;
use crate::{Page, chart, confusions, overview, pictures, tags};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page as HTML: one file that loads nothing, and lets nothing run but its own script.
///
/// The script only sorts and searches the table of tags; without it everything is there to be read. Numbers that are not
/// finite are shown as a dash, figures beyond 0 and 1 are drawn at the end of their bar.
pub fn render(page: &Page) -> String {
    let sections: Vec<Section> = [
        overview::figures(page),
        chart::training(page),
        chart::precision_recall(page),
        chart::calibration(page),
        tags::section(page),
        confusions::section(page),
        pictures::best(page),
        pictures::worst(page),
        pictures::missing(page),
        pictures::doubtful(page),
    ]
    .into_iter()
    .flatten()
    .collect();
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                (overview::tab(page))
                style { (PreEscaped(STYLE)) }
            }
            body {
                (overview::head(page))
                @if !sections.is_empty() { (contents(page, &sections)) }
                main { @for section in &sections { (section.markup()) } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    document.into_string()
}

fn contents(page: &Page, sections: &[Section]) -> Markup {
    html! {
        nav aria-label="Contents" {
            ol { @for section in sections { li { a href={ "#" (section.id) } { (section.heading) } } } }
            @if let Some(switch) = pictures::switch(page) { (switch) }
        }
    }
}

/// Nothing is loaded and nothing is sent; the style and the script are known by their hashes.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
