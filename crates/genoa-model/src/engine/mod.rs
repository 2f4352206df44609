//! The local engine: a model file, a context with several warm sequences, and calls that write in one batch.

mod admission;
mod chances;
mod embed;
mod generation;
mod grammars;
mod interrupt;
mod loaded;
mod lookup;
mod prompt;
mod running;
mod sampler;
mod slots;
mod state_files;
mod threads;
mod thresholds;
mod vocabulary;
mod written;

pub use interrupt::Interrupt;
pub use loaded::{EngineOptions, LoadedModel, default_threads};
pub use running::{Engine, Progress};
