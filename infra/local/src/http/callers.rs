//! Decides who may call an endpoint on loopback: callers that name it by a loopback name, and no page of another site.
//!
//! A web page can send to `127.0.0.1` from the browser that shows it. It cannot hide where it comes from: a browser adds
//! `Origin` to each request that a page sends to another origin. The exceptions are the GET of a link or a picture, and
//! for those it sends `Sec-Fetch-Site`. A page whose name is made to resolve to `127.0.0.1` (DNS rebinding) still sends
//! that name as `Host`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};

use super::Problem;
use crate::error::StartError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Who may call.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    allowed: Arc<[Authority]>,
}

impl Callers {
    /// Callers that name loopback, or one of the allowed hosts: `host`, on any port, or `host:port`.
    pub fn new(allowed: &[String]) -> Result<Self, StartError> {
        let allowed = allowed.iter().map(|host| {
            host.parse::<Authority>()
                .ok()
                .filter(|authority| !authority.as_str().contains('@'))
                .ok_or_else(|| StartError::AllowedHost {
                    given: host.clone(),
                })
        });
        Ok(Self {
            allowed: allowed.collect::<Result<_, _>>()?,
        })
    }

    /// Refuses a request that does not name this endpoint, or comes from a page of another site.
    pub fn check(&self, head: &Parts, port: u16) -> Result<(), Problem> {
        self.check_host(head, port)?;
        let origins = head.headers.get_all(header::ORIGIN);
        for origin in origins
            .iter()
            .map(|origin| origin.to_str().unwrap_or_default())
        {
            if !self.is_own_origin(origin, port) {
                return Err(forbidden(
                    header::ORIGIN.as_str(),
                    format!(
                        "A page of another origin cannot call this endpoint. {}",
                        hint(port)
                    ),
                ));
            }
        }
        let says = |name, value: &str| has(&head.headers, &name, value);
        // Without an Origin, only a followed link is harmless: it changes nothing, and the page with the link cannot read
        // the answer.
        let is_link = matches!(head.method, Method::GET | Method::HEAD)
            && says(SEC_FETCH_MODE, "navigate")
            && says(SEC_FETCH_DEST, "document");
        if says(SEC_FETCH_SITE, "cross-site")
            && !head.headers.contains_key(header::ORIGIN)
            && !is_link
        {
            return Err(forbidden(
                "sec-fetch-site",
                "A page of another site cannot call this endpoint.".to_owned(),
            ));
        }
        Ok(())
    }

    fn check_host(&self, head: &Parts, port: u16) -> Result<(), Problem> {
        let mut hosts = head.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Problem::malformed(
                "host",
                "Exactly one Host header was expected, with the name of this endpoint.",
            ));
        };
        let host = host.to_str().ok().and_then(|host| host.parse().ok());
        // A URL in the request line counts too. The one of CONNECT names another server.
        let in_line = head
            .uri
            .authority()
            .filter(|_| head.method != Method::CONNECT);
        let is_own = |named: &Authority| self.is_own(named, port);
        if host.as_ref().is_some_and(is_own) && in_line.is_none_or(is_own) {
            return Ok(());
        }
        Err(forbidden(
            header::HOST.as_str(),
            format!(
                "The Host header does not name this endpoint. {}",
                hint(port)
            ),
        ))
    }

    fn is_own_origin(&self, origin: &str, port: u16) -> bool {
        let (scheme, authority) = origin.split_once("://").unwrap_or_default();
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        match scheme {
            "http" => self.is_own(&authority, port),
            // A proxy with an allowed name may use TLS.
            "https" => self.is_allowed(&authority, 443),
            _ => false,
        }
    }

    fn is_own(&self, named: &Authority, port: u16) -> bool {
        let is_loopback = named.host().eq_ignore_ascii_case("localhost")
            || address(named).is_some_and(|address| address.is_loopback());
        (is_loopback && named.port_u16().unwrap_or(80) == port && !named.as_str().contains('@'))
            || self.is_allowed(named, 80)
    }

    fn is_allowed(&self, named: &Authority, default: u16) -> bool {
        let port = named.port_u16().unwrap_or(default);
        self.allowed.iter().any(|allowed| {
            allowed.host().eq_ignore_ascii_case(named.host())
                && allowed.port_u16().is_none_or(|allowed| allowed == port)
                && !named.as_str().contains('@')
        })
    }
}

