//! The interpreter: a run goes on to the next call, and there its whole state is plain data.

mod context;

use std::collections::BTreeMap;

use genoa_abi::limits::{PLAN_STEPS, RUN_CALLS, RUN_STATE_BYTES};
use genoa_abi::schema::{Catalog, Type};
use genoa_abi::tool::Clock;
use genoa_abi::{Datum, ErrorCode, Failure, Labels, Value};
use serde::{Deserialize, Serialize};

use crate::builtins;
use crate::code::{BuiltinCall, Operation};
use crate::coerce::{self, Coerced, LookUp, Spot, Wanted};
use crate::convert::check_times;
use crate::operators::{self, check_length, measure, mismatch, parts, too_much, truth};
use crate::phrase::{quoted, sentence};
use crate::plan::Plan;
use crate::several::{Again, may_be_left_out};
use crate::shape::shape;
use crate::waiting::Waiting;

/// How often the person is asked who a text means that no look-up finds, for one spot of an argument.
const TEXT_QUESTIONS: u32 = 2;
/// Bytes of values and labels that one step goes through or copies.
const STEP_BYTES: usize = 1024;

/// A plan that runs: plan, place, variables. It can be written and read again at every call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    plan: Plan,
    place: usize,
    stack: Vec<Operand>,
    variables: BTreeMap<String, Value>,
    loops: Vec<Loop>,
    /// What the current place depends on, one entry a condition or loop, each including those before it.
    conditions: Vec<Labels>,
    waiting: Option<Waiting>,
    result: Value,
    steps: u64,
    calls: u64,
    /// Size of variables and collected lists.
    bytes: usize,
    has_said: bool,
    is_over: bool,
}

/// What a run wants next, or how it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Yield {
    /// A call is to be made; its result goes into the next [`Run::advance`].
    Call(PlanCall),
    /// The plan is done; its answer is what was said last, else the value of the last statement, with its labels.
    Ended(Value),
    /// A step failed; the run is over.
    Failed(Failure),
}

/// One call of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanCall {
    /// Line of the plan, from 1.
    pub line: u32,
    /// The tool.
    pub tool: String,
    /// The arguments that are given, of the types that the tool wants, with labels. Times are still words. What decided
    /// that this call is made (conditions, loops) is in every argument's labels. One that is None is not given, and tells
    /// whose doing that is.
    pub arguments: BTreeMap<String, Value>,
    /// Who could have influenced that this call is made at all. It matters where a call has no arguments.
    pub context: Labels,
    /// The call in plain words with the actual values, shortened.
    pub text: String,
}

