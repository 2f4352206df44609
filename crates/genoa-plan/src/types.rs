//! Which type fits where: the coercions that the check accepts and the run performs.

use genoa_abi::schema::{Catalog, RecordType, ToolSchema, Type};

/// How deep lists may hold lists, so that every state can be written as JSON and read again.
pub(crate) const LIST_DEPTH: usize = 6;

/// Whether a `from` may stand where a `to` is wanted.
pub(crate) fn fits(from: &Type, to: &Type, catalog: &Catalog) -> bool {
    if from == to {
        return true;
    }
    match (from, to) {
        (_, Type::Any | Type::Content) | (Type::None, Type::Optional(_)) => true,
        (from, Type::Fields) => fits(from, &Type::list(Type::Text), catalog),
        (Type::Optional(from), Type::Optional(to)) => fits(from, to, catalog),
        (from, Type::Optional(to)) => fits(from, to, catalog),
        // None becomes the failure "not found" at run time.
        (Type::Optional(from), to) => fits(from, to, catalog),
        (Type::List(from), Type::List(to)) => {
            **from == Type::None || fits(from, to, catalog) || nested_fits(from, to, catalog)
        }
        (from, Type::List(to)) => fits(from, to, catalog),
        (Type::List(from), Type::Record(_)) => **from == *to,
        // One line an element.
        (Type::List(from), Type::Text) => {
            is_text(from) || matches!(**from, Type::Int | Type::Number) || is_titled(from, catalog)
        }
        (Type::Record(_), Type::Text) => is_titled(from, catalog),
        (Type::Record(from), Type::Path) => path_field(catalog, from).is_some(),
        (from, Type::Record(to)) => is_text(from) && look_up(catalog, to).is_some(),
        (Type::Int, Type::Number) => true,
        (from, Type::Text) => is_text(from) || matches!(from, Type::Int | Type::Number | Type::Bool | Type::Any),
        (from, Type::Path | Type::Time) => matches!(from, Type::Text),
        (Type::Choice(from), Type::Choice(to)) => from.iter().all(|word| to.contains(word)),
        (from, Type::Choice(_)) => matches!(from, Type::Text),
        _ => false,
    }
}

/// Whether it is a record that has a title.
pub(crate) fn is_titled(ty: &Type, catalog: &Catalog) -> bool {
    matches!(ty, Type::Record(name) if record(catalog, name).is_some_and(|record| record.title.is_some()))
}

/// `list[list[T]]` where `list[T]` is wanted.
fn nested_fits(from: &Type, to: &Type, catalog: &Catalog) -> bool {
    matches!(from, Type::List(inner) if fits(inner, to, catalog) || nested_fits(inner, to, catalog))
}

/// The smallest type that both belong to without any coercion of the data, if there is one.
pub(crate) fn join(a: &Type, b: &Type) -> Option<Type> {
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::None, other) | (other, Type::None) => Some(optional(other)),
        (Type::Optional(a), Type::Optional(b)) => join(a, b).map(|ty| optional(&ty)),
        (Type::Optional(inner), other) | (other, Type::Optional(inner)) => join(inner, other).map(|ty| optional(&ty)),
        (Type::Int, Type::Number) | (Type::Number, Type::Int) => Some(Type::Number),
        (Type::List(a), Type::List(b)) if **a == Type::None || **b == Type::None => {
            Some(Type::list(if **a == Type::None { (**b).clone() } else { (**a).clone() }))
        }
        (Type::List(a), Type::List(b)) => join(a, b).map(Type::list),
        (a, b) if is_text(a) && is_text(b) => Some(Type::Text),
        _ => None,
    }
}

fn optional(ty: &Type) -> Type {
    match ty {
        Type::Optional(_) | Type::None => ty.clone(),
        other => Type::optional(other.clone()),
    }
}

/// The type without a `?`.
pub(crate) fn present(ty: &Type) -> &Type {
    match ty {
        Type::Optional(inner) => present(inner),
        other => other,
    }
}

/// Whether values of this type are text.
pub(crate) fn is_text(ty: &Type) -> bool {
    matches!(ty, Type::Text | Type::Path | Type::Time | Type::Choice(_))
}

/// Whether values of this type are numbers.
pub(crate) fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Number)
}

/// Whether values of this type have an order: what `sorted(by=…)` may name.
pub(crate) fn is_ordered(ty: &Type) -> bool {
    is_text(present(ty)) || is_number(present(ty)) || *present(ty) == Type::Bool
}

/// How deep lists nest in this type.
pub(crate) fn list_depth(ty: &Type) -> usize {
    match ty {
        Type::List(inner) => 1 + list_depth(inner),
        Type::Optional(inner) => list_depth(inner),
        _ => 0,
    }
}

/// The record type called `name`.
pub(crate) fn record<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a RecordType> {
    catalog.records.get(name)
}

/// The tool that finds records of the type `name` by text, if this session has it.
pub(crate) fn look_up<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a str> {
    let tool = record(catalog, name)?.look_up.as_deref()?;
    let schema = catalog.tools.get(tool)?;
    let others_optional = schema.parameters.iter().skip(1).all(|parameter| !parameter.required);
    let takes_text = schema.parameters.first().is_some_and(|parameter| fits_plain_text(&parameter.ty));
    (others_optional && takes_text && present_item(&schema.returns) == &Type::Record(name.to_owned())).then_some(tool)
}

fn fits_plain_text(ty: &Type) -> bool {
    matches!(present(ty), Type::Text | Type::Any)
}

fn present_item(ty: &Type) -> &Type {
    match present(ty) {
        Type::List(inner) => present(inner),
        other => other,
    }
}

/// The tool that reads what a record of the type `name` stands for, if this session has it, and the field with its path.
pub(crate) fn reader<'a>(catalog: &'a Catalog, name: &str) -> Option<(&'a ToolSchema, &'a str)> {
    let tool = catalog.tools.get(record(catalog, name)?.read_by.as_deref()?)?;
    let mut required = tool.parameters.iter().filter(|parameter| parameter.required);
    let takes_path = required.next().is_some_and(|first| first.ty == Type::Path) && required.next().is_none();
    let field = path_field(catalog, name)?;
    (takes_path && tool.returns == Type::Text).then_some((tool, field))
}

/// The field that names the file of a record: its `path`, or its origin if that is a path.
pub(crate) fn path_field<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a str> {
    let record = record(catalog, name)?;
    let is_path = |field: &str| record.field(field).is_some_and(|field| *present(&field.ty) == Type::Path);
    let origin = record.origin.as_deref().filter(|origin| is_path(origin));
    origin.or_else(|| record.field("path").map(|field| field.name.as_str()).filter(|name| is_path(name)))
}

/// The type inside all lists and `?`.
pub(crate) fn innermost(ty: &Type) -> &Type {
    match ty {
        Type::Optional(inner) | Type::List(inner) => innermost(inner),
        other => other,
    }
}
