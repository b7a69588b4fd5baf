//! What an enum of events says about its category.

use super::{
    category::{Event, Naming},
    codec::{self, Decoded, decode},
    schema,
};
use crate::Rejection;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an enum says about its category, its types taken away.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The category.
    pub category: &'static str,
    /// Whether types that are not declared are taken at the door.
    pub is_open: bool,
    /// The schema version of each type.
    pub types: BTreeMap<String, u32>,
    /// The Rust type, to tell two enums of one category apart.
    pub(crate) rust_type: &'static str,
    pub(crate) check: fn(&str, &str) -> Decoded<()>,
    schemas: fn() -> BTreeMap<String, Value>,
}

impl Declaration {
    /// What an enum declares.
    ///
    /// # Panics
    ///
    /// When the type is no enum, or names a version of a type that it does not
    /// have: at start-up, in the first test.
    pub fn of<E: Event>() -> Self {
        let rust_type = std::any::type_name::<E>();
        let names = event_types::<E>();
        let mut types: BTreeMap<String, u32> = names.into_iter().map(|name| (name, 1)).collect();
        for (name, version) in E::VERSIONS {
            let known = types.get_mut(*name);
            *known.unwrap_or_else(|| panic!("{rust_type} has no event type `{name}`")) = *version;
        }
        Self {
            category: E::CATEGORY,
            is_open: E::OPEN,
            types,
            rust_type,
            check: |event_type, data| decode::<E>(E::NAMING, event_type, data).map(drop),
            schemas: || schema::of::<E>(E::NAMING),
        }
    }

    /// The JSON Schema of the data of each type.
    pub fn schemas(&self) -> BTreeMap<String, Value> {
        (self.schemas)()
    }
}

/// The event types of a category, in the order of the enum.
///
/// # Panics
///
/// When `E` is no enum.
pub fn event_types<E: Event>() -> Vec<String> {
    types_of::<E>(E::NAMING)
}

/// The types that the variants of an enum name, in its order.
pub(crate) fn types_of<E: DeserializeOwned>(naming: Naming) -> Vec<String> {
    let variants = codec::variants::<E>();
    let variants = variants.unwrap_or_else(|| {
        let name = std::any::type_name::<E>();
        panic!("{name} is no enum; the events of a category are one enum, a variant for each type")
    });
    variants
        .iter()
        .map(|variant| naming.name(variant))
        .collect()
}

/// The JSON Schema of the data of each type that an enum names.
pub(crate) fn schemas_of<E: JsonSchema>(naming: Naming) -> BTreeMap<String, Value> {
    schema::of::<E>(naming)
}

/// What an enum names a value, and the value's fields.
///
/// # Errors
///
/// A rejection where the value has no JSON.
pub(crate) fn named(naming: Naming, value: &impl Serialize) -> Result<(String, Value), Rejection> {
    let (variant, data) = codec::encode(value)
        .map_err(|error| Rejection::new(format!("`{}` has no JSON: {error}", name_of(value))))?;
    Ok((naming.name(&variant), data))
}

fn name_of<T>(_: &T) -> &'static str {
    std::any::type_name::<T>()
}

/// The type, schema version and data of an event.
///
/// # Errors
///
/// A rejection where the event has no JSON.
pub(crate) fn encode<E: Event>(event: &E) -> Result<(String, u32, Value), Rejection> {
    let (event_type, data) = named(E::NAMING, event)?;
    let versions = E::VERSIONS.iter();
    let mut versions = versions.filter(|(name, _)| *name == event_type);
    let version = versions.next().map_or(1, |(_, version)| *version);
    Ok((event_type, version, data))
}
