//! What the domain declares, as schemas of the document: the data of its event
//! types, and its commands.

use super::schemas::{PLACE, Schemas, each_reference, reference};
use rewind::{Service, reserved::is_reserved_category};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An event type of a category.
pub(super) struct EventType<'a> {
    pub(super) category: &'a str,
    pub(super) event_type: String,
    /// The version that the shape of its data has.
    pub(super) version: u32,
    /// Refers to the schema of its data.
    pub(super) data: Value,
    /// Whether a client may send it.
    pub(super) is_sent: bool,
}

/// The name of the schema of an event type's data.
pub fn event_data(category: &str, event_type: &str) -> String {
    word(&format!("data.{category}.{event_type}"))
}

/// The name of the schema of a command's data.
pub fn command_data(category: &str, command_type: &str) -> String {
    word(&format!("command.{category}.data.{command_type}"))
}

/// The domain's event types, by category and name.
pub(super) fn event_types<'a>(service: &'a Service, schemas: &mut Schemas) -> Vec<EventType<'a>> {
    let mut all = Vec::new();
    for declared in service.declared().iter() {
        let category = declared.category;
        let is_sent = !service.is_decided(category) && !is_reserved_category(category);
        for (event_type, schema) in declared.schemas() {
            let of = format!("data.{category}");
            let data = hoisted(&of, &event_data(category, &event_type), schema, schemas);
            let version = declared.types.get(&event_type).copied();
            all.push(EventType {
                category,
                event_type,
                version: version.unwrap_or(1),
                data,
                is_sent,
            });
        }
    }
    all
}

/// The categories of which a client can send the declared types and no others.
pub(super) fn closed_categories(service: &Service) -> BTreeSet<String> {
    let declared = service.declared().iter();
    let closed = declared.filter(|declared| !declared.is_open);
    let closed = closed.map(|declared| declared.category.to_string());
    let decided = service.decided_categories().map(ToString::to_string);
    closed.chain(decided).collect()
}

/// The body of a command, of any aggregate; `None` where there is none.
pub(super) fn command(service: &Service, schemas: &mut Schemas) -> Option<Value> {
    let mut all = Vec::new();
    for decider in service.deciders() {
        let category = decider.category;
        for (command_type, schema) in decider.schemas() {
            let of = format!("command.{category}");
            // `{}` stands in for data that is left out.
            let is_required = schema.get("required").is_some() || schema.get("oneOf").is_some();
            let data = hoisted(&of, &command_data(category, &command_type), schema, schemas);
            let mut required = vec!["type"];
            required.extend(is_required.then_some("data"));
            let body = json!({
                "description": format!("A command to the aggregate of `{category}`."),
                "type": "object",
                "properties": {
                    "type": {"const": command_type},
                    "data": data,
                    "id": {
                        "type": "string",
                        "description": "Its key, if `Idempotency-Key` does not say it: one outcome, for ever.",
                    },
                },
                "required": required,
                "additionalProperties": false,
            });
            let name = word(&format!("{of}.{command_type}"));
            all.push((command_type, name.clone(), schemas.named(&name, body)));
        }
    }
    (!all.is_empty()).then(|| {
        let one = one_of("command", all, schemas);
        schemas.named("DomainCommand", one)
    })
}

/// One of several shapes, told apart by the member `type`. Shapes of one type,
/// of different categories, are one shape to whoever looks at `type` alone.
pub(super) fn one_of(
    kind: &str,
    shapes: Vec<(String, String, Value)>,
    schemas: &mut Schemas,
) -> Value {
    let mut by_type: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (of_type, name, schema) in shapes {
        by_type.entry(of_type).or_default().push((name, schema));
    }
    let (mut all, mut mapping) = (Vec::new(), Map::new());
    for (of_type, mut shapes) in by_type {
        let (name, schema) = match shapes.len() {
            1 => shapes.remove(0),
            _ => {
                let name = word(&format!("{kind}-of-type.{of_type}"));
                let shapes: Vec<Value> = shapes.into_iter().map(|(_, schema)| schema).collect();
                let schema = schemas.named(&name, json!({"anyOf": shapes}));
                (name, schema)
            }
        };
        mapping.insert(of_type, format!("{PLACE}{name}").into());
        all.push(schema);
    }
    json!({
        "oneOf": all,
        "discriminator": {"propertyName": "type", "mapping": mapping},
    })
}

/// Puts a schema among those of the document, with the schemas that it brings
/// along. Returns a reference to it.
fn hoisted(of: &str, name: &str, mut schema: Value, schemas: &mut Schemas) -> Value {
    let place = |inner: &str| word(&format!("{of}.type.{inner}"));
    let moved = |reference: &str| match reference.strip_prefix("#/$defs/") {
        Some(inner) => format!("{PLACE}{}", place(inner)),
        None => reference.to_string(),
    };
    let mut inner = None;
    if let Some(members) = schema.as_object_mut() {
        members.remove("$schema");
        inner = members.remove("$defs");
    }
    if let Some(Value::Object(definitions)) = inner {
        for (inner, mut schema) in definitions {
            each_reference(&mut schema, &moved);
            schemas.named(&place(&inner), schema);
        }
    }
    each_reference(&mut schema, &moved);
    schemas.named(name, schema);
    reference(name)
}

/// A name as OpenAPI takes it for a schema.
pub(super) fn word(name: &str) -> String {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let chars = name.chars();
    chars.map(|c| if is_taken(c) { c } else { '_' }).collect()
}
