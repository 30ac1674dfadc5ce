//! AdamW (Loshchilov and Hutter 2017, <https://arxiv.org/abs/1711.05101>) over tensors that a checkpoint can hold.

use std::f64::consts::PI;

use rayon::prelude::*;
use tch::{TchError, Tensor};

use crate::device;
use crate::network::Parameter;

/// Numbers a pass on the CPU: with its moments, a piece of this many stays in a core's cache between the operations on it. It
/// is below the 32,768 from which libtorch itself divides an operation between its threads: it would do so ten times a piece.
const PIECE: i64 = 32_000;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The state of AdamW for a list of parameters.
pub(crate) struct AdamW {
    pub(crate) steps: i64,
    weights: Vec<Weight>,
    /// The sum of the gradients since the last step, in the weights' order; empty where there are none.
    gradients: Vec<Tensor>,
}

struct Weight {
    name: String,
    value: Tensor,
    /// Means of the gradient and of its square, decaying; one number for each of the weight's.
    mean: Tensor,
    square: Tensor,
    /// Weights decay. Biases, scales and shifts do not.
    decays: bool,
}

impl AdamW {
    /// Starts with moments of zero, for the trainable ones among `parameters`.
    pub(crate) fn new(parameters: &[Parameter]) -> Result<AdamW, TchError> {
        device::keep_rayon_to_itself();
        let trainable = parameters.iter().filter(|parameter| parameter.trainable);
        let weights = trainable.map(|parameter| -> Result<Weight, TchError> {
            let value = parameter.tensor.shallow_clone();
            let (mean, square) = (value.f_zeros_like()?, value.f_zeros_like()?);
            Ok(Weight { name: parameter.name.clone(), decays: value.dim() > 1, value, mean, square })
        });
        Ok(AdamW { steps: 0, weights: weights.collect::<Result<_, _>>()?, gradients: Vec::new() })
    }

    /// Its tensors, as a checkpoint names them.
    pub(crate) fn state(&self) -> Vec<(String, Tensor)> {
        let state = self.weights.iter().flat_map(|weight| {
            [("mean", &weight.mean), ("square", &weight.square)]
                .map(|(kind, tensor)| (format!("adamw.{kind}.{}", weight.name), tensor.shallow_clone()))
        });
        state.collect()
    }

    /// Adds the gradient of `loss` to those that the next step follows.
    pub(crate) fn add(&mut self, loss: &Tensor) -> Result<(), TchError> {
        let values: Vec<&Tensor> = self.weights.iter().map(|weight| &weight.value).collect();
        let gradients = Tensor::f_run_backward(&[loss], &values, false, false)?;
        // Of a weight that the loss does not depend on libtorch gives none.
        let or_nothing = |(gradient, value): (Tensor, &&Tensor)| match gradient.defined() {
            true => Ok(gradient),
            false => value.f_zeros_like(),
        };
        self.add_gradients(gradients.into_iter().zip(&values).map(or_nothing).collect::<Result<_, _>>()?)
    }

    /// As [`AdamW::add`], with gradients that are there already, one a trainable parameter, in their order.
    pub(crate) fn add_gradients(&mut self, gradients: Vec<Tensor>) -> Result<(), TchError> {
        if self.gradients.is_empty() {
            self.gradients = gradients;
            return Ok(());
        }
        let sums = self.gradients.iter_mut().zip(&gradients);
        sums.map(|(sum, gradient)| sum.f_add_(gradient)).try_for_each(|sum| sum.map(drop))
    }

    /// One step down the gradients that were added since the last, their common norm cut to `clip`. Returns false, and leaves
    /// the weights as they are, where that norm is no number or infinite.
    pub(crate) fn step(&mut self, rate: f64, decay: f64, clip: f64) -> Result<bool, TchError> {
        let gradients = std::mem::take(&mut self.gradients);
        tch::no_grad(|| {
            let squares = gradients.iter().map(|gradient| gradient.f_norm()?.f_square());
            let squares = Tensor::f_stack(&squares.collect::<Result<Vec<_>, _>>()?, 0)?;
            let norm = squares.f_sum(tch::Kind::Float)?.f_sqrt()?.f_double_value(&[])?;
            if !norm.is_finite() {
                return Ok(false);
            }
            let shrink = (clip / (norm + 1e-6)).min(1.0);
            self.steps += 1;
            let step = Step::new(self.steps, rate, shrink);
            let mut pieces = Vec::new();
            for (weight, gradient) in self.weights.iter().zip(&gradients) {
                let decay = if weight.decays { rate * decay } else { 0.0 };
                pieces.extend(weight.pieces(gradient, decay)?);
            }
            step.all(pieces)?;
            Ok(true)
        })
    }
}

