//! The headers of a request: what the transport sets, and what a domain may not.

use crate::outside::{secrets::Secret, sent::Sending};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST,
    HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE, USER_AGENT,
};
use std::collections::BTreeMap;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How servers know this client.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("rewind/", env!("CARGO_PKG_VERSION")));

/// Headers of the connection, of the body and of whoever pays: the deployment
/// and the transport set them.
const NOT_FOR_DOMAINS: [HeaderName; 13] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    USER_AGENT,
];

/// As many headers a request may bring, and so many bytes of them: servers refuse
/// more.
const MAX_HEADERS: usize = 64;
const MAX_BYTES: usize = 8 * 1024;

/// How a gateway authenticates and repeats itself.
#[derive(Debug)]
pub(super) struct Scheme {
    /// The header that carries the secret.
    pub credentials: HeaderName,
    /// What stands before the secret.
    pub prefix: String,
    /// The header that carries the idempotency key.
    pub idempotency: HeaderName,
}

impl Scheme {
    /// The header that carries a secret.
    ///
    /// # Errors
    ///
    /// When no header can carry it.
    pub fn authenticated(&self, secret: &Secret) -> Result<HeaderValue, String> {
        let value = HeaderValue::from_str(&format!("{}{}", self.prefix, secret.reveal()));
        let mut value = value.map_err(|_| "no header can carry it".to_string())?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The headers of a request but for its credentials. A domain may ask for
    /// another media type with `accept`.
    ///
    /// # Errors
    ///
    /// When a header of the domain is none, or is not the domain's to set: its
    /// name, and why.
    pub fn headers(
        &self,
        own: &BTreeMap<String, String>,
        sending: &Sending<'_>,
    ) -> Result<HeaderMap, String> {
        let bytes: usize = own
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if own.len() > MAX_HEADERS || bytes > MAX_BYTES {
            let why = format!("more than {MAX_HEADERS} headers, or {MAX_BYTES} bytes of them");
            return Err(why);
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, JSON);
        for (name, value) in own {
            let parsed = name.parse::<HeaderName>();
            let parsed = parsed.map_err(|_| format!("{name:?} is no name of a header"))?;
            if self.is_set_here(&parsed) {
                return Err(format!("the header {name} is not the domain's to set"));
            }
            let value = HeaderValue::from_str(value);
            let value = value.map_err(|_| format!("the header {name} has a value that is none"))?;
            headers.insert(parsed, value);
        }
        headers.insert(USER_AGENT, AGENT);
        let key = HeaderValue::from_str(sending.key);
        let key = key.map_err(|_| "no header can carry the idempotency key".to_string())?;
        headers.insert(self.idempotency.clone(), key);
        // A request without a trace is still a request.
        if let Ok(trace) = HeaderValue::from_str(sending.traceparent)
            && !trace.is_empty()
        {
            headers.insert(TRACEPARENT, trace);
        }
        Ok(headers)
    }

    fn is_set_here(&self, name: &HeaderName) -> bool {
        let own = [&self.credentials, &self.idempotency, &TRACEPARENT];
        own.contains(&name) || NOT_FOR_DOMAINS.contains(name)
    }
}

/// The media type of a body.
pub(super) fn of_json(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, JSON);
}
