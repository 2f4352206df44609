//! Providers of models in the simulated world: what each really counts, and that it is never more than the person allows within any
//! 24 hours, whatever fails, crashes or is configured meanwhile.

use std::collections::BTreeMap;

use genoa_abi::event::{Effect, Event};
use genoa_abi::model::{ChatMessage, Finish, InferClass, InferRequest, InferUsage, Role};
use genoa_abi::provider::{Models, Need, Provider, Route, Sight};
use genoa_abi::session::News;
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::{AgentId, CallId, ErrorCode, Timestamp};

use crate::corpus;
use crate::random::Random;
use crate::world::World;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Tokens that the providers of this world add to each message.
const ADDED: u64 = 8;

/// One request that a provider got.
#[derive(Clone, Debug)]
struct Sent {
    provider: String,
    at: Timestamp,
    call: CallId,
    read: u64,
    written: u64,
    price: (u64, u64),
    is_over: bool,
}

/// All requests that providers got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spending {
    sent: Vec<Sent>,
    /// What tools answered agents.
    pub(crate) heard: BTreeMap<AgentId, String>,
}

impl Spending {
    /// What a provider says of a call, as tokens read and written: never more than it can be. Nothing for a model of this machine.
    pub(crate) fn usage(&self, call: CallId, random: &mut Random) -> Option<InferUsage> {
        let sent = self.sent.iter().rfind(|sent| sent.call == call && !sent.is_over)?;
        let part = |random: &mut Random, most: u64| {
            let most = usize::try_from(most).unwrap_or(0);
            u32::try_from(if random.chance(30) { most } else { random.below(most + 1) }).unwrap_or(0)
        };
        let (prompt_tokens, written_tokens) = (part(random, sent.read), part(random, sent.written));
        Some(InferUsage { prompt_tokens, written_tokens, ..InferUsage::default() })
    }

    /// A call is over: from now on it counts as much as its provider says, if it says anything.
    pub(crate) fn note(&mut self, event: &Event) {
        let (call, known) = match event {
            Event::InferFinished { call, outcome: Ok(reply), .. } => {
                let is_told = reply.finish != Finish::Cancelled && reply.usage.prompt_tokens > 0;
                let told = (u64::from(reply.usage.prompt_tokens), u64::from(reply.usage.written_tokens));
                (call, is_told.then_some(told))
            }
            Event::InferFinished { call, unspent, .. } | Event::EmbedFinished { call, unspent, .. } => {
                (call, unspent.then_some((0, 0)))
            }
            _ => return,
        };
        if let Some(sent) = self.sent.iter_mut().rfind(|sent| sent.call == *call && !sent.is_over) {
            sent.is_over = true;
            (sent.read, sent.written) = known.unwrap_or((sent.read, sent.written));
        }
    }

    fn within(&self, provider: &str, now: Timestamp) -> (u64, u64) {
        let recent = |sent: &&Sent| sent.provider == provider && sent.at.plus_ms(DAY_MS) > now;
        self.sent.iter().filter(recent).fold((0, 0), |(tokens, cost), sent| {
            (tokens + sent.read + sent.written, cost + sent.read * sent.price.0 + sent.written * sent.price.1)
        })
    }
}

/// The most that a provider may count for a request.
fn most(request: &InferRequest) -> (u64, u64) {
    let said: usize = request.messages.iter().map(|message| message.content.len()).sum();
    let form = request.grammar.as_ref().map_or(0, |form| match form {
        genoa_abi::model::Grammar::Lark(text) => text.len(),
        genoa_abi::model::Grammar::JsonSchema(schema) => schema.to_string().len(),
    });
    let read = (said + form + request.answer_begins.len()) as u64 + ADDED * (request.messages.len() as u64 + 1);
    (read, u64::from(request.max_tokens))
}

