//! What a benchmark says, for a terminal and for a document.

use serde::Deserialize;

use crate::table::table;

/// Width of lines in documents.
const WIDTH: usize = 120;

/// One line of a benchmark's output.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Block {
    Heading { heading: String },
    Text { text: String },
    Table { head: Vec<String>, rows: Vec<Vec<String>> },
}

impl Block {
    pub(super) fn plain(&self) -> String {
        match self {
            Block::Heading { heading } => format!("{heading}\n{}", "═".repeat(heading.chars().count())),
            Block::Text { text } => wrap(text),
            Block::Table { head, rows } => {
                let head: Vec<&str> = head.iter().map(String::as_str).collect();
                table(&head, rows)
            }
        }
    }

    pub(super) fn markdown(&self) -> String {
        match self {
            Block::Heading { heading } => format!("## {heading}"),
            Block::Text { text } => wrap(text),
            Block::Table { head, rows } => {
                let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
                // The first column to the left, numbers to the right, as in a terminal.
                let rule = format!("|---|{}", "---:|".repeat(head.len().saturating_sub(1)));
                let mut lines = vec![line(head), rule];
                lines.extend(rows.iter().map(|row| line(row)));
                lines.join("\n")
            }
        }
    }
}

fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(line: &str) -> Block {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn tables_and_texts_are_laid_out() {
        let table = block(r#"{"head":["order","rows/s"],"rows":[["rising","1,000"]]}"#);
        assert_eq!(table.plain(), "order   rows/s\n──────────────\nrising   1,000");
        assert_eq!(table.markdown(), "| order | rows/s |\n|---|---:|\n| rising | 1,000 |");
        assert_eq!(block(r#"{"heading":"Settings"}"#).markdown(), "## Settings");
        let long = block(&format!(r#"{{"text":"{}"}}"#, "word ".repeat(40)));
        assert!(long.plain().lines().all(|line| line.len() <= WIDTH));
        assert_eq!(long.plain().lines().count(), 2);
    }
}
