//! Sessions: a person at a surface, with a workspace and the root of all authority that their agents get.

use genoa_abi::grant::{Access, Budget, GrantRequest, Right};
use genoa_abi::limits::{SESSION_BYTES, SESSION_CALLS, SESSION_SECONDS, SESSION_TOKENS, SESSIONS};
use genoa_abi::session::SessionRequest;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::tool::{Clock, Person};
use genoa_abi::{ErrorCode, Failure, GrantId, SessionId, ViewId};
use serde::{Deserialize, Serialize};

use crate::grants::Holder;
use crate::offers::Offered;
use crate::turn::{Asker, Origin, Response, Turn, only_a_person, too_large};

/// The longest path of a workspace, as Linux has it.
const PATH_BYTES: usize = 4096;

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Whether its surface is there. A session goes on without it while work of it is going on.
    pub(crate) connected: bool,
    pub(crate) workspace: String,
    pub(crate) person: Person,
    pub(crate) clock: Option<Clock>,
    pub(crate) grant: Option<GrantId>,
    /// The view that its calls work in; opened before the first call.
    pub(crate) view: Option<ViewId>,
    /// The tools that its program carries out itself.
    #[serde(default)]
    pub(crate) offered: Offered,
    /// Whether its surface gave everything up but the model.
    #[serde(default)]
    pub(crate) is_pledged: bool,
}

