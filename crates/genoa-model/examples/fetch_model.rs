//! Fetches a model of the catalogue: `cargo run -p genoa-model --example fetch_model -- smollm2-135m [FOLDER]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use genoa_model::fetch::{FetchNews, FetchOptions, fetch};
use genoa_model::{catalogue, store};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| catalogue::DEFAULT_MODEL.to_owned());
    let folder = words.next().map_or_else(store::default_folder, PathBuf::from);
    let mut tell = |news: FetchNews| match news {
        FetchNews::Trying { source } => eprintln!("trying {source}"),
        FetchNews::Failed { failure, .. } => eprintln!("  did not work: {failure}"),
        FetchNews::Bytes { done, total } => eprint!("\r  {done} of {} bytes ", total.unwrap_or(0)),
        FetchNews::Verifying => eprintln!("\nverifying"),
    };
    let fetched = catalogue::find(&name).and_then(|entry| fetch(entry, &FetchOptions::new(&folder), &mut tell));
    match fetched {
        Ok(model) => {
            println!("{}", model.path.display());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
