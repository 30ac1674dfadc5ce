//! `tagmill import` through the real binary, and what follows it.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Workplace, assert_sound, photos, tagged};

const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const DONE_WITH_FAILURES: Option<i32> = Some(3);

#[test]
fn pictures_without_a_board_become_a_table() {
    let (workplace, (folder, name)) = (Workplace::new(), photos(30));
    fs::write(folder.path().join("stray.txt"), "x").unwrap();
    let imported = workplace.run(&["import", "folder", &name, "--json"]);
    assert_eq!(imported.code, DONE_WITH_FAILURES, "{}", imported.stderr);
    let report: Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!((&report["stage"], &report["items"]), (&"import folder".into(), &30.into()));
    assert_eq!(report["report"]["left_out"]["sidecar without a picture"]["count"], 1);
    assert!(imported.stderr.contains("left out stray.txt: sidecar without a picture"), "{}", imported.stderr);
    fs::remove_file(folder.path().join("stray.txt")).unwrap();

    let again = workplace.run(&["import", "folder", &name]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (DONE, "import folder: 30 pictures: 0 new items, 30 known\n")
    );

    let prepared = workplace.run(&["prepare"]);
    assert_eq!(prepared.code, DONE, "{}", prepared.stderr);
    let table = fs::read_to_string(workplace.path("dataset.csv")).unwrap();
    assert_eq!(table.lines().count(), 31);
    assert!(table.lines().nth(1).unwrap().starts_with("1,imported/"), "{table}");
    assert!(table.contains(",blue,1.0,cat 0,1.0,sky,1.0,sofa,1.0,tree,1.0,"), "{table}");

    // There is nothing to download, and nobody to ask.
    let downloaded = workplace.run(&["download", "--media-url", "http://127.0.0.1:9/"]);
    assert_eq!(downloaded.code, DONE, "{}", downloaded.stderr);
    assert!(downloaded.stdout.starts_with("download: 0 files saved"), "{}", downloaded.stdout);
    let image = table.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    fs::remove_file(workplace.path("media").join(image)).unwrap();
    let downloaded = workplace.run(&["download", "--media-url", "http://127.0.0.1:9/"]);
    assert_eq!(downloaded.code, DONE_WITH_FAILURES, "{}", downloaded.stderr);
    assert!(downloaded.stdout.contains("1 failed (imported 1)"), "{}", downloaded.stdout);

    let status = workplace.run(&["status"]);
    assert_eq!(status.code, DONE);
    assert!(status.stdout.contains("\norigin      imported, from no board\n"), "{}", status.stdout);
    assert!(!status.stdout.contains("fetch"), "{}", status.stdout);
}

#[cfg(unix)]
#[test]
fn references_are_there_for_download_too() {
    let (workplace, (_folder, name)) = (Workplace::new(), photos(5));
    let mut command = workplace.command(&["import", "folder", &name]);
    command.env("TAGMILL_IMPORT_FOLDER_MEDIA", "reference");
    let ran = workplace.ran(command.output().unwrap());
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    assert_eq!(ran.stdout, "import folder: 5 pictures: 5 new items; media: 5 referenced\n");
    assert_eq!(workplace.run(&["prepare"]).code, DONE);
    let plan = workplace.run(&["download", "--dry-run"]);
    assert_eq!(plan.stdout, "5 files: 5 are there, 0 are to be downloaded\n");
}

