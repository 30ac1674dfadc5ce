//! JSON as the board writes it: by hand, in the style of PHP's `json_encode`, with the odd shapes that readers must bear.

use tagmill_model::ItemId;

use crate::world::{Comment, Info, InfoShape, Listing, ListingShape, Page, PostTag, World};

pub(crate) mod danbooru;
mod json;

use json::Json;

/// The host in absolute media paths. The name is reserved (RFC 6761): no request can leave this machine by it.
const ELSEWHERE: &str = "img.testboard.invalid";

/// A page of a listing.
pub(crate) fn page(world: &World, page: &Page, cache: &str) -> String {
    let mut json = Json::with_capacity(256 + page.items.len() * 460);
    json.raw("{\"atEnd\":").boolean(page.at_end).raw(",\"atStart\":").boolean(page.at_start);
    json.raw(",\"error\":null,\"items\":[");
    for (i, listing) in page.items.iter().enumerate() {
        if i > 0 {
            json.raw(",");
        }
        item(&mut json, listing, world.listing_shape(listing.id));
    }
    json.raw("]").envelope(world.now(), Some(cache), 3).raw("}");
    json.finish()
}

/// A listing that failed with status 200.
pub(crate) fn page_error(world: &World, error: &str) -> String {
    let mut json = Json::with_capacity(128);
    json.raw("{\"atEnd\":true,\"atStart\":true,\"error\":").string(error).raw(",\"items\":null");
    json.envelope(world.now(), None, 1).raw("}");
    json.finish()
}

/// An error reply.
pub(crate) fn error(world: &World, error: &str, code: u16, message: &str) -> String {
    let mut json = Json::with_capacity(128);
    json.raw("{\"error\":").string(error).raw(",\"code\":").number(code).raw(",\"msg\":").string(message);
    json.envelope(world.now(), None, 0).raw("}");
    json.finish()
}

/// Whether the asker is logged in.
pub(crate) fn logged_in(world: &World, yes: bool) -> String {
    let mut json = Json::with_capacity(96);
    json.raw("{\"loggedIn\":").boolean(yes).envelope(world.now(), None, 1).raw("}");
    json.finish()
}

/// A captcha; the picture is a PNG in base64.
pub(crate) fn captcha(world: &World, token: &str, picture: &str) -> String {
    let mut json = Json::with_capacity(160 + picture.len() * 17 / 16);
    json.raw("{\"token\":").string(token).raw(",\"captcha\":");
    json.string(&format!("data:image/png;base64,{picture}")).envelope(world.now(), None, 1).raw("}");
    json.finish()
}

/// A login that succeeded.
pub(crate) fn logged_in_as(world: &World, identifier: &str) -> String {
    let mut json = Json::with_capacity(192);
    json.raw("{\"success\":true,\"identifier\":").string(identifier).raw(",\"ban\":null,\"nonce\":null");
    json.raw(",\"settings\":{\"themeId\":0,\"showAds\":false}").envelope(world.now(), None, 5).raw("}");
    json.finish()
}

/// A login that failed.
pub(crate) fn login_failed(world: &World, error: &str) -> String {
    let mut json = Json::with_capacity(160);
    json.raw("{\"success\":false,\"error\":").string(error).raw(",\"ban\":null,\"nonce\":null,\"code\":400");
    json.envelope(world.now(), None, 1).raw("}");
    json.finish()
}

/// A login to an account that is banned for ever.
pub(crate) fn login_banned(world: &World, user: i64) -> String {
    let mut json = Json::with_capacity(160);
    json.raw(
        "{\"success\":false,\"ban\":{\"banned\":true,\"reason\":\"Regel #99\",\"till\":null,\"userId\":",
    );
    json.number(user).raw("}").envelope(world.now(), None, 3).raw("}");
    json.finish()
}

/// The value of a `me` cookie, before it is encoded. The member `a` occurs twice, as it does on the real board.
pub(crate) fn me(name: &str, id: &str, verified: bool, pp: i64) -> String {
    let mut json = Json::with_capacity(128);
    json.raw("{\"n\":").string(name).raw(",\"id\":").string(id).raw(",\"a\":0,\"a\":1,\"pp\":").number(pp);
    json.raw(if verified { ",\"paid\":true,\"verified\":true}" } else { ",\"paid\":true}" });
    json.finish()
}