impl Turn<'_> {
    pub(crate) fn connect(&mut self, session: SessionId) {
        let sessions = &mut self.kernel.sessions;
        if sessions.len() < SESSIONS || sessions.contains_key(&session) {
            sessions.entry(session).or_default().connected = true;
        }
    }

    /// The surface is gone: its waiting syscalls are dropped, its agents and runs go on.
    pub(crate) fn disconnect(&mut self, id: SessionId) {
        if let Some(session) = self.kernel.sessions.get_mut(&id) {
            session.connected = false;
        }
    }

    pub(crate) fn begin_session(&mut self, caller: Caller, request: SessionRequest) -> Result<Response, Failure> {
        let Caller::Person(id) = caller else { return Err(only_a_person("begin a session")) };
        check_workspace(&request.workspace)?;
        let now = self.now;
        let session = self.session(id)?.clone();
        if !session.connected {
            return Err(no_surface());
        }
        let same_folder = session.workspace == request.workspace;
        let rights = person_rights(&request.workspace, &self.kernel.network);
        let grants = &self.kernel.grants;
        let is_good = |grant: &GrantId| {
            same_folder
                && grants.live(*grant, now).is_ok()
                && grants.get(*grant).is_ok_and(|held| held.rights == rights)
        };
        let grant = match session.grant.filter(is_good) {
            Some(grant) => {
                self.kernel.grants.renew_root(grant, now);
                grant
            }
            None => self.kernel.grants.mint_root(id, rights, session_budget(), now)?,
        };
        let begun = Session {
            connected: true,
            workspace: request.workspace,
            person: request.person,
            clock: Some(request.clock),
            grant: Some(grant),
            view: session.view.filter(|_| same_folder),
            offered: session.offered,
            is_pledged: session.is_pledged,
        };
        self.kernel.sessions.insert(id, begun);
        Ok(Response::Now(Reply::Session(id)))
    }

    /// From here on the connection may only ask the model. What was asked on it before would still be answered there, so nothing may wait.
    pub(crate) fn pledge(&mut self, caller: Caller) -> Result<Response, Failure> {
        let Caller::Person(id) = caller else { return Err(only_a_person("pledge a connection")) };
        let is_waiter = |asker: &Asker| asker.caller == caller;
        let waits_for_run = self.kernel.runs.values().any(|run| run.waiter.as_ref().is_some_and(is_waiter));
        if waits_for_run || self.waiting_calls(caller) > 0 {
            return Err(Failure::new(ErrorCode::Conflict, "a connection that waits for answers cannot give them up")
                .try_next("Use a new connection"));
        }
        self.withdraw_offer(id);
        if let Some(session) = self.kernel.sessions.get_mut(&id) {
            session.is_pledged = true;
        }
        Ok(Response::Now(Reply::Done))
    }

    pub(crate) fn is_pledged(&self, session: SessionId) -> bool {
        self.kernel.sessions.get(&session).is_some_and(|session| session.is_pledged)
    }

    /// A connection that gave everything else up may only ask the model.
    pub(crate) fn check_pledge(&self, caller: Caller, syscall: &Syscall) -> Result<(), Failure> {
        let asks_the_model = matches!(syscall, Syscall::Infer(_) | Syscall::Embed { .. });
        match caller {
            Caller::Person(id) if self.is_pledged(id) && !asks_the_model => {
                Err(Failure::new(ErrorCode::NotGranted, "this connection may ask the model, and nothing else")
                    .because("it pledged so, and that cannot be taken back")
                    .try_next("Use another connection"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn session(&self, id: SessionId) -> Result<&Session, Failure> {
        self.kernel.sessions.get(&id).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("there is no session {id}"))
                .because(format!("it was never connected, or more than {SESSIONS} are (SESSIONS)"))
                .try_next("Connect again")
        })
    }

    /// The session whose surfaces hear what `session` is told.
    pub(crate) fn listening(&self, session: SessionId) -> Option<SessionId> {
        let own = self.kernel.sessions.get(&session)?;
        let hears = |session: &Session| session.connected && !session.is_pledged;
        if hears(own) {
            return Some(session);
        }
        let others = self.kernel.sessions.iter().rev();
        others.filter(|(_, other)| hears(other) && other.workspace == own.workspace).map(|(id, _)| *id).next()
    }

    /// Forgets the sessions that are gone and that nothing goes on for.
    pub(crate) fn forget_sessions(&mut self) {
        let kernel = &mut *self.kernel;
        let (intentions, runs) = (&kernel.intentions, &kernel.runs);
        let (flights, questions) = (&kernel.flights, &kernel.questions);
        kernel.sessions.retain(|id, session| {
            session.connected
                || intentions.values().any(|intention| intention.session == *id)
                || runs.values().any(|run| run.session == *id)
                || questions.values().any(|open| open.question.session == *id)
                || flights.values().any(|flight| flight.session == *id && flight.origin != Origin::Nobody)
        });
    }

    pub(crate) fn attenuate(
        &mut self,
        caller: Caller,
        grant: GrantId,
        request: &GrantRequest,
    ) -> Result<Response, Failure> {
        let holder = holder_of(caller);
        self.check_holder(holder, grant)?;
        Ok(Response::Now(Reply::Grant(self.kernel.grants.attenuate(grant, holder, request, self.now)?)))
    }

    pub(crate) fn revoke(&mut self, asker: Asker, grant: GrantId) -> Result<Response, Failure> {
        let caller = asker.caller;
        self.kernel.grants.get(grant)?;
        let holder = holder_of(caller);
        let chain = self.kernel.grants.chain(grant);
        let is_own = chain.iter().any(|link| self.kernel.grants.get(*link).is_ok_and(|held| held.holder == holder));
        if !is_own && !matches!(caller, Caller::Person(_)) {
            return Err(not_held(grant));
        }
        self.kernel.grants.revoke(grant);
        // The answer comes first: an agent that revokes its own grant may be stopped by what follows.
        self.reply(asker, Ok(Reply::Revoked(grant)));
        self.stop_what_lost_its_grant();
        Ok(Response::Later)
    }

    pub(crate) fn list_grants(&self, caller: Caller) -> Result<Response, Failure> {
        let holder = holder_of(caller);
        let grants = &self.kernel.grants;
        let shown = grants.iter().map(|(id, _)| id).filter(|id| {
            let chain = grants.chain(*id);
            matches!(caller, Caller::Person(_))
                || chain.iter().any(|link| grants.get(*link).is_ok_and(|grant| grant.holder == holder))
        });
        Ok(Response::Now(Reply::Grants(shown.filter_map(|id| self.kernel.grant_info(id)).collect())))
    }

    /// Whether `holder` holds `grant` itself.
    pub(crate) fn check_holder(&self, holder: Holder, grant: GrantId) -> Result<(), Failure> {
        if self.kernel.grants.get(grant)?.holder == holder { Ok(()) } else { Err(not_held(grant)) }
    }
}

/// The failure where a connection has become an agent's, and has no person's authority any more.
pub(crate) fn no_surface() -> Failure {
    only_a_person("act for a session whose surface is gone")
}

fn not_held(grant: GrantId) -> Failure {
    Failure::new(ErrorCode::NotGranted, format!("the grant {grant} is another's"))
        .try_next("`grants` lists those that the caller holds")
}

fn holder_of(caller: Caller) -> Holder {
    match caller {
        Caller::Person(session) => Holder::Session(session),
        Caller::Agent(agent) => Holder::Agent(agent),
    }
}

fn check_workspace(path: &str) -> Result<(), Failure> {
    if path.len() > PATH_BYTES {
        return Err(too_large("the workspace's path is too long", "PATH_BYTES", PATH_BYTES));
    }
    let normal = path.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control))
    });
    if normal {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::InvalidInput, format!("`{}` cannot be a workspace", path.escape_debug()))
        .because("it must be the absolute path of a folder below `/`, without `.`, `..` and control characters")
        .try_next("Name the folder by its absolute path"))
}

