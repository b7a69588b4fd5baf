//! What the functions `query` and `ingest` do, done here: their handlers run in
//! this process, with the deployment's own tables and streams. So a verb answers
//! as the HTTP API does, wherever the deployment is, and needs neither its URL
//! nor a signature.

use super::opened::Deployment;
use crate::end::End;
use rewind::Problem;
use rewind_aws::aws::http::{Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A question to the HTTP API.
#[derive(Clone)]
pub struct Question {
    request: Request,
    /// The parameters that options of the verb give.
    options: Vec<String>,
}

impl Question {
    /// A question to a route, such as `GET /streams/{stream}`.
    pub fn to(route: &str) -> Self {
        let mut request = Request::default();
        request.route_key = Some(route.to_string());
        Self {
            request,
            options: Vec::new(),
        }
    }

    /// With a part of the path.
    pub fn path(mut self, name: &str, value: &str) -> Self {
        let parameters = &mut self.request.path_parameters;
        parameters.insert(name.to_string(), value.to_string());
        self
    }

    /// With a parameter of the query string.
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        let query = self.request.raw_query_string.get_or_insert_default();
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        let value = value.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        });
        query.extend(value);
        self
    }

    /// With a parameter of the query string, if an option gives it. A problem of
    /// it then names the option.
    pub fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        let Some(value) = value else {
            return self;
        };
        self.options.push(name.to_string());
        self.parameter(name, &value.to_string())
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        // A value that no header can have is left out.
        if let Ok(value) = value.parse() {
            self.request.headers.insert(name, value);
        }
        self
    }

    /// With a body of this media type.
    pub fn body(mut self, media: &str, body: String) -> Self {
        self.request.body = Some(body);
        self.header("content-type", media)
    }

    /// The end with the option in the place of the parameter.
    fn of_options(&self, end: End) -> End {
        match end {
            End::Problem(mut problem) => {
                if let Some(field) = &mut problem.field
                    && self.options.contains(field)
                {
                    *field = format!("--{}", field.replace('_', "-"));
                }
                End::Problem(problem)
            }
            end => end,
        }
    }
}

impl Deployment {
    /// Asks `query`, and returns the text of its answer.
    ///
    /// # Errors
    ///
    /// The problem that it answers with.
    pub async fn ask(&self, question: &Question) -> Result<String, End> {
        let (service, events) = (self.service.clone(), self.events.clone());
        let (store, incoming) = (self.store.clone(), self.incoming.clone());
        let query = ::query::Handler::new(service, events, store, incoming);
        text(query.handle(&question.request).await).map_err(|end| question.of_options(end))
    }

    /// As [`ask`](Self::ask), and reads the answer.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn asked<T: DeserializeOwned>(&self, question: &Question) -> Result<T, End> {
        read(&self.ask(question).await?)
    }

    /// Asks `ingest` to take events.
    ///
    /// # Errors
    ///
    /// The problem that it answers with.
    pub async fn ingest<T: DeserializeOwned>(&self, question: &Question) -> Result<T, End> {
        let ingest = ::ingest::Handler::new(self.service.clone(), self.incoming.clone());
        read(&text(ingest.handle(&question.request).await)?)
    }
}

/// The text of an answer, or its problem.
fn text(response: Response) -> Result<String, End> {
    let body = response.body.as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(body).into_owned();
    match response.status_code {
        200..300 => Ok(text),
        status => Err(problem(status as u16, &text).into()),
    }
}

fn problem(status: u16, text: &str) -> Problem {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| said[name].as_str().map(ToString::to_string);
    let mut problem = Problem::new(status, "refused", word("detail").unwrap_or_default());
    problem.problem_type = word("type").unwrap_or(problem.problem_type);
    problem.title = word("title").unwrap_or(problem.title);
    problem.field = word("field");
    problem
}

/// Reads an answer. One that cannot be read is of another version of this
/// program.
///
/// # Errors
///
/// When it cannot be read.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, End> {
    serde_json::from_str(text).map_err(|error| End::Failed(format!("a strange answer: {error}")))
}
