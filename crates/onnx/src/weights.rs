//! The network's tensors, as numbers.

use std::cell::RefCell;
use std::collections::BTreeSet;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::Error;

/// What batch normalisation adds to the variance, in torchvision's networks and timm's.
const EPSILON: f64 = 1e-5;

/// A file's tensors, of which each is asked for once.
pub(crate) struct Weights<'a> {
    file: &'a SafeTensors<'a>,
    unused: RefCell<BTreeSet<&'a str>>,
}

/// A convolution with its batch normalisation folded in.
pub(crate) struct Folded {
    pub(crate) shape: [usize; 4],
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(file: &'a SafeTensors<'a>) -> Weights<'a> {
        Weights { file, unused: RefCell::new(file.names().into_iter().collect()) }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// The shape of a tensor, whatever it is.
    pub(crate) fn shape(&self, name: &str) -> Result<Vec<usize>, Error> {
        let tensor = self.file.tensor(name).map_err(|_| Error::Missing { name: name.to_owned() })?;
        Ok(tensor.shape().to_vec())
    }

    /// The numbers of a tensor of a shape.
    pub(crate) fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let tensor = self.file.tensor(name).map_err(|_| Error::Missing { name: name.to_owned() })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(Error::Mismatch {
                name: name.to_owned(),
                found: format!("{} {:?}", tensor.dtype(), tensor.shape()),
                expected: format!("F32 {shape:?}"),
            });
        }
        self.unused.borrow_mut().remove(name);
        let (numbers, _) = tensor.data().as_chunks();
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// A convolution of a shape, `[out, in, height, width]`, with the batch normalisation behind it.
    pub(crate) fn fold(&self, conv: &str, norm: &str, shape: [usize; 4]) -> Result<Folded, Error> {
        let [out, ..] = shape;
        let mut weight = self.take(&format!("{conv}.weight"), &shape)?;
        let of_norm = |part: &str| self.take(&format!("{norm}.{part}"), &[out]);
        let (scale, shift) = (of_norm("weight")?, of_norm("bias")?);
        let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
        // How many batches the means are of says nothing about them.
        self.unused.borrow_mut().remove(format!("{norm}.num_batches_tracked").as_str());
        let mut bias = Vec::with_capacity(out);
        for (channel, weights) in weight.chunks_exact_mut(shape[1..].iter().product()).enumerate() {
            let factor = f64::from(scale[channel]) / (f64::from(variance[channel]) + EPSILON).sqrt();
            weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * factor) as f32);
            bias.push((f64::from(shift[channel]) - f64::from(mean[channel]) * factor) as f32);
        }
        Ok(Folded { shape, weight, bias })
    }

    /// Whether every tensor was asked for.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.unused.borrow().first() {
            Some(name) => Err(Error::Foreign { name: (*name).to_owned() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    fn bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn file(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
        let data: Vec<Vec<u8>> = tensors.iter().map(|(_, _, numbers)| bytes(numbers)).collect();
        let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
            (*name, TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    /// One channel of one weight: what the convolution gives, less the mean, by the deviation, scaled and shifted.
    #[test]
    fn a_folded_convolution_does_the_work_of_both() {
        let file = file(&[
            ("c.weight", &[2, 1, 1, 1], &[3.0, -1.0]),
            ("n.weight", &[2], &[2.0, 0.5]),
            ("n.bias", &[2], &[0.25, 1.0]),
            ("n.running_mean", &[2], &[1.0, -2.0]),
            ("n.running_var", &[2], &[4.0, 0.0]),
        ]);
        let file = SafeTensors::deserialize(&file).unwrap();
        let weights = Weights::new(&file);
        let folded = weights.fold("c", "n", [2, 1, 1, 1]).unwrap();
        let x = 0.7_f64;
        for (channel, (weight, scale, shift, mean, variance)) in
            [(3.0, 2.0, 0.25, 1.0, 4.0), (-1.0, 0.5, 1.0, -2.0, 0.0)].into_iter().enumerate()
        {
            let expected = (weight * x - mean) / (variance + EPSILON).sqrt() * scale + shift;
            let found = f64::from(folded.weight[channel]) * x + f64::from(folded.bias[channel]);
            assert!((found - expected).abs() < 1e-4 * expected.abs(), "{found} {expected}");
        }
        weights.finish().unwrap();
    }

    #[test]
    fn what_is_missing_or_other_is_named() {
        let file = file(&[("a", &[2], &[1.0, 2.0]), ("b", &[1], &[0.0])]);
        let file = SafeTensors::deserialize(&file).unwrap();
        let weights = Weights::new(&file);
        assert_eq!(weights.take("c", &[1]).unwrap_err().to_string(), "there is no tensor `c`");
        assert_eq!(weights.take("a", &[3]).unwrap_err().to_string(), "`a` is F32 [2], not F32 [3]");
        assert_eq!(weights.take("a", &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!(weights.finish().unwrap_err().to_string(), "`b` belongs to no part of a residual network");
    }
}
