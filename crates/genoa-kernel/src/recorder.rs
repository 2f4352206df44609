//! Taking down what the calls of one run came to, while the journal's events are fed to a kernel once more.

use genoa_abi::event::{Effect, Event};
use genoa_abi::limits::RUN_STATE_BYTES;
use genoa_abi::recording::{RecordedStep, Recording, RunStep};
use genoa_abi::{ErrorCode, Failure, RunId, Timestamp};
use genoa_plan::PlanCall;

use crate::kernel::Kernel;
use crate::turn::{Origin, Turn, too_large};

/// Steps that are named to a person who named one that is not there.
const STEPS_NAMED: usize = 20;

/// What is taken down of one run. A kernel that works takes nothing down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorder {
    run: RunId,
    recording: Option<Recording>,
    is_over: bool,
}

/// A kernel that is fed what the journal holds, to learn what the calls of one run came to.
#[derive(Clone, Debug)]
pub struct Rerun {
    kernel: Kernel,
}

impl Rerun {
    /// Takes down `run`, which begins after all that `kernel` knows.
    #[must_use]
    pub fn of(run: RunId, mut kernel: Kernel) -> Self {
        kernel.recorder = Some(Box::new(Recorder { run, recording: None, is_over: false }));
        Self { kernel }
    }

    /// Takes the next recorded event, and says what the kernel comes to now.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        self.kernel.step(event, now)
    }

    /// Whether the run has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.kernel.recorder.as_ref().is_some_and(|recorder| recorder.recording.is_some())
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.kernel.recorder.as_ref().is_some_and(|recorder| recorder.is_over)
    }

    /// The run up to a step of it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a run or step that there is not, [`ErrorCode::Conflict`] where a step before that one did not
    /// come to its end, [`ErrorCode::TooLarge`] for more than a run may hold.
    pub fn recording(self, from: RunStep) -> Result<Recording, Failure> {
        let recording = self.kernel.recorder.and_then(|recorder| recorder.recording);
        let mut recording = recording.ok_or_else(|| no_such_run(from.run))?;
        let next = usize::try_from(from.step).unwrap_or(usize::MAX);
        if next == 0 || next > recording.steps.len() + 1 {
            return Err(no_such_step(from, &recording.steps));
        }
        let is_at_end = next == recording.steps.len() + 1;
        recording.from = from;
        recording.next_line = recording.steps.get(next - 1).map(|step| step.line);
        recording.steps.truncate(next - 1);
        if let Some((place, step)) = recording.steps.iter().enumerate().find(|(_, step)| step.answer.is_none()) {
            let what = format!("step {} of {} was not completed: {}", place + 1, from.run, step.text);
            return Err(not_completed(what, "nothing is recorded that could be taken for its result", place + 1));
        }
        if let Some(Err(failure)) = recording.steps.last().and_then(|step| step.answer.as_ref()).filter(|_| is_at_end) {
            let what = format!("step {} of {} was not completed", next - 1, from.run);
            return Err(not_completed(what, &failure.to_string(), next - 1));
        }
        let bytes = serde_json::to_vec(&recording).map_or(usize::MAX, |json| json.len());
        if bytes > RUN_STATE_BYTES {
            let what = format!("what the steps before {from} came to is too large");
            return Err(too_large(what, "RUN_STATE_BYTES", RUN_STATE_BYTES));
        }
        Ok(recording)
    }
}

impl Turn<'_> {
    /// A run begins, perhaps the one that is taken down.
    pub(crate) fn record_run(&mut self, id: RunId, recording: impl FnOnce() -> Recording) {
        if let Some(recorder) = self.kernel.recorder.as_mut().filter(|recorder| recorder.run == id) {
            recorder.recording = Some(recording());
        }
    }

    /// A step of a run begins.
    pub(crate) fn record_call(&mut self, id: RunId, call: &PlanCall) {
        if let Some(recording) = self.recording_of(id) {
            recording.steps.push(RecordedStep {
                line: call.line,
                tool: call.tool.clone(),
                arguments: call.arguments.clone(),
                context: call.context.clone(),
                text: call.text.clone(),
                answer: None,
                came_to: String::new(),
                wrote: Vec::new(),
                named: Default::default(),
                held: Vec::new(),
            });
        }
    }

    /// A run took a step over from an earlier one.
    pub(crate) fn record_taken(&mut self, id: RunId, step: &RecordedStep) {
        if let Some(recording) = self.recording_of(id) {
            recording.steps.push(step.clone());
        }
    }

    /// Something is known of the present step of a run.
    pub(crate) fn record(&mut self, origin: Origin, note: impl FnOnce(&mut RecordedStep)) {
        let Origin::Run(id) = origin else { return };
        if let Some(step) = self.recording_of(id).and_then(|recording| recording.steps.last_mut()) {
            note(step);
        }
    }

    /// A run is over.
    pub(crate) fn record_end(&mut self, id: RunId) {
        if let Some(recorder) = self.kernel.recorder.as_mut().filter(|recorder| recorder.run == id) {
            recorder.is_over = true;
        }
    }

    fn recording_of(&mut self, id: RunId) -> Option<&mut Recording> {
        let recorder = self.kernel.recorder.as_mut().filter(|recorder| recorder.run == id)?;
        recorder.recording.as_mut()
    }
}

fn not_completed(what: String, why: &str, step: usize) -> Failure {
    Failure::new(ErrorCode::Conflict, what)
        .because(why)
        .try_next(format!("Go on from step {step}: it is done again then"))
}

pub(crate) fn no_such_run(run: RunId) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("there is no run {run}"))
        .try_next("`genoa journal tail` shows what happened last")
}

/// The failure for a step that is not there, with those that are.
pub(crate) fn no_such_step(from: RunStep, steps: &[RecordedStep]) -> Failure {
    let RunStep { run, step } = from;
    let failure = Failure::new(ErrorCode::NotFound, format!("{run} has no step {step}"));
    if steps.is_empty() {
        return failure.because("its plan called nothing").try_next("Run the plan anew: it costs the same");
    }
    let named = steps.iter().zip(1..).take(STEPS_NAMED).map(|(step, number)| format!("{number} {}", step.text));
    let mut named: Vec<String> = named.collect();
    if steps.len() > STEPS_NAMED {
        named.push(format!("and {} more", steps.len() - STEPS_NAMED));
    }
    failure.because(format!("its steps are: {}", named.join("; "))).try_next("Name one of these")
}
