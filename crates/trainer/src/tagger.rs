use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tagmill_model::Vocabulary;
use tagmill_model::picture::{BadPicture, Limits};

use crate::Picture;
use crate::batches::Batch;
use crate::network::{Network, values};
use crate::outputs::{Outputs, RATINGS};
use crate::predict::{ScoredTag, Selection, Selector};
use crate::resnet::Precision;
use crate::run_folder::{RunConfig, RunFolder, WEIGHTS, read_thresholds};
use crate::{Device, Error, metrics};

/// Pictures that go through the network at a time. Always the same number where there are enough: libtorch may choose
/// another algorithm, and so other last bits, for another number.
pub(crate) const AT_ONCE: usize = 32;

/// Pictures that wait decoded, at the most.
const DECODED_AT_ONCE: usize = 32 * AT_ONCE;

/// What the model says of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureScores {
    /// For each class of the vocabulary the probability, 0 to 1, that the picture shows it.
    pub tags: Vec<f32>,
    /// The same for the content classes, in the order of [`Tagger::RATINGS`].
    pub ratings: [f32; RATINGS.len()],
}

/// What a batch came to: its pictures' scores, and where they were asked for, their feature vectors.
type Seen = (Vec<PictureScores>, Vec<Vec<f32>>);

/// A finished run, ready to tag pictures.
pub struct Tagger {
    network: Network,
    run: PathBuf,
    folder: RunFolder,
}

impl Tagger {
    /// The content classes that it tells apart beside the tags. `pol`, which says what a picture is about, is a tag.
    pub const RATINGS: [&str; RATINGS.len()] = [RATINGS[0].0, RATINGS[1].0, RATINGS[2].0, RATINGS[3].0];

    /// Loads the run in a folder, on a GPU where there is one (CUDA or MPS), else on the CPU.
    ///
    /// # Errors
    /// [`Error::IncompleteRun`] where a file is not there, [`Error::MalformedRun`] where one is damaged, and
    /// [`Error::VocabularyMismatch`] where the vocabulary is another model's.
    pub fn load(run: impl AsRef<Path>) -> Result<Tagger, Error> {
        Tagger::load_on(run, Device::Auto)
    }

    /// As [`Tagger::load`], on a device of choice.
    ///
    /// # Errors
    /// As [`Tagger::load`], and [`Error::NoDevice`].
    pub fn load_on(run: impl AsRef<Path>, device: Device) -> Result<Tagger, Error> {
        let run = run.as_ref().to_owned();
        let folder = RunFolder::open(&run)?;
        let settings = &folder.config.tagmill.identity.settings;
        let outputs = folder.outputs.len();
        let device = device.resolve()?;
        // A machine that is not built for 16 bits would take them very slowly, and 32 hold the same scores.
        let precision = match settings.precision {
            Precision::Bfloat16 => Precision::Auto.on(device),
            other => other,
        };
        let shape = folder.config.shape(&run);
        let network = Network::new(&shape, outputs, folder.config.image_size(), precision, device)?;
        network.load(&run.join(WEIGHTS))?;
        Ok(Tagger { network, run, folder })
    }

