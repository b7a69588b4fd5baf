//! Headers that stand twice, and what would otherwise stall all readers.

mod support;

use ingest::Handler;
use rewind_aws::aws::http::Request;
use serde_json::{Value, json};
use support::{Kinesis, body, request};

async fn refused(ingest: &Handler, request: &Request) -> Value {
    let response = ingest.handle(request).await;
    assert_eq!(response.status_code, 422);
    body(&response)["field"].clone()
}

#[tokio::test]
async fn a_header_that_stands_twice_is_refused_by_its_name() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let binary = [
        ("content-type", "application/json"),
        ("ce-source", "/test"),
        ("ce-type", "vote-cast"),
        ("ce-subject", "poll-1"),
    ];
    for (name, field) in [
        ("idempotency-key", "Idempotency-Key"),
        ("content-type", "content-type"),
        ("ce-id", "ce-id"),
    ] {
        let mut sent = request("ingest-events", &binary, b"{}");
        sent.headers.remove(name);
        for value in ["application/json", "application/xml"] {
            sent.headers.append(name, value.parse().unwrap());
        }
        assert_eq!(refused(&ingest, &sent).await, field);
    }
    // API Gateway joins what stands twice.
    let sent = [("idempotency-key", "one,two")];
    let sent = request("ingest-inputs", &sent, b"{}");
    assert_eq!(refused(&ingest, &sent).await, "Idempotency-Key");
    assert_eq!(kinesis.events(), []);
}

#[tokio::test]
async fn a_schema_version_that_would_stall_all_readers_is_refused_in_every_mode() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let event = json!({
        "id": "1", "source": "/test", "type": "vote-cast", "subject": "poll-1", "schemaversion": "x",
    });
    let media = [("content-type", "application/cloudevents+json")];
    let sent = request("ingest-events", &media, event.to_string().as_bytes());
    assert_eq!(refused(&ingest, &sent).await, "schemaversion");
    let headers = [
        ("ce-source", "/test"),
        ("ce-type", "vote-cast"),
        ("ce-subject", "poll-1"),
        ("ce-schemaversion", "0"),
    ];
    let sent = request("ingest-events", &headers, b"{}");
    assert_eq!(refused(&ingest, &sent).await, "schemaversion");
    assert_eq!(kinesis.events(), []);
}
