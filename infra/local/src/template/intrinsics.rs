//! Resolves the intrinsic functions of a template: what a value with `Ref` or `Fn::…` in it stands for.

use serde_json::{Map, Value};

use super::TemplateError;
use super::scope;

/// Resolves references within one document for one stack.
pub(super) struct Resolver<'a> {
    pub(super) document: &'a Value,
    pub(super) resources: &'a Map<String, Value>,
    stack: &'a str,
}

/// The resource and property that a value belongs to, for errors.
#[derive(Clone, Copy)]
pub(super) struct PropertyPath<'a> {
    pub resource: &'a str,
    pub property: &'a str,
}

impl<'a> Resolver<'a> {
    pub fn new(document: &'a Value, stack: &'a str) -> Result<Self, TemplateError> {
        let resources = document["Resources"]
            .as_object()
            .ok_or(TemplateError::NoResources)?;
        Ok(Self {
            document,
            resources,
            stack,
        })
    }

    /// The physical name of a resource.
    pub fn name(&self, logical_id: &str) -> Result<String, TemplateError> {
        let resource = &self.resources[logical_id];
        let property = scope::name_property(resource["Type"].as_str().unwrap_or_default());
        match &resource["Properties"][property] {
            Value::Null => Ok(scope::default_name(logical_id, self.stack)),
            set => match self.resolve(
                set,
                PropertyPath {
                    resource: logical_id,
                    property,
                },
            )? {
                Value::String(name) => Ok(name),
                _ => Err(TemplateError::at(
                    logical_id,
                    property,
                    "a name must be a string",
                )),
            },
        }
    }

    /// The ARN of a resource.
    pub fn arn(&self, logical_id: &str) -> Result<String, TemplateError> {
        let resource_type = self.resources[logical_id]["Type"].as_str();
        Ok(scope::arn(
            resource_type.unwrap_or_default(),
            &self.name(logical_id)?,
        ))
    }

    /// Replaces every intrinsic function in a value by its result.
    pub fn resolve(&self, value: &Value, at: PropertyPath<'_>) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => Ok(Value::Array(
                items
                    .iter()
                    .map(|item| self.resolve(item, at))
                    .collect::<Result<_, _>>()?,
            )),
            Value::Object(map) => match single(map) {
                Some(("Ref", Value::String(name))) => self.reference(name, at).map(Value::String),
                Some((function, argument)) if function.starts_with("Fn::") => {
                    self.call(function, argument, at)
                }
                _ => Ok(Value::Object(
                    map.iter()
                        .map(|(key, value)| Ok((key.clone(), self.resolve(value, at)?)))
                        .collect::<Result<_, TemplateError>>()?,
                )),
            },
            scalar => Ok(scalar.clone()),
        }
    }

    fn call(
        &self,
        function: &str,
        argument: &Value,
        at: PropertyPath<'_>,
    ) -> Result<Value, TemplateError> {
        let wrong = |expected: &str| {
            TemplateError::at(at.resource, at.property, format!("{function} {expected}"))
        };
        match (function, argument) {
            ("Fn::GetAtt", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(resource), Value::String(attribute)] => {
                    self.attribute(resource, attribute, at).map(Value::String)
                }
                _ => Err(wrong("takes a resource and an attribute")),
            },
            ("Fn::Sub", Value::String(text)) => {
                self.substitute(text, &Map::new(), at).map(Value::String)
            }
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(names)] => {
                    self.substitute(text, names, at).map(Value::String)
                }
                _ => Err(wrong("takes a string and a map")),
            },
            ("Fn::Join", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(separator), list] => {
                    let list = self.resolve(list, at)?;
                    let strings: Option<Vec<&str>> = list
                        .as_array()
                        .and_then(|items| items.iter().map(Value::as_str).collect());
                    Ok(Value::String(
                        strings
                            .ok_or_else(|| wrong("joins strings only"))?
                            .join(separator),
                    ))
                }
                _ => Err(wrong("takes a separator and a list")),
            },
            _ => Err(wrong("is not supported here by the local system")),
        }
    }

    pub(super) fn reference(
        &self,
        name: &str,
        at: PropertyPath<'_>,
    ) -> Result<String, TemplateError> {
        if let Some(value) = scope::pseudo_parameter(name, self.stack) {
            return Ok(value);
        }
        if self.resources.contains_key(name) {
            return self.name(name);
        }
        match &self.document["Parameters"][name] {
            Value::Null if scope::is_made_by_sam(name, self.resources) => {
                Ok(scope::default_name(name, self.stack))
            }
            Value::Null => Err(TemplateError::at(
                at.resource,
                at.property,
                format!("it refers to {name}, which the template does not declare"),
            )),
            parameter => match &parameter["Default"] {
                Value::String(default) => Ok(default.clone()),
                Value::Null => Err(TemplateError::at(
                    at.resource,
                    at.property,
                    format!(
                        "it refers to the parameter {name}, which has no Default for the local system to take"
                    ),
                )),
                default => Ok(default.to_string()),
            },
        }
    }

    fn attribute(
        &self,
        resource: &str,
        attribute: &str,
        at: PropertyPath<'_>,
    ) -> Result<String, TemplateError> {
        let name = self.reference(resource, at)?;
        match attribute {
            "Arn" if self.resources.contains_key(resource) => self.arn(resource),
            _ => Ok(format!("{name}.{attribute}")),
        }
    }

    fn substitute(
        &self,
        text: &str,
        names: &Map<String, Value>,
        at: PropertyPath<'_>,
    ) -> Result<String, TemplateError> {
        let mut resolved = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            resolved.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else {
                break;
            };
            let name = rest[start + 2..start + length].trim();
            rest = &rest[start + length + 1..];
            if let Some(literal) = name.strip_prefix('!') {
                resolved.push_str(&format!("${{{literal}}}"));
            } else if let Some(value) = names.get(name) {
                match self.resolve(value, at)? {
                    Value::String(value) => resolved.push_str(&value),
                    other => resolved.push_str(&other.to_string()),
                }
            } else if let Some((resource, attribute)) = name.split_once('.') {
                resolved.push_str(&self.attribute(resource, attribute, at)?);
            } else {
                resolved.push_str(&self.reference(name, at)?);
            }
        }
        resolved.push_str(rest);
        Ok(resolved)
    }
}

/// The key and value of a map that has exactly one.
pub(super) fn single(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Some((key.as_str(), value)),
        _ => None,
    }
}
