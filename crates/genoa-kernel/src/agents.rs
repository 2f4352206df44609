//! Agents: intentions taken up, children, mailboxes, and the end of an agent.

use std::collections::{BTreeMap, VecDeque};

use genoa_abi::agent::{AgentManifest, Assignment};
use genoa_abi::event::Effect;
use genoa_abi::grant::{Budget, GrantRequest, Right};
use genoa_abi::limits::{
    AGENT_DEPTH, AGENTS, EXAMPLES, GRANT_LIFE_MS, INTENTION_BYTES, MAILBOX_MESSAGES, MESSAGE_BYTES, NOTICE_BYTES,
    NOTICES,
};
use genoa_abi::session::{News, OutboxState, RunOutcome, Weight};
use genoa_abi::syscall::{Caller, Reply};
use genoa_abi::tool::Clock;
use genoa_abi::{AgentId, ErrorCode, Failure, GrantId, IntentionId, Labels, RequestId, RunId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::deeds::Deeds;
use crate::grants::Holder;
use crate::network::is_any_host;
use crate::router;
use crate::summary;
use crate::turn::{Asker, Origin, Response, Standing, Turn, only_a_person, too_large};

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) session: SessionId,
    pub(crate) parent: Option<AgentId>,
    pub(crate) intention: IntentionId,
    /// What it shall do: the person's words, or those of the agent that started it.
    pub(crate) task: String,
    pub(crate) grant: GrantId,
    pub(crate) started: Timestamp,
    pub(crate) depth: usize,
    pub(crate) mailbox: VecDeque<Json>,
    /// The `receive` that waits for a message.
    pub(crate) receiving: Option<RequestId>,
    /// The run of its plan.
    pub(crate) run: Option<RunId>,
    /// How many of its plans did not pass the check.
    pub(crate) rejected: usize,
    /// How many of its plans were questions that were answered.
    #[serde(default)]
    pub(crate) asked: usize,
    /// How many of its plans found nothing and were written anew.
    #[serde(default)]
    pub(crate) retried: usize,
    pub(crate) notices: u32,
    /// Who could have influenced it: the sources of all that it was told. They are in whatever it asks for.
    #[serde(default)]
    pub(crate) heard: Labels,
    /// Who decides what it asks for.
    #[serde(default)]
    pub(crate) driver: Driver,
    /// What it did by itself.
    #[serde(flatten)]
    pub(crate) deeds: Deeds,
    /// Why its last syscall failed, if it did: what it most likely dies of.
    #[serde(default)]
    pub(crate) trouble: Option<Failure>,
}

/// Something a person asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intention {
    pub(crate) text: String,
    pub(crate) session: SessionId,
    /// The moment in which its words are understood, also days later.
    pub(crate) clock: Clock,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Slot {
    generation: u32,
    agent: Option<Agent>,
}

/// All agents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Agents {
    slots: BTreeMap<u32, Slot>,
}

impl Agents {
    pub(crate) fn get(&self, id: AgentId) -> Result<&Agent, Failure> {
        let slot = self.slots.get(&id.index).filter(|slot| slot.generation == id.generation);
        slot.and_then(|slot| slot.agent.as_ref()).ok_or_else(|| gone(id))
    }

