//! Between an enum and the two parts of an event, its type and its data.
//!
//! serde reads an enum from a tag and a content. Here the tag is the event type
//! and the content is the data, so that plain `Serialize` and `Deserialize` are
//! all that an enum of events needs.

use super::category::Naming;
use crate::record::misfit::{self, Misfit};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error, IgnoredAny, IntoDeserializer,
        Unexpected, VariantAccess, Visitor, value,
    },
    forward_to_deserialize_any,
};
use serde_json::Value;
use std::cell::Cell;

/// What became of reading an event's data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decoded<E> {
    /// It is one of the enum's.
    Event(E),
    /// The enum has no such type.
    Undeclared,
    /// The data is binary.
    NotJson,
    /// The enum has the type, and the data does not fit it.
    Misfit(Misfit),
}

impl<E> Decoded<E> {
    pub(crate) fn map<T>(self, to: impl FnOnce(E) -> T) -> Decoded<T> {
        match self {
            Self::Event(event) => Decoded::Event(to(event)),
            Self::Undeclared => Decoded::Undeclared,
            Self::NotJson => Decoded::NotJson,
            Self::Misfit(misfit) => Decoded::Misfit(misfit),
        }
    }
}

/// Reads the data of an event type, given as JSON text. Commands are read
/// alike.
pub(crate) fn decode<E: DeserializeOwned>(
    naming: Naming,
    event_type: &str,
    data: &str,
) -> Decoded<E> {
    let is_undeclared = Cell::new(false);
    // serde_json reads a struct from a list as well, wherever it stands; the
    // slower reader does not.
    let first = if data.contains('[') {
        None
    } else {
        let mut content = serde_json::Deserializer::from_str(data);
        E::deserialize(Tagged::new(
            naming,
            event_type,
            &mut content,
            &is_undeclared,
        ))
        .ok()
    };
    if let Some(event) = first {
        return Decoded::Event(event);
    }
    if is_undeclared.get() {
        return Decoded::Undeclared;
    }
    let content: Value = match serde_json::from_str(data) {
        Ok(content) => content,
        Err(error) => return Decoded::Misfit(Misfit::of_syntax(&error)),
    };
    let content = misfit::node(&content);
    let read = E::deserialize(Tagged::new(naming, event_type, content, &is_undeclared));
    match read {
        Ok(event) => Decoded::Event(event),
        Err(_) if is_undeclared.get() => Decoded::Undeclared,
        Err(misfit) => Decoded::Misfit(misfit),
    }
}

/// The variant of an event, as serde names it, and its data.
pub(crate) fn encode(event: &impl Serialize) -> Result<(String, Value), serde_json::Error> {
    match serde_json::to_value(event)? {
        Value::String(variant) => Ok((variant, Value::Object(serde_json::Map::new()))),
        Value::Object(members) if members.len() == 1 => {
            let first = members.into_iter().next();
            Ok(first.expect("an object of one member has a first one"))
        }
        _ => Err(<serde_json::Error as serde::ser::Error>::custom(
            "the enum is not tagged in serde's default way",
        )),
    }
}

/// The variants of an enum, as serde names them; `None` where it is no enum.
pub(super) fn variants<E: DeserializeOwned>() -> Option<&'static [&'static str]> {
    struct Probe<'a>(&'a Cell<Option<&'static [&'static str]>>);

    impl<'de> Deserializer<'de> for Probe<'_> {
        type Error = value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, value::Error> {
            Err(value::Error::custom("no enum"))
        }

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, value::Error> {
            self.0.set(Some(variants));
            Err(value::Error::custom("its variants are known"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier
            ignored_any
        }
    }

    let variants = Cell::new(None);
    // Reading fails by design; the names are noted on the way.
    let _: Result<E, value::Error> = E::deserialize(Probe(&variants));
    variants.get()
}

/// An event type and its data, as an enum.
struct Tagged<'a, D> {
    naming: Naming,
    event_type: &'a str,
    content: D,
    is_undeclared: &'a Cell<bool>,
}

impl<'a, D> Tagged<'a, D> {
    fn new(naming: Naming, event_type: &'a str, content: D, is_undeclared: &'a Cell<bool>) -> Self {
        Self {
            naming,
            event_type,
            content,
            is_undeclared,
        }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tagged<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
        Err(D::Error::custom("the events of a category are one enum"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let mut variants = variants.iter();
        let named = variants.find(|variant| self.naming.is_name(variant, self.event_type));
        let Some(variant) = named else {
            self.is_undeclared.set(true);
            return Err(D::Error::custom("the event type is not declared"));
        };
        visitor.visit_enum(Access {
            variant,
            content: self.content,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

struct Access<D> {
    variant: &'static str,
    content: D,
}

impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Access<D> {
    type Error = D::Error;
    type Variant = Content<D>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<D>), D::Error> {
        let variant: value::StrDeserializer<'static, D::Error> = self.variant.into_deserializer();
        Ok((seed.deserialize(variant)?, Content(self.content)))
    }
}

struct Content<D>(D);

/// The data of a variant without fields: an object, whatever it holds, or
/// nothing.
struct NoFields;

impl<'de> Deserialize<'de> for NoFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = NoFields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<X>(self) -> Result<NoFields, X> {
                Ok(NoFields)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut members: A,
            ) -> Result<NoFields, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(NoFields)
            }
        }

        deserializer.deserialize_any(Members)
    }
}

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Content<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        NoFields::deserialize(self.0).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, D::Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, D::Error> {
        let expected = &"an object: the fields of an event have names";
        Err(D::Error::invalid_type(Unexpected::TupleVariant, expected))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct("", fields, visitor)
    }
}
