//! What ingest refuses, and how: a problem that names the field and what was
//! expected. Nothing here reaches Kinesis: its endpoint does not exist.

use ingest::Handler;
use rewind_aws::{
    aws::http::{Request, Response},
    wiring::Clients,
};
use serde_json::{Value, json};

/// ingest in front of a Kinesis that is not there.
async fn handler() -> Handler {
    let clients = Clients::at("http://127.0.0.1:9", "http://127.0.0.1:9").await;
    Handler::new(service::service(), clients.stream_named("nowhere"))
}

/// A sample of a trigger, with another body.
fn request(sample: &str, media: &str, body: &str) -> Request {
    let path = format!("{}/../../events/{sample}.json", env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(path).unwrap();
    let mut request: Value = serde_json::from_str(&sample).unwrap();
    request["headers"]["content-type"] = media.into();
    request["body"] = body.into();
    serde_json::from_value(request).unwrap()
}

fn body(response: &Response) -> Value {
    let Some(aws_lambda_events::encodings::Body::Text(text)) = &response.body else {
        panic!("no text");
    };
    serde_json::from_str(text).unwrap()
}

fn event(change: impl Fn(&mut Value)) -> String {
    let mut event = json!({
        "specversion": "1.0", "id": "1", "source": "/test", "type": "vote-cast",
        "subject": "poll-1", "data": {"user": "ann", "choice": "chips"},
    });
    change(&mut event);
    event.to_string()
}

const CLOUDEVENT: &str = "application/cloudevents+json";

#[tokio::test]
async fn each_bad_event_is_answered_with_the_field_and_what_was_expected() {
    let long = format!("poll-{}", "x".repeat(252));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let large = "x".repeat(256 * 1024);
    let cases = [
        ("not JSON", "{".to_string(), 400, "$", "not JSON"),
        ("not an object", "[1]".into(), 422, "$", "JSON object"),
        (
            "no type",
            event(|e| drop(e.as_object_mut().unwrap().remove("type"))),
            422,
            "type",
            "vote-cast",
        ),
        (
            "empty type",
            event(|e| e["type"] = "".into()),
            422,
            "type",
            "empty",
        ),
        (
            "no source",
            event(|e| e["source"] = Value::Null),
            422,
            "source",
            "URI",
        ),
        (
            "empty source",
            event(|e| e["source"] = "".into()),
            422,
            "source",
            "empty",
        ),
        (
            "no subject",
            event(|e| e["subject"] = Value::Null),
            422,
            "subject",
            "category-id",
        ),
        (
            "empty subject",
            event(|e| e["subject"] = "".into()),
            422,
            "subject",
            "empty",
        ),
        (
            "no category",
            event(|e| e["subject"] = "poll".into()),
            422,
            "subject",
            "category-id",
        ),
        (
            "strange stream",
            event(|e| e["subject"] = "poll-a/b".into()),
            422,
            "subject",
            "A-Z a-z 0-9",
        ),
        (
            "long stream",
            event(|e| e["subject"] = long.clone().into()),
            422,
            "subject",
            "256",
        ),
        (
            "own category",
            event(|e| e["subject"] = "rewind-x".into()),
            422,
            "subject",
            "Rewind's own",
        ),
        (
            "raw category",
            event(|e| e["subject"] = "input:shop-1".into()),
            422,
            "subject",
            "/inputs/shop",
        ),
        (
            "empty id",
            event(|e| e["id"] = "".into()),
            422,
            "id",
            "empty",
        ),
        (
            "number as id",
            event(|e| e["id"] = 1.into()),
            422,
            "id",
            "text",
        ),
        (
            "no time",
            event(|e| e["time"] = "yesterday".into()),
            422,
            "time",
            "RFC 3339",
        ),
        (
            "other version",
            event(|e| e["specversion"] = "0.3".into()),
            422,
            "specversion",
            "1.0",
        ),
        (
            "given version",
            event(|e| e["version"] = 7.into()),
            422,
            "version",
            "leave it out",
        ),
        (
            "bad extension",
            event(|e| e["trace_id"] = 7.into()),
            422,
            "trace_id",
            "a-z and 0-9",
        ),
        (
            "object as extension",
            event(|e| e["trace"] = json!({})),
            422,
            "trace",
            "a whole number",
        ),
        (
            "damaged base64",
            event(|e| {
                e.as_object_mut().unwrap().remove("data");
                e["data_base64"] = "AA=".into();
            }),
            422,
            "data_base64",
            "RFC 4648",
        ),
        (
            "data twice over",
            event(|e| e["data_base64"] = "AA==".into()),
            422,
            "data_base64",
            "one or the other",
        ),
        (
            "an attribute twice",
            event(|_| ()).replacen('{', "{\"id\":\"2\",", 1),
            422,
            "id",
            "twice",
        ),
        (
            "a member of the data twice",
            event(|_| ()).replace("\"user\"", "\"choice\""),
            422,
            "data",
            "twice",
        ),
        (
            "a list as event",
            "[\"1\",\"/test\",\"vote-cast\",\"poll-1\"]".into(),
            422,
            "$",
            "JSON object",
        ),
        (
            "control character",
            event(|e| e["id"] = "a\u{7f}".into()),
            422,
            "id",
            "U+007F",
        ),
        (
            "noncharacter",
            event(|e| e["trace"] = "\u{fdd0}".into()),
            422,
            "trace",
            "U+FDD0",
        ),
        (
            "surrogate",
            event(|_| ()).replace("vote-cast", "\\ud800"),
            400,
            "type",
            "not JSON",
        ),
        (
            "blank in source",
            event(|e| e["source"] = "/a b".into()),
            422,
            "source",
            "' '",
        ),
        (
            "relative schema",
            event(|e| e["dataschema"] = "/vote.json".into()),
            422,
            "dataschema",
            "scheme",
        ),
        (
            "float as extension",
            event(|e| e["weight"] = json!(1.5)),
            422,
            "weight",
            "32 bits",
        ),
        (
            "large number as extension",
            event(|e| e["weight"] = json!(1u64 << 31)),
            422,
            "weight",
            "32 bits",
        ),
        (
            "given depth",
            event(|e| e["causationdepth"] = 1.into()),
            422,
            "causationdepth",
            "leave it out",
        ),
        (
            "nameless extension",
            event(|e| e[""] = 1.into()),
            422,
            "$",
            "a-z and 0-9",
        ),
        (
            "no media type",
            event(|e| e["datacontenttype"] = "json".into()),
            422,
            "datacontenttype",
            "RFC 2046",
        ),
        (
            "object as text",
            event(|e| e["datacontenttype"] = "text/plain".into()),
            422,
            "data",
            "data_base64",
        ),
        (
            "too many extensions",
            event(|e| e["trace"] = "x".repeat(9_000).into()),
            413,
            "$",
            "8192",
        ),
        (
            "binary data too large",
            event(|e| {
                e.as_object_mut().unwrap().remove("data");
                e["data_base64"] = "AAAA".repeat(65_537).into();
            }),
            413,
            "data_base64",
            "262144",
        ),
        (
            "data too large",
            event(|e| e["data"] = large.clone().into()),
            413,
            "data",
            "262144",
        ),
        (
            "too deep",
            event(|_| ()).replace("{\"choice\":\"chips\",\"user\":\"ann\"}", &deep),
            422,
            "data",
            "120 levels",
        ),
        (
            "another type than a declared one",
            event(|e| e["data"]["choice"] = 5.into()),
            422,
            "data.choice",
            "expected a string, found a whole number",
        ),
        (
            "a declared member that is missing",
            event(|e| drop(e["data"].as_object_mut().unwrap().remove("user"))),
            422,
            "data",
            "missing field `user`",
        ),
        (
            "undeclared type of a declared category",
            event(|e| e["type"] = "vote-bought".into()),
            422,
            "type",
            "`vote-cast`, `voting-stopped`",
        ),
        (
            "schema version that nobody knows",
            event(|e| e["schemaversion"] = 2.into()),
            422,
            "schemaversion",
            "expected 1",
        ),
        (
            "binary data of a declared type",
            event(|e| {
                e.as_object_mut().unwrap().remove("data");
                e["data_base64"] = "AAAA".into();
            }),
            422,
            "data",
            "expected JSON",
        ),
    ];
    let handler = handler().await;
    for (what, text, status, field, expected) in cases {
        let response = handler
            .handle(&request("ingest-events", CLOUDEVENT, &text))
            .await;
        assert_eq!(
            response.headers["content-type"], "application/problem+json",
            "{what}"
        );
        let problem = body(&response);
        assert_eq!(response.status_code, status, "{what}: {problem}");
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(
            problem["field"].as_str().unwrap_or_default(),
            field,
            "{what}: {problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{what}: {detail}");
    }
}

#[tokio::test]
async fn another_media_type_is_named_with_those_that_are_taken() {
    let handler = handler().await;
    let response = handler
        .handle(&request("ingest-events", "text/plain", "hello"))
        .await;
    assert_eq!(response.status_code, 415);
    let detail = body(&response)["detail"].clone();
    assert!(
        detail
            .as_str()
            .unwrap()
            .contains("application/cloudevents-batch+json")
    );
}

#[tokio::test]
async fn an_unknown_source_of_inputs_is_named_with_those_that_are_known() {
    let handler = handler().await;
    let mut request = request("ingest-inputs", "application/json", "{}");
    request
        .path_parameters
        .insert("source".into(), "shoe".into());
    let response = handler.handle(&request).await;
    assert_eq!(response.status_code, 404);
    let detail = body(&response)["detail"].clone();
    assert!(detail.as_str().unwrap().contains("shop"), "{detail}");
}

#[tokio::test]
async fn an_input_that_is_not_json_is_refused() {
    let handler = handler().await;
    for (text, status) in [("{", 400), ("", 400), (&"[".repeat(10_000), 422)] {
        let request = request("ingest-inputs", "application/json", text);
        assert_eq!(handler.handle(&request).await.status_code, status);
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_refused() {
    let handler = handler().await;
    let mut request = request("ingest-inputs", "application/json", "/w==");
    request.is_base64_encoded = true;
    let response = handler.handle(&request).await;
    assert_eq!(response.status_code, 400);
    assert_eq!(body(&response)["type"], "urn:rewind:problem:not-utf8");
}

#[tokio::test]
async fn what_kinesis_does_not_take_is_not_acknowledged() {
    let handler = handler().await;
    let batch = format!("[{},{}]", event(|_| ()), event(|e| e["type"] = "".into()));
    let media = "application/cloudevents-batch+json";
    let response = handler
        .handle(&request("ingest-events", media, &batch))
        .await;
    assert_eq!(response.status_code, 207);
    let results = body(&response)["results"].clone();
    assert_eq!(results[0]["status"], 503);
    assert_eq!(results[1]["status"], 422);
    assert_eq!(results[1]["problem"]["field"], "type");
}