fn address(named: &Authority) -> Option<IpAddr> {
    let host = named.host();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

fn has(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .any(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
}

fn forbidden(field: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "Foreign caller", detail).of_field(field)
}

fn hint(port: u16) -> String {
    format!(
        "It is 127.0.0.1:{port}, localhost:{port} or [::1]:{port}; further names can be allowed when the system starts."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn status(allowed: &[&str], uri: &str, headers: &[(&str, &str)]) -> u16 {
        let allowed: Vec<String> = allowed.iter().map(|&host| host.to_owned()).collect();
        let (method, uri) = uri.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        match Callers::new(&allowed).unwrap().check(&head, 8080) {
            Ok(()) => 200,
            Err(problem) => problem.into_response("/").status().as_u16(),
        }
    }

    #[test]
    fn only_names_of_loopback_with_the_port_are_hosts() {
        for (host, expected) in [
            ("127.0.0.1:8080", 200),
            ("127.8.9.1:8080", 200),
            ("LocalHost:8080", 200),
            ("[::1]:8080", 200),
            ("127.0.0.1", 403),
            ("127.0.0.1:8081", 403),
            ("evil.example:8080", 403),
            ("127.0.0.1.evil.example:8080", 403),
            ("localhost.evil.example:8080", 403),
            ("user@localhost:8080", 403),
            ("0.0.0.0:8080", 403),
            ("", 403),
        ] {
            assert_eq!(status(&[], "GET /", &[("host", host)]), expected, "{host}");
        }
        assert_eq!(status(&[], "GET /", &[]), 400);
        let two = [("host", "localhost:8080"), ("host", "localhost:8080")];
        assert_eq!(status(&[], "GET /", &two), 400);
        let whole = "GET http://evil.example:8080/";
        assert_eq!(status(&[], whole, &[("host", "localhost:8080")]), 403);
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        for (origin, expected) in [
            ("http://127.0.0.1:8080", 200),
            ("http://localhost:8080", 200),
            ("http://localhost:3000", 403),
            ("https://localhost:8080", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("chrome-extension://abc", 403),
            ("", 403),
        ] {
            let headers = [("host", "localhost:8080"), ("origin", origin)];
            assert_eq!(status(&[], "POST /", &headers), expected, "{origin}");
        }
    }

    #[test]
    fn requests_of_a_page_of_another_site_are_refused_and_a_link_is_followed() {
        let host = ("host", "localhost:8080");
        let cross = ("sec-fetch-site", "cross-site");
        let (navigate, document) = (
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        );
        assert_eq!(status(&[], "GET /", &[host, cross]), 403);
        assert_eq!(
            status(&[], "GET /", &[host, cross, navigate, document]),
            200
        );
        assert_eq!(
            status(&[], "POST /", &[host, cross, navigate, document]),
            403
        );
        let frame = ("sec-fetch-dest", "iframe");
        assert_eq!(status(&[], "GET /", &[host, cross, navigate, frame]), 403);
        for site in ["same-origin", "none"] {
            assert_eq!(
                status(&[], "POST /", &[host, ("sec-fetch-site", site)]),
                200
            );
        }
    }

    #[test]
    fn a_host_that_is_allowed_may_call_and_so_may_its_pages() {
        let allowed = ["dev.example", "localhost:3000"];
        for (host, origin, expected) in [
            ("dev.example", "https://dev.example", 200),
            ("dev.example:9", "http://dev.example:9", 200),
            ("localhost:8080", "http://localhost:3000", 200),
            ("localhost:3000", "http://localhost:3000", 200),
            ("localhost:3001", "http://localhost:3000", 403),
            ("a.dev.example", "https://dev.example", 403),
            ("dev.example", "https://evil.example", 403),
        ] {
            let headers = [
                ("host", host),
                ("origin", origin),
                ("sec-fetch-site", "cross-site"),
            ];
            assert_eq!(
                status(&allowed, "POST /", &headers),
                expected,
                "{host} {origin}"
            );
        }
        assert!(Callers::new(&["http://a".to_owned()]).is_err());
        assert!(Callers::new(&["a b".to_owned()]).is_err());
    }
}
