//! Requests of the page, passed on to a deployment and signed there.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use rewind_aws::aws::http_api::{Asked, HttpApi};
use serde_json::json;

/// The largest request that is passed on: an HTTP API takes 10 MB.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The headers that are passed on. The others are between browser and console.
const PASSED: [&str; 5] = [
    "accept",
    "content-type",
    "idempotency-key",
    "if-match",
    "prefer",
];

/// Passes a request on, and its answer back.
pub async fn pass(State(api): State<HttpApi>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        let why = format!("the body has more than {MOST_BYTES} bytes, or did not come");
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", &why);
    };
    let asked = Asked {
        method: head.method.to_string(),
        target: target.map_or("/", |target| target.as_str()).to_owned(),
        headers: passed(&head.headers),
        body: body.into(),
    };
    match api.ask(asked).await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
            let mut response = (status, Body::from(answer.body)).into_response();
            let media = answer
                .media
                .and_then(|media| media.parse::<HeaderValue>().ok());
            if let Some(media) = media {
                response.headers_mut().insert(CONTENT_TYPE, media);
            }
            response
        }
        Err(error) => {
            let why = format!("{} does not answer: {error}", api.url());
            problem(StatusCode::BAD_GATEWAY, "out-of-reach", &why)
        }
    }
}

fn passed(headers: &HeaderMap) -> Vec<(String, String)> {
    let given = PASSED.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    given.collect()
}

/// An answer with problem details (RFC 9457).
pub fn problem(status: StatusCode, kind: &str, detail: &str) -> Response {
    let problem = json!({
        "type": format!("urn:rewind:problem:{kind}"),
        "title": kind.replace('-', " "),
        "status": status.as_u16(),
        "detail": detail,
    });
    let media = [(CONTENT_TYPE, "application/problem+json")];
    (status, media, problem.to_string()).into_response()
}
