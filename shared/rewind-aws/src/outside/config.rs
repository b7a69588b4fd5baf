//! Where the requests of gateways go: what `GATEWAYS` and `OUTSIDE_HOSTS` say.

use super::hosts::Hosts;
use crate::{Error, aws::http::read};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// The variable that says where the requests of each gateway go.
pub(super) const GATEWAYS: &str = "GATEWAYS";

const EXAMPLE: &str = r#"{"payments": {"http": {"url": "https://api.pay.example/v1"}}}"#;

/// The longest time that a request may take, in seconds: microservice has a minute
/// for a batch, and begins calls in the first 25 seconds of it.
const MAX_TIMEOUT: u64 = 30;

/// Where the requests of each gateway go, and which hosts may be called.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub(super) gateways: BTreeMap<String, Gateway>,
    pub(super) hosts: Hosts,
}

/// The transports of a gateway, at least one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    pub http: Option<Http>,
    pub smtp: Option<Smtp>,
}

/// An HTTP API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    /// What the paths of requests go behind.
    pub url: String,
    /// The name of the secret.
    pub credentials: Option<String>,
    /// The header that carries it.
    #[serde(default = "authorization")]
    pub header: String,
    /// What stands before it.
    #[serde(default = "bearer")]
    pub prefix: String,
    #[serde(default = "idempotency_key")]
    pub idempotency_header: String,
    #[serde(default = "ten")]
    pub timeout_seconds: u64,
}

/// A mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Smtp {
    pub host: String,
    /// Where it is not said, the port of the kind of TLS.
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: Encryption,
    /// The sender of all mails.
    pub from: String,
    /// The name of the secret: JSON with `username` and `password`.
    pub credentials: Option<String>,
    #[serde(default = "twenty")]
    pub timeout_seconds: u64,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encryption {
    /// After a greeting in plain text. A server that does not offer it is not
    /// given anything.
    #[default]
    Starttls,
    /// From the first byte on.
    Tls,
    None,
}

impl Smtp {
    /// The port to connect to. Source: RFC 6409, RFC 8314 and RFC 5321.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Encryption::Starttls => 587,
            Encryption::Tls => 465,
            Encryption::None => 25,
        })
    }
}

impl Config {
    /// Reads what the variables `GATEWAYS` and `OUTSIDE_HOSTS` hold. Without
    /// anything in the first one there are no gateways.
    ///
    /// # Errors
    ///
    /// When it is not what is expected: the path of the member, and why.
    pub fn read(gateways: &str, hosts: &str) -> Result<Self, Error> {
        let hosts = Hosts::read(hosts).map_err(|why| Error::damaged("OUTSIDE_HOSTS", why))?;
        if gateways.trim().is_empty() {
            let gateways = BTreeMap::new();
            return Ok(Self { gateways, hosts });
        }
        let gateways: BTreeMap<String, Gateway> = read(gateways, EXAMPLE).map_err(|problem| {
            let field = problem.field.unwrap_or_default();
            Error::damaged(GATEWAYS, format!("{field}: {}", problem.detail))
        })?;
        for (name, gateway) in &gateways {
            if gateway.http.is_none() && gateway.smtp.is_none() {
                let why = format!("{name}: expected http or smtp");
                return Err(Error::damaged(GATEWAYS, why));
            }
        }
        Ok(Self { gateways, hosts })
    }
}

/// What is wrong with a member of the configuration.
#[derive(Debug)]
pub(super) struct Wrong {
    pub member: &'static str,
    pub why: String,
}

impl Wrong {
    pub fn new(member: &'static str, why: impl ToString) -> Self {
        let why = why.to_string();
        Self { member, why }
    }
}

/// How long a request may take in all.
///
/// # Errors
///
/// When that is no time at all, or too long.
pub(super) fn timeout(seconds: u64) -> Result<Duration, Wrong> {
    match seconds {
        1..=MAX_TIMEOUT => Ok(Duration::from_secs(seconds)),
        _ => {
            let why = format!("expected a whole number from 1 to {MAX_TIMEOUT}");
            Err(Wrong::new("timeout_seconds", why))
        }
    }
}

fn authorization() -> String {
    "authorization".into()
}

fn bearer() -> String {
    "Bearer ".into()
}

fn idempotency_key() -> String {
    "idempotency-key".into()
}

fn ten() -> u64 {
    10
}

fn twenty() -> u64 {
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(gateways: &str) -> String {
        Config::read(gateways, "").unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let text = r#"{"pay": {"http": {"url": "https://a.example"}},
            "mail": {"smtp": {"host": "smtp.example", "from": "a@b.example", "tls": "tls"}}}"#;
        let config = Config::read(text, "a.example").unwrap();
        let http = config.gateways["pay"].http.as_ref().unwrap();
        assert_eq!(
            (&*http.header, &*http.prefix, http.timeout_seconds),
            ("authorization", "Bearer ", 10)
        );
        assert_eq!(http.idempotency_header, "idempotency-key");
        let smtp = config.gateways["mail"].smtp.as_ref().unwrap();
        assert_eq!((smtp.port(), smtp.timeout_seconds), (465, 20));
        assert!(Config::read(" ", "").unwrap().gateways.is_empty());
    }

    #[test]
    fn a_member_that_is_none_is_named_by_its_path() {
        let colour = r#"{"pay": {"http": {"url": "https://a.example", "colour": "red"}}}"#;
        assert!(why(colour).contains("pay.http.colour"), "{}", why(colour));
        let missing = r#"{"pay": {"http": {}}}"#;
        assert!(why(missing).contains("pay.http.url"), "{}", why(missing));
        let tls = r#"{"m": {"smtp": {"host": "h", "from": "a@b", "tls": "ssl"}}}"#;
        assert!(why(tls).contains("m.smtp.tls"), "{}", why(tls));
        assert!(why(r#"{"pay": {}}"#).contains("pay: expected http or smtp"));
        assert!(why("{").starts_with("GATEWAYS is damaged"));
    }
}
