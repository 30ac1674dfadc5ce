//! Whether bytes are a medium, and of which format.

use infer::MatcherType;
use tagmill_http::looks_like_html;
use tagmill_model::picture::{self, BadPicture, Limits};
use tagmill_model::{MediaKind, MediaPath};

/// So many bytes tell the format of any file.
pub(crate) const HEAD: usize = 4096;

/// Extensions of one format, or of formats that differ in nothing a player cares about.
const SAME: [&[&str]; 3] = [&["jpg", "jpeg"], &["mp4", "m4v", "mov"], &["webm", "mkv"]];

/// The usual extension of the format that a file begins with, or what it is in place of a medium.
pub(crate) fn format(head: &[u8]) -> Result<&'static str, &'static str> {
    if head.is_empty() {
        return Err("an empty body");
    }
    if looks_like_html(head) {
        return Err("a web page");
    }
    let found = infer::get(head)
        .filter(|found| matches!(found.matcher_type(), MatcherType::Image | MatcherType::Video));
    found.map(|found| found.extension()).ok_or("bytes of no known picture or video format")
}

/// Whether a path's extension says what the file is.
pub(crate) fn fits(format: &str, path: &MediaPath) -> bool {
    let extension = path.as_str().rsplit_once('.').map_or("", |(_, extension)| extension);
    let is = |known: &&str| known.eq_ignore_ascii_case(extension);
    extension.eq_ignore_ascii_case(format)
        || SAME.iter().any(|same| same.contains(&format) && same.iter().any(is))
}

/// Decodes a picture to its last pixel; of an animation the first frame. Videos are taken as they are.
pub(crate) fn verify(format: &str, bytes: &[u8]) -> Result<(), BadPicture> {
    match MediaKind::of_extension(format) {
        MediaKind::Image => picture::decode(bytes, &Limits::default()).map(drop),
        MediaKind::Video | MediaKind::Other => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], path: &str, expected: Result<(&'static str, bool), &'static str>) {
        let path = MediaPath::parse(path).unwrap();
        assert_eq!(format(head).map(|format| (format, fits(format, &path))), expected, "{path}");
    }

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
        check(jpeg, "a.jpg", Ok(("jpg", true)));
        check(jpeg, "a.JPEG", Ok(("jpg", true)));
        check(jpeg, "a.png", Ok(("jpg", false)));
        check(jpeg, "jpg", Ok(("jpg", false)));
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.png", Ok(("png", true)));
        check(b"GIF89a", "a.gif", Ok(("gif", true)));
        check(b"RIFF\0\0\0\0WEBPVP8 ", "a.jpg", Ok(("webp", false)));
        check(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "a.mp4", Ok(("mp4", true)));
        check(b"\0\0\0\x18ftypqt  \0\0\0\0qt  ", "a.mp4", Ok(("mov", true)));
        check(b"", "a.jpg", Err("an empty body"));
        check(b" \n<!doctype html>", "a.jpg", Err("a web page"));
        check(b"{\"error\":1}", "a.jpg", Err("bytes of no known picture or video format"));
        check(b"PK\x03\x04", "a.jpg", Err("bytes of no known picture or video format"));
    }
}
