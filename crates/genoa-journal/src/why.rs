//! Why something happened: the graph of causes, read out of the records.
//!
//! An effect was caused by its event; a tool's arguments were influenced by earlier calls, files, mails; a call belongs
//! to a line of a plan; a plan was submitted by an agent, which was started for an intention. Every node names the
//! record that says so. What the graph shows once it does not show again, and its depth and breadth are bounded.

use std::collections::HashSet;
use std::path::{Component, Path};

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::record::WhyNode;
use genoa_abi::recording::RunStep;
use genoa_abi::session::{Answer, News, OutboxItem, Outgoing, OutgoingCall};
use genoa_abi::syscall::{Caller, Reply, Syscall, WhySubject};
use genoa_abi::tool::{ToolOutcome, WrittenFile};
use genoa_abi::view::{ChangeKind, ViewAction};
use genoa_abi::{AgentId, CallId, ErrorCode, Failure, OutboxId, ProposalId, QuestionId, Readers, RunId, Source};
use rusqlite::params;

use crate::facts::Subject;
use crate::failures;
use crate::limits;
use crate::reader::{JournalReader, StoredRecord};
use crate::sentence::{self, Times, code, quote};

impl JournalReader {
    /// The graph of causes of `subject`. A relative path is below `workspace`.
    ///
    /// # Errors
    /// `NotFound` if no record speaks of it, `StorageFailed` if the journal cannot be read.
    pub fn why(&self, subject: &WhySubject, workspace: &str) -> Result<WhyNode, Failure> {
        let mut walk = Walk {
            reader: self,
            workspace,
            times: self.times()?,
            shown: HashSet::new(),
            nodes_left: limits::WHY_NODES,
            depth: 0,
        };
        let found = match subject {
            WhySubject::File(path) => walk.file(path)?,
            WhySubject::Record(seq) => walk.record(*seq)?,
            WhySubject::Run(run) => walk.plan(*run)?,
            WhySubject::Outbox(item) => walk.message(*item)?,
        };
        found.ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("no record says how {} came about", sentence::subject(subject)))
        })
    }

    /// People read times in the zone of the last session.
    fn times(&self) -> Result<Times, Failure> {
        let last =
            self.connection.query_row("SELECT max(seq) FROM facts WHERE subject = 'session'", [], |row| row.get(0));
        let last: Option<i64> = last.map_err(failures::database("the journal's index cannot be read"))?;
        let Some(record) = last.map(|seq| self.stored(seq.cast_unsigned())).transpose()?.flatten() else {
            return Ok(Times::utc());
        };
        match self.typed(&record) {
            Ok(Event::Asked { syscall: Syscall::Session(session), .. }) => Ok(Times::of(&session.clock.timezone)),
            _ => Ok(Times::utc()),
        }
    }

    /// The newest records that speak of something, newest first.
    fn speaking_of(&self, subject: Subject, key: &str) -> Result<Vec<StoredRecord>, Failure> {
        let fail = failures::database("the journal's index cannot be read");
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq FROM facts WHERE subject = ?1 AND key = ?2 ORDER BY seq DESC LIMIT ?3")
            .map_err(&fail)?;
        let rows = statement
            .query_map(params![subject.name(), key, limits::WHY_RECORDS], |row| row.get::<_, i64>(0))
            .map_err(&fail)?;
        let mut records = Vec::new();
        for seq in rows {
            records.extend(self.stored(seq.map_err(&fail)?.cast_unsigned())?);
        }
        Ok(records)
    }

    /// The oldest record that speaks of something.
    fn first_speaking_of(&self, subject: Subject, key: &str) -> Result<Option<StoredRecord>, Failure> {
        let first = self.connection.query_row(
            "SELECT min(seq) FROM facts WHERE subject = ?1 AND key = ?2",
            params![subject.name(), key],
            |row| row.get::<_, Option<i64>>(0),
        );
        let first = first.map_err(failures::database("the journal's index cannot be read"))?;
        Ok(first.map(|seq| self.stored(seq.cast_unsigned())).transpose()?.flatten())
    }
}

/// What an inner step found; nothing if no record speaks of it.
type Found = Result<Option<WhyNode>, Failure>;

struct Walk<'a> {
    reader: &'a JournalReader,
    workspace: &'a str,
    times: Times,
    /// Records whose causes the graph shows already.
    shown: HashSet<u64>,
    nodes_left: usize,
    depth: usize,
}

