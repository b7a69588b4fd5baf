//! A reader of JSON values whose errors are [`Misfit`]s, and to which a list is
//! no struct.

use super::fault::{Misfit, Segment};
use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Value, map};
use std::{iter::Enumerate, slice};

/// Under which name serde_json's `RawValue` asks for its text.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Reads a value as a type.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    T::deserialize(Node(value))
}

/// A value as a deserializer.
pub(super) fn node(value: &Value) -> impl Deserializer<'_, Error = Misfit> {
    Node(value)
}

/// What is wrong with a value that should be an object.
pub(super) fn not_an_object(value: &Value) -> Misfit {
    let found = match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(truth) => Unexpected::Bool(*truth),
        Value::Number(number) if number.is_f64() => Unexpected::Float(f64::NAN),
        Value::Number(_) => Unexpected::Signed(0),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    Misfit::invalid_type(found, &"an object")
}

#[derive(Clone, Copy)]
struct Node<'a>(&'a Value);

impl<'de> Node<'de> {
    fn list<V: Visitor<'de>>(items: &'de [Value], visitor: V) -> Result<V::Value, Misfit> {
        let mut list = List(items.iter().enumerate());
        let read = visitor.visit_seq(&mut list)?;
        match list.0.len() {
            0 => Ok(read),
            _ => Err(Misfit::invalid_length(items.len(), &"fewer elements")),
        }
    }

    fn object<V: Visitor<'de>>(
        members: &'de map::Map<String, Value>,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let mut object = Object::new(members, fields);
        let read = visitor.visit_map(&mut object)?;
        match object.members.len() {
            0 => Ok(read),
            _ => Err(Misfit::invalid_length(members.len(), &"fewer members")),
        }
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => Self::list(items, visitor),
            Value::Object(members) => Self::object(members, &[], visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name == RAW_VALUE {
            let raw = self.0.deserialize_newtype_struct(name, visitor);
            return raw.map_err(|_| Misfit::new("expected JSON"));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Object(members) => Self::object(members, fields, visitor),
            Value::Array(_) => Err(Misfit::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            Value::Object(members) if members.len() == 1 => {
                let object = Object::new(members, variants);
                visitor.visit_enum(MapAccessDeserializer::new(object))
            }
            Value::Object(_) => Err(Misfit::invalid_value(
                Unexpected::Map,
                &"an object with one member",
            )),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Misfit> for Node<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

struct List<'a>(Enumerate<slice::Iter<'a, Value>>);

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let Some((place, item)) = self.0.next() else {
            return Ok(None);
        };
        let read = seed.deserialize(Node(item));
        read.map(Some)
            .map_err(|misfit| misfit.below(Segment::Place(place)))
    }
}

struct Object<'a> {
    members: map::Iter<'a>,
    /// Those that the type declares.
    fields: &'static [&'static str],
    /// The member whose key was read last.
    at: Option<(Segment, &'a Value)>,
}

impl<'a> Object<'a> {
    fn new(members: &'a map::Map<String, Value>, fields: &'static [&'static str]) -> Self {
        Self {
            members: members.iter(),
            fields,
            at: None,
        }
    }
}

impl<'de> MapAccess<'de> for Object<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.members.next() else {
            return Ok(None);
        };
        let declared = self.fields.iter().find(|field| *field == key);
        let segment = declared.map_or(Segment::Key, |field| Segment::Field(field));
        self.at = Some((segment, value));
        let read = seed.deserialize(Key(key));
        read.map(Some).map_err(|misfit| misfit.below(Segment::Key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some((segment, value)) = self.at.take() else {
            return Err(Misfit::custom("no key was read"));
        };
        let read = seed.deserialize(Node(value));
        read.map_err(|misfit| misfit.below(segment))
    }
}

/// A key: a text, and a number or a truth where the type wants one.
struct Key<'a>(&'a str);

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.0.parse() {
                Ok(read) => visitor.$visit(read),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_borrowed_str(self.0)
    }

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16
        deserialize_i32 visit_i32 deserialize_i64 visit_i64 deserialize_i128 visit_i128
        deserialize_u8 visit_u8 deserialize_u16 visit_u16
        deserialize_u32 visit_u32 deserialize_u64 visit_u64 deserialize_u128 visit_u128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
