use super::*;
use rewind::testing::when_input;
use serde_json::json;

fn raw() -> Value {
    json!({
        "applies": "now", "source": "web", "profile": "private", "order_id": "7", "user_id": "ann",
        "lines": [{"product_id": "tea", "quantity": 2, "cents": 350}],
    })
}

fn without(name: &str) -> Value {
    let mut raw = raw();
    raw.as_object_mut().unwrap().remove(name);
    raw
}

#[test]
fn a_raw_order_is_opened_with_its_lines_and_where_it_came_from() {
    let line = Line {
        product_id: "tea".into(),
        quantity: 2,
        cents: 350,
    };
    let open = OrderCommand::OpenOrder {
        user_id: Some("ann".into()),
        email: None,
        lines: vec![line],
        origin: Some(Origin {
            applies: "now".into(),
            source: "web".into(),
            profile: "private".into(),
        }),
    };
    let opened = NewCommand::new("7", &open).unwrap();
    assert_eq!(when_input::<RawOrders>(&raw()), Ok(vec![opened]));
}

#[test]
fn an_order_that_lacks_something_is_rejected_with_its_name() {
    for name in ["applies", "source", "profile", "order_id"] {
        let rejection = when_input::<RawOrders>(&without(name)).unwrap_err();
        assert_eq!(rejection.reason, format!("input: missing field `{name}`"));
    }
}

#[test]
fn an_order_may_do_without_lines_and_user() {
    for name in ["lines", "user_id"] {
        assert!(when_input::<RawOrders>(&without(name)).is_ok(), "{name}");
    }
}

#[test]
fn what_lacks_something_does_not_stand_in_the_way_of_the_whole_order() {
    let of = |input: &Value| RawOrders::partition(input);
    assert_eq!(of(&raw()), Some("7".into()));
    assert_eq!(of(&without("profile")), Some("7.incomplete".into()));
    let mut wrong = raw();
    wrong["profile"] = Value::Null;
    assert_eq!(of(&wrong), Some("7.incomplete".into()));
    assert_eq!(of(&without("order_id")), None);
}

#[test]
fn an_order_whose_id_no_stream_could_tell_is_rejected() {
    let mut long = raw();
    long["order_id"] = "7".repeat(250).into();
    let rejection = when_input::<RawOrders>(&long).unwrap_err();
    assert_eq!(rejection.reason, "`order_id`: the id is too long");
}
