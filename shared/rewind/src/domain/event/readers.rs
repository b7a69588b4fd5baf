//! Readers of one category, or of several.

use super::{
    category::Event,
    codec::{Decoded, decode},
    declaration::{Declaration, event_types},
};
use crate::{CloudEvent, Rejection};

/// What a reader takes: the events of one category, which every [`Event`] is,
/// or those of several categories, which [`events!`](crate::events) makes.
pub trait Events: Sized + 'static {
    /// The categories.
    const CATEGORIES: &'static [&'static str];

    /// Reads an event; `None` where its type is not declared.
    ///
    /// # Errors
    ///
    /// A rejection where the type is declared and the data does not fit.
    fn read(event: &CloudEvent) -> Result<Option<Self>, Rejection>;

    /// What the service has to know about the categories.
    fn declarations() -> Vec<Declaration>;
}

impl<E: Event> Events for E {
    const CATEGORIES: &'static [&'static str] = &[E::CATEGORY];

    fn read(event: &CloudEvent) -> Result<Option<Self>, Rejection> {
        if event.stream.category() != E::CATEGORY {
            return Ok(None);
        }
        let read = || match event.data_base64() {
            None => decode::<E>(E::NAMING, &event.event_type, event.data.get()),
            Some(_) if event_types::<E>().contains(&event.event_type) => Decoded::NotJson,
            Some(_) => Decoded::Undeclared,
        };
        let why = match read() {
            Decoded::Event(read) => return Ok(Some(read)),
            Decoded::Undeclared => return Ok(None),
            Decoded::NotJson => "data_base64: expected JSON, the data is binary".to_string(),
            Decoded::Misfit(misfit) => format!("{}: {}", misfit.path("data"), misfit.what()),
        };
        Err(Rejection::new(format!("`{}`: {why}", event.event_type)))
    }

    fn declarations() -> Vec<Declaration> {
        vec![Declaration::of::<E>()]
    }
}

/// An enum over the events of several categories, for a reader of all of them.
///
/// ```
/// # use rewind::{Event};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum CartEvent { OrderPlaced {} }
/// # impl Event for CartEvent { const CATEGORY: &'static str = "cart"; }
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum OrderEvent { OrderOpened {} }
/// # impl Event for OrderEvent { const CATEGORY: &'static str = "order"; }
/// rewind::events! {
///     /// What a shop does.
///     enum ShopEvent {
///         /// Of a cart.
///         Cart(CartEvent),
///         /// Of an order.
///         Order(OrderEvent),
///     }
/// }
/// ```
#[macro_export]
macro_rules! events {
    ($(#[$about:meta])* $visible:vis enum $name:ident { $($(#[$note:meta])* $variant:ident($event:ty)),+ $(,)? }) => {
        $(#[$about])*
        $visible enum $name { $($(#[$note])* $variant($event)),+ }

        impl $crate::Events for $name {
            const CATEGORIES: &'static [&'static str] = &[$(<$event as $crate::Event>::CATEGORY),+];

            fn read(event: &$crate::CloudEvent) -> Result<Option<Self>, $crate::Rejection> {
                $(if event.stream.category() == <$event as $crate::Event>::CATEGORY {
                    return Ok(<$event as $crate::Events>::read(event)?.map(Self::$variant));
                })+
                Ok(None)
            }

            fn declarations() -> Vec<$crate::Declaration> {
                vec![$($crate::Declaration::of::<$event>()),+]
            }
        }

        $(impl $crate::Holds<$event> for $name {})+
    };
}

/// That a reader's events include those of the category of `E`: what the testing
/// kit checks when it compiles.
pub trait Holds<E: Event>: Events {}

impl<E: Event> Holds<E> for E {}