    pub(crate) fn get_mut(&mut self, id: AgentId) -> Option<&mut Agent> {
        let slot = self.slots.get_mut(&id.index).filter(|slot| slot.generation == id.generation)?;
        slot.agent.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (AgentId, &Agent)> {
        self.slots.iter().filter_map(|(index, slot)| {
            slot.agent.as_ref().map(|agent| (AgentId { index: *index, generation: slot.generation }, agent))
        })
    }

    /// Whether `above` is `id` or one of those that started it.
    pub(crate) fn is_below(&self, id: AgentId, above: AgentId) -> bool {
        let mut next = Some(id);
        for _ in 0..=AGENT_DEPTH {
            match next {
                Some(agent) if agent == above => return true,
                Some(agent) => next = self.get(agent).ok().and_then(|agent| agent.parent),
                None => return false,
            }
        }
        false
    }

    /// The handle that the next agent gets.
    fn reserve(&mut self) -> Result<AgentId, Failure> {
        let free = self.slots.iter().find(|(_, slot)| slot.agent.is_none()).map(|(index, _)| *index);
        let next = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let index = free.or_else(|| (self.slots.len() < AGENTS).then_some(next)).ok_or_else(|| {
            too_large("too many agents are alive", "AGENTS", AGENTS).try_next("Wait for one to end, or stop one")
        })?;
        let slot = self.slots.entry(index).or_default();
        slot.generation += 1;
        Ok(AgentId { index, generation: slot.generation })
    }

    fn insert(&mut self, id: AgentId, agent: Agent) {
        if let Some(slot) = self.slots.get_mut(&id.index) {
            slot.agent = Some(agent);
        }
    }

    fn remove(&mut self, id: AgentId) -> Option<Agent> {
        self.slots.get_mut(&id.index).filter(|slot| slot.generation == id.generation)?.agent.take()
    }
}

/// What a new agent shall be.
struct Birth {
    manifest: AgentManifest,
    session: SessionId,
    parent: Option<AgentId>,
    intention: IntentionId,
    task: String,
    grant: GrantId,
    depth: usize,
    driver: Driver,
}

/// Who decides what an agent asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Driver {
    /// The agent loop, as a process in a jail.
    #[default]
    Process,
    /// A program of the person's, over what was a surface's connection.
    Connection,
}

