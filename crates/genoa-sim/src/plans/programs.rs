//! The syntax tree of random plans, and its text.

use std::fmt::{self, Display, Formatter, Write};

/// A plan.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Assign(String, Expression),
    Evaluate(Expression),
    For { variable: String, over: Expression, body: Vec<Statement> },
    If { arms: Vec<(Expression, Vec<Statement>)>, otherwise: Vec<Statement> },
}

#[derive(Clone, Debug)]
pub(crate) enum Expression {
    None,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    Variable(String),
    Field(Box<Expression>, String),
    Index(Box<Expression>, Box<Expression>),
    List(Vec<Expression>),
    Format(Vec<Piece>),
    Arithmetic(char, Box<Expression>, Box<Expression>),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Junction { all: bool, operands: Vec<Expression> },
    Compare(&'static str, Box<Expression>, Box<Expression>),
    Builtin(Builtin, Box<Expression>),
    Join(Box<Expression>, Box<Expression>),
    Comprehension { element: Box<Expression>, variable: String, over: Box<Expression>, conditions: Vec<Expression> },
    Call(ToolCall),
}

/// A call of a tool, at a place of the plan that no other call has.
#[derive(Clone, Debug)]
pub(crate) struct ToolCall {
    pub(crate) site: usize,
    pub(crate) tool: String,
    pub(crate) arguments: Vec<(String, Expression)>,
}

/// A built-in function other than `join`.
#[derive(Clone, Debug)]
pub(crate) enum Builtin {
    Len,
    Count,
    First,
    Last,
    Str,
    Largest { by: Option<String> },
    Sum { by: Option<String> },
    Sorted { by: Option<String>, descending: bool, count: Option<usize> },
}

/// A piece of an f-string.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Value(Expression, Option<u8>),
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_block(f, &self.statements, 0)
    }
}

fn write_block(f: &mut Formatter<'_>, statements: &[Statement], depth: usize) -> fmt::Result {
    let indent = "    ".repeat(depth);
    for statement in statements {
        match statement {
            Statement::Assign(name, value) => writeln!(f, "{indent}{name} = {value}")?,
            Statement::Evaluate(value) => writeln!(f, "{indent}{value}")?,
            Statement::For { variable, over, body } => {
                writeln!(f, "{indent}for {variable} in {over}:")?;
                write_block(f, body, depth + 1)?;
            }
            Statement::If { arms, otherwise } => {
                for (place, (condition, body)) in arms.iter().enumerate() {
                    writeln!(f, "{indent}{} {condition}:", if place == 0 { "if" } else { "elif" })?;
                    write_block(f, body, depth + 1)?;
                }
                if !otherwise.is_empty() {
                    writeln!(f, "{indent}else:")?;
                    write_block(f, otherwise, depth + 1)?;
                }
            }
        }
    }
    Ok(())
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Variable(name) => f.write_str(name),
            Self::Field(base, name) => write!(f, "{base}.{name}"),
            Self::Index(base, index) => write!(f, "{base}[{index}]"),
            Self::List(items) => write!(f, "[{}]", listed(items)),
            Self::Format(pieces) => {
                f.write_str("f\"")?;
                pieces.iter().try_for_each(|piece| piece.fmt(f))?;
                f.write_char('"')
            }
            Self::Arithmetic(operator, left, right) => write!(f, "({left} {operator} {right})"),
            Self::Negate(operand) => write!(f, "(-{operand})"),
            Self::Not(operand) => write!(f, "(not {operand})"),
            Self::Junction { all, operands } => {
                let operands: Vec<String> = operands.iter().map(ToString::to_string).collect();
                write!(f, "({})", operands.join(if *all { " and " } else { " or " }))
            }
            Self::Compare(operator, left, right) => write!(f, "({left} {operator} {right})"),
            Self::Builtin(builtin, value) => write_builtin(f, builtin, value),
            Self::Join(list, separator) => write!(f, "join({list}, {separator})"),
            Self::Comprehension { element, variable, over, conditions } => {
                write!(f, "[{element} for {variable} in {over}")?;
                conditions.iter().try_for_each(|condition| write!(f, " if {condition}"))?;
                f.write_char(']')
            }
            Self::Call(call) => {
                let arguments: Vec<String> =
                    call.arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "{}({})", call.tool, arguments.join(", "))
            }
        }
    }
}

fn listed(items: &[Expression]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn write_builtin(f: &mut Formatter<'_>, builtin: &Builtin, value: &Expression) -> fmt::Result {
    let (name, by) = match builtin {
        Builtin::Len => ("len", &None),
        Builtin::Count => ("count", &None),
        Builtin::First => ("first", &None),
        Builtin::Last => ("last", &None),
        Builtin::Str => ("str", &None),
        Builtin::Largest { by } => ("largest", by),
        Builtin::Sum { by } => ("sum", by),
        Builtin::Sorted { by, .. } => ("sorted", by),
    };
    write!(f, "{name}({value}")?;
    if let Some(by) = by {
        write!(f, ", by=\"{by}\"")?;
    }
    if let Builtin::Sorted { descending, count, .. } = builtin {
        if *descending {
            f.write_str(", descending=True")?;
        }
        if let Some(count) = count {
            write!(f, ", count={count}")?;
        }
    }
    f.write_char(')')
}

impl Display for Piece {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Value(value, None) => write!(f, "{{{value}}}"),
            Self::Value(value, Some(decimals)) => write!(f, "{{{value}:.{decimals}f}}"),
        }
    }
}
