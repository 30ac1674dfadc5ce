//! The moving average of a network's tensors, which scores better than the tensors themselves while these still move
//! (Polyak and Juditsky 1992, <https://doi.org/10.1137/0330046>).

use tch::{TchError, Tensor};

use crate::Error;

/// An exponential moving average of tensors, as `timm` keeps it: weights and batch statistics alike.
pub(crate) struct Ema {
    decay: f64,
    pairs: Vec<Pair>,
}

struct Pair {
    name: String,
    live: Tensor,
    average: Tensor,
}

impl Ema {
    /// Starts with the tensors as they are.
    pub(crate) fn new(decay: f64, named: Vec<(String, Tensor)>) -> Result<Ema, TchError> {
        let pairs = named.into_iter().map(|(name, live)| {
            let average = copied(&live)?;
            Ok(Pair { name, live, average })
        });
        Ok(Ema { decay, pairs: pairs.collect::<Result<_, TchError>>()? })
    }

    /// Moves towards the tensors after a step, `steps` counted from 1. The first averages are short, so that the random start
    /// is soon forgotten.
    pub(crate) fn update(&mut self, steps: i64) -> Result<(), TchError> {
        let decay = self.decay.min((1 + steps) as f64 / (10 + steps) as f64);
        tch::no_grad(|| {
            self.pairs.iter_mut().try_for_each(|pair| pair.average.f_lerp_(&pair.live, 1.0 - decay).map(drop))
        })
    }

    /// Its tensors, as a checkpoint names them.
    pub(crate) fn state(&self) -> Vec<(String, Tensor)> {
        let state = self.pairs.iter();
        state.map(|pair| (format!("ema.{}", pair.name), pair.average.shallow_clone())).collect()
    }

    /// Does some work while the network has the averages for its tensors.
    pub(crate) fn lend<T>(&mut self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.exchange().map_err(Error::torch("averaging the weights"))?;
        let done = work();
        self.exchange().map_err(Error::torch("averaging the weights"))?;
        done
    }

    fn exchange(&mut self) -> Result<(), TchError> {
        tch::no_grad(|| {
            for pair in &mut self.pairs {
                let kept = copied(&pair.live)?;
                pair.live.f_copy_(&pair.average)?;
                pair.average.f_copy_(&kept)?;
            }
            Ok(())
        })
    }
}

fn copied(tensor: &Tensor) -> Result<Tensor, TchError> {
    tch::no_grad(|| {
        let mut copy = tensor.f_empty_like()?;
        copy.f_copy_(tensor)?;
        Ok(copy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_move_and_are_lent() {
        let live = Tensor::from_slice(&[0f32]);
        let mut ema = Ema::new(0.5, vec![("w".to_owned(), live.shallow_clone())]).unwrap();
        let set = |value: f64| drop(live.shallow_clone().fill_(value));
        set(1.0);
        // The first step keeps 2/11 of the old, and a late one what was asked for.
        ema.update(1).unwrap();
        let held = |ema: &Ema| ema.state()[0].1.double_value(&[0]);
        assert!((held(&ema) - 9.0 / 11.0).abs() < 1e-6);
        set(2.0);
        ema.update(1000).unwrap();
        let expected = 9.0 / 22.0 + 1.0;
        assert!((held(&ema) - expected).abs() < 1e-6);
        let lent = ema.lend(|| Ok(live.double_value(&[0]))).unwrap();
        assert!((lent - expected).abs() < 1e-6);
        assert_eq!(live.double_value(&[0]), 2.0);
        assert!((held(&ema) - expected).abs() < 1e-6);
    }
}
