//! The simulated world: the journal, what the daemon has in hand, and who is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::installation::Installation;
use genoa_abi::model::InferClass;
use genoa_abi::recording::RunStep;
use genoa_abi::schema::Executor;
use genoa_abi::session::{News, Proposal, Question, RunOutcome};
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::view::ViewAction;
use genoa_abi::{AgentId, CallId, OutboxId, ProposalId, QuestionId, RequestId, SessionId, Timestamp, ViewId};
use genoa_kernel::Kernel;

use crate::adopting::Adopting;
use crate::corpus;
use crate::going_on::Told;
use crate::holding::{Held, TakingBack};
use crate::offered::Returning;
use crate::places::Places;
use crate::plans::{Program, random_program};
use crate::random::Random;
use crate::spending::Spending;
use crate::witness::Witness;

/// Lines of the trace that a failure shows.
const TRACE_LINES: usize = 40;

/// What happened in one simulation, to tell a busy one from an idle one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that the kernel saw.
    pub events: usize,
    /// Crashes, each followed by a replay of the journal.
    pub crashes: usize,
    /// Runs by how they ended: done, refused, asked, failed.
    pub runs: [usize; 4],
    /// Tool calls that were started.
    pub tools: usize,
    /// Messages that were handed over for sending.
    pub sends: usize,
    /// Model calls that had to stand still for others.
    pub pauses: usize,
    /// Calls that were held for a while before they were to leave.
    pub held: usize,
    /// Those of them that a person took back.
    pub taken_back: usize,
    /// Calls that left by the outbox.
    pub released: usize,
    /// Calls that were ended by the programs which were told to carry them out.
    pub returned: usize,
    /// Connections that became agents'.
    pub attached: usize,
    /// Syscalls of connections that gave them up.
    pub given_up: usize,
    /// Things that texts ask for, as the person was told of them.
    pub proposals: usize,
    /// Those of them that the person made their own.
    pub adopted: usize,
    /// Syscalls that were answered with a failure.
    pub denials: usize,
    /// Runs of random plans.
    pub random_runs: usize,
    /// Tool calls of theirs that the oracle was asked about.
    pub calls_checked: usize,
    /// Messages of theirs, likewise.
    pub messages_checked: usize,
    /// Those of both that needed a person's yes because of where their arguments are from, and had it.
    pub flows_agreed: usize,
    /// Tool calls that needed it because a sensor marked what could have influenced them.
    pub suspects_agreed: usize,
    /// Runs that went on from a step of an earlier one.
    pub gone_on: usize,
    /// Steps that they took over.
    pub steps_taken: usize,
    /// Model calls that went to a provider.
    pub sent_elsewhere: usize,
    /// Those of them that went there by a rule.
    pub sent_by_rule: usize,
    /// Those of them that show a note of the person's.
    pub notes_elsewhere: usize,
    /// Model calls and runs that ended because a provider must not see what a prompt holds.
    pub kept_back: usize,
    /// Those that did not, because of a limit of a day.
    pub refused_for_the_day: usize,
}

impl Report {
    /// Adds what happened in another simulation.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.crashes += other.crashes;
        self.runs.iter_mut().zip(other.runs).for_each(|(all, one)| *all += one);
        self.tools += other.tools;
        self.sends += other.sends;
        self.pauses += other.pauses;
        self.held += other.held;
        self.taken_back += other.taken_back;
        self.released += other.released;
        self.returned += other.returned;
        self.attached += other.attached;
        self.given_up += other.given_up;
        self.proposals += other.proposals;
        self.adopted += other.adopted;
        self.denials += other.denials;
        self.random_runs += other.random_runs;
        self.calls_checked += other.calls_checked;
        self.messages_checked += other.messages_checked;
        self.flows_agreed += other.flows_agreed;
        self.suspects_agreed += other.suspects_agreed;
        self.gone_on += other.gone_on;
        self.steps_taken += other.steps_taken;
        self.sent_elsewhere += other.sent_elsewhere;
        self.sent_by_rule += other.sent_by_rule;
        self.notes_elsewhere += other.notes_elsewhere;
        self.kept_back += other.kept_back;
        self.refused_for_the_day += other.refused_for_the_day;
    }
}

