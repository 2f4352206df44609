//! What a plan has bound so far, at each indentation at which it can go on.

use std::collections::BTreeMap;

use genoa_abi::limits::{PLAN_BYTES, PLAN_STATEMENTS};
use genoa_abi::schema::{Catalog, RecordType, Type};

use super::functions::WHOLE_PLANS;
use crate::ast::{ExpressionKind, Statement, StatementKind};
use crate::check::{Checker, Variables};
use crate::finding::Finding;
use crate::lints::keeps_unused;
use crate::parse::parse_open;
use crate::typed::with_entries;

/// How deep a planner may nest blocks.
const BLOCK_DEPTH: usize = 3;
/// What a block adds to the indentation.
const INDENTATION: &str = "    ";
/// The functions whose results a small model likes to hand to them again.
pub(super) const CHANGING: [&str; 2] = ["rewrite", "edit"];
/// Room for one more statement.
const STATEMENT_BYTES: usize = 4096;

/// The places where the next statement may stand, with what is bound there.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    pub(super) levels: Vec<Level>,
    /// Nothing is written yet.
    pub(super) is_first: bool,
    /// The plan is complete as it stands.
    pub(super) may_end: bool,
    /// Only calls that change something may follow.
    pub(super) only_acts: bool,
    /// The record types that the plan has made so far by asking for fields with types.
    pub(super) entries: Vec<RecordType>,
}

/// One indentation at which the plan can go on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    /// What must still be written before the statement.
    pub(super) margin: String,
    pub(super) variables: BTreeMap<String, Type>,
    /// A block may begin here.
    pub(super) may_nest: bool,
    /// An `else` or `elif` may stand here, with these variables in it.
    pub(super) otherwise: Option<BTreeMap<String, Type>>,
    /// A text was rewritten, and nothing is done with it so far: it is not rewritten once more.
    pub(super) has_rewritten: bool,
}

impl Scope {
    /// The same place in a plan that is known to lack something: it cannot end there, if anything can follow at all.
    #[must_use]
    pub fn unfinished(self) -> Self {
        Self { may_end: self.may_end && self.levels.is_empty(), ..self }
    }

    /// The same place in a plan in which something is still to be written: only what acts can follow.
    #[must_use]
    pub fn acting(self) -> Self {
        Self { only_acts: true, may_end: false, ..self }
    }

    /// The same place in a plan for something that can be done, as an earlier plan showed: it neither refuses nor asks.
    #[must_use]
    pub fn feasible(self) -> Self {
        Self { is_first: false, ..self }
    }
}

/// Reads the beginning of a plan: complete statements, and perhaps a block that was opened, with the indentation of its
/// next statement or without it.
///
/// # Errors
/// What the check finds wrong with the beginning.
pub fn scope_after(source_so_far: &str, catalog: &Catalog) -> Result<Scope, Vec<Finding>> {
    let (complete, margin) = split(source_so_far);
    let lines = complete.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let is_open = lines.clone().next_back().is_some_and(|line| line.trim_end().ends_with(':'));
    let mut indentations = open_indentations(lines);
    if is_open && let Some(last) = indentations.last() {
        indentations.push(format!("{last}{INDENTATION}"));
    }
    let is_first = complete.trim().is_empty();
    if let Some(margin) = margin {
        indentations = vec![margin.to_owned()];
    }
    let mut levels = Vec::new();
    let mut findings = Vec::new();
    let mut statements = 0;
    for (depth, indentation) in indentations.iter().enumerate() {
        match level(&complete, indentation, margin.is_some(), depth, catalog) {
            Ok((level, count, is_whole)) => {
                statements = count;
                if !is_whole {
                    levels.push(level);
                }
            }
            Err(found) => findings = found,
        }
    }
    if levels.is_empty() && statements == 0 {
        return Err(findings);
    }
    if statements > PLAN_STATEMENTS || complete.len() + STATEMENT_BYTES > PLAN_BYTES {
        levels.clear();
    } else if statements + 1 > PLAN_STATEMENTS {
        levels.iter_mut().for_each(|level| {
            level.may_nest = false;
            level.otherwise = None;
        });
    }
    let may_end = !is_first && !is_open && margin.is_none();
    Ok(Scope { levels, is_first, may_end, only_acts: false, entries: entries(&complete, &indentations, catalog) })
}

