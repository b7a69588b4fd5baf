//! An answer, and what is wrong with it.

use crate::request::Sent;
use serde_json::Value;
use std::fmt;

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An event that was answered with 202.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accepted {
    pub source: String,
    pub id: String,
    pub stream: String,
}

impl Answer {
    /// Reads an answer off a connection that ends behind it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_string()))
        });
        Some(Self {
            status,
            headers: headers.collect(),
            body: bytes[end + 4..].to_vec(),
        })
    }

    fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What an answer to this request must not be.
    pub fn fault(&self, sent: &Sent) -> Option<String> {
        if self.status >= 500 {
            return Some("a 5xx".into());
        }
        if self.status < 400 || sent.method == "HEAD" {
            return None;
        }
        if !self
            .header("content-type")
            .starts_with("application/problem+json")
        {
            return Some("a refusal that is no problem".into());
        }
        let Some(problem) = self.json() else {
            return Some("a problem that is no JSON".into());
        };
        if problem["status"] != self.status {
            return Some("a problem of another status".into());
        }
        if ["type", "title", "detail"]
            .iter()
            .any(|name| problem[*name].as_str().is_none_or(str::is_empty))
        {
            return Some("a problem without words".into());
        }
        let names_a_field = match &problem["field"] {
            Value::Null => false,
            Value::String(field) if !field.is_empty() => true,
            _ => return Some("a field that is no name".into()),
        };
        // What has no field has a limit, or is about the request as a whole.
        let detail = problem["detail"].as_str().unwrap_or_default();
        let names_a_limit = detail.contains(|c: char| c.is_ascii_digit());
        let is_of_the_whole = matches!(self.status, 403 | 404 | 405 | 408 | 409 | 410 | 415);
        let is_syntax = self.status == 400 && detail.contains("the body is");
        (!names_a_field && !names_a_limit && !is_of_the_whole && !is_syntax)
            .then(|| "a problem that names no field and no limit".into())
    }

    /// The events that it says are accepted.
    pub fn accepted(&self) -> Vec<Accepted> {
        let Some(body) = self.json() else {
            return Vec::new();
        };
        let one = (self.status == 202).then(|| accepted(&body)).flatten();
        let many = body["results"].as_array().into_iter().flatten();
        let many = many
            .filter(|item| item["status"] == 202)
            .filter_map(accepted);
        one.into_iter().chain(many).collect()
    }
}

fn accepted(told: &Value) -> Option<Accepted> {
    let text = |name: &str| told[name].as_str().map(ToString::to_string);
    Some(Accepted {
        source: text("source")?,
        id: text("id")?,
        stream: text("stream")?,
    })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body)
            .chars()
            .take(300)
            .collect();
        write!(f, "{} {body}", self.status)
    }
}
