//! Follows one intention to its end: shows the plan and its steps, and takes answers where the person is asked.

use std::collections::VecDeque;
use std::io::{BufRead, IsTerminal, Write};
use std::time::Instant;

use genoa_abi::agent::{PlanOutcome, PlanReport};
use genoa_abi::session::{
    Answer, News, OutboxItem, Proposal, Provenance, Question, QuestionKind, RunOutcome, RunSummary, Weight,
};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::view::{ChangeKind, Difference};
use genoa_abi::{Failure, IntentionId};
use genoa_client::Incoming;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::connect::{Session, unexpected};
use crate::output::{BAD, BOLD, CARE, Ending, FAINT, Format, GOOD, bytes, line, remark, styled, visible, visible_line};
use crate::preferences::Preferences;

/// Changes listed below an answer; the rest is counted.
const CHANGES_SHOWN: usize = 20;

/// How questions are dealt with while an intention is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// The person at the terminal answers.
    Inline,
    /// Nobody is there: the question is printed, and waits.
    Leave,
}

impl Asking {
    /// Inline where both ends are a terminal.
    pub(crate) fn from_terminal() -> Self {
        let both = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if both { Self::Inline } else { Self::Leave }
    }
}

/// Whether it is shown where the values of each step are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labelling {
    /// Below each step.
    Shown,
    /// Not at all.
    Hidden,
}

/// States an intention and follows it.
pub(crate) fn intend(
    session: &mut Session,
    text: &str,
    agent: Option<&str>,
    format: Format,
    asking: Asking,
) -> Result<Ending, Failure> {
    let syscall = Syscall::Intend { text: text.to_owned(), agent: agent.map(str::to_owned) };
    let end = follow(session, &syscall, format, asking)?;
    offer_proposals(session, end, format, asking)
}

/// Makes what a text asks for the person's own intention, and follows it.
pub(crate) fn adopt(
    session: &mut Session,
    proposal: &Proposal,
    format: Format,
    asking: Asking,
) -> Result<Ending, Failure> {
    let end = follow(session, &adoption(proposal), format, asking)?;
    offer_proposals(session, end, format, asking)
}

fn adoption(proposal: &Proposal) -> Syscall {
    Syscall::Adopt { proposal: proposal.id, text: proposal.text.clone() }
}

/// How an intention ended, and what the texts that it read ask for.
struct End {
    ending: Ending,
    proposals: Vec<Proposal>,
}

fn follow(session: &mut Session, syscall: &Syscall, format: Format, asking: Asking) -> Result<End, Failure> {
    let intention = match session.client.call(syscall)? {
        Reply::Intention { intention, .. } => intention,
        other => return Err(unexpected(&other)),
    };
    let mut screen = Screen::new(format, session);
    loop {
        let news = session.client.next_news()?;
        if let Some(end) = react(session, &mut screen, news, asking, Some(intention))? {
            return Ok(end);
        }
    }
}

/// Asks the person about each thing that a text asked for, one after the other, and follows what they adopt. Where nobody is
/// there, it says how.
fn offer_proposals(session: &mut Session, end: End, format: Format, asking: Asking) -> Result<Ending, Failure> {
    let (mut ending, mut waiting) = (end.ending, VecDeque::from(end.proposals));
    if format == Format::Json {
        return Ok(ending);
    }
    while let Some(proposal) = waiting.pop_front() {
        show_proposal(&proposal);
        if asking == Asking::Leave {
            remark(format!("  genoa adopt {} makes it yours", proposal.id));
        } else if agrees("Do it? It becomes your own intention. [y/N] ") {
            let end = follow(session, &adoption(&proposal), format, asking)?;
            ending = end.ending;
            waiting.extend(end.proposals);
        }
    }
    Ok(ending)
}

/// What a text asks for, and whose text it is.
pub(crate) fn show_proposal(proposal: &Proposal) {
    remark(format!("{} {} {}", styled(CARE, "»"), styled(BOLD, proposal.id), visible_line(&proposal.text)));
    let from = proposal.provenance.as_ref().map_or_else(nobodys, origins);
    remark(styled(FAINT, visible_line(&format!("  from {from}"))));
}

/// Where something is from that no text or person could have influenced.
fn nobodys() -> String {
    "the plan".to_owned()
}

/// Who could have influenced something, in a line.
fn origins(provenance: &Provenance) -> String {
    let mut from: Vec<String> = provenance.sources.iter().map(ToString::to_string).collect();
    if provenance.more > 0 {
        from.push(format!("{} more", provenance.more));
    }
    if from.is_empty() { nobodys() } else { from.join(", ") }
}

