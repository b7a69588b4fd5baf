//! A JSON Schema as a type of TypeScript. What a type cannot say (patterns,
//! bounds) is left to the API, which checks it.

use super::{names::Names, quoted};
use serde_json::{Map, Value};

/// The type of what a schema describes.
pub(super) fn shape(schema: &Value, names: &Names) -> String {
    within(schema, names, "")
}

/// The schema's description as a comment, at this depth.
pub(super) fn comment(schema: &Value, indent: &str) -> String {
    let Some(about) = schema.get("description").and_then(Value::as_str) else {
        return String::new();
    };
    let lines: Vec<String> = about
        .lines()
        .map(|line| line.replace("*/", "*\\/"))
        .collect();
    match lines.as_slice() {
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let lines = lines.iter().map(|line| format!("{indent} * {line}"));
            let lines: Vec<String> = lines.map(|line| line.trim_end().to_string()).collect();
            format!("{indent}/**\n{}\n{indent} */\n", lines.join("\n"))
        }
    }
}

fn within(schema: &Value, names: &Names, indent: &str) -> String {
    let Value::Object(members) = schema else {
        return match schema {
            Value::Bool(false) => "never".into(),
            _ => "unknown".into(),
        };
    };
    let mut parts = Vec::new();
    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
        parts.push(names.referred(reference).unwrap_or("unknown").to_string());
    }
    for either in ["oneOf", "anyOf"] {
        let Some(Value::Array(items)) = members.get(either) else {
            continue;
        };
        // Such as "one of these members is there": that is no shape of its own.
        let is_shape =
            |item: &Value| item.get("required").is_none() || item.get("properties").is_some();
        if items.iter().all(is_shape) {
            parts.push(grouped(
                items.iter().map(|item| within(item, names, indent)),
                " | ",
            ));
        }
    }
    if let Some(Value::Array(items)) = members.get("allOf") {
        parts.push(grouped(
            items.iter().map(|item| within(item, names, indent)),
            " & ",
        ));
    }
    parts.extend(of_itself(members, names, indent));
    match parts.is_empty() {
        true => "unknown".into(),
        false => grouped(parts.into_iter(), " & "),
    }
}

/// What a schema says without others.
fn of_itself(members: &Map<String, Value>, names: &Names, indent: &str) -> Option<String> {
    if let Some(value) = members.get("const") {
        return Some(literal(value));
    }
    if let Some(Value::Array(values)) = members.get("enum") {
        return Some(grouped(values.iter().map(literal), " | "));
    }
    let kinds: Vec<&str> = match members.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if members.contains_key("properties") => vec!["object"],
        _ => return None,
    };
    let shapes = kinds.into_iter().map(|kind| match kind {
        "string" => "string".into(),
        "integer" | "number" => "number".into(),
        "boolean" => "boolean".into(),
        "null" => "null".into(),
        "array" => array(members, names, indent),
        "object" => object(members, names, indent),
        _ => "unknown".into(),
    });
    Some(grouped(shapes, " | "))
}

fn array(members: &Map<String, Value>, names: &Names, indent: &str) -> String {
    if let Some(Value::Array(items)) = members.get("prefixItems") {
        let items: Vec<String> = items
            .iter()
            .map(|item| within(item, names, indent))
            .collect();
        return format!("readonly [{}]", items.join(", "));
    }
    let items = members.get("items");
    let item = items.map_or("unknown".into(), |item| within(item, names, indent));
    format!("ReadonlyArray<{item}>")
}

fn object(members: &Map<String, Value>, names: &Names, indent: &str) -> String {
    let required = members.get("required").and_then(Value::as_array);
    let is_required = |name: &str| {
        let mut required = required.into_iter().flatten();
        required.any(|known| known.as_str() == Some(name))
    };
    let deeper = format!("{indent}  ");
    let mut parts = Vec::new();
    if let Some(Value::Object(properties)) = members.get("properties") {
        let lines = properties.iter().map(|(name, schema)| {
            let mark = if is_required(name) { "" } else { "?" };
            let about = comment(schema, &deeper);
            let shape = within(schema, names, &deeper);
            format!("{about}{deeper}readonly {}{mark}: {shape};\n", quoted(name))
        });
        let lines: String = lines.collect();
        if !lines.is_empty() {
            parts.push(format!("{{\n{lines}{indent}}}"));
        }
    }
    let patterns = members.get("patternProperties").and_then(Value::as_object);
    let patterns = patterns.into_iter().flat_map(Map::values);
    let more = members.get("additionalProperties");
    let more = more.filter(|more| more.is_object());
    let values = patterns
        .chain(more)
        .map(|value| within(value, names, indent));
    let values: Vec<String> = values.collect();
    if !values.is_empty() {
        let values = grouped(values.into_iter(), " | ");
        parts.push(format!("Readonly<Record<string, {values}>>"));
    }
    match parts.is_empty() {
        // Without a member that is known: any object, or none but `{}`.
        true if members.get("additionalProperties") == Some(&Value::Bool(false)) => {
            "Readonly<Record<string, never>>".into()
        }
        true => "Readonly<Record<string, unknown>>".into(),
        false => grouped(parts.into_iter(), " & "),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => "unknown".into(),
        plain => plain.to_string(),
    }
}

/// Shapes, each once, put together.
fn grouped(shapes: impl Iterator<Item = String>, with: &str) -> String {
    let mut all: Vec<String> = Vec::new();
    for shape in shapes {
        if !all.contains(&shape) {
            all.push(shape);
        }
    }
    match all.len() {
        1 => all.remove(0),
        _ => format!("({})", all.join(with)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_are_types() {
        let schemas = json!({"Plan": {"enum": ["free", "paid"]}});
        let names = Names::of(&schemas, &["Plan".to_string()]);
        let plan = json!({"$ref": "#/components/schemas/Plan"});
        for (schema, expected) in [
            (json!(true), "unknown"),
            (json!(false), "never"),
            (json!({}), "unknown"),
            (json!({"type": ["string", "null"]}), "(string | null)"),
            (json!({"const": "a\"b"}), "\"a\\\"b\""),
            (schemas["Plan"].clone(), "(\"free\" | \"paid\")"),
            (json!({"anyOf": [plan, {"type": "null"}]}), "(Plan | null)"),
            (
                json!({"type": "array", "items": plan}),
                "ReadonlyArray<Plan>",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "integer"}}),
                "Readonly<Record<string, number>>",
            ),
            (
                json!({"type": "array", "prefixItems": [{"type": "string"}, plan]}),
                "readonly [string, Plan]",
            ),
            (
                json!({"type": "object", "required": ["a"], "properties": {"a": plan, "b-c": true}}),
                "{\n  readonly \"a\": Plan;\n  readonly \"b-c\"?: unknown;\n}",
            ),
        ] {
            assert_eq!(shape(&schema, &names), expected, "{schema}");
        }
        let about = json!({"description": "ends */ here"});
        assert_eq!(comment(&about, ""), "/** ends *\\/ here */\n");
    }
}
