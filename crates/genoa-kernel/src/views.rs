//! Views: one open world for each session and workspace, its difference, commit, drop and undo.

use std::collections::BTreeMap;

use genoa_abi::event::Effect;
use genoa_abi::limits::{VIEW_FILES, VIEWS};
use genoa_abi::syscall::{Caller, Reply, UndoSubject};
use genoa_abi::tool::WrittenFile;
use genoa_abi::view::{Difference, ViewAction, ViewInfo, ViewReport, ViewState};
use genoa_abi::{CallId, ContentHash, ErrorCode, Failure, SessionId, Timestamp, ViewId};
use serde::{Deserialize, Serialize};

use crate::flights::{Flight, Work};
use crate::turn::{Asker, Origin, Response, Standing, Turn, only_a_person, too_large};

/// One view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) workspace: String,
    pub(crate) state: ViewState,
    /// When the state was reached.
    pub(crate) since: Timestamp,
    /// A commit, drop or undo is going on; nothing else may use the view until it is over.
    pub(crate) closing: bool,
    /// What calls left behind, as far as it is remembered: path to content.
    pub(crate) files: BTreeMap<String, Option<ContentHash>>,
}

impl Turn<'_> {
    /// The open view of a session: its own, or one that an earlier session left open on the same workspace, or a new one.
    pub(crate) fn view_for(&mut self, session_id: SessionId) -> Result<ViewId, Failure> {
        let session = self.session(session_id)?;
        let workspace = session.workspace.clone();
        if self.kernel.views.values().any(|view| view.closing && view.workspace == workspace) {
            return Err(busy().try_next("Try again when the commit, drop or undo is over"));
        }
        if let Some(view) = session.view {
            return Ok(view);
        }
        let view = match self.view_left_open(&workspace) {
            Some(view) => view,
            None => self.open_view(workspace)?,
        };
        if let Some(session) = self.kernel.sessions.get_mut(&session_id) {
            session.view = Some(view);
        }
        Ok(view)
    }

    pub(crate) fn diff(&mut self, asker: Asker, standing: Standing, view: Option<ViewId>) -> Result<Response, Failure> {
        let Some(view) = self.find_view(standing, view)? else {
            return Ok(Response::Now(Reply::Difference(Difference::default())));
        };
        self.act_on_view(Origin::Syscall(asker), standing.session, view, ViewAction::Diff)
    }

    pub(crate) fn commit(
        &mut self,
        asker: Asker,
        standing: Standing,
        view: Option<ViewId>,
    ) -> Result<Response, Failure> {
        let view = self.view_to_close(asker.caller, standing, view, "commit changes")?;
        self.act_on_view(Origin::Syscall(asker), standing.session, view, ViewAction::Commit)
    }

    pub(crate) fn drop_view(
        &mut self,
        asker: Asker,
        standing: Standing,
        view: Option<ViewId>,
    ) -> Result<Response, Failure> {
        let view = self.view_to_close(asker.caller, standing, view, "drop changes")?;
        self.act_on_view(Origin::Syscall(asker), standing.session, view, ViewAction::Drop)
    }

    pub(crate) fn undo(
        &mut self,
        asker: Asker,
        standing: Standing,
        subject: Option<UndoSubject>,
    ) -> Result<Response, Failure> {
        let Caller::Person(_) = asker.caller else { return Err(only_a_person("undo")) };
        let view = match subject {
            Some(UndoSubject::Outbox(item)) => return self.withdraw(asker, standing, item),
            Some(UndoSubject::Call(call)) => return self.undo_call(asker, standing, call),
            Some(UndoSubject::View(view)) => view,
            None => self.last_commit(standing)?,
        };
        let state = self.view(view)?;
        if state.state != ViewState::Committed {
            return Err(Failure::new(ErrorCode::Conflict, format!("the view {view} is not committed"))
                .try_next("`list` shows the views that can be undone"));
        }
        self.act_on_view(Origin::Syscall(asker), standing.session, view, ViewAction::Undo)
    }

    pub(crate) fn act_on_view(
        &mut self,
        origin: Origin,
        session: SessionId,
        view: ViewId,
        action: ViewAction,
    ) -> Result<Response, Failure> {
        let now = self.now;
        let Some(state) = self.kernel.views.get_mut(&view).filter(|state| !state.closing) else {
            return Err(busy());
        };
        state.closing = action != ViewAction::Diff;
        let work = Work::View { view, workspace: state.workspace.clone(), action };
        let call = self.kernel.counters.call();
        self.launch(call, Flight::without_budget(origin, session, now, work));
        Ok(Response::Later)
    }

    pub(crate) fn view_finished(&mut self, call: CallId, outcome: Result<ViewReport, Failure>) {
        let Some(flight) = self.land(call, |work| matches!(work, Work::View { .. })) else { return };
        let Work::View { view, action, .. } = flight.work else { return };
        let outcome = outcome.and_then(|report| {
            let fits = report.view == view && report.action == action;
            let wrong = || Failure::new(ErrorCode::Internal, "the answer is about another view");
            if fits { Ok(report) } else { Err(wrong()) }
        });
        self.note_view_action(view, action, outcome.is_ok());
        match (flight.origin, outcome) {
            (Origin::Run(run), outcome) => self.conclude(run, outcome.map(|report| report.difference)),
            (Origin::Syscall(asker), Ok(report)) if action == ViewAction::Diff => {
                self.reply(asker, Ok(Reply::Difference(report.difference)));
            }
            (Origin::Syscall(asker), outcome) => self.reply(asker, outcome.map(Reply::View)),
            (Origin::Reading { .. } | Origin::Nobody, _) => {}
        }
    }

    /// Remembers what a call left behind, so that an attachment that changes after its approval is noticed.
    pub(crate) fn note_written(&mut self, view: ViewId, wrote: &[WrittenFile]) {
        let Some(view) = self.kernel.views.get_mut(&view) else { return };
        for file in wrote {
            if view.files.len() < VIEW_FILES || view.files.contains_key(&file.path) {
                view.files.insert(file.path.clone(), file.content);
            }
        }
    }

    /// Forgets the oldest of the views that are over.
    pub(crate) fn forget_old_views(&mut self) {
        let views = &mut self.kernel.views;
        let over = |view: &View| view.state != ViewState::Open && !view.closing;
        let surplus = views.values().filter(|view| over(view)).count().saturating_sub(VIEWS);
        let oldest: Vec<ViewId> =
            views.iter().filter(|(_, view)| over(view)).map(|(id, _)| *id).take(surplus).collect();
        views.retain(|id, _| !oldest.contains(id));
    }

    fn view(&self, id: ViewId) -> Result<&View, Failure> {
        self.kernel.views.get(&id).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("there is no view {id}")).try_next("`list` shows the views")
        })
    }

    /// The view that a caller means. An agent can only mean its session's.
    fn find_view(&self, standing: Standing, named: Option<ViewId>) -> Result<Option<ViewId>, Failure> {
        let session = self.session(standing.session)?;
        if let Some(id) = named {
            self.view(id)?;
            if standing.agent.is_some() && session.view != Some(id) {
                return Err(Failure::new(ErrorCode::NotGranted, format!("the view {id} is another's")));
            }
            return Ok(Some(id));
        }
        if session.view.is_some() || standing.agent.is_some() {
            return Ok(session.view);
        }
        let open = |view: &View| view.state == ViewState::Open && view.workspace == session.workspace;
        Ok(self.kernel.views.iter().rev().find(|(_, view)| open(view)).map(|(id, _)| *id))
    }

    fn view_to_close(
        &self,
        caller: Caller,
        standing: Standing,
        named: Option<ViewId>,
        what: &str,
    ) -> Result<ViewId, Failure> {
        let Caller::Person(_) = caller else { return Err(only_a_person(what)) };
        let id = self.find_view(standing, named)?.ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, "there are no changes here")
                .because("no view of this workspace is open")
                .try_next("`list` shows the views of other workspaces")
        })?;
        let view = self.view(id)?;
        if view.state != ViewState::Open {
            return Err(Failure::new(ErrorCode::Conflict, format!("the view {id} is over already")));
        }
        if self.is_worked_in(id) {
            return Err(Failure::new(ErrorCode::Conflict, format!("something still works in the view {id}"))
                .because("a run is going on, or waits for an answer")
                .try_next("Wait for it, answer its question, or stop its agent"));
        }
        Ok(id)
    }

    fn is_worked_in(&self, id: ViewId) -> bool {
        let kernel = &self.kernel;
        let mut sessions = kernel.sessions.iter().filter(|(_, session)| session.view == Some(id));
        let uses = |flight: &Flight| match &flight.work {
            Work::Tool(job) => job.view == id,
            // The files of an earlier run are just looked for in it.
            Work::Recall { view, .. } => *view == id,
            _ => false,
        };
        kernel.flights.values().any(uses)
            || sessions.any(|(session, _)| kernel.runs.values().any(|run| run.session == *session))
    }

    fn view_left_open(&self, workspace: &str) -> Option<ViewId> {
        let kernel = &self.kernel;
        let free = |id: &ViewId| !kernel.sessions.values().any(|other| other.connected && other.view == Some(*id));
        let fits = |view: &View| view.state == ViewState::Open && view.workspace == workspace;
        kernel.views.iter().rev().filter(|(_, view)| fits(view)).map(|(id, _)| *id).find(free)
    }

    fn open_view(&mut self, workspace: String) -> Result<ViewId, Failure> {
        let open = self.kernel.views.values().filter(|view| view.state == ViewState::Open).count();
        if open >= VIEWS {
            return Err(too_large("too many views are open", "VIEWS", VIEWS)
                .try_next("Commit or drop the changes of other workspaces; `list` shows them"));
        }
        let id = self.kernel.counters.view();
        let view = View {
            workspace: workspace.clone(),
            state: ViewState::Open,
            since: self.now,
            closing: false,
            files: BTreeMap::new(),
        };
        self.kernel.views.insert(id, view);
        self.effects.push(Effect::OpenView { view: id, workspace });
        Ok(id)
    }

    fn last_commit(&self, standing: Standing) -> Result<ViewId, Failure> {
        let workspace = &self.session(standing.session)?.workspace;
        let commits = self
            .kernel
            .views
            .iter()
            .filter(|(_, view)| view.state == ViewState::Committed && view.workspace == *workspace);
        commits
            .max_by_key(|(id, view)| (view.since, **id))
            .map(|(id, _)| *id)
            .ok_or_else(|| Failure::new(ErrorCode::NotFound, "there is no commit to undo in this workspace"))
    }

    fn note_view_action(&mut self, id: ViewId, action: ViewAction, worked: bool) {
        let now = self.now;
        let Some(view) = self.kernel.views.get_mut(&id).filter(|_| action != ViewAction::Diff) else { return };
        view.closing = false;
        if !worked {
            return;
        }
        view.since = now;
        view.state = match action {
            ViewAction::Diff | ViewAction::Commit => ViewState::Committed,
            ViewAction::Drop => ViewState::Dropped,
            ViewAction::Undo => ViewState::Undone,
        };
        view.files.clear();
        for session in self.kernel.sessions.values_mut().filter(|session| session.view == Some(id)) {
            session.view = None;
        }
    }
}

impl View {
    /// The view as it is shown.
    pub(crate) fn info(&self, id: ViewId) -> ViewInfo {
        ViewInfo { id, workspace: self.workspace.clone(), state: self.state }
    }
}

fn busy() -> Failure {
    Failure::new(ErrorCode::Conflict, "the workspace's changes are just being committed, dropped or undone")
}
