use proptest::prelude::*;

use super::*;

fn own() -> Vec<String> {
    vec!["pr0gramm.com".to_owned()]
}

#[test]
fn integers_come_in_many_forms() {
    #[track_caller]
    fn check(json: &str, expected: Option<i64>) {
        assert_eq!(integer(json), expected, "{json}");
    }
    check("7", Some(7));
    check("-3", Some(-3));
    check("\"103\"", Some(103));
    check("\" 103 \"", Some(103));
    check("1.9", Some(1));
    check("\"1e3\"", Some(1000));
    check("true", Some(1));
    check("false", Some(0));
    check("null", None);
    check("\"\"", None);
    check("\"many\"", None);
    check("\"NaN\"", None);
    check("1e300", None);
    check("[1]", None);
    check("{\"a\":1}", None);
    check("9223372036854775807", Some(i64::MAX));
}

#[test]
fn bools_come_in_many_forms() {
    for json in ["true", "1", "\"1\"", "\"true\"", "\"True\"", "2"] {
        assert!(boolean(json), "{json}");
    }
    for json in ["false", "0", "\"0\"", "\"false\"", "null", "\"\"", "[]", "\"no\""] {
        assert!(!boolean(json), "{json}");
    }
}

#[test]
fn texts_come_in_many_forms() {
    #[track_caller]
    fn check(json: &str, expected: &str) {
        assert_eq!(text(json), expected, "{json}");
    }
    check("\"k4tze\"", "k4tze");
    check("\"gel\\u00f6scht\"", "gelöscht");
    check("\"https:\\/\\/example.org\\/v\\/1\"", "https://example.org/v/1");
    check("\"nul\\u0000l\"", "nul\0l");
    check("\"\\ud83e\\udd14\"", "🤔");
    check("\"half \\ud83e emoji \\\\ud83e \\n\"", "half \u{fffd} emoji \\ud83e \n");
    check("null", "");
    check("1337", "1337");
    check("true", "true");
    check("[\"a\"]", "");
    check("{}", "");
}

#[test]
fn own_hosts_are_cut_off() {
    #[track_caller]
    fn check(image: &str, expected: &str) {
        assert_eq!(relative_path(image.to_owned(), &own()), expected);
    }
    check("2026/05/28/00112233445566aa.jpg", "2026/05/28/00112233445566aa.jpg");
    check("/2026/a.jpg", "/2026/a.jpg");
    check("//img.pr0gramm.com/2007/01/28/a.webm", "2007/01/28/a.webm");
    check("https://vid.pr0gramm.com/2007/a.mp4", "2007/a.mp4");
    check("http://IMG.Pr0gramm.com//2007/a.mp4", "2007/a.mp4");
    check("https://pr0gramm.com/a.png", "a.png");
    check("https://example.org/a.png", "https://example.org/a.png");
    check("//notpr0gramm.com/a.png", "//notpr0gramm.com/a.png");
    check("https://pr0gramm.com.example.org/a.png", "https://pr0gramm.com.example.org/a.png");
    check("https:", "https:");
    check("", "");
}

proptest! {
    #[test]
    fn lenient_values_never_panic(json in ".{0,40}") {
        let _ = (integer(&json), boolean(&json), text(&json));
        let _ = relative_path(json, &own());
    }

    #[test]
    fn integers_and_texts_survive(number in -9_007_199_254_740_991i64..9_007_199_254_740_991, word: String) {
        prop_assert_eq!(integer(&number.to_string()), Some(number));
        prop_assert_eq!(integer(&format!("\"{number}\"")), Some(number));
        prop_assert_eq!(text(&serde_json::to_string(&word).unwrap()), word);
    }

    #[test]
    fn repairing_surrogates_spares_the_rest(word in "[a-zäß\"\\\\/\\n🤔]{0,12}") {
        let json = serde_json::to_string(&word).unwrap();
        let broken = format!("{}\\udd14\"", json.strip_suffix('"').unwrap());
        prop_assert_eq!(text(&broken), format!("{word}\u{fffd}"));
    }
}
