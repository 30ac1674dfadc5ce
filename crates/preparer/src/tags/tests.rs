use super::*;

fn labels(json: &str, rules: &TagRules) -> Result<Labels, MalformedTags> {
    Interpreter::new(rules).unwrap().labels(json)
}

fn normal(name: &str) -> String {
    normalise(name, TagRules::default().normalise).into_owned()
}

/// `name:confidence` of each label, then the content class, then what was dropped.
fn show(json: &str, rules: &TagRules) -> String {
    let labels = match labels(json, rules) {
        Ok(labels) => labels,
        Err(error) => return error.to_string(),
    };
    let mut parts: Vec<String> =
        labels.tags.iter().map(|tag| format!("{}:{}", tag.name, tag.confidence)).collect();
    if !labels.content.is_empty() {
        parts.push(format!("+ {}", labels.content));
    }
    parts.extend(labels.dropped.counts().map(|(reason, count)| format!("- {count} {reason}")));
    parts.join(" | ")
}

#[track_caller]
fn check(json: &str, expected: &str) {
    assert_eq!(show(json, &TagRules::default()), expected, "{json}");
}

/// One tag of confidence 0.5.
#[track_caller]
fn check_name(name: &str, expected: &str) {
    let json = serde_json::json!([{ "id": 1, "confidence": 0.5, "tag": name }]).to_string();
    check(&json, expected);
}

#[test]
fn what_a_board_sends() {
    check("[]", "");
    check(
        r#"[{"id":90000001,"confidence":0.609657,"tag":"Beispiel"},{"id":90000002,"confidence":0.206543,"tag":"9.800\u5186"},
            {"id":90000003,"confidence":0.342372,"tag":"video"},{"id":90000009,"confidence":0.094529,"tag":"kein \"Repost\""}]"#,
        "beispiel:0.609657 | 9.800円:0.206543 | - 1 added by the server | - 1 characters",
    );
    check(
        r#"[{"id":1,"confidence":0,"tag":"H\u00e4sslich \ud83e\udd14"},{"id":"2","confidence":"0.206543","tag":"  Leerzeichen  "},
            {"id":3,"confidence":1,"tag":"GIF"},{"id":4,"confidence":0.206543,"tag":"gif"},
            {"id":5,"confidence":null,"tag":"<b>fett<\/b> & mehr"},{"id":6,"confidence":-0.01,"tag":"nul\u0000l"},
            {"id":7,"tag":""},{"id":8,"confidence":0.5101,"tag":"1337","extra":true}]"#,
        "1337:0.5101 | leerzeichen:0.206543 | - 2 added by the server | - 1 length | - 3 characters",
    );
}

#[test]
fn categories_may_be_unwanted() {
    let json = r#"[{"tag":"blue_sky","confidence":1,"category":"general"},{"tag":"somebody","confidence":1,"category":"artist"},
        {"tag":"hi_res","confidence":1,"category":"m\u0065ta"},{"tag":"tree","confidence":1},
        {"tag":"cloud","confidence":1,"category":null},{"tag":"house","confidence":1,"category":["meta"]}]"#;
    check(json, "blue_sky:1 | cloud:1 | hi_res:1 | house:1 | somebody:1 | tree:1");
    let unwanted = ["artist", "meta", "species"].map(str::to_owned);
    let rules = TagRules { dropped_categories: unwanted.into(), ..TagRules::default() };
    assert_eq!(show(json, &rules), "blue_sky:1 | cloud:1 | house:1 | tree:1 | - 2 category");
}

#[test]
fn names_are_normalised() {
    check_name("  Rote\t\u{a0} Katze\r\n", "rote katze:0.5");
    check_name("ÄPFEL", "äpfel:0.5");
    check_name("a\u{308}pfel", "äpfel:0.5");
    check_name("ＡＢＣ　①②", "abc 12:0.5");
    check_name("ﬁsch", "fisch:0.5");
    check_name("ΟΔΟΣ", "οδος:0.5");
    check_name("İstanbul", "i̇stanbul:0.5");
    check_name("ǅep", "džep:0.5");
}

#[test]
fn names_of_any_script_are_valid_and_symbols_are_not() {
    check_name("it's a-b_c. 2", "it's a-b_c. 2:0.5");
    check_name("हिन्दी", "हिन्दी:0.5");
    check_name("日本語", "日本語:0.5");
    check_name("קפה", "קפה:0.5");
    for invalid in
        ["a,b", "a\"b", "#rot", "a&b", "<b>", "a/b", "🤔🤔", "a\u{200b}b", "a\0b", "=1+1", "a\u{fffd}"]
    {
        check_name(invalid, "- 1 characters");
    }
    check_name("...", "- 1 characters");
    check_name("'-_", "- 1 characters");
}

#[test]
fn length_is_in_characters() {
    check_name("", "- 1 length");
    check_name(" x ", "- 1 length");
    check_name("猫", "- 1 length");
    check_name("xy", "xy:0.5");
    check_name("日本", "日本:0.5");
    check_name(&"ä".repeat(64), &format!("{}:0.5", "ä".repeat(64)));
    check_name(&"ä".repeat(65), "- 1 length");
}

