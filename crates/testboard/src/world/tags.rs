//! The tags that people give a post: what they see, what they miss, what they get wrong, and what is no picture's content.

use tagmill_model::{Flags, ItemId};

use super::{Format, InfoShape, Media, World};
use crate::concept::Concept;
use crate::random::{Purpose, Rng};

/// A tag on a post.
#[derive(Debug, Clone, PartialEq)]
pub struct PostTag {
    /// The number of this tag on this post; grows with the time it was added.
    pub id: i64,
    /// As it was typed.
    pub text: String,
    /// Up votes.
    pub up: u32,
    /// Down votes.
    pub down: u32,
    /// Lower bound of the Wilson interval of the votes, 6 decimals.
    pub confidence: f64,
}

/// Lower bound of the 95 % Wilson interval of `up` of `up + down` votes, 6 decimals; 0 without votes.
/// E. B. Wilson, Probable Inference, JASA 22 (1927), <https://doi.org/10.1080/01621459.1927.10502953>.
pub fn wilson(up: u32, down: u32) -> f64 {
    const Z: f64 = 1.96;
    let n = f64::from(up) + f64::from(down);
    if up == 0 {
        return 0.0;
    }
    let p = f64::from(up) / n;
    let z2 = Z * Z;
    let bound = (p + z2 / (2.0 * n) - Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt()) / (1.0 + z2 / n);
    (bound * 1e6).round() / 1e6
}

/// Tags that say nothing on what is to be seen, with weights.
const NOT_VISUAL: [(u32, &str); 26] = [
    (40, "repost"),
    (20, "richtiges grau"),
    (14, "OC"),
    (14, "süßvater"),
    (12, "kann weg"),
    (12, "loop"),
    (10, "Montag"),
    (8, "achtung laut"),
    (8, "1337"),
    (8, "🤔"),
    (6, "Repost"),
    (6, "lag im Speicher"),
    (5, "kein \"Repost\""),
    (5, "9.800円"),
    (4, "<b>fett</b> & mehr"),
    (4, "c++"),
    (4, "=1+1"),
    (4, "#hashtag"),
    (3, "';--"),
    (3, "50% mehr; alles/nichts"),
    (3, "日本"),
    (3, "👨‍👩‍👧"),
    (3, "Straße ⟷ Gasse"),
    (2, "@jemand"),
    (2, "-minus"),
    (2, "C:\\temp"),
];

/// How people voted on a tag, which depends on what it is.
#[derive(Clone, Copy)]
enum Sentiment {
    Agreed,
    Indifferent,
    Rejected,
}

impl World {
    /// A post's tags; `None` for a gap.
    pub(super) fn tags(&self, id: ItemId) -> Option<Vec<PostTag>> {
        let media = self.media(id)?;
        let concepts = self.scene_in(id, media).concepts;
        let mut rng = self.rng(Purpose::Tags, id);
        // Votes a tag gets: a small share of those on the post.
        let voters = self.popularity(id, self.promoted(id)) * 0.12;
        let mut texts: Vec<(String, Sentiment)> = Vec::with_capacity(24);
        // What the board itself adds.
        if media.format == Format::Mp4 {
            texts.push(("video".to_owned(), Sentiment::Indifferent));
        }
        if media.audio {
            texts.push(("sound".to_owned(), Sentiment::Indifferent));
        }
        if media.format == Format::Gif {
            texts.push(("gif".to_owned(), Sentiment::Indifferent));
        }
        // A few posts found nobody who tags.
        let neglect = rng.unit();
        let seen = if neglect < 0.01 {
            0
        } else if neglect < 0.04 {
            2
        } else {
            concepts.len()
        };
        for concept in &concepts[..seen.min(concepts.len())] {
            if !rng.chance(self.config.missing_share) {
                spell(&mut rng, concept.tag(), &mut texts);
            }
        }
        if seen > 0 {
            self.add_noise(&mut rng, id, media, &concepts, &mut texts);
        }
        if self.info_shape(id) == Some(InfoShape::HostileTags) {
            texts.extend(["nul\0l", "", "   "].map(|text| (text.to_owned(), Sentiment::Rejected)));
        }
        let first = 90_000_000 + id.0 * 40;
        let mut tags: Vec<PostTag> = texts
            .into_iter()
            .zip(first..)
            .map(|((text, sentiment), id)| {
                let (up, down) = votes(&mut rng, sentiment, voters);
                PostTag { id, text, up, down, confidence: wilson(up, down) }
            })
            .collect();
        tags.sort_unstable_by(|a, b| lower_case(&a.text).cmp(lower_case(&b.text)).then(a.id.cmp(&b.id)));
        Some(tags)
    }

