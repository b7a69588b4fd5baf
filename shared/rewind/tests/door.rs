//! Properties of the door: times, attributes and payloads of any shape are
//! taken by the specification, and no refusal quotes what it refuses.

use proptest::{collection::vec, prelude::*};
use rewind::{
    CloudEvent, Event, Events, Problem, RecordedEvent, Service,
    cloudevents::{self, Defaults, rfc3339},
    commit::{self, Head},
    misfit,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn structured(event: &Value) -> Result<CloudEvent, Problem> {
    let defaults = Defaults {
        id: "given".into(),
        time: "2023-04-19T09:00:00Z".into(),
    };
    cloudevents::structured(&event.to_string(), defaults)
}

fn plain() -> Value {
    json!({
        "specversion": "1.0", "id": "1", "source": "/test", "type": "vote-cast",
        "subject": "poll-1", "data": {},
    })
}

#[test]
fn times_are_taken_by_rfc_3339_and_by_nothing_wider() {
    for taken in [
        "2023-04-19T09:00:00Z",
        "2023-04-19t09:00:00z",
        "2023-04-19T09:00:00.5+05:30",
        "2023-04-19T09:00:00-00:00",
        "0000-01-01T00:00:00Z",
        "2024-02-29T23:59:59.123456789-23:59",
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59-12:00",
        "2016-12-31T23:59:60Z",
        "2017-01-01T05:29:60+05:30",
        "2016-12-31T15:59:60.5-08:00",
    ] {
        assert_eq!(rfc3339(taken), Ok(()), "{taken}");
    }
    for refused in [
        "",
        "2023-04-19",
        "2023-04-19T09:00Z",
        "2023-04-19T09:00:00",
        "2023-04-19 09:00:00Z",
        "2023-04-19T09:00:00,5Z",
        "2023-04-19T09:00:00.Z",
        "2023-04-19T09:00:00.1234567890Z",
        "2023-04-19T09:00:00+05",
        "2023-04-19T09:00:00+0530",
        "2023-04-19T09:00:00+24:00",
        "2023-04-19T09:00:00+05:60",
        "2023-04-19T09:00:00\u{2212}05:00",
        "2023-04-19T09:00:00Z[UTC]",
        "2023-04-19T09:00:00+02:00[Europe/Vienna]",
        "2023-04-19T09:00:00Z ",
        " 2023-04-19T09:00:00Z",
        "+2023-04-19T09:00:00Z",
        "-002023-04-19T09:00:00Z",
        "+002023-04-19T09:00:00Z",
        "20230419T090000Z",
        "2023-W16-3T09:00:00Z",
        "2023-02-29T09:00:00Z",
        "2023-00-19T09:00:00Z",
        "2023-04-19T24:00:00Z",
        "2023-04-19T09:60:00Z",
        "2023-04-19T09:00:61Z",
        "2023-04-19T09:00:60Z",
        "2016-12-31T23:59:60+01:00",
        "٢٠٢٣-04-19T09:00:00Z",
    ] {
        assert!(rfc3339(refused).is_err(), "{refused}");
    }
}

proptest! {
    #[test]
    fn any_moment_in_any_zone_is_taken_and_one_byte_more_is_not(
        second in -62_000_000_000i64..253_000_000_000,
        nanos in 0i32..1_000_000_000,
        offset in -1439i32..1440,
        stranger in "[^0-9]",
        place in any::<prop::sample::Index>(),
    ) {
        let moment = jiff::Timestamp::new(second, nanos).unwrap();
        let zone = jiff::tz::Offset::from_seconds(offset * 60).unwrap();
        let local = zone.to_datetime(moment);
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
        let time = format!("{}{sign}{hours:02}:{minutes:02}", local.strftime("%Y-%m-%dT%H:%M:%S%.f"));
        prop_assert_eq!(rfc3339(&time), Ok(()), "{}", time);
        let mut wider = time.clone();
        wider.insert_str(place.index(time.len() + 1), &stranger);
        prop_assert!(rfc3339(&wider).is_err(), "{}", wider);
    }

    #[test]
    fn no_time_whatever_makes_it_panic(text in "\\PC{0,40}", like in "[0-9Tt:.,Zz+ -]{0,32}") {
        let _ = (rfc3339(&text), rfc3339(&like));
    }

    #[test]
    fn a_text_with_a_forbidden_character_is_refused_wherever_it_stands(
        text in "[a-z]{0,4}",
        bad in prop_oneof![
            Just('\u{0}'), Just('\u{1f}'), Just('\u{7f}'), Just('\u{85}'), Just('\u{9f}'),
            Just('\u{fdd0}'), Just('\u{fdef}'), Just('\u{fffe}'), Just('\u{1ffff}'), Just('\u{10ffff}'),
        ],
        name in prop_oneof![
            Just("id"), Just("source"), Just("type"), Just("subject"), Just("time"),
            Just("datacontenttype"), Just("dataschema"), Just("trace"),
        ],
    ) {
        let mut event = plain();
        event[name] = format!("{text}{bad}").into();
        let field = structured(&event).unwrap_err().field;
        prop_assert_eq!(field.as_deref(), Some(name));
    }

    #[test]
    fn binary_data_survives_commits_and_readers(
        bytes in vec(any::<u8>(), 0..200),
        media in prop_oneof![Just("image/png"), Just("application/json"), Just("text/plain; charset=latin1")],
    ) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let mut sent = plain();
        sent.as_object_mut().unwrap().remove("data");
        sent["data_base64"] = STANDARD.encode(&bytes).into();
        sent["datacontenttype"] = media.into();
        let event = structured(&sent).unwrap();
        prop_assert_eq!(&event.bytes().unwrap(), &bytes);
        let commits = commit::plan(Head::default(), &[&event], 1);
        let recorded = commits[0].events().unwrap().remove(0);
        prop_assert_eq!(&recorded.event, &event);
        let shown = serde_json::to_value(&recorded).unwrap();
        prop_assert_eq!(&shown["data_base64"], &sent["data_base64"]);
        prop_assert_eq!(shown.get("data"), None);
        let read: RecordedEvent = serde_json::from_value(shown).unwrap();
        prop_assert_eq!(read, recorded);
    }
}

