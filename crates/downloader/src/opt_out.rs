//! Whether a host wants a file to be left alone by who trains models.
//!
//! - `X-Robots-Tag: noai` or `noimageai`, as DeviantArt began it and img2dataset honours it; for all, or after `tagmill:` for
//!   us alone. What is said to another agent is not ours.
//! - `tdm-reservation: 1`, the [TDM Reservation Protocol](https://www.w3.org/community/tdmrep/).

use tagmill_http::header::HeaderMap;

/// The name that rules for one agent would have for us.
const AGENT: &str = "tagmill";

/// Rules of `X-Robots-Tag` that have a value, and so a colon that ends no agent's name.
const WITH_VALUE: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

/// The header that says so, as `name: rule`.
pub(crate) fn opt_out(headers: &HeaderMap) -> Option<String> {
    let values = |name: &'static str| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let robots = values("x-robots-tag").find_map(forbidden).map(|rule| format!("x-robots-tag: {rule}"));
    robots.or_else(|| {
        values("tdm-reservation").any(|value| value.trim() == "1").then(|| "tdm-reservation: 1".to_owned())
    })
}

/// The rule of an `X-Robots-Tag` that forbids us to train.
fn forbidden(value: &str) -> Option<&'static str> {
    let mut is_ours = true;
    for rule in value.split(',') {
        let rule = match rule.split_once(':') {
            Some((name, _)) if WITH_VALUE.iter().any(|known| name.trim().eq_ignore_ascii_case(known)) => {
                continue;
            }
            // An agent's name is for all rules behind it.
            Some((agent, rule)) => {
                is_ours = agent.trim().eq_ignore_ascii_case(AGENT);
                rule
            }
            None => rule,
        };
        let found = ["noai", "noimageai"].into_iter().find(|known| rule.trim().eq_ignore_ascii_case(known));
        if is_ours && found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tagmill_http::header::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(lines: &[(&'static str, &'static str)], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(opt_out(&headers).as_deref(), expected, "{lines:?}");
    }

    #[test]
    fn rules_for_all_and_for_us_count() {
        check(&[], None);
        check(&[("x-robots-tag", "noai")], Some("x-robots-tag: noai"));
        check(&[("x-robots-tag", "noindex, NoImageAI")], Some("x-robots-tag: noimageai"));
        check(&[("x-robots-tag", "noindex"), ("x-robots-tag", "noai")], Some("x-robots-tag: noai"));
        check(&[("x-robots-tag", "Tagmill: noindex, noai")], Some("x-robots-tag: noai"));
        check(&[("x-robots-tag", "noindex, nofollow, noairline")], None);
        check(&[("x-robots-tag", "otherbot: noai, noimageai")], None);
        check(&[("x-robots-tag", "otherbot: noindex, tagmill: noai")], Some("x-robots-tag: noai"));
        check(
            &[("x-robots-tag", "unavailable_after: 25 Jun 2026 15:00:00 PST, noai")],
            Some("x-robots-tag: noai"),
        );
        check(&[("tdm-reservation", "1")], Some("tdm-reservation: 1"));
        check(&[("tdm-reservation", "0")], None);
    }
}