    /// The classes, in the order of the scores.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.folder.outputs.vocabulary
    }

    /// The score from which a tag counts as predicted, as the validation pictures chose it.
    pub fn threshold(&self) -> f32 {
        self.folder.threshold
    }

    /// The width and height of the pictures it takes.
    pub fn image_size(&self) -> u32 {
        self.folder.config.image_size()
    }

    /// How many numbers a feature vector has.
    pub fn features(&self) -> usize {
        self.folder.config.num_features as usize
    }

    /// Decodes files on all cores and scores them. What cannot be decoded stands in its place with the reason.
    ///
    /// # Errors
    /// [`Error::Torch`], when memory runs out.
    pub fn predict<P: AsRef<Path> + Sync>(
        &self,
        paths: &[P],
    ) -> Result<Vec<Result<PictureScores, BadPicture>>, Error> {
        let (size, limits) = (self.image_size(), Limits::default());
        let open = |path: &P| Picture::open(path.as_ref(), size, &limits);
        let mut scores = Vec::with_capacity(paths.len());
        for paths in paths.chunks(DECODED_AT_ONCE) {
            scores.extend(self.score_each(paths.par_iter().map(open).collect())?);
        }
        Ok(scores)
    }

    /// Scores pictures of [`Tagger::image_size`].
    ///
    /// # Errors
    /// [`Error::Torch`], when memory runs out or a picture has another size.
    pub fn score(&self, pictures: &[Picture]) -> Result<Vec<PictureScores>, Error> {
        Ok(self.see(pictures, false)?.0)
    }

    /// The feature vectors of pictures of [`Tagger::image_size`]: what the last layer sees, [`Tagger::features`] numbers
    /// each. Pictures that look alike to the model have vectors that point the same way.
    ///
    /// # Errors
    /// As [`Tagger::score`].
    pub fn embed(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>, Error> {
        Ok(self.see(pictures, true)?.1)
    }

    /// What [`Tagger::score`] and, where it is asked for, [`Tagger::embed`] return, of one pass through the network.
    pub(crate) fn see(&self, pictures: &[Picture], embed: bool) -> Result<Seen, Error> {
        let (size, device) = (self.image_size(), self.network.device());
        let (mut scores, mut vectors) = (Vec::with_capacity(pictures.len()), Vec::new());
        for pictures in pictures.chunks(AT_ONCE) {
            let pixels = pictures.iter().map(Picture::pixels).collect::<Vec<_>>().concat();
            let look = || {
                let batch = Batch::new(pixels, Vec::new(), pictures.len(), size, device)?;
                let features = self.network.features(&batch, false)?;
                let logits = self.network.classify(&features)?;
                let (ratings, tags) = (Network::ratings(&logits)?, Network::scores(&logits)?);
                let rows = ratings.as_chunks().0.iter().zip(tags.chunks(self.network.classes()));
                scores.extend(
                    rows.map(|(ratings, tags)| PictureScores { tags: tags.to_vec(), ratings: *ratings }),
                );
                if embed {
                    vectors.extend(values(&features)?.chunks(self.features()).map(<[f32]>::to_vec));
                }
                Ok(())
            };
            tch::no_grad(look).map_err(Error::torch("scoring pictures"))?;
        }
        Ok((scores, vectors))
    }

    /// The tags of the highest scores, highest first; of equal scores the commoner tag first.
    pub fn best(&self, scores: &[f32], count: usize) -> Vec<ScoredTag> {
        self.named(scores, metrics::top(scores, count))
    }

    /// Looks up what a selection goes by in the run: its thresholds.
    ///
    /// # Errors
    /// [`Error::IncompleteRun`], [`Error::MalformedRun`] and [`Error::VocabularyMismatch`] for the files of thresholds.
    pub fn selector(&self, selection: &Selection) -> Result<Selector, Error> {
        Selector::new(selection, self.threshold(), || read_thresholds(&self.run, self.vocabulary()))
    }

    /// The tags that a selection takes, highest score first; of equal scores the commoner tag first.
    pub fn select(&self, scores: &[f32], selector: &Selector) -> Vec<ScoredTag> {
        self.named(scores, selector.select(scores))
    }

    /// The content classes with their scores, in the order of [`Tagger::RATINGS`].
    pub fn ratings(scores: &PictureScores) -> Vec<ScoredTag> {
        let named = Tagger::RATINGS.iter().zip(scores.ratings);
        named.map(|(name, score)| ScoredTag { name: (*name).to_owned(), score }).collect()
    }

    fn named(&self, scores: &[f32], classes: Vec<usize>) -> Vec<ScoredTag> {
        let tag = |class: usize| {
            Some(ScoredTag { name: self.vocabulary().name(class)?.to_owned(), score: scores[class] })
        };
        classes.into_iter().filter_map(tag).collect()
    }

    /// Scores those pictures that are there.
    pub(crate) fn score_each(
        &self,
        pictures: Vec<Result<Picture, BadPicture>>,
    ) -> Result<Vec<Result<PictureScores, BadPicture>>, Error> {
        in_places(pictures, |pictures| self.score(&pictures))
    }

    /// Whether the model leaves the cores to others while it computes.
    pub(crate) fn leaves_cores_free(&self) -> bool {
        self.network.device().is_cuda()
    }

    pub(crate) fn outputs(&self) -> &Outputs {
        &self.folder.outputs
    }

    pub(crate) fn config(&self) -> &RunConfig {
        &self.folder.config
    }
}

/// Works on those that are there, all at once, and puts what they came to into their places among those that are not.
pub(crate) fn in_places<T, R, E>(
    places: Vec<Result<T, E>>,
    work: impl FnOnce(Vec<T>) -> Result<Vec<R>, Error>,
) -> Result<Vec<Result<R, E>>, Error> {
    let mut there = Vec::with_capacity(places.len());
    let places: Vec<Result<(), E>> =
        places.into_iter().map(|place| place.map(|one| there.push(one))).collect();
    let mut results = work(there)?.into_iter();
    let mut next = || results.next().expect("there is a result for each that was worked on");
    Ok(places.into_iter().map(|place| place.map(|()| next())).collect())
}
