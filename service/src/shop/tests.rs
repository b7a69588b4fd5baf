use super::*;
use rewind::{
    StreamName,
    testing::{self, Given, given, when_input},
};
use serde_json::json;
use std::collections::BTreeSet;

fn added(product_id: &str) -> CartEvent {
    let product_id = product_id.into();
    CartEvent::ProductAddedToCart { product_id }
}

fn removed(product_id: &str) -> CartEvent {
    let product_id = product_id.into();
    CartEvent::ProductRemovedFromCart { product_id }
}

fn placed(order_id: &str) -> CartEvent {
    let order_id = order_id.into();
    CartEvent::OrderPlaced { order_id }
}

fn shopping() -> Given<CartEvent> {
    given([added("123"), added("9"), removed("123")])
}

fn cart(products: &[(&str, u64)], last_product: &str, last_order: Option<&str>) -> Cart {
    let products = products.iter();
    Cart {
        products: products.map(|(id, count)| ((*id).into(), *count)).collect(),
        last_product_added: Some(last_product.into()),
        last_order: last_order.map(Into::into),
    }
}

fn popularity(added: u64, removed: u64) -> Popularity {
    Popularity { added, removed }
}

fn entry(what: &str, about: &str) -> LogEntry {
    LogEntry {
        time: "2023-04-19T09:00:00Z".into(),
        what: what.into(),
        about: Some(about.into()),
        reversed: false,
    }
}

const ADDED: &str = "product-added-to-cart";
const REMOVED: &str = "product-removed-from-cart";

#[test]
fn an_input_becomes_an_event_of_the_users_cart() {
    let input = json!({"type": ADDED, "timestamp": "2023-04-19T09:00:00Z", "product_id": "123", "user_id": "456"});
    let event = NewEvent::new("456", &added("123")).unwrap();
    let event = event.at("2023-04-19T09:00:00Z");
    assert_eq!(when_input::<Inputs>(&input), Ok(vec![event]));
}

#[test]
fn different_users_have_different_carts_and_are_called_by_their_names() {
    let cart = |user: &str| {
        let input = json!({"type": "order-placed", "timestamp": "2023-04-19T09:00:00Z", "order_id": "7", "user_id": user});
        when_input::<Inputs>(&input).unwrap().remove(0).stream
    };
    let users = [
        "ann smith",
        "ann/smith",
        "ann_smith",
        "\u{7532}",
        "\u{4e59}",
    ];
    let carts: BTreeSet<StreamName> = users.map(cart).into_iter().collect();
    assert_eq!(carts.len(), users.len(), "{carts:?}");
    for user in users {
        let data = json!({"order_id": "7"});
        let placed = testing::event(cart(user).as_str(), "order-placed", &data, 1);
        let opened = OrdersOpen::react(&testing::envelope(&placed)).unwrap();
        assert_eq!(opened[0].data["user_id"], user);
    }
}

#[test]
fn an_input_without_a_time_is_rejected() {
    for time in ["yesterday", "", &*"2".repeat(2_000)] {
        let input =
            json!({"type": "order-placed", "timestamp": time, "order_id": "7", "user_id": "ann"});
        let rejection = when_input::<Inputs>(&input).unwrap_err();
        assert!(rejection.reason.starts_with("`time` "), "{rejection}");
    }
}

#[test]
fn an_input_of_another_shape_is_rejected_with_the_reason() {
    let rejection = when_input::<Inputs>(&json!({"type": "order-placed"})).unwrap_err();
    assert!(rejection.reason.contains("timestamp"), "{rejection}");
    let rejection = when_input::<Inputs>(&json!({"type": "order-lost"})).unwrap_err();
    assert!(rejection.reason.contains("`order-placed`"), "{rejection}");
    // What was sent is for nobody's log.
    assert!(!rejection.reason.contains("order-lost"), "{rejection}");
    let list = json!(["order-placed", "2023-04-19T09:30:00Z", "789", "456"]);
    let rejection = when_input::<Inputs>(&list).unwrap_err();
    assert!(rejection.reason.contains("an object"), "{rejection}");
}

#[test]
fn a_cart_holds_what_was_added_and_not_removed() {
    shopping().then_row::<Carts>(cart(&[("9", 1)], "9", None));
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    given([removed("1")]).then_row::<Carts>(Cart::default());
}

#[test]
fn an_order_empties_the_cart() {
    let ordered = shopping().and("1", [placed("789")]);
    ordered.then_row::<Carts>(cart(&[], "9", Some("789")));
}

#[test]
fn a_cart_is_as_if_a_reversed_event_had_not_happened() {
    let reversed = shopping().reversed("cart-1", 2);
    reversed.then_row::<Carts>(cart(&[], "123", None));
}

#[test]
fn reversing_an_order_fills_the_cart_again() {
    let ordered = shopping().and("1", [placed("789")]);
    let reversed = ordered.reversed("cart-1", 4);
    reversed.then_row::<Carts>(cart(&[("9", 1)], "9", None));
}

