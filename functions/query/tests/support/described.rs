//! Answers against the document that describes them.

use query::describe;
use rewind_aws::aws::http::{Request, Response};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

/// The document of the service.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| describe::openapi(&service::service()));

/// What checks an answer, by route, status and media type.
static CHECKS: LazyLock<BTreeMap<String, jsonschema::Validator>> = LazyLock::new(|| {
    let mut checks = BTreeMap::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let media = answer["content"].as_object().into_iter().flatten();
                for (media, content) in media {
                    let key = format!("{} {path} {status} {media}", method.to_uppercase());
                    checks.insert(key, validator(&DOCUMENT, &content["schema"]));
                }
            }
        }
    }
    checks
});

/// Checks what a schema of a document describes.
pub fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document["components"],
        "allOf": [schema],
    });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// Checks an answer to a request.
pub fn check(request: &Request, response: &Response) {
    let route = request.route_key.as_deref().unwrap();
    let media = response.headers["content-type"].to_str().unwrap();
    let status = response.status_code;
    let key = format!("{} {status} {media}", route.replace('+', ""));
    let check = CHECKS.get(&key);
    let check = check.unwrap_or_else(|| panic!("{key} is not described"));
    let (_, body) = super::read(response);
    if let Some(error) = check.iter_errors(&body).next() {
        let place = error.instance_path().to_string();
        panic!("{key}: {place}: {error}: {body:#}");
    }
}