/// Runs a plan of the person's own and follows it.
pub(crate) fn run_plan(
    session: &mut Session,
    source: String,
    format: Format,
    labels: Labelling,
) -> Result<Ending, Failure> {
    start_run(session, &Syscall::Plan { source }, format, labels)
}

/// Makes a syscall that starts a run, and follows it.
pub(crate) fn start_run(
    session: &mut Session,
    syscall: &Syscall,
    format: Format,
    labels: Labelling,
) -> Result<Ending, Failure> {
    let asking = Asking::from_terminal();
    let mut screen = Screen { labels, ..Screen::new(format, session) };
    let id = session.client.start(syscall)?;
    loop {
        match session.client.next_of(id)? {
            Incoming::News(news) => {
                if let Some(end) = react(session, &mut screen, news, asking, None)? {
                    return offer_proposals(session, end, format, asking);
                }
            }
            Incoming::Answer(answer) => {
                // The rest is told as news.
                if let Reply::Plan(PlanReport { outcome: PlanOutcome::Rejected { findings }, .. }) = answer? {
                    screen.reject(&findings);
                    return Ok(Ending::Failed);
                }
            }
        }
    }
}

/// Shows news and answers questions; says how it ended when it has.
fn react(
    session: &mut Session,
    screen: &mut Screen,
    news: News,
    asking: Asking,
    intention: Option<IntentionId>,
) -> Result<Option<End>, Failure> {
    screen.show(&news);
    match news {
        News::Asked(question) if asking == Asking::Inline && screen.format == Format::Text => {
            let answer = screen.aside(|| ask(&question))?;
            session.client.call(&Syscall::Answer { question: question.id, answer })?;
            Ok(None)
        }
        News::Asked(question) => {
            screen.leave(&question);
            Ok(Some(End { ending: Ending::Asked, proposals: Vec::new() }))
        }
        News::Finished(summary) if intention.is_none_or(|id| id == summary.intention) => {
            Ok(Some(End { ending: ending(&summary.outcome), proposals: summary.proposals }))
        }
        _ => Ok(None),
    }
}

fn ending(outcome: &RunOutcome) -> Ending {
    match outcome {
        RunOutcome::Done => Ending::Done,
        RunOutcome::Refused => Ending::Refused,
        RunOutcome::Asked => Ending::Asked,
        RunOutcome::Failed(failure) => match Ending::of(failure) {
            Ending::Done => Ending::Failed,
            other => other,
        },
    }
}

/// What is on the screen: finished lines, and below them one line that moves.
struct Screen {
    format: Format,
    moving: ProgressBar,
    step: String,
    pace: Pace,
    preferences: Preferences,
    zone: TimeZone,
    labels: Labelling,
}

/// How fast the planner writes.
#[derive(Default)]
struct Pace {
    began: Option<Instant>,
    /// Tokens of the statements before this one.
    before: u32,
    /// Tokens of this statement.
    now: u32,
}

impl Pace {
    /// Takes note of the tokens of a statement so far, which begin anew with each.
    fn note(&mut self, tokens: u32) {
        self.began.get_or_insert_with(Instant::now);
        if tokens < self.now {
            self.before += self.now;
        }
        self.now = tokens;
    }

    fn words(&self) -> String {
        let (tokens, seconds) = (self.before + self.now, self.began.map_or(0.0, |began| began.elapsed().as_secs_f64()));
        if tokens < 2 || seconds < 0.1 {
            return format!("{tokens} tokens");
        }
        format!("{tokens} tokens, {:.1} a second", f64::from(tokens) / seconds)
    }
}

