use std::fs;
use std::path::Path;

use tagmill_model::{Outcome, Progress, Vocabulary, atomic, counted};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::checkpoint::{Checkpoints, State};
use super::data::{self, Pictures};
use super::material::Material;
use super::training::Training;
use super::{Augmentation, Config, Precision, Report, Settings};
use crate::backbone::Shape;
use crate::features::Features;
use crate::loss::Objective;
use crate::network::Network;
use crate::outputs::Outputs;
use crate::pixels;
use crate::run_folder::{self, Identity, RunConfig};
use crate::table::{self, Census, Table};
use crate::{Error, device, features, metrics, starting_weights, traced};

/// Trains a tagger, or goes on training one, or finds that it is trained.
///
/// Cancelled, it keeps the epochs that are done and returns; called again, it goes on from there.
///
/// # Errors
/// [`Error::RunDiffers`] where the folder holds another run, [`Error::RunInUse`] where another process trains it; what is wrong with the table, the settings or the disk; not
/// bad pictures, unless no good one is left.
pub fn run(mut config: Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    config.check()?;
    let device = config.device.resolve()?;
    config.settings.precision = match config.backbone {
        Some(_) => Precision::Float32,
        None => config.settings.precision.on(device),
    };
    if config.settings.freeze && config.settings.augmentation != Augmentation::NONE {
        info!("the backbone is frozen: pictures are not varied");
        config.settings.augmentation = Augmentation::NONE;
    }
    device::use_threads(config.threads);
    progress.start("reading the dataset", None);
    let table = match config.settings.label_weights {
        true => Table::read_with_confidences(&config.dataset)?,
        false => Table::read(&config.dataset)?,
    };
    let dataset_sha256 = table::sha256_of_file(&config.dataset)?;
    let [weights_sha256, backbone_sha256] = [&config.weights, &config.backbone]
        .map(|file| file.as_ref().map(|file| table::sha256_of_file(file)).transpose());
    let identity = Identity {
        dataset_sha256,
        weights_sha256: weights_sha256?,
        backbone_sha256: backbone_sha256?,
        settings: config.settings.clone(),
    };
    fs::create_dir_all(&config.run).map_err(Error::io(&config.run))?;
    let _lock = run_folder::lock(&config.run)?;
    let (mut state, kept) = standing(&config, identity.clone())?;
    if let Some(report) = kept {
        progress.finish();
        return Ok(report);
    }
    // A table without a vocabulary and weights that do not fit are known as such before hours of decoding, and before a run
    // makes room for this one.
    let mut sides = data::sides(&config.settings, &table)?;
    let census = table.census(&sides);
    let outputs = outputs(&config, &census)?;
    if config.weights.is_some() || config.backbone.is_some() {
        network(&config, &outputs, census.train, device, &mut Report::default())?;
    }
    if config.overwrite {
        run_folder::clear(&config.run)?;
    }
    progress.finish();
    let mut report =
        Report { resumed_after: state.epochs(), rows: table.rows, videos: table.videos, ..Report::default() };
    report.tell(&state);
    let Some(pixels) = data::decode(&config, &table, &mut report, progress, cancel)? else {
        return Ok(report);
    };
    report.near_duplicates = data::bring_together(&config.run, &identity, &mut sides, &table, &pixels)?;
    let census = table.census(&sides);
    let outputs = self::outputs(&config, &census)?;
    let vocabulary = &outputs.vocabulary;
    report.classes = vocabulary.len();
    info!(rows = table.rows, classes = vocabulary.len(), "read `{}`", config.dataset.display());
    let pictures = data::pictures(&config, &table, &sides, vocabulary, &pixels, &mut report)?;
    drop(table);
    let mut network = network(&config, &outputs, census.train, device, &mut report)?;
    let features = match config.settings.freeze {
        true => match freeze(&config, &mut network, &pictures, &mut report, progress, cancel)? {
            None => return Ok(report),
            features => features,
        },
        false => None,
    };
    let material = [(0, &pictures.train), (1, &pictures.validation)].map(|(number, side)| match &features {
        Some(features) => Material::Features(features.of(number, side)),
        None => Material::Pictures(side),
    });
    let num_features = network.length();
    let objective = Objective::new(&config.settings, &outputs.counts(), census.train, device)
        .map_err(Error::torch("making the loss"))?;
    let mut training = Training::new(&config, &material, network, objective, &state, progress, cancel)?;
    let completed = training.run(&mut state);
    report.tell(&state);
    if completed? {
        let run_config = RunConfig::new(identity, &outputs, num_features, census.train);
        finish(training, run_config, &outputs, &config.run, &mut report)?;
    }
    Ok(report)
}

