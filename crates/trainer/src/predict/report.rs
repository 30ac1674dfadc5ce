use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tagmill_model::picture::BadPicture;
use tagmill_model::{Outcome, StageReport, counted};

/// Failures that a report lists one by one; beyond these they are only counted.
pub const MAX_LISTED: usize = 1000;

/// A tag and how likely the picture shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredTag {
    /// The tag.
    pub name: String,
    /// Probability, 0 to 1.
    pub score: f32,
}

/// What a picture most likely shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The file.
    #[serde(flatten, with = "path_text")]
    pub path: PathBuf,
    /// The tags that were selected, likeliest first.
    pub tags: Vec<ScoredTag>,
    /// The content classes, all of them; none in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<ScoredTag>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The file.
    #[serde(flatten, with = "path_text")]
    pub path: PathBuf,
    /// Why, as one word.
    pub reason: String,
    /// Why, in words.
    pub error: String,
}

/// What was predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How many pictures were predicted.
    pub pictures: u64,
    /// How many were left alone, because they were done before.
    pub skipped: u64,
    /// The predictions in the order of the inputs; those that [`stream`](super::stream) handed over are not here.
    pub predictions: Vec<Prediction>,
    /// How many files could not be used.
    pub failed: u64,
    /// The same by [`Failure::reason`].
    pub failed_by_reason: BTreeMap<String, u64>,
    /// The first [`MAX_LISTED`] of them.
    pub failures: Vec<Failure>,
    /// The score from which the run counts a tag as predicted.
    pub threshold: f32,
}

impl Report {
    pub(super) fn new(threshold: f32) -> Report {
        Report {
            outcome: Outcome::Completed,
            pictures: 0,
            skipped: 0,
            predictions: Vec::new(),
            failed: 0,
            failed_by_reason: BTreeMap::new(),
            failures: Vec::new(),
            threshold,
        }
    }

    pub(super) fn count(&mut self, result: &Result<Prediction, Failure>) {
        let Err(failure) = result else {
            self.pictures += 1;
            return;
        };
        self.failed += 1;
        *self.failed_by_reason.entry(failure.reason.clone()).or_default() += 1;
        if self.failures.len() < MAX_LISTED {
            self.failures.push(failure.clone());
        }
    }
}

impl Failure {
    pub(super) fn new(path: PathBuf, bad: &BadPicture) -> Failure {
        Failure { path, reason: bad.reason().to_owned(), error: bad.to_string() }
    }
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.pictures
    }

    fn failed(&self) -> u64 {
        self.failed
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "predicted {}, {} could not be used", counted(self.pictures, "picture"), self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} were done before"),
        }
    }
}

/// A path as text, and beside it its bytes where it is no text: `path`, `path_bytes`.
mod path_text {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tagmill_model::path_of_bytes;

    #[derive(Serialize, Deserialize)]
    struct PathText {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path_bytes: Option<Vec<u8>>,
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = || path.as_os_str().as_encoded_bytes().to_vec();
        let path_bytes = path.to_str().is_none().then(bytes);
        PathText { path: path.to_string_lossy().into_owned(), path_bytes }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let PathText { path, path_bytes } = PathText::deserialize(deserializer)?;
        Ok(match path_bytes {
            Some(bytes) => path_of_bytes(bytes),
            None => path.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: PathBuf, expected: &str) {
        let failure = Failure::new(path, &BadPicture::Missing);
        let json = serde_json::to_string(&failure).unwrap();
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
    }

    #[test]
    fn the_list_is_bounded_and_the_counts_are_not() {
        let mut report = Report::new(0.5);
        for number in 0..MAX_LISTED + 5 {
            report.count(&Err(Failure::new(number.to_string().into(), &BadPicture::Missing)));
        }
        report.count(&Ok(Prediction { path: "a.jpg".into(), tags: Vec::new(), ratings: Vec::new() }));
        assert_eq!(report.failures.len(), MAX_LISTED);
        assert_eq!(report.failed_by_reason, BTreeMap::from([("missing".to_owned(), report.failed)]));
        assert_eq!(report.to_string(), "predicted 1 picture, 1005 could not be used");
    }

    #[test]
    fn every_path_comes_back_from_json() {
        check("a ä.jpg".into(), r#"{"path":"a ä.jpg","reason":"missing","error":"the file is missing"}"#);
        #[cfg(unix)]
        check(
            tagmill_model::path_of_bytes(b"a\xff".to_vec()),
            r#"{"path":"a�","path_bytes":[97,255],"reason":"missing","error":"the file is missing"}"#,
        );
    }
}
