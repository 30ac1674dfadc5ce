use proptest::prelude::*;

use super::*;
use crate::predict::ScoredTag;

const FORMATS: [OutputFormat; 3] = [OutputFormat::Jsonl, OutputFormat::Csv, OutputFormat::Txt];

fn prediction(path: &str, tags: &[(&str, f32)]) -> Prediction {
    let tags = tags.iter().map(|(name, score)| ScoredTag { name: (*name).to_owned(), score: *score });
    Prediction { path: path.into(), tags: tags.collect(), ratings: Vec::new() }
}

#[track_caller]
fn check(format: OutputFormat, prediction: &Prediction, expected: &str) {
    assert_eq!(String::from_utf8(format.rows(prediction)).unwrap(), expected);
}

#[test]
fn each_format_of_the_same_picture() {
    let found = prediction("a b.jpg", &[("sky, \"blue\"", 0.934_5), ("名\n前", 0.25)]);
    let json = r#"{"path":"a b.jpg","tags":[{"name":"sky, \"blue\"","score":0.9345},{"name":"名\n前","score":0.25}]}"#;
    check(OutputFormat::Jsonl, &found, &format!("{json}\n"));
    check(OutputFormat::Csv, &found, "a b.jpg,\"sky, \"\"blue\"\"\",0.9345\na b.jpg,\"名\n前\",0.25\n");
    check(OutputFormat::Txt, &found, "a b.jpg: sky, \"blue\", 名\\u{a}前\n");
}

#[test]
fn a_picture_without_tags_is_still_told() {
    let nothing = prediction("a: b\n.jpg", &[]);
    check(OutputFormat::Jsonl, &nothing, "{\"path\":\"a: b\\n.jpg\",\"tags\":[]}\n");
    check(OutputFormat::Csv, &nothing, "\"a: b\n.jpg\",,\n");
    check(OutputFormat::Txt, &nothing, "a\\u{3a} b\\u{a}.jpg: \n");
}

#[track_caller]
fn check_fault(format: OutputFormat, text: &str, expected: Result<usize, u64>) {
    let read = format.read(text.as_bytes()).unwrap();
    assert_eq!(read.map(|written| written.bytes as usize), expected, "{text}");
}

#[test]
fn what_is_no_row_is_told_unless_it_was_cut_off() {
    use OutputFormat::{Csv, Jsonl, Txt};
    check_fault(Jsonl, "{\"path\":\"a\",\"tags\":[]}\n{\"path\":\"b\"}\n", Err(2));
    check_fault(Jsonl, "{\"path\":\"a\",\"tags\":[]}\n{\"path\":\"b\"", Ok(23));
    check_fault(Jsonl, "{\"pa", Ok(0));
    check_fault(Jsonl, "precious", Err(1));
    check_fault(Txt, "a: b\nno path\n", Err(2));
    check_fault(Txt, "a: b\nno pa", Ok(5));
    check_fault(Txt, "precious", Err(1));
    check_fault(Txt, "a\\u{zz}: b\n", Err(1));
    check_fault(Csv, "a,b,0.5\na,b\na,c,0.25\n", Err(3));
    check_fault(Csv, "a,b,0.5\na,b,c,d\na,c,0.25\n", Err(3));
    // Not as it would be written.
    check_fault(Csv, "\"a\",b,0.5\na,c,0.25\n", Err(2));
    check_fault(Csv, "a,b,0.5\na,\"b\n", Ok(8));
}

#[test]
fn pictures_that_failed_are_not_done() {
    let text = "{\"path\":\"a\",\"reason\":\"empty\",\"error\":\"it is\"}\n";
    let written = OutputFormat::Jsonl.read(text.as_bytes()).unwrap().unwrap();
    assert_eq!(written, Written { bytes: text.len() as u64, ..Written::default() });
}

fn any_prediction() -> impl Strategy<Value = Prediction> {
    let text = || prop_oneof!["[a-c:, \\\\\"{}u\n\r]{1,6}", "\\PC{1,6}"];
    let tags = proptest::collection::vec((text(), 0.0_f32..1.0), 0..4);
    (text(), tags).prop_map(|(path, tags)| Prediction {
        path: path.into(),
        tags: tags.into_iter().map(|(name, score)| ScoredTag { name, score }).collect(),
        ratings: Vec::new(),
    })
}

proptest! {
    /// However much of a file is there, all pictures but the last are known, and of nothing else it is said.
    #[test]
    fn pictures_are_found_again(predictions in proptest::collection::vec(any_prediction(), 1..5), cut in any::<prop::sample::Index>()) {
        for format in FORMATS {
            let rows: Vec<Vec<u8>> = predictions.iter().map(|prediction| format.rows(prediction)).collect();
            let text = rows.concat();
            let cut = cut.index(text.len() + 1);
            let read = format.read(&text[..cut]).unwrap();
            // Of text, whose file nothing marks, one whole row has to be there.
            let Ok(written) = read else {
                prop_assert!(format == OutputFormat::Txt && cut < rows[0].len());
                continue;
            };
            let mut end = 0;
            let is_whole = |rows: &&Vec<u8>| { end += rows.len(); end <= cut };
            let whole = rows.iter().take_while(is_whole).count();
            for prediction in &predictions[..whole] {
                prop_assert!(written.done.contains(&prediction.path), "{format:?} {}", prediction.path.display());
            }
            let bytes: usize = rows[..whole].iter().map(Vec::len).sum();
            match format {
                OutputFormat::Csv => {
                    prop_assert!((bytes..=cut).contains(&(written.bytes as usize)));
                    // From where the last begins, all is written anew: nothing before it may lack anything.
                    if let Some((path, start)) = written.last {
                        prop_assert!(bytes >= start as usize);
                        prop_assert!(written.done.contains(&path));
                    }
                }
                _ => prop_assert_eq!(written.bytes as usize, bytes),
            }
        }
    }
}
