//! Declared categories: what the door takes and refuses, and what it says.

use rewind::{
    CloudEvent, Event, Problem, Rejection, Service, Upcaster,
    reserved::SCHEMA_VERSION,
    testing::{self, given},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What happens to an order. Version 1 of `placed` had prices as texts.
#[derive(Serialize, Deserialize, JsonSchema)]
enum OrderEvent {
    /// It was placed.
    Placed {
        items: Vec<Item>,
    },
    Cancelled,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    price: u64,
}

impl Event for OrderEvent {
    const CATEGORY: &'static str = "order";
    const VERSIONS: &'static [(&'static str, u32)] = &[("placed", 2)];
}

/// What happens to a door. Other systems record types of their own there.
#[derive(Serialize, Deserialize, JsonSchema)]
enum DoorEvent {
    Opened { by: String },
}

impl Event for DoorEvent {
    const CATEGORY: &'static str = "door";
    const OPEN: bool = true;
}

struct PricesAreNumbers;
impl Upcaster for PricesAreNumbers {
    const TYPE: &'static str = "placed";
    const FROM: u32 = 1;

    fn lift(mut data: Value) -> Result<Value, Rejection> {
        let items = data.get_mut("items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            if let Some(price) = item["price"].as_str().map(str::parse::<u64>) {
                let price = price.map_err(|_| Rejection::new("a price is no number"))?;
                item["price"] = price.into();
            }
        }
        Ok(data)
    }
}

struct OrderedIsPlaced;
impl Upcaster for OrderedIsPlaced {
    const TYPE: &'static str = "ordered";
    const FROM: u32 = 1;
    const TO_TYPE: &'static str = "placed";

    fn lift(data: Value) -> Result<Value, Rejection> {
        Ok(data)
    }
}

fn service() -> Service {
    Service::new().events::<OrderEvent>().events::<DoorEvent>()
}

fn lifting() -> Service {
    let service = service().upcaster::<PricesAreNumbers>();
    service.upcaster::<OrderedIsPlaced>()
}

fn event(stream: &str, event_type: &str, version: u32, data: &Value) -> CloudEvent {
    let mut event = testing::event(stream, event_type, data, 1).event;
    if version > 1 {
        let extensions = &mut event.extensions;
        extensions.insert(SCHEMA_VERSION.into(), version.into());
    }
    event
}

fn items(prices: &[Value]) -> Value {
    let items = prices.iter().map(|price| json!({ "price": price }));
    json!({ "items": items.collect::<Vec<Value>>() })
}

/// The field and the detail of a 422.
fn told(checked: Result<(), Problem>) -> (String, String) {
    let problem = checked.unwrap_err();
    assert_eq!(problem.status, 422);
    (problem.field.unwrap(), problem.detail)
}

#[test]
fn a_declared_event_is_taken() {
    let data = items(&[json!(7), json!(8)]);
    let placed = event("order-1", "placed", 2, &data);
    assert_eq!(service().check(&placed), Ok(()));
    // The data of a variant without fields is an object, or nothing.
    for data in [json!({}), json!(null), json!({"by": "ann"})] {
        let cancelled = event("order-1", "cancelled", 1, &data);
        assert_eq!(service().check(&cancelled), Ok(()), "{data}");
    }
}

#[test]
fn data_that_does_not_fit_is_refused_with_its_path_and_never_quoted() {
    for (data, field, detail) in [
        (
            items(&[json!(1), json!("s3cret")]),
            "data.items[1].price",
            "expected u64, found a text",
        ),
        (
            items(&[json!(1.5)]),
            "data.items[0].price",
            "expected u64, found a number with a fraction",
        ),
        (json!({"s3cret": 1}), "data", "missing field `items`"),
        (
            json!([[{"price": 1}]]),
            "data",
            "expected an object, found a list",
        ),
        (json!(null), "data", "expected an object, found null"),
    ] {
        let wrong = event("order-1", "placed", 2, &data);
        let (path, why) = told(service().check(&wrong));
        assert_eq!(path, field, "{data}");
        // What serde calls a struct is an object for a client.
        let why = why.replace("struct variant OrderEvent::Placed", "an object");
        assert_eq!(why, detail, "{data}");
    }
}

