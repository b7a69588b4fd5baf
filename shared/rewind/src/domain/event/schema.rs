//! The JSON Schema of the data of each event type, taken out of the schema of
//! its enum.

use super::category::Naming;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Members of the whole enum's schema that each type's schema keeps.
const SHARED: [&str; 2] = ["$schema", "$defs"];

/// The schemas by event type.
pub(super) fn of<E: JsonSchema>(naming: Naming) -> BTreeMap<String, Value> {
    let whole = schemars::SchemaGenerator::default().into_root_schema_for::<E>();
    let whole = whole.to_value();
    let variants = match &whole["oneOf"] {
        Value::Array(variants) => variants.iter().flat_map(of_variant).collect(),
        _ => of_variant(&whole),
    };
    let named = variants.into_iter().map(|(variant, mut schema)| {
        let event_type = naming.name(&variant);
        for shared in SHARED {
            if let Some(value) = whole.get(shared) {
                schema.insert(shared.to_string(), value.clone());
            }
        }
        schema.insert("title".into(), Value::String(event_type.clone()));
        (event_type, Value::Object(schema))
    });
    named.collect()
}

/// The variants that one part of serde's externally tagged form stands for: a
/// list of names without data, or one member with its data below it.
fn of_variant(part: &Value) -> Vec<(String, Map<String, Value>)> {
    let about = part.get("description");
    if let Some(Value::Object(members)) = part.get("properties") {
        let members = members.iter();
        return members
            .map(|(variant, data)| {
                let mut schema = match data {
                    Value::Object(schema) => schema.clone(),
                    // `true`: the data may be anything.
                    _ => Map::new(),
                };
                if let (Some(about), false) = (about, schema.contains_key("description")) {
                    schema.insert("description".into(), about.clone());
                }
                (variant.clone(), schema)
            })
            .collect();
    }
    let listed = part.get("enum").and_then(Value::as_array);
    let listed = listed.map(Vec::as_slice).unwrap_or_default().iter();
    let names = listed.chain(part.get("const")).filter_map(Value::as_str);
    names
        .map(|variant| {
            let mut schema = Map::from_iter([("type".to_string(), json!(["object", "null"]))]);
            schema.extend(about.map(|about| ("description".to_string(), about.clone())));
            (variant.to_string(), schema)
        })
        .collect()
}
