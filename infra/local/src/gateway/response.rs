//! Reads a function's answer as an HTTP response.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

/// Reads a function's answer. JSON without a `statusCode` is the body of a 200, as in API Gateway.
///
/// # Errors
///
/// When the answer is not JSON, or not a valid response. The text says why.
pub(super) fn of(answer: &[u8]) -> Result<Response, String> {
    let value: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    if value.get("statusCode").is_none() {
        let mut response = Response::new(Body::from(answer.to_vec()));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        return Ok(response);
    }
    let answer: Answer = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let body = answer.body.unwrap_or_default();
    let body = match answer.is_base64_encoded {
        Some(true) => STANDARD
            .decode(&body)
            .map_err(|error| format!("its body is not base64: {error}"))?,
        _ => body.into_bytes(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status_code).map_err(|error| error.to_string())?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers.into_iter().flatten() {
        append(headers, &name, &value)?;
    }
    for (name, values) in answer.multi_value_headers.into_iter().flatten() {
        // In API Gateway, multi-value headers replace a header of the same name.
        if let Ok(name) = HeaderName::try_from(&name) {
            headers.remove(name);
        }
        for value in values {
            append(headers, &name, &value)?;
        }
    }
    for cookie in answer.cookies.into_iter().flatten() {
        append(headers, header::SET_COOKIE.as_str(), &Value::String(cookie))?;
    }
    // The server sets the length itself.
    headers.remove(header::CONTENT_LENGTH);
    headers
        .entry(header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("text/plain;charset=UTF-8"));
    Ok(response)
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let value = HeaderValue::try_from(text)
        .map_err(|_| format!("the value of its header {name} is not valid"))?;
    let name =
        HeaderName::try_from(name).map_err(|_| format!("its header {name} has no valid name"))?;
    headers.append(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_a_status_is_mapped() {
        let response = of(br#"{"statusCode":207,"headers":{"X-One":"1","x-n":2},"multiValueHeaders":{"x-two":["a","b"]},
            "cookies":["c=1"],"body":"aGk=","isBase64Encoded":true}"#)
        .unwrap();
        assert_eq!(response.status(), 207);
        let headers = response.headers();
        assert_eq!(headers["x-one"], "1");
        assert_eq!(headers["x-n"], "2");
        assert_eq!(
            headers.get_all("x-two").iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(headers["set-cookie"], "c=1");
    }

    #[test]
    fn plain_json_is_a_200() {
        let response = of(b"[1,2]").unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
    }

    #[test]
    fn an_answer_that_is_not_a_response_is_an_error() {
        for answer in [
            "{\"statusCode\":\"x\"}",
            "{\"statusCode\":99999}",
            "{\"statusCode\":200,\"headers\":{\"a b\":\"\"}}",
        ] {
            assert!(of(answer.as_bytes()).is_err(), "{answer}");
        }
    }
}
