//! JSON as a board of Danbooru's kind writes it.

use serde_json::{Value, json};

use crate::world::{BooruPost, BooruShape, date};

/// The categories of tags, in the order of their members.
const CATEGORIES: [&str; 5] = ["general", "artist", "character", "copyright", "meta"];

/// The members that a post can have: who asks for others has misread.
pub(crate) const MEMBERS: [&str; 36] = [
    "id",
    "created_at",
    "updated_at",
    "uploader_id",
    "approver_id",
    "score",
    "up_score",
    "down_score",
    "fav_count",
    "source",
    "md5",
    "rating",
    "image_width",
    "image_height",
    "file_ext",
    "file_size",
    "parent_id",
    "pixiv_id",
    "has_children",
    "has_large",
    "is_deleted",
    "is_banned",
    "is_pending",
    "is_flagged",
    "bit_flags",
    "tag_count",
    "tag_string",
    "tag_string_general",
    "tag_string_artist",
    "tag_string_character",
    "tag_string_copyright",
    "tag_string_meta",
    "media_asset",
    "file_url",
    "large_file_url",
    "preview_file_url",
];

/// A listing: of each post the members that were asked for. `host` is where the board itself is.
pub(crate) fn posts(posts: &[BooruPost], host: &str, only: Option<&[&str]>) -> String {
    let posts: Vec<String> = posts.iter().map(|post| self::post(post, host, only)).collect();
    format!("[{}]", posts.join(","))
}

/// A post alone.
pub(crate) fn post(post: &BooruPost, host: &str, only: Option<&[&str]>) -> String {
    let is_wanted = |name: &str| only.is_none_or(|only| only.contains(&name));
    let members: Vec<String> = members(post, host)
        .into_iter()
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// An answer that says no.
pub(crate) fn error(error: &str, message: &str) -> String {
    json!({ "success": false, "error": error, "message": message }).to_string()
}

fn members(post: &BooruPost, host: &str) -> Vec<(&'static str, Value)> {
    let BooruPost { id, created, up, down, shape, .. } = post;
    let tags_of = |category: Option<&str>| {
        let of = |(_, other): &&(String, Option<&str>)| category.is_none() || category == *other;
        let tags: Vec<&str> = post.tags.iter().filter(of).map(|(tag, _)| tag.as_str()).collect();
        tags.join(" ")
    };
    let url = |path: String| match shape {
        Some(BooruShape::PathsOnly) => json!(format!("/{path}")),
        Some(BooruShape::NoScheme) => json!(format!("//{host}/{path}")),
        _ => json!(format!("http://{host}/{path}")),
    };
    let nulls = *shape == Some(BooruShape::Nulls);
    let mut members = vec![
        ("id", json!(id.0)),
        ("created_at", json!(iso(*created))),
        ("updated_at", json!(iso(created + 60))),
        ("uploader_id", json!(post.uploader_id)),
        ("approver_id", Value::Null),
        ("score", json!(up - down)),
        ("up_score", json!(up)),
        ("down_score", json!(-down)),
        ("fav_count", json!(up / 2)),
        ("source", if nulls { Value::Null } else { json!(post.source) }),
        ("rating", json!(post.rating)),
        ("image_width", json!(post.width)),
        ("image_height", json!(post.height)),
        ("file_ext", json!(post.extension)),
        ("file_size", json!(20_000)),
        ("parent_id", Value::Null),
        ("pixiv_id", Value::Null),
        ("has_children", json!(false)),
        ("has_large", json!(false)),
        ("is_deleted", json!(post.is_deleted)),
        ("is_banned", json!(!post.is_visible)),
        ("is_pending", json!(false)),
        ("is_flagged", json!(false)),
        ("bit_flags", json!(0)),
        ("tag_count", json!(post.tags.len())),
        ("tag_string", json!(tags_of(None))),
    ];
    if *shape != Some(BooruShape::OneTagString) {
        let names = MEMBERS.iter().filter(|name| name.starts_with("tag_string_"));
        members.extend(names.zip(CATEGORIES).map(|(name, category)| (*name, json!(tags_of(Some(category))))));
    }
    if *shape != Some(BooruShape::NoRenditions) {
        let mut asset = json!({ "id": id.0 + 70, "status": "active", "is_public": post.is_visible });
        if post.is_visible {
            let variant = |kind: &str, path: String, extension: &str| json!({ "type": kind, "url": url(path), "width": post.width, "height": post.height, "file_ext": extension });
            asset["variants"] = json!([
                variant("180x180", post.thumb(), "jpg"),
                variant("720x720", post.rendition(), "webp"),
                variant("original", post.original(), post.extension),
            ]);
        }
        members.push(("media_asset", asset));
    }
    // Members, not their values, are missing of what may not be seen.
    if post.is_visible {
        members.push(("md5", json!(post.md5)));
        members.push(("file_url", url(post.original())));
        members.push(("large_file_url", url(post.original())));
        members.push(("preview_file_url", url(post.thumb())));
    }
    if *shape == Some(BooruShape::Repeated) && post.is_visible {
        let variants = json!([null, 7, { "type": "720x720", "url": url(post.rendition()) }]);
        members.extend([("id", json!(id.0)), ("media_asset", json!({ "variants": variants }))]);
    }
    members
}

/// `2024-01-01T04:10:00.176-04:00`.
fn iso(seconds: i64) -> String {
    let local = seconds - 4 * 3600;
    let (year, month, day) = date(local);
    let second = local.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.176-04:00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, WorldConfig};

    /// However odd, it is JSON, with all members that were asked for and none besides.
    #[test]
    fn every_shape_is_json() {
        let world = World::new(WorldConfig { odd_share: 1.0, items: 300, ..WorldConfig::default() });
        for id in world.ids() {
            let post = world.booru_post(id).unwrap();
            let whole: Value = serde_json::from_str(&self::post(&post, "127.0.0.1:1", None)).unwrap();
            assert_eq!(whole["id"], id.0);
            assert_eq!(whole.get("file_url").is_some(), post.is_visible);
            assert!(whole.as_object().unwrap().keys().all(|name| MEMBERS.contains(&name.as_str())));
            let some = self::post(&post, "127.0.0.1:1", Some(&["id", "rating"]));
            let some: Value = serde_json::from_str(&some).unwrap();
            assert_eq!(some.as_object().unwrap().len(), 2);
        }
    }

    #[test]
    fn times_have_their_offset() {
        assert_eq!(iso(1_704_067_200), "2023-12-31T20:00:00.176-04:00");
        assert_eq!(iso(1_709_182_799), "2024-02-29T00:59:59.176-04:00");
    }
}
