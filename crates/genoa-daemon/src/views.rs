//! Views as the daemon handles them: folders, looks before a call, and actions on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use genoa_abi::event::{Event, ToolJob};
use genoa_abi::grant::{Access, Right};
use genoa_abi::recording::RunStep;
use genoa_abi::view::{Difference, ViewAction, ViewReport, ViewState};
use genoa_abi::{CallId, Failure, ViewId};
use genoa_sandbox::view::{Snapshot, ViewLayout};
use mio::Waker;

use crate::home::Home;
use crate::recall::Recall;

/// The views of one home. Actions that may take long run on a thread and come back as events.
#[derive(Debug)]
pub(crate) struct Views {
    home: Home,
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    waker: Arc<Waker>,
}

impl Views {
    pub(crate) fn new(home: Home, waker: Waker) -> Self {
        let (sender, receiver) = channel();
        Self { home, sender, receiver, waker: Arc::new(waker) }
    }

    /// The view, made if it is not there yet.
    pub(crate) fn open(&self, view: ViewId, workspace: &str) -> Result<ViewLayout, Failure> {
        let layout = self.layout(view, workspace);
        layout.open()?;
        Ok(layout)
    }

    fn layout(&self, view: ViewId, workspace: &str) -> ViewLayout {
        ViewLayout::new(self.home.state(), view, Path::new(workspace))
    }

    /// The folders in which a file of the view is looked for, the upper layer first.
    pub(crate) fn layers(&self, view: ViewId, workspace: &str) -> Vec<PathBuf> {
        vec![self.layout(view, workspace).upper(), PathBuf::from(workspace)]
    }

    /// Does something with a view; the event follows.
    pub(crate) fn act(&self, call: CallId, view: ViewId, workspace: String, action: ViewAction) {
        let layout = self.layout(view, &workspace);
        self.aside(move || {
            let outcome = act(&layout, action).map(|difference| ViewReport { view, action, difference });
            Event::ViewFinished { call, outcome }
        });
    }

    /// Reads an earlier run out of the journal, and looks for its files in a view; the event follows.
    pub(crate) fn recall(&self, call: CallId, from: RunStep, view: ViewId, workspace: &str) {
        let (journal, keys) = (self.home.journal(), self.home.keys());
        let recall = Recall { journal, keys, from, view: self.layout(view, workspace) };
        self.aside(move || Event::Recalled { call, outcome: recall.read().map(Box::new) });
    }

    /// Does what may take long on a thread of its own.
    fn aside(&self, work: impl FnOnce() -> Event + Send + 'static) {
        let (sender, waker) = (self.sender.clone(), self.waker.clone());
        std::thread::spawn(move || {
            // A loop that is gone has no use for it.
            let _ = sender.send(work());
            let _ = waker.wake();
        });
    }

    /// The events of the actions that are over.
    pub(crate) fn finished(&self) -> Vec<Event> {
        self.receiver.try_iter().collect()
    }
}

/// How a view stands before a call, if the call may write to it.
pub(crate) fn snapshot_for(layout: &ViewLayout, job: &ToolJob) -> Result<Option<Snapshot>, Failure> {
    let writes = job.rights.iter().any(|right| matches!(right, Right::Files { access: Access::Write, .. }));
    writes.then(|| layout.snapshot()).transpose()
}

/// Does it, or finds that it was done before a crash: the kernel asks again after a restart.
fn act(layout: &ViewLayout, action: ViewAction) -> Result<Difference, Failure> {
    layout.open()?;
    layout.recover()?;
    match (action, layout.state()?) {
        (ViewAction::Diff, _) => layout.diff(),
        // The kernel asks for what it does not know to be done: the answer of the first time was lost.
        (ViewAction::Commit, ViewState::Committed) => layout.committed(),
        (ViewAction::Commit, _) => layout.commit(),
        (ViewAction::Undo, ViewState::Undone) => layout.undone(),
        (ViewAction::Undo, _) => layout.undo(),
        (ViewAction::Drop, ViewState::Dropped) => Ok(Difference::default()),
        (ViewAction::Drop, _) => {
            let difference = layout.diff()?;
            layout.discard()?;
            Ok(difference)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use genoa_abi::ViewId;
    use genoa_abi::view::ViewAction;
    use genoa_sandbox::view::ViewLayout;

    use super::act;

    #[test]
    fn what_was_done_before_a_crash_is_answered_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("work");
        std::fs::create_dir(&workspace).unwrap();
        let layout = ViewLayout::new(&folder.path().join("home"), ViewId(1), Path::new(&workspace));
        layout.open().unwrap();
        std::fs::write(layout.upper().join("new.md"), "hello").unwrap();
        for action in [ViewAction::Commit, ViewAction::Undo] {
            let first = act(&layout, action).unwrap();
            assert_eq!(first.changes.len(), 1);
            assert_eq!(act(&layout, action).unwrap(), first);
        }
    }
}
