//! `tagmill predict` as a person or a script runs it, on a run that was trained here.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A data folder with a run that has hardly learned anything.
struct Workplace {
    folder: TempDir,
}

/// How a run of the binary ended.
struct Ran {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl Ran {
    #[track_caller]
    fn with_code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let stderr = String::from_utf8(output.stderr).unwrap();
        Ran { code: output.status.code(), stdout: output.stdout, stderr }
    }
}

impl Workplace {
    fn new() -> Workplace {
        let workplace = Workplace { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(workplace.at("media")).unwrap();
        let mut table = "id,image,tag1,confidence1\n".to_owned();
        for id in 1..=40 {
            fs::write(workplace.at(&format!("media/{id}.gif")), picture(id)).unwrap();
            table += &format!("{id},{id}.gif,{},0.5\n", ["\"sky, blue\"", "grass"][usize::from(id) % 2]);
        }
        fs::write(workplace.at("dataset.csv"), table).unwrap();
        let arguments = "--image-size 32 --epochs 1 --min-tag-count 1 --batch-size 8 --cache none";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        Ran::from(workplace.command("train").args(arguments).output().unwrap()).with_code(0);
        workplace
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder with pictures of these names.
    fn inbox(&self, name: &str, pictures: &[&str]) -> PathBuf {
        let folder = self.at(name);
        fs::create_dir(&folder).unwrap();
        for (seed, name) in (1..).zip(pictures) {
            fs::write(folder.join(name), picture(seed)).unwrap();
        }
        folder
    }

    fn command(&self, stage: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagmill-train"));
        command.env_clear().arg(stage).arg("--data-dir").arg(self.folder.path());
        // More threads than these would slow each other down where tests run side by side.
        command.args(["--device", "cpu", "--threads", "1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn predict(&self, inputs: &[&Path], options: &str) -> Ran {
        let mut command = self.command("predict");
        command.args(inputs).args(options.split_whitespace()).output().unwrap().into()
    }

    fn predict_list(&self, list: &[u8], options: &str) -> Ran {
        let mut child = self.begin(options);
        child.stdin.take().unwrap().write_all(list).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Starts to predict a list that nobody has written yet.
    fn begin(&self, options: &str) -> Child {
        self.command("predict").arg("-").args(options.split_whitespace()).spawn().unwrap()
    }
}

/// A GIF of 24 by 24 pixels. Its codes keep the width of a byte, as the table of codes is emptied before it has 256: so each
/// pixel is its colour's number.
fn picture(seed: u8) -> Vec<u8> {
    const SIDE: u8 = 24;
    const EMPTY_THE_TABLE: u8 = 128;
    const END: u8 = 129;
    let mut gif = b"GIF89a".to_vec();
    gif.extend([SIDE, 0, SIDE, 0, 0xf6, 0, 0]);
    gif.extend((0..128_u8).flat_map(|colour| [colour * 2, colour.wrapping_mul(seed), seed * 6]));
    gif.extend([0x2c, 0, 0, 0, 0, SIDE, 0, SIDE, 0, 0, 7]);
    let pixels: Vec<u8> = (0..SIDE)
        .flat_map(|y| (0..SIDE).map(move |x| (x.wrapping_mul(seed) ^ y.wrapping_mul(3)) % 128))
        .collect();
    let mut codes: Vec<u8> =
        pixels.chunks(100).flat_map(|some| [&[EMPTY_THE_TABLE], some].concat()).collect();
    codes.push(END);
    for block in codes.chunks(255) {
        gif.push(block.len() as u8);
        gif.extend(block);
    }
    gif.extend([0, 0x3b]);
    gif
}

/// Reads a line of what a child prints.
fn line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// One run serves them all: training it takes longer than the rest.
#[test]
fn a_trained_run() {
    let workplace = Workplace::new();
    lists_and_folders_are_the_same_pictures(&workplace);
    sidecars_stand_beside_their_pictures(&workplace);
    what_cannot_be_used_is_told(&workplace);
    an_output_is_gone_on_with(&workplace);
    #[cfg(unix)]
    {
        paths_that_are_no_text_are_kept(&workplace);
        a_reader_that_goes_away_ends_it(&workplace);
        ctrl_c_does_not_wait_for_a_silent_list(&workplace);
        a_killed_run_is_gone_on_with(&workplace);
    }
}

fn lists_and_folders_are_the_same_pictures(workplace: &Workplace) {
    let folder = workplace.inbox("listed", &["a.gif", "b c.gif"]);
    fs::write(folder.join("notes.txt"), "no picture").unwrap();
    let found = workplace.predict(&[&folder], "--format jsonl").with_code(0);
    assert_eq!(found.text().lines().count(), 2);
    let list = |separator: &str| {
        let paths = ["a.gif", "b c.gif"].map(|name| folder.join(name).display().to_string());
        workplace.predict_list(paths.join(separator).as_bytes(), "--format jsonl").with_code(0).stdout
    };
    for separator in ["\n", "\r\n", "\0"] {
        assert_eq!(list(separator), found.stdout, "{separator:?}");
    }
    let folder = format!("{}\n", folder.display());
    let listed = workplace.predict_list(folder.as_bytes(), "--format jsonl").with_code(0);
    assert_eq!(listed.stdout, found.stdout);

    // A list without anything is no fault.
    assert_eq!(workplace.predict_list(b"", "--format txt").with_code(0).text(), "");
}

fn sidecars_stand_beside_their_pictures(workplace: &Workplace) {
    let folder = workplace.inbox("sidecars", &["a.gif", "b.gif"]);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let told = workplace.predict(&[&folder], "--sidecar sd-scripts --top 2").with_code(0);
    assert_eq!(told.text(), "predict: predicted 2 pictures, 0 could not be used\n");
    let tags = read("a.txt");
    assert!(["sky blue, grass\n", "grass, sky blue\n"].contains(&tags.as_str()), "{tags}");
    workplace.predict(&[&folder], "--sidecar hydrus --top 2").with_code(0);
    let mut tags: Vec<String> = read("b.gif.txt").lines().map(str::to_owned).collect();
    tags.sort();
    assert_eq!(tags, ["grass", "sky, blue"]);

    fs::write(folder.join("a.txt"), "mine\n").unwrap();
    fs::remove_file(folder.join("b.txt")).unwrap();
    let refused = workplace.predict(&[&folder], "--sidecar sd-scripts").with_code(3);
    assert!(refused.stderr.contains("a.txt` exists already"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: --skip-existing"), "{}", refused.stderr);
    let skipped = workplace.predict(&[&folder], "--sidecar sd-scripts --skip-existing").with_code(0);
    assert!(skipped.text().contains("predicted 0 pictures"), "{}", skipped.text());
    assert_eq!(read("a.txt"), "mine\n");
    workplace.predict(&[&folder], "--sidecar sd-scripts --append --top 1").with_code(0);
    assert!(read("a.txt").starts_with("mine, "));
    workplace.predict(&[&folder], "--sidecar sd-scripts --overwrite --top 1").with_code(0);
    assert!(!read("a.txt").contains("mine"));
}

fn what_cannot_be_used_is_told(workplace: &Workplace) {
    let folder = workplace.inbox("broken", &["a.gif"]);
    let (broken, nowhere) = (folder.join("broken.gif"), folder.join("nowhere.gif"));
    fs::write(&broken, b"GIF89a").unwrap();
    let list = format!("{}\n{}\n", nowhere.display(), folder.display());
    let ran = workplace.predict_list(list.as_bytes(), "--format jsonl").with_code(3);
    let reasons = ["missing", "tags", "reason"];
    for (line, reason) in ran.text().lines().zip(reasons) {
        assert!(line.contains(&format!("\"{reason}\"")), "{line}");
    }
    assert_eq!(ran.text().lines().count(), 3);
    for path in [&broken, &nowhere] {
        let told = format!("`{}` could not be used", path.display());
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    }
    let ran = workplace.predict(&[&nowhere], "").with_code(1);
    assert!(ran.stderr.contains("there is no file or folder"), "{}", ran.stderr);
}

fn an_output_is_gone_on_with(workplace: &Workplace) {
    let folder = workplace.inbox("outputs", &["a.gif", "b.gif", "c: d.gif"]);
    let options = |name: &str| format!("--output {}", workplace.at(name).display());
    for (name, format) in [("tags.jsonl", ""), ("tags.txt", ""), ("tags", "--format csv")] {
        let options = format!("{} {format}", options(name));
        let ran = workplace.predict(&[&folder], &options).with_code(0);
        assert_eq!(ran.text(), "predict: predicted 3 pictures, 0 could not be used\n");
        let whole = fs::read(workplace.at(name)).unwrap();

        // A row that was cut off is taken away.
        fs::write(workplace.at(name), &whole[..whole.len() - 3]).unwrap();
        let resumed = workplace.predict(&[&folder], &format!("{options} --resume")).with_code(0);
        assert_eq!(resumed.text(), "predict: predicted 1 picture, 0 could not be used, 2 were done before\n");
        assert!(fs::read(workplace.at(name)).unwrap() == whole, "{name}");
    }

    let (file, options) = (workplace.at("tags.txt"), options("tags.txt"));
    let whole = fs::read(&file).unwrap();
    let refused = workplace.predict(&[&folder], &options).with_code(1);
    assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: go on with it by --resume"), "{}", refused.stderr);
    fs::write(&file, "precious").unwrap();
    let refused = workplace.predict(&[&folder], &format!("{options} --resume")).with_code(1);
    assert!(refused.stderr.contains("cannot be gone on with"), "{}", refused.stderr);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    workplace.predict(&[&folder], &format!("{options} --overwrite")).with_code(0);
    assert!(fs::read(&file).unwrap() == whole);

    // Beside it, the report is free for --json, and has no predictions twice.
    let file = workplace.at("with-json.jsonl");
    let ran = workplace.predict(&[&folder], &format!("--json --output {}", file.display())).with_code(0);
    assert!(ran.text().contains("\"predictions\":[]"), "{}", ran.text());
    assert_eq!(fs::read(&file).unwrap(), fs::read(workplace.at("tags.jsonl")).unwrap());

    let options = format!("--output {0} --embed {0}", workplace.at("one.csv").display());
    let refused = workplace.predict(&[&folder], &options).with_code(1);
    assert!(refused.stderr.contains("two outputs would go to"), "{}", refused.stderr);
    assert!(!workplace.at("one.csv").exists());
}

#[cfg(unix)]
fn paths_that_are_no_text_are_kept(workplace: &Workplace) {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = workplace.inbox("bytes", &[]);
    let path = folder.join(OsStr::from_bytes(b"\xff\n.gif"));
    fs::write(&path, picture(1)).unwrap();
    let list = [path.as_os_str().as_bytes(), b"\0"].concat();
    let ran = workplace.predict_list(&list, "--format jsonl").with_code(0);
    assert!(ran.text().contains("\"path_bytes\":["), "{}", ran.text());
    let ran = workplace.predict_list(&list, "--format csv").with_code(0);
    let row = [b"\"", path.as_os_str().as_bytes(), b"\","].concat();
    assert!(ran.stdout.strip_prefix(b"path,tag,score\n").unwrap().starts_with(&row), "{:?}", ran.stdout);
    workplace.predict(&[&folder], "--sidecar hydrus").with_code(0);
    assert!(folder.join(OsStr::from_bytes(b"\xff\n.gif.txt")).exists());
    for ending in ["jsonl", "txt"] {
        let options = format!("--output {}.{ending}", workplace.at("bytes").display());
        workplace.predict(&[&folder], &options).with_code(0);
        let resumed = workplace.predict_list(&list, &format!("{options} --resume")).with_code(0);
        assert!(resumed.text().contains("1 were done before"), "{}", resumed.text());
    }
}

/// As `head -1` does: no error, and no waiting for the rest of the list.
#[cfg(unix)]
fn a_reader_that_goes_away_ends_it(workplace: &Workplace) {
    let folder = workplace.inbox("head", &["a.gif", "b.gif"]);
    let mut child = workplace.begin("--format txt");
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", folder.join("a.gif").display()).unwrap();
    assert!(line(&mut child).starts_with(&format!("{}: ", folder.join("a.gif").display())));
    drop(child.stdout.take());
    writeln!(stdin, "{}", folder.join("b.gif").display()).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).with_code(0);
    assert!(!ran.stderr.contains("error"), "{}", ran.stderr);
}

#[cfg(unix)]
fn ctrl_c_does_not_wait_for_a_silent_list(workplace: &Workplace) {
    let folder = workplace.inbox("silent", &["a.gif"]);
    let mut child = workplace.begin("--format txt");
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", folder.join("a.gif").display()).unwrap();
    line(&mut child);
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ran = Ran::from(child.wait_with_output().unwrap()).with_code(130);
    assert!(ran.stderr.contains("run the same command again"), "{}", ran.stderr);
    drop(stdin);
}

#[cfg(unix)]
fn a_killed_run_is_gone_on_with(workplace: &Workplace) {
    let folder = workplace.inbox("killed", &["a.gif", "b.gif", "c.gif"]);
    let whole = workplace.at("whole.jsonl");
    workplace.predict(&[&folder], &format!("--output {}", whole.display())).with_code(0);
    let parts = workplace.at("parts.jsonl");
    let options = format!(
        "--output {} --embed {} --sidecar hydrus --resume --skip-existing",
        parts.display(),
        workplace.at("parts.npy").display()
    );
    let mut child = workplace.begin(&options);
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", folder.join("a.gif").display()).unwrap();
    while !fs::read(&parts).is_ok_and(|rows| rows.ends_with(b"\n")) {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = workplace.predict(&[&folder], &options).with_code(0);
    assert_eq!(resumed.text(), "predict: predicted 2 pictures, 0 could not be used, 1 were done before\n");
    assert_eq!(fs::read_to_string(&parts).unwrap(), fs::read_to_string(&whole).unwrap());
    assert!(folder.join("c.gif.txt").exists());
}
