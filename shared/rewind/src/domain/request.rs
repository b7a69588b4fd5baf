//! What a gateway sends to the outside, and what it is answered.

use super::rejection::Rejection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands in the place of a secret where a request is recorded or shown.
pub const SECRET: &str = "***";

/// What a gateway sends. Where it goes (the host, the credentials, the sender of
/// mails) is the deployment's word, not the domain's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GatewayRequest")]
#[serde(tag = "over", rename_all = "kebab-case")]
pub enum Request {
    /// To an HTTP API, as JSON.
    Http(HttpRequest),
    /// A mail.
    Mail(Mail),
}

/// A request to an HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HttpRequest {
    /// Its method.
    pub method: Method,
    /// Behind the gateway's URL; begins with `/`, and may have a query.
    pub path: String,
    /// Headers beside those that the transport sets: credentials, media type,
    /// idempotency key and trace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent as JSON; nothing where it is `null`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// JSON pointers to the members of the body that are sent and neither
    /// recorded nor shown, such as `/card/number`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
}

/// The method of an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HttpMethod")]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A mail to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mail {
    /// To whom, at least one address.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// What the outside has answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GatewayAnswer")]
pub struct Answer {
    /// The status of HTTP, or the reply code of SMTP.
    pub status: u16,
    /// The body: JSON where it is JSON, otherwise its text; `null` without one.
    pub body: Value,
}

impl Answer {
    /// Whether it says that all is well: a status from 200 to 299.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl HttpRequest {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: BTreeMap::new(),
            body: Value::Null,
            secret: Vec::new(),
        }
    }

    /// With a body.
    ///
    /// # Errors
    ///
    /// When it has no JSON.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self, Rejection> {
        let body = serde_json::to_value(body);
        self.body = body.map_err(|error| Rejection::new(format!("the body: {error}")))?;
        Ok(self)
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// With a member of the body that is neither recorded nor shown, by its JSON
    /// pointer.
    #[must_use]
    pub fn secret(mut self, pointer: impl Into<String>) -> Self {
        self.secret.push(pointer.into());
        self
    }
}

impl Request {
    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::Http(HttpRequest::new(Method::Get, path))
    }

    /// A `POST` of JSON.
    ///
    /// # Errors
    ///
    /// When the body has none.
    pub fn post(path: impl Into<String>, body: &impl Serialize) -> Result<Self, Rejection> {
        let request = HttpRequest::new(Method::Post, path).json(body)?;
        Ok(Self::Http(request))
    }

    /// As it is recorded and shown: [`SECRET`] in the place of each secret.
    #[must_use]
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        if let Self::Http(request) = &mut shown {
            for pointer in &request.secret {
                if let Some(secret) = request.body.pointer_mut(pointer) {
                    *secret = Value::from(SECRET);
                }
            }
        }
        shown
    }

    /// To whom it goes, in short: the method and the path, or the addresses.
    pub fn target(&self) -> String {
        match self {
            Self::Http(request) => format!("{} {}", request.method.as_str(), request.path),
            Self::Mail(mail) => mail.to.join(", "),
        }
    }
}

impl From<HttpRequest> for Request {
    fn from(request: HttpRequest) -> Self {
        Self::Http(request)
    }
}

impl From<Mail> for Request {
    fn from(mail: Mail) -> Self {
        Self::Mail(mail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_sent_and_not_shown() {
        let body = json!({"card": {"number": "4242", "name": "Ann"}, "cents": 7});
        let request = HttpRequest::new(Method::Post, "/charges").json(&body);
        let request = Request::from(request.unwrap().secret("/card/number").secret("/none"));
        let Request::Http(shown) = request.shown() else {
            panic!("{request:?}")
        };
        let expected = json!({"card": {"number": "***", "name": "Ann"}, "cents": 7});
        assert_eq!(shown.body, expected);
        assert_eq!(request.target(), "POST /charges");
        assert_eq!(request.shown().shown(), request.shown());
    }
}
