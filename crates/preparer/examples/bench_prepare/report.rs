//! What was measured, as a JSON object a line: `cargo xtask bench prepare` makes tables of them.

use serde_json::json;

pub(crate) fn heading(heading: &str) {
    println!("{}", json!({ "heading": heading }));
}

pub(crate) fn text(text: &str) {
    println!("{}", json!({ "text": text }));
}

pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    println!("{}", json!({ "head": head, "rows": rows }));
}

/// `1,234,567`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
