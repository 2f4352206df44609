//! The mode table: the processes that this binary can be, besides the command line.
//!
//! They are started by the daemon or the command line and a spawner, find their one socket as descriptor 3, and end with it.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use genoa_abi::egress::EGRESS_FD;
use genoa_abi::tool::TOOL_FD;
use genoa_abi::{ErrorCode, Failure};
use genoa_agents::PlannerOptions;
use genoa_client::Client;
use genoa_daemon::{DaemonConfig, Home};
use genoa_gateway::{LISTENER_FD, gateway_main};
use genoa_model::bench::bench_main;
use genoa_model::foreign::{INPUT_FD, OUTPUT_FD, foreign_main};
use genoa_model::quantise::quantise_main;
use genoa_model::worker::{WorkerOptions, worker_main};

use crate::configured::configured;
use crate::connect::HOME_IN_USE;
use crate::jailed::binary;
use crate::output;

/// One of the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The daemon.
    Daemon,
    /// Makes jails.
    Spawner,
    /// One tool call, in a jail.
    Tool,
    /// One agent, in a jail.
    Agent,
    /// The model, in a jail.
    ModelWorker,
    /// Requests to the network, for one tool call or for the model worker.
    Egress,
    /// A look into a model file or its archive, in a jail.
    ModelFile,
    /// The model, measured, in a jail.
    ModelBench,
    /// The model, written anew with other weights, in a jail.
    ModelQuantise,
    /// The model for other programs, in a jail.
    GatewayServer,
}

/// The mode that the first argument names, if it names one.
pub(crate) fn from_arguments() -> Option<Mode> {
    let first: OsString = std::env::args_os().nth(1)?;
    match first.to_str()? {
        "daemon" => Some(Mode::Daemon),
        "spawner" => Some(Mode::Spawner),
        "tool" => Some(Mode::Tool),
        "agent" => Some(Mode::Agent),
        "model-worker" => Some(Mode::ModelWorker),
        "egress" => Some(Mode::Egress),
        "model-file" => Some(Mode::ModelFile),
        "model-bench" => Some(Mode::ModelBench),
        "model-quantise" => Some(Mode::ModelQuantise),
        "gateway-server" => Some(Mode::GatewayServer),
        _ => None,
    }
}

/// Is that process until it ends.
pub(crate) fn run(mode: &Mode) -> ExitCode {
    let ended = match mode {
        Mode::Daemon => daemon(),
        Mode::Spawner => genoa_sandbox::spawner_main(),
        Mode::Tool => tool(),
        Mode::Agent => agent(),
        Mode::ModelWorker => model_worker(),
        Mode::Egress => genoa_sandbox::egress::egress_main(),
        Mode::ModelFile => model_file(),
        Mode::ModelBench => inherited_socket().and_then(|socket| bench_main(&socket)),
        Mode::ModelQuantise => inherited_socket().and_then(|socket| quantise_main(&socket)),
        Mode::GatewayServer => gateway_server(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(output::Format::Text, &failure);
            let is_second = *mode == Mode::Daemon && failure.code == ErrorCode::Conflict;
            if is_second { ExitCode::from(HOME_IN_USE) } else { ExitCode::FAILURE }
        }
    }
}

fn daemon() -> Result<(), Failure> {
    genoa_daemon::end_as_told(&std::env::args().skip(2).collect::<Vec<_>>())?;
    let home = Home::resolve(|name| std::env::var_os(name))?;
    home.create()?;
    genoa_daemon::run(DaemonConfig { home, binary: binary()?, person_home: std::env::home_dir(), configured })
}

fn tool() -> Result<(), Failure> {
    let socket = inherited_socket()?;
    // Only a call that was granted the network has a broker.
    if let Ok(broker) = genoa_sys::inherit::take(EGRESS_FD) {
        genoa_tools::web::use_broker(broker.into());
    }
    genoa_tools::serve::serve(&socket, &socket, &genoa_tools::tools())
        .map_err(|error| Failure::new(ErrorCode::Interrupted, "the connection to the daemon broke").because(error))
}

fn agent() -> Result<(), Failure> {
    let options = PlannerOptions::from_argument(std::env::args().nth(2).as_deref());
    genoa_agents::run(&mut Client::over(inherited_socket()?), options)
}

fn model_worker() -> Result<(), Failure> {
    let options = WorkerOptions::from_json(&std::env::args().nth(2).unwrap_or_default())?;
    let broker = match options {
        WorkerOptions::Local(_) => None,
        WorkerOptions::Remote(_) => genoa_sys::inherit::take(EGRESS_FD).ok().map(UnixStream::from),
    };
    worker_main(inherited_socket()?, broker, options)
}

fn model_file() -> Result<(), Failure> {
    let socket = inherited_socket()?;
    let input = genoa_sys::inherit::take(INPUT_FD)
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, "there is no file to read").because(error))?;
    // Only a reading that writes has an output.
    let output = genoa_sys::inherit::take(OUTPUT_FD).ok().map(File::from);
    foreign_main(&socket, input.into(), output.as_ref())
}

fn gateway_server() -> Result<(), Failure> {
    let way = inherited(TOOL_FD)?;
    gateway_main(way, inherited(LISTENER_FD)?)
}

fn inherited_socket() -> Result<UnixStream, Failure> {
    inherited(TOOL_FD).map(UnixStream::from)
}

fn inherited(number: RawFd) -> Result<OwnedFd, Failure> {
    genoa_sys::inherit::take(number).map_err(|error| {
        Failure::new(ErrorCode::InvalidInput, "this process is started by the daemon, not by hand").because(error)
    })
}