impl Screen {
    fn new(format: Format, session: &Session) -> Self {
        let moving = if format == Format::Text { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
        moving.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        moving.enable_steady_tick(std::time::Duration::from_millis(120));
        let (preferences, zone) = (session.preferences(), session.zone());
        let labels = Labelling::Hidden;
        Self { format, moving, step: String::new(), pace: Pace::default(), preferences, zone, labels }
    }

    fn show(&mut self, news: &News) {
        if self.format == Format::Json {
            line(serde_json::to_string(news).unwrap_or_default());
            return;
        }
        match news {
            News::Planning { tokens, .. } => {
                self.pace.note(*tokens);
                self.moving.set_message(format!("planning, {}", self.pace.words()));
            }
            News::Plan { preview, warnings, .. } => self.plan(preview, warnings),
            News::PlanSentBack { findings, .. } => {
                self.moving.set_message("the plan did not pass the check, writing another");
                findings.iter().for_each(|finding| self.above(styled(FAINT, format!("  ✗ {}", visible_line(finding)))));
            }
            News::Step { text, .. } => {
                self.step = visible_line(text);
                self.moving.set_message(self.step.clone());
            }
            News::Progress { text, .. } => self.moving.set_message(format!("{}: {}", self.step, visible_line(text))),
            News::StepDone { text, elapsed_ms, provenance, taken_from, .. } => {
                let (mark, note) = match taken_from {
                    Some(run) => ("·", format!("as in {run}, not done again")),
                    None => ("✓", format!("{}.{} s", elapsed_ms / 1000, elapsed_ms % 1000 / 100)),
                };
                let text = format!("{} {} {}", self.step, styled(FAINT, "→"), visible_line(text));
                self.above(format!("{} {text} {}", styled(GOOD, mark), styled(FAINT, note)));
                if let (Labelling::Shown, Some(provenance)) = (self.labels, provenance) {
                    self.provenance(provenance);
                }
                self.moving.set_message("");
            }
            News::Notice { text, weight } => self.notice(text, *weight),
            News::Held(item) => self.above(held(item, Timestamp::now().as_millisecond())),
            News::Asked(_)
            | News::Answered { .. }
            | News::Call { .. }
            | News::CallGivenUp { .. }
            | News::Writing { .. } => {}
            News::Finished(summary) => {
                self.moving.finish_and_clear();
                finished(summary);
            }
        }
    }

    fn plan(&mut self, preview: &[String], warnings: &[String]) {
        let pace = std::mem::take(&mut self.pace);
        let pace = if pace.began.is_some() { styled(FAINT, pace.words()) } else { String::new() };
        self.above(format!("{} {pace}", styled(BOLD, "Plan")));
        for text in preview {
            // A line that a file's name begins would look like one of the plan's.
            self.above(format!("  {}", visible_line(text)));
        }
        for warning in warnings {
            self.above(format!("  {} {}", styled(CARE, "!"), visible_line(warning)));
        }
    }

    fn provenance(&self, provenance: &Provenance) {
        let from = origins(provenance);
        self.above(styled(FAINT, visible_line(&format!("    from {from}; for {}", provenance.readers))));
    }

    /// A notice, if the person wants to see it now. What is not shown stands in the journal.
    fn notice(&self, text: &str, weight: Weight) {
        let now = Timestamp::now().to_zoned(self.zone.clone());
        let minute = u32::try_from(i32::from(now.hour()) * 60 + i32::from(now.minute())).unwrap_or(0);
        if self.preferences.show(weight, minute) {
            self.above(format!("{} {}", styled(CARE, "!"), visible(text)));
        }
    }

    fn above(&self, text: impl std::fmt::Display) {
        self.moving.suspend(|| remark(text));
    }

    /// Does something with the moving line out of the way.
    fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.moving.suspend(action)
    }

    /// A plan that the kernel does not take: nothing ran, and nothing more will be told.
    fn reject(&self, findings: &[String]) {
        self.moving.finish_and_clear();
        if self.format == Format::Json {
            line(serde_json::to_string(findings).unwrap_or_default());
            return;
        }
        findings.iter().for_each(|finding| remark(format!("{} {}", styled(BAD, "✗"), visible_line(finding))));
    }

    fn leave(&self, question: &Question) {
        self.moving.finish_and_clear();
        if self.format == Format::Text {
            show_question(question);
            remark(format!(
                "It waits for an answer: `genoa approve {0}`, `genoa approve {0} \"…\"` or `genoa deny {0}`",
                question.id
            ));
        }
    }
}

/// That a call is held, for how long, and how it is taken back.
fn held(item: &OutboxItem, now_ms: i64) -> String {
    let (id, tool) = (item.id, item.call().map_or("a message", |call| call.tool.as_str()));
    let seconds = (item.held_until.0 - now_ms).max(0).unsigned_abs().div_ceil(1000);
    format!("{} {id} {tool} is held for {seconds} s: genoa undo {id} takes it back", styled(CARE, "!"))
}

fn finished(summary: &RunSummary) {
    match &summary.outcome {
        RunOutcome::Done | RunOutcome::Asked => {}
        RunOutcome::Refused => remark(styled(CARE, "Refused")),
        RunOutcome::Failed(failure) => crate::output::failure(Format::Text, failure),
    }
    if !summary.answer.is_empty() {
        line(visible(&summary.answer));
    }
    if !summary.difference.changes.is_empty() {
        remark("");
        remark(styled(BOLD, format!("Changes, not yet in your folder: {}", summary.difference)));
        changes(&summary.difference).iter().for_each(remark);
        remark("  genoa commit makes them real, genoa diff shows them, genoa drop throws them away");
    }
    for item in &summary.outbox {
        remark(format!("{} {item} is in the outbox: genoa undo {item} takes it back", styled(CARE, "!")));
    }
    for call in &summary.undoable {
        remark(format!("{} {call} left the machine: genoa undo {call} takes it back", styled(CARE, "!")));
    }
}

