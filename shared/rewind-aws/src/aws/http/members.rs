//! JSON bodies: every member is known, stands once and is what is expected, and
//! what is not is named by its path.
//!
//! Serde alone takes an array where a struct is expected, member by member in
//! the order of the code, and says no path. Here a struct is an object and
//! nothing else, however deep it lies.

mod fault;
mod tree;

use fault::Fault;
use rewind::{Problem, cloudevents::not_json};
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        Visitor, value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};
use tree::Tree;

/// The field of a problem that is about all of a body.
const BODY: &str = "body";

/// Reads a JSON body. `example` shows what was expected.
///
/// # Errors
///
/// A problem that names the member by its path, such as `to[0].generation`, and
/// says what was expected. It does not repeat values.
pub fn read<T: DeserializeOwned>(body: &str, example: &str) -> Result<T, Problem> {
    if body.trim().is_empty() {
        let why = format!("there is no body; expected {example}");
        return Err(Problem::invalid(BODY, why));
    }
    let tree: Tree = serde_json::from_str(body).map_err(|error| {
        let mut problem = not_json(&error);
        problem.field = Some(BODY.into());
        problem
    })?;
    let root = Member {
        tree: &tree,
        path: String::new(),
    };
    T::deserialize(root).map_err(|fault| {
        let field = fault.field();
        let why = format!("{fault}; the body looks like {example}");
        match field.is_empty() {
            true => Problem::invalid(BODY, why),
            false => Problem::invalid(&field, why),
        }
    })
}

/// A value somewhere in a body.
struct Member<'a> {
    tree: &'a Tree,
    /// Where it stands, such as `to[0].generation`; empty for the whole.
    path: String,
}

/// The items of an array, one by one.
struct Items<'a> {
    path: &'a str,
    items: std::iter::Enumerate<std::slice::Iter<'a, Tree>>,
}

/// The members of an object, one by one.
struct Members<'a> {
    path: &'a str,
    members: std::slice::Iter<'a, (String, Tree)>,
    /// The value whose name was read.
    value: Option<Member<'a>>,
}

/// Reads a value. What is found wrong with it only after it was read, such as a
/// text that is no time, is at its place as well.
fn value<'de, S: DeserializeSeed<'de>>(seed: S, member: Member<'_>) -> Result<S::Value, Fault> {
    let path = member.path.clone();
    seed.deserialize(member).map_err(|fault| fault.at(&path))
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let next = self.items.next().map(|(nth, tree)| Member {
            tree,
            path: format!("{}[{nth}]", self.path),
        });
        next.map(|item| value(seed, item)).transpose()
    }
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some((name, tree)) = self.members.next() else {
            return Ok(None);
        };
        self.value = Some(Member {
            tree,
            path: fault::below(self.path, name),
        });
        seed.deserialize(name.as_str().into_deserializer())
            .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let member = self.value.take();
        let member = member.ok_or_else(|| Fault::custom("a value without a name"))?;
        value(seed, member)
    }
}

impl Member<'_> {
    fn items<'b>(&'b self, items: &'b [Tree]) -> Items<'b> {
        Items {
            path: &self.path,
            items: items.iter().enumerate(),
        }
    }

    fn members<'b>(&'b self, members: &'b [(String, Tree)]) -> Members<'b> {
        Members {
            path: &self.path,
            members: members.iter(),
            value: None,
        }
    }
}

impl<'de> Deserializer<'de> for Member<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let found = match self.tree {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Whole(number) => visitor.visit_u64(*number),
            Tree::Negative(number) => visitor.visit_i64(*number),
            Tree::Float(number) => visitor.visit_f64(*number),
            Tree::Text(text) => visitor.visit_str(text),
            Tree::Array(items) => visitor.visit_seq(self.items(items)),
            Tree::Object(members) => visitor.visit_map(self.members(members)),
        };
        found.map_err(|fault| fault.at(&self.path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.tree {
            Tree::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.tree {
            Tree::Object(_) => self.deserialize_any(visitor),
            other => {
                let fault = Fault::invalid_type(other.unexpected(), &"an object");
                Err(fault.at(&self.path))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let found = match self.tree {
            Tree::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            // A variant with content is an object with one member.
            Tree::Object(members) if members.len() == 1 => {
                let members = MapAccessDeserializer::new(self.members(members));
                members.deserialize_enum(name, variants, visitor)
            }
            other => {
                let known = format!("one of {}", variants.join(", "));
                Err(Fault::invalid_type(other.unexpected(), &&*known))
            }
        };
        found.map_err(|fault| fault.at(&self.path))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests;
