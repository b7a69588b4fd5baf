//! Reads the routes of the HTTP API: the events of a function, and the routes that stand for themselves.

use std::collections::BTreeSet;

use serde_json::Value;

use super::intrinsics::Resolver;
use super::properties::Properties;
use super::{Authorization, Route, TemplateError};

/// A route among the events of a function.
pub(super) fn read(
    function: &str,
    properties: &Properties<'_, '_>,
) -> Result<Route, TemplateError> {
    let path = properties.required("Path")?;
    check(&path).map_err(|reason| properties.wrong("Path", reason))?;
    let authorizer = properties.map("Auth").string("Authorizer")?;
    let authorization = match authorizer.as_deref() {
        None | Some("NONE") => Authorization::None,
        Some("AWS_IAM") => Authorization::Iam,
        Some(_) => {
            let why = "the local system knows AWS_IAM and NONE here";
            return Err(properties.wrong("Auth", why));
        }
    };
    Ok(Route {
        method: properties
            .string("Method")?
            .unwrap_or_else(|| "ANY".to_owned())
            .to_ascii_uppercase(),
        path,
        function: function.to_owned(),
        takes_any_body: authorization == Authorization::None,
        authorization,
    })
}

/// The resources of type `AWS::ApiGatewayV2::Route`.
pub(super) fn of_resources(resolver: &Resolver<'_>) -> Result<Vec<Route>, TemplateError> {
    let routes = Properties::of_resources(resolver, "AWS::ApiGatewayV2::Route");
    routes
        .map(|(_, resource)| {
            let metadata = resource.map("Metadata");
            let route = of_resource(&resource.map("Properties"))?;
            Ok(Route {
                takes_any_body: metadata.string("Body")?.as_deref() == Some("any"),
                ..route
            })
        })
        .collect()
}

/// The functions that a resource of type `AWS::Lambda::Url` lets stream.
pub(super) fn streaming(resolver: &Resolver<'_>) -> Result<BTreeSet<String>, TemplateError> {
    let mut streaming = BTreeSet::new();
    for (_, resource) in Properties::of_resources(resolver, "AWS::Lambda::Url") {
        let properties = resource.map("Properties");
        if properties.string("InvokeMode")?.as_deref() != Some("RESPONSE_STREAM") {
            continue;
        }
        let named = mentioned(properties.raw("TargetFunctionArn"));
        let resources = resolver.resources;
        let is_function = |name: &&str| resources[*name]["Type"] == "AWS::Serverless::Function";
        let function = named.into_iter().find(is_function);
        let function = function
            .ok_or_else(|| properties.wrong("TargetFunctionArn", "it names no function"))?;
        streaming.insert(function.to_owned());
    }
    Ok(streaming)
}

fn of_resource(properties: &Properties<'_, '_>) -> Result<Route, TemplateError> {
    let key = properties.required("RouteKey")?;
    let Some((method, path)) = key.split_once(' ') else {
        return Err(properties.wrong("RouteKey", "METHOD /path was expected"));
    };
    check(path).map_err(|reason| properties.wrong("RouteKey", reason))?;
    let resources = properties.resolver().resources;
    let is_integration = |name: &&str| resources[*name]["Type"] == "AWS::ApiGatewayV2::Integration";
    let integration = mentioned(properties.raw("Target"));
    let integration = integration.iter().find(|name| is_integration(name));
    let integration = integration
        .ok_or_else(|| properties.wrong("Target", "it names no AWS::ApiGatewayV2::Integration"))?;
    let function = mentioned(&resources[*integration]["Properties"]["IntegrationUri"]);
    let is_function = |name: &&str| resources[*name]["Type"] == "AWS::Serverless::Function";
    let function = function.iter().find(|name| is_function(name));
    let function = function
        .ok_or_else(|| TemplateError::at(integration, "IntegrationUri", "it names no function"))?;
    Ok(Route {
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        function: (*function).to_owned(),
        authorization: authorization(properties)?,
        takes_any_body: false,
    })
}

fn authorization(properties: &Properties<'_, '_>) -> Result<Authorization, TemplateError> {
    match properties.string("AuthorizationType")?.as_deref() {
        None | Some("NONE") => Ok(Authorization::None),
        Some("AWS_IAM") => Ok(Authorization::Iam),
        Some("JWT") => {
            let resources = properties.resolver().resources;
            let is_authorizer =
                |name: &&str| resources[*name]["Type"] == "AWS::ApiGatewayV2::Authorizer";
            let authorizer = mentioned(properties.raw("AuthorizerId"));
            let authorizer = authorizer.into_iter().find(is_authorizer);
            let all =
                Properties::of_resources(properties.resolver(), "AWS::ApiGatewayV2::Authorizer");
            let mut authorizers = all.filter(|(name, _)| Some(*name) == authorizer);
            let (_, authorizer) = authorizers
                .next()
                .ok_or_else(|| properties.wrong("AuthorizerId", "a JWT route needs it"))?;
            let settings = authorizer.map("Properties").map("JwtConfiguration");
            Ok(Authorization::Jwt {
                issuer: settings.required("Issuer")?,
                audience: settings.strings("Audience")?,
                scopes: properties.strings("AuthorizationScopes")?,
            })
        }
        Some(_) => {
            let why = "the local system knows NONE, AWS_IAM and JWT";
            Err(properties.wrong("AuthorizationType", why))
        }
    }
}

/// The logical ids that a value refers to. SAM writes a function's alias as `Function.Alias`.
fn mentioned(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().flat_map(mentioned).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| match (name.as_str(), member) {
                ("Ref", Value::String(name)) => vec![of_name(name)],
                ("Fn::GetAtt", Value::Array(parts)) => {
                    parts.first().and_then(Value::as_str).into_iter().collect()
                }
                ("Fn::Sub", Value::String(text)) => substituted(text),
                (_, member) => mentioned(member),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The names in a text for `Fn::Sub`.
fn substituted(text: &str) -> Vec<&str> {
    let names = text.split("${").skip(1);
    let names = names.filter_map(|rest| rest.split_once('}'));
    names.map(|(name, _)| of_name(name)).collect()
}

fn of_name(name: &str) -> &str {
    name.split_once('.').map_or(name, |(resource, _)| resource)
}

fn check(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err("a path must begin with /");
    };
    let count = rest.split('/').count();
    for (index, segment) in rest.split('/').enumerate() {
        let is_variable = segment.starts_with('{') && segment.ends_with('}') && segment.len() > 2;
        if !is_variable && segment.contains(['{', '}']) {
            return Err("a variable must be a whole segment: {name}");
        }
        if is_variable && segment.ends_with("+}") && index + 1 < count {
            return Err("a greedy variable must be the last segment");
        }
    }
    Ok(())
}
