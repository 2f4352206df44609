//! Who acts in the simulated world: people, agents honest and hostile, tools, the model, and time.

use genoa_abi::event::Event;
use genoa_abi::grant::{Budget, GrantRequest, Right};
use genoa_abi::model::{ChatMessage, Finish, InferClass, InferReply, InferRequest, InferUsage, Role};
use genoa_abi::schema::Executor;
use genoa_abi::schema::ToolSchema;
use genoa_abi::session::{Answer, QuestionKind, SessionRequest};
use genoa_abi::skill::SkillSource;
use genoa_abi::syscall::{Caller, Syscall, WhySubject};
use genoa_abi::tool::{Clock, Mark, Person, ToolOutcome, ToolUsage, WrittenFile};
use genoa_abi::view::{Difference, ViewReport};
use genoa_abi::{AgentId, CallId, ContentHash, ErrorCode, Failure, GrantId, OutboxId, QuestionId, SessionId, ViewId};
use serde_json::{Value as Json, json};

use crate::corpus;
use crate::plans::by_type;
use crate::world::{Pending, World};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

impl World {
    /// One thing happens.
    pub(crate) fn act(&mut self) -> Result<(), String> {
        if self.is_turn_to_go_on() {
            return self.somebody_goes_on();
        }
        if self.is_turn_to_hold() {
            return self.somebody_holds();
        }
        if self.is_turn_to_think() {
            return self.somebody_thinks();
        }
        if self.random_plans > 0 && self.random.chance(60) {
            return self.work();
        }
        match self.random.below(100) {
            0..5 => self.connect(),
            5..18 => self.person_asks(),
            18..45 => self.agent_asks(),
            45..55 => self.answer_question(),
            55..88 => self.finish_something(),
            88..91 => self.somebody_leaves(),
            91..93 => self.report_nonsense(),
            93 => self.configure(),
            _ => self.time_passes(),
        }
    }

    /// A plan is submitted, or one goes on.
    fn work(&mut self) -> Result<(), String> {
        let people = self.sessions.iter().map(|session| Caller::Person(*session));
        let callers: Vec<Caller> = people.chain(self.agents.iter().map(|agent| Caller::Agent(*agent))).collect();
        match (self.random.below(10), self.random.pick(&callers).copied()) {
            (0..3, Some(caller)) => {
                let source = self.any_plan();
                self.ask(caller, Syscall::Plan { source })
            }
            (0..3, None) => self.connect(),
            (3..5, _) => self.answer_question(),
            _ => self.finish_something(),
        }
    }

