use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A row of a run's `seen_items.csv`.
#[derive(Deserialize)]
struct Seen {
    image: String,
    side: String,
}

/// A row of its `validation/predictions.csv`.
#[derive(Deserialize)]
struct Judged {
    image: String,
}

/// Fails where a picture's bytes stand on two sides of a run's split, under whatever names; else tells how many
/// pictures of different bytes there are.
pub(super) fn apart(run: &Path, media: &Path) -> Result<u64> {
    let seen = super::rows::<Seen>(&run.join("seen_items.csv"))?;
    let judged = super::rows::<Judged>(&run.join("validation/predictions.csv"))?;
    let all = seen
        .into_iter()
        .map(|row| (row.image, row.side))
        .chain(judged.into_iter().map(|row| (row.image, "test".to_owned())));
    let mut contents = HashMap::new();
    for (image, side) in all {
        let path = media.join(&image);
        let bytes = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let first = contents.entry(Sha256::digest(&bytes)).or_insert_with(|| (image.clone(), side.clone()));
        if first.1 != side {
            bail!("one picture stands on both sides: `{}` ({}) and `{image}` ({side})", first.0, first.1);
        }
    }
    Ok(contents.len() as u64)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A run that has seen and judged these pictures, each with its bytes.
    #[track_caller]
    fn check(train: &[(&str, &str)], test: &[(&str, &str)], expected: Result<u64, &str>) {
        let run = TempDir::new().unwrap();
        let mut seen = "id,image,side\n".to_owned();
        let mut judged = "id,image,tags,predictions\n".to_owned();
        for (name, bytes) in train {
            seen += &format!("1,{name},train\n");
            fs::write(run.path().join(name), bytes).unwrap();
        }
        for (name, bytes) in test {
            judged += &format!("1,{name},[],[]\n");
            fs::write(run.path().join(name), bytes).unwrap();
        }
        fs::create_dir(run.path().join("validation")).unwrap();
        fs::write(run.path().join("seen_items.csv"), seen).unwrap();
        fs::write(run.path().join("validation/predictions.csv"), judged).unwrap();
        let found = apart(run.path(), run.path()).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn copies_on_one_side_are_one_picture() {
        check(&[("a.png", "1"), ("b.png", "1"), ("c.png", "2")], &[("d.png", "3")], Ok(3));
    }

    #[test]
    fn a_copy_on_the_other_side_is_an_error() {
        let error = "one picture stands on both sides: `a.png` (train) and `b.png` (test)";
        check(&[("a.png", "1"), ("c.png", "2")], &[("b.png", "1")], Err(error));
    }
}
