//! Checks every reference of a template, also in resources that the local system does not run.

use serde_json::Value;

use super::TemplateError;
use super::intrinsics::{PropertyPath, Resolver, single};

/// Checks all references of the document.
///
/// # Errors
///
/// When one names something that the template does not declare: a deployment would fail on it.
pub(super) fn check(resolver: &Resolver<'_>) -> Result<(), TemplateError> {
    for (resource, value) in resolver.resources {
        let property = "Properties";
        check_value(resolver, value, PropertyPath { resource, property })?;
    }
    if let Value::Object(outputs) = &resolver.document["Outputs"] {
        let resource = "Outputs";
        for (property, output) in outputs {
            check_value(resolver, output, PropertyPath { resource, property })?;
        }
    }
    Ok(())
}

fn check_value(
    resolver: &Resolver<'_>,
    value: &Value,
    at: PropertyPath<'_>,
) -> Result<(), TemplateError> {
    match value {
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check_value(resolver, item, at)),
        Value::Object(map) => match single(map) {
            Some(("Ref", Value::String(name))) => check_name(resolver, name, at),
            Some(("Fn::GetAtt", Value::Array(parts))) => match parts.first() {
                Some(Value::String(name)) => check_name(resolver, name, at),
                _ => Ok(()),
            },
            _ => map.iter().try_for_each(|(key, value)| {
                // An error names the outermost property: an author looks for that one.
                let property = if at.property == "Properties" && key != "Properties" {
                    key
                } else {
                    at.property
                };
                check_value(resolver, value, PropertyPath { property, ..at })
            }),
        },
        _ => Ok(()),
    }
}

fn check_name(
    resolver: &Resolver<'_>,
    name: &str,
    at: PropertyPath<'_>,
) -> Result<(), TemplateError> {
    // A parameter without a default is an error only where the local system reads it.
    if resolver.document["Parameters"][name].is_null() {
        resolver.reference(name, at).map(drop)
    } else {
        Ok(())
    }
}
