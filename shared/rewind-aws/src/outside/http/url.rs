//! Where a request goes: a path behind a gateway's URL, and nowhere else.

use crate::outside::hosts::is_loopback;
use reqwest::Url;

/// The longest path, with its query: so much each server should take. Source: RFC
/// 9110, section 4.1.
const MAX_PATH: usize = 8_000;

/// Reads the URL of a gateway.
///
/// # Errors
///
/// When it is none, would send secrets in plain text over a network, or has parts
/// that a request brings.
pub(super) fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(host) => {}
        _ => return Err("expected https; http is for this machine alone".into()),
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err("expected no user, no query and no fragment".into());
    }
    Ok(url)
}

/// The URL of a path behind a gateway's.
///
/// # Errors
///
/// When the path is none, or would leave the gateway's.
pub(super) fn behind(base: &Url, path: &str) -> Result<Url, String> {
    if !path.starts_with('/') {
        return Err("the path does not begin with /".into());
    }
    if path.len() > MAX_PATH {
        return Err(format!("the path is longer than {MAX_PATH} bytes"));
    }
    // The parser would drop control characters, and turn `\` into `/`.
    let is_strange = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || c == '#';
    if path.contains(is_strange) {
        return Err("the path has a space, a control character, \\ or #".into());
    }
    let segments = path.split('?').next().unwrap_or(path).split('/');
    for segment in segments {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        if segment == "." || segment == ".." {
            return Err("the path has a segment of dots".into());
        }
    }
    let before = base.as_str().trim_end_matches('/');
    let url = Url::parse(&format!("{before}{path}")).map_err(|error| error.to_string())?;
    let is_behind = url.path().starts_with(base.path().trim_end_matches('/'));
    if url.origin() != base.origin() || !is_behind {
        return Err("the path leaves the gateway's URL".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_behind_the_url_of_its_gateway() {
        let under = base("https://api.pay.example/v1/").unwrap();
        let bare = base("https://api.pay.example").unwrap();
        for (base, path, expected) in [
            (
                &under,
                "/a/b?c=d/../e",
                "https://api.pay.example/v1/a/b?c=d/../e",
            ),
            (
                &under,
                "//evil.example/",
                "https://api.pay.example/v1//evil.example/",
            ),
            (
                &bare,
                "//evil.example/",
                "https://api.pay.example//evil.example/",
            ),
            (
                &bare,
                "/@evil.example",
                "https://api.pay.example/@evil.example",
            ),
            (&bare, "/ü", "https://api.pay.example/%C3%BC"),
        ] {
            assert_eq!(behind(base, path).unwrap().as_str(), expected);
        }
        for path in [
            "",
            "a",
            "@evil.example/",
            ".evil.example/",
            ":1/",
            "/../admin",
            "/a/%2E%2e/b",
            "/./a",
            "/a\\..\\b",
            "/a b",
            "/a\r\nhost: b",
            "/a#b",
            "/\t",
            "/..?a",
        ] {
            assert!(behind(&under, path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn the_url_of_a_gateway_is_https_or_on_this_machine() {
        for good in [
            "https://a.example",
            "http://127.0.0.1:1/x",
            "http://[::1]",
            "http://localhost",
        ] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "ftp://a.example",
            "a.example",
            "https://u@a.example",
            "https://a.example?b",
            "https://u:p@a.example",
            "https://a.example/#b",
            "",
            "https://",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