/// Something the daemon works on.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    Tool(Box<ToolJob>),
    Infer(CallId),
    Embed(CallId, usize),
    View(CallId, ViewId, ViewAction),
    LookUp(CallId, Caller, RequestId),
    Recall(CallId, RunStep),
    Send(OutboxId),
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) kernel: Kernel,
    pub(crate) now: Timestamp,
    journal: Vec<(String, Timestamp)>,
    pub(crate) sessions: BTreeSet<SessionId>,
    /// Those that only ask the model.
    pub(crate) pledged: BTreeSet<SessionId>,
    /// The configuration that the kernel was told of last.
    pub(crate) told: Installation,
    /// The tool that the rules forbid; an empty name stands for all.
    pub(crate) forbidden: Option<&'static str>,
    pub(crate) sessions_given: u64,
    pub(crate) agents: BTreeSet<AgentId>,
    /// Agents that were told what a tool answered.
    pub(crate) told_agents: BTreeSet<AgentId>,
    pub(crate) pending: Vec<Pending>,
    /// What the model works on.
    pub(crate) places: Places,
    pub(crate) questions: BTreeMap<QuestionId, Question>,
    /// What the person was told that texts ask for, and did not adopt.
    pub(crate) proposals: BTreeMap<ProposalId, Proposal>,
    /// Syscalls without an answer yet; `true` for those that may wait for ever.
    pub(crate) waiting: BTreeMap<(Caller, RequestId), bool>,
    requests_given: u64,
    pub(crate) wake: Option<Timestamp>,
    pub(crate) completed: BTreeSet<CallId>,
    /// Messages handed over, until it is certain that they did not leave.
    pub(crate) sent: BTreeSet<OutboxId>,
    /// Calls that must not be started again, whatever became of them.
    pub(crate) started: BTreeSet<CallId>,
    pub(crate) witness: Witness,
    /// How many of a hundred plans are random ones.
    pub(crate) random_plans: usize,
    /// Whether programs offer tools, and are agents.
    pub(crate) has_programs: bool,
    /// Calls that programs were told to carry out, by the session of each.
    pub(crate) told_programs: BTreeMap<CallId, SessionId>,
    /// Whether people often send something away, and take it back.
    pub(crate) holds: bool,
    pub(crate) held: Held,
    /// Whether people go on from steps of earlier runs.
    pub(crate) goes_on: bool,
    pub(crate) told_runs: Told,
    /// Whether models elsewhere are chosen.
    pub(crate) spends: bool,
    pub(crate) spending: Spending,
    /// The state at every crash, with how many events there were: what a snapshot of the journal holds.
    pub(crate) saved: Vec<(usize, Kernel)>,
    pub(crate) report: Report,
    trace: Vec<String>,
}

/// Runs one seed for some steps.
///
/// # Errors
/// The invariant that broke, with the end of the trace.
pub fn simulate(seed: u64, steps: u32) -> Result<Report, String> {
    run(World::new(seed, 0), steps)
}

/// As [`simulate`], where most of what is submitted are random plans, and tools answer them with anything of the right type.
///
/// # Errors
/// As for [`simulate`].
pub fn simulate_random_plans(seed: u64, steps: u32) -> Result<Report, String> {
    run(World::new(seed, 80), steps)
}

/// As [`simulate`], with programs that offer tools and that are agents.
///
/// # Errors
/// As for [`simulate`].
pub fn simulate_programs(seed: u64, steps: u32) -> Result<Report, String> {
    run(World { has_programs: true, ..World::new(seed, 0) }, steps)
}

/// As [`simulate_random_plans`], with people who go on from steps of earlier runs.
///
/// # Errors
/// As for [`simulate`].
pub fn simulate_going_on(seed: u64, steps: u32) -> Result<Report, String> {
    run(World { goes_on: true, ..World::new(seed, 50) }, steps)
}

/// As [`simulate_programs`], with people who send away what can be taken back, and take it back.
///
/// # Errors
/// As for [`simulate`].
pub fn simulate_holding(seed: u64, steps: u32) -> Result<Report, String> {
    run(World { holds: true, has_programs: true, ..World::new(seed, 0) }, steps)
}

/// As [`simulate`], with models that are elsewhere, within limits of a day.
///
/// # Errors
/// As for [`simulate`].
pub fn simulate_spending(seed: u64, steps: u32) -> Result<Report, String> {
    run(World { spends: true, ..World::new(seed, 0) }, steps)
}