/// A post's tags and comments.
pub(crate) fn info(world: &World, id: ItemId, info: &Info) -> String {
    let shape = world.info_shape(id);
    let mut json = Json::with_capacity(256 + info.tags.len() * 72 + info.comments.len() * 240);
    json.raw("{\"tags\":[");
    for (i, tag) in info.tags.iter().enumerate() {
        if i > 0 {
            json.raw(",");
        }
        self::tag(&mut json, tag, shape);
    }
    json.raw("]");
    if shape != Some(InfoShape::MissingMembers) {
        json.raw(",\"comments\":[");
        for (i, comment) in info.comments.iter().enumerate() {
            if i > 0 {
                json.raw(",");
            }
            self::comment(&mut json, comment, shape);
        }
        json.raw("]");
    }
    json.envelope(world.now(), Some(&format!("item:{id}")), 2).raw("}");
    json.finish()
}

fn tag(json: &mut Json, tag: &PostTag, shape: Option<InfoShape>) {
    let quoted = shape == Some(InfoShape::NumericStrings);
    json.raw("{\"id\":").maybe_quoted(tag.id, quoted);
    match shape {
        Some(InfoShape::Nulls) if tag.confidence == 0.0 => json.raw(",\"confidence\":null"),
        // Out of range, and meaning nothing.
        Some(InfoShape::HostileTags) if tag.confidence == 0.0 => json.raw(",\"confidence\":-0.01"),
        Some(InfoShape::MissingMembers) if tag.confidence == 0.0 => json.raw(",\"extra\":true"),
        _ => {
            let quote = if quoted { "\"" } else { "" };
            json.raw(",\"confidence\":").raw(quote).share(tag.confidence).raw(quote)
        }
    };
    json.raw(",\"tag\":").string(&tag.text).raw("}");
}

fn comment(json: &mut Json, comment: &Comment, shape: Option<InfoShape>) {
    let quoted = shape == Some(InfoShape::NumericStrings);
    let nulls = shape == Some(InfoShape::Nulls);
    json.raw("{\"id\":").maybe_quoted(comment.id, quoted).raw(",\"parent\":");
    if nulls && comment.parent == 0 {
        json.raw("null")
    } else {
        json.number(comment.parent)
    };
    json.raw(",\"content\":").string(&comment.content);
    json.raw(",\"created\":").number(comment.created);
    json.raw(",\"up\":").maybe_quoted(comment.up, quoted).raw(",\"down\":").number(comment.down);
    if !nulls {
        json.raw(",\"confidence\":").share(comment.confidence);
    }
    json.raw(",\"name\":").string(&comment.name).raw(",\"mark\":").number(comment.mark).raw("}");
}

