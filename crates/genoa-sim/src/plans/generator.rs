//! Random plans that pass the check: every expression is made for the type that its place wants.

use genoa_abi::schema::{Catalog, EffectClass, Parameter, RecordType, ToolSchema, Type};

use crate::random::Random;

use super::programs::{Builtin, Expression, Piece, Program, Statement, ToolCall};

/// How deep expressions nest.
const DEPTH: usize = 4;
/// How deep blocks nest.
const BLOCKS: usize = 3;
/// Tries to find a way from a variable to a value of some type.
const WALKS: usize = 14;

const WORDS: [&str; 7] = ["", "demo", "Ada", "ada@example.org", "bob@example.org", "x", "budget, date"];

/// A plan over the tools of a catalogue.
pub(crate) fn random_program(random: &mut Random, catalog: &Catalog) -> Program {
    let tools: Vec<&ToolSchema> = catalog.tools.values().collect();
    let (readers, sinks) = tools.into_iter().partition(|tool| tool.returns != Type::None);
    let mut generator = Generator { random, catalog, readers, sinks, scope: Vec::new(), names: 0, sites: 0, left: 0 };
    let mut statements = Vec::new();
    for _ in 0..2 + generator.random.below(3) {
        statements.extend(generator.reading());
    }
    generator.left = 3 + generator.random.below(16);
    statements.extend(generator.block(BLOCKS));
    // A plan that gives nothing away shows nothing.
    statements.extend(generator.sink());
    Program { statements }
}

struct Generator<'a> {
    random: &'a mut Random,
    catalog: &'a Catalog,
    readers: Vec<&'a ToolSchema>,
    sinks: Vec<&'a ToolSchema>,
    /// The variables that are bound here.
    scope: Vec<(String, Type)>,
    names: usize,
    sites: usize,
    /// Statements that may still be written.
    left: usize,
}