impl Weight {
    /// Cuts the weight, its moments and its gradient for the CPU's caches; a GPU takes them whole.
    fn pieces(&self, gradient: &Tensor, decay: f64) -> Result<Vec<Piece>, TchError> {
        let gradient = gradient.f_contiguous()?.f_view(-1)?;
        let [value, mean, square] = [self.value.f_view(-1)?, self.mean.f_view(-1)?, self.square.f_view(-1)?];
        let total = gradient.numel() as i64;
        let length = if gradient.device() == tch::Device::Cpu { PIECE } else { total };
        let pieces = (0..total).step_by(length as usize).map(|start| {
            let piece = |tensor: &Tensor| tensor.f_narrow(0, start, length.min(total - start));
            Ok(Piece {
                value: piece(&value)?,
                mean: piece(&mean)?,
                square: piece(&square)?,
                gradient: piece(&gradient)?,
                decay,
            })
        });
        pieces.collect()
    }
}

/// A part of a weight.
struct Piece {
    value: Tensor,
    mean: Tensor,
    square: Tensor,
    gradient: Tensor,
    /// The share of the value that the step takes away.
    decay: f64,
}

/// What one step has in common for all weights.
#[derive(Clone, Copy)]
struct Step {
    rate: f64,
    shrink: f64,
    /// The root of the correction of the second moment.
    correction: f64,
}

impl Step {
    fn new(steps: i64, rate: f64, shrink: f64) -> Step {
        let rate = rate / (1.0 - BETA1.powi(steps as i32));
        Step { rate, shrink, correction: (1.0 - BETA2.powi(steps as i32)).sqrt() }
    }

    /// Takes the step on all cores, unless libtorch is to keep to one. Its own threads are at rest meanwhile.
    fn all(self, pieces: Vec<Piece>) -> Result<(), TchError> {
        // Whether gradients are tracked is a thread's own affair.
        let one = |piece| tch::no_grad(|| self.one(piece));
        match tch::get_num_threads() {
            1 => pieces.into_iter().try_for_each(one),
            _ => pieces.into_par_iter().try_for_each(one),
        }
    }

    fn one(self, mut piece: Piece) -> Result<(), TchError> {
        let gradient = piece.gradient.f_mul_scalar(self.shrink)?;
        let _ = piece.mean.f_lerp_(&gradient, 1.0 - BETA1)?;
        let _ = piece.square.f_lerp_(&gradient.f_square()?, 1.0 - BETA2)?;
        let scale = piece.square.f_sqrt()?.f_div_scalar_(self.correction)?.f_add_scalar_(EPSILON)?;
        let step = piece.mean.f_div(&scale)?.f_mul_scalar_(self.rate)?;
        let _ = piece.value.f_mul_scalar_(1.0 - piece.decay)?.f_sub_(&step)?;
        Ok(())
    }
}

