use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// The packages as if they were unpacked.
struct Unpacked(TempDir);

impl Unpacked {
    fn new() -> Unpacked {
        let unpacked = Unpacked(TempDir::new().unwrap());
        fs::create_dir_all(unpacked.path(PICTURES, "")).unwrap();
        fs::create_dir_all(unpacked.path(SVGS, "")).unwrap();
        unpacked
    }

    fn path(&self, tree: &str, name: &str) -> PathBuf {
        let path = self.0.path().join(tree).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn picture(&self, name: &str, content: &str) {
        fs::write(self.path(PICTURES, &format!("{name}.png")), content).unwrap();
    }

    fn svg(&self, name: &str, subject: &str) {
        let text = format!(
            r#"<svg xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject>{subject}</dc:subject></svg>"#
        );
        fs::write(self.path(SVGS, &format!("{name}.svg")), text).unwrap();
    }

    fn link(&self, tree: &str, name: &str, target: impl AsRef<Path>) {
        symlink(target, self.path(tree, name)).unwrap();
    }

    fn read(&self) -> Drawings {
        Drawings::read(self.0.path()).unwrap()
    }
}

#[track_caller]
fn check(drawings: &Drawings, expected: &[(&str, &str)]) {
    let all = drawings.keywords.iter().map(|(name, keywords)| {
        let keywords: Vec<&str> = keywords.iter().map(String::as_str).collect();
        (name.to_str().unwrap().to_owned(), keywords.join(" "))
    });
    let expected: Vec<_> =
        expected.iter().map(|(name, tags)| ((*name).to_owned(), (*tags).to_owned())).collect();
    assert_eq!(all.collect::<Vec<_>>(), expected);
}

#[track_caller]
fn check_unreadable(drawings: &Drawings, expected: &[(&str, &str)]) {
    let all = drawings.unreadable.iter().map(|(name, reason)| (name.to_str().unwrap(), reason.as_str()));
    assert_eq!(all.collect::<Vec<_>>(), expected);
    assert_eq!(drawings.counts.unreadable, expected.len() as u64);
}

#[test]
fn pictures_pair_with_the_drawings_of_their_names() {
    let unpacked = Unpacked::new();
    unpacked.picture("animals/birds/owl", "1");
    unpacked.svg("animals/birds/owl", "bird, animal");
    unpacked.picture("animals/untagged", "2");
    unpacked.svg("animals/untagged", "");
    unpacked.picture("no_svg.v2", "3");
    unpacked.svg("no_svg", "not of that picture");
    unpacked.svg("no_picture", "of none");
    fs::write(unpacked.path(PICTURES, "README"), "no picture").unwrap();
    let drawings = unpacked.read();
    check(&drawings, &[("animals/birds/owl.png", "animal bird")]);
    assert_eq!(drawings.counts, Counts { pictures: 3, copies: 0, tagged: 1, unreadable: 0 });
}

#[test]
fn names_of_one_picture_unite_their_keywords() {
    let unpacked = Unpacked::new();
    unpacked.picture("plants/tree", "1");
    unpacked.svg("plants/tree", "tree");
    unpacked.link(PICTURES, "holiday/christmas/tree.png", "../../plants/tree.png");
    unpacked.svg("holiday/christmas/tree", "christmas");
    let installed = "/usr/share/openclipart/png/holiday/christmas/tree.png";
    unpacked.link(PICTURES, "absolute.png", installed);
    unpacked.link(SVGS, "absolute.svg", "/usr/share/openclipart/svg/other.svg");
    unpacked.svg("other", "winter");
    let drawings = unpacked.read();
    check(&drawings, &[("plants/tree.png", "christmas tree winter")]);
    assert_eq!(drawings.counts, Counts { pictures: 1, copies: 2, tagged: 1, unreadable: 0 });
}

#[test]
fn links_that_lead_nowhere_are_told() {
    let unpacked = Unpacked::new();
    unpacked.link(PICTURES, "circle.png", "circle2.png");
    unpacked.link(PICTURES, "circle2.png", "circle.png");
    unpacked.link(PICTURES, "dangling.png", "gone.png");
    unpacked.link(PICTURES, "folder.png", "..");
    unpacked.link(PICTURES, "out.png", "../../../../../secret.png");
    unpacked.link(PICTURES, "svg.png", "../svg/drawing.svg");
    unpacked.svg("drawing", "bird");
    let outside = unpacked.0.path().parent().unwrap().join("secret.png");
    assert!(!outside.exists());
    let drawings = unpacked.read();
    check(&drawings, &[]);
    check_unreadable(
        &drawings,
        &[
            ("circle.png", "it leads in a circle"),
            ("circle2.png", "it leads in a circle"),
            ("dangling.png", "it leads to nothing: No such file or directory (os error 2)"),
            ("folder.png", "it is no file"),
            ("out.png", "it leads to nothing: No such file or directory (os error 2)"),
            ("svg.png", "it leads to what is no picture"),
        ],
    );
}

#[test]
fn links_do_not_lead_out_of_the_package() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret.png"), "1").unwrap();
    fs::write(outside.path().join("secret.svg"), "<svg/>").unwrap();
    let unpacked = Unpacked::new();
    let up = "../".repeat(unpacked.path(PICTURES, "a").components().count());
    let secret =
        |name: &str| format!("{up}{}", outside.path().join(name).strip_prefix("/").unwrap().display());
    unpacked.link(PICTURES, "out.png", secret("secret.png"));
    unpacked.link(PICTURES, "installed.png", outside.path().join("secret.png"));
    unpacked.picture("owl", "1");
    unpacked.link(SVGS, "owl.svg", secret("secret.svg"));
    check_unreadable(
        &unpacked.read(),
        &[
            ("installed.png", "it leads to nothing: No such file or directory (os error 2)"),
            ("out.png", "it leads out of the package"),
            ("owl.svg", "it leads out of the package"),
        ],
    );
}

#[test]
fn a_broken_drawing_costs_its_keywords_alone() {
    let unpacked = Unpacked::new();
    unpacked.picture("broken", "1");
    fs::write(unpacked.path(SVGS, "broken.svg"), "<svg><cut").unwrap();
    unpacked.link(PICTURES, "copy.png", "broken.png");
    unpacked.svg("copy", "bird");
    let drawings = unpacked.read();
    check(&drawings, &[("broken.png", "bird")]);
    assert_eq!(drawings.unreadable.len(), 1);
    assert_eq!(drawings.unreadable[0].0, Path::new("broken.svg"));
}

#[test]
fn no_picture_is_written_twice() {
    let unpacked = Unpacked::new();
    unpacked.picture("a/owl", "an owl");
    unpacked.svg("a/owl", "bird, night");
    unpacked.link(PICTURES, "b/owl.png", "../a/owl.png");
    unpacked.svg("b/owl", "animal");
    unpacked.picture("a/plain", "plain");
    let to = TempDir::new().unwrap();
    unpacked.read().move_to(unpacked.0.path(), to.path()).unwrap();
    let files = WalkDir::new(to.path()).sort_by_file_name().into_iter().map(Result::unwrap);
    let files: Vec<_> =
        files.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).collect();
    assert_eq!(files, [to.path().join("a/owl.png"), to.path().join("a/owl.txt")]);
    assert_eq!(fs::read_to_string(&files[0]).unwrap(), "an owl");
    assert_eq!(fs::read_to_string(&files[1]).unwrap(), "animal\nbird\nnight\n");
}

#[test]
fn packages_without_pictures_are_an_error() {
    let error = Drawings::read(TempDir::new().unwrap().path()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the pictures");
}
