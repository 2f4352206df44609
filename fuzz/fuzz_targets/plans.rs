//! Plans from anybody: no text breaks the check, what passes it can be shown, and a planner could go on from its lines.
#![no_main]

use std::sync::LazyLock;

use genoa_abi::schema::Catalog;
use genoa_plan::{Said, check, next_statement_grammar, scope_after};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let tools = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    Catalog::new(tools, genoa_tools::records())
});

fuzz_target!(|input: (&str, &str)| {
    let (plan, intention) = input;
    if let Ok(checked) = check(plan, &CATALOG, intention) {
        assert!(!checked.plan.preview(&CATALOG).is_empty() || plan.trim().is_empty(), "a plan can be shown");
    }
    if let Ok(scope) = scope_after(plan, &CATALOG) {
        assert!(!next_statement_grammar(&scope, &CATALOG, &Said::in_intention(intention)).is_empty());
    }
});
