//! What goes to logs, rows and reports quotes no payload: neither what a record
//! holds, nor what domain code panics with, nor what an input has.

use proptest::prelude::*;
use rewind::{
    Adapter, Aggregate, Batch, CloudEvent, Command, Commit, Decision, Delivery, Envelope, Event,
    NewEvent, Problem, Rejection, Rule, Service, StreamName, Timestamp,
    cloudevents::{self, Defaults},
    testing::event,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

/// What may not be told.
const SECRET: &str = "ann@example.org";

/// JSON of any shape that has the secret in it: as a text, as a key, deep down.
fn telling() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(SECRET)),
        Just(json!({ SECRET: SECRET })),
        Just(json!(format!("{SECRET}, expected {SECRET}"))),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let key = prop_oneof![
            "events", "replay", "to", "id", "subject", "version", "data", "marker"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 1..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_error_of_a_record_or_a_commit_quotes_it(value in telling()) {
        let text = value.to_string();
        let cut = &text[..text.len() - 1];
        for bytes in [&*text, cut] {
            for told in [
                Batch::decode(bytes.as_bytes()).err().map(|error| error.to_string()),
                Delivery::decode(bytes.as_bytes()).err().map(|error| error.to_string()),
                commit(bytes).events().err().map(|error| error.to_string()),
                commit(&format!("[{bytes}]")).events().err().map(|error| error.to_string()),
            ] {
                let told = told.unwrap_or_default();
                prop_assert!(!told.contains(SECRET), "{}", told);
            }
        }
    }
}

fn commit(events: &str) -> Commit {
    Commit {
        stream: StreamName::new("a-1").unwrap(),
        version: 1,
        length: 1,
        position: 1,
        events: events.into(),
        reversal: rewind::reversal::LastReversal::None,
        numbers: rewind::numbers::Numbers::default(),
        appender: None,
    }
}

