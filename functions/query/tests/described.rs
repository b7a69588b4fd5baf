//! The documents hold together, and say what the handler does.

mod support;

use query::{ROUTES, describe};
use rewind::{
    Batch, CloudEvent, Delivery, Receiver, RecordedEvent, StreamName, Target,
    delivery::{Marker, Replay},
    event::raw,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{
    described::{DOCUMENT, validator},
    nowhere, read, request,
};

/// The parts of a document, each with its place.
fn parts<'a>(place: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    found.push((place.to_string(), value));
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                parts(&format!("{place}/{name}"), value, found);
            }
        }
        Value::Array(items) => {
            for (nth, value) in items.iter().enumerate() {
                parts(&format!("{place}/{nth}"), value, found);
            }
        }
        _ => {}
    }
}

fn operation(key: &str) -> &'static Value {
    let (method, path) = key.split_once(' ').unwrap();
    let path = path.replace('+', "");
    let found = &DOCUMENT["paths"][&path][method.to_lowercase()];
    assert!(found.is_object(), "{key} is not described");
    found
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_one() {
    let asyncapi = describe::asyncapi(&service::service());
    for document in [&*DOCUMENT, &asyncapi] {
        let mut found = Vec::new();
        parts("", document, &mut found);
        let mut referred = BTreeSet::new();
        for (place, value) in &found {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                continue;
            };
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{place}: {reference}");
            referred.insert(pointer.to_string());
        }
        let mapped = found
            .iter()
            .filter(|(place, _)| place.contains("/mapping/"));
        for (place, value) in mapped {
            let pointer = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{place}");
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            let place = format!("/components/schemas/{name}");
            validator(document, &json!({"$ref": format!("#{place}")}));
            // Two types of one name would be told apart by a number.
            let ends = name.chars().last().unwrap();
            assert!(!ends.is_ascii_digit(), "{name}");
        }
        // Lambda returns 6 MB.
        assert!(document.to_string().len() < 1_000_000);
    }
}

#[test]
fn every_route_is_described_with_the_parameters_that_it_takes() {
    let mut ids = BTreeSet::new();
    for route in ROUTES {
        let described = operation(route.key);
        assert_ne!(described["summary"], route.key, "nothing is said of it");
        let parameters = described["parameters"].as_array().unwrap().iter();
        let of = |place: &str| -> Vec<&str> {
            let parameters = parameters.clone().filter(|one| one["in"] == place);
            parameters
                .map(|one| one["name"].as_str().unwrap())
                .collect()
        };
        assert_eq!(of("query"), route.takes, "{}", route.key);
        let path = route.key.split_once(' ').unwrap().1.split('/');
        let path: Vec<&str> = path
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| name.trim_end_matches('+'))
            .collect();
        assert_eq!(of("path"), path, "{}", route.key);
        for one in parameters {
            assert_ne!(one["description"], "", "{}: {one}", route.key);
        }
    }
    for methods in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "two operations are {id}");
            assert!(
                operation["responses"].as_object().unwrap().len() > 2,
                "{id}"
            );
        }
    }
}

#[test]
fn no_answer_may_be_anything() {
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                for content in answer["content"].as_object().into_iter().flatten() {
                    let schema = validator(&DOCUMENT, &content.1["schema"]);
                    for any in [json!({}), json!({"colour": "red"}), json!(5), json!([])] {
                        assert!(!schema.is_valid(&any), "{path} {status}: {any}");
                    }
                }
            }
        }
    }
    // Nor may it have more than its type has.
    let of = |key| &operation(key)["responses"]["200"]["content"]["application/json"]["schema"];
    let row = validator(&DOCUMENT, of("GET /projections/{name}/{key+}"));
    let mut shown = json!({"key": "1", "watermark": 1, "state": {}});
    assert!(row.is_valid(&shown));
    shown["colour"] = "red".into();
    assert!(!row.is_valid(&shown));
}

