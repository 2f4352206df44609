//! `model top`: what the model works on, for whom, and how fast.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use genoa_abi::Failure;
use genoa_abi::model::{CallState, CallWork, EngineWork, InferClass, InferStage};
use genoa_abi::session::{ModelCallInfo, SystemStatus};
use genoa_abi::syscall::{Reply, Syscall};
use serde::Serialize;

use crate::connect::unexpected;
use crate::context::Context;
use crate::models;
use crate::output::{BOLD, Ending, FAINT, Format, bytes, line, styled, value, visible};

/// Time between two looks.
const LOOK_MS: u64 = 1_000;

/// What is seen at one look.
#[derive(Debug, Serialize)]
struct Look {
    /// The chosen model, and all others that work or are waited for.
    models: Vec<ModelLook>,
    #[serde(skip)]
    agents: Vec<(String, String)>,
}

/// What is seen of one model.
#[derive(Debug, Serialize)]
struct ModelLook {
    model: String,
    /// Its calls, as the kernel schedules them.
    calls: Vec<ModelCallInfo>,
    /// What the worker says; nothing where none runs, or the model is elsewhere.
    engine: Option<EngineWork>,
    /// Prompt tokens read, and tokens written, in a second since the last look.
    read_per_second: f64,
    written_per_second: f64,
}

/// Shows it once, or again and again until it is stopped: on a terminal in place, else one look after the other.
pub(crate) fn run(context: &Context, once: bool) -> Result<Ending, Failure> {
    let is_live = !once && context.format == Format::Text && std::io::stdout().is_terminal();
    let mut last = BTreeMap::new();
    loop {
        let look = look(context, &mut last)?;
        if is_live {
            // To the upper left corner, and away with what stands there.
            line(format!("\u{1b}[H\u{1b}[J{}", lines(&look).join("\n")));
        } else {
            value(context.format, &look, lines);
        }
        if once {
            return Ok(Ending::Done);
        }
        std::thread::sleep(Duration::from_millis(LOOK_MS));
    }
}

/// When a look was taken, and the tokens that were read and written by then.
type Seen = (Instant, u64, u64);

fn look(context: &Context, last: &mut BTreeMap<String, Seen>) -> Result<Look, Failure> {
    let SystemStatus { agents, model_calls: calls, .. } = context.status()?;
    let mut engines = match context.session()?.client.call(&Syscall::Engine {})? {
        Reply::Engine(engines) => engines,
        other => return Err(unexpected(&other)),
    };
    let chosen = models::chosen(&context.settings);
    let others: BTreeSet<String> = engines.keys().chain(calls.iter().map(|call| &call.model)).cloned().collect();
    let names = [chosen.to_owned()].into_iter().chain(others.into_iter().filter(|name| name != chosen));
    let of = |model: String| {
        let engine = engines.remove(&model);
        let seen = seen(engine.as_ref());
        let before = last.insert(model.clone(), seen);
        let (read_per_second, written_per_second) = before.map(|before| speeds(before, seen)).unwrap_or_default();
        let calls = calls.iter().filter(|call| call.model == model).cloned().collect();
        ModelLook { model, calls, engine, read_per_second, written_per_second }
    };
    let agents = agents.iter().map(|agent| (agent.id.to_string(), agent.name.clone())).collect();
    Ok(Look { models: names.map(of).collect(), agents })
}

fn seen(engine: Option<&EngineWork>) -> Seen {
    let used = engine.map(|work| work.used).unwrap_or_default();
    let read = u64::from(used.prompt_tokens.saturating_sub(used.cached_tokens));
    (Instant::now(), read, u64::from(used.written_tokens))
}

/// Tokens read and written in a second between two looks.
fn speeds(before: Seen, now: Seen) -> (f64, f64) {
    let seconds = now.0.duration_since(before.0).as_secs_f64().max(0.001);
    // Two counts of tokens: their difference is far below where a float loses units.
    let per_second =
        |before: u64, now: u64| f64::from(u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX)) / seconds;
    (per_second(before.1, now.1), per_second(before.2, now.2))
}

fn lines(look: &Look) -> Vec<String> {
    let blocks: Vec<Vec<String>> = look.models.iter().map(|model| block(model, &look.agents)).collect();
    blocks.join(&String::new())
}

fn block(look: &ModelLook, agents: &[(String, String)]) -> Vec<String> {
    let mut lines = vec![head(look)];
    if let Some(engine) = &look.engine {
        lines.push(styled(FAINT, memory(engine)));
    }
    if look.calls.is_empty() {
        lines.push("No call waits, and none runs.".to_owned());
        return lines;
    }
    lines.push(styled(
        BOLD,
        "call    for                 class        state     prompt   cached  written  forced   cpu",
    ));
    lines.extend(look.calls.iter().map(|call| row(look.engine.as_ref(), agents, call)));
    lines
}