#[test]
fn lists_and_their_errors() {
    let (workplace, (folder, _name)) = (Workplace::new(), photos(7));
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("list.csv"), "image,tags\n0/0000.png,\"cat,sofa\"\n1/0001.png,tree\n").unwrap();
    fs::write(at("said.jsonl"), r#"{"path":"2/0002.png","tags":[{"name":"sky","score":0.93}]}"#).unwrap();
    let ran = workplace.run(&["import", "csv", &at("list.csv"), "--media", "copy"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (DONE, "import csv: 2 pictures: 2 new items; media: 2 copied\n")
    );
    let ran = workplace.run(&["import", "jsonl", &at("said.jsonl"), "--media-root", &at("")]);
    assert_eq!(ran.code, DONE, "{}", ran.stderr);
    assert_eq!(workplace.run(&["prepare", "--min-tags", "1"]).code, DONE);
    let table = fs::read_to_string(workplace.path("dataset.csv")).unwrap();
    assert!(table.lines().nth(3).unwrap().contains(",sky,0.93,"), "{table}");

    fs::write(at("list.csv"), "picture,tags\n").unwrap();
    let ran = workplace.run(&["import", "csv", &at("list.csv")]);
    assert_eq!(ran.code, FAILED);
    assert_eq!(
        ran.error().replace(folder.path().to_str().unwrap(), "PHOTOS"),
        "error: `PHOTOS/list.csv` has no column for the picture (`image`, `file_name` or `path`); its columns are `picture`, `tags`\n\
         hint: the first line names the columns, with commas, semicolons or tabs between them; docs/import.md has examples"
    );
}

#[test]
fn what_cannot_be_says_so() {
    let workplace = Workplace::new();
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let usage = |arguments: &[&str], expected: &str| {
        let ran = workplace.run(&[&["import", "folder", name], arguments].concat());
        assert_eq!(ran.code, USAGE, "{arguments:?}");
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    };
    usage(&["--encoding", "klingon"], "`klingon` is no encoding: use such as windows-1252");
    usage(&["--tags-from", "folders", "--separator", "line"], "--separator and --encoding are of sidecars");
    usage(&["--flags", "safe"], "`safe` is not a content class");
    assert!(!workplace.database().exists());

    tagged(folder.path(), "a.png", 1, "");
    let ran = workplace.run(&["import", "folder", name]);
    assert_eq!(ran.code, FAILED);
    assert_eq!(
        ran.error().replace(name, "PHOTOS"),
        "error: nothing was imported from `PHOTOS`: 1 untagged\n\
         hint: docs/import.md says what is read; --untagged takes pictures without tags, --rejects FILE lists what was left out"
    );
    let nested = workplace.path("photos");
    tagged(&nested, "a.png", 1, "x");
    let ran = workplace.run(&["import", "folder", workplace.path("").to_str().unwrap()]);
    assert_eq!(ran.code, FAILED);
    assert_eq!(
        ran.error(),
        "error: one of `DATA/` and the media folder `DATA/media` lies in the other\n\
         hint: import a folder that lies elsewhere, or choose another --data-dir for what is made of it"
    );
}

/// `fetch` and `import` do not fill one database.
#[test]
fn a_database_is_of_a_board_or_imported() {
    let (workplace, (_folder, name)) = (Workplace::new(), photos(3));
    let board = crate::support::board(30);
    assert_eq!(workplace.run(&["import", "folder", &name]).code, DONE);
    let fetched = workplace.run(&["fetch", "--api-url", &board.api_url()]);
    assert_eq!(fetched.code, FAILED);
    assert!(fetched.error().contains("has items of `import`"), "{}", fetched.stderr);

    let other = Workplace::new();
    assert_eq!(other.run(&["fetch", "--api-url", &board.api_url()]).code, DONE);
    let imported = other.run(&["import", "folder", &name]);
    assert_eq!(imported.code, FAILED);
    assert_eq!(
        imported.error(),
        "error: `DATA/items.db` has items of `pr0gramm`, and cannot take those of `import`\n\
         hint: import into a --data-dir of its own; that of a board is filled by `tagmill fetch`"
    );
    assert!(!other.path("media").exists());
}

/// Killed with SIGKILL once so many media are there, and run again, it ends as an undisturbed one does.
#[test]
fn killed_again_and_again_then_resumed_is_straight_through() {
    let (_folder, name) = photos(3000);
    let (disturbed, undisturbed) = (Workplace::new(), Workplace::new());
    let media = |workplace: &Workplace| -> usize {
        let folders = fs::read_dir(workplace.path("media/imported")).into_iter().flatten();
        folders.map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
    };
    for enough in [1, 400, 1100, 1900] {
        let mut command =
            disturbed.command(&["import", "folder", &name, "--media", "copy", "--batch-size", "50"]);
        let mut import = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while media(&disturbed) < enough && import.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        import.kill().unwrap();
        import.wait().unwrap();
        if disturbed.database().exists() {
            assert_sound(&disturbed.database());
        }
    }
    for workplace in [&disturbed, &undisturbed] {
        let ran = workplace.run(&["import", "folder", &name, "--media", "copy"]);
        assert_eq!(ran.code, DONE, "{}", ran.stderr);
        assert_eq!(media(workplace), 3000);
        assert_eq!(workplace.run(&["prepare"]).code, DONE);
    }
    let table = |workplace: &Workplace| fs::read(workplace.path("dataset.csv")).unwrap();
    assert!(table(&disturbed) == table(&undisturbed));
    assert_eq!(disturbed.complete(), undisturbed.complete());
}