#[tokio::test]
async fn numbers_beyond_what_is_described_are_refused() {
    let handler = nowhere().await;
    let path: &[(&str, &str)] = &[
        ("name", "basic-sum"),
        ("key", "1"),
        ("stream", "poll-1"),
        ("id", "1"),
        ("version", "1"),
    ];
    let mut checked = 0;
    for route in ROUTES {
        for parameter in operation(route.key)["parameters"].as_array().unwrap() {
            let schema = &parameter["schema"];
            if parameter["in"] != "query" || schema["type"] != "integer" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let least = schema["minimum"].as_i64().unwrap();
            let most = schema["maximum"].as_i64();
            for beyond in [Some(least - 1), most.map(|most| most + 1)] {
                let Some(beyond) = beyond else { continue };
                // A gateway that there is not is told first.
                let path = match route.key.contains("/gateways/") {
                    true => &[("name", "payments")][..],
                    false => path,
                };
                let asked = request(route.key, path, &format!("{name}={beyond}"));
                if route.key.contains("/differences") {
                    continue;
                }
                let (status, problem) = read(&handler.handle(&asked).await);
                assert_eq!(
                    (status, &problem["field"]),
                    (400, &json!(name)),
                    "{}",
                    route.key
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn bodies_are_as_narrow_as_what_is_taken() {
    let of = |key: &str, media: &str| {
        let schema = &operation(key)["requestBody"]["content"][media]["schema"];
        validator(&DOCUMENT, schema)
    };
    let event = of("POST /events", "application/cloudevents+json");
    let vote = json!({
        "source": "/t", "type": "vote-cast", "subject": "poll-1",
        "data": {"user": "ann", "choice": "chips"},
    });
    let with = |name: &str, value: Value| {
        let mut event = vote.clone();
        event[name] = value;
        event
    };
    for right in [
        vote.clone(),
        with("time", json!("2023-04-19T09:00:00Z")),
        with("traceparent", json!("00-1")),
        json!({"source": "/t", "type": "odd", "subject": "odd-1"}),
    ] {
        assert!(event.is_valid(&right), "{right}");
    }
    for wrong in [
        with("data", json!({"user": "ann", "choice": 5})),
        with("type", json!("vote-lost")),
        with("subject", json!("poll")),
        with("version", json!(1)),
        with("specversion", json!("0.3")),
        with("subject", json!("application-1")),
        with("subject", json!("rewind:command-1")),
        with("Colour", json!("red")),
    ] {
        assert!(!event.is_valid(&wrong), "{wrong}");
    }
    let command = of("POST /commands/{category}/{id}", "application/json");
    let create = json!({"owner": "ann", "name": "weather", "plan": "free"});
    assert!(command.is_valid(&json!({"type": "create-application", "data": create})));
    for wrong in [
        json!({"type": "create-application"}),
        json!({"type": "create-application", "data": {"owner": "ann", "name": 1, "plan": "free"}}),
        json!({"type": "nobody", "data": {}}),
        json!({"type": "create-application", "data": create, "colour": "red"}),
    ] {
        assert!(!command.is_valid(&wrong), "{wrong}");
    }
    let playback = of("POST /playbacks", "application/json");
    assert!(playback.is_valid(&json!({"to": [{"projection": "basic-sum"}]})));
    for wrong in [
        json!({}),
        json!({"to": [{"projection": 1}]}),
        json!({"to": [], "colour": "red"}),
    ] {
        assert!(!playback.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn records_on_the_streams_are_as_they_are_described() {
    let document = describe::asyncapi(&service::service());
    let of = |name: &str| {
        let message = &document["components"]["messages"][name];
        validator(&document, &message["payload"])
    };
    let event = CloudEvent {
        id: "1".into(),
        source: "/t".into(),
        event_type: "vote-cast".into(),
        stream: StreamName::new("poll-1").unwrap(),
        time: "2023-04-19T09:00:00Z".into(),
        extensions: BTreeMap::from([("colour".into(), "red".into())]),
        data: raw(&json!({"user": "ann", "choice": "chips"})),
    };
    let recorded = RecordedEvent {
        event: event.clone(),
        version: 1,
        position: 1_795_258_544_780_186,
    };
    let to = Target {
        projection: "basic-sum".into(),
        generation: 2,
    };
    let replay = Replay::new("p", [Receiver::Projection(to)]);
    let text = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
    let recorded = std::slice::from_ref(&recorded);
    let batch = text(Batch::encode(&[event])[0].text.as_bytes());
    let live = text(Delivery::encode(recorded, None)[0].text.as_bytes());
    let replayed = text(Delivery::encode(recorded, Some(&replay))[0].text.as_bytes());
    let marker = text(&Delivery::marker(&replay, Marker::End { events: 1 }));
    let (on_incoming, on_events, on_replay) = (of("batch"), of("delivery"), of("replayedDelivery"));
    assert!(on_incoming.is_valid(&batch) && !on_incoming.is_valid(&live));
    assert!(on_events.is_valid(&live) && !on_events.is_valid(&batch));
    assert!(!on_events.is_valid(&replayed) && !on_events.is_valid(&marker));
    assert!(on_replay.is_valid(&replayed) && on_replay.is_valid(&marker));
    assert!(!on_replay.is_valid(&live));
    let tailed = of("recordedEvent");
    assert!(tailed.is_valid(&live["events"][0]) && !tailed.is_valid(&live));
    let vote = of("poll.vote-cast");
    let mut event = live["events"][0].clone();
    assert!(vote.is_valid(&event), "{event}");
    event["data"]["choice"] = 5.into();
    assert!(!vote.is_valid(&event));
}
