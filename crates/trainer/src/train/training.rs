//! From pictures to weights: epochs, steps and checkpoints.

use std::time::Instant;

use tagmill_model::Progress;
use tch::{TchError, Tensor};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::checkpoint::{Begun, Checkpoints, State};
use super::epoch::{self, JudgedEpoch};
use super::material::{Material, Shown};
use super::{Config, EpochFigures, Settings};
use crate::batches::{Batch, Epoch};
use crate::ema::Ema;
use crate::loss::Objective;
use crate::network::Network;
use crate::optimiser::{self, AdamW};
use crate::run_folder;
use crate::tensorboard::Events;
use crate::{Error, memory, metrics};

/// How many steps lie between two points of a curve of steps.
const POINT_EVERY: u64 = 10;

/// A training under way.
pub(super) struct Training<'a> {
    config: &'a Config,
    train: &'a Material<'a>,
    validation: &'a Material<'a>,
    network: Network,
    objective: Objective,
    optimiser: AdamW,
    ema: Option<Ema>,
    checkpoints: Checkpoints,
    events: Option<Events>,
    /// When the last checkpoint was kept.
    kept: Instant,
    progress: &'a dyn Progress,
    cancel: &'a CancellationToken,
}

impl<'a> Training<'a> {
    /// Begins with the network as it is, or as the last checkpoint left it.
    pub(super) fn new(
        config: &'a Config,
        [train, validation]: &'a [Material<'a>; 2],
        mut network: Network,
        objective: Objective,
        state: &State,
        progress: &'a dyn Progress,
        cancel: &'a CancellationToken,
    ) -> Result<Training<'a>, Error> {
        let checkpoints = Checkpoints::of(&config.run);
        let goes_on = state.steps > 0;
        if goes_on {
            checkpoints.restore_last(&mut network)?;
        }
        let making = || {
            let optimiser = AdamW::new(network.parameters())?;
            let ema = config.settings.ema.map(|decay| Ema::new(decay, network.changing())).transpose()?;
            Ok((optimiser, ema))
        };
        let (mut optimiser, ema) = making().map_err(Error::torch("making the optimiser"))?;
        optimiser.steps = state.steps;
        let folder = config.run.join(run_folder::TENSORBOARD);
        let events = config.tensorboard.then(|| Events::create(&folder, state.steps as u64)).transpose()?;
        let kept = Instant::now();
        let training = Training {
            config,
            train,
            validation,
            network,
            objective,
            optimiser,
            ema,
            checkpoints,
            events,
            kept,
            progress,
            cancel,
        };
        if goes_on {
            training.checkpoints.load_last(&training.others())?;
            info!(epoch = state.epochs(), steps = state.steps, "going on after epoch {}", state.epochs());
        }
        Ok(training)
    }

    /// Trains the epochs that are left. Returns whether it came to the end of them: not when cancelled.
    pub(super) fn run(&mut self, state: &mut State) -> Result<bool, Error> {
        let settings = &self.config.settings;
        let (_, pictures) = self.train.batches(settings.batch_size);
        let left = u64::from(settings.epochs - state.epochs()) * pictures as u64;
        let left = left.saturating_sub(state.begun.pictures);
        self.progress.start("training", Some(left));
        let mut goes_on = true;
        while goes_on && !finished(settings, state) {
            goes_on = self.epoch(state)?;
        }
        // Whoever was killed between the last checkpoint and its line has an epoch more than lines.
        write_history(self.config, state)?;
        self.progress.finish();
        Ok(goes_on)
    }

    /// Trains and judges one epoch, and keeps it. Returns false when cancelled.
    fn epoch(&mut self, state: &mut State) -> Result<bool, Error> {
        if !self.learn(state)? {
            return Ok(false);
        }
        let (number, begun) = (state.epochs() + 1, state.begun);
        let Some(judged) = self.judge()? else {
            // The whole epoch is worth keeping, though not judged.
            self.keep(state)?;
            return Ok(false);
        };
        let any = self.validation.len() > 0;
        let figures = EpochFigures {
            epoch: number,
            train_loss: begun.loss / begun.pictures.max(1) as f64,
            validation_loss: any.then_some(judged.loss),
            validation_map: metrics::mean_average_precision(&judged.view()),
            learning_rate: begun.rate,
            seconds: begun.seconds,
            images_per_second: begun.pictures as f64 / begun.seconds,
            data_wait: begun.waited / begun.seconds,
        };
        if let Some(events) = &mut self.events {
            events.epoch(self.optimiser.steps as u64, &figures)?;
        }
        debug!(
            epoch = number,
            loss = figures.train_loss,
            map = figures.validation_map,
            "epoch {number} done"
        );
        if state.add(figures) {
            let (checkpoints, network) = (&self.checkpoints, &self.network);
            averaged(&mut self.ema, || checkpoints.keep_best(network))?;
        }
        self.keep(state)?;
        write_history(self.config, state)?;
        Ok(true)
    }

    /// Shows the network each picture once. Returns false when cancelled.
    fn learn(&mut self, state: &mut State) -> Result<bool, Error> {
        let settings = &self.config.settings;
        let number = state.epochs() + 1;
        let epoch = Epoch {
            seed: settings.seed,
            number,
            batch_size: settings.batch_size,
            skip: state.begun.batches,
            outputs: self.network.outputs(),
            augmentation: settings.augmentation,
            shown: settings.shown(number),
            device: self.network.device(),
        };
        let (batches, _) = self.train.batches(settings.batch_size);
        let train = self.train;
        std::thread::scope(|scope| {
            let mut ready = train.training(epoch, scope);
            while state.begun.batches < batches {
                if self.cancel.is_cancelled() {
                    if state.begun.batches > 0 {
                        self.keep(state)?;
                    }
                    return Ok(false);
                }
                let start = Instant::now();
                let count = settings.accumulate.min(batches - state.begun.batches);
                self.step(state, ready.by_ref().take(count), count, batches)?;
                state.begun.seconds += start.elapsed().as_secs_f64();
                self.note(number, &state.begun);
                if self.kept.elapsed() >= self.config.checkpoint_every {
                    self.keep(state)?;
                }
            }
            Ok(true)
        })
    }

    /// One step of the optimiser, down the mean gradient of `count` batches.
    fn step(
        &mut self,
        state: &mut State,
        ready: impl Iterator<Item = Result<Shown, Error>>,
        count: usize,
        batches: usize,
    ) -> Result<(), Error> {
        let settings = &self.config.settings;
        let mut asked = Instant::now();
        let mut losses = 0.0;
        for batch in ready {
            let batch = batch?;
            state.begun.waited += asked.elapsed().as_secs_f64();
            let learned = batch.learn(&self.network, &self.objective, &mut self.optimiser, count);
            let loss = learned.map_err(|error| self.failure(error))?;
            if !loss.is_finite() {
                return Err(Error::Diverged { epoch: state.epochs() + 1 });
            }
            losses += loss / count as f64;
            let begun = &mut state.begun;
            begun.loss += loss * batch.len() as f64;
            begun.pictures += batch.len() as u64;
            begun.batches += 1;
            self.progress.advance(batch.len() as u64);
            asked = Instant::now();
        }
        let steps = |batches: usize| batches.div_ceil(settings.accumulate) as u64;
        let total = steps(batches) * u64::from(settings.epochs);
        let warmup = (total as f64 * settings.warmup) as u64;
        let done = u64::from(state.epochs()) * steps(batches) + steps(state.begun.batches) - 1;
        let rate = optimiser::rate(done, total, warmup, settings.learning_rate);
        let mut step = || {
            let stepped = self.optimiser.step(rate, settings.weight_decay, settings.max_gradient_norm)?;
            if let (true, Some(ema)) = (stepped, &mut self.ema) {
                ema.update(self.optimiser.steps)?;
            }
            Ok(stepped)
        };
        if !step().map_err(Error::torch("training"))? {
            return Err(Error::Diverged { epoch: state.epochs() + 1 });
        }
        state.begun.rate = rate;
        let steps = self.optimiser.steps as u64;
        match &mut self.events {
            Some(events) if steps.is_multiple_of(POINT_EVERY) => {
                events.scalars(steps, &[("step/loss", losses), ("step/learning_rate", rate)])
            }
            _ => Ok(()),
        }
    }

    /// What to say of a step that failed. Where memory ran out, it is worth a few steps on black pictures to say what fits.
    fn failure(&self, error: TchError) -> Error {
        let batch_size = self.config.settings.batch_size;
        if !memory::ran_out(&error) {
            return Error::torch("training")(error);
        }
        let on_cpu = self.network.device() == tch::Device::Cpu;
        let fits = memory::largest_fitting(batch_size, |pictures| {
            !(on_cpu && memory::is_strained()) && self.try_step(pictures).is_ok()
        });
        Error::OutOfMemory { batch_size, fits }
    }

    /// A step that nobody learns from, as far as its gradients.
    fn try_step(&self, pictures: usize) -> Result<(), TchError> {
        let size = self.config.settings.image_size;
        let pixels = vec![0; pictures * (size * size * 3) as usize];
        let batch = Batch::new(pixels, Vec::new(), pictures, size, self.network.device())?;
        let sum = self.network.forward(&batch, true)?.f_sum(tch::Kind::Float)?;
        let parameters = self.network.parameters().iter().filter(|parameter| parameter.trainable);
        let tensors: Vec<&Tensor> = parameters.map(|parameter| &parameter.tensor).collect();
        Tensor::f_run_backward(&[&sum], &tensors, false, false).map(drop)
    }

    /// Scores the validation pictures. `None` when cancelled.
    fn judge(&mut self) -> Result<Option<JudgedEpoch>, Error> {
        let (validation, batch_size) = (self.validation, self.config.settings.batch_size);
        let (network, objective, cancel) = (&self.network, &self.objective, self.cancel);
        averaged(&mut self.ema, || epoch::judge(network, objective, validation, batch_size, cancel))
    }

    /// Gives the network the best epoch's weights, scores the validation pictures with them, and hands both over. `None` when
    /// cancelled.
    pub(super) fn judge_best(mut self) -> Result<Option<(JudgedEpoch, Network)>, Error> {
        self.checkpoints.restore_best(&mut self.network)?;
        // What was kept as the best are averages already.
        self.ema = None;
        Ok(self.judge()?.map(|judged| (judged, self.network)))
    }

    fn keep(&mut self, state: &mut State) -> Result<(), Error> {
        state.steps = self.optimiser.steps;
        self.checkpoints.keep(&self.network, self.others(), state)?;
        self.kept = Instant::now();
        Ok(())
    }

    /// What going on needs beside the network.
    fn others(&self) -> Vec<(String, Tensor)> {
        let mut tensors = self.optimiser.state();
        tensors.extend(self.ema.iter().flat_map(Ema::state));
        tensors
    }

    fn note(&self, number: u32, begun: &Begun) {
        let loss = begun.loss / begun.pictures.max(1) as f64;
        let (speed, waited) = (begun.pictures as f64 / begun.seconds, 100.0 * begun.waited / begun.seconds);
        let epochs = self.config.settings.epochs;
        self.progress.note(&format!(
            "epoch {number}/{epochs}, loss {loss:.3}, {speed:.0} pictures/s, {waited:.1} % waiting for data"
        ));
    }
}

/// Whether there is no epoch left to train.
fn finished(settings: &Settings, state: &State) -> bool {
    state.epochs() == settings.epochs || state.out_of_patience(settings.patience)
}

fn averaged<T>(ema: &mut Option<Ema>, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    match ema {
        Some(ema) => ema.lend(work),
        None => work(),
    }
}

fn write_history(config: &Config, state: &State) -> Result<(), Error> {
    let header = [
        "epoch",
        "train_loss",
        "validation_loss",
        "validation_map",
        "learning_rate",
        "seconds",
        "images_per_second",
        "data_wait",
    ];
    run_folder::write_csv(&config.run.join(run_folder::HISTORY), &header, &state.history)
}
