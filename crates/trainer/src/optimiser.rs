//! AdamW (Loshchilov and Hutter 2017, <https://arxiv.org/abs/1711.05101>) over tensors that a checkpoint can hold.

use std::f64::consts::PI;

use tch::{TchError, Tensor};

use crate::network::Parameter;

/// Numbers a pass: with its moments, a piece of this many stays in a core's cache between the operations on it.
const PIECE: i64 = 1 << 16;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The state of AdamW for a list of parameters.
pub(crate) struct AdamW {
    pub(crate) steps: i64,
    weights: Vec<Weight>,
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
        let trainable = parameters.iter().filter(|parameter| parameter.trainable);
        let weights = trainable.map(|parameter| -> Result<Weight, TchError> {
            let value = parameter.tensor.shallow_clone();
            let (mean, square) = (value.f_zeros_like()?, value.f_zeros_like()?);
            Ok(Weight { name: parameter.name.clone(), decays: value.dim() > 1, value, mean, square })
        });
        Ok(AdamW { steps: 0, weights: weights.collect::<Result<_, _>>()? })
    }

    /// Its tensors, as a checkpoint names them.
    pub(crate) fn state(&self) -> Vec<(String, Tensor)> {
        let state = self.weights.iter().flat_map(|weight| {
            [("mean", &weight.mean), ("square", &weight.square)]
                .map(|(kind, tensor)| (format!("adamw.{kind}.{}", weight.name), tensor.shallow_clone()))
        });
        state.collect()
    }

    /// One step down the gradients of `loss`, their common norm cut to `clip`.
    pub(crate) fn step(&mut self, loss: &Tensor, rate: f64, decay: f64, clip: f64) -> Result<(), TchError> {
        let values: Vec<&Tensor> = self.weights.iter().map(|weight| &weight.value).collect();
        let gradients = Tensor::f_run_backward(&[loss], &values, false, false)?;
        self.follow(&gradients, rate, decay, clip)
    }

    /// One step down gradients, one a trainable parameter, in their order.
    pub(crate) fn follow(
        &mut self,
        gradients: &[Tensor],
        rate: f64,
        decay: f64,
        clip: f64,
    ) -> Result<(), TchError> {
        tch::no_grad(|| {
            let squares = gradients.iter().map(|gradient| gradient.f_norm()?.f_square());
            let squares = Tensor::f_stack(&squares.collect::<Result<Vec<_>, _>>()?, 0)?;
            let norm = squares.f_sum(tch::Kind::Float)?.f_sqrt()?.f_double_value(&[])?;
            let shrink = (clip / (norm + 1e-6)).min(1.0);
            self.steps += 1;
            for (weight, gradient) in self.weights.iter().zip(gradients) {
                let decay = if weight.decays { decay } else { 0.0 };
                weight.step(&gradient.f_contiguous()?.f_view(-1)?, self.steps, rate, decay, shrink)?;
            }
            Ok(())
        })
    }
}

impl Weight {
    fn step(
        &self,
        gradient: &Tensor,
        steps: i64,
        rate: f64,
        decay: f64,
        shrink: f64,
    ) -> Result<(), TchError> {
        let correction1 = 1.0 - BETA1.powi(steps as i32);
        let correction2 = (1.0 - BETA2.powi(steps as i32)).sqrt();
        let flat = [&self.value, &self.mean, &self.square].map(|tensor| tensor.f_view(-1));
        let [value, mean, square] = flat;
        let (value, mean, square) = (value?, mean?, square?);
        let total = gradient.numel() as i64;
        for start in (0..total).step_by(PIECE as usize) {
            let piece = |tensor: &Tensor| tensor.f_narrow(0, start, PIECE.min(total - start));
            let (mut value, mut mean, mut square) = (piece(&value)?, piece(&mean)?, piece(&square)?);
            let gradient = piece(gradient)?.f_mul_scalar(shrink)?;
            let _ = mean.f_lerp_(&gradient, 1.0 - BETA1)?;
            let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - BETA2)?;
            let scale = square.f_sqrt()?.f_div_scalar_(correction2)?.f_add_scalar_(EPSILON)?;
            let step = mean.f_div(&scale)?.f_mul_scalar_(rate / correction1)?;
            let _ = value.f_mul_scalar_(1.0 - rate * decay)?.f_sub_(&step)?;
        }
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
            optimiser.step(&loss, 0.1, 0.5, 1e9).unwrap();
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
        let loss = (&parameters[0].tensor * Tensor::from_slice(&[30f32, 40.0])).sum(Kind::Float);
        optimiser.step(&loss, 0.1, 0.0, 1.0).unwrap();
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
        optimiser.step(&weight.tensor.sum(Kind::Float), 0.1, 0.0, 1e9).unwrap();
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
