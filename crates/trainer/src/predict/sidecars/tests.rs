use proptest::prelude::*;

use super::*;

const STYLES: [SidecarStyle; 2] = [SidecarStyle::SdScripts, SidecarStyle::Hydrus];

#[test]
fn sidecars_stand_beside_their_pictures() {
    let file = |style: SidecarStyle, picture: &str| style.file(Path::new(picture)).display().to_string();
    assert_eq!(file(SidecarStyle::SdScripts, "b/a.b.jpg"), "b/a.b.txt");
    assert_eq!(file(SidecarStyle::SdScripts, "a"), "a.txt");
    assert_eq!(file(SidecarStyle::Hydrus, "b/a.b.jpg"), "b/a.b.jpg.txt");
}

#[track_caller]
fn check_text(tags: &[&str], sd_scripts: &str, hydrus: &str) {
    let texts = STYLES.map(|style| style.text(tags.iter().copied()));
    assert_eq!(texts, [sd_scripts, hydrus]);
}

#[test]
fn tags_are_written() {
    check_text(&["red fox", "süß (1990)"], "red fox, süß (1990)\n", "red fox\nsüß (1990)\n");
    check_text(&[], "\n", "");
    check_text(&["3,5 mm", "3 5 mm", ","], "3 5 mm\n", "3,5 mm\n3 5 mm\n,\n");
    check_text(&["a\nb\u{2028}c\u{85}d", "\t", "\u{7}"], "a b c d\n", "a b c d\n");
}

#[track_caller]
fn check_append(style: SidecarStyle, old: &str, expected: Option<&str>) {
    assert_eq!(style.append(old, ["fox", "red, wild"]).as_deref(), expected);
}

#[test]
fn tags_are_appended() {
    use SidecarStyle::{Hydrus, SdScripts};
    check_append(SdScripts, "", Some("fox, red wild\n"));
    check_append(SdScripts, "my Fox,  fox\n", Some("my Fox,  fox, red wild\n"));
    check_append(SdScripts, "a, ", Some("a, fox, red wild\n"));
    check_append(SdScripts, "one line\r\nanother", Some("one line\r\nanother, fox, red wild\n"));
    check_append(SdScripts, "\u{feff}fox, red wild", None);
    check_append(Hydrus, "", Some("fox\nred, wild\n"));
    check_append(Hydrus, "red, wild\r\nold", Some("red, wild\r\nold\nfox\n"));
    check_append(Hydrus, "fox\nred, wild\n", None);
}

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c, \n]{0,4}", "\\PC{0,6}", any::<String>()]
}

fn any_tags() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(any_tag(), 0..6)
}

proptest! {
    #[test]
    fn appended_twice_is_appended_once(old in any::<String>(), tags in any_tags()) {
        let tags = || tags.iter().map(String::as_str);
        for style in STYLES {
            let once = style.append(&old, tags()).unwrap_or(old.clone());
            prop_assert_eq!(style.append(&once, tags()), None);
            prop_assert!(once.starts_with(old.trim_end()));
            prop_assert_eq!(style.append(&style.text(tags()), tags()), None);
        }
    }

    #[test]
    fn a_reader_finds_the_tags(tags in any_tags()) {
        let tags = || tags.iter().map(String::as_str);
        // Nothing in a tag can end it, whatever the reader takes for the end of a line.
        let words = |tag: &str| tag.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let mut expected: Vec<String> = Vec::new();
        for tag in tags().map(words).filter(|tag| !tag.is_empty()) {
            if !expected.contains(&tag) {
                expected.push(tag);
            }
        }
        let hydrus = SidecarStyle::Hydrus.text(tags());
        prop_assert_eq!(hydrus.split_terminator(is_line_end).collect::<Vec<_>>(), expected.clone());
        let sd_scripts = SidecarStyle::SdScripts.text(tags());
        prop_assert_eq!(sd_scripts.matches(is_line_end).count(), 1);
        let commas: usize = sd_scripts.matches(',').count();
        prop_assert!(commas < expected.len().max(1));
    }
}