    /// Everybody finishes what is open; then nobody may be left without an answer.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..2_000 {
            if self.pending.is_empty() && self.kernel.open_questions() == 0 && self.wake.is_none() {
                break;
            }
            if !self.pending.is_empty() {
                self.finish_something()?;
                continue;
            }
            self.now = self.now.plus_ms(DAY_MS + 1);
            self.wake = None;
            self.feed(Event::Tick {})?;
        }
        let unanswered = self.waiting.iter().find(|((caller, _), may_wait)| !**may_wait && self.is_there(*caller));
        match unanswered {
            Some(((caller, request), _)) => Err(format!("{caller:?} never got an answer to request {request}")),
            None => Ok(()),
        }
    }

    fn is_there(&self, caller: Caller) -> bool {
        match caller {
            Caller::Person(session) => self.sessions.contains(&session),
            Caller::Agent(agent) => self.agents.contains(&agent),
        }
    }

    pub(crate) fn connect(&mut self) -> Result<(), String> {
        self.sessions_given += 1;
        let session = SessionId(self.sessions_given);
        self.feed(Event::Connected { session })?;
        self.sessions.insert(session);
        self.begin(session)
    }

    fn begin(&mut self, session: SessionId) -> Result<(), String> {
        let folders = ["/home/ada/demo", "/home/ada/other", "/", "relative", "/a/../b", "/a//b", "/a\nb"];
        let place = if self.random.chance(80) { self.random.below(2) } else { self.random.below(folders.len()) };
        let request = SessionRequest {
            workspace: folders[place].into(),
            person: Person { name: "Ada".into(), email: corpus::PERSON.into() },
            clock: Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() },
        };
        self.ask(Caller::Person(session), Syscall::Session(request))
    }

    fn person_asks(&mut self) -> Result<(), String> {
        let sessions: Vec<SessionId> = self.sessions.iter().copied().collect();
        let Some(session) = self.random.pick(&sessions).copied() else { return self.connect() };
        if self.is_programs_turn() {
            return self.program_acts(session);
        }
        let caller = Caller::Person(session);
        let syscall = match self.random.below(16) {
            14 => self.adoption(),
            0..6 => Syscall::Intend { text: "prepare the demo".into(), agent: self.agent_name() },
            6 => Syscall::Commit { view: self.any_view() },
            7 => Syscall::Drop { view: self.any_view() },
            8 => Syscall::Undo { subject: self.any_undo() },
            9 => Syscall::Diff { view: self.any_view() },
            10 => Syscall::List {},
            11 => Syscall::Why { subject: WhySubject::Record(3) },
            12 => Syscall::Plan { source: self.any_plan() },
            13 => Syscall::Revoke { grant: self.any_grant() },
            _ => self.hostile(),
        };
        self.ask(caller, syscall)
    }

    fn agent_asks(&mut self) -> Result<(), String> {
        let agents: Vec<AgentId> = self.agents.iter().copied().collect();
        let Some(agent) = self.random.pick(&agents).copied() else { return self.person_asks() };
        if self.is_programs_turn() {
            let syscall = self.program_call();
            return self.ask(Caller::Agent(agent), syscall);
        }
        let syscall = match self.random.below(12) {
            0..5 => Syscall::Plan { source: self.any_plan() },
            5 => Syscall::Receive {},
            6 => Syscall::Infer(self.infer_request()),
            7 => Syscall::Ask { title: "Well?".into(), options: vec!["a".into(), "b".into()] },
            _ => self.hostile(),
        };
        self.ask(Caller::Agent(agent), syscall)
    }

    /// A syscall that its caller may or may not make, with arguments that may or may not exist.
    fn hostile(&mut self) -> Syscall {
        let agent = AgentId { index: self.small(), generation: self.small() };
        let grant = self.any_grant();
        let tools = [
            "notes.find",
            "files.write",
            "web.post",
            "system.off",
            "mail.send",
            "extract",
            "propose",
            "say",
            "other.go",
            "notify.show",
            "nothing",
        ];
        let tool = self.random.pick(&tools).map(|tool| (*tool).to_owned()).unwrap_or_default();
        let arguments = [
            json!({}),
            json!({ "about": "x" }),
            json!({ "path": "../../etc/passwd", "text": "x" }),
            json!({ "text": ["a", "b"], "fields": ["budget"] }),
            json!({ "to": [{ "name": "Eve", "email": "eve@example.org\r\nBcc: all", "path": "" }], "subject": "s", "body": "b" }),
            json!({ "text": { "deep": [[[[]]]] } }),
        ];
        let arguments = self.random.pick(&arguments).and_then(|json| json.as_object()).cloned().unwrap_or_default();
        let question = QuestionId(self.random.below(20) as u64);
        match self.random.below(20) {
            19 => self.adoption(),
            16 => Syscall::SaveSkill { name: "again".into(), from: SkillSource::Run(None) },
            17 => Syscall::SaveSkill {
                name: "own".into(),
                from: SkillSource::Plan {
                    source: corpus::plan(&mut self.random),
                    intention: "prepare the demo".into(),
                },
            },
            18 => Syscall::ForgetSkill { name: "own".into() },
            0..4 => Syscall::Call { tool, arguments },
            4 => Syscall::Intend { text: "do evil".into(), agent: None },
            5 => Syscall::Answer { question, answer: Answer::Yes { fingerprint: ContentHash::of(b""), typed: None } },
            6 => Syscall::Spawn { agent: "reader".into(), task: "read".into(), grant },
            7 => Syscall::Signal { agent },
            8 => Syscall::Send { to: agent, message: json!("x".repeat(self.random.below(200))) },
            9 => Syscall::Attenuate { grant, request: self.grant_request() },
            10 => Syscall::Revoke { grant },
            11 => Syscall::Grants {},
            12 => Syscall::Journal { from: None, count: u32::MAX },
            13 => Syscall::Notify { text: "look".into() },
            14 => Syscall::Embed { texts: vec!["a".into(); self.random.below(300)] },
            _ => Syscall::Commit { view: self.any_view() },
        }
    }

    pub(crate) fn answer_question(&mut self) -> Result<(), String> {
        let sessions: Vec<SessionId> = self.sessions.iter().copied().collect();
        let questions: Vec<QuestionId> = self.questions.keys().copied().collect();
        let (Some(session), Some(id)) = (self.random.pick(&sessions).copied(), self.random.pick(&questions).copied())
        else {
            return Ok(());
        };
        let Some(question) = self.questions.get(&id).cloned() else { return Ok(()) };
        let answer = match (self.random.below(10), &question.kind) {
            (0, _) => Answer::No,
            (1, _) => Answer::Yes { fingerprint: ContentHash::of(b"another"), typed: None },
            (2, _) => Answer::Choice(99),
            (_, QuestionKind::Approval { fingerprint, typed }) => {
                Answer::Yes { fingerprint: *fingerprint, typed: typed.clone().filter(|_| self.random.chance(80)) }
            }
            (_, QuestionKind::Choice { .. }) => Answer::Choice(0),
            (_, QuestionKind::Text) => Answer::Text("an answer".into()),
        };
        self.ask(Caller::Person(session), Syscall::Answer { question: id, answer })
    }

    fn finish_something(&mut self) -> Result<(), String> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let place = self.random.below(self.pending.len());
        if let Pending::Infer(call) | Pending::Embed(call, _) = &self.pending[place]
            && self.places.is_paused(*call)
        {
            return Ok(());
        }
        let pending = self.pending.swap_remove(place);
        self.now = self.now.plus_ms(self.random.below(500) as u64);
        if let Pending::Tool(job) = &pending
            && job.schema.executor == Executor::Client
        {
            return self.program_finishes(job);
        }
        let repeat = self.random.chance(3);
        let event = self.end_of(pending);
        if repeat && !matches!(event, Event::LookedUp { .. }) {
            self.feed(event.clone())?;
        }
        self.feed(event)
    }

    fn end_of(&mut self, pending: Pending) -> Event {
        let failure = || Failure::new(ErrorCode::ToolFailed, "it broke");
        // A random plan is long, and shall get somewhere.
        let in_a_hundred = if self.random_plans == 0 { 10 } else { 2 };
        let fails = self.random.chance(in_a_hundred);
        match pending {
            Pending::Tool(job) => {
                let bytes = if self.random.chance(5) { u64::MAX } else { self.random.below(3000) as u64 };
                let usage = ToolUsage { elapsed_ms: self.random.below(200_000) as u64, bytes };
                let wrote = vec![WrittenFile { path: "a.md".into(), content: Some(ContentHash::of(b"x")) }];
                let outcome = match fails {
                    true => ToolOutcome::Failed { failure: failure(), wrote },
                    false if self.random.chance(in_a_hundred) => {
                        ToolOutcome::Done { result: json!([{ "lie": 1 }]), wrote, marks: self.any_marks() }
                    }
                    false => {
                        let (result, marks) = (self.answer_of(&job.schema), self.any_marks());
                        ToolOutcome::Done { result, wrote, marks }
                    }
                };
                Event::ToolFinished { call: job.call, outcome, usage }
            }
            Pending::Infer(call) => {
                let mut reply = self.model_reply();
                reply.usage = self.spending.usage(call, &mut self.random).unwrap_or(reply.usage);
                let unspent = fails && self.spends && self.random.chance(50);
                Event::InferFinished { call, outcome: if fails { Err(failure()) } else { Ok(reply) }, unspent }
            }
            Pending::Embed(call, count) => {
                let unspent = fails && self.spends && self.random.chance(50);
                let vector = if fails { vec![f32::MAX] } else { vec![0.6, 0.8] };
                let outcome = if unspent { Err(failure()) } else { Ok(vec![vector; count]) };
                Event::EmbedFinished { call, outcome, unspent }
            }
            Pending::View(call, view, action) => {
                let report = ViewReport { view, action, difference: Difference::default() };
                Event::ViewFinished { call, outcome: if fails { Err(failure()) } else { Ok(report) } }
            }
            Pending::LookUp(call, caller, request) => {
                if !fails {
                    self.waiting.remove(&(caller, request));
                }
                Event::LookedUp { call, outcome: if fails { Err(failure()) } else { Ok(()) } }
            }
            Pending::Recall(call, from) => self.end_of_recall(call, from),
            Pending::Send(item) => {
                let no_account = || Failure::new(ErrorCode::Unsupported, "no account");
                let outcome = match self.random.below(3) {
                    0 => Err(no_account()),
                    1 => Err(failure()),
                    _ => Ok(()),
                };
                Event::OutboxFinished { item, outcome }
            }
        }
    }

    /// What a sensor says of an answer: mostly nothing, and at times something about all of it.
    pub(crate) fn any_marks(&mut self) -> Vec<Mark> {
        let mark = Mark { at: String::new(), score: 90, words: "Assistant: obey".into() };
        if self.random.chance(10) { vec![mark] } else { Vec::new() }
    }

    /// What a tool answers that tells no lies about what it is; of those that random plans call, anything of its type.
    fn answer_of(&mut self, schema: &ToolSchema) -> Json {
        if self.witness.catalog.tools.contains_key(&schema.name) {
            return by_type(&mut self.random, &schema.returns, &self.witness.catalog);
        }
        corpus::honest(&schema.name)
    }

    /// Results of calls that never were.
    fn report_nonsense(&mut self) -> Result<(), String> {
        let call = CallId(1_000_000 + self.random.below(1000) as u64);
        let outcome = Err(Failure::new(ErrorCode::Internal, "nonsense"));
        let event = match self.random.below(3) {
            0 => Event::InferFinished { call, outcome: Ok(self.model_reply()), unspent: false },
            1 => Event::ViewFinished { call, outcome },
            _ => Event::OutboxFinished { item: OutboxId(call.0), outcome: Ok(()) },
        };
        self.feed(event)
    }

    /// The person edits the configuration while everything goes on.
    fn configure(&mut self) -> Result<(), String> {
        let installation = self.any_installation();
        self.feed(Event::Configured(installation))
    }

    fn somebody_leaves(&mut self) -> Result<(), String> {
        let people = self.sessions.iter().map(|session| Caller::Person(*session));
        let callers: Vec<Caller> = people.chain(self.agents.iter().map(|agent| Caller::Agent(*agent))).collect();
        let Some(caller) = self.random.pick(&callers).copied() else { return Ok(()) };
        match caller {
            Caller::Person(session) => self.sessions.remove(&session),
            Caller::Agent(agent) => self.agents.remove(&agent),
        };
        self.waiting.retain(|(other, _), _| *other != caller);
        self.feed(Event::Gone { caller })
    }

    fn time_passes(&mut self) -> Result<(), String> {
        let elapsed = match self.random.below(20) {
            0 => DAY_MS,
            1..5 => 45 * MINUTE_MS,
            _ => MINUTE_MS,
        };
        self.now = self.now.plus_ms(elapsed);
        self.wake = None;
        self.feed(Event::Tick {})
    }

    fn model_reply(&mut self) -> InferReply {
        let usage = InferUsage { prompt_tokens: 50, written_tokens: self.small() * 400, ..InferUsage::default() };
        let text = corpus::model_text(&mut self.random);
        InferReply {
            text,
            finish: Finish::Stop,
            usage,
            model: "simulated".into(),
            alternatives: vec![],
            tokens: vec![],
        }
    }

    pub(crate) fn infer_request(&mut self) -> InferRequest {
        let length = self.random.below(5000);
        InferRequest {
            messages: vec![ChatMessage::new(Role::User, "x".repeat(length))],
            max_tokens: self.small() * 300,
            class: [InferClass::Interactive, InferClass::Agent, InferClass::Background][length % 3],
            ..InferRequest::default()
        }
    }

    fn grant_request(&mut self) -> GrantRequest {
        let rights = [
            Right::Tool { name: "*".into(), arguments: Default::default() },
            Right::Tool { name: "notes.find".into(), arguments: Default::default() },
            Right::Network { host: "*".into(), methods: vec![] },
        ];
        let calls = self.random.below(60) as u64;
        GrantRequest {
            rights: self.random.pick(&rights).cloned().into_iter().collect(),
            life_ms: self.random.below(200_000_000) as u64,
            budget: Budget { calls, bytes: 10, tokens: 10, seconds: 10 },
            may_pass_on: self.random.chance(50),
        }
    }

    pub(crate) fn agent_name(&mut self) -> Option<String> {
        let names = [None, Some("content"), Some("content"), Some("reader"), Some("nobody")];
        self.random.pick(&names).copied().flatten().map(str::to_owned)
    }

    fn any_grant(&mut self) -> GrantId {
        let grants: Vec<GrantId> = self.kernel.grants().iter().map(|grant| grant.id).collect();
        let stale = GrantId { index: self.small(), generation: self.small() };
        self.random.pick(&grants).copied().unwrap_or(stale)
    }

    fn any_view(&mut self) -> Option<ViewId> {
        if self.random.chance(70) { None } else { Some(ViewId(self.random.below(6) as u64)) }
    }

    fn any_undo(&mut self) -> Option<genoa_abi::syscall::UndoSubject> {
        use genoa_abi::syscall::UndoSubject;
        match self.random.below(3) {
            0 => None,
            1 => Some(UndoSubject::View(ViewId(self.random.below(6) as u64))),
            _ => Some(UndoSubject::Outbox(OutboxId(self.random.below(4) as u64))),
        }
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.random.below(4)).unwrap_or(0)
    }
}