#[test]
fn content_classes_become_flags() {
    check_name("nsfw", "+ nsfw");
    check_name(" NSFL ", "+ nsfl");
    check_name("ｎｓｆｐ", "+ nsfp");
    check_name("POL", "+ pol");
    check_name("sfw", "- 1 added by the server");
    check_name("not nsfw", "not nsfw:0.5");
    check(r#"[{"tag":"nsfw","confidence":"?"},{"tag":"pol"},{"tag":"rot"}]"#, "rot:0 | + nsfw,pol");
}

#[test]
fn doubles_merge_by_the_highest_confidence() {
    check(
        r#"[{"tag":"Rot","confidence":0.2},{"tag":"rot ","confidence":0.6},{"tag":"ROT","confidence":0.4}]"#,
        "rot:0.6 | - 2 double",
    );
}

#[test]
fn the_order_is_by_confidence_then_name() {
    check(
        r#"[{"tag":"bb","confidence":0.2},{"tag":"aa","confidence":0.2},{"tag":"zz","confidence":0.9},{"tag":"cc","confidence":0.20654300}]"#,
        "zz:0.9 | cc:0.206543 | aa:0.2 | bb:0.2",
    );
    check(r#"[{"tag":"bb","confidence":-0.0},{"tag":"aa","confidence":0}]"#, "aa:0 | bb:0");
    check(r#"[{"tag":"aa","confidence":-0.0},{"tag":"bb","confidence":0}]"#, "aa:0 | bb:0");
}

#[test]
fn confidences_of_any_form() {
    let check = |confidence: &str, expected: &str| {
        check(&format!(r#"[{{"tag":"rot","confidence":{confidence}}}]"#), expected);
    };
    check("0.25", "rot:0.25");
    check("1", "rot:1");
    check("\" 0.25 \"", "rot:0.25");
    check("2.5e-1", "rot:0.25");
    check("7", "rot:1");
    check("1e300", "rot:1");
    check("-3", "rot:0");
    check("null", "rot:0");
    check("18446744073709551615", "rot:1");
    check("\"inf\"", "rot:1");
    check("\"NaN\"", "- 1 unreadable");
    check("\"high\"", "- 1 unreadable");
    check("\"\"", "- 1 unreadable");
    check("true", "- 1 unreadable");
    check("[0.5]", "- 1 unreadable");
    check("{\"lower\":0.5}", "- 1 unreadable");
    // serde_json has no number for it, and the list no end that could be trusted.
    check("1e999", "the tags are no JSON array");
}

#[test]
fn entries_of_any_form() {
    check(
        r#"[null, true, 1, -1, 0.5, "rot", ["rot"], {}, {"tag":null}, {"tag":[]}, {"tag":"gut"}]"#,
        "gut:0 | - 10 unreadable",
    );
    check(r#"[{"tag":1337},{"tag":-5},{"tag":0.5}]"#, "-5:0 | 0.5:0 | 1337:0");
    check(r#"[{"tag":"rot","tag":"blau","confidence":0.1,"confidence":0.2}]"#, "blau:0.2");
    check(r#"[{"t\u0061g":"rot","id":{"x":[1,{}]},"confidence":0.1}]"#, "rot:0.1");
}

#[test]
fn lists_that_are_none() {
    for json in
        ["", " ", "null", "{}", "\"rot\"", "1", "[", "[{]", "[{}", "[]]", "[{\"tag\":\"\\ud83e\"}]", "<html>"]
    {
        check(json, "the tags are no JSON array");
    }
}

#[test]
fn a_lowest_confidence_and_another_length() {
    let json =
        r#"[{"tag":"rot","confidence":0.2},{"tag":"blau","confidence":0.3},{"tag":"x","confidence":0.9}]"#;
    let rules = TagRules { min_confidence: 0.3, length: 1..=4, ..TagRules::default() };
    assert_eq!(show(json, &rules), "x:0.9 | blau:0.3 | - 1 low confidence");
}

#[test]
fn names_are_borrowed_where_they_can_be() {
    let mut tags = Vec::new();
    each(r#"[{"tag":"rot"},{"tag":"a\/b"}]"#, |tag| tags.push(tag)).unwrap();
    assert!(matches!(tags[0].name, Some(std::borrow::Cow::Borrowed("rot"))));
    assert_eq!(tags[1].name.as_deref(), Some("a/b"));
}

fn tags(names: &[&str]) -> String {
    let entries: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, tag)| serde_json::json!({ "tag": tag, "confidence": 0.9 - 0.1 * n as f64 }))
        .collect();
    serde_json::to_string(&entries).unwrap()
}

#[test]
fn each_step_has_its_switch() {
    let rules = TagRules::default;
    let names = tags(&["Rote  Katze", "NSFW", "gif", "ｒepost", "c++"]);
    #[track_caller]
    fn check(names: &str, rules: TagRules, expected: &str) {
        assert_eq!(show(names, &rules).replace("0.59999996", "0.6"), expected);
    }
    check(&names, rules(), "rote katze:0.9 | repost:0.6 | + nsfw | - 1 added by the server | - 1 characters");
    check(
        &names,
        TagRules { normalise: Normalise { lower_case: false, ..rules().normalise }, ..rules() },
        "Rote Katze:0.9 | repost:0.6 | + nsfw | - 1 added by the server | - 1 characters",
    );
    check(
        &names,
        TagRules { normalise: Normalise { blanks: false, nfkc: false, lower_case: true }, ..rules() },
        "rote  katze:0.9 | ｒepost:0.6 | + nsfw | - 1 added by the server | - 1 characters",
    );
    check(
        &names,
        TagRules { content_tags: false, drop_server_tags: false, ..rules() },
        "rote katze:0.9 | nsfw:0.8 | gif:0.7 | repost:0.6 | - 1 characters",
    );
    check(
        &names,
        TagRules { dropped: ["Repost".to_owned()].into(), ..rules() },
        "rote katze:0.9 | + nsfw | - 1 added by the server | - 1 listed | - 1 characters",
    );
    check(
        &names,
        TagRules { pattern: Some("^[a-z+]+$".to_owned()), ..rules() },
        "repost:0.6 | c++:0.5 | + nsfw | - 1 added by the server | - 1 characters",
    );
    check(
        r#"[{"tag":"rot","confidence":0.2},{"tag":"Rot","confidence":0.6}]"#,
        TagRules { doubles: Doubles::Keep, ..rules() },
        "rot:0.6 | rot:0.2",
    );
    check(
        r#"[{"tag":"rot","confidence":0.5},{"tag":"blau","confidence":0.75},{"tag":"Rot","confidence":0.5}]"#,
        TagRules { doubles: Doubles::Sum, ..rules() },
        "rot:1 | blau:0.75 | - 1 double",
    );
}

#[test]
fn aliases_come_before_all_else() {
    let aliases =
        parse_aliases("Mieze -> Kätzchen\nkätzchen -> katze\nc++ -> cpp\nhässlich -> nsfl\nhuhu -> x")
            .unwrap();
    let rules = TagRules { aliases, ..TagRules::default() };
    assert_eq!(
        show(&tags(&["mieze", "KATZE", "C++", "hässlich", "huhu"]), &rules),
        "katze:0.9 | cpp:0.7 | + nsfl | - 1 length | - 1 double"
    );
}

#[test]
fn implied_tags_have_the_confidence_of_what_implies_them() {
    let text = "kater -> Katze\nkatze -> tier\ntier -> lebewesen\nnackt -> nsfw\nhund -> tier";
    let implications = parse_implications(text).unwrap();
    let rules = TagRules { dropped: ["lebewesen".to_owned()].into(), implications, ..TagRules::default() };
    assert_eq!(
        show(&tags(&["hund", "kater", "tier", "nackt"]), &rules),
        "hund:0.9 | tier:0.9 | kater:0.8 | katze:0.8 | nackt:0.6 | + nsfw"
    );
    assert_eq!(show(&tags(&["Kater"]), &rules), "kater:0.9 | katze:0.9 | tier:0.9");
}

#[test]
fn rules_that_contradict_themselves() {
    let error = |rules: TagRules| Interpreter::new(&rules).err().unwrap().to_string();
    let rules = TagRules::default;
    assert_eq!(
        error(TagRules { pattern: Some("[".to_owned()), ..rules() }),
        "`[` is not a regular expression"
    );
    assert_eq!(
        error(TagRules { aliases: parse_aliases("A -> b\nb -> a").unwrap(), ..rules() }),
        "the aliases go in a circle: a -> b -> a"
    );
    let implications = [("a".to_owned(), ["b".to_owned()].into()), ("b".to_owned(), ["a".to_owned()].into())];
    assert_eq!(
        error(TagRules { implications: implications.into(), ..rules() }),
        "the implications go in a circle: a -> b -> a"
    );
}

/// Worked by hand: names of ASCII letters and digits only, content words out, at least five, the five of most confidence.
#[test]
fn the_rules_of_the_original() {
    let rules = TagRules::original();
    let cases = [
        (&["cat", "Dog", "bird2", "2024", "x", "six"][..], "cat dog bird2 2024 x six", ""),
        (&["red cat", "it's", "a-b", "a_b", "käse", "日本", "c++", "ok"], "ok", ""),
        (&["nsfw", "NSFL", "nsfp", "pol", "cat"], "cat", "nsfw,nsfl,nsfp,pol"),
        (&["gif", "video", "sound", "sfw"], "gif video sound sfw", ""),
        (&[" cat", "cat ", "ｃat", ""], "", ""),
        (&["Cat", "cat", "CAT"], "cat", ""),
        (&["nsfwish", "polar"], "nsfwish polar", ""),
    ];
    for (names, expected, content) in cases {
        let labels = labels(&tags(names), &rules).unwrap();
        let found: Vec<&str> = labels.tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{names:?}");
        assert_eq!(labels.content.to_string().replace("none", ""), content, "{names:?}");
    }
}

mod laws;
