//! Text files beside pictures, with their tags, for programs that look for such.

use std::fs;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

use tagmill_model::atomic;

use super::{Failure, Prediction};

/// Which sidecars to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sidecars {
    /// Their names and what is in them.
    pub style: SidecarStyle,
    /// What becomes of those that are there.
    pub existing: ExistingSidecar,
}

/// Whom a sidecar is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarStyle {
    /// Captions as kohya's sd-scripts and the trainers after it read them: `photo.txt` beside `photo.jpg`, one line, the
    /// tags joined by `, `. A comma within a tag becomes a blank.
    SdScripts,
    /// Hydrus imports these: `photo.jpg.txt` beside `photo.jpg`, one tag a line.
    Hydrus,
}

/// What becomes of a picture whose sidecar is there already, unless it has a feature vector too where these are asked for: then
/// it counts as done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingSidecar {
    /// It is a failure, and the sidecar stays as it is.
    Refuse,
    /// The sidecar stays as it is. Without a feature vector where these are asked for the picture still gets that; else it
    /// counts as done before.
    Skip,
    /// Tags that the sidecar lacks are added behind what is there.
    Append,
    /// The sidecar is replaced.
    Overwrite,
}

/// The [`Failure::reason`] of a picture whose sidecar was there before.
pub const SIDECAR_EXISTS: &str = "sidecar_exists";
pub(super) const SIDECAR_TAKEN: &str = "sidecar_taken";
const SIDECAR_UNWRITABLE: &str = "sidecar_unwritable";

impl SidecarStyle {
    /// Where the sidecar of a picture stands.
    pub fn file(self, picture: &Path) -> PathBuf {
        match self {
            SidecarStyle::SdScripts => picture.with_extension("txt"),
            SidecarStyle::Hydrus => {
                let mut file = picture.to_owned().into_os_string();
                file.push(".txt");
                file.into()
            }
        }
    }

    /// A sidecar with these tags.
    pub fn text<'a>(self, tags: impl IntoIterator<Item = &'a str>) -> String {
        let tags = self.missing("", tags);
        match self {
            // sd-scripts refuses a file without any line.
            SidecarStyle::SdScripts => tags.join(", ") + "\n",
            SidecarStyle::Hydrus => tags.into_iter().map(|tag| tag + "\n").collect(),
        }
    }

    /// An old sidecar with those tags behind its own that it lacks; `None` where it has them all.
    pub fn append<'a>(self, old: &str, tags: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let missing = self.missing(old, tags);
        if missing.is_empty() {
            return None;
        }
        let lines = |tags: Vec<String>| tags.into_iter().map(|tag| tag + "\n").collect::<String>();
        Some(match self {
            SidecarStyle::SdScripts => {
                let old = old.trim_end();
                let joint = match old.chars().next_back() {
                    None => "",
                    Some(',') => " ",
                    Some(_) => ", ",
                };
                format!("{old}{joint}{}\n", missing.join(", "))
            }
            SidecarStyle::Hydrus if old.is_empty() || old.ends_with('\n') => old.to_owned() + &lines(missing),
            SidecarStyle::Hydrus => format!("{old}\n{}", lines(missing)),
        })
    }

    /// The tags as they are written, each once, without those that an old sidecar has.
    fn missing<'a>(self, old: &str, tags: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let is_end = |c: char| is_line_end(c) || self == SidecarStyle::SdScripts && c == ',';
        let old = old.trim_start_matches('\u{feff}');
        let present: Vec<&str> = old.split(is_end).map(str::trim).collect();
        let mut missing: Vec<String> = Vec::new();
        for tag in tags {
            // What would end the tag when it is read becomes a blank.
            let written = tag.replace(|c: char| is_end(c) || c.is_control(), " ");
            let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
            if !written.is_empty() && !present.contains(&written.as_str()) && !missing.contains(&written) {
                missing.push(written);
            }
        }
        missing
    }
}

/// Python, in which both readers are written, ends lines at all of these.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\x0b' | '\x0c' | '\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Sidecars {
    /// Writes the sidecar of a picture, whole or not at all. The result within tells why that picture alone has none; the
    /// one around it, what will be so for the next one too.
    pub(super) fn write(self, prediction: &Prediction) -> Result<Result<(), Failure>, (PathBuf, IoError)> {
        let file = self.style.file(&prediction.path);
        match self.try_write(&file, prediction) {
            Ok(()) => Ok(Ok(())),
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Err((file, error))
            }
            Err(error) => Ok(Err(Failure {
                path: prediction.path.clone(),
                reason: SIDECAR_UNWRITABLE.to_owned(),
                error: format!("its sidecar `{}` cannot be written: {error}", file.display()),
            })),
        }
    }

    fn try_write(self, file: &Path, prediction: &Prediction) -> Result<(), IoError> {
        let tags = || prediction.tags.iter().map(|tag| tag.name.as_str());
        let old = match self.existing {
            ExistingSidecar::Append => fs::read(file).map(Some).or_else(|error| match error.kind() {
                ErrorKind::NotFound => Ok(None),
                _ => Err(error),
            })?,
            _ => None,
        };
        let text = match old.map(String::from_utf8) {
            None => Some(self.style.text(tags())),
            Some(Ok(old)) => self.style.append(&old, tags()),
            Some(Err(_)) => return Err(IoError::new(ErrorKind::InvalidData, "what is there is not UTF-8")),
        };
        text.map_or(Ok(()), |text| atomic::write(file, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
