//! Reading an earlier run out of the journal, so that another can go on from one of its steps.

use std::path::PathBuf;

use genoa_abi::recording::{Recording, RunStep};
use genoa_abi::{ErrorCode, Failure, RunId};
use genoa_journal::JournalReader;
use genoa_kernel::{Kernel, Rerun};
use genoa_sandbox::view::ViewLayout;

use crate::boot::SavedState;

/// Where to read, and what to look at.
#[derive(Debug)]
pub(crate) struct Recall {
    pub(crate) journal: PathBuf,
    pub(crate) keys: PathBuf,
    pub(crate) from: RunStep,
    pub(crate) view: ViewLayout,
}

impl Recall {
    /// The run up to the step. All that its steps before it left in files is still there.
    ///
    /// # Errors
    /// As [`Rerun::recording`]; [`ErrorCode::Conflict`] where the kernel comes to something else than is recorded, or a file is not
    /// as it was left.
    pub(crate) fn read(&self) -> Result<Recording, Failure> {
        let recording = self.rerun()?.recording(self.from)?;
        self.check_files(&recording)?;
        Ok(recording)
    }

    /// Feeds the journal to a kernel until the run is over. While it runs, the kernel must come to what is recorded.
    fn rerun(&self) -> Result<Rerun, Failure> {
        let journal = JournalReader::open(&self.journal, &self.keys)?;
        let (kernel, first) = before(&journal, self.from.run)?;
        let mut rerun = Rerun::of(self.from.run, kernel);
        journal.replay(first, |step| {
            if rerun.is_over() {
                return Ok(());
            }
            let effects = rerun.step(step.event, step.time);
            if rerun.has_begun() && effects != step.effects {
                return Err(self.parted(step.seq));
            }
            Ok(())
        })?;
        Ok(rerun)
    }

    fn parted(&self, seq: u64) -> Failure {
        let run = self.from.run;
        Failure::new(ErrorCode::Conflict, format!("{run} cannot be gone on with"))
            .because(format!("at record #{seq} the kernel comes to something else now than it did"))
            .try_next(format!("`genoa replay {run}` shows what; run the plan anew instead"))
    }

    /// What the steps wrote is not made again. So the first step whose files are others now is the last from which it can go on.
    fn check_files(&self, recording: &Recording) -> Result<(), Failure> {
        let mut lost: Option<(u32, &str)> = None;
        for (path, (step, content)) in recording.files() {
            let is_there = self.view.holds(path, content.as_ref())?;
            if !is_there && lost.is_none_or(|(earlier, _)| step < earlier) {
                lost = Some((step, path));
            }
        }
        let Some((step, path)) = lost else { return Ok(()) };
        let run = self.from.run;
        let what = format!("{} is not as step {step} of {run} left it", path.escape_debug());
        Err(Failure::new(ErrorCode::Conflict, what)
            .because("it was changed since, or its changes were dropped or taken back")
            .try_next(format!("Go on from step {step}: the file is made again then")))
    }
}

/// A kernel that stands before the run, out of a snapshot where one is old enough, and the number of the record after that.
fn before(journal: &JournalReader, run: RunId) -> Result<(Kernel, u64), Failure> {
    if let Some(snapshot) = journal.load_snapshot()?.snapshot
        && let Ok(state) = serde_json::from_value::<SavedState>(snapshot.state)
        && !state.kernel.has_begun(run)
    {
        return Ok((state.kernel, snapshot.seq + 1));
    }
    Ok((Kernel::new(), 1))
}
