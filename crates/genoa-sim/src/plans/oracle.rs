//! The oracle: a second interpreter of the language, over the tree of [`super::programs`], which walks it and is done.
//!
//! It shares no code with the product. Where the two make different calls, one of them evaluates wrongly; where the product's
//! labels lack what the oracle's have, a flow is not labelled. It keeps no state between calls: it is run again from the
//! beginning with one answer more.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, Executor, Type};
use serde_json::Value as Json;

use super::naive::{Data, Label, Naive};
use super::operations::{self, Unfit};
use super::programs::{Expression, Piece, Program, Statement, ToolCall};

/// A place in the plan: the site of a call, and in which round of each loop around it.
pub(crate) type Point = (usize, Vec<usize>);

/// A call that the plan makes.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) point: Point,
    pub(crate) tool: String,
    /// As the parameters want them; what is None is left out when the tool is called, and could have been something.
    pub(crate) arguments: BTreeMap<String, Naive>,
    /// What decided that the call is made.
    pub(crate) context: Label,
}

/// How far it got.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// To the end, with the answer: what was said last, else the value of the last statement.
    Done(Naive),
    /// A step failed, as it does for data that does not go with the plan.
    Failed,
    /// The last of the calls has no answer yet.
    Waits,
}

/// What ends an interpretation early.
enum Stop {
    Failed,
    Waits,
}

impl From<Unfit> for Stop {
    fn from(_: Unfit) -> Self {
        Self::Failed
    }
}

/// Carries a plan out as far as there are answers, and tells its calls in their order. A call that a tool of the system
/// itself answers has nothing for an answer, and no label.
pub(crate) fn interpret(
    program: &Program,
    catalog: &Catalog,
    answers: &mut dyn FnMut(usize, &Asked) -> Option<Json>,
) -> (Vec<Asked>, End) {
    let mut oracle = Oracle {
        catalog,
        answers,
        variables: BTreeMap::new(),
        context: Label::default(),
        loops: Vec::new(),
        rounds: Vec::new(),
        calls: Vec::new(),
        last: Naive::constant(Data::None),
        said: None,
    };
    let end = match oracle.block(&program.statements) {
        Ok(()) => End::Done(oracle.said.unwrap_or(oracle.last)),
        Err(Stop::Failed) => End::Failed,
        Err(Stop::Waits) => End::Waits,
    };
    (oracle.calls, end)
}

struct Oracle<'a> {
    catalog: &'a Catalog,
    answers: &'a mut dyn FnMut(usize, &Asked) -> Option<Json>,
    variables: BTreeMap<String, Naive>,
    /// What everything that is done now depends on.
    context: Label,
    /// The loops around this place: the variable, what stands before it, and the list's label.
    loops: Vec<(String, Label, Label)>,
    rounds: Vec<usize>,
    calls: Vec<Asked>,
    last: Naive,
    said: Option<Naive>,
}

