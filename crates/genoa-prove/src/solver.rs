//! The solver: a process of its own that is asked one question after the other, each with a time of its own.

use std::time::{Duration, Instant};

use cedar_policy::{Policy, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, Env};
use genoa_abi::limits::PROOF_QUESTION_MS;
use genoa_abi::{ErrorCode, Failure};
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};

/// What a question to the solver came to.
pub(crate) enum Answer {
    /// There is no such call.
    None,
    /// There is one.
    Some(Box<Env>),
    /// Nobody knows, and why.
    Unknown(String),
}

/// What is asked of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Search {
    /// A call that it matches.
    Match,
    /// A call on which it fails.
    Failure,
}

/// A solver, started when it is needed and again after it did not answer.
pub(crate) struct Solver {
    program: String,
    runtime: Runtime,
    compiler: Option<CedarSymCompiler<LocalSolver>>,
    ends: Instant,
    /// Questions that it was asked.
    pub(crate) asked: u32,
}

impl Solver {
    /// # Errors
    /// Where nothing can wait for it.
    pub(crate) fn new(program: &str, limit: Duration) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(ErrorCode::Internal, "nothing can wait for the solver").because(error))?;
        Ok(Self { program: program.to_owned(), runtime, compiler: None, ends: Instant::now() + limit, asked: 0 })
    }

    /// Looks for a call at a place: the rule is compiled, and the solver asked.
    ///
    /// # Errors
    /// Where the solver cannot be started, or a rule not be compiled: then nothing can be proved.
    pub(crate) fn search(
        &mut self,
        search: Search,
        rule: &Policy,
        place: &RequestEnv,
        schema: &Schema,
    ) -> Result<Answer, Failure> {
        let left = self.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Answer::Unknown("the time for all questions is over".to_owned()));
        }
        let rule = CompiledPolicy::compile(rule, place, schema).map_err(|error| {
            Failure::new(ErrorCode::Internal, "a rule could not be put to the solver").because(error)
        })?;
        self.asked += 1;
        let _inside = self.runtime.enter();
        let mut compiler = match self.compiler.take() {
            Some(compiler) => compiler,
            None => start(&self.program)?,
        };
        let limit = left.min(Duration::from_millis(PROOF_QUESTION_MS));
        let asked = async {
            match search {
                Search::Match => compiler.check_never_matches_with_counterexample_opt(&rule).await,
                Search::Failure => compiler.check_never_errors_with_counterexample_opt(&rule).await,
            }
        };
        let answered = self.runtime.block_on(async { tokio::time::timeout(limit, asked).await });
        match answered {
            Ok(Ok(found)) => {
                self.compiler = Some(compiler);
                Ok(found.map_or(Answer::None, |found| Answer::Some(Box::new(found))))
            }
            // It is ended with the compiler, and started anew for the next question.
            Ok(Err(error)) => Ok(Answer::Unknown(reasons(&error))),
            Err(_) => {
                Ok(Answer::Unknown(format!("the solver did not answer in {} s (PROOF_QUESTION_MS)", limit.as_secs())))
            }
        }
    }
}

/// An error with what is behind it.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        behind = error.source();
    }
    text
}

fn start(program: &str) -> Result<CedarSymCompiler<LocalSolver>, Failure> {
    let cannot =
        |why: String| Failure::new(ErrorCode::Unsupported, format!("cannot start the solver {program}")).because(why);
    let limit = format!("--tlimit-per={PROOF_QUESTION_MS}");
    let mut command = Command::new(program);
    command.kill_on_drop(true).args(["--lang", "smt", &limit]);
    let solver = LocalSolver::from_command(&mut command).map_err(|error| cannot(reasons(&error)))?;
    CedarSymCompiler::new(solver).map_err(|error| cannot(reasons(&error)))
}
