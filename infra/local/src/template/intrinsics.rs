//! Resolves the intrinsic functions of a template.

use serde_json::{Map, Value};

use super::TemplateError;
use super::properties::Properties;
use super::scope;

/// Resolves references within one document for one stack.
pub(super) struct Resolver<'a> {
    pub(super) document: &'a Value,
    pub(super) resources: &'a Map<String, Value>,
    stack: &'a str,
}

/// Where a value stands, for errors.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
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

    /// The resources of a type, in the template's order of names.
    pub fn resources_of(&self, kind: &str) -> impl Iterator<Item = (&'a str, Properties<'_, 'a>)> {
        self.resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(logical_id, resource)| {
                (
                    logical_id.as_str(),
                    Properties::new(self, logical_id, "", resource),
                )
            })
    }

    /// A part of `Globals`.
    pub fn globals(&self, kind: &str) -> Properties<'_, 'a> {
        Properties::new(self, "Globals", kind, &self.document["Globals"][kind])
    }

    /// The physical name of a resource.
    pub fn name(&self, logical_id: &str) -> Result<String, TemplateError> {
        let resource = &self.resources[logical_id];
        let property = scope::name_property(resource["Type"].as_str().unwrap_or_default());
        match &resource["Properties"][property] {
            Value::Null => Ok(scope::default_name(logical_id, self.stack)),
            set => match self.resolve(
                set,
                Place {
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
        let kind = self.resources[logical_id]["Type"]
            .as_str()
            .unwrap_or_default();
        Ok(scope::arn(kind, &self.name(logical_id)?))
    }

    /// A value with every intrinsic in it replaced by what it stands for.
    pub fn resolve(&self, value: &Value, place: Place<'_>) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => Ok(Value::Array(
                items
                    .iter()
                    .map(|item| self.resolve(item, place))
                    .collect::<Result<_, _>>()?,
            )),
            Value::Object(map) => match single(map) {
                Some(("Ref", Value::String(name))) => {
                    self.reference(name, place).map(Value::String)
                }
                Some((function, argument)) if function.starts_with("Fn::") => {
                    self.call(function, argument, place)
                }
                _ => Ok(Value::Object(
                    map.iter()
                        .map(|(key, value)| Ok((key.clone(), self.resolve(value, place)?)))
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
        place: Place<'_>,
    ) -> Result<Value, TemplateError> {
        let wrong = |expected: &str| {
            TemplateError::at(
                place.resource,
                place.property,
                format!("{function} {expected}"),
            )
        };
        match (function, argument) {
            ("Fn::GetAtt", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(resource), Value::String(attribute)] => self
                    .attribute(resource, attribute, place)
                    .map(Value::String),
                _ => Err(wrong("wants a resource and an attribute")),
            },
            ("Fn::Sub", Value::String(text)) => {
                self.substitute(text, &Map::new(), place).map(Value::String)
            }
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(names)] => {
                    self.substitute(text, names, place).map(Value::String)
                }
                _ => Err(wrong("wants a string and a map")),
            },
            ("Fn::Join", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(separator), list] => {
                    let list = self.resolve(list, place)?;
                    let strings: Option<Vec<&str>> = list
                        .as_array()
                        .and_then(|items| items.iter().map(Value::as_str).collect());
                    Ok(Value::String(
                        strings
                            .ok_or_else(|| wrong("joins strings only"))?
                            .join(separator),
                    ))
                }
                _ => Err(wrong("wants a separator and a list")),
            },
            _ => Err(wrong("is not supported by the local system here")),
        }
    }

    pub(super) fn reference(&self, name: &str, place: Place<'_>) -> Result<String, TemplateError> {
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
                place.resource,
                place.property,
                format!("it refers to {name}, which the template does not declare"),
            )),
            parameter => match &parameter["Default"] {
                Value::String(default) => Ok(default.clone()),
                Value::Null => Err(TemplateError::at(
                    place.resource,
                    place.property,
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
        place: Place<'_>,
    ) -> Result<String, TemplateError> {
        let name = self.reference(resource, place)?;
        match attribute {
            "Arn" if self.resources.contains_key(resource) => self.arn(resource),
            _ => Ok(format!("{name}.{attribute}")),
        }
    }

    fn substitute(
        &self,
        text: &str,
        names: &Map<String, Value>,
        place: Place<'_>,
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
                match self.resolve(value, place)? {
                    Value::String(value) => resolved.push_str(&value),
                    other => resolved.push_str(&other.to_string()),
                }
            } else if let Some((resource, attribute)) = name.split_once('.') {
                resolved.push_str(&self.attribute(resource, attribute, place)?);
            } else {
                resolved.push_str(&self.reference(name, place)?);
            }
        }
        resolved.push_str(rest);
        Ok(resolved)
    }
}

pub(super) fn single(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Some((key.as_str(), value)),
        _ => None,
    }
}
