//! What a request says: the command in its body, and what its headers want.

use rewind::{
    Problem, StreamName, Timestamp,
    command::{Command, MAX_COMMAND_DATA, MAX_COMMAND_ID},
    event::raw,
};
use rewind_aws::{
    api::microservice::Body,
    aws::{
        clock,
        http::{self, Request},
    },
};

const EXAMPLE: &str = r#"{"type": "add-product", "data": {"product_id": "7"}}"#;

/// The header by which a command is the same for ever.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The stream that a path names.
pub fn stream(category: &str, id: &str) -> Result<StreamName, Problem> {
    StreamName::of(category, id)
        .map_err(|bad| Problem::invalid("id", format!("the stream's name {bad}")))
}

/// The command of a request to a stream.
pub fn command(request: &Request, stream: StreamName, at: Timestamp) -> Result<Command, Problem> {
    let body: Body = http::read(&http::json_body(request)?, EXAMPLE)?;
    let header = http::header_text(request, IDEMPOTENCY_KEY)?;
    let key = match (header, &body.id) {
        (Some(header), Some(id)) if header != id => {
            let why = "the header Idempotency-Key names another one; one of them is enough";
            return Err(Problem::invalid("id", why));
        }
        (Some(header), _) => Some(checked(header, IDEMPOTENCY_KEY)?),
        (None, Some(id)) => Some(checked(id, "id")?),
        (None, None) => None,
    };
    let data = raw(&body.data);
    let size = data.get().len();
    if size > MAX_COMMAND_DATA {
        let why = format!("the data has {size} bytes; at most {MAX_COMMAND_DATA} are taken");
        return Err(Problem::new(413, "command-too-large", why).of("data"));
    }
    Ok(Command {
        is_keyed: key.is_some(),
        id: key.map_or_else(clock::id, ToString::to_string),
        stream,
        command_type: body.command_type,
        data,
        at,
        expected: expected(request)?,
        correlation: None,
        causation: None,
        depth: 0,
        is_imported: false,
    })
}

/// A key that can be the name of a stream and part of an id.
pub fn checked<'a>(key: &'a str, field: &str) -> Result<&'a str, Problem> {
    let is_right = (1..=MAX_COMMAND_ID).contains(&key.len())
        && key.chars().all(|c| c.is_ascii_graphic() && c != ',');
    match is_right {
        true => Ok(key),
        false => Err(Problem::invalid(
            field,
            format!("expected 1 to {MAX_COMMAND_ID} visible characters of ASCII, no comma"),
        )),
    }
}

/// The version that `If-Match` expects, such as `"7"`; 0 for a stream that has
/// no events.
fn expected(request: &Request) -> Result<Option<u64>, Problem> {
    let Some(text) = http::header_text(request, "if-match")? else {
        return Ok(None);
    };
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let version = quoted.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let version = version.and_then(|text| text.parse().ok());
    let why = r#"expected one version in quotes, such as "7""#;
    let wrong = || http::bad_parameter("if-match", why);
    version.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue};

    fn with(headers: &[(&'static str, &'static str)]) -> Request {
        let mut request = Request::default();
        request.headers = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            request.headers.insert(HeaderName::from_static(name), value);
        }
        request
    }

    #[test]
    fn an_expected_version_is_one_number_in_quotes() {
        let of = |text| expected(&with(&[("if-match", text)]));
        assert_eq!(of("\"7\""), Ok(Some(7)));
        assert_eq!(of("\"0\""), Ok(Some(0)));
        for wrong in [
            "7",
            "*",
            "\"\"",
            "\"7\", \"8\"",
            "W/\"7\"",
            "\"-1\"",
            "\"+1\"",
        ] {
            let problem = of(wrong).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some("if-match"), "{wrong}");
        }
        assert_eq!(expected(&with(&[])), Ok(None));
    }

    #[test]
    fn a_key_is_visible_and_no_list() {
        assert_eq!(checked("order-7/a", "id"), Ok("order-7/a"));
        for wrong in ["", "a b", "a,b", "ä", &"x".repeat(257)] {
            assert!(checked(wrong, "id").is_err(), "{wrong}");
        }
    }
}