/// All that a person may hand to agents: the workspace, the tools, a look at the host, and the hosts of the
/// configuration.
fn person_rights(workspace: &str, network: &[Right]) -> Vec<Right> {
    let mut rights = vec![
        Right::Files { under: workspace.to_owned(), access: Access::Write },
        Right::Tool { name: "*".into(), arguments: Default::default() },
        Right::Program { name: "*".into() },
        Right::Host { area: "*".into() },
        Right::Model,
    ];
    rights.extend(network.iter().cloned());
    rights
}

fn session_budget() -> Budget {
    Budget { calls: SESSION_CALLS, bytes: SESSION_BYTES, tokens: SESSION_TOKENS, seconds: SESSION_SECONDS }
}

#[cfg(test)]
mod tests {
    use genoa_abi::event::{Effect, Event};
    use genoa_abi::grant::GrantRequest;
    use genoa_abi::installation::Installation;
    use genoa_abi::model::InferRequest;
    use genoa_abi::recording::RunStep;
    use genoa_abi::session::{Answer, News, SessionRequest, Weight};
    use genoa_abi::skill::SkillSource;
    use genoa_abi::syscall::{Caller, Offer, Reply, Syscall, WhySubject};
    use genoa_abi::tool::{Clock, Person};
    use genoa_abi::{
        AgentId, CallId, ErrorCode, GrantId, ProposalId, QuestionId, RequestId, RunId, SessionId, Timestamp,
    };

    use crate::Kernel;
    use crate::turn::Turn;

    const PERSON: Caller = Caller::Person(SessionId(1));

    fn ask(kernel: &mut Kernel, syscall: Syscall) -> Vec<Effect> {
        kernel.step(Event::Asked { caller: PERSON, request: RequestId(1), syscall }, Timestamp(1))
    }

    /// A session's grant.
    fn root(kernel: &mut Kernel) -> GrantId {
        kernel.step(Event::Booted(Installation::default()), Timestamp(1));
        kernel.step(Event::Connected { session: SessionId(1) }, Timestamp(1));
        let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
        let request = SessionRequest { workspace: "/home/ada".into(), person: Person::default(), clock };
        ask(kernel, Syscall::Session(request));
        kernel.grants()[0].id
    }

    /// Whether it was refused because the connection gave it up.
    fn is_given_up(effects: &[Effect]) -> bool {
        effects.iter().any(|effect| {
            matches!(effect, Effect::Reply { outcome: Err(failure), .. }
                if failure.code == ErrorCode::NotGranted && failure.what == "this connection may ask the model, and nothing else")
        })
    }