#[test]
fn reversing_the_reversal_gives_the_cart_back() {
    let restored = shopping().reversed("cart-1", 2).reversed("cart-1", 4);
    restored.then_row::<Carts>(cart(&[("9", 1)], "9", None));
}

#[test]
fn an_event_without_its_product_is_rejected() {
    let damaged = shopping().stored("cart-1", ADDED, 1, json!({}));
    let rejection = damaged.then_rejected::<Carts>();
    assert!(rejection.reason.contains("product_id"), "{rejection}");
}

#[test]
fn a_type_that_is_not_declared_is_passed_over() {
    let strange = shopping().stored("cart-1", "cart-painted", 1, json!({"colour": "red"}));
    strange.then_row::<Carts>(cart(&[("9", 1)], "9", None));
    strange.then_rows::<Products>(&[("123", popularity(1, 1)), ("9", popularity(1, 0))]);
    strange.then_emits::<OrdersOpen>(&[]);
}

#[test]
fn products_are_counted_over_all_carts() {
    shopping()
        .and("2", [added("123")])
        .then_rows::<Products>(&[("123", popularity(2, 1)), ("9", popularity(1, 0))]);
}

#[test]
fn what_was_reversed_is_not_counted() {
    shopping()
        .and("2", [added("123")])
        .reversed("cart-1", 1)
        .reversed("cart-1", 3)
        .then_rows::<Products>(&[("123", popularity(1, 0)), ("9", popularity(1, 0))]);
}

#[test]
fn reversing_the_reversal_counts_again() {
    let restored = shopping().reversed("cart-1", 1).reversed("cart-1", 4);
    restored.then_rows::<Products>(&[("123", popularity(1, 1)), ("9", popularity(1, 0))]);
    let again = restored.reversed("cart-1", 1);
    again.then_rows::<Products>(&[("123", popularity(0, 1)), ("9", popularity(1, 0))]);
}

#[test]
fn what_was_never_counted_is_not_counted_down() {
    let event = testing::event("cart-1", REMOVED, &json!({"product_id": "123"}), 1);
    let mut product = popularity(1, 0);
    let reverted = Products::revert("123", &mut product, &testing::envelope(&event));
    let rejection = reverted.unwrap_err();
    assert!(rejection.reason.contains("`123`"), "{rejection}");
    assert_eq!(product, popularity(1, 0));
}

#[test]
fn the_log_keeps_the_order_of_what_a_user_did() {
    shopping().then_rows::<UserLog>(&[
        ("1/0000000001", entry(ADDED, "123")),
        ("1/0000000002", entry(ADDED, "9")),
        ("1/0000000003", entry(REMOVED, "123")),
    ]);
}

#[test]
fn the_log_keeps_what_was_reversed_and_says_so() {
    let reversed = LogEntry {
        reversed: true,
        ..entry(ADDED, "9")
    };
    shopping().reversed("cart-1", 2).then_rows::<UserLog>(&[
        ("1/0000000001", entry(ADDED, "123")),
        ("1/0000000002", reversed),
        ("1/0000000003", entry(REMOVED, "123")),
    ]);
}

#[test]
fn reversing_the_reversal_restores_the_entry() {
    let restored = shopping().reversed("cart-1", 2).reversed("cart-1", 4);
    restored.then_rows::<UserLog>(&[
        ("1/0000000001", entry(ADDED, "123")),
        ("1/0000000002", entry(ADDED, "9")),
        ("1/0000000003", entry(REMOVED, "123")),
    ]);
}

#[test]
fn an_entry_that_was_not_reversed_keeps_its_json() {
    let stored = json!({"time": "2023-04-19T09:00:00Z", "what": ADDED, "about": "123"});
    assert_eq!(serde_json::to_value(entry(ADDED, "123")).unwrap(), stored);
    let read: LogEntry = serde_json::from_value(stored).unwrap();
    assert_eq!(read, entry(ADDED, "123"));
}

#[test]
fn a_placed_order_is_opened() {
    let open = |user_id: &str| OrderCommand::OpenOrder {
        user_id: Some(user_id.into()),
        email: None,
        lines: vec![],
        origin: None,
    };
    let opened = NewCommand::new("789", &open("1")).unwrap();
    given([placed("789")]).then_emits::<OrdersOpen>(&[opened]);
    shopping().then_emits::<OrdersOpen>(&[]);
}

#[test]
fn an_order_whose_id_no_stream_could_tell_is_rejected() {
    for (length, is_taken) in [(200, true), (250, false)] {
        let placed = given([placed(&"7".repeat(length))]);
        let reacted = OrdersOpen::react(&testing::envelope(&placed.events()[0]));
        assert_eq!(reacted.is_ok(), is_taken, "{length}");
    }
}
