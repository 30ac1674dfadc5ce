use std::collections::BTreeMap;

use super::*;
use crate::backbone::Shape;
use crate::batches::Batch;
use crate::network::Network;

fn network(architecture: Architecture, classes: usize, precision: Precision) -> Network {
    Network::new(&Shape::Resnet(architecture), classes, 32, precision, tch::Device::Cpu).unwrap()
}

/// Names and shapes of torchvision's state dict but for `num_batches_tracked`, from its published architecture: a stem, four
/// layers of 64, 128, 256 and 512 channels, times four in a bottleneck, and 1,000 classes.
fn torchvision(blocks: [usize; 4], bottleneck: bool) -> BTreeMap<String, Vec<i64>> {
    let mut shapes = BTreeMap::new();
    let mut conv = |conv: String, norm: String, shape: [i64; 4]| {
        shapes.insert(format!("{conv}.weight"), shape.to_vec());
        for name in ["weight", "bias", "running_mean", "running_var"] {
            shapes.insert(format!("{norm}.{name}"), vec![shape[0]]);
        }
    };
    conv("conv1".into(), "bn1".into(), [64, 3, 7, 7]);
    let mut inputs = 64;
    for (layer, (count, width)) in blocks.into_iter().zip([64, 128, 256, 512]).enumerate() {
        for block in 0..count {
            let at = format!("layer{}.{block}", layer + 1);
            let outputs = if bottleneck { width * 4 } else { width };
            let shapes = match bottleneck {
                true => vec![[width, inputs, 1, 1], [width, width, 3, 3], [outputs, width, 1, 1]],
                false => vec![[width, inputs, 3, 3], [width, width, 3, 3]],
            };
            for (index, shape) in shapes.into_iter().enumerate() {
                conv(format!("{at}.conv{}", index + 1), format!("{at}.bn{}", index + 1), shape);
            }
            if block == 0 && (layer > 0 || bottleneck) {
                conv(format!("{at}.downsample.0"), format!("{at}.downsample.1"), [outputs, inputs, 1, 1]);
            }
            inputs = outputs;
        }
    }
    shapes.insert("fc.weight".into(), vec![1000, inputs]);
    shapes.insert("fc.bias".into(), vec![1000]);
    shapes
}

#[track_caller]
fn check(architecture: Architecture, blocks: [usize; 4], bottleneck: bool, tensors: usize, numbers: usize) {
    let network = network(architecture, 1000, Precision::Float32);
    let found: BTreeMap<String, Vec<i64>> =
        network.named().into_iter().map(|(name, tensor)| (name, tensor.size())).collect();
    assert_eq!(found, torchvision(blocks, bottleneck));
    assert_eq!(found.len(), tensors);
    let trainable = network.parameters().iter().filter(|parameter| parameter.trainable);
    assert_eq!(trainable.map(|parameter| parameter.tensor.numel()).sum::<usize>(), numbers);
}

/// The counts of parameters are those of torchvision's documentation.
#[test]
fn names_and_shapes_are_torchvisions() {
    check(Architecture::Resnet18, [2, 2, 2, 2], false, 102, 11_689_512);
    check(Architecture::Resnet34, [3, 4, 6, 3], false, 182, 21_797_672);
    check(Architecture::Resnet50, [3, 4, 6, 3], true, 267, 25_557_032);
    check(Architecture::Resnet101, [3, 4, 23, 3], true, 522, 44_549_160);
}

#[test]
fn the_names_a_reader_of_torchvision_knows() {
    let network = network(Architecture::Resnet18, 7, Precision::Float32);
    let names: Vec<&str> = network.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(
        names[..6],
        [
            "conv1.weight",
            "bn1.weight",
            "bn1.bias",
            "bn1.running_mean",
            "bn1.running_var",
            "layer1.0.conv1.weight"
        ]
    );
    assert!(names.contains(&"layer2.0.downsample.1.running_var"));
    assert_eq!(names[100..], ["fc.weight", "fc.bias"]);
}

#[test]
fn starts_with_the_bias_it_is_given() {
    let mut network = network(Architecture::Resnet18, 3, Precision::Float32);
    network.initialise(1, &[-1.0, 0.5, 2.0]).unwrap();
    let batch = Batch::new(vec![7; 2 * 32 * 32 * 3], Vec::new(), 2, 32, tch::Device::Cpu).unwrap();
    let logits = tch::no_grad(|| network.forward(&batch, false)).unwrap();
    assert_eq!(Vec::<Vec<f32>>::try_from(logits).unwrap(), [[-1.0, 0.5, 2.0], [-1.0, 0.5, 2.0]]);
}

#[test]
fn a_seed_fixes_the_weights() {
    let first = |seed| {
        let mut network = Resnet::new(Architecture::Resnet18, Precision::Float32, tch::Device::Cpu).unwrap();
        network.initialise(seed).unwrap();
        let weight = network.parameters()[0].tensor.view(-1);
        (weight.double_value(&[0]), weight.std(false).double_value(&[]))
    };
    let (value, deviation) = first(1);
    assert_eq!(first(1).0, value);
    assert_ne!(first(2).0, value);
    // He's deviation: the root of two over the fan-out.
    assert!((deviation - (2.0f64 / (64.0 * 49.0)).sqrt()).abs() < 1e-3);
}

#[test]
fn sixteen_bits_give_nearly_the_same() {
    let run = |precision| {
        let mut network = Resnet::new(Architecture::Resnet18, precision, tch::Device::Cpu).unwrap();
        network.initialise(1).unwrap();
        let pictures =
            Tensor::linspace(-2.0, 2.0, 3 * 32 * 32, (Kind::Float, tch::Device::Cpu)).view([1, 3, 32, 32]);
        network.features(&pictures, false).unwrap()
    };
    let (exact, short) = (run(Precision::Float32), run(Precision::Bfloat16));
    let difference = (&exact - short).abs().max().double_value(&[]) / exact.abs().max().double_value(&[]);
    assert!(difference < 0.05, "{difference}");
}
