//! AsyncAPI 3.0 of the three Kinesis streams, what a record holds and the events
//! in it; and of the stream of events over HTTP.

use super::{VERSION, domain, events, schemas::Schemas};
use rewind::{Batch, Delivery, Service, delivery::MAX_RECORD};
use serde_json::{Map, Value, json};

/// The message of the stream over HTTP.
const TAILED: &str = "recordedEvent";

/// What goes over Kinesis, and over HTTP as server-sent events: the channels, what
/// is on them, and a message for each event type of the domain.
pub fn asyncapi(service: &Service) -> Value {
    let mut schemas = Schemas::new();
    let mut messages: Map<String, Value> = Map::new();
    let mut recorded = Vec::new();
    for known in domain::event_types(service, &mut schemas) {
        let (category, event_type) = (known.category, &known.event_type);
        let name = domain::word(&format!("recorded.{category}.{event_type}"));
        let schema = events::recorded(&known, &mut schemas);
        let schema = schemas.named(&name, schema);
        let message = json!({
            "name": event_type,
            "title": format!("{event_type} of {category}"),
            "contentType": "application/cloudevents+json",
            "payload": schema,
        });
        messages.insert(domain::word(&format!("{category}.{event_type}")), message);
        recorded.push(schema);
    }
    // Of another category, of a type that is declared no more, or of an older shape.
    recorded.push(schemas.answer::<rewind::RecordedEvent>());
    let batch = schemas.answer::<Batch>();
    let delivery = schemas.answer::<Delivery>();
    let event = json!({"anyOf": recorded});
    let delivery = json!({
        "allOf": [delivery],
        "properties": {"events": {"items": event.clone()}},
    });
    let live = json!({"allOf": [delivery.clone(), {"properties": {"replay": false}}]});
    let replayed = json!({"allOf": [delivery, {"required": ["replay"]}]});
    let payloads = [
        (
            "incoming",
            "batch",
            batch,
            "accepted events of one stream, in order",
        ),
        (
            "events",
            "delivery",
            live,
            "recorded events of one stream, in order",
        ),
        (
            "replay",
            "replayedDelivery",
            replayed,
            "recorded events of one stream that a playback sends again; or a marker, without events",
        ),
    ];
    let mut channels = Map::new();
    let mut operations = Map::new();
    for (channel, name, payload, about) in payloads {
        let message = json!({
            "name": name,
            "summary": about,
            "contentType": "application/json",
            "payload": payload,
        });
        messages.insert(name.into(), message);
        channels.insert(channel.into(), described(channel, name, about));
        let action = if channel == "incoming" {
            "receive"
        } else {
            "send"
        };
        let verb = if channel == "incoming" {
            "take"
        } else {
            "publish"
        };
        operations.insert(
            format!("{verb}-{channel}"),
            json!({
                "action": action,
                "channel": {"$ref": format!("#/channels/{channel}")},
                "summary": format!("Rewind {action}s {about}."),
            }),
        );
    }
    let message = json!({
        "name": TAILED,
        "summary": "a recorded event",
        "contentType": "application/json",
        "payload": event,
    });
    messages.insert(TAILED.into(), message);
    channels.insert("tail".into(), tail());
    operations.insert(
        "send-tail".into(),
        json!({
            "action": "send",
            "channel": {"$ref": "#/channels/tail"},
            "summary": "Rewind sends recorded events as they come.",
            "bindings": {"http": {"method": "GET", "bindingVersion": "0.3.0"}},
        }),
    );
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rewind",
            "version": VERSION,
            "description": "What goes over the Kinesis streams of this deployment, and the stream of events over HTTP. A record of Kinesis may come again and out of order; versions within a stream tell what is new.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas.all()},
    })
}

/// The stream of events.
fn tail() -> Value {
    json!({
        "address": "/events",
        "title": "Events as server-sent events",
        "description": "`GET /events` with `Accept: text/event-stream`, of a local system, or on AWS of the stack's output `EventStreamUrl`, signed for the service `lambda`. The `data` of each server-sent event is one message. The OpenAPI document has the parameters, and how a client goes on with `Last-Event-ID`. Nothing is missed.",
        "messages": {TAILED: {"$ref": format!("#/components/messages/{TAILED}")}},
    })
}

fn described(channel: &str, message: &str, about: &str) -> Value {
    let packing = match channel {
        "incoming" => {
            "A record is one message, under the stream's name. Only Rewind's functions write here: clients send events over HTTP."
        }
        "events" => "A record is one message, under the stream's name.",
        _ => {
            "Records are in the KPL's aggregated format: a user record for each message, under the stream's name."
        }
    };
    json!({
        "address": channel,
        "title": format!("The stream `{channel}`"),
        "description": format!(
            "Holds {about}. {packing} A message has at most {MAX_RECORD} bytes; an event's data stands in it as it was received."
        ),
        "messages": {message: {"$ref": format!("#/components/messages/{message}")}},
    })
}
