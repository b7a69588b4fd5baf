//! Reads a route of the HTTP API.

use super::properties::Properties;
use super::{Route, TemplateError};

pub(super) fn read(
    function: &str,
    properties: &Properties<'_, '_>,
) -> Result<Route, TemplateError> {
    let path = properties.required("Path")?;
    check(&path).map_err(|reason| properties.wrong("Path", reason))?;
    Ok(Route {
        method: properties
            .string("Method")?
            .unwrap_or_else(|| "ANY".to_owned())
            .to_ascii_uppercase(),
        path,
        function: function.to_owned(),
        authorizer: properties.map("Auth").string("Authorizer")?,
    })
}

fn check(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err("a path must begin with /");
    };
    let count = rest.split('/').count();
    for (index, segment) in rest.split('/').enumerate() {
        let is_variable = segment.starts_with('{') && segment.ends_with('}') && segment.len() > 2;
        if !is_variable && segment.contains(['{', '}']) {
            return Err("a variable must be a whole segment: {name}");
        }
        if is_variable && segment.ends_with("+}") && index + 1 < count {
            return Err("a greedy variable must be the last segment");
        }
    }
    Ok(())
}
