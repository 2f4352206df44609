//! Calls that leave the machine, at the real kernel: held for the undo window, taken back, carried out once, whatever stops
//! in between.

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::installation::Installation;
use genoa_abi::limits::OUTBOX_HOLD_MS;
use genoa_abi::mcp::{McpRoute, McpServer};
use genoa_abi::policy::{PolicyTexts, RuleFile};
use genoa_abi::schema::{Catalog, Demand, EffectClass, Executor, Needs, Parameter, ToolSchema, Type, Undoing, Yields};
use genoa_abi::session::{Answer, News, OutboxItem, OutboxState, Question, QuestionKind, SessionRequest};
use genoa_abi::syscall::{Caller, Offer, Reply, Syscall, UndoSubject};
use genoa_abi::tool::{Clock, Person, ToolOutcome, ToolUsage};
use genoa_abi::view::{Difference, ViewReport};
use genoa_abi::{AgentId, CallId, ErrorCode, Failure, GrantId, OutboxId, RequestId, SessionId};
use serde_json::json;

use crate::commands::status::outgoing;
use crate::desk::{Desk, SESSION};
use crate::foreign_arguments::{asked, run};

const POST: &str = "said = board.post(text=\"Hello\")\nsay(text=said)\n";
const POST_THREE: &str = "for word in [\"a\", \"b\", \"c\"]:\n    board.pin(text=word)\n";

fn tool(name: &str, returns: Type) -> ToolSchema {
    let text = Parameter { demand: Demand::Anything, ..Parameter::new("text", Type::Text, true, "") };
    ToolSchema {
        name: name.into(),
        about: format!("Does {name}"),
        parameters: vec![text],
        returns,
        yields: Yields::Foreign,
        effect: EffectClass::Emit,
        executor: Executor::Jail,
        needs: Needs::default(),
        phrase: String::new(),
        asked_by: Vec::new(),
        ruled_out_by: Vec::new(),
        undone_by: None,
        at_once: false,
    }
}

fn catalog() -> Catalog {
    let undoing = Undoing { tool: "board.erase".into(), arguments: [("text".to_owned(), "result".to_owned())].into() };
    let tools = [
        tool("board.post", Type::Text),
        tool("board.pin", Type::None),
        tool("board.erase", Type::Text),
        ToolSchema { undone_by: Some(undoing), ..tool("board.book", Type::Text) },
        ToolSchema { at_once: true, ..tool("board.shout", Type::Text) },
    ];
    Catalog::new(tools, [])
}

/// A kernel with a board, and what it did.
struct Board {
    desk: Desk,
    /// The person, who connects again after a stop.
    person: SessionId,
    agent: AgentId,
    grant: GrantId,
    requests: u64,
    /// The calls that were handed over, in order.
    begun: Vec<ToolJob>,
    told: Vec<News>,
    replies: Vec<Result<Reply, Failure>>,
}

impl Board {
    fn new() -> Self {
        let (desk, agent, grant) = Desk::asked(&catalog(), "Tell everybody");
        let (begun, told, replies) = (Vec::new(), Vec::new(), Vec::new());
        Self { desk, person: SESSION, agent, grant, requests: 1000, begun, told, replies }
    }

    fn person(&self) -> Caller {
        Caller::Person(self.person)
    }

