//! Real jails against what hostile programs try. The test binary is its own spawner, so the harness is its own as well.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program with its own harness")]

mod harness;
mod matrix;
mod refusals;
mod views;

fn main() -> std::process::ExitCode {
    if std::env::args().nth(1).as_deref() == Some("spawner") {
        return std::process::ExitCode::from(u8::try_from(genoa_sandbox::spawner_main()).unwrap_or(1));
    }
    let tests: Vec<harness::Test> = [matrix::TESTS, refusals::TESTS, views::TESTS].concat();
    harness::run(&tests)
}
