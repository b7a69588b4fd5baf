//! A shop: what users put into their carts, and what they order.
//!
//! The shop's own system posts raw JSON to `/inputs/shop`; the adapter makes
//! facts of it, in the stream `cart-<user_id>`.

use rewind::{
    Adapter, MultiStreamProjection, NewEvent, RecordedEvent, Rejection, Rule,
    SingleStreamProjection, StreamName, read_input,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

// Events.

const ADDED: &str = "product-added-to-cart";
const REMOVED: &str = "product-removed-from-cart";
const PLACED: &str = "order-placed";

/// The data of `product-added-to-cart` and `product-removed-from-cart`.
#[derive(Debug, Deserialize)]
struct Product {
    product_id: String,
}

/// The data of `order-placed`.
#[derive(Debug, Deserialize)]
struct Order {
    order_id: String,
}

// Inputs.

/// What the shop's system posts.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Input {
    ProductAddedToCart(ProductInput),
    ProductRemovedFromCart(ProductInput),
    OrderPlaced(OrderInput),
}

#[derive(Debug, Deserialize)]
struct ProductInput {
    timestamp: String,
    product_id: String,
    user_id: String,
}

#[derive(Debug, Deserialize)]
struct OrderInput {
    timestamp: String,
    order_id: String,
    user_id: String,
}

/// The adapter of `/inputs/shop`.
#[derive(Debug)]
pub struct Inputs;

impl Adapter for Inputs {
    const SOURCE: &'static str = "shop";

    fn partition(input: &Value) -> Option<String> {
        input.get("user_id")?.as_str().map(ToString::to_string)
    }

    fn map(input: Value) -> Result<Vec<NewEvent>, Rejection> {
        let input: Input = read_input(&input)?;
        let (event_type, user, time, data) = match input {
            Input::ProductAddedToCart(input) => {
                let data = json!({"product_id": input.product_id});
                (ADDED, input.user_id, input.timestamp, data)
            }
            Input::ProductRemovedFromCart(input) => {
                let data = json!({"product_id": input.product_id});
                (REMOVED, input.user_id, input.timestamp, data)
            }
            Input::OrderPlaced(input) => {
                let data = json!({"order_id": input.order_id});
                (PLACED, input.user_id, input.timestamp, data)
            }
        };
        let cart = StreamName::of("cart", &user)?;
        Ok(vec![NewEvent::new(cart, event_type, data).at(time)])
    }
}

// Projections.

/// A user's cart.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cart {
    /// How many of each product are in it.
    pub products: BTreeMap<String, u64>,
    /// The product that was added last, whether or not it is still there.
    pub last_product_added: Option<String>,
    /// The order that was placed last.
    pub last_order: Option<String>,
}

/// What is in each cart. It has no `revert`: what a removal took out and what an
/// order emptied, the row does not tell, so it is folded again.
#[derive(Debug)]
pub struct Carts;

impl SingleStreamProjection for Carts {
    type State = Cart;
    const NAME: &'static str = "carts";
    const CATEGORY: &'static str = "cart";

    fn apply(cart: &mut Cart, event: &RecordedEvent) -> Result<(), Rejection> {
        match event.event_type() {
            ADDED => {
                let Product { product_id } = event.data()?;
                *cart.products.entry(product_id.clone()).or_default() += 1;
                cart.last_product_added = Some(product_id);
            }
            REMOVED => {
                let Product { product_id } = event.data()?;
                if let Some(count) = cart.products.get_mut(&product_id) {
                    *count = count.saturating_sub(1);
                }
                cart.products.retain(|_, count| *count > 0);
            }
            PLACED => {
                let Order { order_id } = event.data()?;
                cart.products.clear();
                cart.last_order = Some(order_id);
            }
            _ => {}
        }
        Ok(())
    }
}

/// One thing that a user did.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, RFC 3339.
    pub time: String,
    /// What: the event's type.
    pub what: String,
    /// The product or order that it was about.
    pub about: Option<String>,
    /// Whether it was taken back. It happened all the same, so the log keeps it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reversed: bool,
}

/// What each user did, in order: a row an event under `<user>/<version>`, so
/// that a log may grow without end.
#[derive(Debug)]
pub struct UserLog;

