//! Readers of several categories: an enum of enums, made by `events!`.

use rewind::{
    Change, Envelope, Event, Events, MultiStreamProjection, NewEvent, Rejection, Rule, Service,
    SingleStreamProjection, Upcaster,
    testing::{self, history},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
enum CartEvent {
    OrderPlaced { user: String },
    Emptied { user: String },
}

impl Event for CartEvent {
    const CATEGORY: &'static str = "cart";
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
enum ParcelEvent {
    Sent { user: String },
    // Of the same name as one of the cart's: the category tells them apart.
    Emptied { user: String, weight: u64 },
}

impl Event for ParcelEvent {
    const CATEGORY: &'static str = "parcel";
    const VERSIONS: &'static [(&'static str, u32)] = &[("sent", 2)];
}

rewind::events! {
    /// What a shop does for its users.
    #[derive(Debug, PartialEq)]
    enum ShopEvent {
        Cart(CartEvent),
        Parcel(ParcelEvent),
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct User {
    orders: i64,
    parcels: i64,
    weight: i64,
}

/// What each user ordered and got.
struct Users;

impl Users {
    fn count(user: &mut User, event: &ShopEvent, by: i64) {
        match event {
            ShopEvent::Cart(CartEvent::OrderPlaced { .. }) => user.orders += by,
            ShopEvent::Cart(CartEvent::Emptied { .. }) => {}
            ShopEvent::Parcel(ParcelEvent::Sent { .. }) => user.parcels += by,
            ShopEvent::Parcel(ParcelEvent::Emptied { weight, .. }) => {
                user.weight += by * *weight as i64;
            }
        }
    }
}

impl MultiStreamProjection for Users {
    type Event = ShopEvent;
    type Row = User;
    const NAME: &'static str = "users";

    fn keys(event: &Envelope<ShopEvent>) -> Result<Vec<String>, Rejection> {
        let user = match &event.data {
            ShopEvent::Cart(CartEvent::OrderPlaced { user } | CartEvent::Emptied { user })
            | ShopEvent::Parcel(ParcelEvent::Sent { user } | ParcelEvent::Emptied { user, .. }) => {
                user
            }
        };
        Ok(vec![user.clone()])
    }

    fn apply(_: &str, user: &mut User, event: &Envelope<ShopEvent>) -> Result<(), Rejection> {
        Self::count(user, &event.data, 1);
        Ok(())
    }

    fn revert(_: &str, user: &mut User, event: &Envelope<ShopEvent>) -> Result<(), Rejection> {
        Self::count(user, &event.data, -1);
        Ok(())
    }
}

/// What was ordered is sent; what was sent empties the cart.
struct Sends;

impl Rule for Sends {
    type Event = ShopEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "sends";

    fn react(event: &Envelope<ShopEvent>) -> Result<Vec<NewEvent>, Rejection> {
        let id = event.stream().id();
        Ok(match &event.data {
            ShopEvent::Cart(CartEvent::OrderPlaced { user }) => {
                let user = user.clone();
                vec![NewEvent::new(id, &ParcelEvent::Sent { user })?]
            }
            ShopEvent::Parcel(ParcelEvent::Sent { user }) => {
                let user = user.clone();
                vec![NewEvent::new(id, &CartEvent::Emptied { user })?]
            }
            ShopEvent::Cart(CartEvent::Emptied { .. })
            | ShopEvent::Parcel(ParcelEvent::Emptied { .. }) => Vec::new(),
        })
    }
}

fn ann() -> String {
    "ann".into()
}

fn ordered() -> CartEvent {
    CartEvent::OrderPlaced { user: ann() }
}

fn sent() -> ParcelEvent {
    ParcelEvent::Sent { user: ann() }
}

fn unpacked() -> ParcelEvent {
    let (user, weight) = (ann(), 3);
    ParcelEvent::Emptied { user, weight }
}

#[test]
fn a_projection_over_two_categories_folds_both() {
    let shop = history::<ShopEvent>()
        .and("1", [ordered(), ordered()])
        .and("1", [sent(), unpacked()])
        .and("2", [ordered()]);
    let row = |orders, parcels, weight| User {
        orders,
        parcels,
        weight,
    };
    shop.then_rows::<Users>(&[("ann", row(3, 1, 3))]);
    let reversed = shop.clone().reversed("parcel-1", 2).reversed("cart-1", 1);
    reversed.then_rows::<Users>(&[("ann", row(2, 1, 0))]);
    let restored = reversed.reversed("parcel-1", 3);
    restored.then_rows::<Users>(&[("ann", row(2, 1, 3))]);
    let strange = shop.stored("parcel-1", "lost", 1, json!({"user": "ann"}));
    strange.then_rows::<Users>(&[("ann", row(3, 1, 3))]);
}

#[test]
fn a_rule_over_two_categories_watches_both() {
    let placed = history::<ShopEvent>().and("1", [ordered()]);
    placed.then_emits::<Sends>(&[NewEvent::new("1", &sent()).unwrap()]);
    let emptied = CartEvent::Emptied { user: ann() };
    let was_sent = placed.and("1", [sent()]);
    was_sent.then_emits::<Sends>(&[NewEvent::new("1", &emptied).unwrap()]);
    was_sent.and("1", [emptied]).then_emits::<Sends>(&[]);
}

#[test]
fn both_categories_are_declared_and_read() {
    for service in [
        Service::new().multi_stream::<Users>(),
        Service::new().rule::<Sends>(),
    ] {
        let categories: Vec<&str> = service.categories().into_iter().collect();
        assert_eq!(categories, ["cart", "parcel"]);
        let declared: Vec<&str> = service.declared().iter().map(|d| d.category).collect();
        assert_eq!(declared, ["cart", "parcel"]);
        let wrong = testing::event("parcel-1", "emptied", &json!({"user": "ann"}), 1);
        let problem = service.check(&wrong.event).unwrap_err();
        assert_eq!(problem.detail, "missing field `weight`");
        let right = testing::event("cart-1", "emptied", &json!({"user": "ann"}), 1);
        assert_eq!(service.check(&right.event), Ok(()));
    }
    let service = Service::new().multi_stream::<Users>().rule::<Sends>();
    assert!(service.projections()[0].reads("parcel") && service.reactions()[0].reads("cart"));
    assert!(!service.reactions()[0].reads("poll"));
}

#[test]
fn an_event_of_a_third_category_is_not_read() {
    let elsewhere = testing::event("poll-1", "order-placed", &json!({"user": "ann"}), 1);
    assert_eq!(ShopEvent::read(&elsewhere.event), Ok(None));
}

#[test]
fn what_does_not_fit_stalls_the_reader_of_both() {
    let service = Service::new().multi_stream::<Users>().rule::<Sends>();
    let damaged = testing::event("parcel-1", "sent", &json!({"user": 7}), 1);
    let why = "`sent`: data.user: expected a string, found a whole number";
    let refused = [
        service.projections()[0].keys(&damaged).unwrap_err(),
        service.reactions()[0].react(&damaged).unwrap_err(),
    ];
    assert_eq!(refused.map(|rejection| rejection.reason), [why, why]);
    let folded = service.projections()[0].fold("ann", None, &[Change::Apply(&damaged)]);
    assert_eq!((folded.row, folded.applied), (None, 0));
}

/// Another enum of the category `cart`.
#[derive(Serialize, Deserialize, JsonSchema)]
enum OtherCartEvent {
    OrderPlaced {},
}

impl Event for OtherCartEvent {
    const CATEGORY: &'static str = "cart";
}

struct Orders;
impl SingleStreamProjection for Orders {
    type Event = OtherCartEvent;
    type Row = u64;
    const NAME: &'static str = "orders";
    fn apply(orders: &mut u64, _: &Envelope<OtherCartEvent>) -> Result<(), Rejection> {
        *orders += 1;
        Ok(())
    }
}

#[test]
#[should_panic(expected = "the category `cart` has two enums")]
fn two_readers_with_two_enums_of_one_category_are_not_registered() {
    let _ = Service::new()
        .multi_stream::<Users>()
        .single_stream::<Orders>();
}

/// A user was a number in version 1 of `sent`.
struct UsersHaveNames;
impl Upcaster for UsersHaveNames {
    const TYPE: &'static str = "sent";
    const FROM: u32 = 1;
    fn lift(mut data: Value) -> Result<Value, Rejection> {
        data["user"] = format!("user-{}", data["user"]).into();
        Ok(data)
    }
}

#[test]
fn an_old_shape_is_lifted_for_each_reader() {
    let old = history::<ShopEvent>()
        .and("1", [ordered()])
        .stored("parcel-1", "sent", 1, json!({"user": 7}))
        .upcasting::<UsersHaveNames>();
    let user_7 = User {
        parcels: 1,
        ..User::default()
    };
    let ann = User {
        orders: 1,
        ..User::default()
    };
    old.then_rows::<Users>(&[("ann", ann), ("user-7", user_7)]);
    let user = "user-7".into();
    let emptied = NewEvent::new("1", &CartEvent::Emptied { user });
    old.then_emits::<Sends>(&[emptied.unwrap()]);
}
