//! `sample`: a made-up person's folder to try things on.

use std::path::PathBuf;

use clap::Args;
use genoa_abi::Failure;

use crate::context::Context;
use crate::output::{Ending, bytes, value};

/// Where to write it.
#[derive(Debug, Args)]
pub(crate) struct SampleArguments {
    /// A folder that does not exist yet, or is empty
    directory: PathBuf,
}

/// Writes the sample.
pub(crate) fn run(context: &Context, arguments: &SampleArguments) -> Result<Ending, Failure> {
    let summary = genoa_sample::write(&arguments.directory, context.today())?;
    value(context.format, &summary, |summary| {
        let size = bytes(summary.bytes);
        vec![format!(
            "{} files, {size}; the demo with Ada is on {}.",
            summary.files,
            summary.demo.strftime("%A %-d %B")
        )]
    });
    Ok(Ending::Done)
}