fn head(look: &ModelLook) -> String {
    let count = |stage: InferStage| look.calls.iter().filter(|call| call.stage == stage).count();
    format!(
        "{}  running {}, standing {}, waiting {}   reads {:.0} and writes {:.1} tokens/s",
        styled(BOLD, visible(&look.model)),
        count(InferStage::Running),
        count(InferStage::Paused),
        count(InferStage::Waiting),
        look.read_per_second,
        look.written_per_second
    )
}

fn memory(engine: &EngineWork) -> String {
    let used = &engine.used;
    format!(
        "threads: {}; room for {} of {} tokens is taken; states on disk: {}, {} found, {} missed; of {} prompt tokens {} were at hand",
        engine.threads,
        engine.taken_tokens,
        engine.room_tokens,
        bytes(engine.state_bytes),
        engine.state_hits,
        engine.state_misses,
        used.prompt_tokens,
        used.cached_tokens
    )
}

fn row(engine: Option<&EngineWork>, agents: &[(String, String)], call: &ModelCallInfo) -> String {
    let work = engine.and_then(|engine| engine.calls.iter().find(|work| work.call == call.call));
    let name =
        |id: &str| agents.iter().find(|(known, _)| known == id).map_or_else(String::new, |(_, name)| name.clone());
    let who = match call.agent {
        Some(agent) => format!("{} {}", agent, visible(&name(&agent.to_string()))),
        None => call.session.to_string(),
    };
    let class = match call.class {
        InferClass::Interactive => "interactive",
        InferClass::Agent => "agent",
        InferClass::Background => "background",
    };
    let state = match (call.stage, work.map(|work| work.state)) {
        (InferStage::Waiting, _) => "waits",
        (InferStage::Paused, Some(CallState::Spilled)) => "on disk",
        (InferStage::Paused, _) => "stands",
        (InferStage::Running, Some(CallState::Writing)) => "writes",
        (InferStage::Running, _) => "reads",
    };
    let usage = work.map(|work: &CallWork| work.usage).unwrap_or_default();
    format!(
        "{:<7} {who:<19} {class:<12} {state:<9} {:>6} {:>8} {:>8} {:>7} {:>4.1}s",
        call.call.to_string(),
        usage.prompt_tokens,
        usage.cached_tokens,
        usage.written_tokens,
        usage.forced_tokens,
        f64::from(usage.cpu_ms) / 1000.0
    )
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{CallState, CallWork, EngineWork, InferClass, InferStage, InferUsage};
    use genoa_abi::session::ModelCallInfo;
    use genoa_abi::{AgentId, CallId, SessionId, Timestamp};

    use super::{Look, ModelLook, lines};

    #[test]
    fn a_look() {
        let usage = InferUsage {
            prompt_tokens: 900,
            cached_tokens: 750,
            written_tokens: 12,
            cpu_ms: 2340,
            ..InferUsage::default()
        };
        let call = |id, stage| ModelCallInfo {
            call: CallId(id),
            model: "m".into(),
            session: SessionId(1),
            agent: (id == 7).then_some(AgentId { index: 2, generation: 0 }),
            class: if id == 7 { InferClass::Interactive } else { InferClass::Background },
            stage,
            since: Timestamp(0),
            tokens: 2000,
        };
        let work = CallWork { call: CallId(7), class: InferClass::Interactive, state: CallState::Writing, usage };
        let engine = EngineWork {
            threads: 2,
            calls: vec![work],
            used: usage,
            room_tokens: 16384,
            taken_tokens: 2048,
            ..EngineWork::default()
        };
        let look = |model: &str, calls, engine| ModelLook {
            model: model.into(),
            calls,
            engine,
            read_per_second: 70.0,
            written_per_second: 9.96,
        };
        let calls = vec![call(7, InferStage::Running), call(8, InferStage::Paused), call(9, InferStage::Waiting)];
        let look = Look {
            models: vec![look("m", calls, Some(engine)), look("lab/n", Vec::new(), None)],
            agents: vec![("a2.0".into(), "system".into())],
        };
        let text: Vec<String> =
            lines(&look).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        m  running 1, standing 1, waiting 1   reads 70 and writes 10.0 tokens/s
        threads: 2; room for 2048 of 16384 tokens is taken; states on disk: 0 bytes, 0 found, 0 missed; of 900 prompt tokens 750 were at hand
        call    for                 class        state     prompt   cached  written  forced   cpu
        c7      a2.0 system         interactive  writes       900      750       12       0  2.3s
        c8      s1                  background   stands         0        0        0       0  0.0s
        c9      s1                  background   waits          0        0        0       0  0.0s

        lab/n  running 0, standing 0, waiting 0   reads 70 and writes 10.0 tokens/s
        No call waits, and none runs.
        ");
    }
}
