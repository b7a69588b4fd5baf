//! What a request says in its path and in its query string.

use super::{problems::bad_parameter, request::Request};
use percent_encoding::percent_decode_str;
use rewind::Problem;
use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
};

/// The parameters of a request: those of its path, and of its query string
/// those that its route takes, each once.
#[derive(Debug, Default)]
pub struct Parameters {
    path: HashMap<String, String>,
    query: BTreeMap<&'static str, String>,
}

impl Parameters {
    /// The parameters of a request to the route `key`, which takes those of the
    /// query string that are named in `takes`.
    pub(super) fn of(
        key: &str,
        takes: &'static [&'static str],
        request: &Request,
    ) -> Result<Self, Problem> {
        let mut query = BTreeMap::new();
        // The parsed parameters of the payload no longer tell `a=1&a=2` from
        // `a=1,2`.
        let raw = request.raw_query_string.as_deref().unwrap_or_default();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).unwrap_or_else(|| name.to_string());
            let known = takes.iter().find(|known| **known == name);
            let known = known.ok_or_else(|| unknown(key, takes, &name))?;
            let value =
                decoded(value).ok_or_else(|| bad_parameter(&name, "expected UTF-8, encoded"))?;
            if query.insert(*known, value).is_some() {
                return Err(bad_parameter(&name, "stands twice; expected it once"));
            }
        }
        let path = request.path_parameters.clone();
        Ok(Self { path, query })
    }

    /// A parameter of the path.
    pub fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A whole number of the query string, within bounds.
    ///
    /// # Errors
    ///
    /// A problem that names the parameter and the bounds.
    pub fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = whole(text).filter(|number| bounds.contains(number));
        let (from, to) = bounds.into_inner();
        let why = || format!("expected a whole number from {from} to {to}");
        Ok(Some(number.ok_or_else(|| bad_parameter(name, why()))?))
    }

    /// Whether a parameter of the query string says so: `true` or `false`, which
    /// it is where it is missing.
    ///
    /// # Errors
    ///
    /// A problem that names the parameter.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(bad_parameter(name, "expected true or false")),
        }
    }

    /// A whole number of the path, from 1 on.
    ///
    /// # Errors
    ///
    /// A problem that names the parameter.
    pub fn path_number(&self, name: &str) -> Result<u64, Problem> {
        let number = whole(self.path(name)).filter(|number| *number > 0);
        let why = || format!("expected a whole number from 1 to {}", u64::MAX);
        number.ok_or_else(|| Problem::invalid(name, why()))
    }
}

fn unknown(key: &str, takes: &[&str], name: &str) -> Problem {
    let takes = match takes {
        [] => "no parameters".to_string(),
        names => format!("only {}", names.join(", ")),
    };
    let field = if name.is_empty() { "query" } else { name };
    let why = format!("there is no such parameter: {key} takes {takes}");
    bad_parameter(field, why)
}

/// A whole number: digits, and nothing else.
fn whole(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// A part of a query string; `None` where it is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(raw: &str) -> Result<Parameters, Problem> {
        let mut request = Request::default();
        request.raw_query_string = Some(raw.to_string());
        Parameters::of("GET /rows", &["limit", "prefix"], &request)
    }

    fn refused(raw: &str) -> String {
        let problem = parameters(raw).unwrap_err();
        assert_eq!(problem.status, 400, "{raw}: {problem}");
        problem.field.unwrap()
    }

    #[test]
    fn what_a_route_takes_is_decoded() {
        let given = parameters("prefix=a%2Fb+c%C3%A4,d&&limit=5").unwrap();
        assert_eq!(given.text("prefix"), Some("a/b cä,d"));
        assert_eq!(given.number("limit", 1..=10), Ok(Some(5)));
        assert_eq!(parameters("").unwrap().number("limit", 1..=10), Ok(None));
        assert_eq!(parameters("prefix").unwrap().text("prefix"), Some(""));
    }

    #[test]
    fn what_it_does_not_take_is_named() {
        assert_eq!(refused("colour=1"), "colour");
        assert_eq!(refused("Limit=1"), "Limit");
        assert_eq!(refused("limit=1&limit=1"), "limit");
        assert_eq!(refused("%6Cimit=1&limit=2"), "limit");
        assert_eq!(refused("prefix=%FF"), "prefix");
        assert_eq!(refused("%FF=1"), "%FF");
        assert_eq!(refused("=1"), "query");
    }

    #[test]
    fn a_number_is_digits_within_bounds() {
        for wrong in [
            "",
            "0",
            "11",
            "-1",
            "%2B5",
            "+5",
            "1.0",
            "1e3",
            "0x1",
            "%D9%A1",
            "1,2",
            "99999999999999999999",
        ] {
            let given = parameters(&format!("limit={wrong}")).unwrap();
            let problem = given.number("limit", 1..=10).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some("limit"), "{wrong}");
        }
    }
}
