//! What a request says: its headers as text, its body as bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use rewind::{Problem, cloudevents, problem::WHOLE};
use rewind_aws::aws::http::Request;

/// The header that gives events without an id one that a retry finds again.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The longest `Idempotency-Key`: with an event's place behind it, it is an id.
pub const MAX_KEY: usize = 1_000;

/// A header, which is filled ASCII text where it is there: what cannot be read
/// must not pass as if it had not been sent.
pub fn header<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = request.headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::invalid(name, "the header stands twice"));
    }
    match value.to_str() {
        Ok(text) if text.trim().is_empty() => Err(Problem::invalid(
            name,
            "the header is empty; leave it out or fill it",
        )),
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Problem::invalid(
            name,
            "the header has characters beyond ASCII",
        )),
    }
}

/// The `Idempotency-Key`. API Gateway joins headers that stand twice with a
/// comma, so that a key has none.
pub fn key(request: &Request) -> Result<Option<&str>, Problem> {
    let key = header(request, IDEMPOTENCY_KEY)?;
    match key {
        Some(key) if key.len() > MAX_KEY || key.contains(|c: char| c.is_control() || c == ',') => {
            let why = format!(
                "expected one key of 1 to {MAX_KEY} characters of printable ASCII, no comma"
            );
            Err(Problem::invalid(IDEMPOTENCY_KEY, why))
        }
        key => Ok(key),
    }
}

/// The body.
pub fn body(request: &Request) -> Result<Vec<u8>, Problem> {
    let text = request.body.as_deref().unwrap_or_default();
    if !request.is_base64_encoded {
        return Ok(text.as_bytes().to_vec());
    }
    let damaged = |_| Problem::new(400, "not-base64", "the body is not base64").of(WHOLE);
    STANDARD.decode(text).map_err(damaged)
}

/// The body as text.
pub fn body_text(request: &Request) -> Result<String, Problem> {
    let not_text = |_| Problem::new(400, "not-utf8", cloudevents::NOT_UTF8).of(WHOLE);
    String::from_utf8(body(request)?).map_err(not_text)
}

/// The `ce-` headers, without `ce-`, decoded as CloudEvents' HTTP binding wants
/// it: out of double quotes first, then out of percent-encoding.
pub fn attributes(request: &Request) -> Result<Vec<(String, String)>, Problem> {
    let names = request.headers.keys();
    let attributes = names.filter_map(|name| {
        let attribute = name.as_str().strip_prefix("ce-")?;
        Some(decoded(request, name.as_str()).map(|text| (attribute.to_string(), text)))
    });
    attributes.collect()
}

fn decoded(request: &Request, name: &str) -> Result<String, Problem> {
    let text = header(request, name)?.unwrap_or_default();
    let text = unquoted(text);
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| Problem::invalid(name, "expected percent-encoded UTF-8"))
}

/// A quoted string of RFC 7230, section 3.2.6, or the text as it is.
fn unquoted(text: &str) -> String {
    let quoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let Some(quoted) = quoted else {
        return text.to_string();
    };
    let mut chars = quoted.chars();
    let next = || match chars.next() {
        Some('\\') => chars.next(),
        next => next,
    };
    std::iter::from_fn(next).collect()
}
