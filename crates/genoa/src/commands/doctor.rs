//! `doctor`: what this machine offers, and what is refused without it.

use genoa_abi::Failure;
use genoa_sandbox::{PrimitiveKind, probe};
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::jailed::binary;
use crate::models;
use crate::output::{BAD, BOLD, Ending, FAINT, GOOD, styled, value};
use crate::servers::Known;

/// Looks at the machine, the home and the model.
pub(crate) fn run(context: &Context) -> Result<Ending, Failure> {
    context.home.create()?;
    let report = probe(&binary()?, &context.home.run())?;
    let needed = PrimitiveKind::EVERY_JAIL;
    let healthy = report.primitives.iter().all(|primitive| primitive.available || !needed.contains(&primitive.kind));
    let model = models::described(&context.home, &context.settings);
    let servers = context.servers()?;
    let findings = json!({
        "primitives": report.primitives,
        "home": context.home.state(),
        "models": context.home.models(),
        "hosts": context.settings.network.hosts,
        "servers": servers.iter().map(server_finding).collect::<Vec<_>>(),
        "sensor": sensor_finding(),
        "model": model.is_ok().then(|| models::chosen(&context.settings)),
    });
    value(context.format, &findings, |_| {
        let mut lines = vec![styled(BOLD, "What jails are made of")];
        for primitive in &report.primitives {
            let sign = if primitive.available { styled(GOOD, "✓") } else { styled(BAD, "✗") };
            lines.push(format!("  {sign} {} {}", primitive.kind, styled(FAINT, &primitive.detail)));
            if !primitive.available && !primitive.without_it.is_empty() {
                lines.push(format!("    without it: {}", primitive.without_it));
            }
        }
        lines.push(styled(BOLD, "Where things are"));
        lines.push(format!("  home {}", context.home.state().display()));
        lines.push(format!("  models {}", context.home.models().display()));
        lines.push(styled(BOLD, "Network"));
        lines.push(match context.settings.network.hosts.as_slice() {
            [] => "  no host may be reached".to_owned(),
            hosts => format!("  agents may fetch from {}", hosts.join(", ")),
        });
        if !servers.is_empty() {
            lines.push(styled(BOLD, "MCP servers"));
            lines.extend(servers.iter().map(server_line));
        }
        lines.push(styled(BOLD, "Model"));
        match &model {
            Ok(described) => lines.push(format!("  {} {described}", styled(GOOD, "✓"))),
            Err(failure) => lines.push(format!("  {} {failure}", styled(BAD, "✗"))),
        }
        lines.extend(models::described_by_rule(&context.settings).into_iter().map(|line| format!("  → {line}")));
        lines.push(styled(BOLD, "Injection sensor"));
        lines.push(sensor_line());
        lines
    });
    Ok(if healthy { Ending::Done } else { Ending::Failed })
}

fn sensor_finding() -> Json {
    match genoa_sensor::health() {
        Ok(()) => json!({ "works": true }),
        Err(failure) => json!({ "works": false, "failure": failure }),
    }
}

fn sensor_line() -> String {
    match genoa_sensor::health() {
        Ok(()) => format!("  {} built in; what it does not mark may be hostile all the same", styled(GOOD, "✓")),
        Err(failure) => format!("  {} off, its file of weights is damaged: {failure}", styled(BAD, "✗")),
    }
}

fn server_finding(known: &Known) -> Json {
    let (tools, failure) = match &known.tools {
        Ok(tools) => (tools.len(), None),
        Err(failure) => (0, Some(failure)),
    };
    json!({ "name": known.server.name, "tools": tools, "agents": known.settings.agents, "failure": failure })
}

fn server_line(known: &Known) -> String {
    let name = &known.server.name;
    let agents = match known.settings.agents.as_slice() {
        [] => "for plans of your own only".to_owned(),
        agents => format!("for you and {}", agents.join(", ")),
    };
    match &known.tools {
        Ok(tools) => {
            let count = if tools.len() == 1 { "1 tool".to_owned() } else { format!("{} tools", tools.len()) };
            format!("  {} {name}: {count}, {agents}", styled(GOOD, "✓"))
        }
        Err(failure) => format!("  {} {name}: {failure}", styled(BAD, "✗")),
    }
}