impl Turn<'_> {
    pub(crate) fn intend(&mut self, caller: Caller, text: String, name: Option<String>) -> Result<Response, Failure> {
        let Caller::Person(session) = caller else { return Err(only_a_person("state an intention")) };
        let (intention, agent) = self.take_up(session, text, name, Driver::Process)?;
        Ok(Response::Now(Reply::Intention { intention, agent }))
    }

    /// An intention that the program at a surface works on itself. Its connection is the agent's from the answer on.
    pub(crate) fn act(
        &mut self,
        asker: Asker,
        text: String,
        name: Option<String>,
        session: Option<SessionId>,
    ) -> Result<Response, Failure> {
        let Caller::Person(own) = asker.caller else { return Err(only_a_person("hand its connection to an agent")) };
        let (intention, agent) = self.take_up(session.unwrap_or(own), text, name, Driver::Connection)?;
        self.reply(asker, Ok(Reply::Intention { intention, agent }));
        self.effects.push(Effect::AttachAgent { session: own, agent });
        // Nobody is left who could speak for the person there.
        self.drop_waiting_syscalls(asker.caller);
        self.withdraw_offer(own);
        self.disconnect(own);
        Ok(Response::Later)
    }

    /// Starts an agent for an intention.
    pub(crate) fn take_up(
        &mut self,
        session_id: SessionId,
        text: String,
        name: Option<String>,
        driver: Driver,
    ) -> Result<(IntentionId, AgentId), Failure> {
        check_words(&text, "the intention")?;
        let skill = router::skill_for(&text, name.as_deref(), self.kernel).map(|skill| skill.agent.clone());
        let name = name.or(skill).or_else(|| router::choose(&text, self.kernel)).unwrap_or_default();
        let manifest = self.manifest(&name)?;
        let session = self.session(session_id)?;
        let (Some(grant), Some(clock)) = (session.grant, session.clock.clone()) else {
            return Err(Failure::new(ErrorCode::InvalidInput, "the session has not begun"));
        };
        let id = self.kernel.counters.intention();
        self.kernel.intentions.insert(id, Intention { text: text.clone(), session: session_id, clock });
        let parent = None;
        let birth = Birth { manifest, session: session_id, parent, intention: id, task: text, grant, depth: 0, driver };
        match self.start_agent(birth) {
            Ok(agent) => Ok((id, agent)),
            Err(failure) => {
                self.kernel.intentions.remove(&id);
                Err(failure)
            }
        }
    }

    pub(crate) fn spawn(
        &mut self,
        standing: Standing,
        name: &str,
        task: String,
        grant: GrantId,
    ) -> Result<Response, Failure> {
        let Some(parent_id) = standing.agent else {
            return Err(Failure::new(ErrorCode::InvalidInput, "only agents start children")
                .try_next("State an intention with `intend`"));
        };
        check_words(&task, "the task")?;
        self.check_holder(Holder::Agent(parent_id), grant)?;
        let parent = self.kernel.agents.get(parent_id)?;
        let depth = parent.depth + 1;
        if depth >= AGENT_DEPTH {
            return Err(too_large("agents are nested too deep", "AGENT_DEPTH", AGENT_DEPTH));
        }
        let (session, intention) = (parent.session, parent.intention);
        let manifest = self.manifest(name)?;
        let (parent, driver) = (Some(parent_id), Driver::Process);
        let birth = Birth { manifest, session, parent, intention, task, grant, depth, driver };
        Ok(Response::Now(Reply::Agent(self.start_agent(birth)?)))
    }

    pub(crate) fn signal(&mut self, caller: Caller, id: AgentId) -> Result<Response, Failure> {
        self.kernel.agents.get(id)?;
        if let Caller::Agent(above) = caller
            && (id == above || !self.kernel.agents.is_below(id, above))
        {
            return Err(Failure::new(ErrorCode::NotGranted, format!("the agent {id} is no child of {above}")));
        }
        self.stop_subtree(id, &Failure::new(ErrorCode::Interrupted, "stopped on request"));
        Ok(Response::Now(Reply::Done))
    }

    pub(crate) fn send_message(&mut self, standing: Standing, to: AgentId, message: Json) -> Result<Response, Failure> {
        let receiver = self.kernel.agents.get(to)?;
        let sender = standing.agent.ok_or_else(|| {
            Failure::new(ErrorCode::NotGranted, "mailboxes are for agents").try_next("Use `intend` or `answer`")
        })?;
        let is_kin = receiver.parent == Some(sender) || self.kernel.agents.get(sender)?.parent == Some(to);
        if !is_kin {
            return Err(Failure::new(ErrorCode::NotGranted, format!("the agent {to} is neither parent nor child")));
        }
        if message.to_string().len() > MESSAGE_BYTES / MAILBOX_MESSAGES {
            return Err(too_large(
                "the message is too long",
                "MESSAGE_BYTES / MAILBOX_MESSAGES",
                MESSAGE_BYTES / MAILBOX_MESSAGES,
            ));
        }
        self.deliver_message(to, message)?;
        // That it may lie in the mailbox for a while makes the receiver careful too early, never too late.
        let heard = self.heard_by(Some(sender));
        self.tell_agent_of(Caller::Agent(to), &heard);
        Ok(Response::Now(Reply::Done))
    }

    pub(crate) fn receive(&mut self, asker: Asker, standing: Standing) -> Result<Response, Failure> {
        let Some(agent) = standing.agent.and_then(|id| self.kernel.agents.get_mut(id)) else {
            return Err(Failure::new(ErrorCode::NotGranted, "only agents have a mailbox"));
        };
        if agent.receiving.is_some() {
            return Err(Failure::new(ErrorCode::Conflict, "another `receive` waits already"));
        }
        if let Some(message) = agent.mailbox.pop_front() {
            return Ok(Response::Now(Reply::Message(message)));
        }
        agent.receiving = Some(asker.request);
        Ok(Response::Later)
    }

    /// Who could have influenced what an agent asks for; nobody, where no agent asks.
    pub(crate) fn heard_by(&self, agent: Option<AgentId>) -> Labels {
        let agent = agent.and_then(|id| self.kernel.agents.get(id).ok());
        agent.map(|agent| agent.heard.clone()).unwrap_or_default()
    }

    /// An agent is told something that these sources could have influenced.
    pub(crate) fn tell_agent_of(&mut self, caller: Caller, sources: &Labels) {
        if let Caller::Agent(id) = caller
            && let Some(agent) = self.kernel.agents.get_mut(id)
        {
            agent.heard.join(sources);
        }
    }

    pub(crate) fn notify(&mut self, standing: Standing, text: String) -> Result<Response, Failure> {
        self.show_notice(standing.session, standing.agent, text)?;
        Ok(Response::Now(Reply::Done))
    }

    /// Shows the person something that an agent, or they themselves, wanted to be shown.
    pub(crate) fn show_notice(
        &mut self,
        session: SessionId,
        agent: Option<AgentId>,
        text: String,
    ) -> Result<(), Failure> {
        if text.len() > NOTICE_BYTES {
            return Err(too_large("the notice is too long", "NOTICE_BYTES", NOTICE_BYTES));
        }
        if let Some(agent) = agent.and_then(|id| self.kernel.agents.get_mut(id)) {
            if agent.notices >= NOTICES {
                return Err(too_large("the agent has told the person too much", "NOTICES", NOTICES));
            }
            agent.notices += 1;
        }
        self.tell(session, News::Notice { text, weight: Weight::Usual });
        Ok(())
    }

    pub(crate) fn caller_gone(&mut self, caller: Caller) {
        match caller {
            Caller::Person(session) => {
                self.drop_waiting_syscalls(caller);
                self.withdraw_offer(session);
                self.disconnect(session);
            }
            Caller::Agent(agent) => match self.kernel.agents.get(agent).map(|agent| agent.driver) {
                Ok(Driver::Connection) => self.agent_left(agent),
                _ => self.agent_died(agent),
            },
        }
    }

    /// The program that was an agent closed its connection: what it did is done, and it says itself what for.
    fn agent_left(&mut self, id: AgentId) {
        let Some(agent) = self.kernel.agents.get(id).ok().cloned() else { return };
        let deeds = agent.deeds;
        let calls = match deeds.calls.as_slice() {
            [] => "It called nothing.".to_owned(),
            calls => format!("It called {}.", calls.join(", ")),
        };
        let messages = deeds.outbox.iter().filter_map(|id| self.kernel.outbox.get(id));
        let held = messages.filter(|message| message.item.state == OutboxState::Held);
        let held: Vec<String> = held.filter_map(|message| summary::waits(&message.item)).collect();
        let answer = [vec![format!("The program that worked on this is gone. {calls}")], held].concat().join("\n\n");
        self.end_intention_without_run(agent.intention, RunOutcome::Done, answer, deeds);
        self.stop_subtree(id, &Failure::new(ErrorCode::Interrupted, "the program that worked on this is gone"));
    }

    /// An agent's process ended. What it was waiting for is dropped; a run of its plan goes on in the kernel.
    pub(crate) fn agent_died(&mut self, id: AgentId) {
        let Some(agent) = self.remove_agent(id) else { return };
        let children: Vec<AgentId> =
            self.kernel.agents.iter().filter(|(_, other)| other.parent == Some(id)).map(|(id, _)| id).collect();
        let failure = died_of(&agent);
        children.into_iter().for_each(|child| self.stop_subtree(child, &failure));
        let is_going_on = agent.run.is_some_and(|run| self.kernel.runs.contains_key(&run));
        if agent.parent.is_none() && !is_going_on {
            self.fail_intention(agent.intention, failure);
        }
    }

    /// Stops an agent, all that it started, and the runs of their plans.
    pub(crate) fn stop_subtree(&mut self, root: AgentId, failure: &Failure) {
        let below = |id: &AgentId| self.kernel.agents.is_below(*id, root);
        let agents: Vec<AgentId> = self.kernel.agents.iter().map(|(id, _)| id).filter(below).collect();
        for id in agents {
            let Some(agent) = self.remove_agent(id) else { continue };
            self.effects.push(Effect::StopAgent { agent: id });
            match agent.run.filter(|run| self.kernel.runs.contains_key(run)) {
                Some(run) => self.stop_run(run, failure.clone()),
                None if agent.parent.is_none() => self.fail_intention(agent.intention, failure.clone()),
                None => {}
            }
        }
    }

    /// Drops what a caller that is gone was waiting for.
    pub(crate) fn drop_waiting_syscalls(&mut self, caller: Caller) {
        let is_own = |origin: &Origin| matches!(origin, Origin::Syscall(asker) if asker.caller == caller);
        self.withdraw_questions(|open| open.is_for(caller));
        self.drop_readings(is_own);
        self.abandon(is_own);
        for run in self.kernel.runs.values_mut() {
            run.waiter = run.waiter.filter(|asker| asker.caller != caller);
        }
    }

    fn remove_agent(&mut self, id: AgentId) -> Option<Agent> {
        let agent = self.kernel.agents.remove(id)?;
        self.drop_waiting_syscalls(Caller::Agent(id));
        Some(agent)
    }

    fn deliver_message(&mut self, to: AgentId, message: Json) -> Result<(), Failure> {
        let Some(receiver) = self.kernel.agents.get_mut(to) else { return Err(gone(to)) };
        if let Some(request) = receiver.receiving.take() {
            self.reply(Asker { caller: Caller::Agent(to), request }, Ok(Reply::Message(message)));
            return Ok(());
        }
        if receiver.mailbox.len() >= MAILBOX_MESSAGES {
            return Err(too_large("the mailbox is full", "MAILBOX_MESSAGES", MAILBOX_MESSAGES)
                .try_next("Wait until the agent has read some"));
        }
        receiver.mailbox.push_back(message);
        Ok(())
    }

    fn manifest(&self, name: &str) -> Result<AgentManifest, Failure> {
        self.kernel.manifests.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.kernel.manifests.keys().map(String::as_str).collect();
            Failure::new(ErrorCode::NotFound, format!("there is no agent `{}`", name.escape_debug()))
                .try_next(format!("There are: {}", known.join(", ")))
        })
    }

    fn start_agent(&mut self, birth: Birth) -> Result<AgentId, Failure> {
        let id = self.kernel.agents.reserve()?;
        let (request, left_out) = self.agent_request(&birth)?;
        let grant = self.kernel.grants.attenuate(birth.grant, Holder::Agent(id), &request, self.now)?;
        let assignment = self.assignment(&birth, grant)?;
        let notice = self.network_notice(&birth.manifest, &birth.task);
        let mailbox = serde_json::to_value(assignment).into_iter().collect();
        let agent = Agent {
            name: birth.manifest.name.clone(),
            session: birth.session,
            parent: birth.parent,
            intention: birth.intention,
            task: birth.task,
            grant,
            started: self.now,
            depth: birth.depth,
            mailbox,
            receiving: None,
            run: None,
            rejected: 0,
            asked: 0,
            retried: 0,
            notices: 0,
            heard: self.heard_by(birth.parent),
            driver: birth.driver,
            deeds: Deeds::default(),
            trouble: None,
        };
        self.kernel.agents.insert(id, agent);
        if birth.driver == Driver::Process {
            self.effects.push(Effect::StartAgent { agent: id, rights: Vec::new() });
        }
        if !left_out.is_empty() {
            let rights: Vec<String> = left_out.iter().map(ToString::to_string).collect();
            let text = format!("The agent {} works without: {}", birth.manifest.name, rights.join("; "));
            self.tell(birth.session, News::Notice { text, weight: Weight::Important });
        }
        if let Some(text) = notice {
            self.tell(birth.session, News::Notice { text, weight: Weight::Important });
        }
        Ok(id)
    }

    /// What the manifest asks for, cut to what the grant holds; and what was cut away.
    fn agent_request(&self, birth: &Birth) -> Result<(GrantRequest, Vec<Right>), Failure> {
        let workspace = &self.session(birth.session)?.workspace;
        let above = self.kernel.grants.get(birth.grant)?;
        let tools =
            birth.manifest.tools.iter().map(|name| Right::Tool { name: name.clone(), arguments: BTreeMap::new() });
        let rights = birth.manifest.rights.iter().map(|right| in_workspace(right, workspace));
        // What the program of a session offers is for whatever is done there.
        let offered = self.session(birth.session)?.offered.names();
        let offered = offered.map(|name| Right::Tool { name: name.clone(), arguments: BTreeMap::new() });
        let (mut held, mut left_out): (Vec<Right>, Vec<Right>) =
            tools.chain(offered).chain(rights).chain([Right::Model]).partition(|right| above.covers(right));
        // Where the manifest asks for more than there is, the agent gets the part that is there.
        let parts = above.rights.iter().filter(|part| left_out.iter().any(|wanted| wanted.covers(part)));
        held.extend(parts.cloned());
        // That means the hosts of the configuration, be they many or none.
        left_out.retain(|right| !is_any_host(right));
        let left = self.kernel.grants.remaining(birth.grant);
        let budget = birth.manifest.budget.min(&Budget {
            calls: left.calls,
            bytes: left.bytes,
            tokens: left.tokens,
            seconds: left.elapsed_ms / 1000,
        });
        let may_pass_on = birth.depth + 1 < AGENT_DEPTH;
        Ok((GrantRequest { rights: held, life_ms: GRANT_LIFE_MS, budget, may_pass_on }, left_out))
    }

    fn assignment(&self, birth: &Birth, grant: GrantId) -> Result<Assignment, Failure> {
        let session = self.session(birth.session)?;
        let clock = self.kernel.intentions.get(&birth.intention).map(|intention| intention.clock.clone());
        let catalog = self.catalog_for(grant, birth.session);
        Ok(Assignment {
            intention: birth.intention,
            text: birth.task.clone(),
            manifest: birth.manifest.clone(),
            examples: router::nearest(&birth.task, &self.examples_for(&birth.manifest.name, &catalog), EXAMPLES),
            catalog,
            skill: router::skill_for(&birth.task, Some(&birth.manifest.name), self.kernel).cloned(),
            person: session.person.clone(),
            clock: clock
                .or_else(|| session.clock.clone())
                .ok_or_else(|| Failure::new(ErrorCode::InvalidInput, "the session has not begun"))?,
        })
    }
}

/// What an agent's end is called: by what its last syscall was refused with, if it was. It has nobody else to tell.
fn died_of(agent: &Agent) -> Failure {
    const AGAIN: &str = "State the intention again";
    let what = format!("the agent {} stopped while it worked", agent.name);
    let Some(trouble) = &agent.trouble else {
        return Failure::new(ErrorCode::Interrupted, what).try_next(AGAIN);
    };
    let why = Failure { next: String::new(), ..trouble.clone() };
    let next = if trouble.next.is_empty() { AGAIN } else { &trouble.next };
    Failure::new(trouble.code, what).because(why).try_next(next)
}

fn in_workspace(right: &Right, workspace: &str) -> Right {
    match right {
        Right::Files { under, access } => {
            Right::Files { under: under.replace("$workspace", workspace), access: *access }
        }
        other => other.clone(),
    }
}

fn check_words(text: &str, what: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{what} is empty")));
    }
    if text.len() > INTENTION_BYTES {
        return Err(too_large(format!("{what} is too long"), "INTENTION_BYTES", INTENTION_BYTES));
    }
    Ok(())
}

fn gone(id: AgentId) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("the agent {id} is gone, or never was")).try_next("`list` shows agents")
}