#[test]
fn a_missing_null_or_known_specversion_is_taken_and_no_other() {
    for (version, is_taken) in [
        (Value::Null, true),
        (json!("1.0"), true),
        (json!("1.1"), false),
        (json!(1.0), false),
        (json!(""), false),
    ] {
        let mut event = plain();
        event["specversion"] = version.clone();
        assert_eq!(structured(&event).is_ok(), is_taken, "{version}");
    }
}

#[test]
fn sources_are_uri_references() {
    for taken in [
        "/a",
        "a",
        "?q",
        "#f",
        "https://x.example/a%20b?c#d",
        "urn:uuid:1",
        "//[::1]/",
        "./a:b",
    ] {
        let mut event = plain();
        event["source"] = taken.into();
        assert!(structured(&event).is_ok(), "{taken}");
    }
    for refused in [
        "a b", "/a ", "/ä", "/<a>", "/a%2", "/a%zz", "1:a", ":a", "/a#b#c", "/\\", "/{a}",
    ] {
        let mut event = plain();
        event["source"] = refused.into();
        let problem = structured(&event).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("source"), "{refused}");
    }
}

#[test]
fn an_extension_is_a_text_a_boolean_or_a_whole_number_of_32_bits() {
    for (value, is_taken) in [
        (json!("x"), true),
        (json!(""), true),
        (json!(true), true),
        (json!(null), true),
        (json!(i32::MIN), true),
        (json!(i32::MAX), true),
        (json!(i64::from(i32::MAX) + 1), false),
        (json!(i64::from(i32::MIN) - 1), false),
        (json!(u64::MAX), false),
        (json!(1.0), false),
        (json!([]), false),
        (json!({}), false),
    ] {
        let mut event = plain();
        event["trace"] = value.clone();
        assert_eq!(structured(&event).is_ok(), is_taken, "{value}");
    }
}

