//! Conditions: of `if` statements, and of comprehensions.

use genoa_abi::schema::{Field, Type};

use super::rules::{is_name, literal};
use super::terminals::{NUMBER, TEXT};
use super::values::Values;
use crate::types::{is_number, is_text, present};

/// Comparisons of numbers.
const ORDER: &str = "(\" == \" | \" != \" | \" < \" | \" <= \" | \" > \" | \" >= \")";
/// Comparisons of texts that need no order.
const EQUALITY: &str = "(\" == \" | \" != \")";

impl Values<'_> {
    /// The rule for the condition of an `if`.
    pub(super) fn condition(&mut self) -> Option<String> {
        let text = self.rules.terminal(TEXT);
        let number = self.amount();
        let mut terms = Vec::new();
        let bare: Vec<String> =
            self.variables.iter().filter(|(_, ty)| **ty != Type::None).map(|(name, _)| literal(name)).collect();
        let mut bare = bare;
        bare.extend(self.fields(|field| matches!(field.ty, Type::Optional(_) | Type::List(_) | Type::Bool)));
        if let Some(bare) = self.rules.rule(&bare) {
            terms.push(format!("\"not \"? {bare}"));
        }
        if let Some(list) = self.list_of(|_| true) {
            terms.push(format!("\"len(\" {list} \")\" {ORDER} {number}"));
        }
        if let Some(numbers) = self.atoms(is_number) {
            terms.push(format!("{numbers} {ORDER} {number}"));
        }
        if let Some(texts) = self.atoms(is_text) {
            terms.push(format!("{texts} {EQUALITY} {text}"));
            terms.push(format!("{text} (\" in \" | \" not in \") {texts}"));
        }
        if let Some(list) = self.list_of(is_text) {
            terms.push(format!("{text} (\" in \" | \" not in \") {list}"));
        }
        let term = self.rules.rule(&terms)?;
        self.rules.rule(&[format!("{term} ((\" and \" | \" or \") {term}){{0,2}}")])
    }

    /// The rule for the condition of a comprehension over records.
    pub(super) fn element_condition(&mut self, record: &str, variable: &str) -> Option<String> {
        let fields = self.catalog.records.get(record).map(|record| record.fields.as_slice()).unwrap_or_default();
        let text = self.rules.terminal(TEXT);
        let number = self.amount();
        let mut named = |wanted: &dyn Fn(&Field) -> bool| {
            let names: Vec<String> = fields
                .iter()
                .filter(|field| wanted(field) && is_name(&field.name))
                .map(|field| literal(&format!("{variable}.{}", field.name)))
                .collect();
            self.rules.rule(&names)
        };
        let texts = named(&|field| is_text(present(&field.ty)));
        let numbers = named(&|field| is_number(present(&field.ty)));
        let bare = named(&|field| matches!(field.ty, Type::Optional(_) | Type::List(_) | Type::Bool));
        let mut terms = Vec::new();
        if let Some(texts) = texts {
            terms.push(format!("{texts} {EQUALITY} {text}"));
            terms.push(format!("{text} (\" in \" | \" not in \") {texts}"));
        }
        if let Some(numbers) = numbers {
            terms.push(format!("{numbers} {ORDER} {number}"));
        }
        if let Some(bare) = bare {
            terms.push(format!("\"not \"? {bare}"));
        }
        let term = self.rules.rule(&terms)?;
        self.rules.rule(&[format!("{term} (\" and \" {term})?")])
    }

    /// A number that something is compared with: one that was said.
    fn amount(&mut self) -> String {
        match self.said.amounts() {
            Some(amounts) => self.rules.terminal(&format!("/{}/", amounts.join("|").replace('.', "[.]"))),
            None => self.rules.terminal(NUMBER),
        }
    }

    /// The rule for variables and fields whose type satisfies `wanted`.
    pub(super) fn atoms(&mut self, wanted: impl Fn(&Type) -> bool) -> Option<String> {
        let mut atoms: Vec<String> =
            self.variables.iter().filter(|(_, ty)| wanted(present(ty))).map(|(name, _)| literal(name)).collect();
        atoms.extend(self.fields(|field| wanted(present(&field.ty))));
        self.rules.rule(&atoms)
    }
}
