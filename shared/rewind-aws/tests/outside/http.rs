//! Requests to an API that answers.

use super::{KEY, TRACE, answered, get, later, never, pay, pay_with, send, unclear, unsent};
use crate::api::{Api, response};
use rewind::{HttpRequest, Mail, Method};
use rewind_aws::outside::{CUT, Config, Credentials, MAX_ANSWER, MAX_BODY, Outside, Sending};
use serde_json::{Value, json};
use std::time::Duration;

fn charge() -> HttpRequest {
    let request = HttpRequest::new(Method::Post, "/charges?now=1");
    request.json(&json!({"cents": 700})).unwrap()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let api = Api::answering(201, &[], r#"{"id": "ch_1", "cents": 7.10}"#).await;
    let outside = pay(&format!("{}/v1/", api.url), json!({}));
    let request = charge()
        .header("X-Shop", "a")
        .header("accept", "application/hal+json");
    let (status, body) = answered(send(&outside, request).await);
    assert_eq!(status, 201);
    assert_eq!(body, json!({"id": "ch_1", "cents": 7.10}));
    let asked = &api.asked()[0];
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.uri, "/v1/charges?now=1");
    assert_eq!(&asked.body[..], br#"{"cents":700}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/hal+json"),
        ("user-agent", "rewind/0.1.0"),
        ("traceparent", TRACE),
        ("idempotency-key", KEY),
        ("x-shop", "a"),
        ("content-length", "13"),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.header("accept-encoding"), None);
}