    #[test]
    fn a_pledged_connection_asks_the_model_and_nothing_else() {
        let mut kernel = Kernel::new();
        let grant = root(&mut kernel);
        let texts = || vec!["a".to_owned()];
        assert!(!is_given_up(&ask(&mut kernel, Syscall::Grants {})));
        let pledged = Effect::Reply { caller: PERSON, request: RequestId(1), outcome: Ok(Reply::Done) };
        assert!(ask(&mut kernel, Syscall::Pledge {}).contains(&pledged));
        let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
        let session = SessionRequest { workspace: "/home/ada".into(), person: Person::default(), clock };
        let text = || "prepare the demo".to_owned();
        let agent = AgentId { index: 0, generation: 0 };
        let request = GrantRequest { rights: vec![], life_ms: 1, budget: super::session_budget(), may_pass_on: false };
        let refused = [
            Syscall::Session(session),
            Syscall::Intend { text: text(), agent: None },
            Syscall::Adopt { proposal: ProposalId(1), text: text() },
            Syscall::Act { text: text(), agent: None, session: None },
            Syscall::Pledge {},
            Syscall::Offer(Offer::default()),
            Syscall::Returned { call: CallId(1), outcome: Ok(Default::default()), marks: vec![] },
            Syscall::Spawn { agent: "reader".into(), task: text(), grant },
            Syscall::Signal { agent },
            Syscall::Send { to: agent, message: Default::default() },
            Syscall::Receive {},
            Syscall::List {},
            Syscall::Call { tool: "files.list".into(), arguments: Default::default() },
            Syscall::Plan { source: "say(1)\n".into() },
            Syscall::GoOn { from: RunStep { run: RunId(1), step: 1 }, source: None },
            Syscall::SaveSkill { name: "own".into(), from: SkillSource::Run(None) },
            Syscall::Skills {},
            Syscall::ForgetSkill { name: "own".into() },
            Syscall::Ask { title: text(), options: vec![] },
            Syscall::Answer { question: QuestionId(1), answer: Answer::No },
            Syscall::Notify { text: text() },
            Syscall::Attenuate { grant, request },
            Syscall::Revoke { grant },
            Syscall::Grants {},
            Syscall::Journal { from: None, count: 1 },
            Syscall::Why { subject: WhySubject::Record(1) },
            Syscall::Engine {},
            Syscall::Diff { view: None },
            Syscall::Commit { view: None },
            Syscall::Drop { view: None },
            Syscall::Undo { subject: None },
        ];
        for syscall in refused {
            let name = syscall.name();
            assert!(is_given_up(&ask(&mut kernel, syscall)), "{name}");
        }
        let embedding = ask(&mut kernel, Syscall::Embed { texts: texts() });
        assert!(!is_given_up(&embedding) && !embedding.is_empty(), "{embedding:?}");
        let infer = ask(&mut kernel, Syscall::Infer(InferRequest { max_tokens: 1, ..InferRequest::default() }));
        assert!(!is_given_up(&infer), "{infer:?}");
    }

    #[test]
    fn a_connection_that_waits_cannot_be_pledged() {
        let mut kernel = Kernel::new();
        root(&mut kernel);
        ask(&mut kernel, Syscall::Embed { texts: vec!["a".into()] });
        let effects = ask(&mut kernel, Syscall::Pledge {});
        let is_refused = |effect: &Effect| matches!(effect, Effect::Reply { outcome: Err(failure), .. } if failure.code == ErrorCode::Conflict);
        assert!(effects.iter().any(is_refused), "{effects:?}");
        assert!(!is_given_up(&ask(&mut kernel, Syscall::Grants {})), "nothing was given up");
    }

    /// Another surface on the same folder goes; what its work comes to is told, but not to the one that only asks the model.
    #[test]
    fn a_pledged_connection_hears_of_nothing() {
        for hears in [true, false] {
            let mut kernel = Kernel::new();
            root(&mut kernel);
            let (other, caller) = (SessionId(2), Caller::Person(SessionId(2)));
            kernel.step(Event::Connected { session: other }, Timestamp(1));
            let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
            let request = SessionRequest { workspace: "/home/ada".into(), person: Person::default(), clock };
            let mut asked =
                |caller, syscall| kernel.step(Event::Asked { caller, request: RequestId(1), syscall }, Timestamp(1));
            asked(caller, Syscall::Session(request));
            if !hears {
                asked(PERSON, Syscall::Pledge {});
            }
            let mut turn = Turn::new(&mut kernel, Timestamp(2));
            turn.disconnect(other);
            turn.tell(other, News::Notice { text: "look".into(), weight: Weight::Usual });
            let to_first = |effect: &Effect| matches!(effect, Effect::Tell { session, .. } if *session == SessionId(1));
            assert_eq!(turn.effects.iter().any(to_first), hears);
        }
    }

    #[test]
    fn a_revocation_is_answered_after_its_record_is_on_the_disk() {
        let mut kernel = Kernel::new();
        let grant = root(&mut kernel);
        let effects = ask(&mut kernel, Syscall::Revoke { grant });
        let answered = Effect::Reply { caller: PERSON, request: RequestId(1), outcome: Ok(Reply::Revoked(grant)) };
        assert_eq!(effects.first(), Some(&answered));
        assert!(answered.must_be_durable());
        // What takes nothing back waits for nothing.
        let nobody = GrantId { index: 77, generation: 0 };
        assert!(!ask(&mut kernel, Syscall::Revoke { grant: nobody }).iter().any(Effect::must_be_durable));
        assert!(!ask(&mut kernel, Syscall::Grants {}).iter().any(Effect::must_be_durable));
    }
}
