//! What a tool answers: JSON of any form becomes a value of the promised type, or a failure; a value is written as it was.
#![no_main]

use std::sync::LazyLock;

use genoa_abi::Labels;
use genoa_abi::schema::{Catalog, Type};
use genoa_plan::value_from_json;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let tools = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    Catalog::new(tools, genoa_tools::records())
});

fuzz_target!(|input: (&str, u8)| {
    let (text, which) = input;
    let Ok(json) = serde_json::from_str(text) else { return };
    let types: Vec<&Type> = CATALOG.tools.values().map(|tool| &tool.returns).collect();
    let ty = types[usize::from(which) % types.len()];
    if let Ok(value) = value_from_json(ty, &json, &CATALOG, &Labels::default()) {
        let again = value_from_json(ty, &value.to_json(), &CATALOG, &Labels::default()).expect("a value fits its type");
        assert_eq!(again.to_json(), value.to_json(), "a value survives being written");
    }
});