    /// Everything stops and starts again, and the person comes back.
    fn restart(&mut self) {
        self.feed(Event::Restarted {});
        self.person = SessionId(self.person.0 + 1);
        self.feed(Event::Connected { session: self.person });
        let request = SessionRequest {
            workspace: "/work".into(),
            person: Person::default(),
            clock: Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() },
        };
        self.ask(self.person(), Syscall::Session(request));
    }

    fn feed(&mut self, event: Event) {
        let effects = self.desk.feed(event);
        self.take_note(effects);
    }

    fn take_note(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::RunTool(job) => self.begun.push(*job),
                Effect::Tell { news, .. } => self.told.push(news),
                Effect::Reply { outcome, .. } => self.replies.push(outcome),
                Effect::ActOnView { call, view, action, .. } => {
                    let report = ViewReport { view, action, difference: Difference::default() };
                    self.feed(Event::ViewFinished { call, outcome: Ok(report) });
                }
                _ => {}
            }
        }
    }

    fn ask(&mut self, caller: Caller, syscall: Syscall) {
        self.requests += 1;
        self.feed(Event::Asked { caller, request: RequestId(self.requests), syscall });
    }

    fn plan(&mut self, source: &str) -> &mut Self {
        self.ask(Caller::Agent(self.agent), Syscall::Plan { source: source.to_owned() });
        self
    }

    fn question(&self) -> Question {
        let asked = |news: &News| if let News::Asked(question) = news { Some(question.clone()) } else { None };
        self.told.iter().rev().find_map(asked).expect("somebody was asked")
    }

    fn yes(&mut self) -> &mut Self {
        let question = self.question();
        let QuestionKind::Approval { fingerprint, .. } = question.kind else { panic!("{question:?}") };
        let answer = Answer::Yes { fingerprint, typed: None };
        self.ask(self.person(), Syscall::Answer { question: question.id, answer });
        self
    }

    /// This much time passes.
    fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.desk.now = self.desk.now.plus_ms(milliseconds);
        self.feed(Event::Tick {});
        self
    }

    /// What was handed over last ends well.
    fn finish(&mut self) -> &mut Self {
        let job = self.begun.last().expect("a call began");
        let result = if job.schema.returns == Type::None { json!(null) } else { json!("posted") };
        let outcome = ToolOutcome::Done { result, wrote: Vec::new(), marks: Vec::new() };
        self.feed(Event::ToolFinished { call: job.call, outcome, usage: ToolUsage::default() });
        self
    }

    fn undo(&mut self, subject: UndoSubject) -> Result<Reply, Failure> {
        self.ask(self.person(), Syscall::Undo { subject: Some(subject) });
        self.replies.last().cloned().expect("it was answered")
    }

    fn outbox(&mut self) -> Vec<OutboxItem> {
        self.ask(self.person(), Syscall::List {});
        match self.replies.pop() {
            Some(Ok(Reply::Status(status))) => status.outbox,
            other => panic!("no status: {other:?}"),
        }
    }

    fn states(&mut self) -> Vec<OutboxState> {
        self.outbox().iter().map(|item| item.state).collect()
    }

    /// How the intention ended.
    fn answer(&self) -> &str {
        &self.desk.finished.last().expect("it is over").answer
    }

    fn notices(&self) -> Vec<&str> {
        self.told
            .iter()
            .filter_map(|news| if let News::Notice { text, .. } = news { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The configuration is another from now on.
    fn configure(&mut self, change: impl FnOnce(&mut Installation)) {
        let mut installation =
            Installation { catalog: catalog(), undo_window_ms: Some(OUTBOX_HOLD_MS), ..Installation::default() };
        change(&mut installation);
        self.feed(Event::Configured(installation));
    }
}

fn item(number: u64) -> UndoSubject {
    UndoSubject::Outbox(OutboxId(number))
}

#[test]
fn the_person_reads_for_how_long_a_call_is_held() {
    let told = |source: &str| {
        let mut board = Board::new();
        let question = board.plan(source).question();
        format!("{}\n{}", question.title, question.consequence)
    };
    insta::assert_snapshot!(told(POST), @r"
    Does board.post?
    It is held for 30 s, in which `genoa undo` takes it back; then it leaves the machine
    ");
    insta::assert_snapshot!(told("said = board.book(text=\"x\")\nsay(text=said)\n"), @r"
    Does board.book?
    It is held for 30 s, in which `genoa undo` takes it back; then it leaves the machine. After that, board.erase takes back what left
    ");
    insta::assert_snapshot!(told(POST_THREE), @r"
    Does board.pin, 3 times?
    They are held for 30 s, in which `genoa undo` stops them all; then they leave the machine, one after the other
    ");
    insta::assert_snapshot!(told("said = board.shout(text=\"x\")\nsay(text=said)\n"), @r"
    Does board.shout?
    It leaves the machine at once and cannot be taken back
    ");
}

#[test]
fn an_approved_call_waits_for_its_window_and_is_carried_out_once() {
    let mut board = Board::new();
    board.plan(POST).yes();
    assert!(board.begun.is_empty(), "it left before its window was over");
    let held = board.outbox();
    assert_eq!(held[0].held_until, board.desk.now.plus_ms(OUTBOX_HOLD_MS));
    insta::assert_snapshot!(outgoing(&held[0]), @"o1 held: board.post text: Hello (c1)");
    assert!(board.told.contains(&News::Held(held[0].clone())));
    board.wait(OUTBOX_HOLD_MS - 1);
    assert!(board.begun.is_empty());
    board.wait(1);
    // The first step of the first run, held at that time.
    assert_eq!(board.begun[0].key.as_deref(), Some("r1.1-1000000"));
    assert_eq!((board.begun.len(), board.states()), (1, vec![OutboxState::Leaving]));
    assert_eq!(board.undo(item(1)).unwrap_err().code, ErrorCode::Conflict, "it is leaving");
    board.finish().wait(OUTBOX_HOLD_MS);
    assert_eq!((board.begun.len(), board.states()), (1, vec![OutboxState::Sent]));
    assert_eq!(board.answer(), "posted");
}

#[test]
fn what_is_taken_back_in_its_window_never_leaves_and_its_plan_is_told() {
    for subject in [item(1), UndoSubject::Call(CallId(1))] {
        let mut board = Board::new();
        board.plan(POST).yes();
        assert_eq!(board.undo(subject), Ok(Reply::Done));
        insta::allow_duplicates! {
            insta::assert_snapshot!(board.answer(), @"Stopped at line 1 of the plan: board.post was taken back while it was held: the person undid it: nothing of it left the machine.");
        }
        board.wait(OUTBOX_HOLD_MS);
        assert!(board.begun.is_empty());
        insta::allow_duplicates! {
            insta::assert_snapshot!(board.undo(item(1)).unwrap_err(), @"the call o1 can no longer be taken back: it left, is just leaving, or was taken back before, and its tool names nothing that takes it back");
        }
        assert_eq!(board.states(), [OutboxState::Withdrawn]);
    }
}

#[test]
fn nobody_but_a_person_takes_a_held_call_back() {
    let mut board = Board::new();
    board.plan(POST).yes();
    board.ask(Caller::Agent(board.agent), Syscall::Undo { subject: Some(item(1)) });
    assert_eq!(board.replies.last().unwrap().as_ref().unwrap_err().code, ErrorCode::NotGranted);
    assert_eq!(board.states(), [OutboxState::Held]);
}

/// Why a call did not begin at the end of its window, after `change`.
fn refused(change: impl FnOnce(&mut Board)) -> String {
    let mut board = Board::new();
    board.plan(POST).yes();
    change(&mut board);
    board.wait(OUTBOX_HOLD_MS);
    assert!(board.begun.is_empty(), "it began all the same");
    assert_eq!(board.states(), [OutboxState::Dropped]);
    board.answer().replace("Failed at line 1 of the plan: board.post was held, and is not carried out: ", "")
}

#[test]
fn what_is_not_allowed_any_more_at_the_end_of_its_window_does_not_begin() {
    insta::assert_snapshot!(refused(|board| { let grant = board.grant; board.ask(board.person(), Syscall::Revoke { grant }) }), @"its grant was revoked. State the intention again.");
    insta::assert_snapshot!(refused(|board| { board.desk.now = board.desk.now.plus_ms(1_000_000_000) }), @"the grant g1.1 has expired. State the intention again to get a new grant.");
    let forbidden =
        RuleFile::new("own.cedar", "@id(\"quiet\") forbid (principal, action == Action::\"board.post\", resource);");
    insta::assert_snapshot!(refused(|board| board.configure(|all| all.policy = PolicyTexts { administrator: vec![], person: vec![forbidden] })), @"the rules forbid board.post: quiet (yours, own.cedar). Take out or narrow what forbids it: quiet (yours, own.cedar).");
    insta::assert_snapshot!(refused(|board| board.configure(|all| { all.catalog.tools.remove("board.post"); })), @"there is no tool `board.post`. `genoa tools` lists the tools that are there.");
    insta::assert_snapshot!(refused(|board| board.configure(|all| all.catalog.tools.get_mut("board.post").unwrap().at_once = true)), @"the tool is another now than the one that was approved. State the intention again.");
    let server = McpServer { name: "board".into(), program: "another".into(), arguments: vec![] };
    let route = McpRoute { server, tool: "post".into(), parameters: Default::default() };
    insta::assert_snapshot!(refused(|board| board.configure(|all| { all.mcp.insert("board.post".into(), route); })), @"the tool is another now than the one that was approved. State the intention again.");
}

#[test]
fn a_call_that_a_rule_let_pass_is_not_carried_out_without_that_rule() {
    let mut board = Board::new();
    let rule = RuleFile::new("own.cedar", "permit (principal, action == Action::\"board.post\", resource);");
    board.configure(|all| all.policy = PolicyTexts { administrator: vec![], person: vec![rule] });
    board.plan(POST);
    assert_eq!(board.states(), [OutboxState::Held], "nobody is asked, and it is held all the same");
    board.configure(|_| {});
    board.wait(OUTBOX_HOLD_MS);
    assert!(board.begun.is_empty());
    insta::assert_snapshot!(board.answer(), @"Failed at line 1 of the plan: board.post was held, and is not carried out: the rule that allowed it without a question is gone. State the intention again.");
}

#[test]
fn calls_that_were_approved_together_have_one_window_together() {
    let mut board = Board::new();
    board.plan(POST_THREE).yes().wait(OUTBOX_HOLD_MS);
    assert_eq!(board.begun.len(), 1);
    board.finish().finish().finish();
    assert_eq!((board.begun.len(), board.states()), (3, vec![OutboxState::Sent; 3]));
    let keys: Vec<&str> = board.begun.iter().filter_map(|job| job.key.as_deref()).collect();
    assert_eq!(keys, ["r1.1-1000000", "r1.2-1030000", "r1.3-1030000"]);
    let mut board = Board::new();
    board.plan(POST_THREE).yes();
    assert_eq!(board.undo(item(1)), Ok(Reply::Done));
    board.wait(OUTBOX_HOLD_MS);
    assert!(board.begun.is_empty(), "the first was taken back, so the others are not made");
}

#[test]
fn what_left_is_taken_back_by_its_counterpart_and_that_at_once() {
    for subject in [item(1), UndoSubject::Call(CallId(1))] {
        let mut board = Board::new();
        board.plan("said = board.book(text=\"x\")\nsay(text=said)\n").yes().wait(OUTBOX_HOLD_MS).finish();
        assert_eq!(board.states(), [OutboxState::Sent]);
        board.ask(board.person(), Syscall::Undo { subject: Some(subject) });
        insta::allow_duplicates! {
            insta::assert_snapshot!(board.question().consequence, @"It leaves the machine at once and cannot be taken back");
        }
        board.yes();
        let erased = board.begun.last().unwrap();
        assert_eq!((erased.schema.name.as_str(), erased.arguments["text"].as_str()), ("board.erase", Some("posted")));
        board.finish();
        assert_eq!(board.replies.last(), Some(&Ok(Reply::Result(json!("posted")))));
        assert_eq!(
            board.undo(subject).unwrap_err().code,
            if subject == item(1) { ErrorCode::Conflict } else { ErrorCode::NotFound }
        );
    }
}

#[test]
fn a_call_that_leaves_at_once_has_its_key_and_its_place_all_the_same() {
    let mut board = Board::new();
    board.plan("said = board.shout(text=\"x\")\nsay(text=said)\n").yes();
    assert_eq!(board.begun[0].key.as_deref(), Some("r1.1-1000000"));
    assert!(!board.told.iter().any(|news| matches!(news, News::Held(_))));
    board.finish();
    assert_eq!(board.states(), [OutboxState::Sent]);
    let mut board = Board::new();
    board.configure(|all| all.undo_window_ms = Some(0));
    board.plan(POST).yes();
    assert_eq!(board.begun.len(), 1, "where there is no window, nothing is held");
}

#[test]
fn where_calls_were_never_held_they_are_as_they_were() {
    // What a journal tells of the time before calls were held comes to the same today.
    let mut board = Board::new();
    board.configure(|all| all.undo_window_ms = None);
    board.plan(POST);
    assert_eq!(board.question().consequence, "It leaves the machine at once and cannot be taken back");
    board.yes();
    assert_eq!((board.begun.len(), board.begun[0].key.clone(), board.states()), (1, None, vec![]));
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_not_carried_out() {
    let mut board = Board::new();
    let arguments = json!({ "text": "Hello" }).as_object().unwrap().clone();
    board.ask(Caller::Agent(board.agent), Syscall::Call { tool: "board.post".into(), arguments });
    board.yes();
    assert_eq!(board.states(), [OutboxState::Held]);
    board.feed(Event::Gone { caller: Caller::Agent(board.agent) });
    board.wait(OUTBOX_HOLD_MS);
    assert!(board.begun.is_empty());
    assert_eq!(board.states(), [OutboxState::Dropped]);
    insta::assert_snapshot!(board.notices().join("\n"), @"board.post was held as o1 and is not carried out: nobody waits for it any more");
}

#[test]
fn a_held_call_of_a_program_ends_with_the_program() {
    let mut board = Board::new();
    let own = ToolSchema { executor: Executor::Client, ..tool("desk.book", Type::Text) };
    board.ask(board.person(), Syscall::Offer(Offer { tools: vec![own], records: vec![] }));
    board.ask(board.person(), Syscall::Plan { source: "said = desk.book(text=\"x\")\nsay(text=said)\n".into() });
    board.yes();
    assert_eq!((board.begun.len(), board.states()), (0, vec![OutboxState::Held]));
    board.feed(Event::Gone { caller: board.person() });
    board.wait(OUTBOX_HOLD_MS);
    assert!(board.begun.is_empty());
    insta::assert_snapshot!(board.answer(), @"Failed at line 1 of the plan: desk.book was held, and is not carried out: the program that offered the tool is gone. State the intention again.");
}

#[test]
fn a_budget_is_set_aside_while_a_call_is_held_and_charged_once() {
    let spent = |board: &mut Board| {
        board.ask(board.person(), Syscall::Grants {});
        let Some(Ok(Reply::Grants(all))) = board.replies.pop() else { panic!("no grants") };
        all.iter().find(|grant| grant.id == board.grant).unwrap().spent.calls
    };
    let mut board = Board::new();
    board.plan(POST).yes();
    assert_eq!(spent(&mut board), 1);
    board.wait(OUTBOX_HOLD_MS);
    assert_eq!(spent(&mut board), 1);
    let mut board = Board::new();
    board.plan(POST_THREE).yes();
    board.ask(board.person(), Syscall::Undo { subject: Some(item(1)) });
    assert_eq!(board.desk.finished.len(), 1);
}

/// What happens to a call from its plan to its end, a step each.
const STORY: [fn(&mut Board); 6] = [
    |board| {
        board.plan(POST);
    },
    |board| {
        board.yes();
    },
    |board| {
        board.wait(OUTBOX_HOLD_MS / 2);
    },
    |board| {
        board.wait(OUTBOX_HOLD_MS / 2);
    },
    |board| {
        board.finish();
    },
    |board| {
        board.wait(OUTBOX_HOLD_MS);
    },
];

#[test]
fn a_stop_at_any_boundary_repeats_nothing_and_loses_nothing_that_was_only_held() {
    for stop in 0..STORY.len() {
        let mut board = Board::new();
        STORY[..=stop].iter().for_each(|step| step(&mut board));
        let (begun, over) = (board.begun.len(), !board.desk.finished.is_empty());
        board.restart();
        if stop == 0 {
            // The question is still open.
            board.yes();
        }
        // Nobody could take it back while the machine was down: it has a whole window again.
        board.wait(OUTBOX_HOLD_MS - 1);
        assert_eq!(board.begun.len(), begun, "stopped after step {stop}");
        board.wait(1);
        let states = board.states();
        match (begun, over) {
            (0, _) => {
                assert_eq!((board.begun.len(), states), (1, vec![OutboxState::Leaving]), "stopped after step {stop}");
                board.finish();
                assert_eq!(board.answer(), "posted");
            }
            (1, false) => {
                assert_eq!((board.begun.len(), states), (1, vec![OutboxState::Failed]));
                insta::assert_snapshot!(board.answer(), @"Failed at line 1 of the plan: Genoa stopped while board.post was carried out: it may have happened or not. Look, before you ask for it again.");
            }
            _ => assert_eq!((board.begun.len(), states), (1, vec![OutboxState::Sent])),
        }
        board.wait(10 * OUTBOX_HOLD_MS);
        assert_eq!(board.begun.len(), 1, "stopped after step {stop}");
    }
}

#[test]
fn what_was_taken_back_stays_so_after_a_stop() {
    let mut board = Board::new();
    board.plan(POST).yes();
    assert_eq!(board.undo(item(1)), Ok(Reply::Done));
    board.restart();
    board.wait(10 * OUTBOX_HOLD_MS);
    assert!(board.begun.is_empty());
    assert_eq!(board.states(), [OutboxState::Withdrawn]);
}

#[test]
fn the_fate_of_a_call_that_nobody_waited_for_is_told() {
    let mut board = Board::new();
    let arguments = json!({ "text": "Hello" }).as_object().unwrap().clone();
    board.ask(Caller::Agent(board.agent), Syscall::Call { tool: "board.post".into(), arguments });
    board.yes().wait(OUTBOX_HOLD_MS);
    assert_eq!(board.begun.len(), 1);
    // The process that asked for it died with everything else.
    board.restart();
    insta::assert_snapshot!(board.notices().join("\n"), @"Genoa stopped while board.post was carried out: it may have happened or not. It is not repeated; look, before you ask for it again");
    board.wait(10 * OUTBOX_HOLD_MS);
    assert_eq!((board.begun.len(), board.desk.finished.len()), (1, 1));
}

#[test]
fn what_left_is_taken_back_also_when_the_session_of_its_call_is_gone() {
    let book = "said = board.book(text=\"x\")\nsay(text=said)\n";
    let mut board = Board::new();
    board.plan(book).yes().wait(OUTBOX_HOLD_MS).finish();
    board.restart();
    board.ask(board.person(), Syscall::Undo { subject: Some(item(1)) });
    assert!(board.question().content.starts_with("board.erase\ntext: posted"), "{:?}", board.question());
}

#[test]
fn a_message_that_could_not_be_kept_is_not_sent_and_the_person_hears_why() {
    let ada =
        json!([{ "name": "Ada", "email": "ada@y.example", "phone": null, "organisation": null, "path": "a.vcf" }]);
    let send = "mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"b\")\n";
    let (mut desk, came, _) = run("Write to Ada", send, &[("contacts.find", ada)]);
    let question = asked(came);
    let QuestionKind::Approval { fingerprint, .. } = question.kind else { panic!("{question:?}") };
    let answer = Answer::Yes { fingerprint, typed: None };
    desk.ask(Caller::Person(SESSION), Syscall::Answer { question: question.id, answer }).unwrap();
    let item = desk.held[0].id;
    let failure = Failure::new(ErrorCode::NotFound, "the attachment plan.pdf is gone");
    let effects = desk.feed(Event::OutboxFinished { item, outcome: Err(failure) });
    let says_why = |effect: &Effect| match effect {
        Effect::Tell { news: News::Notice { text, .. }, .. } => text.contains("plan.pdf is gone"),
        _ => false,
    };
    assert!(effects.iter().any(says_why), "{effects:?}");
    desk.now = desk.now.plus_ms(OUTBOX_HOLD_MS);
    let effects = desk.feed(Event::Tick {});
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send { .. })), "{effects:?}");
    let Reply::Status(status) = desk.ask(Caller::Person(SESSION), Syscall::List {}).unwrap() else { panic!("none") };
    assert_eq!(status.outbox[0].state, OutboxState::Dropped);
}
