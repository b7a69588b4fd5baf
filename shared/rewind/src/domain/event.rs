//! Events as a team writes them: one enum for each category.

mod codec;
mod schema;

use crate::{CloudEvent, RecordedEvent, Rejection, StreamName};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) use codec::{Decoded, decode};

/// The events of one category: an enum that derives serde's traits and
/// [`JsonSchema`].
///
/// A variant is an event type, named by [`NAMING`](Self::NAMING): `OrderPlaced`
/// is `order-placed`. serde's `rename` on a variant gives another name. The
/// fields of a variant are the event's data, a JSON object; a variant without
/// fields has the data `{}`; a variant over one type has that type as its data.
///
/// ```
/// use rewind::{Event};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// enum CartEvent {
///     ProductAdded { product_id: String },
///     OrderPlaced { order_id: String },
/// }
///
/// impl Event for CartEvent {
///     const CATEGORY: &'static str = "cart";
/// }
///
/// assert_eq!(rewind::event_types::<CartEvent>(), ["product-added", "order-placed"]);
/// ```
pub trait Event: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// The category: what stands before the `-` in the names of its streams.
    const CATEGORY: &'static str;

    /// The schema version of each type whose version is not 1.
    const VERSIONS: &'static [(&'static str, u32)] = &[];

    /// How variants name event types.
    const NAMING: Naming = Naming::KebabCase;

    /// Whether the door takes types that the enum does not have. Readers pass
    /// over them.
    const OPEN: bool = false;
}

/// How the variants of an enum name event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `OrderPlaced` is `order-placed`. A name that does not begin with a
    /// capital letter, such as one that serde's `rename` gives, stays.
    KebabCase,
    /// The name stays as serde has it.
    AsWritten,
}

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
            None => decode::<E>(&event.event_type, event.data.get()),
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

/// An event as the domain reads it: its data, decoded, with its attributes and
/// its place.
#[derive(Debug)]
pub struct Envelope<'a, E> {
    /// What happened.
    pub data: E,
    /// The version in its stream: 1, 2, 3 …
    pub version: u64,
    /// The position in its category.
    pub position: u64,
    event: &'a CloudEvent,
}

impl<'a, E> Envelope<'a, E> {
    /// The envelope of `data` that was read from a recorded event.
    pub(crate) fn new(event: &'a RecordedEvent, data: E) -> Self {
        Self {
            data,
            version: event.version,
            position: event.position,
            event: &event.event,
        }
    }

    /// The event's id. With the source, it is the event's identity.
    pub fn id(&self) -> &'a str {
        &self.event.id
    }

    /// Where the event came from.
    pub fn source(&self) -> &'a str {
        &self.event.source
    }

    /// The event type, such as `order-placed`.
    pub fn event_type(&self) -> &'a str {
        &self.event.event_type
    }

    /// When it happened, RFC 3339.
    pub fn time(&self) -> &'a str {
        &self.event.time
    }

    /// The stream.
    pub fn stream(&self) -> &'a StreamName {
        &self.event.stream
    }

    /// What the event belongs to, across streams: the attribute `correlationid`,
    /// or the event's own id where it has none.
    pub fn correlation_id(&self) -> &'a str {
        self.extension("correlationid").unwrap_or(&self.event.id)
    }

    /// A text attribute beyond the required ones.
    pub fn extension(&self, name: &str) -> Option<&'a str> {
        self.event.extension(name)
    }

    /// All attributes beyond the required ones.
    pub fn extensions(&self) -> &'a BTreeMap<String, Value> {
        &self.event.extensions
    }
}

/// What an enum says about its category, its types taken away.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The category.
    pub category: &'static str,
    /// Whether types that are not declared are taken at the door.
    pub is_open: bool,
    /// The schema version of each type.
    pub types: BTreeMap<String, u32>,
    /// The Rust type, to tell two enums of one category apart.
    pub(crate) rust_type: &'static str,
    pub(crate) check: fn(&str, &str) -> Decoded<()>,
    schemas: fn() -> BTreeMap<String, Value>,
}

impl Declaration {
    /// What an enum declares.
    ///
    /// # Panics
    ///
    /// When the type is no enum, or names a version of a type that it does not
    /// have: at start-up, in the first test.
    pub fn of<E: Event>() -> Self {
        let rust_type = std::any::type_name::<E>();
        let names = event_types::<E>();
        let mut types: BTreeMap<String, u32> = names.into_iter().map(|name| (name, 1)).collect();
        for (name, version) in E::VERSIONS {
            let known = types.get_mut(*name);
            *known.unwrap_or_else(|| panic!("{rust_type} has no event type `{name}`")) = *version;
        }
        Self {
            category: E::CATEGORY,
            is_open: E::OPEN,
            types,
            rust_type,
            check: |event_type, data| decode::<E>(event_type, data).map(drop),
            schemas: schema::of::<E>,
        }
    }

    /// The JSON Schema of the data of each type.
    pub fn schemas(&self) -> BTreeMap<String, Value> {
        (self.schemas)()
    }
}

/// The event types of a category, in the order of the enum.
///
/// # Panics
///
/// When `E` is no enum.
pub fn event_types<E: Event>() -> Vec<String> {
    let variants = codec::variants::<E>();
    let variants = variants.unwrap_or_else(|| {
        let name = std::any::type_name::<E>();
        panic!("{name} is no enum; the events of a category are one enum, a variant for each type")
    });
    let variants = variants.iter();
    variants.map(|variant| E::NAMING.name(variant)).collect()
}

/// The type, schema version and data of an event.
///
/// # Errors
///
/// A rejection where the event has no JSON.
pub(crate) fn encode<E: Event>(event: &E) -> Result<(String, u32, Value), Rejection> {
    let (variant, data) = codec::encode(event)
        .map_err(|error| Rejection::new(format!("the event has no JSON: {error}")))?;
    let event_type = E::NAMING.name(&variant);
    let versions = E::VERSIONS.iter();
    let mut versions = versions.filter(|(name, _)| *name == event_type);
    let version = versions.next().map_or(1, |(_, version)| *version);
    Ok((event_type, version, data))
}

impl Naming {
    fn is_written(self, name: &str) -> bool {
        self == Self::AsWritten || !name.starts_with(|c: char| c.is_ascii_uppercase())
    }

    /// The event type that a variant names.
    pub(crate) fn name(self, variant: &str) -> String {
        let mut name = String::with_capacity(variant.len() + 4);
        for (at, c) in variant.char_indices() {
            if self.is_written(variant) || !c.is_ascii_uppercase() {
                name.push(c);
                continue;
            }
            if at > 0 {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    /// Whether a variant names this event type, without building the name.
    pub(crate) fn is_name(self, variant: &str, event_type: &str) -> bool {
        if self.is_written(variant) {
            return variant == event_type;
        }
        let mut left = event_type.chars();
        for (at, c) in variant.char_indices() {
            let is_upper = c.is_ascii_uppercase();
            if is_upper && at > 0 && left.next() != Some('-') {
                return false;
            }
            if left.next() != Some(c.to_ascii_lowercase()) {
                return false;
            }
        }
        left.next().is_none()
    }
}

#[cfg(test)]
mod tests;