fn item(json: &mut Json, listing: &Listing, shape: Option<ListingShape>) {
    let quoted = shape == Some(ListingShape::NumericStrings);
    let nulls = shape == Some(ListingShape::Nulls);
    let old = shape == Some(ListingShape::MissingMembers);
    json.raw("{\"id\":").maybe_quoted(listing.id.0, quoted);
    json.raw(",\"promoted\":");
    if nulls && listing.promoted == 0 {
        json.raw("null")
    } else {
        json.maybe_quoted(listing.promoted, quoted)
    };
    if !old {
        json.raw(",\"userId\":").number(listing.user_id);
    }
    json.raw(",\"up\":").maybe_quoted(listing.up, quoted).raw(",\"down\":").number(listing.down);
    json.raw(",\"created\":").maybe_quoted(listing.created, quoted).raw(",\"image\":");
    if shape == Some(ListingShape::AbsolutePath) {
        json.string(&format!("//{ELSEWHERE}/{}", listing.image));
    } else {
        json.string(&listing.image);
    }
    json.raw(",\"thumb\":").string(&listing.thumb).raw(",\"fullsize\":");
    if nulls && listing.fullsize.is_empty() {
        json.raw("null")
    } else {
        json.string(&listing.fullsize)
    };
    if !old {
        json.raw(",\"preview\":");
        match &listing.preview {
            Some(preview) => json.string(preview),
            None => json.raw("null"),
        };
    }
    if nulls {
        json.raw(",\"width\":null,\"height\":0");
    } else if !old {
        json.raw(",\"width\":").maybe_quoted(listing.width, quoted);
        json.raw(",\"height\":").maybe_quoted(listing.height, quoted);
    }
    let digit = if listing.audio { "1" } else { "0" };
    match shape {
        Some(ListingShape::MissingMembers) if !listing.audio => json.raw(""),
        Some(ListingShape::NumericBools) => json.raw(",\"audio\":").raw(digit),
        Some(ListingShape::NumericStrings) => json.raw(",\"audio\":\"").raw(digit).raw("\""),
        Some(ListingShape::Nulls) if !listing.audio => json.raw(",\"audio\":null"),
        _ => json.raw(",\"audio\":").boolean(listing.audio),
    };
    json.raw(",\"source\":");
    if nulls && listing.source.is_empty() {
        json.raw("null")
    } else {
        json.string(&listing.source)
    };
    json.raw(",\"flags\":")
        .maybe_quoted(listing.flags.bits(), quoted)
        .raw(",\"user\":")
        .string(&listing.user);
    json.raw(",\"mark\":").number(listing.mark);
    match shape {
        Some(ListingShape::MissingMembers) => json.raw("}"),
        Some(ListingShape::NumericBools) => {
            let repost = if listing.repost { "\"1\"" } else { "\"0\"" };
            json.raw(",\"deleted\":0,\"repost\":").raw(repost).raw(",\"variants\":[]}")
        }
        Some(ListingShape::Nulls) => json
            .raw(",\"gift\":null,\"repost\":")
            .boolean(listing.repost)
            .raw(",\"variants\":null,\"subtitles\":null}"),
        Some(ListingShape::UnknownMembers) => {
            json.raw(",\"gift\":0,\"repost\":").boolean(listing.repost);
            json.raw(",\"somethingNew\":{\"x\":[1,2,{\"id\":7}]},\"variants\":[],\"subtitles\":[]}")
        }
        _ => {
            json.raw(",\"repost\":").boolean(listing.repost).raw(",\"variants\":");
            variants(json, listing);
            json.raw(",\"subtitles\":[]}")
        }
    };
}

fn variants(json: &mut Json, listing: &Listing) {
    json.raw("[");
    for (i, variant) in listing.variants.iter().enumerate() {
        json.raw(if i > 0 { ",{\"name\":" } else { "{\"name\":" }).string(variant.name);
        json.raw(",\"path\":").string(&variant.path);
        json.raw(",\"mimeType\":\"video\\/mp4\",\"codec\":").string(if variant.name == "vp9" {
            "vp9"
        } else {
            "h264"
        });
        json.raw(",\"width\":").number(listing.width).raw(",\"height\":").number(listing.height);
        json.raw(",\"bitRate\":null,\"fileSize\":");
        match variant.file_size {
            Some(size) => json.number(size),
            None => json.raw("null"),
        };
        json.raw("}");
    }
    json.raw("]");
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::WorldConfig;

    /// However odd, it is JSON, and the id can be read.
    #[test]
    fn every_shape_is_json() {
        let world = World::new(WorldConfig { odd_share: 1.0, items: 600, ..WorldConfig::default() });
        for id in world.ids() {
            let post = world.item(id).unwrap();
            let text = info(&world, id, &world.info(id).unwrap());
            let info: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(info["tags"].as_array().unwrap().len(), post.tags.len());
            let page_of_one = Page { items: vec![post.listing], at_end: true, at_start: true };
            let listing: Value = serde_json::from_str(&page(&world, &page_of_one, "")).unwrap();
            let found = &listing["items"][0]["id"];
            let found = found.as_i64().or_else(|| found.as_str()?.parse().ok());
            assert_eq!(found, Some(id.0));
        }
    }
}
