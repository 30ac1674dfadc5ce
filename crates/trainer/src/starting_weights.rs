//! Weights that somebody else trained, to start from: torchvision's and timm's state dicts as safetensors files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};
use tracing::{info, warn};

use crate::Error;
use crate::network::is_head;
use crate::weights::{fill, shape};

/// Names that a message shows; it says how many there are.
const SHOWN: usize = 3;

/// What batch normalisation counts, and nobody needs.
const UNNEEDED: &str = "num_batches_tracked";

/// What became of a file of weights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The backbone's tensors that were taken from the file.
    pub matched: u64,
    /// The backbone's tensors that the file has not, and that begin untrained.
    pub missing: Vec<String>,
    /// The backbone's tensors that the file has in another shape, and that begin untrained.
    pub other_shape: Vec<String>,
    /// The file's tensors that the network has no place for, by the file's names. The file's head is not among them: a network
    /// for other classes has another.
    pub unused: Vec<String>,
}

/// Fills a backbone's tensors from a file's tensors of the same names, whatever those have in front in common, such as
/// `model.`; 16-bit and 64-bit floats are converted. Says what matched, and logs it.
///
/// # Errors
/// [`Error::PickledWeights`]; [`Error::UnusableWeights`] where it is no safetensors file, or fewer than half of the backbone's
/// tensors are in it.
pub(crate) fn load(path: &Path, backbone: &[(String, Tensor)]) -> Result<Matched, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let unusable = |fault: String| Error::UnusableWeights { file: path.to_owned(), fault };
    if is_pickle(&bytes) {
        return Err(Error::PickledWeights { file: path.to_owned() });
    }
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| unusable(format!("it is no whole safetensors file ({error})")))?;
    let theirs: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let prefix = prefix(backbone, &theirs);
    let mut matched = Matched::default();
    let mut pairs = Vec::new();
    for (name, tensor) in backbone {
        match theirs.get(&format!("{prefix}{name}")).map(|view| (view, kind(view.dtype()))) {
            Some((view, Some(kind))) if shape(view) == tensor.size() => pairs.push((view, kind, tensor)),
            Some((view, _)) => {
                let (dtype, found) = (view.dtype(), shape(view));
                matched.other_shape.push(format!("{name} ({dtype} {found:?}, not {:?})", tensor.size()));
            }
            None => matched.missing.push(name.clone()),
        }
    }
    let known: BTreeSet<String> = backbone.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
    let is_unused = |name: &&String| {
        let plain = name.strip_prefix(prefix.as_str()).unwrap_or(name);
        !known.contains(*name) && !is_head(plain) && !plain.ends_with(UNNEEDED)
    };
    matched.unused = theirs.keys().filter(is_unused).cloned().collect();
    matched.matched = pairs.len() as u64;
    if pairs.len() * 2 < backbone.len() {
        return Err(unusable(too_few(pairs.len(), backbone, &theirs)));
    }
    for (view, kind, tensor) in pairs {
        fill(tensor, view, kind)?;
    }
    matched.tell(path, backbone.len());
    Ok(matched)
}

impl Matched {
    fn tell(&self, path: &Path, all: usize) {
        let Matched { matched, missing, other_shape, unused } = self;
        let path = path.display();
        info!(matched, "{matched} of the backbone's {all} tensors come from `{path}`");
        for (names, what) in [
            (missing, "are not in it, and begin untrained"),
            (other_shape, "have another shape in it, and begin untrained"),
            (unused, "of it have no place in the network"),
        ] {
            if !names.is_empty() {
                warn!(tensors = names.len(), "`{path}`: {} {what}", some(names));
            }
        }
    }
}

/// What most of the file's names have in front of the backbone's.
fn prefix(backbone: &[(String, Tensor)], theirs: &BTreeMap<String, TensorView<'_>>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for theirs in theirs.keys() {
        let prefixes = backbone.iter().filter_map(|(name, _)| theirs.strip_suffix(name.as_str()));
        for prefix in prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.')) {
            *counts.entry(prefix).or_default() += 1;
        }
    }
    // `layer1.0.bn1.weight` ends like `bn1.weight`, so that there are others, but they fit fewer. Of equals, the shortest.
    let best = counts.iter().max_by_key(|(prefix, count)| (**count, std::cmp::Reverse(prefix.len())));
    best.map(|(prefix, _)| (*prefix).to_owned()).unwrap_or_default()
}

/// The two formats of `torch.save`: a zip file, and before version 1.6 a bare pickle.
fn is_pickle(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x80\x02")
}

fn kind(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F64 => Some(Kind::Double),
        Dtype::F32 => Some(Kind::Float),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        _ => None,
    }
}

fn too_few(
    matched: usize,
    backbone: &[(String, Tensor)],
    theirs: &BTreeMap<String, TensorView<'_>>,
) -> String {
    let ours: Vec<String> = backbone.iter().map(|(name, _)| name.clone()).collect();
    let theirs: Vec<String> = theirs.keys().cloned().collect();
    format!(
        "only {matched} of the backbone's {} tensors are in it with the same shape; the backbone has {}; the file has {}",
        backbone.len(),
        some(&ours),
        some(&theirs)
    )
}

/// A few names, and how many more there are.
fn some(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > SHOWN => format!("{} and {} others", shown.join(", "), count - SHOWN),
        _ => shown.join(", "),
    }
}