fn run(mut world: World, steps: u32) -> Result<Report, String> {
    let outcome = world.run(steps);
    outcome.map(|()| world.report.clone()).map_err(|broken| {
        let from = world.trace.len().saturating_sub(TRACE_LINES);
        format!("{broken}\n{}", world.trace[from..].join("\n"))
    })
}

impl World {
    fn new(seed: u64, random_plans: usize) -> Self {
        Self {
            random: Random::new(seed),
            kernel: Kernel::new(),
            now: Timestamp(1_000_000),
            journal: Vec::new(),
            sessions: BTreeSet::new(),
            pledged: BTreeSet::new(),
            told: Installation::default(),
            forbidden: None,
            sessions_given: 0,
            agents: BTreeSet::new(),
            told_agents: BTreeSet::new(),
            pending: Vec::new(),
            places: Places::default(),
            questions: BTreeMap::new(),
            proposals: BTreeMap::new(),
            waiting: BTreeMap::new(),
            requests_given: 0,
            wake: None,
            completed: BTreeSet::new(),
            sent: BTreeSet::new(),
            started: BTreeSet::new(),
            witness: Witness::new(),
            random_plans,
            has_programs: false,
            told_programs: BTreeMap::new(),
            holds: false,
            held: Held::default(),
            goes_on: false,
            told_runs: Told::default(),
            spends: false,
            spending: Spending::default(),
            saved: Vec::new(),
            report: Report::default(),
            trace: Vec::new(),
        }
    }

    fn run(&mut self, steps: u32) -> Result<(), String> {
        self.boot()?;
        for _ in 0..steps {
            self.act()?;
            if self.random.chance(if self.random_plans == 0 { 2 } else { 4 }) {
                self.crash()?;
            }
        }
        self.settle()
    }

    pub(crate) fn boot(&mut self) -> Result<(), String> {
        let installation = self.any_installation();
        self.feed(if self.kernel.has(&installation) { Event::Restarted {} } else { Event::Booted(installation) })
    }

    /// What is there, with hosts and a server that the person configured meanwhile. Around random plans it changes less often.
    pub(crate) fn any_installation(&mut self) -> Installation {
        if self.random_plans > 0 && !self.told.catalog.tools.is_empty() && self.random.chance(80) {
            return self.told.clone();
        }
        let configured = [&[][..], &["a.example"], &["*.example", "b.example"]];
        let hosts = self.random.pick(&configured).copied().unwrap_or_default();
        let programs = [None, Some("/usr/bin/server"), Some("another")];
        let program = self.random.pick(&programs).copied().flatten();
        let (rule, forbidden) = if self.random.chance(if self.random_plans == 0 { 40 } else { 15 }) {
            corpus::RULES[self.random.below(4)]
        } else {
            corpus::RULES[0]
        };
        let mut installation = corpus::installation(hosts, program, rule);
        installation.undo_window_ms = self.any_window();
        installation.models = self.any_models();
        if self.random_plans > 0 {
            installation = corpus::with_random_plans(installation);
        }
        self.forbidden = forbidden;
        self.told.clone_from(&installation);
        installation
    }

    /// A plan that somebody submits.
    pub(crate) fn any_plan(&mut self) -> String {
        if self.random_plans == 0 || !self.random.chance(self.random_plans) {
            return corpus::plan(&mut self.random);
        }
        let program: Program = random_program(&mut self.random, &self.witness.catalog);
        let source = program.to_string();
        self.witness.plans.insert(source.clone(), program);
        source
    }

    /// A syscall of a caller.
    pub(crate) fn ask(&mut self, caller: Caller, syscall: Syscall) -> Result<(), String> {
        self.requests_given += 1;
        let request = RequestId(self.requests_given);
        let may_wait = matches!(syscall, Syscall::Receive {});
        self.waiting.insert((caller, request), may_wait);
        self.feed(Event::Asked { caller, request, syscall })
    }

