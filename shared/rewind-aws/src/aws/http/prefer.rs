//! The header `Prefer` (RFC 7240).

use super::{
    problems::bad_parameter,
    request::{Request, header_text},
};
use rewind::Problem;

/// The longest time that an answer may be waited for, in seconds: HTTP APIs end
/// a request after 30.
pub const MAX_WAIT: u64 = 20;

/// What the header `Prefer` (RFC 7240) wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefers {
    /// That the command is only taken, and decided later.
    pub respond_async: bool,
    /// How many seconds the answer may take.
    pub wait: Option<u64>,
}

/// What a request prefers. What is not known is passed over, as RFC 7240 has it.
pub fn prefers(request: &Request) -> Result<Prefers, Problem> {
    let mut prefers = Prefers::default();
    let text = header_text(request, "prefer")?.unwrap_or_default();
    for preference in text.split(',') {
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "respond-async" => prefers.respond_async = true,
            "wait" => {
                let value = value.trim().trim_matches('"');
                let wrong = || {
                    let why = "expected whole seconds, such as wait=10";
                    bad_parameter("prefer", why)
                };
                let seconds: u64 = value.parse().map_err(|_| wrong())?;
                prefers.wait = Some(seconds.min(MAX_WAIT));
            }
            _ => {}
        }
    }
    Ok(prefers)
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
    fn what_is_preferred_is_read_as_the_rfc_has_it() {
        let of = |text| prefers(&with(&[("prefer", text)])).unwrap();
        assert_eq!(prefers(&with(&[])).unwrap(), Prefers::default());
        assert!(of("respond-async").respond_async);
        assert!(of("foo; bar, Respond-Async ; x=1").respond_async);
        assert_eq!(of("respond-async, wait=5").wait, Some(5));
        assert_eq!(of("wait=\"7\"").wait, Some(7));
        assert_eq!(of("wait=100").wait, Some(MAX_WAIT));
        let wrong = prefers(&with(&[("prefer", "wait=soon")])).unwrap_err();
        assert_eq!(
            (wrong.status, wrong.field.as_deref()),
            (400, Some("prefer"))
        );
    }
}
