//! `result.json` against `schema/result.schema.json`, with as much of JSON Schema as that file uses. A word that is not known
//! here ends the test: nothing in the schema goes unchecked.

use crate::made;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../schema/result.schema.json");

/// Words that only tell.
const NOTES: [&str; 4] = ["$schema", "$defs", "title", "description"];

/// Where a value is not as the schema says, a line each.
pub(crate) fn faults(value: &Value) -> Vec<String> {
    let root: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut faults = Vec::new();
    check(&root, &root, value, "", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    for (word, rule) in schema.as_object().unwrap() {
        let is_kept = match word.as_str() {
            note if NOTES.contains(&note) => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                check(root, target, value, path, faults);
                true
            }
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is_of_type(value, name.as_str().unwrap())),
                name => is_of_type(value, name.as_str().unwrap()),
            },
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))
            }),
            // Both at once, where there are both.
            "additionalProperties" if schema.get("properties").is_some() => true,
            "properties" | "additionalProperties" => {
                check_fields(root, schema, value, path, faults);
                true
            }
            "items" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate();
                items.for_each(|(index, item)| check(root, rule, item, &format!("{path}/{index}"), faults));
                true
            }
            other => panic!("the schema says {other}, which this test does not know"),
        };
        if !is_kept {
            faults.push(format!("{path}: {value} against {word} {rule}"));
        }
    }
}

fn check_fields(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    for (name, field) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        match (&schema["properties"][name.as_str()], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => faults.push(format!("{path}: no such field")),
            (Value::Null, Value::Null) => {}
            (Value::Null, rest) => check(root, rest, field, &path, faults),
            (named, _) => check(root, named, field, &path, faults),
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the schema has the type {other}"),
    }
}

#[test]
fn a_result_is_as_the_schema_says_and_each_fault_is_found() {
    let folder = tempfile::tempdir().unwrap();
    made::write(folder.path(), &made::report());
    let good: Value = serde_json::from_slice(&std::fs::read(folder.path().join("result.json")).unwrap()).unwrap();
    assert_eq!(faults(&good), Vec::<String>::new());
    let wrong = [
        ("/schema", json!(2)),
        ("/settled", json!(-1)),
        ("/lost", json!("none")),
        ("/mode", json!("swift")),
        ("/audit/ok", json!(1)),
        ("/lost_by_place/order", json!(0.5)),
        ("/recorded/phases/0/sample_counts/lag", json!(null)),
        ("/recorded/phases/0", json!({})),
        ("/recorded/events/0/what", json!(7)),
        ("/phases/open_loop/latency_us/order_vote", json!({"count": 1})),
    ];
    for (pointer, value) in wrong {
        let mut result = good.clone();
        *result.pointer_mut(pointer).unwrap() = value;
        assert!(!faults(&result).is_empty(), "{pointer}");
    }
    let mut result = good;
    result["recorded"]["more"] = json!(1);
    assert_eq!(faults(&result), ["/recorded/more: no such field"]);
}
