//! `policy say`: a rule out of a sentence. The local model fills a form in; what becomes of it is shown in plain words and in
//! Cedar, and holds once the person has said so.

use clap::Args;
use genoa_abi::limits::ANSWER_TOKENS;
use genoa_abi::model::{ChatMessage, Grammar, InferClass, InferReply, InferRequest, Role};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_policy::{Draft, draft_schema};
use serde::Serialize;
use serde_json::json;

use crate::connect::unexpected;
use crate::context::Context;
use crate::follow::agrees;
use crate::output::{BOLD, CARE, Ending, FAINT, Format, GOOD, remark, styled, value, visible_line};
use crate::rule_files::{self, remark_line, sound, text_of, with_rule};

/// The file with the rules that came out of sentences.
const SAID: &str = "said.cedar";

/// A sentence.
#[derive(Debug, Args)]
pub(crate) struct SayArguments {
    /// What shall hold, in your words: \"never send mail to eve@x.example\"
    sentence: String,
    /// Let it hold without asking
    #[arg(long)]
    yes: bool,
}

/// What was made of a sentence.
#[derive(Debug, Serialize)]
struct Made {
    words: String,
    cedar: String,
    holds: bool,
}

/// Makes a rule of a sentence.
pub(crate) fn say(context: &Context, arguments: &SayArguments) -> Result<Ending, Failure> {
    let sentence = arguments.sentence.trim();
    let installation = context.installation()?;
    let agents: Vec<String> = installation.agents.iter().map(|agent| agent.name.clone()).collect();
    let request = request(sentence, Grammar::JsonSchema(draft_schema(&installation.catalog, &agents, sentence)));
    let reply = match context.session()?.client.call(&Syscall::Infer(request))? {
        Reply::Text(reply) => reply,
        other => return Err(unexpected(&other)),
    };
    let draft = read(&reply)?;
    draft.check(sentence, &installation.catalog).map_err(|why| {
        Failure::new(ErrorCode::InvalidInput, "no rule was made of this sentence")
            .because(why)
            .try_next("Say it in one plain sentence, or write the rule yourself: docs/policy.md tells how")
    })?;
    let id = format!("said-{}", text_of(&context.home, SAID).matches("@id(").count() + 1);
    let cedar = draft.to_cedar(&id, sentence, &installation.catalog);
    let file = with_rule(&context.home, SAID, &cedar);
    let remarks = sound(&context.home, &installation.catalog, &file).map_err(|wrong| {
        Failure::new(ErrorCode::InvalidInput, "no sound rule was made of this sentence").because(wrong)
    })?;
    if context.format == Format::Text {
        remark(styled(BOLD, visible_line(&draft.words())));
        cedar.lines().for_each(|line| remark(format!("  {}", styled(FAINT, visible_line(line)))));
        remarks.iter().for_each(|one| remark(remark_line(one)));
    }
    let holds = arguments.yes || (context.format == Format::Text && agrees("Shall it hold? [y/N] "));
    if holds {
        rule_files::save(&context.home, &file)?;
    }
    value(context.format, &Made { words: draft.words(), cedar, holds }, |made| {
        vec![match made.holds {
            true => format!("{} It holds from now on; `genoa policy list` shows it", styled(GOOD, "✓")),
            false => format!("{} It does not hold; with --yes it would", styled(CARE, "!")),
        }]
    });
    Ok(if holds { Ending::Done } else { Ending::Asked })
}

fn read(reply: &InferReply) -> Result<Draft, Failure> {
    serde_json::from_str(&reply.text)
        .map_err(|error| Failure::new(ErrorCode::ToolFailed, "the model did not fill the form in").because(error))
}

const TASK: &str = "You turn a person's sentence about what an assistant may do into a form. verdict: never (refused), ask (the \
    person is asked each time), allow (no question any more). action: one tool, a group of tools, or observe, change, emit \
    (leaves the machine), govern. recipients: any; these, if the addresses are meant; others, if anybody but the addresses is \
    meant. addresses: only what the sentence says. path: what the path of a file begins with, only if the sentence says one. from: \
    where something in the call comes from, only if the sentence says so. agent: only if the sentence names one.";

fn request(sentence: &str, grammar: Grammar) -> InferRequest {
    let form = |verdict: &str, action: &str| {
        json!({ "verdict": verdict, "action": action, "agent": null, "recipients": "any", "addresses": [], "path": null,
            "from": null })
    };
    let with = |mut form: serde_json::Value, name: &str, value: serde_json::Value| {
        form[name] = value;
        form
    };
    let to = |form, which: &str, addresses: serde_json::Value| {
        with(with(form, "recipients", json!(which)), "addresses", addresses)
    };
    let examples = [
        ("Never send anything to eve@x.example", to(form("never", "emit"), "these", json!(["eve@x.example"]))),
        ("Ask me before anything in Letters/ is changed", with(form("ask", "change"), "path", json!("Letters/"))),
        (
            "You may write to bo@corp.example and li@corp.example without asking",
            to(form("allow", "mail.send"), "these", json!(["bo@corp.example", "li@corp.example"])),
        ),
        (
            "No mail to anybody but my boss kim@corp.example",
            to(form("never", "mail.send"), "others", json!(["kim@corp.example"])),
        ),
        ("Do not run commands that came from a web page", with(form("never", "shell.run"), "from", json!("web"))),
        ("Always ask before you delete files", form("ask", "files.delete")),
        ("The content agent must not touch my calendar", with(form("never", "calendar"), "agent", json!("content"))),
    ];
    let shown = examples.iter().flat_map(|(sentence, form)| {
        [ChatMessage::new(Role::User, *sentence), ChatMessage::new(Role::Assistant, form.to_string())]
    });
    let messages = std::iter::once(ChatMessage::new(Role::System, TASK))
        .chain(shown)
        .chain([ChatMessage::new(Role::User, sentence)]);
    InferRequest {
        messages: messages.collect(),
        grammar: Some(grammar),
        max_tokens: u32::try_from(ANSWER_TOKENS).unwrap_or(u32::MAX),
        class: InferClass::Interactive,
        ..InferRequest::default()
    }
}
