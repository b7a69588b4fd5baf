//! Finds references to what a template does not declare.

use serde_json::Value;

use super::TemplateError;
use super::intrinsics::{Place, Resolver, single};

impl Resolver<'_> {
    /// Looks at every reference of the document, also in resources that the local system does not run.
    ///
    /// # Errors
    ///
    /// When one points to what is not declared: a deployment would fail on it.
    pub fn check_references(&self) -> Result<(), TemplateError> {
        for (logical_id, resource) in self.resources {
            self.check(
                resource,
                Place {
                    resource: logical_id,
                    property: "Properties",
                },
            )?;
        }
        match &self.document["Outputs"] {
            Value::Object(outputs) => outputs.iter().try_for_each(|(name, output)| {
                self.check(
                    output,
                    Place {
                        resource: "Outputs",
                        property: name,
                    },
                )
            }),
            _ => Ok(()),
        }
    }

    fn check(&self, value: &Value, place: Place<'_>) -> Result<(), TemplateError> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.check(item, place)),
            Value::Object(map) => match single(map) {
                Some(("Ref", Value::String(name))) => self.check_name(name, place),
                Some(("Fn::GetAtt", Value::Array(parts))) => match parts.first() {
                    Some(Value::String(name)) => self.check_name(name, place),
                    _ => Ok(()),
                },
                _ => map.iter().try_for_each(|(key, value)| {
                    // The outermost property is what an author looks for.
                    let property = if place.property == "Properties" && key != "Properties" {
                        key
                    } else {
                        place.property
                    };
                    self.check(value, Place { property, ..place })
                }),
            },
            _ => Ok(()),
        }
    }

    fn check_name(&self, name: &str, place: Place<'_>) -> Result<(), TemplateError> {
        // A parameter without a default matters only where the local system reads it.
        if self.document["Parameters"][name].is_null() {
            self.reference(name, place).map(drop)
        } else {
            Ok(())
        }
    }
}
