//! CloudEvents' three modes, keys that retries repeat, and the limits of a
//! batch: what ingest puts on `incoming`, seen there.

mod support;

use ingest::{Handler, MAX_EVENTS, MAX_KEY};
use rewind::{
    CloudEvent, RecordedEvent,
    commit::{Head, plan},
};
use serde_json::{Value, json};
use support::{Kinesis, body, request};

const EVENT: (&str, &str) = ("content-type", "application/cloudevents+json");
const BATCH: (&str, &str) = ("content-type", "application/cloudevents-batch+json");

async fn post(ingest: &Handler, headers: &[(&str, &str)], body: &[u8]) -> (i64, Value) {
    let request = request("ingest-events", headers, body);
    let response = ingest.handle(&request).await;
    (response.status_code, support::body(&response))
}

fn vote(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = json!({
        "specversion": "1.0", "source": "/test", "type": "vote-cast", "subject": "poll-1",
        "data": {"user": "ann", "choice": "chips"},
    });
    change(&mut event);
    event
}

fn same(events: &[CloudEvent], again: &[CloudEvent]) -> bool {
    let identities = |events: &[CloudEvent]| -> Vec<(String, String)> {
        let of = |event: &CloudEvent| (event.identity(), event.fingerprint());
        events.iter().map(of).collect()
    };
    identities(events) == identities(again)
}

#[tokio::test]
async fn a_retry_with_the_same_key_is_a_repeat_and_one_without_is_not() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let own = vote(|e| e["id"] = "mine".into());
    let batch = json!([vote(|_| ()), own, vote(|e| e["subject"] = "poll-2".into())]).to_string();
    let key = ("idempotency-key", "k 1");
    for (headers, is_repeat) in [(vec![BATCH, key], true), (vec![BATCH], false)] {
        let (status, answer) = post(&ingest, &headers, batch.as_bytes()).await;
        assert_eq!(status, 202, "{answer}");
        let events = kinesis.events();
        // The clock goes on: what ingest fills in is another time.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        post(&ingest, &headers, batch.as_bytes()).await;
        let again = kinesis.events();
        assert_eq!(events.len(), 3);
        assert_ne!(events[0].time, again[0].time);
        assert_eq!(same(&events, &again), is_repeat);
        if is_repeat {
            let ids: Vec<&Value> = answer["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| &r["id"])
                .collect();
            assert_eq!(ids, [&json!("k 1/0"), &json!("mine"), &json!("k 1/2")]);
            assert!(events.iter().all(|event| event.source == "/test"));
        }
    }
    let one = vote(|_| ()).to_string();
    let (_, answer) = post(&ingest, &[EVENT, key], one.as_bytes()).await;
    assert_eq!(answer["id"], "k 1");
    let input = request("ingest-inputs", &[key], b"{\"user_id\":\"ann\"}");
    assert_eq!(body(&ingest.handle(&input).await)["id"], "k 1");
}

#[tokio::test]
async fn a_header_that_cannot_be_read_or_is_empty_is_refused_by_its_name() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let one = vote(|_| ()).to_string();
    let long = "k".repeat(MAX_KEY + 1);
    let cases = [
        ("idempotency-key", "schlüssel", "Idempotency-Key"),
        ("idempotency-key", "", "Idempotency-Key"),
        ("idempotency-key", " ", "Idempotency-Key"),
        ("idempotency-key", "a\tb", "Idempotency-Key"),
        ("idempotency-key", &long, "Idempotency-Key"),
        ("content-type", "application/jsön", "content-type"),
        ("content-type", "", "content-type"),
        ("ce-trace", "ü", "ce-trace"),
        ("ce-trace", "%FF", "ce-trace"),
        ("ce-trace", "", "ce-trace"),
        ("ce-datacontenttype", "image/png", "ce-datacontenttype"),
        ("ce-data", "1", "data"),
        ("ce-trace_id", "1", "trace_id"),
    ];
    let binary = [
        ("ce-source", "/test"),
        ("ce-type", "vote-cast"),
        ("ce-subject", "poll-1"),
    ];
    for (name, value, field) in cases {
        let mut headers = vec![(name, value)];
        if name.starts_with("ce-") {
            headers.extend(binary);
        }
        let (status, problem) = post(&ingest, &headers, one.as_bytes()).await;
        assert_eq!(
            (status, &problem["field"]),
            (422, &json!(field)),
            "{name} {value:?}: {problem}"
        );
        if name.starts_with("ce-") {
            continue;
        }
        let input = request("ingest-inputs", &headers, b"{}");
        let problem = body(&ingest.handle(&input).await);
        assert_eq!(problem["field"], field, "{name} {value:?}: {problem}");
    }
    assert_eq!(kinesis.events(), []);
}

