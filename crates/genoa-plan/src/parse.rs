//! Source text to syntax tree: Python's parser, then only what the language has.

use genoa_abi::limits::{PLAN_DEPTH, PLAN_STATEMENTS};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{self as py, Expr, Stmt};
use ruff_python_parser::parse_module;
use ruff_text_size::{Ranged, TextSize};

use crate::ast::{Argument, Arithmetic, Comparison, Expression, ExpressionKind, Part, Place, Statement, StatementKind};
use crate::finding::Finding;
use crate::guard::guard;

type Parsed<T> = Result<T, Finding>;

/// Parses a whole plan.
pub(crate) fn parse(source: &str) -> Parsed<Vec<Statement>> {
    Parser::new(source, false).module()
}

/// Parses a plan that goes on: it holds one `pass` where the next statement will stand.
pub(crate) fn parse_open(source: &str) -> Parsed<Vec<Statement>> {
    Parser::new(source, true).module()
}

struct Parser<'a> {
    source: &'a str,
    line_starts: Vec<usize>,
    /// Where bytes stand that are not the first of their character.
    inner_bytes: Vec<usize>,
    may_be_open: bool,
    statements: usize,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, may_be_open: bool) -> Self {
        let line_starts = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let inner = source.bytes().enumerate().filter(|(_, byte)| byte & 0b1100_0000 == 0b1000_0000);
        let inner_bytes = inner.map(|(at, _)| at).collect();
        Self { source, line_starts, inner_bytes, may_be_open, statements: 0 }
    }

    fn module(mut self) -> Parsed<Vec<Statement>> {
        if let Some(odd) = self.source.find(['\r', '\x0c', '\0']) {
            let at = self.place_of(odd);
            return Err(Finding::new(at, "the plan holds a control character", "lines end with a newline alone"));
        }
        guard(self.source).map_err(|deep| Finding::new(Place { line: deep.line, column: 1 }, deep.message, ""))?;
        let module = parse_module(self.source).map_err(|error| {
            let at = self.place(error.location.start());
            Finding::new(at, format!("not a plan: {}", error.error), "one statement a line, as in Python")
        })?;
        self.plain_names(&module)?;
        self.block(&module.syntax().body, 1)
    }

    /// Python folds letters of a name that look alike (`ａ` becomes `a`), and others look alike and stay apart (`а` of
    /// Cyrillic). Either way a reader would take one name for another, so names are plain.
    fn plain_names(&self, module: &ruff_python_parser::Parsed<py::ModModule>) -> Parsed<()> {
        for token in module.tokens().iter().filter(|token| token.kind() == TokenKind::Name) {
            let range = token.range();
            let name = self.source.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default();
            if let Some(odd) = name.chars().find(|letter| !letter.is_ascii()) {
                let help = format!(
                    "write it with the letters a to z, digits and `_`; U+{:04X} is none of them",
                    u32::from(odd)
                );
                return Err(Finding::new(self.place(range.start()), format!("`{name}` is not a plain name"), help));
            }
        }
        Ok(())
    }

    fn place(&self, offset: TextSize) -> Place {
        self.place_of(offset.to_usize())
    }

    fn place_of(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1];
        // Counted without going through the line, which may be all of the plan.
        let inner_before = |end: usize| self.inner_bytes.partition_point(|at| *at < end);
        let characters = offset.saturating_sub(start).saturating_sub(inner_before(offset) - inner_before(start));
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Place { line: number(line), column: number(characters + 1) }
    }

    fn refuse<T>(&self, node: &impl Ranged, message: impl Into<String>, help: &str) -> Parsed<T> {
        Err(Finding::new(self.place(node.start()), message, help))
    }

    fn block(&mut self, statements: &[Stmt], depth: usize) -> Parsed<Vec<Statement>> {
        statements.iter().map(|statement| self.statement(statement, depth)).collect()
    }

    fn statement(&mut self, statement: &Stmt, depth: usize) -> Parsed<Statement> {
        self.statements += 1;
        if self.statements > PLAN_STATEMENTS {
            return self.refuse(statement, format!("more than {PLAN_STATEMENTS} statements"), "split the plan");
        }
        if depth > PLAN_DEPTH {
            return self.refuse(statement, "this nests too deep", "");
        }
        let kind = match statement {
            Stmt::Assign(assign) => self.assign(assign, depth)?,
            Stmt::Expr(expression) => StatementKind::Expression(self.expression(&expression.value, depth)?),
            Stmt::For(each) => self.for_loop(each, depth)?,
            Stmt::If(test) => {
                let condition = self.expression(&test.test, depth)?;
                let body = self.block(&test.body, depth + 1)?;
                StatementKind::If { condition, body, otherwise: self.clauses(&test.elif_else_clauses, depth + 1)? }
            }
            Stmt::Pass(_) if self.may_be_open => StatementKind::Open,
            _ => return self.no_statement(statement),
        };
        Ok(Statement { at: self.place(statement.start()), kind })
    }

    fn no_statement<T>(&self, statement: &Stmt) -> Parsed<T> {
        let (what, help) = match statement {
            Stmt::Import(_) | Stmt::ImportFrom(_) => ("imports", "all functions are there already"),
            Stmt::While(_) => ("`while`", "use `for x in xs:`"),
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => ("definitions", "write the steps one after the other"),
            Stmt::AugAssign(_) => ("`+=` and the like", "assign to a fresh name, or use a list comprehension"),
            Stmt::AnnAssign(_) => ("annotations", "write `name = value`"),
            Stmt::Break(_) | Stmt::Continue(_) => ("`break` and `continue`", "filter with `if`"),
            Stmt::Pass(_) => ("`pass`", "leave the block out"),
            Stmt::Try(_) | Stmt::Raise(_) => ("exceptions", "a failing step stops the plan, and is reported"),
            _ => ("this statement", "there are assignments, calls, `for` and `if`"),
        };
        self.refuse(statement, format!("plans have no {}", what.trim_start_matches("this ")), help)
    }

    fn assign(&mut self, assign: &py::StmtAssign, depth: usize) -> Parsed<StatementKind> {
        let [Expr::Name(name)] = assign.targets.as_slice() else {
            return self.refuse(assign, "only a single name can be assigned to", "write `name = value`");
        };
        Ok(StatementKind::Assign { name: name.id.to_string(), value: self.expression(&assign.value, depth)? })
    }

    fn for_loop(&mut self, each: &py::StmtFor, depth: usize) -> Parsed<StatementKind> {
        let Expr::Name(variable) = &*each.target else {
            return self.refuse(&*each.target, "a loop has one variable", "write `for x in xs:`");
        };
        if each.is_async || !each.orelse.is_empty() {
            return self.refuse(each, "plans have no `else` on loops and no `async`", "write the step after the loop");
        }
        let over = self.expression(&each.iter, depth)?;
        Ok(StatementKind::For { variable: variable.id.to_string(), over, body: self.block(&each.body, depth + 1)? })
    }

    fn clauses(&mut self, clauses: &[py::ElifElseClause], depth: usize) -> Parsed<Vec<Statement>> {
        let Some((first, rest)) = clauses.split_first() else { return Ok(Vec::new()) };
        let Some(test) = &first.test else { return self.block(&first.body, depth) };
        let condition = self.expression(test, depth)?;
        let body = self.block(&first.body, depth + 1)?;
        let kind = StatementKind::If { condition, body, otherwise: self.clauses(rest, depth + 1)? };
        Ok(vec![Statement { at: self.place(first.range.start()), kind }])
    }

    fn expressions(&mut self, expressions: &[Expr], depth: usize) -> Parsed<Vec<Expression>> {
        expressions.iter().map(|expression| self.expression(expression, depth)).collect()
    }

    fn boxed(&mut self, expression: &Expr, depth: usize) -> Parsed<Box<Expression>> {
        self.expression(expression, depth).map(Box::new)
    }

    fn expression(&mut self, expression: &Expr, depth: usize) -> Parsed<Expression> {
        if depth > PLAN_DEPTH {
            let help = "give the inner part a name on a line of its own";
            return self.refuse(expression, "this nests too deep", help);
        }
        let kind = self.kind(expression, depth + 1)?;
        let range = expression.range();
        let source = self.source.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default();
        Ok(Expression { at: self.place(range.start()), source: source.to_owned(), kind })
    }

    fn kind(&mut self, expression: &Expr, depth: usize) -> Parsed<ExpressionKind> {
        Ok(match expression {
            Expr::NoneLiteral(_) => ExpressionKind::None,
            Expr::BooleanLiteral(truth) => ExpressionKind::Bool(truth.value),
            Expr::NumberLiteral(number) => self.number(number)?,
            Expr::StringLiteral(text) => ExpressionKind::Text(text.value.to_str().to_owned()),
            Expr::Name(name) => ExpressionKind::Name(name.id.to_string()),
            Expr::List(list) => ExpressionKind::List(self.expressions(&list.elts, depth)?),
            Expr::Dict(fields) => self.fields(fields)?,
            Expr::Attribute(field) => ExpressionKind::Field {
                base: self.boxed(&field.value, depth)?,
                name: field.attr.id.to_string(),
                name_at: self.place(field.attr.start()),
            },
            Expr::Subscript(index) => ExpressionKind::Index {
                base: self.boxed(&index.value, depth)?,
                index: self.boxed(&index.slice, depth)?,
            },
            Expr::Call(call) => self.call(call, depth)?,
            Expr::FString(text) => ExpressionKind::Format(self.parts(text, depth)?),
            Expr::BinOp(operation) => self.arithmetic(operation, depth)?,
            Expr::UnaryOp(operation) => self.unary(operation, depth)?,
            Expr::BoolOp(junction) => ExpressionKind::Junction {
                all: junction.op == py::BoolOp::And,
                operands: self.expressions(&junction.values, depth)?,
            },
            Expr::Compare(comparison) => self.compare(comparison, depth)?,
            Expr::ListComp(comprehension) => self.comprehension(comprehension, depth)?,
            _ => return self.no_expression(expression),
        })
    }

    fn no_expression<T>(&self, expression: &Expr) -> Parsed<T> {
        let (what, help) = match expression {
            Expr::Lambda(_) => ("`lambda`", "`sorted(xs, by=\"field\")`, `first` and `largest` need none"),
            Expr::If(_) => ("`a if b else c`", "use an `if` statement"),
            Expr::DictComp(_) | Expr::Set(_) | Expr::SetComp(_) => {
                ("dictionaries and sets", "use lists and the fields of records")
            }
            Expr::Generator(_) => ("generators", "use a list comprehension with square brackets"),
            Expr::Slice(_) => ("slices", "use `first(xs)`, `last(xs)` or `xs[0]`"),
            Expr::Tuple(_) => ("tuples", "use a list"),
            Expr::Starred(_) => ("`*` arguments", "name each argument"),
            Expr::Named(_) => ("`:=`", "assign on a line of its own"),
            _ => ("expression of this kind", "there are literals, names, fields, calls, lists and f-strings"),
        };
        self.refuse(expression, format!("plans have no {what}"), help)
    }

    fn number(&self, number: &py::ExprNumberLiteral) -> Parsed<ExpressionKind> {
        match &number.value {
            py::Number::Int(int) => match int.as_i64() {
                Some(value) => Ok(ExpressionKind::Int(value)),
                None => self.refuse(number, "the number is too large", ""),
            },
            py::Number::Float(value) if value.is_finite() => Ok(ExpressionKind::Number(*value)),
            _ => self.refuse(number, "not a number that plans have", "write 3 or 2.5"),
        }
    }

    /// A dictionary, of which plans have one kind: names of fields and the words of their types.
    fn fields(&self, fields: &py::ExprDict) -> Parsed<ExpressionKind> {
        let text = |expression: &Expr| match expression {
            Expr::StringLiteral(text) => Some(text.value.to_str().to_owned()),
            _ => None,
        };
        let pairs = fields.items.iter().map(|item| Some((text(item.key.as_ref()?)?, text(&item.value)?)));
        match pairs.collect::<Option<Vec<_>>>() {
            Some(pairs) => Ok(ExpressionKind::Fields(pairs)),
            None => self.refuse(fields, "plans have no dictionaries and sets", "use lists and the fields of records"),
        }
    }

    fn call(&mut self, call: &py::ExprCall, depth: usize) -> Parsed<ExpressionKind> {
        let Some(function) = dotted_name(&call.func) else {
            return self.refuse(call, "only functions can be called", "write `group.verb(name=value)`");
        };
        let positional = self.expressions(&call.arguments.args, depth)?;
        let mut named = Vec::with_capacity(call.arguments.keywords.len());
        for keyword in &call.arguments.keywords {
            let Some(name) = &keyword.arg else {
                return self.refuse(keyword, "plans have no `**` arguments", "name each argument");
            };
            let value = self.expression(&keyword.value, depth)?;
            named.push(Argument { at: self.place(keyword.start()), name: name.id.to_string(), value });
        }
        Ok(ExpressionKind::Call { function, positional, named })
    }

    fn parts(&mut self, text: &py::ExprFString, depth: usize) -> Parsed<Vec<Part>> {
        let mut parts = Vec::new();
        for part in &text.value {
            match part {
                py::FStringPart::Literal(literal) => parts.push(Part::Text(literal.as_str().to_owned())),
                py::FStringPart::FString(inner) => {
                    for element in &inner.elements {
                        parts.push(self.part(element, depth)?);
                    }
                }
            }
        }
        Ok(parts)
    }

    fn part(&mut self, element: &py::InterpolatedStringElement, depth: usize) -> Parsed<Part> {
        let value = match element {
            py::InterpolatedStringElement::Literal(text) => return Ok(Part::Text(text.value.to_string())),
            py::InterpolatedStringElement::Interpolation(value) => value,
        };
        if value.debug_text.is_some() || value.conversion != py::ConversionFlag::None {
            return self.refuse(value, "plans have no `=` or `!r` in f-strings", "write `{value}`");
        }
        let decimals = match &value.format_spec {
            None => None,
            Some(_) => match self.decimals(value) {
                Some(decimals) => Some(decimals),
                None => return self.refuse(value, "the only format is `.Nf`", "write `{value}` or `{value:.1f}`"),
            },
        };
        Ok(Part::Value(self.expression(&value.expression, depth)?, decimals))
    }

    /// The `1` of `{x:.1f}`.
    fn decimals(&self, value: &py::InterpolatedElement) -> Option<u8> {
        let spec = value.format_spec.as_ref()?.range;
        let text = self.source.get(spec.start().to_usize()..spec.end().to_usize())?;
        text.trim_start_matches(':').strip_prefix('.')?.strip_suffix('f')?.parse().ok().filter(|count| *count <= 9)
    }

    fn arithmetic(&mut self, operation: &py::ExprBinOp, depth: usize) -> Parsed<ExpressionKind> {
        let operator = match operation.op {
            py::Operator::Add => Arithmetic::Add,
            py::Operator::Sub => Arithmetic::Subtract,
            py::Operator::Mult => Arithmetic::Multiply,
            py::Operator::Div => Arithmetic::Divide,
            _ => return self.refuse(operation, "plans have only `+ - * /`", ""),
        };
        let left = self.boxed(&operation.left, depth)?;
        Ok(ExpressionKind::Arithmetic { operator, left, right: self.boxed(&operation.right, depth)? })
    }

    fn unary(&mut self, operation: &py::ExprUnaryOp, depth: usize) -> Parsed<ExpressionKind> {
        let operand = self.boxed(&operation.operand, depth)?;
        match operation.op {
            py::UnaryOp::Not => Ok(ExpressionKind::Not(operand)),
            py::UnaryOp::USub => Ok(match operand.kind {
                ExpressionKind::Int(value) => ExpressionKind::Int(-value),
                ExpressionKind::Number(value) => ExpressionKind::Number(-value),
                _ => ExpressionKind::Negate(operand),
            }),
            py::UnaryOp::Invert | py::UnaryOp::UAdd => self.refuse(operation, "plans have only `-` and `not`", ""),
        }
    }

    fn compare(&mut self, comparison: &py::ExprCompare, depth: usize) -> Parsed<ExpressionKind> {
        let ([operator], [right]) = (&*comparison.ops, &*comparison.comparators) else {
            return self.refuse(comparison, "plans compare two values", "join comparisons with `and`");
        };
        let operator = match operator {
            py::CmpOp::Eq | py::CmpOp::Is => Comparison::Equal,
            py::CmpOp::NotEq | py::CmpOp::IsNot => Comparison::NotEqual,
            py::CmpOp::Lt => Comparison::Less,
            py::CmpOp::LtE => Comparison::LessOrEqual,
            py::CmpOp::Gt => Comparison::Greater,
            py::CmpOp::GtE => Comparison::GreaterOrEqual,
            py::CmpOp::In => Comparison::In,
            py::CmpOp::NotIn => Comparison::NotIn,
        };
        let left = self.boxed(&comparison.left, depth)?;
        Ok(ExpressionKind::Compare { operator, left, right: self.boxed(right, depth)? })
    }

    fn comprehension(&mut self, comprehension: &py::ExprListComp, depth: usize) -> Parsed<ExpressionKind> {
        let [generator] = comprehension.generators.as_slice() else {
            return self.refuse(comprehension, "a comprehension has one `for`", "nested lists are flattened at calls");
        };
        let Expr::Name(variable) = &generator.target else {
            return self.refuse(&generator.target, "a comprehension has one variable", "write `[x.field for x in xs]`");
        };
        if generator.is_async {
            return self.refuse(comprehension, "plans have no `async`", "");
        }
        Ok(ExpressionKind::Comprehension {
            element: self.boxed(&comprehension.elt, depth)?,
            variable: variable.id.to_string(),
            over: self.boxed(&generator.iter, depth)?,
            conditions: self.expressions(&generator.ifs, depth)?,
        })
    }
}

/// `group.verb` or `function`.
fn dotted_name(function: &Expr) -> Option<String> {
    match function {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => {
            let base = dotted_name(&attribute.value)?;
            Some(format!("{base}.{}", attribute.attr.id))
        }
        _ => None,
    }
}