#[tokio::test]
async fn a_request_without_a_body_or_a_trace_has_neither() {
    let api = Api::answering(204, &[], "").await;
    let outside = pay(&api.url, json!({"idempotency_header": "x-request-id"}));
    let request = HttpRequest::new(Method::Delete, "/charges/1").into();
    let sending = Sending {
        request: &request,
        key: KEY,
        traceparent: "",
    };
    let sent = outside.send("pay", &sending).await;
    assert_eq!(answered(sent), (204, Value::Null));
    let asked = &api.asked()[0];
    assert_eq!(asked.header("x-request-id"), Some(KEY));
    assert_eq!(asked.header("accept"), Some("application/json"));
    for name in ["traceparent", "content-type", "idempotency-key"] {
        assert_eq!(asked.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_its_text() {
    for (sent, expected) in [
        (&b"<p>no</p>"[..], json!("<p>no</p>")),
        (b"{\"a\": ", json!("{\"a\": ")),
        (b"a\xff", json!("a\u{fffd}")),
        (b"", Value::Null),
        (b"null", Value::Null),
        (b" [1] ", json!([1])),
    ] {
        let api = Api::start(move |_| response(200, &[], sent)).await;
        let got = answered(get(&pay(&api.url, json!({}))).await);
        assert_eq!(got, (200, expected));
    }
}

#[tokio::test]
async fn a_large_answer_is_cut_and_says_so() {
    let whole = json!({"a": "ü".repeat(MAX_ANSWER)}).to_string();
    let api = Api::start(move |_| response(200, &[], whole.clone())).await;
    let (status, body) = answered(get(&pay(&api.url, json!({}))).await);
    let text = body.as_str().unwrap();
    assert_eq!(status, 200);
    assert!(text.starts_with("{\"a\":\"ü"));
    assert!(text.ends_with(CUT));
    assert!(text.len() < MAX_ANSWER + CUT.len() + 4, "{}", text.len());
    let most = "a".repeat(MAX_ANSWER);
    let expected = Value::from(&*most);
    let api = Api::start(move |_| response(200, &[], most.clone())).await;
    assert_eq!(
        answered(get(&pay(&api.url, json!({}))).await),
        (200, expected)
    );
}

#[tokio::test]
async fn a_status_is_an_answer_or_a_reason_to_try_again() {
    for status in [
        200, 202, 301, 302, 307, 400, 404, 405, 409, 410, 422, 501, 505,
    ] {
        let elsewhere: &[(&str, &str)] = &[("location", "/elsewhere")];
        let api = Api::answering(status, elsewhere, "").await;
        let sent = get(&pay(&api.url, json!({}))).await;
        assert_eq!(answered(sent), (status, Value::Null));
        assert_eq!(api.asked().len(), 1, "{status} is not followed");
    }
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let api = Api::answering(status, &[], "").await;
        let (reason, after) = later(get(&pay(&api.url, json!({}))).await, true);
        assert!(reason.contains(&status.to_string()), "{reason}");
        assert_eq!(after, None);
        assert_eq!(api.asked().len(), 1, "{status} is not tried again here");
    }
}

#[tokio::test]
async fn an_api_says_when_it_may_be_asked_again() {
    let api = Api::answering(429, &[("retry-after", "7")], "").await;
    let (_, after) = later(get(&pay(&api.url, json!({}))).await, true);
    assert_eq!(after, Some(Duration::from_secs(7)));
    let date = &[("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")];
    let api = Api::answering(503, date, "").await;
    let (_, after) = later(get(&pay(&api.url, json!({}))).await, true);
    assert_eq!(after, Some(Duration::from_secs(3_600)));
}

#[tokio::test]
async fn a_request_that_is_none_is_never_sent() {
    let api = Api::answering(200, &[], "").await;
    let more = json!({"header": "x-api-key", "idempotency_header": "x-request-id"});
    let outside = pay(&api.url, more);
    for name in [
        "authorization",
        "X-Api-Key",
        "x-request-id",
        "Host",
        "content-length",
        "cookie",
        "content-type",
        "traceparent",
        "transfer-encoding",
        "user-agent",
        "a b",
        "",
        "ü",
    ] {
        let reason = never(send(&outside, charge().header(name, "v-1")).await);
        assert!(!reason.contains("v-1"), "{reason}");
    }
    never(send(&outside, charge().header("x-a", "a\r\nhost: b")).await);
    never(send(&outside, charge().header("x-a", "a".repeat(9_000))).await);
    let many = |request: HttpRequest, nth| request.header(format!("x-{nth}"), "");
    never(send(&outside, (0..40_000).fold(charge(), many)).await);
    let long = format!("/{}", "a".repeat(8_000));
    never(send(&outside, HttpRequest::new(Method::Get, long)).await);
    for path in [
        "",
        "charges",
        "/../admin",
        "/%2e%2E/admin",
        "/a b",
        "/a#b",
        "\\a",
    ] {
        never(send(&outside, HttpRequest::new(Method::Get, path)).await);
    }
    let large = charge().json(&"a".repeat(MAX_BODY)).unwrap();
    let reason = never(send(&outside, large).await);
    assert!(reason.contains("bytes"), "{reason}");
    assert!(api.asked().is_empty());
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_not_called() {
    let api = Api::answering(200, &[], "").await;
    let gateways = json!({"pay": {"http": {"url": api.url, "timeout_seconds": 2}}}).to_string();
    for hosts in ["", "api.pay.example", "127.0.0.1:1", "localhost"] {
        let config = Config::read(&gateways, hosts).unwrap();
        let outside = Outside::new(&config, Credentials::none()).unwrap();
        let reason = unsent(get(&outside).await);
        assert!(reason.contains("127.0.0.1"), "{reason}");
        assert!(reason.contains("OutsideHosts"), "{reason}");
    }
    assert!(api.asked().is_empty());
}

#[tokio::test]
async fn a_request_without_a_way_waits() {
    assert!(unsent(get(&Outside::none()).await).contains("GATEWAYS"));
    let outside = pay("http://127.0.0.1:1", json!({}));
    let mail = Mail {
        to: vec!["ann@example.org".into()],
        subject: "a".into(),
        text: "b".into(),
    };
    assert!(unsent(send(&outside, mail).await).contains("pay.smtp"));
    let more = json!({"credentials": "prod/payments"});
    let outside = pay_with("http://127.0.0.1:1", more, Credentials::none());
    assert!(unsent(get(&outside).await).contains("prod/payments"));
}

#[tokio::test]
async fn an_answer_that_is_late_may_be_of_a_request_that_has_acted() {
    let api = Api::start(|_| {
        std::thread::sleep(Duration::from_millis(1_500));
        response(200, &[], "")
    });
    let outside = pay(&api.await.url, json!({"timeout_seconds": 1}));
    unclear(get(&outside).await);
}

#[test]
fn a_configuration_that_is_none_is_refused_with_its_path() {
    for (http, path) in [
        (json!({"url": "http://api.pay.example"}), "pay.http.url"),
        (
            json!({"url": "https://a.example", "header": "a b"}),
            "pay.http.header",
        ),
        (
            json!({"url": "https://a.example", "timeout_seconds": 0}),
            "pay.http.timeout_seconds",
        ),
        (
            json!({"url": "https://a.example", "idempotency_header": ""}),
            "pay.http.idempotency_header",
        ),
    ] {
        let gateways = json!({"pay": {"http": http}}).to_string();
        let config = Config::read(&gateways, "").unwrap();
        let error = Outside::new(&config, Credentials::none()).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
    }
}
