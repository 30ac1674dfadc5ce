use std::path::Path;

use rayon::prelude::*;
use tagmill_model::Vocabulary;
use tagmill_model::picture::{BadPicture, Limits};

use crate::Picture;
use crate::batches::Batch;
use crate::network::Network;
use crate::predict::ScoredTag;
use crate::resnet::Precision;
use crate::run_folder::{RunConfig, RunFolder, WEIGHTS};
use crate::{Device, Error, metrics};

/// Pictures that go through the network at a time. Always the same number where there are enough: libtorch may choose
/// another algorithm, and so other last bits, for another number.
const AT_ONCE: usize = 32;

/// A finished run, ready to tag pictures.
pub struct Tagger {
    network: Network,
    folder: RunFolder,
}

impl Tagger {
    /// Loads the run in a folder.
    ///
    /// # Errors
    /// [`Error::IncompleteRun`] where a file is not there, [`Error::MalformedRun`] where one is damaged, and
    /// [`Error::VocabularyMismatch`] where the vocabulary is another model's.
    pub fn load(run: &Path, device: Device) -> Result<Tagger, Error> {
        let folder = RunFolder::open(run)?;
        let settings = &folder.config.tagmill.identity.settings;
        let classes = folder.vocabulary.len();
        let device = device.resolve()?;
        // A machine that is not built for 16 bits would take them very slowly, and 32 hold the same scores.
        let precision = match settings.precision {
            Precision::Bfloat16 => Precision::Auto.on(device),
            other => other,
        };
        let shape = folder.config.shape(run);
        let network = Network::new(&shape, classes, folder.config.image_size(), precision, device)?;
        network.load(&run.join(WEIGHTS))?;
        Ok(Tagger { network, folder })
    }

    /// The classes, in the order of the scores.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.folder.vocabulary
    }

    /// The score from which a tag counts as predicted, as the validation pictures chose it.
    pub fn threshold(&self) -> f32 {
        self.folder.threshold
    }

    /// The width and height of the pictures it takes.
    pub fn image_size(&self) -> u32 {
        self.folder.config.image_size()
    }

    /// Decodes files on all cores and scores them. What cannot be decoded stands in its place with the reason.
    ///
    /// # Errors
    /// [`Error::Torch`], when memory runs out.
    pub fn predict<P: AsRef<Path> + Sync>(
        &self,
        paths: &[P],
    ) -> Result<Vec<Result<Vec<f32>, BadPicture>>, Error> {
        let (size, limits) = (self.image_size(), Limits::default());
        let open = |path: &P| Picture::open(path.as_ref(), size, &limits);
        let pictures: Vec<_> = paths.par_iter().map(open).collect();
        self.score_each(pictures)
    }

    /// Scores pictures of [`Tagger::image_size`]: for each, a probability for each class of the vocabulary.
    ///
    /// # Errors
    /// [`Error::Torch`], when memory runs out or a picture has another size.
    pub fn score(&self, pictures: &[Picture]) -> Result<Vec<Vec<f32>>, Error> {
        let mut scores = Vec::with_capacity(pictures.len());
        for pictures in pictures.chunks(AT_ONCE) {
            let pixels = pictures.iter().map(Picture::pixels).collect::<Vec<_>>().concat();
            let score = || {
                let (size, device) = (self.image_size(), self.network.device());
                let batch = Batch::new(&pixels, &[], pictures.len(), size, device)?;
                Network::scores(&self.network.forward(&batch, false)?)
            };
            let values = tch::no_grad(score).map_err(Error::torch("scoring pictures"))?;
            scores.extend(values.chunks(self.network.classes()).map(<[f32]>::to_vec));
        }
        Ok(scores)
    }

    /// The tags of the highest scores, highest first; of equal scores the commoner tag first.
    pub fn best(&self, scores: &[f32], count: usize) -> Vec<ScoredTag> {
        let tag = |class: usize| {
            Some(ScoredTag { name: self.vocabulary().name(class)?.to_owned(), score: scores[class] })
        };
        metrics::top(scores, count).into_iter().filter_map(tag).collect()
    }

    /// Scores those pictures that are there.
    pub(crate) fn score_each(
        &self,
        pictures: Vec<Result<Picture, BadPicture>>,
    ) -> Result<Vec<Result<Vec<f32>, BadPicture>>, Error> {
        let mut good = Vec::with_capacity(pictures.len());
        let places: Vec<Result<(), BadPicture>> =
            pictures.into_iter().map(|picture| picture.map(|picture| good.push(picture))).collect();
        let mut scores = self.score(&good)?.into_iter();
        let mut next = || scores.next().expect("there is a row for each picture that was pushed");
        Ok(places.into_iter().map(|place| place.map(|()| next())).collect())
    }

    pub(crate) fn config(&self) -> &RunConfig {
        &self.folder.config
    }
}
