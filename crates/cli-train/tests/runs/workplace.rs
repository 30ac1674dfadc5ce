//! Where a binary runs as a person or a script runs it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A data folder with pictures, and perhaps a run that has hardly learned anything.
pub(crate) struct Workplace {
    folder: TempDir,
}

/// How a run of the binary ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    pub(crate) fn text(&self) -> &str {
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
    /// With a run.
    pub(crate) fn trained() -> Workplace {
        let workplace = Workplace::with_pictures();
        let arguments = "--image-size 32 --epochs 1 --min-tag-count 1 --batch-size 8 --cache none";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        Ran::from(workplace.command("train").args(arguments).output().unwrap()).with_code(0);
        workplace
    }

    /// Ready to train on forty pictures.
    pub(crate) fn with_pictures() -> Workplace {
        let workplace = Workplace { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(workplace.at("media")).unwrap();
        let mut table = "id,image,tag1,confidence1\n".to_owned();
        for id in 1..=40 {
            fs::write(workplace.at(&format!("media/{id}.gif")), picture(id)).unwrap();
            table += &format!("{id},{id}.gif,{},0.5\n", ["\"sky, blue\"", "grass"][usize::from(id) % 2]);
        }
        fs::write(workplace.at("dataset.csv"), table).unwrap();
        workplace
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder with pictures of these names.
    pub(crate) fn inbox(&self, name: &str, pictures: &[&str]) -> PathBuf {
        let folder = self.at(name);
        fs::create_dir(&folder).unwrap();
        for (seed, name) in (1..).zip(pictures) {
            fs::write(folder.join(name), picture(seed)).unwrap();
        }
        folder
    }

    pub(crate) fn command(&self, stage: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagmill-train"));
        command.env_clear().arg(stage).arg("--data-dir").arg(self.folder.path());
        // More threads than these would slow each other down where tests run side by side.
        command.args(["--device", "cpu", "--threads", "1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn predict(&self, inputs: &[&Path], options: &str) -> Ran {
        let mut command = self.command("predict");
        command.args(inputs).args(options.split_whitespace()).output().unwrap().into()
    }

    pub(crate) fn predict_list(&self, list: &[u8], options: &str) -> Ran {
        let mut child = self.begin(options);
        child.stdin.take().unwrap().write_all(list).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Starts to predict a list that nobody has written yet.
    pub(crate) fn begin(&self, options: &str) -> Child {
        self.command("predict").arg("-").args(options.split_whitespace()).spawn().unwrap()
    }
}

/// A GIF of 24 by 24 pixels. Its codes keep the width of a byte, as the table of codes is emptied before it has 256: so each
/// pixel is its colour's number.
pub(crate) fn picture(seed: u8) -> Vec<u8> {
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