/// The learning rate at a step: a straight rise to `peak`, then half a cosine down to nothing.
pub(crate) fn rate(step: u64, steps: u64, warmup: u64, peak: f64) -> f64 {
    if step < warmup {
        return peak * (step + 1) as f64 / warmup as f64;
    }
    let share = (step - warmup) as f64 / (steps - warmup).max(1) as f64;
    peak * 0.5 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    fn parameter(name: &str, values: &[f32], shape: &[i64]) -> Parameter {
        let tensor = Tensor::from_slice(values).view(shape).set_requires_grad(true);
        Parameter { name: name.to_owned(), tensor, trainable: true }
    }

    #[test]
    fn a_gradient_that_is_no_number_changes_nothing() {
        let parameters = [parameter("fc.weight", &[1.0, -2.0], &[1, 2])];
        let mut optimiser = AdamW::new(&parameters).unwrap();
        for fault in [f64::NAN, f64::INFINITY] {
            optimiser.add(&(&parameters[0].tensor * fault).sum(Kind::Float)).unwrap();
            assert!(!optimiser.step(0.1, 0.5, 1.0).unwrap());
        }
        assert_eq!((parameters[0].tensor.double_value(&[0, 0]), optimiser.steps), (1.0, 0));
        optimiser.add(&parameters[0].tensor.sum(Kind::Float)).unwrap();
        assert!(optimiser.step(0.1, 0.5, 1.0).unwrap());
    }

    #[test]
    fn a_weight_that_nothing_depends_on_stays() {
        let parameters = [parameter("fc.weight", &[1.0], &[1]), parameter("other.bias", &[3.0], &[1])];
        let mut optimiser = AdamW::new(&parameters).unwrap();
        for _ in 0..2 {
            optimiser.add(&(&parameters[0].tensor * 2.0).sum(Kind::Float)).unwrap();
        }
        assert!(optimiser.step(0.1, 0.0, 1e9).unwrap());
        assert!(parameters[0].tensor.double_value(&[0]) < 1.0);
        assert_eq!(parameters[1].tensor.double_value(&[0]), 3.0);
    }

    /// Two steps by hand: loss = sum of 3w, so the gradient is 3 and each step is `rate` long, but for epsilon.
    #[test]
    fn steps_as_the_paper_says() {
        let weight = parameter("fc.weight", &[1.0, -2.0], &[1, 2]);
        let bias = parameter("fc.bias", &[0.5], &[1]);
        let parameters = [weight, bias];
        let mut optimiser = AdamW::new(&parameters).unwrap();
        for _ in 0..2 {
            let loss = (&parameters[0].tensor * 3.0).sum(Kind::Float)
                + (&parameters[1].tensor * 3.0).sum(Kind::Float);
            optimiser.add(&loss).unwrap();
            optimiser.step(0.1, 0.5, 1e9).unwrap();
        }
        // w <- 0.95 w - 0.1, twice; the bias does not decay.
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        near(parameters[0].tensor.double_value(&[0, 0]), (0.95 - 0.1) * 0.95 - 0.1);
        near(parameters[0].tensor.double_value(&[0, 1]), (-1.9 - 0.1) * 0.95 - 0.1);
        near(parameters[1].tensor.double_value(&[0]), 0.3);
    }

    #[test]
    fn clipping_bounds_the_moments() {
        let parameters = [parameter("fc.bias", &[0.0, 0.0], &[2])];
        let mut optimiser = AdamW::new(&parameters).unwrap();
        let loss = || (&parameters[0].tensor * Tensor::from_slice(&[30f32, 40.0])).sum(Kind::Float);
        // Twice half the loss is the loss.
        (0..2).for_each(|_| optimiser.add(&(loss() * 0.5)).unwrap());
        optimiser.step(0.1, 0.0, 1.0).unwrap();
        let mean = &optimiser.state()[0].1;
        assert!((mean.double_value(&[0]) - 0.06).abs() < 1e-5);
        assert!((mean.double_value(&[1]) - 0.08).abs() < 1e-5);
    }

    #[test]
    fn a_long_weight_moves_in_pieces() {
        let n = PIECE + 3;
        let weight = Parameter {
            name: "w".to_owned(),
            tensor: Tensor::zeros([n], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true),
            trainable: true,
        };
        let mut optimiser = AdamW::new(std::slice::from_ref(&weight)).unwrap();
        optimiser.add(&weight.tensor.sum(Kind::Float)).unwrap();
        optimiser.step(0.1, 0.0, 1e9).unwrap();
        assert!((weight.tensor.min().double_value(&[]) + 0.1).abs() < 1e-4);
        assert!((weight.tensor.max().double_value(&[]) + 0.1).abs() < 1e-4);
    }

    #[test]
    fn the_rate_rises_and_falls() {
        assert_eq!(rate(0, 100, 10, 1.0), 0.1);
        assert_eq!(rate(9, 100, 10, 1.0), 1.0);
        assert_eq!(rate(10, 100, 10, 1.0), 1.0);
        assert!(rate(99, 100, 10, 1.0) < 1e-3);
        assert_eq!(rate(0, 1, 0, 1.0), 1.0);
    }
}
