use reqwest::StatusCode;
use tagmill_testboard::Format;

use crate::client::{client, config, media, picture, start};

#[tokio::test]
async fn every_file_of_every_format_is_served() {
    let board = start(config(120));
    let world = board.world();
    for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Gif, Format::Mp4] {
        let id = world.ids().find(|id| world.media(*id).unwrap().format == format).unwrap();
        let listing = world.listing(id).unwrap();
        let response = media(&board, &listing.image).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], format.mime_type());
        let length = response.content_length();
        let bytes = response.bytes().await.unwrap();
        assert_eq!(length, Some(bytes.len() as u64));
        assert_eq!(bytes, world.media_bytes(id).unwrap());
        let thumb = media(&board, &listing.thumb).send().await.unwrap();
        assert_eq!(thumb.headers()["content-type"], "image/jpeg");
        let thumb = image::load_from_memory(&thumb.bytes().await.unwrap()).unwrap();
        assert!(format == Format::Jpeg || thumb.width() == 128);
        for path in listing.preview.iter().chain(listing.variants.iter().map(|variant| &variant.path)) {
            let clip = media(&board, path.trim_start_matches('/')).send().await.unwrap();
            assert_eq!(clip.headers()["content-type"], "video/mp4");
        }
    }
}

#[tokio::test]
async fn head_tells_the_length_without_the_body() {
    let board = start(config(60));
    let url = format!("{}/{}", board.media_url(), picture(&board));
    let head = client().head(&url).send().await.unwrap();
    let length = head.headers()["content-length"].clone();
    let get = client().get(&url).send().await.unwrap();
    assert_eq!(get.headers()["content-length"], length);
    assert_eq!(get.headers()["etag"], head.headers()["etag"]);
    assert!(head.bytes().await.unwrap().is_empty());
    let stats = board.stats();
    assert_eq!((stats.head_requests, stats.media_requests, stats.media_answers), (1, 1, 1));
}

#[tokio::test]
async fn ranges_are_parts_of_the_whole() {
    let board = start(config(60));
    let path = picture(&board);
    let whole = media(&board, &path).send().await.unwrap().bytes().await.unwrap();
    let n = whole.len();
    for (range, first, end) in
        [("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=300-", 300, n), ("bytes=-50", n - 50, n)]
    {
        let part = media(&board, &path).header("range", range).send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()["content-range"], format!("bytes {first}-{}/{n}", end - 1));
        assert_eq!(part.bytes().await.unwrap(), whole[first..end]);
    }
    let beyond = media(&board, &path).header("range", format!("bytes={n}-")).send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{n}"));
    assert_eq!(board.stats().range_answers, 4);
}

#[tokio::test]
async fn conditions_are_kept() {
    let board = start(config(60));
    let path = picture(&board);
    let first = media(&board, &path).send().await.unwrap();
    let (tag, date) = (first.headers()["etag"].clone(), first.headers()["last-modified"].clone());
    for condition in [&tag, &date] {
        let same = media(&board, &path)
            .header("range", "bytes=1-")
            .header("if-range", condition)
            .send()
            .await
            .unwrap();
        assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
    }
    let other =
        media(&board, &path).header("range", "bytes=1-").header("if-range", "\"else\"").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    let unchanged = media(&board, &path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let board = start(config(60));
    for path in ["2024/01/01/0123456789abcdef.jpg", "2024/01/01/short.jpg", "1", "2024/%00"] {
        let response = media(&board, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(response.text().await.unwrap().contains("<html>"));
    }
    let posted = client().post(format!("{}/{}", board.media_url(), picture(&board))).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}
