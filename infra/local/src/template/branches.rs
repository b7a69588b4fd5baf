//! Which branches of a template a stack has: parameters, conditions, mappings.
//!
//! The rest of the room sees a document without them. `Fn::If` is replaced by one of its branches, `Fn::FindInMap` by
//! what it finds, a parameter by its value, and a resource whose condition is false is gone.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;
use super::intrinsics::single;

/// How deep conditions may refer to each other.
const MAX_DEPTH: usize = 32;

/// The document with these parameters, and only with the branches that they choose.
///
/// # Errors
///
/// When a parameter is not declared or has another value than its `AllowedValues`, or when a branch names a condition
/// or a mapping that is not declared.
pub(super) fn chosen(
    document: &Value,
    parameters: &BTreeMap<String, String>,
) -> Result<Value, TemplateError> {
    let chooser = Chooser {
        document,
        parameters: values(document, parameters)?,
    };
    let mut chosen = Map::new();
    for (section, value) in document.as_object().into_iter().flatten() {
        let value = match (section.as_str(), value) {
            ("Resources" | "Outputs", Value::Object(entries)) => chooser.kept(entries)?,
            ("Globals", value) => chooser.value(value, "Globals")?.unwrap_or_default(),
            ("Parameters", Value::Object(declared)) => chooser.declared(declared),
            _ => value.clone(),
        };
        chosen.insert(section.clone(), value);
    }
    Ok(Value::Object(chosen))
}

