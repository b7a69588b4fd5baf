use super::{
    category::{Event, Naming},
    declaration::{Declaration, encode, event_types},
    readers::Events,
    schema,
};
use crate::Rejection;
use crate::testing::event as recorded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Order {
    /// It was placed.
    Placed {
        items: Vec<Item>,
        note: Option<String>,
    },
    Cancelled,
    #[serde(rename = "sent.v2")]
    Sent(Parcel),
    ABTested {},
    Noted(Value),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Item {
    price: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Parcel {
    number: String,
}

impl Event for Order {
    const CATEGORY: &'static str = "order";
    const VERSIONS: &'static [(&'static str, u32)] = &[("placed", 3)];
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Written {
    OrderPlaced {},
}

impl Event for Written {
    const CATEGORY: &'static str = "written";
    const NAMING: Naming = Naming::AsWritten;
}

fn read(event_type: &str, data: &Value) -> Result<Option<Order>, Rejection> {
    Order::read(&recorded("order-1", event_type, data, 1).event)
}

fn reason(event_type: &str, data: &Value) -> String {
    read(event_type, data).unwrap_err().reason
}

#[test]
fn variants_name_types() {
    let types = ["placed", "cancelled", "sent.v2", "a-b-tested", "noted"];
    assert_eq!(event_types::<Order>(), types);
    assert_eq!(event_types::<Written>(), ["OrderPlaced"]);
    for name in [
        "Placed",
        "place",
        "placed-",
        "-placed",
        "abtested",
        "a-b-Tested",
    ] {
        assert_eq!(read(name, &json!({})), Ok(None), "{name}");
    }
}

#[test]
fn what_is_encoded_is_read_again() {
    for (event, event_type, version, data) in [
        (
            Order::Placed {
                items: vec![Item { price: 7 }],
                note: None,
            },
            "placed",
            3,
            json!({"items": [{"price": 7}], "note": null}),
        ),
        (Order::Cancelled, "cancelled", 1, json!({})),
        (
            Order::Sent(Parcel { number: "4".into() }),
            "sent.v2",
            1,
            json!({"number": "4"}),
        ),
        (Order::ABTested {}, "a-b-tested", 1, json!({})),
        (Order::Noted(json!([1])), "noted", 1, json!([1])),
    ] {
        assert_eq!(
            encode(&event),
            Ok((event_type.into(), version, data.clone()))
        );
        assert_eq!(read(event_type, &data), Ok(Some(event)));
    }
}

#[test]
fn data_that_does_not_fit_is_named_by_its_path_and_never_quoted() {
    let wrong = json!({"items": [{"price": 1}, {"price": "s3cret"}]});
    assert_eq!(
        reason("placed", &wrong),
        "`placed`: data.items[1].price: expected u64, found a text"
    );
    assert_eq!(
        reason("placed", &json!({})),
        "`placed`: data: missing field `items`"
    );
    for (event_type, data) in [
        ("placed", json!([[{"price": 1}], null])),
        ("placed", json!(null)),
        ("placed", json!({"items": [[1]]})),
        ("cancelled", json!("s3cret")),
        ("cancelled", json!([])),
        ("sent.v2", json!(["s3cret"])),
    ] {
        let reason = reason(event_type, &data);
        assert!(
            reason.contains("expected ") && !reason.contains("s3cret"),
            "{reason}"
        );
    }
}

#[test]
fn members_that_nobody_reads_are_passed_over() {
    assert_eq!(
        read("cancelled", &json!({"by": {"name": [1]}})),
        Ok(Some(Order::Cancelled))
    );
    assert_eq!(read("cancelled", &json!(null)), Ok(Some(Order::Cancelled)));
    let data = json!({"items": [], "paid": true});
    let placed = Order::Placed {
        items: Vec::new(),
        note: None,
    };
    assert_eq!(read("placed", &data), Ok(Some(placed)));
}

#[test]
fn another_category_is_not_read() {
    let elsewhere = recorded("cart-1", "cancelled", &json!({}), 1);
    assert_eq!(Order::read(&elsewhere.event), Ok(None));
}

#[test]
fn binary_data_of_a_declared_type_is_refused() {
    let mut binary = recorded("order-1", "cancelled", &json!(null), 1).event;
    binary
        .extensions
        .insert("data_base64".into(), "AA==".into());
    assert!(
        Order::read(&binary)
            .unwrap_err()
            .reason
            .contains("data_base64")
    );
    binary.event_type = "else".into();
    assert_eq!(Order::read(&binary), Ok(None));
}

#[test]
fn each_type_has_a_schema_of_its_own() {
    let schemas = schema::of::<Order>(Order::NAMING);
    let types: Vec<&str> = schemas.keys().map(String::as_str).collect();
    assert_eq!(
        types,
        ["a-b-tested", "cancelled", "noted", "placed", "sent.v2"]
    );
    let placed = &schemas["placed"];
    assert_eq!(placed["required"], json!(["items"]), "{placed}");
    assert_eq!(placed["description"], "It was placed.");
    assert_eq!(
        placed["properties"]["items"]["items"]["$ref"],
        "#/$defs/Item"
    );
    assert!(placed["$defs"]["Item"].is_object(), "{placed}");
}

#[test]
fn a_version_of_a_type_that_is_not_there_is_told_at_start_up() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    enum Lost {}
    impl Event for Lost {
        const CATEGORY: &'static str = "lost";
        const VERSIONS: &'static [(&'static str, u32)] = &[("found", 2)];
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Single {}
    impl Event for Single {
        const CATEGORY: &'static str = "single";
    }
    for declared in [Declaration::of::<Lost>, Declaration::of::<Single>] {
        std::panic::catch_unwind(declared).expect_err("a panic");
    }
}
