//! The types of expressions.

use genoa_abi::schema::Type;
use genoa_abi::{Datum, Value};

use crate::ast::{Arithmetic, Comparison, Expression, ExpressionKind, Part, Place};
use crate::check::{Checker, Checking};
use crate::code::{Operation, Piece};
use crate::finding::{Finding, listed, nearest};
use crate::typed::{TypedField, literal_fields, type_words};
use crate::types::{fits, is_number, is_text, join, present};

impl Checker<'_> {
    /// The type of an expression, whose instructions are emitted. `expected` lets a list literal mix what a call
    /// makes equal: `["Ada", boris]` for a `list[Contact]`.
    pub(crate) fn infer(&mut self, expression: &Expression, expected: Option<&Type>) -> Checking<Type> {
        match &expression.kind {
            ExpressionKind::None => self.literal(Datum::None, Type::None),
            ExpressionKind::Bool(truth) => self.literal(Datum::Bool(*truth), Type::Bool),
            ExpressionKind::Int(number) => self.literal(Datum::Int(*number), Type::Int),
            ExpressionKind::Number(number) => self.literal(Datum::Number(*number), Type::Number),
            ExpressionKind::Text(text) => self.literal(Datum::Text(text.clone()), Type::Text),
            ExpressionKind::Name(name) => self.name(name, expression.at),
            ExpressionKind::List(items) => self.list(items, expected),
            ExpressionKind::Fields(pairs) => self.fields(expression, pairs, expected),
            ExpressionKind::Field { base, name, name_at } => self.field(base, name, *name_at),
            ExpressionKind::Index { base, index } => self.index(base, index),
            ExpressionKind::Call { function, positional, named } => self.call(expression, function, positional, named),
            ExpressionKind::Format(parts) => self.format(parts),
            ExpressionKind::Arithmetic { operator, left, right } => self.arithmetic(*operator, left, right, expected),
            ExpressionKind::Negate(operand) => self.negate(operand),
            ExpressionKind::Not(operand) => {
                self.condition(operand)?;
                self.emit(Operation::Not);
                Ok(Type::Bool)
            }
            ExpressionKind::Junction { all, operands } => self.junction(*all, operands),
            ExpressionKind::Compare { operator, left, right } => self.compare(*operator, left, right),
            ExpressionKind::Comprehension { element, variable, over, conditions } => {
                self.comprehension(element, variable, over, conditions, expected)
            }
        }
    }

    fn literal(&mut self, datum: Datum, ty: Type) -> Checking<Type> {
        self.emit_constant(datum);
        Ok(ty)
    }

    fn name(&mut self, name: &str, at: Place) -> Checking<Type> {
        match self.variables.get(name) {
            Some(Some(ty)) => {
                let ty = ty.clone();
                self.emit(Operation::Load(name.to_owned()));
                Ok(ty)
            }
            // Its statement was reported.
            Some(None) => Err(None),
            None => Err(self.unbound(name, at).into()),
        }
    }

    fn unbound(&self, name: &str, at: Place) -> Finding {
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        let close = nearest(name, names.iter().copied());
        let help = match (names.is_empty(), close.is_empty()) {
            (true, _) => "nothing is bound here".to_owned(),
            (false, true) => format!("bound here: {}", listed(names)),
            (false, false) => format!("do you mean {}?", listed(close)),
        };
        Finding::new(at, format!("`{name}` is not bound here"), help)
    }

    fn list(&mut self, items: &[Expression], expected: Option<&Type>) -> Checking<Type> {
        let wanted = match expected.map(present) {
            Some(Type::List(item)) => Some(&**item),
            Some(Type::Fields) => Some(&Type::Text),
            _ => None,
        };
        let mut common = Type::None;
        for (place, item) in items.iter().enumerate() {
            let ty = self.infer(item, wanted)?;
            if let Some(wanted) = wanted {
                self.check_literal(item, wanted)?;
                let nested = Type::list(wanted.clone());
                if !fits(&ty, wanted, self.catalog) && !fits(&ty, &nested, self.catalog) {
                    return Err(mistyped(item, wanted, &ty).into());
                }
                continue;
            }
            common = match (place, join(&common, &ty)) {
                (0, _) => ty,
                (_, Some(joined)) => joined,
                (_, None) => {
                    let message = format!("the elements of a list must be of one type: {common} and {ty}");
                    return Err(Finding::new(item.at, message, "make two lists").into());
                }
            };
        }
        self.emit(Operation::List(items.len()));
        Ok(Type::list(wanted.cloned().unwrap_or(common)))
    }

    /// Fields with their types, where a call takes some.
    fn fields(&mut self, literal: &Expression, pairs: &[(String, String)], expected: Option<&Type>) -> Checking<Type> {
        let types = listed(type_words());
        if expected.map(present) != Some(&Type::Fields) {
            let help = "only `extract` takes one: extract(text, fields={\"total\": \"number\"})";
            return Err(Finding::new(literal.at, "a dictionary has no place here", help).into());
        }
        let fields = literal_fields(pairs).map_err(|message| {
            Finding::new(literal.at, message, format!("write {{\"total\": \"number\"}}; types are {types}"))
        })?;
        let word = |field: TypedField| (field.name.clone(), Value::text(field.word()));
        let fields = fields.into_iter().map(word).collect();
        self.literal(Datum::Record { kind: String::new(), fields }, Type::Fields)
    }

    fn field(&mut self, base: &Expression, name: &str, name_at: Place) -> Checking<Type> {
        let ty = self.infer(base, None)?;
        self.need_present(&ty, base);
        let source = &base.source;
        let kind = match present(&ty) {
            Type::Record(kind) => kind.clone(),
            Type::List(_) => {
                let help = format!("use `first({source})`, `{source}[0]` or `for item in {source}:`");
                return Err(
                    Finding::new(name_at, format!("`{source}` is {ty}, which has no field `{name}`"), help).into()
                );
            }
            other => {
                return Err(Finding::new(name_at, format!("`{source}` is {other}, which has no fields"), "").into());
            }
        };
        let record = self.catalog.records.get(&kind);
        match record.and_then(|record| record.field(name)) {
            Some(field) => {
                self.emit(Operation::Field(name.to_owned()));
                Ok(field.ty.clone())
            }
            None => {
                let fields = record.map(|record| listed(record.fields.iter().map(|field| field.name.as_str())));
                let help = format!("{kind} has {}", fields.unwrap_or_default());
                Err(Finding::new(name_at, format!("{kind} has no field `{name}`"), help).into())
            }
        }
    }

    fn index(&mut self, base: &Expression, index: &Expression) -> Checking<Type> {
        let ty = self.infer(base, None)?;
        self.need_present(&ty, base);
        let item = match present(&ty) {
            Type::List(item) => (**item).clone(),
            text if is_text(text) => Type::Text,
            other => return Err(Finding::new(base.at, format!("`{}` is {other}, not a list", base.source), "").into()),
        };
        let place = self.infer(index, None)?;
        if place != Type::Int {
            let help = "fields are written `x.field`";
            return Err(Finding::new(index.at, format!("an index is an int, this is {place}"), help).into());
        }
        self.emit(Operation::Index { what: base.source.clone() });
        Ok(item)
    }

    fn format(&mut self, parts: &[Part]) -> Checking<Type> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            pieces.push(match part {
                Part::Text(text) => Piece::Text(text.clone()),
                Part::Value(value, decimals) => {
                    let ty = self.infer(value, None)?;
                    if ty == Type::None {
                        return Err(
                            Finding::new(value.at, format!("`{}` has no value to show", value.source), "").into()
                        );
                    }
                    Piece::Value(*decimals)
                }
            });
        }
        self.emit(Operation::Format(pieces));
        Ok(Type::Text)
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &Expression,
        right: &Expression,
        expected: Option<&Type>,
    ) -> Checking<Type> {
        let a = self.infer(left, expected)?;
        self.need_present(&a, left);
        let b = self.infer(right, expected)?;
        self.need_present(&b, right);
        self.emit(Operation::Arithmetic(operator));
        let (a, b) = (present(&a), present(&b));
        let outcome = match (a, b) {
            (a, b) if is_number(a) && is_number(b) => match operator {
                Arithmetic::Divide => Some(Type::Number),
                _ => join(a, b),
            },
            (a, b) if operator == Arithmetic::Add && is_text(a) && is_text(b) => Some(Type::Text),
            (Type::List(_), Type::List(_)) if operator == Arithmetic::Add => match expected.map(present) {
                Some(list @ Type::List(_)) if fits(a, list, self.catalog) && fits(b, list, self.catalog) => {
                    Some(list.clone())
                }
                _ => join(a, b),
            },
            _ => None,
        };
        outcome.ok_or_else(|| {
            let sign = match operator {
                Arithmetic::Add => "+",
                Arithmetic::Subtract => "-",
                Arithmetic::Multiply => "*",
                Arithmetic::Divide => "/",
            };
            let help = "join texts with f\"{a} {b}\"; `+` takes two numbers, two texts or two lists of one type";
            Some(Finding::new(left.at, format!("`{sign}` does not go with {a} and {b}"), help))
        })
    }

    fn negate(&mut self, operand: &Expression) -> Checking<Type> {
        let ty = self.infer(operand, None)?;
        self.need_present(&ty, operand);
        self.emit(Operation::Negate);
        match present(&ty) {
            number if is_number(number) => Ok(number.clone()),
            other => Err(Finding::new(operand.at, format!("`-` does not go with {other}"), "").into()),
        }
    }

    fn junction(&mut self, all: bool, operands: &[Expression]) -> Checking<Type> {
        let Some((last, others)) = operands.split_last() else { return Ok(Type::Bool) };
        let mut decisions = Vec::with_capacity(others.len());
        for operand in others {
            self.condition(operand)?;
            decisions.push(self.emit(Operation::Decide { all, end: 0 }));
        }
        self.condition(last)?;
        for _ in 0..decisions.len() {
            self.emit(Operation::EndDecide);
        }
        // A decision still has to end what it hung on: the decisions before it.
        for (before, decision) in decisions.iter().enumerate() {
            self.patch_back(*decision, before);
        }
        Ok(Type::Bool)
    }

    fn compare(&mut self, operator: Comparison, left: &Expression, right: &Expression) -> Checking<Type> {
        let equality = matches!(operator, Comparison::Equal | Comparison::NotEqual);
        let a = self.infer(left, None)?;
        if !equality {
            self.need_present(&a, left);
        }
        let b = self.infer(right, None)?;
        if !equality {
            self.need_present(&b, right);
        }
        self.emit(Operation::Compare(operator));
        let (x, y) = (present(&a), present(&b));
        let sound = match operator {
            Comparison::Equal | Comparison::NotEqual => {
                a == Type::None || b == Type::None || *x == Type::Any || *y == Type::Any || join(x, y).is_some()
            }
            Comparison::In | Comparison::NotIn => match y {
                Type::List(item) => join(x, present(item)).is_some(),
                y => is_text(x) && is_text(y),
            },
            _ => (is_number(x) && is_number(y)) || (is_text(x) && is_text(y)),
        };
        if sound {
            return Ok(Type::Bool);
        }
        Err(Finding::new(left.at, format!("{a} and {b} cannot be compared like this"), "compare a field: `x.title`")
            .into())
    }

    fn comprehension(
        &mut self,
        element: &Expression,
        variable: &str,
        over: &Expression,
        conditions: &[Expression],
        expected: Option<&Type>,
    ) -> Checking<Type> {
        self.check_fresh(variable, element.at)?;
        let item = self.list_item(over)?;
        self.emit(Operation::Loop { collects: true });
        let next = self.emit_next(variable);
        self.variables.insert(variable.to_owned(), Some(item));
        let outer = self.loop_variable.replace(variable.to_owned());
        let ty = self.comprehension_body(element, conditions, next, expected);
        self.loop_variable = outer;
        self.variables.remove(variable);
        let ty = ty?;
        self.emit(Operation::Jump(next));
        self.patch(next);
        self.emit(Operation::EndLoop { forget: vec![variable.to_owned()] });
        Ok(Type::list(ty))
    }

    fn comprehension_body(
        &mut self,
        element: &Expression,
        conditions: &[Expression],
        next: usize,
        expected: Option<&Type>,
    ) -> Checking<Type> {
        for condition in conditions {
            self.condition(condition)?;
            self.emit(Operation::Filter { next });
        }
        let wanted = match expected.map(present) {
            Some(Type::List(item)) => Some(&**item),
            _ => None,
        };
        let ty = self.infer(element, wanted)?;
        if ty == Type::None {
            let message = format!("`{}` returns nothing that could be collected", element.source);
            return Err(Finding::new(element.at, message, "write a `for` statement").into());
        }
        self.emit(Operation::Collect);
        Ok(ty)
    }
}

/// An expression of another type than its place wants.
pub(crate) fn mistyped(expression: &Expression, wanted: &Type, found: &Type) -> Finding {
    let help = match (found, wanted) {
        (Type::List(_), Type::Text) => {
            format!("use f\"{{…}}\" or `join([x.field for x in {}], \", \")`", expression.source)
        }
        (Type::List(item), Type::Record(_)) => format!("`{}` holds {item}", expression.source),
        _ => String::new(),
    };
    Finding::new(expression.at, format!("expected {wanted}, found {found}: `{}`", shortened(&expression.source)), help)
}

/// A source text for a message.
pub(crate) fn shortened(source: &str) -> String {
    if source.chars().count() <= 60 {
        return source.to_owned();
    }
    source.chars().take(59).chain(['…']).collect()
}
