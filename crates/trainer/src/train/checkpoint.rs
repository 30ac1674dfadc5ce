use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EpochFigures;
use crate::Error;
use crate::network::Network;
use crate::optimiser::AdamW;
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
}

impl State {
    pub(super) fn new(identity: Identity) -> State {
        State { identity, steps: 0, history: Vec::new(), best_epoch: 0 }
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
        better
    }
}

/// The checkpoints of a run: the last epoch's, with all that going on needs, and the best epoch's weights.
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

    /// Brings the network to where the last checkpoint left it. An optimiser is to be made afterwards.
    pub(super) fn restore_last(&self, network: &mut Network) -> Result<(), Error> {
        network.restore(&self.last)
    }

    /// Brings the optimiser to where the last checkpoint left it.
    pub(super) fn resume(&self, optimiser: &mut AdamW, state: &State) -> Result<(), Error> {
        weights::load(&self.last, &optimiser.state())?;
        optimiser.steps = state.steps;
        Ok(())
    }

    /// Keeps an epoch. Killed between the two files, the training repeats that epoch and writes both again.
    pub(super) fn save(
        &self,
        network: &Network,
        optimiser: &AdamW,
        state: &mut State,
        epoch: EpochFigures,
    ) -> Result<(), Error> {
        let folder = self.last.parent().expect("a checkpoint lies in a folder");
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        state.steps = optimiser.steps;
        let mut tensors = network.state(folder)?;
        if state.add(epoch) {
            weights::save(&self.best, &tensors, None)?;
        }
        let note = serde_json::to_string(state).map_err(|error| Error::io(&self.last)(error.into()))?;
        tensors.extend(optimiser.state());
        weights::save(&self.last, &tensors, Some(note))
    }

    /// Gives the network the best epoch's weights.
    pub(super) fn restore_best(&self, network: &mut Network) -> Result<(), Error> {
        network.restore(&self.best)
    }
}
