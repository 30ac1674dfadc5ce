//! Counts as bars, in as many columns as the terminal has.

use std::borrow::Cow;
use std::fmt::Write;

use console::{measure_text_width, truncate_str};
use indicatif::HumanCount;
use tagmill_model::printable;
use tagmill_preparer::tally::Report;

/// Longer names are cut, so that bars keep some room.
const WIDEST_NAME: usize = 32;

/// Shorter bars tell nothing.
const SHORTEST_BAR: usize = 8;

/// Bars grow by an eighth of a column.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

struct Line<'a> {
    name: Cow<'a, str>,
    count: u64,
    figures: String,
}

/// One line a tag: name, count, figures, and a bar where there is room for one.
pub(super) fn chart(report: &Report, columns: usize) -> String {
    let mut text = String::new();
    let lines: Vec<Line<'_>> = match &report.beside {
        None => report
            .tags
            .iter()
            .map(|tag| Line { name: printable(&tag.tag), count: tag.items, figures: percent(tag.share) })
            .collect(),
        Some(beside) => {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "beside {} ({} items):", printable(&beside.tag), HumanCount(beside.items));
            beside
                .others
                .iter()
                .map(|tag| {
                    let figures = format!("{}  {:>8} lift", percent(tag.share), format!("{:.2}", tag.lift));
                    Line { name: printable(&tag.tag), count: tag.together, figures }
                })
                .collect()
        }
    };
    draw(&lines, columns, &mut text);
    text
}

fn percent(share: f64) -> String {
    format!("{:>5.2} %", share * 100.0)
}

fn draw(lines: &[Line<'_>], columns: usize, text: &mut String) {
    let most = lines.iter().map(|line| line.count).max().unwrap_or(0).max(1);
    let count = |line: &Line<'_>| HumanCount(line.count).to_string();
    let counts = lines.iter().map(|line| count(line).len()).max().unwrap_or(0);
    let figures = lines.iter().map(|line| line.figures.len()).max().unwrap_or(0);
    let names = lines.iter().map(|line| measure_text_width(&line.name)).max().unwrap_or(0);
    let beside_name = 2 + counts + 2 + figures;
    // Where the terminal is narrow, the name loses columns last.
    let names = names.min(WIDEST_NAME).min(columns.saturating_sub(beside_name)).max(SHORTEST_BAR);
    let bar = columns.saturating_sub(names + beside_name + 2);
    for line in lines {
        let name = truncate_str(&line.name, names, "…");
        let blanks = " ".repeat(names.saturating_sub(measure_text_width(&name)));
        let _ = write!(text, "{name}{blanks}  {:>counts$}  {:>figures$}", count(line), line.figures);
        if bar >= SHORTEST_BAR {
            let eighths = (line.count as f64 / most as f64 * (8 * bar) as f64).round() as usize;
            let _ = write!(text, "  {}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{beside, counts};
    use super::*;

    #[test]
    fn as_wide_as_the_terminal() {
        let report =
            counts(&[("video", 1500), ("a name that is far too long for any chart", 700), ("日本語", 12)]);
        for columns in [200, 80, 60, 40, 10, 0] {
            let chart = chart(&report, columns);
            let widest = chart.lines().map(measure_text_width).max().unwrap();
            assert!(widest <= columns.max(27), "{columns}: {widest}\n{chart}");
        }
        insta::assert_snapshot!(chart(&report, 72), @r"
        video                             1,500  75.00 %  ██████████████████████
        a name that is far too long for…    700  35.00 %  ██████████▎
        日本語                               12   0.60 %  ▏
        ");
        insta::assert_snapshot!(chart(&report, 30), @r"
        video           1,500  75.00 %
        a name that i…    700  35.00 %
        日本語             12   0.60 %
        ");
        insta::assert_snapshot!(chart(&beside(&[("hund", 900), ("sofa", 90)]), 60), @r"
        beside katze (1,000 items):
        hund      900  90.00 %      1.50 lift  █████████████████████
        sofa       90   9.00 %      1.50 lift  ██▏
        ");
        assert_eq!(chart(&counts(&[]), 80), "");
    }
}
