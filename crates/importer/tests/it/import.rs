//! `run` as an embedder calls it, on real files and a real database in a temporary folder.

use std::fs;

use tagmill_importer::{Config, Error, FolderTags, Placing, Source};
use tagmill_model::{Flags, Item, ItemId, Outcome, StageReport};
use tagmill_store::{Batch, Reader, Store};

use crate::common::{Place, counts, faults, import};

#[tokio::test]
async fn a_folder_becomes_items_and_media() {
    let place = Place::new();
    place.tagged("b.jpg", 1, "cat, red sofa");
    place.tagged("a/c.png", 2, "dog\ncat\nred, and green\n");
    place.picture("a/misnamed.gif", 3);
    fs::rename(place.at("a/misnamed.gif"), place.at("a/misnamed.jpg")).unwrap();
    place.write("a/misnamed.jpg.txt", "one");
    place.write("clip.mp4", "");
    place.write("notes.md", "");
    let report = import(&place.config()).await.unwrap();
    assert_eq!(counts(&report), [3, 3, 0, 0, 0]);
    assert_eq!(
        (report.outcome(), report.failed(), report.videos, report.other_files),
        (Outcome::Completed, 0, 1, 1)
    );
    assert_eq!((report.media.linked, report.media.copied), (3, 0));
    assert_eq!(
        place.rows().await,
        [
            "1: cat | red sofa; sfw; 8x6; b.jpg",
            "2: dog | cat | red, and green; sfw; 8x6; a/c.png",
            "3: one; sfw; 8x6; a/misnamed.jpg",
        ]
    );
    let media = place.media();
    assert_eq!(media.len(), 3);
    // The extension is what the file is.
    assert_eq!(media.iter().filter(|name| name.ends_with(".gif")).count(), 1, "{media:?}");
}

async fn listed(place: &Place, items: i64) -> Vec<Item> {
    let reader = Reader::open(&place.data("items.db")).await.unwrap();
    let ids: Vec<ItemId> = (1..=items).map(ItemId).collect();
    let listed = reader.listed(&ids).await.unwrap();
    reader.close().await;
    listed
}

/// Makes all rows look as if they had been written long ago.
async fn age(place: &Place, items: i64) {
    let items = listed(place, items).await.into_iter().map(|item| Item { updated_at: 1, ..item }).collect();
    let mut store = Store::open(&place.data("items.db")).await.unwrap();
    store.commit(Batch { items, ..Batch::new(Flags::empty()) }).await.unwrap();
    store.close().await.unwrap();
}

