/// `1 picture`, `2 pictures`: a count of what is named by the word for one.
pub fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "new item")),
            ["0 new items", "1 new item", "2 new items"]
        );
    }
}
