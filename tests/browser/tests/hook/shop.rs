//! A shop twice: with a fold that forgets what is taken out of a cart, and mended.

use rewind::{Envelope, Event, Rejection, Service, SingleStreamProjection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The shop of today.
pub fn broken() -> Service {
    Service::new().single_stream::<Carts<false>>()
}

/// The shop with the fold mended.
pub fn mended() -> Service {
    Service::new().single_stream::<Carts<true>>()
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum CartEvent {
    ProductAddedToCart { product: String },
    ProductRemovedFromCart { product: String },
    OrderPlaced { order: String },
}

impl Event for CartEvent {
    const CATEGORY: &'static str = "cart";
}

#[derive(Default, Serialize, Deserialize)]
struct Cart {
    products: BTreeMap<String, u32>,
    orders: Vec<String>,
}

struct Carts<const MENDED: bool>;

impl<const MENDED: bool> SingleStreamProjection for Carts<MENDED> {
    type Event = CartEvent;
    type Row = Cart;
    const NAME: &'static str = "carts";
    const VERSION: u32 = if MENDED { 2 } else { 1 };

    fn apply(cart: &mut Cart, event: &Envelope<CartEvent>) -> Result<(), Rejection> {
        match &event.data {
            CartEvent::ProductAddedToCart { product } => {
                *cart.products.entry(product.clone()).or_default() += 1;
            }
            CartEvent::ProductRemovedFromCart { product } if MENDED => {
                if let Some(count) = cart.products.get_mut(product) {
                    *count = count.saturating_sub(1);
                }
                cart.products.retain(|_, count| *count > 0);
            }
            // What somebody has forgotten to write.
            CartEvent::ProductRemovedFromCart { .. } => {}
            CartEvent::OrderPlaced { order } => cart.orders.push(order.clone()),
        }
        Ok(())
    }
}
