//! The one binary: command line, daemon, and every process that runs in a jail.

#![forbid(unsafe_code)]

#[cfg(test)]
mod alike_calls;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod approval_texts;
mod cli;
mod commands;
mod configured;
mod connect;
mod context;
#[cfg(test)]
mod denials;
#[cfg(test)]
mod desk;
mod eval;
mod follow;
#[cfg(test)]
mod foreign_arguments;
#[cfg(test)]
mod held_calls;
mod history;
mod hosts;
mod installed;
mod jailed;
mod model_files;
mod models;
mod modes;
mod money;
mod output;
mod preferences;
#[cfg(test)]
mod proposing;
mod providers;
#[cfg(test)]
mod replanning;
mod rule_files;
mod servers;
mod settings;
#[cfg(test)]
mod suspect_texts;

use std::process::ExitCode;

fn main() -> ExitCode {
    match modes::from_arguments() {
        Some(mode) => modes::run(&mode),
        None => cli::run(),
    }
}
