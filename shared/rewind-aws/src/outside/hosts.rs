//! The hosts that may be called.

use std::net::IpAddr;

/// Hosts that may be called, from a list such as `api.pay.example,smtp.example:587`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hosts(Vec<(String, Option<u16>)>);

impl Hosts {
    /// Reads a list with commas. A host without a port may be called at any.
    ///
    /// # Errors
    ///
    /// When something in it is no host: which, and why.
    pub fn read(list: &str) -> Result<Self, String> {
        let hosts = list.split(',').map(str::trim);
        let hosts = hosts.filter(|host| !host.is_empty()).map(host_and_port);
        Ok(Self(hosts.collect::<Result<_, _>>()?))
    }

    /// Whether this host may be called at this port.
    pub fn allow(&self, host: &str, port: u16) -> bool {
        let host = plain(host);
        let is_it = |(name, at): &(String, Option<u16>)| {
            *name == host && at.is_none_or(|listed| listed == port)
        };
        self.0.iter().any(is_it)
    }
}

/// Whether a host is this machine, which no network lies in between of.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = plain(host);
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A host as it is compared: small letters, an IPv6 address without brackets.
fn plain(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    inner.unwrap_or(host).to_ascii_lowercase()
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match text.rsplit_once(':') {
        // `[::1]:8080`, but neither `[::1]` nor `::1`.
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    };
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(is_known) {
        let why = "expected hosts such as api.pay.example or smtp.example:587";
        return Err(format!("{text:?} is no host; {why}"));
    }
    let port = port.map(str::parse).transpose();
    let port = port.map_err(|_| format!("{text:?} has no port behind its colon"))?;
    Ok((plain(host), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_on_the_list_or_not() {
        let list = "API.pay.example, smtp.example:587,,[::1]:8080,127.0.0.1";
        let hosts = Hosts::read(list).unwrap();
        for (host, port, expected) in [
            ("api.pay.example", 443, true),
            ("api.pay.example", 8443, true),
            ("evil.api.pay.example", 443, false),
            ("pay.example", 443, false),
            ("smtp.example", 587, true),
            ("smtp.example", 25, false),
            ("[::1]", 8080, true),
            ("::1", 80, false),
            ("127.0.0.1", 1, true),
        ] {
            assert_eq!(hosts.allow(host, port), expected, "{host}:{port}");
        }
        assert!(!Hosts::read("").unwrap().allow("api.pay.example", 443));
        for wrong in ["https://a.example", "a.example:", "a b", "*", "a:70000"] {
            assert!(Hosts::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        for host in ["localhost", "127.0.0.1", "[::1]", "::1", "LOCALHOST"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "128.0.0.1", "127.0.0.1.example", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
