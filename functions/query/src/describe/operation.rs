//! One operation of the document: a method on a path.

use super::parameters::{in_header, in_query, of_path};
use serde_json::{Map, Value, json};

/// The media type of JSON, and that of problems.
const JSON: &str = "application/json";
const PROBLEM: &str = rewind::problem::PROBLEM_JSON;

/// What is said of a route beside its parameters.
pub(super) struct Operation {
    /// The route, such as `GET /streams/{stream}`.
    pub(super) key: &'static str,
    about: &'static str,
    headers: &'static [&'static str],
    body: Option<Value>,
    answers: Map<String, Value>,
    more: Map<String, Value>,
}

impl Operation {
    pub(super) fn new(key: &'static str, about: &'static str) -> Self {
        Self {
            key,
            about,
            headers: &[],
            body: None,
            answers: Map::new(),
            more: Map::new(),
        }
    }

    /// With headers that the route reads.
    pub(super) fn reads(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    /// With a body of JSON.
    pub(super) fn takes(self, schema: Value) -> Self {
        self.takes_media(true, [(JSON, schema)])
    }

    /// With a body of JSON that may be left out.
    pub(super) fn may_take(self, schema: Value) -> Self {
        self.takes_media(false, [(JSON, schema)])
    }

    /// With a body of one of these media types.
    pub(super) fn takes_media<'a>(
        mut self,
        is_required: bool,
        media: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        let media = media
            .into_iter()
            .map(|(media, schema)| (media.to_string(), json!({"schema": schema})));
        let content: Map<String, Value> = media.collect();
        self.body = Some(json!({"required": is_required, "content": content}));
        self
    }

    /// With another member of OpenAPI's, such as `servers`.
    pub(super) fn with(mut self, member: &str, value: Value) -> Self {
        self.more.insert(member.into(), value);
        self
    }

    /// With what it answers.
    pub(super) fn answers(self, status: u16, about: &str, schema: Value) -> Self {
        self.answers_as(status, about, JSON, schema)
    }

    /// With problems of a shape that it answers.
    pub(super) fn refuses(mut self, statuses: &[u16], schema: &Value) -> Self {
        for status in statuses {
            let about = reason(*status);
            self = self.answers_as(*status, about, PROBLEM, schema.clone());
        }
        self
    }

    /// With what it answers in a media type, which may be one of several.
    pub(super) fn answers_as(
        mut self,
        status: u16,
        about: &str,
        media: &str,
        schema: Value,
    ) -> Self {
        let answer = self.answers.entry(status.to_string());
        let answer = answer.or_insert_with(|| json!({"description": about, "content": {}}));
        answer["content"][media] = json!({"schema": schema});
        self
    }

    /// The path as OpenAPI has it, the method, and what is said of them. `takes`
    /// are the parameters of the query string.
    pub(super) fn described(self, takes: &[&str]) -> (String, String, Value) {
        let (method, path) = self.key.split_once(' ').unwrap_or(("GET", self.key));
        let in_query = takes.iter().map(|name| in_query(self.key, name));
        let in_headers = self.headers.iter().map(|name| in_header(name));
        let parameters: Vec<Value> = of_path(path)
            .into_iter()
            .chain(in_query)
            .chain(in_headers)
            .collect();
        let mut answers = self.answers;
        let gateway = "What API Gateway itself answers: 401 or 403 to a caller that it does not know, 429 and 503 where there are too many.";
        answers.insert("default".into(), json!({"description": gateway}));
        let mut operation = json!({
            "operationId": id(method, path),
            "summary": self.about,
            "parameters": parameters,
            "responses": answers,
        });
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        for (member, value) in self.more {
            operation[member] = value;
        }
        (
            path.replace('+', ""),
            method.to_ascii_lowercase(),
            operation,
        )
    }
}

/// A name of an operation: `GET /streams/{stream}` is `getStreamsByStream`.
fn id(method: &str, path: &str) -> String {
    let mut id = method.to_ascii_lowercase();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let name = part.trim_matches(|c| matches!(c, '{' | '}' | '+'));
        if part.starts_with('{') {
            id.push_str("By");
        }
        for word in name.split('.') {
            let mut chars = word.chars();
            id.extend(chars.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(chars.as_str());
        }
    }
    id
}

/// When a problem of a status is answered.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "The request is not readable, or a parameter does not fit.",
        404 => "What was asked for is not there.",
        409 => "It is not possible now.",
        410 => "The cursor is of a generation that serves no more.",
        412 => "The stream has another version.",
        413 => "It is too large.",
        415 => "The media type is not taken.",
        422 => "A field does not fit, or the domain refuses.",
        500 => "What is stored cannot be read: trying again does not help.",
        _ => "A service did not do its part: nothing is lost by trying again.",
    }
}