/// The changes of a view, a line each.
pub(crate) fn changes(difference: &Difference) -> Vec<String> {
    let mut lines: Vec<String> = difference
        .changes
        .iter()
        .take(CHANGES_SHOWN)
        .map(|change| {
            let (style, sign) = match change.kind {
                ChangeKind::Added => (GOOD, "+"),
                ChangeKind::Modified => (CARE, "~"),
                ChangeKind::Removed => (BAD, "-"),
            };
            // A name may hold anything, line feeds and escape codes included.
            let name = change.path.escape_debug();
            match change.kind {
                ChangeKind::Removed => format!("  {} {name}", styled(style, sign)),
                _ => format!("  {} {name}  {}", styled(style, sign), styled(FAINT, bytes(change.bytes))),
            }
        })
        .collect();
    if difference.changes.len() > CHANGES_SHOWN {
        lines.push(format!("  … and {} more", difference.changes.len() - CHANGES_SHOWN));
    }
    let conflict =
        |path: &String| format!("  {} {} was changed outside meanwhile", styled(BAD, "!"), path.escape_debug());
    lines.extend(difference.conflicts.iter().map(conflict));
    lines
}

/// Shows a question with exactly what it is about.
pub(crate) fn show_question(question: &Question) {
    question_lines(question).iter().for_each(remark);
}

fn question_lines(question: &Question) -> Vec<String> {
    let title = visible(&question.title);
    let mut asked = title.lines();
    let mut lines = vec![format!("{} {}", styled(CARE, "?"), styled(BOLD, asked.next().unwrap_or_default()))];
    // What is asked may be a text out of a file: its further lines must not look like another question.
    lines.extend(asked.map(|text| format!("  › {text}")));
    lines.extend(visible(&question.content).lines().map(|text| format!("  │ {text}")));
    if !question.consequence.is_empty() {
        lines.push(format!("  {}", styled(FAINT, &question.consequence)));
    }
    if let QuestionKind::Choice { options } = &question.kind {
        let option =
            |(place, option): (usize, &String)| format!("  {} {}", styled(BOLD, place + 1), visible_line(option));
        lines.extend(options.iter().enumerate().map(option));
    }
    lines
}

/// Makes a syscall, and puts to the person what is asked about it before it is answered. What others ask meanwhile waits.
pub(crate) fn call_asking(session: &mut Session, syscall: &Syscall) -> Result<Reply, Failure> {
    let request = session.client.start(syscall)?;
    loop {
        match session.client.next_of(request)? {
            Incoming::News(News::Asked(question)) if question.session == session.id => {
                let answer = ask(&question)?;
                session.client.call(&Syscall::Answer { question: question.id, answer })?;
            }
            Incoming::News(_) => {}
            Incoming::Answer(answer) => return answer,
        }
    }
}

/// Asks the person at the terminal.
fn ask(question: &Question) -> Result<Answer, Failure> {
    show_question(question);
    loop {
        let prompt = match &question.kind {
            QuestionKind::Approval { typed: Some(word), .. } => {
                format!("Type `{word}` for yes, anything else for no: ")
            }
            QuestionKind::Approval { typed: None, .. } => "Yes or no? [y/N] ".to_owned(),
            QuestionKind::Choice { .. } => "Which? [number, or empty for none] ".to_owned(),
            QuestionKind::Text => "> ".to_owned(),
        };
        let Some(text) = prompted(&prompt) else { return Ok(Answer::No) };
        match to_answer(question, &text) {
            Ok(answer) => return Ok(answer),
            Err(complaint) => remark(complaint),
        }
    }
}

/// A line that the person types after `prompt`; nothing where they type no more.
/// Whether a person at the terminal says yes to `prompt`.
pub(crate) fn agrees(prompt: &str) -> bool {
    prompted(prompt).is_some_and(|text| is_yes(&text))
}

fn prompted(prompt: &str) -> Option<String> {
    let _ = write!(anstream::stderr(), "{prompt}");
    let _ = std::io::stderr().flush();
    let mut text = String::new();
    let count = std::io::stdin().lock().read_line(&mut text).unwrap_or(0);
    (count > 0).then(|| text.trim().to_owned())
}

fn is_yes(text: &str) -> bool {
    ["y", "yes"].contains(&text.to_lowercase().as_str())
}

