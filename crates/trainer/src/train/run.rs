use std::fs;
use std::path::Path;

use tagmill_model::{Class, Outcome, Progress, Vocabulary, atomic};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::checkpoint::{Checkpoints, State};
use super::data::{self, Pictures};
use super::{Config, EpochFigures, Report, Settings, epoch};
use crate::batches::Epoch;
use crate::network::Network;
use crate::optimiser::AdamW;
use crate::pixels;
use crate::run_folder::{self, Identity, RunConfig};
use crate::table::{self, Census, Table};
use crate::tensorboard::Events;
use crate::{Error, device, metrics, weights};

/// Trains a tagger, or goes on training one, or finds that it is trained.
///
/// Cancelled, it keeps the epochs that are done and returns; called again, it goes on from there.
///
/// # Errors
/// [`Error::RunDiffers`] where the folder holds another run; what is wrong with the table, the settings or the disk; not
/// bad pictures, unless no good one is left.
pub fn run(mut config: Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    config.settings.check()?;
    let device = config.device.resolve()?;
    config.settings.precision = config.settings.precision.on(device);
    device::use_threads(config.threads);
    progress.start("reading the dataset", None);
    let table = Table::read(&config.dataset)?;
    let dataset_sha256 = table::sha256(&config.dataset)?;
    let identity = Identity { dataset_sha256, settings: config.settings.clone() };
    fs::create_dir_all(&config.run).map_err(Error::io(&config.run))?;
    let (mut state, kept) = standing(&config, identity.clone())?;
    if let Some(report) = kept {
        progress.finish();
        return Ok(report);
    }
    // A table without a vocabulary is known as such before hours of decoding.
    let mut sides = data::sides(&config.settings, &table)?;
    vocabulary(&config, &table.census(&sides))?;
    progress.finish();
    let mut report =
        Report { resumed_after: state.epochs(), rows: table.rows, videos: table.videos, ..Report::default() };
    report.tell(&state);
    let Some(pixels) = data::decode(&config, &table, &mut report, progress, cancel)? else {
        return Ok(report);
    };
    report.near_duplicates = data::bring_together(&config.run, &identity, &mut sides, &table, &pixels)?;
    let census = table.census(&sides);
    let vocabulary = vocabulary(&config, &census)?;
    report.classes = vocabulary.len();
    info!(rows = table.rows, classes = vocabulary.len(), "read `{}`", config.dataset.display());
    let pictures = data::pictures(&config, &table, &sides, &vocabulary, &pixels, &mut report)?;
    drop(table);
    let Settings { architecture, precision, .. } = config.settings;
    let network = Network::new(architecture, vocabulary.len(), precision, device)?;
    let mut training = Training { config: &config, network, pictures, progress, cancel };
    training.epochs(&mut state, &prior(&vocabulary, &census))?;
    report.tell(&state);
    if state.epochs() == config.settings.epochs {
        training.finish(&mut report, RunConfig::new(identity, &vocabulary, census.train), &vocabulary)?;
    }
    Ok(report)
}

/// What the run folder holds already: a state to go on from, and the report of a finished run.
fn standing(config: &Config, identity: Identity) -> Result<(State, Option<Report>), Error> {
    if config.overwrite {
        run_folder::clear(&config.run)?;
        return Ok((State::new(identity), None));
    }
    let checkpoint = Checkpoints::of(&config.run).state()?;
    let finished = run_folder::finished(&config.run)?;
    let there = finished.as_ref().or(checkpoint.as_ref().map(|state| &state.identity));
    let mut differences = there.map(|there| there.differences(&identity)).unwrap_or_default();
    if finished.is_some() && differences.is_empty() {
        differences.extend(arrived_since(config)?);
    }
    if !differences.is_empty() {
        return Err(Error::RunDiffers { run: config.run.clone(), differences });
    }
    let kept = match finished {
        Some(_) => {
            let report: Report = run_folder::read_json(&config.run.join(run_folder::METRICS))?;
            Some(Report { already_trained: true, ..report })
        }
        None => None,
    };
    Ok((checkpoint.unwrap_or_else(|| State::new(identity)), kept))
}

/// Whether pictures that the finished run missed have come since: it would now learn from more.
fn arrived_since(config: &Config) -> Result<Option<String>, Error> {
    let rejected = pixels::read_rejected(&config.run.join(run_folder::BAD_IMAGES))?;
    let arrived = rejected.iter().filter(|rejected| rejected.arrived(&config.media)).count();
    Ok((arrived > 0).then(|| format!("{arrived} pictures (missing there, present here)")))
}

fn vocabulary(config: &Config, census: &Census) -> Result<Vocabulary, Error> {
    let Settings { min_tag_count, max_classes, .. } = config.settings;
    let vocabulary = Vocabulary::from_counts(census.counts.clone(), min_tag_count.max(1), max_classes);
    match vocabulary.is_empty() {
        true => Err(Error::EmptyVocabulary {
            dataset: config.dataset.clone(),
            min_tag_count,
            train_items: census.train,
        }),
        false => Ok(vocabulary),
    }
}