impl Generator<'_> {
    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn bind(&mut self, name: String, ty: Type, value: Expression) -> Statement {
        self.scope.push((name.clone(), ty));
        Statement::Assign(name, value)
    }

    fn block(&mut self, blocks: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.left = self.left.saturating_sub(1);
            statements.extend(self.statement(blocks));
            let goes_on = blocks == BLOCKS || statements.is_empty() || self.random.chance(60);
            if (self.left == 0 && !statements.is_empty()) || !goes_on {
                return statements;
            }
        }
    }

    fn statement(&mut self, blocks: usize) -> Option<Statement> {
        match self.random.below(20) {
            0..6 => {
                let ty = self.some_type();
                let value = self.expression(&ty, DEPTH)?;
                let name = self.fresh();
                Some(self.bind(name, ty, value))
            }
            6..8 => self.reading(),
            8..12 => self.sink(),
            12..16 if blocks > 0 => self.each(blocks - 1),
            _ if blocks > 0 => self.choice(blocks - 1),
            _ => self.sink(),
        }
    }

    fn reading(&mut self) -> Option<Statement> {
        let tool = self.random.pick(&self.readers).copied()?;
        let call = self.call(tool, 2)?;
        let name = self.fresh();
        Some(self.bind(name, tool.returns.clone(), call))
    }

    fn sink(&mut self) -> Option<Statement> {
        let leaves = |tool: &&ToolSchema| tool.effect == EffectClass::Emit;
        let leaving: Vec<&ToolSchema> = self.sinks.iter().copied().filter(leaves).collect();
        let sinks = if self.random.chance(25) { &leaving } else { &self.sinks };
        let tool = self.random.pick(sinks).copied()?;
        self.call(tool, DEPTH).map(Statement::Evaluate)
    }

    fn each(&mut self, blocks: usize) -> Option<Statement> {
        let (over, item) = self.some_list(2)?;
        let variable = self.fresh();
        let before = self.scope.len();
        self.scope.push((variable.clone(), item));
        let body = self.block(blocks);
        self.scope.truncate(before);
        Some(Statement::For { variable, over, body })
    }

    fn choice(&mut self, blocks: usize) -> Option<Statement> {
        let mut arms = Vec::new();
        let before = self.scope.len();
        for _ in 0..1 + self.random.below(2) {
            let condition = self.condition(DEPTH - 1)?;
            arms.push((condition, self.block(blocks)));
            self.scope.truncate(before);
        }
        let mut otherwise = Vec::new();
        if self.random.chance(50) {
            otherwise = self.block(blocks);
            self.scope.truncate(before);
        }
        // A name that all ways bind, each to something else, is bound after them.
        if self.random.chance(60) {
            let (name, ty) = (self.fresh(), self.some_type());
            for body in arms.iter_mut().map(|(_, body)| body).chain([&mut otherwise]) {
                body.push(Statement::Assign(name.clone(), self.expression(&ty, 2)?));
            }
            self.scope.push((name, ty));
        }
        Some(Statement::If { arms, otherwise })
    }

    /// A type of which expressions can be made.
    fn some_type(&mut self) -> Type {
        match self.random.below(10) {
            0..3 => Type::Text,
            3 | 4 => Type::Int,
            5 => Type::Number,
            6 => Type::Bool,
            7 => Type::list(if self.random.chance(60) { Type::Text } else { Type::Int }),
            8 => Type::optional(if self.random.chance(60) { Type::Text } else { Type::Int }),
            _ => self.bound_type().unwrap_or(Type::Text),
        }
    }

    /// The type of something that is bound, or of its elements.
    fn bound_type(&mut self) -> Option<Type> {
        let (_, ty) = self.random.pick(&self.scope).cloned()?;
        Some(ty)
    }

    /// A condition: anything that is or is not there.
    fn condition(&mut self, depth: usize) -> Option<Expression> {
        let ty = match self.random.below(10) {
            0..7 => Type::Bool,
            7 => self.bound_type()?,
            _ => self.some_type(),
        };
        self.expression(&ty, depth)
    }

    /// A list, and the type of its elements.
    fn some_list(&mut self, depth: usize) -> Option<(Expression, Type)> {
        let lists: Vec<Type> =
            self.scope.iter().map(|(_, ty)| ty).filter(|ty| matches!(ty, Type::List(_))).cloned().collect();
        let ty = match self.random.pick(&lists) {
            Some(list) if self.random.chance(75) => list.clone(),
            _ => Type::list(if self.random.chance(50) { Type::Text } else { Type::Int }),
        };
        let Type::List(item) = &ty else { return None };
        Some((self.expression(&ty, depth)?, (**item).clone()))
    }

    /// An expression of exactly this type.
    fn expression(&mut self, ty: &Type, depth: usize) -> Option<Expression> {
        if (depth == 0 || self.random.chance(45))
            && let Some(found) = self.reached(ty)
        {
            return Some(found);
        }
        if depth > 0
            && self.random.chance(85)
            && let Some(made) = self.made(ty, depth - 1)
        {
            return Some(made);
        }
        self.constant(ty).or_else(|| self.reached(ty))
    }

    fn constant(&mut self, ty: &Type) -> Option<Expression> {
        Some(match ty {
            Type::Text => Expression::Text((*self.random.pick(&WORDS)?).to_owned()),
            Type::Int => Expression::Int(i64::try_from(self.random.below(6)).ok()? - 1),
            Type::Number => Expression::Number(f64::from(u32::try_from(self.random.below(9)).ok()?) / 2.0),
            Type::Bool => Expression::Bool(self.random.chance(50)),
            Type::Optional(inner) => {
                return self.reached(&Type::list((**inner).clone())).map(|list| built_in(Builtin::First, list));
            }
            Type::List(inner) => Expression::List(vec![self.constant(inner)?]),
            _ => return None,
        })
    }

    /// The way from a variable, over fields and elements, to something of this type.
    fn reached(&mut self, ty: &Type) -> Option<Expression> {
        for _ in 0..WALKS {
            let (name, mut at) = self.random.pick(&self.scope).cloned()?;
            let mut way = Expression::Variable(name);
            for _ in 0..4 {
                if at == *ty && self.random.chance(80) {
                    return Some(way);
                }
                let Some((next, there)) = self.step(way, &at) else { break };
                (way, at) = (next, there);
            }
        }
        None
    }

    /// One step further into a value.
    fn step(&mut self, base: Expression, ty: &Type) -> Option<(Expression, Type)> {
        match ty {
            Type::Record(name) => {
                let field = self.random.pick(&self.catalog.records.get(name)?.fields)?;
                Some((Expression::Field(Box::new(base), field.name.clone()), field.ty.clone()))
            }
            Type::Optional(inner) if self.random.chance(25) => self.step(base, inner),
            Type::List(inner) => match self.random.below(6) {
                0 => {
                    let place = Expression::Int(if self.random.chance(70) { 0 } else { -1 });
                    Some((Expression::Index(Box::new(base), Box::new(place)), (**inner).clone()))
                }
                1..4 => Some((built_in(Builtin::First, base), Type::optional((**inner).clone()))),
                _ => Some((built_in(Builtin::Last, base), Type::optional((**inner).clone()))),
            },
            _ => None,
        }
    }

    /// Something new of this type.
    fn made(&mut self, ty: &Type, depth: usize) -> Option<Expression> {
        // Of records there are only those that a tool tells of.
        let in_a_hundred = if matches!(innermost(ty), Type::Record(_)) { 40 } else { 6 };
        if self.random.chance(in_a_hundred) {
            let tools: Vec<&ToolSchema> = self.readers.iter().filter(|tool| tool.returns == *ty).copied().collect();
            if let Some(tool) = self.random.pick(&tools).copied() {
                return self.call(tool, depth.min(1));
            }
        }
        match ty {
            Type::Text => self.text(depth),
            Type::Int | Type::Number => self.number(ty, depth),
            Type::Bool => self.truth(depth),
            Type::List(item) => self.list(item, depth),
            Type::Optional(inner) => {
                let list = self.expression(&Type::list((**inner).clone()), depth)?;
                let builtin = match (self.random.below(3), self.order_by(inner, is_ordered)) {
                    (0, _) => Builtin::First,
                    (1, Some(by)) => Builtin::Largest { by },
                    _ => Builtin::Last,
                };
                Some(built_in(builtin, list))
            }
            _ => None,
        }
    }

    fn text(&mut self, depth: usize) -> Option<Expression> {
        Some(match self.random.below(10) {
            0..4 => self.format(depth)?,
            4 | 5 => {
                let (list, _) = self.some_list(depth)?;
                Expression::Join(Box::new(list), Box::new(self.expression(&Type::Text, 0)?))
            }
            6 => {
                let ty = self.some_type();
                built_in(Builtin::Str, self.expression(&ty, depth)?)
            }
            7 if self.random.chance(40) => self.indexed(Type::Text, depth)?,
            _ => self.arithmetic('+', &Type::Text, &Type::Text, depth)?,
        })
    }

    fn format(&mut self, depth: usize) -> Option<Expression> {
        let mut pieces = vec![Piece::Text("so: ".into())];
        for _ in 0..1 + self.random.below(2) {
            let ty = self.some_type();
            let decimals = matches!(ty, Type::Int | Type::Number) && self.random.chance(40);
            pieces.push(Piece::Value(self.expression(&ty, depth)?, decimals.then_some(1)));
            pieces.push(Piece::Text(", ".into()));
        }
        Some(Expression::Format(pieces))
    }

    fn number(&mut self, ty: &Type, depth: usize) -> Option<Expression> {
        let is_int = *ty == Type::Int;
        Some(match self.random.below(10) {
            0..3 if is_int => {
                let (list, _) = self.some_list(depth)?;
                built_in(if self.random.chance(50) { Builtin::Len } else { Builtin::Count }, list)
            }
            3 if is_int => built_in(Builtin::Len, self.expression(&Type::Text, depth)?),
            0..3 => {
                let divisor =
                    if self.random.chance(10) { self.expression(ty, depth)? } else { Expression::Number(4.0) };
                Expression::Arithmetic('/', Box::new(self.expression(&Type::Int, depth)?), Box::new(divisor))
            }
            4 | 5 => {
                let (list, item) = self.some_list(depth)?;
                let by = self.order_by(&item, if is_int { is_int_field } else { is_number_field })?;
                let fits = by.is_some() || item == *ty;
                fits.then(|| built_in(Builtin::Sum { by }, list))?
            }
            6 => Expression::Negate(Box::new(self.expression(ty, depth)?)),
            7 if self.random.chance(40) => self.indexed(ty.clone(), depth)?,
            _ => {
                let operator = self.random.pick(&['+', '-', '*']).copied()?;
                let other = if is_int || self.random.chance(50) { ty.clone() } else { Type::Int };
                self.arithmetic(operator, ty, &other, depth)?
            }
        })
    }

    fn arithmetic(&mut self, operator: char, left: &Type, right: &Type, depth: usize) -> Option<Expression> {
        let left = self.expression(left, depth)?;
        Some(Expression::Arithmetic(operator, Box::new(left), Box::new(self.expression(right, depth)?)))
    }

    /// An element, at a place that may not be there.
    fn indexed(&mut self, ty: Type, depth: usize) -> Option<Expression> {
        let list = self.expression(&Type::list(ty), depth)?;
        let place = if self.random.chance(85) { Expression::Int(0) } else { self.expression(&Type::Int, 1)? };
        Some(Expression::Index(Box::new(list), Box::new(place)))
    }

    fn truth(&mut self, depth: usize) -> Option<Expression> {
        Some(match self.random.below(10) {
            0..4 => {
                let ty = if self.random.chance(50) { Type::Text } else { Type::Int };
                let operator = self.random.pick(&["<", "<=", ">", ">="]).copied()?;
                self.compare(operator, &ty, &ty, depth)?
            }
            4 | 5 => {
                let ty = self.some_type();
                let operator = if self.random.chance(70) { "==" } else { "!=" };
                self.compare(operator, &ty, &ty, depth)?
            }
            6 => {
                let operator = if self.random.chance(60) { "in" } else { "not in" };
                let whole = if self.random.chance(50) { Type::Text } else { Type::list(Type::Text) };
                self.compare(operator, &Type::Text, &whole, depth)?
            }
            7 => Expression::Not(Box::new(self.condition(depth)?)),
            _ => {
                let mut operands = Vec::new();
                for _ in 0..2 + self.random.below(2) {
                    operands.push(self.condition(depth)?);
                }
                Expression::Junction { all: self.random.chance(50), operands }
            }
        })
    }

    fn compare(&mut self, operator: &'static str, left: &Type, right: &Type, depth: usize) -> Option<Expression> {
        let left = self.expression(left, depth)?;
        Some(Expression::Compare(operator, Box::new(left), Box::new(self.expression(right, depth)?)))
    }

    fn list(&mut self, item: &Type, depth: usize) -> Option<Expression> {
        let ty = Type::list(item.clone());
        Some(match self.random.below(10) {
            0 | 1 => {
                let count = 1 + self.random.below(3);
                Expression::List((0..count).map(|_| self.expression(item, depth)).collect::<Option<_>>()?)
            }
            2..7 => self.comprehension(item, depth)?,
            7 => self.arithmetic('+', &ty, &ty, depth)?,
            _ => {
                let by = self.order_by(item, is_ordered)?;
                let (descending, count) =
                    (self.random.chance(50), self.random.chance(40).then_some(1 + self.random.below(2)));
                built_in(Builtin::Sorted { by, descending, count }, self.expression(&ty, depth)?)
            }
        })
    }

    fn comprehension(&mut self, item: &Type, depth: usize) -> Option<Expression> {
        let (over, element) = self.some_list(depth.min(2))?;
        let variable = self.fresh();
        let before = self.scope.len();
        self.scope.push((variable.clone(), element));
        let inside = self.comprehension_inside(item, depth);
        self.scope.truncate(before);
        let (element, conditions) = inside?;
        Some(Expression::Comprehension { element: Box::new(element), variable, over: Box::new(over), conditions })
    }

    fn comprehension_inside(&mut self, item: &Type, depth: usize) -> Option<(Expression, Vec<Expression>)> {
        let count = self.random.pick(&[0, 1, 1, 2]).copied()?;
        let conditions = (0..count).map(|_| self.condition(depth.min(2))).collect::<Option<_>>()?;
        Some((self.expression(item, depth)?, conditions))
    }

    /// What elements of a type can be ordered or summed by: themselves, or a field of a fitting type.
    fn order_by(&mut self, item: &Type, fits: fn(&Type) -> bool) -> Option<Option<String>> {
        let Type::Record(name) = item else { return fits(item).then_some(None) };
        let record: &RecordType = self.catalog.records.get(name)?;
        let fields: Vec<&String> =
            record.fields.iter().filter(|field| fits(&field.ty)).map(|field| &field.name).collect();
        self.random.pick(&fields).map(|name| Some((*name).clone()))
    }

    fn call(&mut self, tool: &ToolSchema, depth: usize) -> Option<Expression> {
        self.sites += 1;
        let site = self.sites;
        let mut arguments = Vec::new();
        for parameter in &tool.parameters {
            if parameter.required || self.random.chance(60) && *innermost(&parameter.ty) != Type::Path {
                arguments.push((parameter.name.clone(), self.argument(parameter, depth)?));
            }
        }
        Some(Expression::Call(ToolCall { site, tool: tool.name.clone(), arguments }))
    }

    /// Something that becomes what the parameter wants.
    fn argument(&mut self, parameter: &Parameter, depth: usize) -> Option<Expression> {
        let ty = match &parameter.ty {
            Type::Optional(_) if self.random.chance(5) => return Some(Expression::None),
            Type::Optional(inner) if self.random.chance(60) => (**inner).clone(),
            other => other.clone(),
        };
        let given = match (&ty, self.random.below(10)) {
            (Type::Any, _) => self.some_type(),
            (Type::List(inner), 0..3) => (**inner).clone(),
            (Type::List(_), 3) => Type::list(ty.clone()),
            (Type::Number, 0..4) => Type::Int,
            (Type::Text, 0) => Type::Int,
            (Type::Text, 1) => Type::list(Type::Text),
            (Type::Text, 2) => self.titled().unwrap_or(Type::Text),
            (Type::Text | Type::Int, 3) if self.random.chance(40) => Type::optional(ty.clone()),
            _ => ty.clone(),
        };
        self.expression(&given, depth).or_else(|| self.expression(&ty, depth))
    }

    /// A bound record that has a title.
    fn titled(&mut self) -> Option<Type> {
        let has_title = |ty: &Type| match ty {
            Type::Record(name) => self.catalog.records.get(name).is_some_and(|record| record.title.is_some()),
            _ => false,
        };
        let titled: Vec<Type> = self.scope.iter().map(|(_, ty)| ty).filter(|ty| has_title(ty)).cloned().collect();
        self.random.pick(&titled).cloned()
    }
}

fn built_in(builtin: Builtin, value: Expression) -> Expression {
    Expression::Builtin(builtin, Box::new(value))
}

fn present(ty: &Type) -> &Type {
    if let Type::Optional(inner) = ty { inner } else { ty }
}

fn innermost(ty: &Type) -> &Type {
    match ty {
        Type::Optional(inner) | Type::List(inner) => innermost(inner),
        other => other,
    }
}

fn is_ordered(ty: &Type) -> bool {
    matches!(present(ty), Type::Text | Type::Int | Type::Number | Type::Bool)
}

fn is_int_field(ty: &Type) -> bool {
    *present(ty) == Type::Int
}

fn is_number_field(ty: &Type) -> bool {
    *present(ty) == Type::Number
}