/// The record types that typed fields in these lines make.
fn entries(complete: &str, indentations: &[String], catalog: &Catalog) -> Vec<RecordType> {
    let innermost = indentations.last().map(String::as_str).unwrap_or_default();
    let Ok(statements) = parse_open(&format!("{complete}{innermost}pass\n")) else { return Vec::new() };
    let known = with_entries(&statements, catalog);
    known.records.values().filter(|record| !catalog.records.contains_key(&record.name)).cloned().collect()
}

/// The complete lines, and the indentation of a line that was begun.
fn split(source: &str) -> (String, Option<&str>) {
    let (complete, begun) = match source.rfind('\n') {
        Some(end) => source.split_at(end + 1),
        None => ("", source),
    };
    if begun.is_empty() {
        (complete.to_owned(), None)
    } else if begun.trim().is_empty() {
        (complete.to_owned(), Some(begun))
    } else {
        (format!("{source}\n"), None)
    }
}

/// The indentations of the blocks that are open after these lines, the outermost first.
fn open_indentations<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut open = vec![String::new()];
    for line in lines {
        let indentation = &line[..line.len() - line.trim_start().len()];
        open.retain(|known| known.len() < indentation.len());
        open.push(indentation.to_owned());
    }
    open
}

/// The level at an indentation, the number of statements with one at that place, and whether the plan is whole: it refuses or asks.
fn level(
    complete: &str,
    indentation: &str,
    is_written: bool,
    depth: usize,
    catalog: &Catalog,
) -> Result<(Level, usize, bool), Vec<Finding>> {
    let statements = parse_open(&format!("{complete}{indentation}pass\n")).map_err(|finding| vec![finding])?;
    let catalog = &*with_entries(&statements, catalog);
    let variables = Checker::new(catalog).prefix(&statements)?;
    let depth = if is_written { indentation.len() / INDENTATION.len() } else { depth };
    let level = Level {
        margin: if is_written { String::new() } else { indentation.to_owned() },
        variables: known(variables),
        may_nest: depth < BLOCK_DEPTH,
        otherwise: otherwise(complete, indentation, catalog),
        has_rewritten: CHANGING.iter().any(|function| keeps_unused(&statements, function)),
    };
    Ok((level, count(&statements), is_whole_plan(&statements)))
}

fn otherwise(complete: &str, indentation: &str, catalog: &Catalog) -> Option<BTreeMap<String, Type>> {
    let source = format!("{complete}{indentation}else:\n{indentation}{INDENTATION}pass\n");
    let statements = parse_open(&source).ok()?;
    Checker::new(&with_entries(&statements, catalog)).prefix(&statements).ok().map(known)
}

fn known(variables: Variables) -> BTreeMap<String, Type> {
    variables.into_iter().filter_map(|(name, ty)| ty.map(|ty| (name, ty))).collect()
}

fn count(statements: &[Statement]) -> usize {
    statements
        .iter()
        .map(|statement| match &statement.kind {
            StatementKind::For { body, .. } => 1 + count(body),
            StatementKind::If { body, otherwise, .. } => 1 + count(body) + count(otherwise),
            _ => 1,
        })
        .sum()
}

fn is_whole_plan(statements: &[Statement]) -> bool {
    statements.first().is_some_and(|first| {
        matches!(&first.kind, StatementKind::Expression(call)
        if matches!(&call.kind, ExpressionKind::Call { function, .. } if WHOLE_PLANS.contains(&function.as_str())))
    })
}
