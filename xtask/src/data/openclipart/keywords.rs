use std::collections::BTreeSet;

use anyhow::{Context, Result};
use roxmltree::{Document, Node, ParsingOptions};

const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// The keywords of a drawing: the list items below `dc:subject` in the metadata of its SVG file, or the subject's own text
/// where it has no list.
///
/// Blanks and line ends within a keyword become one blank. A comma parts two keywords, as it does in a sidecar. What the
/// keywords mean is left to prepare.
///
/// # Errors
///
/// Where the file is not well-formed XML in UTF-8.
pub(super) fn keywords(svg: &[u8]) -> Result<BTreeSet<String>> {
    let text = str::from_utf8(svg).context("it is not UTF-8")?;
    // Illustrator's files define their namespaces as entities in a DTD.
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)?;
    let subjects = document.descendants().filter(|node| node.has_tag_name((DUBLIN_CORE, "subject")));
    Ok(subjects.flat_map(listed).flat_map(|text| parted(&text)).collect())
}

fn listed(subject: Node<'_, '_>) -> Vec<String> {
    let items: Vec<String> =
        subject.descendants().filter(|node| node.has_tag_name((RDF, "li"))).map(text).collect();
    if items.is_empty() { vec![text(subject)] } else { items }
}

/// All text within a node; comments may stand in between.
fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

fn parted(text: &str) -> Vec<String> {
    let parts = text.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An SVG file whose metadata hold `subject`.
    fn svg(subject: &str) -> String {
        format!(
            r#"<?xml version="1.0"?>
            <svg xmlns="http://www.w3.org/2000/svg"><metadata>
              <rdf:RDF xmlns:rdf="{RDF}" xmlns:dc="{DUBLIN_CORE}" xmlns:cc="http://web.resource.org/cc/">
                <cc:Work rdf:about=""><dc:title>not me</dc:title>{subject}</cc:Work>
              </rdf:RDF></metadata><text>nor me</text></svg>"#
        )
    }

    #[track_caller]
    fn check(svg: &str, expected: &[&str]) {
        let keywords = keywords(svg.as_bytes()).unwrap();
        assert_eq!(keywords.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[track_caller]
    fn check_list(items: &str, expected: &[&str]) {
        check(&svg(&format!("<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>")), expected);
    }

    #[test]
    fn a_list() {
        check_list("<rdf:li>bird</rdf:li><rdf:li>animal</rdf:li>", &["animal", "bird"]);
        check_list("<rdf:li>bird</rdf:li><rdf:li>bird</rdf:li><rdf:li/><rdf:li></rdf:li>", &["bird"]);
        check_list("", &[]);
    }

    #[test]
    fn no_list_and_several() {
        check(&svg("<dc:subject>bird, animal</dc:subject>"), &["animal", "bird"]);
        let subject = "<dc:subject><rdf:Seq><rdf:li>bird</rdf:li></rdf:Seq></dc:subject>";
        check(&svg(&format!("{subject}<dc:subject>animal</dc:subject>")), &["animal", "bird"]);
        check(&svg("<dc:subject/>"), &[]);
        check(&svg(""), &[]);
        check("<svg/>", &[]);
    }

    #[test]
    fn blanks_line_ends_and_commas() {
        check_list("<rdf:li>  palm\n\t tree </rdf:li>", &["palm tree"]);
        check_list("<rdf:li>rome,italy</rdf:li><rdf:li> , ,x,</rdf:li>", &["italy", "rome", "x"]);
        check_list("<rdf:li>Signs_and_Symbols</rdf:li>", &["Signs_and_Symbols"]);
    }

    #[test]
    fn entities_comments_and_sections() {
        check_list("<rdf:li>salt &amp; pepper</rdf:li>", &["salt & pepper"]);
        check_list(
            "<rdf:li>&#233;toile</rdf:li><rdf:li>&amp;eacute;toile</rdf:li>",
            &["&eacute;toile", "étoile"],
        );
        check_list("<rdf:li>bi<!-- no -->rd</rdf:li><rdf:li><![CDATA[a<b]]></rdf:li>", &["a<b", "bird"]);
        let dtd = format!(r#"<!DOCTYPE svg [<!ENTITY dc "{DUBLIN_CORE}"><!ENTITY b "bird">]>"#);
        check(&format!(r#"{dtd}<svg xmlns:d="&dc;"><d:subject>&b;</d:subject></svg>"#), &["bird"]);
    }

    #[test]
    fn a_namespace_counts_and_its_prefix_does_not() {
        check(&format!(r#"<svg><subject xmlns="{DUBLIN_CORE}">bird</subject></svg>"#), &["bird"]);
        check(r#"<svg xmlns:dc="http://example.org/"><dc:subject>bird</dc:subject></svg>"#, &[]);
    }

    #[test]
    fn a_byte_order_mark_is_no_content() {
        check(&format!("\u{feff}{}", svg("<dc:subject>bird</dc:subject>").trim_start()), &["bird"]);
    }

    #[test]
    fn what_is_no_xml_is_an_error() {
        let whole = svg("<dc:subject>bird</dc:subject>");
        for bad in ["", "plain", "<svg>", &whole[..whole.len() - 3], "<svg>&eacute;</svg>", "<dc:subject/>"] {
            assert!(keywords(bad.as_bytes()).is_err(), "{bad}");
        }
        let latin = keywords(b"<svg>\xe9</svg>").unwrap_err();
        assert_eq!(latin.to_string(), "it is not UTF-8");
    }

    #[test]
    fn entities_that_grow_without_end_are_an_error() {
        let mut dtd = r#"<!ENTITY e0 "bird">"#.to_owned();
        for level in 1..40 {
            let before = format!("&e{};", level - 1).repeat(10);
            dtd += &format!(r#"<!ENTITY e{level} "{before}">"#);
        }
        let bomb = format!("<!DOCTYPE svg [{dtd}]><svg>&e39;</svg>");
        assert!(keywords(bomb.as_bytes()).is_err());
    }
}
