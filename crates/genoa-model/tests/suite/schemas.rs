//! Schemas and grammars that are meant to hurt: they are compiled, or refused with a reason, and the engine goes on.

use crate::common::{loaded, request, run, turn, under};
use genoa_abi::model::{Grammar, InferRequest};
use genoa_abi::{ErrorCode, Failure};
use genoa_model::engine::Engine;
use serde_json::{Value as Json, json};

fn answer(engine: &mut Engine<'_>, schema: Json) -> Result<String, Failure> {
    let request = InferRequest { grammar: Some(Grammar::JsonSchema(schema)), ..request("Write it.", 24) };
    run(engine, &request).map(|reply| reply.text)
}

#[test]
fn a_schema_that_contains_itself_is_a_tree_and_one_that_is_itself_is_refused() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let node = json!({ "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] } },
        "required": ["next"], "additionalProperties": false });
    let tree = json!({ "$ref": "#/$defs/node", "$defs": { "node": node } });
    let text = answer(&mut engine, tree).unwrap();
    assert!(text.starts_with("{\"next\": "), "{text}");
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let endless = [
        json!({ "$ref": "#" }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": reference("b"), "b": reference("a") } }),
        json!({ "$defs": { "a": { "allOf": [reference("a"), { "type": "string" }] } }, "$ref": "#/$defs/a" }),
        json!({ "$defs": { "a": { "type": "array", "items": reference("a"), "minItems": 1 } }, "$ref": "#/$defs/a" }),
    ];
    for schema in endless {
        let failure = answer(&mut engine, schema.clone()).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidInput, "{schema}: {failure}");
        assert!(!failure.why.is_empty(), "{schema}: {failure}");
    }
    assert!(answer(&mut engine, json!({ "enum": ["red"] })).unwrap().contains("red"), "the engine goes on");
}

#[test]
fn a_schema_that_nothing_fits_is_refused() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let impossible = [
        json!({ "enum": [] }),
        json!(false),
        json!({ "type": "string", "minLength": 5, "maxLength": 2 }),
        json!({ "allOf": [{ "type": "string" }, { "type": "integer" }] }),
        json!({ "type": "object", "properties": { "a": false }, "required": ["a"] }),
        json!({ "type": "integer", "minimum": 5, "maximum": 4 }),
    ];
    for schema in impossible {
        let failure = answer(&mut engine, schema.clone()).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidInput, "{schema}: {failure}");
        assert!(!failure.why.is_empty(), "{schema}: {failure}");
    }
}

/// What nests deeper than the stack is deep would end the process, and with it everybody's calls.
#[test]
fn what_nests_very_deep_ends_nobody_elses_calls() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let count = 12_000;
    let mut definitions = serde_json::Map::new();
    for index in 0..count {
        definitions.insert(format!("d{index}"), json!({ "$ref": format!("#/$defs/d{}", index + 1) }));
    }
    definitions.insert(format!("d{count}"), json!({ "type": "string", "maxLength": 3 }));
    let _ = answer(&mut engine, json!({ "$ref": "#/$defs/d0", "$defs": definitions }));
    let brackets = format!("start: {}\"a\"{}", "(".repeat(200_000), ")".repeat(200_000));
    let _ = run(&mut engine, &under(&brackets, "Write it.", 4));
    let mut rules: String = (0..20_000).map(|index| format!("r{index}: r{}\n", index + 1)).collect();
    rules.push_str("r20000: \"a\"\nstart: r0\n");
    let _ = run(&mut engine, &under(&rules, "Write it.", 4));
    assert!(answer(&mut engine, json!({ "enum": ["red"] })).unwrap().contains("red"), "the engine goes on");
}
