use super::*;

const LOGITS: [f32; 6] = [-3.0, -0.5, 0.0, 0.25, 1.5, 4.0];
const TARGETS: [f32; 6] = [0.0, 1.0, 0.0, 1.0, 0.0, 0.5];

fn objective(loss: Loss, reduction: Reduction, balance: f64) -> Objective {
    let settings = Settings { loss, reduction, positive_balance: balance, ..Settings::default() };
    Objective::new(&settings, &[80, 50, 20], 100, tch::Device::Cpu).unwrap()
}

fn tensor(values: &[f32]) -> Tensor {
    Tensor::from_slice(values).view([2, 3])
}

/// The paper's formula with a calculator's precision, class by class.
fn by_hand(logits: &[f64], of: impl Fn(f64, f64, usize) -> f64) -> f64 {
    let each = logits.iter().zip(TARGETS).enumerate();
    each.map(|(index, (x, y))| of(1.0 / (1.0 + (-x).exp()), f64::from(y), index % 3)).sum::<f64>() / 2.0
}

/// The value against the formula, and the gradient against the formula's finite differences.
#[track_caller]
fn check(objective: &Objective, of: impl Fn(f64, f64, usize) -> f64 + Copy) {
    let logits = tensor(&LOGITS).set_requires_grad(true);
    let loss = objective.of(&logits, &tensor(&TARGETS)).unwrap();
    let points = LOGITS.map(f64::from);
    let expected = by_hand(&points, of);
    assert!((loss.double_value(&[]) - expected).abs() < 1e-5, "{loss:?} {expected}");
    let gradient = Tensor::run_backward(&[&loss], &[&logits], false, false).remove(0).view(-1);
    let (same, slopes) = objective.descend(tensor(&LOGITS), &tensor(&TARGETS)).unwrap();
    assert_eq!(same, loss.double_value(&[]));
    assert!((slopes.view(-1) - &gradient).abs().max().double_value(&[]) < 1e-6);
    for (index, step) in (0..).zip([1e-5; 6]) {
        let at = |shift: f64| {
            let mut moved = points;
            moved[index] += shift;
            by_hand(&moved, of)
        };
        let difference = (at(step) - at(-step)) / (2.0 * step);
        let found = gradient.double_value(&[index as i64]);
        assert!((found - difference).abs() < 1e-4, "slope {index}: {found} {difference}");
    }
}

#[test]
fn cross_entropy() {
    let of = |p: f64, y: f64, _| -y * p.ln() - (1.0 - y) * (1.0 - p).ln();
    check(&objective(Loss::Bce, Reduction::Sum, 0.0), of);
    check(&objective(Loss::Bce, Reduction::Mean, 0.0), |p, y, class| of(p, y, class) / 3.0);
    // One value that anyone can check: ln 2 for a class at one half.
    let half = Tensor::zeros([1, 1], (Kind::Float, tch::Device::Cpu));
    let loss = objective(Loss::Bce, Reduction::Sum, 0.0).of(&half, &half).unwrap();
    assert!((loss.double_value(&[]) - std::f64::consts::LN_2).abs() < 1e-6);
}

#[test]
fn positives_weigh_by_their_odds() {
    let weights = [20.0 / 80.0, 1.0, 80.0 / 20.0];
    for (balance, loss) in [(1.0, Loss::Bce), (0.5, Loss::Bce), (1.0, Loss::FOCAL)] {
        let of = |p: f64, y: f64, class: usize| {
            let weight = f64::powf(weights[class], balance);
            match loss {
                Loss::Bce => -weight * y * p.ln() - (1.0 - y) * (1.0 - p).ln(),
                _ => {
                    -0.25 * weight * y * (1.0 - p).powi(2) * p.ln()
                        - 0.75 * (1.0 - y) * p * p * (1.0 - p).ln()
                }
            }
        };
        check(&objective(loss, Reduction::Sum, balance), of);
    }
}

#[test]
fn asymmetric() {
    let of = |gamma_negative: f64, gamma_positive: f64, clip: f64| {
        move |p: f64, y: f64, _| {
            let q = (p - clip).max(0.0);
            -y * (1.0 - p).powf(gamma_positive) * p.ln() - (1.0 - y) * q.powf(gamma_negative) * (1.0 - q).ln()
        }
    };
    for (gamma_negative, gamma_positive, clip) in
        [(4.0, 1.0, 0.05), (2.0, 0.0, 0.0), (1.0, 0.5, 0.2), (0.0, 0.0, 0.0)]
    {
        let loss = Loss::Asymmetric { gamma_negative, gamma_positive, clip };
        check(&objective(loss, Reduction::Sum, 0.0), of(gamma_negative, gamma_positive, clip));
    }
}

#[test]
fn focal() {
    let of = |p: f64, y: f64, _| {
        -0.25 * y * (1.0 - p).powi(2) * p.ln() - 0.75 * (1.0 - y) * p.powi(2) * (1.0 - p).ln()
    };
    check(&objective(Loss::FOCAL, Reduction::Sum, 0.0), of);
}

/// Where a probability has rounded to nothing or one, neither value nor slope is lost.
#[test]
fn certain_pictures_have_finite_slopes() {
    for loss in [Loss::Bce, Loss::ASYMMETRIC, Loss::FOCAL] {
        let logits = tensor(&[-200.0, 200.0, -40.0, 40.0, -200.0, 200.0]).set_requires_grad(true);
        let value = objective(loss, Reduction::Sum, 0.0).of(&logits, &tensor(&TARGETS)).unwrap();
        let gradient = Tensor::run_backward(&[&value], &[&logits], false, false).remove(0);
        assert!(value.double_value(&[]).is_finite(), "{loss:?} {value:?}");
        assert!(gradient.isfinite().all().int64_value(&[]) == 1, "{loss:?} {gradient:?}");
    }
}

#[test]
fn losses_are_read_as_they_are_written() {
    for loss in [Loss::Bce, Loss::ASYMMETRIC, Loss::Focal { gamma: 1.5, alpha: 0.5 }] {
        assert_eq!(loss.to_string().parse(), Ok(loss));
    }
    assert_eq!("asymmetric".parse(), Ok(Loss::ASYMMETRIC));
    assert_eq!("focal = 2".parse::<Loss>().ok(), None);
    for wrong in [
        "",
        "BCE",
        "bce=1",
        "asymmetric=",
        "asymmetric=4,1",
        "asymmetric=4,1,x",
        "focal=2,0.25,1",
        "focal=2,0.25,x",
    ] {
        assert!(wrong.parse::<Loss>().is_err(), "{wrong}");
    }
}
