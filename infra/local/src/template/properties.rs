//! Reads typed values out of a resource. An error names the resource and the property.

use serde_json::Value;

use super::TemplateError;
use super::intrinsics::{PropertyPath, Resolver};

/// A map of properties: a resource, or a map somewhere inside of it.
pub(super) struct Properties<'r, 'a> {
    resolver: &'r Resolver<'a>,
    resource: &'a str,
    path: String,
    value: std::borrow::Cow<'a, Value>,
}

impl<'r, 'a> Properties<'r, 'a> {
    /// The resources of a type with their logical ids, in the order of these.
    pub fn of_resources(
        resolver: &'r Resolver<'a>,
        resource_type: &str,
    ) -> impl Iterator<Item = (&'a str, Self)> {
        let resources = resolver.resources.iter();
        let of_type = resources.filter(move |(_, resource)| resource["Type"] == resource_type);
        of_type.map(|(logical_id, resource)| {
            let properties = Self::new(resolver, logical_id, "", resource);
            (logical_id.as_str(), properties)
        })
    }

    /// A section of `Globals`, such as `Function`.
    pub fn of_globals(resolver: &'r Resolver<'a>, section: &str) -> Self {
        let value = &resolver.document["Globals"][section];
        Self::new(resolver, "Globals", section, value)
    }

    fn new(resolver: &'r Resolver<'a>, resource: &'a str, path: &str, value: &'a Value) -> Self {
        Self {
            resolver,
            resource,
            path: path.to_owned(),
            value: std::borrow::Cow::Borrowed(value),
        }
    }

    /// The value of a property, resolved; [`Value::Null`] when it is not set.
    pub fn value(&self, property: &str) -> Result<Value, TemplateError> {
        let path = self.path_of(property);
        self.resolver.resolve(
            &self.value[property],
            PropertyPath {
                resource: self.resource,
                property: &path,
            },
        )
    }

    /// The value of a property as the template has it, with its intrinsics.
    pub fn raw(&self, property: &str) -> &Value {
        &self.value[property]
    }

    /// The map under a property; an empty one when it is not set.
    pub fn map(&self, property: &str) -> Properties<'r, 'a> {
        Properties {
            resolver: self.resolver,
            resource: self.resource,
            path: self.path_of(property),
            value: std::borrow::Cow::Owned(self.value[property].clone()),
        }
    }

    /// The names and maps under a property that holds a map of maps.
    pub fn entries(&self, property: &str) -> Vec<(String, Properties<'r, 'a>)> {
        let map = self.map(property);
        let Some(entries) = self.value[property].as_object() else {
            return Vec::new();
        };
        entries
            .keys()
            .map(|name| (name.clone(), map.map(name)))
            .collect()
    }

    /// The maps under a property that holds a list.
    pub fn list(&self, property: &str) -> Result<Vec<Properties<'r, 'a>>, TemplateError> {
        match &self.value[property] {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, item)| Properties {
                    resolver: self.resolver,
                    resource: self.resource,
                    path: format!("{}[{index}]", self.path_of(property)),
                    value: std::borrow::Cow::Owned(item.clone()),
                })
                .collect()),
            _ => Err(self.wrong(property, "a list was expected")),
        }
    }

    /// A string, if set. A number or a boolean is read as its text, as in an environment variable.
    pub fn string(&self, property: &str) -> Result<Option<String>, TemplateError> {
        match self.value(property)? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            Value::Number(number) => Ok(Some(number.to_string())),
            Value::Bool(flag) => Ok(Some(flag.to_string())),
            _ => Err(self.wrong(property, "a string was expected")),
        }
    }

    /// A string that is set and not empty.
    pub fn required(&self, property: &str) -> Result<String, TemplateError> {
        self.string(property)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.wrong(property, "it is missing"))
    }

    /// A whole number within bounds, if set.
    pub fn number(&self, property: &str, from: i64, to: i64) -> Result<Option<i64>, TemplateError> {
        let number = match self.value(property)? {
            Value::Null => return Ok(None),
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if (from..=to).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(
                property,
                &format!("a whole number from {from} to {to} was expected"),
            )),
        }
    }

    /// A boolean, if set.
    pub fn boolean(&self, property: &str) -> Result<Option<bool>, TemplateError> {
        match self.value(property)? {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(flag)),
            Value::String(text) if text == "true" || text == "false" => Ok(Some(text == "true")),
            _ => Err(self.wrong(property, "true or false was expected")),
        }
    }

    /// Strings: a list of them, or a single one; none when it is not set.
    pub fn strings(&self, property: &str) -> Result<Vec<String>, TemplateError> {
        match self.value(property)? {
            Value::Null => Ok(Vec::new()),
            Value::String(text) => Ok(vec![text]),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(self.wrong(property, "a list of strings was expected")),
                })
                .collect(),
            _ => Err(self.wrong(property, "a list of strings was expected")),
        }
    }

    /// The resolver behind these properties.
    pub fn resolver(&self) -> &'r Resolver<'a> {
        self.resolver
    }

    /// An error at a property of this map.
    pub fn wrong(&self, property: &str, reason: &str) -> TemplateError {
        TemplateError::at(self.resource, &self.path_of(property), reason)
    }

    fn path_of(&self, property: &str) -> String {
        // `Properties` is left out: authors name a property by the resource and its own name.
        if self.path.is_empty() || self.path == "Properties" {
            property.to_owned()
        } else {
            format!("{}.{property}", self.path)
        }
    }
}