#[test]
fn what_is_missing_in_a_record_is_named() {
    let batch = br#"{"events":[{"id":"1","source":"/s","subject":"a-1","time":""}]}"#;
    let told = Batch::decode(batch).unwrap_err().to_string();
    assert!(told.contains("`type`"), "{told}");
    let shape = Batch::decode(br#"{"events":7}"#).unwrap_err().to_string();
    assert!(shape.contains("line 1 column"), "{shape}");
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Trip {
    Went { how: String, who: Value },
}

impl Event for Trip {
    const CATEGORY: &'static str = "a";
}

struct Unwraps;
impl Rule for Unwraps {
    type Event = Trip;
    type Emits = NewEvent;
    const NAME: &'static str = "unwraps";
    fn react(event: &Envelope<Trip>) -> Result<Vec<NewEvent>, Rejection> {
        let Trip::Went { how, who } = &event.data;
        match how.as_str() {
            "unwrap" => drop(serde_json::from_value::<u64>(who.clone()).unwrap()),
            "expect" => {
                serde_json::from_value::<u64>(who.clone()).expect("a number");
            }
            "format" => panic!("{who} is nobody"),
            _ => panic!("nobody is there"),
        }
        Ok(Vec::new())
    }
}

#[test]
fn a_panic_says_where_it_was_and_not_what_it_had() {
    let service = Service::new().rule::<Unwraps>();
    let reason = |how: &str| {
        let cause = event("a-1", "went", &json!({"how": how, "who": SECRET}), 1);
        service.reactions()[0].react(&cause).unwrap_err().reason
    };
    for how in ["unwrap", "expect", "format"] {
        let told = reason(how);
        assert!(told.contains("panicked at "), "{how}: {told}");
        assert!(told.contains(file!()), "{how}: {told}");
        assert!(!told.contains(SECRET), "{how}: {told}");
    }
    // A literal has no values.
    assert_eq!(reason("literal"), "panicked: nobody is there");
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[expect(dead_code, reason = "only whether it is read counts")]
enum Input {
    Ordered { by: String, items: Vec<Item> },
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only whether it is read counts")]
struct Item {
    id: String,
    price: u64,
}

struct Feed;
impl Adapter for Feed {
    type Input = Input;
    type Emits = NewEvent;
    const SOURCE: &'static str = "feed";
    fn map(_: &Envelope<Input>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

#[test]
fn an_input_that_does_not_fit_says_what_was_expected() {
    let service = Service::new().adapter::<Feed>();
    let read = |input: &Value| {
        let cause = event("input:feed-1", "input-received", input, 1);
        service.reactions()[0].react(&cause)
    };
    let item = json!({"id": "1", "price": 7});
    read(&json!({"type": "ordered", "by": "ann", "items": [item]})).unwrap();
    for (input, expected) in [
        (json!({"type": SECRET}), "ordered"),
        (json!({"type": "ordered"}), "by"),
        (
            json!({"type": "ordered", "by": "ann", "items": SECRET}),
            "expected",
        ),
        (
            json!({"type": "ordered", "by": "ann", "items": [{"id": SECRET, "price": SECRET}]}),
            "expected u64",
        ),
        (json!(["ordered", SECRET, []]), "an object"),
        (json!(SECRET), "an object"),
    ] {
        let told = read(&input).unwrap_err().reason;
        assert!(told.contains(expected), "{input}: {told}");
        assert!(told.starts_with("input"), "{input}: {told}");
        assert!(!told.contains(SECRET), "{input}: {told}");
    }
}

#[test]
fn a_list_is_no_struct() {
    let item = event("a-1", "went", &json!(["1", 7]), 1);
    let told = item.data::<Item>().unwrap_err().reason;
    assert!(
        told.contains("data: expected struct Item, found a list"),
        "{told}"
    );
    // What is a list stays one, its texts and all.
    let pair: (String, u64) = item.data().unwrap();
    assert_eq!(pair, ("1".to_string(), 7));
    let raw = event("a-1", "went", &json!([{"a": 1}]), 1);
    let raw: Vec<Box<RawValue>> = raw.data().unwrap();
    assert_eq!(raw[0].get(), "{\"a\":1}");
    let none: Vec<Option<Item>> = event("a-1", "went", &json!([null]), 1).data().unwrap();
    assert!(none[0].is_none());
}

fn structured(event: &Value) -> Result<CloudEvent, Problem> {
    let defaults = Defaults {
        id: "given".into(),
        time: "2023-04-19T09:00:00Z".into(),
    };
    cloudevents::structured(&event.to_string(), defaults)
}

#[test]
fn a_schema_version_that_no_reader_takes_is_refused_at_the_door() {
    let sent = |version: &Value| {
        structured(&json!({
            "id": "1", "source": "/s", "type": "t", "subject": "a-1", "schemaversion": version,
        }))
    };
    for version in [
        json!("x"),
        json!(""),
        json!(0),
        json!("0"),
        json!(-1),
        json!(true),
        json!(1.5),
    ] {
        let field = sent(&version).unwrap_err().field;
        assert_eq!(field.as_deref(), Some("schemaversion"), "{version}");
    }
    // In binary mode, all attributes are texts.
    for version in [json!(1), json!("2"), Value::Null] {
        sent(&version).unwrap();
    }
}

#[test]
fn no_byte_of_binary_data_is_lost() {
    for body in [" ", "\n", " a ", "\t\0"] {
        let attributes = [("source", "/s"), ("type", "t"), ("subject", "a-1")];
        let attributes = attributes.map(|(name, text)| (name.to_string(), text.to_string()));
        let defaults = Defaults {
            id: "1".into(),
            time: "2023-04-19T09:00:00Z".into(),
        };
        let sent = cloudevents::binary(attributes, Some("text/plain"), body.as_bytes(), defaults);
        assert_eq!(sent.unwrap().bytes().unwrap(), body.as_bytes());
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Account;
#[derive(Serialize, Deserialize, JsonSchema)]
enum Pay {
    PayOut {},
}
#[derive(Debug, Serialize)]
enum NotPaid {}
impl std::error::Error for NotPaid {}
impl std::fmt::Display for NotPaid {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}
impl Command for Pay {
    type Aggregate = Account;
}
#[derive(Serialize, Deserialize, JsonSchema)]
enum Moved {
    Paid {},
}
impl Event for Moved {
    const CATEGORY: &'static str = "account";
}
impl Aggregate for Account {
    type Command = Pay;
    type Event = Moved;
    type Rejection = NotPaid;
    fn decide(&self, _: Pay, _: Timestamp) -> Result<Decision<Self>, NotPaid> {
        Ok([Moved::Paid {}].into())
    }
    fn evolve(&mut self, _: &Envelope<Moved>) {}
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum OrderEvent {
    Placed {},
}
impl Event for OrderEvent {
    const CATEGORY: &'static str = "order";
}

struct Pays;
impl Rule for Pays {
    type Event = OrderEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "pays";
    fn react(_: &Envelope<OrderEvent>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(vec![NewEvent::new("1", &Moved::Paid {})?])
    }
}

#[test]
fn what_an_aggregate_decides_no_rule_emits() {
    let placed = event("order-1", "placed", &json!({}), 1);
    for open in [
        Service::new().rule::<Pays>(),
        Service::new().rule::<Pays>().events::<Moved>(),
    ] {
        assert_eq!(open.reactions()[0].react(&placed).unwrap().len(), 1);
    }
    for decided in [
        Service::new().rule::<Pays>().aggregate::<Account>(),
        Service::new().aggregate::<Account>().rule::<Pays>(),
    ] {
        let told = decided.reactions()[0].react(&placed).unwrap_err().reason;
        assert!(
            told.contains("`stream`") && told.contains("aggregate"),
            "{told}"
        );
    }
}
