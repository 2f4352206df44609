//! The mode table: the processes that this binary can be, besides the command line.
//!
//! They are started by the daemon and its spawner, find their one socket as descriptor 3, and end with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use genoa_abi::agent::PlanExample;
use genoa_abi::egress::EGRESS_FD;
use genoa_abi::schema::Catalog;
use genoa_abi::tool::TOOL_FD;
use genoa_abi::{ErrorCode, Failure};
use genoa_agents::PlannerOptions;
use genoa_client::Client;
use genoa_daemon::{DaemonConfig, Home};
use genoa_model::worker::{WorkerOptions, worker_main};

use crate::commands::model;
use crate::output;
use crate::settings::Settings;

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
    /// Requests to the network, for one tool call.
    Egress,
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
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(output::Format::Text, &failure);
            ExitCode::FAILURE
        }
    }
}

/// All tools and record types of this installation.
pub(crate) fn catalog() -> Catalog {
    let builtin = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    let mut records = genoa_tools::records();
    records.extend(genoa_kernel::Kernel::system_records());
    Catalog::new(builtin.chain(genoa_kernel::Kernel::system_tools()), records)
}

/// The path of this binary, which jails are started from.
pub(crate) fn binary() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(ErrorCode::Internal, "our own binary cannot be found").because(error))
}

/// Plans to learn from, by the name of the agent that they are for.
fn examples() -> BTreeMap<String, Vec<PlanExample>> {
    let agents = genoa_agents::builtin_agents();
    agents.into_iter().map(|agent| (agent.name.clone(), genoa_agents::builtin_examples(&agent.name))).collect()
}

fn daemon() -> Result<(), Failure> {
    let home = Home::resolve(|name| std::env::var(name).ok())?;
    home.create()?;
    let settings = Settings::load(&home)?;
    let binary = binary()?;
    let model = model::source(&home, &settings);
    genoa_daemon::run(DaemonConfig {
        home,
        binary,
        person_home: std::env::home_dir(),
        catalog: catalog(),
        agents: genoa_agents::builtin_agents(),
        examples: examples(),
        agent_options: settings.agent_options(),
        model,
    })
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
    worker_main(inherited_socket()?, options)
}

fn inherited_socket() -> Result<UnixStream, Failure> {
    genoa_sys::inherit::take(TOOL_FD).map(UnixStream::from).map_err(|error| {
        Failure::new(ErrorCode::InvalidInput, "this process is started by the daemon, not by hand").because(error)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use genoa_abi::schema::Catalog;
    use genoa_plan::{Said, check, next_statement_grammar, scope_after};
    use llguidance::api::TopLevelGrammar;
    use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
    use llguidance::{Matcher, ParserFactory};

    use super::{catalog, examples};

    static FACTORY: LazyLock<ParserFactory> = LazyLock::new(|| {
        let environment = ApproximateTokEnv::single_byte_env();
        let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &[]).unwrap();
        factory.quiet();
        factory
    });

    /// How much of `line` the model could write after `written`.
    fn writable<'a>(written: &str, line: &'a str, catalog: &Catalog, intention: &str) -> &'a str {
        let scope = scope_after(written, catalog).unwrap();
        let grammar =
            TopLevelGrammar::from_lark(next_statement_grammar(&scope, catalog, &Said::in_intention(intention)));
        let mut matcher = Matcher::new(FACTORY.create_parser(grammar));
        let bytes: Vec<u32> = line.bytes().map(u32::from).collect();
        &line[..matcher.try_consume_tokens(&bytes).unwrap()]
    }

    #[test]
    fn every_shipped_example_is_a_plan_that_the_planner_could_write() {
        let mut complaints = Vec::new();
        for agent in genoa_agents::builtin_agents() {
            let allowed = |name: &str| {
                agent
                    .tools
                    .iter()
                    .any(|tool| tool == name || tool.strip_suffix('*').is_some_and(|g| name.starts_with(g)))
            };
            let catalog = catalog().only(|tool| allowed(&tool.name));
            for example in &examples()[&agent.name] {
                let checked = check(&example.plan, &catalog, &example.intention);
                if let Err(findings) = checked {
                    complaints.push(format!("{}: {}\n", example.intention, findings[0]));
                    continue;
                }
                let mut written = String::new();
                for line in example.plan.lines().map(|line| format!("{line}\n")) {
                    let start = writable(&written, &line, &catalog, &example.intention);
                    if start != line {
                        complaints.push(format!("{}: {start}<HERE>{}", example.intention, &line[start.len()..]));
                    }
                    written.push_str(&line);
                }
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join(""));
    }
}
