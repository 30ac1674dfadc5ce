//! The loss of a linear head on feature vectors, and its gradients in closed form.

use tch::{Kind, TchError, Tensor};

/// Binary cross-entropy, summed over the classes, averaged over the pictures, and its gradients for the head.
///
/// With logits x, the loss of a class is softplus(x) where it is not shown and softplus(x) - x where it is, so that its slope
/// is sigmoid(x), less one where it is shown. Neither needs labels as dense as the logits, nor a graph to go back.
pub(crate) struct Descent {
    /// On average over the pictures.
    pub(crate) loss: f64,
    /// Shapes `[classes, features]` and `[classes]`.
    pub(crate) gradients: [Tensor; 2],
}

/// What follows from `logits`, shape `[n, classes]`, of `features`, shape `[n, features]`, where the places `shown` of the
/// flat logits are true. Takes the logits' memory.
pub(crate) fn descend(mut logits: Tensor, features: &Tensor, shown: &Tensor) -> Result<Descent, TchError> {
    let pictures = logits.size()[0];
    let loss = loss(&logits, shown)?;
    let slopes = logits.f_sigmoid_()?;
    let minus_one = Tensor::f_full(shown.size(), -1.0, (Kind::Float, slopes.device()))?;
    let _ = slopes.f_view(-1)?.f_index_add_(0, shown, &minus_one)?;
    // In double precision the count is exact; the division is left to the smaller of the tensors.
    let weight = slopes.f_tr()?.f_mm(features)?.f_div_scalar_(pictures)?;
    let bias = slopes.f_sum_dim_intlist(0i64, false, Kind::Float)?.f_div_scalar_(pictures)?;
    Ok(Descent { loss, gradients: [weight, bias] })
}

/// The loss alone.
pub(crate) fn loss(logits: &Tensor, shown: &Tensor) -> Result<f64, TchError> {
    let all = logits.f_softplus()?.f_sum(Kind::Float)?.f_double_value(&[])?;
    let true_ones = logits.f_view(-1)?.f_index_select(0, shown)?.f_sum(Kind::Float)?.f_double_value(&[])?;
    Ok((all - true_ones) / logits.size()[0] as f64)
}

/// The places of the shown classes in flat logits.
pub(crate) fn shown<'a>(
    classes: impl Iterator<Item = &'a [u32]>,
    count: usize,
    device: tch::Device,
) -> Result<Tensor, TchError> {
    let places: Vec<i64> = classes
        .enumerate()
        .flat_map(|(row, classes)| classes.iter().map(move |class| (row * count) as i64 + i64::from(*class)))
        .collect();
    Tensor::f_from_slice(&places)?.f_to_device(device)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Reduction};

    use super::*;

    /// What libtorch's own loss and its graph give.
    #[test]
    fn the_closed_form_is_what_a_graph_gives() {
        let number = |shape: &[i64], scale: f64| {
            let count: i64 = shape.iter().product();
            let line = Tensor::arange(count, (Kind::Float, Device::Cpu));
            ((line * 0.37).sin() * scale).view(shape)
        };
        let (features, weight) = (number(&[5, 7], 9.0), number(&[3, 7], 2.0).set_requires_grad(true));
        let bias = number(&[3], 1.0).set_requires_grad(true);
        let classes: [&[u32]; 5] = [&[0], &[], &[1, 2], &[2], &[0, 1, 2]];
        let logits = features.linear(&weight, Some(&bias));
        let labels = Tensor::from_slice(&[1f32, 0., 0., 0., 0., 0., 0., 1., 1., 0., 0., 1., 1., 1., 1.]);
        let expected = logits.binary_cross_entropy_with_logits(
            &labels.view([5, 3]),
            None::<&Tensor>,
            None::<&Tensor>,
            Reduction::Sum,
        ) / 5.0;
        let gradients = Tensor::run_backward(&[&expected], &[&weight, &bias], false, false);
        let shown = shown(classes.into_iter(), 3, Device::Cpu).unwrap();
        let found = descend(logits.detach().copy(), &features, &shown).unwrap();
        assert!((found.loss - expected.double_value(&[])).abs() < 1e-4);
        for (found, expected) in found.gradients.iter().zip(&gradients) {
            let difference = (found - expected).abs().max().double_value(&[]);
            assert!(difference < 1e-5, "{difference}");
        }
    }

    #[test]
    fn pictures_may_show_nothing() {
        let shown = shown([&[][..]].into_iter(), 2, Device::Cpu).unwrap();
        let logits = Tensor::zeros([1, 2], (Kind::Float, Device::Cpu));
        assert!((loss(&logits, &shown).unwrap() - 2.0 * 2f64.ln()).abs() < 1e-6);
    }
}
