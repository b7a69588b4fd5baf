//! Finds the route of a request, as API Gateway's HTTP APIs do: the most specific route wins, greedy ones come last.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use crate::template::Route;

/// The routes of the HTTP API.
#[derive(Debug)]
pub(crate) struct Routes {
    // Most specific first.
    all: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    route: Route,
    segments: Vec<PathSegment>,
}

// The order is that of precedence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathSegment {
    Static(String),
    Variable(String),
    Greedy(String),
}

/// The result of a search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match<'a> {
    /// A route, with the decoded variables of its path.
    Found(&'a Route, BTreeMap<String, String>),
    /// Only routes with these other methods fit the path.
    OtherMethods(Vec<String>),
    /// No route fits the path.
    Nothing,
}

impl Routes {
    pub fn new(routes: &[Route]) -> Self {
        let mut all: Vec<Compiled> = routes
            .iter()
            .map(|route| Compiled {
                route: route.clone(),
                segments: split(&route.path).map(segment).collect(),
            })
            .collect();
        all.sort_by(precedence);
        Self { all }
    }

    /// Each route as `METHOD /path`, for people.
    pub fn names(&self) -> Vec<String> {
        self.all
            .iter()
            .map(|compiled| key(&compiled.route))
            .collect()
    }

    pub(super) fn find(&self, method: &str, path: &str) -> Match<'_> {
        let mut others = BTreeSet::new();
        for compiled in &self.all {
            let Some(parameters) = fit(&compiled.segments, path) else {
                continue;
            };
            if compiled.route.method == "ANY" || compiled.route.method.eq_ignore_ascii_case(method)
            {
                return Match::Found(&compiled.route, parameters);
            }
            others.insert(compiled.route.method.clone());
        }
        match others.is_empty() {
            true => Match::Nothing,
            false => Match::OtherMethods(others.into_iter().collect()),
        }
    }
}

/// A route's key, such as `GET /streams/{stream}`.
pub(super) fn key(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn segment(text: &str) -> PathSegment {
    match text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => PathSegment::Greedy(name.to_owned()),
            None => PathSegment::Variable(name.to_owned()),
        },
        None => PathSegment::Static(text.to_owned()),
    }
}

fn precedence(left: &Compiled, right: &Compiled) -> Ordering {
    let is_greedy =
        |compiled: &Compiled| matches!(compiled.segments.last(), Some(PathSegment::Greedy(_)));
    let is_any = |compiled: &Compiled| compiled.route.method == "ANY";
    is_greedy(left)
        .cmp(&is_greedy(right))
        .then_with(|| left.segments.cmp(&right.segments))
        .then_with(|| is_any(left).cmp(&is_any(right)))
}

fn fit(segments: &[PathSegment], path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let parts: Vec<&str> = split(path).collect();
    for (index, segment) in segments.iter().enumerate() {
        match segment {
            PathSegment::Static(text) if decode(parts.get(index)?) == *text => {}
            PathSegment::Static(_) => return None,
            PathSegment::Variable(name) => {
                let value = parts.get(index).filter(|part| !part.is_empty())?;
                parameters.insert(name.clone(), decode(value));
            }
            PathSegment::Greedy(name) => {
                let rest = parts.get(index..)?.join("/");
                if rest.is_empty() {
                    return None;
                }
                parameters.insert(name.clone(), decode(&rest));
                return Some(parameters);
            }
        }
    }
    (parts.len() == segments.len()).then_some(parameters)
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Authorization;

    fn routes() -> Routes {
        let route = |name: &str| {
            let (method, path) = name.split_once(' ').unwrap();
            Route {
                method: method.to_owned(),
                path: path.to_owned(),
                function: "F".to_owned(),
                authorization: Authorization::None,
                takes_any_body: true,
            }
        };
        let names = [
            "GET /projections/{name}/{key+}",
            "GET /projections/{name}/compare",
            "GET /projections/{name}",
            "GET /projections/special",
            "GET /projections",
            "POST /playbacks",
            "ANY /playbacks/{id}",
            "GET /playbacks/{id}",
            "GET /{anything+}",
        ];
        Routes::new(&names.map(route))
    }

    fn found(method: &str, path: &str) -> (String, Vec<(String, String)>) {
        match routes().find(method, path) {
            Match::Found(route, parameters) => (key(route), parameters.into_iter().collect()),
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        assert_eq!(found("GET", "/projections").0, "GET /projections");
        assert_eq!(
            found("GET", "/projections/special").0,
            "GET /projections/special"
        );
        assert_eq!(
            found("GET", "/projections/carts").0,
            "GET /projections/{name}"
        );
        assert_eq!(
            found("GET", "/projections/special/1").0,
            "GET /projections/{name}/{key+}"
        );
        assert_eq!(
            found("GET", "/projections/special/compare").0,
            "GET /projections/{name}/compare"
        );
        assert_eq!(
            found("GET", "/projections/special/compare/1").0,
            "GET /projections/{name}/{key+}"
        );
        assert_eq!(found("GET", "/playbacks/1").0, "GET /playbacks/{id}");
        assert_eq!(found("PUT", "/playbacks/1").0, "ANY /playbacks/{id}");
        assert_eq!(found("GET", "/playbacks").0, "GET /{anything+}");
    }

    #[test]
    fn variables_are_decoded_and_greedy_ones_take_the_rest() {
        let (_, parameters) = found("GET", "/projections/user%20log/a%2Fb/c");
        assert_eq!(parameters, pairs(&[("key", "a/b/c"), ("name", "user log")]));
    }

    #[test]
    fn a_variable_is_never_empty() {
        assert_eq!(found("GET", "/projections/").0, "GET /{anything+}");
        assert_eq!(routes().find("GET", "/"), Match::Nothing);
    }

    #[test]
    fn a_known_path_with_another_method_names_the_methods_that_fit() {
        assert_eq!(
            routes().find("DELETE", "/playbacks"),
            Match::OtherMethods(vec!["GET".into(), "POST".into()])
        );
    }
}
