//! OpenAPI 3.1 of all routes of the HTTP API.

use super::{VERSION, domain, events, operation::Operation, operations, schemas::Schemas};
use crate::ROUTES;
use rewind::Service;
use rewind_aws::api::{ingest, microservice, playback};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The HTTP API of a service: every route of every function, with the
/// parameters that it takes, and the domain's events and commands.
pub fn openapi(service: &Service) -> Value {
    let mut schemas = Schemas::new();
    let types = domain::event_types(service, &mut schemas);
    let event = events::sent(service, &types, &mut schemas);
    let command = domain::command(service, &mut schemas);
    let mut all = operations::query(&mut schemas);
    all.extend(operations::writing(event, command, &mut schemas));
    let mut all: BTreeMap<&str, Operation> = all.into_iter().map(|one| (one.key, one)).collect();
    let mut paths: Map<String, Value> = Map::new();
    let mut of_path = |key: &'static str, takes: &[&str]| {
        // A route without a word said of it would be a mistake, which a test of
        // this crate finds; its parameters are described all the same.
        let known = all.remove(key).unwrap_or_else(|| Operation::new(key, key));
        let (path, method, operation) = known.described(takes);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[method] = operation;
    };
    for key in ingest::ROUTES {
        of_path(key, &[]);
    }
    let routes = ROUTES.iter().chain(playback::ROUTES);
    for route in routes.chain(microservice::ROUTES) {
        of_path(route.key, route.takes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rewind",
            "version": VERSION,
            "description": "The HTTP API of this deployment, and the events and commands of its domain.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"signature": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.all(),
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4 for the service `execute-api`, where the deployment has Auth=iam.",
                },
                "functionSignature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4 for the service `lambda`, at the function's URL. The caller needs `lambda:InvokeFunctionUrl`.",
                },
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where the deployment has Auth=jwt.",
                },
            },
        },
    })
}
