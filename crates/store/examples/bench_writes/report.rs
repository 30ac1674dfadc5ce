//! What is said on standard output: a JSON object a line, which `cargo xtask bench` lays out for a terminal or a document.

use serde_json::json;

pub(crate) fn heading(text: &str) {
    println!("{}", json!({ "heading": text }));
}

pub(crate) fn text(text: &str) {
    println!("{}", json!({ "text": text }));
}

pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    println!("{}", json!({ "head": head, "rows": rows }));
}

/// A whole number with its thousands set apart.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as MB of 10^6.
pub(crate) fn megabytes(bytes: f64) -> String {
    format!("{:.1}", bytes / 1e6)
}

pub(crate) fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// How much less `part` is than `whole`, in percent.
pub(crate) fn less(part: f64, whole: f64) -> String {
    format!("{:.0} % less", 100.0 * (1.0 - part / whole))
}

/// The middle one of several measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(999.6), "1,000");
        assert_eq!(count(1_234_567.0), "1,234,567");
        assert_eq!(count(12.0), "12");
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