/// A tool call and the record that ordered it.
struct Ordered {
    job: ToolJob,
    record: StoredRecord,
}

impl Walk<'_> {
    /// A node whose causes are worked out by `causes`, unless that was done before or the graph is large enough.
    fn node(
        &mut self,
        text: String,
        seq: u64,
        causes: impl FnOnce(&mut Self) -> Result<Vec<Option<WhyNode>>, Failure>,
    ) -> Found {
        if self.nodes_left == 0 {
            return Ok(None);
        }
        self.nodes_left -= 1;
        if !self.shown.insert(seq) || self.depth >= limits::WHY_DEPTH {
            return Ok(Some(WhyNode::leaf(text, Some(seq))));
        }
        self.depth += 1;
        let causes = causes(self);
        self.depth -= 1;
        let mut causes: Vec<_> = causes?.into_iter().flatten().collect();
        if causes.len() > limits::WHY_CAUSES {
            let more = causes.len() - limits::WHY_CAUSES;
            causes.truncate(limits::WHY_CAUSES);
            causes.push(WhyNode::leaf(format!("and {more} more"), None));
        }
        Ok(Some(WhyNode { text, seq: Some(seq), causes }))
    }

    fn file(&mut self, path: &str) -> Found {
        let path = absolute(path, self.workspace);
        for (workspace, relative) in splits(&path) {
            let records = self.reader.speaking_of(Subject::Path, relative)?;
            for record in &records {
                if let Some((ordered, written)) = self.writing(record, workspace, relative)? {
                    let views = self.view_actions(&records, workspace, relative)?;
                    return self.written_file(relative, record, &ordered, &written, views);
                }
            }
        }
        Ok(None)
    }

    /// The call behind `record`, if it wrote the file `relative` in `workspace`.
    fn writing(
        &self,
        record: &StoredRecord,
        workspace: &str,
        relative: &str,
    ) -> Result<Option<(Ordered, WrittenFile)>, Failure> {
        if record.kind != "event.tool_finished" {
            return Ok(None);
        }
        let Event::ToolFinished { call, outcome, .. } = self.reader.typed(record)? else { return Ok(None) };
        let (ToolOutcome::Done { wrote, .. } | ToolOutcome::Failed { wrote, .. }) = outcome;
        let Some(written) = wrote.into_iter().find(|file| file.path == relative) else { return Ok(None) };
        let ordered = self.ordered(call)?.filter(|ordered| ordered.job.workspace == workspace);
        Ok(ordered.map(|ordered| (ordered, written)))
    }

    fn written_file(
        &mut self,
        relative: &str,
        record: &StoredRecord,
        ordered: &Ordered,
        written: &WrittenFile,
        views: Vec<WhyNode>,
    ) -> Found {
        let verb = if written.content.is_some() { "written" } else { "removed" };
        let by = sentence::call(&ordered.job);
        let text = format!("{} was {verb} by {by}, {}", code(relative), self.times.show(record.time));
        self.node(text, record.seq, |walk| {
            let mut causes: Vec<_> = views.into_iter().map(Some).collect();
            causes.extend(walk.causes_of(ordered)?);
            Ok(causes)
        })
    }

    /// What people did with the views that held the file, oldest first.
    fn view_actions(&self, records: &[StoredRecord], workspace: &str, relative: &str) -> Result<Vec<WhyNode>, Failure> {
        let mut nodes = Vec::new();
        for record in records.iter().filter(|record| record.kind == "event.view_finished").rev() {
            let Event::ViewFinished { call, outcome: Ok(report) } = self.reader.typed(record)? else { continue };
            let Some(change) = report.difference.changes.iter().find(|change| change.path == relative) else {
                continue;
            };
            let Some((folder, asked)) = self.act_on_view(call)? else { continue };
            if folder != workspace || report.action == ViewAction::Diff {
                continue;
            }
            let verb = match (report.action, change.kind) {
                (ViewAction::Commit, ChangeKind::Removed) => "committed the removal",
                (ViewAction::Commit, _) => "committed it to the workspace",
                (ViewAction::Undo, _) => "took the commit back",
                (ViewAction::Drop | ViewAction::Diff, _) => "dropped it",
            };
            let who = asked.map_or_else(|| "the system".to_owned(), sentence::caller);
            nodes.push(WhyNode::leaf(format!("{who} {verb}, {}", self.times.show(record.time)), Some(record.seq)));
        }
        Ok(nodes)
    }

    /// The workspace of an action on a view, and who asked for it.
    fn act_on_view(&self, call: CallId) -> Result<Option<(String, Option<Caller>)>, Failure> {
        for record in self.reader.speaking_of(Subject::Call, &call.to_string())? {
            if record.kind != "effect.act_on_view" {
                continue;
            }
            let Effect::ActOnView { workspace, .. } = self.reader.typed(&record)? else { continue };
            let asked = match self.cause_of(&record)? {
                Some((_, Event::Asked { caller, .. })) => Some(caller),
                _ => None,
            };
            return Ok(Some((workspace, asked)));
        }
        Ok(None)
    }

    fn ordered(&self, call: CallId) -> Result<Option<Ordered>, Failure> {
        for record in self.reader.speaking_of(Subject::Call, &call.to_string())? {
            if record.kind == "effect.run_tool"
                && let Effect::RunTool(job) = self.reader.typed(&record)?
            {
                return Ok(Some(Ordered { job: *job, record }));
            }
        }
        Ok(None)
    }

    /// The record with which a call was put into the outbox.
    fn hold_of(&self, call: CallId) -> Result<Option<StoredRecord>, Failure> {
        let records = self.reader.speaking_of(Subject::Call, &call.to_string())?;
        Ok(records.into_iter().find(|record| record.kind == "effect.hold"))
    }

    /// The event that caused an effect.
    fn cause_of(&self, record: &StoredRecord) -> Result<Option<(StoredRecord, Event)>, Failure> {
        let Some(cause) = record.cause.map(|seq| self.reader.stored(seq)).transpose()?.flatten() else {
            return Ok(None);
        };
        if !cause.kind.starts_with("event.") {
            return Ok(None);
        }
        let event = self.reader.typed(&cause)?;
        Ok(Some((cause, event)))
    }

    fn causes_of(&mut self, ordered: &Ordered) -> Result<Vec<Option<WhyNode>>, Failure> {
        // What was held first was begun by nothing but the end of its window.
        let held = ordered.job.key.as_ref().map(|_| self.hold_of(ordered.job.call)).transpose()?.flatten();
        let mut causes = self.asked_for(held.as_ref().unwrap_or(&ordered.record))?;
        if let Some(run) = ordered.job.run {
            causes.push(self.plan(run)?);
        }
        for source in ordered.job.influences.sources() {
            causes.push(self.source(source)?);
        }
        let readers = ordered.job.influences.readers();
        if *readers != Readers::Anyone {
            causes.push(self.leaf(format!("what went into it was for {readers}"))?);
        }
        Ok(causes)
    }

    /// The approval behind an effect, or whoever asked for it outside of a plan.
    fn asked_for(&mut self, record: &StoredRecord) -> Result<Vec<Option<WhyNode>>, Failure> {
        Ok(match self.cause_of(record)? {
            Some((event, Event::Asked { caller, syscall: Syscall::Answer { question, answer }, .. })) => {
                vec![self.answer(&event, caller, question, &answer)?]
            }
            Some((event, Event::Asked { caller, syscall: Syscall::Call { tool, .. }, .. })) => {
                let text =
                    format!("{} called {}, {}", sentence::caller(caller), code(&tool), self.times.show(event.time));
                vec![self.node(text, event.seq, |walk| Ok(vec![walk.person_behind(caller)?]))?]
            }
            _ => Vec::new(),
        })
    }

    fn answer(&mut self, event: &StoredRecord, caller: Caller, question: QuestionId, answer: &Answer) -> Found {
        let mut title = question.to_string();
        for record in self.reader.speaking_of(Subject::Question, &question.to_string())? {
            if record.kind == "effect.tell"
                && let Effect::Tell { news: News::Asked(asked), .. } = self.reader.typed(&record)?
            {
                title = quote(&asked.title);
            }
        }
        let said = match answer {
            Answer::Yes { .. } => "said yes to",
            Answer::No => "said no to",
            Answer::Choice(_) | Answer::Text(_) => "answered",
        };
        let text = format!("{} {said} {title}, {}", sentence::caller(caller), self.times.show(event.time));
        self.node(text, event.seq, |_| Ok(Vec::new()))
    }

    fn source(&mut self, source: &Source) -> Found {
        match source {
            Source::Call(call) => self.call(*call),
            Source::Person => self.leaf("your own words".to_owned()),
            Source::Suspect(suspicion) => self.leaf(format!(
                "what a sensor marked, since it reads like instructions to an assistant: {}",
                code(&suspicion.to_string())
            )),
            // The call that read it stands beside it.
            Source::Tool(_) => Ok(None),
            Source::Contacts | Source::Machine => self.leaf(source.to_string()),
            Source::File(_) | Source::Mail(_) | Source::Sender(_) | Source::Web(_) => {
                self.leaf(format!("what {} says", code(&source.to_string())))
            }
        }
    }

    fn leaf(&mut self, text: String) -> Found {
        if self.nodes_left == 0 {
            return Ok(None);
        }
        self.nodes_left -= 1;
        Ok(Some(WhyNode::leaf(text, None)))
    }

    fn call(&mut self, call: CallId) -> Found {
        if let Some(ordered) = self.ordered(call)? {
            let by = sentence::call(&ordered.job);
            let line = self.line_of(&ordered.job)?.map(|line| format!(": {}", code(&line))).unwrap_or_default();
            let text = format!("{by}{line}, {}", self.times.show(ordered.record.time));
            return self.node(text, ordered.record.seq, |walk| walk.causes_of(&ordered));
        }
        for record in self.reader.speaking_of(Subject::Call, &call.to_string())? {
            if record.kind == "event.infer_finished"
                && let Event::InferFinished { outcome: Ok(reply), .. } = self.reader.typed(&record)?
            {
                let text = format!(
                    "{}, {}",
                    sentence::model_calls(std::slice::from_ref(&reply)),
                    self.times.show(record.time)
                );
                return self.node(text, record.seq, |_| Ok(Vec::new()));
            }
        }
        // What a model read in several parts is told by what it read.
        Ok(None)
    }

    fn line_of(&self, job: &ToolJob) -> Result<Option<String>, Failure> {
        let Some((_, source, _)) = job.run.map(|run| self.plan_text(run)).transpose()?.flatten() else {
            return Ok(None);
        };
        let line = usize::try_from(job.line).unwrap_or(0).checked_sub(1);
        Ok(line.and_then(|line| source.lines().nth(line)).map(|line| line.trim().to_owned()))
    }

    /// The record that shows a run's plan, the plan, and the step of an earlier run that it goes on from.
    fn plan_text(&self, run: RunId) -> Result<Option<(StoredRecord, String, Option<RunStep>)>, Failure> {
        // The plan is shown before anything else of its run.
        let Some(record) = self.reader.first_speaking_of(Subject::Run, &run.to_string())? else { return Ok(None) };
        Ok(match self.reader.typed(&record) {
            Ok(Effect::Tell { news: News::Plan { source, goes_on_from, .. }, .. }) => {
                Some((record, source, goes_on_from))
            }
            _ => None,
        })
    }

    fn plan(&mut self, run: RunId) -> Found {
        let Some((record, source, goes_on_from)) = self.plan_text(run)? else { return Ok(None) };
        // Every call of a run belongs to the same plan; saying so once is enough.
        if self.depth > 0 && self.shown.contains(&record.seq) {
            return Ok(None);
        }
        let lines = source.lines().count();
        let text =
            format!("plan {run} of {lines} {}, {}", sentence::plural(lines, "line"), self.times.show(record.time));
        let submitted = self.cause_of(&record)?;
        self.node(text, record.seq, |walk| match submitted {
            Some((event, Event::Asked { caller: Caller::Agent(agent), .. })) => {
                Ok(vec![walk.thinking(agent, event.seq)?, walk.task(agent)?])
            }
            Some((event, Event::Asked { caller, .. })) => {
                let text = format!("{} submitted it, {}", sentence::caller(caller), walk.times.show(event.time));
                Ok(vec![walk.node(text, event.seq, |_| Ok(Vec::new()))?])
            }
            // What was read out of the journal began it; the person asked for that.
            Some((_, Event::Recalled { call, .. })) => {
                let mut causes = vec![walk.recalled(call)?];
                if let Some(from) = goes_on_from {
                    causes.push(walk.plan(from.run)?);
                }
                Ok(causes)
            }
            _ => Ok(Vec::new()),
        })
    }

    /// Who asked to go on with an earlier run.
    fn recalled(&mut self, call: CallId) -> Found {
        for record in self.reader.speaking_of(Subject::Call, &call.to_string())? {
            if record.kind == "effect.recall"
                && let Some((event, Event::Asked { caller, syscall: Syscall::GoOn { from, .. }, .. })) =
                    self.cause_of(&record)?
            {
                let who = sentence::caller(caller);
                let text = format!("{who} went on from {from}, {}", self.times.show(event.time));
                return self.node(text, event.seq, |_| Ok(Vec::new()));
            }
        }
        Ok(None)
    }

    /// The model calls by which an agent came to its plan in record `plan`.
    fn thinking(&mut self, agent: AgentId, plan: u64) -> Found {
        let mut replies = Vec::new();
        let mut newest = None;
        for record in self.reader.speaking_of(Subject::Agent, &agent.to_string())? {
            if record.seq >= plan || record.kind != "effect.reply" {
                continue;
            }
            if let Effect::Reply { outcome: Ok(Reply::Text(reply)), .. } = self.reader.typed(&record)? {
                newest.get_or_insert((record.seq, record.time));
                replies.push(reply);
            }
        }
        let Some((seq, time)) = newest else { return Ok(None) };
        let text = format!("written by {}, {}", sentence::model_calls(&replies), self.times.show(time));
        self.node(text, seq, |_| Ok(Vec::new()))
    }

    fn person_behind(&mut self, caller: Caller) -> Found {
        match caller {
            Caller::Person(_) => Ok(None),
            Caller::Agent(agent) => self.task(agent),
        }
    }

    /// What an agent was started for.
    fn task(&mut self, agent: AgentId) -> Found {
        // Nothing speaks of an agent before the answer to whoever started it.
        let Some(record) = self.reader.first_speaking_of(Subject::Agent, &agent.to_string())? else { return Ok(None) };
        match self.cause_of(&record)? {
            Some((
                event,
                Event::Asked { caller, syscall: Syscall::Intend { text, .. } | Syscall::Act { text, .. }, .. },
            )) => {
                let (who, time) = (sentence::caller(caller), self.times.show(event.time));
                self.node(format!("{who} asked: {}, {time}", quote(&text)), event.seq, |_| Ok(Vec::new()))
            }
            Some((event, Event::Asked { caller, syscall: Syscall::Adopt { proposal, text }, .. })) => {
                let (who, time) = (sentence::caller(caller), self.times.show(event.time));
                let text = format!("{who} adopted {proposal}: {}, {time}", quote(&text));
                self.node(text, event.seq, |walk| Ok(vec![walk.proposal(proposal)?]))
            }
            Some((event, Event::Asked { caller, syscall: Syscall::Spawn { task, .. }, .. })) => {
                let (who, time) = (sentence::caller(caller), self.times.show(event.time));
                let text = format!("{who} gave the task: {}, {time}", quote(&task));
                self.node(text, event.seq, |walk| Ok(vec![walk.person_behind(caller)?]))
            }
            _ => Ok(None),
        }
    }

    /// Where something that was adopted was read.
    fn proposal(&mut self, id: ProposalId) -> Found {
        for record in self.reader.speaking_of(Subject::Proposal, &id.to_string())? {
            let Effect::Tell { news: News::Finished(summary), .. } = self.reader.typed(&record)? else { continue };
            let Some(proposal) = summary.proposals.into_iter().find(|proposal| proposal.id == id) else { continue };
            let sources = proposal.provenance.map(|provenance| provenance.sources).unwrap_or_default();
            let from: Vec<String> = sources.iter().map(|source| code(&source.to_string())).collect();
            let from = if from.is_empty() { "a text".to_owned() } else { from.join(", ") };
            let text = format!("{id} was read in {from}, {}", self.times.show(record.time));
            let run = summary.run;
            return self.node(text, record.seq, |walk| match run {
                Some(run) => Ok(vec![walk.plan(run)?]),
                None => Ok(Vec::new()),
            });
        }
        Ok(None)
    }

    fn message(&mut self, item: OutboxId) -> Found {
        let records = self.reader.speaking_of(Subject::Outbox, &item.to_string())?;
        let mut sent = Vec::new();
        for record in &records {
            match record.kind.as_str() {
                "event.outbox_finished" => sent.push(self.sending(record)?),
                "effect.hold" => {
                    let Effect::Hold { item, workspace, .. } = self.reader.typed(record)? else { continue };
                    return self.held_message(record, &item, &workspace, sent);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn sending(&self, record: &StoredRecord) -> Result<WhyNode, Failure> {
        let result = match self.reader.typed(record)? {
            Event::OutboxFinished { outcome: Err(failure), .. } => {
                format!("it could not be sent: {}", code(&failure.to_string()))
            }
            _ => "it was sent".to_owned(),
        };
        Ok(WhyNode::leaf(format!("{result}, {}", self.times.show(record.time)), Some(record.seq)))
    }

    fn held_message(&mut self, record: &StoredRecord, item: &OutboxItem, workspace: &str, sent: Vec<WhyNode>) -> Found {
        let mail = match &item.content {
            Outgoing::Mail(mail) => mail,
            Outgoing::Call(call) => return self.held_call(record, item, call),
        };
        let (to, subject) = (code(&mail.to.join(", ")), quote(&mail.subject));
        let text = format!(
            "message {} to {to}, {subject}, was put into the outbox, {}",
            item.id,
            self.times.show(record.time)
        );
        self.node(text, record.seq, |walk| {
            let mut causes: Vec<_> = sent.into_iter().map(Some).collect();
            causes.extend(walk.asked_for(record)?);
            causes.push(walk.plan(item.run)?);
            for attachment in &mail.attachments {
                causes.push(walk.file(&absolute(attachment, workspace))?);
            }
            Ok(causes)
        })
    }

    fn held_call(&mut self, record: &StoredRecord, item: &OutboxItem, call: &OutgoingCall) -> Found {
        let (id, tool, time) = (item.id, code(&call.tool), self.times.show(record.time));
        let text = format!("{id}, a call of {tool} under the key {}, was put into the outbox, {time}", code(&call.key));
        self.node(text, record.seq, |walk| match walk.ordered(call.call)? {
            Some(_) => Ok(vec![walk.call(call.call)?]),
            None => {
                let mut causes = vec![walk.leaf("it was not begun".to_owned())?];
                causes.extend(walk.asked_for(record)?);
                causes.push(walk.plan(item.run)?);
                Ok(causes)
            }
        })
    }

    fn record(&mut self, seq: u64) -> Found {
        let Some(record) = self.reader.stored(seq)? else { return Ok(None) };
        match record.kind.as_str() {
            "effect.run_tool" => {
                if let Effect::RunTool(job) = self.reader.typed(&record)? {
                    return self.call(job.call);
                }
            }
            "event.tool_finished" | "event.infer_finished" => match self.reader.typed(&record)? {
                Event::ToolFinished { call, .. } | Event::InferFinished { call, .. } => return self.call(call),
                _ => {}
            },
            "effect.hold" => {
                if let Effect::Hold { item, .. } = self.reader.typed(&record)? {
                    return self.message(item.id);
                }
            }
            "event.asked.plan" => {
                if let Event::Asked { caller: Caller::Agent(agent), .. } = self.reader.typed(&record)? {
                    let text = format!("agent {agent} submitted a plan, {}", self.times.show(record.time));
                    return self.node(text, seq, |walk| Ok(vec![walk.thinking(agent, seq)?, walk.task(agent)?]));
                }
            }
            _ => {}
        }
        let text = format!("{}, {}", record.kind, self.times.show(record.time));
        self.node(text, seq, |walk| Ok(vec![record.cause.map(|cause| walk.record(cause)).transpose()?.flatten()]))
    }
}

/// `path` below `workspace`, without `.` and `..`.
fn absolute(path: &str, workspace: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let joined = Path::new(workspace).join(path);
    for component in joined.components() {
        match component {
            Component::Normal(part) => parts.extend(part.to_str()),
            Component::ParentDir => drop(parts.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    format!("/{}", parts.join("/"))
}

/// All ways to see an absolute path as a workspace and a path below it, the deepest workspace first.
fn splits(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.rmatch_indices('/')
        .map(|(place, _)| (if place == 0 { "/" } else { &path[..place] }, &path[place + 1..]))
        .take(limits::WHY_FOLDERS)
}
