//! The graph of a residual network (He et al. 2015, <https://arxiv.org/abs/1512.03385>), as torchvision has it.

use prost::Message;
use safetensors::SafeTensors;

use crate::graph::{Builder, Name, int, ints};
use crate::weights::Weights;
use crate::{Error, Input, proto};

/// A network to be written.
pub struct Model<'a> {
    /// Its weights, with torchvision's names.
    pub weights: &'a SafeTensors<'a>,
    /// What the graph is called.
    pub name: &'a str,
    /// Width and height of its pictures, in pixels.
    pub size: usize,
    /// The mean of red, green and blue in training, where pixels go from 0 to 1.
    pub mean: [f64; 3],
    /// Their standard deviation.
    pub deviation: [f64; 3],
    /// What it is to take.
    pub input: Input,
}

/// The model as the bytes of an ONNX file. Its outputs are `prediction` and `logits`, `[batch, classes]`, and `embedding`,
/// `[batch, features]`: what the last layer sees.
///
/// # Errors
/// Where the weights are not a residual network's.
pub fn encode(model: &Model<'_>) -> Result<Vec<u8>, Error> {
    let weights = Weights::new(model.weights);
    let mut graph = Builder::new(model.name);
    let mut network = Network { weights: &weights, graph: &mut graph };
    let pixels = model.input.add(model, network.graph);
    let features = network.backbone(&pixels)?;
    network.head(&features)?;
    weights.finish()?;
    let model = proto::Model {
        ir_version: proto::IR_VERSION,
        producer_name: "tagmill".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph.finish()),
        opset_import: vec![proto::OperatorSet { version: proto::OPSET }],
    };
    Ok(model.encode_to_vec())
}

/// A value with as many channels.
struct Flow {
    name: Name,
    channels: usize,
}

struct Network<'a> {
    weights: &'a Weights<'a>,
    graph: &'a mut Builder,
}

impl Network<'_> {
    fn backbone(&mut self, pixels: &str) -> Result<Flow, Error> {
        let stem = self.conv("conv1", "bn1", pixels, [64, 3, 7, 7], 2)?;
        let stem = self.graph.relu(&stem);
        let window =
            vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1]), ints("strides", &[2, 2])];
        let name = self.graph.node("MaxPool", "maxpool", &[&stem], window);
        let mut flow = Flow { name, channels: 64 };
        for layer in 1..=4 {
            // The first is always there: without it the error says what is missing.
            let blocks = (0..).take_while(|block| {
                *block == 0 || self.weights.has(&format!("layer{layer}.{block}.conv1.weight"))
            });
            for block in blocks.collect::<Vec<u32>>() {
                let stride = if layer > 1 && block == 0 { 2 } else { 1 };
                flow = self.block(&format!("layer{layer}.{block}"), flow, 32 << layer, stride)?;
            }
        }
        let pooled = self.graph.node("GlobalAveragePool", "avgpool", &[&flow.name], Vec::new());
        let name = self.graph.node("Flatten", "embedding", &[&pooled], vec![int("axis", 1)]);
        Ok(Flow { name, ..flow })
    }

    /// A block of two convolutions, or of three where there is a third; then the second strides, and the last has four times the
    /// channels.
    fn block(&mut self, prefix: &str, input: Flow, width: usize, stride: i64) -> Result<Flow, Error> {
        let Flow { name: input, channels } = input;
        let part = |kind: &str, number: u32| format!("{prefix}.{kind}{number}");
        let is_bottleneck = self.weights.has(&format!("{}.weight", part("conv", 3)));
        let (layers, length) = match is_bottleneck {
            true => {
                let length = width * 4;
                (
                    vec![
                        ([width, channels, 1, 1], 1),
                        ([width, width, 3, 3], stride),
                        ([length, width, 1, 1], 1),
                    ],
                    length,
                )
            }
            false => (vec![([width, channels, 3, 3], stride), ([width, width, 3, 3], 1)], width),
        };
        let last = layers.len() as u32;
        let mut name = input.clone();
        for (number, (shape, stride)) in (1..).zip(layers) {
            name = self.conv(&part("conv", number), &part("bn", number), &name, shape, stride)?;
            if number < last {
                name = self.graph.relu(&name);
            }
        }
        let shortcut = match self.weights.has(&format!("{prefix}.downsample.0.weight")) || length != channels
        {
            true => {
                let [conv, norm] = [0, 1].map(|part| format!("{prefix}.downsample.{part}"));
                self.conv(&conv, &norm, &input, [length, channels, 1, 1], stride)?
            }
            false => input,
        };
        let sum = self.graph.node("Add", &format!("{prefix}.add"), &[&name, &shortcut], Vec::new());
        Ok(Flow { name: self.graph.relu(&sum), channels: length })
    }

    fn head(&mut self, features: &Flow) -> Result<(), Error> {
        let classes = self.weights.shape("fc.bias")?.first().copied().unwrap_or_default();
        let weight = self.weights.take("fc.weight", &[classes, features.channels])?;
        let bias = self.weights.take("fc.bias", &[classes])?;
        let weight = self.graph.floats("fc.weight", &[classes, features.channels], &weight);
        let bias = self.graph.floats("fc.bias", &[classes], &bias);
        let logits =
            self.graph.node("Gemm", "logits", &[&features.name, &weight, &bias], vec![int("transB", 1)]);
        self.graph.node("Sigmoid", "prediction", &[&logits], Vec::new());
        // Tools that take one output take the first.
        for (output, length) in
            [("prediction", classes), ("logits", classes), ("embedding", features.channels)]
        {
            self.graph.output(output, &[None, Some(length)]);
        }
        Ok(())
    }

    fn conv(
        &mut self,
        conv: &str,
        norm: &str,
        input: &str,
        shape: [usize; 4],
        stride: i64,
    ) -> Result<Name, Error> {
        let folded = self.weights.fold(conv, norm, shape)?;
        Ok(self.graph.conv(conv, input, &folded, stride))
    }
}

#[cfg(test)]
mod tests;
