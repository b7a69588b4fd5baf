//! JSON as it comes from outside: sound in every object, or a problem.

use crate::{Problem, problem::WHOLE};
use serde::de::{
    Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Value, value::RawValue};
use std::{collections::BTreeSet, fmt};

/// JSON text, checked for syntax, for nesting that readers can follow, and for
/// members that stand twice.
///
/// # Errors
///
/// A [`Problem`] that says where the text stops being JSON.
pub fn json(text: &str) -> Result<Box<RawValue>, Problem> {
    sound(text)?;
    serde_json::from_str(text).map_err(|error| not_json(&error))
}

/// How deep the JSON of an event's data may be nested. Common readers of JSON
/// stop at 128 levels, and an answer that shows the event adds some.
pub(crate) const MAX_DEPTH: usize = 120;

/// See [`json`].
pub(super) fn sound(text: &str) -> Result<(), Problem> {
    let sound: Result<Sound, _> = serde_json::from_str(text);
    sound.map_err(|error| not_json(&error))?;
    match depth(text) {
        ..=MAX_DEPTH => Ok(()),
        _ => Err(too_deep()),
    }
}

/// How deep a JSON text is nested.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn too_deep() -> Problem {
    let why = format!("JSON nested more than {MAX_DEPTH} levels deep is not accepted");
    Problem::new(422, "too-deeply-nested", why).of(WHOLE)
}

/// The problem of a text that is not JSON. It quotes nothing of the text.
pub fn not_json(error: &serde_json::Error) -> Problem {
    let place = format!("line {} column {}", error.line(), error.column());
    if error.to_string().starts_with("recursion limit") {
        return too_deep();
    }
    if error.is_data() {
        // `Sound` has no other: all else that is JSON fits it.
        let why = format!("an object has a member twice, at {place}");
        return Problem::new(422, "duplicate-member", why).of(WHOLE);
    }
    Problem::new(400, "not-json", format!("the text is not JSON: {error}")).of(WHOLE)
}

/// The value of an attribute.
pub(super) fn parsed(name: &str, text: &RawValue) -> Result<Value, Problem> {
    sound(text.get()).map_err(|problem| problem.of(name))?;
    serde_json::from_str(text.get()).map_err(|error| not_json(&error).of(name))
}

/// The members of an event, each as its text.
pub(super) fn members(text: &str) -> Result<Vec<(String, Box<RawValue>)>, Problem> {
    if !text.trim_start().starts_with('{') {
        let _: IgnoredAny = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        let why = "an event is a JSON object with CloudEvents 1.0 attributes";
        return Err(Problem::invalid(WHOLE, why));
    }
    let Members(members) = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let mut names = BTreeSet::new();
    match members.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(Problem::invalid(name, "stands twice")),
        None => Ok(members),
    }
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// JSON of which every object has each member once. serde_json bounds the
/// nesting: 128 levels.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Sound;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Sound, E> {
                Ok(Sound)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
                Ok(Sound)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
                Ok(Sound)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
                Ok(Sound)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
                Ok(Sound)
            }

            fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
                Ok(Sound)
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Sound, S::Error> {
                while let Some(Sound) = seq.next_element()? {}
                Ok(Sound)
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Sound, M::Error> {
                let mut names = BTreeSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name) {
                        return Err(M::Error::invalid_value(Unexpected::Map, &self));
                    }
                    let Sound = map.next_value()?;
                }
                Ok(Sound)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