#[test]
fn an_undeclared_type_is_refused_and_the_known_ones_are_named() {
    for event_type in ["shipped", "Placed", "place", ""] {
        let strange = event("order-1", event_type, 1, &json!({}));
        let (field, detail) = told(service().check(&strange));
        assert_eq!(field, "type");
        assert!(detail.contains("`order`"), "{detail}");
        assert!(detail.contains("`cancelled`, `placed`"), "{detail}");
    }
}

#[test]
fn an_open_category_takes_types_that_it_does_not_declare_and_checks_the_others() {
    let strange = event("door-1", "painted", 7, &json!(["any"]));
    assert_eq!(service().check(&strange), Ok(()));
    let wrong = event("door-1", "opened", 1, &json!({"by": 7}));
    let (field, detail) = told(service().check(&wrong));
    assert_eq!(
        (&*field, &*detail),
        ("data.by", "expected a string, found a whole number")
    );
}

#[test]
fn a_category_that_nobody_declares_takes_everything() {
    let free = event("contract-1", "signed", 9, &json!([1]));
    assert_eq!(service().check(&free), Ok(()));
}

#[test]
fn a_schema_version_that_is_too_new_or_not_lifted_is_refused() {
    let data = items(&[json!(7)]);
    for (version, event_type) in [(1, "placed"), (3, "placed"), (2, "cancelled")] {
        let strange = event("order-1", event_type, version, &data);
        let (field, detail) = told(service().check(&strange));
        assert_eq!(field, "schemaversion");
        assert!(
            detail.contains(&format!("version {version} of `{event_type}`")),
            "{detail}"
        );
        let expected = if event_type == "placed" { 2 } else { 1 };
        assert!(detail.contains(&format!("expected {expected}")), "{detail}");
    }
    // Nobody lifts version 3 back.
    let newer = event("order-1", "placed", 3, &data);
    assert_eq!(told(lifting().check(&newer)).0, "schemaversion");
    let mut unreadable = event("order-1", "placed", 1, &data);
    unreadable
        .extensions
        .insert(SCHEMA_VERSION.into(), "two".into());
    assert_eq!(told(service().check(&unreadable)).0, "schemaversion");
}

#[test]
fn upcasters_lift_an_old_shape_before_it_is_checked() {
    let old = event("order-1", "placed", 1, &items(&[json!("7")]));
    assert_eq!(lifting().check(&old), Ok(()));
    let renamed = event("order-1", "ordered", 1, &items(&[json!(7)]));
    assert_eq!(lifting().check(&renamed), Ok(()));
    assert_eq!(told(service().check(&renamed)).0, "type");
    // What the upcaster makes of it has to fit.
    let empty = event("order-1", "placed", 1, &json!({}));
    let (field, detail) = told(lifting().check(&empty));
    assert_eq!((&*field, &*detail), ("data", "missing field `items`"));
    // What it does not take is its refusal.
    let damaged = event("order-1", "placed", 1, &items(&[json!("seven")]));
    let (field, detail) = told(lifting().check(&damaged));
    assert_eq!(field, "data");
    assert!(detail.contains("`placed` from 1"), "{detail}");
    assert!(detail.contains("a price is no number"), "{detail}");
}

#[test]
fn binary_data_of_a_declared_type_is_refused() {
    let mut binary = event("order-1", "cancelled", 1, &json!(null));
    let data = ("data_base64".to_string(), "AA==".into());
    binary.extensions.extend([data]);
    let (field, detail) = told(service().check(&binary));
    assert_eq!(field, "data");
    assert!(detail.contains("expected JSON"), "{detail}");
    // An open category takes it where the type is not declared.
    binary.stream = "door-1".parse().unwrap();
    assert_eq!(service().check(&binary), Ok(()));
}

