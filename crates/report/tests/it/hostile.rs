use tagmill_report::{Page, render};

use crate::{all, only, parsed, sample};

const TEXTS: [&str; 7] = [
    "</script><img src=x onerror=alert(1)>",
    "</style><style>*{display:none}</style>",
    "\"><svg onload=alert(1)> ' ` &quot; &amp;lt;",
    "]]><!-- --></title></textarea></svg></table>",
    "\u{202e}gnp.exe\u{2066}\u{200f}",
    "nul \0 escape \x1b[2J bell \x07 del \x7f next line \u{85}",
    "😀\u{200d}🔥 \u{feff}\u{fffe} a\u{301}\u{301}\u{301}",
];

/// The sample with one text in every place that takes any.
pub(crate) fn page(text: &str) -> Page {
    let text = || text.to_owned();
    let mut page = sample::page();
    page.title = text();
    for fact in &mut page.facts {
        (fact.name, fact.value) = (text(), text());
    }
    for group in &mut page.figures {
        (group.heading, group.note) = (text(), text());
    }
    for row in page.headlines.iter_mut().chain(page.figures.iter_mut().flat_map(|group| &mut group.rows)) {
        (row.name, row.explanation) = (text(), text());
    }
    for chart in page.training.iter_mut().chain(&mut page.precision_recall).chain(&mut page.calibration) {
        (chart.title, chart.note, chart.x.label, chart.y.label) = (text(), text(), text(), text());
        for line in &mut chart.lines {
            line.name = text();
        }
        if let Some(mark) = &mut chart.mark {
            mark.label = text();
        }
    }
    for tag in &mut page.tags {
        tag.name = text();
    }
    for pair in &mut page.confusions {
        (pair.shown, pair.predicted) = (text(), text());
    }
    for item in page.best.iter_mut().chain(&mut page.worst) {
        item.picture.file = text();
        for tag in &mut item.tags {
            tag.name = text();
        }
    }
    for suspect in page.missing.iter_mut().chain(&mut page.doubtful) {
        (suspect.picture.file, suspect.tag) = (text(), text());
    }
    page
}

/// Whatever strangers call things, the page has the same elements with the same attributes.
#[test]
fn texts_stay_texts() {
    let shape = |page: &Page| -> Vec<String> {
        let html = parsed(page);
        all(&html, "*")
            .iter()
            .map(|element| {
                let names: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
                format!("{} {names:?}", element.value().name())
            })
            .collect()
    };
    let plain = shape(&page("plain"));
    for text in TEXTS {
        assert!(shape(&page(text)) == plain, "{text:?}");
    }
}

#[test]
fn texts_are_shown_as_they_are() {
    for text in &TEXTS[..5] {
        assert_eq!(only(&parsed(&page(text)), "h1 > bdi"), *text);
    }
}

#[test]
fn control_characters_do_not_reach_the_page() {
    for text in TEXTS {
        let found = render(&page(text)).chars().find(|symbol| symbol.is_control() && *symbol != '\n');
        assert_eq!(found, None, "{text:?}");
    }
    assert!(only(&parsed(&page(TEXTS[5])), "h1").starts_with("nul ␀ escape ␛[2J bell ␇ del ␡"));
}

#[test]
fn every_name_keeps_its_direction_to_itself() {
    let text = TEXTS[4];
    let html = parsed(&page(text));
    for element in all(&html, "body *") {
        let own =
            element.children().any(|child| child.value().as_text().is_some_and(|own| own.contains(text)));
        // Texts within SVG and tool tips are lines of their own.
        let alone = ["bdi", "text", "title", "desc", "script"].contains(&element.value().name());
        assert!(!own || alone, "{}", element.value().name());
    }
}
