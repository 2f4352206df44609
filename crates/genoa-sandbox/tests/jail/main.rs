//! Real jails against what hostile programs try. The test binary is its own spawner, so the harness is its own as well.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program with its own harness")]

mod harness;
mod matrix;
mod refusals;
mod views;

fn main() -> std::process::ExitCode {
    let mode = std::env::args().nth(1);
    if mode.as_deref() == Some("egress") {
        return std::process::ExitCode::from(u8::from(genoa_sandbox::egress::egress_main().is_err()));
    }
    if mode.as_deref() == Some("gateway-server") {
        return matrix::let_one_in_and_try_more();
    }
    if mode.as_deref() == Some("spawner") {
        return std::process::ExitCode::from(u8::from(genoa_sandbox::spawner_main().is_err()));
    }
    // Runners ask for the ignored tests apart; there are none.
    if std::env::args().any(|argument| argument == "--ignored") {
        return std::process::ExitCode::SUCCESS;
    }
    let tests: Vec<harness::Test> = [matrix::TESTS, refusals::TESTS, views::TESTS].concat();
    harness::run(&tests)
}