#[test]
fn an_undeclared_type_in_history_is_told_apart_for_an_operator() {
    let service = lifting();
    let is_undeclared = |stream: &str, event_type: &str| {
        let recorded = testing::event(stream, event_type, &json!({}), 1);
        service.is_undeclared(&recorded)
    };
    assert!(is_undeclared("order-1", "shipped"));
    assert!(is_undeclared("door-1", "painted"), "open is for the door");
    assert!(!is_undeclared("order-1", "cancelled"));
    assert!(
        !is_undeclared("order-1", "ordered"),
        "it is lifted to `placed`"
    );
    assert!(!is_undeclared("contract-1", "signed"), "nobody declares it");
    let history = given([OrderEvent::Cancelled]).reversed("order-1", 1);
    assert!(!service.is_undeclared(&history.events()[1]), "a reversal");
    // A report names no schema version: an upcaster of any answers it.
    let is_undeclared_type = |category: &str, event_type: &str| {
        let declared = service.declared();
        declared.is_undeclared_type(service.upcasters(), category, event_type)
    };
    assert!(is_undeclared_type("order", "shipped"));
    for (category, event_type) in [
        ("order", "cancelled"),
        ("order", "ordered"),
        ("contract", "signed"),
    ] {
        assert!(!is_undeclared_type(category, event_type), "{event_type}");
    }
}

#[test]
fn the_schema_of_each_type_is_shown_with_its_version() {
    let schemas = service().schemas();
    let categories = schemas["categories"].as_object().unwrap();
    assert_eq!(categories.keys().collect::<Vec<_>>(), ["door", "order"]);
    assert_eq!(categories["door"]["open"], true);
    assert_eq!(categories["order"]["open"], false);
    let types = categories["order"]["types"].as_object().unwrap();
    assert_eq!(types.keys().collect::<Vec<_>>(), ["cancelled", "placed"]);
    assert_eq!(types["placed"]["schemaversion"], 2);
    assert_eq!(types["cancelled"]["schemaversion"], 1);
    let placed = &types["placed"]["schema"];
    assert_eq!(placed["description"], "It was placed.");
    assert_eq!(
        placed["properties"]["items"]["items"]["$ref"],
        "#/$defs/Item"
    );
    let price = &placed["$defs"]["Item"]["properties"]["price"];
    assert_eq!(price["type"], "integer");
    // What the schema says is what the door takes.
    let validator = jsonschema::validator_for(placed).unwrap();
    for (data, is_taken) in [
        (items(&[json!(7)]), true),
        (items(&[json!("7")]), false),
        (json!({}), false),
        (json!([]), false),
        (json!(null), false),
    ] {
        assert_eq!(validator.is_valid(&data), is_taken, "{data}");
        let placed = event("order-1", "placed", 2, &data);
        assert_eq!(service().check(&placed).is_ok(), is_taken, "{data}");
    }
    assert_eq!(Service::new().schemas(), json!({"categories": {}}));
}

/// Another enum of the same category.
#[derive(Serialize, Deserialize, JsonSchema)]
enum OtherOrderEvent {
    Shipped {},
}

impl Event for OtherOrderEvent {
    const CATEGORY: &'static str = "order";
}

#[test]
#[should_panic(expected = "the category `order` has two enums")]
fn two_enums_of_one_category_are_not_registered() {
    let _ = service().events::<OtherOrderEvent>();
}

#[test]
fn one_enum_may_be_registered_by_many_readers() {
    let twice = service().events::<OrderEvent>();
    assert_eq!(twice.declared().iter().count(), 2);
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum OfRewind {}

impl Event for OfRewind {
    const CATEGORY: &'static str = "input:shop";
}

#[test]
#[should_panic(expected = "is no category of a domain")]
fn a_category_of_rewinds_own_is_not_declared() {
    let _ = Service::new().events::<OfRewind>();
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Dashed {}

impl Event for Dashed {
    const CATEGORY: &'static str = "web-shop";
}

#[test]
#[should_panic(expected = "is no category of a domain")]
fn a_category_that_would_end_within_it_is_not_declared() {
    let _ = Service::new().events::<Dashed>();
}