/// The logarithm of the odds of each class: what a network that sees nothing should answer. It starts with that.
fn prior(vocabulary: &Vocabulary, census: &Census) -> Vec<f32> {
    let odds = |class: &Class| {
        let share = (class.count as f64 + 0.5) / (census.train as f64 + 1.0);
        (share / (1.0 - share)).ln() as f32
    };
    vocabulary.classes().iter().map(odds).collect()
}

/// What a training works with, once everything is read.
struct Training<'a> {
    config: &'a Config,
    network: Network,
    pictures: Pictures<'a>,
    progress: &'a dyn Progress,
    cancel: &'a CancellationToken,
}

impl Training<'_> {
    /// Trains the epochs that are left, until cancelled.
    fn epochs(&mut self, state: &mut State, prior: &[f32]) -> Result<(), Error> {
        let settings = &self.config.settings;
        let checkpoints = Checkpoints::of(&self.config.run);
        let done = state.epochs();
        let resnet = &mut self.network.resnet;
        let mut optimiser = AdamW::new(resnet.parameters()).map_err(Error::torch("making the optimiser"))?;
        if done > 0 {
            checkpoints.resume(resnet, &mut optimiser, state)?;
            info!(epoch = done, "going on after epoch {done}");
        } else {
            resnet.initialise(settings.seed, prior).map_err(Error::torch("making the network"))?;
        }
        let shown = Epoch::pictures(self.pictures.train.len(), settings.batch_size) as u64;
        let mut events = self.events(optimiser.steps)?;
        self.progress.start("training", Some(u64::from(settings.epochs - done) * shown));
        for number in done + 1..=settings.epochs {
            let Some(figures) = self.epoch(&mut optimiser, number)? else { break };
            debug!(
                epoch = number,
                loss = figures.train_loss,
                map = figures.validation_map,
                "epoch {number} done"
            );
            if let Some(events) = &mut events {
                events.epoch(optimiser.steps as u64, &figures)?;
            }
            checkpoints.save(&self.network.resnet, &optimiser, state, figures)?;
            write_history(&self.config.run, state)?;
        }
        self.progress.finish();
        Ok(())
    }

    /// Where curves for TensorBoard go, for a training that has done `steps` steps.
    fn events(&self, steps: i64) -> Result<Option<Events>, Error> {
        let folder = self.config.run.join(run_folder::TENSORBOARD);
        self.config.tensorboard.then(|| Events::create(&folder, steps as u64)).transpose()
    }

    /// Trains and judges one epoch. `None` when cancelled.
    fn epoch(&self, optimiser: &mut AdamW, number: u32) -> Result<Option<EpochFigures>, Error> {
        let (settings, network) = (&self.config.settings, &self.network);
        let (train, validation) = (&self.pictures.train, &self.pictures.validation);
        let trained = epoch::train(network, optimiser, train, settings, number, self.progress, self.cancel)?;
        let Some(trained) = trained else { return Ok(None) };
        let Some(judged) = epoch::judge(network, validation, settings.batch_size, self.cancel)? else {
            return Ok(None);
        };
        let any = validation.len() > 0;
        Ok(Some(EpochFigures {
            epoch: number,
            train_loss: trained.loss,
            validation_loss: any.then_some(judged.loss),
            validation_map: any.then(|| metrics::mean_average_precision(&judged.view())),
            learning_rate: trained.rate,
            seconds: trained.seconds,
            images_per_second: trained.pictures as f64 / trained.seconds,
        }))
    }

    /// Turns the best epoch into a finished run. The config is written last: it marks the run as finished.
    fn finish(&self, report: &mut Report, config: RunConfig, vocabulary: &Vocabulary) -> Result<(), Error> {
        let (run, resnet) = (&self.config.run, &self.network.resnet);
        Checkpoints::of(run).restore_best(resnet)?;
        let validation = &self.pictures.validation;
        let batch_size = self.config.settings.batch_size;
        let Some(judged) = epoch::judge(&self.network, validation, batch_size, self.cancel)? else {
            return Ok(());
        };
        let judged = judged.view();
        let thresholds = metrics::choose(&judged);
        report.validation = (validation.len() > 0)
            .then(|| metrics::figures(&judged, &thresholds, &training_counts(vocabulary)));
        report.outcome = Outcome::Completed;
        let tags = run.join(run_folder::TAGS);
        weights::save(&run.join(run_folder::WEIGHTS), &resnet.named(), None)?;
        atomic::write(&tags, &run_folder::tags_csv(vocabulary)).map_err(Error::io(&tags))?;
        run_folder::write_thresholds(run, &thresholds, vocabulary)?;
        run_folder::write_json(&run.join(run_folder::METRICS), report)?;
        run_folder::write_json(&run.join(run_folder::CONFIG), &config)
    }
}

fn training_counts(vocabulary: &Vocabulary) -> Vec<u64> {
    vocabulary.classes().iter().map(|class| class.count).collect()
}

fn write_history(run: &Path, state: &State) -> Result<(), Error> {
    let header = [
        "epoch",
        "train_loss",
        "validation_loss",
        "validation_map",
        "learning_rate",
        "seconds",
        "images_per_second",
    ];
    run_folder::write_csv(&run.join(run_folder::HISTORY), &header, &state.history)
}
