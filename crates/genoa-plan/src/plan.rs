//! A checked plan.

use genoa_abi::Datum;
use genoa_abi::schema::Catalog;
use serde::{Deserialize, Serialize};

use crate::check::Checker;
use crate::code::{Instruction, Operation, Piece};
use crate::finding::Finding;
use crate::parse::parse;
use crate::typed::with_entries;
use crate::types::look_up;
use crate::{lints, preview};

/// A plan that passed the check: its source, and what the run carries out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    source: String,
    tools: Vec<String>,
    pub(crate) code: Vec<Instruction>,
}

/// A plan, and what looks odd about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The plan.
    pub plan: Plan,
    /// What may be meant otherwise. A plan with warnings runs.
    pub warnings: Vec<Finding>,
}

/// Parses a plan, checks it against the tools of `catalog` and the limits, and compares it with the intention.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines.
pub fn check(source: &str, catalog: &Catalog, intention: &str) -> Result<Checked, Vec<Finding>> {
    let statements = parse(source).map_err(|finding| vec![finding])?;
    if statements.is_empty() {
        let help = "write at least one statement, or refuse(\"why\")".to_owned();
        return Err(vec![Finding { line: 0, column: 0, message: "the plan is empty".to_owned(), help }]);
    }
    let catalog = &*with_entries(&statements, catalog);
    let code = Checker::new(catalog).plan(&statements)?;
    let warnings = lints::lint(&statements, catalog, intention);
    let plan = Plan { source: source.to_owned(), tools: called_tools(&code, catalog), code };
    Ok(Checked { plan, warnings })
}

impl Plan {
    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The plan in plain words, one line a statement, inner statements indented by two spaces.
    #[must_use]
    pub fn preview(&self, catalog: &Catalog) -> Vec<String> {
        // A plan that was checked parses; one that was tampered with has nothing to show and fails when it runs.
        parse(&self.source).map(|statements| preview::preview(&statements, catalog)).unwrap_or_default()
    }

    /// The tools that a run may call, each once, in the order in which the plan names them; then those that only
    /// look up records for texts. A run may also `ask` which of several records is meant.
    #[must_use]
    pub fn tools(&self) -> Vec<&str> {
        self.tools.iter().map(String::as_str).collect()
    }

    /// The reason, if the whole plan is `refuse("…")`.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.only_call("refuse")
    }

    /// The question, if the whole plan is `ask("…")`.
    #[must_use]
    pub fn question(&self) -> Option<&str> {
        self.only_call("ask")
    }

    /// What the plan says in its writer's own words: the literal texts of its `say`s, with `…` for what is put into them.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let says = |step: &Instruction| matches!(&step.operation, Operation::Call { tool, .. } if tool == "say");
        let mut told = Vec::new();
        for (place, _) in self.code.iter().enumerate().filter(|(_, step)| says(step)) {
            let before = self.code[..place].iter().rev().map(|step| &step.operation);
            match before.into_iter().find(|operation| !matches!(operation, Operation::Coerce { .. })) {
                Some(Operation::Constant(Datum::Text(text))) => told.push(text.clone()),
                Some(Operation::Format(pieces)) => told.push(pieces.iter().map(literal).collect()),
                _ => {}
            }
        }
        told
    }

    /// The text, if the whole plan is one call of `function` with one text.
    fn only_call(&self, function: &str) -> Option<&str> {
        let [first, rest @ ..] = self.code.as_slice() else { return None };
        let mut calls = rest.iter().filter(|step| matches!(step.operation, Operation::Call { .. }));
        let is_it = |step: &Instruction| matches!(&step.operation, Operation::Call { tool, names } if tool == function && names.len() == 1);
        match &first.operation {
            Operation::Constant(Datum::Text(text)) if calls.next().is_some_and(is_it) && calls.next().is_none() => {
                let is_all = matches!(self.code.last()?.operation, Operation::Result);
                is_all.then_some(text.as_str())
            }
            _ => None,
        }
    }
}

fn literal(piece: &Piece) -> &str {
    match piece {
        Piece::Text(text) => text,
        Piece::Value(_) => "…",
    }
}

fn called_tools(code: &[Instruction], catalog: &Catalog) -> Vec<String> {
    let mut tools: Vec<String> = Vec::new();
    let mut add = |tool: &str| {
        if !tools.iter().any(|known| known == tool) {
            tools.push(tool.to_owned());
        }
    };
    for step in code {
        if let Operation::Call { tool, .. } = &step.operation {
            add(tool);
        }
    }
    for step in code {
        if let Operation::Coerce { to, .. } = &step.operation
            && let genoa_abi::schema::Type::Record(name) = crate::types::innermost(to)
            && let Some(tool) = look_up(catalog, name)
        {
            add(tool);
        }
    }
    tools
}
