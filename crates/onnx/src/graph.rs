//! A graph that grows node by node.

use crate::proto::{
    Attribute, Dimension, Extent, FLOAT, Graph, INT, INT64, INTS, Kind, Node, Shape, Tensor, TensorKind,
    Value,
};
use crate::weights::Folded;

/// The name of a value that flows through the graph.
pub(crate) type Name = String;

#[derive(Default)]
pub(crate) struct Builder {
    graph: Graph,
}

impl Builder {
    pub(crate) fn new(name: &str) -> Builder {
        Builder { graph: Graph { name: name.to_owned(), ..Graph::default() } }
    }

    /// Declares what comes in; `None` is an extent that is free, the batch.
    pub(crate) fn input(&mut self, name: &str, shape: &[Option<usize>]) -> Name {
        self.graph.input.push(value(name, shape));
        name.to_owned()
    }

    /// Declares what goes out.
    pub(crate) fn output(&mut self, name: &str, shape: &[Option<usize>]) {
        self.graph.output.push(value(name, shape));
    }

    /// Adds a node with one output, which is called as the node is.
    pub(crate) fn node(
        &mut self,
        kind: &str,
        name: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> Name {
        self.graph.node.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: kind.to_owned(),
            attribute: attributes,
        });
        name.to_owned()
    }

    /// Adds a constant of floats.
    pub(crate) fn floats(&mut self, name: &str, shape: &[usize], numbers: &[f32]) -> Name {
        self.constant(name, shape, FLOAT, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    /// Adds a constant list of whole numbers.
    pub(crate) fn integers(&mut self, name: &str, numbers: &[i64]) -> Name {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(name, &[numbers.len()], INT64, bytes)
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> Name {
        let dims = shape.iter().map(|length| *length as i64).collect();
        self.graph.initializer.push(Tensor { dims, data_type, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    /// Adds a convolution, its zeros around the picture so that a stride of 1 keeps its size.
    pub(crate) fn conv(&mut self, name: &str, input: &str, folded: &Folded, stride: i64) -> Name {
        let [_, _, height, width] = folded.shape;
        let weight = self.floats(&format!("{name}.weight"), &folded.shape, &folded.weight);
        let bias = self.floats(&format!("{name}.bias"), &[folded.bias.len()], &folded.bias);
        let [down, right] = [height, width].map(|length| length as i64 / 2);
        let attributes = vec![
            ints("kernel_shape", &[height as i64, width as i64]),
            ints("pads", &[down, right, down, right]),
            ints("strides", &[stride, stride]),
        ];
        self.node("Conv", name, &[input, &weight, &bias], attributes)
    }

    pub(crate) fn relu(&mut self, input: &str) -> Name {
        self.node("Relu", &format!("{input}.relu"), &[input], Vec::new())
    }

    pub(crate) fn finish(self) -> Graph {
        self.graph
    }
}

pub(crate) fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(value), kind: INT, ..Attribute::default() }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), ints: values.to_vec(), kind: INTS, ..Attribute::default() }
}

fn value(name: &str, shape: &[Option<usize>]) -> Value {
    let extent = |length: &Option<usize>| match length {
        Some(length) => Extent::Fixed(*length as i64),
        None => Extent::Free("batch".to_owned()),
    };
    let dim = shape.iter().map(|length| Dimension { extent: Some(extent(length)) }).collect();
    let tensor = TensorKind { elem_type: FLOAT, shape: Some(Shape { dim }) };
    Value { name: name.to_owned(), kind: Some(Kind { tensor_type: Some(tensor) }) }
}
