//! A call whose path could mean several files: the person chooses, and it is made again with that one.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, Existing, Parameter, Type};
use genoa_abi::{Datum, ErrorCode, Failure, Value};
use serde::{Deserialize, Serialize};

/// Paths that a person is asked to choose from; more are told as a failure.
const OPTIONS: usize = 12;

/// A call that can be made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Again {
    pub(crate) tool: String,
    pub(crate) arguments: BTreeMap<String, Value>,
}

impl Again {
    /// The call, if a path in it may turn out to mean several files. What it writes is in its arguments, so no other
    /// call is kept.
    pub(crate) fn of(tool: &str, arguments: &BTreeMap<String, Value>, catalog: &Catalog) -> Option<Self> {
        let schema = catalog.tools.get(tool)?;
        schema.parameters.iter().any(is_path).then(|| Self { tool: tool.to_owned(), arguments: arguments.clone() })
    }

    /// An argument, if there is one.
    pub(crate) fn given(&self, parameter: &str) -> Option<&Value> {
        self.arguments.get(parameter).filter(|value| value.datum != Datum::None)
    }

    /// The parameter that `failure` leaves open, if the person can choose: the one whose path ends all options, or the
    /// only one that was not given.
    pub(crate) fn open<'a>(&self, failure: &Failure, catalog: &'a Catalog) -> Option<&'a Parameter> {
        let can_choose = failure.code == ErrorCode::Ambiguous && (2..=OPTIONS).contains(&failure.options.len());
        let schema = catalog.tools.get(&self.tool).filter(|_| can_choose)?;
        let paths = || schema.parameters.iter().filter(|parameter| is_path(parameter));
        let is_meant = |parameter: &&Parameter| {
            let Some(Datum::Text(given)) = self.given(&parameter.name).map(|value| &value.datum) else {
                return false;
            };
            let given = given.trim_start_matches("./").to_lowercase();
            failure.options.iter().all(|option| option.to_lowercase().contains(&given))
        };
        let mut missing = paths().filter(|parameter| self.given(&parameter.name).is_none());
        paths().find(is_meant).or_else(|| missing.next().filter(|_| missing.next().is_none()))
    }
}

/// Whether a parameter is a path to what is there.
fn is_path(parameter: &Parameter) -> bool {
    parameter.ty == Type::Path && matches!(parameter.exists, Some(Existing::Entry | Existing::Folder))
}

/// Whether a file among several may be left unread: it is of a kind, or in a state, that nobody can read.
pub(crate) fn may_be_left_out(spot: &[usize], failure: &Failure) -> bool {
    let is_its_own = matches!(
        failure.code,
        ErrorCode::Unsupported | ErrorCode::TooLarge | ErrorCode::ToolFailed | ErrorCode::InvalidInput
    );
    !spot.is_empty() && is_its_own
}
