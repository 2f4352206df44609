//! The check: the type of every expression, and with it the instructions that the run carries out.

use std::collections::BTreeMap;

use genoa_abi::Datum;
use genoa_abi::schema::{Catalog, Type};

use crate::ast::{Expression, ExpressionKind, Place, Statement, StatementKind};
use crate::builtins::HELPERS;
use crate::code::{Instruction, Operation};
use crate::finding::{Finding, listed};
use crate::types::{LIST_DEPTH, join, list_depth, present};

/// A finding, or nothing where one was reported for the cause already.
pub(crate) type Checking<T> = Result<T, Option<Finding>>;

/// A name and its type; no type if its statement was wrong.
pub(crate) type Variables = BTreeMap<String, Option<Type>>;

/// The state of one check.
pub(crate) struct Checker<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) variables: Variables,
    findings: Vec<Finding>,
    code: Vec<Instruction>,
    line: u32,
    /// The variable of the innermost `for` or comprehension.
    pub(crate) loop_variable: Option<String>,
    /// The variables where the plan goes on, once that place was seen.
    pub(crate) open: Option<Variables>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        let (variables, findings, code) = (Variables::new(), Vec::new(), Vec::new());
        Self { catalog, variables, findings, code, line: 0, loop_variable: None, open: None }
    }

    /// Checks a whole plan.
    pub(crate) fn plan(mut self, statements: &[Statement]) -> Result<Vec<Instruction>, Vec<Finding>> {
        self.refusal_stands_alone(statements);
        self.block(statements);
        if self.findings.is_empty() { Ok(self.code) } else { Err(self.findings) }
    }

    /// Checks a plan that goes on, and answers with the variables at that place.
    pub(crate) fn prefix(mut self, statements: &[Statement]) -> Result<Variables, Vec<Finding>> {
        self.block(statements);
        match self.open {
            Some(variables) if self.findings.is_empty() => Ok(variables),
            _ => Err(self.findings),
        }
    }

    fn refusal_stands_alone(&mut self, statements: &[Statement]) {
        let mut refusals = Vec::new();
        crate::lints::each_call(statements, &mut |call, function| {
            if function == "refuse" {
                refusals.push(call.at);
            }
        });
        let alone = matches!(statements, [Statement { kind: StatementKind::Expression(expression), .. }]
            if matches!(&expression.kind, ExpressionKind::Call { function, positional, named }
                if function == "refuse" && positional.iter().chain(named.iter().map(|argument| &argument.value))
                    .all(|value| matches!(value.kind, ExpressionKind::Text(_)))));
        if let (Some(at), false) = (refusals.first(), alone) {
            let help = "write the steps without it, or refuse(\"why\") and nothing else";
            self.findings.push(Finding::new(*at, "`refuse` must be the whole plan", help));
        }
    }

    fn block(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.line = statement.at.line;
            if let Err(Some(finding)) = self.statement(statement) {
                self.findings.push(finding);
            }
        }
    }

    fn statement(&mut self, statement: &Statement) -> Checking<()> {
        match &statement.kind {
            StatementKind::Assign { name, value } => self.assign(name, value, statement.at),
            StatementKind::Expression(expression) => {
                self.infer(expression, None)?;
                self.emit(Operation::Result);
                Ok(())
            }
            StatementKind::For { variable, over, body } => self.for_loop(statement.at, variable, over, body),
            StatementKind::If { condition, body, otherwise } => self.branch(condition, body, otherwise),
            StatementKind::Open => {
                self.open = Some(self.variables.clone());
                Ok(())
            }
        }
    }

    fn assign(&mut self, name: &str, value: &Expression, at: Place) -> Checking<()> {
        let fresh = self.check_fresh(name, at);
        let inferred = self.infer(value, None).and_then(|ty| self.storable(ty, value));
        fresh?;
        self.variables.insert(name.to_owned(), inferred.as_ref().ok().cloned());
        inferred?;
        self.emit(Operation::Store(name.to_owned()));
        Ok(())
    }

    fn storable(&self, ty: Type, value: &Expression) -> Checking<Type> {
        if ty == Type::None && !matches!(value.kind, ExpressionKind::None) {
            let message = format!("`{}` returns nothing that could be kept", value.source);
            return Err(Finding::new(value.at, message, "write the call without `name =`").into());
        }
        if list_depth(&ty) > LIST_DEPTH {
            return Err(Finding::new(value.at, format!("lists nest deeper than {LIST_DEPTH}"), "").into());
        }
        Ok(ty)
    }

    /// Names are bound once, and never hide a tool.
    pub(crate) fn check_fresh(&self, name: &str, at: Place) -> Checking<()> {
        let group = |tool: &str| tool.split('.').next() == Some(name);
        let message = if HELPERS.contains(&name) || self.catalog.tools.keys().any(|tool| group(tool)) {
            format!("`{name}` is the name of a function")
        } else if self.variables.contains_key(name) {
            format!("`{name}` is bound already")
        } else {
            return Ok(());
        };
        Err(Finding::new(at, message, format!("choose a fresh name, for example `{name}_2`")).into())
    }

    fn for_loop(&mut self, at: Place, variable: &str, over: &Expression, body: &[Statement]) -> Checking<()> {
        self.check_fresh(variable, at)?;
        let item = match self.list_item(over) {
            Ok(item) => Some(item),
            Err(finding) => {
                // The body is checked all the same, for its own mistakes.
                self.findings.extend(finding);
                None
            }
        };
        let before = self.variables.clone();
        self.emit(Operation::Loop { collects: false });
        let next = self.emit_next(variable);
        self.variables.insert(variable.to_owned(), item);
        let outer = self.loop_variable.replace(variable.to_owned());
        self.block(body);
        self.loop_variable = outer;
        self.emit(Operation::Jump(next));
        self.patch(next);
        let forget = self.variables.keys().filter(|name| !before.contains_key(*name)).cloned().collect();
        self.emit(Operation::EndLoop { forget });
        self.variables = before;
        Ok(())
    }

    fn branch(&mut self, condition: &Expression, body: &[Statement], otherwise: &[Statement]) -> Checking<()> {
        if let Err(Some(finding)) = self.condition(condition) {
            self.findings.push(finding);
        }
        let before = self.variables.clone();
        let branch = self.emit(Operation::Branch { otherwise: 0 });
        self.block(body);
        let after_body = std::mem::replace(&mut self.variables, before.clone());
        let jump = self.emit(Operation::Jump(0));
        self.patch(branch);
        self.block(otherwise);
        self.patch(jump);
        self.emit(Operation::EndBranch);
        self.merge(before, &after_body);
        Ok(())
    }

    /// After an `if`, a name is bound if both ways bind it to the same type.
    fn merge(&mut self, before: Variables, after_body: &Variables) {
        let after_otherwise = std::mem::replace(&mut self.variables, before);
        for (name, ty) in after_otherwise {
            if self.variables.contains_key(&name) {
                continue;
            }
            match (ty, after_body.get(&name)) {
                (Some(ty), Some(Some(other))) => {
                    if let Some(joined) = join(&ty, other) {
                        self.variables.insert(name, Some(joined));
                    }
                }
                (None, Some(_)) | (Some(_), Some(None)) => {
                    self.variables.insert(name, None);
                }
                (_, None) => {}
            }
        }
    }

    /// A condition may be anything that is or is not there.
    pub(crate) fn condition(&mut self, condition: &Expression) -> Checking<()> {
        if self.infer(condition, None)? == Type::None && !matches!(condition.kind, ExpressionKind::None) {
            let message = format!("`{}` returns nothing to decide by", condition.source);
            return Err(Finding::new(condition.at, message, "").into());
        }
        Ok(())
    }

    /// The type of the elements of a list expression.
    pub(crate) fn list_item(&mut self, over: &Expression) -> Checking<Type> {
        let ty = self.infer(over, None)?;
        self.need_present(&ty, over);
        match present(&ty) {
            Type::List(item) => Ok((**item).clone()),
            other => {
                let lists = listed(self.list_variables());
                let help = if lists.is_empty() { lists } else { format!("lists are {lists}") };
                Err(Finding::new(over.at, format!("`{}` is {other}, not a list", over.source), help).into())
            }
        }
    }

    fn list_variables(&self) -> impl Iterator<Item = &str> {
        let lists =
            self.variables.iter().filter(|(_, ty)| ty.as_ref().is_some_and(|ty| matches!(present(ty), Type::List(_))));
        lists.map(|(name, _)| name.as_str())
    }

    /// Emits the run-time check of a value that may be None.
    pub(crate) fn need_present(&mut self, ty: &Type, expression: &Expression) {
        if matches!(ty, Type::Optional(_)) {
            self.emit(Operation::Need { what: expression.source.clone() });
        }
    }

    pub(crate) fn emit(&mut self, operation: Operation) -> usize {
        self.code.push(Instruction { line: self.line, operation });
        self.code.len() - 1
    }

    pub(crate) fn emit_next(&mut self, variable: &str) -> usize {
        self.emit(Operation::Next { variable: variable.to_owned(), end: 0 })
    }

    pub(crate) fn emit_constant(&mut self, datum: Datum) {
        self.emit(Operation::Constant(datum));
    }

    /// Lets the jump at `place` lead to the next instruction.
    pub(crate) fn patch(&mut self, place: usize) {
        self.patch_back(place, 0);
    }

    /// Lets the jump at `place` lead to the instruction that stands `back` before the next one.
    pub(crate) fn patch_back(&mut self, place: usize, back: usize) {
        let here = self.code.len().saturating_sub(back);
        match &mut self.code[place].operation {
            Operation::Branch { otherwise: target }
            | Operation::Jump(target)
            | Operation::Decide { end: target, .. }
            | Operation::Next { end: target, .. } => *target = here,
            _ => {}
        }
    }
}
