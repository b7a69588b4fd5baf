//! Reads the template's Lambda functions, with their routes, mappings, schedules and notifications.

use std::collections::BTreeMap;

use super::intrinsics::Resolver;
use super::properties::Properties;
use super::{Function, Mapping, Notification, Route, Schedule, TemplateError};
use super::{mappings, notifications, policies, routes, schedules};

/// SAM's defaults.
const DEFAULT_TIMEOUT_SECONDS: i64 = 3;
const DEFAULT_MEMORY_MB: i64 = 128;

/// The functions, and what invokes them.
type Functions = (
    Vec<Function>,
    Vec<Route>,
    Vec<Mapping>,
    Vec<Schedule>,
    Vec<Notification>,
);

pub(super) fn read(resolver: &Resolver<'_>) -> Result<Functions, TemplateError> {
    let globals = Properties::of_globals(resolver, "Function");
    let mut functions = Vec::new();
    let mut all_routes = Vec::new();
    let mut all_mappings = Vec::new();
    let mut all_schedules = Vec::new();
    let mut all_notifications = Vec::new();
    for (logical_id, resource) in Properties::of_resources(resolver, "AWS::Serverless::Function") {
        let properties = resource.map("Properties");
        functions.push(function(logical_id, &resource, &properties, &globals)?);
        for (name, event) in properties.entries("Events") {
            let settings = event.map("Properties");
            match event.required("Type")?.as_str() {
                "HttpApi" => all_routes.push(routes::read(logical_id, &settings)?),
                "Kinesis" => all_mappings.push(mappings::read(logical_id, &name, &settings)?),
                "Schedule" => all_schedules.push(schedules::read(logical_id, &name, &settings)?),
                "S3" => all_notifications.push(notifications::read(logical_id, &name, &settings)?),
                // Other sources, such as a queue, are valid. The local system ignores them.
                _ => {}
            }
        }
    }
    Ok((
        functions,
        all_routes,
        all_mappings,
        all_schedules,
        all_notifications,
    ))
}

fn function(
    logical_id: &str,
    resource: &Properties<'_, '_>,
    properties: &Properties<'_, '_>,
    globals: &Properties<'_, '_>,
) -> Result<Function, TemplateError> {
    let resolver = resource.resolver();
    let mut environment = variables(globals)?;
    environment.extend(variables(properties)?);
    let number = |property: &str, from, to, default| -> Result<u32, TemplateError> {
        let set = match properties.number(property, from, to)? {
            Some(own) => Some(own),
            None => globals.number(property, from, to)?,
        };
        Ok(set.unwrap_or(default) as u32)
    };
    Ok(Function {
        logical_id: logical_id.to_owned(),
        name: resolver.name(logical_id)?,
        arn: resolver.arn(logical_id)?,
        binary: resource
            .map("Metadata")
            .map("BuildProperties")
            .required("Binary")?,
        environment,
        timeout_seconds: number("Timeout", 1, 900, DEFAULT_TIMEOUT_SECONDS)?,
        memory_mb: number("MemorySize", 128, 32_768, DEFAULT_MEMORY_MB)?,
        policies: policies::of_function(properties)?,
    })
}

fn variables(properties: &Properties<'_, '_>) -> Result<BTreeMap<String, String>, TemplateError> {
    let environment = properties.map("Environment");
    let variables = environment.map("Variables");
    let Some(names) = environment.raw("Variables").as_object() else {
        return Ok(BTreeMap::new());
    };
    names
        .keys()
        .map(|name| Ok((name.clone(), variables.string(name)?.unwrap_or_default())))
        .collect()
}