/// What a reader of the event gets: through a commit, a delivery and back.
fn shown(event: &CloudEvent) -> Value {
    let commits = plan(Head::default(), &[event], 1);
    let recorded = commits[0].events().unwrap().remove(0);
    let text = serde_json::to_string(&recorded).unwrap();
    let read: RecordedEvent = serde_json::from_str(&text).unwrap();
    assert_eq!(read, recorded);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn binary_data_and_media_types_come_back_as_they_were_sent_in_every_mode() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let image = |e: &mut Value| {
        e.as_object_mut().unwrap().remove("data");
        e["id"] = "1".into();
        // Nobody declares the category, so that its data may be anything.
        e["type"] = "picture-taken".into();
        e["subject"] = "picture-1".into();
        e["datacontenttype"] = "image/png".into();
        e["data_base64"] = "iVBORwD/".into();
    };
    let bytes = b"\x89PNG\x00\xff";
    let attributes = [
        ("ce-id", "1"),
        ("ce-source", "/test"),
        ("ce-type", "\"picture-taken\""),
        ("ce-subject", "picture-1"),
        ("ce-who", "%C3%A4nn"),
    ];
    let with = |media| [&attributes[..], &[("content-type", media)]].concat();
    post(&ingest, &[EVENT], vote(image).to_string().as_bytes()).await;
    post(
        &ingest,
        &[BATCH],
        json!([vote(image)]).to_string().as_bytes(),
    )
    .await;
    post(&ingest, &with("image/png"), bytes).await;
    let events = kinesis.events();
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(event.bytes().unwrap(), bytes);
        let shown = shown(event);
        assert_eq!(shown["data_base64"], "iVBORwD/");
        assert_eq!(shown["datacontenttype"], "image/png");
        assert_eq!(shown.get("data"), None, "{shown}");
        assert_eq!(event.fingerprint(), events[0].fingerprint());
        // Who wants JSON is told that there is none.
        let refused = event.data::<Option<Value>>().unwrap_err();
        assert!(refused.reason.contains("is binary"), "{refused}");
    }
    assert_eq!(events[2].extension("who"), Some("änn"));
    assert_eq!(events[2].event_type, "picture-taken");
    // Other bytes, and another type of the same bytes, are another content.
    post(&ingest, &with("image/png"), b"\x89PNG").await;
    post(&ingest, &with("image/gif"), bytes).await;
    for other in kinesis.events() {
        assert_ne!(other.fingerprint(), events[0].fingerprint());
    }
    // JSON stays JSON, and its type is recorded as well.
    let media = "application/vnd.vote+json; charset=utf-8";
    post(&ingest, &with(media), b"{\"user\":\"ann\"}").await;
    post(
        &ingest,
        &[EVENT],
        vote(|e| e["datacontenttype"] = media.into())
            .to_string()
            .as_bytes(),
    )
    .await;
    for event in kinesis.events() {
        assert_eq!(shown(&event)["datacontenttype"], media);
        assert_eq!(shown(&event)["data"]["user"], "ann");
    }
}

#[tokio::test]
async fn a_batch_whose_answer_could_not_be_returned_is_refused_before_anything_is_put() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let many = vec![vote(|_| ()); MAX_EVENTS + 1];
    let (status, problem) = post(&ingest, &[BATCH], json!(many).to_string().as_bytes()).await;
    assert_eq!(status, 413, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&MAX_EVENTS.to_string()), "{detail}");
    // Texts that JSON escapes, and escapes again within Lambda's answer.
    let wordy = |id: String| vote(|e| e["id"] = format!("{id}{}", "\"".repeat(1_000)).into());
    let batch = |events: usize| {
        let events = (0..events).map(|nth| wordy(nth.to_string()));
        Value::from(events.collect::<Vec<Value>>()).to_string()
    };
    let (status, problem) = post(&ingest, &[BATCH], batch(1_600).as_bytes()).await;
    assert_eq!(status, 413, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains(&rewind_aws::aws::http::MAX_WEIGHT.to_string()),
        "{detail}"
    );
    assert_eq!(kinesis.events(), [], "nothing is put");
    // What is taken fits into what Lambda returns.
    let request = request("ingest-events", &[BATCH], batch(1_400).as_bytes());
    let response = ingest.handle(&request).await;
    assert_eq!(response.status_code, 202);
    assert_eq!(kinesis.events().len(), 1_400);
    let returned = serde_json::to_string(&response).unwrap().len();
    assert!(
        (5_000_000..6 * 1024 * 1024).contains(&returned),
        "{returned}"
    );
}

#[tokio::test]
async fn an_adapter_that_panics_on_an_input_refuses_it() {
    let stream = rewind_aws::wiring::Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9").await;
    struct Fragile;
    impl rewind::Adapter for Fragile {
        type Input = Value;
        type Emits = rewind::NewEvent;
        const SOURCE: &'static str = "shop";
        fn partition(input: &Value) -> Option<String> {
            Some(input["user_id"].as_str().unwrap().to_string())
        }
        fn map(_: &rewind::Envelope<Value>) -> Result<Vec<rewind::NewEvent>, rewind::Rejection> {
            Ok(Vec::new())
        }
    }
    let service = rewind::Service::new().adapter::<Fragile>();
    let ingest = Handler::new(service, stream.stream_named("nowhere"));
    let input = request("ingest-inputs", &[], b"{\"user_id\":7}");
    let response = ingest.handle(&input).await;
    assert_eq!(response.status_code, 422);
    assert_eq!(body(&response)["field"], "$");
}
