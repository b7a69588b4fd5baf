//! Routes, each with all that it takes.

use super::{parameters::Parameters, request::Request};
use rewind::Problem;

/// A route of the HTTP API.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// As API Gateway names it, such as `GET /streams/{stream}`.
    pub key: &'static str,
    /// The parameters of the query string that it takes; any other is refused.
    pub takes: &'static [&'static str],
    /// What a conflict is about that names no field itself.
    pub about: &'static str,
}

impl Route {
    /// The route of a request, and the parameters that it brings.
    ///
    /// # Errors
    ///
    /// A problem when none of `routes` is meant, or a parameter of the query
    /// string is not taken, or stands twice.
    pub fn of<'r>(
        routes: &'r [Self],
        request: &Request,
    ) -> Result<(&'r Self, Parameters), Problem> {
        let key = request.route_key.as_deref().unwrap_or_default();
        let route = routes.iter().find(|route| route.key == key);
        let route =
            route.ok_or_else(|| Problem::not_found(format!("there is no route {key:?} here")))?;
        Ok((route, route.parameters(request)?))
    }

    /// The parameters of a request that is meant for this route.
    ///
    /// # Errors
    ///
    /// A problem when a parameter of the query string is not taken, or stands
    /// twice.
    pub fn parameters(&self, request: &Request) -> Result<Parameters, Problem> {
        Parameters::of(self.key, self.takes, request)
    }

    /// A refusal that names a field: what the route is about, where it names
    /// none itself.
    #[must_use]
    pub fn refusing(&self, mut problem: Problem) -> Problem {
        problem.field.get_or_insert_with(|| self.about.to_string());
        problem
    }
}
