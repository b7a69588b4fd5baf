//! Builds the payload of a request, in the format of API Gateway's HTTP APIs, version 2.0.

use std::collections::BTreeMap;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::routes;
use crate::clock;
use crate::template::{ACCOUNT, Route};

/// The payload for a request.
///
/// Source: "Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway developer guide.
pub(super) fn payload(
    parts: &Parts,
    body: &[u8],
    route: &Route,
    parameters: &BTreeMap<String, String>,
) -> String {
    let text_header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let query = parts.uri.query().unwrap_or_default();
    let key = routes::key(route);
    let now = clock::now_ms();
    let mut payload = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": parts.uri.path(),
        "rawQueryString": query,
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": text_header(header::HOST),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": format!("{:?}", parts.version),
                // The gateway listens on loopback only.
                "sourceIp": "127.0.0.1",
                "userAgent": text_header(header::USER_AGENT),
            },
            "requestId": uuid::Uuid::now_v7().to_string(),
            "routeKey": key,
            "stage": "$default",
            "time": clock::common_log(now),
            "timeEpoch": now,
        },
        "isBase64Encoded": false,
    });
    // Empty members are left out, as API Gateway does it.
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        payload["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        payload["queryStringParameters"] = json!(query_parameters(query));
    }
    if !parameters.is_empty() {
        payload["pathParameters"] = json!(parameters);
    }
    if !body.is_empty() {
        let (body, is_encoded) = encode(body, text_header(header::CONTENT_TYPE));
        payload["body"] = Value::String(body);
        payload["isBase64Encoded"] = Value::Bool(is_encoded);
    }
    payload.to_string()
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .collect()
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        joined
            .entry(decode(name))
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// The body as text, or in base64 when it is not text or not declared as text. Says whether it is encoded.
fn encode(body: &[u8], content_type: &str) -> (String, bool) {
    let kind = content_type.to_ascii_lowercase();
    let is_text = kind.is_empty()
        || kind.starts_with("text/")
        || ["json", "xml", "javascript", "form-urlencoded", "yaml"]
            .iter()
            .any(|format| kind.contains(format));
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Authorization;
    use axum::http::Request;

    fn payload_of(request: Request<&[u8]>) -> Value {
        let (parts, body) = request.into_parts();
        let route = Route {
            method: "POST".to_owned(),
            path: "/inputs/{source}".to_owned(),
            function: "Ingest".to_owned(),
            authorization: Authorization::None,
            takes_any_body: true,
        };
        let parameters = BTreeMap::from([("source".to_owned(), "shop".to_owned())]);
        serde_json::from_str(&payload(&parts, body, &route, &parameters)).unwrap()
    }

    #[test]
    fn a_request_becomes_a_version_2_payload() {
        let request = Request::post("/inputs/shop?a=1&b=x%20y&a=2&flag")
            .header("Host", "127.0.0.1:8080")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json")
            .header("X-Many", "one")
            .header("X-Many", "two")
            .header("Cookie", "c=1; d=2")
            .body(b"{\"k\":1}".as_slice())
            .unwrap();
        let payload = payload_of(request);
        assert_eq!(payload["version"], "2.0");
        assert_eq!(payload["routeKey"], "POST /inputs/{source}");
        assert_eq!(payload["rawPath"], "/inputs/shop");
        assert_eq!(payload["rawQueryString"], "a=1&b=x%20y&a=2&flag");
        assert_eq!(
            payload["queryStringParameters"],
            json!({"a": "1,2", "b": "x y", "flag": ""})
        );
        assert_eq!(payload["pathParameters"], json!({"source": "shop"}));
        assert_eq!(payload["cookies"], json!(["c=1", "d=2"]));
        assert_eq!(payload["headers"]["x-many"], "one,two");
        assert_eq!(payload["headers"]["cookie"], Value::Null);
        assert_eq!(payload["body"], "{\"k\":1}");
        assert_eq!(payload["isBase64Encoded"], false);
        let context = &payload["requestContext"];
        assert_eq!(context["stage"], "$default");
        assert_eq!(context["http"]["method"], "POST");
        assert_eq!(context["http"]["protocol"], "HTTP/1.1");
        assert_eq!(context["http"]["userAgent"], "curl/8");
        assert_eq!(context["domainName"], "127.0.0.1:8080");
    }

    #[test]
    fn a_body_that_is_not_text_is_encoded() {
        let binary = Request::post("/inputs/shop")
            .body([0xff, 0xfe].as_slice())
            .unwrap();
        assert_eq!(payload_of(binary)["body"], "//4=");
        let declared = Request::post("/")
            .header("Content-Type", "image/png")
            .body(b"abc".as_slice())
            .unwrap();
        assert_eq!(payload_of(declared)["isBase64Encoded"], true);
    }

    #[test]
    fn an_empty_body_is_left_out() {
        let empty = payload_of(Request::post("/inputs/shop").body(b"".as_slice()).unwrap());
        assert_eq!(empty["body"], Value::Null);
        assert_eq!(empty["queryStringParameters"], Value::Null);
    }
}
