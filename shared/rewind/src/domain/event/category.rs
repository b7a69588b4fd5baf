//! The trait that a team's enum of events implements.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

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