impl Oracle<'_> {
    fn block(&mut self, statements: &[Statement]) -> Result<(), Stop> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Stop> {
        match statement {
            Statement::Assign(name, value) => {
                let value = self.kept(value)?;
                self.last = value.clone();
                self.variables.insert(name.clone(), value);
            }
            Statement::Evaluate(value) => self.last = self.kept(value)?,
            Statement::For { variable, over, body } => {
                let list = operations::needed(self.evaluate(over)?)?;
                self.each(variable, &list, |oracle| oracle.block(body))?;
            }
            Statement::If { arms, otherwise } => self.choice(arms, otherwise)?,
        }
        Ok(())
    }

    fn choice(&mut self, arms: &[(Expression, Vec<Statement>)], otherwise: &[Statement]) -> Result<(), Stop> {
        let Some(((condition, body), rest)) = arms.split_first() else { return self.block(otherwise) };
        let condition = self.evaluate(condition)?;
        self.under(&condition.label, |oracle| {
            if condition.is_true() { oracle.block(body) } else { oracle.choice(rest, otherwise) }
        })
    }

    /// Does something that depends on a label as well.
    fn under<T>(&mut self, label: &Label, act: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let before = self.context.clone();
        self.context = before.and(label);
        let outcome = act(self);
        self.context = before;
        outcome
    }

    /// Does something for each element of a list.
    fn each(
        &mut self,
        variable: &str,
        list: &Naive,
        mut act: impl FnMut(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Data::List(items) = &list.data else { return Err(Stop::Failed) };
        for (round, item) in items.iter().enumerate() {
            self.variables.insert(variable.to_owned(), item.clone().also(&list.label));
            self.rounds.push(round);
            self.loops.push((variable.to_owned(), self.context.clone(), list.label.clone()));
            let outcome = self.under(&list.label, &mut act);
            self.loops.pop();
            self.rounds.pop();
            outcome?;
        }
        Ok(())
    }

    /// A value that stays: that it is there depends on what led here.
    fn kept(&mut self, expression: &Expression) -> Result<Naive, Stop> {
        Ok(self.evaluate(expression)?.also(&self.context))
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Naive, Stop> {
        Ok(match expression {
            Expression::None => Naive::constant(Data::None),
            Expression::Bool(truth) => Naive::constant(Data::Bool(*truth)),
            Expression::Int(number) => Naive::constant(Data::Int(*number)),
            Expression::Number(number) => Naive::constant(Data::Number(*number)),
            Expression::Text(text) => Naive::constant(Data::Text(text.clone())),
            Expression::Variable(name) => self.variables.get(name).cloned().ok_or(Unfit)?,
            Expression::Field(base, name) => operations::field(operations::needed(self.evaluate(base)?)?, name)?,
            Expression::Index(base, place) => {
                let base = operations::needed(self.evaluate(base)?)?;
                operations::index(&base, &self.evaluate(place)?)?
            }
            Expression::List(items) => Naive::constant(Data::List(self.all(items)?)),
            Expression::Format(pieces) => self.format(pieces)?,
            Expression::Arithmetic(operator, left, right) => {
                let left = operations::needed(self.evaluate(left)?)?;
                operations::arithmetic(*operator, left, operations::needed(self.evaluate(right)?)?)?
            }
            Expression::Negate(operand) => operations::negated(operations::needed(self.evaluate(operand)?)?)?,
            Expression::Not(operand) => {
                let operand = self.evaluate(operand)?;
                Naive::of(Data::Bool(!operand.is_true()), operand.label)
            }
            Expression::Junction { all, operands } => self.junction(*all, operands)?,
            Expression::Compare(operator, left, right) => {
                let left = self.evaluate(left)?;
                operations::compared(operator, &left, &self.evaluate(right)?)
            }
            Expression::Builtin(builtin, value) => operations::built_in(builtin, &self.evaluate(value)?)?,
            Expression::Join(list, separator) => {
                let list = operations::needed(self.evaluate(list)?)?;
                operations::joined(&list, &self.evaluate(separator)?)?
            }
            Expression::Comprehension { element, variable, over, conditions } => {
                self.comprehension(element, variable, over, conditions)?
            }
            Expression::Call(call) => self.call(call)?,
        })
    }

    fn all(&mut self, expressions: &[Expression]) -> Result<Vec<Naive>, Stop> {
        expressions.iter().map(|expression| self.evaluate(expression)).collect()
    }

    fn format(&mut self, pieces: &[Piece]) -> Result<Naive, Stop> {
        let (mut text, mut label) = (String::new(), Label::default());
        for piece in pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Value(value, decimals) => {
                    let value = self.evaluate(value)?;
                    label = label.and(&value.deep());
                    let as_number = operations::arithmetic(
                        '*',
                        Naive::constant(value.data.clone()),
                        Naive::constant(Data::Number(1.0)),
                    );
                    match (decimals, as_number.map(|value| value.data)) {
                        (Some(decimals), Ok(Data::Number(number))) => {
                            text.push_str(&format!("{number:.*}", usize::from(*decimals)));
                        }
                        _ => text.push_str(&value.shown()),
                    }
                }
            }
        }
        Ok(Naive::of(Data::Text(text), label))
    }

    /// The operand that decides, under all those before it.
    fn junction(&mut self, all: bool, operands: &[Expression]) -> Result<Naive, Stop> {
        let Some((first, rest)) = operands.split_first() else { return Ok(Naive::constant(Data::Bool(all))) };
        let first = self.evaluate(first)?;
        if rest.is_empty() || first.is_true() != all {
            return Ok(Naive::of(Data::Bool(first.is_true()), first.label));
        }
        let rest = self.under(&first.label, |oracle| oracle.junction(all, rest))?;
        Ok(rest.also(&first.label))
    }

    fn comprehension(
        &mut self,
        element: &Expression,
        variable: &str,
        over: &Expression,
        conditions: &[Expression],
    ) -> Result<Naive, Stop> {
        let list = operations::needed(self.evaluate(over)?)?;
        let (mut collected, mut shape) = (Vec::new(), list.label.clone());
        self.each(variable, &list, |oracle| {
            let item = oracle.filtered(element, conditions, &mut shape)?;
            collected.extend(item);
            Ok(())
        })?;
        Ok(Naive::of(Data::List(collected), shape))
    }

    /// The element, if it is collected. That it is, or is not, shows in the list.
    fn filtered(
        &mut self,
        element: &Expression,
        conditions: &[Expression],
        shape: &mut Label,
    ) -> Result<Option<Naive>, Stop> {
        let Some((condition, rest)) = conditions.split_first() else { return self.kept(element).map(Some) };
        let condition = self.evaluate(condition)?;
        *shape = shape.and(&condition.label);
        if !condition.is_true() {
            return Ok(None);
        }
        self.under(&condition.label, |oracle| oracle.filtered(element, rest, shape))
    }

    fn call(&mut self, call: &ToolCall) -> Result<Naive, Stop> {
        let schema = self.catalog.tools.get(&call.tool).ok_or(Unfit)?;
        let mut arguments = BTreeMap::new();
        for (name, expression) in &call.arguments {
            let parameter = schema.parameter(name).ok_or(Unfit)?;
            let value = operations::converted(self.evaluate(expression)?, &parameter.ty, self.catalog)?;
            let context = self.context_of(call, &parameter.shown_to, expression);
            arguments.insert(name.clone(), value.also(&context));
        }
        let is_absent = |name: &String| arguments.get(name).is_none_or(|value| value.data == Data::None);
        if schema.parameters.iter().any(|parameter| parameter.required && is_absent(&parameter.name)) {
            return Err(Stop::Failed);
        }
        let influence = arguments.values().fold(self.context.clone(), |all, value| all.and(&value.deep()));
        let said = arguments.get("text").filter(|_| call.tool == "say").cloned();
        let asked = Asked {
            point: (call.site, self.rounds.clone()),
            tool: call.tool.clone(),
            arguments,
            context: self.context.clone(),
        };
        let place = self.calls.len();
        self.calls.push(asked.clone());
        let answer = (self.answers)(place, &asked).ok_or(Stop::Waits)?;
        if said.is_some() {
            self.said = said;
        }
        let value = match (schema.executor, &schema.returns) {
            (Executor::Kernel, Type::None) => Naive::constant(Data::None),
            _ => Naive::answer(&schema.returns, &answer, self.catalog, place),
        };
        Ok(value.also(&influence))
    }

    /// What an argument depends on. Words of the plan that go to somebody in a list out of the person's own contacts alone
    /// are no secret of that list to them.
    fn context_of(&self, call: &ToolCall, shown_to: &[String], expression: &Expression) -> Label {
        let Some((variable, outer, list)) = self.loops.last() else { return self.context.clone() };
        let is_of_contacts = |call: &usize| self.calls.get(*call).is_some_and(|asked| asked.tool == "people.find");
        let goes_to_it =
            |name: &String| call.arguments.iter().any(|(other, value)| other == name && is_element(value, variable));
        let is_plain = matches!(expression, Expression::Text(_)) && self.context == outer.and(list);
        if is_plain && !shown_to.is_empty() && shown_to.iter().all(goes_to_it) && list.calls.iter().all(is_of_contacts)
        {
            return Label { readers: outer.readers.clone(), ..self.context.clone() };
        }
        self.context.clone()
    }
}

fn is_element(value: &Expression, variable: &str) -> bool {
    match value {
        Expression::Variable(name) => name == variable,
        Expression::Field(base, _) => matches!(&**base, Expression::Variable(name) if name == variable),
        Expression::List(items) => items.len() == 1 && is_element(&items[0], variable),
        _ => false,
    }
}