/// Reads what a person typed as the answer to a question; nothing, or `no`, is no.
pub(crate) fn to_answer(question: &Question, text: &str) -> Result<Answer, String> {
    match &question.kind {
        QuestionKind::Approval { fingerprint, typed } => {
            let yes = match typed {
                Some(word) => text == word,
                None => is_yes(text),
            };
            Ok(if yes { Answer::Yes { fingerprint: *fingerprint, typed: typed.clone() } } else { Answer::No })
        }
        _ if text.is_empty() => Ok(Answer::No),
        QuestionKind::Choice { options } => {
            let by_number = text.parse().ok().and_then(|number: usize| number.checked_sub(1));
            let by_text = || options.iter().position(|option| option.eq_ignore_ascii_case(text));
            match by_number.filter(|place| *place < options.len()).or_else(by_text) {
                Some(place) => Ok(Answer::Choice(place)),
                None => Err(format!("`{text}` is none of the options: give a number from 1 to {}", options.len())),
            }
        }
        QuestionKind::Text => Ok(Answer::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;

    use genoa_abi::frame::Message;
    use genoa_abi::session::{Answer, News, Question, QuestionKind};
    use genoa_abi::syscall::{Reply, Syscall};
    use genoa_abi::{ContentHash, QuestionId, RequestId, SessionId, Timestamp};
    use genoa_client::Client;
    use serde_json::json;

    use super::{call_asking, question_lines, to_answer};
    use crate::connect::Session;

    fn question(kind: QuestionKind) -> Question {
        Question {
            id: QuestionId(1),
            session: SessionId(1),
            kind,
            title: "Send this?".into(),
            content: String::new(),
            consequence: String::new(),
            more: 0,
            expires: Timestamp(0),
        }
    }

    #[test]
    fn a_question_of_somebody_else_is_not_answered_by_whoever_commits() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let daemon = std::thread::spawn(move || {
            let asked = News::Asked(Question { session: SessionId(9), ..question(QuestionKind::Text) });
            let mut lines = BufReader::new(&theirs).lines();
            lines.next().unwrap().unwrap();
            let news = Message::notification("news", serde_json::to_value(asked).unwrap());
            let answer = Message::answer(RequestId(1), Ok(json!("done")));
            [news, answer].iter().for_each(|message| (&theirs).write_all(&message.to_line()).unwrap());
            lines.map_while(Result::ok).collect::<Vec<_>>()
        });
        let mut session = Session::over(Client::over(ours), SessionId(1));
        assert_eq!(call_asking(&mut session, &Syscall::Commit { view: None }), Ok(Reply::Done));
        drop(session);
        assert_eq!(daemon.join().unwrap(), [""; 0], "nothing more was said");
    }

    #[test]
    fn only_a_clear_yes_is_yes() {
        let fingerprint = ContentHash::of(b"shown");
        let approval = question(QuestionKind::Approval { fingerprint, typed: None });
        for text in ["y", "Y", "yes", "YES"] {
            assert_eq!(to_answer(&approval, text), Ok(Answer::Yes { fingerprint, typed: None }));
        }
        for text in ["", "n", "ye", "sure", "no"] {
            assert_eq!(to_answer(&approval, text), Ok(Answer::No));
        }
        let typed = question(QuestionKind::Approval { fingerprint, typed: Some("restart".into()) });
        assert_eq!(to_answer(&typed, "yes"), Ok(Answer::No));
        assert_eq!(to_answer(&typed, "restart"), Ok(Answer::Yes { fingerprint, typed: Some("restart".into()) }));
    }

    #[test]
    fn what_is_asked_cannot_look_like_another_question() {
        let options = vec!["Ada\n  2 Bo".into(), "Eve\u{1b}[2J".into()];
        let mut asked = question(QuestionKind::Choice { options });
        asked.title = "Which?\r\n? Send this message?\n  │ To: ada@y.example".into();
        let lines: Vec<String> =
            question_lines(&asked).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            lines,
            [
                "? Which?",
                "  › ? Send this message?",
                "  ›   │ To: ada@y.example",
                "  1 Ada\\n  2 Bo",
                "  2 Eve\\u{1b}[2J"
            ]
        );
    }

    #[test]
    fn options_are_chosen_by_number_or_by_name() {
        let choice = question(QuestionKind::Choice { options: vec!["Ada".into(), "Adam".into()] });
        assert_eq!(to_answer(&choice, "2"), Ok(Answer::Choice(1)));
        assert_eq!(to_answer(&choice, "ada"), Ok(Answer::Choice(0)));
        assert_eq!(to_answer(&choice, ""), Ok(Answer::No));
        assert!(to_answer(&choice, "3").is_err() && to_answer(&choice, "0").is_err());
    }
}