/// A value on the stack, or the name of one that need not be copied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operand {
    Value(Value),
    Variable(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Loop {
    over: Operand,
    next: usize,
    /// How many conditions held where it began.
    conditions: usize,
    collected: Option<Vec<Value>>,
    collected_bytes: usize,
    /// Who could have influenced which elements are collected.
    shape: Labels,
}

/// What one instruction came to.
enum Step {
    Next,
    To(usize),
    Yield(Box<PlanCall>),
}

impl Run {
    /// A run at its beginning.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            place: 0,
            stack: Vec::new(),
            variables: BTreeMap::new(),
            loops: Vec::new(),
            conditions: Vec::new(),
            waiting: None,
            result: Value::none(),
            steps: 0,
            calls: 0,
            bytes: 0,
            has_said: false,
            is_over: false,
        }
    }

    /// The same run where the plan's own text could have been influenced by these sources: whoever wrote it had heard of
    /// them. They go into every argument and every result, as a condition does.
    #[must_use]
    pub fn under(mut self, sources: Labels) -> Self {
        if !sources.is_empty() {
            self.depend_on(&sources);
        }
        self
    }

    /// Goes on until the next call or the end. `answer` is the result of the call that was yielded last; None at first.
    /// The labels of an answer get those of the call's arguments added.
    pub fn advance(&mut self, answer: Option<Result<Value, Failure>>, catalog: &Catalog, clock: &Clock) -> Yield {
        if self.is_over {
            return Yield::Failed(Failure::new(ErrorCode::InvalidInput, "the run is over"));
        }
        let outcome = match self.take_answer(answer, catalog) {
            Ok(None) => self.go_on(catalog, clock),
            question => question,
        };
        match outcome {
            Ok(Some(call)) if self.calls < RUN_CALLS => {
                self.calls += 1;
                Yield::Call(call)
            }
            Ok(Some(_)) => {
                self.is_over = true;
                Yield::Failed(
                    Failure::new(ErrorCode::BudgetSpent, "the plan makes too many calls")
                        .because(format!("RUN_CALLS is {RUN_CALLS}")),
                )
            }
            Ok(None) => {
                self.is_over = true;
                Yield::Ended(self.result.clone())
            }
            Err(failure) => {
                self.is_over = true;
                Yield::Failed(failure)
            }
        }
    }

    /// The variables as `name: type, count`, never their content: what a planner may see of a run.
    #[must_use]
    pub fn shapes(&self, catalog: &Catalog) -> Vec<String> {
        self.variables.iter().map(|(name, value)| format!("{name}: {}", shape(value, catalog))).collect()
    }

    /// Operations so far; what it costs to go through large values and to copy them counts as well.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The plan that it carries out.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The line of the plan where the run stands, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        let code = &self.plan.code;
        code.get(self.place).or(code.last()).map_or(0, |step| step.line)
    }

    fn go_on(&mut self, catalog: &Catalog, clock: &Clock) -> Result<Option<PlanCall>, Failure> {
        while let Some(operation) = self.plan.code.get(self.place).map(|step| step.operation.clone()) {
            self.charge(1)?;
            match self.execute(operation, catalog, clock)? {
                Step::Next => self.place += 1,
                Step::To(place) => self.place = place,
                Step::Yield(call) => return Ok(Some(*call)),
            }
        }
        Ok(None)
    }

    fn charge(&mut self, steps: u64) -> Result<(), Failure> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= PLAN_STEPS {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::BudgetSpent, "the plan takes too many steps")
            .because(format!("PLAN_STEPS is {PLAN_STEPS}"))
            .try_next("Filter the lists before going through them"))
    }

    /// Counts steps for what goes through or copies so many bytes. They are charged before the next operation.
    fn note_work(&mut self, bytes: usize) {
        self.steps = self.steps.saturating_add((bytes / STEP_BYTES) as u64);
    }

    fn execute(&mut self, operation: Operation, catalog: &Catalog, clock: &Clock) -> Result<Step, Failure> {
        match operation {
            Operation::Constant(datum) => self.push(datum.into()),
            Operation::Load(name) => self.stack.push(Operand::Variable(name)),
            Operation::Store(name) => {
                let value = self.pop_kept()?;
                if !self.has_said {
                    self.result = value.clone();
                }
                self.store(name, value)?;
            }
            Operation::Result => {
                let value = self.pop_kept()?;
                if !self.has_said {
                    self.result = value;
                }
            }
            Operation::List(count) => {
                let items = self.pop_many(count)?;
                self.push(Datum::List(items).into());
            }
            Operation::Field(name) => self.field(&name)?,
            Operation::Index { what } => self.index(&what)?,
            Operation::Need { what } => {
                if self.top()?.datum == Datum::None {
                    return Err(coerce::not_found(&what));
                }
            }
            Operation::Format(pieces) => {
                let count = pieces.iter().filter(|piece| matches!(piece, crate::code::Piece::Value(_))).count();
                let values = self.pop_many(count)?;
                self.note_work(values.iter().map(measure).sum());
                self.push(operators::format(&pieces, &values)?);
            }
            Operation::Arithmetic(operator) => {
                let (right, left) = (self.pop()?, self.pop()?);
                self.push(operators::arithmetic(operator, left, right)?);
            }
            Operation::Negate => {
                let value = self.pop()?;
                self.push(operators::negate(value)?);
            }
            Operation::Not => {
                let (holds, labels) = self.pop_condition()?;
                self.push(Value::labelled(Datum::Bool(!holds), labels));
            }
            Operation::Compare(operator) => {
                let (right, left) = (self.pop()?, self.pop()?);
                self.note_work(measure(&left).saturating_add(measure(&right)));
                self.push(operators::compare(operator, &left, &right));
            }
            Operation::Builtin(builtin) => self.builtin(&builtin)?,
            Operation::Coerce { to, what, to_each } => {
                let context = self.context_of(to_each);
                return self.coerce(&to, &what, context.as_ref(), catalog, clock);
            }
            Operation::Call { tool, names } => return self.call(tool, names, catalog).map(Step::Yield),
            flow => return self.flow(flow),
        }
        Ok(Step::Next)
    }

    /// Conditions and loops.
    fn flow(&mut self, operation: Operation) -> Result<Step, Failure> {
        match operation {
            Operation::Decide { all, end } => {
                let (holds, labels) = self.pop_condition()?;
                if holds != all {
                    self.push(Value::labelled(Datum::Bool(holds), labels));
                    return Ok(Step::To(end));
                }
                self.depend_on(&labels);
            }
            Operation::EndDecide => {
                let (holds, labels) = self.pop_condition()?;
                let before = self.conditions.pop().unwrap_or_default();
                self.push(Value::labelled(Datum::Bool(holds), labels.union(&before)));
            }
            Operation::Branch { otherwise } => {
                let (holds, labels) = self.pop_condition()?;
                self.depend_on(&labels);
                if !holds {
                    return Ok(Step::To(otherwise));
                }
            }
            Operation::Jump(place) => return Ok(Step::To(place)),
            Operation::EndBranch => {
                self.conditions.pop();
            }
            Operation::Loop { collects } => self.begin_loop(collects)?,
            Operation::Next { variable, end } => return self.next(variable, end),
            Operation::Filter { next } => {
                let (holds, labels) = self.pop_condition()?;
                let innermost = self.loops.last_mut().ok_or_else(mismatch)?;
                innermost.shape.join(&labels);
                if !holds {
                    return Ok(Step::To(next));
                }
                self.depend_on(&labels);
            }
            Operation::Collect => self.collect()?,
            Operation::EndLoop { forget } => self.end_loop(&forget)?,
            _ => return Err(mismatch()),
        }
        Ok(Step::Next)
    }

    fn begin_loop(&mut self, collects: bool) -> Result<(), Failure> {
        let over = self.stack.pop().ok_or_else(mismatch)?;
        let list = resolve(&self.variables, &over)?;
        let Datum::List(_) = list.datum else { return Err(mismatch()) };
        let shape = list.labels.clone();
        let size = if matches!(over, Operand::Value(_)) { measure(list) } else { 0 };
        self.grow(size)?;
        let conditions = self.conditions.len();
        self.depend_on(&shape);
        let collected = collects.then(Vec::new);
        self.loops.push(Loop { over, next: 0, conditions: conditions + 1, collected, collected_bytes: size, shape });
        Ok(())
    }

    fn next(&mut self, variable: String, end: usize) -> Result<Step, Failure> {
        let innermost = self.loops.last_mut().ok_or_else(mismatch)?;
        self.conditions.truncate(innermost.conditions);
        let list = resolve(&self.variables, &innermost.over)?;
        let Datum::List(items) = &list.datum else { return Err(mismatch()) };
        let Some(item) = items.get(innermost.next) else { return Ok(Step::To(end)) };
        innermost.next += 1;
        let mut item = item.clone();
        item.labels.join(&list.labels);
        self.store(variable, item)?;
        Ok(Step::Next)
    }

    fn collect(&mut self) -> Result<(), Failure> {
        let value = self.pop_kept()?;
        let size = measure(&value);
        self.grow(size)?;
        let innermost = self.loops.last_mut().ok_or_else(mismatch)?;
        innermost.collected_bytes += size;
        let collected = innermost.collected.as_mut().ok_or_else(mismatch)?;
        collected.push(value);
        check_length(collected.len())
    }

    fn end_loop(&mut self, forget: &[String]) -> Result<(), Failure> {
        let done = self.loops.pop().ok_or_else(mismatch)?;
        self.conditions.truncate(done.conditions.saturating_sub(1));
        self.bytes = self.bytes.saturating_sub(done.collected_bytes);
        for name in forget {
            if let Some(value) = self.variables.remove(name) {
                self.bytes = self.bytes.saturating_sub(measure(&value));
            }
        }
        if let Some(items) = done.collected {
            self.push(Value::labelled(Datum::List(items), done.shape));
        }
        Ok(())
    }

    fn field(&mut self, name: &str) -> Result<(), Failure> {
        let operand = self.stack.pop().ok_or_else(mismatch)?;
        let record = resolve(&self.variables, &operand)?;
        let Datum::Record { fields, .. } = &record.datum else { return Err(mismatch()) };
        let mut field = fields.get(name).cloned().unwrap_or_else(Value::none);
        field.labels.join(&record.labels);
        self.push_copied(field)
    }

    fn index(&mut self, what: &str) -> Result<(), Failure> {
        let index = self.pop()?;
        let operand = self.stack.pop().ok_or_else(mismatch)?;
        let whole = resolve(&self.variables, &operand)?;
        let Datum::Int(place) = index.datum else { return Err(mismatch()) };
        // Letters are counted from the beginning.
        let walked = if let Datum::Text(text) = &whole.datum { text.len() } else { 0 };
        let is_from_end = place < 0;
        let at = |length: usize| {
            let place = usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX);
            if is_from_end { length.checked_sub(place) } else { Some(place) }
        };
        let found = match &whole.datum {
            Datum::List(items) => at(items.len()).and_then(|place| items.get(place).cloned()),
            Datum::Text(text) => at(text.chars().count()).and_then(|place| text.chars().nth(place)).map(Value::text),
            _ => return Err(mismatch()),
        };
        let mut item = found.ok_or_else(|| coerce::not_found(&format!("{what}[{place}]")))?;
        item.labels.join(&whole.labels);
        item.labels.join(&index.labels);
        self.note_work(walked);
        self.push_copied(item)
    }

    fn builtin(&mut self, builtin: &BuiltinCall) -> Result<(), Failure> {
        let outcome = if let BuiltinCall::Join = builtin {
            let separator = self.pop()?;
            let list = self.pop()?;
            self.note_work(measure(&list));
            builtins::join(&list, &separator)?
        } else {
            let operand = self.stack.pop().ok_or_else(mismatch)?;
            let value = resolve(&self.variables, &operand)?;
            let walked = match builtin {
                BuiltinCall::First | BuiltinCall::Last => 0,
                BuiltinCall::Len if matches!(value.datum, Datum::List(_)) => 0,
                _ => measure(value),
            };
            let items = if let Datum::List(items) = &value.datum { items.len() } else { 0 };
            let outcome = builtins::apply(builtin, value)?;
            if walked > 0 {
                self.steps = self.steps.saturating_add(items as u64);
                self.note_work(walked);
            }
            outcome
        };
        self.push_copied(outcome)
    }

    fn coerce(
        &mut self,
        to: &Type,
        what: &str,
        context: Option<&Labels>,
        catalog: &Catalog,
        clock: &Clock,
    ) -> Result<Step, Failure> {
        let mut value = self.pop()?;
        if let Some(context) = context {
            // Every part of it gets all of them, which is more than both together.
            let bytes = measure(&value).saturating_add(parts(&value).saturating_mul(32 * context.entries()));
            if bytes > RUN_STATE_BYTES {
                return Err(too_much(bytes));
            }
            value.join_labels(context);
            self.note_work(bytes);
        }
        match coerce::coerce(value, to, what, catalog)? {
            Coerced::Done(value) => {
                check_times(&value, to, clock)?;
                self.push(value);
                Ok(Step::Next)
            }
            Coerced::Open(value, spot, wanted) => {
                self.push(value);
                self.find_out(spot, wanted, catalog).map(|call| Step::Yield(Box::new(call)))
            }
        }
    }

    /// The call that tells what a spot of an argument means. The coercion is done again with its answer.
    fn find_out(&mut self, spot: Spot, wanted: Wanted, catalog: &Catalog) -> Result<PlanCall, Failure> {
        match wanted {
            Wanted::Record { kind, text, labels } => {
                self.look_up(LookUp { spot, kind, text, influence: labels, asked: 0 }, catalog)
            }
            Wanted::Content { tool, parameter, path, labels } => {
                let argument = Value::labelled(Datum::Text(path), labels.clone());
                let call = self.plan_call(tool, BTreeMap::from([(parameter, argument)]), catalog);
                self.waiting = Some(Waiting::Content { spot, influence: labels });
                Ok(call)
            }
            Wanted::Choice { kind, candidates, labels } => {
                let question = Value::text(format!("Which {} is meant?", kind.to_lowercase()));
                Ok(self.ask(spot, question, candidates, labels, catalog))
            }
        }
    }

    fn look_up(&mut self, wanted: LookUp, catalog: &Catalog) -> Result<PlanCall, Failure> {
        let (tool, parameter) = coerce::look_up_call(&wanted.kind, catalog)?;
        let argument = Value::labelled(Datum::Text(wanted.text.clone()), wanted.influence.clone());
        let arguments = BTreeMap::from([(parameter.to_owned(), argument)]);
        let call = self.plan_call(tool.to_owned(), arguments, catalog);
        self.waiting = Some(Waiting::Record(wanted));
        Ok(call)
    }

    /// Asks the person for another text, as long as that may help.
    fn ask_for_text(&mut self, mut missing: LookUp, catalog: &Catalog) -> Result<PlanCall, Failure> {
        let kind = missing.kind.to_lowercase();
        if missing.asked >= TEXT_QUESTIONS || !catalog.tools.contains_key("ask") {
            let what = format!("no {kind} was found for “{}”", missing.text);
            return Err(Failure::new(ErrorCode::NotFound, what).try_next("Use another name, or the full one"));
        }
        missing.asked += 1;
        let question = format!("No {kind} is called {}. Who shall it be?", quoted(&missing.text));
        let question = Value::labelled(Datum::Text(question), missing.influence.clone());
        let call = self.plan_call("ask".to_owned(), BTreeMap::from([("question".to_owned(), question)]), catalog);
        self.waiting = Some(Waiting::Text(missing));
        Ok(call)
    }

    fn ask(
        &mut self,
        spot: Spot,
        question: Value,
        candidates: Vec<Value>,
        influence: Labels,
        catalog: &Catalog,
    ) -> PlanCall {
        let options = coerce::options(&candidates, catalog);
        let shown = options
            .iter()
            .zip(&candidates)
            .map(|(option, candidate)| Value::labelled(Datum::Text(option.clone()), candidate.deep_labels()))
            .collect();
        let arguments = BTreeMap::from([
            ("question".to_owned(), question),
            ("options".to_owned(), Value::labelled(Datum::List(shown), influence.clone())),
        ]);
        let call = self.plan_call("ask".to_owned(), arguments, catalog);
        self.waiting = Some(Waiting::Choice { spot, options, candidates, influence });
        call
    }

    fn call(&mut self, tool: String, names: Vec<String>, catalog: &Catalog) -> Result<Box<PlanCall>, Failure> {
        let values = self.pop_many(names.len())?;
        let mut influence = self.conditions.last().cloned().unwrap_or_default();
        values.iter().for_each(|value| influence.join(&value.deep_labels()));
        let said = if tool == "say" { values.first().cloned() } else { None };
        // What is None is left out. Where that is somebody's doing and the call is made all the same, the argument stays and
        // says whose.
        let schema = catalog.tools.get(&tool);
        let may_lack =
            |name: &str| schema.and_then(|it| it.parameter(name)).is_some_and(|parameter| !parameter.required);
        let given = names
            .into_iter()
            .zip(values)
            .filter(|(name, value)| value.datum != Datum::None || (!value.labels.is_empty() && may_lack(name)));
        let call = self.plan_call(tool, given.collect(), catalog);
        let again = Again::of(&call.tool, &call.arguments, catalog);
        self.waiting = Some(Waiting::Result { influence, said, again });
        Ok(Box::new(call))
    }

    /// Asks the person which of several files a call means.
    fn ask_for_path(&mut self, again: Again, parameter: &str, options: Vec<String>, catalog: &Catalog) -> PlanCall {
        let question = match again.given(parameter) {
            Some(given) => {
                let words = format!("Which {} is meant?", quoted(&operators::shown(given)));
                Value::labelled(Datum::Text(words), given.deep_labels())
            }
            None => Value::text(format!("Which {parameter} is meant?")),
        };
        let shown = options.iter().map(|option| Value::text(option.as_str())).collect();
        let arguments = BTreeMap::from([
            ("question".to_owned(), question),
            ("options".to_owned(), Value::labelled(Datum::List(shown), Labels::none())),
        ]);
        let call = self.plan_call("ask".to_owned(), arguments, catalog);
        self.waiting = Some(Waiting::Path { again, parameter: parameter.to_owned(), options });
        call
    }

    /// Makes a call again, with the path that the person chose.
    fn call_again(&mut self, mut again: Again, parameter: String, chosen: Value, catalog: &Catalog) -> PlanCall {
        again.arguments.insert(parameter, chosen);
        let mut influence = self.conditions.last().cloned().unwrap_or_default();
        again.arguments.values().for_each(|value| influence.join(&value.deep_labels()));
        let call = self.plan_call(again.tool, again.arguments, catalog);
        self.waiting = Some(Waiting::Result { influence, said: None, again: None });
        call
    }

    fn plan_call(&self, tool: String, arguments: BTreeMap<String, Value>, catalog: &Catalog) -> PlanCall {
        let text = sentence(&tool, &arguments, catalog);
        let context = self.conditions.last().cloned().unwrap_or_default();
        PlanCall { line: self.line(), tool, arguments, context, text }
    }

    /// Takes the answer to where it belongs. Where it names several records, the next call asks which is meant.
    fn take_answer(
        &mut self,
        answer: Option<Result<Value, Failure>>,
        catalog: &Catalog,
    ) -> Result<Option<PlanCall>, Failure> {
        let (waiting, mut value) = match (self.waiting.take(), answer) {
            (None, None) => return Ok(None),
            (Some(Waiting::Content { spot, influence }), Some(Err(failure))) if may_be_left_out(&spot, &failure) => {
                // A picture among the documents has nothing to read.
                self.settle_content(&spot, Value::labelled(Datum::Text(String::new()), influence))?;
                return Ok(None);
            }
            (Some(Waiting::Result { again: Some(again), .. }), Some(Err(failure))) => {
                let open = again.open(&failure, catalog).filter(|_| catalog.tools.contains_key("ask"));
                let Some(parameter) = open else { return Err(failure) };
                return Ok(Some(self.ask_for_path(again, &parameter.name, failure.options, catalog)));
            }
            (Some(waiting), Some(answer)) => (waiting, answer?),
            (None, Some(_)) => return Err(Failure::new(ErrorCode::InvalidInput, "no call of this run was waiting")),
            (Some(_), None) => return Err(Failure::new(ErrorCode::InvalidInput, "the run waits for a call's result")),
        };
        if measure(&value) > RUN_STATE_BYTES {
            return Err(too_much(measure(&value)));
        }
        match waiting {
            Waiting::Path { again, parameter, options } => {
                let is_option = matches!(&value.datum, Datum::Text(chosen) if options.contains(chosen));
                if !is_option {
                    return Err(Failure::new(
                        ErrorCode::Ambiguous,
                        format!("“{}” is none of the options", operators::shown(&value)),
                    )
                    .try_next(format!("Choose one of: {}", options.join(", "))));
                }
                Ok(Some(self.call_again(again, parameter, value, catalog)))
            }
            Waiting::Result { influence, said, .. } => {
                value.labels.join(&influence);
                if let Some(said) = said {
                    self.result = said;
                    self.has_said = true;
                }
                self.push(value);
                self.place += 1;
                Ok(None)
            }
            Waiting::Record(wanted) => {
                value.labels.join(&wanted.influence);
                self.take_records(wanted, value, catalog)
            }
            Waiting::Text(mut wanted) => {
                let Datum::Text(text) = value.datum else { return Err(mismatch()) };
                wanted.influence.join(&value.labels);
                // An empty answer names nobody either.
                if !text.trim().is_empty() {
                    wanted.text = text;
                    return self.look_up(wanted, catalog).map(Some);
                }
                self.ask_for_text(wanted, catalog).map(Some)
            }
            Waiting::Content { spot, influence } => {
                value.labels.join(&influence);
                self.settle_content(&spot, value).map(|()| None)
            }
            Waiting::Choice { spot, options, candidates, influence } => {
                let Datum::Text(chosen) = &value.datum else { return Err(mismatch()) };
                let place = options.iter().position(|option| option == chosen).ok_or_else(|| {
                    Failure::new(ErrorCode::Ambiguous, format!("“{chosen}” is none of the options"))
                        .try_next(format!("Choose one of: {}", options.join(", ")))
                })?;
                let mut record = candidates.into_iter().nth(place).ok_or_else(mismatch)?;
                record.labels.join(&influence);
                record.labels.join(&value.labels);
                self.settle(&spot, record).map(|()| None)
            }
        }
    }

    /// What a look-up found for a text.
    fn take_records(
        &mut self,
        mut wanted: LookUp,
        found: Value,
        catalog: &Catalog,
    ) -> Result<Option<PlanCall>, Failure> {
        let spot = wanted.spot.clone();
        match found.datum {
            Datum::Record { .. } => self.settle(&spot, found).map(|()| None),
            Datum::List(mut items) if items.len() == 1 => {
                let mut only = items.remove(0);
                only.labels.join(&found.labels);
                self.settle(&spot, only).map(|()| None)
            }
            Datum::List(items) if !items.is_empty() => {
                let question = format!("Which {} is meant by “{}”?", wanted.kind.to_lowercase(), wanted.text);
                let question = Value::labelled(Datum::Text(question), found.labels.clone());
                Ok(Some(self.ask(spot, question, items, found.labels, catalog)))
            }
            Datum::List(_) | Datum::None => {
                // That nothing was found is told by the question.
                wanted.influence.join(&found.labels);
                self.ask_for_text(wanted, catalog).map(Some)
            }
            _ => Err(mismatch()),
        }
    }

    /// Puts what was found out into the argument on top of the stack.
    fn settle(&mut self, spot: &[usize], found: Value) -> Result<(), Failure> {
        let Some(Operand::Value(value)) = self.stack.last_mut() else { return Err(mismatch()) };
        coerce::put(value, spot, found);
        Ok(())
    }

    fn settle_content(&mut self, spot: &[usize], content: Value) -> Result<(), Failure> {
        let Some(Operand::Value(value)) = self.stack.last_mut() else { return Err(mismatch()) };
        coerce::put_content(value, spot, content);
        Ok(())
    }

    fn store(&mut self, name: String, value: Value) -> Result<(), Failure> {
        let size = measure(&value);
        if let Some(old) = self.variables.get(&name) {
            self.bytes = self.bytes.saturating_sub(measure(old));
        }
        self.grow(size)?;
        self.variables.insert(name, value);
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > RUN_STATE_BYTES { Err(too_much(self.bytes)) } else { Ok(()) }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(Operand::Value(value));
    }

    /// Pushes a copy of something large perhaps, and charges for it.
    fn push_copied(&mut self, value: Value) -> Result<(), Failure> {
        self.note_work(measure(&value));
        self.charge(0)?;
        self.push(value);
        Ok(())
    }

    fn top(&self) -> Result<&Value, Failure> {
        resolve(&self.variables, self.stack.last().ok_or_else(mismatch)?)
    }

    fn pop(&mut self) -> Result<Value, Failure> {
        match self.stack.pop().ok_or_else(mismatch)? {
            Operand::Value(value) => Ok(value),
            Operand::Variable(name) => {
                let value = self.variables.get(&name).cloned().ok_or_else(mismatch)?;
                self.note_work(measure(&value));
                self.charge(0)?;
                Ok(value)
            }
        }
    }

    /// Pops a value that stays: it depends on the conditions that led here.
    fn pop_kept(&mut self) -> Result<Value, Failure> {
        let mut value = self.pop()?;
        if let Some(context) = self.conditions.last() {
            value.labels.join(context);
            self.steps = self.steps.saturating_add((32 * context.entries() / STEP_BYTES) as u64);
        }
        Ok(value)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value>, Failure> {
        let mut values = Vec::with_capacity(count);
        let mut bytes = 0_usize;
        for _ in 0..count {
            let value = self.pop()?;
            bytes = bytes.saturating_add(measure(&value));
            if bytes > RUN_STATE_BYTES {
                return Err(too_much(bytes));
            }
            values.push(value);
        }
        values.reverse();
        Ok(values)
    }

    fn pop_condition(&mut self) -> Result<(bool, Labels), Failure> {
        let operand = self.stack.pop().ok_or_else(mismatch)?;
        let value = resolve(&self.variables, &operand)?;
        Ok((truth(value), value.labels.clone()))
    }
}

fn resolve<'a>(variables: &'a BTreeMap<String, Value>, operand: &'a Operand) -> Result<&'a Value, Failure> {
    match operand {
        Operand::Value(value) => Ok(value),
        Operand::Variable(name) => variables.get(name).ok_or_else(mismatch),
    }
}
