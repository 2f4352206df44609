//! The local engine: a model file, a context with several warm sequences, and calls that write in one batch.

mod admission;
mod embed;
mod generation;
mod grammars;
mod loaded;
mod prefix_files;
mod prompt;
mod running;
mod sampler;
mod slots;
mod vocabulary;

pub use loaded::{EngineOptions, LoadedModel};
pub use running::{Engine, Progress};
