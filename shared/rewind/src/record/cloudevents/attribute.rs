//! Attributes: CloudEvents' types, to the letter.

use crate::{
    Problem,
    problem::WHOLE,
    reserved::{CAUSATION_DEPTH, IMPORTED, SCHEMA_VERSION},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest `id`, `source`, `type`, `dataschema` and other text attribute
/// that the specification names, in bytes.
pub const MAX_ATTRIBUTE: usize = 1024;

/// The most that the attributes beyond the required ones may take, in bytes.
pub const MAX_EXTENSIONS: usize = 8 * 1024;

/// Attributes that Rewind writes itself, beyond those that the specification
/// names.
pub const RESERVED: &[&str] = &["version", "position", CAUSATION_DEPTH, IMPORTED];

/// A text attribute; one that is there is filled and has no character that
/// CloudEvents forbids.
pub(super) fn text(
    attributes: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<String>, Problem> {
    match attributes.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => {
            Err(Problem::invalid(name, "is empty; leave it out or fill it"))
        }
        Some(Value::String(text)) if text.len() > MAX_ATTRIBUTE => Err(Problem::invalid(
            name,
            format!("is longer than {MAX_ATTRIBUTE} bytes"),
        )),
        Some(Value::String(text)) => {
            plain(name, &text)?;
            Ok(Some(text))
        }
        Some(_) => Err(Problem::invalid(name, "expected a text")),
    }
}

/// See [`text`].
pub(super) fn required(
    attributes: &mut Map<String, Value>,
    name: &str,
    expected: &str,
) -> Result<String, Problem> {
    text(attributes, name)?
        .ok_or_else(|| Problem::invalid(name, format!("is missing; expected {expected}")))
}

/// A text of CloudEvents' type String: without control characters and
/// noncharacters. Surrogates are in no Rust text.
fn plain(name: &str, text: &str) -> Result<(), Problem> {
    let is_forbidden = |c: char| {
        let code = u32::from(c);
        c.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
    };
    match text.chars().find(|c| is_forbidden(*c)) {
        None => Ok(()),
        Some(c) => {
            let code = u32::from(c);
            let why =
                format!("has U+{code:04X}: control characters and noncharacters are not accepted");
            Err(Problem::invalid(name, why))
        }
    }
}

/// A URI reference by RFC 3986: its characters, its percent-encoding, one
/// fragment, and a scheme where there is a `:` in the first segment.
pub(super) fn uri_reference(name: &str, text: &str) -> Result<(), Problem> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    if let Some(stranger) = text.chars().find(|c| !is_allowed(*c)) {
        let why = format!("has {stranger:?}: a URI reference (RFC 3986) has it percent-encoded");
        return Err(Problem::invalid(name, why));
    }
    let is_encoded = text.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !is_encoded {
        let why = "has a `%` without two hexadecimal digits behind it";
        return Err(Problem::invalid(name, why));
    }
    if text.matches('#').count() > 1 {
        return Err(Problem::invalid(name, "has more than one `#`"));
    }
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    if first.contains(':') && !has_scheme(text) {
        let why = "has a `:` in its first segment, and no scheme such as `https` in front of it";
        return Err(Problem::invalid(name, why));
    }
    Ok(())
}

/// An absolute URI.
pub(super) fn uri(name: &str, text: &str) -> Result<(), Problem> {
    uri_reference(name, text)?;
    if has_scheme(text) {
        return Ok(());
    }
    let why = "expected a URI with its scheme, such as https://example.com/vote.json";
    Err(Problem::invalid(name, why))
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    let mut scheme = scheme.chars();
    scheme.next().is_some_and(|c| c.is_ascii_alphabetic())
        && scheme.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A media type by RFC 2046: `type/subtype`, and parameters.
pub(super) fn media_type(name: &str, text: &str) -> Result<(), Problem> {
    let is_token = |token: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !token.is_empty() && token.chars().all(allowed)
    };
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_type = essence.trim().split_once('/');
    let is_type = is_type.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let is_readable = parameters.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if is_type && is_readable {
        return Ok(());
    }
    let why = "expected a media type (RFC 2046), such as application/json or image/png";
    Err(Problem::invalid(name, why))
}

/// Whether a media type, with or without parameters, is JSON.
pub fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim();
    let media = media.to_ascii_lowercase();
    media.ends_with("/json") || media.ends_with("+json")
}

/// A schema version as upcasters read it: another one would stall all who read
/// the stream.
pub(super) fn schema_version(value: &Value) -> Result<(), Problem> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    match number {
        Some(1..) => Ok(()),
        _ => Err(Problem::invalid(
            SCHEMA_VERSION,
            "expected a whole number from 1 on",
        )),
    }
}

/// What CloudEvents allows as the name of an attribute, and of its types: a
/// text, a boolean, or a whole number of 32 bits.
pub(super) fn extensions(
    attributes: Map<String, Value>,
) -> Result<BTreeMap<String, Value>, Problem> {
    let mut size = 0;
    for (name, value) in &attributes {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(Problem::invalid(
                name,
                "an extension attribute is named with a-z and 0-9 only",
            ));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(Problem::invalid(
                name,
                "is given at recording: leave it out",
            ));
        }
        if name == "data" {
            return Err(Problem::invalid(
                name,
                "is no attribute: send it as the body",
            ));
        }
        match value {
            Value::Bool(_) => {}
            Value::String(text) => plain(name, text)?,
            Value::Number(number) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {}
            _ => {
                return Err(Problem::invalid(
                    name,
                    "an extension attribute is a text, a boolean or a whole number of 32 bits",
                ));
            }
        }
        size += name.len() + value.to_string().len();
    }
    if size > MAX_EXTENSIONS {
        let limit = format!(
            "extension attributes take {size} bytes; at most {MAX_EXTENSIONS} are accepted"
        );
        return Err(Problem::new(413, "attributes-too-large", limit).of(WHOLE));
    }
    Ok(attributes.into_iter().collect())
}
