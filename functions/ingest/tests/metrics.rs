//! ingest tells how many events it has accepted and refused.

mod support;

use rewind_aws::metrics::Metrics;
use serde_json::{Value, json};
use support::{Kinesis, request};

const BATCH: (&str, &str) = ("content-type", "application/cloudevents-batch+json");

fn vote(nth: u64) -> Value {
    json!({
        "specversion": "1.0", "id": nth.to_string(), "source": "/test", "type": "vote-cast",
        "subject": "poll-1", "data": {"user": "ann", "choice": "chips"},
    })
}

#[tokio::test]
async fn what_is_accepted_and_what_is_refused_is_counted() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let (metrics, written) = Metrics::in_memory("test");
    let ingest = ingest.with_metrics(metrics.clone());
    let mut nowhere = vote(3);
    nowhere["subject"] = "poll".into();
    let cases = [
        ("all", json!([vote(1), vote(2)]).to_string(), 202, (2, 0)),
        (
            "one refused",
            json!([vote(3), nowhere]).to_string(),
            207,
            (1, 1),
        ),
        ("refused as a whole", "[".to_string(), 400, (0, 1)),
    ];
    for (what, body, status, (accepted, refused)) in cases {
        let answer = ingest
            .handle(&request("ingest-events", &[BATCH], body.as_bytes()))
            .await;
        assert_eq!(answer.status_code, status, "{what}");
        let lines = written.take();
        assert_eq!(lines.len(), 1, "{what}: one line for each request");
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            (&line["Accepted"], &line["Refused"]),
            (&json!(accepted), &json!(refused)),
            "{what}"
        );
        assert_eq!(kinesis.events().len(), accepted, "{what}");
        let body = support::body(&answer).to_string();
        assert!(
            !body.contains("Accepted"),
            "the answer is the client's: {body}"
        );
    }

    // What Kinesis does not take is neither: it comes again.
    let clients = rewind_aws::wiring::Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9");
    let stream = clients.await.stream_named("nowhere");
    let unlucky = ingest::Handler::new(service::service(), stream).with_metrics(metrics);
    let body = json!([vote(1)]).to_string();
    let answer = unlucky
        .handle(&request("ingest-events", &[BATCH], body.as_bytes()))
        .await;
    assert_eq!(answer.status_code, 207);
    let line: Value = serde_json::from_str(&written.take()[0]).unwrap();
    assert_eq!(
        (&line["Accepted"], &line["Refused"]),
        (&json!(0), &json!(0))
    );
}