/// The rows that were written since [`age`].
async fn written_since(place: &Place, items: i64) -> Vec<ItemId> {
    let mut ids: Vec<ItemId> =
        listed(place, items).await.iter().filter(|item| item.updated_at != 1).map(|item| item.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn twice_is_once_and_changes_are_brought_up_to_date() {
    let place = Place::new();
    for n in 0..9 {
        place.tagged(&format!("{n}.png"), n, &format!("tag {n}, all"));
    }
    let config = Config { batch_size: 4, ..place.config() };
    import(&config).await.unwrap();
    let (rows, media) = (place.rows().await, place.media());
    age(&place, 9).await;
    let again = import(&config).await.unwrap();
    assert_eq!(counts(&again), [9, 0, 0, 9, 0]);
    assert_eq!((again.media.linked, again.media.present), (0, 9));
    assert_eq!((place.rows().await, place.media()), (rows.clone(), media.clone()));
    assert_eq!(written_since(&place, 9).await, [], "rows were written");

    place.write("4.txt", "other");
    place.picture("new.png", 100);
    place.write("new.txt", "fresh");
    let third = import(&config).await.unwrap();
    assert_eq!(counts(&third), [10, 1, 1, 8, 0]);
    let mut expected = rows;
    expected[4] = "5: other; sfw; 8x6; 4.png".to_owned();
    expected.push("10: fresh; sfw; 8x6; new.png".to_owned());
    assert_eq!(place.rows().await, expected);
    assert_eq!(written_since(&place, 10).await, [ItemId(5), ItemId(10)]);

    // A picture that is gone keeps its item, and one that was renamed keeps its number.
    fs::remove_file(place.at("0.png")).unwrap();
    fs::remove_file(place.at("0.txt")).unwrap();
    let fourth = import(&config).await.unwrap();
    assert_eq!((counts(&fourth), place.rows().await.len()), ([9, 0, 0, 9, 0], 10));
}

#[tokio::test]
async fn tags_that_are_gone_go_from_the_item_too() {
    let place = Place::new();
    place.tagged("a.png", 1, "cat");
    place.tagged("b.png", 2, "dog");
    place.tagged("c.png", 3, "fox");
    place.tagged("copy of c.png", 3, "red");
    import(&place.config()).await.unwrap();
    place.write("a.txt", "");
    fs::remove_file(place.at("c.txt")).unwrap();
    // Never had any, and so gets no row and is no origin.
    place.picture("d.png", 4);
    place.picture("copy of b.png", 2);
    let rows = ["1: ; sfw; 8x6; a.png", "2: dog; sfw; 8x6; b.png", "3: red; sfw; 8x6; c.png copy of c.png"];
    let report = import(&place.config()).await.unwrap();
    assert_eq!((counts(&report), faults(&report).as_str()), ([4, 0, 2, 2, 0], "2 untagged"));
    assert_eq!(place.rows().await, rows);
    let again = import(&place.config()).await.unwrap();
    assert_eq!((counts(&again), faults(&again).as_str()), ([4, 0, 0, 4, 0], "2 untagged"));
    assert_eq!(place.rows().await, rows);
    // A list that knows no tags takes away none of a folder's, and the first line of a picture counts.
    place.write("list.csv", "path,tags\nb.png,\nc.png,plush\nc.png,\n");
    let report = import(&place.csv("list.csv")).await.unwrap();
    assert_eq!((counts(&report), faults(&report).as_str()), ([1, 0, 1, 0, 0], "1 untagged, 1 named twice"));
    assert_eq!(place.rows().await[1..], [rows[1], "3: plush | red; sfw; 8x6; c.png copy of c.png"]);
}

#[cfg(unix)]
#[tokio::test]
async fn copies_and_links_of_a_picture_are_one_item_with_all_tags() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.tagged("a/cat.png", 1, "cat, animal");
    place.tagged("b/copy.png", 1, "sofa, cat");
    fs::create_dir(place.at("c")).unwrap();
    symlink("../a/cat.png", place.at("c/link.png")).unwrap();
    place.write("c/link.txt", "red");
    place.tagged("d/dog.png", 2, "dog");
    // Wherever a batch ends.
    for batch_size in [1, 2, 3, 5000] {
        let _ = fs::remove_dir_all(place.data(""));
        fs::create_dir(place.data("")).unwrap();
        let config = Config { batch_size, rejects: Some(place.data("rejects.csv")), ..place.config() };
        let report = import(&config).await.unwrap();
        assert_eq!(counts(&report), [4, 2, 0, 0, 2], "batches of {batch_size}");
        assert_eq!((faults(&report).as_str(), report.failed()), ("2 duplicate", 0));
        let rows = [
            "1: cat | animal | sofa | red; sfw; 8x6; a/cat.png b/copy.png c/link.png",
            "2: dog; sfw; 8x6; d/dog.png",
        ];
        assert_eq!(place.rows().await, rows, "batches of {batch_size}");
        assert_eq!(place.media().len(), 2);
        let rejects = fs::read_to_string(place.data("rejects.csv")).unwrap();
        let lines: Vec<&str> = rejects.lines().collect();
        assert!(lines[1].starts_with("b/copy.png,duplicate,\"the same as item 1, imported/"), "{rejects}");
        assert!(lines[2].starts_with("c/link.png,duplicate,") && lines.len() == 3, "{rejects}");
        let again = import(&config).await.unwrap();
        assert_eq!((counts(&again), place.rows().await), ([4, 0, 0, 2, 2], rows.map(str::to_owned).to_vec()));
    }
    // What one of them no longer says is gone, what others say stays.
    place.write("b/copy.txt", "plush");
    let report = import(&place.config()).await.unwrap();
    assert_eq!(counts(&report), [4, 0, 0, 2, 2]);
    assert!(place.rows().await[0].starts_with("1: cat | animal | plush | red; "));
}

#[cfg(unix)]
#[tokio::test]
async fn links_copies_and_references() {
    use std::os::unix::fs::MetadataExt;
    for placing in [Placing::Link, Placing::Copy, Placing::Reference] {
        let place = Place::new();
        place.tagged("a.png", 1, "cat");
        let report = import(&Config { placing, ..place.config() }).await.unwrap();
        let media = place.data("media").join(&place.media()[0]);
        let placed = [report.media.linked, report.media.copied, report.media.referenced];
        let (source, link) =
            (fs::metadata(place.at("a.png")).unwrap(), fs::symlink_metadata(&media).unwrap());
        match placing {
            Placing::Link => assert_eq!((placed, link.ino()), ([1, 0, 0], source.ino())),
            Placing::Copy => {
                assert_eq!(placed, [0, 1, 0]);
                assert!(link.is_file() && link.ino() != source.ino());
            }
            Placing::Reference => {
                assert_eq!(placed, [0, 0, 1]);
                assert_eq!(fs::read_link(&media).unwrap(), place.at("a.png").canonicalize().unwrap());
            }
        }
        assert_eq!(fs::read(&media).unwrap(), fs::read(place.at("a.png")).unwrap());
        // The row alone does not make it known: a medium that was lost comes back.
        fs::remove_file(&media).unwrap();
        assert_eq!(counts(&import(&Config { placing, ..place.config() }).await.unwrap()), [1, 0, 0, 1, 0]);
        assert!(media.exists());
    }
}

/// Across file systems there are no hard links.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_linked_is_copied() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    place.tagged("a.png", 1, "cat");
    let device = |path: &std::path::Path| fs::metadata(path).unwrap().dev();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        return eprintln!("skipped: this machine has no /dev/shm");
    };
    if device(other.path()) == device(&place.at("")) {
        return eprintln!("skipped: temporary files lie in /dev/shm");
    }
    let config = Config { media_dir: other.path().join("media"), ..place.config() };
    let report = import(&config).await.unwrap();
    assert_eq!((report.media.linked, report.media.copied), (0, 1));
    assert!(report.to_string().contains("media: 1 copied"), "{report}");
}