    fn add_noise(
        &self,
        rng: &mut Rng,
        id: ItemId,
        media: Media,
        concepts: &[Concept],
        texts: &mut Vec<(String, Sentiment)>,
    ) {
        if rng.chance(self.config.wrong_share) {
            let wrong = rng.below(Concept::all().count() as u64) as usize;
            let wrong = Concept::all().nth(wrong).filter(|concept| !concepts.contains(concept));
            texts.extend(wrong.map(|concept| (concept.tag().to_owned(), Sentiment::Rejected)));
        }
        for chance in [0.6, 0.4, 0.2] {
            if rng.chance(chance) {
                texts.push((rng.weighted(&NOT_VISUAL).to_owned(), Sentiment::Indifferent));
            }
        }
        if media.audio && rng.chance(0.3) {
            texts.push(("achtung laut".to_owned(), Sentiment::Indifferent));
        }
        let class = self.flags(id);
        let classes =
            [(Flags::NSFW, "nsfw"), (Flags::NSFL, "nsfl"), (Flags::NSFP, "NSFP"), (Flags::POL, "Politik")];
        for (flag, text) in classes {
            // People say the class although the board does, and sometimes where the board disagrees.
            if rng.chance(if class.contains(flag) { 0.4 } else { 0.004 }) {
                texts.push((text.to_owned(), Sentiment::Indifferent));
            }
        }
    }
}

fn lower_case(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// Writes a tag as people do: mostly plainly, sometimes in another case, sometimes twice.
fn spell(rng: &mut Rng, tag: &str, texts: &mut Vec<(String, Sentiment)>) {
    let mut capital = tag.to_owned();
    capital[..1].make_ascii_uppercase();
    match rng.below(100) {
        0..78 => texts.push((tag.to_owned(), Sentiment::Agreed)),
        78..92 => texts.push((capital, Sentiment::Agreed)),
        92..95 => texts.push((tag.to_uppercase(), Sentiment::Agreed)),
        95..97 => texts.push((format!(" {tag} "), Sentiment::Agreed)),
        _ => {
            texts.push((tag.to_owned(), Sentiment::Agreed));
            texts.push((capital, Sentiment::Indifferent));
        }
    }
}

/// Up and down votes. The first up vote is of the person who added the tag, who rarely takes it back.
fn votes(rng: &mut Rng, sentiment: Sentiment, voters: f64) -> (u32, u32) {
    let (agree, reject) = match sentiment {
        Sentiment::Agreed => (1.6, 0.1),
        Sentiment::Indifferent => (0.5, 0.25),
        Sentiment::Rejected => (0.15, 0.8),
    };
    let own = u32::from(!rng.chance(0.02));
    (own + (voters * agree * rng.unit()) as u32, (voters * reject * rng.unit()) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(up: u32, down: u32, expected: f64) {
        assert!((wilson(up, down) - expected).abs() < 1e-9, "{up}/{down}: {}", wilson(up, down));
    }

    /// The table of the board's API notes.
    #[test]
    fn wilson_agrees_with_the_board() {
        check(1, 0, 0.206543);
        check(2, 0, 0.342372);
        check(3, 0, 0.438494);
        check(4, 0, 0.5101);
        check(5, 0, 0.565509);
        check(6, 0, 0.609657);
        check(10, 0, 0.72246);
        check(20, 0, 0.83887);
        check(50, 0, 0.92865);
        check(100, 0, 0.963005);
        check(1, 1, 0.094529);
        check(2, 1, 0.207655);
        check(1, 2, 0.06149);
        check(5, 5, 0.23659);
        check(0, 7, 0.0);
        check(0, 0, 0.0);
        check(3, 1, 0.300636);
    }
}
