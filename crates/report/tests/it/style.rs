//! Whether what is written can be read: the colours of the style, by WCAG 2.2.

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../../src/page.css");

/// The custom properties of a `:root { ... }`, the light one or the dark one.
fn colours(scheme: &str) -> BTreeMap<&str, [u8; 3]> {
    let start = STYLE.find(&format!("color-scheme: {scheme};")).unwrap();
    let rules = &STYLE[start..start + STYLE[start..].find('}').unwrap()];
    rules
        .split(';')
        .filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(": #"))
        .map(|(name, hex)| {
            let part = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (name, [part(0), part(2), part(4)])
        })
        .collect()
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [red, green, blue] = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn colours_stand_out_in_both_schemes() {
    for scheme in ["light", "dark"] {
        let colours = colours(scheme);
        let check = |name: &str, ground: &str, least: f64| {
            let found = contrast(colours[name], colours[ground]);
            assert!(found >= least, "{name} on {ground} in the {scheme} scheme: {found:.2}");
        };
        for ground in ["ground", "card"] {
            // Level AA: 4.5 for text, 3 for what is drawn.
            for text in ["ink", "quiet", "accent", "hit", "false-alarm", "miss"] {
                check(text, ground, 4.5);
            }
            for hue in 0..6 {
                check(&format!("hue-{hue}"), ground, 3.0);
            }
        }
        check("accent", "track", 3.0);
    }
}