#[tokio::test]
async fn what_is_left_out_is_counted_and_listed() {
    let place = Place::new();
    place.tagged("good.png", 1, "cat");
    place.picture("alone.png", 2);
    place.tagged("empty list.png", 3, " ,\n");
    place.write("no picture.txt", "tags, of nothing");
    place.tagged("latin.png", 4, "");
    place.write("latin.txt", b"gr\xf6\xdfe");
    place.tagged("text.jpg", 5, "x");
    place.write("text.jpg", "no picture");
    place.tagged("cut.jpg", 6, "x");
    let whole = fs::read(place.at("cut.jpg")).unwrap();
    place.write("cut.jpg", &whole[..whole.len() - 4]);
    place.tagged("nothing.png", 7, "x");
    place.write("nothing.png", "");
    place.write("old.bmp", b"BM\x1a\0\0\0");
    place.write("old.txt", "x");
    place.tagged("shared.png", 9, "s");
    place.picture("shared.webp", 10);
    place.tagged("both.png", 11, "a, b");
    place.write("both.png.txt", "c\nd");
    let config = Config { rejects: Some(place.data("rejects.csv")), ..place.config() };
    let report = import(&config).await.unwrap();
    assert_eq!(
        faults(&report),
        "2 untagged, 1 sidecar without a picture, 1 unreadable sidecar, 1 empty, 2 unknown format, 1 cut off, \
         2 shared sidecar, 1 two sidecars that differ"
    );
    assert_eq!((report.failed(), counts(&report)), (8, [4, 4, 0, 0, 0]));
    insta::assert_snapshot!(fs::read_to_string(place.data("rejects.csv")).unwrap(), @r"
    path,reason,detail
    no picture.txt,sidecar without a picture,
    alone.png,untagged,
    both.png,two sidecars that differ,`both.png.txt` and `both.txt`
    cut.jpg,cut off,the picture is cut off
    empty list.png,untagged,
    latin.png,unreadable sidecar,`latin.txt`: it is not in UTF-8
    nothing.png,empty,the file is empty
    old.bmp,unknown format,it is no picture of a known format
    shared.png,shared sidecar,`shared.txt`
    shared.webp,shared sidecar,`shared.txt`
    text.jpg,unknown format,it is no picture of a known format
    ");
    insta::assert_snapshot!(report.to_string(), @"4 pictures: 4 new items; media: 4 linked; left out: 2 untagged, 2 unknown format, 1 sidecar without a picture, 1 unreadable sidecar, 1 empty, 1 cut off; to look at: 2 shared sidecar, 1 two sidecars that differ");
    assert_eq!(
        place.rows().await,
        [
            "1: c | d | a | b; sfw; 8x6; both.png",
            "2: cat; sfw; 8x6; good.png",
            "3: s; sfw; 8x6; shared.png",
            "4: s; sfw; 8x6; shared.webp",
        ]
    );
    assert_eq!(place.media().len(), 4);

    // Asked for, those without tags come in, behind what is there.
    let report = import(&Config { untagged: true, class: Flags::NSFP, ..place.config() }).await.unwrap();
    assert_eq!(counts(&report), [6, 2, 4, 0, 0]);
    assert_eq!(place.rows().await[4..], ["5: ; nsfp; 8x6; alone.png", "6: ; nsfp; 8x6; empty list.png"]);
}

#[tokio::test]
async fn folders_are_tags() {
    let place = Place::new();
    place.picture("cats/black/a.png", 1);
    place.picture("cats/b.png", 2);
    place.picture("c.png", 3);
    let source = Source::Folder { folder: place.at(""), tags: FolderTags::Folders };
    let report = import(&place.of(source)).await.unwrap();
    assert_eq!((faults(&report).as_str(), counts(&report)), ("1 untagged", [2, 2, 0, 0, 0]));
    assert_eq!(
        place.rows().await,
        ["1: cats; sfw; 8x6; cats/b.png", "2: cats | black; sfw; 8x6; cats/black/a.png"]
    );
}

#[tokio::test]
async fn lists_name_pictures() {
    let place = Place::new();
    for (name, seed) in [("a.png", 1), ("sub/b.png", 2), ("c.png", 3)] {
        place.picture(name, seed);
    }
    place.write(
        "metadata.jsonl",
        r#"{"file_name":"a.png","tags":["cat",{"name":"dog","score":0.5}],"rating":"e","created":7}
{"file_name":"sub/b.png","tags":"x, y"}
{"file_name":"a.png","tags":["other"]}
{"file_name":"gone.png","tags":["x"]}
{"file_name":"sub","tags":["x"]}
{"file_name":"clip.webm","tags":["x"]}
no json
"#,
    );
    let report = import(&place.jsonl("metadata.jsonl")).await.unwrap();
    assert_eq!(faults(&report), "1 malformed line, 1 named twice, 1 missing, 1 unreadable");
    assert_eq!((counts(&report), report.videos, report.failed()), ([2, 2, 0, 0, 0], 1, 4));
    let rows = ["1: cat | dog 0.5; nsfw; 8x6; a.png", "2: x | y; sfw; 8x6; sub/b.png"];
    assert_eq!(place.rows().await, rows);
    let again = import(&place.jsonl("metadata.jsonl")).await.unwrap();
    assert_eq!((counts(&again), place.rows().await), ([2, 0, 0, 2, 0], rows.map(str::to_owned).to_vec()));

    // Another list adds to what is there. It lies elsewhere, and says where its pictures are.
    fs::write(place.data("list.csv"), "image,tags,flags\nc.png,\"z,x\",pol\n").unwrap();
    let source = Source::Csv { file: place.data("list.csv"), media_root: Some(place.at("")) };
    assert_eq!(counts(&import(&place.of(source)).await.unwrap()), [1, 1, 0, 0, 0]);
    assert_eq!(place.rows().await[2], "3: z | x; pol; 8x6; c.png");
}

#[track_caller]
fn check(place: &Place, result: Result<tagmill_importer::Report, Error>, expected: &str) {
    let root = place.at("").parent().unwrap().display().to_string();
    assert_eq!(result.unwrap_err().to_string().replace(&root, "PLACE"), expected);
}

#[tokio::test]
async fn errors_say_what_is_wrong_and_make_nothing() {
    let place = Place::new();
    let of = |name: &str| place.of(Source::folder(place.at(name)));
    check(&place, import(&of("nowhere")).await, "cannot read `PLACE/source/nowhere`");
    place.write("a file", "");
    check(&place, import(&of("a file")).await, "`PLACE/source/a file` is not a folder");
    check(&place, import(&place.csv("nowhere.csv")).await, "cannot read `PLACE/source/nowhere.csv`");
    check(&place, import(&place.jsonl("")).await, "`PLACE/source/` is not a file");
    place.write("list.csv", "image|tags\n");
    check(
        &place,
        import(&place.csv("list.csv")).await,
        "`PLACE/source/list.csv` has no column for the picture (`image`, `file_name` or `path`) and none for its tags \
         (`tags`, or `tag1`, `tag2`, ...); its columns are `image|tags`",
    );
    let nested = Config { media_dir: place.at("below/media"), ..place.config() };
    check(
        &place,
        import(&nested).await,
        "one of `PLACE/source/` and the media folder `PLACE/source/below/media` lies in the other",
    );
    assert_eq!(fs::read_dir(place.data("")).unwrap().count(), 0, "something was made");

    check(&place, import(&place.config()).await, "nothing was imported from `PLACE/source/`: 2 other files");
    fs::remove_file(place.at("a file")).unwrap();
    fs::remove_file(place.at("list.csv")).unwrap();
    check(
        &place,
        import(&place.config()).await,
        "nothing was imported from `PLACE/source/`: there is nothing in it",
    );
    place.picture("a.png", 1);
    place.write("b.txt", "x");
    let config = Config { rejects: Some(place.data("rejects.csv")), ..place.config() };
    check(
        &place,
        import(&config).await,
        "nothing was imported from `PLACE/source/`: 1 untagged, 1 sidecar without a picture",
    );
    assert_eq!(fs::read_to_string(place.data("rejects.csv")).unwrap().lines().count(), 3);

    place.write("a.txt", "x");
    fs::write(place.data("media"), "a file in the way").unwrap();
    let error = import(&place.config()).await.unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(place.rows().await.is_empty());
}

#[tokio::test]
async fn a_boards_database_is_left_alone() {
    let place = Place::new();
    place.tagged("a.png", 1, "cat");
    let mut store = Store::open(&place.data("items.db")).await.unwrap();
    store.claim("pr0gramm").await.unwrap();
    let item = Item { tags_data: Some("[]".to_owned()), ..Item::new(ItemId(7), "2024/a.jpg") };
    store.commit(Batch { items: vec![item], ..Batch::new(Flags::SFW) }).await.unwrap();
    store.close().await.unwrap();
    let before = listed(&place, 100).await;
    check(
        &place,
        import(&place.config()).await,
        "`PLACE/data/items.db` has items of `pr0gramm`, and cannot take those of `import`",
    );
    assert_eq!(listed(&place, 100).await, before);
    assert!(place.media().is_empty());

    // And one at a time writes to a database.
    let other = Place::new();
    other.tagged("a.png", 1, "cat");
    let _held = Store::open(&other.data("items.db")).await.unwrap();
    check(&other, import(&other.config()).await, "`PLACE/data/items.db` is in use by another process");
}