impl MultiStreamProjection for UserLog {
    type Row = LogEntry;
    const NAME: &'static str = "user-log";
    const CATEGORIES: &'static [&'static str] = &["cart"];

    fn keys(event: &RecordedEvent) -> Result<Vec<String>, Rejection> {
        // Ten digits keep the order of numbers in the order of texts.
        let user = event.stream().id();
        Ok(vec![format!("{user}/{:010}", event.version)])
    }

    fn apply(_: &str, entry: &mut LogEntry, event: &RecordedEvent) -> Result<(), Rejection> {
        let about = match event.event_type() {
            ADDED | REMOVED => Some(event.data::<Product>()?.product_id),
            PLACED => Some(event.data::<Order>()?.order_id),
            _ => None,
        };
        *entry = LogEntry {
            time: event.event.time.clone(),
            what: event.event_type().to_string(),
            about,
            reversed: false,
        };
        Ok(())
    }

    fn revert(_: &str, entry: &mut LogEntry, _: &RecordedEvent) -> Result<(), Rejection> {
        entry.reversed = true;
        Ok(())
    }
}

/// How popular a product is.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Popularity {
    /// How often it was put into a cart.
    pub added: u64,
    /// How often it was taken out again.
    pub removed: u64,
}

/// How often each product was added and removed, over all carts.
#[derive(Debug)]
pub struct Products;

impl MultiStreamProjection for Products {
    type Row = Popularity;
    const NAME: &'static str = "products";
    const CATEGORIES: &'static [&'static str] = &["cart"];

    fn keys(event: &RecordedEvent) -> Result<Vec<String>, Rejection> {
        match event.event_type() {
            ADDED | REMOVED => Ok(vec![event.data::<Product>()?.product_id]),
            _ => Ok(Vec::new()),
        }
    }

    fn apply(_: &str, product: &mut Popularity, event: &RecordedEvent) -> Result<(), Rejection> {
        match event.event_type() {
            ADDED => product.added += 1,
            _ => product.removed += 1,
        }
        Ok(())
    }

    fn revert(key: &str, product: &mut Popularity, event: &RecordedEvent) -> Result<(), Rejection> {
        let count = match event.event_type() {
            ADDED => &mut product.added,
            _ => &mut product.removed,
        };
        // A wrong row stalls here, and does not wrap around in a release build.
        *count = count
            .checked_sub(1)
            .ok_or_else(|| Rejection::new(format!("product `{key}` was not counted that often")))?;
        Ok(())
    }
}

// Rules.

/// If an order was placed, then it is opened, in a stream of its own.
#[derive(Debug)]
pub struct OrdersOpen;

impl Rule for OrdersOpen {
    const NAME: &'static str = "orders-open";
    const CATEGORY: &'static str = "cart";