    /// Journals an event, steps the kernel, checks, and carries the effects out. Sometimes the disk is full, or the
    /// machine crashes in between.
    pub(crate) fn feed(&mut self, event: Event) -> Result<(), String> {
        let is_boot = matches!(event, Event::Booted(_) | Event::Restarted {});
        if self.random.chance(1) && !is_boot {
            return self.refuse_for_full_disk(&event);
        }
        self.note(&event);
        let line = serde_json::to_string(&event).map_err(|error| format!("an event has no JSON: {error}"))?;
        self.journal.push((line, self.now));
        self.report.events += 1;
        self.note_completed(&event);
        self.witness.note(&event);
        self.spending.note(&event);
        let approved = self.approved(&event);
        let was_idle = self.kernel.is_idle();
        let is_tick = matches!(event, Event::Tick {});
        let asker = self.told_asker(&event);
        let returning = Returning::of(&event);
        let adopting = Adopting::of(&event);
        let taking_back = TakingBack::of(&event);
        let effects = self.kernel.step(event.clone(), self.now);
        self.check_gone_on(&event, &effects)?;
        self.check_pledged(&event, &effects)?;
        self.check_heard(asker, &effects)?;
        self.check_returned(returning, &effects)?;
        self.check_adopted(adopting, &effects)?;
        if was_idle && (is_tick || is_boot) && effects.iter().any(|effect| matches!(effect, Effect::Infer { .. })) {
            return Err("an idle system asked the model".into());
        }
        self.check_effects(&effects)?;
        self.check_held(is_boot, taking_back, &effects)?;
        self.check_flows(&effects, approved.as_ref())?;
        if !is_boot {
            self.check_rules(&effects)?;
        }
        self.check_state()?;
        self.note_refusals(&effects);
        if !is_boot && self.random.chance(1) {
            // The event is on disk, its effects were never carried out.
            self.count_unseen(&effects);
            return self.crash();
        }
        effects.into_iter().try_for_each(|effect| self.carry_out(effect))?;
        self.check_places()
    }

    /// Everything in memory is gone; the state comes back from the journal, and must be the same.
    pub(crate) fn crash(&mut self) -> Result<(), String> {
        self.report.crashes += 1;
        self.trace.push("-- crash --".into());
        self.check_replay()?;
        if self.goes_on {
            self.saved.push((self.journal.len(), self.kernel.clone()));
        }
        self.sessions.clear();
        self.agents.clear();
        self.told_agents.clear();
        self.pending.clear();
        self.places.clear();
        self.waiting.clear();
        self.wake = None;
        self.boot()
    }

    /// All events so far as they were written, with their times.
    pub(crate) fn journal(&self) -> &[(String, Timestamp)] {
        &self.journal
    }

    fn check_replay(&mut self) -> Result<(), String> {
        let mut replayed = Kernel::new();
        for (line, time) in &self.journal {
            let event = serde_json::from_str(line).map_err(|error| format!("an event cannot be read back: {error}"))?;
            replayed.step(event, *time);
        }
        if replayed.fingerprint() != self.kernel.fingerprint() {
            return Err("replaying the journal gives another state".into());
        }
        let json = serde_json::to_string(&replayed).map_err(|error| format!("the state has no JSON: {error}"))?;
        let read: Kernel = serde_json::from_str(&json).map_err(|error| format!("the state cannot be read: {error}"))?;
        if read != replayed {
            return Err("the state is not the same after it was written and read".into());
        }
        self.kernel = read;
        Ok(())
    }

    /// The daemon cannot journal, so the kernel never hears of it. A caller is told so; a result is reported again.
    fn refuse_for_full_disk(&mut self, event: &Event) -> Result<(), String> {
        self.trace.push(format!("disk full, refused {}", name_of(event)));
        match event {
            Event::Asked { caller, request, .. } => {
                self.waiting.remove(&(*caller, *request));
                Ok(())
            }
            other => self.feed(other.clone()),
        }
    }

    fn note(&mut self, event: &Event) {
        let mut line = format!("{} {}", self.now.0, name_of(event));
        if let Event::Asked { caller, request, syscall } = event {
            let text = format!("{syscall:?}");
            let _ = write!(line, " {caller:?} {request} {}", text.chars().take(160).collect::<String>());
        }
        self.trace.push(line);
    }

