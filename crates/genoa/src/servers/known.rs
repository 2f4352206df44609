//! The configured servers, with what is known of each: its tools, or why there are none.

use genoa_abi::limits::MCP_ARGUMENTS_BYTES;
use genoa_abi::mcp::McpServer;
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;
use genoa_tools::mcp::{McpTool, ReadOnlyHints, check_group, tools_of};

use super::stated::{not_there, verb, with_stated};
use super::{ask, cache};
use crate::output::{FAINT, remark, styled};
use crate::settings::{ServerSettings, Settings};

/// One configured server.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// How it is started.
    pub(crate) server: McpServer,
    /// What the person wrote about it.
    pub(crate) settings: ServerSettings,
    /// Its tools, or why there are none.
    pub(crate) tools: Result<Vec<McpTool>, Failure>,
}

/// The configured servers as they were found when they were asked last. Starts nothing.
pub(crate) fn known(home: &Home, settings: &Settings) -> Vec<Known> {
    each(settings, |server, settings| {
        cache::read(home, server, hints(settings)).unwrap_or_else(|| Err(not_asked(server)))
    })
}

/// The same, with those asked that never were, or not since their configuration changed.
pub(crate) fn ask_new(home: &Home, settings: &Settings) -> Result<Vec<Known>, Failure> {
    ask_those(home, settings, |server, settings| cache::read(home, server, hints(settings)).is_none())
}

/// The same, with all of them asked again.
pub(crate) fn ask_all(home: &Home, settings: &Settings) -> Result<Vec<Known>, Failure> {
    ask_those(home, settings, |_, _| true)
}

/// Asks the servers that `wanted` says, all at the same time.
fn ask_those(
    home: &Home,
    settings: &Settings,
    wanted: impl Fn(&McpServer, &ServerSettings) -> bool,
) -> Result<Vec<Known>, Failure> {
    let sound = known(home, settings).into_iter().filter(|known| check(&known.server, &known.settings).is_ok());
    let asked: Vec<Known> = sound.filter(|known| wanted(&known.server, &known.settings)).collect();
    if asked.is_empty() {
        return Ok(known(home, settings));
    }
    home.create()?;
    for known in &asked {
        remark(styled(FAINT, format!("Asking the MCP server {} for its tools …", known.server.name)));
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            asked.iter().map(|known| (known, scope.spawn(|| ask::describe(home, &known.server)))).collect();
        threads.into_iter().try_for_each(|(known, thread)| {
            let broken = |_| Err(Failure::new(ErrorCode::Internal, "asking an MCP server broke"));
            let hints = hints(&known.settings);
            let said = thread.join().unwrap_or_else(broken);
            cache::write(home, &known.server, hints, said.and_then(|said| tools_of(&known.server, hints, &said)))
        })
    })?;
    Ok(self::known(home, settings))
}

fn each(
    settings: &Settings,
    tools: impl Fn(&McpServer, &ServerSettings) -> Result<Vec<McpTool>, Failure>,
) -> Vec<Known> {
    let one = |(name, settings): (&String, &ServerSettings)| {
        let (program, arguments) = (settings.program.clone(), settings.arguments.clone());
        let server = McpServer { name: name.clone(), program, arguments };
        let tools = check(&server, settings)
            .and_then(|()| tools(&server, settings))
            .and_then(|all| chosen(all, settings))
            .and_then(|tools| with_stated(tools, &settings.tool));
        Known { server, settings: settings.clone(), tools }
    };
    settings.mcp.iter().map(one).collect()
}

fn hints(settings: &ServerSettings) -> ReadOnlyHints {
    if settings.trust_hints { ReadOnlyHints::Trust } else { ReadOnlyHints::Ignore }
}

/// Whether a server may be started at all.
fn check(server: &McpServer, settings: &ServerSettings) -> Result<(), Failure> {
    let wrong = |what: String, next: &str| Err(Failure::new(ErrorCode::InvalidInput, what).try_next(next));
    check_group(&server.name)?;
    if crate::installed::builtin().tools.keys().any(|tool| tool.split('.').next() == Some(&server.name)) {
        return wrong(format!("the name `{}` is taken by the system", server.name), "Give the server another name");
    }
    let is_name = !server.program.contains('/');
    let is_path = server.program.starts_with('/') && !server.program.split('/').any(|part| part == "..");
    if server.program.is_empty() || !(is_name || is_path) {
        // A path from the workspace on would run what the workspace says.
        return wrong(
            format!("the program of the MCP server {} is neither a name nor an absolute path", server.name),
            "Write the name of an installed program, such as python3",
        );
    }
    if server.arguments.iter().map(String::len).sum::<usize>() > MCP_ARGUMENTS_BYTES {
        let what = format!("the arguments of the MCP server {} are over {MCP_ARGUMENTS_BYTES} bytes", server.name);
        return Err(Failure::new(ErrorCode::TooLarge, what).because("the limit is MCP_ARGUMENTS_BYTES"));
    }
    let agents = genoa_agents::builtin_agents();
    match settings.agents.iter().find(|name| agents.iter().all(|agent| agent.name != **name)) {
        None => Ok(()),
        Some(unknown) => {
            let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
            wrong(
                format!(
                    "the MCP server {} is for the agent `{}`, which is not there",
                    server.name,
                    unknown.escape_debug()
                ),
                &format!("There are: {}", names.join(", ")),
            )
        }
    }
}

/// Of all its tools those that the person named, if they named some.
fn chosen(all: Vec<McpTool>, settings: &ServerSettings) -> Result<Vec<McpTool>, Failure> {
    if settings.tools.is_empty() {
        return Ok(all);
    }
    if let Some(missing) = settings.tools.iter().find(|name| all.iter().all(|tool| verb(&tool.schema) != **name)) {
        return Err(not_there("the server", "tool", missing, all.iter().map(|tool| verb(&tool.schema))));
    }
    Ok(all.into_iter().filter(|tool| settings.tools.iter().any(|name| verb(&tool.schema) == name)).collect())
}

fn not_asked(server: &McpServer) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("the MCP server {} was not asked for its tools yet", server.name))
        .try_next("`genoa tools` asks it")
}