    fn react(event: &RecordedEvent) -> Result<Vec<NewEvent>, Rejection> {
        if event.event_type() != PLACED {
            return Ok(Vec::new());
        }
        let Order { order_id } = event.data()?;
        let order = StreamName::of("order", &order_id)?;
        // `null` where the id was too long for a name: the cart, which caused
        // this, tells such users apart.
        let data = json!({"user_id": event.stream().original_id()});
        Ok(vec![NewEvent::new(order, "order-opened", data)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::{self, Given, given, when_input};
    use std::collections::BTreeSet;

    fn shopping() -> Given {
        given([
            (ADDED, json!({"product_id": "123"})),
            (ADDED, json!({"product_id": "9"})),
            (REMOVED, json!({"product_id": "123"})),
        ])
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

    #[test]
    fn an_input_becomes_a_fact_of_the_users_cart() {
        let input = json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "123", "user_id": "456"});
        let cart = StreamName::new("cart-456").unwrap();
        let fact =
            NewEvent::new(cart, ADDED, json!({"product_id": "123"})).at("2023-04-19T09:00:00Z");
        assert_eq!(when_input::<Inputs>(input), Ok(vec![fact]));
    }

    #[test]
    fn different_users_have_different_carts_and_are_called_by_their_names() {
        let cart = |user: &str| {
            let input = json!({"type": "order-placed", "timestamp": "2023-04-19T09:00:00Z", "order_id": "7", "user_id": user});
            when_input::<Inputs>(input).unwrap().remove(0).stream
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
            let placed = testing::event(cart(user).as_str(), PLACED, &json!({"order_id": "7"}), 1);
            assert_eq!(OrdersOpen::react(&placed).unwrap()[0].data["user_id"], user);
        }
    }

    #[test]
    fn an_input_without_a_time_is_refused() {
        for time in ["yesterday", "", &*"2".repeat(2_000)] {
            let input = json!({"type": "order-placed", "timestamp": time, "order_id": "7", "user_id": "ann"});
            let refused = when_input::<Inputs>(input).unwrap_err();
            assert!(refused.reason.starts_with("`time` "), "{refused}");
        }
    }

    #[test]
    fn an_input_of_another_shape_is_refused_with_the_reason() {
        let refused = when_input::<Inputs>(json!({"type": "order-placed"})).unwrap_err();
        assert!(refused.reason.contains("timestamp"), "{refused}");
        let refused = when_input::<Inputs>(json!({"type": "order-lost"})).unwrap_err();
        assert!(refused.reason.contains("`order-placed`"), "{refused}");
        // What was sent is for nobody's log.
        assert!(!refused.reason.contains("order-lost"), "{refused}");
        let list = json!(["order-placed", "2023-04-19T09:30:00Z", "789", "456"]);
        let refused = when_input::<Inputs>(list).unwrap_err();
        assert!(refused.reason.contains("an object"), "{refused}");
    }

    #[test]
    fn a_cart_holds_what_was_added_and_not_removed() {
        shopping().then_row::<Carts>(Cart {
            products: BTreeMap::from([("9".into(), 1)]),
            last_product_added: Some("9".into()),
            last_order: None,
        });
    }

    #[test]
    fn removing_what_is_not_there_changes_nothing() {
        given([(REMOVED, json!({"product_id": "1"}))]).then_row::<Carts>(Cart::default());
    }

    #[test]
    fn an_order_empties_the_cart() {
        let ordered = shopping().and("given-1", [(PLACED, json!({"order_id": "789"}))]);
        ordered.then_row::<Carts>(Cart {
            products: BTreeMap::new(),
            last_product_added: Some("9".into()),
            last_order: Some("789".into()),
        });
    }

    #[test]
    fn a_cart_is_as_if_a_reversed_event_had_not_happened() {
        let reversed = shopping().reversed("given-1", 2);
        reversed.then_row::<Carts>(Cart {
            products: BTreeMap::new(),
            last_product_added: Some("123".into()),
            last_order: None,
        });
    }

    #[test]
    fn reversing_an_order_fills_the_cart_again() {
        let ordered = shopping().and("given-1", [(PLACED, json!({"order_id": "789"}))]);
        ordered.reversed("given-1", 4).then_row::<Carts>(Cart {
            products: BTreeMap::from([("9".into(), 1)]),
            last_product_added: Some("9".into()),
            last_order: None,
        });
    }

    #[test]
    fn reversing_the_reversal_gives_the_cart_back() {
        let restored = shopping().reversed("given-1", 2).reversed("given-1", 4);
        restored.then_row::<Carts>(Cart {
            products: BTreeMap::from([("9".into(), 1)]),
            last_product_added: Some("9".into()),
            last_order: None,
        });
    }

    #[test]
    fn an_event_without_its_product_is_refused() {
        let refused = given([(ADDED, json!({}))]).then_refused::<Carts>();
        assert!(refused.reason.contains("product_id"), "{refused}");
    }

    #[test]
    fn products_are_counted_over_all_carts() {
        shopping()
            .and("cart-2", [(ADDED, json!({"product_id": "123"}))])
            .then_rows::<Products>(&[("123", popularity(2, 1)), ("9", popularity(1, 0))]);
    }

    #[test]
    fn what_was_reversed_is_not_counted() {
        shopping()
            .and("cart-2", [(ADDED, json!({"product_id": "123"}))])
            .reversed("given-1", 1)
            .reversed("given-1", 3)
            .then_rows::<Products>(&[("123", popularity(1, 0)), ("9", popularity(1, 0))]);
    }

    #[test]
    fn reversing_the_reversal_counts_again() {
        let restored = shopping().reversed("given-1", 1).reversed("given-1", 4);
        restored.then_rows::<Products>(&[("123", popularity(1, 1)), ("9", popularity(1, 0))]);
        let again = restored.reversed("given-1", 1);
        again.then_rows::<Products>(&[("123", popularity(0, 1)), ("9", popularity(1, 0))]);
    }

    #[test]
    fn what_was_never_counted_is_not_counted_down() {
        let removed = testing::event("cart-1", REMOVED, &json!({"product_id": "123"}), 1);
        let mut product = popularity(1, 0);
        let refused = Products::revert("123", &mut product, &removed).unwrap_err();
        assert!(refused.reason.contains("`123`"), "{refused}");
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
        shopping().reversed("given-1", 2).then_rows::<UserLog>(&[
            ("1/0000000001", entry(ADDED, "123")),
            ("1/0000000002", reversed),
            ("1/0000000003", entry(REMOVED, "123")),
        ]);
    }

    #[test]
    fn reversing_the_reversal_restores_the_entry() {
        let restored = shopping().reversed("given-1", 2).reversed("given-1", 4);
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
        let order = StreamName::new("order-789").unwrap();
        given([(PLACED, json!({"order_id": "789"}))]).then_reacts::<OrdersOpen>(&[NewEvent::new(
            order,
            "order-opened",
            json!({"user_id": "1"}),
        )]);
        shopping().then_reacts::<OrdersOpen>(&[]);
    }
}