/// The value of each parameter that has one.
fn values(
    document: &Value,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let none = Map::new();
    let declared = document["Parameters"].as_object().unwrap_or(&none);
    if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
        let why = "the template declares no parameter of this name";
        return Err(TemplateError::at("Parameters", unknown, why));
    }
    let mut values = BTreeMap::new();
    for (name, parameter) in declared {
        let text = match (given.get(name), &parameter["Default"]) {
            (Some(given), _) => given.clone(),
            (None, Value::Null) => continue,
            (None, Value::String(default)) => default.clone(),
            (None, default) => default.to_string(),
        };
        if let Some(allowed) = parameter["AllowedValues"].as_array() {
            let allowed = allowed.iter().map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let allowed: Vec<String> = allowed.collect();
            if !allowed.contains(&text) {
                let why = format!("expected one of {}, found {text:?}", allowed.join(", "));
                return Err(TemplateError::at("Parameters", name, why));
            }
        }
        let is_list = parameter["Type"]
            .as_str()
            .is_some_and(|kind| kind == "CommaDelimitedList" || kind.starts_with("List<"));
        let value = match is_list {
            true => text.split(',').map(str::trim).map(Value::from).collect(),
            false => Value::String(text),
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

struct Chooser<'a> {
    document: &'a Value,
    parameters: BTreeMap<String, Value>,
}

impl Chooser<'_> {
    /// The entries whose condition holds.
    fn kept(&self, entries: &Map<String, Value>) -> Result<Value, TemplateError> {
        let mut kept = Map::new();
        for (name, entry) in entries {
            let is_kept = match &entry["Condition"] {
                Value::String(condition) => self.holds(condition, name, 0)?,
                _ => true,
            };
            if is_kept && let Some(entry) = self.value(entry, name)? {
                kept.insert(name.clone(), entry);
            }
        }
        Ok(Value::Object(kept))
    }

    /// The parameters, each with its value as the default.
    fn declared(&self, declared: &Map<String, Value>) -> Value {
        let declared = declared.iter().map(|(name, parameter)| {
            let mut parameter = parameter.clone();
            if let (Some(Value::String(value)), Value::Object(members)) =
                (self.parameters.get(name), &mut parameter)
            {
                members.insert("Default".to_owned(), Value::String(value.clone()));
            }
            (name.clone(), parameter)
        });
        Value::Object(declared.collect())
    }

    /// A value without branches; `None` where it is `AWS::NoValue`.
    fn value(&self, value: &Value, at: &str) -> Result<Option<Value>, TemplateError> {
        Ok(Some(match value {
            Value::Array(items) => {
                let items = items
                    .iter()
                    .filter_map(|item| self.value(item, at).transpose());
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => match single(members) {
                Some(("Ref", Value::String(name))) if name == "AWS::NoValue" => return Ok(None),
                Some(("Ref", Value::String(name))) => {
                    self.parameters.get(name).unwrap_or(value).clone()
                }
                Some(("Fn::If", Value::Array(parts))) => {
                    let [Value::String(condition), yes, no] = parts.as_slice() else {
                        let why = "Fn::If takes a condition and two values";
                        return Err(TemplateError::at(at, "Fn::If", why));
                    };
                    let branch = if self.holds(condition, at, 0)? {
                        yes
                    } else {
                        no
                    };
                    return self.value(branch, at);
                }
                Some(("Fn::FindInMap", Value::Array(path))) => self.found(path, at)?,
                _ => {
                    let mut kept = Map::new();
                    for (name, member) in members {
                        if let Some(member) = self.value(member, at)? {
                            kept.insert(name.clone(), member);
                        }
                    }
                    Value::Object(kept)
                }
            },
            scalar => scalar.clone(),
        }))
    }

    fn found(&self, path: &[Value], at: &str) -> Result<Value, TemplateError> {
        let mut found = &self.document["Mappings"];
        for key in path {
            let key = self.value(key, at)?;
            let key = key.as_ref().and_then(Value::as_str).unwrap_or_default();
            found = &found[key];
        }
        match found {
            Value::Null => {
                let path = Value::from(path.to_vec());
                let why = format!("{path} is in no mapping");
                Err(TemplateError::at(at, "Fn::FindInMap", why))
            }
            found => Ok(found.clone()),
        }
    }

    /// Whether a condition of the template holds.
    fn holds(&self, name: &str, at: &str, depth: usize) -> Result<bool, TemplateError> {
        match &self.document["Conditions"][name] {
            Value::Null => {
                let why =
                    format!("it names the condition {name}, which the template does not declare");
                Err(TemplateError::at(at, "Condition", why))
            }
            _ if depth > MAX_DEPTH => {
                let why = "it refers to itself";
                Err(TemplateError::at("Conditions", name, why))
            }
            condition => self.is_true(condition, name, depth),
        }
    }

    fn is_true(&self, condition: &Value, name: &str, depth: usize) -> Result<bool, TemplateError> {
        let wrong = || {
            let why = "Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition was expected";
            TemplateError::at("Conditions", name, why)
        };
        let members = condition.as_object().ok_or_else(wrong)?;
        let each = |parts: &[Value]| -> Result<Vec<bool>, TemplateError> {
            let parts = parts.iter();
            parts
                .map(|part| self.is_true(part, name, depth + 1))
                .collect()
        };
        match single(members).ok_or_else(wrong)? {
            ("Condition", Value::String(other)) => self.holds(other, name, depth + 1),
            ("Fn::Equals", Value::Array(sides)) => match sides.as_slice() {
                [left, right] => Ok(self.text(left, name)? == self.text(right, name)?),
                _ => Err(wrong()),
            },
            ("Fn::Not", Value::Array(parts)) if parts.len() == 1 => Ok(!each(parts)?[0]),
            ("Fn::And", Value::Array(parts)) => Ok(each(parts)?.into_iter().all(|part| part)),
            ("Fn::Or", Value::Array(parts)) => Ok(each(parts)?.into_iter().any(|part| part)),
            _ => Err(wrong()),
        }
    }

    /// One side of `Fn::Equals`.
    fn text(&self, side: &Value, name: &str) -> Result<String, TemplateError> {
        if let Value::Object(members) = side
            && let Some(("Fn::Join", Value::Array(parts))) = single(members)
            && let [Value::String(separator), list] = parts.as_slice()
        {
            let list = self.value(list, name)?;
            let list = list.iter().filter_map(Value::as_array).flatten();
            let texts: Vec<&str> = list.filter_map(Value::as_str).collect();
            return Ok(texts.join(separator));
        }
        match self.value(side, name)? {
            Some(Value::String(text)) => Ok(text),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(flag)) => Ok(flag.to_string()),
            _ => {
                let why = "Fn::Equals compares texts, parameters, and joined lists of them";
                Err(TemplateError::at("Conditions", name, why))
            }
        }
    }
}
