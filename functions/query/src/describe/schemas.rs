//! The schemas of a document, collected while it is put together. Those of
//! answers say what is always there; those of bodies, what may be left out.

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

/// Where a document has its schemas.
pub(super) const PLACE: &str = "#/components/schemas/";

/// What the names of schemas of bodies end with.
const BODY: &str = "Body";

/// Schemas by name.
pub(super) struct Schemas {
    answers: SchemaGenerator,
    bodies: SchemaGenerator,
    others: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let settings = settings.with_transform(Closed);
        Self {
            answers: settings.clone().for_serialize().into_generator(),
            bodies: settings.for_deserialize().into_generator(),
            others: Map::new(),
        }
    }

    /// The schema of an answer, or a part of one.
    pub(super) fn answer<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().to_value()
    }

    /// The schema of a body.
    pub(super) fn body<T: JsonSchema>(&mut self) -> Value {
        let mut schema = self.bodies.subschema_for::<T>().to_value();
        each_reference(&mut schema, &as_body);
        schema
    }

    /// A schema that no type of Rust has; and a reference to it.
    pub(super) fn named(&mut self, name: &str, schema: Value) -> Value {
        self.others.insert(name.into(), schema);
        reference(name)
    }

    /// All of them, by name.
    pub(super) fn all(mut self) -> Map<String, Value> {
        let mut all = self.others;
        all.extend(self.answers.take_definitions(true));
        for (name, mut schema) in self.bodies.take_definitions(true) {
            each_reference(&mut schema, &as_body);
            all.insert(format!("{name}{BODY}"), schema);
        }
        all
    }
}

/// A reference to a schema of the document.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("{PLACE}{name}")})
}

fn as_body(reference: &str) -> String {
    format!("{reference}{BODY}")
}

/// Changes every reference in a schema.
pub(super) fn each_reference(schema: &mut Value, change: &dyn Fn(&str) -> String) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "$ref" => *text = change(text),
                    other => each_reference(other, change),
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| each_reference(item, change)),
        _ => {}
    }
}

/// Objects have the members that their types have, and no others: what is not
/// described is not answered.
#[derive(Debug, Clone)]
struct Closed;

impl Transform for Closed {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(members) = schema.as_object_mut() else {
            return;
        };
        let says = |name| members.contains_key(name);
        if says("properties") && !says("additionalProperties") && !says("unevaluatedProperties") {
            members.insert("additionalProperties".into(), false.into());
        }
    }
}