    fn note_completed(&mut self, event: &Event) {
        match event {
            Event::InferFinished { call, .. } | Event::EmbedFinished { call, .. } => {
                self.places.end(*call);
                self.completed.insert(*call);
            }
            Event::ToolFinished { call, .. } | Event::ViewFinished { call, .. } => {
                self.completed.insert(*call);
            }
            Event::OutboxFinished { item, outcome: Err(failure) }
                if failure.code == genoa_abi::ErrorCode::Unsupported =>
            {
                self.sent.remove(item);
            }
            _ => {}
        }
    }

    /// Counts what a crash kept from being carried out, so that doing it later is noticed as a repetition.
    fn count_unseen(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Send { item } => {
                    self.sent.insert(*item);
                }
                Effect::Tell { news, .. } => self.hear(news),
                _ => {}
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), String> {
        self.check_asked(&effect)?;
        match effect {
            Effect::Reply { caller, request, outcome } => {
                self.report.denials += usize::from(outcome.is_err());
                if self.waiting.remove(&(caller, request)).is_none() {
                    return Err(format!("{caller:?} got a second answer to request {request}"));
                }
                if let (Caller::Agent(agent), Ok(Reply::Result(result))) = (caller, &outcome)
                    && !result.is_null()
                {
                    self.told_agents.insert(agent);
                    self.spending.heard.entry(agent).or_default().push_str(&result.to_string());
                }
                if let Ok(Reply::Plan(report)) = &outcome {
                    self.trace.push(format!("  plan: {:?}", report.outcome));
                }
            }
            Effect::StartAgent { agent, .. } => {
                self.agents.insert(agent);
            }
            Effect::AttachAgent { session, agent } => {
                self.report.attached += 1;
                self.sessions.remove(&session);
                self.agents.insert(agent);
            }
            Effect::StopAgent { agent } => {
                self.agents.remove(&agent);
                self.waiting.retain(|(caller, _), _| *caller != Caller::Agent(agent));
            }
            Effect::RunTool(job) => {
                self.report.tools += 1;
                if job.schema.executor == Executor::Client {
                    self.told_programs.insert(job.call, job.session);
                }
                self.pending.push(Pending::Tool(job));
            }
            Effect::Infer { call, request, to, .. } => {
                self.places.begin(call, request.class, &to)?;
                self.pending.push(Pending::Infer(call));
            }
            Effect::CancelInfer { call } => self.places.cancel(call),
            Effect::PauseInfer { call } => {
                self.report.pauses += 1;
                self.places.pause(call)?;
            }
            Effect::ResumeInfer { call } => self.places.go_on(call)?,
            Effect::Embed { call, texts, to } => {
                self.places.begin(call, InferClass::Agent, &to)?;
                self.pending.push(Pending::Embed(call, texts.len()));
            }
            Effect::ActOnView { call, view, action, .. } => self.pending.push(Pending::View(call, view, action)),
            Effect::LookUp { call, caller, request, .. } => self.pending.push(Pending::LookUp(call, caller, request)),
            Effect::Recall { call, from, .. } => self.pending.push(Pending::Recall(call, from)),
            Effect::Send { item } => {
                self.report.sends += 1;
                self.sent.insert(item);
                self.pending.push(Pending::Send(item));
            }
            Effect::WakeAt { time } => self.wake = Some(time),
            Effect::Tell { news, .. } => self.hear(&news),
            Effect::StopTool { .. } | Effect::OpenView { .. } | Effect::Hold { .. } | Effect::Decided { .. } => {}
        }
        Ok(())
    }

    fn hear(&mut self, news: &News) {
        match news {
            News::Asked(question) => {
                self.questions.insert(question.id, question.clone());
            }
            News::Answered { question } => {
                self.questions.remove(question);
            }
            News::Finished(summary) => {
                let place = match summary.outcome {
                    RunOutcome::Done => 0,
                    RunOutcome::Refused => 1,
                    RunOutcome::Asked => 2,
                    RunOutcome::Failed(_) => 3,
                };
                self.report.runs[place] += 1;
                self.report.proposals += summary.proposals.len();
                self.proposals.extend(summary.proposals.iter().map(|proposal| (proposal.id, proposal.clone())));
                self.trace.push(format!("  finished: {} {}", summary.outcome, summary.answer.replace('\n', " / ")));
            }
            _ => {}
        }
    }
}

fn name_of(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap_or_default();
    json.get("kind").and_then(|kind| kind.as_str()).unwrap_or("?").to_owned()
}
