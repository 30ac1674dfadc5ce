//! What people write under a post.

use tagmill_model::ItemId;

use super::listing::{any_user, user_mark, user_name};
use super::{World, wilson};
use crate::random::Purpose;

/// A comment under a post.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// The comment's number.
    pub id: i64,
    /// The comment it answers; 0 when none.
    pub parent: i64,
    /// Text, with CR LF between lines; may be empty.
    pub content: String,
    /// When it was written, Unix seconds.
    pub created: i64,
    /// Up votes.
    pub up: u32,
    /// Down votes.
    pub down: u32,
    /// Lower bound of the Wilson interval of the votes.
    pub confidence: f64,
    /// Who wrote it.
    pub name: String,
    /// The writer's rank.
    pub mark: i64,
}

const TEXTS: [&str; 12] = [
    "Schön.",
    "Erste Zeile\r\nzweite Zeile",
    "kenn ich schon",
    "",
    "Quelle? https://example.org/a/b",
    "🤔🤔",
    "\"Zitat\" & mehr </script>",
    "Das ist doch kein Haus",
    "plus",
    "why not both",
    "日本語もある",
    "Ich habe gerade sehr lange über dieses Bild nachgedacht und nichts gefunden, was ich dazu sagen könnte.",
];

impl World {
    /// What people wrote under a post.
    pub(super) fn comments(&self, id: ItemId) -> Vec<Comment> {
        let mut rng = self.rng(Purpose::Comments, id);
        let most = if rng.chance(0.02) { 60 } else { 6 };
        let first = 70_000_000 + id.0 * 64;
        let posted = self.created(id);
        let mut comments: Vec<Comment> = Vec::new();
        for i in 0..rng.below(most) as i64 {
            let parent = if rng.chance(0.4) { rng.below(i as u64 + 1) as i64 } else { 0 };
            let (up, down) =
                (1 + rng.below(12).min(rng.below(12)) as u32, rng.below(4).min(rng.below(4)) as u32);
            let user = any_user(&mut rng);
            comments.push(Comment {
                id: first + i,
                parent: if parent == 0 { 0 } else { first + parent - 1 },
                content: rng.pick(&TEXTS).to_owned(),
                created: posted + 30 + i * 97,
                up,
                down,
                confidence: wilson(up, down),
                name: user_name(self.config.seed, user),
                mark: user_mark(self.config.seed, user),
            });
        }
        comments
    }
}