// What is told of a payload that does not fit.

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Item {
    price: u64,
    #[serde(default)]
    amounts: BTreeMap<String, u8>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Way {
    ByPost,
    ByCourier { name: u8 },
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(untagged)]
enum Who {
    Number(u64),
    Pair(u64, bool),
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "kind")]
enum Paid {
    #[serde(rename = "cash")]
    Cash { cents: i8 },
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Order {
    items: Vec<Item>,
    way: Option<Way>,
    who: Option<Who>,
    paid: Option<Paid>,
    stream: Option<rewind::StreamName>,
    sign: Option<char>,
    rows: Option<BTreeMap<i16, [f32; 2]>>,
}

/// The same types as the events of a category.
#[derive(Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
enum OrderEvent {
    OrderPlaced(#[schemars(with = "Value")] Order),
    Paid(#[schemars(with = "Value")] Paid),
    Sent(#[schemars(with = "Value")] Option<Way>),
    Listed(#[schemars(with = "Value")] Vec<Item>),
    Cancelled,
}

impl Event for OrderEvent {
    const CATEGORY: &'static str = "order";
}

#[test]
fn a_misfit_tells_the_path_and_the_expectation() {
    let cases = [
        (
            json!({"items": [{"price": 1}, {"price": "s3cret"}]}),
            "data.items[1].price",
            "expected u64, found a text",
        ),
        (
            json!({"items": [{"amounts": {}}]}),
            "data.items[0]",
            "missing field `price`",
        ),
        (
            json!({"items": [{"price": 1, "amounts": {"s3cret": 256}}]}),
            "data.items[0].amounts.*",
            "expected u8, found another whole number",
        ),
        (
            json!({"items": [], "s3cret": 1}),
            "data.*",
            "unknown field; expected one of `items`",
        ),
        (
            json!({"items": [], "way": "s3cret"}),
            "data.way",
            "unknown variant; expected one of `by-post`, `by-courier`",
        ),
        (
            json!({"items": [], "way": {"by-courier": {"name": "s3cret"}}}),
            "data.way.by-courier.*",
            "expected u8, found a text",
        ),
        (
            json!({"items": [], "who": "s3cret"}),
            "data.who",
            "any variant of untagged enum Who",
        ),
        (
            json!({"items": [], "paid": {"kind": "s3cret"}}),
            "data.paid.*",
            "unknown variant; expected `cash`",
        ),
        (
            json!({"items": [], "stream": "s3cret"}),
            "data.stream",
            "does not take it",
        ),
        (
            json!({"items": [], "sign": "s3cret"}),
            "data.sign",
            "expected a character",
        ),
        (
            json!({"items": [], "rows": {"s3cret": [1, 2]}}),
            "data.rows.*",
            "expected i16, found a text",
        ),
        (
            json!({"items": [], "rows": {"1": [1, 2, 3]}}),
            "data.rows.*",
            "fewer elements",
        ),
        (
            json!("s3cret"),
            "data",
            "expected struct Order, found a text",
        ),
    ];
    for (data, path, what) in cases {
        let misfit = misfit::decode::<Order>(&data.to_string()).unwrap_err();
        assert_eq!(misfit.path("data"), path, "{data}: {misfit}");
        assert!(misfit.what().contains(what), "{data}: {misfit}");
        assert!(!misfit.to_string().contains("s3cret"), "{misfit}");
        assert_eq!(misfit::decode_value::<Order>(&data).as_ref(), Err(&misfit));
        let recorded = rewind::testing::event("order-1", "order-placed", &data, 1);
        let refused = recorded.data::<Order>().unwrap_err();
        assert!(
            refused
                .reason
                .starts_with(&format!("`order-placed`: {path}: ")),
            "{refused}"
        );
        // A reader of the enum, and the door, say the same.
        let read = OrderEvent::read(&recorded.event).unwrap_err();
        assert_eq!(read, refused);
        let service = Service::new().events::<OrderEvent>();
        let problem = service.check(&recorded.event).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some(path), "{data}");
        assert_eq!(problem.detail, misfit.what(), "{data}");
    }
}

/// JSON in which every text and every key that no type declares is a secret,
/// near enough to an order to get far into it.
fn secrets() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (777_700_000i64..777_799_999).prop_map(Value::from),
        Just(json!(7777.25)),
        "s3cret[a-z, `\"]{0,6}".prop_map(Value::from),
        Just(json!("by-post")),
        Just(json!("cash")),
    ];
    let name = prop_oneof![
        "s3cret[a-z, `\"]{0,6}",
        Just("items".to_string()),
        Just("price".to_string()),
        Just("amounts".to_string()),
        Just("way".to_string()),
        Just("by-courier".to_string()),
        Just("name".to_string()),
        Just("who".to_string()),
        Just("paid".to_string()),
        Just("kind".to_string()),
        Just("cents".to_string()),
        Just("stream".to_string()),
        Just("rows".to_string()),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn tells(text: &str) -> bool {
    text.contains("s3cret") || text.contains("7777")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_refusal_of_a_payload_quotes_it(data in secrets()) {
        let recorded = rewind::testing::event("order-1", "order-placed", &data, 1);
        let refusals = [
            recorded.data::<Order>().err(),
            recorded.data::<Item>().err(),
            recorded.data::<Way>().err(),
            recorded.data::<Paid>().err(),
            recorded.data::<BTreeMap<u8, Who>>().err(),
        ];
        for refused in refusals.into_iter().flatten() {
            prop_assert!(!tells(&refused.reason), "{}", refused);
        }
        // What was read is what serde_json reads.
        prop_assert_eq!(misfit::decode_value::<Order>(&data).ok(), serde_json::from_value(data).ok());
    }

    #[test]
    fn the_door_takes_what_a_reader_of_the_enum_reads_and_quotes_nothing(
        data in secrets(),
        event_type in prop_oneof![
            Just("order-placed"), Just("paid"), Just("sent"), Just("listed"),
            Just("cancelled"),
        ],
    ) {
        let recorded = rewind::testing::event("order-1", event_type, &data, 1);
        let service = Service::new().events::<OrderEvent>();
        let (read, checked) = (OrderEvent::read(&recorded.event), service.check(&recorded.event));
        match (read, checked) {
            (Ok(Some(event)), Ok(())) => {
                let same: Result<OrderEvent, _> = match event_type {
                    "order-placed" => serde_json::from_value(data).map(OrderEvent::OrderPlaced),
                    "paid" => serde_json::from_value(data).map(OrderEvent::Paid),
                    "sent" => serde_json::from_value(data).map(OrderEvent::Sent),
                    "listed" => serde_json::from_value(data).map(OrderEvent::Listed),
                    _ => Ok(OrderEvent::Cancelled),
                };
                prop_assert_eq!(Some(event), same.ok());
            }
            (Err(refused), Err(problem)) => {
                prop_assert!(!tells(&refused.reason), "{}", refused);
                let told = format!("{} {problem}", problem.field.clone().unwrap_or_default());
                prop_assert!(!tells(&told), "{}", told);
            }
            (read, checked) => prop_assert!(false, "{:?} {:?}", read, checked),
        }
    }

    #[test]
    fn no_problem_of_the_door_quotes_the_data(
        data in secrets(),
        cut in any::<prop::sample::Index>(),
        junk in "[\\[\\]{}\",:0x\\\\]",
    ) {
        let text = data.to_string();
        let place = cut.index(text.len());
        if text.is_char_boundary(place) {
            let mut broken = text;
            broken.insert_str(place, &junk);
            for problem in [cloudevents::json(&broken).err(), cloudevents::json(&broken[..place]).err()] {
                let told = problem.map(|problem| (problem.to_string(), problem.field));
                let is_bare = told.as_ref().is_none_or(|(text, field)| !tells(text) && field.as_deref() == Some("$"));
                prop_assert!(is_bare, "{:?}", told);
            }
        }
    }

    #[test]
    fn no_unreadable_record_quotes_its_attributes(value in secrets(), name in prop_oneof![
        Just("id"), Just("source"), Just("type"), Just("time"), Just("version"), Just("position"),
    ]) {
        let mut event = plain();
        event["time"] = "2023-04-19T09:00:00Z".into();
        event["version"] = 1.into();
        event["position"] = 1.into();
        event[name] = value;
        let text = json!({"events": [event]}).to_string();
        if let Err(error) = rewind::Delivery::decode(text.as_bytes()) {
            prop_assert!(!error.to_string().contains("s3cret"), "{}", error);
        }
        if let Err(error) = rewind::Batch::decode(text.as_bytes()) {
            prop_assert!(!error.to_string().contains("s3cret"), "{}", error);
        }
    }
}
