//! The training table in the forms that others expect.

pub mod hugging_face;
