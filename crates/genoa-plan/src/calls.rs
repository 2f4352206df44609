//! The check of calls: functions that exist, arguments that they take, each once and of the right type.

use genoa_abi::Datum;
use genoa_abi::schema::{Executor, Parameter, ToolSchema, Type};

use crate::ast::{Argument, Expression, ExpressionKind};
use crate::builtins::{HELPERS, parameters};
use crate::check::{Checker, Checking};
use crate::code::{BuiltinCall, Operation};
use crate::finding::{Finding, listed, nearest};
use crate::infer::{mistyped, shortened};
use crate::time;
use crate::typed::{TypedField, entry_name, literal_fields};
use crate::types::{fits, innermost, is_number, is_ordered, is_text, present};

/// What is known of all arguments of a call.
struct Given<'t> {
    /// Fields with types are asked for.
    is_typed: bool,
    /// The parameters whose literal goes to the element of a loop alone.
    to_each: Vec<&'t str>,
}

impl Checker<'_> {
    /// The type that a call returns.
    pub(crate) fn call(
        &mut self,
        call: &Expression,
        function: &str,
        positional: &[Expression],
        named: &[Argument],
    ) -> Checking<Type> {
        if HELPERS.contains(&function) {
            return self.builtin(call, function, positional, named);
        }
        let catalog = self.catalog;
        let Some(tool) = catalog.tools.get(function) else {
            return Err(self.unknown_function(call, function).into());
        };
        let wanted = self.wanted_fields(tool, positional, named);
        let given = Given { is_typed: wanted.is_some(), to_each: self.told_to_each(tool, positional, named) };
        let mut names: Vec<String> = Vec::with_capacity(positional.len() + named.len());
        let mut of_each = false;
        if let [first, rest @ ..] = positional {
            if let Some(second) = rest.first() {
                let message = format!("only the first argument of `{function}` may stand without its name");
                return Err(Finding::new(second.at, message, signature(tool)).into());
            }
            let Some(parameter) = tool.parameters.first() else {
                return Err(Finding::new(first.at, format!("`{function}` takes no arguments"), "").into());
            };
            of_each |= self.argument(tool, parameter, first, &given, &mut names)?;
        }
        for argument in named {
            let Some(parameter) = tool.parameter(&argument.name) else {
                let message = format!("`{function}` has no parameter `{}`", argument.name);
                return Err(Finding::new(argument.at, message, signature(tool)).into());
            };
            of_each |= self.argument(tool, parameter, &argument.value, &given, &mut names)?;
        }
        let missing = tool.parameters.iter().find(|parameter| parameter.required && !names.contains(&parameter.name));
        if let Some(missing) = missing {
            let message = format!("`{function}` needs `{}`", missing.name);
            return Err(Finding::new(call.at, message, signature(tool)).into());
        }
        self.emit(Operation::Call { tool: function.to_owned(), names });
        Ok(match wanted.and_then(|fields| entry_name(&fields, of_each, catalog)) {
            Some(entry) if of_each => Type::list(Type::Record(entry)),
            Some(entry) => Type::Record(entry),
            None => tool.returns.clone(),
        })
    }

    /// The fields with types that a call of `extract` asks for: its result is a record of them, one for each that is read
    /// where it reads a list.
    fn wanted_fields(
        &self,
        tool: &ToolSchema,
        positional: &[Expression],
        named: &[Argument],
    ) -> Option<Vec<TypedField>> {
        let is_reader = tool.executor == Executor::Model;
        let mut given = given_to(tool, positional, named);
        let fields = given.find(|(parameter, _)| is_reader && parameter.ty == Type::Fields);
        match &fields?.1.kind {
            ExpressionKind::Fields(pairs) => literal_fields(pairs).ok(),
            _ => None,
        }
    }

    /// The parameters that get a literal which nobody will read but the element that the innermost loop is at.
    fn told_to_each<'t>(&self, tool: &'t ToolSchema, positional: &[Expression], named: &[Argument]) -> Vec<&'t str> {
        let Some(each) = &self.loop_variable else { return Vec::new() };
        let given: Vec<(&'t Parameter, &Expression)> = given_to(tool, positional, named).collect();
        let is_that_one =
            |name: &String| given.iter().any(|(parameter, value)| parameter.name == *name && is_element(value, each));
        let is_literal = |value: &Expression| matches!(value.kind, ExpressionKind::Text(_));
        let told = given.iter().filter(|(parameter, value)| {
            is_literal(value) && !parameter.shown_to.is_empty() && parameter.shown_to.iter().all(is_that_one)
        });
        told.map(|(parameter, _)| parameter.name.as_str()).collect()
    }

    /// One argument; and whether it is a list of what is read.
    fn argument(
        &mut self,
        tool: &ToolSchema,
        parameter: &Parameter,
        value: &Expression,
        given: &Given<'_>,
        names: &mut Vec<String>,
    ) -> Checking<bool> {
        if names.contains(&parameter.name) {
            let message = format!("`{}` gets `{}` twice", tool.name, parameter.name);
            return Err(Finding::new(value.at, message, "").into());
        }
        let ty = self.infer(value, Some(&parameter.ty))?;
        self.check_literal(value, &parameter.ty)?;
        let is_absent = ty == Type::None && !parameter.required;
        if !is_absent && (ty == Type::None || !fits(&ty, &parameter.ty, self.catalog)) {
            return Err(mistyped(value, &parameter.ty, &ty).into());
        }
        let is_read = given.is_typed && parameter.ty == Type::Content;
        if is_read && *present(&ty) == Type::Any {
            // Whether there will be one record or several must be known now. What may be either is read as one text.
            self.need_present(&ty, value);
            self.emit(Operation::Builtin(BuiltinCall::Str));
        }
        let to = if is_absent { Type::optional(parameter.ty.clone()) } else { parameter.ty.clone() };
        let to_each = given.to_each.contains(&parameter.name.as_str());
        self.emit(Operation::Coerce { to, what: shortened(&value.source), to_each });
        names.push(parameter.name.clone());
        Ok(is_read && matches!(present(&ty), Type::List(_)))
    }

    /// What can be known of a literal already: a word of a choice, a phrase that means a time.
    pub(crate) fn check_literal(&self, value: &Expression, wanted: &Type) -> Checking<()> {
        let ExpressionKind::Text(text) = &value.kind else { return Ok(()) };
        match innermost(wanted) {
            Type::Choice(words) if !words.contains(text) => {
                let help = format!("choose one of {wanted}");
                Err(Finding::new(value.at, format!("\"{text}\" is none of the choices"), help).into())
            }
            Type::Time => match time::parse(text) {
                Ok(_) => Ok(()),
                Err(failure) => Err(Finding::new(value.at, failure.what, failure.next).into()),
            },
            _ => Ok(()),
        }
    }

    fn unknown_function(&self, call: &Expression, function: &str) -> Finding {
        let names = self.catalog.tools.keys().map(String::as_str).chain(HELPERS);
        let group = function.split('.').next().unwrap_or_default();
        if function.contains('.') && self.variables.contains_key(group) {
            let help = "functions are written `group.verb(…)`; fields without parentheses".to_owned();
            return Finding::new(call.at, format!("`{group}` is a value and has no functions"), help);
        }
        let of_group: Vec<&str> = self
            .catalog
            .tools
            .keys()
            .map(String::as_str)
            .filter(|name| name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.')))
            .collect();
        let close = if of_group.is_empty() { nearest(function, names) } else { of_group };
        let help = if close.is_empty() { String::new() } else { format!("there is {}", listed(close)) };
        Finding::new(call.at, format!("there is no function `{function}`"), help)
    }

    fn builtin(
        &mut self,
        call: &Expression,
        name: &str,
        positional: &[Expression],
        named: &[Argument],
    ) -> Checking<Type> {
        let wrong = |message: String| Some(Finding::new(call.at, message, parameters(name)));
        let takes_separator = name == "join";
        let allowed: &[&str] = match name {
            "sorted" => &["by", "descending", "count"],
            "largest" | "sum" => &["by"],
            "join" => &["separator"],
            _ => &[],
        };
        let most = if takes_separator { 2 } else { 1 };
        let (Some(value), true) = (positional.first(), positional.len() <= most) else {
            return Err(wrong(format!("`{name}` takes its list first")));
        };
        if let Some(unknown) = named.iter().find(|argument| !allowed.contains(&argument.name.as_str())) {
            return Err(wrong(format!("`{name}` has no parameter `{}`", unknown.name)));
        }
        let ty = self.infer(value, None)?;
        if name == "str" {
            if ty == Type::None {
                return Err(wrong("nothing to show".to_owned()));
            }
            self.emit(Operation::Builtin(BuiltinCall::Str));
            return Ok(Type::Text);
        }
        self.need_present(&ty, value);
        if let Some((builtin, result)) = of_text(name) {
            if !is_text(present(&ty)) {
                return Err(wrong(format!("`{name}` wants a text, `{}` is {ty}", shortened(&value.source))));
            }
            self.emit(Operation::Builtin(builtin));
            return Ok(result);
        }
        if name == "len" && is_text(present(&ty)) {
            self.emit(Operation::Builtin(BuiltinCall::Len));
            return Ok(Type::Int);
        }
        let Type::List(item) = present(&ty) else {
            return Err(wrong(format!("`{name}` wants a list, `{}` is {ty}", shortened(&value.source))));
        };
        let builtin = match name {
            "len" | "count" => BuiltinCall::Len,
            "first" => BuiltinCall::First,
            "last" => BuiltinCall::Last,
            "distinct" => BuiltinCall::Distinct,
            "join" => return self.join(call, positional.get(1), named),
            _ => self.keyed(call, name, item, named)?,
        };
        self.emit(Operation::Builtin(builtin));
        Ok(match name {
            "len" | "count" => Type::Int,
            "sorted" | "distinct" => Type::List(item.clone()),
            "sum" => self.total_type(item, named),
            _ => match present(item) {
                Type::None => Type::None,
                item => Type::optional(item.clone()),
            },
        })
    }

    /// A builtin that may go by a field of the elements: `sorted sum largest`.
    fn keyed(&self, call: &Expression, name: &str, item: &Type, named: &[Argument]) -> Checking<BuiltinCall> {
        let wrong = |message: String| Some(Finding::new(call.at, message, parameters(name)));
        let wanted = if name == "sum" { is_summed } else { is_ordered };
        let by = self.sort_key(call, item, named, wanted)?;
        let descending = constant(named, "descending").is_some_and(|kind| matches!(kind, ExpressionKind::Bool(true)));
        if named
            .iter()
            .any(|argument| argument.name == "descending" && !matches!(argument.value.kind, ExpressionKind::Bool(_)))
        {
            return Err(wrong("`descending` is True or False".to_owned()));
        }
        let count = match constant(named, "count") {
            None => None,
            Some(ExpressionKind::Int(count)) if *count > 0 => usize::try_from(*count).ok(),
            Some(_) => return Err(wrong("`count` is a whole number from 1 on".to_owned())),
        };
        Ok(match name {
            "sorted" => BuiltinCall::Sorted { by, descending, count },
            "sum" => BuiltinCall::Sum { by },
            _ => BuiltinCall::Largest { by },
        })
    }

    fn join(&mut self, call: &Expression, second: Option<&Expression>, named: &[Argument]) -> Checking<Type> {
        let separator = second.or(named.first().map(|argument| &argument.value));
        if second.is_some() && !named.is_empty() || named.len() > 1 {
            return Err(Finding::new(call.at, "`join` has one separator", parameters("join")).into());
        }
        match separator {
            None => self.emit_constant(Datum::Text(", ".to_owned())),
            Some(separator) => {
                let ty = self.infer(separator, None)?;
                if !is_text(&ty) {
                    return Err(mistyped(separator, &Type::Text, &ty).into());
                }
            }
        }
        self.emit(Operation::Builtin(BuiltinCall::Join));
        Ok(Type::Text)
    }

    /// The field that `by=` names, which must be there and have an order.
    /// Of whole numbers the total is one as well.
    fn total_type(&self, item: &Type, named: &[Argument]) -> Type {
        let summed = match (present(item), constant(named, "by")) {
            (Type::Record(kind), Some(ExpressionKind::Text(by))) => {
                self.catalog.records.get(kind).and_then(|record| record.field(by)).map(|field| present(&field.ty))
            }
            (item, _) => Some(item),
        };
        if summed == Some(&Type::Int) { Type::Int } else { Type::Number }
    }

    /// The field that `by` names, among those of a type that is `wanted`.
    fn sort_key(
        &self,
        call: &Expression,
        item: &Type,
        named: &[Argument],
        wanted: fn(&Type) -> bool,
    ) -> Checking<Option<String>> {
        let by = match constant(named, "by") {
            None => None,
            Some(ExpressionKind::Text(by)) => Some(by),
            Some(_) => return Err(Finding::new(call.at, "`by` is the name of a field", "by=\"date\"").into()),
        };
        match (present(item), by) {
            (Type::Record(kind), by) => {
                let fields: Vec<&str> = self
                    .catalog
                    .records
                    .get(kind)
                    .into_iter()
                    .flat_map(|record| &record.fields)
                    .filter(|field| wanted(&field.ty))
                    .map(|field| field.name.as_str())
                    .collect();
                match by {
                    Some(by) if fields.contains(&by.as_str()) => Ok(Some(by.clone())),
                    Some(by) => {
                        let message = format!("{kind} cannot be ordered by `{by}`");
                        Err(Finding::new(call.at, message, format!("order by {}", listed(fields))).into())
                    }
                    None => {
                        let help = format!("add by=\"field\": {}", listed(fields));
                        Err(Finding::new(call.at, format!("{kind} needs a field to order by"), help).into())
                    }
                }
            }
            (_, Some(_)) => {
                Err(Finding::new(call.at, format!("{item} has no fields to order by"), "leave `by` out").into())
            }
            (Type::None, None) => Ok(None),
            (item, None) if wanted(item) => Ok(None),
            (item, None) => Err(Finding::new(call.at, format!("{item} has no order"), "").into()),
        }
    }
}

