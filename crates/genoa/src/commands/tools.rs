//! `tools` and `agents`: what can be called, and by whom.

use clap::Args;
use genoa_abi::agent::AgentManifest;
use genoa_abi::grant::Right;
use genoa_abi::schema::{EffectClass, ToolSchema};
use genoa_abi::{ErrorCode, Failure};

use crate::context::Context;
use crate::installed;
use crate::output::{BAD, BOLD, CARE, Ending, FAINT, Format, remark, styled, value};
use crate::servers::{Known, ask_all};

/// Which tools to show.
#[derive(Debug, Args)]
pub(crate) struct ToolsArguments {
    /// A tool's name, or a part of it [default: all]
    name: Option<String>,
    /// Ask the configured MCP servers again what they offer
    #[arg(long)]
    refresh: bool,
}

/// Lists tools; a single one with its parameters.
pub(crate) fn run(context: &Context, arguments: &ToolsArguments) -> Result<Ending, Failure> {
    let wanted = arguments.name.as_deref().unwrap_or_default();
    let servers = if arguments.refresh { ask_all(&context.home, &context.settings)? } else { context.servers()? };
    let catalog = installed::of(&context.settings, &servers)?.catalog;
    let tools: Vec<ToolSchema> = catalog.tools.into_values().filter(|tool| tool.name.contains(wanted)).collect();
    if context.format == Format::Text {
        servers.iter().flat_map(server_remarks).for_each(remark);
        let left_out = installed::left_out(&servers);
        left_out.iter().for_each(|failure| remark(format!("{} {failure}", styled(CARE, "!"))));
    }
    if tools.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, format!("no tool has `{wanted}` in its name"))
            .try_next("`genoa tools` lists all"));
    }
    value(context.format, &tools, |tools| match tools.as_slice() {
        [tool] => page(tool),
        several => several.iter().map(row).collect(),
    });
    Ok(Ending::Done)
}

/// Lists the agents with their tools and budgets.
pub(crate) fn agents(context: &Context) -> Result<Ending, Failure> {
    let installed = context.installation()?;
    value(context.format, &installed.agents, |agents| {
        agents.iter().flat_map(|agent| agent_lines(agent, &installed.network)).collect()
    });
    Ok(Ending::Done)
}

/// What is to be said about a server: why its tools are missing, or that nobody may use them.
pub(crate) fn server_remarks(known: &Known) -> Vec<String> {
    let name = &known.server.name;
    match &known.tools {
        Err(failure) => vec![
            format!("{} {name}: {failure}", styled(BAD, "✗")),
            format!("  {}", styled(FAINT, "`genoa tools --refresh` asks it again")),
        ],
        Ok(_) if known.settings.agents.is_empty() => {
            let line = "agents = [\"system\"]";
            vec![format!(
                "{} {name}: only plans of your own may use it; {line} under [mcp.{name}] in config.toml lets an agent",
                styled(CARE, "!")
            )]
        }
        Ok(_) => Vec::new(),
    }
}

fn row(tool: &ToolSchema) -> String {
    format!("{:<22} {} {}", tool.name, class(tool.effect), styled(FAINT, &tool.about))
}

fn class(effect: EffectClass) -> String {
    match effect {
        EffectClass::Observe => styled(FAINT, "observe"),
        EffectClass::Change => styled(CARE, "change "),
        EffectClass::Emit => styled(BAD, "emit   "),
        EffectClass::Govern => styled(BAD, "govern "),
    }
}

fn page(tool: &ToolSchema) -> Vec<String> {
    let mut lines = vec![styled(BOLD, &tool.name), format!("  {}", tool.about), format!("  {}", class(tool.effect))];
    for parameter in &tool.parameters {
        let need = if parameter.required { "" } else { ", optional" };
        lines.push(format!("  {}: {}{need}  {}", parameter.name, parameter.ty, styled(FAINT, &parameter.about)));
    }
    lines.push(format!("  → {}", tool.returns));
    lines
}

fn agent_lines(agent: &AgentManifest, network: &[Right]) -> Vec<String> {
    let mut lines = vec![styled(BOLD, &agent.name), format!("  {}", agent.about)];
    lines.push(styled(FAINT, format!("  tools: {}", agent.tools.join(", "))));
    // A right to any host means those of the configuration.
    let meant = |right: &Right| match right {
        Right::Network { host, .. } if host == "*" => network.to_vec(),
        other => vec![other.clone()],
    };
    let rights: Vec<String> = agent.rights.iter().flat_map(meant).map(|right| right.to_string()).collect();
    lines.push(styled(FAINT, format!("  may: {}", rights.join("; "))));
    lines.push(styled(
        FAINT,
        format!("  budget: {} calls, {} tokens, {} s", agent.budget.calls, agent.budget.tokens, agent.budget.seconds),
    ));
    lines
}
