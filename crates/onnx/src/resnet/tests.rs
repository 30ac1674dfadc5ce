use std::collections::BTreeSet;

use safetensors::tensor::{Dtype, TensorView};

use super::*;
use crate::proto::{Dimension, Extent, Node};

/// The names and shapes of a network's tensors.
fn tensors(blocks: [usize; 4], is_bottleneck: bool, classes: usize) -> Vec<(String, Vec<usize>)> {
    let mut list = Vec::new();
    let mut conv_norm = |conv: &str, norm: &str, shape: [usize; 4]| {
        list.push((format!("{conv}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            list.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
    };
    conv_norm("conv1", "bn1", [64, 3, 7, 7]);
    let mut channels = 64;
    for (layer, count) in (1..).zip(blocks) {
        let width = 32 << layer;
        for block in 0..count {
            let prefix = format!("layer{layer}.{block}");
            let length = if is_bottleneck { width * 4 } else { width };
            let shapes = match is_bottleneck {
                true => vec![[width, channels, 1, 1], [width, width, 3, 3], [length, width, 1, 1]],
                false => vec![[width, channels, 3, 3], [width, width, 3, 3]],
            };
            for (number, shape) in (1..).zip(shapes) {
                conv_norm(&format!("{prefix}.conv{number}"), &format!("{prefix}.bn{number}"), shape);
            }
            if channels != length {
                let [conv, norm] = [0, 1].map(|part| format!("{prefix}.downsample.{part}"));
                conv_norm(&conv, &norm, [length, channels, 1, 1]);
            }
            channels = length;
        }
    }
    list.push(("fc.weight".to_owned(), vec![classes, channels]));
    list.push(("fc.bias".to_owned(), vec![classes]));
    list
}

/// Zeros everywhere, but for scales and variances that are one.
fn file(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(name, shape)| {
            let is_one = name.ends_with("running_var") || (name.contains("bn") && name.ends_with(".weight"));
            let number: f32 = if is_one { 1.0 } else { 0.0 };
            number.to_le_bytes().repeat(shape.iter().product())
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&data)
        .map(|((name, shape), data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

fn encoded(file: &[u8], input: Input) -> Result<proto::Model, Error> {
    let weights = SafeTensors::deserialize(file).unwrap();
    let (mean, deviation) = ([0.5; 3], [0.25; 3]);
    let bytes = encode(&Model { weights: &weights, name: "tagger", size: 64, mean, deviation, input })?;
    Ok(proto::Model::decode(&*bytes).unwrap())
}

fn count(nodes: &[Node], kind: &str) -> usize {
    nodes.iter().filter(|node| node.op_type == kind).count()
}

#[track_caller]
fn check(blocks: [usize; 4], is_bottleneck: bool, convolutions: usize) {
    let file = file(&tensors(blocks, is_bottleneck, 7));
    for input in [Input::Normalised, Input::BlueGreenRed] {
        let model = encoded(&file, input).unwrap();
        let graph = model.graph.unwrap();
        assert_eq!(count(&graph.node, "Conv"), convolutions);
        assert_eq!(count(&graph.node, "Add"), blocks.iter().sum::<usize>());
        // Whatever a node takes was there before, and nothing has the name of another.
        let mut known: BTreeSet<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
        known.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
        assert_eq!(known.len(), graph.input.len() + graph.initializer.len());
        for node in &graph.node {
            assert!(node.input.iter().all(|input| known.contains(input.as_str())), "{node:?}");
            assert!(node.output.iter().all(|output| known.insert(output)), "{node:?}");
        }
        for tensor in &graph.initializer {
            let numbers: i64 = tensor.dims.iter().product();
            let length = if tensor.data_type == proto::FLOAT { 4 } else { 8 };
            assert_eq!(tensor.raw_data.len() as i64, numbers * length, "{}", tensor.name);
        }
        let outputs: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(outputs, ["prediction", "logits", "embedding"]);
        assert!(outputs.iter().all(|output| known.contains(output)));
    }
}

#[test]
fn resnet18() {
    check([2, 2, 2, 2], false, 20);
}

#[test]
fn resnet34() {
    check([3, 4, 6, 3], false, 36);
}

#[test]
fn resnet50() {
    check([3, 4, 6, 3], true, 53);
}

#[test]
fn strides_are_where_torchvision_has_them() {
    let strides = |is_bottleneck: bool| -> Vec<String> {
        let model = encoded(&file(&tensors([1, 2, 1, 1], is_bottleneck, 1)), Input::Normalised).unwrap();
        let strided = |node: &Node| {
            node.attribute.iter().any(|attribute| attribute.name == "strides" && attribute.ints == [2, 2])
        };
        let nodes = model.graph.unwrap().node;
        nodes
            .into_iter()
            .filter(|node| node.op_type == "Conv" && strided(node))
            .map(|node| node.name)
            .collect()
    };
    let basic =
        ["conv1", "layer2.0.conv1", "layer2.0.downsample.0", "layer3.0.conv1", "layer3.0.downsample.0"];
    assert_eq!(strides(false)[..5], basic);
    let bottleneck =
        ["conv1", "layer2.0.conv2", "layer2.0.downsample.0", "layer3.0.conv2", "layer3.0.downsample.0"];
    assert_eq!(strides(true)[..5], bottleneck);
}

#[test]
fn inputs_say_what_they_take() {
    let file = file(&tensors([1; 4], false, 3));
    let shape = |input| {
        let kind = encoded(&file, input).unwrap().graph.unwrap().input.remove(0).kind.unwrap();
        let dimensions = kind.tensor_type.unwrap().shape.unwrap().dim;
        let extent = |dimension: Dimension| match dimension.extent.unwrap() {
            Extent::Fixed(length) => length.to_string(),
            Extent::Free(name) => name,
        };
        dimensions.into_iter().map(extent).collect::<Vec<_>>()
    };
    assert_eq!(shape(Input::Normalised), ["batch", "3", "64", "64"]);
    assert_eq!(shape(Input::BlueGreenRed), ["batch", "64", "64", "3"]);
}

#[test]
fn other_weights_are_refused() {
    let whole = tensors([1; 4], false, 3);
    let fault =
        |list: &[(String, Vec<usize>)]| encoded(&file(list), Input::Normalised).unwrap_err().to_string();
    let without = |name: &str| whole.iter().filter(|tensor| tensor.0 != name).cloned().collect::<Vec<_>>();
    assert_eq!(fault(&without("layer3.0.conv1.weight")), "there is no tensor `layer3.0.conv1.weight`");
    assert_eq!(fault(&without("fc.bias")), "there is no tensor `fc.bias`");
    let foreign = [whole.clone(), vec![("cls_token".to_owned(), vec![1])]].concat();
    assert_eq!(fault(&foreign), "`cls_token` belongs to no part of a residual network");
    let mut narrow = whole;
    narrow[0].1 = vec![64, 3, 3, 3];
    assert_eq!(fault(&narrow), "`conv1.weight` is F32 [64, 3, 3, 3], not F32 [64, 3, 7, 7]");
}