/// The parameters of a call that are given something, with what: by place, then by name.
fn given_to<'a, 't: 'a>(
    tool: &'t ToolSchema,
    positional: &'a [Expression],
    named: &'a [Argument],
) -> impl Iterator<Item = (&'t Parameter, &'a Expression)> {
    let by_name = named.iter().filter_map(|given| Some((tool.parameter(&given.name)?, &given.value)));
    tool.parameters.iter().zip(positional).chain(by_name)
}

/// Whether it is this variable, a field of it, or a list of nothing else.
fn is_element(value: &Expression, variable: &str) -> bool {
    match &value.kind {
        ExpressionKind::Name(name) => name == variable,
        ExpressionKind::Field { base, .. } => matches!(&base.kind, ExpressionKind::Name(name) if name == variable),
        ExpressionKind::List(items) => matches!(items.as_slice(), [only] if is_element(only, variable)),
        _ => false,
    }
}

/// Whether a field can be summed up; what is not there counts for nothing.
fn is_summed(ty: &Type) -> bool {
    is_number(present(ty))
}

fn constant<'a>(named: &'a [Argument], name: &str) -> Option<&'a ExpressionKind> {
    named.iter().find(|argument| argument.name == name).map(|argument| &argument.value.kind)
}

/// A tool's parameters, for messages: `calendar.find(about: str, when: time = …)`.
/// The builtin of a text called `name`, with what it gives.
fn of_text(name: &str) -> Option<(BuiltinCall, Type)> {
    match name {
        "lower" => Some((BuiltinCall::Lower, Type::Text)),
        "number_in" => Some((BuiltinCall::NumberIn, Type::optional(Type::Number))),
        _ => None,
    }
}

fn signature(tool: &ToolSchema) -> String {
    let parameters: Vec<String> = tool
        .parameters
        .iter()
        .map(|parameter| {
            format!("{}: {}{}", parameter.name, parameter.ty, if parameter.required { "" } else { " = …" })
        })
        .collect();
    format!("{}({})", tool.name, parameters.join(", "))
}
