//! The syntax tree of a plan: only what the language has.

/// Where something begins in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
}

/// A statement.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) at: Place,
    pub(crate) kind: StatementKind,
}

#[derive(Clone, Debug)]
pub(crate) enum StatementKind {
    Assign {
        name: String,
        value: Expression,
    },
    Expression(Expression),
    For {
        variable: String,
        over: Expression,
        body: Vec<Statement>,
    },
    /// `elif` is an `If` that stands alone in `otherwise`.
    If {
        condition: Expression,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    /// Where the next statement of an unfinished plan goes; written `pass`, and only a prefix may hold it.
    Open,
}

/// An expression, with its source text for messages and the preview.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) at: Place,
    pub(crate) source: String,
    pub(crate) kind: ExpressionKind,
}

#[derive(Clone, Debug)]
pub(crate) enum ExpressionKind {
    None,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    Name(String),
    List(Vec<Expression>),
    /// `{"total": "number"}`: fields with their types, which only `extract` takes.
    Fields(Vec<(String, String)>),
    Field {
        base: Box<Expression>,
        name: String,
        name_at: Place,
    },
    Index {
        base: Box<Expression>,
        index: Box<Expression>,
    },
    Call {
        function: String,
        positional: Vec<Expression>,
        named: Vec<Argument>,
    },
    Format(Vec<Part>),
    Arithmetic {
        operator: Arithmetic,
        left: Box<Expression>,
        right: Box<Expression>,
    },
    Negate(Box<Expression>),
    Not(Box<Expression>),
    /// `and` (all) or `or` (any).
    Junction {
        all: bool,
        operands: Vec<Expression>,
    },
    Compare {
        operator: Comparison,
        left: Box<Expression>,
        right: Box<Expression>,
    },
    Comprehension {
        element: Box<Expression>,
        variable: String,
        over: Box<Expression>,
        conditions: Vec<Expression>,
    },
}

/// An argument with its name.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) at: Place,
    pub(crate) name: String,
    pub(crate) value: Expression,
}

/// A piece of an f-string.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    /// A value, shown with this many decimals if it says so (`{x:.1f}`).
    Value(Expression, Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}
