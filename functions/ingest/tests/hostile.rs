//! Requests of any shape: each is answered without an error of the server, and
//! each refusal names a field or a header.

mod support;

use ingest::Handler;
use proptest::{collection::vec, prelude::*, sample::select};
use rewind::commit::{Head, MAX_COMMIT_BYTES, plan, size_of};
use serde_json::{Value, json};
use support::{Kinesis, body, request};

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "",
            " ",
            "a",
            "/x",
            "1.0",
            "vote-cast",
            "poll-1",
            // Of a category that nobody declares.
            "note-1",
            "poll",
            "-",
            "rewind-x",
            "order-1",
            "input:shop-1",
            "/rewind/x",
            "image/png",
            "AAAA",
            "AA=",
            "2023-04-19T09:00:00Z",
            "2023-04-19 09:00:00Z",
            "\u{0}",
            "\u{fffe}",
            "甲",
            "\"",
            "%zz",
        ])
        .prop_map(ToString::to_string),
        "\\PC{0,20}",
        (900usize..2_000).prop_map(|length| "x".repeat(length)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => word().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(word(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    let names = vec![
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "data",
        "data_base64",
        "version",
        "position",
        "causationdepth",
        "trace",
        "schemaversion",
        "",
    ];
    vec((select(names), proptest::option::of(value())), 0..4).prop_map(|changes| {
        let mut event = json!({
            "specversion": "1.0", "id": "1", "source": "/x", "type": "vote-cast",
            "subject": "poll-1", "data": {"user": "a", "choice": "b"},
        });
        for (name, value) in changes {
            match value {
                Some(value) => event[name] = value,
                None => drop(event.as_object_mut().and_then(|event| event.remove(name))),
            }
        }
        event
    })
}

/// JSON, and what is nearly JSON.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        4 => event(),
        2 => vec(prop_oneof![event(), value()], 0..5).prop_map(Value::from),
        1 => value(),
    ];
    let junk = select(vec![
        "", "", "[", "{\"a\":", "\"", ",", "\\ud800", "1e999", "\u{0}",
    ]);
    let bytes = prop_oneof![4 => Just(false), 1 => Just(true)];
    (whole, junk, any::<prop::sample::Index>(), bytes).prop_map(|(whole, junk, place, is_cut)| {
        let mut text = whole.to_string().into_bytes();
        let place = place.index(text.len() + 1);
        text.splice(place..place, junk.bytes());
        if is_cut {
            text.truncate(place);
            text.push(0xff);
        }
        text
    })
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let media = select(vec![
        "application/cloudevents+json",
        "application/cloudevents+json; charset=utf-8",
        "application/cloudevents-batch+json",
        "application/cloudevents+xml",
        "application/json",
        "application/vnd.x+json",
        "image/png",
        "text/plain",
        "",
        "application/jsön",
    ]);
    let media = media.prop_map(|media| ("content-type", media.to_string()));
    let names = select(vec![
        "ce-id",
        "ce-source",
        "ce-type",
        "ce-subject",
        "ce-specversion",
        "ce-time",
        "ce-trace",
        "ce-data",
        "ce-data_base64",
        "ce-datacontenttype",
        "ce-version",
        "ce-",
        "idempotency-key",
    ]);
    // A header's value has no control characters: HTTP itself refuses those.
    let value = word().prop_map(|word| word.replace(|c: char| c.is_control(), "%00"));
    (proptest::option::of(media), vec((names, value), 0..8))
        .prop_map(|(media, rest)| media.into_iter().chain(rest).collect())
}

/// How many events were accepted.
async fn accepted(ingest: &Handler, route: &str, headers: &[(&str, String)], sent: &[u8]) -> usize {
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, text)| (*name, &**text))
        .collect();
    let response = ingest.handle(&request(route, &headers, sent)).await;
    let answer = body(&response);
    let names = |problem: &Value| {
        let field = problem["field"].as_str().unwrap_or_default();
        !field.is_empty() && problem["detail"].is_string()
    };
    match response.status_code {
        202 if answer.get("results").is_none() => 1,
        202 | 207 => {
            let results = answer["results"].as_array().unwrap();
            for item in results {
                let status = item["status"].as_u64().unwrap();
                assert!(
                    status == 202 || status < 500 && names(&item["problem"]),
                    "{answer}"
                );
            }
            let accepted = results.iter().filter(|item| item["status"] == 202);
            accepted.count()
        }
        400..500 => {
            assert!(names(&answer), "{answer}");
            0
        }
        status => panic!("{status}: {answer}"),
    }
}

#[test]
fn no_request_is_an_error_of_the_server_and_each_refusal_names_its_field() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (ingest, kinesis) = runtime.block_on(Kinesis::ingest());
    let route = select(vec!["ingest-events", "ingest-events", "ingest-inputs"]);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(3_000)
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let run = runner.run(&(route, headers(), text()), |(route, headers, sent)| {
        let accepted = runtime.block_on(accepted(&ingest, route, &headers, &sent));
        let events = kinesis.events();
        prop_assert_eq!(events.len(), accepted);
        // What is accepted can be recorded, and is then read as it was sent.
        for event in &events {
            prop_assert!(size_of(event) <= MAX_COMMIT_BYTES);
            let commits = plan(Head::default(), &[event], 1);
            let recorded = commits[0].events().unwrap();
            prop_assert_eq!(&recorded[0].event, event);
        }
        Ok(())
    });
    run.unwrap();
}
