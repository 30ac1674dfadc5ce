use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::EpochFigures;
use crate::Error;
use crate::network::Network;
use crate::run_folder::{CHECKPOINTS, Identity};
use crate::weights;

/// What a training that goes on needs to know, beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) identity: Identity,
    /// Steps of the optimiser.
    pub(super) steps: i64,
    /// A row for each epoch that is done.
    pub(super) history: Vec<EpochFigures>,
    /// The epoch whose weights `best.safetensors` holds; 0 for none.
    pub(super) best_epoch: u32,
    /// How far the epoch after those is.
    pub(super) begun: Begun,
}

/// What an epoch that is under way came to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Batches that the model has learned from.
    pub(super) batches: usize,
    /// The pictures in them.
    pub(super) pictures: u64,
    /// The sum of these pictures' losses.
    pub(super) loss: f64,
    /// Seconds that it took, those of earlier trainings included.
    pub(super) seconds: f64,
    /// Seconds of these in which the model waited for pictures.
    pub(super) waited: f64,
    /// The learning rate of the last step.
    pub(super) rate: f64,
}

impl State {
    pub(super) fn new(identity: Identity) -> State {
        State { identity, steps: 0, history: Vec::new(), best_epoch: 0, begun: Begun::default() }
    }

    pub(super) fn epochs(&self) -> u32 {
        self.history.len() as u32
    }

    /// Adds an epoch; says whether it is the best so far. Without validation pictures the last one is.
    pub(super) fn add(&mut self, epoch: EpochFigures) -> bool {
        let best = self.history.iter().filter_map(|epoch| epoch.validation_map).fold(f64::MIN, f64::max);
        let better = epoch.validation_map.is_none_or(|map| map > best);
        if better {
            self.best_epoch = epoch.epoch;
        }
        self.history.push(epoch);
        self.begun = Begun::default();
        better
    }

    /// Whether so many epochs have passed since the best one that another is not worth its time.
    pub(super) fn out_of_patience(&self, patience: Option<u32>) -> bool {
        patience.is_some_and(|patience| self.epochs() - self.best_epoch >= patience)
    }
}

/// The checkpoints of a run: the last one, with all that going on needs, and the best epoch's weights.
pub(super) struct Checkpoints {
    last: PathBuf,
    best: PathBuf,
}

impl Checkpoints {
    pub(super) fn of(run: &Path) -> Checkpoints {
        let folder = run.join(CHECKPOINTS);
        Checkpoints { last: folder.join("last.safetensors"), best: folder.join("best.safetensors") }
    }

    /// The state of the last checkpoint, if there is one.
    pub(super) fn state(&self) -> Result<Option<State>, Error> {
        if !self.last.exists() {
            return Ok(None);
        }
        let damaged = |fault: String| Error::MalformedRun { file: self.last.clone(), fault };
        let note =
            weights::note(&self.last)?.ok_or_else(|| damaged("it has no training state".to_owned()))?;
        serde_json::from_str(&note).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// Brings the network to where the last checkpoint left it. What holds its tensors is to be made afterwards.
    pub(super) fn restore_last(&self, network: &mut Network) -> Result<(), Error> {
        network.restore(&self.last)
    }

    /// Brings other tensors to where the last checkpoint left them.
    pub(super) fn load_last(&self, tensors: &[(String, Tensor)]) -> Result<(), Error> {
        weights::load(&self.last, tensors).map(drop)
    }

    /// Keeps all that going on needs: the network, other tensors, and the state.
    pub(super) fn keep(
        &self,
        network: &Network,
        others: Vec<(String, Tensor)>,
        state: &State,
    ) -> Result<(), Error> {
        let mut tensors = network.state(self.make_folder()?)?;
        tensors.extend(others);
        let note = serde_json::to_string(state).map_err(|error| Error::io(&self.last)(error.into()))?;
        weights::save(&self.last, &tensors, Some(note))
    }

    /// Keeps the best epoch's weights. Killed between this and [`Checkpoints::keep`], the training repeats that epoch and writes
    /// both again.
    pub(super) fn keep_best(&self, network: &Network) -> Result<(), Error> {
        weights::save(&self.best, &network.state(self.make_folder()?)?, None)
    }

    /// Gives the network the best epoch's weights.
    pub(super) fn restore_best(&self, network: &mut Network) -> Result<(), Error> {
        network.restore(&self.best)
    }

    fn make_folder(&self) -> Result<&Path, Error> {
        let folder = self.last.parent().expect("a checkpoint lies in a folder");
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        Ok(folder)
    }
}