fn any_route(random: &mut Random) -> Route {
    let to = ["small", "tiny", "lab/big", "lab/other", "far/big", "far/big"];
    let class = [None, None, Some(InferClass::Interactive), Some(InferClass::Agent), Some(InferClass::Background)];
    let need = [None, None, Some(Need::Text), Some(Need::Grammar), Some(Need::Embeddings)];
    let holds = [None, None, Some(Sight::Words), Some(Sight::Public), Some(Sight::Private)];
    Route {
        class: random.pick(&class).copied().flatten(),
        need: random.pick(&need).copied().flatten(),
        holds: random.pick(&holds).copied().flatten(),
        longer_than: random.chance(20).then_some(1_000),
        to: random.pick(&to).copied().unwrap_or_default().to_owned(),
    }
}

/// The models that may answer: those that rules name which may be meant, up to the first that surely answers, or else the
/// chosen one.
fn may_answer(models: &Models, effect: &Effect) -> Vec<String> {
    let (class, need) = match effect {
        Effect::Infer { request, .. } if request.grammar.is_some() => (Some(request.class), Need::Grammar),
        Effect::Infer { request, .. } => (Some(request.class), Need::Text),
        _ => (None, Need::Embeddings),
    };
    let mut named = Vec::new();
    for route in &models.routes {
        let is_for_others =
            route.class.is_some_and(|meant| class != Some(meant)) || route.need.is_some_and(|meant| need != meant);
        if is_for_others {
            continue;
        }
        named.push(route.to.clone());
        if route.holds.is_none() && route.longer_than.is_none() && !route.to.contains('/') {
            return named;
        }
    }
    named.push(models.chosen.clone());
    named
}

impl World {
    /// Who answers, and within which limits.
    pub(crate) fn any_models(&mut self) -> Models {
        if !self.spends {
            return Models::default();
        }
        let chosen = ["small", "lab/big", "lab/other", "far/big"];
        let chosen = self.random.pick(&chosen).copied().unwrap_or_default().to_owned();
        let limit = |random: &mut Random, most: usize| random.chance(70).then(|| random.below(most) as u64);
        let providers = ["lab", "far"].map(|name| {
            let sights = [Sight::Words, Sight::Public, Sight::Private];
            let provider = Provider {
                grammars: self.random.chance(50),
                continues: self.random.chance(50),
                embeds: self.random.chance(50),
                context_tokens: 8192,
                sees: self.random.pick(&sights).copied().unwrap_or_default(),
                tokens_per_day: limit(&mut self.random, 60_000),
                spend_per_day: limit(&mut self.random, 200_000),
                price_in: 1_000_000 * self.random.below(5) as u64,
                price_out: 1_000_000 * self.random.below(9) as u64,
            };
            (name.to_owned(), provider)
        });
        let routes = (0..self.random.below(4)).map(|_| any_route(&mut self.random)).collect();
        Models { chosen, providers: BTreeMap::from(providers), routes }
    }

    /// A model is asked: that it is the one that the person chose, and that its provider may get so much more.
    pub(crate) fn check_asked(&mut self, effect: &Effect) -> Result<(), String> {
        let (call, to, (read, written)) = match effect {
            Effect::Infer { call, to, request, .. } => (*call, to, most(request)),
            Effect::Embed { call, to, texts } => {
                let bytes: usize = texts.iter().map(String::len).sum();
                (*call, to, (bytes as u64 + ADDED * texts.len() as u64, 0))
            }
            _ => return Ok(()),
        };
        let named = may_answer(&self.told.models, effect);
        if !named.contains(to) {
            return Err(format!("{call} goes to `{to}`, and may go to {named:?}"));
        }
        let Some((name, _)) = to.split_once('/') else { return Ok(()) };
        let Some(provider) = self.told.models.providers.get(name).cloned() else {
            return Err(format!("{call} goes to {to}, which nobody configured"));
        };
        self.report.sent_elsewhere += 1;
        self.report.sent_by_rule += usize::from(*to != self.told.models.chosen);
        let shows = |words: &str| match effect {
            Effect::Infer { request, .. } => request.messages.iter().any(|message| message.content.contains(words)),
            _ => false,
        };
        if provider.sees < Sight::Private && shows(corpus::PRIVATE) {
            return Err(format!("{to} gets to see a note, and may see {}", provider.sees));
        }
        if provider.sees < Sight::Public && shows(corpus::PUBLIC) {
            return Err(format!("{to} gets to see a page, and may see {}", provider.sees));
        }
        self.report.notes_elsewhere += usize::from(shows(corpus::PRIVATE));
        let price = (provider.price_in, provider.price_out);
        let (provider_name, at) = (name.to_owned(), self.now);
        self.spending.sent.push(Sent { provider: provider_name, at, call, read, written, price, is_over: false });
        let (tokens, cost) = self.spending.within(name, self.now);
        if provider.tokens_per_day.is_some_and(|limit| tokens > limit) {
            return Err(format!("{name} may have counted {tokens} tokens within a day of {provider:?}"));
        }
        if provider.spend_per_day.is_some_and(|limit| cost > limit * 1_000_000) {
            return Err(format!("{name} may have cost {cost} within a day of {provider:?}"));
        }
        Ok(())
    }