/// A network with its first weights.
fn network(
    config: &Config,
    outputs: &Outputs,
    items: u64,
    device: tch::Device,
    report: &mut Report,
) -> Result<Network, Error> {
    let Settings { architecture, precision, image_size, seed, .. } = config.settings;
    let shape = config.backbone.clone().map_or(Shape::Resnet(architecture), Shape::Script);
    let mut network = Network::new(&shape, outputs.len(), image_size, precision, device)?;
    network.initialise(seed, &prior(&outputs.counts(), items))?;
    if let Some(weights) = &config.weights {
        report.weights = Some(starting_weights::load(weights, &network.named_backbone())?);
    }
    Ok(network)
}

/// Freezes the backbone and computes its features of both sides. `None` when cancelled.
fn freeze(
    config: &Config,
    network: &mut Network,
    pictures: &Pictures<'_>,
    report: &mut Report,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Option<Features>, Error> {
    network.freeze()?;
    let storage = pixels::storage(config.cache.as_deref(), &config.run);
    let sides = [&pictures.train, &pictures.validation];
    let precision = config.settings.precision;
    let (computed, features) = features::compute(network, precision, sides, &storage, progress, cancel)?;
    report.computed_features = computed;
    Ok(features)
}

/// The logarithm of the odds of each output: what a network that sees nothing should answer. It starts with that.
fn prior(counts: &[u64], items: u64) -> Vec<f32> {
    let odds = |count: &u64| {
        let share = (*count as f64 + 0.5) / (items as f64 + 1.0);
        (share / (1.0 - share)).ln() as f32
    };
    counts.iter().map(odds).collect()
}

/// What there is to begin with: a state to go on from, and the report of a finished run.
fn standing(config: &Config, identity: Identity) -> Result<(State, Option<Report>), Error> {
    if config.overwrite {
        return Ok((State::new(identity), None));
    }
    let checkpoint = Checkpoints::of(&config.run).state()?;
    let finished = run_folder::finished(&config.run)?;
    if config.resume && checkpoint.is_none() && finished.is_none() {
        return Err(Error::NothingToResume { run: config.run.clone() });
    }
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

/// Whether pictures that the finished run could not use have come since: it would now learn from more.
fn arrived_since(config: &Config) -> Result<Option<String>, Error> {
    let arrived = pixels::arrived_since(&config.run.join(run_folder::BAD_IMAGES), &config.media)?;
    Ok((arrived > 0)
        .then(|| format!("{} (missing or unusable there, new here)", counted(arrived as u64, "picture"))))
}

/// What a network is to tell apart: content classes, and the tags that occur often enough.
fn outputs(config: &Config, census: &Census) -> Result<Outputs, Error> {
    let Settings { min_tag_count, max_classes, .. } = config.settings;
    let vocabulary = Vocabulary::from_counts(census.counts.clone(), min_tag_count.max(1), max_classes);
    match vocabulary.is_empty() {
        true => Err(Error::EmptyVocabulary {
            dataset: config.dataset.clone(),
            min_tag_count,
            train_items: census.train,
        }),
        false => Ok(Outputs { ratings: census.ratings, vocabulary }),
    }
}

/// Turns the best epoch into a finished run. The config is written last: it marks the run as finished.
fn finish(
    training: Training<'_>,
    config: RunConfig,
    outputs: &Outputs,
    run: &Path,
    report: &mut Report,
) -> Result<(), Error> {
    let Some((judged, network)) = training.judge_best()? else { return Ok(()) };
    let (judged, vocabulary) = (judged.view(), &outputs.vocabulary);
    let thresholds = metrics::choose(&judged);
    report.validation =
        (judged.items() > 0).then(|| metrics::figures(&judged, &thresholds, &training_counts(vocabulary)));
    report.outcome = Outcome::Completed;
    let tags = run.join(run_folder::TAGS);
    network.save(run, run_folder::WEIGHTS)?;
    traced::write(run, &config)?;
    atomic::write(&tags, &outputs.to_csv()).map_err(Error::io(&tags))?;
    run_folder::write_thresholds(run, &thresholds, vocabulary)?;
    run_folder::write_json(&run.join(run_folder::METRICS), report)?;
    run_folder::write_json(&run.join(run_folder::CONFIG), &config)
}

fn training_counts(vocabulary: &Vocabulary) -> Vec<u64> {
    vocabulary.classes().iter().map(|class| class.count).collect()
}