    /// Counts who was told that a limit of a day would be passed.
    pub(crate) fn note_refusals(&mut self, effects: &[Effect]) {
        let is_refused = |effect: &&Effect| match effect {
            Effect::Reply { outcome: Err(failure), .. } => {
                failure.code == ErrorCode::BudgetSpent && failure.next.contains("[providers.")
            }
            _ => false,
        };
        self.report.refused_for_the_day += effects.iter().filter(is_refused).count();
        let is_kept_back = |effect: &&Effect| match effect {
            Effect::Reply { outcome: Err(failure), .. } => failure.what.contains("must not see this prompt"),
            Effect::Tell { news: News::Finished(summary), .. } => summary.answer.contains("must not see this prompt"),
            _ => false,
        };
        self.report.kept_back += effects.iter().filter(is_kept_back).count();
    }

    pub(crate) fn is_turn_to_think(&mut self) -> bool {
        self.spends && self.random.chance(40)
    }

    /// Somebody asks a model; or hours pass, or the person chooses another model and other limits.
    pub(crate) fn somebody_thinks(&mut self) -> Result<(), String> {
        if self.random.chance(5) {
            let installation = self.any_installation();
            return self.feed(Event::Configured(installation));
        }
        if self.random.chance(10) {
            self.now = self.now.plus_ms(self.random.below(10 * 60) as u64 * 60 * 1000);
            self.wake = None;
            return self.feed(Event::Tick {});
        }
        // Agents more often than people: what they were told is the more dangerous.
        let are_people_left_out = !self.agents.is_empty() && self.random.chance(60);
        let people = self.sessions.iter().filter(|_| !are_people_left_out).map(|session| Caller::Person(*session));
        let callers: Vec<Caller> = people.chain(self.agents.iter().map(|agent| Caller::Agent(*agent))).collect();
        let Some(caller) = self.random.pick(&callers).copied() else { return self.connect() };
        if let (Caller::Agent(_), true) = (caller, self.random.chance(30)) {
            let (tool, name) = if self.random.chance(50) { ("notes.find", "about") } else { ("web.fetch", "url") };
            let arguments = [(name.to_owned(), "https://a.example/".into())].into_iter().collect();
            return self.ask(caller, Syscall::Call { tool: tool.into(), arguments });
        }
        if self.random.chance(20) {
            let texts = vec!["some words ".repeat(self.random.below(60)); 1 + self.random.below(5)];
            return self.ask(caller, Syscall::Embed { texts });
        }
        let mut request = self.infer_request();
        // What an agent was told is in what it asks.
        if let Caller::Agent(agent) = caller
            && let Some(heard) = self.spending.heard.get(&agent)
        {
            request.messages.push(ChatMessage::new(Role::User, heard.clone()));
        }
        self.ask(caller, Syscall::Infer(request))
    }
}
